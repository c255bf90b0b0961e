package admin

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// A User says what is to change of a user, and of the app registration that it may belong to. What is absent stays. The changes are made in
// the order of the fields; where one is refused, those before it stay made.
type User struct {
	State  *emulator.UserState       `json:"state"`  // enabled, missing, disabled, no roles, restricted or unlicensed
	Revoke []string                  `json:"revoke"` // privileges, whatever the roles give: prvWriteContact
	Grant  []string                  `json:"grant"`  // privileges that were revoked
	Depth  map[string]security.Depth `json:"depth"`  // how far privileges reach, whatever the roles give: None, Basic, Local, Deep or Global

	AssignRoles    []string `json:"assign_roles"`
	RemoveRoles    []string `json:"remove_roles"`
	JoinTeams      []string `json:"join_teams"`
	LeaveTeams     []string `json:"leave_teams"`
	AssignProfiles []string `json:"assign_profiles"`
	RemoveProfiles []string `json:"remove_profiles"`
	Unit           *string  `json:"unit"` // business unit; empty means the root

	Secret        *string `json:"secret"`         // replaces the app's client secret; tokens that were issued stay valid
	SecretExpired bool    `json:"secret_expired"` // the secret is an expired one
}

func (h *Handler) changeUser(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("user")
	var u User
	if err := read(r, &u); err != nil {
		return err
	}
	if _, known := h.server.Member(name); !known {
		return refuse(http.StatusNotFound, fmt.Errorf("there is no user %q; write an app's client id, a user's name or a systemuserid", name))
	}
	if err := h.known(slices.Concat(u.Revoke, u.Grant, slices.Collect(maps.Keys(u.Depth)))); err != nil {
		return err
	}
	if u.SecretExpired && u.Secret == nil {
		return refuse(http.StatusBadRequest, errors.New("secret_expired goes with the secret that is to be expired"))
	}
	if u.State != nil {
		h.server.SetUserState(name, *u.State)
	}
	h.server.Revoke(name, u.Revoke...)
	h.server.Grant(name, u.Grant...)
	for privilege, depth := range u.Depth {
		if err := h.server.SetDepth(name, privilege, depth); err != nil {
			return refuse(http.StatusBadRequest, err)
		}
	}
	for _, change := range []struct {
		names []string
		make  func(user, name string) error
	}{
		{u.AssignRoles, h.server.AssignRole},
		{u.RemoveRoles, h.server.RemoveRole},
		{u.JoinTeams, h.server.JoinTeam},
		{u.LeaveTeams, h.server.LeaveTeam},
		{u.AssignProfiles, h.server.AssignProfile},
		{u.RemoveProfiles, h.server.RemoveProfile},
	} {
		for _, what := range change.names {
			if err := change.make(name, what); err != nil {
				return refuse(http.StatusBadRequest, err)
			}
		}
	}
	if u.Unit != nil {
		if err := h.server.SetBusinessUnit(name, *u.Unit); err != nil {
			return refuse(http.StatusBadRequest, err)
		}
	}
	if u.Secret != nil && !h.server.SetSecret(name, *u.Secret, u.SecretExpired) {
		return refuse(http.StatusBadRequest, fmt.Errorf("the user %q belongs to no app, so it has no secret", name))
	}
	return done(w)
}

// known refuses names that no privilege has.
func (h *Handler) known(privileges []string) error {
	for _, name := range slices.Sorted(slices.Values(privileges)) {
		if !h.server.HasPrivilege(name) {
			return refuse(http.StatusBadRequest, fmt.Errorf("there is no privilege %q; names are spelt as prvWriteContact, as EntityDefinitions(LogicalName='contact')/Privileges lists them", name))
		}
	}
	return nil
}

func (h *Handler) revokeTokens(w http.ResponseWriter, _ *http.Request) error {
	h.server.RevokeTokens()
	return done(w)
}

func (h *Handler) security(w http.ResponseWriter, _ *http.Request) error {
	return write(w, http.StatusOK, h.server.Security())
}

func (h *Handler) setRole(w http.ResponseWriter, r *http.Request) error {
	role := security.Role{Name: r.PathValue("name")}
	if err := read(r, &role); err != nil {
		return err
	}
	role.Name = r.PathValue("name")
	if err := h.known(slices.Collect(maps.Keys(role.Privileges))); err != nil {
		return err
	}
	if err := h.server.SetRole(role); err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	return done(w)
}

func (h *Handler) setTeam(w http.ResponseWriter, r *http.Request) error {
	var team security.Team
	if err := read(r, &team); err != nil {
		return err
	}
	team.Name = r.PathValue("name")
	if err := h.server.SetTeam(team); err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	return done(w)
}

func (h *Handler) changeOrganization(w http.ResponseWriter, r *http.Request) error {
	var organization struct {
		State *emulator.OrganizationState `json:"state"`
	}
	if err := read(r, &organization); err != nil {
		return err
	}
	if organization.State == nil {
		return refuse(http.StatusBadRequest, errors.New("say which state: {\"state\": \"administration\"}"))
	}
	h.server.SetOrganizationState(*organization.State)
	return done(w)
}
