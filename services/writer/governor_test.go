package writer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// drive lets lanes of one governor send requests of the given duration for a while, and returns when each began.
func drive(t *testing.T, g *governor, lanes int, each, span time.Duration) []time.Time {
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	began := make(chan time.Time, 1<<20)
	done := make(chan struct{})
	for range lanes {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				booked, err := g.acquire(ctx)
				if err != nil {
					return
				}
				began <- time.Now()
				time.Sleep(each) //nolint:forbidigo // the fake clock of synctest: a request that takes its time
				g.settle(booked, each)
			}
		}()
	}
	for range lanes {
		<-done
	}
	close(began)
	var all []time.Time
	for at := range began {
		all = append(all, at)
	}
	return all
}

// most is the greatest number of events within any window.
func most(events []time.Time, window time.Duration) int {
	greatest, from := 0, 0
	for i, at := range events {
		for at.Sub(events[from]) >= window {
			from++
		}
		greatest = max(greatest, i-from+1)
	}
	return greatest
}

func TestRequestsStayInsideTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(Budget{Requests: 600, Execution: time.Hour, Concurrency: 52}, time.Minute, 8, Spend{})
		began := drive(t, g, 8, 10*time.Millisecond, 10*time.Minute)
		if got := most(began, time.Minute); got > 600 {
			t.Errorf("%d requests within a window, 600 allowed", got)
		}
		if len(began) < 5000 {
			t.Errorf("%d requests in ten windows of 600: the budget lies idle", len(began))
		}
	})
}

func TestExecutionTimeStaysInsideTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(Budget{Requests: 6000, Execution: 60 * time.Second, Concurrency: 52}, time.Minute, 8, Spend{})
		began := drive(t, g, 8, 2*time.Second, 10*time.Minute)
		if got := time.Duration(most(began, time.Minute)) * 2 * time.Second; got > 63*time.Second {
			t.Errorf("%s of execution within a window, 60s allowed", got)
		}
		if len(began) < 240 {
			t.Errorf("%d requests in ten windows of 30: the budget lies idle", len(began))
		}
	})
}

func TestNothingIsSentDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(DefaultBudget(), 5*time.Minute, 4, Spend{})
		g.throttled("0x80072321", 40*time.Second)
		began := time.Now()
		if _, err := g.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != 40*time.Second {
			t.Errorf("waited %s, asked for 40s", waited)
		}
	})
}

func TestTooManyAtOnceHalvesTheParallelismAndTheHintGrowsItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(DefaultBudget(), 5*time.Minute, 16, Spend{})
		g.throttled(tooManyAtOnce, time.Second)
		if g.parallel != 8 {
			t.Fatalf("parallelism %d after a refusal, want 8", g.parallel)
		}
		for range 20 {
			g.hint(12)
		}
		if g.parallel != 12 {
			t.Errorf("parallelism %d under a hint of 12", g.parallel)
		}
		g.hint(3)
		if g.parallel != 3 {
			t.Errorf("parallelism %d under a hint of 3", g.parallel)
		}
		for range 20 {
			g.hint(0)
		}
		if g.parallel != 16 {
			t.Errorf("parallelism %d without a hint, want what is configured", g.parallel)
		}
	})
}

func TestASuccessorStartsFromWhatWasSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := newGovernor(Budget{Requests: 100, Execution: time.Hour, Concurrency: 4}, time.Minute, 4, Spend{})
		for range 95 {
			booked, err := first.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			first.settle(booked, 0)
		}
		next := newGovernor(first.budget, time.Minute, 4, first.spend())
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		if _, err := next.acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the successor sent at once: %v", err)
		}
	})
}

func TestARefundLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(DefaultBudget(), 5*time.Minute, 1, Spend{})
		for range 10_000 {
			booked, err := g.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			g.refund(booked)
		}
		if s := g.spend(); s.Requests != 0 || g.inFlight != 0 {
			t.Errorf("spent %+v, in flight %d", s, g.inFlight)
		}
	})
}

func TestBatchSizeAimsAtTheTarget(t *testing.T) {
	for _, c := range []struct {
		per  time.Duration
		want int
	}{{0, 1000}, {time.Millisecond, 1000}, {30 * time.Millisecond, 100}, {10 * time.Second, 10}} {
		if got := batchSize(c.per, 3*time.Second); got != c.want {
			t.Errorf("batchSize(%s) = %d, want %d", c.per, got, c.want)
		}
	}
}
