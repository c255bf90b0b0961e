package query

import (
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/fetchxml"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// fetch answers GET /set?fetchXml=…: a query like any other, but for its pages, which a cookie in the XML itself continues.
func (d *Reader) fetch(l Collection, text string) ([]byte, *refusal.Error) {
	t := l.Table
	x, err := fetchxml.Parse(text)
	if err != nil {
		return nil, Unreadable(err)
	}
	if x.Table != t.Name {
		return nil, refusal.BadURI.Says("The entity name '%s' of the FetchXML is not that of the entity set '%s'.", x.Table, t.Set)
	}
	readNames(t, &x.Options)
	q, f := d.bind(t, x.Options)
	if f != nil {
		return nil, f
	}
	size := d.pageSize(q)
	if x.Size > 0 {
		size = min(x.Size, maxPage)
	}
	at, f := readPosition(x.Cookie)
	if f != nil {
		return nil, f
	}
	skip := 0
	if at.position == nil {
		skip = size * (x.Page - 1)
	}
	defer d.Lock()()
	p := d.search(q, l.Within, skip+size, at.position)
	p.rows = p.rows[min(skip, len(p.rows)):]
	d.gather(q, p.rows)
	out := d.opening(q, p, false)
	if p.more && q.Top < 0 {
		if d.prefer.wants(pagingCookie) {
			out = jsonobject.AppendQuoted(appendMember(out, "", "@"+pagingCookie), cookie{number: x.Page + 1, position: p.last}.element(t, p.rows))
		}
		if d.prefer.wants(moreRecords) {
			out = append(appendMember(out, "", "@"+moreRecords), "true"...)
		}
	}
	out = d.appendRows(appendMember(out, "value", ""), q, p.rows)
	return append(out, '}'), nil
}

// readNames replaces logical names by the names that queries have: lookups as _x_value.
func readNames(t *store.Table, o *odata.Options) {
	name := func(logical string) string {
		if column, ok := t.ByName[logical]; ok {
			return store.ReadName(&t.Columns[column])
		}
		return logical
	}
	var in func(odata.Expression)
	in = func(e odata.Expression) {
		switch e := e.(type) {
		case odata.Path:
			e[0] = name(e[0])
		case *odata.Binary:
			in(e.Left)
			in(e.Right)
		case *odata.Not:
			in(e.Of)
		case *odata.Call:
			for _, a := range e.Arguments {
				in(a)
			}
		}
	}
	for i := range o.Select {
		o.Select[i] = name(o.Select[i])
	}
	for i := range o.Order {
		in(o.Order[i].Path)
	}
	in(o.Filter)
}
