package spec

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const environmentFile = `# the sandbox
environment: demo
url: http://127.0.0.1:8365/api/data/v9.2/
tenant: 22222222-2222-2222-2222-222222222222
users:
  - client_id: 1111111A-1111-1111-1111-111111111111
    client_secret: {env: DEMO_SECRET}
`

const syncFile = `sync: contacts
from: {query: contacts.sql, key: customer_id}
to:   {environment: demo, table: contact, match: {key: externaluseridentifier}, mode: upsert, on_leave: delete}
after: [accounts]
map:
  emailaddress1: email
  firstname: {from: first_name, null: skip}
  gendercode: gender_code
  parentcustomerid: {to: account, by: {accountnumber: account_no}}
guards: {max_deletes: 10, max_deletes_share: 2.5%, shrink: 20%}
`

func TestAnEnvironmentIsReadWhole(t *testing.T) {
	e, err := ParseEnvironment("environments/demo.yaml", []byte(environmentFile))
	if err != nil {
		t.Fatal(err)
	}
	want := Environment{
		Name: "demo", URL: "http://127.0.0.1:8365/api/data/v9.2/", Tenant: "22222222-2222-2222-2222-222222222222",
		Users: []User{{
			ClientID: "1111111a-1111-1111-1111-111111111111", ClientSecret: Secret{Env: "DEMO_SECRET"},
			At: document.Position{File: "environments/demo.yaml", Line: 6, Column: 5},
		}},
		At: document.Position{File: "environments/demo.yaml", Line: 2, Column: 1},
	}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
}

func TestASyncIsReadWholeAndSurvivesJSON(t *testing.T) {
	syncs, err := ParseSync("syncs/contacts.yaml", []byte(syncFile), sql("SELECT * FROM crm.customers -- all\n;\n"))
	if err != nil || len(syncs) != 1 {
		t.Fatalf("%d syncs, %v", len(syncs), err)
	}
	s := syncs[0]
	at := func(line int) document.Position {
		return document.Position{File: "syncs/contacts.yaml", Line: line, Column: 3}
	}
	want := Sync{
		Name: "contacts",
		From: From{File: "contacts.sql", Query: "SELECT * FROM crm.customers -- all", Key: []string{"customer_id"}},
		To: To{
			Environment: "demo", Table: "contact", Match: []string{"externaluseridentifier"}, Mode: Upsert, OnLeave: OnLeave{Action: Delete},
			At: document.Position{File: "syncs/contacts.yaml", Line: 3, Column: 21},
		},
		After: []string{"accounts"}, AfterAt: document.Position{File: "syncs/contacts.yaml", Line: 4, Column: 8},
		Map: []Field{
			{Column: "emailaddress1", From: "email", Null: NullWrite, At: at(6)},
			{Column: "firstname", From: "first_name", Null: NullSkip, At: at(7)},
			{Column: "gendercode", From: "gender_code", Null: NullWrite, At: at(8)},
			{Column: "parentcustomerid", To: "account", By: []Part{{Key: "accountnumber", From: "account_no"}}, Null: NullWrite, At: at(9)},
		},
		Guards: Guards{MaxDeletes: 10, MaxDeletesShare: 0.025, Shrink: 0.2, StopRefused: 0.5},
		At:     document.Position{File: "syncs/contacts.yaml", Line: 1, Column: 1},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}

	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Sync
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	want.At, want.To.At, want.AfterAt = document.Position{}, document.Position{}, document.Position{}
	for i := range want.Map {
		want.Map[i].At = document.Position{}
	}
	if !reflect.DeepEqual(back, want) {
		t.Errorf("through JSON: got %+v\nwant %+v", back, want)
	}
	if strings.Contains(string(b), "syncs/contacts.yaml") {
		t.Error("positions are stored, so a file that moved would look changed")
	}
}

func TestWhatDataverseIsToLeaveOut(t *testing.T) {
	syncs, err := ParseSync("s.yaml", []byte(strings.Replace(syncFile, "on_leave: delete",
		"bypass: [async, flows, 5F3C0B7E-1111-4222-8333-444455556666], detect_duplicates: true", 1)), sql("SELECT *"))
	if err != nil {
		t.Fatal(err)
	}
	want := penstock.Execution{
		BypassAsync: true, BypassFlows: true, BypassSteps: []string{"5f3c0b7e-1111-4222-8333-444455556666"}, DetectDuplicates: true,
	}
	if got := syncs[0].To.Execution(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	syncs, err := ParseSync("s.yaml", []byte(`
sync: a
from: {query: a.sql, key: [x, y]}
to: {environment: demo, table: account, match: {key: [k1, k2]}}
map: {name: n}
`), sql("SELECT *"))
	if err != nil {
		t.Fatal(err)
	}
	s := syncs[0]
	if s.To.Mode != Upsert || s.To.OnLeave.Action != Nothing || s.Guards != DefaultGuards() || s.Map[0].Null != NullWrite {
		t.Errorf("defaults: %+v", s)
	}
}

// Everything that a field can say, with the text that the ways of filling a column have in common left out.
func TestAColumnIsFilledInManyWays(t *testing.T) {
	head := syncFile[:strings.Index(syncFile, "map:")]
	syncs, err := ParseSync("s.yaml", []byte(head+`map:
  a: {const: "x\"y"}
  b: {const: 1_000}
  c: {const: [1, 2.50]}
  d: {const: true}
  e: {expr: upper(first_name)}
  f: {template: "{{first_name}} {{last_name}}", null: error}
  g: {to: {from: kind}, by: {account: {accountnumber: no}, contact: {externaluseridentifier: no}}}
  h: {from: x, choice: label, language: 1031, empty: "null", truncate: true, mask: hash}
  i: {from: x, values: {ja: true, 0: false, m: Male}}
`), sql("SELECT *"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Field{
		{Column: "a", Const: `"x\"y"`},
		{Column: "b", Const: "1000"},
		{Column: "c", Const: "[1,2.50]"},
		{Column: "d", Const: "true"},
		{Column: "e", Expr: "upper(first_name)"},
		{Column: "f", Template: "{{first_name}} {{last_name}}", Null: NullError},
		{Column: "g", ToFrom: "kind", By: []Part{{Table: "account", Key: "accountnumber", From: "no"}, {Table: "contact", Key: "externaluseridentifier", From: "no"}}},
		{Column: "h", From: "x", Choice: Label, Language: 1031, Empty: EmptyNull, Truncate: true, Mask: Hash},
		{Column: "i", From: "x", Values: []Translation{{"ja", "true"}, {"0", "false"}, {"m", `"Male"`}}},
	}
	for i, f := range syncs[0].Map {
		f.At, f.TextAt = document.Position{}, document.Position{}
		if want[i].Null == "" {
			want[i].Null = NullWrite
		}
		if !reflect.DeepEqual(f, want[i]) {
			t.Errorf("got  %+v\nwant %+v", f, want[i])
		}
	}
	b, err := json.Marshal(syncs[0])
	if err != nil {
		t.Fatal(err)
	}
	var back Sync
	if err := json.Unmarshal(b, &back); err != nil || back.Map[2].Const != "[1,2.50]" || back.Map[8].Values[2].Value != `"Male"` {
		t.Errorf("through JSON: %+v, %v", back.Map, err)
	}
}

func TestAFileMayServeSeveralEnvironments(t *testing.T) {
	syncs, err := ParseSync("s.yaml", []byte(strings.Replace(syncFile, "environment: demo", "environment: [sandbox, prod]", 1)), sql("SELECT *;"))
	if err != nil || len(syncs) != 2 {
		t.Fatalf("%d syncs, %v", len(syncs), err)
	}
	if syncs[0].String() != "sandbox/contacts" || syncs[1].String() != "prod/contacts" || syncs[1].From.Query != "SELECT *" {
		t.Errorf("got %+v", syncs)
	}
}

func TestWhatLeavesIsDealtWithInManyWays(t *testing.T) {
	one, two := int32(1), int32(2)
	for text, want := range map[string]OnLeave{
		"mode: mirror":         {Action: Delete},
		"on_leave: deactivate": {Action: Deactivate},
		"on_leave: {deactivate: {state: 1, status: 2}}":            {Action: Deactivate, State: &one, Status: &two},
		"mode: update, on_leave: {clear: [firstname, gendercode]}": {Action: Clear, Clear: []string{"firstname", "gendercode"}},
	} {
		syncs, err := ParseSync("s.yaml", []byte(strings.Replace(syncFile, "mode: upsert, on_leave: delete", text, 1)), sql("SELECT *"))
		if err != nil || !reflect.DeepEqual(syncs[0].To.OnLeave, want) {
			t.Errorf("%s: got %+v, %v", text, syncs[0].To.OnLeave, err)
		}
	}
}

func TestMistakesInAnEnvironmentAreNamedWithTheirPlace(t *testing.T) {
	change := func(from, to string) string {
		if !strings.Contains(environmentFile, from) {
			t.Fatalf("%q is not in the file", from)
		}
		return strings.Replace(environmentFile, from, to, 1)
	}
	for _, c := range []struct{ name, file, want string }{
		{"an empty file", "", "e.yaml:1:1: the file is empty"},
		{"only a comment", "# nothing\n", "e.yaml:1:1: the file is empty"},
		{"a list", "- a\n", "e.yaml:1:1: the environment must be a mapping (key: value), not a list"},
		{"a tab", "environment: demo\n\turl: x\n", "e.yaml:2:1: this is not YAML: a tab stands where blanks belong; indent with blanks"},
		{"two documents", environmentFile + "---\nenvironment: b\n", "e.yaml:9:1: a second document begins here; put each into a file of its own"},
		{"a misspelt key", change("tenant:", "tenannt:"), `e.yaml:4:1: unknown key "tenannt" in the environment; did you mean tenant?`},
		{"an empty value", change("demo\n", "\n"), "e.yaml:2:1: environment is empty; give it a value, or drop the key"},
		{"a key twice", change("tenant:", "url: x\ntenant:"), "e.yaml:4:1: url comes twice in the environment; keep one of them"},
		{"a number for a name", change("demo\n", "12\n"), "e.yaml:2:14: environment must be text, not a number; write it in quotes"},
		{"a name that is no token", change("demo\n", "Demo One\n"), `e.yaml:2:14: environment "Demo One" is no name; write demo-one; a name has lower-case letters, digits, - and _, at most 64 in all`},
		{"the organisation alone", change("/api/data/v9.2/", ""), `e.yaml:3:6: url: the path of the Web API is missing; write http://127.0.0.1:8365/api/data/v9.2/`},
		{"no scheme", change("http://127.0.0.1:8365", "org.crm4.dynamics.com"), "e.yaml:3:6: url: https:// is missing in front; write https://org.crm4.dynamics.com/api/data/v9.2/"},
		{"the maker portal", change("127.0.0.1:8365", "make.powerapps.com"), "e.yaml:3:6: url: it is the address of the maker portal, not of an environment; copy the Web API endpoint of the environment: Power Apps, Settings, Developer resources"},
		{"plain http", change("127.0.0.1:8365", "org.crm4.dynamics.com"), "e.yaml:3:6: url: plain http would show the secret to the network; write https://org.crm4.dynamics.com, or trust an emulator there by authority: http://org.crm4.dynamics.com"},
		{"plain http in a container network", change("127.0.0.1:8365", "dataverse:8365"), "e.yaml:3:6: url: plain http would show the secret to the network; write https://dataverse:8365, or trust an emulator there by authority: http://dataverse:8365"},
		{"plain http beside the trusted authority", change("127.0.0.1:8365/api/data/v9.2/", "dataverse:8365/api/data/v9.2/\nauthority: https://dataverse:8365"), "e.yaml:3:6: url: plain http would show the secret to the network; write https://dataverse:8365, or trust an emulator there by authority: http://dataverse:8365"},
		{"an authority with a path", change("tenant:", "authority: http://dataverse:8365/common\ntenant:"), "e.yaml:4:12: authority is not an http or https address of a host alone; write it as http://dataverse:8365; those of Microsoft need not be named"},
		{"an authority without scheme", change("tenant:", "authority: dataverse:8365\ntenant:"), "e.yaml:4:12: authority is not an http or https address of a host alone; write it as http://dataverse:8365; those of Microsoft need not be named"},
		{"no credential", change("    client_secret: {env: DEMO_SECRET}\n", ""), "e.yaml:6:5: users[1] has neither client_secret nor certificate; add client_secret: {file: /path} or certificate: {file: /path}"},
		{"two credentials", change("{env: DEMO_SECRET}", "{env: DEMO_SECRET}\n    certificate: {file: /x.pem}"), "e.yaml:6:5: users[1] has both a client_secret and a certificate; keep one of them"},
		{"a certificate in the open", change("client_secret: {env: DEMO_SECRET}", "certificate: hunter2"), "e.yaml:7:18: certificate must say where the certificate is; write {file: /path}, a PEM file with the certificate and its private key, or sealed: as `penstock seal --certificate` prints it; they stay out of this file"},
		{"a certificate from a variable", change("client_secret: {env: DEMO_SECRET}", "certificate: {env: X}"), "e.yaml:7:19: unknown key in certificate; known are file, sealed"},
		{"users as a mapping", change("  - client_id", "    client_id"), `e.yaml:6:5: users must be a list of application users; begin each user with "- client_id: …"`},
		{"a client id that is no GUID", change("1111111A-", ""), `e.yaml:6:16: client_id is no GUID (8-4-4-4-12 hexadecimal digits); copy the Application (client) ID from the app registration's overview`},
		{"a secret in the open", change("{env: DEMO_SECRET}", "hunter2"), "e.yaml:7:20: client_secret must say where the secret is; write {file: /path} or {env: NAME}, or sealed: as `penstock seal` prints it; the value itself stays out of this file"},
		{"a secret under a wrong key", change("{env: DEMO_SECRET}", "{value: hunter2}"), `e.yaml:7:21: unknown key in client_secret; known are file, env, sealed`},
		{"a secret for a key", change("{env: DEMO_SECRET}", "{hunter2}"), `e.yaml:7:21: unknown key in client_secret; known are file, env, sealed`},
		{"a secret for a key, twice", change("{env: DEMO_SECRET}", "{hunter2, hunter2}"), "e.yaml:7:21: unknown key in client_secret; known are file, env, sealed\ne.yaml:7:30: a key comes twice in client_secret; keep one of them"},
		{"a secret for the tenant", change("22222222-2222-2222-2222-222222222222", "hunter2~x"), "e.yaml:4:9: tenant is neither the ID of a directory nor a domain; copy the Directory (tenant) ID from the app registration's overview: a GUID"},
		{"a secret for a variable's name", change("DEMO_SECRET", "hunter2~x"), "e.yaml:7:26: client_secret.env is not the name of a variable; write {file: /path} or {env: NAME}, or sealed: as `penstock seal` prints it; the value itself stays out of this file"},
		{"a secret from two places", change("{env:", "{file: /x, env:"), "e.yaml:7:20: client_secret names more than one place; write {file: /path} or {env: NAME}, or sealed: as `penstock seal` prints it; the value itself stays out of this file"},
		{"a secret in the place of its seal", change("{env: DEMO_SECRET}", "{sealed: hunter2}"), "e.yaml:7:29: client_secret.sealed is not a sealed value: it does not begin with -----BEGIN AGE ENCRYPTED FILE-----; write it as a block (sealed: |), exactly as `penstock seal` prints it"},
		{"a broken seal", change("{env: DEMO_SECRET}", "\n      sealed: |\n        -----BEGIN AGE ENCRYPTED FILE-----\n        aHVudGVyMg==\n        -----END AGE ENCRYPTED FILE-----"), "e.yaml:8:15: client_secret.sealed is not a sealed value: its text is damaged; write it as a block (sealed: |), exactly as `penstock seal` prints it"},
		{"a broken certificate", change("client_secret: {env: DEMO_SECRET}", "certificate: {sealed: hunter2}"), "e.yaml:7:27: certificate.sealed is not a sealed value: it does not begin with -----BEGIN AGE ENCRYPTED FILE-----; write it as a block (sealed: |), exactly as `penstock seal` prints it"},
		{"an alias", change("{env: DEMO_SECRET}", "*x"), "e.yaml:7:20: client_secret must say where the secret is; write {file: /path} or {env: NAME}, or sealed: as `penstock seal` prints it; the value itself stays out of this file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseEnvironment("e.yaml", []byte(c.file))
			check(t, err, c.want)
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the problem repeats the secret")
			}
		})
	}
}

func TestAUserMayHaveACertificateAndAnEmulatorTrust(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "penstock.pem", "-----BEGIN X-----\n")
	file := strings.NewReplacer("client_secret: {env: DEMO_SECRET}", "certificate: {file: penstock.pem}", "127.0.0.1:8365/api/data/v9.2/", "dataverse:8365/api/data/v9.2/\nauthority: http://Dataverse:8365/").Replace(environmentFile)
	e, err := ParseEnvironment(filepath.Join(dir, "e.yaml"), []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Authorities(); len(got) != 1 || got[0] != "http://dataverse:8365" {
		t.Errorf("authorities %v", got)
	}
	stored, err := json.Marshal(e)
	if err != nil || strings.Contains(string(stored), "client_secret") || strings.Contains(string(stored), "BEGIN") {
		t.Errorf("stored as %s, %v", stored, err)
	}
	var again Environment
	if err := json.Unmarshal(stored, &again); err != nil || again.Users[0].Certificate != e.Users[0].Certificate || again.Authority != e.Authority {
		t.Errorf("%+v %v", again, err)
	}
	user := again.Users[0]
	if user.ClientSecret.Reader("") != nil || user.Certificate.Reader("") == nil {
		t.Fatal("the reader of the wrong credential")
	}
	if got, err := user.Certificate.Reader("")(); err != nil || got != "-----BEGIN X-----\n" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := (Certificate{File: filepath.Join(dir, "none.pem")}).Read(""); err == nil || !strings.Contains(err.Error(), "certificate: ") {
		t.Errorf("%v", err)
	}
	if (User{ClientSecret: Secret{Env: "X"}}).ClientSecret.Reader("") == nil || (User{}).Certificate.Reader("") != nil {
		t.Error("a reader too few or too many")
	}
}

func TestMistakesInASyncAreNamedWithTheirPlace(t *testing.T) {
	change := func(from, to string) string {
		if !strings.Contains(syncFile, from) {
			t.Fatalf("%q is not in the file", from)
		}
		return strings.Replace(syncFile, from, to, 1)
	}
	for _, c := range []struct{ name, file, want string }{
		{"a misspelt key in a flow mapping", change("table:", "tabel:"), `s.yaml:3:27: unknown key "tabel" in to; did you mean table?`},
		{"no map", change("map:", "mapping:"), `s.yaml:1:1: map is missing in the sync; add map: …
s.yaml:5:1: unknown key "mapping" in the sync; known are sync, from, to, after, schedule, map, guards, tests, overlays`},
		{"a mode that is none", change("mode: upsert", "mode: insert"), `s.yaml:3:87: to.mode cannot be "insert"; did you mean upsert?`},
		{"an upper-case column", change("emailaddress1:", "EmailAddress1:"), "s.yaml:6:3: map.EmailAddress1 does not name a Dataverse column; logical names are lower case: emailaddress1"},
		{"a column without a source", change("emailaddress1: email", "emailaddress1:"), "s.yaml:6:3: map.emailaddress1 is empty; write emailaddress1: warehouse_column"},
		{"a number for a source", change("gender_code", "1"), "s.yaml:8:15: map.gendercode must be text, not a number; write it in quotes"},
		{"a column mapped twice", change("gendercode:", "emailaddress1:"), "s.yaml:8:3: emailaddress1 comes twice in map; keep one of them"},
		{"an unknown null policy", change("null: skip", "null: skipp"), `s.yaml:7:39: map.firstname.null cannot be "skipp"; did you mean skip?`},
		{"a lookup without by", change("{to: account, by: {accountnumber: account_no}}", "{to: account}"), "s.yaml:9:21: by is missing in map.parentcustomerid; a lookup is written {to: account, by: {accountnumber: account_no}}"},
		{"a lookup that is a column too", change("{to: account,", "{from: x, to: account,"), "s.yaml:9:21: map.parentcustomerid is both a column (from) and a lookup (to, by); a lookup is written {to: account, by: {accountnumber: account_no}}"},
		{"a share without per cent", change("2.5%", "0.025"), "s.yaml:10:46: guards.max_deletes_share is a share, and wants its %; write 2.5%"},
		{"a share over 100 %", change("2.5%", "250%"), `s.yaml:10:46: guards.max_deletes_share: "250%" is not a share between 0% and 100%; write it as 5%`},
		{"a negative count", change("max_deletes: 10,", "max_deletes: -1,"), "s.yaml:10:23: guards.max_deletes must be a whole number of at least 0"},
		{"SQL in the place of its file", change("contacts.sql", "select 1"), "s.yaml:2:15: from.query must name a .sql file; put the SELECT into a file beside this one and name that"},
		{"after itself", change("[accounts]", "[contacts]"), "s.yaml:4:8: contacts cannot run after itself; drop it from after"},
		{"a key column twice", change("key: customer_id", "key: [a, a]"), "s.yaml:2:38: from.key names a twice; keep one of them"},
		{"a compound key with one column short", change("{key: externaluseridentifier}", "{key: [a, b]}"), "s.yaml:2:34: from.key has 1 columns and to.match.key has 2; give one warehouse column for each, in the same order"},
		{"a delete by a sync that makes no records", change("mode: upsert", "mode: update"), "s.yaml:3:105: a sync of mode update cannot delete: the records are not its own; choose mode: upsert, or on_leave: nothing"},
		{"a mirror that keeps what leaves", change("mode: upsert, on_leave: delete", "mode: mirror, on_leave: nothing"), "s.yaml:3:105: a mirror deals with what leaves the model; choose delete, deactivate or clear, or mode: upsert"},
		{"clearing without columns", change("on_leave: delete", "on_leave: clear"), "s.yaml:3:105: to.on_leave: clear must say which columns; write {clear: [column, …]}"},
		{"a column filled twice over", change("{from: first_name, null: skip}", "{from: first_name, const: x}"), "s.yaml:7:14: map.firstname is filled in two ways: from and const; keep one of them"},
		{"a key that is not said to be one", change("match: {key: externaluseridentifier}", "match: externaluseridentifier"), "s.yaml:3:50: to.match says what the column or key is: it is a mapping; write match: {key: externaluseridentifier}"},
		{"an expression that does not end", change("{from: first_name, null: skip}", `{expr: "upper(first_name"}`), `s.yaml:7:37: map.firstname: unexpected token EOF (character 16 of the expression)`},
		{"a function that is not there", change("{from: first_name, null: skip}", `{expr: "uper(first_name)"}`), `s.yaml:7:22: map.firstname: there is no column or function uper (character 1 of the expression); did you mean upper?`},
		{"a template that does not end", change("{from: first_name, null: skip}", `{template: "{{first_name} x"}`), `s.yaml:7:26: map.firstname: {{ is not closed (character 1 of the template); close it with }}, or write {{ '{{' }} where the braces are to be seen`},
		{"a bypass that is neither a word nor a step", change("mode: upsert", "bypass: [async, flow]"), `s.yaml:3:97: to.bypass cannot be "flow"; did you mean flows?`},
		{"a word for true", change("mode: upsert", "detect_duplicates: please"), "s.yaml:3:100: to.detect_duplicates must be true or false, not text; write true or false"},
		{"several at once", change("table: contact, ", "")[:strings.Index(syncFile, "map:")-16] + "mapp: x\n", `s.yaml:3:7: table is missing in to; add table: …
s.yaml:5:1: unknown key "mapp" in the sync; did you mean map?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSync("s.yaml", []byte(c.file), sql("SELECT *"))
			check(t, err, c.want)
		})
	}
	_, err := ParseSync("s.yaml", []byte(change("{from: first_name, null: skip}", "{expr: lower(first_nam)}")), sql("SELECT first_name, customer_id, email, gender_code, account_no"))
	check(t, err, "s.yaml:7:3: map.firstname: the query contacts.sql gives no column first_nam; did you mean first_name?")
	_, err = ParseSync("s.yaml", []byte(syncFile), sql(" ;\n"))
	check(t, err, "contacts.sql:1:1: the query is empty; write one SELECT")
}

// sql is what each SQL file holds.
func sql(text string) func(string) (string, error) {
	return func(string) (string, error) { return text, nil }
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no problem found\nwant %s", want)
	}
	var ps document.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("%T is not Problems", err)
	}
	if got := err.Error(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestASecretIsReadFromItsPlaceAndNeverShown(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "secret", "s3cr~t \n")
	e, err := ParseEnvironment(filepath.Join(dir, "e.yaml"), []byte(strings.Replace(environmentFile, "{env: DEMO_SECRET}", "{file: secret}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	secret := e.Users[0].ClientSecret
	if got, err := secret.Read(""); err != nil || got != "s3cr~t " {
		t.Errorf("got %q, %v", got, err)
	}
	if b, _ := json.Marshal(e); strings.Contains(string(b), "s3cr~t") || !strings.Contains(string(b), "secret") {
		t.Errorf("stored as %s", b)
	}
	t.Setenv("PENSTOCK_TEST_SECRET", "x")
	if got, err := (Secret{Env: "PENSTOCK_TEST_SECRET"}).Read(""); err != nil || got != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	t.Setenv("PENSTOCK_TEST_SECRET", "")
	for _, s := range []Secret{{Env: "PENSTOCK_TEST_SECRET"}, {File: filepath.Join(dir, "none")}, {}} {
		if got, err := s.Read(""); err == nil {
			t.Errorf("%s: read %q", s, got)
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSharesAreWrittenAsTheyAreRead(t *testing.T) {
	for _, want := range []string{"0%", "5%", "2.5%", "100%", "0.1%"} {
		if s, err := parseShare(want); err != nil || s.String() != want {
			t.Errorf("%s became %s, %v", want, s, err)
		}
	}
	for _, wrong := range []string{"", "%", "5", "-1%", "101%", "NaN%", "five%"} {
		if s, err := parseShare(wrong); err == nil {
			t.Errorf("%q was read as %s", wrong, s)
		}
	}
}

// What is read must be usable, whatever the bytes: no panic, positions inside the file, JSON that reads back the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{environmentFile, syncFile, overlaidFile, "overlays: {a: {to: {environment: x}}}\nto: {environment: a}", "", "a: [", "? a", "a: &x b\nc: *x", "<<: {}", "- - -", "a: !!str 1", "{a: b", "a: |\n  b", "\"\\x", "a:\n- b: c\n d"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
		syncs, err := ParseSync("s.yaml", data, sql("SELECT *"))
		_, err2 := ParseEnvironment("e.yaml", data)
		if err == nil && err2 == nil {
			t.Error("nothing is both a sync and an environment")
		}
		for _, e := range []error{err, err2} {
			var ps document.Problems
			if e != nil && !errors.As(e, &ps) {
				t.Fatalf("%T is not Problems", e)
			}
			for _, p := range ps {
				if p.Line < 1 || p.Line > lines+1 || p.Column < 1 || p.What == "" {
					t.Errorf("problem out of place: %v", p)
				}
			}
		}
		b, err := json.Marshal(syncs)
		if err != nil {
			t.Fatal(err)
		}
		var back []Sync
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
	})
}
