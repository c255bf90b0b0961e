package entra

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"
)

// Config says what a Directory knows.
type Config struct {
	Tenants       []Tenant // besides those that apps name
	Apps          []App
	Resources     []string      // hosts (with port) that a token may be asked for; any when empty. Another is AADSTS500011
	TokenLifetime time.Duration // 3,599 s when zero
	Assumptions   Assumptions
}

// A Tenant is one directory.
type Tenant struct {
	ID      string   // a GUID
	Domains []string // verified domain names, which stand for the ID in requests
}

// An App is an app registration and its service principal in one tenant.
type App struct {
	Tenant       string // ID of its directory
	ClientID     string // a GUID
	Name         string // display name
	Secrets      []Secret
	Certificates []Certificate
	State        AppState
	ReadsItself  bool // it may read its own registration from Microsoft Graph, as with Application.Read.OwnedBy
}

// A Secret is a client secret of an app. Any one of an app's secrets will do.
type Secret struct {
	ID      string // a GUID, derived from the value when empty; what people paste by mistake
	Name    string // display name
	Value   string
	Expires time.Time // never when zero
}

// A Certificate is one whose key's holder may ask for tokens as the app. Any one of an app's certificates will do.
type Certificate struct {
	ID      string // a GUID, derived from the certificate when empty
	X509    *x509.Certificate
	Revoked bool // AADSTS7000214
}

// AppState says whether an app is issued tokens at all.
type AppState int

// The states of an app.
const (
	AppEnabled     AppState = iota
	AppDisabled             // AADSTS7000112
	AppUnsupported          // AADSTS70001
	AppBlocked              // by conditional access, when everything else is right: AADSTS53003
)

// Assumptions switch behaviour that the reference marks UNCONFIRMED. The zero value is what the reference guesses.
type Assumptions struct {
	OneLineTrailers bool        // trace id, correlation id and time follow the text on its line (section 1.3); on lines of their own by default
	TextNumbers     bool        // expires_in is a string in answers of the v2.0 endpoint too (section 1.1); a number by default
	SingleUse       bool        // a client assertion must have a jti, and is refused the second time; neither by default
	Rows            map[int]Row // status and error by AADSTS number, in place of the table's (section 1.3)
}

// A Row is how one AADSTS number is answered.
type Row struct {
	Status int
	Error  string // the OAuth error: invalid_client
}

func (c Config) withDefaults() Config {
	if c.TokenLifetime == 0 {
		c.TokenLifetime = 3599 * time.Second
	}
	c.Tenants = slices.Clone(c.Tenants)
	for _, app := range c.Apps {
		if !slices.ContainsFunc(c.Tenants, func(t Tenant) bool { return t.is(app.Tenant) }) {
			c.Tenants = append(c.Tenants, Tenant{ID: app.Tenant})
		}
	}
	return c
}

// is reports whether the tenant goes by that name.
func (t Tenant) is(name string) bool {
	return strings.EqualFold(t.ID, name) || slices.ContainsFunc(t.Domains, func(d string) bool { return strings.EqualFold(d, name) })
}
