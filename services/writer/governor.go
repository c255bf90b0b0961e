package writer

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// Budget is what Dataverse grants one application user per web server in a sliding window (300 s), by its documentation
// (service protection API limits). Penstock stays at 95 % of the first two.
type Budget struct {
	Requests    int           `yaml:"requests"`    // 6,000
	Execution   time.Duration `yaml:"execution"`   // 20 minutes of server time
	Concurrency int           `yaml:"concurrency"` // 52; the writer starts with fewer, see Config.Parallel
}

// DefaultBudget is what Microsoft documents.
func DefaultBudget() Budget {
	return Budget{Requests: 6000, Execution: 20 * time.Minute, Concurrency: 52}
}

const (
	slots    = 60   // the window slides in steps of a sixtieth
	headroom = 0.95 // of requests and execution time

	// target is how long a request should take Dataverse (2 to 4 s), and what one is booked with before any was seen.
	target = 3 * time.Second
)

// A Spend is what a lease has used up in the current window; it is handed over with the lease.
type Spend struct {
	Requests  int           `json:"requests"`
	Execution time.Duration `json:"execution"`
	Until     time.Time     `json:"until"` // nothing may be sent before, by word of Dataverse
}

// A governor spends the budget of one lease. Whoever holds the lease is the only one to write as its application user,
// so the governor is local and exact.
type governor struct {
	budget Budget
	window time.Duration

	mu       sync.Mutex
	ring     [slots + 1]Spend // one more, so that nothing leaves before its time
	last     int64            // number of the newest slot
	inFlight int
	parallel int           // requests at a time: the lesser of configuration and Dataverse's hint
	most     int           // configured
	estimate time.Duration // of one request's execution time
	until    time.Time
	freed    chan struct{} // closed and replaced when something changes for who waits
}

func newGovernor(budget Budget, window time.Duration, parallel int, spent Spend) *governor {
	g := &governor{
		budget: budget, window: window,
		parallel: min(parallel, budget.Concurrency), most: min(parallel, budget.Concurrency),
		estimate: target, until: spent.Until, freed: make(chan struct{}),
	}
	g.slide(time.Now())
	slot := &g.ring[g.last%(slots+1)] // what a predecessor spent counts as spent just now
	slot.Requests, slot.Execution = spent.Requests, spent.Execution
	return g
}

// acquire waits until one request may be sent, and books it. What it books of execution time is to be handed to settle
// or refund.
func (g *governor) acquire(ctx context.Context) (booked time.Duration, err error) {
	for {
		g.mu.Lock()
		wait := g.wait(time.Now())
		if wait == 0 {
			g.inFlight++
			slot := &g.ring[g.last%(slots+1)]
			slot.Requests++
			booked = g.estimate
			slot.Execution += booked
			g.mu.Unlock()
			return booked, nil
		}
		freed := g.freed
		g.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return 0, context.Cause(ctx)
		case <-freed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// wait is how long the next request has to wait; 0 when it may go. The caller holds mu.
func (g *governor) wait(now time.Time) time.Duration {
	g.slide(now)
	if d := g.until.Sub(now); d > 0 {
		return d
	}
	if g.inFlight >= g.parallel {
		return g.window // until a request ends
	}
	requests, execution := g.spent()
	if requests+1 > int(headroom*float64(g.budget.Requests)) ||
		execution+g.estimate > time.Duration(headroom*float64(g.budget.Execution)) && requests > 0 {
		step := g.window / slots
		return step - time.Duration(now.UnixNano()%int64(step))
	}
	return 0
}

// settle ends a request that took took, and corrects what was booked for it.
func (g *governor) settle(booked, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slide(time.Now())
	g.inFlight--
	g.ring[g.last%(slots+1)].Execution += took - booked
	if took > g.estimate {
		g.estimate = took // believe a slow answer at once, a fast one by and by
	} else {
		g.estimate -= (g.estimate - took) / 8
	}
	g.wake()
}

// refund ends a permit that was not used.
func (g *governor) refund(booked time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	slot := &g.ring[g.last%(slots+1)]
	slot.Requests--
	slot.Execution -= booked
	g.wake()
}

// The codes of service protection that are about one budget each; dataverse.md section 5.1.
const tooManyAtOnce = "0x80072326"

// throttled stops everything for as long as Dataverse asked. Too many at once also halves the parallelism.
func (g *governor) throttled(code string, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(max(wait, time.Second)); until.After(g.until) {
		g.until = until
	}
	if code == tooManyAtOnce {
		g.parallel = max(1, g.parallel/2)
	}
}

// paused reports whether Dataverse has asked to be left alone, and the time is not over.
func (g *governor) paused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.until)
}

// hint takes Dataverse's recommended degree of parallelism, and grows back to it by one a time; where it gave none (0),
// to what is configured.
func (g *governor) hint(dop int) {
	if dop <= 0 {
		dop = g.most
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	goal := min(dop, g.most)
	if g.parallel > goal {
		g.parallel = goal
	} else if g.parallel < goal {
		g.parallel++
		g.wake()
	}
}

// spend is the state to hand over.
func (g *governor) spend() Spend {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slide(time.Now())
	requests, execution := g.spent()
	return Spend{Requests: requests, Execution: execution, Until: g.until}
}

func (g *governor) spent() (requests int, execution time.Duration) {
	for i := range g.ring {
		requests += g.ring[i].Requests
		execution += g.ring[i].Execution
	}
	return requests, max(execution, 0)
}

// slide empties the slots that have left the window.
func (g *governor) slide(now time.Time) {
	number := now.UnixNano() / int64(g.window/slots)
	for n := max(g.last+1, number-slots); n <= number; n++ {
		g.ring[n%(slots+1)] = Spend{}
	}
	g.last = max(g.last, number)
}

func (g *governor) wake() {
	close(g.freed)
	g.freed = make(chan struct{})
}

// batchSize is how many changes a request should carry so that it takes target, given what one has cost so far.
// Dataverse takes at most 1,000.
func batchSize(perChange, target time.Duration) int {
	if perChange <= 0 {
		return penstock.MaxChanges
	}
	return int(math.Max(10, math.Min(penstock.MaxChanges, float64(target)/float64(perChange))))
}
