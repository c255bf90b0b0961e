package dataverse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

const secret = "p~w.d_+=Z9/secret"

// A fake is an environment and its token endpoint on one address, with one answer for everything behind the token.
type fake struct {
	*httptest.Server
	tokens atomic.Int32
	api    http.HandlerFunc
}

func newFake(t *testing.T, api http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{api: api}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		w.Header().Set("Content-Type", "application/json")
		n := f.tokens.Add(1)
		_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":"3599","access_token":"token-`+string(rune('0'+n))+`"}`)
	case r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+f.URL+"/my-tenant/oauth2/authorize, resource_id="+f.URL+"/")
		w.WriteHeader(http.StatusUnauthorized)
	default:
		f.api(w, r)
	}
}

func connect(t *testing.T, root string, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{URL: root, ClientID: "my-app", Secret: func() (string, error) { return secret, nil }, Request: 20 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestOneRequestAtATimeOnAConnectionAndNoCookies(t *testing.T) { // 5.2
	c := connect(t, "https://contoso.crm4.dynamics.com", func(c *Config) { c.Connections = 7 })
	transport := c.http.Transport.(*http.Transport)
	if p := transport.Protocols; p.HTTP2() || p.UnencryptedHTTP2() || !p.HTTP1() {
		t.Errorf("protocols %v", p)
	}
	if c.http.Jar != nil || transport.MaxIdleConnsPerHost != 7 || transport.MaxIdleConns < 7 {
		t.Errorf("a jar, or %d connections", transport.MaxIdleConnsPerHost)
	}
}

func TestAProxyThatCannotBeReadIsNotRepeated(t *testing.T) {
	const password = "p%ss"
	broken := func(*http.Request) (*url.URL, error) { // as http.ProxyFromEnvironment says it
		return nil, fmt.Errorf("invalid proxy address %q: invalid URL escape %q", "http://me:"+password+"@proxy:3128", "%ss")
	}
	h := newHTTP(1, broken)
	t.Cleanup(h.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://contoso.crm4.dynamics.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.Do(req)
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("a request went out")
	}
	fault := unreachable("dataverse: x", err, false)
	if text := fmt.Sprintf("%v %+v %v", fault, fault, err); strings.Contains(text, password) || !strings.Contains(text, "HTTPS_PROXY") {
		t.Errorf("%s", text)
	}
}

func TestNewTakesTheURLOfAnEnvironment(t *testing.T) {
	for in, want := range map[string]string{
		"https://contoso.crm4.dynamics.com":                "https://contoso.crm4.dynamics.com/api/data/v9.2/",
		"https://Contoso.crm4.dynamics.com/":               "https://contoso.crm4.dynamics.com/api/data/v9.2/",
		"https://contoso.crm4.dynamics.com/api/data/v9.2":  "https://contoso.crm4.dynamics.com/api/data/v9.2/",
		"https://contoso.crm4.dynamics.com/api/data/v9.1/": "https://contoso.crm4.dynamics.com/api/data/v9.1/",
		"http://127.0.0.1:8365":                            "http://127.0.0.1:8365/api/data/v9.2/",
		"http://localhost:8365":                            "http://localhost:8365/api/data/v9.2/",
		"http://[::1]:8365":                                "http://[::1]:8365/api/data/v9.2/",
	} {
		if got := connect(t, in).root.String(); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"":                                  "is empty",
		"contoso.crm4.dynamics.com":         "names no host",
		"http://contoso.crm4.dynamics.com":  "is not https",
		"ftp://contoso.crm4.dynamics.com":   "is not https",
		"https://contoso.crm4/main.aspx":    "path",
		"https://contoso.crm4/api/data/v8/": "path",
		"https://contoso.crm4/?appid=1":     "query",
		"https://me:" + "hush@contoso.crm4": "user name",
		"https://contoso\x7f":               "cannot be read",
	} {
		_, err := New(Config{URL: in, ClientID: "a", Secret: func() (string, error) { return "", nil }})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v, want a word of %q", in, err, want)
		}
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	var calls atomic.Int32
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if got := r.Header.Get("Authorization"); got != "Bearer token-2" {
			t.Errorf("second request with %q", got)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Contains(body, []byte("PATCH /api/data/v9.2/contacts(externaluseridentifier='C-0') HTTP/1.1\r\n")) {
			t.Errorf("second body %q %v", body, err)
		}
		w.Header().Set("Content-Type", multi)
		_, _ = io.WriteString(w, delim+ok204+end)
	})
	a := connect(t, f.URL).Batch(t.Context(), "contact", penstock.Execution{}, upserts(1))
	if a.Fault != nil || a.Verdicts[0].Kind != penstock.Fine || a.Elapsed <= 0 {
		t.Errorf("%+v", a)
	}
}

func TestATokenRefusedTwiceIsTheSystemsFault(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	a := connect(t, f.URL).Batch(t.Context(), "contact", penstock.Execution{}, upserts(2))
	if a.Fault == nil || a.Fault.Kind != penstock.SystemFault || a.Verdicts[1].Kind != penstock.SystemFault || a.Fault.Hint == "" {
		t.Errorf("%+v", a)
	}
	if n := f.tokens.Load(); n != 2 {
		t.Errorf("%d tokens were asked for, want 2", n)
	}
}

func TestABatchGoesOutAsDataverseWantsIt(t *testing.T) {
	var cookies atomic.Int32
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		if r.Method != http.MethodPost || r.URL.Path != "/api/data/v9.2/$batch" || h.Get("Prefer") != "odata.continue-on-error" ||
			!strings.HasPrefix(h.Get("Content-Type"), `multipart/mixed; boundary="batch_`) || h.Get("OData-Version") != "4.0" ||
			r.ContentLength <= 0 || h.Get("Content-Encoding") != "" {
			t.Errorf("%s %s %v", r.Method, r.URL, h)
		}
		if h.Get("Cookie") != "" {
			cookies.Add(1)
		}
		_, mark, _ := strings.Cut(h.Get("Content-Type"), `boundary="`)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		answer, seen, _ := respond(t, body, strings.TrimSuffix(mark, `"`))
		for i, want := range []penstock.Operation{
			penstock.Upsert, penstock.Update, penstock.Create, penstock.Delete, penstock.Update, penstock.Update, penstock.Upsert, // the last three look alike
		} {
			if i >= len(seen) || seen[i].Operation != want {
				t.Errorf("operation %d of %+v, want %v", i, seen, want)
			}
		}
		w.Header().Set("Content-Type", multi)
		w.Header().Set("Set-Cookie", "ARRAffinity=abc; path=/")
		w.Header().Set("x-ms-dop-hint", "7")
		w.Header().Set("x-ms-service-request-id", "11111111-2222-3333-4444-555555555555,66666666-2222-3333-4444-555555555555")
		_, _ = w.Write(answer)
	})
	c := connect(t, f.URL)
	for range 2 {
		a := c.Batch(t.Context(), "contact", penstock.Execution{}, []penstock.Change{
			{Operation: penstock.Upsert, Address: "contacts(x='1')", Body: []byte(`{"a":1}`)},
			{Operation: penstock.Update, Address: "contacts(x='2')", Body: []byte(`{"a":"bad"}`)},
			{Operation: penstock.Create, Address: "contacts", Body: []byte(`{"contactid":"` + one + `"}`)},
			{Operation: penstock.Delete, Address: "contacts(" + one + ")"},
			{Operation: penstock.Deactivate, Address: "contacts(x='3')", Body: []byte(`{"statecode":1}`)},
			{Operation: penstock.Clear, Address: "contacts(x='4')", Body: []byte(`{"a":null}`)},
			{Operation: penstock.Restore, Address: "contacts(x='5')", Body: []byte(`{"statecode":0}`)},
		})
		if a.Fault != nil || a.Verdicts[0].Kind != penstock.Fine || a.Verdicts[1].Kind != penstock.RowFault ||
			a.Verdicts[2].Kind != penstock.Fine || a.Verdicts[3].Kind != penstock.Fine {
			t.Errorf("%+v", a)
		}
		if a.Limits.DOPHint != 7 || a.Limits.RequestsLeft != -1 || a.RequestID != "11111111-2222-3333-4444-555555555555" {
			t.Errorf("%+v %q", a.Limits, a.RequestID)
		}
	}
	if cookies.Load() > 0 {
		t.Error("the affinity cookie came back")
	}
	if n := f.tokens.Load(); n != 1 {
		t.Errorf("%d tokens were asked for, want 1", n)
	}
}

// verdictsAre checks that a fault of the whole request is every change's.
func verdictsAre(t *testing.T, a Answer, want penstock.Kind) {
	t.Helper()
	if a.Fault == nil || a.Fault.Kind != want {
		t.Errorf("fault %v, want kind %v", a.Fault, want)
	}
	for i, v := range a.Verdicts {
		if v.Kind != want || v.Cause.Class == "" || v.Cause.Code == "" || v.Cause.Message == "" {
			t.Errorf("change %d: %+v, want %v", i, v, want)
		}
	}
}

func TestWhatWasNeverSentIsNotUnanswered(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"UserId":"a","OrganizationId":"b"}`)
	})
	c := connect(t, f.URL)
	if _, err := c.WhoAmI(t.Context()); err != nil {
		t.Fatal(err)
	}

	t.Run("cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		verdictsAre(t, c.Batch(ctx, "contact", penstock.Execution{}, upserts(2)), penstock.NotExecuted)
	})
	t.Run("nobody listens", func(t *testing.T) {
		f.Close()
		c.Close() // a kept connection would be written to before anybody knew
		a := c.Batch(t.Context(), "contact", penstock.Execution{}, upserts(2))
		verdictsAre(t, a, penstock.Transient)
		if a.Elapsed != 0 || !strings.Contains(a.Fault.Error(), "firewall") {
			t.Errorf("%v %v", a.Elapsed, a.Fault)
		}
	})
	t.Run("not ours to send", func(t *testing.T) {
		verdictsAre(t, c.Batch(t.Context(), "contact", penstock.Execution{}, []penstock.Change{{Operation: 9, Address: "x"}}), penstock.SystemFault)
		verdictsAre(t, c.Batch(t.Context(), "contact", penstock.Execution{}, make([]penstock.Change, penstock.MaxChanges+1)), penstock.SystemFault)
		if a := c.Batch(t.Context(), "contact", penstock.Execution{}, nil); a.Fault != nil || len(a.Verdicts) != 0 {
			t.Errorf("%+v", a)
		}
	})
}

func TestWhatWasSentAndNotAnsweredIsUnanswered(t *testing.T) {
	t.Run("the connection is cut", func(t *testing.T) {
		f := newFake(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		})
		verdictsAre(t, connect(t, f.URL).Batch(t.Context(), "contact", penstock.Execution{}, upserts(2)), penstock.Unanswered)
	})
	t.Run("the answer is cut", func(t *testing.T) {
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multi)
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, delim+ok204+delim)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		a := connect(t, f.URL).Batch(t.Context(), "contact", penstock.Execution{}, upserts(2))
		if a.Fault != nil || a.Verdicts[0].Kind != penstock.Fine || a.Verdicts[1].Kind != penstock.Unanswered {
			t.Errorf("%+v", a)
		}
	})
	hang := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client leaves
		<-r.Context().Done()
	}
	t.Run("the limit of a request passes", func(t *testing.T) {
		f := newFake(t, hang)
		a := connect(t, f.URL, func(c *Config) { c.Request = 100 * time.Millisecond }).Batch(t.Context(), "contact", penstock.Execution{}, upserts(2))
		verdictsAre(t, a, penstock.Unanswered)
		if !errors.Is(a.Fault, context.DeadlineExceeded) {
			t.Error(a.Fault)
		}
	})
	t.Run("the caller leaves", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		verdictsAre(t, connect(t, f.URL).Batch(ctx, "contact", penstock.Execution{}, upserts(2)), penstock.Unanswered)
	})
}

func TestThrottlingSaysHowLong(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "27")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, errorBody("0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds."))
	})
	a := connect(t, f.URL).Batch(t.Context(), "contact", penstock.Execution{}, upserts(2))
	verdictsAre(t, a, penstock.Throttled)
	if a.Fault.Wait != 27*time.Second || a.Limits.RetryAfter != 27*time.Second || a.Fault.Code != "0x80072322" {
		t.Errorf("%+v %+v", a.Fault, a.Limits)
	}
}

func TestWhoAmISaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		kind   penstock.Kind
		code   string
		want   string // in the error
	}{
		{"no application user", 403, errorBody("0x80072560", "The user is not a member of the organization."), penstock.SystemFault, "0x80072560", "no application user in this environment"},
		{"disabled", 403, errorBody("0x80040225", "The specified user(Id = {0}) is disabled."), penstock.SystemFault, "0x80040225", "user is disabled; a system administrator"},
		{"without role", 403, errorBody("0x80042f09", "The user with id x has not been assigned any roles. They need a role with the prvReadUser privilege."), penstock.SystemFault, "0x80042f09", "no security role"},
		{"administration mode", 403, errorBody("0x8004a113", "admin"), penstock.SystemFault, "0x8004a113", "administration mode"},
		{"blocked", 403, errorBody("0x80095ffc", "Access to Dataverse API is restricted"), penstock.SystemFault, "0x80095ffc", "a policy blocks the application"},
		{"another path", 404, "<html>", penstock.SystemFault, "http_404", "URL right"},
		{"a web page", 200, "<html>", penstock.SystemFault, "", "URL that of a Dataverse environment"},
		{"another service", 200, "{}", penstock.SystemFault, "", "names no organization"},
		{"a redirect", 302, "", penstock.SystemFault, "http_302", "leads elsewhere: to login.example"},
		{"busy", 503, "", penstock.Transient, "http_503", "503"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://login.example/x?secret=1")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := connect(t, f.URL).WhoAmI(t.Context())
			var fault *penstock.Error
			if !errors.As(err, &fault) || fault.Kind != tt.kind || fault.Code != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v (%+v), want %v %s with %q", err, fault, tt.kind, tt.code, tt.want)
			}
		})
	}
}

func TestUnreachableHostsAreExplained(t *testing.T) {
	t.Run("a certificate that nobody vouches for", func(t *testing.T) {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.StartTLS()
		t.Cleanup(s.Close)
		_, err := connect(t, s.URL).WhoAmI(t.Context())
		isFault(t, err, penstock.SystemFault, "certificate")
	})
	t.Run("no TLS", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(s.Close)
		_, err := connect(t, strings.Replace(s.URL, "http:", "https:", 1)).WhoAmI(t.Context())
		isFault(t, err, penstock.SystemFault, "TLS")
	})
	t.Run("no such host", func(t *testing.T) {
		err := unreachable("op", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "nowhere.crm4.dynamics.com", IsNotFound: true}}, false)
		isFault(t, err, penstock.Transient, `no host "nowhere.crm4.dynamics.com"`)
	})
	t.Run("no answer in time", func(t *testing.T) {
		isFault(t, unreachable("op", os.ErrDeadlineExceeded, false), penstock.Transient, "")
		isFault(t, unreachable("op", context.DeadlineExceeded, true), penstock.Unanswered, "no answer in time")
	})
}

func isFault(t *testing.T, err error, kind penstock.Kind, text string) {
	t.Helper()
	var fault *penstock.Error
	if !errors.As(err, &fault) || fault.Kind != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, want %v with %q", err, kind, text)
	}
}
