package connection

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// reach goes from the form of the URL to the challenge of Dataverse. It reports whether tokens can be asked for.
func (t *test) reach(ctx context.Context) bool {
	e := t.Environment
	names := []string{"url", "dns", "tcp", "tls", "http", "challenge", "cloud", "tenant", "scope"}
	var client *dataverse.Client
	if !t.step(ctx, "url", "", func() Step {
		var s Step
		client, s = t.address()
		return s
	}) {
		t.skipAll(names[1:], "", "the URL is not that of an environment")
		return false
	}
	defer client.Close()
	t.probe = client.Probe(ctx)
	if passed := t.way(); passed < 4 {
		t.skipAll(names[passed+2:], "", "the environment was not reached")
		return false
	}
	if !t.step(ctx, "challenge", "", t.challenge) {
		t.skipAll(names[6:], "", "what answers is no Dataverse")
		return false
	}
	cloud := t.step(ctx, "cloud", "", func() Step {
		if e.Authority != "" && strings.EqualFold(e.Authority, t.probe.Authority.Scheme+"://"+t.probe.Authority.Host) {
			return passed("an emulator, whose authority the environment's file trusts")
		}
		return cloudStep(client.Host(), t.probe.Authority)
	})
	tenant := t.step(ctx, "tenant", "", func() Step { return tenantStep(e.Tenant, t.probe.Tenant) })
	t.step(ctx, "scope", "", func() Step { return scopeStep(client.Host(), t.probe.Resource) })
	return cloud && tenant
}

func (t *test) skipAll(names []string, about, why string) {
	for _, name := range names {
		t.skip(name, about, why)
	}
}

// address checks the URL, and makes a client that is never given a secret.
func (t *test) address() (*dataverse.Client, Step) {
	raw := t.Environment.URL
	if what, mend := spec.URLMistake(raw); what != "" {
		return nil, failed("the environment's URL is wrong: "+what, mend)
	}
	client, err := dataverse.New(dataverse.Config{
		URL: raw, Authorities: t.Environment.Authorities(), ClientID: "nobody", Secret: func() (string, error) { return "", errors.New("a probe needs none") }, Request: t.Request,
	})
	if err != nil {
		what, mend, _ := strings.Cut(strings.TrimPrefix(err.Error(), "dataverse: "), "; ")
		return nil, failed("the environment's URL is wrong: "+what, mend)
	}
	return client, passed(raw)
}

// way tells of the legs, and how many of the four the request came past.
func (t *test) way() int {
	p := t.probe
	secure := strings.HasPrefix(t.Environment.URL, "https:")
	legs := []struct {
		name string
		leg  dataverse.Leg
		none string // why there is no such leg
		say  func(dataverse.Probe) Step
	}{
		{"dns", p.DNS, "the URL holds an address, not a name", dnsFault},
		{"tcp", p.TCP, "", tcpFault},
		{"tls", p.TLS, "the URL is http, which only an emulator may be", tlsFault},
		{"http", p.HTTP, "", httpFault},
	}
	for i, l := range legs {
		absent := l.name == "dns" && !l.leg.Begun && (p.TCP.Begun || p.Fault == nil) || l.name == "tls" && !secure
		var s Step
		switch {
		case l.leg.Done && (l.name != "http" || !astray(p)):
			s = passed(l.leg.Saw)
		case absent:
			s = skipped(l.none)
		default:
			s = l.say(p)
			if s.Do == "" && p.Fault != nil {
				s.Do = p.Fault.Hint
			}
			if s.Do == "" {
				s.Do = "try again; ask who runs the network of this machine, if it stays so"
			}
		}
		if l.name == "tcp" && s.State == Passed && p.Proxy != "" {
			s.Saw += ", the proxy " + p.Proxy
		}
		s.Name, s.Elapsed = l.name, l.leg.Took
		t.report.Steps = append(t.report.Steps, s)
		if s.State == Failed {
			return i
		}
	}
	return len(legs)
}

// astray reports whether an answer came, but not one of an environment that is well.
func astray(p dataverse.Probe) bool {
	return p.Status >= 500 || p.Status == http.StatusTooManyRequests || p.Status >= 300 && p.Status < 400
}

func dnsFault(p dataverse.Probe) Step {
	var dns *net.DNSError
	if !errors.As(p.Fault, &dns) {
		return failed(p.Fault.Err.Error(), "")
	}
	switch {
	case dns.IsNotFound:
		return failed(fmt.Sprintf("there is no host %q", dns.Name), "check the name in the environment's URL; where only a proxy knows it, set HTTPS_PROXY")
	case dns.IsTimeout, errors.Is(p.Fault, context.DeadlineExceeded):
		return failed(fmt.Sprintf("the name server does not answer about %q", dns.Name), "whoever runs the network: see to the name server of this machine ("+dns.Server+")")
	}
	return failed(fmt.Sprintf("the name %q cannot be resolved: %s", dns.Name, dns.Err), "whoever runs the network: see to the name server of this machine")
}

func tcpFault(p dataverse.Probe) Step {
	err := p.Fault.Err
	where := p.TCP.Saw
	if where == "" {
		where = p.Proxy
	}
	const firewall = "whoever runs the network: let this machine reach it (a firewall drops what is not allowed), or name the proxy in HTTPS_PROXY"
	switch {
	case p.Proxy != "" && p.TCP.Begun && strings.Contains(err.Error(), "does not let the request through"):
		return failed(err.Error(), "")
	case errors.Is(err, syscall.ECONNREFUSED) && p.Proxy != "":
		return failed("the proxy "+p.Proxy+" refuses the connection", "check HTTPS_PROXY, and that the proxy runs")
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed(where+" refuses the connection: nothing listens there", "check host and port of the environment's URL; is it running, if it is an emulator?")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return failed("there is no way to "+where, firewall)
	case late(err):
		return failed(where+" does not answer: the connection was not made in time", firewall)
	}
	return failed("no connection: "+err.Error(), "")
}

func tlsFault(p dataverse.Probe) Step {
	err := p.Fault.Err
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return failed(p.TCP.Saw+" does not speak TLS", "check host and port of the environment's URL; https is at port 443")
	case late(err):
		return failed(p.TCP.Saw+" takes the connection, but does not go on with TLS", "a firewall may hold it up: whoever runs the network has to let it pass")
	case cut(err):
		return failed("the connection was cut while TLS was being agreed", "a firewall or proxy may not like the name: whoever runs the network has to let it pass")
	}
	return failed(err.Error(), "")
}

func httpFault(p dataverse.Probe) Step {
	switch {
	case p.Fault == nil && p.Status >= 300 && p.Status < 400 && p.Location != "":
		return failed(fmt.Sprintf("it leads elsewhere: to %s (HTTP %d)", p.Location, p.Status), "use the environment's own URL, as Power Apps shows it under Settings, Developer resources")
	case p.Fault == nil && p.Status < 400:
		return failed(fmt.Sprintf("it leads elsewhere (HTTP %d)", p.Status), "use the environment's own URL, as Power Apps shows it under Settings, Developer resources")
	case p.Fault == nil:
		return failed(fmt.Sprintf("it is not well: HTTP %d", p.Status), "try again in some minutes; then see the service health in the Microsoft 365 admin center, or ask who runs the gateway")
	case late(p.Fault.Err):
		return failed("the connection stands, but no answer comes in time", "try again in some minutes; a gateway in between may hold the answer up")
	case cut(p.Fault.Err):
		return failed("the connection was cut before an answer came", "a firewall or proxy may do this: ask who runs the network; else try again in some minutes")
	}
	return failed("what answers does not speak HTTP: "+p.Fault.Err.Error(), "check host and port of the environment's URL")
}

func late(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection") // net/http exports no name for it
}

// challenge decides whether it is Dataverse that answers.
func (t *test) challenge() Step {
	p := t.probe
	kind := p.ContentType
	if kind == "" {
		kind = "no content"
	}
	switch {
	case p.Status == http.StatusNotFound:
		return failed(fmt.Sprintf("there is no Web API at this path: HTTP 404 with %s, where Dataverse asks for a token (401)", kind),
			"check host and path of the environment's URL: https://org.crm4.dynamics.com/api/data/v9.2/")
	case p.Status != http.StatusUnauthorized:
		return failed(fmt.Sprintf("what answers is no Dataverse: HTTP %d with %s, where Dataverse asks for a token (401)", p.Status, kind),
			"check the host of the environment's URL; a proxy that wants a sign-in answers like this too")
	case p.Authority == nil:
		return failed("what answers is no Dataverse: HTTP 401 that names no authority", "check the host of the environment's URL; a proxy that wants a sign-in answers like this too")
	case !p.Trusted:
		return failed(fmt.Sprintf("it sends us to %s for a token, which is no authority of Microsoft: no secret was sent there", p.Authority.Host),
			"check the environment's URL: whoever answers there must not be given the secret")
	}
	return passed("Dataverse, which takes tokens of " + p.Authority.Host)
}

// cloudStep holds the authority against the cloud that the host belongs to.
func cloudStep(host string, authority *url.URL) Step {
	if dataverse.Loopback(host) {
		return passed("an emulator on this machine")
	}
	cloud, found := dataverse.CloudOf(host)
	switch {
	case !found:
		return warned(host+" is not of the form of Dataverse's hosts", "use the host that Power Apps shows under Settings, Developer resources: vanity hosts are not supported")
	case !slices.Contains(cloud.Authorities, strings.ToLower(authority.Host)):
		return failed(fmt.Sprintf("the wrong cloud: %s belongs to the %s cloud, whose tokens come from %s, not from %s",
			host, cloud.Name, strings.Join(cloud.Authorities, " or "), authority.Host),
			"check the environment's URL; a proxy that answers in its place does this too")
	}
	return passed("the " + cloud.Name + " cloud")
}

// tenantStep holds the configured directory against the environment's. Domains are for Entra ID to resolve.
func tenantStep(configured, environment string) Step {
	switch {
	case configured == "" && environment == "":
		return failed("no tenant is configured, and the environment names none", "write the tenant's ID into the environment's file")
	case guid.MatchString(configured) && guid.MatchString(environment) && !strings.EqualFold(configured, environment):
		return failed(fmt.Sprintf("the wrong tenant: the environment belongs to %s, and %s is configured", environment, configured),
			"write the environment's tenant into its file; the application must be registered there, or be consented to there")
	case configured == "" || strings.EqualFold(configured, environment):
		return passed(environment)
	}
	return passed(configured + ", as which the environment knows itself by " + environment)
}

// scopeStep holds what tokens are asked for against what the environment says it is.
func scopeStep(host, resource string) Step {
	u, err := url.Parse(resource)
	switch {
	case resource == "" || err != nil || u.Host == "":
		return passed("https://" + host + "/.default")
	case strings.EqualFold(u.Host, host):
		return passed(u.Scheme + "://" + host + "/.default")
	case strings.EqualFold(u.Host, plainHost(host)):
		return warned(fmt.Sprintf("tokens are asked for %s, and the environment calls itself %s", host, u.Host),
			"Microsoft documents the latter as the scope: write it into the environment's URL")
	}
	return failed(fmt.Sprintf("tokens are asked for %s, but the environment is %s", host, u.Host), "write https://"+u.Host+"/api/data/v9.2/ into the environment's file")
}

// plainHost is the organization's host where the one given is that of its Web API alone: org.api.crm4 for org.crm4.
func plainHost(host string) string {
	return strings.Replace(strings.ToLower(host), ".api.crm", ".crm", 1)
}

// sayFault makes a step of an error: in words where its code is known, else in its own.
func sayFault(err error) Step {
	var fault *penstock.Error
	if !errors.As(err, &fault) {
		return failed(err.Error(), "ask who runs what answers there, with what was seen")
	}
	s := failed("", fault.Hint)
	s.Code = fault.Code
	if fault.Err != nil {
		s.Saw = fault.Err.Error()
	}
	remedy, known := dataverse.RemedyOf(fault.Code)
	switch {
	case known:
		s.Saw, s.Do = cmp.Or(remedy.Fault, s.Saw), remedy.Mend
	case s.Do != "":
	case fault.Kind == penstock.Transient, fault.Kind == penstock.Throttled:
		s.Do = "try again in some minutes"
	default:
		s.Do = "ask who runs what answers there, with what was seen"
	}
	return s
}
