package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// targets frames a bulk message; %s in members stands for the type of account.
func targets(members ...string) string {
	for i, m := range members {
		members[i] = strings.ReplaceAll(m, "%s", `"@odata.type":"Microsoft.Dynamics.CRM.account"`)
	}
	return `{"Targets":[` + strings.Join(members, ",") + `]}`
}

func TestBulkMessages(t *testing.T) { // 4.1, 4.2. In each case there is an account A-1 with knownID, and nothing else
	const create, update, upsert = "accounts/Microsoft.Dynamics.CRM.CreateMultiple", "accounts/Microsoft.Dynamics.CRM.UpdateMultiple", "accounts/Microsoft.Dynamics.CRM.UpsertMultiple"
	const byKey = `"@odata.id":"accounts(accountnumber='A-1')"`
	for _, c := range []struct {
		name, path, body string
		status           int
		code, text       string
		rows             int
		known            string // the name of the account that was there
	}{
		{"CreateMultiple", create, targets(`{%s,"name":"a"}`, `{%s,"accountid":"`+unknownID+`","name":"b"}`), 200, "", `"Ids":[`, 3, "Alpha"},
		{"without the namespace", "accounts/CreateMultiple", targets(`{%s,"name":"a"}`), 200, "", "CreateMultipleResponse", 2, "Alpha"},
		{"CreateMultiple of a row that is there", create, targets(`{%s,"name":"a"}`, `{%s,"accountid":"`+knownID+`"}`), 412, "0x80040237", "Cannot insert duplicate key.", 1, "Alpha"},
		{"CreateMultiple with a key that is taken", create, targets(`{%s,"name":"a"}`, `{%s,"accountnumber":"A-1"}`), 412, "0x80060892", "Entity Key", 1, "Alpha"},
		{"CreateMultiple with what an alternate key says", create, targets(`{%s,"accountnumber":"A-2"}`), 200, "", "", 2, "Alpha"},

		{"UpdateMultiple by primary key", update, targets(`{%s,"accountid":"` + knownID + `","name":"x"}`), 204, "", "", 1, "x"},
		{"UpdateMultiple by alternate key", update, targets(`{%s,` + byKey + `,"name":"x"}`), 204, "", "", 1, "x"},
		{"UpdateMultiple with the key in the body, too", update, targets(`{%s,` + byKey + `,"accountnumber":"A-1","name":"x"}`), 204, "", "", 1, "x"},
		{"UpdateMultiple twice, in order", update, targets(`{%s,`+byKey+`,"name":"x"}`, `{%s,"accountid":"`+knownID+`","name":"y"}`), 204, "", "", 1, "y"},
		{"UpdateMultiple, missing", update, targets(`{%s,`+byKey+`,"name":"x"}`, `{%s,"accountid":"`+unknownID+`"}`), 404, "0x80040217", "Account With Ids = " + unknownID + " Do Not Exist", 1, "Alpha"},
		{"UpdateMultiple by key, missing", update, targets(`{%s,"@odata.id":"accounts(accountnumber='A-9')"}`), 404, "0x80060891", "", 1, "Alpha"},
		{"UpdateMultiple without an address", update, targets(`{%s,"name":"x"}`), 400, "0x80040203", "accountid", 1, "Alpha"},

		{"UpsertMultiple by primary key", upsert, targets(`{%s,"accountid":"`+knownID+`","name":"x"}`, `{%s,"accountid":"`+unknownID+`","name":"y"}`), 204, "", "", 2, "x"},
		{"UpsertMultiple by alternate key", upsert, targets(`{%s,`+byKey+`,"name":"x"}`, `{%s,"@odata.id":"/accounts(accountnumber='A-2')","name":"y"}`), 204, "", "", 2, "x"},
		{"UpsertMultiple with a full URL", upsert, targets(`{%s,"@odata.id":"URL/api/data/v9.2/accounts(accountnumber='A-2')","name":"y"}`), 204, "", "", 2, "Alpha"},
		{"UpsertMultiple with the key in the body, update", upsert, targets(`{%s,` + byKey + `,"accountnumber":"A-1","name":"x"}`), 204, "", "", 1, "x"},
		{
			"UpsertMultiple with the key in the body, create", upsert, targets(`{%s,`+byKey+`,"name":"x"}`, `{%s,"@odata.id":"accounts(accountnumber='A-2')","accountnumber":"A-2"}`), 400, "0x80040216",
			"An unexpected error occurred.", 1, "Alpha",
		},
		{"UpsertMultiple of one row twice, update", upsert, targets(`{%s,`+byKey+`,"name":"x"}`, `{%s,`+byKey+`,"name":"y"}`), 204, "", "", 1, "y"},
		{"UpsertMultiple of one row twice, create by key", upsert, targets(`{%s,"@odata.id":"accounts(accountnumber='A-2')"}`, `{%s,"@odata.id":"accounts(accountnumber='A-2')"}`), 412, "0x80060892", "", 1, "Alpha"},
		{"UpsertMultiple of one row twice, create by id", upsert, targets(`{%s,"accountid":"`+unknownID+`"}`, `{%s,"accountid":"`+unknownID+`"}`), 412, "0x80040237", "Cannot insert duplicate key.", 1, "Alpha"},
		{"UpsertMultiple without an address", upsert, targets(`{%s,"name":"x"}`), 204, "", "", 2, "Alpha"},
		{"one bad row rolls all back", upsert, targets(`{%s,`+byKey+`,"name":"x"}`, `{%s,"name":"`+strings.Repeat("x", 161)+`"}`), 400, "0x80044331", "exceeded the maximum", 1, "Alpha"},

		{"DeleteMultiple on a standard table", "accounts/DeleteMultiple", targets(`{%s,"accountid":"` + knownID + `"}`), 501, "0x80040219", "DeleteMultiple has not yet been implemented.", 1, "Alpha"},
		{"without @odata.type", upsert, `{"Targets":[{"name":"x"}]}`, 400, "0x80048d19", "@odata.type", 1, "Alpha"},
		{"with another type", upsert, `{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact","name":"x"}]}`, 400, "0x80048d19", "Microsoft.Dynamics.CRM.contact", 1, "Alpha"},
		{"a key of another table", upsert, targets(`{%s,"@odata.id":"contacts(` + knownID + `)"}`), 400, "0x80060888", "contacts", 1, "Alpha"},
		{"a key that is none", upsert, targets(`{%s,"@odata.id":"accounts(name='x')"}`), 400, "0x80060888", "not valid for resource", 1, "Alpha"},
		{"no array", upsert, `{"Targets":{}}`, 400, "0x80048d19", "Targets", 1, "Alpha"},
		{"another parameter", upsert, `{"Target":[]}`, 400, "0x80048d19", "'Target'", 1, "Alpha"},
		{"no JSON", upsert, `{"Targets":[`, 400, "0x80048d19", "invalid JSON", 1, "Alpha"},
		{"an unknown message", "accounts/Microsoft.Dynamics.CRM.MergeMultiple", targets(), 501, "0x80040219", "MergeMultiple", 1, "Alpha"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, emulator.Config{})
			e.must("PATCH", "accounts("+knownID+")", `{"name":"Alpha","accountnumber":"A-1"}`)
			a := e.do("POST", c.path, strings.ReplaceAll(c.body, "URL", e.url))
			if a.status != c.status || a.code() != c.code || !strings.Contains(a.body, c.text) {
				t.Errorf("%d %s", a.status, a.body)
			}
			known, _ := e.Row("account", uuid.MustParse(knownID))
			if e.Count("account") != c.rows || known.Text("name") != c.known {
				t.Errorf("%v", e.Rows("account"))
			}
		})
	}
}

func TestBulkMessagesInABatch(t *testing.T) { // 4.1
	e := start(t, emulator.Config{})
	const path = "/api/data/v9.2/accounts/Microsoft.Dynamics.CRM.UpsertMultiple"
	good, bad := targets(`{%s,"@odata.id":"accounts(accountnumber='A-1')","name":"x"}`), targets(`{%s,"name":"y"}`, `{%s,"nothing":1}`)
	_, parts := e.batch(inBatch(part("POST", path, jsonHeader, good), part("POST", path, jsonHeader, bad), part("POST", path, jsonHeader, good)), goOn)
	if statuses(parts) != "204 400 204" || e.Count("account") != 1 || len(e.Journal()) != 2 {
		t.Fatalf("%v, %d rows", parts, e.Count("account"))
	}
	outer, parts := e.batch(inBatch(inSet(part("POST", path, jsonHeader, targets(`{%s,"name":"z"}`)), part("POST", path, jsonHeader, bad))))
	if outer.status != 400 || len(parts) != 1 || e.Count("account") != 1 {
		t.Errorf("a change set: %d %v", outer.status, parts)
	}
	if j := e.Journal()[1]; j.Index != 2 || j.Op != emulator.OpUpdate || j.Key != "accountnumber='A-1'" || j.Hash != emulator.Sum([]byte(good[len(`{"Targets":[`):len(good)-2])) {
		t.Errorf("journal %+v", j)
	}
}

// sensors is an elastic table.
func sensors() schema.Table {
	s := family()
	s.Name, s.Schema, s.Set, s.Kind = "new_sensor", "new_Sensor", "new_sensors", schema.KindElastic
	s.PrimaryID, s.Columns = "new_sensorid", append([]schema.Column{{Name: "new_sensorid", Type: schema.ID}, {Name: "new_value", Type: schema.Integer}}, s.Columns[1])
	return s
}

func TestElasticTables(t *testing.T) { // 2.5, 4.2, 11.34
	e := start(t, emulator.Config{Tables: []schema.Table{sensors()}})
	const typed, set = `{"@odata.type":"Microsoft.Dynamics.CRM.new_sensor",`, "new_sensors"
	a := e.must("PATCH", set+"("+knownID+")", `{"new_code":"a","new_value":1}`)
	if a.header.Get("x-ms-session-token") == "" {
		t.Error("no session token")
	}
	value := func() string {
		r, _ := e.Row("new_sensor", uuid.MustParse(knownID))
		return r.Text("new_code") + "/" + r.Text("new_value")
	}
	e.must("PATCH", set+"("+knownID+")", `{"new_value":2}`, "If-Match: *")
	if value() != "a/2" {
		t.Errorf("an update replaced the row: %s", value())
	}
	e.must("PATCH", set+"("+knownID+")", `{"new_value":3}`)
	if value() != "/3" {
		t.Errorf("an upsert did not replace the row: %s", value())
	}
	e.must("PATCH", set+"(new_code='k')", `{"new_value":4}`)
	e.must("PATCH", set+"(new_code='k')", `{}`)
	if r, ok := e.RowByKey("new_sensor", emulator.Key("new_code", "k")); !ok || r.Text("new_value") != "" {
		t.Errorf("by key: %v %v", ok, r)
	}
	e.must("POST", set+"/UpsertMultiple", `{"Targets":[`+typed+`"new_sensorid":"`+knownID+`","new_code":"b"}]}`)
	if value() != "b/" {
		t.Errorf("UpsertMultiple: %s", value())
	}
	a = e.do("POST", set+"/CreateMultiple", `{"Targets":[`+typed+`"new_value":1},`+typed+`"new_sensorid":"`+knownID+`"},`+typed+`"new_value":2}]}`, `Prefer: odata.include-annotations="*"`)
	if a.status != 412 || e.Count("new_sensor") != 4 ||
		!strings.Contains(a.body, `"@Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails":"[{\"RequestIndex\":1,`) || !strings.Contains(a.body, `\"StatusCode\":412`) {
		t.Errorf("partial success: %d %s, %d rows", a.status, a.body, e.Count("new_sensor"))
	}
	a = e.do("POST", set+"/Microsoft.Dynamics.CRM.DeleteMultiple", `{"Targets":[`+typed+`"new_sensorid":"`+unknownID+`"},`+typed+`"new_sensorid":"`+knownID+`"}]}`)
	if a.status != 404 || e.Count("new_sensor") != 3 || strings.Contains(a.body, "Plugin.") {
		t.Errorf("DeleteMultiple: %d %s, %d rows", a.status, a.body, e.Count("new_sensor"))
	}
	r := e.must("POST", set+"/DeleteMultiple", `{"Targets":[]}`)
	if r.status != 204 {
		t.Errorf("no targets: %d", r.status)
	}
}

func TestTablesSayWhichMessagesTheySupport(t *testing.T) { // 4.2
	mirror, plain := sensors(), sensors()
	mirror.Name, mirror.Schema, mirror.Set, mirror.Kind = "new_mirror", "new_Mirror", "new_mirrors", schema.KindVirtual
	plain.Name, plain.Schema, plain.Set, plain.Kind, plain.Refuses = "new_plain", "new_Plain", "new_plains", schema.KindStandard, []string{schema.UpdateMultiple}
	mirror.Keys = nil // virtual tables have none
	e := start(t, emulator.Config{Tables: []schema.Table{sensors(), mirror, plain}})
	for _, c := range []struct{ method, path string }{
		{"PATCH", "new_mirrors(" + knownID + ")"},
		{"POST", "new_mirrors"},
		{"DELETE", "new_mirrors(" + knownID + ")"},
		{"POST", "new_mirrors/CreateMultiple"},
		{"POST", "new_plains/UpsertMultiple"},
		{"POST", "sdkmessagefilters"},
	} {
		if a := e.do(c.method, c.path, `{"Targets":[]}`); a.status != 405 || a.code() != "0x80040315" {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	e.must("GET", "new_mirrors", "")
	e.must("POST", "new_plains/CreateMultiple", `{"Targets":[]}`)
	for table, n := range map[string]int{"account": 1, "new_mirror": 0} { // as the documentation asks
		a := e.must("GET", "sdkmessagefilters?"+escaped("$select=sdkmessagefilterid&$filter=sdkmessageid/name eq @m and primaryobjecttypecode eq @t&@m='CreateMultiple'&@t='"+table+"'"), "")
		if got, _ := a.object(t)["value"].([]any); len(got) != n {
			t.Errorf("%s: %s", table, a.body)
		}
	}
	supported := map[string]bool{}
	for _, r := range e.Rows("sdkmessagefilter") {
		supported[fmt.Sprint(r.Text("name"), " ", r.Text("primaryobjecttypecode"))] = true
	}
	for key, want := range map[string]bool{
		"CreateMultiple account": true, "UpsertMultiple account": true, "DeleteMultiple account": false, "DeleteMultiple new_sensor": true,
		"CreateMultiple new_plain": true, "UpdateMultiple new_plain": false, "UpsertMultiple new_plain": false, "Create new_mirror": false, "Retrieve new_mirror": true,
	} {
		if supported[key] != want {
			t.Errorf("%s: %v", key, supported[key])
		}
	}
}
