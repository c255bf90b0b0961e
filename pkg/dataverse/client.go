// Package dataverse speaks the Web API of Microsoft Dataverse: it asks for tokens, writes changes with $batch, reads
// the metadata of tables, and says of every answer what can be done about it.
//
// Answers are classified here, once: callers see the kinds and causes of package penstock, never a status or a text.
// A request is never repeated, except once with a fresh token when Dataverse does not accept the one it has; whether to
// try again is for the caller, who knows the limits of the application user.
package dataverse

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Config says which environment to speak to, and as whom.
type Config struct {
	URL      string // https://org.crm4.dynamics.com, with or without /api/data/v9.2/
	Tenant   string // directory GUID or verified domain; empty: the one that the environment names
	ClientID string // of the app registration

	// One of the two: the client secret's value, or PEM with an RSA key and its certificate. Read whenever a token is asked for,
	// and kept nowhere.
	Secret      func() (string, error)
	Certificate func() (string, error)

	// Authorities may be sent the credential beside those of Microsoft, and environments at them may be without TLS:
	// http://dataverse:8365, an emulator in a container network. One on this machine need not be named.
	Authorities []string

	Tokens *Tokens // shared with other clients; nil: one of its own, so that the first request asks for a token

	Request     time.Duration // the longest that one HTTP request may take; 0: penstock.DefaultTiming
	Connections int           // kept open between requests; 0: 4
}

// A Client speaks to one environment as one application user. It is safe for concurrent use.
type Client struct {
	root     *url.URL // of the Web API, with its final slash
	http     *http.Client
	auth     *authentication
	request  time.Duration
	boundary string    // of request bodies; nobody can guess it, so no row can hold it
	buffers  sync.Pool // of *[]byte: framed batches
	readers  sync.Pool // of *parts
}

// apiVersion is the newest path of the Web API that the reference describes.
const apiVersion = "/api/data/v9.2/"

var apiPath = regexp.MustCompile(`^/api/data/v9\.[0-9]+/?$`)

// New makes a client without speaking to anyone. It reports a URL that cannot be an environment's.
func New(cfg Config) (*Client, error) {
	authorities, err := parseAuthorities(cfg.Authorities)
	if err != nil {
		return nil, err
	}
	root, err := parseRoot(cfg.URL, authorities)
	if err != nil {
		return nil, err
	}
	if cfg.ClientID == "" {
		return nil, errors.New("dataverse: the client id is empty: it is the application (client) ID of the app registration")
	}
	if (cfg.Secret == nil) == (cfg.Certificate == nil) {
		return nil, errors.New("dataverse: configure either a client secret or a certificate")
	}
	if cfg.Request <= 0 {
		cfg.Request = penstock.DefaultTiming().Request
	}
	if cfg.Connections <= 0 {
		cfg.Connections = 4
	}
	h := newHTTP(cfg.Connections, http.ProxyFromEnvironment)
	return &Client{
		root:     root,
		http:     h,
		auth:     newAuthentication(cfg, root, h, authorities),
		request:  cfg.Request,
		boundary: "batch_" + rand.Text(),
	}, nil
}

// newHTTP makes the HTTP client: without cookies, because the affinity cookie would confine it to the limits of one web
// server; by HTTP/1.1, one request at a time on a connection; and without following redirects, which would carry the
// token elsewhere.
func newHTTP(connections int, proxy func(*http.Request) (*url.URL, error)) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: func(r *http.Request) (*url.URL, error) {
				u, err := proxy(r)
				if err != nil { // it repeats the address, password included
					return nil, errors.New("the address of a proxy in HTTPS_PROXY or HTTP_PROXY cannot be read: percent-encode what is odd in its user and password")
				}
				return u, nil
			},
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConns:        connections + 2, // two for the token endpoint
			MaxIdleConnsPerHost: connections,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true, // an answer that is cut off can be read as far as it came
			WriteBufferSize:     64 << 10,
			ReadBufferSize:      64 << 10,
			Protocols:           &protocols,
		},
	}
}

func parseRoot(raw string, authorities []string) (*url.URL, error) {
	fail := func(why string) (*url.URL, error) {
		return nil, fmt.Errorf("dataverse: URL %q: %s; it looks like https://org.crm4.dynamics.com", raw, why)
	}
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return fail("is empty")
	case err != nil:
		return nil, errors.New("dataverse: the URL cannot be read; it looks like https://org.crm4.dynamics.com")
	case u.User != nil:
		return nil, errors.New("dataverse: the URL holds a user name: put credentials into the environment's own fields")
	case u.Host == "":
		return fail("names no host")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !slices.Contains(authorities, origin(u)):
		return fail("is not https, which only an emulator may do without, on this machine or as a trusted authority")
	case u.Scheme != "http" && u.Scheme != "https":
		return fail("is not https")
	case u.RawQuery != "" || u.Fragment != "":
		return fail("has a query or fragment")
	case u.Path == "" || u.Path == "/":
		u.Path = apiVersion
	case !apiPath.MatchString(u.Path):
		return fail("has a path that is not " + apiVersion)
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: strings.TrimSuffix(u.Path, "/") + "/"}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close gives up the connections that are idle. Requests under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// An Identity is whom and what the client speaks as and to. All three are GUIDs in lower case.
type Identity struct {
	User         string // systemuserid of the application user
	BusinessUnit string
	Organization string
}

// WhoAmI asks who we are there. It is the cheapest request that fails for every fault of identity: errors name it (no
// application user, disabled, without a role, administration mode) with the next step.
func (c *Client) WhoAmI(ctx context.Context) (Identity, error) {
	var answer struct{ UserID, BusinessUnitID, OrganizationID string }
	if fault := c.get(ctx, "dataverse: WhoAmI at "+c.root.Host, "WhoAmI", "", &answer); fault != nil {
		return Identity{}, fault
	}
	if answer.OrganizationID == "" || answer.UserID == "" {
		return Identity{}, &penstock.Error{
			Op: "dataverse: WhoAmI at " + c.root.Host, Kind: penstock.SystemFault,
			Err: errors.New("the answer names no organization and user"), Hint: "is the URL that of a Dataverse environment?",
		}
	}
	return Identity{
		User:         strings.ToLower(answer.UserID),
		BusinessUnit: strings.ToLower(answer.BusinessUnitID),
		Organization: strings.ToLower(answer.OrganizationID),
	}, nil
}

// maxAnswer bounds what is read of one JSON answer. The metadata of the largest tables stays below 10 MiB.
const maxAnswer = 32 << 20

// get reads one JSON document below the API root. Path and query are encoded already.
func (c *Client) get(ctx context.Context, op, path, query string, into any) *penstock.Error {
	target := c.root.String() + path
	if query != "" {
		target += "?" + query
	}
	header := http.Header{"Accept": {"application/json"}, "If-None-Match": {"null"}} // the word null defeats caches
	return c.exchange(ctx, op, http.MethodGet, target, nil, header, func(resp *http.Response) *penstock.Error {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return unreachable(op, err, false)
		}
		if resp.StatusCode != http.StatusOK {
			fault := refusal(op, resp, body).fault
			if fault.Kind != penstock.Throttled && fault.Kind != penstock.Transient {
				fault.Kind = penstock.SystemFault // a question holds no row that could be at fault
			}
			return fault
		}
		if err := json.Unmarshal(body, into); err != nil {
			return &penstock.Error{
				Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf("the answer is no JSON: %w", err),
				Hint: "is the URL that of a Dataverse environment?",
			}
		}
		return nil
	})
}

// exchange sends one request with a token and hands its answer to read. An answer of 401 is not handed on: the request
// is sent once more with a fresh token, which is safe because Dataverse checks the token before all else.
func (c *Client) exchange(
	ctx context.Context, op, method, target string, body *payload, header http.Header, read func(*http.Response) *penstock.Error,
) *penstock.Error {
	header.Set("OData-Version", "4.0")
	header.Set("OData-MaxVersion", "4.0")
	header.Set("User-Agent", "penstock")
	for second := false; ; second = true {
		token, fault := c.auth.get(ctx)
		if fault != nil {
			return fault
		}
		again, fault := c.once(ctx, op, method, target, body, token, header, !second, read)
		if !again {
			return fault
		}
		c.auth.drop(token)
	}
}

// once is one HTTP request. Again says that Dataverse did not accept the token, where that matters.
func (c *Client) once(
	ctx context.Context, op, method, target string, body *payload, token string, header http.Header, renew bool, read func(*http.Response) *penstock.Error,
) (again bool, fault *penstock.Error) {
	ctx, cancel := context.WithTimeout(ctx, c.request)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return false, &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: err}
	}
	req.Header = header.Clone() // net/http may be reading it still when the answer is here
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		body.attach(req)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false, unreachable(op, err, body != nil && body.touched())
	}
	defer closeBody(resp)
	if resp.StatusCode == http.StatusUnauthorized && renew {
		return true, nil
	}
	return false, read(resp)
}

// closeBody leaves the connection ready for the next request where little is left to read of this one.
func closeBody(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // only to keep the connection: nothing depends on it
	_ = resp.Body.Close()                          // closing what was read reports nothing
}

// A refused answer is about a whole request: the fault, and the cause for every row that was in it.
type refused struct {
	fault *penstock.Error
	cause penstock.Cause
}

// refusal understands an answer that is an error as a whole.
func refusal(op string, resp *http.Response, body []byte) refused {
	f := subject{}.classify(resp.StatusCode, body)
	f.cause.RequestID = requestID(resp.Header)
	switch status := resp.StatusCode; {
	case status >= 300 && status < 400:
		f.kind, f.hint = penstock.SystemFault, "the environment's URL leads elsewhere: "+host(resp.Header.Get("Location"))
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status == http.StatusUnauthorized:
		f.kind = penstock.SystemFault
	case status == http.StatusForbidden && f.kind == penstock.RowFault:
		f.kind = penstock.SystemFault // no row was looked at
	}
	if f.kind == penstock.SystemFault && f.hint == "" {
		f.hint = "is the environment's URL right?"
	}
	return refused{cause: f.cause, fault: &penstock.Error{
		Op: op, Kind: f.kind, Code: f.cause.Code, Hint: f.hint, Wait: readLimits(resp.Header).RetryAfter,
		Err: fmt.Errorf("%s (HTTP %d, %s)", f.cause.Message, resp.StatusCode, f.cause.Code),
	}}
}

func host(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return "to another path"
	}
	return "to " + u.Host
}

// requestID is what Microsoft's support asks for.
func requestID(h http.Header) string {
	for _, name := range []string{"x-ms-service-request-id", "REQ_ID"} {
		if id, _, _ := strings.Cut(h.Get(name), ","); id != "" {
			return id
		}
	}
	return ""
}
