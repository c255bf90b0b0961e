package emulator

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// This file puts what a write decided on into the tables, so that a change set can take it out again, and into the journal.

// insert makes a row of the body. The caller holds t.
func (c *call) insert(t *store.Table, id uuid.UUID) (*store.Row, *refusal.Error) {
	if f := c.defaults(t, id); f != nil {
		return nil, f
	}
	created, f := c.backdate(t)
	if f != nil {
		return nil, f
	}
	c.merged = store.Merge(c.merged[:0], nil, c.body.Changes)
	if k := t.Clash(nil, c.merged); k != nil {
		return nil, violated(t, k, c.merged)
	}
	if f := c.detect(t, nil, c.merged); f != nil {
		return nil, f
	}
	r := &store.Row{ID: id, Serial: c.server.serials.Add(1), Cells: bytes.Clone(c.merged)}
	r.Version = c.server.versions.Add(1)
	r.Modified = time.Now().Unix()
	r.Created = created
	t.Insert(r)
	if c.locked {
		c.undo = append(c.undo, func() { t.Remove(r) })
	}
	return r, nil
}

// backdate returns the new row's createdon. With overriddencreatedon it is that, and overriddencreatedon becomes the time it really is.
func (c *call) backdate(t *store.Table) (int64, *refusal.Error) {
	now := time.Now()
	v, set := store.Get(c.body.Changes, t.OverriddenColumn)
	if !set || v == nil {
		return now.Unix(), nil
	}
	if f := c.denied(t, "prvOverrideCreatedOnCreatedBy"); f != nil {
		return 0, f
	}
	at, err := time.Parse(`"2006-01-02T15:04:05Z"`, string(v)) // as moment wrote it
	if err != nil {
		return 0, refusal.UnexpectedInternal.Says("An unexpected error occurred.")
	}
	c.body.Changes, _ = store.Put(c.body.Changes, store.Cell{Column: t.OverriddenColumn, Value: store.AppendTime(nil, now.Unix())})
	return at.Unix(), nil
}

// defaults completes a new row: state and reason, owner, currency.
func (c *call) defaults(t *store.Table, id uuid.UUID) *refusal.Error {
	if t.StateColumn >= 0 {
		if f := c.pairStatus(t, id, nil); f != nil {
			return f
		}
	}
	b := &c.body
	if _, set := store.Get(b.Changes, t.OwnerColumn); t.OwnerColumn >= 0 && !set {
		b.Refer(t.OwnerColumn, 0, c.actor.id)
	}
	if _, set := store.Get(b.Changes, t.CurrencyColumn); t.CurrencyColumn >= 0 && b.Money && !set {
		b.Refer(t.CurrencyColumn, 0, c.server.currency)
	}
	return nil
}

// update changes a row, or gives it the body's columns alone. The caller holds t.
func (c *call) update(t *store.Table, r *store.Row, a *address, replaces bool) *refusal.Error {
	b := &c.body
	if a.key != nil { // a row's key cannot be changed through that same key
		b.Changes = slices.DeleteFunc(b.Changes, func(ch store.Cell) bool { return slices.Contains(a.key.Columns, ch.Column) })
	}
	if _, set := store.Get(b.Changes, t.OverriddenColumn); set { // counts on creating only
		b.Changes = slices.DeleteFunc(b.Changes, func(ch store.Cell) bool { return ch.Column == t.OverriddenColumn })
	}
	if replaces {
		for column := range t.Columns {
			if _, set := store.Get(b.Changes, column); !set && column != t.OwnerColumn && (a.key == nil || !slices.Contains(a.key.Columns, column)) {
				b.Changes, _ = store.Put(b.Changes, store.Cell{Column: column})
			}
		}
	}
	if t.StateColumn >= 0 {
		before := r.Cells
		if replaces {
			before = nil
		}
		if f := c.pairStatus(t, r.ID, before); f != nil {
			return f
		}
	}
	if t.Loops(r, b.Changes) {
		return hierarchyLoop(t)
	}
	c.merged = store.Merge(c.merged[:0], r.Cells, b.Changes)
	if t.ConcernsKeys(b.Changes) {
		if k := t.Clash(r, c.merged); k != nil {
			return violated(t, k, c.merged)
		}
	}
	if f := c.detect(t, r.Cells, c.merged); f != nil {
		return f
	}
	c.change(t, r, c.merged, t.ConcernsIndexes(b.Changes))
	r.Modified = time.Now().Unix()
	return nil
}

// change gives a row new cells and a new version. The caller holds t.
func (c *call) change(t *store.Table, r *store.Row, cells []byte, reindex bool) {
	old, version, modified := r.Cells, r.Version, r.Modified
	t.Replace(r, cells, reindex)
	r.Version = c.server.versions.Add(1)
	if c.locked {
		c.undo = append(c.undo, func() {
			t.Replace(r, old, true)
			r.Version, r.Modified = version, modified
		})
	}
}

// committed enters a write into the journal. The caller holds t, so that a row's entries are in the order of its writes; those of a
// change set wait for its end.
func (c *call) committed(t *store.Table, r *store.Row, kind string, op *batch.Operation, index int, segment []byte) {
	c.chargeRow(t, kind)
	if c.server.config.NoJournal {
		return
	}
	e := journal.Entry{
		Time: time.Now(), Table: t.Name, Key: string(segment), ID: r.ID, Op: kind, Hash: journal.Sum(op.Body), User: c.user.app.ClientID,
		RequestID: c.id, Batch: c.request.Batch, Index: index,
	}
	if c.server.config.KeepBodies {
		e.Body = string(op.Body)
	}
	if c.locked {
		c.pending = append(c.pending, e)
		return
	}
	c.server.journal.Add(e)
}

// remember lets later operations of the change set refer to a row by Content-ID.
func (c *call) remember(op *batch.Operation, ref referenced) {
	if c.set > 0 && len(op.ContentID) > 0 {
		c.references["$"+string(op.ContentID)] = ref
	}
}
