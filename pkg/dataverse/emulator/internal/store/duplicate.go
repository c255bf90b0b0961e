package store

import "bytes"

// A duplicateRule is a rule with the number of rows for each combination of values.
type duplicateRule struct {
	columns []int
	count   map[string]int
}

// reindex keeps the count up when a row's cells become others; nil for a row that comes or goes.
func (d *duplicateRule) reindex(t *Table, old, cells []byte) {
	var scratch [256]byte
	if norm, ok := t.normal(scratch[:0], d.columns, old); ok {
		if d.count[string(norm)]--; d.count[string(norm)] == 0 {
			delete(d.count, string(norm))
		}
	}
	if norm, ok := t.normal(scratch[:0], d.columns, cells); ok {
		d.count[string(norm)]++
	}
}

// CountDuplicates makes a rule of the columns: from now on rows are counted by their values in them. The table has no rows yet.
func (t *Table) CountDuplicates(columns []int) {
	for _, column := range columns {
		t.indexed[column] = true
	}
	t.rules = append(t.rules, &duplicateRule{columns: columns, count: map[string]int{}})
}

// Duplicated reports whether cells are, by some rule, those of another row than the one with the cells own. The caller holds t.
func (t *Table) Duplicated(own, cells []byte) bool {
	var scratch, other [256]byte
	for _, d := range t.rules {
		norm, ok := t.normal(scratch[:0], d.columns, cells)
		if !ok {
			continue
		}
		others := d.count[string(norm)]
		if before, had := t.normal(other[:0], d.columns, own); had && bytes.Equal(before, norm) {
			others--
		}
		if others > 0 {
			return true
		}
	}
	return false
}
