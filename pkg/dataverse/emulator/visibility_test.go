package emulator_test

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

func TestNoQueryReachesRowsThatOneDoesNotSee(t *testing.T) { // 1.4, 7
	e := start(t, office(security.Role{Name: "Clerk", All: security.Global, Privileges: map[string]security.Depth{"prvReadContact": security.Basic}}))
	contact := func(n int, name, owner string) {
		e.must("PATCH", "contacts("+at(n)+")", `{"firstname":"`+name+`","parentcustomerid_account@odata.bind":"accounts(`+at(1)+`)","ownerid@odata.bind":"/systemusers(`+owner+`)"}`)
	}
	e.must("PATCH", "accounts("+at(1)+")", `{"name":"Alpha"}`)
	contact(11, "Mine", e.user("# "+clerk))
	contact(12, "Theirs", e.user("user of South"))
	e.must("PATCH", "accounts("+at(1)+")", `{"primarycontactid@odata.bind":"contacts(`+at(12)+`)"}`)
	administrator := e
	e = e.as(clerk, "clerk")
	for path, want := range map[string]string{
		"accounts(" + at(1) + ")/contact_customer_accounts?$select=firstname":                                                    "Mine",
		"accounts(" + at(1) + ")/contact_customer_accounts/$ref":                                                                 at(11),
		"accounts(" + at(1) + ")?$select=name&$expand=contact_customer_accounts($select=firstname)":                              "Mine",
		"accounts?$select=name&$expand=primarycontactid($select=firstname)":                                                      `"primarycontactid":null`,
		"accounts?$filter=contact_customer_accounts/any(c:c/firstname%20eq%20'Theirs')":                                          `"value":[]`,
		"accounts?$select=name&$filter=primarycontactid/firstname%20eq%20null":                                                   "Alpha",
		"contacts?$filter=contactid%20eq%20" + at(12):                                                                            `"value":[]`,
		"contacts?$apply=aggregate($count%20as%20n)":                                                                             `"value":[{"n":1}]`,
		"contacts?fetchXml=%3Cfetch%3E%3Centity%20name='contact'%3E%3Cattribute%20name='firstname'/%3E%3C/entity%3E%3C/fetch%3E": "Mine",
	} {
		a := e.do("GET", path, "")
		if a.status != 200 || !strings.Contains(a.body, want) || strings.Contains(a.body, "Theirs") || strings.Contains(a.body, "contacts("+at(12)) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for path, status := range map[string]int{
		"accounts(" + at(1) + ")/contact_customer_accounts/$count": 200, "accounts(" + at(1) + ")/primarycontactid": 403, "accounts(" + at(1) + ")/primarycontactid/firstname": 403,
		"accounts(" + at(1) + ")/contact_customer_accounts(" + at(12) + ")": 403, "contacts(" + at(12) + ")/firstname/$value": 403,
	} {
		if a := e.do("GET", path, ""); a.status != status || status == 200 && a.body != "1" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	delta := e.do("GET", "contacts?$select=firstname", "", "Prefer: odata.track-changes").object(t)["@odata.deltaLink"].(string)
	for _, n := range []int{11, 12} {
		administrator.must("PATCH", "contacts("+at(n)+")", `{"lastname":"L"}`)
	}
	if a := e.do("GET", delta, ""); names(t, a, "firstname") != "Mine" {
		t.Errorf("changes: %s", a.body)
	}
}
