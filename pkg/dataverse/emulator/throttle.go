package emulator

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/latency"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/limit"
)

// This file is what a request may spend (section 5): which web server answers it, whether that lets it in, and how long it takes.

// route chooses the web server, and pins the client to it where there are several (section 2.3).
func (s *Server) route(w http.ResponseWriter, r *http.Request) int {
	if s.servers.Count() == 1 {
		return 0
	}
	pinned := ""
	if cookie, err := r.Cookie(limit.Affinity); err == nil && !s.config.NoAffinity {
		pinned = cookie.Value
	}
	server := s.servers.Route(pinned)
	if !s.config.NoAffinity {
		value := limit.Affinity + "=" + s.servers.Cookie(server) + "; path=/"
		if r.TLS != nil { // over plain HTTP, which Dataverse does not know, no client would send it back
			value += "; secure"
		}
		value += "; HttpOnly"
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		w.Header().Add("Set-Cookie", value)
		w.Header().Add("Set-Cookie", value+"; domain="+host)
	}
	return server
}

func (s *Server) budgetHeaders(w http.ResponseWriter, b *limit.Budget) {
	h := w.Header()
	requests, seconds := b.Remaining()
	h.Set("x-ms-ratelimit-burst-remaining-xrm-requests", requests)
	h.Set("x-ms-ratelimit-time-remaining-xrm-requests", seconds)
	h.Set("x-ms-dop-hint", strconv.Itoa(s.config.Limits.DOPHint))
}

// throttled is the 429 in Dataverse's words.
func throttled(t *limit.Throttle) *reply {
	k := [...]refusal.Kind{limit.Requests: refusal.TooManyRequests, limit.ExecutionTime: refusal.TooMuchTime, limit.Concurrency: refusal.TooManyConcurrent}[t.Cause]
	return &reply{failure: k.Says("%s", t.Message), status: k.Status, retryAfter: t.RetryAfter}
}

// charge adds an operation's own time to what the request takes.
func (c *call) charge(op *batch.Operation, a *address) {
	if clock := c.server.clock; clock.On() {
		c.bypassed = c.leavesOut(op)
		c.cost += clock.Operation(string(op.Method) == http.MethodGet, a.key != nil)
	}
}

// chargeRow adds the time of a row that was written, with its plug-ins.
func (c *call) chargeRow(t *store.Table, kind string) {
	if clock := c.server.clock; clock.On() {
		m := [...]latency.Message{latency.Create, latency.Update, latency.Delete}
		i := 0
		switch kind {
		case journal.OpUpdate:
			i = 1
		case journal.OpDelete:
			i = 2
		}
		c.cost += clock.Row(t.Name, m[i], c.bypassed)
	}
}

// elapse lets the time pass that the request takes. A client that goes away does not shorten what is charged.
func (s *Server) elapse(ctx context.Context, c *call) {
	if !s.clock.On() {
		return
	}
	c.cost = s.clock.Request(c.cost)
	if workers := s.workers; workers != nil {
		select {
		case workers[c.web] <- struct{}{}:
			defer func() { <-workers[c.web] }()
		case <-ctx.Done():
			return
		}
	}
	pause(ctx, c.cost)
}

// took is the execution time that is charged: the model's where there is one.
func (s *Server) took(c *call, wall time.Duration) time.Duration {
	if s.clock.On() {
		return c.cost
	}
	return wall
}

func newWorkers(servers, each int) []chan struct{} {
	if each == 0 {
		return nil
	}
	workers := make([]chan struct{}, servers)
	for i := range workers {
		workers[i] = make(chan struct{}, each)
	}
	return workers
}

// A Budget is what one application user has left on one web server.
type Budget struct {
	limit.State
	User   string // client id of the app
	Server int    // from 0
}

// Budgets returns what each application user has left on each web server.
func (s *Server) Budgets() []Budget {
	now := time.Now()
	var all []Budget
	for _, u := range s.identities.all() {
		for i, b := range u.budgets {
			all = append(all, Budget{b.State(now), u.app.ClientID, i})
		}
	}
	return all
}

func newBudgets(servers int, l limit.Limits) []*limit.Budget {
	budgets := make([]*limit.Budget, servers)
	for i := range budgets {
		budgets[i] = limit.NewBudget(l)
	}
	return budgets
}

// leavesOut reports whether the operation asks for synchronous custom logic to be left out (section 2.1).
func (c *call) leavesOut(op *batch.Operation) bool {
	if !c.special && !op.Rare() {
		return false
	}
	return strings.Contains(c.header(op, "MSCRM.BypassBusinessLogicExecution"), "CustomSync") || strings.EqualFold(c.header(op, "MSCRM.BypassCustomPluginExecution"), "true")
}
