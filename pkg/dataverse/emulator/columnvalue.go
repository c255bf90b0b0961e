package emulator

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
)

// This file is what a row says when it is asked for a column.

// peek returns a column's JSON value without copying where it can, nil for null.
func (t *table) peek(r *row, column int) []byte {
	c := &t.columns[column]
	if column == t.primary || c.ReadOnly {
		return t.read(nil, r, column)
	}
	v := value(r.cells, column)
	if v != nil && c.IsLookup() {
		v = v[1:]
	}
	return v
}

// read appends a column's JSON value, nothing for null. Some columns are kept outside the cells or are composed of others.
func (t *table) read(dst []byte, r *row, column int) []byte {
	c := &t.columns[column]
	switch {
	case column == t.primary:
		return append(appendGUID(append(dst, '"'), r.id), '"')
	case len(c.Joined) > 0:
		var parts []string
		for _, name := range c.Joined {
			if s := jsonobject.Text(value(r.cells, t.byName[name])); s != "" {
				parts = append(parts, s)
			}
		}
		if len(parts) == 0 {
			return dst
		}
		return appendQuoted(dst, strings.Join(parts, " "))
	case c.ReadOnly && c.Name == "createdon":
		return appendTime(dst, r.created)
	case c.ReadOnly && c.Name == "modifiedon":
		return appendTime(dst, r.modified)
	case c.ReadOnly && c.Name == "versionnumber":
		return strconv.AppendUint(dst, r.version, 10)
	}
	v := value(r.cells, column)
	if c.IsLookup() && v != nil {
		v = v[1:]
	}
	return append(dst, v...)
}

// appendTime appends unix seconds as the JSON of a date and time.
func appendTime(dst []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(dst, `"2006-01-02T15:04:05Z"`)
}

// ownerOf returns the owner of a row, zero in a table without owners. It reports whether the row is there.
func (t *table) ownerOf(id uuid.UUID) (owner uuid.UUID, there bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r := t.rows[id]
	if r == nil {
		return uuid.Nil, false
	}
	return t.owned(r), true
}

// owned returns the owner of r, zero in a table without owners. The caller holds t.mu.
func (t *table) owned(r *row) uuid.UUID {
	if t.owner < 0 {
		return uuid.Nil
	}
	_, owner, _ := reference(value(r.cells, t.owner))
	return owner
}

// without returns the row with columns set to null; r itself when there are none.
func (r *row) without(columns []int) *row {
	if len(columns) == 0 {
		return r
	}
	nulls := make([]cell, len(columns))
	for i, column := range columns {
		nulls[i] = cell{column, nil}
	}
	return &row{id: r.id, serial: r.serial, version: r.version, created: r.created, modified: r.modified, cells: merge(nil, r.cells, nulls), dead: r.dead}
}

// contains reports whether the GUID or a value has the text, which is in lower case.
func (r *row) contains(text []byte) bool {
	var id [36]byte
	if bytes.Contains(appendGUID(id[:0], r.id), text) {
		return true
	}
	for rest := r.cells; len(rest) > 0; {
		var c cell
		if c, rest = nextCell(rest); bytes.Contains(bytes.ToLower(c.value), text) {
			return true
		}
	}
	return false
}
