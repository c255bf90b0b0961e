package dataverse

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	emulated "github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestAnApplicationLearnsWhenItsCredentialsEnd(t *testing.T) {
	soon, late := time.Now().Add(24*time.Hour).Truncate(time.Second).UTC(), time.Now().Add(1000*time.Hour).Truncate(time.Second).UTC()
	own, other := certify(t, rsaKeys()[0], soon), certify(t, rsaKeys()[1], late)
	s := serve(t, emulator.Config{Directory: emulated.Config{Apps: []emulated.App{{
		Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, ReadsItself: true,
		Secrets:      []emulated.Secret{{Name: "old", Value: "other", Expires: late}, {Name: "new", Value: emulator.SandboxSecret, Expires: soon}, {Name: "for ever", Value: "zzz"}},
		Certificates: []emulated.Certificate{{X509: other}, {X509: own}},
	}}}})
	for name, tt := range map[string]struct {
		as   func(*Config)
		ours Credential
	}{
		"a secret": {sandboxed, Credential{Name: "new", Ends: soon, Ours: true}},
		"a certificate": {func(c *Config) {
			c.ClientID, c.Secret = emulator.SandboxClient, nil
			c.Certificate = func() (string, error) { return pemOfKey(t, rsaKeys()[0]) + pemOf(own), nil }
		}, Credential{Name: "CN=penstock", Certificate: true, Ends: soon, Ours: true}},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := connect(t, s.url, tt.as).Credentials(t.Context(), "graph.microsoft.com")
			if err != nil || len(all) != 5 {
				t.Fatalf("%v %v", all, err)
			}
			for _, c := range all {
				if c.Ours != (c == tt.ours) {
					t.Errorf("%+v, ours is %+v", c, tt.ours)
				}
			}
			if !all[2].Ends.IsZero() {
				t.Errorf("%+v", all[2])
			}
		})
	}
	s.Directory().Change(emulator.SandboxTenant, emulator.SandboxClient, func(a *emulated.App) { a.ReadsItself = false })
	_, err := connect(t, s.url, sandboxed).Credentials(t.Context(), "graph.microsoft.com")
	var fault *penstock.Error
	if !errors.As(err, &fault) || fault.Code != "Authorization_RequestDenied" || fault.Hint == "" {
		t.Errorf("%v", err)
	}
	_, err = connect(t, s.url, sandboxed, func(c *Config) { c.Secret = func() (string, error) { return "wrong", nil } }).Credentials(t.Context(), "graph.microsoft.com")
	if !errors.As(err, &fault) || fault.Code != "AADSTS7000215" {
		t.Errorf("%v", err)
	}
}

// A recorder is a transport that notes where requests with a token go.
type recorder struct {
	http.RoundTripper
	hosts []string
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Authorization") != "" {
		r.hosts = append(r.hosts, request.URL.Host)
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: request}, nil
	}
	return r.RoundTripper.RoundTrip(request)
}

func TestATokenForGraphGoesToGraph(t *testing.T) {
	for _, authority := range []string{"login.microsoftonline.com", "Login.MicrosoftOnline.com"} {
		scope := ""
		e := &entra{challenge: strings.Replace(challenged, "login.microsoftonline.com", authority, 1), asked: func(_ *http.Request, form url.Values) { scope = form.Get("scope") }}
		c := connect(t, "https://contoso.crm4.dynamics.com")
		r := &recorder{RoundTripper: e}
		c.http = &http.Client{Transport: r}
		c.auth.http = c.http
		if _, err := c.Credentials(t.Context(), "dod-graph.microsoft.us"); err != nil {
			t.Fatal(err)
		}
		if scope != "https://dod-graph.microsoft.us/.default" || len(r.hosts) != 1 || r.hosts[0] != "dod-graph.microsoft.us" {
			t.Errorf("%s: a token for %s went to %v", authority, scope, r.hosts)
		}
	}
}

func TestGraphThatIsBusyIsBusyForNow(t *testing.T) {
	for status, want := range map[int]penstock.Kind{429: penstock.Transient, 503: penstock.Transient, 403: penstock.SystemFault, 404: penstock.SystemFault} {
		f := graphFault("op", &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"7"}}}, []byte("<html>"))
		if f.Kind != want || f.Wait != 7*time.Second || !strings.Contains(f.Error(), "no explanation") {
			t.Errorf("%d: %+v", status, f)
		}
	}
}
