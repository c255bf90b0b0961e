package emulator

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A tokenFailure is one row of section 1.3.
type tokenFailure struct {
	status  int
	word    string
	number  int
	message string
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request, tenant string) {
	if s.config.Faults.Token != nil {
		if answer := s.config.Faults.Token(r).before(r.Context()); answer != nil {
			answer.writeTo(w, nil)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("x-ms-request-id", s.newGUID().String())
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	issued, failed := s.issue(r, tenant)
	if failed != nil {
		w.WriteHeader(failed.status)
		s.encode(w, failed.body(s.newGUID(), s.newGUID(), time.Now().UTC()))
		return
	}
	seconds := int(s.config.TokenLifetime / time.Second)
	s.encode(w, map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": issued})
}

// encode writes v as JSON; an error means that the client is gone.
func (s *Server) encode(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func (f *tokenFailure) body(trace, correlation uuid.UUID, now time.Time) map[string]any {
	at := now.Format("2006-01-02 15:04:05Z")
	return map[string]any{
		"error": f.word,
		"error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			f.number, f.message, trace, correlation, at),
		"error_codes": []int{f.number}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", f.number),
	}
}

var tenantForm = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)

// issue checks a client-credentials request in the order in which Entra does: form, tenant, app, secret, scope.
func (s *Server) issue(r *http.Request, tenant string) (string, *tokenFailure) {
	if err := r.ParseForm(); err != nil {
		return "", &tokenFailure{http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read as a form."}
	}
	client, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if id, password, ok := r.BasicAuth(); ok { // client_secret_basic: both are form-encoded first
		client, secret = formDecoded(id), formDecoded(password)
	}
	switch grant := r.PostForm.Get("grant_type"); {
	case grant == "":
		return "", &tokenFailure{http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."}
	case grant != "client_credentials":
		return "", &tokenFailure{http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '" + grant + "'."}
	case client == "":
		return "", &tokenFailure{http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."}
	case !tenantForm.MatchString(tenant) || (!strings.Contains(tenant, ".") && uuid.Validate(tenant) != nil):
		return "", &tokenFailure{http.StatusBadRequest, "invalid_request", 900023, "Specified tenant identifier '" + tenant + "' is neither a valid DNS name, nor a valid external domain."}
	case !s.knowsTenant(tenant):
		return "", &tokenFailure{http.StatusBadRequest, "invalid_tenant", 90002, "Tenant '" + tenant + "' not found. Check to make sure you have the correct tenant ID " +
			"and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."}
	}
	u := s.identities.find(client)
	if u == nil || !strings.EqualFold(u.app.Tenant, tenant) {
		return "", &tokenFailure{http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '" + client + "' was not found in the directory '" + tenant +
			"'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. " +
			"You may have sent your authentication request to the wrong tenant."}
	}
	if f := s.checkSecret(u, secret, r.PostForm); f != nil {
		return "", f
	}
	host, f := s.resource(r.PostForm.Get("scope"), tenant)
	if f != nil {
		return "", f
	}
	access := "emulator." + rand.Text() + rand.Text()
	s.identities.mu.Lock()
	defer s.identities.mu.Unlock()
	now := time.Now()
	for name, t := range s.identities.tokens {
		if now.After(t.expires) {
			delete(s.identities.tokens, name)
		}
	}
	s.identities.tokens[access] = token{u, host, now.Add(s.config.TokenLifetime)}
	return access, nil
}

func formDecoded(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

func (s *Server) knowsTenant(tenant string) bool {
	if strings.EqualFold(tenant, s.config.Tenant) {
		return true
	}
	for _, app := range s.config.Apps {
		if strings.EqualFold(app.Tenant, tenant) {
			return true
		}
	}
	return false
}

func (s *Server) checkSecret(u *user, secret string, form url.Values) *tokenFailure {
	s.identities.mu.RLock()
	app := u.app
	s.identities.mu.RUnlock()
	switch {
	case form.Get("client_assertion") != "":
		return &tokenFailure{http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application."}
	case secret == "":
		return &tokenFailure{http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	case subtle.ConstantTimeCompare([]byte(secret), []byte(app.Secret)) == 0:
		return &tokenFailure{http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, " +
			"not the client secret ID, for a secret added to app '" + app.ClientID + "'."}
	case app.SecretExpired:
		return &tokenFailure{http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '" + app.ClientID + "' are expired. " +
			"Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."}
	}
	return nil
}

// resource returns the host that a scope <environment>/.default names.
func (s *Server) resource(scope, tenant string) (string, *tokenFailure) {
	bad := func(number int, message string) (string, *tokenFailure) {
		return "", &tokenFailure{http.StatusBadRequest, "invalid_scope", number, message}
	}
	switch fields := strings.Fields(scope); {
	case len(fields) != 1:
		return bad(70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope '"+scope+"' is not valid.")
	case !strings.HasSuffix(scope, "/.default"):
		return bad(1002012, "The provided value for scope "+scope+" is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).")
	}
	u, err := url.Parse(strings.TrimSuffix(scope, "/.default"))
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return bad(70011, "The provided value for the input parameter 'scope' is not valid. The scope '"+scope+"' is not valid.")
	}
	if len(s.config.Hosts) == 0 {
		return u.Host, nil
	}
	for _, host := range s.config.Hosts {
		if strings.EqualFold(host, u.Host) {
			return u.Host, nil
		}
	}
	return "", &tokenFailure{http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named " + u.Scheme + "://" + u.Host + " was not found in the tenant named " + tenant +
		". This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."}
}
