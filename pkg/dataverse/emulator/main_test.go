package emulator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An environment is a Server on a real socket, with a client that holds a token.
type environment struct {
	*emulator.Server
	t     testing.TB
	url   string
	http  *http.Client
	token string
}

func start(t testing.TB, c emulator.Config) *environment {
	t.Helper()
	s := emulator.New(c)
	web := httptest.NewServer(s)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		web.Close()
	})
	e := &environment{Server: s, t: t, url: web.URL, http: &http.Client{Transport: transport}}
	e.token = e.signIn(emulator.SandboxClient, emulator.SandboxSecret)
	return e
}

// signIn returns an access token, "" when none is issued.
func (e *environment) signIn(client, secret string) string {
	e.t.Helper()
	_, answer := e.requestToken(emulator.SandboxTenant, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {e.url + "/.default"},
	})
	token, _ := answer["access_token"].(string)
	return token
}

func (e *environment) requestToken(tenant string, form url.Values) (int, map[string]any) {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.url+"/"+tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		e.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, err := e.http.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		e.t.Fatal(err)
	}
	return r.StatusCode, answer
}

// An answer is an HTTP answer, or a part of one.
type answer struct {
	status int
	header http.Header
	body   string
}

// code and message are those of an error's body.
func (a answer) code() string { return a.error().Code }

func (a answer) message() string { return a.error().Message }

type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (a answer) error() wireError {
	var b struct{ Error wireError }
	if json.Unmarshal([]byte(a.body), &b) != nil {
		return wireError{}
	}
	return b.Error
}

func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		t.Fatalf("status %d, body %q: %v", a.status, a.body, err)
	}
	return o
}

// request builds one; headers are "Name: value".
func (e *environment) request(method, path, body string, headers ...string) *http.Request {
	e.t.Helper()
	r := e.anonymous(method, path, body, headers...)
	if _, own := r.Header["Authorization"]; !own {
		r.Header.Set("Authorization", "Bearer "+e.token)
	}
	return r
}

// anonymous builds a request without a token.
func (e *environment) anonymous(method, path, body string, headers ...string) *http.Request {
	e.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = e.url + path
	} else if !strings.Contains(path, "://") {
		target = e.url + "/api/data/v9.2/" + path
	}
	r, err := http.NewRequestWithContext(e.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Set(name, v)
	}
	return r
}

func (e *environment) do(method, path, body string, headers ...string) answer {
	e.t.Helper()
	a, err := e.try(e.request(method, path, body, headers...))
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

func (e *environment) try(r *http.Request) (answer, error) {
	response, err := e.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(b)}, err
}

// must fails the test when a preparation is refused.
func (e *environment) must(method, path, body string, headers ...string) answer {
	e.t.Helper()
	a := e.do(method, path, body, headers...)
	if a.status >= 300 {
		e.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

// part is one operation of a batch, in the text of section 3.1; headers end each with CRLF.
func part(method, path, headers, body string) string {
	return "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" +
		method + " " + path + " HTTP/1.1\r\n" + headers + "\r\n" + body + "\r\n"
}

// inBatch joins parts into a body with the boundary b.
func inBatch(parts ...string) string {
	var s strings.Builder
	for _, p := range parts {
		s.WriteString("--b\r\n" + p)
	}
	return s.String() + "--b--\r\n"
}

// inSet makes a change set of parts, with Content-IDs from 1.
func inSet(parts ...string) string {
	var s strings.Builder
	s.WriteString("Content-Type: multipart/mixed; boundary=c\r\n\r\n")
	for i, p := range parts {
		fmt.Fprintf(&s, "--c\r\nContent-ID: %d\r\n%s", i+1, p)
	}
	return s.String() + "--c--\r\n\r\n"
}

// batch sends a body to $batch and returns the outer answer and its parts, those of change sets in between.
func (e *environment) batch(body string, headers ...string) (answer, []answer) {
	e.t.Helper()
	outer := e.do("POST", "$batch", body, append([]string{"Content-Type: multipart/mixed; boundary=b"}, headers...)...)
	return outer, e.partsOf(outer.header.Get("Content-Type"), outer.body)
}

func (e *environment) partsOf(contentType, body string) []answer {
	e.t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" {
		return nil
	}
	var all []answer
	for r := multipart.NewReader(strings.NewReader(body), params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			e.t.Fatalf("part %d: %v in %q", len(all), err, body)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			e.t.Fatal(err)
		}
		if nested := p.Header.Get("Content-Type"); strings.HasPrefix(nested, "multipart/") {
			all = append(all, e.partsOf(nested, string(text))...)
			continue
		}
		all = append(all, parsePart(e.t, text, p.Header.Get("Content-ID")))
	}
}

func parsePart(t testing.TB, text []byte, contentID string) answer {
	t.Helper()
	head, body, ok := bytes.Cut(text, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	a := answer{header: http.Header{}, body: strings.TrimSpace(string(body))}
	if _, err := fmt.Sscanf(lines[0], "HTTP/1.1 %d", &a.status); err != nil || !ok {
		t.Fatalf("not an embedded answer: %q", text)
	}
	for _, l := range lines[1:] {
		name, v, _ := strings.Cut(l, ": ")
		a.header.Set(name, v)
	}
	a.header.Set("Content-ID", contentID)
	return a
}
