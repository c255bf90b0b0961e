package emulator

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// This file is deep insert (section 2.8): a body that is created together with related rows nested in it. All of it is one transaction.

// createRow makes a row of c.body, with what it nests, and enters all of it into the journal. The caller holds t, and has begun a transaction
// when something is nested.
func (c *call) createRow(t *store.Table, id uuid.UUID, op *batch.Operation, index int, segment []byte) (*store.Row, *refusal.Error) {
	if len(c.body.nested) == 0 {
		r, f := c.insert(t, id)
		if f == nil {
			c.committed(t, r, OpCreate, op, index, segment)
		}
		return r, f
	}
	own := c.body
	defer func() { c.body = own }()
	for _, n := range own.nested {
		if n.link != nil {
			continue
		}
		c.body = own.another()
		r, f := c.createNested(n.to.Table, n.value, op, index, nil)
		if f != nil {
			return nil, f
		}
		c.body = own.another()
		c.body.bound = []boundTo{{n.column, n.to.Table, r.ID}}
		if f := c.allowed(t, t.Privileges.Append); f != nil {
			return nil, f
		}
		own.changes, _ = store.Put(own.changes, store.Cell{Column: n.column, Value: store.AppendReference(nil, n.to.Index, r.ID)})
	}
	c.body = own
	r, f := c.insert(t, id)
	if f != nil {
		return nil, f
	}
	c.committed(t, r, OpCreate, op, index, segment)
	own = c.body
	for _, n := range own.nested {
		if n.link == nil {
			continue
		}
		c.body = own.another()
		under := &parent{*n.link, t, r.ID}
		if n.bound {
			f = c.bindMember(under, n.value, op, index)
		} else {
			_, f = c.createNested(n.link.Table, n.value, op, index, under)
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
func (c *call) createNested(t *store.Table, text []byte, outer *batch.Operation, index int, under *parent) (*store.Row, *refusal.Error) {
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
func (c *call) bindMember(under *parent, url []byte, outer *batch.Operation, index int) *refusal.Error {
	t, id, f := c.locate([]byte(jsonobject.Text(url)))
	if f != nil {
		return f
	}
	if t != under.link.Table {
		return refusal.BadURI.Says("The URI %.200s does not address a record of '%s'.", url, under.link.Table.Name)
	}
	under.bind(&c.body)
	if f := c.allowed(t, t.Privileges.Read); f != nil {
		return f
	}
	_, f = c.write(t.Row(id), &address{table: t, single: true, id: id, segment: store.AppendGUID(nil, id)}, &batch.Operation{IfMatch: []byte("*")}, index)
	return f
}
