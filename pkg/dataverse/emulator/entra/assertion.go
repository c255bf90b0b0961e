package entra

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // x5t is one by definition: it names a certificate, and proves nothing
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// skew is by how much clocks may differ.
const skew = 5 * time.Minute

// An assertion is a JWT by which an app proves that it holds the key of one of its certificates.
type assertion struct {
	algorithm string
	ids       identifiers
	claims    claims
	signed    [sha256.Size]byte
	signature []byte
}

// identifiers are what a JWT's header may name the certificate by.
type identifiers struct {
	SHA1   string `json:"x5t"`
	SHA256 string `json:"x5t#S256"`
	KeyID  string `json:"kid"`
}

type claims struct {
	Audience audience `json:"aud"`
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	ID       string   `json:"jti"`
	Begins   float64  `json:"nbf"`
	Ends     *float64 `json:"exp"`
}

// An audience is one string, or a list.
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// parse reads a JWT in compact form. It verifies nothing.
func parse(compact string) (a assertion, ok bool) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return a, false
	}
	var decoded [3][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return a, false
		}
		decoded[i] = b
	}
	var header struct {
		Algorithm string `json:"alg"`
		identifiers
	}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &a.claims) != nil {
		return a, false
	}
	a.algorithm, a.ids, a.signature = header.Algorithm, header.identifiers, decoded[2]
	a.signed = sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return a, a.claims.Ends != nil
}

// checkAssertion verifies the assertion of a request: its form, the certificate, the signature, who it is for, and when.
func (d *Directory) checkAssertion(q *request) *Failure {
	if q.form.Get("client_assertion_type") != assertionType {
		return fail(900144, "client_assertion_type")
	}
	a, ok := parse(q.form.Get("client_assertion"))
	switch {
	case !ok:
		return fail(50027)
	case a.algorithm != "RS256" && a.algorithm != "PS256":
		return fail(5002738, a.algorithm)
	case a.ids == identifiers{}:
		return fail(5002723)
	}
	i := slices.IndexFunc(q.app.Certificates, a.ids.name)
	if i < 0 {
		return fail(700027, "The key was not found.", a.ids, q.app.ClientID)
	}
	registered := q.app.Certificates[i]
	now, c := time.Now(), a.claims
	switch {
	case registered.Revoked:
		return fail(7000214)
	case now.After(registered.X509.NotAfter):
		return fail(700027, "The key used is expired.", a.ids, q.app.ClientID)
	case !a.signedBy(registered.X509):
		return fail(700027, "The provided signature value did not match the expected signature value.", a.ids, q.app.ClientID)
	case !strings.EqualFold(c.Issuer, q.app.ClientID) || !strings.EqualFold(c.Subject, q.app.ClientID):
		return fail(700021)
	case len(c.Audience) > 1:
		return fail(5002741, len(c.Audience))
	case len(c.Audience) == 0 || !q.isAudience(c.Audience[0]):
		return fail(700023)
	case now.Add(-skew).After(unix(*c.Ends)) || now.Add(skew).Before(unix(c.Begins)):
		return fail(700024, utc(now), utc(unix(c.Begins)), utc(unix(*c.Ends)))
	case d.config.Assumptions.SingleUse && !d.firstUse(q.app, c):
		return fail(50027)
	}
	return nil
}

// name reports whether the identifiers name the certificate: each that is there has to.
func (ids identifiers) name(c Certificate) bool {
	short, long := sha1.Sum(c.X509.Raw), sha256.Sum256(c.X509.Raw)
	thumbprint := base64.RawURLEncoding.EncodeToString(short[:])
	switch {
	case ids.SHA256 != "" && urlForm(ids.SHA256) != base64.RawURLEncoding.EncodeToString(long[:]):
		return false
	case ids.SHA1 != "" && urlForm(ids.SHA1) != thumbprint:
		return false
	case ids.SHA256 == "" && ids.SHA1 == "": // else kid may be anything
		return ids.KeyID == thumbprint || strings.EqualFold(ids.KeyID, hex.EncodeToString(short[:])) || strings.EqualFold(ids.KeyID, c.keyID())
	}
	return true
}

// urlForm is base64 as JWTs have it, whatever the client's: MSAL for Go writes thumbprints in the standard alphabet.
func urlForm(base64 string) string {
	return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(base64), "=")
}

// String is the identifier as a failure quotes it.
func (ids identifiers) String() string {
	for _, id := range []string{ids.SHA256, ids.SHA1} {
		if b, err := base64.RawURLEncoding.DecodeString(urlForm(id)); err == nil && id != "" {
			return strings.ToUpper(hex.EncodeToString(b))
		}
	}
	return ids.KeyID
}

func (a *assertion) signedBy(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return false
	}
	if a.algorithm == "PS256" {
		return rsa.VerifyPSS(key, crypto.SHA256, a.signed[:], a.signature, nil) == nil
	}
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, a.signed[:], a.signature) == nil
}

// isAudience reports whether aud names the directory: by its token endpoints, or as issuer.
func (q *request) isAudience(aud string) bool {
	u, err := url.Parse(aud)
	if err != nil || !strings.EqualFold(u.Host, q.host) || u.Scheme != "https" && u.Scheme != "http" {
		return false
	}
	name, rest, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	return q.tenant.is(name) && slices.Contains([]string{"", "v2.0", "oauth2/token", "oauth2/v2.0/token"}, rest)
}

// firstUse reports whether an assertion has an id that no other of the app had. Ids are kept for as long as assertions with them are of use.
func (d *Directory) firstUse(app App, c claims) bool {
	id := app.ClientID + " " + c.ID
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for old, until := range d.used {
		if now.After(until) {
			delete(d.used, old)
		}
	}
	_, again := d.used[id]
	d.used[id] = unix(*c.Ends).Add(skew)
	return c.ID != "" && !again
}

func unix(seconds float64) time.Time {
	const most = 253402300799 // the year 9999
	return time.Unix(int64(min(max(seconds, 0), most)), 0)
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// keyID is how Graph names the certificate.
func (c Certificate) keyID() string {
	if c.ID != "" {
		return c.ID
	}
	return derived("certificate", fmt.Sprintf("%x", sha256.Sum256(c.X509.Raw)))
}
