package emulator

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/body"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// This file says what an operation needs, and asks whether the caller has it (section 1.4). For a caller with everything each question is
// one test.

// denied returns the refusal when the caller lacks a privilege on the table.
func (c *call) denied(t *store.Table, privilege string) *refusal.Error {
	if c.rights.Everything() || c.rights.Has(privilege) {
		return nil
	}
	return c.lacks(privilege, t)
}

// deniedRow returns the refusal when the caller lacks a privilege on the table, or it does not reach a row of that owner.
func (c *call) deniedRow(t *store.Table, right accessRight, id, owner uuid.UUID) *refusal.Error {
	if c.rights.Everything() {
		return nil
	}
	privilege := right.privilege(t)
	switch {
	case !c.rights.Has(privilege):
		return c.lacks(privilege, t)
	case t.OwnerColumn < 0 || c.rights.Reaches(privilege, owner):
		return nil
	}
	return c.outOfReach(t, right, id, owner)
}

// allowed checks a privilege on the table, and what the lookups in the body need. The caller holds no table.
func (c *call) allowed(t *store.Table, privilege string) *refusal.Error {
	if c.rights.Everything() {
		return nil
	}
	if f := c.denied(t, privilege); f != nil {
		return f
	}
	for _, b := range c.body.Bound {
		if b.Column == t.OwnerColumn { // this is Assign, not Append
			continue
		}
		if f := c.denied(t, t.Privileges.Append); f != nil {
			return f
		}
		owner, there := b.Table.OwnerOf(b.ID)
		if !there { // it is created by the same request, so it is within reach
			owner = c.actor.id
		}
		if f := c.deniedRow(b.Table, appendToAccess, b.ID, owner); f != nil {
			return f
		}
	}
	return nil
}

// mayWrite checks what a write turned out to be, with the changes in the body: r is nil for a create. The caller holds t.
func (c *call) mayWrite(t *store.Table, r *store.Row) *refusal.Error {
	if c.rights.Everything() && len(t.Secured) == 0 && !c.body.Binds(t.OwnerColumn) {
		return nil
	}
	owner, assigned := c.actor.id, false
	if v, set := store.Get(c.body.Changes, t.OwnerColumn); set {
		if _, id, ok := store.Reference(v); ok {
			owner, assigned = id, r == nil || !bytes.Equal(v, store.Value(r.Cells, t.OwnerColumn))
		}
	}
	if f := c.mayWriteRow(t, r, owner, assigned); f != nil {
		return f
	}
	if assigned {
		if f := c.mayOwn(t, owner); f != nil {
			return f
		}
	}
	return c.maySecured(t, r)
}

// mayWriteRow checks the caller's reach: a create at the new owner's rows, an update at the row as it is.
func (c *call) mayWriteRow(t *store.Table, r *store.Row, owner uuid.UUID, assigned bool) *refusal.Error {
	if r == nil {
		return c.deniedRow(t, createAccess, c.body.ID, owner)
	}
	needed := []accessRight{writeAccess}
	if slices.ContainsFunc(c.body.Bound, func(b body.Bound) bool { return b.Column != t.OwnerColumn }) {
		needed = append(needed, appendAccess)
	}
	if assigned {
		needed = append(needed, assignAccess)
	}
	for _, right := range needed {
		if f := c.deniedRow(t, right, r.ID, t.Owner(r)); f != nil {
			return f
		}
	}
	return nil
}

// mayOwn checks the new owner, which must be able to read what it owns. Owners that Config does not name are believed to be.
func (c *call) mayOwn(t *store.Table, owner uuid.UUID) *refusal.Error {
	if u := c.server.identities.byID(owner); u != nil && c.server.identities.stateOf(u) == UserDisabled {
		return disabledOwner.Says("The specified owner has been disabled.")
	}
	rights := c.server.security.Rights(owner, true)
	if rights == nil || rights.Has(t.Privileges.Read) {
		return nil
	}
	return c.ownerLacks(t, rights)
}

// maySecured checks the columns under column security that the body sets.
func (c *call) maySecured(t *store.Table, r *store.Row) *refusal.Error {
	for _, column := range t.Secured {
		if _, set := store.Get(c.body.Changes, column); !set {
			continue
		}
		p := c.permission(t, column)
		switch {
		case r == nil && !p.Create:
			return c.secured(createSecured, "create", t, column)
		case r != nil && !p.Update:
			return c.secured(updateSecured, "update", t, column)
		}
	}
	return nil
}

func (c *call) permission(t *store.Table, column int) security.Permission {
	return c.rights.Column(t.Name + "." + t.Columns[column].Name)
}

// mayDelete checks the delete of a row. The caller holds t.
func (c *call) mayDelete(t *store.Table, r *store.Row) *refusal.Error {
	return c.deniedRow(t, deleteAccess, r.ID, t.Owner(r))
}

// mayRead checks the read of one row. The caller holds t.
func (c *call) mayRead(t *store.Table, r *store.Row) *refusal.Error {
	return c.deniedRow(t, readAccess, r.ID, t.Owner(r))
}

// view returns the way in which the caller sees the rows of a table: nil when as they are, or else what makes of a row the one that the caller
// may see, nil for none. Every read of rows goes through it.
func (c *call) view(t *store.Table) func(*store.Row) *store.Row {
	hidden := c.hidden(t)
	limited := !c.rights.Everything() && t.OwnerColumn >= 0 && c.rights.Depth(t.Privileges.Read) < security.Global
	if !limited && len(hidden) == 0 {
		return nil
	}
	return func(r *store.Row) *store.Row {
		if limited && !c.rights.Reaches(t.Privileges.Read, t.Owner(r)) {
			return nil
		}
		return r.Without(hidden)
	}
}

// seen is a row that the caller may see, or has written, as it sees it.
func (c *call) seen(t *store.Table, r *store.Row) *store.Row { return r.Without(c.hidden(t)) }

// hidden are the columns that the caller may not read.
func (c *call) hidden(t *store.Table) []int {
	if len(t.Secured) == 0 || c.rights.Administrator && c.rights.Everything() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.Secured), func(column int) bool { return c.permission(t, column).Read })
}
