package emulator

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
)

// This file puts what a write decided on into the tables, so that a change set can take it out again, and into the journal.

// insert makes a row of the body. The caller holds t.mu.
func (c *call) insert(t *table, id uuid.UUID) (*row, *failure) {
	if f := c.defaults(t, id); f != nil {
		return nil, f
	}
	c.merged = merge(c.merged[:0], nil, c.body.changes)
	if k := t.clash(nil, c.merged); k != nil {
		return nil, violated(t, k)
	}
	r := &row{id: id, serial: c.server.serials.Add(1), cells: bytes.Clone(c.merged)}
	r.version = c.server.versions.Add(1)
	r.created = time.Now().Unix()
	r.modified = r.created
	t.addRow(r)
	c.refer(t, r.cells, 1)
	if c.set > 0 {
		c.undo = append(c.undo, func() { t.removeRow(r); c.refer(t, r.cells, -1) })
	}
	return r, nil
}

// defaults completes a new row: state and reason, owner, currency.
func (c *call) defaults(t *table, id uuid.UUID) *failure {
	if t.state >= 0 {
		if f := c.pairStatus(t, id, nil); f != nil {
			return f
		}
	}
	b := &c.body
	if _, set := get(b.changes, t.owner); t.owner >= 0 && !set {
		start := len(b.arena)
		b.arena = appendReference(b.arena, 0, c.actor.id)
		b.changes, _ = put(b.changes, cell{t.owner, b.keep(start)})
	}
	if _, set := get(b.changes, t.currency); t.currency >= 0 && b.money && !set {
		start := len(b.arena)
		b.arena = appendReference(b.arena, 0, c.server.currency)
		b.changes, _ = put(b.changes, cell{t.currency, b.keep(start)})
	}
	return nil
}

// update changes a row. The caller holds t.mu.
func (c *call) update(t *table, r *row, a *address) *failure {
	b := &c.body
	if a.key != nil { // a row's key cannot be changed through that same key
		b.changes = slices.DeleteFunc(b.changes, func(ch cell) bool { return slices.Contains(a.key.columns, ch.column) })
	}
	if t.state >= 0 {
		if f := c.pairStatus(t, r.id, r.cells); f != nil {
			return f
		}
	}
	c.merged = merge(c.merged[:0], r.cells, b.changes)
	reindex := slices.ContainsFunc(b.changes, func(ch cell) bool { return t.keyed[ch.column] })
	if reindex {
		if k := t.clash(r, c.merged); k != nil {
			return violated(t, k)
		}
	}
	old, version, modified := r.cells, r.version, r.modified
	c.refer(t, old, -1)
	t.replace(r, c.merged, reindex)
	c.refer(t, r.cells, 1)
	r.version = c.server.versions.Add(1)
	r.modified = time.Now().Unix()
	if c.set > 0 {
		c.undo = append(c.undo, func() {
			c.refer(t, r.cells, -1)
			t.replace(r, old, reindex)
			c.refer(t, r.cells, 1)
			r.version, r.modified = version, modified
		})
	}
	return nil
}

// committed enters a write into the journal. The caller holds t.mu, so that a row's entries are in the order of its writes; those of a
// change set wait for its end.
func (c *call) committed(t *table, r *row, kind string, op *batch.Operation, index int, segment []byte) {
	c.chargeRow(t, kind)
	if c.server.config.NoJournal {
		return
	}
	e := Entry{
		Time: time.Now(), Table: t.Name, Key: string(segment), ID: r.id, Op: kind, Hash: Sum(op.Body), User: c.user.app.ClientID,
		RequestID: c.id, Batch: c.request.Batch, Index: index,
	}
	if c.server.config.KeepBodies {
		e.Body = string(op.Body)
	}
	if c.set > 0 {
		c.pending = append(c.pending, e)
		return
	}
	c.server.journal.add(e)
}

// remember lets later operations of the change set refer to a row by Content-ID.
func (c *call) remember(op *batch.Operation, ref referenced) {
	if c.set > 0 && len(op.ContentID) > 0 {
		c.references["$"+string(op.ContentID)] = ref
	}
}
