package emulator

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A query is what a query string asks of a table (section 7), bound to its columns.
type query struct {
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

// A reader is the work on one read: what its headers ask for, and the tables that it touches. All of these are locked at once, in the order of
// their names, so that readers and writers never wait for each other in a circle.
type reader struct {
	caller
	prefer preferences
	level  level
	now    time.Time
	used   []*store.Table
	views  map[*store.Table]func(*store.Row) *store.Row

	annotated                      bool // columns carry some of these three
	formatted, logical, associated bool
}

// A caller is who reads, and in which environment.
type caller struct {
	tables     map[string]*store.Table // by logical name
	root       string                  // of the API: http://host/api/data/v9.2/
	user       uuid.UUID
	unit       uuid.UUID                                          // the business unit of user
	denied     func(t *store.Table) *refusal.Error                // why the caller may not read rows of the table at all; nil when it may
	view       func(t *store.Table) func(r *store.Row) *store.Row // what makes of a row the one that the caller may see, nil for none; nil where rows are seen as they are
	version    func() uint64                                      // the last that was given
	inOperator bool                                               // the operator in of OData 4.01 is known in $filter
}

// newReader begins a read with these headers.
func newReader(by caller, prefer, accept []byte) *reader {
	d := &reader{caller: by, prefer: readPreferences(prefer), level: metadataLevel(accept), now: time.Now().UTC(), views: map[*store.Table]func(*store.Row) *store.Row{}}
	d.formatted, d.logical, d.associated = d.prefer.wants(formattedValue), d.prefer.wants(lookupLogicalName), d.prefer.wants(associatedNavigation)
	d.annotated = d.formatted || d.logical || d.associated
	return d
}

// use notes that rows of t are read, which needs the privilege.
func (d *reader) use(t *store.Table) *refusal.Error {
	d.touch(t)
	return d.denied(t)
}

// touch notes that t is looked into, if only for the names of its rows.
func (d *reader) touch(t *store.Table) {
	if !slices.Contains(d.used, t) {
		d.used = append(d.used, t)
	}
}

// lock locks all tables for reading until the returned function is called.
func (d *reader) lock() (unlock func()) {
	slices.SortFunc(d.used, func(a, b *store.Table) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range d.used {
		t.RLock()
	}
	return func() {
		for _, t := range d.used {
			t.RUnlock()
		}
	}
}

// visible returns the row as the caller may see it, nil for none. Every row that a query looks at passes here. The tables are locked.
func (d *reader) visible(t *store.Table, r *store.Row) *store.Row {
	if r == nil || r.Dead {
		return nil
	}
	view, known := d.views[t]
	if !known {
		view = d.view(t)
		d.views[t] = view
	}
	if view == nil {
		return r
	}
	return view(r)
}

// find returns the visible row of that id.
func (d *reader) find(t *store.Table, id uuid.UUID) *store.Row { return d.visible(t, t.Row(id)) }

// query reads a query string and binds it to the table.
func (d *reader) query(t *store.Table, text []byte) (*query, *refusal.Error) {
	o, err := odata.ParseOptions(string(text))
	if err != nil {
		return nil, unreadable(err)
	}
	return d.bind(t, o)
}

// unreadable is the answer to a query that does not parse.
func unreadable(err error) *refusal.Error {
	var e *odata.Error
	if errors.As(err, &e) && e.Unsupported {
		return refusal.NotImplemented.Says("%s", e.Text)
	}
	return refusal.BadURI.Says("%s", err)
}

// bind resolves the names of options to columns and relationships of t.
func (d *reader) bind(t *store.Table, o odata.Options) (*query, *refusal.Error) {
	if f := d.use(t); f != nil {
		return nil, f
	}
	q := &query{Options: o, table: t}
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
func (q *query) columns(each func(column int)) {
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
func (q *query) context() string {
	inner := q.shape()
	if inner == "" {
		return q.table.Set
	}
	return q.table.Set + "(" + inner + ")"
}

func (q *query) shape() string {
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

// single reads a query string about one row of the table. Preferences that are about collections are not honoured.
func (d *reader) single(t *store.Table, text []byte) (*query, *refusal.Error) {
	q, f := d.query(t, text)
	if f != nil {
		return nil, f
	}
	if q.Filter != nil || q.Order != nil || q.Top >= 0 || q.Count || q.Apply != nil || q.SQL != "" {
		return nil, refusal.BadURI.Says("Query options $orderby, $filter, $apply, $count and $top can be applied only on collections.")
	}
	d.prefer.oneRow()
	return q, nil
}

// represents notes that the row is the answer to a write that asked for it.
func (d *reader) represents() {
	d.prefer.oneRow()
	d.prefer.applied = append(d.prefer.applied, "return=representation")
}

// plain reports whether the answer is made of the row alone: only then may it be left out for a client that has it (section 2.11).
func (d *reader) plain(q *query) bool { return q.expands == nil && d.prefer.annotations == nil }

// inOneTable reports whether the read stays in one table.
func (d *reader) inOneTable() bool { return len(d.used) == 1 }

// contentType is the media type of the answer.
func (d *reader) contentType() string { return d.level.contentType() }

// applied is the Preference-Applied of the answer.
func (d *reader) applied() string { return d.prefer.echo() }
