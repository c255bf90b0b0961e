// Package e2e tests the whole path on its real parts: NATS with JetStream, ClickHouse, the Dataverse emulator over HTTP,
// and the services' own Run functions, some of them in processes that are killed.
//
// A test makes a world, lets something happen to it, and asks the oracle whether the promises hold. All waiting times
// are a twentieth of production's; one test runs at the defaults.
package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
)

// TestMain serves as a child where the test binary was started as one: of chdb in clickhousetest, or of ours.
func TestMain(m *testing.M) {
	serveAsChild()
	inMemory()
	clickhousetest.Main(m)
}

// inMemory keeps temporary folders in memory where the machine has a place for that and nobody chose another. NATS syncs
// every write, and on a busy disk some writes take longer than a lease does at a twentieth of its time.
func inMemory() {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); os.Getenv("TMPDIR") != "" || err != nil || !info.IsDir() {
		return
	}
	if err := os.Setenv("TMPDIR", memory); err != nil {
		fail(err)
	}
}

// patience bounds every wait. It is never waited out unless something is wrong.
const patience = 90 * time.Second

// eventually waits until cond has nothing left to say. Its last word is why the test fails.
func eventually(t testing.TB, what string, cond func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		err := cond()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		case <-look.C:
		}
	}
}

// happens waits for an event that a hook tells of.
func happens(t testing.TB, what string, event <-chan struct{}) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-event:
	case <-deadline.C:
		t.Fatalf("%s: not within %s", what, patience)
	}
}

// must ends the test for a fault of the test's own making.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fail is how a child and a hook tell of what cannot be told to a test.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	os.Exit(1) //nolint:forbidigo // TestMain is this binary's main
}
