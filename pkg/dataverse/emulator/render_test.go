package emulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

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
