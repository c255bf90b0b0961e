package store

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// Target is what the relationship's other side says about it.
func (in Incoming) Target() schema.Target { return in.Table.Columns[in.Column].Targets[in.Index] }

// referrers are the rows that point at others by one lookup column, by the GUID that they point at. They are gathered when the first row that the
// column could point at is deleted, and kept up from then on: who never deletes pays nothing for them.
type referrers map[uuid.UUID]map[*Row]struct{}

// compileLinks enters t's lookups where a delete has to look at them. Deletes leave owners alone, and elastic tables know no cascades.
func (t *Table) compileLinks(tables map[string]*Table) {
	t.referrers = make([]referrers, len(t.Columns))
	for i := range t.Columns {
		col := &t.Columns[i]
		if col.Type == schema.Owner || col.ReadOnly || t.Kind != schema.KindStandard {
			continue
		}
		for n, target := range col.Targets {
			if to := tables[target.Table]; to.Kind == schema.KindStandard {
				to.Links = append(to.Links, Incoming{t, i, byte(n)})
			}
		}
	}
}

// Referrers returns the rows that point at r, oldest first. The caller has begun a transaction.
func (in Incoming) Referrers(r *Row) []*Row {
	t := in.Table
	if t.referrers[in.Column] == nil {
		t.track(in.Column)
	}
	var found []*Row
	for from := range t.referrers[in.Column][r.ID] {
		if v := Value(from.Cells, in.Column); v[0] == in.Index && from != r {
			found = append(found, from)
		}
	}
	slices.SortFunc(found, func(a, b *Row) int { return cmp.Compare(a.Serial, b.Serial) })
	return found
}

// track begins to keep a column's referrers.
func (t *Table) track(column int) {
	all := referrers{}
	t.referrers[column] = all
	t.tracked = append(t.tracked, column)
	t.indexed[column] = true
	for _, r := range t.rows {
		all.enter(r, Value(r.Cells, column))
	}
}

// untrack forgets all referrers.
func (t *Table) untrack() {
	for _, column := range t.tracked {
		t.referrers[column] = nil
	}
	t.tracked = nil
}

func (all referrers) enter(r *Row, v []byte) {
	if _, id, ok := Reference(v); ok {
		if all[id] == nil {
			all[id] = map[*Row]struct{}{}
		}
		all[id][r] = struct{}{}
	}
}

func (all referrers) leave(r *Row, v []byte) {
	if _, id, ok := Reference(v); ok {
		if delete(all[id], r); len(all[id]) == 0 {
			delete(all, id)
		}
	}
}

// refer keeps the referrers up when r's cells become others; nil for a row that comes or goes.
func (t *Table) refer(r *Row, old, cells []byte) {
	for _, column := range t.tracked {
		before, after := Value(old, column), Value(cells, column)
		if !bytes.Equal(before, after) {
			t.referrers[column].leave(r, before)
			t.referrers[column].enter(r, after)
		}
	}
}

// Holds reports whether the row points at the parent.
func (in Incoming) Holds(r *Row, parent uuid.UUID) bool {
	index, id, ok := Reference(Value(r.Cells, in.Column))
	return ok && index == in.Index && id == parent
}
