// Package entra is Entra ID in memory: tenants, app registrations, and the endpoint at which an app exchanges its credential for
// an access token (reference section 1).
//
//	POST /{tenant}/oauth2/v2.0/token                        client credentials with scope
//	POST /{tenant}/oauth2/token                             the same with resource, and numbers as strings
//	GET  /{tenant}/v2.0/.well-known/openid-configuration    where these are; without v2.0 for the older
//	GET  /{tenant}/discovery/v2.0/keys                      no keys
//	GET  /common/discovery/instance                         this host is an authority
//	GET  /v1.0/applications(appId='…')                      Microsoft Graph: an app's own registration
//
// A credential is a client secret, or a client assertion signed by the key of a registered certificate, which is verified. Access
// tokens are opaque: what one stands for, [Directory.Token] tells. Users, consent, other grants and federated credentials are not
// emulated; a tenant's policies are [AppBlocked] only.
package entra

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Directory is an http.Handler, safe for concurrent use. Make it with New.
type Directory struct {
	config Config
	mux    *http.ServeMux

	mu     sync.RWMutex
	apps   map[principal]*App
	tokens map[string]Token
	used   map[string]time.Time // ids of assertions, and until when they are kept
}

// A principal is an app in a tenant: ID and client id, in lower case.
type principal struct{ tenant, client string }

// A Token is what an access token stands for.
type Token struct {
	Tenant   string // ID
	ClientID string
	Resource string // host, with port, of what it gives access to
	Expires  time.Time
}

// New returns a Directory.
func New(c Config) *Directory {
	c = c.withDefaults()
	d := &Directory{config: c, mux: http.NewServeMux(), apps: map[principal]*App{}, tokens: map[string]Token{}, used: map[string]time.Time{}}
	for _, app := range c.Apps {
		if t, ok := d.tenant(app.Tenant); ok {
			app.Tenant = t.ID
		}
		app.Secrets, app.Certificates = slices.Clone(app.Secrets), slices.Clone(app.Certificates)
		d.apps[principalOf(app.Tenant, app.ClientID)] = &app
	}
	d.mux.HandleFunc("/{tenant}/oauth2/v2.0/token", d.serveToken(protocol{resource: byScope}))
	d.mux.HandleFunc("/{tenant}/oauth2/token", d.serveToken(protocol{resource: byResource, old: true}))
	d.mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", d.serveConfiguration("/v2.0"))
	d.mux.HandleFunc("GET /{tenant}/.well-known/openid-configuration", d.serveConfiguration(""))
	d.mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", d.serveKeys)
	d.mux.HandleFunc("GET /{tenant}/discovery/keys", d.serveKeys)
	d.mux.HandleFunc("GET /common/discovery/instance", d.serveInstance)
	d.mux.HandleFunc("GET /v1.0/{resource}", d.serveGraph)
	return d
}

func principalOf(tenant, client string) principal {
	return principal{strings.ToLower(tenant), strings.ToLower(client)}
}

// Handles reports whether the request is for Entra ID: there is an endpoint at its path.
func (d *Directory) Handles(r *http.Request) bool {
	_, pattern := d.mux.Handler(r)
	return pattern != ""
}

// ServeHTTP answers at the endpoints of Entra ID.
func (d *Directory) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// tenant finds a directory by its ID or by one of its domains.
func (d *Directory) tenant(name string) (Tenant, bool) {
	i := slices.IndexFunc(d.config.Tenants, func(t Tenant) bool { return t.is(name) })
	if i < 0 {
		return Tenant{}, false
	}
	return d.config.Tenants[i], true
}

// app returns the app as it is now.
func (d *Directory) app(tenant, client string) (App, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	app := d.apps[principalOf(tenant, client)]
	if app == nil {
		return App{}, false
	}
	snapshot := *app
	snapshot.Secrets, snapshot.Certificates = slices.Clone(app.Secrets), slices.Clone(app.Certificates)
	return snapshot, true
}

// Change applies f to an app: its credentials, its state. Tokens that were issued stay valid. It reports whether the tenant (by
// its ID) has such an app.
func (d *Directory) Change(tenant, client string, f func(*App)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	app := d.apps[principalOf(tenant, client)]
	if app != nil {
		f(app)
	}
	return app != nil
}

// Issue makes a token without asking for a credential. The tenant is an ID, the resource a host.
func (d *Directory) Issue(tenant, client, resource string) string {
	access := "emulator." + rand.Text() + rand.Text()
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, t := range d.tokens {
		if now.After(t.Expires) {
			delete(d.tokens, name)
		}
	}
	d.tokens[access] = Token{tenant, client, resource, now.Add(d.config.TokenLifetime)}
	return access
}

// Token tells what an access token stands for. It reports whether the token is valid now.
func (d *Directory) Token(access string) (Token, bool) {
	d.mu.RLock()
	t, ok := d.tokens[access]
	d.mu.RUnlock()
	return t, ok && time.Now().Before(t.Expires)
}

// RevokeTokens makes the tokens of these apps (by client id) invalid that were issued so far; of all apps when none is named.
func (d *Directory) RevokeTokens(clients ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, t := range d.tokens {
		if len(clients) == 0 || slices.ContainsFunc(clients, func(c string) bool { return strings.EqualFold(c, t.ClientID) }) {
			delete(d.tokens, name)
		}
	}
}
