package mapping

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"         //nolint:depguard // what is rendered is tested where it is sent; the package itself has no connection
	"github.com/penstock-sync/penstock/pkg/clickhousetest"     //nolint:depguard // as above
	"github.com/penstock-sync/penstock/pkg/dataverse"          // the client
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator" //nolint:depguard // as above
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

const (
	anAccount  = "a0000000-0000-4000-8000-000000000001"
	aContact   = "c0000000-0000-4000-8000-000000000001"
	aTeam      = "e0000000-0000-4000-8000-000000000001"
	aStatement = "SELECT 'K-1' AS id, "
)

// environment is an emulator with a few records, and its client over HTTP.
func environment(t *testing.T) (*emulator.Server, *dataverse.Client) {
	t.Helper()
	s := emulator.New(emulator.Config{})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	client, err := dataverse.New(dataverse.Config{
		URL: web.URL, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil }, Request: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	send(t, client, "account", "accounts", `{"accountid":"`+anAccount+`","accountnumber":"A-1","name":"A"}`)
	send(t, client, "contact", "contacts", `{"contactid":"`+aContact+`","externaluseridentifier":"C-1"}`)
	send(t, client, "transactioncurrency", "transactioncurrencies",
		`{"transactioncurrencyid":"`+euro+`","isocurrencycode":"EUR","currencyname":"Euro","exchangerate":0.9}`)
	send(t, client, "team", "teams", `{"teamid":"`+aTeam+`","name":"Sales"}`)
	return s, client
}

func send(t *testing.T, client *dataverse.Client, table, set, body string) {
	t.Helper()
	change := penstock.Change{Operation: penstock.Create, Address: set, Body: []byte(body)}
	a := client.Batch(t.Context(), table, penstock.Execution{}, []penstock.Change{change})
	if a.Fault != nil || a.Verdicts[0].Kind != penstock.Fine {
		t.Fatalf("%s: %+v", body, a)
	}
}

// deliver renders the one row of a model for a table, as the metadata of the environment has it, and sends it.
func deliver(t *testing.T, client *dataverse.Client, to spec.To, model string, fields ...spec.Field) (body string, verdict dataverse.Verdict) {
	t.Helper()
	in := Input{
		Sync:         spec.Sync{Name: "s", From: spec.From{Key: []string{"id"}}, To: to, Map: fields},
		Organization: organization, Targets: map[string]*dataverse.Table{},
	}
	read := func(name string) *dataverse.Table {
		table, err := client.Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	in.Table = read(to.Table)
	in.Targets[to.Table] = in.Table
	for _, name := range Targets(in.Sync, in.Table) {
		in.Targets[name] = read(name)
	}
	if len(to.Match) == 2 {
		in.Sync.From.Key = []string{"id", "tier"}
	}
	conn := clickhousetest.Open(t)
	columns, err := conn.Columns(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		in.Model = append(in.Model, SourceColumn{Name: c.Name, Type: c.Type})
	}
	p := compile(t, in)
	rows, err := conn.Query(t.Context(), clickhouse.Query{SQL: p.Select(model)})
	if err != nil {
		t.Fatal(err)
	}
	r := p.NewRow()
	if !rows.Next() {
		t.Fatal("no row", rows.Err())
	}
	if err := rows.Scan(r.Dest()...); err != nil {
		t.Fatal(err)
	}
	rendered, address, cause := p.Append(nil, nil, r)
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if cause != nil {
		t.Fatal(cause)
	}
	change := penstock.Change{Operation: p.Operation(), Address: string(address), Body: rendered}
	a := client.Batch(t.Context(), to.Table, penstock.Execution{}, []penstock.Change{change})
	if a.Fault != nil || len(a.Verdicts) != 1 {
		t.Fatalf("%s: %+v", rendered, a)
	}
	return string(rendered), a.Verdicts[0]
}

func TestWhatIsRenderedIsWhatDataverseKeeps(t *testing.T) {
	s, client := environment(t)
	contact := spec.To{Table: "contact", Match: []string{"externaluseridentifier"}, Mode: spec.Upsert}
	membership := spec.To{Table: "new_membership", Match: []string{"new_code"}, Mode: spec.Upsert}
	opportunity := spec.To{Table: "opportunity", Match: []string{"opportunityid"}, Mode: spec.Upsert}
	by := func(column, to string, parts ...spec.Part) spec.Field {
		return spec.Field{Column: column, To: to, By: parts}
	}
	from := func(column, from string) spec.Field { return spec.Field{Column: column, From: from} }
	either := spec.Field{Column: "parentcustomerid", ToFrom: "kind", By: []spec.Part{
		{Table: "account", Key: "accountnumber", From: "no"}, {Table: "contact", Key: "externaluseridentifier", From: "no"},
	}}
	owner := spec.Field{Column: "ownerid", ToFrom: "kind", By: []spec.Part{
		{Table: "systemuser", Key: "systemuserid", From: "no"}, {Table: "team", Key: "teamid", From: "no"},
	}}
	label := func(column, from string, language int) spec.Field {
		return spec.Field{Column: column, From: from, Choice: spec.Label, Language: language}
	}
	who, fault := client.WhoAmI(t.Context())
	if fault != nil {
		t.Fatal(fault)
	}
	for _, step := range []struct {
		name   string
		to     spec.To
		model  string
		fields []spec.Field
		want   map[string]string // of the record, after each step
	}{
		{"a choice by label", contact, "'female' AS v", []spec.Field{label("gendercode", "v", 0)}, map[string]string{"gendercode": "2"}},
		{"a choice by word", contact, "'m' AS v", []spec.Field{{Column: "gendercode", From: "v", Values: words("m", `"Male"`)}}, map[string]string{"gendercode": "1"}},
		{"a choice by German label", membership, "'laden' AS v", []spec.Field{label("new_channel", "v", 1031)}, map[string]string{"new_channel": "1"}},
		{"several by number", membership, "[3, 1] AS v", []spec.Field{from("new_interests", "v")}, map[string]string{"new_interests": "1,3"}},
		{"several by label", membership, "['travel', 'Music'] AS v", []spec.Field{label("new_interests", "v", 0)}, map[string]string{"new_interests": "2,3"}},
		{"several as text", membership, "'2,1,2' AS v", []spec.Field{from("new_interests", "v")}, map[string]string{"new_interests": "1,2"}},
		{"none of several", membership, "[]::Array(String) AS v", []spec.Field{label("new_interests", "v", 0)}, map[string]string{"new_interests": ""}},

		{"a status with its state", contact, "2 AS v", []spec.Field{from("statuscode", "v")}, map[string]string{"statecode": "1", "statuscode": "2"}},
		{"the status of another state", contact, "'Active' AS v", []spec.Field{label("statuscode", "v", 0)}, map[string]string{"statecode": "0", "statuscode": "1"}},
		{"a state alone", contact, "'inactive' AS v", []spec.Field{label("statecode", "v", 0)}, map[string]string{"statecode": "1", "statuscode": "2"}},
		{"a pair", contact, "0 AS s, 1 AS v", []spec.Field{from("statecode", "s"), from("statuscode", "v")}, map[string]string{"statecode": "0", "statuscode": "1"}},
		{"an open opportunity", opportunity, "2 AS v", []spec.Field{from("statuscode", "v")}, map[string]string{"statecode": "0", "statuscode": "2"}},

		{"a lookup by GUID", membership, "toUUID('" + aContact + "') AS v", []spec.Field{by("new_contact", "contact", spec.Part{Key: "contactid", From: "v"})}, map[string]string{"_new_contact_value": aContact}},
		{"a lookup by alternate key", membership, "'C-1' AS v", []spec.Field{by("new_contact", "", spec.Part{Key: "externaluseridentifier", From: "v"})}, map[string]string{"_new_contact_value": aContact}},
		{"a table for the sync", contact, "'A-1' AS v", []spec.Field{by("parentcustomerid", "account", spec.Part{Key: "accountnumber", From: "v"})}, map[string]string{"_parentcustomerid_value": anAccount}},
		{"a table for the row", contact, "'Contact' AS kind, 'C-1' AS no", []spec.Field{either}, map[string]string{"_parentcustomerid_value": aContact}},
		{"another for the row", contact, "'account' AS kind, 'A-1' AS no", []spec.Field{either}, map[string]string{"_parentcustomerid_value": anAccount}},
		{"back", contact, "'contact' AS kind, 'C-1' AS no", []spec.Field{either}, map[string]string{"_parentcustomerid_value": aContact}},
		{"cleared by the property of another table", contact, "CAST(NULL AS Nullable(String)) AS kind, '' AS no", []spec.Field{either}, map[string]string{"_parentcustomerid_value": ""}},
		{"a team as owner", contact, "'team' AS kind, '" + aTeam + "' AS no", []spec.Field{owner}, map[string]string{"_ownerid_value": aTeam}},
		{"a user as owner", contact, "'systemuser' AS kind, '" + who.User + "' AS no", []spec.Field{owner}, map[string]string{"_ownerid_value": who.User}},

		{"money in a currency", contact, "toDecimal64(12.5, 2) AS v, 'EUR' AS iso", []spec.Field{from("creditlimit", "v"), by("transactioncurrencyid", "transactioncurrency", spec.Part{Key: "isocurrencycode", From: "iso"})}, map[string]string{"creditlimit": "12.5", "_transactioncurrencyid_value": euro}},
		{"money in another", contact, "'usd' AS iso", []spec.Field{by("transactioncurrencyid", "", spec.Part{Key: "isocurrencycode", From: "iso"})}, map[string]string{"creditlimit": "12.5"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			model, key := aStatement+step.model, step.to.Match[0]+"='K-1'"
			if step.to.Table == "opportunity" {
				model, key = "SELECT toUUID('"+anAccount+"') AS id, "+step.model, anAccount
			}
			body, verdict := deliver(t, client, step.to, model, step.fields...)
			if verdict.Kind != penstock.Fine {
				t.Fatalf("%s: %+v", body, verdict)
			}
			row, found := s.RowByKey(step.to.Table, key)
			if !found {
				t.Fatal("there is no record")
			}
			for column, want := range step.want {
				if got := row.Text(column); got != want {
					t.Errorf("%s made %s %s, want %s", body, column, got, want)
				}
			}
		})
	}
	row, _ := s.RowByKey("contact", "externaluseridentifier='K-1'")
	if dollar := row.Text("_transactioncurrencyid_value"); dollar == euro || dollar == "" {
		t.Errorf("the last currency is %q", dollar)
	}
}

func TestALookupWithinTheKeyMakesAndFindsItsRecord(t *testing.T) {
	s, client := environment(t)
	to := spec.To{Table: "new_membership", Match: []string{"new_contact", "new_tier"}, Mode: spec.Upsert}
	model := "SELECT toUUID('" + aContact + "') AS id, 100000001 AS tier, 'x' AS v"
	address := fmt.Sprintf("_new_contact_value=%s,new_tier=100000001", aContact)
	name := spec.Field{Column: "new_notes", From: "v"}
	for _, mode := range []spec.Mode{spec.Upsert, spec.Update, spec.Upsert} {
		to.Mode = mode
		if body, verdict := deliver(t, client, to, model, name); verdict.Kind != penstock.Fine {
			t.Fatalf("%s: %s %+v", mode, body, verdict)
		}
	}
	row, found := s.RowByKey("new_membership", address)
	if !found || s.Count("new_membership") != 1 || row.Text("_new_contact_value") != aContact || row.Text("new_notes") != "x" {
		t.Errorf("%d records, %v", s.Count("new_membership"), row)
	}
	// A create says in its body what the address of an upsert says. A second one meets the first one's record.
	to.Mode = spec.Create
	model = strings.Replace(model, "100000001", "100000002", 1)
	for range 2 {
		if body, verdict := deliver(t, client, to, model, name); verdict.Kind != penstock.Fine {
			t.Fatalf("create: %s %+v", body, verdict)
		}
	}
	if _, found := s.RowByKey("new_membership", strings.Replace(address, "100000001", "100000002", 1)); !found || s.Count("new_membership") != 2 {
		t.Errorf("%d records", s.Count("new_membership"))
	}
}

// What this package refuses for its state is what Dataverse refuses: an update without its checks is answered so.
func TestDataverseRefusesTheStatesThatNeedAnAction(t *testing.T) {
	_, client := environment(t)
	send(t, client, "opportunity", "opportunities", `{"opportunityid":"`+anAccount+`","name":"x"}`)
	update := func(body string) dataverse.Verdict {
		change := penstock.Change{Operation: penstock.Update, Address: "opportunities(" + anAccount + ")", Body: []byte(body)}
		return client.Batch(t.Context(), "opportunity", penstock.Execution{}, []penstock.Change{change}).Verdicts[0]
	}
	if v := update(`{"statecode":1,"statuscode":3}`); v.Kind != penstock.RowFault || v.Cause.Code != "0x80100005" {
		t.Errorf("a won opportunity: %+v", v)
	}
	if v := update(`{"statecode":0,"statuscode":3}`); v.Kind != penstock.RowFault || v.Cause.Code != "0x80048408" {
		t.Errorf("a pair of different states: %+v", v)
	}
	if v := update(`{"statuscode":3}`); v.Kind != penstock.RowFault {
		t.Errorf("a status without its state: %+v", v)
	}
}
