package security

import (
	"time"

	"github.com/google/uuid"
)

// This file works out what everybody may do, whenever something has changed.

// settle works out everybody's rights anew. The caller holds m.mu.
func (m *Model) settle() {
	w := &world{root: m.root, parents: map[uuid.UUID]uuid.UUID{}, members: map[uuid.UUID]uuid.UUID{}}
	for _, u := range m.units {
		w.members[u.ID] = u.ID // the default team of a unit has its id
		if u.ID != m.root {
			w.parents[u.ID] = m.units[u.Parent].ID
		}
	}
	for _, t := range m.teams {
		w.members[t.ID] = m.units[t.Unit].ID
	}
	for id, member := range m.users {
		w.members[id] = m.units[member.Unit].ID
	}
	m.world = w
	now := time.Now()
	for _, t := range m.teams {
		m.stand(t.ID, m.rightsOf(t.ID, Member{Unit: t.Unit, Roles: t.Roles, Profiles: t.Profiles}), now)
	}
	for id, member := range m.users {
		m.stand(id, m.rightsOf(id, member), now)
	}
}

// stand enters new rights. What was seen until now goes on being seen for the delay, counted from the first change that is not seen yet.
func (m *Model) stand(id uuid.UUID, r *Rights, now time.Time) {
	s := m.rights[id]
	if s == nil {
		m.rights[id] = &standing{current: r}
		return
	}
	if m.delay > 0 && !now.Before(s.until) {
		s.seen, s.until = s.current, now.Add(m.delay)
	}
	s.current = r
}

// rightsOf adds up what a member's roles and teams give. The caller holds m.mu.
func (m *Model) rightsOf(id uuid.UUID, member Member) *Rights {
	r := &Rights{ID: id, Unit: m.units[member.Unit].ID, world: m.world, columns: map[string]Permission{}, named: map[string]*scope{}}
	var grants []grant
	give := func(unit string, roles, profiles []string, owners ...uuid.UUID) {
		for _, name := range roles {
			grants = append(grants, grant{m.roles[name], m.units[unit].ID, owners})
			r.Administrator = r.Administrator || name == SystemAdministrator
			r.Roles = append(r.Roles, name)
		}
		for _, name := range profiles {
			for column, p := range m.profiles[name].Columns {
				r.columns[column] = r.columns[column].or(p)
			}
		}
	}
	give(member.Unit, member.Roles, member.Profiles, id)
	for _, name := range member.Teams {
		t := m.teams[name]
		give(t.Unit, t.Roles, t.Profiles, t.ID, id)
	}
	special := map[string]bool{}
	for _, g := range grants {
		r.base.add(g.role.All, g, m.world)
		for name := range g.role.Privileges {
			special[name] = true
		}
	}
	for name := range special {
		s := &scope{}
		for _, g := range grants {
			s.add(g.role.depth(name), g, m.world)
		}
		r.named[name] = s
	}
	for name, d := range member.Except {
		s := &scope{}
		s.add(d, grant{unit: r.Unit, owners: []uuid.UUID{id}}, m.world)
		r.named[name] = s
	}
	r.full = r.base.depth == Global
	for _, s := range r.named {
		r.full = r.full && s.depth == Global
	}
	return r
}
