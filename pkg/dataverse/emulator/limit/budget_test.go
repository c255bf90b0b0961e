package limit_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/limit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheLimits is section 5.1, with time of its own.
func TestTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.NewBudget(limit.Limits{Requests: 100})
		for i := range 100 {
			if r := b.Enter(time.Now()); r != nil {
				t.Fatalf("request %d: %v", i, r)
			}
			b.Leave(time.Now(), 0)
		}
		r := b.Enter(time.Now())
		if r == nil || r.Cause != limit.Requests || r.Message != "Number of requests exceeded the limit of 100 over time window of 300 seconds." {
			t.Fatalf("the 101st: %+v", r)
		}
		first := r.RetryAfter
		if first < 299*time.Second || first > 301*time.Second {
			t.Errorf("Retry-After %v", first)
		}
		for range 10 {
			r = b.Enter(time.Now())
		}
		if r == nil || r.RetryAfter != first+10*time.Second {
			t.Errorf("sending on prolongs the block: %+v", r)
		}
		<-time.After(r.RetryAfter + time.Second) // synctest's clock
		if r := b.Enter(time.Now()); r != nil {
			t.Errorf("after Retry-After: %+v", r)
		}
	})
}

func TestTheExecutionTimeLimit(t *testing.T) { // 5.1
	synctest.Test(t, func(t *testing.T) {
		b := limit.NewBudget(limit.Limits{})
		for range 4 {
			if r := b.Enter(time.Now()); r != nil {
				t.Fatal(r)
			}
			b.Leave(time.Now(), 300*time.Second)
		}
		r := b.Enter(time.Now())
		const want = "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 seconds. " +
			"Decrease number of concurrent requests or reduce the duration of requests and try again later."
		if r == nil || r.Cause != limit.ExecutionTime || r.Message != want {
			t.Fatalf("got %+v", r)
		}
		<-time.After(302 * time.Second) // synctest's clock
		if r := b.Enter(time.Now()); r != nil {
			t.Errorf("after the window: %+v", r)
		}
	})
}

func TestTheConcurrencyLimitClearsAtOnce(t *testing.T) { // 5.1
	b := limit.NewBudget(limit.Limits{Concurrent: 2})
	now := time.Now()
	for range 2 {
		if r := b.Enter(now); r != nil {
			t.Fatalf("within the limit: %+v", r)
		}
	}
	if r := b.Enter(now); r == nil || r.Cause != limit.Concurrency || r.Message != "Number of concurrent requests exceeded the limit of 2." {
		t.Fatalf("the third: %+v", r)
	}
	b.Leave(now, 0)
	if r := b.Enter(now); r != nil {
		t.Errorf("after one left: %+v", r)
	}
}

func TestTheLimitsCanBeOff(t *testing.T) {
	b := limit.NewBudget(limit.Limits{Off: true, Requests: 1, Concurrent: 1})
	for range 3 {
		if r := b.Enter(time.Now()); r != nil {
			t.Fatal(r)
		}
	}
}

func TestARefusalIsInnerInTheConfiguredShare(t *testing.T) { // 3.5
	b := limit.NewBudget(limit.Limits{Requests: 1, Inner: 0.25})
	now, inner := time.Now(), 0
	for range 41 {
		if r := b.Enter(now); r != nil && r.Inner {
			inner++
		}
	}
	if inner != 10 {
		t.Errorf("%d of 40 refusals were inner", inner)
	}
}

func TestTheStateSaysWhatIsLeftAndWhatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.NewBudget(limit.Limits{Requests: 2, Window: 30 * time.Second})
		for range 3 {
			b.Enter(time.Now())
		}
		b.Leave(time.Now(), 200*time.Second)
		s := b.State(time.Now())
		if s.Requests != 0 || s.Execution != 1000*time.Second || s.InFlight != 1 || s.Refused != 1 || s.Blocked <= 0 || s.Cause != limit.Requests {
			t.Errorf("got %+v", s)
		}
		<-time.After(31 * time.Second) // synctest's clock
		if s := b.State(time.Now()); s.Requests != 2 || s.Execution != 1200*time.Second || s.Blocked != 0 {
			t.Errorf("a window later: %+v", s)
		}
		b.Reset()
		if s := b.State(time.Now()); s.Refused != 0 {
			t.Errorf("after a reset: %+v", s)
		}
	})
}

func TestServersTakeTurnsUnlessACookiePins(t *testing.T) { // 5.2
	s := limit.NewServers(3)
	for i := range 6 {
		if got := s.Route(""); got != i%3 {
			t.Errorf("request %d went to server %d", i, got)
		}
	}
	for range 3 {
		if got := s.Route(s.Cookie(1)); got != 1 {
			t.Errorf("pinned to server 1, answered by %d", got)
		}
	}
	if got := s.Route("somebody else's"); got != 0 {
		t.Errorf("an unknown cookie went to server %d, out of turn", got)
	}
}

func TestLimitsThatCannotBeAreRefusedAllAtOnce(t *testing.T) {
	err := limit.Limits{Requests: -1, Window: time.Nanosecond, Inner: 2}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
	if err := (limit.Limits{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}
