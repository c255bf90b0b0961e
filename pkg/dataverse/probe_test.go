package dataverse

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// quiet is a server that does not log what it is meant to suffer.
func quiet(t *testing.T, start func(*httptest.Server), h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	start(s)
	t.Cleanup(s.Close)
	return s
}

func prober(t *testing.T, url string) *Client {
	t.Helper()
	c, err := New(Config{URL: url, ClientID: "c", Secret: func() (string, error) { return "s", nil }, Request: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAProbeSaysHowFarItCame(t *testing.T) {
	plain := quiet(t, (*httptest.Server).Start, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer resource_id="https://org.crm4.dynamics.com/", authorization_uri=https://login.microsoftonline.com/t/oauth2/authorize`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	secure := quiet(t, (*httptest.Server).StartTLS, func(http.ResponseWriter, *http.Request) {})
	hanging := quiet(t, (*httptest.Server).Start, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	other := quiet(t, (*httptest.Server).Start, func(w http.ResponseWriter, _ *http.Request) {
		http.Redirect(w, &http.Request{URL: &url.URL{}}, "https://else.where/x", http.StatusFound)
	})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + l.Addr().String()
	_ = l.Close()
	for _, tt := range []struct {
		name, url string
		legs      string // those that were done: D T S H
		fault     string
		kind      penstock.Kind
	}{
		{"an answer", plain.URL, "TH", "", 0},
		{"a redirect", other.URL, "TH", "", 0},
		{"nobody listens", refused, "", "refused", penstock.Transient},
		{"no such host", "https://nothing.here.invalid", "", "", penstock.Transient},
		{"a certificate that nobody trusts", secure.URL, "T", "is not trusted", penstock.SystemFault},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), "T", "HTTP response to HTTPS client", penstock.SystemFault},
		{"no answer", hanging.URL, "T", "no answer in time", penstock.Transient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := prober(t, tt.url)
			p := c.Probe(t.Context())
			legs := ""
			for i, leg := range []Leg{p.DNS, p.TCP, p.TLS, p.HTTP} {
				if leg.Done {
					legs += "DTSH"[i : i+1]
				}
			}
			if strings.TrimPrefix(legs, "D") != tt.legs {
				t.Errorf("came past %s, want %s: %+v", legs, tt.legs, p)
			}
			switch {
			case p.Fault == nil && (tt.fault != "" || tt.kind != 0):
				t.Errorf("no fault, want %s", tt.fault)
			case p.Fault != nil && (tt.kind == 0 || p.Fault.Kind != tt.kind || !strings.Contains(p.Fault.Error(), tt.fault)):
				t.Errorf("%v, want %v with %q", p.Fault, tt.kind, tt.fault)
			}
		})
	}
	p := prober(t, plain.URL).Probe(t.Context())
	if p.Status != 401 || p.Authority.Host != "login.microsoftonline.com" || p.Tenant != "t" || p.Resource != "https://org.crm4.dynamics.com/" {
		t.Errorf("challenge %+v", p)
	}
	if p := prober(t, other.URL).Probe(t.Context()); p.Location != "else.where" || p.Authority != nil {
		t.Errorf("redirect %+v", p)
	}
}

func TestCertificateFaultsAreToldApart(t *testing.T) {
	s := quiet(t, (*httptest.Server).StartTLS, func(http.ResponseWriter, *http.Request) {})
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	expired := s.Certificate().NotAfter.Add(time.Hour)
	for name, tt := range map[string]struct {
		host string
		tls  *tls.Config
		want string
	}{
		"trusted":   {"example.com", &tls.Config{RootCAs: roots}, ""},
		"untrusted": {"example.com", &tls.Config{}, "is not trusted"},
		"another's": {"org.crm4.dynamics.com", &tls.Config{RootCAs: roots}, "is for example.com, *.example.com, 127.0.0.1, …, not for org.crm4.dynamics.com"},
		"expired":   {"example.com", &tls.Config{RootCAs: roots, Time: func() time.Time { return expired }}, "has expired on"},
	} {
		t.Run(name, func(t *testing.T) {
			c := prober(t, "https://"+tt.host)
			transport := c.http.Transport.(*http.Transport)
			transport.TLSClientConfig = tt.tls
			transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
			}
			p := c.Probe(t.Context())
			if tt.want == "" {
				if p.Fault != nil || !p.TLS.Done || !strings.Contains(p.TLS.Saw, "certificate for example.com") {
					t.Errorf("%+v", p)
				}
				return
			}
			if p.Fault == nil || p.TLS.Done || !strings.Contains(p.Fault.Err.Error(), tt.want) || p.Fault.Hint == "" {
				t.Errorf("%v, want %q", p.Fault, tt.want)
			}
		})
	}
}

func TestAProxyThatRefusesIsNamed(t *testing.T) {
	proxy := quiet(t, (*httptest.Server).Start, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	})
	c := prober(t, "https://org.crm4.dynamics.com")
	u, _ := url.Parse(proxy.URL)
	c.http.Transport.(*http.Transport).Proxy = http.ProxyURL(u)
	p := c.Probe(t.Context())
	if p.Fault == nil || p.TCP.Done || p.Proxy != u.Host || !strings.Contains(p.Fault.Error(), "the proxy "+u.Host+" does not let the request through: Proxy Authentication Required") {
		t.Errorf("%+v %v", p, p.Fault)
	}
}

func TestHostsBelongToClouds(t *testing.T) {
	for host, want := range map[string]string{
		"contoso.crm4.dynamics.com":            "login.microsoftonline.com",
		"contoso.crm.dynamics.com:443":         "login.microsoftonline.com",
		"Contoso.API.CRM22.dynamics.com":       "login.microsoftonline.com",
		"contoso.crm9.dynamics.com":            "login.microsoftonline.com",
		"contoso.crm.microsoftdynamics.us":     "login.microsoftonline.us",
		"contoso.api.crm.microsoftdynamics.us": "login.microsoftonline.us",
		"contoso.crm.appsplatform.us":          "login.microsoftonline.us",
		"contoso.crm.dynamics.cn":              "login.chinacloudapi.cn",
		"contoso.crm.microsoftdynamics.de":     "login.microsoftonline.de",
		"make.powerapps.com":                   "",
		"contoso.dynamics.com":                 "",
		"crm4.dynamics.com.evil.example":       "",
		"evilcrm.microsoftdynamics.us":         "",
		"127.0.0.1:8365":                       "",
	} {
		cloud, found := CloudOf(host)
		if found != (want != "") || found && cloud.Authorities[0] != want {
			t.Errorf("%s: %+v %v, want %s", host, cloud, found, want)
		}
	}
	for _, c := range clouds {
		for _, a := range c.Authorities {
			if !slices.Contains(authorities(), a) {
				t.Errorf("%s: %s is not among those that may be sent a secret", c.Name, a)
			}
		}
	}
}
