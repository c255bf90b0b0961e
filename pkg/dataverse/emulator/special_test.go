package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

const jsonBody = "Content-Type: application/json\r\n"

func TestImpersonationActsAsTheOther(t *testing.T) { // 2.1
	c := office()
	c.Users = append(c.Users, emulator.User{Name: "Ada", Member: security.Member{Unit: "South", Roles: []string{"Owner"}}}, emulator.User{Name: "gone", State: emulator.UserDisabled},
		emulator.User{Name: "nobody"})
	c.Security.Roles[0].Privileges["prvCreateContact"] = security.Basic
	c.Users[len(c.Users)-3].ObjectID = [16]byte{1}
	e := start(t, c)
	ada := e.user("Ada")
	for name, header := range map[string]string{"by systemuserid": "MSCRMCallerID: " + ada, "by object id": "CallerObjectId: 01000000-0000-0000-0000-000000000000"} {
		t.Run(name, func(t *testing.T) {
			if got := e.must("GET", "WhoAmI", "", header).object(t); got["UserId"] != ada {
				t.Errorf("WhoAmI says %v", got)
			}
			row := e.must("POST", "contacts", `{"lastname":"Lovelace"}`, header, "Prefer: return=representation").object(t)
			if row["_ownerid_value"] != ada {
				t.Errorf("the row belongs to %v", row["_ownerid_value"])
			}
			a := e.do("DELETE", "contacts("+row["contactid"].(string)+")", "", header)
			if a.code() != "0x80040220" || !strings.Contains(a.message(), "Principal user (Id="+ada+", type=8, roleCount=1, ") || !strings.Contains(a.message(), "accessMode='0 Read-Write'") {
				t.Errorf("without Delete: %d %s", a.status, a.body)
			}
		})
	}
	e.owned("mine", e.user("# "+emulator.SandboxClient))
	if got := keys(t, e.must("GET", "contacts?$select=externaluseridentifier&$filter=externaluseridentifier%20ne%20null", "", "MSCRMCallerID: "+ada)); got != "" {
		t.Errorf("sees %s", got)
	}
	for _, c := range []struct {
		name, header, code string
		status             int
	}{
		{"an unknown systemuserid", "MSCRMCallerID: 99999999-9999-9999-9999-999999999999", "0x80040217", 404},
		{"an unknown object id", "CallerObjectId: 99999999-9999-9999-9999-999999999999", "0x80072560", 403},
		{"no GUID", "MSCRMCallerID: Ada", "0x80060888", 400},
		{"no GUID as an object id", "CallerObjectId: Ada", "0x80060888", 400},
		{"a disabled user", "MSCRMCallerID: " + e.user("gone"), "0x80040225", 403},
		{"a user without a role", "MSCRMCallerID: " + e.user("nobody"), "0x80042f09", 403},
	} {
		if a := e.do("GET", "WhoAmI", "", c.header); a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
	}
	e.Revoke(emulator.SandboxClient, "prvActOnBehalfOfAnotherUser")
	if a := e.do("GET", "WhoAmI", "", "MSCRMCallerID: "+ada); a.status != http.StatusForbidden || a.code() != "0x8004a110" {
		t.Errorf("without the privilege: %d %s", a.status, a.body)
	}
	if a := e.do("GET", "WhoAmI", "", "MSCRMCallerID: "+e.user("# "+emulator.SandboxClient)); a.status != http.StatusOK {
		t.Errorf("as oneself: %d %s", a.status, a.body)
	}
}

func TestImpersonationNeedsWhatBothHave(t *testing.T) { // 2.1
	c := office(security.Role{Name: "Clerk", Privileges: map[string]security.Depth{"prvActOnBehalfOfAnotherUser": security.Global, "prvReadContact": security.Local}})
	c.Users[0].Roles = []string{security.SystemAdministrator}
	e := start(t, c)
	e.owned("north", e.user("user of North"))
	e.owned("south", e.user("user of South"))
	me, as := e.as(clerk, "clerk"), "MSCRMCallerID: "+e.user("user of North")
	if got := keys(t, me.must("GET", "contacts", "", as)); got != "north" {
		t.Errorf("sees %s", got)
	}
	if a := me.do("POST", "contacts", `{"lastname":"King"}`, as); a.code() != "0x80040220" || !strings.Contains(a.message(), "is missing prvCreateContact privilege") {
		t.Errorf("create: %d %s", a.status, a.body)
	}
}

func TestImpersonationOfOneOperationInABatch(t *testing.T) { // 2.1
	c := office()
	c.Users[0].Roles = []string{security.SystemAdministrator}
	e := start(t, c)
	north := e.user("user of North")
	create := func(key, headers string) string {
		return part("PATCH", "/api/data/v9.2/contacts(externaluseridentifier='"+key+"')", jsonBody+headers, `{"lastname":"x"}`)
	}
	_, parts := e.batch(inBatch(create("1", ""), create("2", "mscrmcallerid: "+north+"\r\n"), create("3", "OData-Version: 4.0\r\n"),
		inSet(create("4", "MSCRMCallerID: "+north+"\r\n"), create("5", "")), create("6", "MSCRMCallerID: nobody\r\n"), create("7", "")), "Prefer: odata.continue-on-error")
	if len(parts) != 7 || parts[5].code() != "0x80060888" {
		t.Fatalf("%d parts: %v", len(parts), parts)
	}
	self := e.user("# " + emulator.SandboxClient)
	for key, owner := range map[string]string{"1": self, "2": north, "3": self, "4": north, "5": self, "7": self} {
		if row, _ := e.RowByKey("contact", "externaluseridentifier='"+key+"'"); row.Text("_ownerid_value") != owner {
			t.Errorf("row %s belongs to %s", key, row.Text("_ownerid_value"))
		}
	}
	if _, there := e.RowByKey("contact", "externaluseridentifier='6'"); there {
		t.Error("the refused operation was carried out")
	}
	e.batch(inBatch(create("8", ""), create("9", "MSCRMCallerID: "+self+"\r\n")), "MSCRMCallerID: "+north)
	for key, owner := range map[string]string{"8": north, "9": self} {
		if row, _ := e.RowByKey("contact", "externaluseridentifier='"+key+"'"); row.Text("_ownerid_value") != owner {
			t.Errorf("with a header outside, row %s belongs to %s", key, row.Text("_ownerid_value"))
		}
	}
}

func TestBypassHeadersNeedTheirPrivileges(t *testing.T) { // 2.1
	for _, c := range []struct{ header, privilege string }{
		{"MSCRM.BypassBusinessLogicExecution: CustomSync,CustomAsync", "prvBypassCustomBusinessLogic"},
		{"MSCRM.BypassBusinessLogicExecutionStepIds: 99999999-9999-9999-9999-999999999999", "prvBypassCustomBusinessLogic"},
		{"MSCRM.BypassCustomPluginExecution: true", "prvBypassCustomPlugins"},
		{"MSCRM.SuppressCallbackRegistrationExpanderJob: true", "prvBypassCustomBusinessLogic"},
	} {
		t.Run(c.header, func(t *testing.T) {
			e := start(t, emulator.Config{})
			body := inBatch(part("PATCH", "/api/data/v9.2/contacts(externaluseridentifier='1')", jsonBody+c.header+"\r\n", `{"lastname":"x"}`),
				part("PATCH", "/api/data/v9.2/contacts(externaluseridentifier='2')", jsonBody, `{"lastname":"x"}`))
			if outer, parts := e.batch(body); outer.status != http.StatusOK || len(parts) != 2 {
				t.Fatalf("with the privilege: %d %v", outer.status, parts)
			}
			e.must("POST", "contacts", "{}", c.header)
			e.Revoke(emulator.SandboxClient, c.privilege)
			refused := func(where string, a answer) {
				if a.status != http.StatusForbidden || a.code() != "0x80040220" || !strings.Contains(a.message(), "is missing "+c.privilege+" privilege (Id=") ||
					!strings.Contains(a.message(), "on OTC=0 for entity '' (LocalizedName='')") {
					t.Errorf("%s: %d %s", where, a.status, a.body)
				}
			}
			refused("on a request", e.do("POST", "contacts", "{}", c.header))
			_, parts := e.batch(body, "Prefer: odata.continue-on-error")
			refused("on an operation", parts[0])
			if parts[1].status != http.StatusNoContent {
				t.Errorf("the operation beside it: %d %s", parts[1].status, parts[1].body)
			}
			name, _, _ := strings.Cut(c.header, ":")
			if a := e.do("POST", "contacts", "{}", name+": false"); a.status != http.StatusNoContent {
				t.Errorf("with the value false: %d %s", a.status, a.body)
			}
		})
	}
}
