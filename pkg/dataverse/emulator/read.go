package emulator

import (
	"net/http"
	"strconv"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
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
	q, f := d.single(t, text)
	if f != nil {
		return failed(f)
	}
	defer d.lock()()
	r := find()
	if r == nil {
		return failed(missing())
	}
	if f := c.mayRead(t, r); f != nil {
		return failed(f)
	}
	switch {
	case string(op.IfNoneMatch) == etag(r.Version) && d.plain(q): // not with these (section 2.11)
		return &reply{status: http.StatusNotModified, etag: r.Version}
	case len(op.IfMatch) > 0 && string(op.IfMatch) != "*" && string(op.IfMatch) != etag(r.Version):
		return failed(refusal.VersionMismatch.Says("The version of the existing record doesn't match the RowVersion property provided."))
	}
	return &reply{status: http.StatusOK, contentType: d.contentType(), etag: r.Version, body: d.row(q, c.seen(t, r)), applied: d.applied()}
}

// represent makes the body of a write's answer that was asked to return the row: at once when the query stays in the table, which the caller has
// locked, or else after the operation, when nothing is locked any more.
func (c *call) represent(op *batch.Operation, t *store.Table, r *store.Row, text []byte, answer *reply) *refusal.Error {
	d := c.reader(op)
	q, f := d.query(t, text)
	if f != nil {
		return f
	}
	d.represents()
	answer.contentType, answer.applied = d.contentType(), d.applied()
	if d.inOneTable() {
		answer.body = d.row(q, c.seen(t, r))
		return nil
	}
	answer.later = func() {
		defer d.lock()()
		answer.body = d.row(q, c.seen(t, r))
	}
	return nil
}

// reader begins a read as the caller of the operation.
func (c *call) reader(op *batch.Operation) *reader {
	return newReader(caller{
		tables: c.server.tables, root: string(c.root), user: c.actor.id, unit: c.rights.Unit, view: c.view, version: c.server.versions.Load,
		denied:     func(t *store.Table) *refusal.Error { return c.denied(t, t.Privileges.Read) },
		inOperator: c.server.config.Assumptions.InOperator,
	}, op.Prefer, op.Accept)
}

// list is GET of a collection.
func (c *call) list(op *batch.Operation, l collection, text []byte) *reply {
	d := c.reader(op)
	body, f := d.list(l, text)
	if f != nil {
		return failed(f)
	}
	return &reply{status: http.StatusOK, contentType: d.contentType(), body: body, applied: d.applied()}
}

// count is GET of a collection's /$count, with a $filter or without.
func (c *call) count(op *batch.Operation, l collection, text []byte) *reply {
	n, f := c.reader(op).count(l, text)
	if f != nil {
		return failed(f)
	}
	return &reply{status: http.StatusOK, contentType: "text/plain", body: strconv.AppendInt(nil, int64(n), 10)}
}
