package writer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// idle is an application user whose lane has a permit, and waits for a chunk.
func idle(t *testing.T) (*applicationUser, *permit) {
	t.Helper()
	u := &applicationUser{
		governor: newGovernor(DefaultBudget(), 5*time.Minute, 8, Spend{}),
		breaker:  newBreaker("demo", 10*time.Second, time.Minute, func(string, string) {}),
	}
	p, err := u.permit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.stale() {
		t.Fatal("a permit is stale as soon as it is given")
	}
	return u, p
}

func TestAPermitFromBeforeAPauseIsNoRightToSendDuringIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, p := idle(t)
		u.governor.throttled("0x80072321", 40*time.Second)
		if !p.stale() {
			t.Error("the permit holds during the pause")
		}
		p.giveBack()
		began := time.Now()
		if _, err := u.permit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != 40*time.Second {
			t.Errorf("the next permit came after %s, want 40s", waited)
		}
	})
}

func TestAPermitFromBeforeTheBreakerOpenedIsNoRightToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, p := idle(t)
		for range 5 {
			other, err := u.permit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			other.passage.report(penstock.Unanswered)
		}
		if !p.stale() {
			t.Error("the permit holds though the breaker is open")
		}
	})
}
