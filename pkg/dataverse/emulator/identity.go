package emulator

import (
	"net/http"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// This file lets requests in, or says why not (section 1.4).

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
	u, organization := s.identities.users[strings.ToLower(t.ClientID)], s.identities.state
	s.identities.mu.RUnlock()
	if f := s.refusal(u, organization, s.rights(u, r)); f != nil {
		s.refuse(w, r, f, 0)
		return nil
	}
	return u
}

// rights are what the user may do in this request, nil without one.
func (s *Server) rights(u *user, r *http.Request) *security.Rights {
	if u == nil {
		return nil
	}
	return s.security.Rights(u.id, strings.EqualFold(r.Header.Get("Consistency"), "Strong"))
}

// refusal says why a user is not let in at all, nil when it is; u is nil for one that is not there.
func (s *Server) refusal(u *user, organization OrganizationState, rights *security.Rights) *refusal.Error {
	if organization == OrganizationDisabled {
		f := organizationDisabled.Says("The Dynamics 365 organization you are attempting to access is currently disabled.  Please contact your system administrator")
		if s.config.Assumptions.DisabledAsNotFound {
			f.Status = http.StatusNotFound
		}
		return f
	}
	switch state := s.identities.stateOf(u); {
	case state == UserMissing:
		return refusal.NotMember.Says("The user is not a member of the organization.")
	case state == UserDisabled:
		return refusal.UserDisabled.Says("The specified user(Id = %s) is disabled. Consider enabling this user. Additional Details: %s", u.id, "{1}")
	case state == UserRestricted:
		return refusal.UserRestricted.Says("Access to Dataverse API is restricted for this application Id : '%s'. Please contact your administrator.", u.app.ClientID)
	case state == UserUnlicensed:
		return userUnlicensed.Says("The user has not been assigned any License")
	case state == UserNoRoles || len(rights.Roles) == 0:
		return refusal.UserNoRoles.Says("The user with id %s has not been assigned any roles. They need a role with the prvReadUser privilege.", u.id)
	case organization == OrganizationAdministration && !rights.Administrator:
		return adminOnly.Says("User does not have required privileges (or role membership) to access the org when it is in Admin Only mode.")
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
