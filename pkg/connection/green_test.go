package connection_test

import (
	"context"
	"testing"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

func TestAnEnvironmentThatIsWellPassesEveryStep(t *testing.T) {
	w := newWorld(t, emulator.Config{})
	r := w.run()
	if got := upset(r); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if r.Environment != "demo" || r.URL != w.input.Environment.URL {
		t.Errorf("%+v", r)
	}
	seen := map[string]connection.State{}
	for _, s := range r.Steps {
		seen[s.Name] = s.State
	}
	for _, name := range []string{
		"url", "tcp", "http", "challenge", "cloud", "tenant", "scope", "credential", "token", "whoami", "organization", "limits",
		"table", "key", "columns", "lookups", "privileges",
	} {
		if seen[name] != connection.Passed {
			t.Errorf("%s: %q", name, seen[name])
		}
	}
}

func TestATestEndsWithItsContextAndSaysSo(t *testing.T) {
	w := newWorld(t, emulator.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := connection.Test(ctx, w.input)
	if len(r.Steps) == 0 {
		t.Fatal("no steps")
	}
	late := 0
	for _, s := range r.Steps {
		switch s.State {
		case connection.Passed:
			t.Errorf("%+v", s)
		case connection.Failed:
			late++
		case connection.Warned, connection.Skipped:
		}
	}
	if late != 1 {
		t.Errorf("%d steps say that the time is up, want one: what was not looked at must not pass for fine\n%+v", late, r.Steps)
	}
}
