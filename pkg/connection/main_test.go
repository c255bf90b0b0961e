package connection_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is an environment that is well, with what a test puts between it and the client.
type world struct {
	t        *testing.T
	emulator *emulator.Server
	web      *httptest.Server
	input    connection.Input

	answer func(http.ResponseWriter, *http.Request) bool // in place of the emulator's, where it reports true
	edit   func(path, body string) string                // of the emulator's answers
}

// marker is in every secret that a test makes up, and in no report.
const marker = "hunter2"

func newWorld(t *testing.T, config emulator.Config) *world {
	t.Helper()
	w := &world{t: t, emulator: emulator.New(config)}
	w.web = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	w.web.Start()
	t.Cleanup(w.web.Close)
	w.input = connection.Input{
		Environment: spec.Environment{
			Name: "demo", URL: w.web.URL + "/api/data/v9.2/", Tenant: emulator.SandboxTenant,
			Users: []spec.User{{ClientID: emulator.SandboxClient, ClientSecret: w.file(emulator.SandboxSecret + "\n")}},
		},
		Syncs:   []spec.Sync{accounts, contacts},
		Request: 5 * time.Second,
	}
	return w
}

// file keeps a secret.
func (w *world) file(value string) spec.Secret {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return spec.Secret{File: path}
}

// seal seals to a new identity, which the test is given.
func (w *world) seal(value string) sealed.Value {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "identity")
	recipient, err := sealed.NewIdentity(file)
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := sealed.Seal(value, sealed.Recipients{recipient})
	if err != nil {
		w.t.Fatal(err)
	}
	w.input.Identities = sealed.Identities(file)
	return v
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if w.answer != nil && w.answer(rw, r) {
		return
	}
	if w.edit == nil {
		w.emulator.ServeHTTP(rw, r)
		return
	}
	rec := httptest.NewRecorder()
	w.emulator.ServeHTTP(rec, r)
	body := w.edit(r.URL.Path, rec.Body.String())
	for name, values := range rec.Header() {
		rw.Header()[name] = values
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	rw.WriteHeader(rec.Code)
	_, _ = io.Copy(rw, bytes.NewBufferString(body)) // who hung up is told so by the transport
}

// run makes the test, and holds every report to what none may break.
func (w *world) run() connection.Report {
	w.t.Helper()
	r := connection.Test(w.t.Context(), w.input)
	for _, s := range r.Steps {
		line := fmt.Sprintf("%-7s %-12s %s | %s %s", s.State, s.Name, s.Saw, s.Do, s.Code)
		w.t.Log(line)
		if strings.ContainsAny(s.Saw, "\r\n") {
			w.t.Errorf("more than a line: %q", s.Saw)
		}
		if s.Saw == "" || s.State == connection.Failed && s.Do == "" || s.State == connection.Warned && s.Do == "" {
			w.t.Errorf("step %s says too little: %s", s.Name, line)
		}
		if strings.Contains(line, marker) {
			w.t.Errorf("the secret is in a step: %s", line)
		}
	}
	return r
}

// upset lists the steps that failed or warned, as "name: what was seen".
func upset(r connection.Report) []string {
	var all []string
	for _, s := range r.Steps {
		if s.State == connection.Failed || s.State == connection.Warned {
			all = append(all, fmt.Sprintf("%s %s: %s", s.State, s.Name, s.Saw))
		}
	}
	return all
}

// answers makes an answer of a status, a content type and a body, to the paths that end so.
func answers(path string, status int, kind, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, path) || path == "WhoAmI" && r.Header.Get("Authorization") == "" {
			return false
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // as above
		return true
	}
}

func field(column, from string) spec.Field {
	return spec.Field{Column: column, From: from, Null: spec.NullWrite}
}

// The syncs of the demo, as far as they matter here.
var (
	accounts = spec.Sync{
		Name: "accounts", From: spec.From{File: "accounts.sql", Query: "SELECT 1", Key: []string{"account_no"}},
		To: spec.To{Environment: "demo", Table: "account", Match: []string{"accountnumber"}, Mode: spec.Upsert, OnLeave: spec.OnLeave{Action: spec.Delete}},
		Map: []spec.Field{
			field("accountnumber", "account_no"), field("name", "name"), field("industrycode", "industry"), field("numberofemployees", "employees"),
			field("revenue", "revenue"), field("description", "notes"),
		},
	}
	contacts = spec.Sync{
		Name: "contacts", From: spec.From{File: "contacts.sql", Query: "SELECT 1", Key: []string{"customer_id"}},
		To: spec.To{Environment: "demo", Table: "contact", Match: []string{"externaluseridentifier"}, Mode: spec.Upsert, OnLeave: spec.OnLeave{Action: spec.Delete}},
		Map: []spec.Field{
			field("externaluseridentifier", "customer_id"), field("firstname", "first_name"), field("gendercode", "gender"), field("birthdate", "born"),
			field("creditlimit", "credit_limit"), field("donotemail", "no_email"), field("lastusedincampaign", "last_campaign"),
			{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountnumber", From: "account_no"}}, Null: spec.NullWrite},
		},
	}
)
