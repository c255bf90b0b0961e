package store

import (
	"errors"
	"fmt"
)

// Inconsistencies returns what does not agree in the table: rows, their order, the indexes of keys and rules, referrers, and lookups that point
// at rows which are gone although a delete looks at them. It goes through everything, and is there for tests. The caller has all tables to itself.
func (t *Table) Inconsistencies() error {
	return errors.Join(t.orderAgrees(), t.keysAgree(), t.rulesAgree(), t.referrersAgree(), t.linksLead())
}

func (t *Table) orderAgrees() error {
	live, dead := 0, 0
	for i, r := range t.order {
		switch {
		case i > 0 && t.order[i-1].Serial >= r.Serial:
			return fmt.Errorf("row %d is out of order", i)
		case r.Dead:
			dead++
		case t.rows[r.ID] != r:
			return fmt.Errorf("row %s is in the order, but not in the rows", r.ID)
		default:
			live++
		}
	}
	if live != len(t.rows) || dead != t.dead {
		return fmt.Errorf("the order has %d rows and %d dead ones, where there are %d and %d", live, dead, len(t.rows), t.dead)
	}
	return nil
}

func (t *Table) keysAgree() error {
	for _, k := range t.AlternateKeys {
		if !k.usable.Load() {
			continue
		}
		n := 0
		for _, r := range t.rows {
			norm, ok := t.normal(nil, k.Columns, r.Cells)
			if !ok {
				continue
			}
			if n++; k.index[string(norm)] != r {
				return fmt.Errorf("key %s does not find row %s", k.name, r.ID)
			}
		}
		if n != len(k.index) {
			return fmt.Errorf("key %s has %d entries for %d rows", k.name, len(k.index), n)
		}
	}
	return nil
}

func (t *Table) rulesAgree() error {
	for i, d := range t.rules {
		count := map[string]int{}
		for _, r := range t.rows {
			if norm, ok := t.normal(nil, d.columns, r.Cells); ok {
				count[string(norm)]++
			}
		}
		for norm, n := range d.count {
			if count[norm] != n {
				return fmt.Errorf("rule %d counts %d rows where there are %d", i, n, count[norm])
			}
		}
		if len(count) != len(d.count) {
			return fmt.Errorf("rule %d has %d values where there are %d", i, len(d.count), len(count))
		}
	}
	return nil
}

func (t *Table) referrersAgree() error {
	for _, column := range t.tracked {
		n := 0
		for _, r := range t.rows {
			_, id, ok := Reference(Value(r.Cells, column))
			if !ok {
				continue
			}
			n++
			if _, there := t.referrers[column][id][r]; !there {
				return fmt.Errorf("row %s is no referrer by %s", r.ID, t.Columns[column].Name)
			}
		}
		for _, some := range t.referrers[column] {
			n -= len(some)
		}
		if n != 0 {
			return fmt.Errorf("%s has %d referrers too few", t.Columns[column].Name, n)
		}
	}
	return nil
}

func (t *Table) linksLead() error {
	for _, in := range t.Links {
		for _, r := range in.Table.rows {
			if index, id, ok := Reference(Value(r.Cells, in.Column)); ok && index == in.Index && t.rows[id] == nil {
				return fmt.Errorf("%s of %s %s points at a row that is gone", in.Table.Columns[in.Column].Name, in.Table.Name, r.ID)
			}
		}
	}
	return nil
}
