package entra_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenant   = "aaaaaaaa-1111-4222-8333-444455556666"
	other    = "bbbbbbbb-1111-4222-8333-444455556666"
	client   = "cccccccc-1111-4222-8333-444455556666"
	secretID = "dddddddd-1111-4222-8333-444455556666"
	secret   = "p~w.d_+=Z9/secret"
	org      = "https://org.crm4.dynamics.com"
)

// A service is a Directory on a real socket.
type service struct {
	*entra.Directory
	t   *testing.T
	url string
}

func start(t *testing.T, c entra.Config) *service {
	t.Helper()
	d := entra.New(c)
	web := httptest.NewServer(d)
	t.Cleanup(web.Close)
	return &service{Directory: d, t: t, url: web.URL}
}

// sandbox is a directory with one app, which change may alter.
func sandbox(t *testing.T, change ...func(*entra.Config)) *service {
	t.Helper()
	c := entra.Config{
		Tenants:   []entra.Tenant{{ID: tenant, Domains: []string{"contoso.onmicrosoft.com", "contoso.example"}}, {ID: other}},
		Apps:      []entra.App{{Tenant: tenant, ClientID: client, Name: "Penstock", Secrets: []entra.Secret{{ID: secretID, Value: secret}}}},
		Resources: []string{"org.crm4.dynamics.com"},
	}
	for _, f := range change {
		f(&c)
	}
	return start(t, c)
}

// An answer is the JSON of one.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) number() int {
	numbers, _ := a.body["error_codes"].([]any)
	if len(numbers) != 1 {
		return 0
	}
	n, _ := numbers[0].(float64)
	return int(n)
}

func (a answer) token() string {
	token, _ := a.body["access_token"].(string)
	return token
}

func (s *service) send(method, path string, form url.Values, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Set(name, v)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	if err := json.Unmarshal(text, &a.body); err != nil {
		s.t.Fatalf("%d %s: %v", response.StatusCode, text, err)
	}
	return a
}

// bySecret is the form of an ordinary request; changes with an empty list remove a field.
func bySecret(change url.Values) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {org + "/.default"}}
	for name, v := range change {
		form[name] = v
		if len(v) == 0 {
			form.Del(name)
		}
	}
	return form
}

func (s *service) ask(change url.Values) answer {
	s.t.Helper()
	return s.send("POST", "/"+tenant+"/oauth2/v2.0/token", bySecret(change))
}

// A credential is a certificate with its key.
type credential struct {
	key  *rsa.PrivateKey
	x509 *x509.Certificate
}

// keys are made once: an RSA key takes its time.
var keys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var all [2]*rsa.PrivateKey
	for i := range all {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		all[i] = key
	}
	return all
})

// certify makes a self-signed certificate for one of the keys.
func certify(t *testing.T, key *rsa.PrivateKey, begins, ends time.Time) credential {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(ends.UnixNano()), Subject: pkix.Name{CommonName: "penstock"}, NotBefore: begins, NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return credential{key, c}
}
