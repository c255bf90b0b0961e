package emulator

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/body"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// This file is deep insert (section 2.8): a body that is created together with related rows nested in it. All of it is one transaction.

// createRow makes a row of the body, with what it nests, and enters all of it into the journal. The caller holds t, and has begun a transaction
// when something is nested.
func (c *call) createRow(t *store.Table, id uuid.UUID, op *batch.Operation, index int, segment []byte) (*store.Row, *refusal.Error) {
	if len(c.body.Nested) == 0 {
		r, f := c.insert(t, id)
		if f == nil {
			c.committed(t, r, journal.OpCreate, op, index, segment)
		}
		return r, f
	}
	own := c.body
	defer func() { c.body = own }()
	for _, n := range own.Nested {
		if n.Link != nil {
			continue
		}
		c.body = own.Another()
		r, f := c.createNested(n.To.Table, n.Value, op, index, nil)
		if f != nil {
			return nil, f
		}
		c.body = own.Another()
		c.body.Bound = []body.Bound{{Column: n.Column, Table: n.To.Table, ID: r.ID}}
		if f := c.allowed(t, t.Privileges.Append); f != nil {
			return nil, f
		}
		own.Changes, _ = store.Put(own.Changes, store.Cell{Column: n.Column, Value: store.AppendReference(nil, n.To.Index, r.ID)})
	}
	c.body = own
	r, f := c.insert(t, id)
	if f != nil {
		return nil, f
	}
	c.committed(t, r, journal.OpCreate, op, index, segment)
	own = c.body
	for _, n := range own.Nested {
		if n.Link == nil {
			continue
		}
		c.body = own.Another()
		under := &body.Parent{Link: *n.Link, Table: t, ID: r.ID}
		if n.Bound {
			f = c.bindMember(under, n.Value, op, index)
		} else {
			_, f = c.createNested(n.Link.Table, n.Value, op, index, under)
		}
		if f != nil {
			return nil, f
		}
	}
	return r, nil
}

// maxNesting is how deep OData's reader follows rows in rows (ODataMessageQuotas).
const maxNesting = 100

// createNested creates the row that a nested object describes.
func (c *call) createNested(t *store.Table, text []byte, outer *batch.Operation, index int, under *body.Parent) (*store.Row, *refusal.Error) {
	if c.nesting == maxNesting {
		return nil, refusal.Payload(t.Set, "Microsoft.OData.ODataException: The depth limit for entries in nested expanded navigation links was reached. "+
			"The number of nested expanded entries cannot exceed %d.", maxNesting)
	}
	c.nesting++
	defer func() { c.nesting-- }()
	op := batch.Operation{Method: []byte(http.MethodPost), Body: text, ContentType: outer.ContentType}
	if f := c.prepare(t, &op, under); f != nil {
		return nil, f
	}
	id, f := c.freeID(t)
	if f != nil {
		return nil, f
	}
	return c.createRow(t, id, &op, index, nil)
}

// bindMember points an existing row at a parent; url is a JSON string.
func (c *call) bindMember(under *body.Parent, url []byte, outer *batch.Operation, index int) *refusal.Error {
	t, id, f := c.locate([]byte(jsonobject.Text(url)))
	if f != nil {
		return f
	}
	if t != under.Link.Table {
		return refusal.BadURI.Says("The URI %.200s does not address a record of '%s'.", url, under.Link.Table.Name)
	}
	under.Bind(&c.body)
	if f := c.allowed(t, t.Privileges.Read); f != nil {
		return f
	}
	_, f = c.write(t.Row(id), &address{table: t, single: true, id: id, segment: store.AppendGUID(nil, id)}, &batch.Operation{IfMatch: []byte("*")}, index)
	return f
}
