package penstock

import (
	"errors"
	"fmt"
	"time"
)

// Timing holds every waiting time on which the promises rest. All processes of one deployment must use the same.
type Timing struct {
	Lease     time.Duration `yaml:"lease"`      // a lease lapses so long after its last renewal; renewed at a third
	AckWait   time.Duration `yaml:"ack_wait"`   // a chunk is delivered again so long after its last heart-beat
	Hold      time.Duration `yaml:"hold"`       // the longest that a writer may keep a chunk
	Request   time.Duration `yaml:"request"`    // the longest that one HTTP request to Dataverse may take
	Letters   time.Duration `yaml:"letters"`    // the longest that a run waits for its letters to be stored
	Publish   time.Duration `yaml:"publish"`    // the longest wait for JetStream to store a message
	Flush     time.Duration `yaml:"flush"`      // a chunk is published so long after its first row, full or not
	OpenFirst time.Duration `yaml:"open_first"` // how long an open breaker waits before its first probe
	OpenMost  time.Duration `yaml:"open_most"`  // and at most, growing
	Window    time.Duration `yaml:"window"`     // Dataverse's sliding window of service protection
	Metadata  time.Duration `yaml:"metadata"`   // how long what was read of a table's metadata is believed
}

// DefaultTiming is what production runs with.
func DefaultTiming() Timing {
	return Timing{
		Lease:     15 * time.Second,
		AckWait:   30 * time.Second,
		Hold:      2 * time.Minute,
		Request:   90 * time.Second,
		Letters:   30 * time.Second,
		Publish:   10 * time.Second,
		Flush:     250 * time.Millisecond,
		OpenFirst: 15 * time.Second,
		OpenMost:  2 * time.Minute,
		Window:    5 * time.Minute,
		Metadata:  time.Hour,
	}
}

// Quiet is how long nothing may be sent after a run of which something may still be under way: whoever took a chunk
// gives it up within Hold, and what was sent before that is over within Request.
func (t Timing) Quiet() time.Duration { return t.Hold + t.Request }

// Divide makes every time n times shorter, for tests.
func (t Timing) Divide(n int) Timing {
	d := time.Duration(n)
	return Timing{
		Lease: t.Lease / d, AckWait: t.AckWait / d, Hold: t.Hold / d, Request: t.Request / d, Letters: t.Letters / d,
		Publish: t.Publish / d, Flush: t.Flush / d, OpenFirst: t.OpenFirst / d, OpenMost: t.OpenMost / d, Window: t.Window / d,
		Metadata: t.Metadata / d,
	}
}

// Validate reports every time that is out of bounds.
func (t Timing) Validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		d    time.Duration
	}{
		{"lease", t.Lease},
		{"ack_wait", t.AckWait},
		{"hold", t.Hold},
		{"request", t.Request},
		{"letters", t.Letters},
		{"publish", t.Publish},
		{"flush", t.Flush},
		{"open_first", t.OpenFirst},
		{"open_most", t.OpenMost},
		{"window", t.Window},
		{"metadata", t.Metadata},
	} {
		if f.d <= 0 {
			errs = append(errs, fmt.Errorf("timing.%s: %s is not positive", f.name, f.d))
		}
	}
	if t.Hold < t.AckWait {
		errs = append(errs, fmt.Errorf("timing.hold: %s is shorter than ack_wait %s", t.Hold, t.AckWait))
	}
	return errors.Join(errs...)
}
