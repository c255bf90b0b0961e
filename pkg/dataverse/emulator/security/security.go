// Package security is Dataverse's model of who may do what: business units in a tree, security roles whose privileges have a depth, users and
// teams that have roles, and column security profiles.
//
// It knows neither tables nor rows: a privilege is a name (prvWriteContact), an owner a GUID, a column a name (contact.governmentid). What it
// leaves out: sharing, hierarchy security, access teams, copies of a role in each business unit (a role here is one for all), and roles whose
// team privileges do not pass to members (all do: what a team gives at Basic reaches the team's rows and the member's own).
package security

import (
	"maps"
	"slices"

	"github.com/google/uuid"
)

// SystemAdministrator is the role that every organisation has: each privilege at Global, and every secured column.
const SystemAdministrator = "System Administrator"

// A Config is what an organisation has beside its users. The zero value is the root business unit and the role SystemAdministrator.
type Config struct {
	Units    []Unit    // business units below the root, which is named after the organisation
	Roles    []Role    // beside SystemAdministrator
	Teams    []Team    // owner teams
	Profiles []Profile // column security
}

// A Unit is a business unit.
type Unit struct {
	ID     uuid.UUID // derived from the name when zero
	Name   string
	Parent string // name of the unit above; empty means the root
}

// A Role is a security role.
type Role struct {
	ID         uuid.UUID // derived from the name when zero
	Name       string
	All        Depth            // of every privilege that Privileges does not name
	Privileges map[string]Depth // by name: prvReadContact
}

// depth is how far the role gives a privilege.
func (r *Role) depth(privilege string) Depth {
	if d, named := r.Privileges[privilege]; named {
		return d
	}
	return r.All
}

func (r Role) clone() Role {
	r.Privileges = maps.Clone(r.Privileges)
	return r
}

// A Team owns rows and has roles, which its members have through it. Names are of the business unit, roles and profiles.
type Team struct {
	ID       uuid.UUID // derived from the name when zero
	Name     string
	Unit     string // empty means the root
	Roles    []string
	Profiles []string
}

func (t Team) clone() Team {
	t.Roles, t.Profiles = slices.Clone(t.Roles), slices.Clone(t.Profiles)
	return t
}

// A Member is what a user has and is in. The zero value is in the root business unit, and has no role.
type Member struct {
	Unit     string   // business unit; empty means the root
	Roles    []string // security roles
	Teams    []string // teams that it is a member of
	Profiles []string // column security profiles

	// Except are depths that go before what the roles give, by privilege. Dataverse has no such thing; it saves the writing of a role.
	Except map[string]Depth
}

func (m Member) clone() Member {
	m.Roles, m.Teams, m.Profiles = slices.Clone(m.Roles), slices.Clone(m.Teams), slices.Clone(m.Profiles)
	m.Except = maps.Clone(m.Except)
	return m
}

// A Profile is a column security profile: what those who have it may do with secured columns, by table.column in logical names.
type Profile struct {
	Name    string
	Columns map[string]Permission
}

// A Permission is what one may do with a secured column.
type Permission struct{ Create, Read, Update bool }

func (p Permission) or(q Permission) Permission {
	return Permission{p.Create || q.Create, p.Read || q.Read, p.Update || q.Update}
}

func (p Permission) and(q Permission) Permission {
	return Permission{p.Create && q.Create, p.Read && q.Read, p.Update && q.Update}
}
