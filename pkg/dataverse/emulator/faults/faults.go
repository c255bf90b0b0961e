// Package faults is faults on demand: orders that say what goes wrong, for which requests, and how often. Tests in Go may as well use the
// hooks of emulator.Config; orders are for those who reach the emulator over HTTP, from any language, and for the page.
package faults

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// An Order is one fault on demand. In JSON:
//
//	{"fault": "deadlock", "at": "operation", "match": {"table": "contact", "method": "PATCH"}, "share": 0.1, "count": 20}
type Order struct {
	ID    int    `json:"id"`           // given by Place
	Fault string `json:"fault"`        // one of Known
	At    Point  `json:"at,omitempty"` // where it strikes; the fault's own place when empty
	Match Match  `json:"match"`        // nothing in it: all

	After int     `json:"after,omitempty"` // let so many pass first
	Count int     `json:"count,omitempty"` // strike so often; without end when 0
	Share float64 `json:"share,omitempty"` // of those that match, chosen at random; all when 0
	Seed  uint64  `json:"seed,omitempty"`  // of the choice

	Delay      Duration `json:"delay,omitempty"`       // before all else
	RetryAfter Duration `json:"retry_after,omitempty"` // these four replace what the fault has by itself
	Status     int      `json:"status,omitempty"`
	Code       string   `json:"code,omitempty"`
	Message    string   `json:"message,omitempty"`

	Seen int `json:"seen"` // requests or operations that matched
	Hits int `json:"hits"` // how often it struck
}

// Match says which requests or operations are meant. An empty field matches all.
type Match struct {
	Method string `json:"method,omitempty"` // POST, PATCH …
	User   string `json:"user,omitempty"`   // client id of the app
	Batch  uint64 `json:"batch,omitempty"`  // number of the batch, from 1
	Table  string `json:"table,omitempty"`  // logical name; at operations only
	Key    string `json:"key,omitempty"`    // as between the parentheses of the URL; at operations only
}

// A Point is where a fault strikes.
type Point string

// The points.
const (
	Request   Point = "request"   // the HTTP request as a whole, before anything is executed
	Operation Point = "operation" // one operation: the request itself, or a part of a batch
	Token     Point = "token"     // a request to the token endpoint
)

// A Duration is written as 1.5s in JSON.
type Duration time.Duration

// MarshalJSON writes 1.5s.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads 1.5s, and a number as seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var seconds float64
	if json.Unmarshal(b, &seconds) == nil {
		*d = Duration(seconds * float64(time.Second))
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is text as \"1.5s\", or a number of seconds")
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// Orders are the orders of one server. They are safe for concurrent use. Make them with New.
type Orders struct {
	server *emulator.Server

	mu   sync.Mutex
	last int
	all  []*order
}

type order struct {
	Order
	random *rand.Rand
	strike emulator.Fault
}

// New returns an empty list of orders for the server. A server has one.
func New(s *emulator.Server) *Orders { return &Orders{server: s} }

// Place adds an order and returns it with its ID. The error says everything that is wrong with it.
func (o *Orders) Place(n Order) (Order, error) {
	n.Seen, n.Hits = 0, 0
	kind, err := n.complete()
	if _, there := o.server.Table(n.Match.Table); n.Match.Table != "" && !there {
		err = errors.Join(err, fmt.Errorf("match: there is no table %q; write a logical name, as contact", n.Match.Table))
	}
	if err != nil {
		return n, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last++
	n.ID = o.last
	o.all = append(o.all, &order{n, rand.New(rand.NewPCG(n.Seed, 0x666175 /* its own stream */)), n.fault(kind)})
	o.install()
	return n, nil
}

// Validate reports everything that Place would refuse.
func (n Order) Validate() error {
	_, err := n.complete()
	return err
}

// complete fills in what the fault has by itself, and checks the rest.
func (n *Order) complete() (Kind, error) {
	var errs []error
	i := slices.IndexFunc(known, func(k Kind) bool { return k.Name == n.Fault })
	if i < 0 {
		names := make([]string, len(known))
		for i, k := range known {
			names[i] = k.Name
		}
		return Kind{}, fmt.Errorf("fault %q is not known; known are %s", n.Fault, strings.Join(names, ", "))
	}
	kind := known[i]
	n.At = cmp.Or(n.At, kind.At)
	n.Match.Method = strings.ToUpper(n.Match.Method)
	switch n.At {
	case Request, Operation:
		if kind.At == Token {
			errs = append(errs, fmt.Errorf("%s strikes at the token endpoint; drop \"at\"", n.Fault))
		}
	case Token:
		if n.Match.Batch > 0 || n.Match.User != "" {
			errs = append(errs, errors.New("match: user and batch are not known at the token endpoint; drop them"))
		}
	default:
		errs = append(errs, fmt.Errorf("at: %q is not request, operation or token", n.At))
	}
	if n.At != Operation && n.Match.Table+n.Match.Key != "" {
		errs = append(errs, errors.New("match: table and key are known of operations; write \"at\": \"operation\""))
	}
	if n.Fault == "delay" && n.Delay <= 0 {
		errs = append(errs, errors.New("delay: say how long, as \"delay\": \"2s\""))
	}
	if n.Fault == "error" && (n.Status < 400 || n.Status > 599) {
		errs = append(errs, fmt.Errorf("status: an error has one from 400 to 599, not %d", n.Status))
	} else if n.Status != 0 && (n.Status < 200 || n.Status > 599) {
		errs = append(errs, fmt.Errorf("status: %d is none", n.Status))
	}
	if !(n.Share >= 0 && n.Share <= 1) {
		errs = append(errs, fmt.Errorf("share: %v is not from 0 to 1", n.Share))
	}
	if n.After < 0 || n.Count < 0 || n.Delay < 0 || n.RetryAfter < 0 {
		errs = append(errs, errors.New("after, count, delay and retry_after cannot be negative"))
	}
	return kind, errors.Join(errs...)
}

func (n *Order) fault(k Kind) emulator.Fault {
	f := k.fault
	f.Delay = time.Duration(n.Delay)
	f.RetryAfter = cmp.Or(time.Duration(n.RetryAfter), f.RetryAfter)
	f.Status = cmp.Or(n.Status, f.Status)
	f.Code = cmp.Or(n.Code, f.Code)
	f.Message = cmp.Or(n.Message, f.Message)
	return f
}

// List returns the orders, oldest first, those that are spent among them.
func (o *Orders) List() []Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Order, len(o.all))
	for i, one := range o.all {
		list[i] = one.Order
	}
	return list
}

// Cancel takes an order back. It reports whether there was one.
func (o *Orders) Cancel(id int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := len(o.all)
	o.all = slices.DeleteFunc(o.all, func(one *order) bool { return one.ID == id })
	o.install()
	return len(o.all) < before
}

// Clear takes all orders back.
func (o *Orders) Clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = nil
	o.install()
}

// Spent reports whether the order has struck as often as it was to.
func (n Order) Spent() bool { return n.Count > 0 && n.Hits >= n.Count }

// install hooks into the server what is not spent, so that no request pays for what nobody ordered. The caller holds o.mu.
func (o *Orders) install() {
	var hooks emulator.Faults
	for _, one := range o.all {
		if one.Spent() {
			continue
		}
		switch one.At {
		case Request:
			hooks.Request = o.request
		case Operation:
			hooks.Operation = o.operation
		case Token:
			hooks.Token = o.token
		}
	}
	o.server.SetFaults(hooks)
}

func (o *Orders) request(r *http.Request, info emulator.Request) emulator.Fault {
	return o.find(Request, func(m Match) bool { return m.request(r.Method, info) })
}

func (o *Orders) operation(op emulator.Operation) emulator.Fault {
	return o.find(Operation, func(m Match) bool {
		return m.request(op.Method, op.Request) && (m.Table == "" || m.Table == op.Table) && (m.Key == "" || strings.EqualFold(m.Key, op.Key))
	})
}

func (o *Orders) token(r *http.Request) emulator.Fault {
	return o.find(Token, func(m Match) bool { return m.Method == "" || m.Method == r.Method })
}

func (m Match) request(method string, info emulator.Request) bool {
	return (m.Method == "" || m.Method == method) && (m.User == "" || strings.EqualFold(m.User, info.User)) && (m.Batch == 0 || m.Batch == info.Batch)
}

// find returns the fault of the first order that strikes.
func (o *Orders) find(at Point, matches func(Match) bool) emulator.Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range o.all {
		if one.At != at || one.Spent() || !matches(one.Match) {
			continue
		}
		one.Seen++
		if one.Seen <= one.After || one.Share > 0 && one.random.Float64() >= one.Share {
			continue
		}
		one.Hits++
		if one.Spent() {
			o.install()
		}
		return one.strike
	}
	return emulator.Fault{}
}
