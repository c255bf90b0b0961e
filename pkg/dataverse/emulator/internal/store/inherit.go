package store

import (
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// Inherit takes over the rows of the table as it was before it was defined anew. Where columns have gone or moved, rows get new cells; the indexes of
// keys go along, but for keys that are new. The referrers are gathered anew when they are needed.
func (t *Table) Inherit(old *Table) {
	t.rows, t.order, t.dead, t.graves = old.rows, old.order, old.dead, old.graves
	if !t.begins(old) {
		at := make([]int, len(old.Columns))
		for i := range old.Columns {
			at[i] = slices.IndexFunc(t.Columns, func(c schema.Column) bool { return c.Name == old.Columns[i].Name })
		}
		for _, r := range t.order {
			r.Cells = renumber(r.Cells, at)
		}
	}
	for _, k := range t.AlternateKeys {
		same := slices.IndexFunc(old.AlternateKeys, func(o *Key) bool { return o.name == k.name })
		if same < 0 {
			k.usable.Store(false)
			t.setStatus(k, schema.Active)
			continue
		}
		k.index, k.status = old.AlternateKeys[same].index, old.AlternateKeys[same].status
		k.usable.Store(old.AlternateKeys[same].usable.Load())
	}
	for i, d := range t.rules { // the rules are those of Config, in its order
		d.count = old.rules[i].count
	}
}

// begins reports whether the table's first columns are those of the old one, so that cells stay as they are.
func (t *Table) begins(old *Table) bool {
	return len(t.Columns) >= len(old.Columns) &&
		slices.EqualFunc(t.Columns[:len(old.Columns)], old.Columns, func(a, b schema.Column) bool { return a.Name == b.Name })
}

// renumber returns cells with the columns' new numbers, without those that have none (-1).
func renumber(cells []byte, at []int) []byte {
	var kept []Cell
	for len(cells) > 0 {
		var c Cell
		if c, cells = NextCell(cells); at[c.Column] >= 0 {
			kept, _ = Put(kept, Cell{at[c.Column], c.Value})
		}
	}
	return Merge(nil, nil, kept)
}
