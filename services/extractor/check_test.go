package extractor_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// liveEnvironment is the file of an environment that answers: an emulator of the test's own, and the path of its secret.
func liveEnvironment(t *testing.T, name string) (s *emulator.Server, file, secret string) {
	t.Helper()
	s = emulator.New(emulator.Config{})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	secret = filepath.Join(t.TempDir(), "secret")
	writeSecret(t, secret, emulator.SandboxSecret)
	return s, fmt.Sprintf("environment: %s\nurl: %s/api/data/v9.2/\ntenant: %s\nusers:\n  - {client_id: %s, client_secret: {file: %s}}\n",
		name, web.URL, emulator.SandboxTenant, emulator.SandboxClient, secret), secret
}

func writeSecret(t *testing.T, file, secret string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
}

// companies is a sync that has no fault; its query asks no table.
const companies = `sync: companies
from: {query: q.sql, key: id}
to: {environment: prod, table: account, match: {key: accountnumber}}
map:
  name: name
  numberofemployees: staff
`

const companiesSQL = "SELECT toString(number) AS id, 'A name' AS name, toInt32(number) AS staff FROM numbers(3)"

func TestApplyRefusesWhatCouldNotRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server, environment, secret := liveEnvironment(t, "prod")
	good := files{"environments/prod.yaml": environment, "syncs/companies.yaml": companies, "syncs/q.sql": companiesSQL}
	edit := func(old, new string) files {
		text := strings.Replace(companies, old, new, 1)
		if text == companies {
			t.Fatalf("%q is not in the sync", old)
		}
		return good.with("syncs/companies.yaml", text)
	}
	const at = "/files/syncs/companies.yaml:"
	for _, c := range []struct {
		name  string
		files files
		want  []string
	}{
		{"a table", edit("account,", "acount,"), []string{at + "3:19: sync prod/companies: the environment has no table acount (0x80060888); did you mean account?"}},
		{"a column", edit("numberofemployees:", "numberofemployes:"), []string{at + "6:3: sync prod/companies: ", "numberofemployes", "did you mean numberofemployees?"}},
		{"a type", edit("numberofemployees: staff", "numberofemployees: name\n  creditonhold: name"), []string{at + "7:3: sync prod/companies: ", "creditonhold", "values: {"}},
		{"a label", edit("numberofemployees: staff", "industrycode: {const: Acounting, choice: label}"), []string{at + "6:3: sync prod/companies: const: industrycode has no option Acounting; did you mean Accounting?"}},
		{"a key", edit("accountnumber}", "telephone1}"), []string{at + "3:19: sync prod/companies: telephone1 is no alternate key of table account", "new_accountnumberkey"}},
		{"the table of a lookup", edit("numberofemployees: staff", "parentaccountid: {to: acount, by: {accountnumber: id}}"), []string{at, "the environment has no table acount, which parentaccountid is to name"}},
		{"the key of a lookup", edit("numberofemployees: staff", "parentaccountid: {to: account, by: {telephone1: id}}"), []string{at + "6:3: ", "telephone1"}},
		{"a table of the warehouse", good.with("syncs/q.sql", "SELECT id, name, staff FROM no_such_table"), []string{at, "sync prod/companies: ", "no_such_table", "mend the query q.sql"}},
		{"several at once", edit("name: name\n  numberofemployees:", "nam: name\n  numberofemployes:"), []string{at + "5:3: ", at + "6:3: "}},
		{
			"no way to the environment", good.with("environments/prod.yaml", strings.Replace(environment, environment[strings.Index(environment, "//"):strings.Index(environment, "/api")], "//127.0.0.1:1", 1)),
			[]string{"/files/environments/prod.yaml:1:1: environment prod: ", "refuses the connection"},
		},
		{"no such secret", good.with("environments/prod.yaml", strings.Replace(environment, secret, secret+"-gone", 1)), []string{"/files/environments/prod.yaml:1:1: environment prod: ", "secret-gone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := h.call(control.Apply, c.files.request("ana"), &penstockv1.ApplyResponse{})
			refused(t, err, "refused", append(c.want, "nothing was stored; mend it, or store it all the same with --unchecked")...)
			equal(t, "what is stored", len(h.bucket())+len(h.kept()), 0)
		})
	}
	t.Run("a wrong secret", func(t *testing.T) {
		writeSecret(t, secret, "hunter2")
		err := h.call(control.Apply, good.request("ana"), &penstockv1.ApplyResponse{})
		writeSecret(t, secret, emulator.SandboxSecret)
		refused(t, err, "refused", "/files/environments/prod.yaml:1:1: environment prod: ", "AADSTS7000215")
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the secret is in the refusal: %v", err)
		}
	})
	t.Run("a privilege", func(t *testing.T) {
		if err := server.SetDepth(emulator.SandboxClient, "prvWriteAccount", security.None); err != nil {
			t.Fatal(err)
		}
		refused(t, h.call(control.Apply, good.request("ana"), &penstockv1.ApplyResponse{}), "refused", at+"3:19: sync prod/companies: ", "prvWriteAccount", "is missing")
		if err := server.SetDepth(emulator.SandboxClient, "prvWriteAccount", security.Global); err != nil {
			t.Fatal(err)
		}
	})
	equal(t, "what is stored of all that", len(h.bucket())+len(h.kept()), 0)
	resp := &penstockv1.ApplyResponse{}
	err := h.call(control.Apply, good.request("ana"), resp)
	equal(t, "what has no fault", kinds(resp)+fmt.Sprint(" ", err), "prod added 0->1, prod/companies added 0->1 <nil>")
}

func TestWhatIsStoredUncheckedIsRecordedAsSuch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server, environment, _ := liveEnvironment(t, "prod")
	good := files{"environments/prod.yaml": environment, "syncs/companies.yaml": companies, "syncs/q.sql": companiesSQL}
	wrong := good.with("syncs/companies.yaml", strings.Replace(companies, "numberofemployees", "numberofemployes", 1))
	if err := h.call(control.Apply, good.request("ana"), &penstockv1.ApplyResponse{}); err != nil {
		t.Fatal(err)
	}
	r := wrong.request("ben")
	r.Unchecked = true
	if err := h.call(control.Apply, r, &penstockv1.ApplyResponse{}); err != nil {
		t.Fatal(err)
	}
	history := &penstockv1.HistoryResponse{}
	if err := h.call(control.History, &penstockv1.HistoryRequest{Environment: "prod", Sync: "companies"}, history); err != nil {
		t.Fatal(err)
	}
	equal(t, "versions stored unchecked", fmt.Sprint(history.GetVersions()[0].GetUnchecked(), history.GetVersions()[1].GetUnchecked()), "true false")

	// What stays as it is is not looked at: a fault in it is held against nobody.
	other := wrong.with("syncs/people.yaml", syncOf("prod", "people", "contact", "lastname"), "syncs/q.sql", companiesSQL)
	other["syncs/people.yaml"] = strings.Replace(other["syncs/people.yaml"], "ext_key", "externaluseridentifier", 1)
	resp := &penstockv1.ApplyResponse{}
	err := h.call(control.Apply, other.request("ana"), resp)
	equal(t, "beside a sync with a fault", kinds(resp)+fmt.Sprint(" ", err), "prod unchanged 1->1, prod/companies unchanged 2->2, prod/people added 0->1 <nil>")

	back := func(to uint64) error {
		return h.call(control.Rollback, &penstockv1.RollbackRequest{Environment: "prod", Sync: "companies", To: to}, &penstockv1.ApplyResponse{})
	}
	equal(t, "back to what has no fault", back(1), nil)
	refused(t, back(2), "refused", "prod/companies, version 2: sync prod/companies: ", "numberofemployes")

	requests := len(server.Journal())
	equal(t, "writes of all that", requests, 0)
}
