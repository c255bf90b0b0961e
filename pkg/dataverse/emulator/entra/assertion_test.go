package entra_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
)

// A draft is an assertion before it is signed.
type draft struct{ header, claims map[string]any }

// sign makes the JWT as section 7 of RFC 7515 has it.
func (d draft) sign(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(d.header) + "." + part(d.claims)
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if d.header["alg"] == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func thumbprint(c credential) string {
	sum := sha1.Sum(c.x509.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func thumbprint256(c credential) string {
	sum := sha256.Sum256(c.x509.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestAClientAssertionIsVerified(t *testing.T) { // 1.1, 1.3
	now := time.Now()
	good := certify(t, keys()[0], now.Add(-time.Hour), now.Add(time.Hour))
	stranger := certify(t, keys()[1], now.Add(-time.Hour), now.Add(time.Hour))
	expired := certify(t, keys()[0], now.Add(-2*time.Hour), now.Add(-time.Hour))
	revoked := certify(t, keys()[0], now.Add(-time.Hour), now.Add(2*time.Hour))
	s := sandbox(t, func(c *entra.Config) {
		c.Apps[0].Certificates = []entra.Certificate{{X509: expired.x509}, {X509: revoked.x509, Revoked: true}, {X509: good.x509, ID: secretID}}
	})
	sum := sha1.Sum(good.x509.Raw)
	for _, tt := range []struct {
		name   string
		change func(draft)
		signer credential
		number int // 0: a token
	}{
		{"PS256 with x5t#S256", func(draft) {}, good, 0},
		{"the thumbprint in the standard alphabet, as MSAL for Go has it", func(d draft) {
			sum := sha256.Sum256(good.x509.Raw)
			d.header["x5t#S256"] = base64.StdEncoding.EncodeToString(sum[:])
		}, good, 0},
		{"RS256 with x5t", func(d draft) { d.header = renamed(d.header, "RS256", "x5t", thumbprint(good)) }, good, 0},
		{"kid is the thumbprint in hexadecimal", func(d draft) {
			d.header = renamed(d.header, "RS256", "kid", strings.ToUpper(hex.EncodeToString(sum[:])))
		}, good, 0},
		{"kid is the key's id", func(d draft) { d.header = renamed(d.header, "RS256", "kid", secretID) }, good, 0},
		{"the older token endpoint as audience", func(d draft) { d.claims["aud"] = "https://HOST/" + tenant + "/oauth2/token" }, good, 0},
		{"the issuer as audience", func(d draft) { d.claims["aud"] = "https://HOST/contoso.example/v2.0" }, good, 0},
		{"the tenant as audience, in a list", func(d draft) { d.claims["aud"] = []string{"https://HOST/" + tenant + "/"} }, good, 0},
		{"without nbf and jti", func(d draft) { delete(d.claims, "nbf"); delete(d.claims, "jti") }, good, 0},
		{"clocks that differ a little", func(d draft) { d.claims["nbf"] = now.Add(4 * time.Minute).Unix() }, good, 0},

		{"a certificate that is not registered", func(d draft) { d.header["x5t#S256"] = thumbprint256(stranger) }, stranger, 700027},
		{"another key's signature", func(draft) {}, stranger, 700027},
		{"an algorithm that is not the signature's", func(d draft) { d.header["alg"] = "PS256" }, credential{keys()[1], good.x509}, 700027},
		{"x5t that disagrees with x5t#S256", func(d draft) { d.header["x5t"] = thumbprint(stranger) }, good, 700027},
		{"an expired certificate", func(d draft) { d.header["x5t#S256"] = thumbprint256(expired) }, expired, 700027},
		{"a revoked certificate", func(d draft) { d.header["x5t#S256"] = thumbprint256(revoked) }, revoked, 7000214},
		{"no certificate named", func(d draft) { delete(d.header, "x5t#S256") }, good, 5002723},
		{"an algorithm that is none", func(d draft) { d.header["alg"] = "none" }, good, 5002738},
		{"an algorithm with a shared key", func(d draft) { d.header["alg"] = "HS256" }, good, 5002738},
		{"another issuer", func(d draft) { d.claims["iss"] = other }, good, 700021},
		{"another subject", func(d draft) { d.claims["sub"] = other }, good, 700021},
		{"another tenant's audience", func(d draft) { d.claims["aud"] = "https://HOST/" + other + "/oauth2/v2.0/token" }, good, 700023},
		{"another host's audience", func(d draft) { d.claims["aud"] = "https://login.example/" + tenant + "/oauth2/v2.0/token" }, good, 700023},
		{"no audience", func(d draft) { delete(d.claims, "aud") }, good, 700023},
		{"two audiences", func(d draft) { d.claims["aud"] = []string{"a", "b"} }, good, 5002741},
		{"an expired assertion", func(d draft) { d.claims["exp"] = now.Add(-6 * time.Minute).Unix() }, good, 700024},
		{"an assertion of tomorrow", func(d draft) { d.claims["nbf"] = now.Add(24 * time.Hour).Unix() }, good, 700024},
		{"an assertion without end", func(d draft) { delete(d.claims, "exp") }, good, 50027},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := draft{
				header: map[string]any{"typ": "JWT", "alg": "PS256", "x5t#S256": thumbprint256(good)},
				claims: map[string]any{
					"aud": s.url + "/" + tenant + "/oauth2/v2.0/token", "iss": client, "sub": client, "jti": tt.name,
					"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
				},
			}
			tt.change(d)
			host := strings.TrimPrefix(s.url, "http://")
			switch aud := d.claims["aud"].(type) {
			case string:
				d.claims["aud"] = strings.Replace(aud, "HOST", host, 1)
			case []string:
				aud[0] = strings.Replace(aud[0], "HOST", host, 1)
			}
			a := s.ask(asserted(d.sign(t, tt.signer.key)))
			if tt.number == 0 && (a.status != 200 || a.token() == "") || tt.number != 0 && (a.status/100 != 4 || a.number() != tt.number) {
				t.Errorf("want %d: %d %s", tt.number, a.status, a.text)
			}
		})
	}
	for name, text := range map[string]string{"garbage": "x", "not base64": "a.b.!", "not JSON": "YQ.YQ.YQ", "an array": "W10.W10.YQ"} {
		if a := s.ask(asserted(text)); a.number() != 50027 {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	if a := s.ask(url.Values{"client_secret": nil, "client_assertion": {"x"}, "client_assertion_type": {"urn:ietf:params:oauth:grant-type:saml2-bearer"}}); a.number() != 900144 {
		t.Errorf("another type: %s", a.text)
	}
	if a := s.ask(url.Values{"client_secret": nil, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}); a.number() != 7000218 {
		t.Errorf("no assertion: %s", a.text)
	}
}

// renamed changes a header in place, so that it names the certificate otherwise.
func renamed(header map[string]any, algorithm, name, value string) map[string]any {
	delete(header, "x5t#S256")
	header["alg"], header[name] = algorithm, value
	return header
}

func asserted(text string) url.Values {
	return url.Values{"client_secret": nil, "client_assertion": {text}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
}

func TestAnAssertionIsOfUseOnceWhereThatIsAssumed(t *testing.T) {
	now := time.Now()
	good := certify(t, keys()[0], now.Add(-time.Hour), now.Add(time.Hour))
	for _, strict := range []bool{false, true} {
		s := sandbox(t, func(c *entra.Config) {
			c.Apps[0].Certificates = []entra.Certificate{{X509: good.x509}}
			c.Assumptions.SingleUse = strict
		})
		text := draft{
			header: map[string]any{"alg": "PS256", "x5t#S256": thumbprint256(good)},
			claims: map[string]any{"aud": s.url + "/" + tenant + "/oauth2/v2.0/token", "iss": client, "sub": client, "jti": "1", "exp": now.Add(time.Minute).Unix()},
		}.sign(t, good.key)
		first, second := s.ask(asserted(text)), s.ask(asserted(text))
		if first.status != 200 || (second.status == 200) == strict {
			t.Errorf("strict %v: %d, then %d", strict, first.status, second.status)
		}
	}
}

func FuzzNoAssertionIsTakenThatWasNotSigned(f *testing.F) {
	for _, seed := range []string{
		"", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJleHAiOjFlOTk5fQ.AA",
		"eyJhbGciOiJQUzI1NiIsIng1dCI6IngifQ.eyJleHAiOjkwMDAwMDAwMDAsImF1ZCI6WyIiXX0.AA",
	} {
		f.Add(seed)
	}
	d := entra.New(entra.Config{Apps: []entra.App{{Tenant: tenant, ClientID: client}}})
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/"+tenant+"/oauth2/v2.0/token", strings.NewReader(bySecret(asserted(text)).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code < 400 || w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
