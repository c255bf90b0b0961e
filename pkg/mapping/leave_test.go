package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// closable is a table with these states and reasons: active (1 New, 2 Open), inactive (3 Lost, 5 Gone) and 2 (7 Merged).
func closable(in *Input, table string) {
	in.Table.LogicalName, in.Sync.To.Table = table, table
	for i := range in.Table.Columns {
		switch c := &in.Table.Columns[i]; c.Name {
		case stateColumn:
			c.Options = []dataverse.Option{{Value: 0, Label: "Active"}, {Value: 1, Label: "Inactive"}, {Value: 2, Label: "Merged"}}
		case statusColumn:
			c.Options = []dataverse.Option{
				{Value: 1, Label: "New"}, {Value: 2, Label: "Open"}, {Value: 3, Label: "Lost", State: 1}, {Value: 5, Label: "Gone", State: 1}, {Value: 7, Label: "Merged", State: 2},
			}
		}
	}
}

func number(v int32) *int32 { return &v }

func TestWhatIsAskedForARecordWhoseRowLeft(t *testing.T) {
	parent := spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountnumber", From: "v"}}}
	for _, test := range []struct {
		name      string
		leave     spec.OnLeave
		operation penstock.Operation
		body      string
	}{
		{"nothing", spec.OnLeave{Action: spec.Nothing}, penstock.Upsert, ""},
		{"delete", spec.OnLeave{Action: spec.Delete}, penstock.Delete, ""},
		{"deactivate", spec.OnLeave{Action: spec.Deactivate}, penstock.Deactivate, `{"statecode":1,"statuscode":3}`},
		{"another reason", spec.OnLeave{Action: spec.Deactivate, Status: number(5)}, penstock.Deactivate, `{"statecode":1,"statuscode":5}`},
		{"another state", spec.OnLeave{Action: spec.Deactivate, State: number(2)}, penstock.Deactivate, `{"statecode":2,"statuscode":7}`},
		{"clear", spec.OnLeave{Action: spec.Clear, Clear: []string{"firstname"}}, penstock.Clear, `{"firstname":null}`},
		{"clear a lookup too", spec.OnLeave{Action: spec.Clear, Clear: []string{"firstname", "parentcustomerid"}}, penstock.Clear, `{"firstname":null,"parentcustomerid_account":null}`},
	} {
		in := input([]SourceColumn{{"v", "String"}}, column("firstname"), parent)
		closable(&in, "contact")
		in.Sync.To.OnLeave = test.leave
		if got := compile(t, in).Leave(); got.Operation != test.operation || string(got.Body) != test.body {
			t.Errorf("%s: %s %s, want %s %s", test.name, got.Operation, got.Body, test.operation, test.body)
		}
	}
}

func TestALookupWhoseTableTheRowChoosesIsClearedForEach(t *testing.T) {
	contact := contact()
	column, _ := contact.Column("parentcustomerid")
	if got := strings.Join(unbinding(column, ""), ","); got != `"parentcustomerid_account":null,"parentcustomerid_contact":null` {
		t.Error(got)
	}
}

func TestLeaveActionsThatCannotBeAreRefusedWithTheWayOut(t *testing.T) {
	deactivate := func(state, status *int32) spec.OnLeave {
		return spec.OnLeave{Action: spec.Deactivate, State: state, Status: status}
	}
	for _, test := range []struct {
		name, table string
		leave       spec.OnLeave
		says        []string
	}{
		{"no such state", "contact", deactivate(number(3), nil), []string{"contact has no state 3", "0 (Active), 1 (Inactive), 2 (Merged)"}},
		{"the active state", "contact", deactivate(number(0), nil), []string{"state 0 is the active one"}},
		{"a status of another state", "contact", deactivate(nil, number(7)), []string{"status 7 is none of state 1", "3 (Lost), 5 (Gone)"}},
		{"won opportunities", "opportunity", deactivate(nil, nil), []string{"WinOpportunity", "choose {clear:"}},
		{"closed cases", "incident", deactivate(nil, nil), []string{"CloseIncident", "{deactivate: {state: 2}}"}},
		{"qualified leads", "lead", deactivate(nil, nil), []string{"QualifyLead", "{deactivate: {state: 2}}"}},
		{"a column of others", "contact", spec.OnLeave{Action: spec.Clear, Clear: []string{"description"}}, []string{"description is not in map"}},
		{"a slip", "contact", spec.OnLeave{Action: spec.Clear, Clear: []string{"fristname"}}, []string{"fristname is not in map", "did you mean firstname?"}},
		{"the key", "contact", spec.OnLeave{Action: spec.Clear, Clear: []string{"externaluseridentifier"}}, []string{"part of the match key"}},
		{"what must not be empty", "contact", spec.OnLeave{Action: spec.Clear, Clear: []string{"lastname"}}, []string{"cannot be empty"}},
		{"what cannot be changed", "contact", spec.OnLeave{Action: spec.Clear, Clear: []string{"description2"}}, []string{"update description2"}},
	} {
		in := input([]SourceColumn{{"v", "String"}}, column("firstname"), column("lastname"),
			spec.Field{Column: "externaluseridentifier", From: "id"}, column("description2"))
		closable(&in, test.table)
		for i := range in.Table.Columns {
			if c := &in.Table.Columns[i]; c.Name == "lastname" {
				c.Required = true
			}
		}
		once := dataverse.Column{Name: "description2", Type: dataverse.Text, Creatable: true}
		i := slices.IndexFunc(in.Table.Columns, func(c dataverse.Column) bool { return c.Name > once.Name })
		in.Table.Columns = slices.Insert(in.Table.Columns, i, once)
		in.Sync.To.OnLeave = test.leave
		in.Sync.At = document.Position{File: "syncs/x.yaml", Line: 1, Column: 1}
		_, err := Compile(in)
		if err == nil {
			t.Errorf("%s: compiled", test.name)
			continue
		}
		for _, part := range append(test.says, "syncs/x.yaml:1:1") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", test.name, err, part)
			}
		}
	}
}

func TestATableWithoutStatesCannotDeactivate(t *testing.T) {
	in := input([]SourceColumn{{"v", "String"}}, column("firstname"))
	in.Table.Columns = slices.DeleteFunc(in.Table.Columns, func(c dataverse.Column) bool { return c.Name == stateColumn })
	in.Sync.To.OnLeave.Action = spec.Deactivate
	if _, err := Compile(in); err == nil || !strings.Contains(err.Error(), "the table has no state") {
		t.Error(err)
	}
}

func TestARowThatIsBackMakesItsRecordActiveAgain(t *testing.T) {
	for _, test := range []struct {
		name      string
		change    func(*Input)
		body      string
		operation penstock.Operation
		want      string
	}{
		{"with its reason", func(*Input) {}, `{"firstname":"x"}`, penstock.Restore, `{"firstname":"x","statecode":0,"statuscode":1}`},
		{"where nothing else is said", func(*Input) {}, `{}`, penstock.Restore, `{"statecode":0,"statuscode":1}`},
		{"unless the map says the reason", func(in *Input) { in.Sync.Map = append(in.Sync.Map, column(statusColumn)) }, `{"statecode":1,"statuscode":3}`, penstock.Restore, `{"statecode":1,"statuscode":3}`},
		{"unless the map says it", func(in *Input) { in.Sync.Map = append(in.Sync.Map, column(stateColumn)) }, `{"statecode":1}`, penstock.Restore, `{"statecode":1}`},
		{"unless the record is not its own", func(in *Input) { in.Sync.To.Mode = spec.Update }, `{}`, penstock.Update, `{}`},
	} {
		in := input([]SourceColumn{{"v", "Int32"}}, column("new_no"))
		closable(&in, "contact")
		test.change(&in)
		body, operation := compile(t, in).Restore([]byte(test.body))
		if string(body) != test.want || operation != test.operation {
			t.Errorf("%s: %s %s, want %s %s", test.name, operation, body, test.operation, test.want)
		}
	}
}

func TestAnotherLeaveActionSendsNoRowAgain(t *testing.T) {
	in := input([]SourceColumn{{"v", "String"}}, column("firstname"))
	closable(&in, "contact")
	in.Sync.To.OnLeave.Action = spec.Delete
	before := compile(t, in)
	in.Sync.To.OnLeave.Action = spec.Deactivate
	after := compile(t, in)
	if before.Fingerprint() != after.Fingerprint() {
		t.Error("the fingerprint of the rows is another")
	}
	if before.LeaveFingerprint() == after.LeaveFingerprint() {
		t.Error("a removal that was refused would not be tried again")
	}
}
