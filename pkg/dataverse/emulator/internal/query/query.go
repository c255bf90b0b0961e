package query

import (
	"errors"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A Query is what a query string asks of a table (section 7), bound to its columns.
type Query struct {
	odata.Options
	table    *store.Table
	selected []int // columns in the order asked for; nil means all
	filter   predicate
	equal    map[int][]byte // columns that the filter wants equal to a literal: by these a key's index may find the row
	order    []ordering
	expands  []*expansion
}

// An ordering is one property of $orderby.
type ordering struct {
	term       term
	descending bool
}

// Unreadable is the answer to a query that does not parse.
func Unreadable(err error) *refusal.Error {
	var e *odata.Error
	if errors.As(err, &e) && e.Unsupported {
		return refusal.NotImplemented.Says("%s", e.Text)
	}
	return refusal.BadURI.Says("%s", err)
}

// bind resolves the names of options to columns and relationships of t.
func (d *Reader) bind(t *store.Table, o odata.Options) (*Query, *refusal.Error) {
	if f := d.use(t); f != nil {
		return nil, f
	}
	q := &Query{Options: o, table: t}
	var f *refusal.Error
	if q.selected, f = selection(t, o.Select); f != nil {
		return nil, f
	}
	if o.Filter != nil {
		q.equal = map[int][]byte{}
		if q.filter, f = d.predicate(scope{table: t}, o.Filter); f != nil {
			return nil, f
		}
		d.equalities(q, o.Filter)
	}
	if o.Apply == nil { // else $orderby names the aliases
		for _, by := range o.Order {
			term, f := d.term(scope{table: t}, by.Path)
			if f != nil {
				return nil, f
			}
			q.order = append(q.order, ordering{d.sortable(term), by.Descending})
		}
	}
	for i := range o.Expand {
		x, f := d.expansion(t, &o.Expand[i])
		if f != nil {
			return nil, f
		}
		q.expands = append(q.expands, x)
	}
	if d.formatted {
		d.touchNames(q)
	}
	return q, nil
}

// selection returns the columns of a $select without doubles, nil for all.
func selection(t *store.Table, names []string) ([]int, *refusal.Error) {
	if names == nil {
		return nil, nil
	}
	selected := make([]int, 0, len(names))
	for _, name := range names {
		column, ok := t.Readable[name]
		if !ok {
			return nil, unknownColumn(t, name)
		}
		if !slices.Contains(selected, column) {
			selected = append(selected, column)
		}
	}
	return selected, nil
}

// columns calls each for the columns that an answer has: the selected ones and the primary key.
func (q *Query) columns(each func(column int)) {
	if q.selected == nil {
		for column := range q.table.Columns {
			each(column)
		}
		return
	}
	for _, column := range q.selected {
		each(column)
	}
	if !slices.Contains(q.selected, q.table.PrimaryColumn) {
		each(q.table.PrimaryColumn)
	}
}

// context is what follows $metadata# for rows of the query: the set, with what was selected and expanded of it.
func (q *Query) context() string {
	inner := q.shape()
	if inner == "" {
		return q.table.Set
	}
	return q.table.Set + "(" + inner + ")"
}

func (q *Query) shape() string {
	var parts []string
	for _, column := range q.selected {
		parts = append(parts, store.ReadName(&q.table.Columns[column]))
	}
	for _, x := range q.expands {
		inner := ""
		if x.query != nil {
			inner = x.query.shape()
		}
		parts = append(parts, x.name+"("+inner+")")
	}
	return strings.Join(parts, ",")
}

func unknownColumn(t *store.Table, name string) *refusal.Error {
	return refusal.BadURI.Says("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, t.Name)
}
