package emulator_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

func (e *environment) list(path string) (names []string, whole map[string]any) {
	e.t.Helper()
	a := e.do("GET", path, "")
	if a.status != 200 {
		e.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	whole = a.object(e.t)
	for _, item := range whole["value"].([]any) {
		o := item.(map[string]any)
		for _, name := range []string{"name", "LogicalName", "SchemaName"} {
			if v, ok := o[name].(string); ok {
				names = append(names, v)
				break
			}
		}
	}
	return names, whole
}

func TestQueries(t *testing.T) { // 7
	e := start(t, emulator.Config{})
	for i, name := range []string{"Alpha", "beta", "Gamma", "O'Brien"} {
		e.must("PATCH", fmt.Sprintf("accounts(accountnumber='A-%d')", i), fmt.Sprintf(`{"name":"%s","revenue":%d,"numberofemployees":%d}`, name, 100*i, i))
	}
	e.must("PATCH", "accounts(accountnumber='A-2')", `{"parentaccountid@odata.bind":"accounts(accountnumber='A-0')","telephone1":"1"}`)
	parent, _ := e.RowByKey("account", "accountnumber='A-0'")
	for _, c := range []struct{ query, want string }{
		{"$filter=name eq 'ALPHA'", "Alpha"},
		{"$filter=name eq 'O''Brien'", "O'Brien"},
		{"$filter=revenue gt 100 and numberofemployees le 2", "Gamma"},
		{"$filter=name eq 'alpha' or name eq 'beta'", "Alpha beta"},
		{"$filter=not (revenue ge 100)", "Alpha"},
		{"$filter=telephone1 eq null and name ne 'beta'", "Alpha O'Brien"},
		{"$filter=telephone1 ne null", "Gamma"},
		{"$filter=_parentaccountid_value eq " + parent.Text("accountid"), "Gamma"},
		{"$filter=contains(name,'MM')", "Gamma"},
		{"$filter=startswith(name,'a') or endswith(name,'a') and revenue lt 150", "Alpha beta"},
		{"$orderby=name desc&$top=2", "O'Brien Gamma"},
		{"$top=1", "Alpha"},
	} {
		if got, _ := e.list("accounts?" + escaped(c.query)); strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.query, got, c.want)
		}
	}
	_, whole := e.list("accounts?" + escaped("$select=name,revenue&$count=true"))
	first := whole["value"].([]any)[0].(map[string]any)
	if whole["@odata.count"] != float64(4) || len(first) != 4 || first["accountid"] == nil || first["@odata.etag"] == nil {
		t.Errorf("got %v", whole)
	}
	for query, code := range map[string]string{
		"$filter=Name eq 'x'": "0x80060888", "$select=nothing": "0x80060888", "$skip=1": "0x80060888", "$filter=name eq": "0x80060888", "$filter=name like 'x'": "0x80060888",
		"$filter=revenue eq 'x'": "0x80060888", "$filter=(name eq 'x'": "0x80060888", "$expand=nothing": "0x80060888",
	} {
		if a := e.do("GET", "accounts?"+escaped(query), ""); a.status < 400 || a.code() != code {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	if a := e.do("GET", "accounts?$select=Name", ""); a.message() != "Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.account'." {
		t.Errorf("got %s", a.body)
	}
	if a := e.do("GET", "accounts/$count", ""); a.body != "4" {
		t.Errorf("$count: %s", a.body)
	}
}

// escaped encodes a query's values.
func escaped(query string) string {
	var out []string
	for p := range strings.SplitSeq(query, "&") {
		name, v, _ := strings.Cut(p, "=")
		out = append(out, name+"="+url.QueryEscape(v))
	}
	return strings.Join(out, "&")
}

func TestPaging(t *testing.T) { // 7
	e := start(t, emulator.Config{Limits: emulator.Limits{Off: true}})
	for batch := range 6 {
		parts := make([]string, 1000)
		for i := range parts {
			parts[i] = patch(fmt.Sprintf("A-%d-%d", batch, i), `{}`)
		}
		e.batch(inBatch(parts...))
	}
	seen, pages := map[string]bool{}, 0
	for next := "accounts?$select=accountnumber"; next != ""; pages++ {
		whole := e.do("GET", next, "").object(t)
		for _, item := range whole["value"].([]any) {
			seen[item.(map[string]any)["accountnumber"].(string)] = true
		}
		next, _ = whole["@odata.nextLink"].(string)
	}
	if len(seen) != 6000 || pages != 2 {
		t.Errorf("%d rows on %d pages", len(seen), pages)
	}
	a := e.do("GET", "accounts", "", "Prefer: odata.maxpagesize=7")
	if got := a.object(t); len(got["value"].([]any)) != 7 || got["@odata.nextLink"] == nil || a.header.Get("Preference-Applied") != "odata.maxpagesize=7" {
		t.Errorf("a page of 7: %v", a.header)
	}
}

func TestTableMetadata(t *testing.T) { // 6.2, 6.3, 6.5
	e := start(t, emulator.Config{Keys: map[string][]schema.Key{"lead": {{Name: "new_subjectkey", Label: "Subject Key", Columns: []string{"subject"}, Status: schema.Pending}}}})
	got := e.do("GET", "EntityDefinitions(LogicalName='new_membership')?$select=LogicalName,EntitySetName,PrimaryIdAttribute,Privileges&$expand=Keys($select=LogicalName,KeyAttributes,EntityKeyIndexStatus)", "").object(t)
	if got["EntitySetName"] != "new_memberships" || got["PrimaryIdAttribute"] != "new_membershipid" || got["SchemaName"] != nil || got["MetadataId"] == nil {
		t.Errorf("got %v", got)
	}
	keys := fmt.Sprint(got["Keys"])
	if !strings.Contains(keys, "[new_program new_number]") || !strings.Contains(keys, "EntityKeyIndexStatus:Failed") || strings.Contains(keys, "SchemaName") {
		t.Errorf("keys %s", keys)
	}
	if privileges := fmt.Sprint(got["Privileges"]); !strings.Contains(privileges, "Name:prvWritenew_Membership") || !strings.Contains(privileges, "PrivilegeType:AppendTo") {
		t.Errorf("privileges %s", privileges)
	}
	if a := e.do("GET", "EntityDefinitions(LogicalName='nothing')", ""); a.status != 404 || !strings.Contains(a.message(), "Could not find an entity with name nothing") {
		t.Errorf("unknown: %d %s", a.status, a.body)
	}
	if names, _ := e.list("EntityDefinitions?" + escaped("$select=LogicalName,EntitySetName&$filter=LogicalName eq 'account' or LogicalName eq 'contact'")); strings.Join(names, " ") != "account contact" {
		t.Errorf("by name: %v", names)
	}
	if names, _ := e.list("EntityDefinitions?" + escaped("$select=LogicalName&$filter=IsPrivate eq false and IsIntersect eq false")); len(names) != len(schema.Standard()) {
		t.Errorf("all: %v", names)
	}
	_, whole := e.list("EntityDefinitions(LogicalName='lead')/Keys")
	if !strings.Contains(fmt.Sprint(whole), "EntityKeyIndexStatus:Pending") {
		t.Errorf("keys of lead %v", whole)
	}
	if a := e.do("PATCH", "leads(subject='x')", `{}`); a.status != 400 {
		t.Errorf("a key that is not active: %d", a.status)
	}
}

func TestColumnMetadata(t *testing.T) { // 6.4
	e := start(t, emulator.Config{})
	const root = "EntityDefinitions(LogicalName='new_membership')/"
	_, whole := e.list(root + "Attributes?$select=LogicalName,AttributeType,AttributeTypeName,IsValidForCreate,RequiredLevel")
	types := map[string]string{}
	for _, item := range whole["value"].([]any) {
		o := item.(map[string]any)
		types[o["LogicalName"].(string)] = fmt.Sprint(o["@odata.type"], " ", o["AttributeType"], " ", o["IsValidForCreate"])
	}
	for name, want := range map[string]string{
		"new_name": "#Microsoft.Dynamics.CRM.StringAttributeMetadata String true", "new_interests": "#Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata Virtual true",
		"new_contact": "#Microsoft.Dynamics.CRM.LookupAttributeMetadata Lookup true", "createdon": "#Microsoft.Dynamics.CRM.DateTimeAttributeMetadata DateTime false",
		"ownerid": "#Microsoft.Dynamics.CRM.LookupAttributeMetadata Owner true",
	} {
		if types[name] != want {
			t.Errorf("%s: %q, want %q", name, types[name], want)
		}
	}
	for _, c := range []struct{ cast, column, want string }{
		{"StringAttributeMetadata?$select=LogicalName,MaxLength", "new_name", "MaxLength:100"},
		{"MemoAttributeMetadata?$select=LogicalName,MaxLength", "new_notes", "MaxLength:4000"},
		{"IntegerAttributeMetadata?$select=LogicalName,MinValue,MaxValue", "new_number", "MinValue:0"},
		{"DecimalAttributeMetadata?$select=LogicalName,Precision", "new_score", "Precision:4"},
		{"MoneyAttributeMetadata?$select=LogicalName,PrecisionSource", "new_fee", "PrecisionSource:2"},
		{"DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior", "new_joinedon", "DateTimeBehavior:map[Value:DateOnly]"},
		{"DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior", "new_openingtime", "DateTimeBehavior:map[Value:TimeZoneIndependent]"},
		{"LookupAttributeMetadata?$select=LogicalName,Targets", "new_sponsor", "Targets:[account contact]"},
		{"PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)", "new_tier", "Value:1e+08"},
		{"StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", "statuscode", "State:1 Tag:<nil> TransitionData:<nil> Value:2"},
		{"BooleanAttributeMetadata?$select=LogicalName&$expand=OptionSet", "new_paid", "TrueOption:map["},
	} {
		_, whole := e.list(root + "Attributes/Microsoft.Dynamics.CRM." + c.cast)
		found := ""
		for _, item := range whole["value"].([]any) {
			if o := item.(map[string]any); o["LogicalName"] == c.column {
				found = fmt.Sprint(o)
			}
		}
		if !strings.Contains(found, c.want) {
			t.Errorf("%s: %s has no %s: %s", c.cast, c.column, c.want, found)
		}
	}
	if a := e.do("GET", root+"Attributes/Microsoft.Dynamics.CRM.EnumAttributeMetadata", ""); a.status != 400 {
		t.Errorf("EnumAttributeMetadata as a cast: %d", a.status)
	}
	one := e.do("GET", root+"Attributes(LogicalName='new_tier')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet", "").object(t)
	if one["LogicalName"] != "new_tier" || one["OptionSet"] == nil {
		t.Errorf("one attribute: %v", one)
	}
	_, whole = e.list("EntityDefinitions(LogicalName='contact')/ManyToOneRelationships?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName")
	if text := fmt.Sprint(whole); !strings.Contains(text, "ReferencingEntityNavigationPropertyName:parentcustomerid_account") || !strings.Contains(text, "ReferencedEntity:contact") {
		t.Errorf("relationships %s", text)
	}
}

func TestRetrieveUserPrivileges(t *testing.T) { // 6.5
	e := start(t, emulator.Config{})
	e.Revoke(emulator.SandboxClient, "prvWriteContact")
	user := e.do("GET", "WhoAmI", "").object(t)["UserId"].(string)
	for _, suffix := range []string{"", "()"} {
		a := e.do("GET", "systemusers("+user+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges"+suffix, "")
		if a.status != 200 || strings.Contains(a.body, `"prvWriteContact"`) || !strings.Contains(a.body, `"PrivilegeName":"prvReadContact"`) {
			t.Errorf("%d %.300s", a.status, a.body)
		}
	}
}

func TestOwnTablesAndKeys(t *testing.T) {
	own := schema.Table{
		Name: "cr123_invoice", Schema: "cr123_Invoice", Set: "cr123_invoices", Label: "Invoice", PrimaryID: "cr123_invoiceid", TypeCode: 10002,
		Columns: []schema.Column{
			{Name: "cr123_invoiceid", Schema: "cr123_InvoiceId", Type: schema.ID},
			{Name: "cr123_number", Schema: "cr123_Number", Type: schema.String, MaxLength: 10},
			{Name: "cr123_account", Schema: "cr123_Account", Type: schema.Lookup, Targets: []schema.Target{{Table: "account", Navigation: "cr123_Account"}}},
		},
		Keys: []schema.Key{{Name: "cr123_key", Columns: []string{"cr123_number"}}},
	}
	e := start(t, emulator.Config{Tables: []schema.Table{own}, Keys: map[string][]schema.Key{"contact": {{Name: "new_mail", Columns: []string{"emailaddress1"}}}}})
	e.must("PATCH", "accounts(accountnumber='A-1')", `{}`)
	e.must("PATCH", "cr123_invoices(cr123_number='1')", `{"cr123_Account@odata.bind":"accounts(accountnumber='A-1')"}`)
	e.must("PATCH", "contacts(emailaddress1='ada@example.org')", `{"lastname":"Lovelace"}`)
	if e.Count("cr123_invoice") != 1 || e.Count("contact") != 1 {
		t.Error("rows are missing")
	}
	for name, c := range map[string]emulator.Config{
		"a key on an unknown table":   {Keys: map[string][]schema.Key{"nothing": {{Columns: []string{"x"}}}}},
		"a key on an unknown column":  {Keys: map[string][]schema.Key{"contact": {{Name: "k", Columns: []string{"x"}}}}},
		"a table without primary key": {Tables: []schema.Table{{Name: "x", Schema: "x", Set: "xs"}}},
		"a key on a memo":             {Keys: map[string][]schema.Key{"contact": {{Name: "k", Columns: []string{"description"}}}}},
	} {
		if c.Validate() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
