package dataversetest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// tokenCases are sections 1.1 to 1.3: what Entra answers. Descriptions are held against what operators search for in them.
func tokenCases() []testCase {
	cases := []testCase{
		{"1.2", "the right secret is given a Bearer token", nil, func(s *session) {
			a := s.requestToken(s.run.Tenant, s.signIn(s.run.Users[0])).is(200)
			a.holds("token_type", "Bearer").hasText("access_token")
			if seconds := fmt.Sprint(a.at("expires_in")); seconds == "0" || strings.Trim(seconds, "0123456789") != "" {
				a.errorf("expires_in should be a number of seconds")
			}
		}},
		{"1.2", "there is no refresh token for client credentials", nil, func(s *session) {
			s.requestToken(s.run.Tenant, s.signIn(s.run.Users[0])).is(200).hasNot("refresh_token", "id_token")
		}},
		{"1.2", "a token is JSON that nobody may store", nil, func(s *session) {
			s.requestToken(s.run.Tenant, s.signIn(s.run.Users[0])).is(200).headerMatches("Content-Type", `^application/json(;|$)`).
				headerMatches("Cache-Control", `no-store`).headed("Pragma", "no-cache")
		}},
		{"1.2", "a token opens the Web API", nil, func(s *session) {
			token := s.requestToken(s.run.Tenant, s.signIn(s.run.Users[0])).is(200).text("access_token")
			s.get("WhoAmI", "Authorization: Bearer "+token).is(200)
		}},
		{"1.1", "the directory can be named by its verified domain", []need{variants}, func(s *session) {
			s = s.variant(Variant{Domain: "contoso.onmicrosoft.com"})
			s.requestToken("contoso.onmicrosoft.com", s.signIn(s.run.Users[0])).is(200).hasText("access_token")
		}},
		{"1.3", "an error has the shape that Entra gives to all of them", nil, func(s *session) {
			form := s.signIn(s.run.Users[0])
			form.Set("client_secret", "wrong")
			a := s.requestToken(s.run.Tenant, form).headerMatches("Content-Type", `^application/json(;|$)`)
			a.hasText("error", "error_description", "timestamp", "trace_id", "correlation_id").has("error_codes/0").hasNot("access_token")
			for _, trailer := range []string{"Trace ID: ", "Correlation ID: ", "Timestamp: "} {
				if !strings.Contains(a.text("error_description"), trailer) {
					a.errorf("the description should hold %q", trailer)
				}
			}
		}},
		{"1.3", "the text about a wrong secret names the app", nil, func(s *session) {
			form := s.signIn(s.run.Users[0])
			form.Set("client_secret", newGUID()) // the secret's id in place of its value
			describes(s.requestToken(s.run.Tenant, form).is(401), s.run.Users[0].ClientID)
		}},
		{"1.3", "the text about an unknown app names the app", nil, func(s *session) {
			id := newGUID()
			describes(s.requestToken(s.run.Tenant, s.signIn(Credentials{id, "x"})).is(400), "'"+id+"' was not found in the directory '")
		}},
		{"1.3", "an expired secret is AADSTS7000222", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{State: SecretExpired}}})
			a := s.requestToken(s.run.Tenant, s.signIn(s.run.Users[0])).is(401).holds("error", "invalid_client").holds("error_codes/0", 7000222)
			describes(a, "expired", s.run.Users[0].ClientID, "https://aka.ms/NewClientSecret")
		}},
		{"1.3", "a disabled app is AADSTS7000112", []need{variants, guesses}, func(s *session) {
			s = s.variant(Variant{Users: []User{{State: AppDisabled}}})
			s.requestToken(s.run.Tenant, s.signIn(s.run.Users[0])).is(400, 401).holds("error", "unauthorized_client").holds("error_codes/0", 7000112)
		}},
		{"1.3", "an assertion that no registered certificate signed is AADSTS700027", []need{guesses}, func(s *session) {
			form := s.signIn(s.run.Users[0])
			form.Del("client_secret")
			form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			form.Set("client_assertion", assertion(s))
			a := s.requestToken(s.run.Tenant, form).is(401).holds("error", "invalid_client")
			if n := a.at("error_codes/0"); n != float64(700027) && n != float64(7000214) {
				a.errorf("the number should be 700027 or 7000214")
			}
		}},
		{"1.1", "the first version of the endpoint answers with numbers as texts", []need{guesses}, func(s *session) {
			form := s.signIn(s.run.Users[0])
			form.Del("scope")
			form.Set("resource", s.run.URL)
			s.send("POST", s.run.Login+"/"+s.run.Tenant+"/oauth2/token", form.Encode(), "Authorization:", "Content-Type: application/x-www-form-urlencoded").
				is(200).hasText("access_token", "expires_in", "expires_on", "not_before", "resource")
		}},
	}
	for _, c := range []struct {
		fact, tenant string // {tenant} when empty
		change       url.Values
		status       int
		word         string
		numbers      []float64
		needs        []need
	}{
		{"a wrong secret is AADSTS7000215", "", url.Values{"client_secret": {"wrong"}}, 401, "invalid_client", []float64{7000215}, nil},
		{
			"a secret's id in place of its value is AADSTS7000215", "",
			url.Values{"client_secret": {newGUID()}},
			401, "invalid_client",
			[]float64{7000215},
			nil,
		},
		{"neither secret nor assertion is AADSTS7000216 or 7000218", "", url.Values{"client_secret": nil}, 401, "invalid_client", []float64{7000216, 7000218}, nil},
		{"an unknown app is AADSTS700016", "", url.Values{"client_id": {newGUID()}}, 400, "unauthorized_client", []float64{700016}, nil},
		{"an unknown directory is AADSTS90002", newGUID(), nil, 400, "invalid_tenant|invalid_request", []float64{90002}, nil},
		{"a directory that is neither GUID nor domain is AADSTS900023", "not%20a%20tenant", nil, 400, "invalid_request", []float64{900023}, nil},
		{
			"a host that is no environment of the directory is AADSTS500011", "",
			url.Values{"scope": {"https://penstock-no-such-organisation.crm4.dynamics.com/.default"}},
			400, "invalid_resource",
			[]float64{500011},
			nil,
		},
		{"a scope without .default is invalid", "", url.Values{"scope": {"{url}/user_impersonation"}}, 400, "invalid_scope", []float64{70011, 1002012}, nil},
		{
			"a scope of two resources is AADSTS70011", "",
			url.Values{"scope": {"{url}/.default https://graph.microsoft.com/.default"}},
			400, "invalid_scope",
			[]float64{70011},
			nil,
		},
		{
			"a scope for client credentials that does not end in .default is AADSTS1002012", "",
			url.Values{"scope": {"{url}/user_impersonation"}},
			400, "invalid_scope",
			[]float64{1002012},
			[]need{guesses},
		},
	} {
		cases = append(cases, testCase{"1.3", c.fact, c.needs, func(s *session) {
			form := s.signIn(s.run.Users[0])
			for name, values := range c.change {
				form.Del(name)
				for _, v := range values {
					form.Add(name, strings.ReplaceAll(v, "{url}", s.run.URL))
				}
			}
			tenant := c.tenant
			if tenant == "" {
				tenant = s.run.Tenant
			}
			a := s.requestToken(tenant, form)
			if c.numbers[0] == 7000216 {
				a.is(401, 400) // both were seen
			} else {
				a.is(c.status)
			}
			if !strings.Contains("|"+c.word+"|", "|"+a.text("error")+"|") {
				a.errorf("error should be %s", c.word)
			}
			number, ok := a.at("error_codes/0").(float64)
			if !ok || number != c.numbers[0] && number != c.numbers[len(c.numbers)-1] {
				a.errorf("error_codes should be one of %v", c.numbers)
			}
			if prefix := fmt.Sprintf("AADSTS%.0f: ", number); !strings.HasPrefix(a.text("error_description"), prefix) {
				a.errorf("the description should begin with %q", prefix)
			}
		}})
	}
	return cases
}

// assertion is a client assertion in good form (section 1.1), of a certificate that nobody registered.
func assertion(s *session) string {
	now, user := time.Now().Unix(), s.run.Users[0].ClientID
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"aud":"%s/%s/oauth2/v2.0/token","iss":"%s","sub":"%s","jti":"%s","nbf":%d,"exp":%d}`,
		s.run.Login, s.run.Tenant, user, user, newGUID(), now, now+600)
	return encode([]byte(`{"alg":"RS256","typ":"JWT","x5t":"`+encode(make([]byte, 20))+`"}`)) + "." + encode([]byte(claims)) + "." + encode(make([]byte, 256))
}

// describes asserts that the description of a token error holds texts.
func describes(a *answer, texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.text("error_description"), text) {
			a.errorf("the description should hold %q", text)
		}
	}
}
