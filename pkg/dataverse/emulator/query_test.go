package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
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
