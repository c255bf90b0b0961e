package store

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
)

// This file is what a row says when it is asked for a column.

// Peek returns a column's JSON value without copying where it can, nil for null.
func (t *Table) Peek(r *Row, column int) []byte {
	c := &t.Columns[column]
	if column == t.PrimaryColumn || c.ReadOnly {
		return t.Read(nil, r, column)
	}
	v := Value(r.Cells, column)
	if v != nil && c.IsLookup() {
		v = v[1:]
	}
	return v
}

// Read appends a column's JSON value, nothing for null. Some columns are kept outside the cells or are composed of others.
func (t *Table) Read(dst []byte, r *Row, column int) []byte {
	c := &t.Columns[column]
	switch {
	case column == t.PrimaryColumn:
		return append(AppendGUID(append(dst, '"'), r.ID), '"')
	case len(c.Joined) > 0:
		var parts []string
		for _, name := range c.Joined {
			if s := jsonobject.Text(Value(r.Cells, t.ByName[name])); s != "" {
				parts = append(parts, s)
			}
		}
		if len(parts) == 0 {
			return dst
		}
		return jsonobject.AppendQuoted(dst, strings.Join(parts, " "))
	case c.ReadOnly && c.Name == "createdon":
		return AppendTime(dst, r.Created)
	case c.ReadOnly && c.Name == "modifiedon":
		return AppendTime(dst, r.Modified)
	case c.ReadOnly && c.Name == "versionnumber":
		return strconv.AppendUint(dst, r.Version, 10)
	}
	v := Value(r.Cells, column)
	if c.IsLookup() && v != nil {
		v = v[1:]
	}
	return append(dst, v...)
}

// AppendTime appends unix seconds as the JSON of a date and time.
func AppendTime(dst []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(dst, `"2006-01-02T15:04:05Z"`)
}

// OwnerOf returns the owner of a row, zero in a table without owners. It reports whether the row is there.
func (t *Table) OwnerOf(id uuid.UUID) (owner uuid.UUID, there bool) {
	t.RLock()
	defer t.RUnlock()
	r := t.rows[id]
	if r == nil {
		return uuid.Nil, false
	}
	return t.Owner(r), true
}

// Owner returns the owner of r, zero in a table without owners. The caller holds t.
func (t *Table) Owner(r *Row) uuid.UUID {
	if t.OwnerColumn < 0 {
		return uuid.Nil
	}
	_, owner, _ := Reference(Value(r.Cells, t.OwnerColumn))
	return owner
}

// Without returns the row with columns set to null; r itself when there are none.
func (r *Row) Without(columns []int) *Row {
	if len(columns) == 0 {
		return r
	}
	nulls := make([]Cell, len(columns))
	for i, column := range columns {
		nulls[i] = Cell{column, nil}
	}
	return &Row{ID: r.ID, Serial: r.Serial, Version: r.Version, Created: r.Created, Modified: r.Modified, Cells: Merge(nil, r.Cells, nulls), Dead: r.Dead}
}

// Contains reports whether the GUID or a value has the text, which is in lower case.
func (r *Row) Contains(text []byte) bool {
	var id [36]byte
	if bytes.Contains(AppendGUID(id[:0], r.ID), text) {
		return true
	}
	for rest := r.Cells; len(rest) > 0; {
		var c Cell
		if c, rest = NextCell(rest); bytes.Contains(bytes.ToLower(c.Value), text) {
			return true
		}
	}
	return false
}
