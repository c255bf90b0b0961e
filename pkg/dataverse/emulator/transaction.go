package emulator

import (
	"context"
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A transaction is a change set, or one operation that writes several rows. It has Server.change to itself, so that nobody sees its rows in
// between, and it can be undone. Inside one, tables are not locked one by one.

// open begins a transaction. The caller does not hold Server.change.
func (c *call) open() {
	c.server.change.Lock()
	c.locked = true
	c.undo, c.pending = c.undo[:0], c.pending[:0]
}

// commit makes what was done final, and enters it into the journal.
func (c *call) commit() {
	c.server.journal.Add(c.pending...)
	c.undo, c.pending = c.undo[:0], c.pending[:0]
}

// rollback undoes what was not committed, newest first.
func (c *call) rollback() {
	for n := len(c.undo) - 1; n >= 0; n-- {
		c.undo[n]()
	}
	c.undo, c.pending = c.undo[:0], c.pending[:0]
}

// close ends a transaction. What was not committed is undone.
func (c *call) close() {
	c.rollback()
	c.locked = false
	c.server.change.Unlock()
}

// transact carries f out as a transaction, of which a failure leaves nothing behind; inside another one as a part of that. The caller holds
// Server.change as execute does, and no table. When metadata changed before the transaction began, nothing is done and the reply is outdated.
func (c *call) transact(f func() *reply) *reply {
	if c.locked {
		return f()
	}
	resolved := c.server.definitions
	c.server.change.RUnlock()
	defer c.server.change.RLock()
	c.open()
	defer c.close()
	if c.server.definitions != resolved {
		return &reply{outdated: true}
	}
	answer := f()
	if answer.later != nil { // now, while what it looks at is what it was resolved to
		answer.later()
		answer.later = nil
	}
	if answer.status < http.StatusBadRequest {
		c.commit()
	}
	return answer
}

// lock locks a table for writing, where a transaction does not have all of them.
func (c *call) lock(t *store.Table) {
	if !c.locked {
		t.Lock()
	}
}

func (c *call) unlock(t *store.Table) {
	if !c.locked {
		t.Unlock()
	}
}

// rlock locks a table for reading, where a transaction does not have all of them.
func (c *call) rlock(t *store.Table) {
	if !c.locked {
		t.RLock()
	}
}

func (c *call) runlock(t *store.Table) {
	if !c.locked {
		t.RUnlock()
	}
}

// changeSet executes the change set that begins with operation i, all or nothing, and returns the operation after it. It appends the inner
// parts: one for each operation, or one for the operation that failed.
func (c *call) changeSet(r *http.Request, i int) (*reply, int) {
	c.set, c.faults = c.operations[i].Set, map[int]Fault{}
	defer func() { c.set, c.faults, c.references = 0, nil, nil }()
	end := i
	for end < len(c.operations) && c.operations[end].Set == c.set {
		end++
	}
	for from, cost := len(c.out), c.cost; ; c.out, c.cost = c.out[:from], cost {
		answer, stalled := c.attempt(r.Context(), i, end)
		if answer != nil {
			return answer, end
		}
		// A fault takes its time with nothing locked and nothing done; then all begins anew, and is not asked for faults again.
		fault := c.faults[stalled]
		delay := fault.Delay
		Fault{Delay: delay, Kind: hanging(fault.Kind)}.before(r.Context())
		fault.Delay = 0
		c.faults[stalled] = fault
		cost += delay
	}
}

// hanging is Hang or nothing.
func hanging(k FaultKind) FaultKind {
	if k == Hang {
		return Hang
	}
	return NoFault
}

// attempt executes the operations from i to end. It returns no answer when the fault of one of them takes time: which one.
func (c *call) attempt(ctx context.Context, i, end int) (result *reply, stalled int) {
	c.open()
	defer c.close() // a fault that aborts the connection undoes what was done
	c.references = map[string]referenced{}
	boundary := "changesetresponse_" + c.server.newGUID().String()
	head := "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n"
	opening := "--" + boundary + "\r\n" + partHead
	from := len(c.out)
	c.out = append(c.out, head...)
	result = &reply{status: http.StatusOK}
	for ; i < end; i++ {
		op := &c.operations[i]
		var answer *reply
		if string(op.Method) == http.MethodGet {
			answer = failed(refusal.BadBatch.Says("An invalid HTTP method 'GET' was detected for a request in a change set. Requests in change sets only support the HTTP methods 'POST', 'PUT', 'DELETE', and 'PATCH'."))
		} else if answer = c.execute(ctx, op, i); answer == nil {
			return nil, i
		}
		result.cut, result.truncate = result.cut || answer.cut, result.truncate || answer.truncate
		failure := answer.status >= http.StatusBadRequest
		if failure {
			c.rollback()
			c.out = append(c.out[:from], head...)
			result.status = answer.status
		}
		c.out = append(c.out, opening...)
		if len(op.ContentID) > 0 {
			c.out = append(append(append(c.out, "Content-ID: "...), op.ContentID...), "\r\n"...)
		}
		c.out = answer.appendPart(append(c.out, "\r\n"...), c)
		if failure {
			break
		}
	}
	c.out = append(append(append(c.out, "--"...), boundary...), "--\r\n\r\n"...)
	c.commit()
	return result, 0
}
