package query

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A Reader is the work on one read: what its headers ask for, and the tables that it touches. All of these are locked at once, in the order of
// their names, so that readers and writers never wait for each other in a circle.
type Reader struct {
	Caller
	prefer preferences
	level  level
	now    time.Time
	used   []*store.Table
	views  map[*store.Table]func(*store.Row) *store.Row

	annotated                      bool // columns carry some of these three
	formatted, logical, associated bool
}

// A Caller is who reads, and in which environment.
type Caller struct {
	Tables     map[string]*store.Table // by logical name
	Root       string                  // of the API: http://host/api/data/v9.2/
	User       uuid.UUID
	Unit       uuid.UUID                                          // the business unit of user
	Denied     func(t *store.Table) *refusal.Error                // why the caller may not read rows of the table at all; nil when it may
	View       func(t *store.Table) func(r *store.Row) *store.Row // what makes of a row the one that the caller may see, nil for none; nil where rows are seen as they are
	Version    func() uint64                                      // the last that was given
	InOperator bool                                               // the operator in of OData 4.01 is known in $filter
}

// NewReader begins a read with these headers.
func NewReader(by Caller, prefer, accept []byte) *Reader {
	d := &Reader{Caller: by, prefer: readPreferences(prefer), level: metadataLevel(accept), now: time.Now().UTC(), views: map[*store.Table]func(*store.Row) *store.Row{}}
	d.formatted, d.logical, d.associated = d.prefer.wants(formattedValue), d.prefer.wants(lookupLogicalName), d.prefer.wants(associatedNavigation)
	d.annotated = d.formatted || d.logical || d.associated
	return d
}

// use notes that rows of t are read, which needs the privilege.
func (d *Reader) use(t *store.Table) *refusal.Error {
	d.touch(t)
	return d.Denied(t)
}

// touch notes that t is looked into, if only for the names of its rows.
func (d *Reader) touch(t *store.Table) {
	if !slices.Contains(d.used, t) {
		d.used = append(d.used, t)
	}
}

// Lock locks all tables for reading until the returned function is called.
func (d *Reader) Lock() (unlock func()) {
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
func (d *Reader) visible(t *store.Table, r *store.Row) *store.Row {
	if r == nil || r.Dead {
		return nil
	}
	view, known := d.views[t]
	if !known {
		view = d.View(t)
		d.views[t] = view
	}
	if view == nil {
		return r
	}
	return view(r)
}

// find returns the visible row of that id.
func (d *Reader) find(t *store.Table, id uuid.UUID) *store.Row { return d.visible(t, t.Row(id)) }

// Query reads a query string and binds it to the table.
func (d *Reader) Query(t *store.Table, text []byte) (*Query, *refusal.Error) {
	o, err := odata.ParseOptions(string(text))
	if err != nil {
		return nil, Unreadable(err)
	}
	return d.bind(t, o)
}

// Single reads a query string about one row of the table. Preferences that are about collections are not honoured.
func (d *Reader) Single(t *store.Table, text []byte) (*Query, *refusal.Error) {
	q, f := d.Query(t, text)
	if f != nil {
		return nil, f
	}
	if q.Filter != nil || q.Order != nil || q.Top >= 0 || q.Count || q.Apply != nil || q.SQL != "" {
		return nil, refusal.BadURI.Says("Query options $orderby, $filter, $apply, $count and $top can be applied only on collections.")
	}
	d.prefer.oneRow()
	return q, nil
}

// Represents notes that the row is the answer to a write that asked for it.
func (d *Reader) Represents() {
	d.prefer.oneRow()
	d.prefer.applied = append(d.prefer.applied, "return=representation")
}

// Plain reports whether the answer is made of the row alone: only then may it be left out for a client that has it (section 2.11).
func (d *Reader) Plain(q *Query) bool { return q.expands == nil && d.prefer.annotations == nil }

// InOneTable reports whether the read stays in one table.
func (d *Reader) InOneTable() bool { return len(d.used) == 1 }

// ContentType is the media type of the answer.
func (d *Reader) ContentType() string { return d.level.contentType() }

// Applied is the Preference-Applied of the answer.
func (d *Reader) Applied() string { return d.prefer.echo() }
