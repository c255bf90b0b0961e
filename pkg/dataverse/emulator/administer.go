package emulator

import (
	"fmt"
	"maps"
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// This file is what an administrator of the environment can change while the Server runs. A user is named by the client id of its app, by
// its name or by its systemuserid. Changes are seen by the next request, or after Config.PrivilegeDelay.

// Revoke takes privileges (prvWriteContact) from a user, whatever its roles give. It reports whether the user is known.
func (s *Server) Revoke(user string, privileges ...string) bool {
	return s.changeUser(user, func(m *security.Member) {
		for _, name := range privileges {
			*m = except(*m, name, security.None)
		}
	}) == nil
}

// Grant gives privileges back that were revoked, to the depth that the user's roles give, or at Global when they give none. It reports whether
// the user is known.
func (s *Server) Grant(user string, privileges ...string) bool {
	err := s.changeUser(user, func(m *security.Member) {
		for _, name := range privileges {
			delete(m.Except, name)
		}
	})
	if err != nil {
		return false
	}
	rights := s.security.Rights(s.identities.find(user).id, true)
	for _, name := range privileges {
		if !rights.Has(name) {
			err = s.SetDepth(user, name, security.Global)
		}
	}
	return err == nil
}

// SetDepth says how far a privilege of a user reaches, whatever its roles give.
func (s *Server) SetDepth(user, privilege string, depth security.Depth) error {
	return s.changeUser(user, func(m *security.Member) { *m = except(*m, privilege, depth) })
}

func except(m security.Member, privilege string, depth security.Depth) security.Member {
	m.Except = maps.Clone(m.Except)
	if m.Except == nil {
		m.Except = map[string]security.Depth{}
	}
	m.Except[privilege] = depth
	return m
}

// AssignRole gives a security role to a user or a team.
func (s *Server) AssignRole(principal, role string) error {
	return s.changeRoles(principal, func(roles []string) []string { return with(roles, role) })
}

// RemoveRole takes a security role from a user or a team.
func (s *Server) RemoveRole(principal, role string) error {
	return s.changeRoles(principal, func(roles []string) []string { return without(roles, role) })
}

func (s *Server) changeRoles(principal string, f func([]string) []string) error {
	if known, err := s.security.ChangeTeam(principal, func(t *security.Team) { t.Roles = f(t.Roles) }); known {
		return err
	}
	return s.changeUser(principal, func(m *security.Member) { m.Roles = f(m.Roles) })
}

// SetRole makes a security role, or changes the one with its name, for all who have it.
func (s *Server) SetRole(role security.Role) error {
	if err := s.security.PutRole(role); err != nil {
		return err
	}
	s.change.RLock()
	defer s.change.RUnlock()
	s.placePrincipals()
	return nil
}

// SetRolePrivilege says how far a role gives a privilege; security.None takes it out.
func (s *Server) SetRolePrivilege(role, privilege string, depth security.Depth) error {
	return s.security.ChangeRole(role, func(r *security.Role) { r.Privileges[privilege] = depth })
}

// SetTeam makes a team, or changes the one with its name.
func (s *Server) SetTeam(team security.Team) error {
	if err := s.security.PutTeam(team); err != nil {
		return err
	}
	s.change.RLock()
	defer s.change.RUnlock()
	s.placePrincipals()
	return nil
}

// JoinTeam makes a user a member of a team.
func (s *Server) JoinTeam(user, team string) error {
	return s.changeUser(user, func(m *security.Member) { m.Teams = with(m.Teams, team) })
}

// LeaveTeam ends the membership of a user in a team.
func (s *Server) LeaveTeam(user, team string) error {
	return s.changeUser(user, func(m *security.Member) { m.Teams = without(m.Teams, team) })
}

// SetBusinessUnit moves a user, and with it the rows that it owns, to a business unit; empty means the root.
func (s *Server) SetBusinessUnit(user, unit string) error {
	return s.changeUser(user, func(m *security.Member) { m.Unit = unit })
}

// AssignProfile gives a column security profile to a user.
func (s *Server) AssignProfile(user, profile string) error {
	return s.changeUser(user, func(m *security.Member) { m.Profiles = with(m.Profiles, profile) })
}

// RemoveProfile takes a column security profile from a user.
func (s *Server) RemoveProfile(user, profile string) error {
	return s.changeUser(user, func(m *security.Member) { m.Profiles = without(m.Profiles, profile) })
}

// SetUserState enables, disables or removes a user, at once. It reports whether the user is known.
func (s *Server) SetUserState(user string, state UserState) bool {
	u := s.identities.find(user)
	if u == nil {
		return false
	}
	s.identities.mu.Lock()
	defer s.identities.mu.Unlock()
	u.app.State = state
	return true
}

// SetOrganizationState enables or disables the organisation, or puts it into administration mode, at once.
func (s *Server) SetOrganizationState(state OrganizationState) {
	s.identities.mu.Lock()
	defer s.identities.mu.Unlock()
	s.identities.state = state
}

// Security returns the business units, roles, teams and profiles as they are now.
func (s *Server) Security() security.Config { return s.security.Snapshot() }

// Member returns what a user has and is in.
func (s *Server) Member(user string) (security.Member, bool) {
	u := s.identities.find(user)
	if u == nil {
		return security.Member{}, false
	}
	return s.security.User(u.id)
}

func (s *Server) changeUser(name string, f func(*security.Member)) error {
	u := s.identities.find(name)
	if u == nil {
		return fmt.Errorf("emulator: there is no user %q; use an app's client id, a user's name or a systemuserid", name)
	}
	return s.security.Change(u.id, f)
}

func with(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == name })
}
