package dataverse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Probe is what one request without a token met on its way to an environment: the legs that it came past, and the
// challenge at the end of them (reference "What Dataverse answers about identity").
type Probe struct {
	Proxy string // host of the HTTP proxy between; empty: none
	DNS   Leg    // not begun when the URL holds an address
	TCP   Leg    // to the proxy where there is one
	TLS   Leg    // not begun when the URL is http, or the proxy refuses
	HTTP  Leg
	Fault *penstock.Error // what ended it before an answer came; nil: it was answered

	Status      int
	ContentType string
	Location    string   // host that a redirect leads to
	Authority   *url.URL // of the challenge; nil: there was none
	Trusted     bool     // the authority is one that may be sent a secret
	Tenant      string   // that the authority's path names
	Resource    string   // resource_id of the challenge
}

// A Leg of the way.
type Leg struct {
	Begun bool
	Done  bool
	Saw   string // addresses, certificate, status
	Took  time.Duration
}

// Probe asks who we are without saying it, on a new connection, with the settings that every other request of the client
// has. It sends no secret and no token.
func (c *Client) Probe(ctx context.Context) Probe {
	ctx, cancel := context.WithTimeout(ctx, c.request)
	defer cancel()
	c.http.CloseIdleConnections()
	w := &way{}
	op := "dataverse: reach " + c.root.Host
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, w.trace()), http.MethodGet, c.root.String()+"WhoAmI", nil)
	if err != nil {
		return Probe{Fault: &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: err}}
	}
	req.Header.Set("User-Agent", "penstock")
	proxy := ""
	if transport, ok := c.http.Transport.(*http.Transport); ok && transport.Proxy != nil {
		if u, err := transport.Proxy(req); err == nil && u != nil {
			proxy = u.Host
		}
	}
	resp, err := c.http.Do(req)
	p := w.seen()
	p.Proxy = proxy
	if err != nil {
		p.Fault = unreachable(op, err, false)
		if proxy != "" && p.TCP.Done && !p.TLS.Begun && c.root.Scheme == "https" {
			p.TCP.Done = false
			p.Fault.Err = fmt.Errorf("the proxy %s does not let the request through: %w", proxy, p.Fault.Err)
			p.Fault.Hint = "ask who runs the proxy to allow " + c.root.Host + " and the login host, or name another in HTTPS_PROXY"
		}
		return p
	}
	defer closeBody(resp)
	p.HTTP.Done, p.HTTP.Saw = true, fmt.Sprintf("HTTP %d", resp.StatusCode)
	p.Status = resp.StatusCode
	p.ContentType, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
	if u, err := url.Parse(resp.Header.Get("Location")); err == nil {
		p.Location = u.Host
	}
	p.Authority, p.Tenant = challenge(resp.Header)
	p.Trusted = p.Authority != nil && c.auth.trusts(p.Authority)
	p.Resource = parameterOf(resp.Header, "resource_id")
	return p
}

// parameterOf reads one parameter of a Bearer challenge: values quoted or not, in any order.
func parameterOf(h http.Header, name string) string {
	for _, value := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		for parameter := range strings.SplitSeq(rest, ",") {
			if key, v, _ := strings.Cut(strings.TrimSpace(parameter), "="); strings.EqualFold(strings.TrimSpace(key), name) {
				return strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
	}
	return ""
}

// A way notes what a request comes past. The transport calls from goroutines of its own, some of which outlive the
// request.
type way struct {
	mu    sync.Mutex
	probe Probe
	since [4]time.Time // of DNS, TCP, TLS, HTTP
}

func (w *way) seen() Probe {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.probe.HTTP.Begun {
		w.probe.HTTP.Took = time.Since(w.since[3])
	}
	return w.probe
}

// begin and end note a leg; of the addresses that are tried side by side, the one that answers counts.
func (w *way) begin(leg *Leg, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !leg.Begun {
		leg.Begun, w.since[n] = true, time.Now()
	}
}

func (w *way) end(leg *Leg, n int, saw string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if leg.Done {
		return
	}
	leg.Took, leg.Done = time.Since(w.since[n]), err == nil
	if err == nil || leg.Saw == "" {
		leg.Saw = saw
	}
}

func (w *way) trace() *httptrace.ClientTrace {
	p := &w.probe
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { w.begin(&p.DNS, 0) },
		DNSDone: func(i httptrace.DNSDoneInfo) {
			var all []string
			for _, a := range i.Addrs {
				all = append(all, a.String())
			}
			w.end(&p.DNS, 0, strings.Join(all, ", "), i.Err)
		},
		ConnectStart:      func(string, string) { w.begin(&p.TCP, 1) },
		ConnectDone:       func(_, addr string, err error) { w.end(&p.TCP, 1, addr, err) },
		TLSHandshakeStart: func() { w.begin(&p.TLS, 2) },
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			saw := ""
			if err == nil && len(s.PeerCertificates) > 0 {
				saw = fmt.Sprintf("%s, %s", tls.VersionName(s.Version), describeCertificate(s.PeerCertificates[0]))
			}
			w.end(&p.TLS, 2, saw, err)
		},
		GotConn: func(httptrace.GotConnInfo) { w.begin(&p.HTTP, 3) },
	}
}

func describeCertificate(c *x509.Certificate) string {
	return fmt.Sprintf("certificate for %s until %s", namesOf(c), c.NotAfter.UTC().Format(time.DateOnly))
}

// namesOf lists whom a certificate is for, which matters most when it is for somebody else.
func namesOf(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0 && c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(names) == 0:
		return "nobody"
	case len(names) > 3:
		return strings.Join(names[:3], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// certificateFault says what is wrong with a server's certificate; empty when the error is not about one.
func certificateFault(err error) (what, hint string) {
	var (
		name   x509.HostnameError
		bad    x509.CertificateInvalidError
		signer x509.UnknownAuthorityError
		verify *tls.CertificateVerificationError
	)
	const proxy = "does a proxy stand between, whose certificate this machine lacks? Ask who runs it for its CA, and add that to this machine's trusted ones"
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("the server's certificate is for %s, not for %s", namesOf(name.Certificate), name.Host),
			"is the environment's URL right? A proxy that answers in its place does this too"
	case errors.As(err, &bad) && bad.Reason == x509.Expired && time.Now().Before(bad.Cert.NotBefore):
		return "the server's certificate is not valid before " + bad.Cert.NotBefore.UTC().Format(time.DateOnly), "is the clock of this machine right?"
	case errors.As(err, &bad) && bad.Reason == x509.Expired:
		return "the server's certificate has expired on " + bad.Cert.NotAfter.UTC().Format(time.DateOnly),
			"is the clock of this machine right? If it is, whoever runs the server has to renew its certificate"
	case errors.As(err, &signer):
		return "the server's certificate is not trusted: nobody known here has signed it", proxy
	case errors.As(err, &bad), errors.As(err, &verify):
		return fmt.Sprintf("the server's certificate is not trusted: %v", err), proxy
	}
	return "", ""
}

// FreshToken asks Entra ID for a token, whatever is kept of earlier ones: a secret that has expired shows at the token
// endpoint only, while tokens that were issued before go on working (reference, trap 36). It returns when the new one
// expires; the requests that follow use it.
func (c *Client) FreshToken(ctx context.Context) (expires time.Time, err error) {
	expires, fault := c.auth.fresh(ctx)
	return expires, orNil(fault)
}

// Host is the environment's host, with its port where that is not the usual one.
func (c *Client) Host() string { return c.root.Host }

// Loopback reports whether a host, with or without port, is this machine: an emulator's.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return loopback(host)
}

// ReadCertificate finds in PEM the certificate that an application signs in with, and makes sure that its private key is
// there too. Errors say nothing of what was read.
func ReadCertificate(pem string) (*x509.Certificate, error) {
	c, err := parseCertificate(pem)
	return c.leaf, err
}
