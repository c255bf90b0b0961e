package entra

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A request is one for a token, as it is understood.
type request struct {
	tenant   Tenant
	app      App
	form     url.Values
	name     string // of the tenant, as the path has it
	host     string // by which the client reached us
	client   string // client_id
	secret   string
	resource string // URL of what the token is for
}

// A protocol is one of the two token endpoints.
type protocol struct {
	resource func(url.Values) (string, *Failure) // that a request names
	old      bool                                // numbers in answers are strings, and there are more of them
}

// byScope is the v2.0 endpoint.
func byScope(form url.Values) (string, *Failure) {
	scope := form.Get("scope")
	fields := slices.DeleteFunc(strings.Fields(scope), isOpenID)
	if len(fields) != 1 {
		return "", fail(70011, scope)
	}
	resource, isDefault := strings.CutSuffix(fields[0], "/.default")
	if !isDefault {
		return "", fail(1002012, scope)
	}
	if u, err := url.Parse(resource); err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return "", fail(70011, scope)
	}
	return resource, nil
}

// isOpenID reports whether a scope is one of OpenID Connect, which MSAL asks for always, and which mean nothing to an app.
func isOpenID(scope string) bool {
	return slices.Contains([]string{"openid", "offline_access", "profile", "email"}, scope)
}

// byResource is the older endpoint.
func byResource(form url.Values) (string, *Failure) {
	resource := form.Get("resource")
	if resource == "" {
		return "", fail(900144, "resource")
	}
	return resource, nil
}

func (d *Directory) serveToken(p protocol) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		q, access, failed := d.exchange(r, p)
		if failed != nil {
			d.Refuse(w, *failed)
			return
		}
		headers(w)
		encode(w, d.answer(access, q.resource, p.old))
	}
}

// answer is a token with what its holder should know (section 1.2), or as the older endpoint has it.
func (d *Directory) answer(access, resource string, old bool) map[string]any {
	var life any = int(d.config.TokenLifetime / time.Second)
	if old || d.config.Assumptions.TextNumbers {
		life = fmt.Sprint(life)
	}
	all := map[string]any{"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": access}
	if old {
		now := time.Now()
		all["not_before"], all["expires_on"] = fmt.Sprint(now.Unix()), fmt.Sprint(now.Add(d.config.TokenLifetime).Unix())
		all["resource"] = resource
	}
	return all
}

// exchange checks a request in the order in which Entra does: form, tenant, app, credential, policy, resource.
func (d *Directory) exchange(r *http.Request, p protocol) (q request, access string, f *Failure) {
	if q, f = d.read(r); f != nil {
		return q, "", f
	}
	if f := d.check(&q); f != nil {
		return q, "", f
	}
	if q.app.State == AppBlocked {
		return q, "", fail(53003)
	}
	if q.resource, f = p.resource(q.form); f != nil {
		return q, "", f
	}
	host, known := d.resource(q.resource)
	if !known {
		return q, "", fail(500011, strings.TrimSuffix(q.resource, "/"), q.name)
	}
	return q, d.Issue(q.tenant.ID, q.app.ClientID, host), nil
}

var tenantForm = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)

// read finds out who asks.
func (d *Directory) read(r *http.Request) (q request, f *Failure) {
	if r.Method != http.MethodPost {
		return q, fail(900561, r.Method)
	}
	if err := r.ParseForm(); err != nil {
		return q, &Failure{Number: 900144, Message: "The request body could not be read as a form."}
	}
	q.name, q.form, q.host = r.PathValue("tenant"), r.PostForm, r.Host
	q.client, q.secret = q.form.Get("client_id"), q.form.Get("client_secret")
	if id, password, ok := r.BasicAuth(); ok { // client_secret_basic: both are form-encoded first
		q.client, q.secret = formDecoded(id), formDecoded(password)
	}
	grant := q.form.Get("grant_type")
	switch {
	case grant == "":
		return q, fail(900144, "grant_type")
	case grant != "client_credentials":
		return q, fail(70003, grant)
	case q.client == "":
		return q, fail(900144, "client_id")
	case !tenantForm.MatchString(q.name) || !strings.Contains(q.name, ".") && uuid.Validate(q.name) != nil:
		return q, fail(900023, q.name)
	}
	var known bool
	if q.tenant, known = d.tenant(q.name); !known {
		return q, fail(90002, q.name)
	}
	if q.app, known = d.app(q.tenant.ID, q.client); !known {
		return q, fail(700016, q.client, q.name)
	}
	return q, nil
}

func formDecoded(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// check looks at the state of the app and at the credential.
func (d *Directory) check(q *request) *Failure {
	_, asserted := q.form["client_assertion_type"]
	switch {
	case q.app.State == AppDisabled:
		return fail(7000112, q.app.ClientID)
	case q.app.State == AppUnsupported:
		return fail(70001, q.app.ClientID, q.name)
	case q.form.Get("client_assertion") != "":
		return d.checkAssertion(q)
	case asserted:
		return fail(7000218)
	case q.secret == "":
		return fail(7000216)
	}
	return q.checkSecret()
}

func (q *request) checkSecret() *Failure {
	expired := false
	for _, s := range q.app.Secrets {
		if subtle.ConstantTimeCompare([]byte(q.secret), []byte(s.Value)) == 0 {
			continue
		}
		if s.Expires.IsZero() || time.Now().Before(s.Expires) {
			return nil
		}
		expired = true
	}
	if expired {
		return fail(7000222, q.app.ClientID)
	}
	return fail(7000215, q.app.ClientID)
}

// resource returns the host of a resource that tokens are issued for.
func (d *Directory) resource(resource string) (host string, known bool) {
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" {
		return "", false
	}
	known = len(d.config.Resources) == 0 || isGraph(u.Host) ||
		slices.ContainsFunc(d.config.Resources, func(host string) bool { return strings.EqualFold(host, u.Host) })
	return u.Host, known
}
