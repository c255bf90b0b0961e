package dataversetest

import (
	"regexp"
	"strings"
)

// challengeCases are section 1.4 as far as nobody is known yet: the 401.
func challengeCases() []testCase {
	return []testCase{
		{"1.4", "without a token the answer is 401 with a challenge", nil, func(s *session) {
			s.send("GET", "WhoAmI", "", "Authorization:").is(401).headerMatches("WWW-Authenticate", `^Bearer `)
		}},
		{"1.4", "the challenge names authority and directory, without quotes", nil, func(s *session) {
			challenged(s.send("GET", "WhoAmI", "", "Authorization:").is(401))
		}},
		{"1.4", "the challenge names the resource with a slash at its end", nil, func(s *session) {
			a := s.send("GET", "WhoAmI", "", "Authorization:").is(401)
			if !regexp.MustCompile(`[ ,]resource_id=` + regexp.QuoteMeta(s.run.URL) + `/($|,)`).MatchString(a.header.Get("WWW-Authenticate")) {
				a.errorf("the challenge is %q", a.header.Get("WWW-Authenticate"))
			}
		}},
		{"1.4", "the directory of the challenge is the environment's", nil, func(s *session) {
			a := s.send("GET", "WhoAmI", "", "Authorization:").is(401)
			if !strings.Contains(a.header.Get("WWW-Authenticate"), "/"+s.run.Tenant+"/") {
				a.errorf("the challenge is %q", a.header.Get("WWW-Authenticate"))
			}
		}},
		{"1.4", "a token that was never issued is 401 with the same challenge", nil, func(s *session) {
			challenged(s.send("GET", "WhoAmI", "", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.").is(401))
		}},
		{"1.4", "a scheme other than Bearer is 401 with the same challenge", nil, func(s *session) {
			challenged(s.send("GET", "WhoAmI", "", "Authorization: Basic dXNlcjpwYXNz").is(401))
		}},
		{"1.4", "a token for another resource is 401", nil, func(s *session) {
			form := s.signIn(s.run.Users[0])
			form.Set("scope", "https://graph.microsoft.com/.default")
			token := s.requestToken(s.run.Tenant, form).is(200).text("access_token")
			challenged(s.send("GET", "WhoAmI", "", "Authorization: Bearer "+token).is(401))
		}},
		{"1.4", "a write without a token is 401 and writes nothing", nil, func(s *session) {
			s.send("PATCH", "accounts({id})", `{"name":"{mark}"}`, "Authorization:").is(401)
			s.absent("accounts({id})")
		}},
		{"3.3", "a batch with a bad token is 401 as a whole", nil, func(s *session) {
			a, parts := s.batch(frame(op("GET", "WhoAmI", "")), "Authorization: Bearer nonsense")
			challenged(a.is(401))
			if parts != nil {
				a.errorf("there should be no parts")
			}
		}},
	}
}

func challenged(a *answer) {
	a.t.Helper()
	challenge := a.header.Get("WWW-Authenticate")
	if !strings.HasPrefix(challenge, "Bearer ") || !regexp.MustCompile(`[ ,]authorization_uri=https?://[^",]+/`+guid+`/oauth2/authorize($|,)`).MatchString(challenge) {
		a.errorf("the challenge is %q", challenge)
	}
}

// userCases are section 1.4 for those whom Entra knows and Dataverse does not let in.
func userCases() []testCase {
	var cases []testCase
	for _, c := range []struct {
		fact  string
		v     Variant
		code  string
		texts []string
	}{
		{
			"whoever is no user of the organisation",
			Variant{Users: []User{{State: Missing}}},
			"0x80072560",
			[]string{"The user is not a member of the organization."},
		},
		{"a disabled user", Variant{Users: []User{{State: Disabled}}}, "0x80040225", []string{"is disabled"}},
		{
			"a user without a security role",
			Variant{Users: []User{{State: WithoutRoles}}},
			"0x80042f09",
			[]string{"The user with id ", " has not been assigned any roles. They need a role with the prvReadUser privilege."},
		},
		{"a user without a licence", Variant{Users: []User{{State: WithoutLicence}}}, "0x8004d24b", nil},
		{
			"an app that the tenant's policy restricts",
			Variant{Users: []User{{State: Restricted}}},
			"0x80095ffc",
			[]string{"Access to Dataverse API is restricted for this application Id : '"},
		},
		{"anyone but administrators in administration mode", Variant{Organization: Administration}, "0x8004a113", nil},
	} {
		cases = append(cases,
			testCase{"1.4", c.fact + " is refused by WhoAmI", []need{variants}, func(s *session) {
				s.variant(c.v).send("GET", "WhoAmI", "").refused(403, c.code, c.texts...)
			}},
			testCase{"1.4", c.fact + " is refused a batch as a whole", []need{variants}, func(s *session) {
				a, parts := s.variant(c.v).batch(frame(op("PATCH", "accounts({id})", `{"name":"{mark}"}`)), continueOnError)
				a.refused(403, c.code, c.texts...).headerMatches("Content-Type", "^application/json")
				if parts != nil {
					a.errorf("there should be no parts")
				}
			}})
	}
	return append(cases,
		testCase{"1.4", "a disabled organisation is refused", []need{variants, guesses}, func(s *session) {
			s.variant(Variant{Organization: Closed}).send("GET", "WhoAmI", "").is(403, 404).coded("0x8004a104")
		}},
		testCase{"1.4", "a token is still issued to a user whom the environment does not let in", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{State: Missing}}})
			s.requestToken(s.run.Tenant, s.signIn(s.run.Users[0])).is(200).hasText("access_token")
		}})
}
