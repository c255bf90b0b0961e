package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// at is a GUID that ends in n.
func at(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

// people fills accounts 1 to 3 (Alpha, Beta below it, Gamma without contacts), contacts 11 to 14, and memberships 21 to 23.
func people(t testing.TB, c emulator.Config) *environment {
	t.Helper()
	e := start(t, c)
	for _, r := range []struct {
		set string
		id  int
		row string
	}{
		{"accounts", 1, `{"name":"Alpha","revenue":1234.5,"industrycode":7,"creditonhold":true,"numberofemployees":1200}`},
		{"accounts", 2, `{"name":"Beta","revenue":10,"parentaccountid@odata.bind":"accounts(` + at(1) + `)","creditonhold":false}`},
		{"accounts", 3, `{"name":"Gamma"}`},
		{"contacts", 11, `{"firstname":"Ada","lastname":"Lovelace","parentcustomerid_account@odata.bind":"accounts(` + at(1) + `)","birthdate":"1815-12-10","emailaddress1":"ada@example.org"}`},
		{"contacts", 12, `{"firstname":"Bob","lastname":"Bob","parentcustomerid_account@odata.bind":"accounts(` + at(1) + `)","birthdate":"1990-01-31"}`},
		{"contacts", 13, `{"firstname":"Cyd","lastname":"Adams","parentcustomerid_account@odata.bind":"accounts(` + at(2) + `)"}`},
		{"contacts", 14, `{"firstname":"Dan","lastname":"Boss","parentcustomerid_contact@odata.bind":"contacts(` + at(11) + `)"}`},
		{"new_memberships", 21, `{"new_name":"one","new_interests":"1,3","new_score":2.5,"new_fee":-1500,"new_lastvisit":"2026-01-31T13:05:00Z","new_Contact@odata.bind":"contacts(` + at(11) + `)","new_tier":100000001}`},
		{"new_memberships", 22, `{"new_name":"two","new_interests":"2","new_score":2.5,"new_fee":20.25,"new_Contact@odata.bind":"contacts(` + at(12) + `)","new_tier":100000002}`},
		{"new_memberships", 23, `{"new_name":"three","new_score":-1}`},
	} {
		e.must("PATCH", fmt.Sprintf("%s(%s)", r.set, at(r.id)), r.row)
	}
	e.must("PATCH", "accounts("+at(1)+")", `{"primarycontactid@odata.bind":"contacts(`+at(11)+`)"}`)
	return e
}

// names are the values of a property over the rows of an answer.
func names(t testing.TB, a answer, property string) string {
	t.Helper()
	if a.status != http.StatusOK {
		return fmt.Sprintf("%d %s %s", a.status, a.code(), a.message())
	}
	var out []string
	for _, item := range a.object(t)["value"].([]any) {
		out = append(out, fmt.Sprint(item.(map[string]any)[property]))
	}
	return strings.Join(out, " ")
}

func TestFiltersReachOverLookupsAndCollections(t *testing.T) { // 7
	e := people(t, emulator.Config{})
	year := time.Now().UTC().Year()
	user := e.do("GET", "WhoAmI", "").object(t)["UserId"].(string)
	for _, c := range []struct{ set, property, filter, want string }{
		{"contacts", "firstname", "parentcustomerid_account/name eq 'alpha'", "Ada Bob"},
		{"contacts", "firstname", "parentcustomerid_account/parentaccountid/name eq 'Alpha'", "Cyd"},
		{"contacts", "firstname", "parentcustomerid_contact/firstname eq 'Ada'", "Dan"},
		{"contacts", "firstname", "parentcustomerid_account/name eq null", "Dan"},
		{"contacts", "firstname", "contains(parentcustomerid_account/name,'ET')", "Cyd"},
		{"contacts", "firstname", "firstname eq lastname", "Bob"},
		{"contacts", "firstname", "not contains(firstname,'a')", "Bob Cyd"},
		{"contacts", "firstname", "'Bob' lt firstname", "Cyd Dan"},
		{"contacts", "firstname", "birthdate ge 1900-01-01", "Bob"},
		{"contacts", "firstname", "contactid eq " + at(12) + " or contactid eq " + strings.ToUpper(at(14)), "Bob Dan"},
		{"contacts", "firstname", "contactid eq " + at(12) + " and firstname eq 'Ada'", ""},
		{"contacts", "firstname", "createdon gt 2020-01-01 and modifiedon ge 2020-01-01T00:00:00Z", "Ada Bob Cyd Dan"},
		{"accounts", "name", "creditonhold", "Alpha"},
		{"accounts", "name", "not creditonhold and revenue ne null", "Beta"},
		{"accounts", "name", "contact_customer_accounts/any()", "Alpha Beta"},
		{"accounts", "name", "contact_customer_accounts/any(c:c/firstname eq 'Cyd')", "Beta"},
		{"accounts", "name", "contact_customer_accounts/any(c:c/firstname eq 'Bob' and c/lastname eq 'Bob') or name eq 'Gamma'", "Alpha Gamma"},
		{"accounts", "name", "contact_customer_accounts/all(c:c/firstname ne 'Cyd')", "Alpha Gamma"},
		{"accounts", "name", "not contact_customer_accounts/any(c:c/Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=['Ada']))", "Beta Gamma"},
		{"accounts", "name", "account_parent_account/any(a:a/name eq 'Beta')", "Alpha"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['alpha','gamma'])", "Alpha Gamma"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.NotIn(PropertyName='name',PropertyValues=[\"Alpha\"])", "Beta Gamma"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.In(PropertyName='industrycode',PropertyValues=['7','8'])", "Alpha"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.Between(PropertyName='revenue',PropertyValues=['5','10'])", "Beta"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.NotBetween(PropertyName='revenue',PropertyValues=['5','10'])", "Alpha"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid') and name ne 'Beta'", "Alpha Gamma"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.NotEqualUserId(PropertyName='ownerid')", ""},
		{"accounts", "name", "_ownerid_value eq " + user + " and name eq 'Beta'", "Beta"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=3)", "Alpha Beta Gamma"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon',PropertyValue='1')", "Alpha Beta Gamma"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.ThisYear(PropertyName='createdon')", "Alpha Beta Gamma"},
		{"accounts", "name", "Microsoft.Dynamics.CRM.NextXWeeks(PropertyName='createdon',PropertyValue=2)", ""},
		{"accounts", "name", "Microsoft.Dynamics.CRM.OlderThanXMonths(PropertyName='createdon',PropertyValue=1)", ""},
		{"contacts", "firstname", "Microsoft.Dynamics.CRM.OlderThanXYears(PropertyName='birthdate',PropertyValue=" + fmt.Sprint(year-1900) + ")", "Ada"},
		{"contacts", "firstname", "Microsoft.Dynamics.CRM.OnOrBefore(PropertyName='birthdate',PropertyValue='1815-12-10')", "Ada"},
		{"contacts", "firstname", "Microsoft.Dynamics.CRM.On(PropertyName='birthdate',PropertyValue='1990-01-31')", "Bob"},
		{"new_memberships", "new_name", "Microsoft.Dynamics.CRM.ContainValues(PropertyName='new_interests',PropertyValues=['2','3'])", "one two"},
		{"new_memberships", "new_name", "Microsoft.Dynamics.CRM.DoesNotContainValues(PropertyName='new_interests',PropertyValues=['3'])", "two three"},
		{"new_memberships", "new_name", "new_Contact/parentcustomerid_account/name eq 'Alpha' and new_score eq 2.50", "one two"},
	} {
		if got := names(t, e.do("GET", c.set+"?"+escaped("$filter="+c.filter), ""), c.property); got != c.want {
			t.Errorf("%s: %q, want %q", c.filter, got, c.want)
		}
	}
	aliased := "contacts?" + escaped("$filter=firstname eq @n or Microsoft.Dynamics.CRM.In(PropertyName=@p,PropertyValues=@v)&@n='Dan'&@p='firstname'&@v=['Ada','Cyd']")
	if got := names(t, e.do("GET", aliased, ""), "firstname"); got != "Ada Cyd Dan" {
		t.Errorf("aliases: %q", got)
	}
	if got := names(t, e.do("GET", "contacts?$filter=firstname%20in%20('Ada')", ""), "firstname"); !strings.HasPrefix(got, "400 0x80060888") {
		t.Errorf("in: %s", got)
	}
	e = people(t, emulator.Config{Assumptions: emulator.Assumptions{InOperator: true}})
	if got := names(t, e.do("GET", "contacts?$filter=firstname%20in%20('ada','DAN')", ""), "firstname"); got != "Ada Dan" {
		t.Errorf("in, where it is assumed: %s", got)
	}
}

func TestFiltersThatDataverseRefuses(t *testing.T) { // 2.9, 7
	e := people(t, emulator.Config{})
	for filter, message := range map[string]string{
		"_parentcustomerid_value eq 'x'":                    "A binary operator with incompatible types was detected. Found operand types 'Edm.Guid' and 'Edm.String' for operator kind 'Equal'.",
		"birthdate gt 2020-01-01T00:00:00Z":                 "A binary operator with incompatible types was detected. Found operand types 'Edm.Date' and 'Edm.DateTimeOffset' for operator kind 'GreaterThan'.",
		"parentcustomerid eq null":                          "Could not find a property named 'parentcustomerid' on type 'Microsoft.Dynamics.CRM.contact'.",
		"parentcustomerid_account/Name eq ''":               "Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.account'.",
		"tolower(firstname) eq 'x'":                         "",
		"firstname":                                         "The $filter expression must evaluate to a single boolean value.",
		"nothing/any(x:x/a eq 1)":                           "Could not find a property named 'nothing' on type 'Microsoft.Dynamics.CRM.contact'.",
		"contact_customer_contacts/any(x:firstname eq 'a')": "'firstname' is not a property of the range variable 'x'.",
		"ownerid/fullname eq 'x'":                           "",
		"contains(birthdate,'1')":                           "",
		"firstname eq @p":                                   "The parameter alias '@p' has no value in the query string.",
		"Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=[1])": "",
		"Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon')":             "",
		"Microsoft.Dynamics.CRM.Today(PropertyName='firstname')":                 "",
		strings.Repeat("(", 150) + "firstname eq 'x'" + strings.Repeat(")", 150): "The node count limit of '100' has been exceeded.",
	} {
		a := e.do("GET", "contacts?"+escaped("$filter="+filter), "")
		if a.status != 400 || a.code() != "0x80060888" || message != "" && a.message() != message {
			t.Errorf("%.60s: %d %s", filter, a.status, a.body)
		}
	}
	if a := e.do("GET", "contacts?"+escaped("$filter=Microsoft.Dynamics.CRM.Under(PropertyName='contactid',PropertyValue='x')"), ""); a.status != 501 {
		t.Errorf("a function that is not known: %d", a.status)
	}
	e.Revoke(emulator.SandboxClient, "prvReadAccount")
	for _, query := range []string{"$filter=parentcustomerid_account/name eq 'x'", "$expand=parentcustomerid_account", "$orderby=parentcustomerid_account/name"} {
		if a := e.do("GET", "contacts?"+escaped(query), ""); a.status != 403 || !strings.Contains(a.message(), "prvReadAccount") {
			t.Errorf("%s without the privilege: %d %s", query, a.status, a.body)
		}
	}
	long := "contactid eq " + at(12) + strings.Repeat(" or contactid eq "+at(13), 400)
	if got := names(t, e.do("GET", "contacts?"+escaped("$filter="+long), ""), "firstname"); got != "Bob Cyd" {
		t.Errorf("400 alternatives: %s", got)
	}
}

// dig follows names and numbers into JSON.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(map[string]any)
			v = o[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestExpandsOfLookups(t *testing.T) { // 7
	e := people(t, emulator.Config{})
	one := e.do("GET", "contacts("+at(11)+")?$select=firstname&$expand=parentcustomerid_account($select=name;$expand=primarycontactid($select=fullname)),parentcustomerid_contact,ownerid", "").object(t)
	if one["@odata.context"] != e.url+"/api/data/v9.2/$metadata#contacts(firstname,parentcustomerid_account(name,primarycontactid(fullname)),parentcustomerid_contact(),ownerid())/$entity" {
		t.Errorf("context %v", one["@odata.context"])
	}
	account, _ := one["parentcustomerid_account"].(map[string]any)
	if len(account) != 4 || account["name"] != "Alpha" || account["accountid"] != at(1) || account["@odata.etag"] == nil || dig(account, "primarycontactid", "fullname") != "Ada Lovelace" {
		t.Errorf("account %v", account)
	}
	if v, there := one["parentcustomerid_contact"]; v != nil || !there {
		t.Errorf("the other customer: %v", v)
	}
	if dig(one, "ownerid", "@odata.type") != "#Microsoft.Dynamics.CRM.systemuser" || dig(one, "ownerid", "ownerid") != dig(one, "ownerid", "systemuserid") || dig(one, "ownerid", "ownerid") == nil {
		t.Errorf("owner %v", one["ownerid"])
	}
	list := e.do("GET", "contacts?$select=firstname&$expand=parentcustomerid_account($select=name)&$orderby=firstname%20desc", "").object(t)
	if dig(list, "value", 0, "parentcustomerid_account") != nil || dig(list, "value", 1, "parentcustomerid_account", "name") != "Beta" {
		t.Errorf("list %v", list)
	}
	for _, query := range []string{
		"$select=parentcustomerid_account", "$select=parentcustomerid", "$expand=parentcustomerid", "$expand=ownerid($select=fullname)", "$expand=parentcustomerid_account($filter=name eq 'x')",
		"$expand=parentcustomerid_account($skip=1)", "$expand=parentcustomerid_account($select=nothing)",
	} {
		if a := e.do("GET", "contacts?"+escaped(query), ""); a.status != 400 || a.code() != "0x80060888" {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestExpandsOfCollections(t *testing.T) { // 7
	e := people(t, emulator.Config{})
	if a := e.do("GET", "accounts("+at(1)+")?$expand=contact_customer_accounts($expand=nothing)", ""); a.status != 400 {
		t.Errorf("an unknown collection: %d %s", a.status, a.body)
	}
	whole := e.do("GET", "accounts("+at(1)+")?$select=name&$expand=contact_customer_accounts($select=firstname;$orderby=firstname%20desc;$expand=contact_new_membership_new_contact($select=new_name)),account_parent_account($select=name)", "").object(t)
	if dig(whole, "contact_customer_accounts", 0, "firstname") != "Bob" || dig(whole, "contact_customer_accounts", 1, "firstname") != "Ada" ||
		dig(whole, "contact_customer_accounts", 1, "contact_new_membership_new_contact", 0, "new_name") != "one" || dig(whole, "account_parent_account", 0, "name") != "Beta" {
		t.Errorf("got %v", whole)
	}
	list := e.do("GET", "accounts?"+escaped("$select=name&$expand=contact_customer_accounts($select=firstname;$filter=startswith(firstname,'b') or firstname eq 'Cyd';$top=5)"), "")
	o := list.object(t)
	if dig(o, "value", 0, "contact_customer_accounts", 0, "firstname") != "Bob" || dig(o, "value", 1, "contact_customer_accounts", 0, "firstname") != "Cyd" || len(dig(o, "value", 2, "contact_customer_accounts").([]any)) != 0 {
		t.Errorf("got %s", list.body)
	}
	paged := e.do("GET", "accounts("+at(1)+")?$select=name&$expand=contact_customer_accounts($select=firstname;$orderby=lastname%20desc)", "", "Prefer: odata.maxpagesize=1").object(t)
	next, _ := paged["contact_customer_accounts@odata.nextLink"].(string)
	if len(paged["contact_customer_accounts"].([]any)) != 1 || !strings.HasPrefix(next, e.url+"/api/data/v9.2/accounts("+at(1)+")/contact_customer_accounts?") {
		t.Fatalf("got %v", paged)
	}
	rest := e.do("GET", next, "", "Prefer: odata.maxpagesize=1")
	if got := names(t, rest, "firstname"); got != "Bob" || strings.Contains(rest.body, "nextLink") || strings.Contains(rest.body, "jobtitle") {
		t.Errorf("the rest: %s %s", got, rest.body)
	}
}

func TestWhatIsBelowARow(t *testing.T) { // 7
	e := people(t, emulator.Config{})
	ada, alpha := "contacts("+at(11)+")/", "accounts("+at(1)+")/"
	root := e.url + "/api/data/v9.2/"
	for path, want := range map[string]string{
		ada + "firstname":                                                       `{"@odata.context":"` + root + `$metadata#contacts(` + at(11) + `)/firstname","value":"Ada"}`,
		ada + "firstname/$value":                                                "Ada",
		ada + "birthdate/$value":                                                "1815-12-10",
		ada + "_parentcustomerid_value":                                         `{"@odata.context":"` + root + `$metadata#contacts(` + at(11) + `)/_parentcustomerid_value","value":"` + at(1) + `"}`,
		ada + "parentcustomerid_account/name/$value":                            "Alpha",
		ada + "parentcustomerid_account/primarycontactid/fullname/$value":       "Ada Lovelace",
		ada + "parentcustomerid_account/$ref":                                   `{"@odata.context":"` + root + `$metadata#$ref","@odata.id":"` + root + `accounts(` + at(1) + `)"}`,
		alpha + "contact_customer_accounts/$ref":                                `{"@odata.context":"` + root + `$metadata#Collection($ref)","value":[{"@odata.id":"` + root + `contacts(` + at(11) + `)"},{"@odata.id":"` + root + `contacts(` + at(12) + `)"}]}`,
		alpha + "contact_customer_accounts/$count":                              "2",
		alpha + "contact_customer_accounts/$count?$filter=firstname%20eq%20'x'": "0",
		alpha + "contact_customer_accounts(" + at(12) + ")/lastname/$value":     "Bob",
		"contacts/$count?$filter=startswith(firstname,'A')":                     "1",
	} {
		if a := e.do("GET", path, ""); a.status != 200 || a.body != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := e.do("GET", "contacts/$count", ""); !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("$count is %s", a.header.Get("Content-Type"))
	}
	if a := e.do("GET", ada+"parentcustomerid_account?$select=name", "").object(t); a["name"] != "Alpha" || a["accountid"] != at(1) || a["@odata.context"] != root+"$metadata#accounts(name)/$entity" {
		t.Errorf("the account: %v", a)
	}
	if got := names(t, e.do("GET", alpha+"contact_customer_accounts?$select=firstname&$orderby=firstname%20desc", ""), "firstname"); got != "Bob Ada" {
		t.Errorf("the contacts: %s", got)
	}
	for path, status := range map[string]int{
		ada + "parentcustomerid_contact": 204, ada + "jobtitle": 204, ada + "jobtitle/$value": 204, ada + "nothing": 404, ada + "firstname/x": 404, ada + "parentcustomerid": 404,
		"contacts(" + at(99) + ")/firstname": 404, alpha + "contact_customer_accounts(" + at(13) + ")": 404, alpha + "contact_customer_accounts/x": 404, "contacts/nothing": 404,
	} {
		if a := e.do("GET", path, ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestAnnotationsByPreference(t *testing.T) { // 2.8, 7
	e := people(t, emulator.Config{})
	get := func(path, prefer string) (map[string]any, http.Header) {
		a := e.do("GET", path, "", "Prefer: "+prefer)
		return a.object(t), a.header
	}
	all, header := get("new_memberships("+at(21)+")", `odata.include-annotations="*"`)
	if header.Get("Preference-Applied") != `odata.include-annotations="*"` {
		t.Errorf("applied %q", header.Get("Preference-Applied"))
	}
	for name, want := range map[string]string{
		"new_tier": "Silver", "new_interests": "Sport; Travel", "new_score": "2.5000", "new_fee": "-$1,500.00", "new_lastvisit": "1/31/2026 1:05 PM", "statecode": "Active",
		"statuscode": "Active", "_new_contact_value": "Ada Lovelace", "_transactioncurrencyid_value": "US Dollar",
	} {
		if got := all[name+"@OData.Community.Display.V1.FormattedValue"]; got != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if all["_new_contact_value@Microsoft.Dynamics.CRM.lookuplogicalname"] != "contact" || all["_new_contact_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] != "new_Contact" ||
		all["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] != "systemuser" || all["new_name@OData.Community.Display.V1.FormattedValue"] != nil {
		t.Errorf("got %v", all)
	}
	account, _ := get("accounts("+at(1)+")?$select=creditonhold,numberofemployees,industrycode,revenue,_primarycontactid_value", `odata.include-annotations="OData.Community.Display.V1.FormattedValue"`)
	for name, want := range map[string]string{"creditonhold": "Yes", "numberofemployees": "1,200", "revenue": "$1,234.50", "_primarycontactid_value": "Ada Lovelace"} {
		if got := account[name+"@OData.Community.Display.V1.FormattedValue"]; got != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if account["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] != nil {
		t.Error("an annotation that was not asked for")
	}
	some, _ := get("contacts("+at(11)+")?$select=birthdate,_parentcustomerid_value&$expand=parentcustomerid_account($select=revenue)", `odata.include-annotations="Microsoft.Dynamics.CRM.*,-Microsoft.Dynamics.CRM.lookuplogicalname"`)
	if some["_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] != "parentcustomerid_account" || len(some) != 7 {
		t.Errorf("got %v", some)
	}
	expanded, _ := get("contacts("+at(11)+")?$select=birthdate&$expand=parentcustomerid_account($select=revenue)", `odata.include-annotations=*`)
	if expanded["birthdate@OData.Community.Display.V1.FormattedValue"] != "12/10/1815" || dig(expanded, "parentcustomerid_account", "revenue@OData.Community.Display.V1.FormattedValue") != "$1,234.50" {
		t.Errorf("got %v", expanded)
	}
	counted, header := get("accounts?$count=true&$select=name", `odata.maxpagesize=2, odata.include-annotations="*"`)
	if counted["@Microsoft.Dynamics.CRM.totalrecordcount"] != float64(3) || counted["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] != false || counted["@odata.count"] != float64(3) ||
		header.Get("Preference-Applied") != `odata.maxpagesize=2, odata.include-annotations="*"` {
		t.Errorf("got %v %v", counted, header)
	}
	written := e.do("PATCH", "accounts("+at(2)+")?$select=name&$expand=parentaccountid($select=name),contact_customer_accounts($select=firstname)", `{"name":"Beta 2"}`, `Prefer: return=representation,odata.include-annotations="*"`)
	o := written.object(t)
	if written.status != 200 || o["name"] != "Beta 2" || dig(o, "parentaccountid", "name") != "Alpha" || dig(o, "contact_customer_accounts", 0, "firstname") != "Cyd" ||
		!strings.Contains(written.header.Get("Preference-Applied"), "return=representation") {
		t.Errorf("a representation: %d %s", written.status, written.body)
	}
}

func TestLevelsOfMetadata(t *testing.T) { // 2.1
	e := people(t, emulator.Config{})
	a := e.do("GET", "contacts?$select=firstname&$expand=ownerid,parentcustomerid_account($select=name)&$count=true", "", "Accept: application/json;odata.metadata=none", "Prefer: odata.maxpagesize=1")
	if strings.Contains(a.body, "@odata.context") || strings.Contains(a.body, "etag") || strings.Contains(a.body, "@odata.type") || !strings.Contains(a.body, "@odata.nextLink") || !strings.Contains(a.header.Get("Content-Type"), "odata.metadata=none") {
		t.Errorf("none: %s %v", a.body, a.header)
	}
	if !json.Valid([]byte(a.body)) {
		t.Errorf("not JSON: %s", a.body)
	}
	a = e.do("GET", "accounts("+at(1)+")", "", "Accept: application/json; odata.metadata=full")
	o := a.object(t)
	root := e.url + "/api/data/v9.2/"
	for name, want := range map[string]string{
		"@odata.type": "#Microsoft.Dynamics.CRM.account", "@odata.id": root + "accounts(" + at(1) + ")", "@odata.editLink": "accounts(" + at(1) + ")", "accountid@odata.type": "#Guid",
		"revenue@odata.type": "#Decimal", "createdon@odata.type": "#DateTimeOffset", "contact_customer_accounts@odata.navigationLink": root + "accounts(" + at(1) + ")/contact_customer_accounts",
		"primarycontactid@odata.associationLink": root + "accounts(" + at(1) + ")/primarycontactid/$ref",
	} {
		if o[name] != want {
			t.Errorf("%s: %v, want %s", name, o[name], want)
		}
	}
	_, parts := e.batch(inBatch(part("GET", "/api/data/v9.2/accounts("+at(1)+")?$select=name", "Accept: application/json;odata.metadata=none\r\n", "")))
	if len(parts) != 1 || strings.Contains(parts[0].body, "@odata") {
		t.Errorf("in a batch: %v", parts)
	}
}

// pages follows the nextLinks of a query and returns a property of all rows, with the number of pages. between is called after each page.
func (e *environment) pages(path, property, prefer string, between func(page int)) (all []string, n int) {
	e.t.Helper()
	for path != "" {
		a := e.do("GET", path, "", "Prefer: "+prefer)
		if a.status != 200 {
			e.t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		o := a.object(e.t)
		for _, item := range o["value"].([]any) {
			all = append(all, fmt.Sprint(item.(map[string]any)[property]))
		}
		n++
		path, _ = o["@odata.nextLink"].(string)
		if between != nil {
			between(n)
		}
	}
	return all, n
}

func TestPagesKeepTheirOrderWhileRowsComeAndGo(t *testing.T) { // 7
	e := start(t, emulator.Config{Limits: emulator.Limits{Off: true}})
	for i := range 30 {
		e.must("PATCH", "accounts("+at(100+i)+")", fmt.Sprintf(`{"name":"N%02d","numberofemployees":%d,"revenue":%d}`, 29-i, i%4, i))
	}
	got, n := e.pages("accounts?$select=name,numberofemployees&$orderby=numberofemployees%20desc,name", "name", "odata.maxpagesize=7", nil)
	if n != 5 || len(got) != 30 || got[0] != "N02" || got[1] != "N06" || got[29] != "N29" {
		t.Errorf("%d pages: %v", n, got)
	}
	got, _ = e.pages("accounts?$select=name&$orderby=name&$filter=revenue%20ge%2010", "name", "odata.maxpagesize=6", func(page int) {
		if page == 1 { // the last row of the page goes, one before it comes, one after it comes
			e.must("DELETE", "accounts("+at(124)+")", "")
			e.must("PATCH", "accounts("+at(200)+")", `{"name":"N00a","revenue":50}`)
			e.must("PATCH", "accounts("+at(201)+")", `{"name":"N10a","revenue":50}`)
		}
	})
	if want := "N00 N01 N02 N03 N04 N05 N06 N07 N08 N09 N10 N10a N11 N12 N13 N14 N15 N16 N17 N18 N19"; strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	got, _ = e.pages("accounts?$select=name&$orderby=_parentaccountid_value,createdon", "name", "odata.maxpagesize=8", nil)
	if len(got) != 31 {
		t.Errorf("in an order that is no order: %d", len(got))
	}
	a := e.do("GET", "accounts?$select=name&$top=3&$orderby=name", "", "Prefer: odata.maxpagesize=2")
	if got := names(t, a, "name"); got != "N00 N00a N01" || strings.Contains(a.body, "nextLink") || a.header.Get("Preference-Applied") != "" {
		t.Errorf("$top with a page size: %s %s", got, a.body)
	}
	first := e.do("GET", "accounts?$select=name", "", "Prefer: odata.maxpagesize=2").object(t)
	next := first["@odata.nextLink"].(string)
	if !strings.Contains(next, "$skiptoken=%3Ccookie%20pagenumber%3D%222%22%20pagingcookie%3D%22%25253Ccookie") || !strings.HasPrefix(next, e.url+"/api/data/v9.2/accounts?$select=name&") {
		t.Errorf("the link %s", next)
	}
	for _, token := range []string{"1", "%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22x%22%20istracking=%22False%22%20/%3E"} {
		if a := e.do("GET", "accounts?$skiptoken="+token, ""); a.status != 400 || a.message() != "Malformed XML in the Paging Cookie" {
			t.Errorf("%s: %d %s", token, a.status, a.body)
		}
	}
}

func TestCountsStopAtFiveThousand(t *testing.T) { // 7
	e := start(t, emulator.Config{Limits: emulator.Limits{Off: true}})
	for i := range 6 {
		parts := make([]string, 1000)
		for k := range parts {
			parts[k] = patch(fmt.Sprintf("A-%d-%d", i, k), fmt.Sprintf(`{"numberofemployees":%d}`, k))
		}
		e.batch(inBatch(parts...))
	}
	if a := e.do("GET", "accounts/$count", ""); a.body != "5000" {
		t.Errorf("$count: %s", a.body)
	}
	o := e.do("GET", "accounts?$select=accountid&$count=true", "", `Prefer: odata.maxpagesize=2,odata.include-annotations="Microsoft.Dynamics.CRM.*"`).object(t)
	if o["@odata.count"] != float64(5000) || o["@Microsoft.Dynamics.CRM.totalrecordcount"] != float64(5000) || o["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] != true {
		t.Errorf("got %v", o)
	}
	if n := len(e.do("GET", "accounts?$top=9999&$select=accountid", "").object(t)["value"].([]any)); n != 5000 {
		t.Errorf("$top beyond a page: %d", n)
	}
	o = e.do("GET", "RetrieveTotalRecordCount(EntityNames=['account','contact'])", "").object(t)
	if fmt.Sprint(dig(o, "EntityRecordCountCollection", "Keys"), dig(o, "EntityRecordCountCollection", "Values")) != "[account contact] [6000 0]" {
		t.Errorf("got %v", o)
	}
	o = e.do("GET", "RetrieveTotalRecordCount(EntityNames=@p)?@p=['contact']", "").object(t)
	if fmt.Sprint(dig(o, "EntityRecordCountCollection", "Values")) != "[0]" {
		t.Errorf("by alias: %v", o)
	}
	if a := e.do("GET", "RetrieveTotalRecordCount(EntityNames=['nothing'])", ""); a.status != 404 {
		t.Errorf("an unknown table: %d", a.status)
	}
	got, _ := e.pages("accounts?$select=accountnumber,numberofemployees&$orderby=numberofemployees%20desc,accountnumber", "accountnumber", "odata.maxpagesize=5000", nil)
	seen := map[string]bool{}
	for _, n := range got {
		seen[n] = true
	}
	if len(seen) != 6000 || got[0] != "A-0-999" || got[6] != "A-0-998" || got[5999] != "A-5-0" {
		t.Errorf("%d rows, %s %s %s", len(seen), got[0], got[6], got[5999])
	}
}

func TestAggregates(t *testing.T) { // 7
	e := people(t, emulator.Config{})
	for apply, want := range map[string]string{
		"aggregate($count as n,new_score with sum as s,new_score with average as a,new_score with min as lo,new_score with max as hi,new_score with countdistinct as d)": `[{"n":3,"s":4.0000,"a":1.3333333333,"lo":-1,"hi":2.5,"d":2}]`,
		"groupby((new_tier))": `[{"new_tier":100000001},{"new_tier":100000002},{"new_tier":null}]`,
		"groupby((new_score),aggregate(new_fee with sum as total))":                                          `[{"new_score":2.5,"total":-1479.75},{"new_score":-1,"total":null}]`,
		"filter(new_score gt 0)/groupby((new_Contact/parentcustomerid_account/name),aggregate($count as n))": `[{"new_Contact":{"parentcustomerid_account":{"name":"Alpha"}},"n":2}]`,
		"filter(new_name eq 'nobody')/aggregate($count as n)":                                                `[{"n":0}]`,
	} {
		a := e.do("GET", "new_memberships?"+escaped("$apply="+apply), "")
		if _, list, _ := strings.Cut(a.body, `"value":`); strings.TrimSuffix(list, "}") != want {
			t.Errorf("%s: %d %s", apply, a.status, a.body)
		}
	}
	a := e.do("GET", "contacts?"+escaped("$apply=groupby((_parentcustomerid_value),aggregate($count as n))&$orderby=n desc&$top=1"), "")
	if dig(a.object(t), "value", 0, "_parentcustomerid_value") != at(1) || len(a.object(t)["value"].([]any)) != 1 {
		t.Errorf("ordered: %s", a.body)
	}
	for apply, status := range map[string]int{
		"groupby((nothing))": 400, "aggregate(new_name with sum as s)": 400, "aggregate(new_score with product as s)": 400, "compute(a)": 501, "filter(new_score gt 1)": 501,
		"groupby((new_tier))/aggregate($count as n)": 501, "aggregate(new_score": 400,
	} {
		if a := e.do("GET", "new_memberships?"+escaped("$apply="+apply), ""); a.status != status {
			t.Errorf("%s: %d %s", apply, a.status, a.body)
		}
	}
	if a := e.do("GET", "contacts?fetchXml=%3Cfetch/%3E", ""); a.status != 501 {
		t.Errorf("fetchXml: %d", a.status)
	}
}

func TestChangeTracking(t *testing.T) { // 7
	own := schema.Table{Name: "x_log", Schema: "x_Log", Set: "x_logs", PrimaryID: "x_logid", TrackingOff: true, Columns: []schema.Column{{Name: "x_logid", Schema: "x_LogId", Type: schema.ID}}}
	e := people(t, emulator.Config{Tables: []schema.Table{own}})
	first := e.do("GET", "contacts?$select=firstname", "", "Prefer: odata.track-changes,odata.maxpagesize=3")
	if strings.Contains(first.body, "deltaLink") || !strings.Contains(first.header.Get("Preference-Applied"), "odata.track-changes") {
		t.Fatalf("the first page: %s %v", first.body, first.header)
	}
	e.must("PATCH", "contacts("+at(11)+")", `{"firstname":"Augusta"}`) // on the first page already: the delta must have it
	second := e.do("GET", first.object(t)["@odata.nextLink"].(string), "", "Prefer: odata.track-changes,odata.maxpagesize=3").object(t)
	delta, _ := second["@odata.deltaLink"].(string)
	if len(second["value"].([]any)) != 1 || !strings.Contains(delta, "$deltatoken=") {
		t.Fatalf("the last page: %v", second)
	}
	e.must("PATCH", "contacts("+at(15)+")", `{"firstname":"Eve"}`)
	e.must("DELETE", "contacts("+at(14)+")", "")
	e.batch(inBatch(inSet(part("DELETE", "/api/data/v9.2/contacts("+at(13)+")", "", ""), part("DELETE", "/api/data/v9.2/contacts("+at(99)+")", "", "")))) // rolled back
	o := e.do("GET", delta, "").object(t)
	root := e.url + "/api/data/v9.2/$metadata#contacts"
	if o["@odata.context"] != root+"(firstname)/$delta" || dig(o, "value", 0, "firstname") != "Augusta" || dig(o, "value", 1, "firstname") != "Eve" ||
		dig(o, "value", 2, "@odata.context") != root+"/$deletedEntity" || dig(o, "value", 2, "id") != at(14) || dig(o, "value", 2, "reason") != "deleted" || len(o["value"].([]any)) != 3 {
		t.Errorf("got %v", o)
	}
	again := e.do("GET", o["@odata.deltaLink"].(string), "").object(t)
	if len(again["value"].([]any)) != 0 || again["@odata.deltaLink"] == nil {
		t.Errorf("nothing has changed: %v", again)
	}
	got, n := []string{}, 0
	for next := delta; next != ""; n++ {
		page := e.do("GET", next, "", "Prefer: odata.maxpagesize=1").object(t)
		for _, item := range page["value"].([]any) {
			got = append(got, fmt.Sprintf("%v %v", dig(item, "firstname"), dig(item, "id")))
		}
		next, _ = page["@odata.nextLink"].(string)
	}
	if n != 3 || strings.Join(got, "|") != "Augusta <nil>|Eve <nil>|<nil> "+at(14) {
		t.Errorf("%d pages of changes: %q", n, got)
	}
	for path, status := range map[string]int{"contacts?$filter=firstname%20eq%20'x'": 400, "contacts?$orderby=firstname": 400, "x_logs": 400, "contacts?$deltatoken=x": 400} {
		if a := e.do("GET", path, "", "Prefer: odata.track-changes"); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestConditionalAndOtherMethods(t *testing.T) { // 2.1, 2.11
	e := people(t, emulator.Config{})
	one := "contacts(" + at(11) + ")?$select=firstname"
	tag := e.do("GET", one, "").object(t)["@odata.etag"].(string)
	for _, c := range []struct {
		path, header string
		status       int
	}{
		{one, "If-None-Match: " + tag, 304},
		{one, "If-None-Match: null", 200},
		{one, `If-None-Match: W/"1"`, 200},
		{one, "If-Match: " + tag, 200},
		{one, `If-Match: W/"1"`, 412},
		{one + "&$expand=parentcustomerid_account", "If-None-Match: " + tag, 200},
	} {
		if a := e.do("GET", c.path, "", c.header); a.status != c.status || a.status == 304 && a.body != "" {
			t.Errorf("%s with %s: %d %s", c.path, c.header, a.status, a.body)
		}
	}
	if a := e.do("HEAD", one, ""); a.status != 200 || a.body != "" || a.header.Get("ETag") != tag {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	if a := e.do("HEAD", "contacts("+at(99)+")", ""); a.status != 404 {
		t.Errorf("HEAD of nothing: %d", a.status)
	}
	if a := e.do("OPTIONS", "contacts", ""); a.status != 200 || a.header.Get("Allow") != "OPTIONS,GET,HEAD,POST" {
		t.Errorf("OPTIONS: %d %v", a.status, a.header)
	}
	for _, query := range []string{"$top=1", "$filter=firstname eq 'x'", "$orderby=firstname", "$count=true"} {
		if a := e.do("GET", "contacts("+at(11)+")?"+escaped(query), ""); a.status != 400 {
			t.Errorf("%s on one row: %d", query, a.status)
		}
	}
}

func TestReadersAndWritersOfSeveralTablesDoNotWaitForEachOther(t *testing.T) {
	e := people(t, emulator.Config{Limits: emulator.Limits{Off: true}})
	work := []func(i int) *http.Request{
		func(int) *http.Request {
			return e.request("GET", "contacts?$expand=parentcustomerid_account($expand=contact_customer_accounts)", "", `Prefer: odata.include-annotations="*"`)
		},
		func(int) *http.Request {
			return e.request("GET", "accounts?$orderby=name&$expand=contact_customer_accounts($expand=contact_new_membership_new_contact)", "")
		},
		func(i int) *http.Request {
			return e.request("PATCH", "contacts("+at(50+i%7)+")?$expand=parentcustomerid_account($select=name)", `{"firstname":"X","parentcustomerid_account@odata.bind":"accounts(`+at(1)+`)"}`, "Prefer: return=representation")
		},
		func(i int) *http.Request {
			return e.request("PATCH", "accounts("+at(60+i%7)+")", `{"name":"Y","primarycontactid@odata.bind":"contacts(`+at(11)+`)"}`)
		},
		func(i int) *http.Request { return e.request("DELETE", "contacts("+at(50+i%7)+")", "") },
	}
	errs := make(chan error, len(work))
	for _, one := range work {
		go func() {
			for i := range 100 {
				a, err := e.try(one(i))
				if err == nil && a.status >= 400 && a.status != 404 {
					err = fmt.Errorf("%d %s", a.status, a.body)
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range work {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
