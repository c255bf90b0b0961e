package dataversetest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A session is one case's conversation with the environment. In URLs, bodies and headers these words stand for something:
//
//	{mark}          begins a text column of every row that the case makes; belongs to the case alone
//	{id} {id2} {id3} GUIDs that no row has yet
//	{n}             a whole number that no other case has, below 1,000,000
//	{org}           https://contoso.crm4.dynamics.com
//	{path} {root}   /api/data/v9.2/ and the same with {org} before it
type session struct {
	*testing.T
	run   *run
	user  int // index of Environment.Users
	words []string
}

func (r *run) session(t *testing.T) *session {
	r.cases++
	s := &session{T: t, run: r}
	s.let("mark", fmt.Sprintf("%s%04d", r.mark, r.cases))
	s.let("n", strconv.Itoa(100000+r.cases))
	for _, name := range []string{"id", "id2", "id3"} {
		s.let(name, newGUID())
	}
	s.let("org", r.URL)
	s.let("path", "/api/data/v9.2/")
	s.let("root", r.URL+"/api/data/v9.2/")
	return s
}

func newGUID() string {
	h := randomHex(16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// variant returns a session at another environment.
func (s *session) variant(v Variant) *session {
	s.Helper()
	e, err := s.run.Variant(s.T, v).withDefaults()
	if err != nil {
		s.Fatal(err)
	}
	return (&run{Environment: e, http: s.run.http, mark: s.run.mark, offers: s.run.offers}).session(s.T)
}

// as returns the session of another user in the same environment, with the same words.
func (s *session) as(user int) *session {
	return &session{T: s.T, run: s.run, user: user, words: s.words}
}

// let gives a word its meaning.
func (s *session) let(word, meaning string) { s.words = append(s.words, "{"+word+"}", meaning) }

func (s *session) say(text string) string { return strings.NewReplacer(s.words...).Replace(text) }

// authorization returns the value of the header of that name. The token is asked for once.
func (s *session) authorization() string {
	s.Helper()
	user := s.run.Users[s.user]
	if token := s.run.tokens[user.ClientID]; token != "" {
		return "Bearer " + token
	}
	token, _ := s.requestToken(s.run.Tenant, s.signIn(user)).status200().at("access_token").(string)
	if s.run.tokens == nil {
		s.run.tokens = map[string]string{}
	}
	s.run.tokens[user.ClientID] = token
	return "Bearer " + token
}

func (a *answer) status200() *answer { return a.is(http.StatusOK) }

// signIn is the form of section 1.1.
func (s *session) signIn(as Credentials) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {as.ClientID}, "client_secret": {as.Secret}, "scope": {s.run.URL + "/.default"},
	}
}

func (s *session) requestToken(tenant string, form url.Values) *answer {
	s.Helper()
	return s.send("POST", s.run.Login+"/"+tenant+"/oauth2/v2.0/token", form.Encode(), "Authorization:",
		"Content-Type: application/x-www-form-urlencoded")
}

func (s *session) get(path string, headers ...string) *answer {
	s.Helper()
	return s.do("GET", path, "", headers...)
}

func (s *session) post(path, body string, headers ...string) *answer {
	s.Helper()
	return s.do("POST", path, body, headers...)
}

func (s *session) patch(path, body string, headers ...string) *answer {
	s.Helper()
	return s.do("PATCH", path, body, headers...)
}

func (s *session) put(path, body string, headers ...string) *answer {
	s.Helper()
	return s.do("PUT", path, body, headers...)
}

func (s *session) remove(path string, headers ...string) *answer {
	s.Helper()
	return s.do("DELETE", path, "", headers...)
}

// do sends a request; a throttled one again, when its time has come. Section 5 uses send.
func (s *session) do(method, path, body string, headers ...string) *answer {
	s.Helper()
	for range 5 {
		a := s.send(method, path, body, headers...)
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != http.StatusTooManyRequests || err != nil {
			return a
		}
		s.Logf("throttled for %d s: %s", seconds, a.body)
		select {
		case <-s.Context().Done():
		case <-time.After(time.Duration(seconds) * time.Second):
		}
	}
	return s.send(method, path, body, headers...)
}

// send sends a request as the user of the session. A header is "Name: value"; "Name:" takes a default away.
func (s *session) send(method, path, body string, headers ...string) *answer {
	s.Helper()
	target := s.say(path)
	switch {
	case strings.HasPrefix(target, "/"):
		target = s.run.URL + target
	case !strings.HasPrefix(target, "http"):
		target = s.say("{root}") + target
	}
	text := s.say(body)
	request, err := http.NewRequestWithContext(s.Context(), method, target, strings.NewReader(text))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("OData-Version", "4.0")
	request.Header.Set("OData-MaxVersion", "4.0")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	own := map[string]bool{}
	for _, h := range headers {
		name, value, _ := strings.Cut(s.say(h), ":")
		own[http.CanonicalHeaderKey(name)] = true
		request.Header.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			request.Header.Set(name, value)
		}
	}
	if !own["Authorization"] {
		request.Header.Set("Authorization", s.authorization())
	}
	response, err := s.run.http.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatalf("%s %s: %v after %d bytes", method, target, err, len(b))
	}
	return &answer{t: s.T, asked: method + " " + shorten(target), status: response.StatusCode, header: response.Header, body: string(b)}
}

// must is a preparation: anything but success ends the case.
func (s *session) must(a *answer) *answer {
	s.Helper()
	if a.status >= 300 {
		s.Fatalf("preparation: %s: %d %s", a.asked, a.status, a.body)
	}
	return a
}

// account makes the account {id}, whose name and number are the mark; with further fields: `"revenue":5`.
func (s *session) account(fields ...string) {
	s.Helper()
	s.must(s.post("accounts", `{"accountid":"{id}","name":"{mark}","accountnumber":"{mark}"`+more(fields)+`}`))
}

// contact makes the contact {id2}, whose last name and external identifier are the mark.
func (s *session) contact(fields ...string) {
	s.Helper()
	s.must(s.post("contacts", `{"contactid":"{id2}","lastname":"{mark}","externaluseridentifier":"{mark}"`+more(fields)+`}`))
}

// membership makes the membership {id3}, whose name and code are the mark.
func (s *session) membership(fields ...string) {
	s.Helper()
	s.must(s.post("new_memberships", `{"new_membershipid":"{id3}","new_name":"{mark}","new_code":"{mark}"`+more(fields)+`}`))
}

func more(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	return "," + strings.Join(fields, ",")
}

// count returns how many rows of a set a filter finds.
func (s *session) count(set, filter string) int {
	s.Helper()
	return len(s.get(set + "?$filter=" + url.PathEscape(s.say(filter))).is(http.StatusOK).list("value"))
}

// absent asserts that there is no such row.
func (s *session) absent(path string) {
	s.Helper()
	s.get(path).is(http.StatusNotFound)
}
