package emulator

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
)

// delete is DELETE /set(id) and /set(key).
func (c *call) delete(op *batch.Operation, index int, a *address) *reply {
	t := a.table
	c.body.reset()
	if f := c.allowed(t, t.privilege.delete); f != nil {
		return failed(f)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := a.row()
	if r == nil {
		return failed(a.missing())
	}
	if answer := c.precondition(op, a, r); answer != nil {
		return answer
	}
	if f := c.mayDelete(t, r); f != nil {
		return failed(f)
	}
	if r.referrers.Load() > 0 {
		return failed(hasChildren.says("The %s record cannot be deleted because it is associated with other records.", t.Label))
	}
	t.removeRow(r)
	t.graves.dig(r.id, c.server.versions.Add(1))
	c.refer(t, r.cells, -1)
	if c.set > 0 {
		c.undo = append(c.undo, func() { t.restore(r); t.graves.undig(r.id); c.refer(t, r.cells, 1) })
	}
	c.committed(t, r, OpDelete, op, index, a.segment)
	c.success = reply{status: http.StatusNoContent}
	return &c.success
}

// restore brings a deleted row back to its place.
func (t *table) restore(r *row) {
	t.order = slices.DeleteFunc(t.order, func(o *row) bool { return o == r })
	t.addRow(r)
	slices.SortFunc(t.order, func(a, b *row) int { return cmp.Compare(a.serial, b.serial) })
}

// A referral is what a write changes in the number of rows that point at others.
type referral struct {
	table *table
	cells []byte
	by    int32
}

// refer notes that the restricting lookups in cells point at their targets once more or less.
func (c *call) refer(t *table, cells []byte, by int32) {
	if len(t.restricts) > 0 {
		c.referrals = append(c.referrals, referral{t, cells, by})
	}
}

// settle counts what was noted. It locks the target tables, so the caller holds no table.
func (c *call) settle() {
	for _, ref := range c.referrals {
		for _, column := range ref.table.restricts {
			index, id, ok := reference(value(ref.cells, column))
			if !ok || !ref.table.columns[column].Targets[index].Restrict {
				continue
			}
			to := c.server.tables[ref.table.columns[column].Targets[index].Table]
			to.mu.RLock()
			if r := to.rows[id]; r != nil {
				r.referrers.Add(ref.by)
			}
			to.mu.RUnlock()
		}
	}
	c.referrals = c.referrals[:0]
}
