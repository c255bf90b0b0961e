package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

func TestTokenEndpoint(t *testing.T) { // 1.3
	const expired, foreign = "44444444-4444-4444-4444-444444444444", "55555555-5555-5555-5555-555555555555"
	e := start(t, emulator.Config{Apps: []emulator.App{
		{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret},
		{ClientID: expired, Secret: "old", SecretExpired: true},
		{ClientID: foreign, Secret: "x", Tenant: "66666666-6666-6666-6666-666666666666"},
	}})
	for _, c := range []struct {
		name, tenant string
		change       url.Values
		status       int
		word         string
		number       float64
	}{
		{"the right secret is issued a token", emulator.SandboxTenant, nil, 200, "", 0},
		{"a wrong secret", emulator.SandboxTenant, url.Values{"client_secret": {"wrong"}}, 401, "invalid_client", 7000215},
		{"an expired secret", emulator.SandboxTenant, url.Values{"client_id": {expired}, "client_secret": {"old"}}, 401, "invalid_client", 7000222},
		{"no secret", emulator.SandboxTenant, url.Values{"client_secret": {""}}, 401, "invalid_client", 7000216},
		{"an unknown app", emulator.SandboxTenant, url.Values{"client_id": {"99999999-9999-9999-9999-999999999999"}}, 400, "unauthorized_client", 700016},
		{"an app of another tenant", emulator.SandboxTenant, url.Values{"client_id": {foreign}, "client_secret": {"x"}}, 400, "unauthorized_client", 700016},
		{"an unknown tenant", "77777777-7777-7777-7777-777777777777", nil, 400, "invalid_tenant", 90002},
		{"a tenant that is none", "not a tenant", nil, 400, "invalid_request", 900023},
		{"a scope without .default", emulator.SandboxTenant, url.Values{"scope": {"https://org.crm4.dynamics.com/user_impersonation"}}, 400, "invalid_scope", 1002012},
		{"two scopes", emulator.SandboxTenant, url.Values{"scope": {"https://a/.default https://b/.default"}}, 400, "invalid_scope", 70011},
		{"no scope", emulator.SandboxTenant, url.Values{"scope": {""}}, 400, "invalid_scope", 70011},
	} {
		t.Run(c.name, func(t *testing.T) {
			form := url.Values{
				"grant_type": {"client_credentials"}, "client_id": {emulator.SandboxClient}, "client_secret": {emulator.SandboxSecret}, "scope": {e.url + "/.default"},
			}
			for k, v := range c.change {
				form[k] = v
			}
			status, body := e.requestToken(c.tenant, form)
			if status != c.status {
				t.Fatalf("status %d, %v", status, body)
			}
			if c.status == 200 {
				if body["expires_in"] != float64(3599) || body["token_type"] != "Bearer" || body["access_token"] == "" {
					t.Errorf("got %v", body)
				}
				return
			}
			numbers, _ := body["error_codes"].([]any)
			if body["error"] != c.word || len(numbers) != 1 || numbers[0] != c.number {
				t.Errorf("got %v %v", body["error"], numbers)
			}
			description, _ := body["error_description"].(string)
			if !strings.HasPrefix(description, "AADSTS") || !strings.Contains(description, "\r\nTrace ID: ") {
				t.Errorf("description %q", description)
			}
		})
	}
}

func TestAScopeForAnotherHostIsAnUnknownResource(t *testing.T) { // 1.3
	e := start(t, emulator.Config{Hosts: []string{"org.crm4.dynamics.com"}})
	if e.token != "" {
		t.Error("a token was issued for a host that is not the environment's")
	}
	_, body := e.requestToken(emulator.SandboxTenant, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {emulator.SandboxClient}, "client_secret": {emulator.SandboxSecret}, "scope": {"https://other.crm4.dynamics.com/.default"},
	})
	if body["error"] != "invalid_resource" {
		t.Errorf("got %v", body)
	}
}

func TestWithoutAValidTokenTheChallengeNamesAuthorityAndResource(t *testing.T) { // 1.4
	e := start(t, emulator.Config{})
	other := start(t, emulator.Config{})
	for name, authorization := range map[string]string{"no token": "", "garbage": "Bearer garbage", "another environment's": "Bearer " + other.token} {
		t.Run(name, func(t *testing.T) {
			a := e.do("GET", "WhoAmI", "", "Authorization: "+authorization)
			want := "Bearer authorization_uri=" + e.url + "/" + emulator.SandboxTenant + "/oauth2/authorize, resource_id=" + e.url + "/"
			if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != want || a.body != "" {
				t.Errorf("%d %q %q", a.status, a.header.Get("WWW-Authenticate"), a.body)
			}
		})
	}
	e.RevokeTokens()
	if a := e.do("GET", "WhoAmI", ""); a.status != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d", a.status)
	}
}

func TestOnlyTokensOfTheEnvironmentsOwnDirectoryAreOfUse(t *testing.T) { // 1.4
	const elsewhere = "66666666-6666-6666-6666-666666666666"
	e := start(t, emulator.Config{Directory: entra.Config{Apps: []entra.App{
		{Tenant: elsewhere, ClientID: emulator.SandboxClient, Secrets: []entra.Secret{{Value: "x"}}},
		{Tenant: emulator.SandboxTenant, ClientID: elsewhere, Secrets: []entra.Secret{{Value: "y"}}},
	}}})
	form := func(client, secret string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {e.url + "/.default"}}
	}
	_, foreign := e.requestToken(elsewhere, form(emulator.SandboxClient, "x"))
	if a := e.do("GET", "WhoAmI", "", fmt.Sprint("Authorization: Bearer ", foreign["access_token"])); a.status != http.StatusUnauthorized {
		t.Errorf("another tenant's token: %d %s", a.status, a.body)
	}
	_, unknown := e.requestToken(emulator.SandboxTenant, form(elsewhere, "y"))
	if a := e.do("GET", "WhoAmI", "", fmt.Sprint("Authorization: Bearer ", unknown["access_token"])); a.status != http.StatusForbidden || a.code() != "0x80072560" {
		t.Errorf("an app without application user: %d %s", a.status, a.body)
	}
}

func TestTheChallengeNamesTheConfiguredAuthority(t *testing.T) { // 1.5
	e := start(t, emulator.Config{Authority: "https://login.microsoftonline.us"})
	a := e.do("GET", "WhoAmI", "", "Authorization: ")
	if want := "Bearer authorization_uri=https://login.microsoftonline.us/" + emulator.SandboxTenant + "/"; !strings.HasPrefix(a.header.Get("WWW-Authenticate"), want) {
		t.Errorf("%v", a.header)
	}
}

func TestCredentialsChangeWhileTheServerRuns(t *testing.T) { // 1.3
	e := start(t, emulator.Config{})
	e.SetSecret(emulator.SandboxClient, "rotated", false)
	if e.signIn(emulator.SandboxClient, emulator.SandboxSecret) != "" || e.signIn(emulator.SandboxClient, "rotated") == "" {
		t.Error("the secret was not replaced")
	}
	if a := e.do("GET", "WhoAmI", ""); a.status != http.StatusOK {
		t.Errorf("a token from before: %d", a.status) // trap 36
	}
	e.Directory().Change(emulator.SandboxTenant, emulator.SandboxClient, func(a *entra.App) { a.State = entra.AppDisabled })
	if e.signIn(emulator.SandboxClient, "rotated") != "" {
		t.Error("a disabled app was issued a token")
	}
	if e.SetSecret("99999999-9999-9999-9999-999999999999", "x", false) {
		t.Error("an unknown app has a secret")
	}
}

func TestATokenExpires(t *testing.T) { // 1.2
	synctest.Test(t, func(t *testing.T) {
		s := emulator.New(emulator.Config{TokenLifetime: time.Minute})
		ask := sandboxCaller(t, s)
		status := func() int { return ask("GET", "/api/data/v9.2/WhoAmI", "") }
		if got := status(); got != 200 {
			t.Errorf("fresh: %d", got)
		}
		<-time.After(time.Minute + time.Second)
		if got := status(); got != 401 {
			t.Errorf("expired: %d", got)
		}
	})
}

func TestWhoAmI(t *testing.T) { // 6.5
	e := start(t, emulator.Config{})
	for _, path := range []string{"WhoAmI", "WhoAmI()"} {
		if got := e.do("GET", path, "").object(t); got["OrganizationId"] != emulator.SandboxOrganization || got["UserId"] == nil {
			t.Errorf("%s: %v", path, got)
		}
	}
	got := e.do("GET", "RetrieveCurrentOrganization(AccessType=@p)?@p=Microsoft.Dynamics.CRM.EndpointAccessType'Default'", "").object(t)
	detail, _ := got["Detail"].(map[string]any)
	endpoints, _ := detail["Endpoints"].(map[string]any)
	keys, _ := endpoints["Keys"].([]any)
	values, _ := endpoints["Values"].([]any)
	if detail["OrganizationId"] != emulator.SandboxOrganization || detail["FriendlyName"] != "Sandbox" || detail["TenantId"] != emulator.SandboxTenant || len(keys) != len(values) ||
		keys[0] != "WebApplication" || values[0] != e.url+"/" {
		t.Errorf("got %v", got)
	}
	for _, name := range []string{"OrganizationVersion", "EnvironmentId", "DatacenterId", "Geo", "UrlName", "UniqueName", "State"} {
		if v, _ := detail[name].(string); v == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestUserStates(t *testing.T) { // 1.4
	e := start(t, emulator.Config{})
	for state, code := range map[emulator.UserState]string{
		emulator.UserMissing: "0x80072560", emulator.UserDisabled: "0x80040225", emulator.UserNoRoles: "0x80042f09", emulator.UserRestricted: "0x80095ffc",
		emulator.UserUnlicensed: "0x8004d24b",
	} {
		if !e.SetUserState(emulator.SandboxClient, state) {
			t.Fatal("the sandbox app is unknown")
		}
		if a := e.do("GET", "WhoAmI", ""); a.status != http.StatusForbidden || a.code() != code {
			t.Errorf("%v: %d %s", state, a.status, a.body)
		}
	}
	e.SetUserState(emulator.SandboxClient, emulator.UserEnabled)
	if a := e.do("GET", "WhoAmI", ""); a.status != http.StatusOK {
		t.Errorf("enabled again: %d", a.status)
	}
}

func TestAUserWithoutARoleIsNotLetIn(t *testing.T) { // 1.4
	e := start(t, office())
	me := e.as(clerk, "clerk")
	if a := me.do("GET", "WhoAmI", ""); a.status != http.StatusForbidden || a.code() != "0x80042f09" || !strings.Contains(a.message(), "The user with id "+e.user("# "+clerk)+" has not been assigned any roles.") {
		t.Errorf("no role: %d %s", a.status, a.body)
	}
	if err := e.AssignRole(clerk, "Owner"); err != nil {
		t.Fatal(err)
	}
	me.must("GET", "WhoAmI", "")
	if err := e.RemoveRole(clerk, "Owner"); err != nil {
		t.Fatal(err)
	}
	if a := me.do("GET", "WhoAmI", ""); a.code() != "0x80042f09" {
		t.Errorf("taken again: %d %s", a.status, a.body)
	}
}

func TestOrganizationStates(t *testing.T) { // 1.4
	for _, notFound := range []bool{false, true} {
		c := office(security.Role{Name: "Clerk", All: security.Global})
		c.State, c.Assumptions.DisabledAsNotFound = emulator.OrganizationAdministration, notFound
		e := start(t, c)
		me := e.as(clerk, "clerk")
		e.must("GET", "WhoAmI", "") // a system administrator
		if a := me.do("GET", "WhoAmI", ""); a.status != http.StatusForbidden || a.code() != "0x8004a113" {
			t.Errorf("administration mode: %d %s", a.status, a.body)
		}
		e.SetOrganizationState(emulator.OrganizationDisabled)
		want := http.StatusForbidden
		if notFound {
			want = http.StatusNotFound
		}
		if a := e.do("GET", "WhoAmI", ""); a.status != want || a.code() != "0x8004a104" {
			t.Errorf("disabled: %d %s", a.status, a.body)
		}
		e.SetOrganizationState(emulator.OrganizationEnabled)
		me.must("GET", "WhoAmI", "")
	}
}

func TestStatesAreText(t *testing.T) {
	for s := emulator.UserEnabled; s <= emulator.UserUnlicensed; s++ {
		text, _ := s.MarshalText()
		var back emulator.UserState
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("%s: %v", text, err)
		}
	}
	for s := emulator.OrganizationEnabled; s <= emulator.OrganizationDisabled; s++ {
		text, _ := s.MarshalText()
		var back emulator.OrganizationState
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("%s: %v", text, err)
		}
	}
	var user emulator.UserState
	var organization emulator.OrganizationState
	if user.UnmarshalText([]byte("gone")) == nil || organization.UnmarshalText([]byte("gone")) == nil {
		t.Error("a word that is no state was read")
	}
}

func TestAChangeOfPrivilegesIsSeenAfterTheDelay(t *testing.T) { // 1.4
	synctest.Test(t, func(t *testing.T) {
		s := emulator.New(emulator.Config{PrivilegeDelay: 30 * time.Second})
		ask := sandboxCaller(t, s)
		s.Revoke(emulator.SandboxClient, "prvReadContact")
		if got, strong := ask("GET", "/api/data/v9.2/contacts", ""), ask("GET", "/api/data/v9.2/contacts", "Strong"); got != 200 || strong != 403 {
			t.Errorf("at once %d, with strong consistency %d", got, strong)
		}
		<-time.After(30 * time.Second)
		if got := ask("GET", "/api/data/v9.2/contacts", ""); got != 403 {
			t.Errorf("after the delay %d", got)
		}
	})
}

// sandboxCaller signs the sandbox app in, without a socket, and returns a function that sends a request and returns the status.
func sandboxCaller(t *testing.T, s *emulator.Server) func(method, path, consistency string) int {
	t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {emulator.SandboxClient}, "client_secret": {emulator.SandboxSecret}, "scope": {"http://example.com/.default"},
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/"+emulator.SandboxTenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	_, token, _ := strings.Cut(w.Body.String(), `"access_token":"`)
	token, _, _ = strings.Cut(token, `"`)
	return func(method, path, consistency string) int {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if consistency != "" {
			r.Header.Set("Consistency", consistency)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
}

func TestAMissingPrivilegeIsNamed(t *testing.T) { // 1.4
	e := start(t, emulator.Config{})
	e.must("PATCH", "contacts(externaluseridentifier='C-1')", `{"lastname":"Lovelace"}`)
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha"}`)
	for _, c := range []struct{ privilege, table, method, path, body string }{
		{"prvWriteContact", "contact", "PATCH", "contacts(externaluseridentifier='C-1')", `{"lastname":"King"}`},
		{"prvCreateContact", "contact", "PATCH", "contacts(externaluseridentifier='C-2')", `{"lastname":"King"}`},
		{"prvCreateContact", "contact", "POST", "contacts", `{"lastname":"King"}`},
		{"prvReadContact", "contact", "PATCH", "contacts(externaluseridentifier='C-1')", `{"lastname":"King"}`},
		{"prvReadContact", "contact", "GET", "contacts", ``},
		{"prvDeleteContact", "contact", "DELETE", "contacts(externaluseridentifier='C-1')", ``},
		{"prvAppendContact", "contact", "PATCH", "contacts(externaluseridentifier='C-1')", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`},
		{"prvAppendToAccount", "account", "PATCH", "contacts(externaluseridentifier='C-1')", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`},
		{"prvWritenew_Membership", "new_membership", "PATCH", "new_memberships(new_code='x')", `{"new_name":"again"}`},
	} {
		t.Run(c.privilege+" for "+c.method, func(t *testing.T) {
			if c.table == "new_membership" {
				e.must(c.method, c.path, c.body)
			}
			e.Revoke(emulator.SandboxClient, c.privilege)
			defer e.Grant(emulator.SandboxClient, c.privilege)
			a := e.do(c.method, c.path, c.body)
			if a.status != http.StatusForbidden || a.code() != "0x80040220" || !strings.Contains(a.message(), "is missing "+c.privilege+" privilege (Id=") ||
				!strings.Contains(a.message(), "for entity '"+c.table+"' (LocalizedName=") {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	if a := e.do("PATCH", "contacts(externaluseridentifier='C-1')", `{"lastname":"King"}`); a.status != http.StatusNoContent {
		t.Errorf("granted again: %d %s", a.status, a.body)
	}
}

func TestAnnotationsNameTheError(t *testing.T) { // 8.1
	e := start(t, emulator.Config{})
	e.Revoke(emulator.SandboxClient, "prvReadContact")
	a := e.do("GET", "contacts", "", `Prefer: odata.include-annotations="*"`)
	if !strings.Contains(a.body, `"@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionMessageName":"PrivilegeDenied"`) {
		t.Errorf("got %s", a.body)
	}
}
