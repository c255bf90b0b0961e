package emulator

import (
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// delete is DELETE /set(id) and /set(key).
func (c *call) delete(op *batch.Operation, index int, a *address) *reply {
	t := a.table
	c.body.reset()
	if f := c.allowed(t, t.privilege.delete); f != nil {
		return failed(f)
	}
	if len(t.links) > 0 { // what it means for other rows happens with it, or not at all
		return c.transact(func() *reply { return c.deleteRow(op, index, a) })
	}
	return c.deleteRow(op, index, a)
}

func (c *call) deleteRow(op *batch.Operation, index int, a *address) *reply {
	t := a.table
	c.lock(t)
	defer c.unlock(t)
	r := a.row()
	if r == nil {
		return failed(a.missing())
	}
	if f := c.precondition(op, a, r); f != nil {
		return failed(f)
	}
	if f := c.drop(t, r, op, index, a.segment); f != nil {
		return failed(f)
	}
	c.success = reply{status: http.StatusNoContent, session: t.Kind == schema.KindElastic}
	return &c.success
}

// drop removes a row, with what the relationships say about the rows that point at it. The caller holds t, or has begun a transaction where
// there are such relationships.
func (c *call) drop(t *table, r *row, op *batch.Operation, index int, segment []byte) *failure {
	if f := c.mayDelete(t, r); f != nil {
		return f
	}
	for _, l := range t.links {
		if l.target().Restrict && len(l.referrers(r)) > 0 {
			return hasChildren.says("The %s record cannot be deleted because it is associated with other records.", t.Label)
		}
	}
	t.remove(r, c.server.versions.Add(1)) // before the others, so that rows that point at each other come to an end
	if c.locked {
		c.undo = append(c.undo, func() { t.restore(r) })
	}
	c.committed(t, r, OpDelete, op, index, segment)
	for _, l := range t.links {
		for _, from := range l.referrers(r) {
			if !l.target().Cascade {
				c.merged = merge(c.merged[:0], from.cells, []cell{{column: l.column}})
				c.change(l.table, from, c.merged, true)
				continue
			}
			if from.dead { // gone by another way meanwhile
				continue
			}
			if f := c.drop(l.table, from, &batch.Operation{}, index, nil); f != nil {
				return f
			}
		}
	}
	return nil
}
