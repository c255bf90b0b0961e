package query

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A Collection is what a URL without a key addresses: a set, or the rows that point at a row.
type Collection struct {
	Table      *store.Table
	Path       string    // its URL, relative to the API root
	Within     predicate // nil for all rows of the table
	References bool      // only the rows' URLs are asked for
}

// Whole is the collection of all rows of a table.
func Whole(t *store.Table) Collection { return Collection{Table: t, Path: t.Set} }

// List answers a query of a collection: with rows, groups, or what changed of them.
func (d *Reader) List(l Collection, text []byte) ([]byte, *refusal.Error) {
	q, f := d.Query(l.Table, text)
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
		return d.aggregated(q, l.Within)
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
	defer d.Lock()()
	switch {
	case q.DeltaToken != "":
		return d.changes(q, l, string(text))
	case tracked && at.tracking == 0:
		at.tracking = d.Version()
	}
	p := d.search(q, l.Within, d.pageSize(q), at.position)
	out := d.opening(q, p, l.References)
	if l.References {
		out = d.appendReferences(appendMember(out, "value", ""), l.Table, p.rows)
	} else {
		d.gather(q, p.rows)
		out = d.appendRows(appendMember(out, "value", ""), q, p.rows)
	}
	switch {
	case p.more && q.Top < 0:
		token := cookie{number: at.number + 1, position: p.last, tracking: at.tracking}.token(l.Table, p.rows)
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.nextLink"), d.link(l.Path, string(text), "$skiptoken", token))
	case tracked:
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.deltaLink"), d.link(l.Path, string(text), "$deltatoken", deltaToken(at.tracking, d.now)))
	}
	return append(out, '}'), nil
}

// appendReferences appends the URLs of rows, as $ref has them.
func (d *Reader) appendReferences(dst []byte, t *store.Table, rows []*store.Row) []byte {
	dst = append(dst, '[')
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonobject.AppendQuoted(append(dst, `{"@odata.id":`...), d.Root+RowURL(t, r)), '}')
	}
	return append(dst, ']')
}

// opening is the beginning of a collection's answer: context and counts.
func (d *Reader) opening(q *Query, p page, references bool) []byte {
	out := []byte{'{'}
	context := q.context()
	if references {
		context = "Collection($ref)"
	}
	if d.level != none {
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.context"), d.Root+"$metadata#"+context)
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

// Count counts the rows of a collection, with a $filter or without, to 5,000.
func (d *Reader) Count(l Collection, text []byte) (int, *refusal.Error) {
	q, f := d.Query(l.Table, text)
	if f != nil {
		return 0, f
	}
	defer d.Lock()()
	if q.filter == nil && l.Within == nil && d.View(l.Table) == nil {
		return min(l.Table.Len(), maxPage), nil
	}
	return min(d.matching(q, l.Within), maxPage), nil
}

// Ids returns the ids of all rows that a query of logical names finds.
func (d *Reader) Ids(t *store.Table, o odata.Options) ([]uuid.UUID, *refusal.Error) {
	readNames(t, &o)
	q, f := d.bind(t, o)
	if f != nil {
		return nil, f
	}
	defer d.Lock()()
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

// RowURL is a row's URL, relative to the API root.
func RowURL(t *store.Table, r *store.Row) string { return t.Set + "(" + r.ID.String() + ")" }
