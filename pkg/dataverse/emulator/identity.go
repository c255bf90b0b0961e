package emulator

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// A user is the application user of one app registration.
type user struct {
	app     App // its State may change: read it under identities.mu
	id      uuid.UUID
	revoked atomic.Pointer[map[string]bool]
	budget  *budget
}

// identities are the application users. Who they are by their token, the directory knows.
type identities struct {
	mu    sync.RWMutex
	users map[string]*user // by client id
}

func newIdentities(c Config) *identities {
	ids := &identities{users: map[string]*user{}}
	for _, app := range c.Apps {
		u := &user{app: app, id: app.UserID, budget: &budget{limits: c.Limits}}
		if u.id == uuid.Nil {
			u.id = derived("systemuser", app.ClientID)
		}
		revoked := map[string]bool{}
		for _, privilege := range app.Revoked {
			revoked[privilege] = true
		}
		u.revoked.Store(&revoked)
		ids.users[strings.ToLower(app.ClientID)] = u
	}
	return ids
}

// derived makes the GUIDs that are the same in every run: of users, privileges, metadata.
func derived(space, name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("penstock:emulator:"+space+":"+name))
}

func (ids *identities) find(client string) *user {
	ids.mu.RLock()
	defer ids.mu.RUnlock()
	return ids.users[strings.ToLower(client)]
}

// change applies f to an app. It reports whether there is such an app.
func (ids *identities) change(client string, f func(*user)) bool {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	u := ids.users[strings.ToLower(client)]
	if u != nil {
		f(u)
	}
	return u != nil
}

// Revoke takes privileges (prvWriteContact) from the application user of an app, at once. It reports whether the app is known.
func (s *Server) Revoke(client string, privileges ...string) bool {
	return s.identities.change(client, func(u *user) { u.setPrivileges(privileges, true) })
}

// Grant gives privileges back that were revoked. It reports whether the app is known.
func (s *Server) Grant(client string, privileges ...string) bool {
	return s.identities.change(client, func(u *user) { u.setPrivileges(privileges, false) })
}

func (u *user) setPrivileges(privileges []string, revoked bool) {
	all := map[string]bool{}
	for name := range *u.revoked.Load() {
		all[name] = true
	}
	for _, name := range privileges {
		if revoked {
			all[name] = true
		} else {
			delete(all, name)
		}
	}
	u.revoked.Store(&all)
}

// SetUserState enables, disables or removes the application user of an app. It reports whether the app is known.
func (s *Server) SetUserState(client string, state UserState) bool {
	return s.identities.change(client, func(u *user) { u.app.State = state })
}

// lacks reports whether the user has been denied the privilege.
func (u *user) lacks(privilege string) bool { return (*u.revoked.Load())[privilege] }

// denied returns the 403 of section 1.4 when the user lacks the privilege on the table.
func (c *call) denied(t *table, privilege string) *failure {
	if !c.user.lacks(privilege) {
		return nil
	}
	id := c.user.id
	return privilegeDenied.says("Principal user (Id=%s, type=8, roleCount=1, privilegeCount=%d, accessMode='4 Non-interactive', AADObjectId='%s', "+
		"MetadataCachePrivilegesCount=12471, businessUnitId=%s), is missing %s privilege (Id=%s) on OTC=%d for entity '%s' (LocalizedName='%s'). "+
		"context.Caller=%s. Consider adding missed privilege to one of the principal (user/team) roles.",
		id, 8*len(c.server.tables)-len(*c.user.revoked.Load()), derived("aad", c.user.app.ClientID), c.server.businessUnit(), privilege,
		derived("privilege", privilege), t.TypeCode, t.Name, t.Label, id)
}

func (s *Server) businessUnit() uuid.UUID {
	return derived("businessunit", s.config.OrganizationID.String())
}

// authenticate finds the user of a request, or writes the refusal.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) *user {
	scheme, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	t, valid := s.directory.Token(access)
	if !valid || !strings.EqualFold(scheme, "Bearer") || !strings.EqualFold(t.Resource, r.Host) || !strings.EqualFold(t.Tenant, s.config.Tenant) {
		host, authority := origin(r), s.config.Authority
		if authority == "" {
			authority = host
		}
		w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+authority+"/"+s.config.Tenant+"/oauth2/authorize, resource_id="+host+"/")
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	s.identities.mu.RLock()
	u := s.identities.users[strings.ToLower(t.ClientID)]
	state := UserMissing
	if u != nil {
		state = u.app.State
	}
	s.identities.mu.RUnlock()
	if f := stateFailure(u, state); f != nil {
		s.refuse(w, r, f, 0)
		return nil
	}
	return u
}

func stateFailure(u *user, state UserState) *failure {
	switch state {
	case UserMissing:
		return notMember.says("The user is not a member of the organization.")
	case UserDisabled:
		return userDisabled.says("The specified user(Id = %s) is disabled. Consider enabling this user. Additional Details: %s", u.id, "{1}")
	case UserNoRoles:
		return userNoRoles.says("The user with id %s has not been assigned any roles. They need a role with the prvReadUser privilege.", u.id)
	case UserRestricted:
		return userRestricted.says("Access to Dataverse API is restricted for this application Id : '%s'. Please contact your administrator.", u.app.ClientID)
	case UserEnabled:
	}
	return nil
}

// origin is the scheme and host by which the client reached us.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
