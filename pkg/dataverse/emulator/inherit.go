package emulator

import (
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// inherit takes over the rows of the table as it was before it was defined anew. Where columns have gone or moved, rows get new cells; the indexes of
// keys go along, but for keys that are new. The referrers are gathered anew when they are needed.
func (t *table) inherit(old *table) {
	t.rows, t.order, t.dead, t.graves = old.rows, old.order, old.dead, old.graves
	if !t.begins(old) {
		at := make([]int, len(old.columns))
		for i := range old.columns {
			at[i] = slices.IndexFunc(t.columns, func(c schema.Column) bool { return c.Name == old.columns[i].Name })
		}
		for _, r := range t.order {
			r.cells = renumber(r.cells, at)
		}
	}
	for _, k := range t.keys {
		same := slices.IndexFunc(old.keys, func(o *key) bool { return o.name == k.name })
		if same < 0 {
			k.usable.Store(false)
			t.setStatus(k, schema.Active)
			continue
		}
		k.index, k.status = old.keys[same].index, old.keys[same].status
		k.usable.Store(old.keys[same].usable.Load())
	}
	for i, d := range t.rules { // the rules are those of Config, in its order
		d.count = old.rules[i].count
	}
}

// begins reports whether the table's first columns are those of the old one, so that cells stay as they are.
func (t *table) begins(old *table) bool {
	return len(t.columns) >= len(old.columns) &&
		slices.EqualFunc(t.columns[:len(old.columns)], old.columns, func(a, b schema.Column) bool { return a.Name == b.Name })
}

// renumber returns cells with the columns' new numbers, without those that have none (-1).
func renumber(cells []byte, at []int) []byte {
	var kept []cell
	for len(cells) > 0 {
		var c cell
		if c, cells = nextCell(cells); at[c.column] >= 0 {
			kept, _ = put(kept, cell{at[c.column], c.value})
		}
	}
	return merge(nil, nil, kept)
}
