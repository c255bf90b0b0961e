package emulator

import (
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// delete is DELETE /set(id) and /set(key).
func (c *call) delete(op *batch.Operation, index int, a *address) *reply {
	t := a.table
	c.body.Reset()
	if f := c.allowed(t, t.Privileges.Delete); f != nil {
		return failed(f)
	}
	if len(t.Links) > 0 { // what it means for other rows happens with it, or not at all
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
func (c *call) drop(t *store.Table, r *store.Row, op *batch.Operation, index int, segment []byte) *refusal.Error {
	if f := c.mayDelete(t, r); f != nil {
		return f
	}
	for _, l := range t.Links {
		if l.Target().Restrict && len(l.Referrers(r)) > 0 {
			return refusal.HasChildren.Says("The %s record cannot be deleted because it is associated with other records.", t.Label)
		}
	}
	t.Delete(r, c.server.versions.Add(1)) // before the others, so that rows that point at each other come to an end
	if c.locked {
		c.undo = append(c.undo, func() { t.Undelete(r) })
	}
	c.committed(t, r, journal.OpDelete, op, index, segment)
	for _, l := range t.Links {
		for _, from := range l.Referrers(r) {
			if !l.Target().Cascade {
				c.merged = store.Merge(c.merged[:0], from.Cells, []store.Cell{{Column: l.Column}})
				c.change(l.Table, from, c.merged, true)
				continue
			}
			if from.Dead { // gone by another way meanwhile
				continue
			}
			if f := c.drop(l.Table, from, &batch.Operation{}, index, nil); f != nil {
				return f
			}
		}
	}
	return nil
}
