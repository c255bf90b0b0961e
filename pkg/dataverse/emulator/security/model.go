package security

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A Model is the security of one organisation. It is safe for concurrent use. Make it with New.
type Model struct {
	root  uuid.UUID
	delay time.Duration

	mu       sync.RWMutex
	units    map[string]Unit // by name, as the next three; the root is ""
	roles    map[string]Role
	teams    map[string]Team
	profiles map[string]Profile
	users    map[uuid.UUID]Member
	world    *world
	rights   map[uuid.UUID]*standing // of users and teams
}

// A standing is what a user may do, and for a while what it could do before that.
type standing struct {
	current, seen *Rights
	until         time.Time // seen is shown before it
}

// New returns the model of an organisation whose root business unit has that name and id. Changes are seen after delay, except by those
// who ask for strong consistency. The error names everything in c that does not fit together.
func New(organization string, root uuid.UUID, delay time.Duration, c Config) (*Model, error) {
	m := &Model{
		root: root, delay: delay, units: map[string]Unit{"": {ID: root, Name: organization}, organization: {ID: root, Name: organization}}, roles: map[string]Role{},
		teams: map[string]Team{}, profiles: map[string]Profile{}, users: map[uuid.UUID]Member{}, rights: map[uuid.UUID]*standing{},
	}
	var problems []error
	m.roles[SystemAdministrator] = Role{ID: identify("role", SystemAdministrator), Name: SystemAdministrator, All: Global}
	for _, u := range c.Units {
		if _, double := m.units[u.Name]; double {
			problems = append(problems, fmt.Errorf("security: there are two business units %q", u.Name))
		}
		u.ID = orDerived(u.ID, "businessunit", u.Name)
		m.units[u.Name] = u
	}
	for _, r := range c.Roles {
		if _, double := m.roles[r.Name]; double {
			problems = append(problems, fmt.Errorf("security: there are two roles %q", r.Name))
		}
		problems = append(problems, r.validate())
		r.ID = orDerived(r.ID, "role", r.Name)
		m.roles[r.Name] = r.clone()
	}
	for _, p := range c.Profiles {
		if _, double := m.profiles[p.Name]; double {
			problems = append(problems, fmt.Errorf("security: there are two column security profiles %q", p.Name))
		}
		m.profiles[p.Name] = Profile{p.Name, maps.Clone(p.Columns)}
	}
	for _, t := range c.Teams {
		if _, double := m.teams[t.Name]; double {
			problems = append(problems, fmt.Errorf("security: there are two teams %q", t.Name))
		}
		problems = append(problems, m.check("team "+t.Name, Member{Unit: t.Unit, Roles: t.Roles, Profiles: t.Profiles}))
		t = t.clone()
		t.ID = orDerived(t.ID, "team", t.Name)
		m.teams[t.Name] = t
	}
	problems = append(problems, m.checkTree())
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	m.settle()
	return m, nil
}

// identify makes the GUIDs that are the same in every run.
func identify(space, name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("penstock:emulator:"+space+":"+name))
}

func orDerived(id uuid.UUID, space, name string) uuid.UUID {
	if id == uuid.Nil {
		return identify(space, name)
	}
	return id
}

func (r *Role) validate() error {
	for name := range r.Privileges {
		if !strings.HasPrefix(name, "prv") {
			return fmt.Errorf("security: role %q: %q is no privilege; their names begin with prv, as prvReadContact", r.Name, name)
		}
	}
	return nil
}

// check reports the first name that a member has and the model does not.
func (m *Model) check(who string, of Member) error {
	if _, known := m.units[of.Unit]; !known {
		return unknown(who, "business unit", of.Unit, m.units)
	}
	for _, name := range of.Roles {
		if _, known := m.roles[name]; !known {
			return unknown(who, "role", name, m.roles)
		}
	}
	for _, name := range of.Teams {
		if _, known := m.teams[name]; !known {
			return unknown(who, "team", name, m.teams)
		}
	}
	for _, name := range of.Profiles {
		if _, known := m.profiles[name]; !known {
			return unknown(who, "column security profile", name, m.profiles)
		}
	}
	return nil
}

func unknown[T any](who, kind, name string, known map[string]T) error {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(known)), func(n string) bool { return n == "" })
	return fmt.Errorf("security: %s: there is no %s %q; there are: %s", who, kind, name, strings.Join(names, ", "))
}

// checkTree reports units that hang nowhere.
func (m *Model) checkTree() error {
	for _, u := range m.units {
		steps := 0
		for at := u; at.ID != m.root; steps++ {
			parent, known := m.units[at.Parent]
			switch {
			case !known:
				return unknown("business unit "+at.Name, "business unit", at.Parent, m.units)
			case steps > len(m.units):
				return fmt.Errorf("security: business unit %q is below itself", u.Name)
			}
			at = parent
		}
	}
	return nil
}

// Rights returns what a user or team may do, nil for one that the model does not know. Strong looks past the delay.
func (m *Model) Rights(id uuid.UUID, strong bool) *Rights {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := m.rights[id]
	switch {
	case s == nil:
		return nil
	case !strong && s.seen != nil && time.Now().Before(s.until):
		return s.seen
	}
	return s.current
}

// Direct returns what a user may do by its own roles, without those of its teams.
func (m *Model) Direct(id uuid.UUID) *Rights {
	m.mu.RLock()
	defer m.mu.RUnlock()
	member, known := m.users[id]
	if !known {
		return nil
	}
	member.Teams = nil
	return m.rightsOf(id, member)
}

// SetUser enters a user, or changes one. The error names what the model does not have, and nothing is changed then.
func (m *Model) SetUser(id uuid.UUID, member Member) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("user "+id.String(), member); err != nil {
		return err
	}
	m.users[id] = member.clone()
	m.settle()
	return nil
}

// Change changes a user. The error names what the model does not have, and nothing is changed then.
func (m *Model) Change(id uuid.UUID, f func(*Member)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	member, known := m.users[id]
	if !known {
		return fmt.Errorf("security: there is no user %s", id)
	}
	member = member.clone()
	f(&member)
	if err := m.check("user "+id.String(), member); err != nil {
		return err
	}
	m.users[id] = member
	m.settle()
	return nil
}

// User returns what a user has and is in.
func (m *Model) User(id uuid.UUID) (Member, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	member, known := m.users[id]
	return member.clone(), known
}

// PutRole enters a role, in place of the one with its name, whose id it keeps.
func (m *Model) PutRole(r Role) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.putRole(r.clone())
}

// ChangeRole changes a role.
func (m *Model) ChangeRole(name string, f func(*Role)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known := m.roles[name]
	if !known {
		return unknown("this organisation", "role", name, m.roles)
	}
	r = r.clone()
	if r.Privileges == nil {
		r.Privileges = map[string]Depth{}
	}
	f(&r)
	r.Name = name
	return m.putRole(r)
}

func (m *Model) putRole(r Role) error {
	if r.Name == SystemAdministrator {
		return fmt.Errorf("security: the role %q cannot be changed; give the user another", SystemAdministrator)
	}
	if err := r.validate(); err != nil {
		return err
	}
	if old, known := m.roles[r.Name]; known {
		r.ID = old.ID
	}
	r.ID = orDerived(r.ID, "role", r.Name)
	m.roles[r.Name] = r
	m.settle()
	return nil
}

// PutTeam enters a team, in place of the one with its name, whose id it keeps.
func (m *Model) PutTeam(t Team) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.putTeam(t.clone())
}

// ChangeTeam changes a team. It reports whether there is one of that name.
func (m *Model) ChangeTeam(name string, f func(*Team)) (known bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, known := m.teams[name]
	if !known {
		return false, nil
	}
	t = t.clone()
	f(&t)
	t.Name = name
	return true, m.putTeam(t)
}

func (m *Model) putTeam(t Team) error {
	if err := m.check("team "+t.Name, Member{Unit: t.Unit, Roles: t.Roles, Profiles: t.Profiles}); err != nil {
		return err
	}
	if old, known := m.teams[t.Name]; known {
		t.ID = old.ID
	}
	t.ID = orDerived(t.ID, "team", t.Name)
	m.teams[t.Name] = t
	m.settle()
	return nil
}

// Snapshot returns the organisation as it is now, ordered by name, the role SystemAdministrator and the root unit among it.
func (m *Model) Snapshot() Config {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var c Config
	for _, name := range slices.Sorted(maps.Keys(m.units)) {
		if name != "" {
			c.Units = append(c.Units, m.units[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.roles)) {
		c.Roles = append(c.Roles, m.roles[name].clone())
	}
	for _, name := range slices.Sorted(maps.Keys(m.teams)) {
		c.Teams = append(c.Teams, m.teams[name].clone())
	}
	for _, name := range slices.Sorted(maps.Keys(m.profiles)) {
		c.Profiles = append(c.Profiles, m.profiles[name])
	}
	return c
}

// UnitID returns the id of a business unit; empty means the root.
func (m *Model) UnitID(name string) (uuid.UUID, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	u, known := m.units[name]
	return u.ID, known
}
