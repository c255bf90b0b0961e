package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutliveEndsGraceAfterItsParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, stop := context.WithCancel(t.Context())
		hard, cancel := Outlive(parent, time.Minute)
		defer cancel()
		stop()
		began := time.Now()
		<-hard.Done()
		if took := time.Since(began); took != time.Minute {
			t.Errorf("ended after %s, want 1m", took)
		}
	})
}

func TestOutliveIsReleasedByItsCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, stop := context.WithCancel(t.Context())
		hard, cancel := Outlive(parent, time.Hour)
		stop()
		cancel()
		<-hard.Done()
	})
}

func TestLogIsJSONForMachinesAndNamesTheService(t *testing.T) {
	var out bytes.Buffer
	Env{Log: Log(&out, slog.LevelInfo, false)}.For("writer").Log.Info("ready")
	if got := out.String(); !strings.Contains(got, `"service":"writer"`) || !strings.Contains(got, `"msg":"ready"`) {
		t.Errorf("logged %q", got)
	}
}

func TestPersistWaitsLongerForAFaultThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		failures := 0
		Persist(ctx, slog.New(slog.DiscardHandler), "the work", time.Second, func(context.Context) error {
			failures++
			return errors.New("away")
		})
		if failures < 15 || failures > 60 {
			t.Errorf("tried %d times in ten minutes", failures)
		}
	})
}

func TestPersistGoesOnAtOnceOnceAllIsWell(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	calls := 0
	Persist(ctx, slog.New(slog.DiscardHandler), "the work", time.Hour, func(context.Context) error {
		if calls++; calls == 1000 {
			stop()
		}
		return nil
	})
	if calls != 1000 {
		t.Errorf("called %d times, want 1000", calls)
	}
}
