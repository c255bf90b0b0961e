package admin

import (
	"fmt"
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// An App says what is to change of an app and its application user. What is absent stays.
type App struct {
	State  string   `json:"state"`  // enabled, missing, disabled, no_roles or restricted
	Revoke []string `json:"revoke"` // privileges: prvWriteContact
	Grant  []string `json:"grant"`  // privileges that were revoked

	Secret        *string `json:"secret"` // replaces the client secret; tokens that were issued stay valid
	SecretExpired bool    `json:"secret_expired"`
}

func (h *Handler) changeApp(w http.ResponseWriter, r *http.Request) error {
	client := r.PathValue("client")
	var a App
	if err := read(r, &a); err != nil {
		return err
	}
	states := map[string]emulator.UserState{
		"enabled": emulator.UserEnabled, "missing": emulator.UserMissing, "disabled": emulator.UserDisabled, "no_roles": emulator.UserNoRoles, "restricted": emulator.UserRestricted,
	}
	state, known := states[a.State]
	if a.State != "" && !known {
		return refuse(http.StatusBadRequest, fmt.Errorf("state %q is not enabled, missing, disabled, no_roles or restricted", a.State))
	}
	if a.SecretExpired && a.Secret == nil {
		return refuse(http.StatusBadRequest, fmt.Errorf("secret_expired goes with the secret that is to be expired"))
	}
	found := h.server.Revoke(client, a.Revoke...) && h.server.Grant(client, a.Grant...)
	if found && known {
		found = h.server.SetUserState(client, state)
	}
	if found && a.Secret != nil {
		found = h.server.SetSecret(client, *a.Secret, a.SecretExpired)
	}
	if !found {
		return refuse(http.StatusNotFound, fmt.Errorf("there is no app %q; GET /emulator lists them", client))
	}
	return done(w)
}

func (h *Handler) revokeTokens(w http.ResponseWriter, _ *http.Request) error {
	h.server.RevokeTokens()
	return done(w)
}
