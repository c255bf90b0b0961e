package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
)

// directory is what Entra ID knows: Config.Directory with everything that the other fields say of it.
func (c Config) directory() entra.Config {
	d := c.Directory
	d.Tenants = append(slices.Clone(d.Tenants), entra.Tenant{ID: c.Tenant})
	d.Apps = slices.Clone(d.Apps)
	for _, app := range c.Apps {
		if app.Tenant == "" {
			app.Tenant = c.Tenant
		}
		known := slices.ContainsFunc(d.Apps, func(a entra.App) bool {
			return strings.EqualFold(a.Tenant, app.Tenant) && strings.EqualFold(a.ClientID, app.ClientID)
		})
		if !known {
			d.Apps = append(d.Apps, entra.App{Tenant: app.Tenant, ClientID: app.ClientID, Secrets: secrets(app.Secret, app.SecretExpired)})
		}
	}
	d.Resources = append(slices.Clone(d.Resources), c.Hosts...)
	if d.TokenLifetime == 0 {
		d.TokenLifetime = c.TokenLifetime
	}
	return d
}

// secrets is one secret, or none when it is empty.
func secrets(value string, expired bool) []entra.Secret {
	switch {
	case value == "":
		return nil
	case expired:
		return []entra.Secret{{Value: value, Expires: time.Unix(0, 0)}}
	}
	return []entra.Secret{{Value: value}}
}

// Directory is the Entra ID of the environment, where apps can be changed while the Server runs.
func (s *Server) Directory() *entra.Directory { return s.directory }

// SetSecret replaces the secrets of an app by one, or by an expired one. Tokens that were issued stay valid. It reports whether the app is known.
func (s *Server) SetSecret(client, secret string, expired bool) bool {
	u := s.identities.find(client)
	if u == nil {
		return false
	}
	tenant := u.app.Tenant
	if tenant == "" {
		tenant = s.config.Tenant
	}
	return s.directory.Change(tenant, client, func(a *entra.App) { a.Secrets = secrets(secret, expired) })
}

// RevokeTokens makes every token invalid that was issued so far.
func (s *Server) RevokeTokens() { s.directory.RevokeTokens() }

// serveDirectory answers as Entra ID, unless the hook for its token endpoint knows better. A refusal by an AADSTS number is in Entra's form.
func (s *Server) serveDirectory(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/token") {
		fault := s.tokenFault(r)
		if number, isNumber := aadsts(fault.Code); isNumber && fault.Kind == Refuse {
			pause(r.Context(), fault.Delay)
			s.directory.Refuse(w, entra.Failure{Number: number, Status: fault.Status, Message: fault.Message, RetryAfter: fault.RetryAfter})
			return
		}
		if answer := fault.before(r.Context()); answer != nil {
			answer.writeTo(w, nil)
			return
		}
	}
	s.directory.ServeHTTP(w, r)
}

// aadsts reads AADSTS50196.
func aadsts(code string) (number int, ok bool) {
	digits, ok := strings.CutPrefix(code, "AADSTS")
	number, err := strconv.Atoi(digits)
	return number, ok && err == nil
}
