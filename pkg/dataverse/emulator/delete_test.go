package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// family is a table whose rows point at rows of the same table (deleted with them), at contacts (which they hold fast) and at accounts (which they let go).
func family() schema.Table {
	columns := []schema.Column{
		{Name: "new_nodeid", Schema: "new_nodeId", Type: schema.ID},
		{Name: "new_code", Schema: "new_Code", Type: schema.String, MaxLength: 50},
		{Name: "new_parent", Schema: "new_Parent", Type: schema.Lookup, Targets: []schema.Target{{Table: "new_node", Navigation: "new_Parent", Cascade: true, Collection: "new_Children"}}},
		{Name: "new_contact", Schema: "new_Contact", Type: schema.Lookup, Targets: []schema.Target{{Table: "contact", Navigation: "new_Contact", Restrict: true}}},
		{Name: "new_account", Schema: "new_Account", Type: schema.Lookup, Targets: []schema.Target{{Table: "account", Navigation: "new_Account"}}},
	}
	return schema.Table{
		Name: "new_node", Schema: "new_Node", Set: "new_nodes", Label: "Node", PrimaryID: "new_nodeid", PrimaryName: "new_code",
		Columns: append(columns, schema.Common([]string{"Active"}, schema.Option{Value: 1, Label: "Active"})...),
		Keys:    []schema.Key{{Name: "new_codekey", Label: "Code", Columns: []string{"new_code"}}},
	}
}

func node(code string) string { return "new_nodes(new_code='" + code + "')" }

func TestDeletingARowDeletesWhatHangsOnIt(t *testing.T) { // cascades of the relationship
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	e.must("PATCH", node("root"), `{}`)
	e.must("PATCH", node("a"), `{"new_Parent@odata.bind":"`+node("root")+`"}`)
	e.must("PATCH", node("b"), `{"new_Parent@odata.bind":"`+node("a")+`"}`)
	e.must("PATCH", node("loop"), `{"new_Parent@odata.bind":"`+node("b")+`"}`)
	e.must("PATCH", node("a"), `{"new_Parent@odata.bind":"`+node("loop")+`"}`) // a, b and loop point at each other in a ring
	e.must("PATCH", node("other"), `{"new_Parent@odata.bind":"`+node("root")+`"}`)
	e.must("DELETE", node("b"), "")
	if rows := e.Rows("new_node"); len(rows) != 2 {
		t.Errorf("left: %v", rows)
	}
	deleted := 0
	for _, entry := range e.Journal() {
		if entry.Op == emulator.OpDelete {
			deleted++
		}
	}
	if deleted != 3 {
		t.Errorf("%d deletes in the journal", deleted)
	}
	e.must("PATCH", node("other"), `{"new_Parent":null}`) // now that referrers are kept up
	e.must("DELETE", node("root"), "")
	if e.Count("new_node") != 1 {
		t.Errorf("%d rows after root, which nothing points at any more", e.Count("new_node"))
	}
}

func TestDeletingARowClearsTheLookupsThatPointAtIt(t *testing.T) {
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	e.must("PATCH", "accounts(accountnumber='A')", `{}`)
	for i := range 3 {
		e.must("PATCH", node(fmt.Sprint(i)), `{"new_Account@odata.bind":"accounts(accountnumber='A')"}`)
	}
	before, _ := e.RowByKey("new_node", emulator.Key("new_code", "1"))
	e.must("DELETE", "accounts(accountnumber='A')", "")
	for _, row := range e.Rows("new_node") {
		if row.Text("_new_account_value") != "" || row.Text("new_code") == "1" && row.Text("versionnumber") == before.Text("versionnumber") {
			t.Errorf("dangling, or its version did not change: %v", row)
		}
	}
}

func TestAnOperationThatFailsHalfwayLeavesNothing(t *testing.T) {
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	e.must("PATCH", node("root"), `{}`)
	e.must("PATCH", node("a"), `{"new_Parent@odata.bind":"`+node("root")+`"}`)
	e.must("PATCH", "accounts(accountnumber='A')", `{}`)
	e.must("PATCH", node("root"), `{"new_Account@odata.bind":"accounts(accountnumber='A')"}`)
	before := fmt.Sprint(e.Rows("new_node"), e.Rows("account"))
	outer, _ := e.batch(inBatch(inSet(
		part("DELETE", "/api/data/v9.2/accounts(accountnumber='A')", "", ""),
		part("DELETE", "/api/data/v9.2/"+node("root"), "", ""),
		part("PATCH", "/api/data/v9.2/"+node("x"), jsonHeader, `{"nothing":1}`),
	)))
	if outer.status != 400 {
		t.Fatalf("%d %s", outer.status, outer.body)
	}
	if after := fmt.Sprint(e.Rows("new_node"), e.Rows("account")); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	e.must("DELETE", node("root"), "")
	if e.Count("new_node") != 0 {
		t.Error("the referrers were lost with the rollback")
	}
}

func TestARestrictingRowHoldsUntilItIsGone(t *testing.T) { // 8.3, 0x80040227
	e := start(t, emulator.Config{Tables: []schema.Table{family()}})
	e.must("PATCH", "contacts(externaluseridentifier='C')", `{"lastname":"Lovelace"}`)
	e.must("PATCH", node("a"), `{"new_Contact@odata.bind":"contacts(externaluseridentifier='C')"}`)
	for range 2 {
		if a := e.do("DELETE", "contacts(externaluseridentifier='C')", ""); a.status != http.StatusMethodNotAllowed || a.code() != "0x80040227" {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	outer, _ := e.batch(inBatch(inSet(
		part("DELETE", "/api/data/v9.2/"+node("a"), "", ""),
		part("DELETE", "/api/data/v9.2/contacts(externaluseridentifier='C')", "", ""),
	)))
	if outer.status != 200 || e.Count("contact") != 0 {
		t.Errorf("child and parent in one change set: %d %s", outer.status, outer.body)
	}
	e.must("PATCH", "contacts("+knownID+")", `{"lastname":"King"}`)
	if a := e.do("PATCH", node("b"), `{"new_Contact@odata.bind":"contacts(`+strings.Replace(knownID, "1", "2", 1)+`)"}`); a.status != 404 {
		t.Errorf("a target that is not there: %d %s", a.status, a.body)
	}
	if _, ok := e.Row("contact", uuid.MustParse(knownID)); !ok {
		t.Error("no contact")
	}
}
