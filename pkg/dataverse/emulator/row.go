package emulator

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"
)

// A row is one record. Its values are JSON text, column by column, in one allocation: a million contacts fit into memory, and an answer copies bytes.
type row struct {
	id                uuid.UUID
	serial            uint64 // order of creation within the server
	version           uint64 // rowversion
	created, modified int64  // unix seconds
	cells             []byte // see appendCell
	dead              bool
}

// A cell is the value of one column: JSON text, for lookups preceded by the target's index. A nil value is null.
type cell struct {
	column int
	value  []byte
}

const cellHeader = 6 // column uint16, length uint32

func appendCell(dst []byte, column int, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(column))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// nextCell splits the first cell off; cells are ordered by column.
func nextCell(cells []byte) (c cell, rest []byte) {
	n := cellHeader + int(binary.LittleEndian.Uint32(cells[2:]))
	return cell{int(binary.LittleEndian.Uint16(cells)), cells[cellHeader:n]}, cells[n:]
}

// value returns the column's value in cells, nil for null.
func value(cells []byte, column int) []byte {
	for len(cells) > 0 {
		var c cell
		if c, cells = nextCell(cells); c.column == column {
			return c.value
		}
	}
	return nil
}

// merge appends old with the changes applied to dst; both are ordered by column.
func merge(dst, old []byte, changes []cell) []byte {
	for len(old) > 0 {
		c, rest := nextCell(old)
		for len(changes) > 0 && changes[0].column < c.column {
			if changes[0].value != nil {
				dst = appendCell(dst, changes[0].column, changes[0].value)
			}
			changes = changes[1:]
		}
		switch {
		case len(changes) == 0:
			return append(dst, old...)
		case changes[0].column == c.column:
			if changes[0].value != nil {
				dst = appendCell(dst, changes[0].column, changes[0].value)
			}
			changes = changes[1:]
		default:
			dst = append(dst, old[:len(old)-len(rest)]...)
		}
		old = rest
	}
	for _, c := range changes {
		if c.value != nil {
			dst = appendCell(dst, c.column, c.value)
		}
	}
	return dst
}

// put enters a cell at its place in an ordered list. It reports whether the column was already there; then its value is replaced.
func put(cells []cell, c cell) ([]cell, bool) {
	i := len(cells)
	for i > 0 && cells[i-1].column >= c.column {
		i--
	}
	if i < len(cells) && cells[i].column == c.column {
		cells[i] = c
		return cells, true
	}
	cells = append(cells, cell{})
	copy(cells[i+1:], cells[i:])
	cells[i] = c
	return cells, false
}

// get returns the change to a column, if there is one.
func get(cells []cell, column int) ([]byte, bool) {
	for _, c := range cells {
		if c.column == column {
			return c.value, true
		}
	}
	return nil, false
}

// appendReference appends a lookup's value: which target it is of, then the GUID as JSON.
func appendReference(dst []byte, index byte, id uuid.UUID) []byte {
	dst = append(dst, index, '"')
	dst = appendGUID(dst, id)
	return append(dst, '"')
}

// reference reads a lookup's value.
func reference(v []byte) (index byte, id uuid.UUID, ok bool) {
	if len(v) != 39 {
		return 0, id, false
	}
	id, ok = parseGUID(v[2:38])
	return v[0], id, ok
}

// appendGUID appends the usual form, in lower case.
func appendGUID(dst []byte, id uuid.UUID) []byte {
	const hex = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hex[b>>4], hex[b&15])
	}
	return dst
}

// parseGUID takes the bare 36 characters only, in either case: what OData calls an Edm.Guid.
func parseGUID(b []byte) (uuid.UUID, bool) {
	if len(b) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.ParseBytes(b)
	return id, err == nil
}

// addRow puts r into the table and its keys' indexes. The caller holds t.mu and has seen to it that no key clashes.
func (t *table) addRow(r *row) {
	t.order = append(t.order, r)
	t.enter(r)
}

// enter makes r, which is in the order, one of the rows.
func (t *table) enter(r *row) {
	t.rows[r.id] = r
	r.dead = false
	t.reindex(r, nil, r.cells)
}

// removeRow takes r out of the table. The caller holds t.mu.
func (t *table) removeRow(r *row) {
	delete(t.rows, r.id)
	t.reindex(r, r.cells, nil)
	r.dead = true
	if t.dead++; t.dead > 1024 && t.dead > len(t.order)/2 {
		t.sweep()
	}
}

// sweep drops dead rows from the order.
func (t *table) sweep() {
	live := make([]*row, 0, len(t.rows))
	for _, r := range t.order {
		if !r.dead {
			live = append(live, r)
		}
	}
	t.order, t.dead = live, 0
}

// reindex keeps the indexes up when r's cells become others; nil for a row that comes or goes.
func (t *table) reindex(r *row, old, cells []byte) {
	var scratch, other [256]byte
	for _, k := range t.keys {
		before, had := t.normal(scratch[:0], k.columns, old)
		after, has := t.normal(other[:0], k.columns, cells)
		if had && has && bytes.Equal(before, after) {
			continue
		}
		if had && k.index[string(before)] == r {
			delete(k.index, string(before))
		}
		if has {
			k.index[string(after)] = r
		}
	}
	for _, d := range t.rules {
		d.reindex(t, old, cells)
	}
	t.refer(r, old, cells)
}

// clash returns the key by which cells would be the same as another row than r.
func (t *table) clash(r *row, cells []byte) *key {
	var scratch [256]byte
	for _, k := range t.keys {
		if norm, ok := t.normal(scratch[:0], k.columns, cells); ok && k.active() {
			if other, taken := k.index[string(norm)]; taken && other != r {
				return k
			}
		}
	}
	return nil
}

// normal appends the normal form of the columns' values in cells. A null among them means that a key of them does not hold for the row.
func (t *table) normal(dst []byte, columns []int, cells []byte) ([]byte, bool) {
	for i, column := range columns {
		v := value(cells, column)
		if v == nil {
			return dst, false
		}
		if i > 0 {
			dst = append(dst, 0)
		}
		dst = appendNormal(dst, &t.columns[column], v)
	}
	return dst, true
}

// replace gives r new cells, and enters them into the indexes when an indexed column is among the changes.
func (t *table) replace(r *row, cells []byte, reindex bool) {
	if reindex {
		t.reindex(r, r.cells, cells)
	}
	r.cells = bytes.Clone(cells)
}

// row returns the row of that id, nil when there is none. The caller holds t.mu.
func (t *table) row(id uuid.UUID) *row { return t.rows[id] }

// count is the number of rows. The caller holds t.mu.
func (t *table) count() int { return len(t.rows) }

// all returns the rows in the order of their creation, with dead ones among them. The caller holds t.mu, and does not change the slice.
func (t *table) all() []*row { return t.order }

// clear takes all rows out, without remembering that they were deleted; version is the last one that was given.
func (t *table) clear(version uint64) {
	t.rows, t.order, t.dead, t.graves = map[uuid.UUID]*row{}, nil, 0, graves{forgotten: version}
	t.untrack()
	for _, d := range t.rules {
		d.count = map[string]int{}
	}
	for _, k := range t.keys {
		k.index = map[string]*row{}
	}
}

// concernsKeys reports whether the changes have a column of some key.
func (t *table) concernsKeys(changes []cell) bool {
	return slices.ContainsFunc(changes, func(c cell) bool { return t.keyed[c.column] })
}

// concernsIndexes reports whether the changes have a column of some index, so that replace has to look at them.
func (t *table) concernsIndexes(changes []cell) bool {
	return slices.ContainsFunc(changes, func(c cell) bool { return t.indexed[c.column] })
}
