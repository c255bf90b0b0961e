// Package stacktest runs an all-in-one for the length of a test: every service, real NATS, real ClickHouse, the emulator.
package stacktest

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/services/penstock/stack"
)

// Up starts an all-in-one in front of an emulator and returns its addresses. It ends with the test, which fails if a
// service ends before, or if the emulator's client secret is in a log. The package's TestMain is [clickhousetest.Main].
func Up(t *testing.T, dataverse *emulator.Server, options ...func(*stack.Config)) stack.Addresses {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	where := make(chan stack.Addresses, 1)
	ended := make(chan error, 1)
	var log locked
	cfg := stack.Config{
		Dir: t.TempDir(), NATS: "127.0.0.1:0", Dataverse: "127.0.0.1:0", ClickHouse: clickhousetest.Start(t),
		Database: clickhousetest.Database(t), Timing: penstock.DefaultTiming().Divide(4), Emulator: dataverse,
	}
	for _, o := range options {
		o(&cfg)
	}
	go func() {
		ended <- stack.Run(ctx, daemon.Env{Log: daemon.Log(&log, slog.LevelWarn, false)}, cfg, func(ctx context.Context, at stack.Addresses) error {
			where <- at
			<-ctx.Done()
			return nil
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the all-in-one ended with %v", err)
		}
		if strings.Contains(log.String(), emulator.SandboxSecret+"\"") {
			t.Error("the client secret is in the log")
		}
		if t.Failed() {
			t.Logf("log of the services:\n%s", log.String())
		}
	})
	select {
	case at := <-where:
		return at
	case err := <-ended:
		ended <- err
		t.Fatalf("the all-in-one did not start: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the all-in-one did not start within two minutes")
	}
	return stack.Addresses{}
}

// locked is a log that several services write and a test reads.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
