package emulator

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// target is what the relationship's other side says about it.
func (in incoming) target() schema.Target { return in.table.columns[in.column].Targets[in.index] }

// referrers are the rows that point at others by one lookup column, by the GUID that they point at. They are gathered when the first row that the
// column could point at is deleted, and kept up from then on: who never deletes pays nothing for them.
type referrers map[uuid.UUID]map[*row]struct{}

// compileLinks enters t's lookups where a delete has to look at them. Deletes leave owners alone, and elastic tables know no cascades.
func (t *table) compileLinks(tables map[string]*table) {
	t.referrers = make([]referrers, len(t.columns))
	for i := range t.columns {
		col := &t.columns[i]
		if col.Type == schema.Owner || col.ReadOnly || t.Kind != schema.KindStandard {
			continue
		}
		for n, target := range col.Targets {
			if to := tables[target.Table]; to.Kind == schema.KindStandard {
				to.links = append(to.links, incoming{t, i, byte(n)})
			}
		}
	}
}

// referrers returns the rows that point at r, oldest first. The caller has begun a transaction.
func (in incoming) referrers(r *row) []*row {
	t := in.table
	if t.referrers[in.column] == nil {
		t.track(in.column)
	}
	var found []*row
	for from := range t.referrers[in.column][r.id] {
		if v := value(from.cells, in.column); v[0] == in.index && from != r {
			found = append(found, from)
		}
	}
	slices.SortFunc(found, func(a, b *row) int { return cmp.Compare(a.serial, b.serial) })
	return found
}

// track begins to keep a column's referrers.
func (t *table) track(column int) {
	all := referrers{}
	t.referrers[column] = all
	t.tracked = append(t.tracked, column)
	t.indexed[column] = true
	for _, r := range t.rows {
		all.enter(r, value(r.cells, column))
	}
}

// untrack forgets all referrers.
func (t *table) untrack() {
	for _, column := range t.tracked {
		t.referrers[column] = nil
	}
	t.tracked = nil
}

func (all referrers) enter(r *row, v []byte) {
	if _, id, ok := reference(v); ok {
		if all[id] == nil {
			all[id] = map[*row]struct{}{}
		}
		all[id][r] = struct{}{}
	}
}

func (all referrers) leave(r *row, v []byte) {
	if _, id, ok := reference(v); ok {
		if delete(all[id], r); len(all[id]) == 0 {
			delete(all, id)
		}
	}
}

// refer keeps the referrers up when r's cells become others; nil for a row that comes or goes.
func (t *table) refer(r *row, old, cells []byte) {
	for _, column := range t.tracked {
		before, after := value(old, column), value(cells, column)
		if !bytes.Equal(before, after) {
			t.referrers[column].leave(r, before)
			t.referrers[column].enter(r, after)
		}
	}
}

// holds reports whether the row points at the parent.
func (in incoming) holds(r *row, parent uuid.UUID) bool {
	index, id, ok := reference(value(r.cells, in.column))
	return ok && index == in.index && id == parent
}
