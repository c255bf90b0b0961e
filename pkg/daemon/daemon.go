// Package daemon is the outside of a process: its log and its signals.
package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
)

// Env is what a process lends to the services in it.
type Env struct {
	Log *slog.Logger
}

// For is the environment of one service: what it logs carries its name.
func (e Env) For(service string) Env {
	return Env{Log: e.Log.With("service", service)}
}

// Log writes to w: coloured lines where a person reads, JSON elsewhere.
func Log(w io.Writer, level slog.Leveler, person bool) *slog.Logger {
	if person {
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// Terminal reports whether a person reads f.
func Terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// Interruptible ends the context at the first SIGINT or SIGTERM, so that work in hand is finished. The second signal
// ends the process as if nothing had been there to catch it.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Sleep waits, or returns why ctx ended.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Holder is how this process signs the leases that it takes: host and process id, for people who look for it.
func Holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// Outlive gives a context that goes on for grace after ctx has ended, for finishing what is in hand.
func Outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, cancel)
		context.AfterFunc(hard, func() { t.Stop() })
	})
	return hard, func() { stop(); cancel() }
}
