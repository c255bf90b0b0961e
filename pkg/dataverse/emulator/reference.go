package emulator

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/body"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// below executes an operation on something of a set or row: one column, a lookup's reference, a collection, a count, a message.
func (c *call) below(op *batch.Operation, index int, a *address, query []byte) *reply {
	name := string(a.rest[1:])
	method, message := string(op.Method), strings.TrimPrefix(name, "Microsoft.Dynamics.CRM.")
	switch {
	case a.single && method == http.MethodGet && isPrincipalFunction(a.table, name):
		return c.principalFunction(a, name, string(query))
	case method == http.MethodGet:
		return c.navigate(op, a, query)
	case !a.single && schema.Bulk(message) && method == http.MethodPost:
		return c.bulk(op, index, a.table, message)
	case !a.single:
		return failed(refusal.NotImplemented.Says("The emulator does not know '%s' of '%s'.", name, a.table.Set))
	}
	property, isReference := strings.CutSuffix(name, "/$ref")
	member := ""
	if i := strings.IndexByte(property, '('); i > 0 && strings.HasSuffix(property, ")") {
		property, member = property[:i], property[i+1:len(property)-1]
	}
	if l, ok := a.table.Incoming[property]; ok {
		return c.inCollection(op, index, a, query, l, member, isReference)
	}
	p, ok := a.table.Properties[property]
	if !ok || p.Kind == store.Bind || p.Kind == store.Logical || member != "" {
		return failed(refusal.SegmentMissing.Says("Resource not found for the segment '%s'.", property))
	}
	if (p.Kind == store.Navigation) != isReference {
		return failed(refusal.MethodNotAllowed.Says("The requested resource does not support http method '%s'.", method))
	}
	return c.oneProperty(op, index, a, query, property, isReference)
}

// oneProperty is PUT and DELETE of a column or of the reference in a single-valued navigation property.
func (c *call) oneProperty(op *batch.Operation, index int, a *address, query []byte, property string, isReference bool) *reply {
	var text []byte
	switch method := string(op.Method); {
	case method == http.MethodDelete:
		text = []byte(`{"` + property + `":null}`)
		if id := parameters(string(query)).Get("$id"); id != "" {
			if f := c.pointsAt(a, property, id); f != nil {
				return failed(f)
			}
		}
	case method != http.MethodPut:
		return failed(refusal.MethodNotAllowed.Says("The requested resource does not support http method '%s'.", method))
	case isReference:
		url, ok := soleMember(op.Body, "@odata.id")
		if !ok {
			return failed(refusal.Payload(a.table.Set, "Microsoft.OData.ODataException: The body of a PUT on $ref is an object with '@odata.id'."))
		}
		text = append(append([]byte(`{"`+property+`@odata.bind":`), url...), '}')
	default:
		v, ok := soleMember(op.Body, "value")
		if !ok {
			return failed(refusal.Payload(a.table.Set, "Microsoft.OData.ODataException: The body of a PUT on a property is an object with 'value'."))
		}
		text = append(append([]byte(`{"`+property+`":`), v...), '}')
	}
	return c.updateOnly(op, index, a, text)
}

// updateOnly writes a body to a row that is there. The answer has neither Location nor OData-EntityId (section 3.2).
func (c *call) updateOnly(op *batch.Operation, index int, a *address, text []byte) *reply {
	change := *op
	change.Body, change.Prefer, change.IfNoneMatch = text, nil, nil
	if len(op.IfMatch) == 0 {
		change.IfMatch = []byte("*")
	}
	answer := c.upsert(&change, index, a, nil)
	answer.set = ""
	return answer
}

// pointsAt fails unless the row's lookup points at the row of that URL.
func (c *call) pointsAt(a *address, property, url string) *refusal.Error {
	_, id, f := c.locate([]byte(url))
	if f != nil {
		return f
	}
	c.rlock(a.table)
	defer c.runlock(a.table)
	r := a.row()
	if r == nil {
		return a.missing()
	}
	if _, now, ok := store.Reference(store.Value(r.Cells, a.table.Properties[property].Column)); !ok || now != id {
		return refusal.BadURI.Says("The record is not associated with '%s' by '%s'.", url, property)
	}
	return nil
}

// inCollection is what can be done with a collection-valued navigation property: create a row in it, add one, remove one.
func (c *call) inCollection(op *batch.Operation, index int, a *address, query []byte, l store.Incoming, member string, isReference bool) *reply {
	c.rlock(a.table)
	r := a.row()
	c.runlock(a.table)
	if r == nil {
		return failed(a.missing())
	}
	switch method := string(op.Method); {
	case method == http.MethodPost && member == "" && !isReference:
		under := &body.Parent{Link: l, Table: a.table, ID: r.ID}
		if f := c.prepare(l.Table, op, under); f != nil {
			return failed(f)
		}
		return c.createPrepared(op, index, l.Table, query, under)
	case method == http.MethodPost && member == "":
		url, ok := soleMember(op.Body, "@odata.id")
		if !ok {
			return failed(refusal.Payload(a.table.Set, "Microsoft.OData.ODataException: The body of a POST on $ref is an object with '@odata.id'."))
		}
		text := append([]byte(`{"`+l.Target().Navigation+`@odata.bind":"`+a.table.Set+"("), r.ID.String()...)
		return c.updateMember(op, index, l, []byte(jsonobject.Text(url)), append(text, `)"}`...))
	case method == http.MethodDelete && isReference:
		url := parameters(string(query)).Get("$id")
		if member != "" {
			url = l.Table.Set + "(" + member + ")"
		}
		child, id, f := c.locate([]byte(url))
		if f != nil {
			return failed(f)
		}
		if child == l.Table {
			at := address{table: child, single: true, id: id, segment: store.AppendGUID(nil, id)}
			if f := c.pointsAt(&at, l.Target().Navigation, a.table.Set+"("+r.ID.String()+")"); f != nil {
				return failed(f)
			}
		}
		return c.updateMember(op, index, l, []byte(url), []byte(`{"`+l.Target().Navigation+`":null}`))
	default:
		return failed(refusal.MethodNotAllowed.Says("The requested resource does not support http method '%s'.", method))
	}
}

// updateMember writes a body to the row of that URL, which can be in the collection.
func (c *call) updateMember(op *batch.Operation, index int, l store.Incoming, url, text []byte) *reply {
	t, id, f := c.locate(url)
	if f != nil {
		return failed(f)
	}
	if t != l.Table {
		return failed(refusal.BadURI.Says("The URI '%.200s' does not address a record of '%s'.", url, l.Table.Name))
	}
	return c.updateOnly(op, index, &address{table: t, single: true, id: id, segment: store.AppendGUID(nil, id)}, text)
}

// soleMember reads the member of that name from an object with no other but annotations.
func soleMember(text []byte, name string) (v []byte, ok bool) {
	r := jsonobject.New(text)
	for r.Next() {
		switch {
		case string(r.Name) == name:
			v, ok = r.Value, true
		case !bytes.HasPrefix(r.Name, []byte("@")):
			return nil, false
		}
	}
	return v, ok && r.Err() == nil
}
