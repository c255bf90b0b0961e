package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// slots is the resolution of the sliding windows: 1 s in the documented 300.
const slots = 300

// A budget counts what one application user spends (reference section 5.1).
type budget struct {
	limits Limits

	mu       sync.Mutex
	requests [slots]int
	busy     [slots]time.Duration
	total    int // of requests
	spent    time.Duration
	slot     int64 // the newest slot, counted from the epoch
	inFlight int
	blocked  time.Time // when the block ends
	cause    kind      // of the block
}

// A throttle is a 429.
type throttle struct {
	*failure
	retryAfter time.Duration
}

// enter takes a request in, or refuses it. A request that was taken in must leave.
func (b *budget) enter(now time.Time) *throttle {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slide(now)
	if !b.limits.Off {
		if t := b.refusal(now); t != nil {
			return t
		}
	}
	b.inFlight++
	b.requests[b.slot%slots]++
	b.total++
	return nil
}

func (b *budget) refusal(now time.Time) *throttle {
	if now.Before(b.blocked) { // sending on during a block prolongs it
		b.blocked = b.blocked.Add(max(b.limits.Penalty, 0))
		return b.throttle(b.cause, b.blocked.Sub(now))
	}
	switch {
	case b.total >= b.limits.Requests:
		return b.block(now, tooManyRequests, func(i int64) bool { b.total -= b.requests[i]; return b.total < b.limits.Requests })
	case b.spent >= b.limits.ExecutionTime:
		return b.block(now, tooMuchTime, func(i int64) bool { b.spent -= b.busy[i]; return b.spent < b.limits.ExecutionTime })
	case b.inFlight >= b.limits.Concurrent:
		return b.throttle(tooManyConcurrent, time.Second)
	}
	return nil
}

// block finds out when enough of the window has passed: drop takes one slot out and reports whether that is enough.
func (b *budget) block(now time.Time, k kind, drop func(slot int64) bool) *throttle {
	total, spent := b.total, b.spent
	wait := b.limits.Window
	for back := int64(slots - 1); back >= 0; back-- {
		if at := b.slot - back; at >= 0 && drop(at%slots) {
			wait = time.Unix(0, (at+slots)*int64(b.limits.Window/slots)).Sub(now)
			break
		}
	}
	b.total, b.spent = total, spent
	b.blocked, b.cause = now.Add(wait), k
	return b.throttle(k, wait)
}

func (b *budget) throttle(k kind, wait time.Duration) *throttle {
	var text string
	switch k {
	case tooManyRequests:
		text = fmt.Sprintf("Number of requests exceeded the limit of %d over time window of %d seconds.", b.limits.Requests, int(b.limits.Window.Seconds()))
	case tooMuchTime:
		text = fmt.Sprintf("Combined execution time of incoming requests exceeded limit of %s milliseconds over time window of %d seconds. "+
			"Decrease number of concurrent requests or reduce the duration of requests and try again later.",
			thousands(b.limits.ExecutionTime.Milliseconds()), int(b.limits.Window.Seconds()))
	default:
		text = fmt.Sprintf("Number of concurrent requests exceeded the limit of %d.", b.limits.Concurrent)
	}
	return &throttle{k.says("%s", text), wait}
}

// leave charges the time that a request took.
func (b *budget) leave(now time.Time, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slide(now)
	b.inFlight--
	b.busy[b.slot%slots] += took
	b.spent += took
}

// slide forgets what has left the window.
func (b *budget) slide(now time.Time) {
	slot := now.UnixNano() / max(int64(b.limits.Window/slots), 1)
	for from := max(b.slot+1, slot-slots+1); from <= slot; from++ {
		i := from % slots
		b.total -= b.requests[i]
		b.spent -= b.busy[i]
		b.requests[i], b.busy[i] = 0, 0
	}
	b.slot = max(b.slot, slot)
}

// remaining returns the two headers of section 5.2: requests, and seconds with a thousands separator.
func (b *budget) remaining() (requests, seconds string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := max(b.limits.ExecutionTime-b.spent, 0).Seconds()
	whole := int64(left)
	return strconv.Itoa(max(b.limits.Requests-b.total, 0)), thousands(whole) + fmt.Sprintf(".%02d", int64((left-float64(whole))*100))
}

func (b *budget) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests, b.busy = [slots]int{}, [slots]time.Duration{}
	b.total, b.spent, b.blocked = 0, 0, time.Time{}
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
