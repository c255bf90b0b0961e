package query

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file is $apply: filters, then one groupby or aggregate, ordered by what comes out of it.

// maxAggregated is how many rows Dataverse aggregates at most.
const maxAggregated = 50_000

// A grouping is $apply bound to a table.
type grouping struct {
	filters    []predicate
	by         []groupColumn
	aggregates []aggregate
}

type groupColumn struct {
	path odata.Path
	term term
}

type aggregate struct {
	odata.Aggregate
	term term // nothing for $count
}

// A group is the rows that have the same values.
type group struct {
	values [][]byte // by grouping.by; empty is null
	totals []total  // by grouping.aggregates
}

// A total is one aggregate under way. Nulls are left out, but for $count.
type total struct {
	count    int
	sum      *big.Rat
	low      []byte
	high     []byte
	distinct map[string]bool
}

// grouping binds $apply.
func (d *Reader) grouping(q *Query) (*grouping, *refusal.Error) {
	g := &grouping{}
	s := scope{table: q.table}
	for i, step := range q.Apply {
		if step.Filter != nil {
			p, f := d.predicate(s, step.Filter)
			if f != nil {
				return nil, f
			}
			g.filters = append(g.filters, p)
			continue
		}
		if i != len(q.Apply)-1 {
			return nil, refusal.NotImplemented.Says("The emulator does not know transformations of $apply after groupby or aggregate.")
		}
		for _, path := range step.Group {
			x, f := d.term(s, path)
			if f != nil {
				return nil, f
			}
			g.by = append(g.by, groupColumn{path, x})
		}
		for _, a := range step.Aggregates {
			bound, f := d.aggregate(s, a)
			if f != nil {
				return nil, f
			}
			g.aggregates = append(g.aggregates, bound)
		}
	}
	if g.by == nil && g.aggregates == nil {
		return nil, refusal.NotImplemented.Says("The emulator does not know $apply without groupby or aggregate; use $filter.")
	}
	return g, nil
}

func (d *Reader) aggregate(s scope, a odata.Aggregate) (aggregate, *refusal.Error) {
	if a.Method == "$count" {
		return aggregate{Aggregate: a}, nil
	}
	x, f := d.term(s, a.Path)
	if f != nil {
		return aggregate{}, f
	}
	switch a.Method {
	case "sum", "average":
		if !isNumber(x.schema()) {
			return aggregate{}, refusal.BadURI.Says("The aggregation method '%s' needs a number, which '%s' is not.", a.Method, strings.Join(a.Path, "/"))
		}
	case "min", "max", "countdistinct":
	default:
		return aggregate{}, refusal.BadURI.Says("The aggregation method '%s' is not supported.", a.Method)
	}
	return aggregate{a, x}, nil
}

// aggregated answers a query with $apply.
func (d *Reader) aggregated(q *Query, within predicate) ([]byte, *refusal.Error) {
	g, f := d.grouping(q)
	if f != nil {
		return nil, f
	}
	defer d.Lock()()
	groups, f := d.group(q, g, within)
	if f != nil {
		return nil, f
	}
	out := []byte{'{'}
	if d.level != none {
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.context"), d.Root+"$metadata#"+q.table.Set)
	}
	out = append(appendMember(out, "value", ""), '[')
	if f := g.sort(groups, q.Order); f != nil {
		return nil, f
	}
	limit := len(groups)
	if q.Top >= 0 {
		limit = min(limit, q.Top)
	}
	for i, one := range groups[:limit] {
		if i > 0 {
			out = append(out, ',')
		}
		out = g.append(out, one)
	}
	return append(out, "]}"...), nil
}

// group goes through the rows, and returns the groups in the order of their first rows. An aggregate without groupby has one group, also of nothing.
func (d *Reader) group(q *Query, g *grouping, within predicate) ([]*group, *refusal.Error) {
	var all []*group
	byKey := map[string]*group{}
	if g.by == nil {
		byKey[""] = &group{totals: make([]total, len(g.aggregates))}
		all = append(all, byKey[""])
	}
	var key []byte
	n := 0
rows:
	for r := range d.candidates(q, nil) {
		if !q.matches(r, within) {
			continue
		}
		for _, p := range g.filters {
			if !p(r) {
				continue rows
			}
		}
		if n++; n > maxAggregated {
			return nil, refusal.TooManyAggregated.Says("The maximum record limit is exceeded. Reduce the number of records.")
		}
		key = key[:0]
		for _, by := range g.by {
			key = appendSortKey(key, ordering{term: by.term}, r)
		}
		one := byKey[string(key)]
		if one == nil {
			one = &group{totals: make([]total, len(g.aggregates))}
			for _, by := range g.by {
				one.values = append(one.values, by.term.read(r))
			}
			byKey[string(key)] = one
			all = append(all, one)
		}
		for i := range g.aggregates {
			one.totals[i].add(&g.aggregates[i], r)
		}
	}
	return all, nil
}

// add takes a row in.
func (t *total) add(a *aggregate, r *store.Row) {
	if a.Method == "$count" {
		t.count++
		return
	}
	v := a.term.read(r)
	if len(v) == 0 {
		return
	}
	t.count++
	switch a.Method {
	case "sum", "average":
		if n, ok := new(big.Rat).SetString(string(v)); ok {
			if t.sum == nil {
				t.sum = new(big.Rat)
			}
			t.sum.Add(t.sum, n)
		}
	case "min":
		if t.low == nil || compareValues(a.term.schema(), v, t.low) < 0 {
			t.low = v
		}
	case "max":
		if t.high == nil || compareValues(a.term.schema(), v, t.high) > 0 {
			t.high = v
		}
	case "countdistinct":
		if t.distinct == nil {
			t.distinct = map[string]bool{}
		}
		t.distinct[string(appendSortKey(nil, ordering{term: a.term}, r))] = true
	}
}

// value is the aggregate as JSON.
func (t *total) value(a *aggregate) []byte {
	var v []byte
	switch a.Method {
	case "$count":
		v = strconv.AppendInt(nil, int64(t.count), 10)
	case "countdistinct":
		v = strconv.AppendInt(nil, int64(len(t.distinct)), 10)
	case "sum":
		v = number(t.sum, a.term.schema())
	case "average":
		if t.sum != nil {
			v = number(new(big.Rat).Quo(t.sum, big.NewRat(int64(t.count), 1)), nil)
		}
	case "min":
		v = t.low
	case "max":
		v = t.high
	}
	if len(v) == 0 {
		return []byte("null")
	}
	return v
}

// number writes a sum with the column's digits after the point, an average with ten at most.
func number(n *big.Rat, c *schema.Column) []byte {
	if n == nil {
		return nil
	}
	digits := 10
	if c != nil {
		digits = c.Precision
	}
	s := n.FloatString(digits)
	if c == nil && strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return []byte(s)
}

// sort orders the groups by columns and aliases.
func (g *grouping) sort(groups []*group, order []odata.Order) *refusal.Error {
	for _, o := range slices.Backward(order) { // the first one decides, so it comes last
		name := strings.Join(o.Path, "/")
		by := slices.IndexFunc(g.by, func(c groupColumn) bool { return strings.Join(c.path, "/") == name })
		of := slices.IndexFunc(g.aggregates, func(a aggregate) bool { return a.Alias == name })
		if by < 0 && of < 0 {
			return refusal.BadURI.Says("Could not find a property named '%s' among the results of $apply.", name)
		}
		column, read := &schema.Column{Type: schema.Decimal}, func(one *group) []byte { return nil }
		if by >= 0 {
			column, read = g.by[by].term.schema(), func(one *group) []byte { return one.values[by] }
		} else {
			a := &g.aggregates[of]
			if a.Method == "min" || a.Method == "max" {
				column = a.term.schema()
			}
			read = func(one *group) []byte { return nonNull(one.totals[of].value(a)) }
		}
		slices.SortStableFunc(groups, func(a, b *group) int {
			if n := compareValues(column, read(a), read(b)); o.Descending {
				return -n
			} else {
				return n
			}
		})
	}
	return nil
}

func nonNull(v []byte) []byte {
	if string(v) == "null" {
		return nil
	}
	return v
}

// append appends a group as JSON; a column of another table is within an object by the navigation property's name.
func (g *grouping) append(dst []byte, one *group) []byte {
	dst = append(dst, '{')
	for i, by := range g.by {
		for _, name := range by.path[:len(by.path)-1] {
			dst = append(appendMember(dst, name, ""), '{')
		}
		dst = appendMember(dst, by.path[len(by.path)-1], "")
		if v := one.values[i]; len(v) > 0 {
			dst = append(dst, v...)
		} else {
			dst = append(dst, "null"...)
		}
		dst = append(dst, strings.Repeat("}", len(by.path)-1)...)
	}
	for i := range g.aggregates {
		dst = append(appendMember(dst, g.aggregates[i].Alias, ""), one.totals[i].value(&g.aggregates[i])...)
	}
	return append(dst, '}')
}
