package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// label is how clients send one.
func label(text string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.Label","LocalizedLabels":[{"Label":"` + text + `","LanguageCode":1033}]}`
}

// attribute is an AttributeMetadata with more properties.
func attribute(typ, name, more string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.` + typ + `AttributeMetadata","SchemaName":"` + name + `","DisplayName":` + label(name) + `,"RequiredLevel":{"Value":"None"}` + more + `}`
}

// entity is an EntityMetadata with a primary name and more attributes.
func entity(name string, attributes ...string) string {
	attributes = append([]string{attribute("String", "new_Name", `,"MaxLength":100,"FormatName":{"Value":"Text"},"IsPrimaryName":true`)}, attributes...)
	return `{"@odata.type":"Microsoft.Dynamics.CRM.EntityMetadata","SchemaName":"` + name + `","DisplayName":` + label("Good "+name) + `,"DisplayCollectionName":` + label("Goods") +
		`,"OwnershipType":"UserOwned","HasNotes":true,"HasActivities":false,"IsActivity":false,"Attributes":[` + strings.Join(attributes, ",") + `]}`
}

// relation is a OneToManyRelationshipMetadata with its Lookup.
func relation(name, from, to, lookup, onDelete string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata","SchemaName":"` + name + `","ReferencedEntity":"` + to + `","ReferencingEntity":"` + from +
		`","ReferencedAttribute":"` + to + `id","CascadeConfiguration":{"Delete":"` + onDelete + `"},"Lookup":` + attribute("Lookup", lookup, "") + `}`
}

// refused fails the test unless the answer is that refusal.
func (e *environment) refused(a answer, status int, code, text string) {
	e.t.Helper()
	if a.status != status || a.code() != code || !strings.Contains(a.message(), text) {
		e.t.Errorf("%d %s, want %d %s %q", a.status, a.body, status, code, text)
	}
}

func TestATableThatIsCreatedTakesRowsAtOnce(t *testing.T) {
	e := start(t, emulator.Config{})
	made := e.must("POST", "EntityDefinitions", entity("new_Product2", attribute("Decimal", "new_Price", `,"MinValue":0,"MaxValue":10,"Precision":0`),
		attribute("DateTime", "new_Day", `,"Format":"DateOnly"`), attribute("Boolean", "new_On", `,"OptionSet":{"TrueOption":{"Value":1,"Label":`+label("Yea")+`},"FalseOption":{"Value":0,"Label":`+label("Nay")+`}}`),
		attribute("Picklist", "new_Size", `,"OptionSet":{"IsGlobal":false,"Options":[{"Label":`+label("S")+`},{"Value":7,"Label":`+label("M")+`},{"Value":null,"Label":`+label("L")+`}]}`)))
	id := made.header.Get("OData-EntityId")
	if made.status != http.StatusNoContent || !strings.HasPrefix(id, e.url+"/api/data/v9.2/EntityDefinitions(") {
		t.Fatalf("%d %v", made.status, made.header)
	}
	found := e.must("GET", strings.TrimPrefix(id, e.url+"/api/data/v9.2/")+"?$select=LogicalName,SchemaName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,OwnershipType,IsCustomEntity&$expand=Attributes($select=LogicalName)", "").object(t)
	if fmt.Sprint(found["LogicalName"], found["EntitySetName"], found["PrimaryIdAttribute"], found["PrimaryNameAttribute"], found["OwnershipType"]) != fmt.Sprint("new_product2", "new_product2s", "new_product2id", "new_name", "UserOwned") {
		t.Errorf("%v", found)
	}
	for _, name := range []string{`"ownerid"`, `"statecode"`, `"statuscode"`, `"createdon"`, `"versionnumber"`, `"new_size"`} {
		if !strings.Contains(e.must("GET", "EntityDefinitions(LogicalName='new_product2')/Attributes?$select=LogicalName", "").body, name) {
			t.Errorf("no attribute %s", name)
		}
	}
	row := e.must("POST", "new_product2s", `{"new_name":"X","new_price":1.5,"new_size":100000001,"new_on":true,"new_day":"2026-01-31T00:00:00Z"}`, `Prefer: return=representation,odata.include-annotations="*"`).object(t)
	if row["new_size@OData.Community.Display.V1.FormattedValue"] != "L" || row["new_on@OData.Community.Display.V1.FormattedValue"] != "Yea" || row["statecode"] != 0.0 || row["new_day"] != "2026-01-31T00:00:00Z" {
		t.Errorf("%v", row)
	}
	e.refused(e.do("POST", "new_product2s", `{"new_price":11}`), http.StatusBadRequest, "0x80044330", "new_price")
	if found := e.must("GET", "$metadata", "").body; !strings.Contains(found, `EntityType Name="new_product2"`) {
		t.Error("$metadata does not have the table")
	}
	if found := e.must("GET", "", "").body; !strings.Contains(found, `"new_product2s"`) {
		t.Error("the service document does not have the set")
	}
	if found := e.must("GET", "sdkmessagefilters?$filter=primaryobjecttypecode%20eq%20'new_product2'%20and%20sdkmessageid/name%20eq%20'UpsertMultiple'&$select=name", "").body; !strings.Contains(found, "UpsertMultiple") {
		t.Errorf("no message filter: %s", found)
	}
	if held := e.privilegesOf("systemusers(" + e.whoAmI() + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges"); !strings.Contains(held, "prvWritenew_Product2 Global") || !strings.Contains(held, "prvCreateEntity Global") {
		t.Errorf("an administrator does not have the privileges of the table: %s", held)
	}
}

func (e *environment) whoAmI() string {
	id, _ := e.must("GET", "WhoAmI", "").object(e.t)["UserId"].(string)
	return id
}

func TestATableThatIsDeletedTakesItsRowsAlong(t *testing.T) {
	e := start(t, emulator.Config{})
	e.must("POST", "EntityDefinitions", entity("new_Part"))
	e.must("POST", "new_parts", `{"new_name":"a"}`)
	e.must("POST", "RelationshipDefinitions", relation("new_part_task", "task", "new_part", "new_PartId", "RemoveLink"))
	e.refused(e.do("DELETE", "EntityDefinitions(LogicalName='new_part')", ""), http.StatusBadRequest, "0x8004f01f", "referenced by 1 other components")
	e.must("DELETE", "EntityDefinitions(LogicalName='task')/Attributes(LogicalName='new_partid')", "", "If-Match: *")
	e.must("DELETE", "EntityDefinitions(LogicalName='new_part')", "", "If-Match: *")
	e.refused(e.do("GET", "new_parts", ""), http.StatusNotFound, "0x8006088a", "new_parts")
	e.refused(e.do("GET", "EntityDefinitions(LogicalName='new_part')", ""), http.StatusNotFound, "0x80060888", "new_part")
	if found := e.must("GET", "sdkmessagefilters?$filter=primaryobjecttypecode%20eq%20'new_part'", "").body; !strings.Contains(found, `"value":[]`) {
		t.Errorf("message filters are left: %s", found)
	}
	e.must("POST", "EntityDefinitions", entity("new_Part"))
	if n := e.Count("new_part"); n != 0 {
		t.Errorf("%d rows in a new table", n)
	}
	e.refused(e.do("DELETE", "EntityDefinitions(LogicalName='contact')", ""), http.StatusBadRequest, "0x80047008", "contact")
}

func TestColumnsComeAndGoWithTheirValues(t *testing.T) {
	e := start(t, emulator.Config{})
	id := uuid.NewString()
	e.must("POST", "accounts", `{"accountid":"`+id+`","name":"Contoso","accountnumber":"A-1","telephone1":"1"}`)
	made := e.must("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("String", "new_First", `,"MaxLength":50`))
	e.must("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("Integer", "new_Second", `,"MinValue":0,"MaxValue":9`))
	e.must("PATCH", "accounts("+id+")", `{"new_first":"one","new_second":2}`)
	where := made.header.Get("OData-EntityId")
	if !strings.HasPrefix(where, e.url+"/api/data/v9.2/EntityDefinitions(LogicalName='account')/Attributes(") {
		t.Errorf("OData-EntityId %s", where)
	}
	e.must("DELETE", strings.TrimPrefix(where, e.url+"/api/data/v9.2/"), "")
	row := e.must("GET", "accounts(accountnumber='A-1')", "").object(t)
	if _, there := row["new_first"]; there || row["new_second"] != 2.0 || row["name"] != "Contoso" || row["telephone1"] != "1" {
		t.Errorf("%v", row)
	}
	e.refused(e.do("PATCH", "accounts("+id+")", `{"new_first":"one"}`), http.StatusBadRequest, "0x80048d19", "new_first")
	e.must("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("String", "new_First", ""))
	if row := e.must("GET", "accounts("+id+")?$select=new_first,new_second", "").object(t); row["new_first"] != nil || row["new_second"] != 2.0 {
		t.Errorf("a new column has a value: %v", row)
	}
	for _, name := range []string{"name", "accountid", "telephone1"} {
		e.refused(e.do("DELETE", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='"+name+"')", ""), http.StatusBadRequest, "0x80040203", name)
	}
}

func TestAKeyIsActiveWhereValuesAreUnique(t *testing.T) {
	e := start(t, emulator.Config{})
	keys := "EntityDefinitions(LogicalName='new_part')/Keys"
	e.must("POST", "EntityDefinitions", entity("new_Part", attribute("String", "new_Code", `,"MaxLength":20`), attribute("Integer", "new_No", ""), attribute("Memo", "new_Text", "")))
	for _, code := range []string{"a", "b", "B"} {
		e.must("POST", "new_parts", `{"new_code":"`+code+`","new_no":1}`)
	}
	e.must("POST", keys, `{"SchemaName":"new_CodeKey","KeyAttributes":["new_code"]}`)
	status := func(name string) any {
		return e.must("GET", keys+"(LogicalName='"+name+"')", "").object(t)["EntityKeyIndexStatus"]
	}
	if s := status("new_codekey"); s != "Failed" {
		t.Errorf("a key over doubled values is %v", s)
	}
	e.refused(e.do("PATCH", "new_parts(new_code='c')", `{}`), http.StatusBadRequest, "0x80060888", "key")
	e.must("POST", "new_parts", `{"new_code":"b"}`) // a failed key is not enforced
	e.must("DELETE", keys+"(LogicalName='new_codekey')", "")
	for i, r := range e.Rows("new_part") {
		e.must("PATCH", "new_parts("+strings.Trim(string(r["new_partid"]), `"`)+")", fmt.Sprintf(`{"new_code":"u%d"}`, i))
	}
	e.must("POST", keys, `{"SchemaName":"new_CodeKey","KeyAttributes":["new_code"],"DisplayName":`+label("Code")+`}`)
	if s := status("new_codekey"); s != "Active" {
		t.Errorf("a key over unique values is %v", s)
	}
	if got := e.must("PATCH", "new_parts(new_code='u1')", `{"new_no":5}`, "Prefer: return=representation"); got.status != http.StatusOK {
		t.Errorf("an update by the new key: %d %s", got.status, got.body)
	}
	e.refused(e.do("POST", "new_parts", `{"new_code":"U1"}`), http.StatusPreconditionFailed, "0x80060892", "Code")
	e.refused(e.do("DELETE", "EntityDefinitions(LogicalName='new_part')/Attributes(LogicalName='new_code')", ""), http.StatusBadRequest, "0x8004f01f", "Attribute")
	for _, c := range []struct{ body, code, text string }{
		{`{"SchemaName":"new_CodeKey","KeyAttributes":["new_no"]}`, "0x80060893", "already exists"},
		{`{"SchemaName":"new_Other","KeyAttributes":["new_code"]}`, "0x80060894", "selected attributes"},
		{`{"SchemaName":"new_Other","KeyAttributes":["new_nope"]}`, "0x80040203", "new_nope"},
		{`{"SchemaName":"new_Other","KeyAttributes":["new_text"]}`, "0x80040203", "MemoType"},
		{`{"SchemaName":"new_Other","KeyAttributes":["createdon"]}`, "0x80090112", "createdon"},
		{`{"SchemaName":"new_Other","KeyAttributes":[]}`, "0x80040203", "0 attributes"},
		{`{"SchemaName":"Other","KeyAttributes":["new_no"]}`, "0x80040203", "customization prefix"},
		{`{"SchemaName":"new_Other","KeyAttributes":["new_no","new_no"]}`, "0x80040203", "twice"},
	} {
		e.refused(e.do("POST", keys, c.body), http.StatusBadRequest, c.code, c.text)
	}
}

func TestATableHasTenKeysAtMost(t *testing.T) {
	e := start(t, emulator.Config{})
	e.must("POST", "EntityDefinitions", entity("new_Part", attribute("String", "new_Long", `,"MaxLength":451`)))
	keys := "EntityDefinitions(LogicalName='new_part')/Keys"
	e.refused(e.do("POST", keys, `{"SchemaName":"new_Long","KeyAttributes":["new_long"]}`), http.StatusBadRequest, "0x80040203", "902 bytes")
	for i := range 11 {
		name := fmt.Sprintf("new_C%d", i)
		e.must("POST", "EntityDefinitions(LogicalName='new_part')/Attributes", attribute("Integer", name, ""))
		a := e.do("POST", keys, `{"SchemaName":"`+name+`Key","KeyAttributes":["`+strings.ToLower(name)+`"]}`)
		if i < 10 && a.status != http.StatusNoContent {
			t.Errorf("key %d: %d %s", i, a.status, a.body)
		}
		if i == 10 {
			e.refused(a, http.StatusBadRequest, "0x80040203", "the maximum is 10")
		}
	}
}

func TestALookupIsBoundAndFollowedByTheNamesOfItsRelationship(t *testing.T) {
	e := start(t, emulator.Config{})
	e.must("POST", "EntityDefinitions", entity("new_Part"))
	e.must("POST", "RelationshipDefinitions", relation("account_new_part_new_AccountId", "new_part", "account", "new_AccountId", "Restrict"))
	id, part := uuid.NewString(), uuid.NewString()
	e.must("POST", "accounts", `{"accountid":"`+id+`","name":"Contoso"}`)
	e.must("POST", "new_parts", `{"new_partid":"`+part+`","new_name":"bolt","new_AccountId@odata.bind":"/accounts(`+id+`)"}`)
	if got := e.must("GET", "accounts("+id+")?$select=name&$expand=account_new_part_new_AccountId($select=new_name)", "").body; !strings.Contains(got, `"new_name":"bolt"`) {
		t.Errorf("%s", got)
	}
	if a := e.do("DELETE", "accounts("+id+")", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("a restricted delete: %d %s", a.status, a.body)
	}
	e.refused(e.do("POST", "RelationshipDefinitions", relation("account_new_part_new_AccountId", "new_part", "contact", "new_Other", "RemoveLink")), http.StatusBadRequest, "0x8004432b", "already exists")
	e.refused(e.do("POST", "RelationshipDefinitions", relation("new_x", "new_part", "contact", "new_AccountId", "RemoveLink")), http.StatusBadRequest, "0x80047013", "new_accountid")
	e.refused(e.do("POST", "RelationshipDefinitions", relation("new_y", "new_part", "new_nothing", "new_Other", "RemoveLink")), http.StatusBadRequest, "0x80040203", "new_nothing")
	e.refused(e.do("POST", "RelationshipDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata","SchemaName":"new_z"}`), http.StatusNotImplemented, "0x80040219", "many-to-many")
	e.must("DELETE", "RelationshipDefinitions(SchemaName='account_new_part_new_AccountId')", "")
	if row := e.must("GET", "new_parts("+part+")", "").body; strings.Contains(row, "_new_accountid_value") {
		t.Errorf("the lookup is left: %s", row)
	}
	e.must("DELETE", "accounts("+id+")", "")
}

func TestALookupMayPointAtSeveralTables(t *testing.T) {
	e := start(t, emulator.Config{})
	e.must("POST", "EntityDefinitions", entity("new_Part"))
	relationships := `[{"SchemaName":"new_part_buyer_account","ReferencedEntity":"account","ReferencingEntity":"new_part"},{"SchemaName":"new_part_buyer_contact","ReferencedEntity":"contact","ReferencingEntity":"new_part"}]`
	made := e.must("POST", "CreateCustomerRelationships", `{"Lookup":`+attribute("ComplexLookup", "new_Buyer", "")+`,"OneToManyRelationships":`+relationships+`}`).object(t)
	if ids, _ := made["RelationshipIds"].([]any); len(ids) != 2 || made["AttributeId"] == nil {
		t.Errorf("%v", made)
	}
	if typ := e.must("GET", "EntityDefinitions(LogicalName='new_part')/Attributes(LogicalName='new_buyer')", "").object(t)["AttributeType"]; typ != "Customer" {
		t.Errorf("the lookup is of type %v", typ)
	}
	contact := uuid.NewString()
	e.must("POST", "contacts", `{"contactid":"`+contact+`","lastname":"Doe"}`)
	e.must("POST", "new_parts", `{"new_Buyer_contact@odata.bind":"/contacts(`+contact+`)"}`)
	if n := len(e.Rows("new_part")); n != 1 {
		t.Errorf("%d rows", n)
	}
	e.refused(e.do("DELETE", "RelationshipDefinitions(SchemaName='new_part_buyer_contact')", ""), http.StatusNotImplemented, "0x80040219", "new_buyer")
}

func TestAGlobalChoiceIsSharedByColumns(t *testing.T) {
	e := start(t, emulator.Config{})
	made := e.must("POST", "GlobalOptionSetDefinitions", `{"@odata.type":"Microsoft.Dynamics.CRM.OptionSetMetadata","Name":"new_colors","DisplayName":`+label("Colors")+
		`,"OptionSetType":"Picklist","Options":[{"Value":1,"Label":`+label("Red")+`},{"Value":2,"Label":`+label("Blue")+`}]}`)
	if got := e.must("GET", "GlobalOptionSetDefinitions(Name='new_colors')", "").body; !strings.Contains(got, `"Red"`) {
		t.Errorf("%s", got)
	}
	e.must("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("Picklist", "new_Color", `,"GlobalOptionSet@odata.bind":"`+made.header.Get("OData-EntityId")+`"`))
	e.must("POST", "accounts", `{"new_color":2}`)
	e.refused(e.do("POST", "accounts", `{"new_color":3}`), http.StatusBadRequest, "0x8004431a", "new_color")
	e.refused(e.do("DELETE", "GlobalOptionSetDefinitions(Name='new_colors')", ""), http.StatusBadRequest, "0x8004f01f", "OptionSet")
	e.refused(e.do("POST", "GlobalOptionSetDefinitions", `{"Name":"new_colors","Options":[]}`), http.StatusBadRequest, "0x80047010", "new_colors")
	e.must("DELETE", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_color')", "")
	e.must("DELETE", "GlobalOptionSetDefinitions(Name='new_colors')", "")
	if a := e.do("GET", "GlobalOptionSetDefinitions(Name='new_colors')", ""); a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestDefinitionsThatCannotBeAreRefused(t *testing.T) {
	e := start(t, emulator.Config{})
	for name, c := range map[string]struct {
		path, body string
		status     int
		code, text string
	}{
		"a table that is there":       {"EntityDefinitions", entity("new_Membership"), 400, "0x80047010", "new_membership"},
		"a table without prefix":      {"EntityDefinitions", entity("Product"), 400, "0x80040203", "customization prefix"},
		"a table without a name":      {"EntityDefinitions", `{"SchemaName":"new_A","Attributes":[]}`, 400, "0x80040203", "primary name"},
		"a table with two names":      {"EntityDefinitions", entity("new_A", attribute("String", "new_B", `,"IsPrimaryName":true`)), 400, "0x80040203", "both"},
		"an activity":                 {"EntityDefinitions", `{"SchemaName":"new_A","IsActivity":true}`, 501, "0x80040219", "activity"},
		"no JSON":                     {"EntityDefinitions", `{`, 400, "0x80040203", "EntityMetadata"},
		"a column that is there":      {"EntityDefinitions(LogicalName='new_membership')/Attributes", attribute("String", "new_Code", ""), 400, "0x80047013", "new_code"},
		"a column without type":       {"EntityDefinitions(LogicalName='account')/Attributes", `{"SchemaName":"new_A"}`, 400, "0x80040203", "cannot be created through the SDK"},
		"a lookup as a column":        {"EntityDefinitions(LogicalName='account')/Attributes", attribute("Lookup", "new_A", ""), 400, "0x80040203", "LookupAttributeMetadata"},
		"a second primary name":       {"EntityDefinitions(LogicalName='account')/Attributes", attribute("String", "new_A", `,"IsPrimaryName":true`), 400, "0x80040203", "primary name"},
		"a choice without options":    {"EntityDefinitions(LogicalName='account')/Attributes", attribute("Picklist", "new_A", ""), 400, "0x80040203", "OptionSet"},
		"options with the same value": {"EntityDefinitions(LogicalName='account')/Attributes", attribute("Picklist", "new_A", `,"OptionSet":{"Options":[{"Value":1},{"Value":1}]}`), 400, "0x80040203", "twice"},
		"an unknown global choice":    {"EntityDefinitions(LogicalName='account')/Attributes", attribute("Picklist", "new_A", `,"GlobalOptionSet@odata.bind":"/GlobalOptionSetDefinitions(Name='no')"`), 400, "0x80040203", "no global option set"},
		"a computed column":           {"EntityDefinitions(LogicalName='account')/Attributes", attribute("Decimal", "new_A", `,"SourceType":1`), 501, "0x80040219", "computed"},
		"an unknown table":            {"EntityDefinitions(LogicalName='no')/Attributes", attribute("String", "new_A", ""), 404, "0x80060888", "no"},
	} {
		t.Run(name, func(t *testing.T) {
			a := e.do("POST", c.path, c.body)
			if a.status != c.status || a.code() != c.code || !strings.Contains(a.message(), c.text) {
				t.Errorf("%d %s, want %d %s %q", a.status, a.body, c.status, c.code, c.text)
			}
		})
	}
	if a := e.do("PUT", "EntityDefinitions(LogicalName='account')", `{}`); a.status != http.StatusNotImplemented {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := e.do("DELETE", "EntityDefinitions", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestOnlyWhoMayCustomizeDefinesTables(t *testing.T) {
	c := office(security.Role{Name: "Clerk", Privileges: map[string]security.Depth{"prvReadContact": security.Global, "prvCreateAttribute": security.Global}})
	c.Apps[1].Roles = []string{"Clerk"}
	boss := start(t, c)
	e := boss.as(clerk, "clerk")
	e.refused(e.do("POST", "EntityDefinitions", entity("new_Part")), http.StatusForbidden, "0x80040220", "prvCreateEntity")
	e.refused(e.do("POST", "PublishAllXml", ""), http.StatusForbidden, "0x80040220", "prvPublishCustomization")
	e.must("POST", "EntityDefinitions(LogicalName='contact')/Attributes", attribute("String", "new_A", ""))
	e.refused(e.do("DELETE", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='new_a')", ""), http.StatusForbidden, "0x80040220", "prvDeleteAttribute")
	boss.must("POST", "PublishXml", `{"ParameterXml":"<importexportxml/>"}`)
}

func TestTablesAreDefinedInBatchesButNotInChangeSets(t *testing.T) {
	e := start(t, emulator.Config{})
	json := "Content-Type: application/json\r\n"
	outer, parts := e.batch(inBatch(part("POST", "/api/data/v9.2/EntityDefinitions", json, entity("new_Part")), part("POST", "/api/data/v9.2/new_parts", json, `{"new_name":"a"}`)))
	if outer.status != http.StatusOK || len(parts) != 2 || parts[1].status != http.StatusNoContent {
		t.Fatalf("%d %s", outer.status, outer.body)
	}
	_, parts = e.batch(inBatch(inSet(part("POST", "/api/data/v9.2/EntityDefinitions", json, entity("new_Bolt")))))
	if len(parts) != 1 || parts[0].status != http.StatusBadRequest || e.Count("new_bolt") != 0 {
		t.Errorf("%+v", parts)
	}
}

func TestResetReturnsToTheTablesOfConfig(t *testing.T) {
	e := start(t, emulator.Config{})
	e.must("POST", "EntityDefinitions", entity("new_Part"))
	e.must("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("String", "new_A", ""))
	e.must("DELETE", "EntityDefinitions(LogicalName='new_membership')", "")
	e.Reset()
	e.refused(e.do("GET", "new_parts", ""), http.StatusNotFound, "0x8006088a", "new_parts")
	e.refused(e.do("POST", "accounts", `{"new_a":"x"}`), http.StatusBadRequest, "0x80048d19", "new_a")
	e.must("POST", "new_memberships", `{"new_name":"m"}`)
}

func TestRowsKeepTheirValuesWhileColumnsComeAndGo(t *testing.T) {
	e := start(t, emulator.Config{Limits: emulator.Limits{Off: true}})
	const writers, rounds = 4, 25
	e.must("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("String", "new_A", ""))
	e.must("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("String", "new_B", ""))
	failures := make(chan string, writers+1)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range rounds {
				id := fmt.Sprintf("accounts(00000000-0000-0000-%04d-%012d)", w, i)
				for _, r := range []*http.Request{
					e.request("PATCH", id, fmt.Sprintf(`{"accountnumber":"%d-%d","new_b":"b%d"}`, w, i, i)), e.request("PATCH", id, `{"name":"n"}`),
					e.request("PATCH", "accounts(00000000-0000-0000-0000-0000000000ff)", `{"name":"x"}`), e.request("DELETE", "accounts(00000000-0000-0000-0000-0000000000ff)", ""),
					e.request("POST", "contacts", `{"lastname":"c","parentcustomerid_account":{"name":"deep"}}`),
				} {
					if a, err := e.try(r); err != nil || a.status >= 300 && a.status != http.StatusNotFound {
						failures <- fmt.Sprintf("%v %d %s", err, a.status, a.body)
						return
					}
				}
			}
		})
	}
	group.Go(func() {
		for range rounds {
			for _, r := range []*http.Request{
				e.request("DELETE", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='new_a')", ""),
				e.request("POST", "EntityDefinitions(LogicalName='account')/Attributes", attribute("String", "new_A", "")),
				e.request("POST", "EntityDefinitions", entity("new_Part")), e.request("DELETE", "EntityDefinitions(LogicalName='new_part')", ""),
			} {
				if a, err := e.try(r); err != nil || a.status >= 300 {
					failures <- fmt.Sprintf("%v %d %s", err, a.status, a.body)
					return
				}
			}
		}
	})
	group.Wait()
	close(failures)
	for f := range failures {
		t.Error(f)
	}
	for w := range writers {
		for i := range rounds {
			row, ok := e.RowByKey("account", emulator.Key("accountnumber", fmt.Sprintf("%d-%d", w, i)))
			if !ok || string(row["new_b"]) != fmt.Sprintf(`"b%d"`, i) || string(row["name"]) != `"n"` {
				t.Fatalf("row %d-%d is %v", w, i, row)
			}
		}
	}
}
