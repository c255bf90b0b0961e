package emulator_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

func TestTheCountsOfADenialAreReal(t *testing.T) { // 1.4
	c := office(security.Role{Name: "Two", Privileges: map[string]security.Depth{"prvReadAccount": security.Local, "prvWriteAccount": security.Local}},
		security.Role{Name: "Three", Privileges: map[string]security.Depth{"prvReadAccount": security.Local, "prvReadLead": security.Global, "prvNoneSuch": security.Global}})
	e := start(t, c)
	a := e.as(clerk, "clerk").do("GET", "contacts", "")
	form := regexp.MustCompile(`^Principal user \(Id=(.{36}), type=8, roleCount=2, privilegeCount=3, accessMode='4 Non-interactive', AADObjectId='.{36}', ` +
		`MetadataCachePrivilegesCount=(\d+), businessUnitId=(.{36})\), is missing prvReadContact privilege \(Id=(.{36})\) on OTC=2 for entity 'contact' \(LocalizedName='Contact'\)\. ` +
		`context\.Caller=(.{36})\. Consider adding missed privilege to one of the principal \(user/team\) roles\.$`)
	m := form.FindStringSubmatch(a.message())
	if m == nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if id := e.user("# " + clerk); m[1] != id || m[5] != id {
		t.Errorf("the principal is %s, the caller %s", m[1], m[5])
	}
	who := e.as(clerk, "clerk").must("GET", "WhoAmI", "").object(t)
	if who["BusinessUnitId"] != m[3] || who["UserId"] != m[1] {
		t.Errorf("WhoAmI says %v", who)
	}
	privileges, _ := e.must("GET", "systemusers("+e.user("# "+emulator.SandboxClient)+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges", "").object(t)["RolePrivileges"].([]any)
	if all, _ := strconv.Atoi(m[2]); all != len(privileges) {
		t.Errorf("%d privileges in the metadata cache, the administrator has %d", all, len(privileges))
	}
}

func TestWordingsOfDenials(t *testing.T) { // 1.4
	role := security.Role{Name: "Clerk", All: security.Global, Privileges: map[string]security.Depth{"prvReadContact": security.Basic, "prvReadAccount": security.None}}
	for _, c := range []struct {
		name                   string
		assumptions            emulator.Assumptions
		missing, record, owner string
		code, ownerCode        string
	}{
		{
			"with counters",
			emulator.Assumptions{},
			`^Principal user \(Id=.{36}, type=8, roleCount=1, .*is missing prvReadAccount privilege \(Id=.{36}\) on OTC=1 for entity 'account' `,
			`^Principal with id .{36} does not have ReadAccess right\(s\) for record with id .{36} of entity contact\. Details: \{"CallerPrincipal":\{"PrincipalId":`,
			`is missing prvReadContact privilege`, "0x80048306", "0x80040231",
		},
		{
			"plain",
			emulator.Assumptions{Wording: emulator.WordingPlain},
			`^Principal user \(Id=.{36}, type=8\) is missing prvReadAccount privilege \(Id=.{36}\)$`,
			`^Principal with id .{36} does not have ReadAccess right\(s\) for record with id .{36} of entity contact$`, `is missing prvReadContact privilege`, "0x80048306", "0x80040231",
		},
		{
			"of the security library",
			emulator.Assumptions{Wording: emulator.WordingSecLib},
			`^SecLib::CheckPrivilege failed\. User: .{36}, PrivilegeName: prvReadAccount, PrivilegeId: .{36}, Required Depth: Basic, BusinessUnitId: .{36}, MetadataCache Privileges Count: \d+, User Privileges Count: \d+$`,
			`^SecLib::AccessCheckEx failed\. Returned hr = -2147187962, ObjectID: .{36}, OwnerId: .{36},  OwnerIdType: 8 and CallingUser: .{36}\. ObjectTypeCode: 2, objectBusinessUnitId: .{36}, AccessRights: ReadAccess$`,
			`is missing prvReadContact privilege`, "0x80048306", "0x80040231",
		},
		{
			"recent",
			emulator.Assumptions{Wording: emulator.WordingRecent},
			`roleCount=1, .*is missing prvReadAccount privilege`,
			`^user with id .{36} does not have ReadAccess right\(s\) for record with id .{36} of entity Contact\. Consider assigning a role with the required access level .* More details: \{"CallerPrincipal"`,
			`^Read Privilege Check For Owner failed with exception: Principal user`, "0x80048306", "0x80040299",
		},
		{
			"as a privilege", emulator.Assumptions{RecordDeniedAsPrivilege: true}, `prvReadAccount`, `does not have ReadAccess`, `prvReadContact`, "0x80040220", "0x80040231",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := office(role)
			config.Assumptions = c.assumptions
			config.Users = append(config.Users, emulator.User{Name: "nobody"})
			e := start(t, config)
			address := e.owned("C-1", e.user("user of South"))
			me := e.as(clerk, "clerk")
			for what, got := range map[string]struct {
				a          answer
				code, form string
			}{
				"privilege": {me.do("GET", "accounts", ""), "0x80040220", c.missing},
				"record":    {me.do("GET", address, ""), c.code, c.record},
				"owner":     {e.do("PATCH", address, `{"ownerid@odata.bind":"/systemusers(`+e.user("nobody")+`)"}`), c.ownerCode, c.owner},
			} {
				if got.a.status != http.StatusForbidden || got.a.code() != got.code || !regexp.MustCompile(got.form).MatchString(got.a.message()) {
					t.Errorf("%s: %d %s", what, got.a.status, got.a.body)
				}
			}
		})
	}
}

func TestTheDetailsOfARecordDenial(t *testing.T) { // 1.4
	e := start(t, office(security.Role{Name: "Clerk", All: security.Global, Privileges: map[string]security.Depth{"prvWriteContact": security.Local, "prvDeleteContact": security.Local}}))
	for unit, depth := range map[string]string{"South": "Global", "East": "Deep"} {
		owner := e.user("user of " + unit)
		address := e.owned("C-"+unit, owner)
		_, text, ok := strings.Cut(e.as(clerk, "clerk").do("PATCH", address, `{"lastname":"King"}`).message(), " Details: ")
		var details struct {
			CallerPrincipal, OwnerPrincipal struct {
				PrincipalId string //nolint:revive,staticcheck // as on the wire
				Type        int
			}
			EntityName, RightsToCheck, RoleAccessRights string
			Messages                                    []string
		}
		if err := json.Unmarshal([]byte(text), &details); err != nil || !ok {
			t.Fatalf("%q: %v", text, err)
		}
		if details.CallerPrincipal.PrincipalId != e.user("# "+clerk) || details.OwnerPrincipal.PrincipalId != owner || details.OwnerPrincipal.Type != 8 || details.EntityName != "contact" ||
			details.RightsToCheck != "WriteAccess" || details.RoleAccessRights != "ReadAccess, AppendAccess, AppendToAccess, CreateAccess, ShareAccess, AssignAccess" {
			t.Errorf("%+v", details)
		}
		if len(details.Messages) != 4 || details.Messages[2] != "MinimumPrivilegeDepthRequired = "+depth {
			t.Errorf("%s: %v", unit, details.Messages)
		}
	}
}

func TestDenialsMayBeBadRequests(t *testing.T) { // 13
	c := classified()
	c.Assumptions.DeniedAsBadRequest = true
	e := start(t, c)
	e.Revoke(clerk, "prvBypassCustomPlugins")
	me := e.as(clerk, "clerk")
	if a := me.do("POST", "contacts", `{"governmentid":"456"}`); a.status != http.StatusBadRequest || a.code() != "0x8004f502" {
		t.Errorf("a secured column: %d %s", a.status, a.body)
	}
	if a := me.do("GET", "contacts", "", "MSCRM.BypassCustomPluginExecution: true"); a.status != http.StatusBadRequest || a.code() != "0x80040220" {
		t.Errorf("a bypass: %d %s", a.status, a.body)
	}
}

func TestBindingByKeyMayDoWithoutRead(t *testing.T) { // 1.4
	const bind = `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`
	for _, without := range []bool{false, true} {
		e := start(t, emulator.Config{Assumptions: emulator.Assumptions{BindWithoutRead: without}})
		e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha"}`)
		account, _ := e.RowByKey("account", "accountnumber='A-1'")
		e.Revoke(emulator.SandboxClient, "prvReadAccount")
		a := e.do("POST", "contacts", bind)
		if without && a.status != http.StatusNoContent || !without && !strings.Contains(a.message(), "is missing prvReadAccount privilege") {
			t.Errorf("without Read %v: %d %s", without, a.status, a.body)
		}
		e.must("POST", "contacts", `{"parentcustomerid_account@odata.bind":"accounts(`+account.Text("accountid")+`)"}`)
	}
}
