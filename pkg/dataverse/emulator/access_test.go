package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// The app whose rights these tests are about; the sandbox app is the administrator beside it.
const clerk = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"

// office is an environment with North, East below it and South; one user in each, one in the root, and the clerk in North with the roles.
func office(roles ...security.Role) emulator.Config {
	c := emulator.Config{
		Apps: []emulator.App{
			{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret},
			{ClientID: clerk, Secret: "clerk", Member: security.Member{Unit: "North", Roles: []string{}}},
		},
		Security: security.Config{
			Units: []security.Unit{{Name: "North"}, {Name: "East", Parent: "North"}, {Name: "South"}},
			Roles: append([]security.Role{{Name: "Owner", Privileges: map[string]security.Depth{"prvReadContact": security.Basic, "prvReadAccount": security.Basic}}}, roles...),
		},
	}
	for _, r := range roles {
		c.Apps[1].Roles = append(c.Apps[1].Roles, r.Name)
	}
	for _, unit := range []string{"North", "East", "South", ""} {
		c.Users = append(c.Users, emulator.User{Name: "user of " + unit, Member: security.Member{Unit: unit, Roles: []string{"Owner"}}})
	}
	return c
}

// as is the same environment with the token of another app.
func (e *environment) as(client, secret string) *environment {
	e.t.Helper()
	other := *e
	if other.token = e.signIn(client, secret); other.token == "" {
		e.t.Fatalf("no token for %s", client)
	}
	return &other
}

// user returns the systemuserid of a user by its full name.
func (e *environment) user(name string) string {
	e.t.Helper()
	for _, r := range e.Rows("systemuser") {
		if r.Text("fullname") == name {
			return r.Text("systemuserid")
		}
	}
	e.t.Fatalf("no user %q", name)
	return ""
}

// owned makes a contact that belongs to a user, and returns its address.
func (e *environment) owned(key, owner string) string {
	e.t.Helper()
	address := "contacts(externaluseridentifier='" + key + "')"
	e.must("PATCH", address, `{"lastname":"Lovelace","ownerid@odata.bind":"/systemusers(`+owner+`)"}`)
	row, _ := e.RowByKey("contact", "externaluseridentifier='"+key+"'")
	return "contacts(" + row.Text("contactid") + ")"
}

// keys lists the keys of the contacts that a query finds.
func keys(t *testing.T, a answer) string {
	t.Helper()
	var all []string
	rows, _ := a.object(t)["value"].([]any)
	for _, r := range rows {
		o, _ := r.(map[string]any)
		all = append(all, fmt.Sprint(o["externaluseridentifier"]))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestADepthDecidesWhichRowsOneSees(t *testing.T) { // 1.4
	for _, c := range []struct {
		depth security.Depth
		seen  string
	}{
		{security.Basic, "clerk"}, {security.Local, "clerk north"}, {security.Deep, "clerk east north"}, {security.Global, "clerk east north root south"},
	} {
		t.Run(c.depth.String(), func(t *testing.T) {
			e := start(t, office(security.Role{Name: "Clerk", All: c.depth}))
			rows := map[string]string{"clerk": e.owned("clerk", e.user("# "+clerk))}
			for key, unit := range map[string]string{"north": "North", "east": "East", "south": "South", "root": ""} {
				rows[key] = e.owned(key, e.user("user of "+unit))
			}
			e = e.as(clerk, "clerk")
			if got := keys(t, e.must("GET", "contacts?$select=externaluseridentifier", "")); got != c.seen {
				t.Errorf("the list has %s", got)
			}
			list := e.must("GET", "contacts?$select=externaluseridentifier&$count=true&$orderby=externaluseridentifier%20desc&$top=1", "").object(t)
			count := len(strings.Fields(c.seen))
			if list["@odata.count"] != float64(count) || e.must("GET", "contacts/$count", "").body != fmt.Sprint(count) {
				t.Errorf("%v counted in the list, %s beside it", list["@odata.count"], e.must("GET", "contacts/$count", "").body)
			}
			for key, address := range rows {
				visible := slices.Contains(strings.Fields(c.seen), key)
				for _, c := range []struct{ right, method, body string }{{"Read", "GET", ""}, {"Write", "PATCH", `{"firstname":"Ada"}`}, {"Delete", "DELETE", ""}} {
					a := e.do(c.method, address, c.body)
					if visible && a.status >= 300 {
						t.Errorf("%s of %s: %d %s", c.right, key, a.status, a.body)
					}
					if !visible && (a.status != http.StatusForbidden || a.code() != "0x80048306" || !strings.Contains(a.message(), "does not have "+c.right+"Access right(s) for record with id ")) {
						t.Errorf("%s of %s: %d %s", c.right, key, a.status, a.body)
					}
				}
			}
		})
	}
}

func TestEveryVerbHasAReach(t *testing.T) { // 1.4
	all := security.Role{Name: "Clerk", All: security.Global}
	for _, c := range []struct{ privilege, right, method, body string }{
		{"prvReadContact", "ReadAccess", "GET", ""},
		{"prvWriteContact", "WriteAccess", "PATCH", `{"firstname":"Ada"}`},
		{"prvDeleteContact", "DeleteAccess", "DELETE", ""},
		{"prvAppendContact", "AppendAccess", "PATCH", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`},
		{"prvAssignContact", "AssignAccess", "PATCH", `{"ownerid@odata.bind":"/systemusers(CLERK)"}`},
		{"prvAppendToAccount", "AppendToAccess", "PATCH", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`},
		{"prvCreateContact", "CreateAccess", "POST", `{"lastname":"King","ownerid@odata.bind":"/systemusers(SOUTH)"}`},
	} {
		t.Run(c.privilege, func(t *testing.T) {
			e := start(t, office(all))
			south := e.user("user of South")
			address := e.owned("C-1", south)
			e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha","ownerid@odata.bind":"/systemusers(`+south+`)"}`)
			if c.method == "POST" {
				address = "contacts"
			}
			body := strings.NewReplacer("CLERK", e.user("# "+clerk), "SOUTH", south).Replace(c.body)
			if err := e.SetDepth(clerk, c.privilege, security.Local); err != nil {
				t.Fatal(err)
			}
			e = e.as(clerk, "clerk")
			if a := e.do(c.method, address, body); a.status != http.StatusForbidden || a.code() != "0x80048306" || !strings.Contains(a.message(), "does not have "+c.right+" right(s)") {
				t.Errorf("at Local: %d %s", a.status, a.body)
			}
			if !e.Grant(clerk, c.privilege) {
				t.Fatal("not granted")
			}
			if a := e.do(c.method, address, body); a.status >= 300 {
				t.Errorf("granted: %d %s", a.status, a.body)
			}
		})
	}
}

func TestWithoutAnyPrivilegeEachVerbIsNamed(t *testing.T) { // 1.4
	const address, account = "contacts(externaluseridentifier='C-1')", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`
	for _, c := range []struct{ missing, method, path, body string }{
		{"prvAssignContact", "PATCH", address, `{"ownerid@odata.bind":"/systemusers(SOUTH)"}`},
		{"prvReadAccount", "PATCH", address, account},
		{"prvAppendToAccount", "PATCH", address, account},
		{"prvAppendContact", "POST", "contacts", account},
	} {
		t.Run(c.missing, func(t *testing.T) {
			e := start(t, office(security.Role{Name: "Clerk", All: security.Global, Privileges: map[string]security.Depth{c.missing: security.None}}))
			e.must("PATCH", address, `{"lastname":"Lovelace"}`)
			e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha"}`)
			body := strings.ReplaceAll(c.body, "SOUTH", e.user("user of South"))
			a := e.as(clerk, "clerk").do(c.method, c.path, body)
			if a.status != http.StatusForbidden || a.code() != "0x80040220" || !strings.Contains(a.message(), "is missing "+c.missing+" privilege") {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func TestSettingTheSameOwnerIsNoAssign(t *testing.T) { // 1.4
	e := start(t, office())
	e.owned("C-1", e.user("user of South"))
	e.Revoke(emulator.SandboxClient, "prvAssignContact", "prvAppendContact")
	e.owned("C-1", e.user("user of South"))
	if a := e.do("PATCH", "contacts(externaluseridentifier='C-1')", `{"ownerid@odata.bind":"/systemusers(`+e.user("user of North")+`)"}`); a.code() != "0x80040220" {
		t.Errorf("another owner: %d %s", a.status, a.body)
	}
}

func TestAnOwnerMustBeAbleToRead(t *testing.T) { // 1.4
	c := office()
	c.Users = append(c.Users, emulator.User{Name: "nobody"}, emulator.User{Name: "gone", State: emulator.UserDisabled, Member: security.Member{Roles: []string{"Owner"}}})
	c.Security.Teams = []security.Team{{Name: "without a role"}, {Name: "with a role", Roles: []string{"Owner"}}}
	e := start(t, c)
	e.must("PATCH", "contacts(externaluseridentifier='C-1')", `{"lastname":"Lovelace"}`)
	team := func(name string) string {
		for _, r := range e.Rows("team") {
			if r.Text("name") == name {
				return "/teams(" + r.Text("teamid") + ")"
			}
		}
		return ""
	}
	for _, c := range []struct {
		name, owner, code, says string
		status                  int
	}{
		{"a user with a role", "/systemusers(" + e.user("user of South") + ")", "", "", 204},
		{"a user without", "/systemusers(" + e.user("nobody") + ")", "0x80040231", "Principal user (Id=" + e.user("nobody") + ", type=8, roleCount=0, privilegeCount=0, ", 403},
		{"a disabled user", "/systemusers(" + e.user("gone") + ")", "0x8004022b", "disabled", 400},
		{"a team with a role", team("with a role"), "", "", 204},
		{"a team without", team("without a role"), "0x80040231", "type=9, teamType=0, privilegeCount=0, ", 403},
		{"the default team", team("Sandbox"), "", "", 204},
	} {
		for method, path := range map[string]string{"PATCH": "contacts(externaluseridentifier='C-1')", "POST": "contacts"} {
			t.Run(c.name+" by "+method, func(t *testing.T) {
				a := e.do(method, path, `{"ownerid@odata.bind":"`+c.owner+`"}`)
				if a.status != c.status || a.code() != c.code || !strings.Contains(a.message(), c.says) {
					t.Errorf("%d %s", a.status, a.body)
				}
				if c.code == "0x80040231" && !strings.Contains(a.message(), "is missing prvReadContact privilege") {
					t.Errorf("the privilege is not named: %s", a.message())
				}
			})
		}
	}
}

func TestMembersSeeTheRowsOfTheirTeams(t *testing.T) { // 1.4
	c := office()
	c.Security.Teams = []security.Team{{Name: "Southerners", Unit: "South", Roles: []string{"Owner"}}}
	c.Apps[1].Teams = []string{"Southerners"}
	e := start(t, c)
	var team string
	for _, r := range e.Rows("team") {
		if r.Text("name") == "Southerners" {
			team = r.Text("teamid")
		}
	}
	e.must("PATCH", "contacts(externaluseridentifier='team')", `{"ownerid@odata.bind":"/teams(`+team+`)"}`)
	e.owned("own", e.user("# "+clerk))
	e.owned("south", e.user("user of South"))
	if got := keys(t, e.as(clerk, "clerk").must("GET", "contacts?$select=externaluseridentifier", "")); got != "own team" {
		t.Errorf("at Basic: %s", got)
	}
	if err := e.SetRolePrivilege("Owner", "prvReadContact", security.Local); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, e.as(clerk, "clerk").must("GET", "contacts?$select=externaluseridentifier", "")); got != "south team" && got != "own south team" {
		t.Errorf("at Local: %s", got)
	}
	if err := e.LeaveTeam(clerk, "Southerners"); err != nil {
		t.Fatal(err)
	}
	if a := e.as(clerk, "clerk").do("GET", "contacts", ""); a.code() != "0x80042f09" {
		t.Errorf("out of the team, and so without a role: %d %s", a.status, a.body)
	}
}

// classified is an environment in which governmentid and the clerk's reading of it are under column security.
func classified(profiles ...security.Profile) emulator.Config {
	c := office(security.Role{Name: "Clerk", All: security.Global})
	for _, t := range schema.Standard() {
		if t.Name != "contact" {
			continue
		}
		t.Columns = slices.Clone(t.Columns)
		for i := range t.Columns {
			t.Columns[i].Secured = slices.Contains([]string{"governmentid", "firstname"}, t.Columns[i].Name)
		}
		c.Tables = append(c.Tables, t)
	}
	c.Security.Profiles = profiles
	for _, p := range profiles {
		c.Apps[1].Profiles = append(c.Apps[1].Profiles, p.Name)
	}
	return c
}

func TestSecuredColumns(t *testing.T) { // 1.4
	const address = "contacts(externaluseridentifier='C-1')"
	e := start(t, classified())
	e.must("PATCH", address, `{"governmentid":"123","firstname":"Ada","lastname":"Lovelace"}`)
	me := e.as(clerk, "clerk")
	id := e.user("# " + clerk)
	for name, c := range map[string]struct {
		a          answer
		code, verb string
	}{
		"create":           {me.do("POST", "contacts", `{"governmentid":"456"}`), "0x8004f502", "create"},
		"create by upsert": {me.do("PATCH", "contacts(externaluseridentifier='C-2')", `{"governmentid":"456"}`), "0x8004f502", "create"},
		"update":           {me.do("PATCH", address, `{"governmentid":"456"}`), "0x8004f507", "update"},
	} {
		want := "Caller user with Id " + id + " does not have " + c.verb + " permissions to a Government secured field on entity Contact table. The requested operation could not be completed."
		if c.a.status != http.StatusForbidden || c.a.code() != c.code || c.a.message() != want {
			t.Errorf("%s: %d %s", name, c.a.status, c.a.body)
		}
	}
	if a := me.do("DELETE", address+"/governmentid", ""); a.code() != "0x8004f507" {
		t.Errorf("clear: %d %s", a.status, a.body)
	}
	if a := me.do("PATCH", address, `{"lastname":"King"}`, "Prefer: return=representation"); a.status != http.StatusOK || a.object(t)["governmentid"] != nil || a.object(t)["fullname"] != "King" {
		t.Errorf("what is not secured: %d %s", a.status, a.body)
	}
	for what, got := range map[string]map[string]any{
		"one row": me.must("GET", address+"?$select=governmentid,fullname", "").object(t),
		"a list":  me.must("GET", "contacts?$select=governmentid,fullname&$filter=governmentid%20eq%20null", "").object(t),
	} {
		if list, ok := got["value"].([]any); ok {
			if len(list) != 1 {
				t.Fatalf("%s has %d rows", what, len(list))
			}
			got, _ = list[0].(map[string]any)
		}
		if v, there := got["governmentid"]; !there || v != nil || got["fullname"] != "King" {
			t.Errorf("%s: %v", what, got)
		}
	}
	if rows := e.must("GET", "contacts?$filter=governmentid%20eq%20'123'%20and%20firstname%20eq%20'Ada'", "").object(t)["value"].([]any); len(rows) != 1 {
		t.Errorf("the administrator finds %d", len(rows))
	}
}

func TestColumnSecurityProfiles(t *testing.T) { // 1.4
	const address = "contacts(externaluseridentifier='C-1')"
	profile := func(p security.Permission) security.Profile {
		return security.Profile{Name: "Officers", Columns: map[string]security.Permission{"contact.governmentid": p}}
	}
	for _, c := range []struct {
		name                 string
		p                    security.Permission
		create, update, read bool
	}{
		{"read", security.Permission{Read: true}, false, false, true},
		{"create", security.Permission{Create: true}, true, false, false},
		{"update", security.Permission{Update: true}, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := start(t, classified(profile(c.p)))
			e.must("PATCH", address, `{"governmentid":"123"}`)
			me := e.as(clerk, "clerk")
			if a := me.do("POST", "contacts", `{"governmentid":"456"}`); (a.status < 300) != c.create {
				t.Errorf("create: %d %s", a.status, a.body)
			}
			if got := me.must("GET", address, "").object(t)["governmentid"]; (got != nil) != c.read {
				t.Errorf("read: %v", got)
			}
			if a := me.do("PATCH", address, `{"governmentid":"789"}`); (a.status < 300) != c.update {
				t.Errorf("update: %d %s", a.status, a.body)
			}
			if err := e.RemoveProfile(clerk, "Officers"); err != nil {
				t.Fatal(err)
			}
			if a := me.do("PATCH", address, `{"governmentid":"789"}`); a.code() != "0x8004f507" {
				t.Errorf("without the profile: %d %s", a.status, a.body)
			}
		})
	}
}

func TestOrganizationOwnedRowsHaveNoReach(t *testing.T) {
	e := start(t, office(security.Role{Name: "Clerk", All: security.Basic}))
	me := e.as(clerk, "clerk")
	if got := len(me.must("GET", "transactioncurrencies", "").object(t)["value"].([]any)); got != 1 {
		t.Errorf("%d currencies at Basic", got)
	}
	me.must("PATCH", "transactioncurrencies(isocurrencycode='USD')", `{"currencyname":"Dollar"}`)
}

func TestRelatedRowsOutOfReachAreNotSeen(t *testing.T) { // 1.4
	e := start(t, office(security.Role{Name: "Clerk", All: security.Global, Privileges: map[string]security.Depth{"prvReadAccount": security.Local, "prvReadLead": security.None}}))
	for key, unit := range map[string]string{"A-1": "North", "A-2": "South"} {
		e.must("PATCH", "accounts(accountnumber='"+key+"')", `{"name":"`+unit+`","ownerid@odata.bind":"/systemusers(`+e.user("user of "+unit)+`)"}`)
		e.must("PATCH", "contacts(externaluseridentifier='"+unit+"')", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='`+key+`')"}`)
	}
	me := e.as(clerk, "clerk")
	for unit, seen := range map[string]bool{"North": true, "South": false} {
		row := me.must("GET", "contacts(externaluseridentifier='"+unit+"')?$select=lastname&$expand=parentcustomerid_account($select=name)", "").object(t)
		account, there := row["parentcustomerid_account"].(map[string]any)
		if there != seen || seen && account["name"] != unit {
			t.Errorf("%s: %v", unit, row)
		}
	}
	if a := me.do("GET", "opportunities?$expand=originatingleadid($select=subject)", ""); a.status != http.StatusForbidden || !strings.Contains(a.message(), "is missing prvReadLead privilege") {
		t.Errorf("without Read of the related table: %d %s", a.status, a.body)
	}
}
