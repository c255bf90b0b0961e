//go:build linux || darwin

package chdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ownGroup keeps a terminal's Ctrl-C from the process: its parent drains first, then stops it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// lock takes the file at path for this process, waiting up to patience for another that has it, and returns what gives
// it back. The kernel gives it back too when the process ends in whatever way.
func lock(ctx context.Context, path string, patience time.Duration) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // never locked
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("in use by another process (waited %s)", patience))
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond) // flock cannot be waited for with a deadline
	defer retry.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil // closing unlocks
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, fmt.Errorf("lock: %w", err)
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
