package dataverse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// entra answers for an environment and its authority, without a network.
type entra struct {
	challenge string // WWW-Authenticate
	status    int    // of the token endpoint
	body      string
	fetched   atomic.Int32
	asked     func(*http.Request, url.Values) // sees each token request
}

func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Request: r,
			Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Www-Authenticate": {e.challenge}, "Retry-After": {"7"}},
			Body:   io.NopCloser(strings.NewReader(body)),
		}, nil
	}
	if r.Method == http.MethodGet {
		if r.Header.Get("Authorization") != "" {
			return nil, errors.New("the challenge was asked for with a token")
		}
		return answer(http.StatusUnauthorized, "")
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	n := e.fetched.Add(1)
	if e.asked != nil {
		e.asked(r, form)
	}
	if err := r.Context().Err(); err != nil { // who asked may have left meanwhile
		return nil, err
	}
	if e.status != 0 && e.status != http.StatusOK {
		return answer(e.status, e.body)
	}
	if e.body != "" {
		return answer(http.StatusOK, e.body)
	}
	return answer(http.StatusOK, fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"token-%d"}`, n))
}

const (
	tenantGUID = "aaaaaaaa-1111-4222-8333-444455556666"
	challenged = "Bearer authorization_uri=https://login.microsoftonline.com/" + tenantGUID + "/oauth2/authorize, resource_id=https://contoso.crm4.dynamics.com/"
)

func (e *entra) tokens(t *testing.T, change ...func(*Config)) *authentication {
	t.Helper()
	if e.challenge == "" {
		e.challenge = challenged
	}
	c := connect(t, "https://contoso.crm4.dynamics.com", change...)
	c.auth.http = &http.Client{Transport: e}
	return c.auth
}

func TestATokenIsAskedForAsEntraWantsIt(t *testing.T) {
	e := &entra{asked: func(r *http.Request, form url.Values) {
		if got := r.URL.String(); got != "https://login.microsoftonline.com/"+tenantGUID+"/oauth2/v2.0/token" {
			t.Errorf("token endpoint %s", got)
		}
		if form.Get("grant_type") != "client_credentials" || form.Get("client_id") != "my-app" || form.Get("client_secret") != secret ||
			form.Get("scope") != "https://contoso.crm4.dynamics.com/.default" || r.Header.Get("Authorization") != "" {
			t.Errorf("%v %v", form, r.Header)
		}
	}}
	token, fault := e.tokens(t).get(t.Context())
	if fault != nil || token != "token-1" {
		t.Errorf("%q %v", token, fault)
	}
}

func TestOneTokenForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e := &entra{asked: func(*http.Request, url.Values) { <-release }}
		tokens := e.tokens(t)
		impatient, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			_, fault := tokens.get(impatient)
			isFault(t, fault, penstock.NotExecuted, "canceled")
		})
		synctest.Wait()
		for range 50 {
			callers.Go(func() {
				if token, fault := tokens.get(t.Context()); fault != nil || token != "token-1" {
					t.Errorf("%q %v", token, fault)
				}
			})
		}
		synctest.Wait()
		leave() // who asked first must not fail the others by leaving
		synctest.Wait()
		close(release)
		callers.Wait()
		if n := e.fetched.Load(); n != 1 {
			t.Errorf("%d requests for a token", n)
		}
	})
}

func TestATokenIsRenewedFiveMinutesEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stall chan struct{}
		e := &entra{asked: func(*http.Request, url.Values) {
			if stall != nil {
				<-stall
			}
		}}
		tokens := e.tokens(t)
		start := time.Now()
		at := func(after time.Duration, want string) {
			t.Helper()
			<-time.After(time.Until(start.Add(after)))
			if token, fault := tokens.get(t.Context()); fault != nil || token != want {
				t.Errorf("after %v: %q %v, want %s", after, token, fault, want)
			}
			synctest.Wait()
		}
		at(0, "token-1")
		at(54*time.Minute+58*time.Second, "token-1")
		if n := e.fetched.Load(); n != 1 {
			t.Errorf("%d requests for a token before it is time", n)
		}
		at(54*time.Minute+59*time.Second, "token-1") // nobody waits for the next while this one is of use
		at(55*time.Minute, "token-2")

		// While it is valid, an endpoint that fails is not felt, nor one that does not answer; and it is not asked by each who comes.
		start = time.Now().Add(-time.Second)
		e.status, e.body = http.StatusServiceUnavailable, `{"error":"temporarily_unavailable"}`
		for range 20 {
			at(57*time.Minute, "token-2")
		}
		if n := e.fetched.Load(); n != 3 {
			t.Errorf("%d requests for a token", n)
		}
		stall = make(chan struct{})
		at(58*time.Minute, "token-2")
		at(58*time.Minute+time.Second, "token-2")
		close(stall)
		synctest.Wait()
		<-time.After(2 * time.Minute)
		_, fault := tokens.get(t.Context())
		isFault(t, fault, penstock.Transient, "")
	})
}

func TestALifeIsReadInEachFormThatEntraGivesIt(t *testing.T) { // 1.1
	for life, renewed := range map[string]time.Duration{
		`"expires_in":3599,`: 3299 * time.Second, `"expires_in":"3599",`: 3299 * time.Second, `"expires_in":86400,`: 86100 * time.Second,
		`"expires_in":60,`: 30 * time.Second, ``: 5 * time.Minute, `"expires_in":null,`: 5 * time.Minute, `"expires_in":-1,`: 5 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &entra{body: `{"token_type":"Bearer",` + life + `"access_token":"x"}`}
			tokens := e.tokens(t)
			for _, step := range []struct {
				wait time.Duration
				want int32
			}{{0, 1}, {renewed - time.Second, 1}, {2 * time.Second, 2}} {
				<-time.After(step.wait)
				if _, fault := tokens.get(t.Context()); fault != nil {
					t.Fatal(fault)
				}
				synctest.Wait()
				if n := e.fetched.Load(); n != step.want {
					t.Errorf("%s: %d requests, want %d", life, n, step.want)
				}
			}
		})
	}
}

func TestEntraIsLeftAloneAfterAFailure(t *testing.T) {
	loop := `{"error":"invalid_grant","error_description":"AADSTS50196: loop"}`
	wrong := `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`
	for _, tt := range []struct {
		name, body string
		status     int
		kind       penstock.Kind
		retries    []time.Duration // after the failure before
	}{
		{"a wrong secret", wrong, 401, penstock.SystemFault, []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, time.Minute}},
		{"asked too often", loop, 400, penstock.Transient, []time.Duration{5 * time.Minute, 5 * time.Minute}},
		{"a passing fault, with Retry-After: 7", `{"error":"temporarily_unavailable"}`, 503, penstock.Transient, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				value := secret
				e := &entra{status: tt.status, body: tt.body}
				tokens := e.tokens(t, func(c *Config) { c.Secret = func() (string, error) { return value, nil } })
				ask := func(want int) {
					t.Helper()
					_, fault := tokens.get(t.Context())
					isFault(t, fault, tt.kind, "")
					if n := e.fetched.Load(); n != int32(want) {
						t.Fatalf("%d requests, want %d", n, want)
					}
				}
				ask(1)
				for i, wait := range tt.retries {
					<-time.After(wait - time.Second)
					ask(i + 1)
					if _, fault := tokens.get(t.Context()); !strings.Contains(fault.Error(), "asked again in 1s") {
						t.Errorf("%v does not say when Entra ID is asked again", fault)
					}
					<-time.After(time.Second)
					ask(i + 2)
				}
				value = "another" // is tried at once, and with success forgives what was
				e.status, e.body = http.StatusOK, ""
				if token, fault := tokens.get(t.Context()); fault != nil || token == "" {
					t.Errorf("%q %v", token, fault)
				}
			})
		})
	}
}

func TestAnEnvironmentThatAcceptsNoTokenIsNotGivenNewOnesForEver(t *testing.T) {
	e := &entra{}
	tokens := e.tokens(t)
	for range 100 {
		token, fault := tokens.get(t.Context())
		if fault != nil {
			t.Fatal(fault)
		}
		tokens.drop(token)
	}
	if n := e.fetched.Load(); n != mostDropped+1 {
		t.Errorf("%d requests for a token", n)
	}
}

func TestAfterAFailureTheEnvironmentIsAskedForItsAuthorityAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := ""
		e := &entra{asked: func(r *http.Request, _ url.Values) { asked = r.URL.Path }}
		tokens := e.tokens(t)
		if _, fault := tokens.get(t.Context()); fault != nil {
			t.Fatal(fault)
		}
		// The environment moves to another tenant.
		e.challenge = strings.ReplaceAll(challenged, tenantGUID, "moved")
		e.status, e.body = http.StatusBadRequest, `{"error":"invalid_resource","error_description":"AADSTS500011: The resource principal was not found"}`
		<-time.After(2 * time.Hour)
		_, fault := tokens.get(t.Context())
		isFault(t, fault, penstock.SystemFault, "AADSTS500011")
		e.status, e.body = http.StatusOK, ""
		<-time.After(time.Minute)
		if _, fault := tokens.get(t.Context()); fault != nil || asked != "/moved/oauth2/v2.0/token" {
			t.Errorf("%s %v", asked, fault)
		}
	})
}

func TestACacheForgetsWhatIsOfNoUseAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shared Tokens
		for i := range 100 { // a secret that is rotated every hour
			e := &entra{}
			value := fmt.Sprint("secret ", i)
			tokens := e.tokens(t, func(c *Config) { c.Tokens, c.Secret = &shared, func() (string, error) { return value, nil } })
			for range 2 {
				if _, fault := tokens.get(t.Context()); fault != nil {
					t.Fatal(fault)
				}
			}
			if e.fetched.Load() != 1 {
				t.Errorf("%d requests for a token", e.fetched.Load())
			}
			<-time.After(time.Hour)
		}
		if n := len(shared.slots); n > 3 {
			t.Errorf("%d tokens are kept", n)
		}
	})
}

func TestDroppingATokenThatWasReplacedDropsNothing(t *testing.T) {
	e := &entra{}
	tokens := e.tokens(t)
	for _, step := range []struct{ drop, want string }{{"", "token-1"}, {"token-1", "token-2"}, {"token-1", "token-2"}} {
		tokens.drop(step.drop)
		if token, fault := tokens.get(t.Context()); fault != nil || token != step.want {
			t.Errorf("%q %v, want %s", token, fault, step.want)
		}
	}
}

func TestTheSecretGoesToKnownAuthoritiesOnly(t *testing.T) {
	tests := []struct {
		name, challenge, tenant string
		want                    string // in the error; empty: it goes
	}{
		{"as captured", challenged, "", ""},
		{"quoted, in another order", `Bearer resource_id="https://x/", authorization_uri="https://login.microsoftonline.us/t/oauth2/authorize"`, "", ""},
		{"the tenant by a domain", challenged, "contoso.onmicrosoft.com", ""},
		{"the tenant by its GUID in another case", challenged, strings.ToUpper(tenantGUID), ""},
		{"another tenant", challenged, "bbbbbbbb-1111-4222-8333-444455556666", "belongs to tenant " + tenantGUID},
		{"a stranger", "Bearer authorization_uri=https://login.evil.example/t/oauth2/authorize", "", "not an authority of Microsoft"},
		{"a stranger with a familiar name", "Bearer authorization_uri=https://login.microsoftonline.com.evil.example/t/", "", "not an authority of Microsoft"},
		{"a familiar name as user", "Bearer authorization_uri=https://login.microsoftonline.com@evil.example/t/", "", "not an authority of Microsoft"},
		{"a user at a familiar host", "Bearer authorization_uri=https://me@login.microsoftonline.com/t/", "", "not an authority of Microsoft"},
		{"a familiar host on another port", "Bearer authorization_uri=https://login.microsoftonline.com:8443/t/", "", "not an authority of Microsoft"},
		{"without TLS", "Bearer authorization_uri=http://login.microsoftonline.com/t/", "", "not an authority of Microsoft"},
		{"this machine, for an environment that is elsewhere", "Bearer authorization_uri=http://127.0.0.1/t/", "", "not an authority of Microsoft"},
		{"no authority", "Bearer realm=x", "", "names no authorization_uri"},
		{"no Bearer", "Basic realm=x", "", "names no authorization_uri"},
		{"no tenant", "Bearer authorization_uri=https://login.microsoftonline.com/", "", "names no tenant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &entra{challenge: tt.challenge}
			_, fault := e.tokens(t, func(c *Config) { c.Tenant = tt.tenant }).get(t.Context())
			if tt.want == "" {
				if fault != nil {
					t.Error(fault)
				}
				return
			}
			isFault(t, fault, penstock.SystemFault, tt.want)
			if e.fetched.Load() != 0 {
				t.Error("a secret was sent")
			}
		})
	}
}

func TestEntraErrorsAreExplained(t *testing.T) {
	body := func(kind, description string) string {
		return fmt.Sprintf(`{"error":%q,"error_description":%q,"error_codes":[1]}`, kind, description+"\r\nTrace ID: 1 Correlation ID: 2 Timestamp: 3")
	}
	const id = "cccccccc-1111-4222-8333-444455556666"
	tests := []struct {
		name, secret string
		status       int
		body         string
		kind         penstock.Kind
		code, want   string
	}{
		{"1.3: a wrong secret", secret, 401, body("invalid_client", "AADSTS7000215: Invalid client secret provided. Got "+secret), penstock.SystemFault, "AADSTS7000215", "secret is wrong"},
		{"1.3: the secret's id instead of its value", id, 401, body("invalid_client", "AADSTS7000215: Invalid client secret provided."), penstock.SystemFault, "AADSTS7000215", "looks like the secret's ID"},
		{"1.3: an expired secret", secret, 401, body("invalid_client", "AADSTS7000222: The provided client secret keys are expired."), penstock.SystemFault, "AADSTS7000222", "has expired"},
		{"1.3: an unknown application", secret, 400, body("unauthorized_client", "AADSTS700016: Application with identifier 'x' was not found"), penstock.SystemFault, "AADSTS700016", "no application with this client id"},
		{"1.3: an unknown tenant", secret, 400, body("invalid_tenant", "AADSTS90002: Tenant 'x' not found."), penstock.SystemFault, "AADSTS90002", "no such tenant"},
		{"1.3: a tenant that is no name", secret, 400, body("invalid_request", "AADSTS900023: Specified tenant identifier"), penstock.SystemFault, "AADSTS900023", "or a verified domain"},
		{"1.3: an unknown environment", secret, 400, body("invalid_resource", "AADSTS500011: The resource principal named x was not found"), penstock.SystemFault, "AADSTS500011", "does not know this environment"},
		{"1.3: conditional access", secret, 400, body("invalid_grant", "AADSTS530035: Access has been blocked"), penstock.SystemFault, "AADSTS530035", "conditional access"},
		{"1.3: an error of no known number", secret, 400, body("invalid_client", "AADSTS99: no"), penstock.SystemFault, "AADSTS99", "check tenant"},
		{"1.3: the number in error_codes alone", secret, 401, `{"error":"invalid_client","error_codes":[7000222]}`, penstock.SystemFault, "AADSTS7000222", "has expired"},
		{"1.3: conditional access by location", secret, 400, body("access_denied", "AADSTS53003: Access has been blocked by Conditional Access policies."), penstock.SystemFault, "AADSTS53003", "conditional access"},
		{"1.3: no credential", secret, 401, body("invalid_client", "AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required"), penstock.SystemFault, "AADSTS7000216", "defect in Penstock"},
		{"1.3: an unregistered certificate", secret, 401, body("invalid_client", "AADSTS700027: The certificate is not registered"), penstock.SystemFault, "AADSTS700027", "upload the certificate"},
		{"1.3: a revoked certificate", secret, 401, body("invalid_client", "AADSTS7000214: Certificate has been revoked."), penstock.SystemFault, "AADSTS7000214", "revoked"},
		{"a clock that is wrong", secret, 401, body("invalid_client", "AADSTS700024: Client assertion is not within its valid time range."), penstock.SystemFault, "AADSTS700024", "set its clock"},
		{"1.3: no scope", secret, 400, body("invalid_scope", "AADSTS70011: The provided value is not valid"), penstock.SystemFault, "AADSTS70011", "scope"},
		{"1.3: an application that is not enabled", secret, 400, body("unauthorized_client", "AADSTS70001: not supported"), penstock.SystemFault, "AADSTS70001", "not enabled"},
		{"1.3: a disabled application", secret, 400, body("unauthorized_client", "AADSTS7000112: Application is disabled."), penstock.SystemFault, "AADSTS7000112", "Enterprise applications"},
		{"an application without consent", secret, 401, body("unauthorized_client", "AADSTS7000229: missing service principal"), penstock.SystemFault, "AADSTS7000229", "consent"},
		{"1.3: throttled", secret, 429, body("temporarily_unavailable", "AADSTS90055: busy"), penstock.Transient, "AADSTS90055", "busy"},
		{"1.3: asked too often", secret, 400, body("invalid_grant", "AADSTS50196: loop"), penstock.Transient, "AADSTS50196", "loop"},
		{"1.3: a passing fault", secret, 400, body("temporarily_unavailable", "AADSTS50033: later"), penstock.Transient, "AADSTS50033", "later"},
		{"1.3: another passing fault", secret, 400, body("temporarily_unavailable", "AADSTS90033: later"), penstock.Transient, "AADSTS90033", "later"},
		{"a redirect", secret, 302, "", penstock.SystemFault, "", "leads elsewhere"},
		{"a page of a gateway", secret, 502, "<html>" + secret, penstock.Transient, "", "HTTP 502"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &entra{status: tt.status, body: tt.body}
			_, fault := e.tokens(t, func(c *Config) { c.Secret = func() (string, error) { return tt.secret, nil } }).get(t.Context())
			isFault(t, fault, tt.kind, tt.want)
			if fault.Code != tt.code {
				t.Errorf("code %q, want %q", fault.Code, tt.code)
			}
			if tt.kind == penstock.Transient && fault.Wait <= 0 {
				t.Errorf("no wait in %+v", fault)
			}
			if text := fmt.Sprintf("%v %+v %#v", fault, fault, fault.Err); strings.Contains(text, tt.secret) || strings.Contains(text, "Trace ID") {
				t.Errorf("the secret or a trailer is in %s", text)
			}
		})
	}
	t.Run("a secret that cannot be read", func(t *testing.T) {
		e := &entra{}
		_, fault := e.tokens(t, func(c *Config) {
			c.Secret = func() (string, error) { return "", errors.New("open /run/secrets/dataverse: no such file") }
		}).get(t.Context())
		isFault(t, fault, penstock.SystemFault, "read the client secret: open /run/secrets/dataverse")
	})
}
