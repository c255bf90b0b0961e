package daemon

import (
	"bytes"
	"context"
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
