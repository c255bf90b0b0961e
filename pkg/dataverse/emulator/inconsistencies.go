package emulator

import (
	"errors"
	"fmt"
)

// inconsistencies returns what does not agree in the table: rows, their order, the indexes of keys and rules, referrers, and lookups that point
// at rows which are gone although a delete looks at them. It goes through everything, and is there for tests. The caller has all tables to itself.
func (t *table) inconsistencies() error {
	return errors.Join(t.orderAgrees(), t.keysAgree(), t.rulesAgree(), t.referrersAgree(), t.linksLead())
}

func (t *table) orderAgrees() error {
	live, dead := 0, 0
	for i, r := range t.order {
		switch {
		case i > 0 && t.order[i-1].serial >= r.serial:
			return fmt.Errorf("row %d is out of order", i)
		case r.dead:
			dead++
		case t.rows[r.id] != r:
			return fmt.Errorf("row %s is in the order, but not in the rows", r.id)
		default:
			live++
		}
	}
	if live != len(t.rows) || dead != t.dead {
		return fmt.Errorf("the order has %d rows and %d dead ones, where there are %d and %d", live, dead, len(t.rows), t.dead)
	}
	return nil
}

func (t *table) keysAgree() error {
	for _, k := range t.keys {
		if !k.usable.Load() {
			continue
		}
		n := 0
		for _, r := range t.rows {
			norm, ok := t.normal(nil, k.columns, r.cells)
			if !ok {
				continue
			}
			if n++; k.index[string(norm)] != r {
				return fmt.Errorf("key %s does not find row %s", k.name, r.id)
			}
		}
		if n != len(k.index) {
			return fmt.Errorf("key %s has %d entries for %d rows", k.name, len(k.index), n)
		}
	}
	return nil
}

func (t *table) rulesAgree() error {
	for i, d := range t.rules {
		count := map[string]int{}
		for _, r := range t.rows {
			if norm, ok := t.normal(nil, d.columns, r.cells); ok {
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

func (t *table) referrersAgree() error {
	for _, column := range t.tracked {
		n := 0
		for _, r := range t.rows {
			_, id, ok := reference(value(r.cells, column))
			if !ok {
				continue
			}
			n++
			if _, there := t.referrers[column][id][r]; !there {
				return fmt.Errorf("row %s is no referrer by %s", r.id, t.columns[column].Name)
			}
		}
		for _, some := range t.referrers[column] {
			n -= len(some)
		}
		if n != 0 {
			return fmt.Errorf("%s has %d referrers too few", t.columns[column].Name, n)
		}
	}
	return nil
}

func (t *table) linksLead() error {
	for _, in := range t.links {
		for _, r := range in.table.rows {
			if index, id, ok := reference(value(r.cells, in.column)); ok && index == in.index && t.rows[id] == nil {
				return fmt.Errorf("%s of %s %s points at a row that is gone", in.table.columns[in.column].Name, in.table.Name, r.id)
			}
		}
	}
	return nil
}
