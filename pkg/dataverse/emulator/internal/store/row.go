package store

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"
)

// A Row is one record. Its values are JSON text, column by column, in one allocation: a million contacts fit into memory, and an answer copies bytes.
type Row struct {
	ID                uuid.UUID
	Serial            uint64 // order of creation within the server
	Version           uint64 // rowversion
	Created, Modified int64  // unix seconds
	Cells             []byte // see appendCell
	Dead              bool
}

// A Cell is the value of one column: JSON text, for lookups preceded by the target's index. A nil value is null.
type Cell struct {
	Column int
	Value  []byte
}

const cellHeader = 6 // column uint16, length uint32

func appendCell(dst []byte, column int, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(column))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// NextCell splits the first cell off; cells are ordered by column.
func NextCell(cells []byte) (c Cell, rest []byte) {
	n := cellHeader + int(binary.LittleEndian.Uint32(cells[2:]))
	return Cell{int(binary.LittleEndian.Uint16(cells)), cells[cellHeader:n]}, cells[n:]
}

// Value returns the column's value in cells, nil for null.
func Value(cells []byte, column int) []byte {
	for len(cells) > 0 {
		var c Cell
		if c, cells = NextCell(cells); c.Column == column {
			return c.Value
		}
	}
	return nil
}

// Merge appends old with the changes applied to dst; both are ordered by column.
func Merge(dst, old []byte, changes []Cell) []byte {
	for len(old) > 0 {
		c, rest := NextCell(old)
		for len(changes) > 0 && changes[0].Column < c.Column {
			if changes[0].Value != nil {
				dst = appendCell(dst, changes[0].Column, changes[0].Value)
			}
			changes = changes[1:]
		}
		switch {
		case len(changes) == 0:
			return append(dst, old...)
		case changes[0].Column == c.Column:
			if changes[0].Value != nil {
				dst = appendCell(dst, changes[0].Column, changes[0].Value)
			}
			changes = changes[1:]
		default:
			dst = append(dst, old[:len(old)-len(rest)]...)
		}
		old = rest
	}
	for _, c := range changes {
		if c.Value != nil {
			dst = appendCell(dst, c.Column, c.Value)
		}
	}
	return dst
}

// Put enters a cell at its place in an ordered list. It reports whether the column was already there; then its value is replaced.
func Put(cells []Cell, c Cell) ([]Cell, bool) {
	i := len(cells)
	for i > 0 && cells[i-1].Column >= c.Column {
		i--
	}
	if i < len(cells) && cells[i].Column == c.Column {
		cells[i] = c
		return cells, true
	}
	cells = append(cells, Cell{})
	copy(cells[i+1:], cells[i:])
	cells[i] = c
	return cells, false
}

// Get returns the change to a column, if there is one.
func Get(cells []Cell, column int) ([]byte, bool) {
	for _, c := range cells {
		if c.Column == column {
			return c.Value, true
		}
	}
	return nil, false
}

// AppendReference appends a lookup's value: which target it is of, then the GUID as JSON.
func AppendReference(dst []byte, index byte, id uuid.UUID) []byte {
	dst = append(dst, index, '"')
	dst = AppendGUID(dst, id)
	return append(dst, '"')
}

// Reference reads a lookup's value.
func Reference(v []byte) (index byte, id uuid.UUID, ok bool) {
	if len(v) != 39 {
		return 0, id, false
	}
	id, ok = ParseGUID(v[2:38])
	return v[0], id, ok
}

// AppendGUID appends the usual form, in lower case.
func AppendGUID(dst []byte, id uuid.UUID) []byte {
	const hex = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hex[b>>4], hex[b&15])
	}
	return dst
}

// ParseGUID takes the bare 36 characters only, in either case: what OData calls an Edm.Guid.
func ParseGUID(b []byte) (uuid.UUID, bool) {
	if len(b) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.ParseBytes(b)
	return id, err == nil
}

// Insert puts r into the table and its keys' indexes. The caller holds t and has seen to it that no key clashes.
func (t *Table) Insert(r *Row) {
	t.order = append(t.order, r)
	t.enter(r)
}

// enter makes r, which is in the order, one of the rows.
func (t *Table) enter(r *Row) {
	t.rows[r.ID] = r
	r.Dead = false
	t.reindex(r, nil, r.Cells)
}

// Remove takes r out of the table. The caller holds t.
func (t *Table) Remove(r *Row) {
	delete(t.rows, r.ID)
	t.reindex(r, r.Cells, nil)
	r.Dead = true
	if t.dead++; t.dead > 1024 && t.dead > len(t.order)/2 {
		t.sweep()
	}
}

// sweep drops dead rows from the order.
func (t *Table) sweep() {
	live := make([]*Row, 0, len(t.rows))
	for _, r := range t.order {
		if !r.Dead {
			live = append(live, r)
		}
	}
	t.order, t.dead = live, 0
}

// reindex keeps the indexes up when r's cells become others; nil for a row that comes or goes.
func (t *Table) reindex(r *Row, old, cells []byte) {
	var scratch, other [256]byte
	for _, k := range t.AlternateKeys {
		before, had := t.normal(scratch[:0], k.Columns, old)
		after, has := t.normal(other[:0], k.Columns, cells)
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

// Clash returns the key by which cells would be the same as another row than r.
func (t *Table) Clash(r *Row, cells []byte) *Key {
	var scratch [256]byte
	for _, k := range t.AlternateKeys {
		if norm, ok := t.normal(scratch[:0], k.Columns, cells); ok && k.Active() {
			if other, taken := k.index[string(norm)]; taken && other != r {
				return k
			}
		}
	}
	return nil
}

// normal appends the normal form of the columns' values in cells. A null among them means that a key of them does not hold for the row.
func (t *Table) normal(dst []byte, columns []int, cells []byte) ([]byte, bool) {
	for i, column := range columns {
		v := Value(cells, column)
		if v == nil {
			return dst, false
		}
		if i > 0 {
			dst = append(dst, 0)
		}
		dst = AppendNormal(dst, &t.Columns[column], v)
	}
	return dst, true
}

// Replace gives r new cells, and enters them into the indexes when an indexed column is among the changes.
func (t *Table) Replace(r *Row, cells []byte, reindex bool) {
	if reindex {
		t.reindex(r, r.Cells, cells)
	}
	r.Cells = bytes.Clone(cells)
}

// Row returns the row of that id, nil when there is none. The caller holds t.
func (t *Table) Row(id uuid.UUID) *Row { return t.rows[id] }

// Len is the number of rows. The caller holds t.
func (t *Table) Len() int { return len(t.rows) }

// Rows returns the rows in the order of their creation, with dead ones among them. The caller holds t, and does not change the slice.
func (t *Table) Rows() []*Row { return t.order }

// Clear takes all rows out, without remembering that they were deleted; version is the last one that was given.
func (t *Table) Clear(version uint64) {
	t.rows, t.order, t.dead, t.graves = map[uuid.UUID]*Row{}, nil, 0, graves{forgotten: version}
	t.untrack()
	for _, d := range t.rules {
		d.count = map[string]int{}
	}
	for _, k := range t.AlternateKeys {
		k.index = map[string]*Row{}
	}
}

// ConcernsKeys reports whether the changes have a column of some key.
func (t *Table) ConcernsKeys(changes []Cell) bool {
	return slices.ContainsFunc(changes, func(c Cell) bool { return t.keyed[c.Column] })
}

// ConcernsIndexes reports whether the changes have a column of some index, so that Replace has to look at them.
func (t *Table) ConcernsIndexes(changes []Cell) bool {
	return slices.ContainsFunc(changes, func(c Cell) bool { return t.indexed[c.Column] })
}
