package faults_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is an emulator on a socket, with orders.
type world struct {
	*faults.Orders
	t      *testing.T
	server *emulator.Server
	url    string
	http   *http.Client
	token  string
}

func start(t *testing.T) *world {
	t.Helper()
	s := emulator.New(emulator.Config{})
	web := httptest.NewServer(s)
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(web.Close)
	w := &world{Orders: faults.New(s), t: t, server: s, url: web.URL, http: &http.Client{Transport: transport}}
	_, body, err := w.signIn()
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	w.token = answer.AccessToken
	return w
}

func (w *world) signIn() (int, string, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {emulator.SandboxClient}, "client_secret": {emulator.SandboxSecret}, "scope": {w.url + "/.default"},
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/"+emulator.SandboxTenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, _, body, err := w.send(r)
	return status, body, err
}

func (w *world) send(r *http.Request) (int, http.Header, string, error) {
	answer, err := w.http.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, string(b), err
}

// upsert writes an account; the status is 0 when no answer came.
func (w *world) upsert(number string) (int, http.Header, string) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPatch, w.url+"/api/data/v9.2/accounts(accountnumber='"+number+"')", strings.NewReader("{}"))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Content-Type", "application/json")
	status, header, body, err := w.send(r)
	if err != nil {
		return 0, nil, ""
	}
	return status, header, body
}

func (w *world) place(o faults.Order) faults.Order {
	w.t.Helper()
	placed, err := w.Place(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return placed
}

// TestEveryKnownFault orders each once, and says what a client sees of it.
func TestEveryKnownFault(t *testing.T) {
	w := start(t)
	want := map[string]string{ // status, code, rows written
		"deadlock": "500 0x80044150 0", "sql-timeout": "500 0x80044151 0", "plug-in": "400 0x80040265 0", "plug-in-timeout": "400 0x80044172 0",
		"unexpected": "500 0x80040216 0", "error": "418 0xabc 0", "too-many-requests": "429 0x80072322 0", "too-much-time": "429 0x80072321 0",
		"too-many-concurrent": "429 0x80072326 0", "sql-resources": "429 0x80072323 0", "sql-workers": "429 0x80072324 0", "storage-full": "500 0x80072325 0",
		"bad-gateway": "502 html 0", "unavailable": "503  0", "delay": "204  1", "cut-before": "0  0", "cut-after": "0  1",
		"truncate": "204  1", "token-unavailable": "503 temporarily_unavailable 0", "token-throttled": "429 temporarily_unavailable 0", "token-cut": "0  0", "hang": "0  0", "token-hang": "0  0",
	}
	for _, k := range faults.Known() {
		t.Run(k.Name, func(t *testing.T) {
			w.server.Reset()
			w.Clear()
			o := faults.Order{Fault: k.Name, Count: 1, Message: "as ordered"}
			switch k.Name {
			case "error":
				o.Status, o.Code = 418, "0xabc"
			case "delay":
				o.Delay = faults.Duration(time.Millisecond)
			case "hang", "token-hang":
				w.http.Timeout = 50 * time.Millisecond
				defer func() { w.http.Timeout = 0 }()
			}
			w.place(o)
			var status int
			var body string
			if k.At == faults.Token {
				status, body, _ = w.signIn()
			} else {
				status, _, body = w.upsert("A-1")
			}
			code := ""
			switch i := strings.Index(body, `"code":"`); {
			case strings.HasPrefix(body, "<html>"):
				code = "html"
			case i >= 0:
				code, _, _ = strings.Cut(body[i+8:], `"`)
			case strings.Contains(body, `"error":"temporarily_unavailable"`):
				code = "temporarily_unavailable"
			}
			if got := fmt.Sprintf("%d %s %d", status, code, w.server.Count("account")); got != want[k.Name] {
				t.Errorf("got %q, not %q: %s", got, want[k.Name], body)
			}
			if status >= 400 && code != "html" && !strings.Contains(body, "as ordered") {
				t.Errorf("the order's own message is not there: %s", body)
			}
			if list := w.List(); list[0].Hits != 1 || !list[0].Spent() {
				t.Errorf("the order: %+v", list[0])
			}
			if status, _, body := w.upsert("A-2"); status != 204 {
				t.Errorf("a spent order strikes on: %d %s", status, body)
			}
		})
	}
}

func TestAnOrderStrikesWhatItMatches(t *testing.T) {
	w := start(t)
	w.place(faults.Order{Fault: "deadlock", Match: faults.Match{Method: "PATCH", Table: "account", Key: "accountnumber='A-2'", User: emulator.SandboxClient}})
	for number, want := range map[string]int{"A-1": 204, "A-2": 500, "A-3": 204} {
		if status, _, _ := w.upsert(number); status != want {
			t.Errorf("%s: %d", number, status)
		}
	}
	if l := w.List(); l[0].Seen != 1 || l[0].Hits != 1 || l[0].Spent() {
		t.Errorf("got %+v", l)
	}
	w.Clear()
	w.place(faults.Order{Fault: "deadlock", Match: faults.Match{User: "somebody else"}})
	w.place(faults.Order{Fault: "too-many-requests", Match: faults.Match{Batch: 3}})
	if status, _, _ := w.upsert("A-1"); status != 204 {
		t.Errorf("neither is meant: %d", status)
	}
}

func TestAnOrderCountsAndChooses(t *testing.T) {
	w := start(t)
	pattern := func(o faults.Order, n int) string {
		w.Clear()
		w.place(o)
		var s strings.Builder
		for range n {
			status, _, _ := w.upsert("A-1")
			s.WriteByte(map[int]byte{204: '.', 500: 'x'}[status])
		}
		return s.String()
	}
	if got := pattern(faults.Order{Fault: "deadlock", After: 2, Count: 3}, 7); got != "..xxx.." {
		t.Errorf("after 2, 3 times: %s", got)
	}
	half := pattern(faults.Order{Fault: "deadlock", Share: 0.5, Seed: 3}, 40)
	if n := strings.Count(half, "x"); n < 10 || n > 30 {
		t.Errorf("half of them: %s", half)
	}
	if again := pattern(faults.Order{Fault: "deadlock", Share: 0.5, Seed: 3}, 40); again != half {
		t.Errorf("the same seed: %s, then %s", half, again)
	}
}

func TestAnOrderSaysItsOwnRetryAfter(t *testing.T) {
	w := start(t)
	w.place(faults.Order{Fault: "unavailable", RetryAfter: faults.Duration(77 * time.Second)})
	if status, header, _ := w.upsert("A-1"); status != 503 || header.Get("Retry-After") != "77" {
		t.Errorf("%d %v", status, header)
	}
}

func TestOrdersAreTakenBack(t *testing.T) {
	w := start(t)
	a, b := w.place(faults.Order{Fault: "deadlock"}), w.place(faults.Order{Fault: "bad-gateway"})
	if !w.Cancel(b.ID) || w.Cancel(b.ID) || len(w.List()) != 1 || w.List()[0].ID != a.ID {
		t.Errorf("left: %+v", w.List())
	}
	w.Clear()
	if status, _, _ := w.upsert("A-1"); status != 204 || len(w.List()) != 0 {
		t.Errorf("%d with %+v", status, w.List())
	}
}

func TestAnOrderThatCannotBeIsRefusedWithAllItsMistakes(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		order faults.Order
		parts []string
	}{
		{faults.Order{Fault: "deadlok"}, []string{`"deadlok" is not known`, "deadlock, "}},
		{faults.Order{Fault: "delay", At: "lunch", Share: 2, After: -1}, []string{"delay: say how long", `"lunch"`, "share: 2", "cannot be negative"}},
		{faults.Order{Fault: "hang", Match: faults.Match{Table: "account"}}, []string{`"at": "operation"`}},
		{faults.Order{Fault: "error"}, []string{"from 400 to 599"}},
		{faults.Order{Fault: "token-cut", At: faults.Operation}, []string{"token endpoint"}},
		{faults.Order{Fault: "bad-gateway", At: faults.Token, Match: faults.Match{User: "x"}}, []string{"not known at the token endpoint"}},
	} {
		_, err := w.Place(c.order)
		if err == nil || slices.ContainsFunc(c.parts, func(p string) bool { return !strings.Contains(err.Error(), p) }) {
			t.Errorf("%+v: %v", c.order, err)
		}
	}
	if len(w.List()) != 0 {
		t.Error("one of them was taken")
	}
}

func TestOrdersReadAndWriteJSON(t *testing.T) {
	var o faults.Order
	if err := json.Unmarshal([]byte(`{"fault":"delay","delay":"1.5s","retry_after":3,"match":{"table":"contact"}}`), &o); err != nil {
		t.Fatal(err)
	}
	if o.Delay != faults.Duration(1500*time.Millisecond) || o.RetryAfter != faults.Duration(3*time.Second) || o.Match.Table != "contact" {
		t.Errorf("read %+v", o)
	}
	if b, err := json.Marshal(o); err != nil || !strings.Contains(string(b), `"delay":"1.5s"`) {
		t.Errorf("wrote %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"delay":"soon"}`), &o); err == nil {
		t.Error("soon is a duration")
	}
}
