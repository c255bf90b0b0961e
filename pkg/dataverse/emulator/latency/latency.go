// Package latency is how long a Dataverse environment takes: a model of its time, from which the execution time of the service protection
// limits is charged (reference sections 3.4 and 5.1).
package latency

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// A Model says how long things take. The zero value is: no time. All durations add up over a request.
type Model struct {
	Request   time.Duration // each HTTP request
	Operation time.Duration // each operation: the request itself, or each part of a batch

	Read   time.Duration // each GET, beside Operation
	Create time.Duration // each row that is created, by whichever operation
	Update time.Duration // each row that is updated
	Delete time.Duration // each row that is deleted
	Key    time.Duration // each operation whose row is named by an alternate key: such upserts were measured 2.4 times slower (section 9)

	PlugIns []PlugIn // synchronous ones, each of which prolongs the writes that it is registered for

	Jitter  float64       // share by which a request's time varies at random, evenly up and down: 0.2 is from 80 % to 120 %
	Tail    float64       // share of the requests that take TailBy longer: 0.01
	TailBy  time.Duration // see Tail
	Seed    uint64        // of jitter and tail: the same seed gives the same times, request by request
	Workers int           // requests that one web server works on at a time, while others wait, which is not charged; no bound when 0
}

// A PlugIn is custom logic that runs within a write. Bypass headers leave it out (section 2.1).
type PlugIn struct {
	Name    string
	Table   string // logical name; every table when empty
	Message Message
	Cost    time.Duration // per row
}

// A Message is what plug-ins are registered for.
type Message string

// The messages. An upsert is the Create or Update that it turns out to be.
const (
	Any    Message = "" // each of the three
	Create Message = "Create"
	Update Message = "Update"
	Delete Message = "Delete"
)

// Validate reports every field that cannot be.
func (m Model) Validate() error {
	var errs []error
	for _, d := range []struct {
		name string
		time time.Duration
	}{
		{"request", m.Request}, {"operation", m.Operation}, {"read", m.Read}, {"create", m.Create}, {"update", m.Update}, {"delete", m.Delete}, {"key", m.Key}, {"tail", m.TailBy},
	} {
		if d.time < 0 {
			errs = append(errs, fmt.Errorf("latency: the time of %s is negative: %v", d.name, d.time))
		}
	}
	if !(m.Jitter >= 0 && m.Jitter <= 1) {
		errs = append(errs, fmt.Errorf("latency: the jitter is a share from 0 to 1, not %v", m.Jitter))
	}
	if !(m.Tail >= 0 && m.Tail <= 1) {
		errs = append(errs, fmt.Errorf("latency: the tail is a share of the requests from 0 to 1, not %v", m.Tail))
	}
	if m.Workers < 0 {
		errs = append(errs, fmt.Errorf("latency: %d workers", m.Workers))
	}
	for _, p := range m.PlugIns {
		switch p.Message {
		case Any, Create, Update, Delete:
		default:
			errs = append(errs, fmt.Errorf("latency: plug-in %q: the message %q is not Create, Update or Delete", p.Name, p.Message))
		}
		if p.Cost < 0 {
			errs = append(errs, fmt.Errorf("latency: plug-in %q: its cost is negative: %v", p.Name, p.Cost))
		}
	}
	return errors.Join(errs...)
}

// A Clock tells how long requests take by a Model. It is safe for concurrent use. Make it with New.
type Clock struct {
	model   Model
	on      bool
	plugIns map[registration]time.Duration

	mu     sync.Mutex
	random *rand.Rand
}

type registration struct {
	table   string
	message Message
}

// New returns a Clock.
func New(m Model) *Clock {
	c := &Clock{model: m, plugIns: map[registration]time.Duration{}, random: rand.New(rand.NewPCG(m.Seed, 0x70656e73746f636b))}
	for _, p := range m.PlugIns {
		c.plugIns[registration{p.Table, p.Message}] += p.Cost
	}
	m.PlugIns, m.Seed, m.Workers, m.Jitter, m.Tail = nil, 0, 0, 0, 0
	c.on = len(c.plugIns) > 0 || m.Request+m.Operation+m.Read+m.Create+m.Update+m.Delete+m.Key+m.TailBy > 0
	return c
}

// On reports whether anything takes time at all.
func (c *Clock) On() bool { return c.on }

// Operation is what one operation takes, apart from the rows that it writes.
func (c *Clock) Operation(read, byKey bool) time.Duration {
	d := c.model.Operation
	if read {
		d += c.model.Read
	}
	if byKey {
		d += c.model.Key
	}
	return d
}

// Row is what writing one row takes. Its plug-ins are left out when bypassed.
func (c *Clock) Row(table string, m Message, bypassed bool) time.Duration {
	var d time.Duration
	switch m {
	case Create:
		d = c.model.Create
	case Update:
		d = c.model.Update
	case Delete:
		d = c.model.Delete
	case Any:
	}
	if bypassed || len(c.plugIns) == 0 {
		return d
	}
	return d + c.plugIns[registration{table, m}] + c.plugIns[registration{table, Any}] + c.plugIns[registration{"", m}] + c.plugIns[registration{"", Any}]
}

// Request is what a whole request takes whose operations and rows took d: with the request's own time, jitter and tail.
func (c *Clock) Request(d time.Duration) time.Duration {
	d += c.model.Request
	if c.model.Jitter == 0 && c.model.Tail == 0 {
		return d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d += time.Duration(float64(d) * c.model.Jitter * (2*c.random.Float64() - 1))
	if c.random.Float64() < c.model.Tail {
		d += c.model.TailBy
	}
	return d
}
