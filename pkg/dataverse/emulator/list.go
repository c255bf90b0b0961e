package emulator

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A collection is what a URL without a key addresses: a set, or the rows that point at a row.
type collection struct {
	table      *store.Table
	path       string    // its URL, relative to the API root
	within     predicate // nil for all rows of the table
	references bool      // only the rows' URLs are asked for
}

// whole is the collection of all rows of a table.
func whole(t *store.Table) collection { return collection{table: t, path: t.Set} }

// list answers a query of a collection: with rows, groups, or what changed of them.
func (d *reader) list(l collection, text []byte) ([]byte, *refusal.Error) {
	q, f := d.query(l.table, text)
	if f != nil {
		return nil, f
	}
	if q.FetchXML != "" {
		return d.fetch(l, q.FetchXML)
	}
	if q.SQL != "" {
		if q, f = d.sql(q); f != nil {
			return nil, f
		}
	}
	if q.Apply != nil {
		return d.aggregated(q, l.within)
	}
	at, f := readCookie(q.SkipToken)
	if f != nil {
		return nil, f
	}
	if q.Top >= 0 {
		d.prefer.without("odata.maxpagesize")
	}
	tracked := d.prefer.track || q.DeltaToken != "" || at.tracking > 0
	if tracked {
		if f := trackable(q, l); f != nil {
			return nil, f
		}
	}
	defer d.lock()()
	switch {
	case q.DeltaToken != "":
		return d.changes(q, l, string(text))
	case tracked && at.tracking == 0:
		at.tracking = d.version()
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
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.nextLink"), d.link(l.path, string(text), "$skiptoken", token))
	case tracked:
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.deltaLink"), d.link(l.path, string(text), "$deltatoken", deltaToken(at.tracking, d.now)))
	}
	return append(out, '}'), nil
}

// appendReferences appends the URLs of rows, as $ref has them.
func (d *reader) appendReferences(dst []byte, t *store.Table, rows []*store.Row) []byte {
	dst = append(dst, '[')
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonobject.AppendQuoted(append(dst, `{"@odata.id":`...), d.root+rowURL(t, r)), '}')
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
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.context"), d.root+"$metadata#"+context)
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

// count counts the rows of a collection, with a $filter or without, to 5,000.
func (d *reader) count(l collection, text []byte) (int, *refusal.Error) {
	q, f := d.query(l.table, text)
	if f != nil {
		return 0, f
	}
	defer d.lock()()
	if q.filter == nil && l.within == nil && d.view(l.table) == nil {
		return min(l.table.Len(), maxPage), nil
	}
	return min(d.matching(q, l.within), maxPage), nil
}

// ids returns the ids of all rows that a query of logical names finds.
func (d *reader) ids(t *store.Table, o odata.Options) ([]uuid.UUID, *refusal.Error) {
	readNames(t, &o)
	q, f := d.bind(t, o)
	if f != nil {
		return nil, f
	}
	defer d.lock()()
	size := q.Top
	if size < 0 {
		size = t.Len()
	}
	rows := d.search(q, nil, size, nil).rows
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, nil
}

// rowURL is a row's URL, relative to the API root.
func rowURL(t *store.Table, r *store.Row) string { return t.Set + "(" + r.ID.String() + ")" }
