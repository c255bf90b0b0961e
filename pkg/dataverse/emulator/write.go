package emulator

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/body"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file is the status matrix of section 2.4.

// create is POST /set.
func (c *call) create(op *batch.Operation, index int, a *address, query []byte) *reply {
	t := a.table
	if f := c.prepare(t, op, nil); f != nil {
		return failed(f)
	}
	return c.createPrepared(op, index, t, query, nil)
}

// createPrepared goes on when the body is a row of t that may be created; with a parent, as one of its children.
func (c *call) createPrepared(op *batch.Operation, index int, t *store.Table, query []byte, under *body.Parent) *reply {
	if f := c.representable(op, t, query); f != nil {
		return failed(f)
	}
	if !c.locked && len(c.body.Nested) > 0 {
		return c.transact(func() *reply { // anew, as what the body refers to may go between the locks
			if under != nil && under.Table.Row(under.ID) == nil {
				return failed(missingByID(under.Table, under.ID.String()))
			}
			if f := c.prepare(t, op, under); f != nil {
				return failed(f)
			}
			return c.createPrepared(op, index, t, query, under)
		})
	}
	c.lock(t)
	defer c.unlock(t)
	id, f := c.freeID(t)
	if f != nil {
		return failed(f)
	}
	r, f := c.createRow(t, id, op, index, nil)
	if f != nil {
		return failed(f)
	}
	c.remember(op, referenced{table: t, id: id})
	return c.written(op, t, r, nil, true, query)
}

// prepare decodes op's body into the body as a new row of t, and asks whether the caller may create it. A parent is entered into it.
func (c *call) prepare(t *store.Table, op *batch.Operation, under *body.Parent) *refusal.Error {
	if f := c.body.Decode(t, op.Body, op.ContentType); f != nil {
		return f
	}
	if under != nil {
		under.Bind(&c.body)
	}
	if f := c.allowed(t, t.Privileges.Create); f != nil {
		return f
	}
	if f := c.mayWrite(t, nil); f != nil {
		return f
	}
	return c.body.Invalid
}

// freeID is the GUID of a row that is created: the body's own, or a new one. The caller holds t.
func (c *call) freeID(t *store.Table) (uuid.UUID, *refusal.Error) {
	if !c.body.HasID {
		return c.server.newGUID(), nil
	}
	if t.Row(c.body.ID) != nil {
		return uuid.Nil, refusal.DuplicateRecord.Says("A record with matching key values already exists.")
	}
	return c.body.ID, nil
}

// upsert is PATCH /set(id) and /set(key).
func (c *call) upsert(op *batch.Operation, index int, a *address, query []byte) *reply {
	t := a.table
	if f := c.body.Decode(t, op.Body, op.ContentType); f != nil {
		return failed(f)
	}
	if f := c.representable(op, t, query); f != nil {
		return failed(f)
	}
	if !c.locked && len(c.body.Nested) > 0 {
		return c.transact(func() *reply { return c.upsert(op, index, a, query) })
	}
	if f := c.allowed(t, t.Privileges.Read); f != nil {
		return failed(f)
	}
	if a.key != nil && a.key.Lookups {
		c.bindKey(a)
	}
	c.lock(t)
	defer c.unlock(t)
	r := a.row()
	if f := c.precondition(op, a, r); f != nil {
		return failed(f)
	}
	created := r == nil
	r, f := c.write(r, a, op, index)
	if f != nil {
		return failed(f)
	}
	c.remember(op, referenced{table: t, id: r.ID, key: a.segment})
	return c.written(op, t, r, a.segment, created, query)
}

// write puts the body into r, or creates the addressed row when r is nil. The caller holds the table.
func (c *call) write(r *store.Row, a *address, op *batch.Operation, index int) (*store.Row, *refusal.Error) {
	t := a.table
	if f := c.mayWrite(t, r); f != nil {
		return nil, f
	}
	if c.body.Invalid != nil {
		return nil, c.body.Invalid
	}
	if r != nil {
		if len(c.body.Nested) > 0 {
			return nil, refusal.Payload(t.Set, "Microsoft.Crm.CrmException: Deep update of navigation properties is not allowed.")
		}
		// An upsert replaces the whole row of an elastic table; an update does not.
		if f := c.update(t, r, a, t.Kind == schema.KindElastic && len(op.IfMatch) == 0); f != nil {
			return nil, f
		}
		c.committed(t, r, journal.OpUpdate, op, index, a.segment)
		return r, nil
	}
	id := a.id
	if a.key != nil {
		if a.unbound != nil {
			return nil, a.unbound
		}
		c.takeKey(a)
		var f *refusal.Error
		if id, f = c.freeID(t); f != nil {
			return nil, f
		}
	}
	return c.createRow(t, id, op, index, a.segment)
}

// precondition judges If-Match and If-None-Match of a write.
func (c *call) precondition(op *batch.Operation, a *address, r *store.Row) *refusal.Error {
	if len(op.IfMatch) > 0 {
		switch {
		case r == nil:
			return a.missing()
		case string(op.IfMatch) == "*":
		case a.table.OptimisticOff:
			return refusal.ConcurrencyOff.Says("Optimistic concurrency isn't enabled for entity type %s.", a.table.Name)
		case string(op.IfMatch) != etag(r.Version):
			return refusal.VersionMismatch.Says("The version of the existing record doesn't match the RowVersion property provided.")
		}
	}
	if string(op.IfNoneMatch) == "*" {
		switch {
		case r != nil:
			return refusal.DuplicateRecord.Says("A record with matching key values already exists.")
		case a.key != nil: // captured: keyed create-only creates nothing
			return a.missing()
		}
	}
	return nil
}

// bindKey finds the rows that the lookups of a key point at: a URL does not say of which table they are. It locks those tables.
func (c *call) bindKey(a *address) {
	for i, column := range a.key.Columns {
		col := &a.table.Columns[column]
		if !col.IsLookup() {
			continue
		}
		_, id, _ := store.Reference(a.cells[i].Value)
		found := false
		for n, target := range col.Targets {
			to := c.server.tables[target.Table]
			c.rlock(to)
			exists := to.Row(id) != nil
			c.runlock(to)
			if exists && !found {
				a.cells[i].Value, found = store.AppendReference(nil, byte(n), id), true
			}
		}
		if !found && a.unbound == nil {
			a.unbound = missingByID(c.server.tables[col.Targets[0].Table], id.String())
		}
	}
}

// takeKey fills the key columns that the body does not have from the URL; where it has others, the body wins (section 2.5).
func (c *call) takeKey(a *address) {
	for i := range a.key.Columns {
		if _, there := store.Get(c.body.Changes, a.cells[i].Column); !there {
			c.body.Changes, _ = store.Put(c.body.Changes, a.cells[i])
		}
	}
}

// written is the answer to a successful create or update: 204, or the row when it is asked for.
func (c *call) written(op *batch.Operation, t *store.Table, r *store.Row, segment []byte, created bool, query []byte) *reply {
	if !prefers(op.Prefer, "return=representation") {
		c.success = reply{status: http.StatusNoContent, set: t.Set, segment: segment, id: r.ID, session: t.Kind == schema.KindElastic}
		return &c.success
	}
	answer := &reply{status: http.StatusOK, etag: r.Version, session: t.Kind == schema.KindElastic}
	if created {
		answer.status = http.StatusCreated
	}
	if f := c.represent(op, t, r, query, answer); f != nil {
		return failed(f)
	}
	return answer
}

// representable fails when the answer is to show the row by a query that is wrong: nothing is written then.
func (c *call) representable(op *batch.Operation, t *store.Table, query []byte) *refusal.Error {
	if len(query) == 0 || !prefers(op.Prefer, "return=representation") {
		return nil
	}
	_, f := c.reader(op).Query(t, query)
	return f
}
