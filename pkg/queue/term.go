package queue

import (
	"sync"
	"time"
)

// A term is a time for which something is ours: a chunk, a lease. It may be made longer while it lasts. Once over, it is
// over for good, however late that is noticed.
type term struct {
	mu    sync.Mutex
	until time.Time
	ended bool
	over  chan struct{}
}

func newTerm(until time.Time) *term { return &term{until: until, over: make(chan struct{})} }

// passed compares both clocks. A suspended machine may stop the monotonic one, and an operator may set the other.
func passed(now, until time.Time) bool {
	return !now.Before(until) || !now.Round(0).Before(until.Round(0))
}

// lasts reports whether the term is not over yet.
func (t *term) lasts() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look()
	return !t.ended
}

// extend moves the end, unless the term is over. It never moves it back.
func (t *term) extend(until time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look()
	if !t.ended && until.After(t.until) {
		t.until = until
	}
	return !t.ended
}

// end makes the term over now.
func (t *term) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.finish()
}

func (t *term) deadline() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until
}

func (t *term) look() {
	if passed(time.Now(), t.until) {
		t.finish()
	}
}

func (t *term) finish() {
	if !t.ended {
		t.ended = true
		close(t.over)
	}
}
