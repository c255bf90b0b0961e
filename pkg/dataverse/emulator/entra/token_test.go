package entra_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
)

func TestEachFailureHasItsNumberStatusAndError(t *testing.T) { // 1.3
	s := sandbox(t, func(c *entra.Config) {
		c.Apps[0].Secrets = append(c.Apps[0].Secrets, entra.Secret{Value: "old", Expires: time.Now().Add(-time.Hour)}, entra.Secret{Value: "new", Expires: time.Now().Add(time.Hour)})
		for name, state := range map[string]entra.AppState{"disabled": entra.AppDisabled, "unsupported": entra.AppUnsupported, "blocked": entra.AppBlocked} {
			c.Apps = append(c.Apps, entra.App{Tenant: tenant, ClientID: name, State: state, Secrets: []entra.Secret{{Value: secret}}})
		}
		c.Apps = append(c.Apps, entra.App{Tenant: other, ClientID: "foreign", Secrets: []entra.Secret{{Value: secret}}})
	})
	for _, tt := range []struct {
		name, tenant string
		change       url.Values
		status       int
		word         string
		number       int
	}{
		{"the right secret", tenant, nil, 200, "", 0},
		{"another right secret", tenant, url.Values{"client_secret": {"new"}}, 200, "", 0},
		{"the tenant in upper case", strings.ToUpper(tenant), nil, 200, "", 0},
		{"the tenant by a domain", "Contoso.Example", nil, 200, "", 0},
		{"Microsoft Graph, which every tenant has", tenant, url.Values{"scope": {"https://graph.microsoft.com/.default"}}, 200, "", 0},
		{"the scopes of MSAL", tenant, url.Values{"scope": {org + "/.default openid offline_access profile"}}, 200, "", 0},
		{"a wrong secret", tenant, url.Values{"client_secret": {"wrong"}}, 401, "invalid_client", 7000215},
		{"the secret's id", tenant, url.Values{"client_secret": {secretID}}, 401, "invalid_client", 7000215},
		{"an expired secret", tenant, url.Values{"client_secret": {"old"}}, 401, "invalid_client", 7000222},
		{"no credential", tenant, url.Values{"client_secret": nil}, 401, "invalid_client", 7000216},
		{"an empty secret", tenant, url.Values{"client_secret": {""}}, 401, "invalid_client", 7000216},
		{"an unknown app", tenant, url.Values{"client_id": {other}}, 400, "unauthorized_client", 700016},
		{"an app of another tenant", tenant, url.Values{"client_id": {"foreign"}}, 400, "unauthorized_client", 700016},
		{"a disabled app", tenant, url.Values{"client_id": {"disabled"}}, 400, "unauthorized_client", 7000112},
		{"an app that is not enabled", tenant, url.Values{"client_id": {"unsupported"}}, 400, "unauthorized_client", 70001},
		{"an app behind conditional access", tenant, url.Values{"client_id": {"blocked"}}, 400, "invalid_grant", 53003},
		{"an unknown tenant", "eeeeeeee-1111-4222-8333-444455556666", nil, 400, "invalid_tenant", 90002},
		{"an unknown domain", "nowhere.example", nil, 400, "invalid_tenant", 90002},
		{"a tenant that is none", "not a tenant", nil, 400, "invalid_request", 900023},
		{"an unknown resource", tenant, url.Values{"scope": {"https://other.crm4.dynamics.com/.default"}}, 400, "invalid_resource", 500011},
		{"OpenID alone", tenant, url.Values{"scope": {"openid profile"}}, 400, "invalid_scope", 70011},
		{"no scope", tenant, url.Values{"scope": nil}, 400, "invalid_scope", 70011},
		{"two scopes", tenant, url.Values{"scope": {"https://a/.default https://b/.default"}}, 400, "invalid_scope", 70011},
		{"a scope that is no URL", tenant, url.Values{"scope": {"org/.default"}}, 400, "invalid_scope", 70011},
		{"a scope of a user", tenant, url.Values{"scope": {org + "/user_impersonation"}}, 400, "invalid_scope", 1002012},
		{"no grant", tenant, url.Values{"grant_type": nil}, 400, "invalid_request", 900144},
		{"another grant", tenant, url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type", 70003},
		{"no client", tenant, url.Values{"client_id": nil}, 400, "invalid_request", 900144},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := s.send("POST", "/"+url.PathEscape(tt.tenant)+"/oauth2/v2.0/token", bySecret(tt.change))
			if a.status != tt.status || a.number() != tt.number {
				t.Fatalf("%d %s", a.status, a.text)
			}
			if a.header.Get("Cache-Control") != "no-store, no-cache" || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("headers %v", a.header)
			}
			if tt.number == 0 {
				if a.body["token_type"] != "Bearer" || a.body["expires_in"] != 3599.0 || a.body["ext_expires_in"] != 3599.0 || a.token() == "" {
					t.Errorf("got %v", a.body)
				}
				return
			}
			description, _ := a.body["error_description"].(string)
			if a.body["error"] != tt.word || !strings.HasPrefix(description, "AADSTS") || !strings.Contains(description, "\r\nTrace ID: ") || a.body["trace_id"] == nil {
				t.Errorf("got %s", a.text)
			}
			if strings.Contains(a.text, secret) {
				t.Error("the answer repeats the secret")
			}
		})
	}
	if a := s.send("GET", "/"+tenant+"/oauth2/v2.0/token", nil); a.number() != 900561 {
		t.Errorf("GET: %s", a.text)
	}
}

func TestAppsChangeWhileTheDirectoryRuns(t *testing.T) {
	s := sandbox(t)
	old := s.ask(nil).token()
	if !s.Change(tenant, strings.ToUpper(client), func(a *entra.App) { a.Secrets = []entra.Secret{{Value: "rotated"}} }) {
		t.Fatal("the app is unknown")
	}
	if s.Change(other, client, func(*entra.App) {}) {
		t.Error("the other tenant has the app")
	}
	if a := s.ask(nil); a.number() != 7000215 {
		t.Errorf("the old secret: %s", a.text)
	}
	a := s.ask(url.Values{"client_secret": {"rotated"}})
	for name, token := range map[string]string{"old": old, "new": a.token()} {
		if got, ok := s.Token(token); !ok || got.Tenant != tenant || got.ClientID != client || got.Resource != "org.crm4.dynamics.com" {
			t.Errorf("the %s token: %+v %v", name, got, ok)
		}
	}
	s.RevokeTokens(other)
	if _, ok := s.Token(old); !ok {
		t.Error("another app's tokens were revoked")
	}
	s.RevokeTokens(client)
	if _, ok := s.Token(old); ok {
		t.Error("a revoked token is valid")
	}
}

func TestTheOlderEndpointTakesAResourceAndAnswersInStrings(t *testing.T) { // 1.1
	s := sandbox(t)
	form := bySecret(url.Values{"scope": nil, "resource": {org + "/"}})
	a := s.send("POST", "/"+tenant+"/oauth2/token", form)
	if a.status != 200 || a.body["expires_in"] != "3599" || a.body["resource"] != org+"/" || a.body["expires_on"] == nil || a.body["not_before"] == nil {
		t.Errorf("%d %s", a.status, a.text)
	}
	if got, ok := s.Token(a.token()); !ok || got.Resource != "org.crm4.dynamics.com" {
		t.Errorf("%+v %v", got, ok)
	}
	form.Set("resource", "https://other.crm4.dynamics.com")
	if a := s.send("POST", "/"+tenant+"/oauth2/token", form); a.number() != 500011 {
		t.Errorf("another resource: %s", a.text)
	}
	if a := s.send("POST", "/"+tenant+"/oauth2/token", bySecret(nil)); a.number() != 900144 {
		t.Errorf("no resource: %s", a.text)
	}
}

func TestWhatIsUnconfirmedCanBeSwitched(t *testing.T) { // 1.1, 1.3
	s := sandbox(t, func(c *entra.Config) {
		c.TokenLifetime = 10 * time.Minute
		c.Assumptions = entra.Assumptions{OneLineTrailers: true, TextNumbers: true, Rows: map[int]entra.Row{7000216: {Status: 400, Error: "invalid_request"}}}
	})
	if a := s.ask(nil); a.body["expires_in"] != "600" {
		t.Errorf("expires_in: %s", a.text)
	}
	a := s.ask(url.Values{"client_secret": nil})
	if description, _ := a.body["error_description"].(string); a.status != 400 || a.body["error"] != "invalid_request" || !strings.Contains(description, ". Trace ID: ") || strings.Contains(description, "\r\n") {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestARefusalOnDemandIsAsTheTableHasIt(t *testing.T) { // 1.3
	d := entra.New(entra.Config{})
	for _, tt := range []struct {
		failure entra.Failure
		status  int
		want    string
	}{
		{entra.Failure{Number: 90055, RetryAfter: 1500 * time.Millisecond}, 429, `"error":"temporarily_unavailable"`},
		{entra.Failure{Number: 50033}, 503, `"error":"temporarily_unavailable"`},
		{entra.Failure{Number: 50196}, 400, "client request loop"},
		{entra.Failure{Number: 700016}, 400, "identifier '{0}' was not found"},
		{entra.Failure{Number: 1, Message: "Own text."}, 400, "AADSTS1: Own text."},
		{entra.Failure{Number: 90033, Status: 400, Error: "x"}, 400, `"error":"x"`},
	} {
		w := httptest.NewRecorder()
		d.Refuse(w, tt.failure)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || (w.Header().Get("Retry-After") == "2") != (tt.failure.RetryAfter > 0) {
			t.Errorf("%+v: %d %v %s", tt.failure, w.Code, w.Header(), w.Body)
		}
	}
}

func TestATokenEndsWithItsLifetime(t *testing.T) { // 1.2
	synctest.Test(t, func(t *testing.T) {
		d := entra.New(entra.Config{TokenLifetime: time.Minute})
		access := d.Issue(tenant, client, "org.crm4.dynamics.com")
		<-time.After(time.Minute - time.Second)
		if _, ok := d.Token(access); !ok {
			t.Error("it ended early")
		}
		<-time.After(time.Second)
		if _, ok := d.Token(access); ok {
			t.Error("it did not end")
		}
	})
}

func TestLibrariesFindTheirWayByTheDocuments(t *testing.T) {
	s := sandbox(t)
	instance := s.send("GET", "/common/discovery/instance?api-version=1.1&authorization_endpoint="+url.QueryEscape(s.url+"/contoso.example/oauth2/v2.0/authorize"), nil)
	configuration, _ := instance.body["tenant_discovery_endpoint"].(string)
	path, found := strings.CutPrefix(configuration, s.url)
	if !found {
		t.Fatal(instance.text)
	}
	a := s.send("GET", path, nil)
	if a.body["issuer"] != s.url+"/"+tenant+"/v2.0" {
		t.Errorf("%s", a.text)
	}
	for _, path := range []string{path, "/" + tenant + "/.well-known/openid-configuration"} {
		endpoint, _ := s.send("GET", path, nil).body["token_endpoint"].(string)
		if a := s.send("POST", strings.TrimPrefix(endpoint, s.url), bySecret(url.Values{"resource": {org}})); a.token() == "" {
			t.Errorf("%s: %s", endpoint, a.text)
		}
	}
	keys, _ := a.body["jwks_uri"].(string)
	if a := s.send("GET", strings.TrimPrefix(keys, s.url), nil); a.body["keys"] == nil {
		t.Errorf("%s", a.text)
	}
	if a := s.send("GET", "/nowhere.example/v2.0/.well-known/openid-configuration", nil); a.status != 400 || a.number() != 90002 {
		t.Errorf("an unknown tenant: %s", a.text)
	}
	if a := s.send("GET", "/common/discovery/instance?authorization_endpoint=https://login.example/common/oauth2/v2.0/authorize", nil); a.body["error"] != "invalid_instance" {
		t.Errorf("another host: %s", a.text)
	}
}

func TestAnAppLearnsFromGraphWhenItsCredentialsExpire(t *testing.T) {
	ends := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	certificate := certify(t, keys()[0], time.Now(), ends)
	s := sandbox(t, func(c *entra.Config) {
		c.Apps[0].Secrets[0].Expires = ends
		c.Apps[0].Certificates = []entra.Certificate{{X509: certificate.x509}}
		c.Apps[0].ReadsItself = true
	})
	path := "/v1.0/applications(appId='" + client + "')?$select=appId,displayName,passwordCredentials,keyCredentials"
	token := s.ask(url.Values{"scope": {"https://graph.microsoft.com/.default"}}).token()
	a := s.send("GET", path, nil, "Authorization: Bearer "+token)
	passwords, _ := a.body["passwordCredentials"].([]any)
	certificates, _ := a.body["keyCredentials"].([]any)
	if a.status != 200 || a.body["appId"] != client || a.body["displayName"] != "Penstock" || a.body["id"] != nil || len(passwords) != 1 || len(certificates) != 1 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	for _, c := range []any{passwords[0], certificates[0]} {
		if c, _ := c.(map[string]any); c["endDateTime"] != ends.Format(time.RFC3339) {
			t.Errorf("%v", c)
		}
	}
	if p, _ := passwords[0].(map[string]any); p["keyId"] != secretID || p["secretText"] != nil || p["hint"] != secret[:3] {
		t.Errorf("%v", p)
	}
	for _, tt := range []struct {
		name, path, token string
		status            int
		code              string
	}{
		{"no token", path, "", 401, "InvalidAuthenticationToken"},
		{"garbage", path, "garbage", 401, "InvalidAuthenticationToken"},
		{"a token for Dataverse", path, s.ask(nil).token(), 401, "InvalidAuthenticationToken"},
		{"another app", strings.Replace(path, client, other, 1), token, 403, "Authorization_RequestDenied"},
		{"another path", "/v1.0/users", token, 400, "BadRequest"},
	} {
		a := s.send("GET", tt.path, nil, "Authorization: Bearer "+tt.token)
		if e, _ := a.body["error"].(map[string]any); a.status != tt.status || e["code"] != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.status, a.text)
		}
	}
	s.Change(tenant, client, func(a *entra.App) { a.ReadsItself = false })
	if a := s.send("GET", path, nil, "Authorization: Bearer "+token); a.status != http.StatusForbidden {
		t.Errorf("without the permission: %d %s", a.status, a.text)
	}
}
