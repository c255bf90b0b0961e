package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

const (
	knownID   = "aaaaaaaa-0000-0000-0000-000000000001"
	unknownID = "aaaaaaaa-0000-0000-0000-00000000ffff"
)

// TestStatusMatrix is section 2.4, line by line. In each case there is an account A-1 with knownID, and nothing else.
func TestStatusMatrix(t *testing.T) {
	const representation = "Prefer: return=representation"
	byID, byKey := "accounts("+knownID+")", "accounts(accountnumber='A-1')"
	noID, noKey := "accounts("+unknownID+")", "accounts(accountnumber='A-9')"
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code                     string
		rows                     int
		entity                   string // what OData-EntityId ends with
	}{
		{"POST creates", "POST", "accounts", `{"name":"x"}`, nil, 204, "", 2, ")"},
		{"POST with a representation answers 201", "POST", "accounts", `{"name":"x"}`, []string{representation}, 201, "", 2, ""},
		{"POST with the primary key of a row", "POST", "accounts", `{"accountid":"` + knownID + `"}`, nil, 412, "0x80040237", 1, ""},
		{"POST with an alternate key of a row", "POST", "accounts", `{"accountnumber":"A-1"}`, nil, 412, "0x80060892", 1, ""},
		{"POST with its own primary key", "POST", "accounts", `{"accountid":"` + unknownID + `"}`, nil, 204, "", 2, "/accounts(" + unknownID + ")"},

		{"PATCH by GUID creates", "PATCH", noID, `{"name":"x"}`, nil, 204, "", 2, "/" + noID},
		{"PATCH by GUID updates", "PATCH", byID, `{"name":"x"}`, nil, 204, "", 1, "/" + byID},
		{"PATCH by GUID creates with a representation", "PATCH", noID, `{"name":"x"}`, []string{representation}, 201, "", 2, ""},
		{"PATCH by GUID updates with a representation", "PATCH", byID, `{"name":"x"}`, []string{representation}, 200, "", 1, ""},
		{"PATCH by key creates, and echoes the key", "PATCH", noKey, `{"name":"x"}`, nil, 204, "", 2, "/" + noKey},
		{"PATCH by key updates, and echoes the key", "PATCH", byKey, `{"name":"x"}`, nil, 204, "", 1, "/" + byKey},
		{"PATCH by key creates with a representation", "PATCH", noKey, `{"name":"x"}`, []string{representation}, 201, "", 2, ""},
		{"PATCH by key updates with a representation", "PATCH", byKey, `{"name":"x"}`, []string{representation}, 200, "", 1, ""},

		{"update only by GUID, missing", "PATCH", noID, `{"name":"x"}`, []string{"If-Match: *"}, 404, "0x80040217", 1, ""},
		{"update only by key, missing", "PATCH", noKey, `{"name":"x"}`, []string{"If-Match: *"}, 404, "0x80060891", 1, ""},
		{"update only, present", "PATCH", byKey, `{"name":"x"}`, []string{"If-Match: *"}, 204, "", 1, "/" + byKey},
		{"create only by GUID, missing", "PATCH", noID, `{"name":"x"}`, []string{"If-None-Match: *"}, 204, "", 2, "/" + noID},
		{"create only by GUID, present", "PATCH", byID, `{"name":"x"}`, []string{"If-None-Match: *"}, 412, "0x80040237", 1, ""},
		{"create only by key, missing, creates nothing", "PATCH", noKey, `{"name":"x"}`, []string{"If-None-Match: *"}, 404, "0x80060891", 1, ""},
		{"create only by key, present", "PATCH", byKey, `{"name":"x"}`, []string{"If-None-Match: *"}, 412, "0x80040237", 1, ""},
		{"PATCH with an old ETag", "PATCH", byID, `{"name":"x"}`, []string{`If-Match: W/"1"`}, 412, "0x80060882", 1, ""},
		{"PATCH with an ETag, missing", "PATCH", noID, `{"name":"x"}`, []string{`If-Match: W/"1"`}, 404, "0x80040217", 1, ""},

		{"DELETE by GUID", "DELETE", byID, "", nil, 204, "", 0, ""},
		{"DELETE by key", "DELETE", byKey, "", nil, 204, "", 0, ""},
		{"DELETE by GUID, missing", "DELETE", noID, "", nil, 404, "0x80040217", 1, ""},
		{"DELETE by key, missing", "DELETE", noKey, "", nil, 404, "0x80060891", 1, ""},
		{"DELETE with an old ETag", "DELETE", byID, "", []string{`If-Match: W/"1"`}, 412, "0x80060882", 1, ""},

		{"PUT of one column", "PUT", byID + "/name", `{"value":"x"}`, nil, 204, "", 1, ""},
		{"PUT of one column, missing", "PUT", noID + "/name", `{"value":"x"}`, nil, 404, "0x80040217", 1, ""},
		{"DELETE of one column", "DELETE", byID + "/name", "", nil, 204, "", 1, ""},
		{"PATCH of the collection", "PATCH", "accounts", `{"name":"x"}`, nil, 405, "0x80060888", 1, ""},
		{"DELETE of the collection", "DELETE", "accounts", "", nil, 405, "0x80060888", 1, ""},
		{"an unknown set", "PATCH", "Accounts(" + knownID + ")", `{}`, nil, 404, "0x8006088a", 1, ""},
		{"an unknown version", "GET", "/api/data/accounts", "", nil, 400, "0x80060888", 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, emulator.Config{})
			e.must("PATCH", byID, `{"name":"Alpha","accountnumber":"A-1"}`)
			a := e.do(c.method, c.path, c.body, c.headers...)
			if a.status != c.status || a.code() != c.code {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, c.status, c.code)
			}
			if got := e.Count("account"); got != c.rows {
				t.Errorf("%d rows, want %d", got, c.rows)
			}
			entity := a.header.Get("OData-EntityId")
			if c.entity == "" && entity != "" || !strings.HasSuffix(entity, c.entity) || a.header.Get("Location") != entity {
				t.Errorf("OData-EntityId %q, Location %q, want %q", entity, a.header.Get("Location"), c.entity)
			}
			if a.status < 300 && len(c.headers) > 0 && c.headers[0] == representation && (a.header.Get("ETag") == "" || a.object(t)["accountid"] == nil) {
				t.Errorf("representation %q, ETag %q", a.body, a.header.Get("ETag"))
			}
		})
	}
}

func TestTheNotFoundTexts(t *testing.T) { // 2.4
	e := start(t, emulator.Config{})
	if got := e.do("DELETE", "contacts("+unknownID+")", "").message(); got != "Entity 'contact' With Id = "+unknownID+" Does Not Exist" {
		t.Errorf("by GUID: %s", got)
	}
	if got := e.do("DELETE", "contacts(externaluseridentifier='x')", "").message(); got != "A record with the specified key values does not exist in contact entity" {
		t.Errorf("by key: %s", got)
	}
}

func TestTheCurrentETagIsAccepted(t *testing.T) { // 2.11
	e := start(t, emulator.Config{})
	tag := e.must("PATCH", "accounts("+knownID+")", `{"name":"a"}`, "Prefer: return=representation").header.Get("ETag")
	if a := e.do("GET", "accounts("+knownID+")", "", "If-None-Match: "+tag); a.status != http.StatusNotModified {
		t.Errorf("GET: %d", a.status)
	}
	e.must("PATCH", "accounts("+knownID+")", `{"name":"b"}`, "If-Match: "+tag)
	if a := e.do("DELETE", "accounts("+knownID+")", "", "If-Match: "+tag); a.status != http.StatusPreconditionFailed {
		t.Errorf("DELETE with the old one: %d", a.status)
	}
}

func TestUpsertSemanticsOnKeyColumns(t *testing.T) { // 2.5
	e := start(t, emulator.Config{})
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"from the URL"}`)
	if row, ok := e.RowByKey("account", emulator.Key("accountnumber", "A-1")); !ok || row.Text("accountnumber") != "A-1" {
		t.Error("the key column was not filled from the URL")
	}
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"renamed","accountnumber":"A-2"}`)
	if _, ok := e.RowByKey("account", emulator.Key("accountnumber", "A-2")); ok || e.Count("account") != 1 {
		t.Error("a row's key was changed through that same key")
	}
	e.must("PATCH", "accounts(accountnumber='A-3')", `{"name":"the body wins","accountnumber":"A-4"}`)
	if _, ok := e.RowByKey("account", emulator.Key("accountnumber", "A-4")); !ok {
		t.Error("on create, the body's key did not win")
	}
	if a := e.do("PATCH", "accounts(accountnumber='A-5')", `{"accountnumber":"A-4"}`); a.code() != "0x80060892" {
		t.Errorf("a body's key that is taken: %d %s", a.status, a.body)
	}
}

func TestAlternateKeyViolation(t *testing.T) { // 2.10
	e := start(t, emulator.Config{})
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"a"}`)
	e.must("PATCH", "accounts("+knownID+")", `{"name":"b"}`)
	a := e.do("PATCH", "accounts("+knownID+")", `{"accountnumber":"a-1 "}`)
	if want := "Entity Key Account Number Key violated. A record with the same value for Account Number already exists. A duplicate record cannot be created. " +
		"Select one or more unique values and try again."; a.status != 412 || a.message() != want {
		t.Errorf("%d %s", a.status, a.body)
	}
	e.must("PATCH", "accounts("+knownID+")", `{"accountnumber":"A-2"}`)
	e.must("DELETE", "accounts(accountnumber='A-2')", "")
	e.must("POST", "accounts", `{"accountnumber":"A-2"}`)
	e.must("POST", "accounts", `{"name":"no number"}`)
	e.must("POST", "accounts", `{"name":"no number either: null is not unique"}`) // 2.6
}

func TestRestrictedDelete(t *testing.T) { // 8.3, 0x80040227
	e := start(t, emulator.Config{})
	e.must("PATCH", "contacts(externaluseridentifier='C-1')", `{"lastname":"Lovelace"}`)
	e.must("PATCH", "new_memberships(new_code='M-1')", `{"new_Contact@odata.bind":"contacts(externaluseridentifier='C-1')"}`)
	if a := e.do("DELETE", "contacts(externaluseridentifier='C-1')", ""); a.status != http.StatusMethodNotAllowed || a.code() != "0x80040227" {
		t.Errorf("with a child: %d %s", a.status, a.body)
	}
	e.must("PATCH", "new_memberships(new_code='M-1')", `{"new_Contact":null}`)
	e.must("DELETE", "contacts(externaluseridentifier='C-1')", "")
}

func TestRowsAndReset(t *testing.T) {
	e := start(t, emulator.Config{})
	e.must("PATCH", "contacts("+knownID+")", `{"firstname":"Ada","lastname":"Lovelace"}`)
	row, ok := e.Row("contact", uuid.MustParse(knownID))
	if !ok || row.Text("fullname") != "Ada Lovelace" || row.Text("statecode") != "0" || row.Text("statuscode") != "1" || row.Text("_ownerid_value") == "" {
		t.Errorf("got %v", row)
	}
	if rows := e.Rows("contact"); len(rows) != 1 || rows[0].Text("lastname") != "Lovelace" {
		t.Errorf("got %v", rows)
	}
	e.Reset()
	if e.Count("contact") != 0 || len(e.Journal()) != 0 || e.Count("systemuser") != 1 {
		t.Errorf("%d contacts, %d entries, %d users after a reset", e.Count("contact"), len(e.Journal()), e.Count("systemuser"))
	}
	e.must("PATCH", "contacts("+knownID+")", `{"lastname":"King"}`)
}

func TestTheJournalHasEveryCommittedWrite(t *testing.T) {
	e := start(t, emulator.Config{KeepBodies: true})
	bodies := []string{`{"name":"Alpha"}`, `{"name":"Beta"}`}
	e.must("PATCH", "accounts(accountnumber='A-1')", bodies[0])
	e.must("PATCH", "accounts(accountnumber='A-1')", bodies[1])
	e.do("PATCH", "accounts(accountnumber='A-1')", `{"nosuchcolumn":1}`)
	e.must("DELETE", "accounts(accountnumber='A-1')", "")
	got := e.Journal()
	if len(got) != 3 {
		t.Fatalf("%d entries", len(got))
	}
	for i, op := range []string{emulator.OpCreate, emulator.OpUpdate, emulator.OpDelete} {
		if j := got[i]; j.Op != op || j.Seq != uint64(i+1) || j.Key != "accountnumber='A-1'" || j.Table != "account" || j.ID != got[0].ID || j.User != emulator.SandboxClient ||
			j.RequestID == uuid.Nil || j.Batch != 0 {
			t.Errorf("entry %d: %+v", i, j)
		}
	}
	for i, body := range bodies {
		if got[i].Hash != emulator.Sum([]byte(body)) || got[i].Body != body {
			t.Errorf("entry %d: hash %s, body %q", i, got[i].Hash, got[i].Body)
		}
	}
}

func TestARepresentationIsOfTheRowAsAsked(t *testing.T) { // 2.4
	e := start(t, emulator.Config{})
	const full = "Prefer: return=representation"
	e.must("PATCH", "contacts("+knownID+")", `{"lastname":"Lovelace"}`)
	bind := `{"name":"Engines","primarycontactid@odata.bind":"contacts(` + knownID + `)"}`
	for _, path := range []struct{ method, path string }{{"POST", "accounts"}, {"PATCH", "accounts(accountnumber='A')"}} {
		a := e.must(path.method, path.path+"?$select=name&$expand=primarycontactid($select=lastname)", bind, full)
		got := a.object(t)
		contact, _ := got["primarycontactid"].(map[string]any)
		if got["name"] != "Engines" || got["accountnumber"] != nil || contact["lastname"] != "Lovelace" || a.header.Get("Preference-Applied") != "return=representation" {
			t.Errorf("%s: %s", path.method, a.body)
		}
	}
	for _, query := range []string{"$select=nothing", "$expand=nothing", "$nothing=1"} {
		if a := e.do("POST", "accounts?"+query, `{"name":"x"}`, full); a.status != 400 || e.Count("account") != 2 {
			t.Errorf("%s: %d %s, %d accounts", query, a.status, a.body, e.Count("account"))
		}
	}
	_, parts := e.batch(inBatch(inSet(part("POST", "/api/data/v9.2/accounts?$select=name&$expand=primarycontactid($select=lastname)", jsonHeader+full+"\r\n", bind))))
	if len(parts) != 1 || parts[0].status != 201 || !strings.Contains(parts[0].body, `"lastname":"Lovelace"`) {
		t.Errorf("in a change set: %v", parts)
	}
}

func TestALookupInAKeyIsBoundToTheTableThatHasTheRow(t *testing.T) { // 2.5, 2.6
	e := start(t, emulator.Config{Keys: map[string][]schema.Key{"contact": {
		{Name: "new_parentkey", Label: "Parent", Columns: []string{"parentcustomerid", "jobtitle"}},
		{Name: "new_pendingkey", Label: "Pending", Columns: []string{"employeeid"}, Status: schema.Pending},
	}}})
	e.must("PATCH", "accounts("+knownID+")", `{"name":"Engines"}`)
	e.must("PATCH", "contacts("+unknownID+")", `{"lastname":"Babbage"}`)
	path := func(parent string) string {
		return "contacts(_parentcustomerid_value=" + parent + ",jobtitle='x')"
	}
	for _, parent := range []string{knownID, unknownID} {
		e.must("PATCH", path(parent), `{}`)
		e.must("PATCH", path(parent), `{"lastname":"found again"}`)
	}
	if e.Count("contact") != 3 {
		t.Errorf("%v", e.Rows("contact"))
	}
	got := e.must("GET", "contacts?$select=lastname&$expand=parentcustomerid_account($select=name),parentcustomerid_contact($select=lastname)", "").body
	if !strings.Contains(got, `"name":"Engines"`) || strings.Count(got, `"lastname":"Babbage"`) != 2 {
		t.Errorf("bound to %s", got)
	}
	for _, c := range []struct {
		path   string
		status int
		code   string
	}{
		{path("aaaaaaaa-0000-0000-0000-00000000eeee"), 404, "0x80040217"}, // would have to be bound to a row that is not there
		{"contacts(parentcustomerid=" + knownID + ",jobtitle='x')", 400, "0x80060888"},
		{"contacts(_parentcustomerid_value='" + knownID + "',jobtitle='x')", 400, "0x80060888"},
		{"contacts(_parentcustomerid_value=null,jobtitle='x')", 400, "0x80060888"},
		{"contacts(_parentcustomerid_value=" + knownID + ",jobtitle=null)", 400, "0x80060888"},
		{"contacts(_parentcustomerid_value=" + knownID + ")", 400, "0x80060888"},
		{"contacts(employeeid='1')", 400, "0x80060888"}, // its index is not active
		{"contacts(externaluseridentifier='a/b')", 400, "0x80060888"},
		{"contacts(externaluseridentifier='a%26b')", 400, "0x80060888"},
	} {
		if a := e.do("PATCH", c.path, `{}`); a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
		}
	}
	e.must("POST", "contacts", `{"employeeid":"1"}`)
	e.must("POST", "contacts", `{"employeeid":"1"}`) // an index that is not active holds nobody to it
}

func TestThePrimaryKeyInTheBody(t *testing.T) { // 2.4, 2.5
	e := start(t, emulator.Config{})
	e.must("PATCH", "accounts("+knownID+")", `{"accountid":"`+unknownID+`","name":"the URL wins"}`)
	e.must("PATCH", "accounts("+knownID+")", `{"accountid":"`+unknownID+`","name":"and again"}`)
	if _, ok := e.Row("account", uuid.MustParse(knownID)); !ok || e.Count("account") != 1 {
		t.Errorf("%v", e.Rows("account"))
	}
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"accountid":"`+unknownID+`"}`)
	if r, ok := e.Row("account", uuid.MustParse(unknownID)); !ok || r.Text("accountnumber") != "A-1" {
		t.Errorf("by key: %v", e.Rows("account"))
	}
	if a := e.do("PATCH", "accounts(accountnumber='A-2')", `{"accountid":"`+unknownID+`"}`); a.status != 412 || a.code() != "0x80040237" {
		t.Errorf("by key, of another row: %d %s", a.status, a.body)
	}
}

func TestConditionsHoldForEveryWrite(t *testing.T) { // 2.4, 2.11
	e := start(t, emulator.Config{})
	path := "accounts(" + knownID + ")"
	old := e.must("PATCH", path, `{"name":"a"}`, "Prefer: return=representation").header.Get("ETag")
	current := e.must("PATCH", path, `{"name":"b"}`, "Prefer: return=representation").header.Get("ETag")
	for _, c := range []struct{ method, path, body string }{
		{"PUT", path + "/name", `{"value":"c"}`},
		{"DELETE", path + "/name", ""},
		{"PUT", path + "/parentaccountid/$ref", `{"@odata.id":"` + path + `"}`},
		{"DELETE", path + "/primarycontactid/$ref", ""},
		{"PATCH", path, `{}`},
		{"DELETE", path, ""},
	} {
		if a := e.do(c.method, c.path, c.body, "If-Match: "+old); a.status != 412 || a.code() != "0x80060882" {
			t.Errorf("%s %s with the old ETag: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	e.must("PUT", path+"/name", `{"@odata.context":"x","value":"c"}`, "If-Match: "+current)
	row, _ := e.Row("account", uuid.MustParse(knownID))
	if row.Text("name") != "c" {
		t.Errorf("%v", row)
	}
	e.must("DELETE", path+"/name", "")
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", path + "/nothing", `{"value":1}`, 404},
		{"PUT", path + "/name", `{"name":"x"}`, 400},
		{"PUT", path + "/name", `{"value":1}`, 400},
		{"POST", path + "/name", `{"value":"x"}`, 405},
		{"DELETE", "accounts(" + unknownID + ")/name", "", 404},
		{"POST", path, `{}`, 405},
	} {
		if a := e.do(c.method, c.path, c.body); a.status != c.status {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, a.status, a.body)
		}
	}
}
