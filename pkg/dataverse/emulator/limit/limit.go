// Package limit is Dataverse's service protection (reference section 5): what each application user may spend on each web server in a
// sliding window, and the load balancer that spreads requests over the servers.
package limit

import (
	"errors"
	"fmt"
	"time"
)

// Limits are the service protection limits of one application user on one web server. A zero field has the documented value.
type Limits struct {
	Off           bool          // answer no 429 of its own accord
	Requests      int           // per window; 6,000
	ExecutionTime time.Duration // summed over all requests, per window; 1,200 s
	Window        time.Duration // sliding; 300 s
	Concurrent    int           // requests at a time; 52
	DOPHint       int           // what x-ms-dop-hint recommends; 5
	Penalty       time.Duration // by how much each request during a block prolongs it; 1 s, none when negative

	// Inner is the share, from 0 to 1, of refused batches that are answered as a batch whose every operation is a 429, in place of a 429 of the
	// whole request. No source shows Dataverse doing so (section 3.5, UNCONFIRMED): 0 by default.
	Inner float64
}

// WithDefaults fills in the documented values.
func (l Limits) WithDefaults() Limits {
	if l.Requests == 0 {
		l.Requests = 6000
	}
	if l.ExecutionTime == 0 {
		l.ExecutionTime = 1200 * time.Second
	}
	if l.Window == 0 {
		l.Window = 300 * time.Second
	}
	if l.Concurrent == 0 {
		l.Concurrent = 52
	}
	if l.DOPHint == 0 {
		l.DOPHint = 5
	}
	if l.Penalty == 0 {
		l.Penalty = time.Second
	}
	return l
}

// Validate reports every field that cannot be.
func (l Limits) Validate() error {
	var errs []error
	refuse := func(bad bool, what string, v any) {
		if bad {
			errs = append(errs, fmt.Errorf("limits: %s cannot be %v", what, v))
		}
	}
	refuse(l.Requests < 0, "the number of requests", l.Requests)
	refuse(l.ExecutionTime < 0, "the execution time", l.ExecutionTime)
	refuse(l.Window < 0 || l.Window > 0 && l.Window < slots*time.Microsecond, "the window", l.Window)
	refuse(l.Concurrent < 0, "the number of concurrent requests", l.Concurrent)
	refuse(l.DOPHint < 0, "the hint for the degree of parallelism", l.DOPHint)
	refuse(!(l.Inner >= 0 && l.Inner <= 1), "the share of inner refusals", l.Inner)
	return errors.Join(errs...)
}
