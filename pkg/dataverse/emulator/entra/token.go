package entra

import (
	"crypto/subtle"
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
	tenant Tenant
	app    App
	form   url.Values
	name   string // of the tenant, as the path has it
	client string // client_id
	secret string
}

func (d *Directory) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	access, failed := d.exchange(r)
	if failed != nil {
		d.Refuse(w, *failed)
		return
	}
	headers(w)
	seconds := int(d.config.TokenLifetime / time.Second)
	encode(w, map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": access})
}

// exchange checks a request in the order in which Entra does: form, tenant, app, credential, policy, resource.
func (d *Directory) exchange(r *http.Request) (string, *Failure) {
	q, f := d.read(r)
	if f != nil {
		return "", f
	}
	if f := q.check(); f != nil {
		return "", f
	}
	if q.app.State == AppBlocked {
		return "", fail(53003)
	}
	host, f := d.resource(q.form.Get("scope"), q.name)
	if f != nil {
		return "", f
	}
	return d.Issue(q.tenant.ID, q.app.ClientID, host), nil
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
	q.name, q.form = r.PathValue("tenant"), r.PostForm
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
func (q *request) check() *Failure {
	switch {
	case q.app.State == AppDisabled:
		return fail(7000112, q.app.ClientID)
	case q.app.State == AppUnsupported:
		return fail(70001, q.app.ClientID, q.name)
	case q.form.Get("client_assertion") != "":
		return fail(700027)
	case q.secret == "":
		return fail(7000218)
	}
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

// resource returns the host that a scope <environment>/.default names.
func (d *Directory) resource(scope, tenant string) (string, *Failure) {
	switch fields := strings.Fields(scope); {
	case len(fields) != 1:
		return "", fail(70011, scope)
	case !strings.HasSuffix(scope, "/.default"):
		return "", fail(1002012, scope)
	}
	u, err := url.Parse(strings.TrimSuffix(scope, "/.default"))
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return "", fail(70011, scope)
	}
	if len(d.config.Resources) > 0 && !slices.ContainsFunc(d.config.Resources, func(host string) bool { return strings.EqualFold(host, u.Host) }) {
		return "", fail(500011, u.Scheme+"://"+u.Host, tenant)
	}
	return u.Host, nil
}
