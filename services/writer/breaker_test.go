package writer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestBreakerOpensProbesOnceAndWaitsLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var states []string
		b := newBreaker("demo", 10*time.Second, time.Minute, func(_, to string) { states = append(states, to) })
		fail := func() time.Duration {
			began := time.Now()
			entry, err := b.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			entry.report(penstock.Unanswered)
			return time.Since(began)
		}
		for range 5 {
			if waited := fail(); waited != 0 {
				t.Fatalf("waited %s before the breaker had a reason to open", waited)
			}
		}
		first, second := fail(), fail()
		if first < 9*time.Second || first > 12*time.Second {
			t.Errorf("first probe after %s, want about 10s", first)
		}
		if second < 18*time.Second || second > 24*time.Second {
			t.Errorf("second probe after %s, want about 20s", second)
		}
		entry, err := b.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		entry.report(penstock.RowFault)
		if got := states[len(states)-1]; got != "closed" {
			t.Errorf("state %q after an answer about a row, want closed", got)
		}
	})
}

func TestThrottlingIsNotSickness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker("demo", time.Second, time.Minute, func(_, to string) { t.Errorf("became %s", to) })
		for range 100 {
			entry, err := b.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			entry.report(penstock.Throttled)
		}
	})
}

func TestAPermitThatWasNotUsedIsNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := "closed"
		b := newBreaker("demo", time.Second, time.Minute, func(_, to string) { state = to })
		for range 5 {
			entry, err := b.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			entry.report(penstock.Unanswered)
		}
		for range 3 { // half-open: nothing to send, three times over
			entry, err := b.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			entry.unused()
			if state != "half-open" {
				t.Fatalf("the breaker became %s though nobody asked Dataverse", state)
			}
		}
		entry, err := b.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		entry.report(penstock.Fine)
		if state != "closed" {
			t.Errorf("the breaker is %s after a probe that went well", state)
		}
	})
}
