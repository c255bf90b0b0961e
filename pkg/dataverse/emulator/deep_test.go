package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

func TestANestedObjectCreatesTheRelatedRow(t *testing.T) { // 2.8
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	e.must("POST", "contacts", `{"lastname":"Lovelace","parentcustomerid_account":{"name":"Engines","primarycontactid":{"lastname":"Babbage"}}}`)
	if e.Count("account") != 1 || e.Count("contact") != 2 || len(e.Journal()) != 3 {
		t.Fatalf("%v\n%v", e.Rows("account"), e.Rows("contact"))
	}
	account, contacts := e.Rows("account")[0], e.Rows("contact")
	if contacts[1].Text("_parentcustomerid_value") != account.Text("accountid") || account.Text("_primarycontactid_value") != contacts[0].Text("contactid") ||
		contacts[1].Text("lastname") != "Lovelace" {
		t.Errorf("%v\n%v", account, contacts)
	}
}

func TestANestedArrayCreatesChildren(t *testing.T) { // 2.8
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	e.must("POST", "new_nodes", `{"new_code":"old"}`)
	a := e.must("POST", "new_nodes", `{"new_code":"root","new_Children@odata.bind":["`+node("old")+`"],"new_Children":[{"new_code":"a"},{"new_code":"b","new_Children":[{"new_code":"c"}]}]}`,
		"Prefer: return=representation")
	if a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	parents := map[string]string{}
	for _, r := range e.Rows("new_node") {
		parents[r.Text("new_code")] = r.Text("_new_parent_value")
	}
	id := func(code string) string {
		r, _ := e.RowByKey("new_node", emulator.Key("new_code", code))
		return r.Text("new_nodeid")
	}
	for child, parent := range map[string]string{"a": "root", "b": "root", "c": "b", "old": "root"} {
		if parents[child] == "" || parents[child] != id(parent) {
			t.Errorf("%s hangs on %q", child, parents[child])
		}
	}
}

func TestADeepInsertIsAllOrNothing(t *testing.T) { // 2.8
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	e.must("PATCH", "accounts("+knownID+")", `{"name":"Alpha"}`)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"a nested object with only the key of a row", "POST", "contacts", `{"parentcustomerid_account":{"accountid":"` + knownID + `"}}`, 412, "0x80040237"},
		{"the outer row fails", "POST", "contacts", `{"firstname":"` + strings.Repeat("x", 51) + `","parentcustomerid_account":{"name":"x"}}`, 400, "0x80044331"},
		{"a nested row fails", "POST", "contacts", `{"parentcustomerid_account":{"nothing":1}}`, 400, "0x80048d19"},
		{"a child fails", "POST", "new_nodes", `{"new_code":"a","new_Children":[{"new_code":"b"},{"new_code":"a"}]}`, 412, "0x80060892"},
		{"a child that is no object", "POST", "new_nodes", `{"new_Children":["x"]}`, 400, "0x80048d19"},
		{"children that are no array", "POST", "new_nodes", `{"new_Children":{}}`, 400, "0x80048d19"},
		{"a GUID in a navigation property", "POST", "contacts", `{"parentcustomerid_account":"` + knownID + `"}`, 400, "0x80048d19"},
		{"on update", "PATCH", "accounts(" + knownID + ")", `{"primarycontactid":{"lastname":"x"}}`, 400, "0x80048d19"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := e.do(c.method, c.path, c.body); a.status != c.status || a.code() != c.code {
				t.Errorf("%d %s", a.status, a.body)
			}
			if e.Count("account") != 1 || e.Count("contact") != 0 || e.Count("new_node") != 0 || len(e.Journal()) != 1 {
				t.Errorf("left: %d accounts, %d contacts, %d nodes, %d entries", e.Count("account"), e.Count("contact"), e.Count("new_node"), len(e.Journal()))
			}
		})
	}
}

func TestAnUpsertThatCreatesMayNest(t *testing.T) {
	e := start(t, emulator.Config{})
	e.must("PATCH", "contacts(externaluseridentifier='C')", `{"lastname":"x","parentcustomerid_account":{"name":"Engines"}}`)
	if e.Count("account") != 1 || e.Rows("contact")[0].Text("_parentcustomerid_value") != e.Rows("account")[0].Text("accountid") {
		t.Errorf("%v", e.Rows("contact"))
	}
}

func TestADeepInsertNeedsThePrivilegesOfItsParts(t *testing.T) {
	const body = `{"lastname":"x","parentcustomerid_account":{"name":"Engines"}}`
	for _, privilege := range []string{"prvCreateContact", "prvCreateAccount", "prvAppendContact", "prvAppendToAccount"} {
		e := start(t, emulator.Config{})
		e.Revoke(emulator.SandboxClient, privilege)
		a := e.do("POST", "contacts", body)
		if a.status != 403 || !strings.Contains(a.message(), privilege) || e.Count("contact")+e.Count("account") != 0 {
			t.Errorf("without %s: %d %s", privilege, a.status, a.body)
		}
	}
}

func TestReferencesAreSetAndRemoved(t *testing.T) { // 2.8, 3.2
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	for _, code := range []string{"root", "a", "b"} {
		e.must("PATCH", node(code), `{}`)
	}
	parent := func(code string) string {
		r, _ := e.RowByKey("new_node", emulator.Key("new_code", code))
		return r.Text("_new_parent_value")
	}
	root, _ := e.RowByKey("new_node", emulator.Key("new_code", "root"))
	id := root.Text("new_nodeid")
	b, _ := e.RowByKey("new_node", emulator.Key("new_code", "b"))
	full := e.url + "/api/data/v9.2/"
	for _, c := range []struct {
		method, path, body string
		status             int
		a, b               string
	}{
		{"PUT", node("a") + "/new_Parent/$ref", `{"@odata.id":"` + full + "new_nodes(" + id + `)"}`, 204, id, ""},
		{"PUT", node("a") + "/new_Parent/$ref", `{"@odata.id":"new_nodes(` + unknownID + `)"}`, 404, id, ""},
		{"PUT", node("a") + "/new_Parent/$ref", `{"nothing":1}`, 400, id, ""},
		{"POST", node("a") + "/new_Parent/$ref", `{"@odata.id":"new_nodes(` + id + `)"}`, 405, id, ""},
		{"PUT", node("x") + "/new_Parent/$ref", `{"@odata.id":"new_nodes(` + id + `)"}`, 404, id, ""},
		{"DELETE", node("a") + "/new_Parent/$ref", "", 204, "", ""},
		{"POST", node("root") + "/new_Children/$ref", `{"@odata.id":"/api/data/v9.2/` + node("a") + `"}`, 204, id, ""},
		{"POST", node("root") + "/new_Children/$ref", `{"@odata.context":"x","@odata.id":"` + node("b") + `"}`, 204, id, id},
		{"POST", node("x") + "/new_Children/$ref", `{"@odata.id":"` + node("b") + `"}`, 404, id, id},
		{"DELETE", node("root") + "/new_Children/$ref?$id=" + full + node("a"), "", 204, "", id},
		{"DELETE", node("root") + "/new_Children/$ref?$id=" + full + node("a"), "", 400, "", id},
		{"DELETE", node("root") + "/new_Children(" + b.Text("new_nodeid") + ")/$ref", "", 204, "", ""},
		{"POST", "accounts(" + knownID + ")/contact_customer_accounts_x/$ref", `{}`, 404, "", ""},
		{"DELETE", node("a") + "/new_Parent", "", 405, "", ""},
	} {
		answer := e.do(c.method, "/api/data/v9.2/"+c.path, c.body)
		if answer.status != c.status || parent("a") != c.a || parent("b") != c.b || answer.header.Get("OData-EntityId") != "" {
			t.Errorf("%s %s: %d %s, a on %q, b on %q", c.method, c.path, answer.status, answer.body, parent("a"), parent("b"))
		}
	}
	a := e.must("POST", node("root")+"/new_Children", `{"new_code":"c"}`)
	if parent("c") != id || !strings.Contains(a.header.Get("OData-EntityId"), "/new_nodes(") {
		t.Errorf("created in the collection: %v, on %q", a.header, parent("c"))
	}
}

func TestReferencesInAChangeSet(t *testing.T) { // 3.1
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	outer, parts := e.batch(inBatch(inSet(
		part("POST", "/api/data/v9.2/new_nodes", jsonHeader, `{"new_code":"root"}`),
		part("POST", "/api/data/v9.2/new_nodes", jsonHeader, `{"new_code":"a"}`),
		part("PUT", "$2/new_Parent/$ref", jsonHeader, `{"@odata.id":"$1"}`),
		part("PUT", "$1/new_code", jsonHeader, `{"value":"renamed"}`),
		part("POST", "$1/new_Children", jsonHeader, `{"new_code":"b"}`),
		part("POST", "/api/data/v9.2/new_nodes", jsonHeader, `{"new_code":"c","new_Children@odata.bind":["$5"]}`),
		part("POST", "/api/data/v9.2/$1/new_Children/$ref", jsonHeader, `{"@odata.id":"$6"}`),
		part("DELETE", "$2/new_Parent/$ref", "", ""),
	)))
	if outer.status != 200 || statuses(parts) != "204 204 204 204 204 204 204 204" {
		t.Fatalf("%d %s", outer.status, outer.body)
	}
	rows := e.Rows("new_node")
	if len(rows) != 4 || rows[0].Text("new_code") != "renamed" || rows[1].Text("_new_parent_value") != "" ||
		rows[2].Text("_new_parent_value") != rows[3].Text("new_nodeid") || rows[3].Text("_new_parent_value") != rows[0].Text("new_nodeid") {
		t.Errorf("%v", rows)
	}
	for _, c := range []struct{ reference, text string }{
		{`"@odata.id":"$9"`, "Content-ID Reference: '$9' does not exist in the batch context."},
		{`"@odata.id":"$2"`, "Content-ID Reference: '$2' does not exist in the batch context."}, // of a later request
	} {
		outer, parts := e.batch(inBatch(inSet(
			part("PUT", "/api/data/v9.2/"+node("a")+"/new_Parent/$ref", jsonHeader, `{`+c.reference+`}`),
			part("POST", "/api/data/v9.2/new_nodes", jsonHeader, `{"new_code":"z"}`),
		)))
		if outer.status != 400 || len(parts) != 1 || parts[0].message() != c.text {
			t.Errorf("%s: %d %s", c.reference, outer.status, outer.body)
		}
	}
	if _, parts := e.batch(inBatch(part("PATCH", "$1", jsonHeader, `{}`))); parts[0].status != 404 || parts[0].message() != "Resource not found for the segment '$1'." {
		t.Errorf("outside a change set: %+v", parts)
	}
}

func TestADeepInsertHasABottom(t *testing.T) {
	e := start(t, emulator.Config{})
	nested := func(levels int) string {
		return strings.Repeat(`{"name":"x","parentaccountid":`, levels) + `{"name":"y"}` + strings.Repeat("}", levels)
	}
	if a := e.do("POST", "accounts", nested(101)); a.status != http.StatusBadRequest || a.code() != "0x80048d19" || !strings.Contains(a.message(), "cannot exceed 100") {
		t.Errorf("101 levels: %d %s", a.status, a.body)
	}
	if n := e.Count("account"); n != 0 {
		t.Errorf("%d rows of it were created", n)
	}
	if a := e.do("POST", "accounts", nested(9000)); a.status != http.StatusBadRequest {
		t.Errorf("9,000 levels: %d %s", a.status, a.body)
	}
	if a := e.do("POST", "accounts", nested(100)); a.status != http.StatusNoContent {
		t.Errorf("100 levels: %d %s", a.status, a.body)
	}
}
