package emulator

import (
	"net/http"
	"strconv"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/query"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// retrieve is GET /set(id) and /set(key).
func (c *call) retrieve(op *batch.Operation, a *address, text []byte) *reply {
	kept := *a // so that the address of a write need not be on the heap
	return c.retrieveRow(op, kept.table, kept.row, kept.missing, text)
}

// retrieveRow answers with the row that find returns while the table is locked.
func (c *call) retrieveRow(op *batch.Operation, t *store.Table, find func() *store.Row, missing func() *refusal.Error, text []byte) *reply {
	d := c.reader(op)
	q, f := d.Single(t, text)
	if f != nil {
		return failed(f)
	}
	defer d.Lock()()
	r := find()
	if r == nil {
		return failed(missing())
	}
	if f := c.mayRead(t, r); f != nil {
		return failed(f)
	}
	switch {
	case string(op.IfNoneMatch) == etag(r.Version) && d.Plain(q): // not with these (section 2.11)
		return &reply{status: http.StatusNotModified, etag: r.Version}
	case len(op.IfMatch) > 0 && string(op.IfMatch) != "*" && string(op.IfMatch) != etag(r.Version):
		return failed(refusal.VersionMismatch.Says("The version of the existing record doesn't match the RowVersion property provided."))
	}
	return &reply{status: http.StatusOK, contentType: d.ContentType(), etag: r.Version, body: d.Entity(q, c.seen(t, r)), applied: d.Applied()}
}

// represent makes the body of a write's answer that was asked to return the row: at once when the query stays in the table, which the caller has
// locked, or else after the operation, when nothing is locked any more.
func (c *call) represent(op *batch.Operation, t *store.Table, r *store.Row, text []byte, answer *reply) *refusal.Error {
	d := c.reader(op)
	q, f := d.Query(t, text)
	if f != nil {
		return f
	}
	d.Represents()
	answer.contentType, answer.applied = d.ContentType(), d.Applied()
	if d.InOneTable() {
		answer.body = d.Entity(q, c.seen(t, r))
		return nil
	}
	answer.later = func() {
		defer d.Lock()()
		answer.body = d.Entity(q, c.seen(t, r))
	}
	return nil
}

// reader begins a read as the caller of the operation.
func (c *call) reader(op *batch.Operation) *query.Reader {
	return query.NewReader(query.Caller{
		Tables: c.server.tables, Root: string(c.root), User: c.actor.id, Unit: c.rights.Unit, View: c.view, Version: c.server.versions.Load,
		Denied:     func(t *store.Table) *refusal.Error { return c.denied(t, t.Privileges.Read) },
		InOperator: c.server.config.Assumptions.InOperator,
	}, op.Prefer, op.Accept)
}

// list is GET of a collection.
func (c *call) list(op *batch.Operation, l query.Collection, text []byte) *reply {
	d := c.reader(op)
	body, f := d.List(l, text)
	if f != nil {
		return failed(f)
	}
	return &reply{status: http.StatusOK, contentType: d.ContentType(), body: body, applied: d.Applied()}
}

// count is GET of a collection's /$count, with a $filter or without.
func (c *call) count(op *batch.Operation, l query.Collection, text []byte) *reply {
	n, f := c.reader(op).Count(l, text)
	if f != nil {
		return failed(f)
	}
	return &reply{status: http.StatusOK, contentType: "text/plain", body: strconv.AppendInt(nil, int64(n), 10)}
}
