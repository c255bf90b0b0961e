package limit

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// slots is the resolution of the sliding windows: 1 s in the documented 300.
const slots = 300

// A Budget counts what one application user spends on one web server (reference section 5.1). Make it with NewBudget.
type Budget struct {
	limits Limits

	mu       sync.Mutex
	requests [slots]int
	busy     [slots]time.Duration
	total    int // of requests
	spent    time.Duration
	slot     int64 // the newest slot, counted from the epoch
	inFlight int
	blocked  time.Time // when the block ends
	cause    Cause     // of the block
	refused  int       // since the start or the last reset
	inner    float64   // see Limits.Inner: what is owed, in refusals
}

// NewBudget returns a budget of which nothing is spent. Zero fields of the limits have the documented values.
func NewBudget(l Limits) *Budget { return &Budget{limits: l.WithDefaults()} }

// Cause is which of the limits was reached.
type Cause int

// The limits.
const (
	Requests      Cause = iota // 0x80072322
	ExecutionTime              // 0x80072321
	Concurrency                // 0x80072326
)

func (c Cause) String() string { return [...]string{"requests", "execution time", "concurrency"}[c] }

// A Throttle is a 429.
type Throttle struct {
	Cause      Cause
	Message    string // as Dataverse words it, with the configured numbers
	RetryAfter time.Duration
	Inner      bool // a batch gets it as the answer to each of its operations
}

// Enter takes a request in, or refuses it. A request that was taken in must leave.
func (b *Budget) Enter(now time.Time) *Throttle {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slide(now)
	if !b.limits.Off {
		if t := b.refusal(now); t != nil {
			b.refused++
			if b.inner += b.limits.Inner; b.inner >= 1 {
				b.inner--
				t.Inner = true
			}
			return t
		}
	}
	b.inFlight++
	b.requests[b.slot%slots]++
	b.total++
	return nil
}

func (b *Budget) refusal(now time.Time) *Throttle {
	if now.Before(b.blocked) { // sending on during a block prolongs it
		b.blocked = b.blocked.Add(max(b.limits.Penalty, 0))
		return b.throttle(b.cause, b.blocked.Sub(now))
	}
	switch {
	case b.total >= b.limits.Requests:
		return b.block(now, Requests, func(i int64) bool { b.total -= b.requests[i]; return b.total < b.limits.Requests })
	case b.spent >= b.limits.ExecutionTime:
		return b.block(now, ExecutionTime, func(i int64) bool { b.spent -= b.busy[i]; return b.spent < b.limits.ExecutionTime })
	case b.inFlight >= b.limits.Concurrent:
		return b.throttle(Concurrency, time.Second)
	}
	return nil
}

// block finds out when enough of the window has passed: drop takes one slot out and reports whether that is enough.
func (b *Budget) block(now time.Time, c Cause, drop func(slot int64) bool) *Throttle {
	total, spent := b.total, b.spent
	wait := b.limits.Window
	for back := int64(slots - 1); back >= 0; back-- {
		if at := b.slot - back; at >= 0 && drop(at%slots) {
			wait = time.Unix(0, (at+slots)*int64(b.limits.Window/slots)).Sub(now)
			break
		}
	}
	b.total, b.spent = total, spent
	b.blocked, b.cause = now.Add(wait), c
	return b.throttle(c, wait)
}

func (b *Budget) throttle(c Cause, wait time.Duration) *Throttle {
	var text string
	switch c {
	case Requests:
		text = fmt.Sprintf("Number of requests exceeded the limit of %d over time window of %d seconds.", b.limits.Requests, int(b.limits.Window.Seconds()))
	case ExecutionTime:
		text = fmt.Sprintf("Combined execution time of incoming requests exceeded limit of %s milliseconds over time window of %d seconds. "+
			"Decrease number of concurrent requests or reduce the duration of requests and try again later.",
			thousands(b.limits.ExecutionTime.Milliseconds()), int(b.limits.Window.Seconds()))
	case Concurrency:
		text = fmt.Sprintf("Number of concurrent requests exceeded the limit of %d.", b.limits.Concurrent)
	}
	return &Throttle{Cause: c, Message: text, RetryAfter: wait}
}

// Leave ends a request that Enter took in, and charges its execution time.
func (b *Budget) Leave(now time.Time, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slide(now)
	b.inFlight--
	b.busy[b.slot%slots] += took
	b.spent += took
}

// slide forgets what has left the window.
func (b *Budget) slide(now time.Time) {
	slot := now.UnixNano() / max(int64(b.limits.Window/slots), 1)
	for from := max(b.slot+1, slot-slots+1); from <= slot; from++ {
		i := from % slots
		b.total -= b.requests[i]
		b.spent -= b.busy[i]
		b.requests[i], b.busy[i] = 0, 0
	}
	b.slot = max(b.slot, slot)
}

// Remaining returns the two headers of section 5.2: requests, and seconds with a thousands separator.
func (b *Budget) Remaining() (requests, seconds string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := max(b.limits.ExecutionTime-b.spent, 0).Seconds()
	whole := int64(left)
	return strconv.Itoa(max(b.limits.Requests-b.total, 0)), thousands(whole) + fmt.Sprintf(".%02d", int64((left-float64(whole))*100))
}

// Reset forgets everything that was spent, and lifts a block.
func (b *Budget) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests, b.busy = [slots]int{}, [slots]time.Duration{}
	b.total, b.spent, b.blocked, b.refused, b.inner = 0, 0, time.Time{}, 0, 0
}

// A State is a budget at one moment.
type State struct {
	Requests  int           // left in the window
	Execution time.Duration // left in the window
	InFlight  int           // requests being answered
	Refused   int           // requests answered with 429, since the start or the last reset
	Blocked   time.Duration // for how much longer everything is refused; 0 when it is not
	Cause     Cause         // of the block
}

// State returns what is left.
func (b *Budget) State(now time.Time) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slide(now)
	return State{
		Requests: max(b.limits.Requests-b.total, 0), Execution: max(b.limits.ExecutionTime-b.spent, 0),
		InFlight: b.inFlight, Refused: b.refused, Blocked: max(b.blocked.Sub(now), 0), Cause: b.cause,
	}
}

// thousands writes 1200000 as 1,200,000.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	var out strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(c)
	}
	return out.String()
}
