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
	created, f := c.backdate(t)
	if f != nil {
		return nil, f
	}
	c.merged = merge(c.merged[:0], nil, c.body.changes)
	if k := t.clash(nil, c.merged); k != nil {
		return nil, violated(t, k, c.merged)
	}
	if f := c.detect(t, nil, c.merged); f != nil {
		return nil, f
	}
	r := &row{id: id, serial: c.server.serials.Add(1), cells: bytes.Clone(c.merged)}
	r.version = c.server.versions.Add(1)
	r.modified = time.Now().Unix()
	r.created = created
	t.addRow(r)
	if c.locked {
		c.undo = append(c.undo, func() { t.removeRow(r) })
	}
	return r, nil
}

// backdate returns the new row's createdon. With overriddencreatedon it is that, and overriddencreatedon becomes the time it really is.
func (c *call) backdate(t *table) (int64, *failure) {
	now := time.Now()
	v, set := get(c.body.changes, t.overridden)
	if !set || v == nil {
		return now.Unix(), nil
	}
	if f := c.denied(t, "prvOverrideCreatedOnCreatedBy"); f != nil {
		return 0, f
	}
	at, err := time.Parse(`"2006-01-02T15:04:05Z"`, string(v)) // as moment wrote it
	if err != nil {
		return 0, unexpectedInternal.says("An unexpected error occurred.")
	}
	c.body.changes, _ = put(c.body.changes, cell{t.overridden, appendTime(nil, now.Unix())})
	return at.Unix(), nil
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
		b.refer(t.owner, 0, c.actor.id)
	}
	if _, set := get(b.changes, t.currency); t.currency >= 0 && b.money && !set {
		b.refer(t.currency, 0, c.server.currency)
	}
	return nil
}

// update changes a row, or gives it the body's columns alone. The caller holds t.
func (c *call) update(t *table, r *row, a *address, replaces bool) *failure {
	b := &c.body
	if a.key != nil { // a row's key cannot be changed through that same key
		b.changes = slices.DeleteFunc(b.changes, func(ch cell) bool { return slices.Contains(a.key.columns, ch.column) })
	}
	if _, set := get(b.changes, t.overridden); set { // counts on creating only
		b.changes = slices.DeleteFunc(b.changes, func(ch cell) bool { return ch.column == t.overridden })
	}
	if replaces {
		for column := range t.columns {
			if _, set := get(b.changes, column); !set && column != t.owner && (a.key == nil || !slices.Contains(a.key.columns, column)) {
				b.changes, _ = put(b.changes, cell{column: column})
			}
		}
	}
	if t.state >= 0 {
		before := r.cells
		if replaces {
			before = nil
		}
		if f := c.pairStatus(t, r.id, before); f != nil {
			return f
		}
	}
	if t.loops(r, b.changes) {
		return hierarchyLoop(t)
	}
	c.merged = merge(c.merged[:0], r.cells, b.changes)
	if t.concernsKeys(b.changes) {
		if k := t.clash(r, c.merged); k != nil {
			return violated(t, k, c.merged)
		}
	}
	if f := c.detect(t, r.cells, c.merged); f != nil {
		return f
	}
	c.change(t, r, c.merged, t.concernsIndexes(b.changes))
	r.modified = time.Now().Unix()
	return nil
}

// change gives a row new cells and a new version. The caller holds t.
func (c *call) change(t *table, r *row, cells []byte, reindex bool) {
	old, version, modified := r.cells, r.version, r.modified
	t.replace(r, cells, reindex)
	r.version = c.server.versions.Add(1)
	if c.locked {
		c.undo = append(c.undo, func() {
			t.replace(r, old, true)
			r.version, r.modified = version, modified
		})
	}
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
	if c.locked {
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
