package security

import (
	"slices"

	"github.com/google/uuid"
)

// Rights are what a user or team may do, as of one moment. They do not change, so they may be used without a lock.
type Rights struct {
	ID            uuid.UUID // of the user or team
	Unit          uuid.UUID // of its business unit
	Roles         []string  // names, those of its teams included
	Administrator bool      // has SystemAdministrator, and with it every secured column

	full    bool // base is Global and nothing is less
	base    scope
	named   map[string]*scope // privileges that reach otherwise than base
	columns map[string]Permission
	world   *world
	also    *Rights // of the impersonating user: both must have what is asked for
}

// A scope is which rows a privilege reaches.
type scope struct {
	depth  Depth
	units  []uuid.UUID
	owners []uuid.UUID
}

func (s *scope) reaches(owner, unit uuid.UUID) bool {
	return s.depth == Global || slices.Contains(s.owners, owner) || slices.Contains(s.units, unit)
}

// A grant is a role with the place from which its depths are counted.
type grant struct {
	role   Role
	unit   uuid.UUID
	owners []uuid.UUID
}

// add widens the scope by what a grant gives at depth d.
func (s *scope) add(d Depth, g grant, w *world) {
	s.depth = max(s.depth, d)
	if d >= Basic {
		s.owners = append(s.owners, g.owners...)
	}
	switch d {
	case Local:
		s.units = append(s.units, g.unit)
	case Deep:
		s.units = append(s.units, w.below(g.unit)...)
	case None, Basic, Global:
	}
}

// Everything reports whether every privilege is there at Global: the one test for most callers.
func (r *Rights) Everything() bool { return r.full && r.also == nil }

// Depth returns how far the privilege reaches, None when it is missing.
func (r *Rights) Depth(privilege string) Depth {
	d := r.scope(privilege).depth
	if r.also != nil {
		d = min(d, r.also.Depth(privilege))
	}
	return d
}

// Has reports whether the privilege is there at any depth.
func (r *Rights) Has(privilege string) bool { return r.Depth(privilege) > None }

// Reaches reports whether the privilege reaches the rows of an owner.
func (r *Rights) Reaches(privilege string, owner uuid.UUID) bool {
	s := r.scope(privilege)
	return s.reaches(owner, r.world.unitOf(owner)) && (r.also == nil || r.also.Reaches(privilege, owner))
}

func (r *Rights) scope(privilege string) *scope {
	if s, named := r.named[privilege]; named {
		return s
	}
	return &r.base
}

// Required returns the depth at which a privilege would reach the rows of an owner.
func (r *Rights) Required(owner uuid.UUID) Depth {
	unit := r.world.unitOf(owner)
	switch {
	case owner == r.ID:
		return Basic
	case unit == r.Unit:
		return Local
	case slices.Contains(r.world.below(r.Unit), unit):
		return Deep
	}
	return Global
}

// UnitOf returns the business unit of a user or team; for one that is not known the root.
func (r *Rights) UnitOf(owner uuid.UUID) uuid.UUID { return r.world.unitOf(owner) }

// Column returns what may be done with a secured column, table.column in logical names.
func (r *Rights) Column(name string) Permission {
	p := r.columns[name]
	if r.Administrator {
		p = Permission{true, true, true}
	}
	if r.also != nil {
		p = p.and(r.also.Column(name))
	}
	return p
}

// For returns the rights of r when they are used by another user in its name: what both have.
func (r *Rights) For(caller *Rights) *Rights {
	both := *r
	both.also = caller
	return &both
}

// A world is the tree of business units and who is in which, as of one moment.
type world struct {
	root    uuid.UUID
	parents map[uuid.UUID]uuid.UUID // by unit; the root has none
	members map[uuid.UUID]uuid.UUID // unit by user or team
}

func (w *world) unitOf(owner uuid.UUID) uuid.UUID {
	if unit, known := w.members[owner]; known {
		return unit
	}
	return w.root
}

// below returns the unit and all units under it.
func (w *world) below(unit uuid.UUID) []uuid.UUID {
	all := []uuid.UUID{unit}
	for child := range w.parents {
		for up, ok := child, true; ok; up, ok = w.parents[up] {
			if up == unit && child != unit {
				all = append(all, child)
				break
			}
		}
	}
	return all
}
