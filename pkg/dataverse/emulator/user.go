package emulator

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/limit"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// A User is a row of systemuser that is no application user.
type User struct {
	ID       uuid.UUID  // systemuserid; derived from Name when zero
	Name     string     // full name, by which the methods of Server know it
	ObjectID uuid.UUID  // in Entra ID, which CallerObjectId names; derived from Name when zero
	State    UserState  //
	Mode     AccessMode // ReadWrite when empty

	security.Member
}

// UserState says what the environment answers to a user at all (reference section 1.4).
type UserState int

// The states of a user.
const (
	UserEnabled    UserState = iota
	UserMissing              // no application user: 403 0x80072560
	UserDisabled             // 403 0x80040225
	UserNoRoles              // no security role, whatever it has: 403 0x80042f09
	UserRestricted           // app on the block list: 403 0x80095ffc
	UserUnlicensed           // 403 0x8004d24b
)

// OrganizationState says whether the environment lets anybody in.
type OrganizationState int

// The states of an organisation.
const (
	OrganizationEnabled        OrganizationState = iota
	OrganizationAdministration                   // administration mode, for the role security.SystemAdministrator only: 403 0x8004a113
	OrganizationDisabled                         // 403 0x8004a104
)

// AccessMode is how a user uses the environment, as denials spell it.
type AccessMode string

// The access modes that have been seen.
const (
	ReadWrite      AccessMode = "0 Read-Write"
	NonInteractive AccessMode = "4 Non-interactive"
)

//nolint:gochecknoglobals // constant tables
var (
	userStates         = [...]string{"enabled", "missing", "disabled", "no roles", "restricted", "unlicensed"}
	organizationStates = [...]string{"enabled", "administration", "disabled"}
)

func word(words []string, i int) string {
	if i < 0 || i >= len(words) {
		return "unknown"
	}
	return words[i]
}

// String returns the state in a word.
func (s UserState) String() string { return word(userStates[:], int(s)) }

// MarshalText returns the state in a word.
func (s UserState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word that String returns.
func (s *UserState) UnmarshalText(text []byte) error {
	for i, name := range userStates {
		if string(text) == name {
			*s = UserState(i)
			return nil
		}
	}
	return fmt.Errorf("emulator: %q is no state of a user; use one of %s", text, strings.Join(userStates[:], ", "))
}

// String returns the state in a word.
func (s OrganizationState) String() string { return word(organizationStates[:], int(s)) }

// MarshalText returns the state in a word.
func (s OrganizationState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word that String returns.
func (s *OrganizationState) UnmarshalText(text []byte) error {
	for i, name := range organizationStates {
		if string(text) == name {
			*s = OrganizationState(i)
			return nil
		}
	}
	return fmt.Errorf("emulator: %q is no state of an organisation; use one of %s", text, strings.Join(organizationStates[:], ", "))
}

// A user is a row of systemuser: the application user of an app registration, or one of Config.Users.
type user struct {
	app     App // zero but for its State when the user is no app's. State may change: read it under identities.mu
	id      uuid.UUID
	object  uuid.UUID // in Entra ID
	name    string
	mode    AccessMode
	budgets []*limit.Budget // by web server
}

// identities are the users. Who they are by their token, the directory knows.
type identities struct {
	mu    sync.RWMutex
	users map[string]*user // by client id, or the name of one that is no app's, in lower case; fixed once made
	state OrganizationState
}

func newIdentities(c Config) *identities {
	ids := &identities{users: map[string]*user{}, state: c.State}
	for _, app := range c.Apps {
		ids.users[strings.ToLower(app.ClientID)] = &user{
			app: app, id: orDerived(app.UserID, "systemuser", app.ClientID), object: derived("aad", app.ClientID), name: "# " + app.ClientID,
			mode: orMode(app.Mode, NonInteractive), budgets: newBudgets(c.Servers, c.Limits),
		}
	}
	for _, u := range c.Users {
		ids.users[strings.ToLower(u.Name)] = &user{
			app: App{State: u.State}, id: orDerived(u.ID, "systemuser", u.Name), object: orDerived(u.ObjectID, "aad", u.Name), name: u.Name,
			mode: orMode(u.Mode, ReadWrite), budgets: newBudgets(c.Servers, c.Limits),
		}
	}
	return ids
}

func orMode(m, otherwise AccessMode) AccessMode {
	if m == "" {
		return otherwise
	}
	return m
}

// derived makes the GUIDs that are the same in every run: of users, privileges, metadata.
func derived(space, name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("penstock:emulator:"+space+":"+name))
}

func orDerived(id uuid.UUID, space, name string) uuid.UUID {
	if id == uuid.Nil {
		return derived(space, name)
	}
	return id
}

// all returns every user of an app, by client id.
func (ids *identities) all() []*user {
	var all []*user
	for _, u := range ids.users { // which never changes
		if u.app.ClientID != "" {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *user) int { return strings.Compare(a.app.ClientID, b.app.ClientID) })
	return all
}

// find returns the user of an app, or of a name or systemuserid; nil when there is none.
func (ids *identities) find(name string) *user {
	if u := ids.users[strings.ToLower(name)]; u != nil {
		return u
	}
	id, err := uuid.Parse(name)
	if err != nil {
		return nil
	}
	return ids.byID(id)
}

// byID returns the user with that systemuserid, nil when there is none.
func (ids *identities) byID(id uuid.UUID) *user {
	for _, u := range ids.users { // which never changes
		if u.id == id {
			return u
		}
	}
	return nil
}

// byObject returns the user with that id in Entra ID, nil when there is none.
func (ids *identities) byObject(id uuid.UUID) *user {
	for _, u := range ids.users {
		if u.object == id {
			return u
		}
	}
	return nil
}

// stateOf returns the state of a user; nil is a missing one.
func (ids *identities) stateOf(u *user) UserState {
	if u == nil {
		return UserMissing
	}
	ids.mu.RLock()
	defer ids.mu.RUnlock()
	return u.app.State
}

// members returns what the users have and are in.
func (c Config) members() map[uuid.UUID]security.Member {
	all := map[uuid.UUID]security.Member{}
	for _, app := range c.Apps {
		m := app.Member
		if m.Roles == nil && len(m.Teams) == 0 {
			m.Roles = []string{security.SystemAdministrator}
		}
		for _, privilege := range app.Revoked {
			m = except(m, privilege, security.None)
		}
		all[orDerived(app.UserID, "systemuser", app.ClientID)] = m
	}
	for _, u := range c.Users {
		all[orDerived(u.ID, "systemuser", u.Name)] = u.Member
	}
	return all
}

// model makes the security of the environment. The error names what does not fit together.
func (c Config) model() (*security.Model, error) {
	m, err := security.New(c.OrganizationName, derived("businessunit", c.OrganizationID.String()), c.PrivilegeDelay, c.Security)
	if err != nil {
		return nil, err
	}
	for id, member := range c.members() {
		if err := m.SetUser(id, member); err != nil {
			return nil, err
		}
	}
	return m, nil
}
