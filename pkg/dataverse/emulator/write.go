package emulator

import (
	"net/http"

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
	if f := c.mayWrite(t, nil); f != nil {
		return failed(f)
	}
	if c.body.invalid != nil {
		return failed(c.body.invalid)
	}
	id := c.body.id
	if !c.body.hasID {
		id = c.server.newGUID()
	}
	c.lock(t)
	defer c.unlock(t)
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
	c.lock(t)
	defer c.unlock(t)
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

// takeKey fills the key columns that the body does not have from the URL; where it has others, the body wins (section 2.5).
func (c *call) takeKey(a *address) {
	for i := range a.key.columns {
		if _, there := get(c.body.changes, a.cells[i].column); !there {
			c.body.changes, _ = put(c.body.changes, a.cells[i])
		}
	}
}

// written is the answer to a successful create or update: 204, or the row when it is asked for.
func (c *call) written(op *batch.Operation, t *table, r *row, segment []byte, created bool, query []byte) *reply {
	if !prefers(op.Prefer, "return=representation") {
		c.success = reply{status: http.StatusNoContent, set: t.Set, segment: segment, id: r.id}
		return &c.success
	}
	answer := &reply{status: http.StatusOK, etag: r.version}
	if created {
		answer.status = http.StatusCreated
	}
	if f := c.represent(op, t, r, query, answer); f != nil {
		return failed(f)
	}
	return answer
}

// soleValue reads {"value":…}.
func soleValue(text []byte) ([]byte, bool) {
	r := jsonobject.New(text)
	if !r.Next() || string(r.Name) != "value" {
		return nil, false
	}
	return r.Value, true
}
