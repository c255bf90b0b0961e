package scenario_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/latency"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/scenario"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const whole = `# everything that a small scenario says
organization_name: Contoso
organization_id: 44444444-4444-4444-4444-444444444444
apps:
  - client_id: "11111111-1111-1111-1111-111111111111"
    secret: sandbox
    state: no roles
    revoked: [prvDeleteContact]
keys:
  account:
    - {name: new_name, label: Name, columns: [name]}
token_lifetime: 10m
tables: [invoices.yaml]
servers: 2
no_affinity: true
limits: {requests: 600, window: 30s, inner: 5%, dop_hint: 8}
latency:
  request: 20ms
  seed: 7
  plug_ins:
    - {name: scoring, table: contact, message: Update, cost: 80ms}
faults:
  - {fault: deadlock, match: {table: contact}, share: 0.01, count: 3}
  - {fault: delay, delay: 2s}
journal_limit: 10_000
assumptions: {strict_read_only: true}
`

func TestAScenarioSaysWhatTheEmulatorIs(t *testing.T) {
	s, err := scenario.Read(filepath.Join("some", "where.yaml"), []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	c := s.Config
	if c.OrganizationName != "Contoso" || c.OrganizationID.String() != "44444444-4444-4444-4444-444444444444" || c.TokenLifetime != 10*time.Minute || c.JournalLimit != 10000 {
		t.Errorf("got %+v", c)
	}
	if a := c.Apps[0]; a.State != emulator.UserNoRoles || a.Secret != "sandbox" || a.Revoked[0] != "prvDeleteContact" {
		t.Errorf("got %+v", a)
	}
	if c.Keys["account"][0].Columns[0] != "name" || c.Servers != 2 || !c.NoAffinity || !c.Assumptions.StrictReadOnly {
		t.Errorf("got %+v", c)
	}
	if want := (emulator.Limits{Requests: 600, Window: 30 * time.Second, Inner: 0.05, DOPHint: 8}); c.Limits != want {
		t.Errorf("got %+v", c.Limits)
	}
	if p := c.Latency.PlugIns[0]; c.Latency.Request != 20*time.Millisecond || c.Latency.Seed != 7 || p.Message != latency.Update || p.Cost != 80*time.Millisecond {
		t.Errorf("got %+v", c.Latency)
	}
	want := []faults.Order{{Fault: "deadlock", Match: faults.Match{Table: "contact"}, Share: 0.01, Count: 3}, {Fault: "delay", Delay: faults.Duration(2 * time.Second)}}
	if !reflect.DeepEqual(s.Faults, want) {
		t.Errorf("got %+v", s.Faults)
	}
	if len(s.Tables) != 1 || s.Tables[0] != filepath.Join("some", "invoices.yaml") {
		t.Errorf("got %v", s.Tables)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAScenarioHasRolesTeamsAndADirectory(t *testing.T) {
	s, err := scenario.Read("s.yaml", []byte(`
apps:
  - client_id: 11111111-1111-1111-1111-111111111111
    secret: sandbox
    roles: [Sales]
    except: {prvDeleteContact: None}
users: [{name: Ada, state: unlicensed, teams: [Nordics]}]
state: administration
security:
  units: [{name: Europe}, {name: North, parent: Europe}]
  roles: [{name: Sales, privileges: {prvReadContact: Local, prvWriteContact: Basic}}]
  teams: [{name: Nordics, unit: North, roles: [Sales]}]
  profiles: [{name: Money, columns: {contact.annualincome: {read: true}}}]
directory:
  tenants: [{id: 55555555-5555-5555-5555-555555555555, domains: [fabrikam.example]}]
  apps:
    - tenant: 55555555-5555-5555-5555-555555555555
      client_id: 66666666-6666-6666-6666-666666666666
      state: blocked
      secrets: [{value: s, expires: 2027-01-31T00:00:00Z}]
  assumptions: {rows: {700016: {status: 401, error: x}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	c := s.Config
	if c.Apps[0].Roles[0] != "Sales" || c.Apps[0].Except["prvDeleteContact"] != security.None || c.Users[0].State != emulator.UserUnlicensed || c.State != emulator.OrganizationAdministration {
		t.Errorf("got %+v %+v", c.Apps, c.Users)
	}
	if r := c.Security.Roles[0]; r.Privileges["prvReadContact"] != security.Local || c.Security.Units[1].Parent != "Europe" || !c.Security.Profiles[0].Columns["contact.annualincome"].Read {
		t.Errorf("got %+v", c.Security)
	}
	if a := c.Directory.Apps[0]; a.State != entra.AppBlocked || a.Secrets[0].Expires.Year() != 2027 || c.Directory.Assumptions.Rows[700016].Status != 401 {
		t.Errorf("got %+v", c.Directory)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryMistakeIsReportedWithItsPlace(t *testing.T) {
	_, err := scenario.Read("s.yaml", []byte(`servers: two
limts: {off: true}
limits: {requests: -5, window: 1}
apps:
  - secret: 12
    state: asleep
latency: {jitter: 300%}
faults:
  - fault: deadlok
  - {fault: delay}
assumptions: {strict_read_only: yes please}
servers: 3
organization_id: nope
`))
	want := []string{
		`s.yaml:1:10: servers must be a whole number`,
		`s.yaml:2:1: unknown key "limts" in the file; did you mean limits?`,
		`s.yaml:3:9: limits: the number of requests cannot be -5`,
		`s.yaml:3:32: limits.window must be a duration; write it as 1m30s or 20ms`,
		`s.yaml:5:3: an app has no client_id; add client_id: …`,
		`s.yaml:5:13: apps[1].secret must be text, not a number; write it in quotes`,
		`s.yaml:6:12: apps[1].state: "asleep" cannot be read: emulator: "asleep" is no state of a user; use one of enabled, missing, disabled, no roles, restricted`,
		`s.yaml:7:10: latency: the jitter is a share from 0 to 1, not 3`,
		`s.yaml:9:5: fault "deadlok" is not known; known are deadlock`,
		`s.yaml:10:5: delay: say how long`,
		`s.yaml:11:33: assumptions.strict_read_only must be true or false`,
		`s.yaml:12:1: servers comes twice in the file; keep one of them`,
		`s.yaml:13:18: organization_id: "nope" cannot be read`,
	}
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("%d problems, not %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if i < len(want) && !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d\ngot  %s\nwant %s", i, line, want[i])
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("apps: [{client_id: x, state: [1]}]\nkeys: {a: [{}]}\nlatency: 5\n"))
	f.Add([]byte("directory: {assumptions: {rows: {x: {}, 1: {status: 2}}}, apps: [{certificates: [{x509: nowhere.pem}]}]}\nsecurity: {roles: [{all: Deep}]}\n"))
	f.Add([]byte("a: &x 1\nlimits: *x\n<<: {servers: 1}\n---\nb: 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scenario.Read("s.yaml", data)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if line == "" {
					t.Errorf("an empty problem: %v", err)
				}
			}
			return
		}
		if s.Config.Limits.Validate() != nil || s.Config.Latency.Validate() != nil {
			t.Error("accepted what cannot be")
		}
	})
}

func TestTheExamplesAreScenarios(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := scenario.Read(file, data); err != nil || s.Config.Validate() != nil {
			t.Errorf("%v, %v", err, s.Config.Validate())
		}
	}
}
