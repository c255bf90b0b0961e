package emulator

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// An expansion is one navigation property of $expand, bound to the tables that it leads to.
type expansion struct {
	name string
	text string // the options in its parentheses, as a query string has them

	column    int                  // single-valued: the lookup …
	one       map[byte]*query      // … and by its target's index what is asked of that
	principal bool                 // the lookup leads to several tables by one name: ownerid
	in        incoming             // collection-valued: the lookup that points here
	query     *query               // … and what is asked of the rows that do; also the only one of one
	rows      map[uuid.UUID][]*row // … which gather found, by the id that they point at
	next      map[uuid.UUID]string // … and the token of what did not fit on the page
}

// expansion resolves one navigation property of $expand.
func (d *reader) expansion(t *table, e *odata.Expand) (*expansion, *failure) {
	x := &expansion{name: e.Name, text: e.Text}
	if in, ok := t.incoming[e.Name]; ok {
		x.in = in
		var f *failure
		x.query, f = d.bind(in.table, e.Options)
		return x, f
	}
	p, ok := t.properties[e.Name]
	if !ok || p.kind != navigation {
		return nil, unknownColumn(t, e.Name)
	}
	if e.Options.Filter != nil || e.Options.Order != nil || e.Options.Top >= 0 {
		return nil, badURI.says("The query options $filter, $orderby and $top can be applied only on collections, which '%s' is not.", e.Name)
	}
	x.column, x.one, x.principal = p.column, map[byte]*query{}, len(p.targets) > 1
	options := e.Options
	if x.principal {
		for _, name := range options.Select {
			if name != e.Name {
				return nil, badURI.says("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.principal'.", name)
			}
		}
		if options.Select != nil {
			options.Select = []string{}
		}
	}
	for _, to := range p.targets {
		q, f := d.bind(to.table, options)
		if f != nil {
			return nil, f
		}
		x.one[to.index] = q
		if !x.principal {
			x.query = q
		}
	}
	return x, nil
}

// target returns the row that a single-valued expansion leads to, and what is asked of it; nil for none.
func (x *expansion) target(d *reader, r *row) (*row, *query) {
	index, id, ok := reference(value(r.cells, x.column))
	if !ok || x.one[index] == nil {
		return nil, nil
	}
	q := x.one[index]
	return d.find(q.table, id), q
}

// gather finds the rows of all collections that are expanded below rows, level by level: each table is gone through once, however many rows ask.
func (d *reader) gather(q *query, rows []*row) {
	for _, x := range q.expands {
		if x.one == nil {
			d.collect(x, rows)
			var below []*row
			for _, some := range x.rows {
				below = append(below, some...)
			}
			d.gather(x.query, below)
			continue
		}
		below := map[*query][]*row{}
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
func (d *reader) collect(x *expansion, rows []*row) {
	all := make(map[uuid.UUID]*choice, len(rows))
	size := d.pageSize(x.query)
	for _, r := range rows {
		all[r.id] = &choice{query: x.query, size: size + 1}
	}
	for _, r := range x.in.table.all() {
		if r = d.visible(x.in.table, r); r == nil {
			continue
		}
		index, id, ok := reference(value(r.cells, x.in.column))
		if s := all[id]; ok && index == x.in.index && s != nil && x.query.matches(r, nil) {
			s.offer(r, nil)
		}
	}
	x.rows, x.next = make(map[uuid.UUID][]*row, len(rows)), map[uuid.UUID]string{}
	for id, s := range all {
		some, last, more := s.settled(size)
		x.rows[id] = some
		if more && x.query.Top < 0 {
			x.next[id] = cookie{number: 2, position: last}.token(x.in.table, some)
		}
	}
}

// pageSize is how many rows an answer has at most: $top makes the preferred size be ignored.
func (d *reader) pageSize(q *query) int {
	switch {
	case q.Top >= 0:
		return min(q.Top, maxPage)
	case d.prefer.page > 0:
		return d.prefer.page
	}
	return maxPage
}

// appendExpansion appends what an expansion found for a row.
func (d *reader) appendExpansion(dst []byte, x *expansion, r *row) []byte {
	dst = appendMember(dst, x.name, "")
	if x.one != nil {
		other, q := x.target(d, r)
		switch {
		case other == nil:
			return append(dst, "null"...)
		case x.principal:
			head := `"` + x.name + `":"` + other.id.String() + `"`
			if d.level != none {
				head = `"@odata.type":"#Microsoft.Dynamics.CRM.` + q.table.Name + `",` + head
			}
			return d.appendRow(dst, q, other, head)
		}
		return d.appendRow(dst, q, other, "")
	}
	dst = d.appendRows(dst, x.query, x.rows[r.id])
	if token, more := x.next[r.id]; more {
		dst = appendMember(dst, x.name, "@odata.nextLink")
		dst = appendQuoted(dst, d.link(rowURL(x.parent(d), r)+"/"+x.name, x.text, "$skiptoken", token))
	}
	return dst
}

// parent is the table that the collection belongs to.
func (x *expansion) parent(d *reader) *table {
	return d.tables[x.in.table.columns[x.in.column].Targets[x.in.index].Table]
}

// appendRows appends an array of rows.
func (d *reader) appendRows(dst []byte, q *query, rows []*row) []byte {
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
func (t *table) navigationNames() []string {
	var names []string
	for name, p := range t.properties {
		if p.kind == navigation {
			names = append(names, name)
		}
	}
	for name := range t.incoming {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return bytes.Compare([]byte(a), []byte(b)) })
	return names
}
