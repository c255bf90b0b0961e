package admin_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/admin"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is an emulator with its admin API on a socket, and a client with a token.
type world struct {
	*emulator.Server
	t     *testing.T
	url   string
	http  *http.Client
	token string
}

func start(t *testing.T, c emulator.Config) *world {
	t.Helper()
	s := emulator.New(c)
	stop := make(chan struct{})
	web := httptest.NewServer(admin.New(s, faults.New(s), stop))
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		close(stop)
		web.Close()
	})
	w := &world{Server: s, t: t, url: web.URL, http: &http.Client{Transport: transport}}
	w.token = w.signIn()
	return w
}

func (w *world) signIn() string {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {emulator.SandboxClient}, "client_secret": {emulator.SandboxSecret}, "scope": {w.url + "/.default"},
	}
	_, body := w.do("POST", "/"+emulator.SandboxTenant+"/oauth2/v2.0/token", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		w.t.Fatal(err, body)
	}
	return answer.AccessToken
}

func (w *world) open(method, path, body string, headers ...string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token)
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Set(name, v)
	}
	answer, err := w.http.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

func (w *world) do(method, path, body string, headers ...string) (int, string) {
	w.t.Helper()
	answer := w.open(method, path, body, headers...)
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// must is do where the status is known.
func (w *world) must(status int, method, path, body string, headers ...string) string {
	w.t.Helper()
	got, answer := w.do(method, path, body, headers...)
	if got != status {
		w.t.Fatalf("%s %s: %d, not %d: %s", method, path, got, status, answer)
	}
	return answer
}

func (w *world) upsert(status int, number string) string {
	w.t.Helper()
	return w.must(status, "PATCH", "/api/data/v9.2/accounts(accountnumber='"+number+"')", `{"name":"`+number+`"}`)
}

func TestFaultsAreOrderedListedAndTakenBack(t *testing.T) {
	w := start(t, emulator.Config{})
	placed := w.must(201, "POST", "/emulator/faults", `{"fault":"deadlock","match":{"table":"account"},"count":2}`)
	if !strings.Contains(placed, `"id":1`) || !strings.Contains(placed, `"at":"operation"`) {
		t.Errorf("placed %s", placed)
	}
	if body := w.upsert(500, "A-1"); !strings.Contains(body, "Sql Number: 1205") {
		t.Errorf("got %s", body)
	}
	if list := w.must(200, "GET", "/emulator/faults", ""); !strings.Contains(list, `"hits":1`) || !strings.Contains(list, `"name":"bad-gateway"`) {
		t.Errorf("list %s", list)
	}
	w.must(204, "DELETE", "/emulator/faults/1", "")
	w.must(404, "DELETE", "/emulator/faults/1", "")
	w.upsert(204, "A-1")
	w.must(201, "POST", "/emulator/faults", `{"fault":"bad-gateway"}`)
	w.upsert(502, "A-1")
	w.must(204, "DELETE", "/emulator/faults", "")
	w.upsert(204, "A-1")
	for _, wrong := range []string{`{"fault":"deadlok"}`, `{"fault":"delay"}`, `{"fualt":"deadlock"}`, `[]`, ``} {
		if body := w.must(400, "POST", "/emulator/faults", wrong); !strings.Contains(body, `"error":"`) {
			t.Errorf("%s: %s", wrong, body)
		}
	}
}

func TestAPageOfAnotherOriginCannotOrderFaults(t *testing.T) {
	w := start(t, emulator.Config{})
	w.must(403, "POST", "/emulator/faults", `{"fault":"deadlock"}`, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
	w.must(403, "POST", "/emulator/reset", "", "Sec-Fetch-Site: cross-site")
	w.must(201, "POST", "/emulator/faults", `{"fault":"deadlock"}`, "Sec-Fetch-Site: same-origin")
}

func TestSnapshotsByFileAndByName(t *testing.T) {
	w := start(t, emulator.Config{})
	w.upsert(204, "A-1")
	file := w.must(200, "POST", "/emulator/snapshot", "")
	w.must(204, "POST", "/emulator/snapshots/before", "")
	w.upsert(204, "A-2")
	w.must(204, "PUT", "/emulator/snapshots/before", "")
	if n := w.Count("account"); n != 1 {
		t.Errorf("%d accounts after the named one", n)
	}
	if list := w.must(200, "GET", "/emulator/snapshots", ""); !strings.Contains(list, `{"name":"before","rows":`) {
		t.Errorf("list %s", list)
	}
	w.must(204, "DELETE", "/emulator/snapshots/before", "")
	w.must(404, "PUT", "/emulator/snapshots/before", "")
	w.must(204, "POST", "/emulator/reset", "")
	if n := w.Count("account"); n != 0 {
		t.Errorf("%d accounts after a reset", n)
	}
	w.must(204, "PUT", "/emulator/snapshot", file, "Content-Type: application/octet-stream")
	if row, ok := w.RowByKey("account", "accountnumber='A-1'"); !ok || row.Text("name") != "A-1" {
		t.Errorf("after the file: %v", row)
	}
	w.must(400, "PUT", "/emulator/snapshot", file[:len(file)/2], "Content-Type: application/octet-stream")
}

func TestTheJournalIsFilteredAndFollowed(t *testing.T) {
	w := start(t, emulator.Config{})
	w.upsert(204, "A-1")
	w.upsert(204, "A-2")
	w.must(204, "PATCH", "/api/data/v9.2/contacts(11111111-0000-0000-0000-000000000001)", `{"lastname":"x"}`)
	for path, want := range map[string]int{
		"": 3, "?after=1": 2, "?table=account": 2, "?table=account&key=" + url.QueryEscape("accountnumber='A-2'"): 1, "?after=3": 0,
	} {
		if body := w.must(200, "GET", "/emulator/journal"+path, ""); strings.Count(body, "\n") != want {
			t.Errorf("%s: %s", path, body)
		}
	}
	w.must(400, "GET", "/emulator/journal?after=x", "")
	answer := w.open("GET", "/emulator/journal?follow=1&after=2&table=account", "")
	defer func() { _ = answer.Body.Close() }()
	if answer.Header.Get("Emulator-Dropped") != "0" {
		t.Errorf("headers %v", answer.Header)
	}
	w.upsert(204, "A-3")
	line, err := bufio.NewReader(answer.Body).ReadBytes('\n')
	var e emulator.Entry
	if err != nil || json.Unmarshal(bytes.Replace(line, []byte(`"hash"`), []byte(`"-"`), 1), &e) != nil || e.Seq != 4 || e.Key != "accountnumber='A-3'" {
		t.Errorf("%v: %s", err, line)
	}
}

func TestUsersAreChanged(t *testing.T) {
	w := start(t, emulator.Config{})
	user := "/emulator/users/" + emulator.SandboxClient
	w.must(204, "PATCH", user, `{"revoke":["prvCreateAccount"]}`)
	if body := w.upsert(403, "A-1"); !strings.Contains(body, "prvCreateAccount") {
		t.Errorf("got %s", body)
	}
	w.must(204, "PATCH", user, `{"grant":["prvCreateAccount"]}`)
	w.upsert(204, "A-1")
	w.must(204, "PATCH", user, `{"depth":{"prvWriteAccount":"None"}}`)
	w.upsert(403, "A-1")
	w.must(204, "PATCH", user, `{"depth":{"prvWriteAccount":"Basic"}}`)
	w.upsert(204, "A-1")
	w.must(204, "PATCH", user, `{"state":"disabled"}`)
	w.upsert(403, "A-1")
	w.must(204, "PATCH", user, `{"state":"enabled"}`)
	w.upsert(204, "A-1")
	w.must(204, "POST", "/emulator/tokens/revoke", "")
	w.upsert(401, "A-1")
	w.token = w.signIn()
	w.upsert(204, "A-1")
	w.must(204, "PATCH", user, `{"secret":"another"}`)
	if w.signIn() != "" {
		t.Error("the old secret is still good")
	}
	w.must(400, "PATCH", user, `{"state":"asleep"}`)
	w.must(400, "PATCH", user, `{"secret_expired":true}`)
	w.must(400, "PATCH", user, `{"assign_roles":["Nobody's"]}`)
	w.must(404, "PATCH", "/emulator/users/nobody", `{"state":"disabled"}`)
}

func TestRolesTeamsAndTheOrganizationAreChanged(t *testing.T) {
	w := start(t, emulator.Config{})
	user := "/emulator/users/" + emulator.SandboxClient
	w.must(204, "PUT", "/emulator/roles/Reader", `{"all":"None","privileges":{"prvReadAccount":"Global"}}`)
	w.must(204, "PATCH", user, `{"assign_roles":["Reader"],"remove_roles":["System Administrator"]}`)
	w.upsert(403, "A-1")
	w.must(204, "PUT", "/emulator/roles/Reader", `{"all":"Global"}`)
	w.upsert(204, "A-1")
	w.must(204, "PATCH", user, `{"remove_roles":["Reader"]}`)
	w.upsert(403, "A-1")
	w.must(204, "PUT", "/emulator/teams/Sales", `{"roles":["Reader"]}`)
	w.must(204, "PATCH", user, `{"join_teams":["Sales"]}`)
	w.upsert(204, "A-1")
	if body := w.must(200, "GET", "/emulator/security", ""); !strings.Contains(body, "Sales") {
		t.Errorf("got %s", body)
	}
	w.must(400, "PUT", "/emulator/teams/Other", `{"roles":["nobody's"]}`)
	w.must(204, "PATCH", "/emulator/organization", `{"state":"disabled"}`)
	if body := w.upsert(403, "A-1"); !strings.Contains(body, "0x8004a104") {
		t.Errorf("got %s", body)
	}
	w.must(204, "PATCH", "/emulator/organization", `{"state":"enabled"}`)
	w.upsert(204, "A-1")
	w.must(400, "PATCH", "/emulator/organization", `{"state":"on holiday"}`)
}

func TestWhatCanBeLookedAt(t *testing.T) {
	w := start(t, emulator.Config{Servers: 2, Limits: emulator.Limits{Requests: 10}})
	w.upsert(204, "A-1")
	for path, want := range map[string]string{
		"/emulator":          `"client_id":"` + emulator.SandboxClient,
		"/emulator/budgets":  `"server":0,"requests_left":9`,
		"/emulator/requests": `"method":"PATCH","path":"/api/data/v9.2/accounts(accountnumber='A-1')","status":204`,
	} {
		if body := w.must(200, "GET", path, ""); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	w.must(404, "GET", "/emulator/nothing", "")
	if body := w.must(404, "POST", "/emulator/journal", ""); !strings.Contains(body, "GET /emulator") {
		t.Errorf("got %s", body)
	}
	w.must(200, "GET", "/api/data/v9.2/WhoAmI", "") // the rest is the emulator's
}

func TestThePageShowsWhatBlocks(t *testing.T) {
	w := start(t, emulator.Config{Limits: emulator.Limits{Requests: 1}})
	if html := w.must(200, "GET", "/", ""); !strings.Contains(html, `<span class="good">open</span>`) {
		t.Error("nothing blocks yet")
	}
	w.upsert(204, "A-1")
	w.upsert(429, "A-1")
	if html := w.must(200, "GET", "/", ""); !strings.Contains(html, "blocked by requests for") {
		t.Errorf("got %s", html)
	}
	w.must(200, "GET", "/tables/account", "")
	w.must(200, "GET", "/assets/page.css", "")
}

func TestWhatCouldHaveNoEffectIsRefused(t *testing.T) {
	w := start(t, emulator.Config{})
	for _, c := range []struct{ method, path, body, says string }{
		{"PATCH", "/emulator/organization", `{}`, "say which state"},
		{"PATCH", "/emulator/users/" + emulator.SandboxClient, `{"revoke":["prvWriteContcat"]}`, `no privilege \"prvWriteContcat\"`},
		{"PATCH", "/emulator/users/" + emulator.SandboxClient, `{"grant":["prvWriteContact","x"]}`, `no privilege \"x\"`},
		{"PATCH", "/emulator/users/" + emulator.SandboxClient, `{"depth":{"prvReedContact":"Basic"}}`, `no privilege \"prvReedContact\"`},
		{"PUT", "/emulator/roles/Sales", `{"privileges":{"prvReedContact":"Basic"}}`, `no privilege \"prvReedContact\"`},
		{"POST", "/emulator/faults", `{"fault":"deadlock","match":{"table":"contacts"}}`, `no table \"contacts\"`},
		{"POST", "/emulator/faults", `{"fault":"deadlock"} {"fault":"hang"}`, "goes on after its JSON document"},
	} {
		if status, body := w.do(c.method, c.path, c.body); status != http.StatusBadRequest || !strings.Contains(body, c.says) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, body)
		}
	}
	if status, body := w.do("POST", "/emulator/faults", `{"fault":"deadlock","match":{"method":"patch","table":"contact"}}`); status != http.StatusCreated || !strings.Contains(body, `"method":"PATCH"`) {
		t.Errorf("a method in lower case: %d %s", status, body)
	}
	if status, body := w.do("PUT", "/emulator/roles/Sales", `{"privileges":{"prvReadContact":"Basic","prvReadUser":"Global","prvActOnBehalfOfAnotherUser":"Global"}}`); status != http.StatusNoContent {
		t.Errorf("a role: %d %s", status, body)
	}
}
