package emulator

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
)

// This file is the status matrix of section 2.4.

// create is POST /set.
func (c *call) create(op *batch.Operation, index int, a *address, query []byte) *reply {
	t := a.table
	if f := c.decode(t, op.Body, op.ContentType); f != nil {
		return failed(f)
	}
	if f := c.allowed(t, t.privilege.create); f != nil {
		return failed(f)
	}
	if c.body.invalid != nil {
		return failed(c.body.invalid)
	}
	id := c.body.id
	if !c.body.hasID {
		id = c.server.newGUID()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows[id] != nil {
		return failed(duplicateRecord.says("A record with matching key values already exists."))
	}
	r, f := c.insert(t, id)
	if f != nil {
		return failed(f)
	}
	c.committed(t, r, OpCreate, op, index, nil)
	c.remember(op, referenced{table: t, id: id})
	return c.written(op, t, r, nil, true, query)
}

// upsert is PATCH /set(id) and /set(key).
func (c *call) upsert(op *batch.Operation, index int, a *address, query []byte) *reply {
	t := a.table
	if f := c.decode(t, op.Body, op.ContentType); f != nil {
		return failed(f)
	}
	if f := c.allowed(t, t.privilege.read); f != nil {
		return failed(f)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := a.row()
	if answer := c.precondition(op, a, r); answer != nil {
		return answer
	}
	kind := OpUpdate
	if r == nil {
		kind = OpCreate
	}
	if f := c.mayWrite(t, r); f != nil {
		return failed(f)
	}
	if c.body.invalid != nil {
		return failed(c.body.invalid)
	}
	var f *failure
	if r == nil {
		id := a.id
		if a.key != nil {
			c.takeKey(a)
			id = c.body.id
			if !c.body.hasID {
				id = c.server.newGUID()
			} else if t.rows[id] != nil {
				return failed(duplicateRecord.says("A record with matching key values already exists."))
			}
		}
		r, f = c.insert(t, id)
	} else {
		f = c.update(t, r, a)
	}
	if f != nil {
		return failed(f)
	}
	c.committed(t, r, kind, op, index, a.segment)
	c.remember(op, referenced{table: t, id: r.id, key: string(a.segment)})
	return c.written(op, t, r, a.segment, kind == OpCreate, query)
}

// precondition judges If-Match and If-None-Match of a write. A reply means: stop here.
func (c *call) precondition(op *batch.Operation, a *address, r *row) *reply {
	if len(op.IfMatch) > 0 {
		switch {
		case r == nil:
			return failed(a.missing())
		case string(op.IfMatch) == "*":
		case a.table.OptimisticOff:
			return failed(concurrencyOff.says("Optimistic concurrency isn't enabled for entity type %s.", a.table.Name))
		case string(op.IfMatch) != etag(r.version):
			return failed(versionMismatch.says("The version of the existing record doesn't match the RowVersion property provided."))
		}
	}
	if string(op.IfNoneMatch) == "*" {
		switch {
		case r != nil:
			return failed(duplicateRecord.says("A record with matching key values already exists."))
		case a.key != nil: // captured: keyed create-only creates nothing
			return failed(a.missing())
		}
	}
	return nil
}

// allowed checks a privilege on the table, and what the lookups in the body need.
func (c *call) allowed(t *table, privilege string) *failure {
	if len(*c.user.revoked.Load()) == 0 {
		return nil
	}
	if f := c.denied(t, privilege); f != nil {
		return f
	}
	for _, b := range c.body.bound {
		if f := c.denied(t, t.privilege.append); f != nil {
			return f
		}
		if f := c.denied(b.table, b.table.privilege.appendTo); f != nil {
			return f
		}
	}
	return nil
}

// mayWrite checks what an upsert turned out to be: r is nil for a create.
func (c *call) mayWrite(t *table, r *row) *failure {
	if r == nil {
		return c.denied(t, t.privilege.create)
	}
	if f := c.denied(t, t.privilege.write); f != nil {
		return f
	}
	if owner, set := get(c.body.changes, t.owner); set && !bytes.Equal(owner, value(r.cells, t.owner)) {
		return c.denied(t, t.privilege.assign)
	}
	return nil
}

// takeKey fills the key columns that the body does not have from the URL; where it has others, the body wins (section 2.5).
func (c *call) takeKey(a *address) {
	for i := range a.key.columns {
		if _, there := get(c.body.changes, a.cells[i].column); !there {
			c.body.changes, _ = put(c.body.changes, a.cells[i])
		}
	}
}

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
		b.arena = appendReference(b.arena, 0, c.user.id)
		b.changes, _ = put(b.changes, cell{t.owner, b.keep(start)})
	}
	if _, set := get(b.changes, t.currency); t.currency >= 0 && b.money && !set {
		start := len(b.arena)
		b.arena = appendReference(b.arena, 0, c.server.currency)
		b.changes, _ = put(b.changes, cell{t.currency, b.keep(start)})
	}
	return nil
}

// pairStatus sees to it that state and reason fit (section 2.7); cells are those of the existing row, nil for a new one.
func (c *call) pairStatus(t *table, id uuid.UUID, cells []byte) *failure {
	b := &c.body
	stateText, stateSet := get(b.changes, t.state)
	reasonText, reasonSet := get(b.changes, t.status)
	if cells != nil && !stateSet && !reasonSet {
		return nil
	}
	if stateText == nil {
		if stateText = value(cells, t.state); stateText == nil {
			stateText = []byte("0")
		}
		b.changes, _ = put(b.changes, cell{t.state, stateText})
	}
	state, err := strconv.Atoi(string(stateText))
	if err != nil {
		return unexpectedInternal.says("An unexpected error occurred.")
	}
	reasons := t.columns[t.status].Options
	if reasonText == nil { // the state's own default reason
		for _, o := range reasons {
			if o.State == state {
				b.changes, _ = put(b.changes, cell{t.status, strconv.AppendInt(nil, int64(o.Value), 10)})
				break
			}
		}
		return nil
	}
	for _, o := range reasons {
		if strconv.Itoa(o.Value) == string(reasonText) && o.State != state {
			label := ""
			for _, s := range t.columns[t.state].Options {
				if s.Value == state {
					label = s.Label
				}
			}
			return badStatus.says("%d is not a valid status code for state code %sState.%s on %s with Id %s.", o.Value, t.Schema, label, t.Name, id)
		}
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

// A referral is what a write changes in the number of rows that point at others.
type referral struct {
	table *table
	cells []byte
	by    int32
}

// refer notes that the restricting lookups in cells point at their targets once more or less.
func (c *call) refer(t *table, cells []byte, by int32) {
	if len(t.restricts) > 0 {
		c.referrals = append(c.referrals, referral{t, cells, by})
	}
}

// settle counts what was noted. It locks the target tables, so the caller holds no table.
func (c *call) settle() {
	for _, ref := range c.referrals {
		for _, column := range ref.table.restricts {
			index, id, ok := reference(value(ref.cells, column))
			if !ok || !ref.table.columns[column].Targets[index].Restrict {
				continue
			}
			to := c.server.tables[ref.table.columns[column].Targets[index].Table]
			to.mu.RLock()
			if r := to.rows[id]; r != nil {
				r.referrers.Add(ref.by)
			}
			to.mu.RUnlock()
		}
	}
	c.referrals = c.referrals[:0]
}

// delete is DELETE /set(id) and /set(key).
func (c *call) delete(op *batch.Operation, index int, a *address) *reply {
	t := a.table
	c.body.reset()
	if f := c.allowed(t, t.privilege.delete); f != nil {
		return failed(f)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := a.row()
	if r == nil {
		return failed(a.missing())
	}
	if answer := c.precondition(op, a, r); answer != nil {
		return answer
	}
	if r.referrers.Load() > 0 {
		return failed(hasChildren.says("The %s record cannot be deleted because it is associated with other records.", t.Label))
	}
	t.removeRow(r)
	c.refer(t, r.cells, -1)
	if c.set > 0 {
		c.undo = append(c.undo, func() { t.restore(r); c.refer(t, r.cells, 1) })
	}
	c.committed(t, r, OpDelete, op, index, a.segment)
	c.success = reply{status: http.StatusNoContent}
	return &c.success
}

// restore brings a deleted row back to its place.
func (t *table) restore(r *row) {
	t.order = slices.DeleteFunc(t.order, func(o *row) bool { return o == r })
	t.addRow(r)
	slices.SortFunc(t.order, func(a, b *row) int { return cmp.Compare(a.serial, b.serial) })
}

// committed enters a write into the journal. The caller holds t.mu, so that a row's entries are in the order of its writes; those of a
// change set wait for its end.
func (c *call) committed(t *table, r *row, kind string, op *batch.Operation, index int, segment []byte) {
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

// written is the answer to a successful create or update: 204, or the row when it is asked for.
func (c *call) written(op *batch.Operation, t *table, r *row, segment []byte, created bool, query []byte) *reply {
	if !prefers(op.Prefer, "return=representation") {
		c.success = reply{status: http.StatusNoContent, set: t.Set, segment: segment, id: r.id}
		return &c.success
	}
	q, f := c.parseQuery(t, query)
	if f != nil {
		return failed(f)
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return &reply{
		status: status, contentType: entityJSON, body: c.entity(t, r, q.selected), etag: r.version, applied: "return=representation",
	}
}

// soleValue reads {"value":…}.
func soleValue(text []byte) ([]byte, bool) {
	r := jsonobject.New(text)
	if !r.Next() || string(r.Name) != "value" {
		return nil, false
	}
	return r.Value, true
}
