package emulator

import "bytes"

// This file says what an operation needs, and asks whether the caller has it (section 1.4).

// allowed checks a privilege on the table, and what the lookups in the body need.
func (c *call) allowed(t *table, privilege string) *failure {
	if len(*c.user.revoked.Load()) == 0 {
		return nil
	}
	if f := c.denied(t, privilege); f != nil {
		return f
	}
	for _, b := range c.body.bound {
		if f := c.denied(t, t.privilege.append); f != nil {
			return f
		}
		if f := c.denied(b.table, b.table.privilege.appendTo); f != nil {
			return f
		}
	}
	return nil
}

// mayWrite checks what a write turned out to be, with the changes in c.body: r is nil for a create. The caller holds t.mu.
func (c *call) mayWrite(t *table, r *row) *failure {
	if r == nil {
		return c.denied(t, t.privilege.create)
	}
	if f := c.denied(t, t.privilege.write); f != nil {
		return f
	}
	if owner, set := get(c.body.changes, t.owner); set && !bytes.Equal(owner, value(r.cells, t.owner)) {
		return c.denied(t, t.privilege.assign)
	}
	return nil
}

// mayDelete checks the delete of a row. The caller holds t.mu.
func (c *call) mayDelete(*table, *row) *failure { return nil }

// mayRead checks the read of one row. The caller holds t.mu.
func (c *call) mayRead(*table, *row) *failure { return nil }

// view returns the way in which the caller sees the rows of a table: nil when as they are, or else what makes of a row the one that the caller
// may see, nil for none. Every read of rows goes through it.
func (c *call) view(*table) func(*row) *row { return nil }

// seen is the row as the caller may see it after having written it.
func (c *call) seen(t *table, r *row) *row {
	if view := c.view(t); view != nil {
		if v := view(r); v != nil {
			return v
		}
	}
	return r
}

// inView is the number of the table's rows that the caller sees. The caller holds t.mu.
func (c *call) inView(t *table) int {
	view := c.view(t)
	if view == nil {
		return len(t.rows)
	}
	n := 0
	for _, r := range t.rows {
		if view(r) != nil {
			n++
		}
	}
	return n
}
