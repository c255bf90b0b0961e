package emulator

import (
	"net/http"
	"strconv"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
)

// retrieve is GET /set(id) and /set(key).
func (c *call) retrieve(op *batch.Operation, a *address, text []byte) *reply {
	kept := *a // so that the address of a write need not be on the heap
	return c.retrieveRow(op, kept.table, kept.row, kept.missing, text)
}

// retrieveRow answers with the row that find returns while the table is locked.
func (c *call) retrieveRow(op *batch.Operation, t *table, find func() *row, missing func() *failure, text []byte) *reply {
	d := c.reader(op)
	q, f := d.query(t, text)
	if f != nil {
		return failed(f)
	}
	if q.Filter != nil || q.Order != nil || q.Top >= 0 || q.Count || q.Apply != nil || q.SQL != "" {
		return failed(badURI.says("Query options $orderby, $filter, $apply, $count and $top can be applied only on collections."))
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
	case string(op.IfNoneMatch) == etag(r.version) && q.expands == nil && d.prefer.annotations == nil: // not with these (section 2.11)
		return &reply{status: http.StatusNotModified, etag: r.version}
	case len(op.IfMatch) > 0 && string(op.IfMatch) != "*" && string(op.IfMatch) != etag(r.version):
		return failed(versionMismatch.says("The version of the existing record doesn't match the RowVersion property provided."))
	}
	d.prefer.without("odata.maxpagesize")
	d.prefer.without("odata.track-changes")
	return &reply{status: http.StatusOK, contentType: d.level.contentType(), etag: r.version, body: d.row(q, c.seen(t, r)), applied: d.prefer.echo()}
}

// row renders one row with all that is expanded below it. The tables are locked.
func (d *reader) row(q *query, r *row) []byte {
	d.gather(q, []*row{r})
	return d.entity(q, r)
}

// represent makes the body of a write's answer that was asked to return the row: at once when the query stays in the table, which the caller has
// locked, or else after the operation, when nothing is locked any more.
func (c *call) represent(op *batch.Operation, t *table, r *row, text []byte, answer *reply) *failure {
	d := c.reader(op)
	q, f := d.query(t, text)
	if f != nil {
		return f
	}
	d.prefer.without("odata.maxpagesize")
	d.prefer.without("odata.track-changes")
	d.prefer.applied = append(d.prefer.applied, "return=representation")
	answer.contentType, answer.applied = d.level.contentType(), d.prefer.echo()
	if len(d.tables) == 1 {
		answer.body = d.row(q, c.seen(t, r))
		return nil
	}
	answer.later = func() {
		defer d.lock()()
		answer.body = d.row(q, c.seen(t, r))
	}
	return nil
}

// A collection is what a URL without a key addresses: a set, or the rows that point at a row.
type collection struct {
	table      *table
	path       string    // its URL, relative to the API root
	within     predicate // nil for all rows of the table
	references bool      // only the rows' URLs are asked for
}

// whole is the collection of all rows of a table.
func whole(t *table) collection { return collection{table: t, path: t.Set} }

// list is GET of a collection.
func (c *call) list(op *batch.Operation, l collection, text []byte) *reply {
	d := c.reader(op)
	q, f := d.query(l.table, text)
	if f != nil {
		return failed(f)
	}
	if q.FetchXML != "" {
		return d.fetch(l, q.FetchXML)
	}
	if q.SQL != "" {
		if q, f = d.sql(q); f != nil {
			return failed(f)
		}
	}
	if q.Apply != nil {
		return d.aggregated(q, l.within)
	}
	at, f := readCookie(q.SkipToken)
	if f != nil {
		return failed(f)
	}
	if q.Top >= 0 {
		d.prefer.without("odata.maxpagesize")
	}
	tracked := d.prefer.track || q.DeltaToken != "" || at.tracking > 0
	if tracked {
		if f := trackable(q, l); f != nil {
			return failed(f)
		}
	}
	defer d.lock()()
	switch {
	case q.DeltaToken != "":
		return d.changes(q, l, string(text))
	case tracked && at.tracking == 0:
		at.tracking = c.server.versions.Load()
	}
	p := d.search(q, l.within, d.pageSize(q), at.position)
	out := d.opening(q, p, l.references)
	if l.references {
		out = d.appendReferences(appendMember(out, "value", ""), l.table, p.rows)
	} else {
		d.gather(q, p.rows)
		out = d.appendRows(appendMember(out, "value", ""), q, p.rows)
	}
	switch {
	case p.more && q.Top < 0:
		token := cookie{number: at.number + 1, position: p.last, tracking: at.tracking}.token(l.table, p.rows)
		out = appendQuoted(appendMember(out, "", "@odata.nextLink"), d.link(l.path, string(text), "$skiptoken", token))
	case tracked:
		out = appendQuoted(appendMember(out, "", "@odata.deltaLink"), d.link(l.path, string(text), "$deltatoken", deltaToken(at.tracking, d.now)))
	}
	return &reply{status: http.StatusOK, contentType: d.level.contentType(), body: append(out, '}'), applied: d.prefer.echo()}
}

// appendReferences appends the URLs of rows, as $ref has them.
func (d *reader) appendReferences(dst []byte, t *table, rows []*row) []byte {
	dst = append(dst, '[')
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(append(dst, `{"@odata.id":`...), string(d.c.root)+rowURL(t, r)), '}')
	}
	return append(dst, ']')
}

// opening is the beginning of a collection's answer: context and counts.
func (d *reader) opening(q *query, p page, references bool) []byte {
	out := []byte{'{'}
	context := q.context()
	if references {
		context = "Collection($ref)"
	}
	if d.level != none {
		out = appendQuoted(appendMember(out, "", "@odata.context"), string(d.c.root)+"$metadata#"+context)
	}
	if q.Count {
		out = strconv.AppendInt(appendMember(out, "", "@odata.count"), int64(min(p.total, maxPage)), 10)
	}
	if d.prefer.wants(totalRecordCount) {
		total := -1
		if q.Count {
			total = min(p.total, maxPage)
		}
		out = strconv.AppendInt(appendMember(out, "", "@"+totalRecordCount), int64(total), 10)
	}
	if d.prefer.wants(totalRecordCountLimit) {
		out = strconv.AppendBool(appendMember(out, "", "@"+totalRecordCountLimit), q.Count && p.total > maxPage)
	}
	return out
}

// count is GET of a collection's /$count, with a $filter or without.
func (c *call) count(op *batch.Operation, l collection, text []byte) *reply {
	d := c.reader(op)
	q, f := d.query(l.table, text)
	if f != nil {
		return failed(f)
	}
	defer d.lock()()
	n := 0
	if q.filter == nil && l.within == nil {
		n = c.inView(l.table)
	} else {
		n = d.count(q, l.within)
	}
	return &reply{status: http.StatusOK, contentType: "text/plain", body: strconv.AppendInt(nil, int64(min(n, maxPage)), 10)}
}

// rowURL is a row's URL, relative to the API root.
func rowURL(t *table, r *row) string { return t.Set + "(" + r.id.String() + ")" }
