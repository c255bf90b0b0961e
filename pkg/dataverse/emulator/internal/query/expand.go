package query

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// An expansion is one navigation property of $expand, bound to the tables that it leads to.
type expansion struct {
	name string
	text string // the options in its parentheses, as a query string has them

	column    int                        // single-valued: the lookup …
	one       map[byte]*Query            // … and by its target's index what is asked of that
	principal bool                       // the lookup leads to several tables by one name: ownerid
	in        store.Incoming             // collection-valued: the lookup that points here
	query     *Query                     // … and what is asked of the rows that do; also the only one of one
	rows      map[uuid.UUID][]*store.Row // … which gather found, by the id that they point at
	next      map[uuid.UUID]string       // … and the token of what did not fit on the page
}

// expansion resolves one navigation property of $expand.
func (d *Reader) expansion(t *store.Table, e *odata.Expand) (*expansion, *refusal.Error) {
	x := &expansion{name: e.Name, text: e.Text}
	if in, ok := t.Incoming[e.Name]; ok {
		x.in = in
		var f *refusal.Error
		x.query, f = d.bind(in.Table, e.Options)
		return x, f
	}
	p, ok := t.Properties[e.Name]
	if !ok || p.Kind != store.Navigation {
		return nil, unknownColumn(t, e.Name)
	}
	if e.Options.Filter != nil || e.Options.Order != nil || e.Options.Top >= 0 {
		return nil, refusal.BadURI.Says("The query options $filter, $orderby and $top can be applied only on collections, which '%s' is not.", e.Name)
	}
	x.column, x.one, x.principal = p.Column, map[byte]*Query{}, len(p.Targets) > 1
	options := e.Options
	if x.principal {
		for _, name := range options.Select {
			if name != e.Name {
				return nil, refusal.BadURI.Says("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.principal'.", name)
			}
		}
		if options.Select != nil {
			options.Select = []string{}
		}
	}
	for _, to := range p.Targets {
		q, f := d.bind(to.Table, options)
		if f != nil {
			return nil, f
		}
		x.one[to.Index] = q
		if !x.principal {
			x.query = q
		}
	}
	return x, nil
}

// target returns the row that a single-valued expansion leads to, and what is asked of it; nil for none.
func (x *expansion) target(d *Reader, r *store.Row) (*store.Row, *Query) {
	index, id, ok := store.Reference(store.Value(r.Cells, x.column))
	if !ok || x.one[index] == nil {
		return nil, nil
	}
	q := x.one[index]
	return d.find(q.table, id), q
}

// gather finds the rows of all collections that are expanded below rows, level by level: each table is gone through once, however many rows ask.
func (d *Reader) gather(q *Query, rows []*store.Row) {
	for _, x := range q.expands {
		if x.one == nil {
			d.collect(x, rows)
			var below []*store.Row
			for _, some := range x.rows {
				below = append(below, some...)
			}
			d.gather(x.query, below)
			continue
		}
		below := map[*Query][]*store.Row{}
		for _, r := range rows {
			if other, of := x.target(d, r); other != nil && of.expands != nil {
				below[of] = append(below[of], other)
			}
		}
		for of, some := range below {
			d.gather(of, some)
		}
	}
}

// collect finds the rows that point at any of the rows, in the order asked for, up to a page for each.
func (d *Reader) collect(x *expansion, rows []*store.Row) {
	all := make(map[uuid.UUID]*choice, len(rows))
	size := d.pageSize(x.query)
	for _, r := range rows {
		all[r.ID] = &choice{query: x.query, size: size + 1}
	}
	for _, r := range x.in.Table.Rows() {
		if r = d.visible(x.in.Table, r); r == nil {
			continue
		}
		index, id, ok := store.Reference(store.Value(r.Cells, x.in.Column))
		if s := all[id]; ok && index == x.in.Index && s != nil && x.query.matches(r, nil) {
			s.offer(r, nil)
		}
	}
	x.rows, x.next = make(map[uuid.UUID][]*store.Row, len(rows)), map[uuid.UUID]string{}
	for id, s := range all {
		some, last, more := s.settled(size)
		x.rows[id] = some
		if more && x.query.Top < 0 {
			x.next[id] = cookie{number: 2, position: last}.token(x.in.Table, some)
		}
	}
}

// pageSize is how many rows an answer has at most: $top makes the preferred size be ignored.
func (d *Reader) pageSize(q *Query) int {
	switch {
	case q.Top >= 0:
		return min(q.Top, maxPage)
	case d.prefer.page > 0:
		return d.prefer.page
	}
	return maxPage
}

// appendExpansion appends what an expansion found for a row.
func (d *Reader) appendExpansion(dst []byte, x *expansion, r *store.Row) []byte {
	dst = appendMember(dst, x.name, "")
	if x.one != nil {
		other, q := x.target(d, r)
		switch {
		case other == nil:
			return append(dst, "null"...)
		case x.principal:
			head := `"` + x.name + `":"` + other.ID.String() + `"`
			if d.level != none {
				head = `"@odata.type":"#Microsoft.Dynamics.CRM.` + q.table.Name + `",` + head
			}
			return d.appendRow(dst, q, other, head)
		}
		return d.appendRow(dst, q, other, "")
	}
	dst = d.appendRows(dst, x.query, x.rows[r.ID])
	if token, more := x.next[r.ID]; more {
		dst = appendMember(dst, x.name, "@odata.nextLink")
		dst = jsonobject.AppendQuoted(dst, d.link(RowURL(x.parent(d), r)+"/"+x.name, x.text, "$skiptoken", token))
	}
	return dst
}

// parent is the table that the collection belongs to.
func (x *expansion) parent(d *Reader) *store.Table {
	return d.Tables[x.in.Table.Columns[x.in.Column].Targets[x.in.Index].Table]
}

// appendRows appends an array of rows.
func (d *Reader) appendRows(dst []byte, q *Query, rows []*store.Row) []byte {
	dst = append(dst, '[')
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = d.appendRow(dst, q, r, "")
	}
	return append(dst, ']')
}

// navigationNames are the names of all navigation properties, in order.
func navigationNames(t *store.Table) []string {
	var names []string
	for name, p := range t.Properties {
		if p.Kind == store.Navigation {
			names = append(names, name)
		}
	}
	for name := range t.Incoming {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return bytes.Compare([]byte(a), []byte(b)) })
	return names
}
