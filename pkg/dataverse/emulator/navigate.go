package emulator

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/query"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// navigate is GET of what is below a set or a row: a column, the row that a lookup points at, the rows of a collection, their references and counts.
func (c *call) navigate(op *batch.Operation, a *address, options []byte) *reply {
	segments := strings.Split(string(a.rest[1:]), "/")
	if !a.single {
		return c.ofCollection(op, query.Whole(a.table), segments, options)
	}
	kept := *a // so that the address of a write need not be on the heap
	w := walk{c: c, table: a.table, find: kept.row, missing: kept.missing}
	for {
		name := segments[0]
		base, key, _ := strings.Cut(name, "(")
		column, isColumn := w.table.Readable[name]
		p := w.table.Properties[name]
		in, isCollection := w.table.Incoming[base]
		switch {
		case isColumn:
			return w.column(column, segments[1:])
		case isCollection && key == "":
			return w.collection(op, in, name, segments[1:], options)
		case isCollection:
			if f := w.member(in, strings.TrimSuffix(key, ")")); f != nil {
				return failed(f)
			}
		case p.Kind == store.Navigation:
			found, f := w.follow(p)
			if f != nil {
				return failed(f)
			}
			if !found {
				return &reply{status: http.StatusNoContent}
			}
		default:
			return failed(refusal.SegmentMissing.Says("Resource not found for the segment '%s'.", name))
		}
		if segments = segments[1:]; len(segments) == 0 {
			return c.retrieveRow(op, w.table, w.find, w.missing, options)
		}
		if len(segments) == 1 && segments[0] == "$ref" {
			return w.reference()
		}
	}
}

// A walk goes from row to row along a path. It holds no lock between its steps.
type walk struct {
	c       *call
	table   *store.Table
	find    func() *store.Row
	missing func() *refusal.Error
}

// look calls f with the row where the walk stands.
func (w *walk) look(f func(*store.Row)) *refusal.Error {
	if f := w.c.denied(w.table, w.table.Privileges.Read); f != nil {
		return f
	}
	w.table.RLock()
	defer w.table.RUnlock()
	r := w.find()
	if r == nil {
		return w.missing()
	}
	if f := w.c.mayRead(w.table, r); f != nil {
		return f
	}
	f(w.c.seen(w.table, r))
	return nil
}

// step goes to a row of another table.
func (w *walk) step(t *store.Table, id uuid.UUID) {
	w.table = t
	w.find = func() *store.Row { return t.Row(id) }
	w.missing = func() *refusal.Error { return missingByID(t, id.String()) }
}

// follow goes to the row that a lookup points at, if it points at one.
func (w *walk) follow(p store.Property) (found bool, f *refusal.Error) {
	var cell []byte
	if f := w.look(func(r *store.Row) { cell = append(cell, store.Value(r.Cells, p.Column)...) }); f != nil {
		return false, f
	}
	index, id, ok := store.Reference(cell)
	for _, to := range p.Targets {
		if ok && to.Index == index {
			w.step(to.Table, id)
			return true, nil
		}
	}
	return false, nil
}

// member goes to one row of a collection, which its GUID names.
func (w *walk) member(in store.Incoming, key string) *refusal.Error {
	var parent uuid.UUID
	if f := w.look(func(r *store.Row) { parent = r.ID }); f != nil {
		return f
	}
	id, ok := store.ParseGUID([]byte(key))
	if !ok {
		return unrecognized()
	}
	w.step(in.Table, id)
	inside := false
	if f := w.look(func(r *store.Row) { inside = in.Holds(r, parent) }); f != nil {
		return f
	}
	if !inside {
		return w.missing()
	}
	return nil
}

// collection answers with the rows that point at the one where the walk stands.
func (w *walk) collection(op *batch.Operation, in store.Incoming, name string, rest []string, options []byte) *reply {
	var parent uuid.UUID
	if f := w.look(func(r *store.Row) { parent = r.ID }); f != nil {
		return failed(f)
	}
	path := w.table.Set + "(" + parent.String() + ")/" + name
	within := func(r *store.Row) bool { return in.Holds(r, parent) }
	return w.c.ofCollection(op, query.Collection{Table: in.Table, Path: path, Within: within}, rest, options)
}

// ofCollection answers with a collection, or with what rest says of it: $count or $ref.
func (c *call) ofCollection(op *batch.Operation, l query.Collection, rest []string, query []byte) *reply {
	switch {
	case len(rest) == 0:
		return c.list(op, l, query)
	case len(rest) == 1 && rest[0] == "$count":
		return c.count(op, l, query)
	case len(rest) == 1 && rest[0] == "$ref":
		l.Path, l.References = l.Path+"/$ref", true
		return c.list(op, l, query)
	}
	return failed(refusal.SegmentMissing.Says("Resource not found for the segment '%s'.", rest[0]))
}

// column answers with one value, or with its text alone for $value. Null is 204.
func (w *walk) column(column int, rest []string) *reply {
	raw := len(rest) == 1 && rest[0] == "$value"
	if len(rest) > 0 && !raw {
		return failed(refusal.SegmentMissing.Says("Resource not found for the segment '%s'.", rest[0]))
	}
	var v []byte
	var id uuid.UUID
	if f := w.look(func(r *store.Row) { v, id = w.table.Read(nil, r, column), r.ID }); f != nil {
		return failed(f)
	}
	switch {
	case len(v) == 0:
		return &reply{status: http.StatusNoContent}
	case raw:
		text := string(v)
		if v[0] == '"' {
			text = jsonobject.Text(v)
		}
		return &reply{status: http.StatusOK, contentType: "text/plain", body: []byte(text)}
	}
	context := string(w.c.root) + "$metadata#" + w.table.Set + "(" + id.String() + ")/" + store.ReadName(&w.table.Columns[column])
	out := jsonobject.AppendQuoted([]byte(`{"@odata.context":`), context)
	return &reply{status: http.StatusOK, contentType: query.EntityJSON, body: append(append(append(out, `,"value":`...), v...), '}')}
}

// reference answers with the URL of the row where the walk stands.
func (w *walk) reference() *reply {
	var address string
	if f := w.look(func(r *store.Row) { address = query.RowURL(w.table, r) }); f != nil {
		return failed(f)
	}
	out := jsonobject.AppendQuoted([]byte(`{"@odata.context":`), string(w.c.root)+"$metadata#$ref")
	out = jsonobject.AppendQuoted(append(out, `,"@odata.id":`...), string(w.c.root)+address)
	return &reply{status: http.StatusOK, contentType: query.EntityJSON, body: append(out, '}')}
}
