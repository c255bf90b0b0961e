package emulator

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTheLimits is section 5.1, with time of its own.
func TestTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &budget{limits: Limits{Requests: 100}.withDefaults()}
		for i := range 100 {
			if r := b.enter(time.Now()); r != nil {
				t.Fatalf("request %d: %v", i, r.failure)
			}
			b.leave(time.Now(), 0)
		}
		r := b.enter(time.Now())
		if r == nil || r.status != http.StatusTooManyRequests || r.code != "0x80072322" || r.message != "Number of requests exceeded the limit of 100 over time window of 300 seconds." {
			t.Fatalf("the 101st: %+v", r)
		}
		first := r.retryAfter
		if first < 299*time.Second || first > 301*time.Second {
			t.Errorf("Retry-After %v", first)
		}
		for range 10 {
			r = b.enter(time.Now())
		}
		if r == nil || r.retryAfter != first+10*time.Second {
			t.Errorf("sending on prolongs the block: %+v", r)
		}
		<-time.After(r.retryAfter + time.Second) // synctest's clock
		if r := b.enter(time.Now()); r != nil {
			t.Errorf("after Retry-After: %+v", r)
		}
	})
}

func TestTheExecutionTimeLimit(t *testing.T) { // 5.1
	synctest.Test(t, func(t *testing.T) {
		b := &budget{limits: Limits{}.withDefaults()}
		for range 4 {
			if r := b.enter(time.Now()); r != nil {
				t.Fatal(r.failure)
			}
			b.leave(time.Now(), 300*time.Second)
		}
		r := b.enter(time.Now())
		const want = "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 seconds. " +
			"Decrease number of concurrent requests or reduce the duration of requests and try again later."
		if r == nil || r.code != "0x80072321" || r.message != want {
			t.Fatalf("got %+v", r)
		}
		<-time.After(302 * time.Second) // synctest's clock
		if r := b.enter(time.Now()); r != nil {
			t.Errorf("after the window: %+v", r.failure)
		}
	})
}

func TestTheConcurrencyLimitClearsAtOnce(t *testing.T) { // 5.1
	b := &budget{limits: Limits{Concurrent: 2}.withDefaults()}
	now := time.Now()
	for range 2 {
		if r := b.enter(now); r != nil {
			t.Fatalf("within the limit: %+v", r.failure)
		}
	}
	if r := b.enter(now); r == nil || r.code != "0x80072326" || r.message != "Number of concurrent requests exceeded the limit of 2." {
		t.Fatalf("the third: %+v", r)
	}
	b.leave(now, 0)
	if r := b.enter(now); r != nil {
		t.Errorf("after one left: %+v", r.failure)
	}
}

func TestTheLimitsCanBeOff(t *testing.T) {
	b := &budget{limits: Limits{Off: true, Requests: 1, Concurrent: 1}.withDefaults()}
	for range 3 {
		if r := b.enter(time.Now()); r != nil {
			t.Fatal(r.failure)
		}
	}
}

func TestTheRateHeaders(t *testing.T) { // 5.2
	s := New(Config{Limits: Limits{Requests: 2}})
	h := serve(t, s, "GET", "WhoAmI", "").Header()
	if h.Get("x-ms-ratelimit-burst-remaining-xrm-requests") != "1" || h.Get("x-ms-ratelimit-time-remaining-xrm-requests") != "1,200.00" || h.Get("x-ms-dop-hint") != "5" {
		t.Errorf("got %v", h)
	}
	serve(t, s, "GET", "WhoAmI", "")
	w := serve(t, s, "PATCH", "accounts(accountnumber='A-1')", `{}`)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "limit of 2") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if s.Count("account") != 0 {
		t.Error("a throttled request was executed")
	}
}

func TestLatencyIsPerRequestAndPerOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: Latency{Request: time.Second, Operation: 10 * time.Millisecond}})
		before := time.Now()
		serve(t, s, "PATCH", "accounts(accountnumber='A-1')", `{}`)
		if took := time.Since(before); took != 1010*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if w := serve(t, s, "GET", "WhoAmI", ""); w.Header().Get("x-ms-ratelimit-time-remaining-xrm-requests") != "1,198.99" {
			t.Errorf("latency is charged to the execution time: %v", w.Header())
		}
	})
}
