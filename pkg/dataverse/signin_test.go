package dataverse

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	emulated "github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A site is an emulator on a real socket, which counts the requests for a token.
type site struct {
	*emulator.Server
	url   string
	asked atomic.Int32
	fault atomic.Pointer[emulator.Fault] // of the token endpoint
}

func serve(t *testing.T, config emulator.Config) *site {
	t.Helper()
	s := &site{}
	config.Faults.Token = func(*http.Request) emulator.Fault {
		s.asked.Add(1)
		if f := s.fault.Load(); f != nil {
			return *f
		}
		return emulator.Fault{}
	}
	s.Server = emulator.New(config)
	web := httptest.NewServer(s.Server)
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// sandboxed is the configuration of the sandbox's application.
func sandboxed(c *Config) {
	c.ClientID, c.Secret = emulator.SandboxClient, func() (string, error) { return emulator.SandboxSecret, nil }
}

const secondClient = "eeeeeeee-1111-4222-8333-444455556666"

func TestApplicationUsersShareACacheWithATokenForEach(t *testing.T) {
	s := serve(t, emulator.Config{Apps: []emulator.App{
		{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret}, {ClientID: secondClient, Secret: "second"},
	}})
	var shared Tokens
	first := func(c *Config) { sandboxed(c); c.Tokens = &shared }
	second := func(c *Config) {
		c.ClientID, c.Secret, c.Tokens = secondClient, func() (string, error) { return "second", nil }, &shared
	}
	users := map[string]int{}
	for range 3 {
		for _, as := range []func(*Config){first, second} {
			who, err := connect(t, s.url, as).WhoAmI(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			users[who.User]++
		}
	}
	if len(users) != 2 || s.asked.Load() != 2 {
		t.Errorf("%d users by %d tokens", len(users), s.asked.Load())
	}
	// Who has not the credential has not the token either.
	impostor := func(c *Config) { c.Secret = func() (string, error) { return "guessed", nil } }
	if _, err := connect(t, s.url, first, impostor).WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Errorf("with another secret: %v", err)
	}
	// A client by itself asks anew, and so does whoever wants a fresh one: a test of the connection sees today's truth.
	s.SetSecret(emulator.SandboxClient, emulator.SandboxSecret, true)
	if _, fault := connect(t, s.url, first).auth.fresh(t.Context()); fault == nil || fault.Code != "AADSTS7000222" {
		t.Errorf("a fresh token: %v", fault)
	}
	if _, err := connect(t, s.url, first).WhoAmI(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := connect(t, s.url, sandboxed).WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "has expired") {
		t.Errorf("%v", err)
	}
	// Another environment is another token, of the same cache.
	other := serve(t, emulator.Config{OrganizationName: "Other"})
	if _, err := connect(t, other.url, first).WhoAmI(t.Context()); err != nil || other.asked.Load() != 1 {
		t.Errorf("%d %v", other.asked.Load(), err)
	}
}

func TestARotatedCredentialIsTakenUpAndAWrongOneIsFeltOnlyAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := emulator.New(emulator.Config{TokenLifetime: time.Hour})
		value := emulator.SandboxSecret
		c := connect(t, "http://127.0.0.1:8365", sandboxed, func(c *Config) { c.Secret = func() (string, error) { return value, nil } })
		c.http.Transport = direct{s}
		at := func(wait time.Duration, want string) {
			t.Helper()
			<-time.After(wait)
			_, err := c.WhoAmI(t.Context())
			synctest.Wait()
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		at(0, "")
		s.SetSecret(emulator.SandboxClient, "rotated", false)
		value = "not yet"
		at(56*time.Minute, "")
		at(3*time.Minute, "")
		at(2*time.Minute, "AADSTS7000215")
		value = "rotated"
		at(0, "")
		at(59*time.Minute, "")
		at(2*time.Minute, "")
	})
}

func TestARejectedTokenIsReplacedForAll(t *testing.T) {
	s := serve(t, emulator.Config{})
	var shared Tokens
	one, two := connect(t, s.url, sandboxed, func(c *Config) { c.Tokens = &shared }), connect(t, s.url, sandboxed, func(c *Config) { c.Tokens = &shared })
	for range 3 {
		for _, c := range []*Client{one, two} {
			if _, err := c.WhoAmI(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s.RevokeTokens()
	}
	if n := s.asked.Load(); n != 3 {
		t.Errorf("%d tokens were asked for, want 3", n)
	}
}

func TestACertificateSignsIn(t *testing.T) {
	own, stranger := certify(t, rsaKeys()[0], time.Now().Add(time.Hour)), certify(t, rsaKeys()[1], time.Now().Add(time.Hour))
	old, revoked := certify(t, rsaKeys()[0], time.Now().Add(-time.Hour)), certify(t, rsaKeys()[0], time.Now().Add(2*time.Hour))
	successor := certify(t, rsaKeys()[1], time.Now().Add(3*time.Hour))
	key, otherKey := pemOfKey(t, rsaKeys()[0]), pemOfKey(t, rsaKeys()[1])
	s := serve(t, emulator.Config{Directory: emulated.Config{
		Tenants: []emulated.Tenant{{ID: emulator.SandboxTenant, Domains: []string{"contoso.example"}}},
		Apps: []emulated.App{{Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, Certificates: []emulated.Certificate{
			{X509: own}, {X509: old}, {X509: revoked, Revoked: true},
		}}},
		Assumptions: emulated.Assumptions{SingleUse: true},
	}})
	file := filepath.Join(t.TempDir(), "penstock.pem")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (string, error) {
		b, err := os.ReadFile(file)
		return string(b), err
	}
	as := func(c *Config) { c.ClientID, c.Secret, c.Certificate = emulator.SandboxClient, nil, read }
	for _, tt := range []struct{ name, text, code, want string }{
		{"its own", key + pemOf(own), "", ""},
		{"one that is not registered", otherKey + pemOf(stranger), "AADSTS700027", "upload the certificate in the Entra admin center"},
		{"an expired one", key + pemOf(old), "AADSTS700027", "expired on " + old.NotAfter.UTC().Format(time.DateOnly)},
		{"a revoked one", key + pemOf(revoked), "AADSTS7000214", "has been revoked"},
		{"one without key", pemOf(own), "", "no private key"},
		{"an empty file", "", "", "it is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(tt.text)
			_, err := connect(t, s.url, as).WhoAmI(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var fault *penstock.Error
			if !errors.As(err, &fault) || fault.Kind != penstock.SystemFault || fault.Code != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s with %q", err, tt.code, tt.want)
			}
		})
	}
	t.Run("the tenant by a domain", func(t *testing.T) {
		write(key + pemOf(own))
		if _, err := connect(t, s.url, as, func(c *Config) { c.Tenant = "contoso.example" }).WhoAmI(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("rotated while the client runs", func(t *testing.T) {
		write(otherKey + pemOf(stranger))
		c := connect(t, s.url, as)
		if _, err := c.WhoAmI(t.Context()); err == nil {
			t.Fatal("an unregistered certificate signed in")
		}
		write(key + pemOf(own))
		if _, err := c.WhoAmI(t.Context()); err != nil {
			t.Error(err)
		}
		s.Directory().Change(emulator.SandboxTenant, emulator.SandboxClient, func(a *emulated.App) {
			a.Certificates = []emulated.Certificate{{X509: successor}}
		})
		write(otherKey + pemOf(successor))
		s.RevokeTokens()
		if _, err := c.WhoAmI(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("another key under its name", func(t *testing.T) {
		forged := certificate{leaf: stranger, key: rsaKeys()[0]}
		text, err := forged.assert(emulator.SandboxClient, s.url+"/"+emulator.SandboxTenant+"/oauth2/v2.0/token", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c := connect(t, s.url, as)
		c.auth.credential.expose = func(string, string, string) (proof, error) {
			return proof{form: map[string][]string{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {text}}}, nil
		}
		_, err = c.WhoAmI(t.Context())
		var fault *penstock.Error
		if !errors.As(err, &fault) || fault.Code != "AADSTS700027" || strings.Contains(err.Error(), text) {
			t.Errorf("%v", err)
		}
	})
}

func TestFaultsOfTheDirectoryAreNamed(t *testing.T) {
	app := func(change func(*emulated.App)) emulator.Config {
		a := emulated.App{Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, Secrets: []emulated.Secret{{ID: secondClient, Value: emulator.SandboxSecret}}}
		change(&a)
		return emulator.Config{Directory: emulated.Config{Apps: []emulated.App{a}}}
	}
	for _, tt := range []struct {
		name   string
		config emulator.Config
		as     func(*Config)
		code   string
		want   string
	}{
		{"the secret's id", app(func(*emulated.App) {}), func(c *Config) { c.Secret = func() (string, error) { return secondClient, nil } }, "AADSTS7000215", "looks like the secret's ID"},
		{"a disabled app", app(func(a *emulated.App) { a.State = emulated.AppDisabled }), nil, "AADSTS7000112", "Enterprise applications"},
		{"an app that is not enabled", app(func(a *emulated.App) { a.State = emulated.AppUnsupported }), nil, "AADSTS70001", "not enabled"},
		{"conditional access", app(func(a *emulated.App) { a.State = emulated.AppBlocked }), nil, "AADSTS53003", "conditional access"},
		{"an unknown environment", emulator.Config{Hosts: []string{"org.crm4.dynamics.com"}}, nil, "AADSTS500011", "does not know this environment"},
		{"a tenant that is none", emulator.Config{}, func(c *Config) { c.Tenant = "contoso" }, "AADSTS900023", "verified domain"},
		{"an app of another tenant", emulator.Config{Apps: []emulator.App{{Tenant: secondClient, ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret}}}, nil, "AADSTS700016", "no application with this client id"},
		{"text and trailers on one line", func() emulator.Config {
			c := app(func(a *emulated.App) { a.Secrets = nil })
			c.Directory.Assumptions.OneLineTrailers = true
			return c
		}(), nil, "AADSTS7000215", "client secret is wrong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			as := tt.as
			if as == nil {
				as = func(*Config) {}
			}
			_, err := connect(t, serve(t, tt.config).url, sandboxed, as).WhoAmI(t.Context())
			var fault *penstock.Error
			if !errors.As(err, &fault) || fault.Kind != penstock.SystemFault || fault.Code != tt.code || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "Trace ID") {
				t.Errorf("%v, want %s with %q", err, tt.code, tt.want)
			}
		})
	}
}

// A direct is a transport that calls a handler, without a socket, so that time can be made to pass.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RequestURI = r.URL.RequestURI()
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestATokenEndpointThatIsDownWhenATokenIsToBeRenewedIsNotFelt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		var asked atomic.Int32
		s := emulator.New(emulator.Config{TokenLifetime: time.Hour, Faults: emulator.Faults{Token: func(*http.Request) emulator.Fault {
			asked.Add(1)
			if down.Load() {
				return emulator.Fault{Kind: emulator.BadGateway}
			}
			return emulator.Fault{}
		}}})
		c := connect(t, "http://127.0.0.1:8365", sandboxed)
		c.http.Transport = direct{s}
		who := func() error {
			_, err := c.WhoAmI(t.Context())
			synctest.Wait()
			return err
		}
		if err := who(); err != nil {
			t.Fatal(err)
		}
		down.Store(true)
		<-time.After(55 * time.Minute)
		for range 290 { // a request each second, until shortly before the token's end
			if err := who(); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
		}
		if n := asked.Load(); n < 5 || n > 20 {
			t.Errorf("%d requests for a token while the endpoint was down", n)
		}
		down.Store(false)
		<-time.After(30 * time.Second)
		if err := who(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnEmulatorElsewhereMustBeTrustedByName(t *testing.T) {
	const root = "http://dataverse:8365"
	s := serve(t, emulator.Config{})
	wrong := serve(t, emulator.Config{Authority: "http://login.example:8365"})
	// In this network every host is that of the emulator.
	var dialed []string
	network := func(c *Client, s *site) *Client {
		c.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed = append(dialed, address)
			return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(s.url, "http://"))
		}
		return c
	}
	if _, err := New(Config{URL: root, ClientID: "x", Secret: func() (string, error) { return "y", nil }}); err == nil || !strings.Contains(err.Error(), "trusted authority") {
		t.Errorf("without trust: %v", err)
	}
	trust := func(c *Config) { c.Authorities = []string{"http://Dataverse:8365/"} }
	if _, err := network(connect(t, root, sandboxed, trust), s).WhoAmI(t.Context()); err != nil {
		t.Errorf("with trust: %v", err)
	}
	dialed = nil
	if _, err := network(connect(t, root, sandboxed, trust), wrong).WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "http://login.example:8365 is not an authority of Microsoft") {
		t.Errorf("another authority: %v", err)
	}
	if len(dialed) != 1 || dialed[0] != "dataverse:8365" || wrong.asked.Load() != 0 {
		t.Errorf("dialed %v", dialed)
	}
	for _, bad := range []string{"dataverse", "ftp://dataverse", "http://user@dataverse", "http://dataverse/path", "://"} {
		cfg := Config{URL: root, ClientID: "x", Secret: func() (string, error) { return "y", nil }, Authorities: []string{bad}}
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "trusted authority") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestTokensForOneTrustAreNotThoseOfAnother(t *testing.T) {
	s := serve(t, emulator.Config{})
	var shared Tokens
	for _, trusted := range [][]string{nil, {"http://elsewhere:1"}} {
		if _, err := connect(t, s.url, sandboxed, func(c *Config) { c.Tokens, c.Authorities = &shared, trusted }).WhoAmI(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("%d tokens", n)
	}
}
