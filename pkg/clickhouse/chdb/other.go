//go:build !linux && !darwin

package chdb

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// libchdb exists for Linux and macOS alone; elsewhere this package compiles, and [Library] says what to do.

var errPlatform = errors.New("libchdb does not exist for this platform; set PENSTOCK_CLICKHOUSE to a server")

func ownGroup() *syscall.SysProcAttr { return nil }

func lock(context.Context, string, time.Duration) (func(), error) { return nil, errPlatform }

type engine struct{}

func openEngine(string, string) (*engine, error) { return nil, errPlatform }

func (*engine) close() {}

func (*engine) session() (*session, error) { return nil, errPlatform }

type session struct{}

func (*session) close() {}

func (*session) run(string, string, func([]byte) error) error { return errPlatform }

func (*session) exec(...string) error { return errPlatform }
