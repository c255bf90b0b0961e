package emulator_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// privilegesOf calls a function that lists privileges, and returns "prvReadContact Local" and so on, in order.
func (e *environment) privilegesOf(path string) string {
	e.t.Helper()
	list, _ := e.must("GET", path, "").object(e.t)["RolePrivileges"].([]any)
	all := []string{}
	for _, p := range list {
		o, _ := p.(map[string]any)
		name, _ := o["PrivilegeName"].(string)
		depth, _ := o["Depth"].(string)
		all = append(all, name+" "+depth)
		if o["RecordFilterId"] != "00000000-0000-0000-0000-000000000000" || len(o["PrivilegeId"].(string)) != 36 {
			e.t.Errorf("%v", o)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// assisted is an office whose clerk has something of its own, and more through a team.
func assisted() emulator.Config {
	c := office(security.Role{Name: "Clerk", Privileges: map[string]security.Depth{"prvReadContact": security.Local, "prvReadUser": security.Basic}},
		security.Role{Name: "Helper", Privileges: map[string]security.Depth{"prvReadContact": security.Deep, "prvWriteContact": security.Basic}})
	c.Apps[1].Roles = []string{"Clerk"}
	c.Security.Teams = []security.Team{{Name: "Helpers", Unit: "South", Roles: []string{"Helper"}}}
	c.Apps[1].Teams = []string{"Helpers"}
	return c
}

func TestRetrieveUserPrivilegesSaysTheDepth(t *testing.T) { // 6.5
	for without, want := range map[bool]string{
		false: "prvReadContact Deep, prvReadUser Global, prvWriteContact Basic", true: "prvReadContact Local, prvReadUser Global",
	} {
		c := assisted()
		c.Assumptions.PrivilegesWithoutTeams = without
		e := start(t, c)
		path := "systemusers(" + e.user("# "+clerk) + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges"
		for _, suffix := range []string{"", "()"} {
			if got := e.as(clerk, "clerk").privilegesOf(path + suffix); got != want {
				t.Errorf("without teams %v, %q: %s", without, suffix, got)
			}
		}
	}
}

func TestSetsOfPrivilegesIncludeTeams(t *testing.T) { // 6.5
	c := assisted()
	c.Assumptions.PrivilegesWithoutTeams = true
	e := start(t, c)
	user := "systemusers(" + e.user("# "+clerk) + ")/Microsoft.Dynamics.CRM."
	metadata := e.must("GET", "EntityDefinitions(LogicalName='contact')?$select=Privileges", "").object(t)
	var write string
	for _, p := range metadata["Privileges"].([]any) {
		if o, _ := p.(map[string]any); o["Name"] == "prvWriteContact" {
			write, _ = o["PrivilegeId"].(string)
		}
	}
	quoted := url.QueryEscape
	for path, want := range map[string]string{
		`RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p=` + quoted(`["prvWriteContact","prvReadContact","prvDeleteContact"]`): "prvReadContact Deep, prvWriteContact Basic",
		`RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p=` + quoted(`['prvWriteContact']`):                                     "prvWriteContact Basic",
		`RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=['prvReadContact'])`:                                                         "prvReadContact Deep",
		`RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p=[]`:                                                                   "",
		`RetrieveUserSetOfPrivilegesByIds(PrivilegeIds=@p)?@p=[` + strings.ToUpper(write) + `]`:                                         "prvWriteContact Basic",
	} {
		if got := e.privilegesOf(user + path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, r := range e.Rows("team") {
		if r.Text("name") == "Helpers" {
			if got := e.privilegesOf("teams(" + r.Text("teamid") + ")/Microsoft.Dynamics.CRM.RetrieveTeamPrivileges"); got != "prvReadContact Deep, prvWriteContact Basic" {
				t.Errorf("the team has %s", got)
			}
		}
	}
}

func TestOthersPrivilegesNeedReadOfUsers(t *testing.T) { // 6.5
	for _, own := range []bool{false, true} {
		c := office(security.Role{Name: "Clerk", Privileges: map[string]security.Depth{"prvReadContact": security.Local}})
		c.Assumptions.OwnPrivilegesNeedRead = own
		e := start(t, c)
		path := func(user string) string {
			return "systemusers(" + e.user(user) + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges"
		}
		me := e.as(clerk, "clerk")
		if a := me.do("GET", path("user of South"), ""); a.status != http.StatusForbidden || !strings.Contains(a.message(), "is missing prvReadUser privilege") {
			t.Errorf("another's: %d %s", a.status, a.body)
		}
		if a := me.do("GET", path("# "+clerk), ""); (a.status == http.StatusOK) == own {
			t.Errorf("one's own: %d %s", a.status, a.body)
		}
	}
	e := start(t, emulator.Config{})
	if a := e.do("GET", "systemusers(99999999-9999-9999-9999-999999999999)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges", ""); a.status != http.StatusNotFound || a.code() != "0x80040217" {
		t.Errorf("of nobody: %d %s", a.status, a.body)
	}
}

func TestRetrievePrincipalAccess(t *testing.T) { // 6.5
	e := start(t, assisted())
	north, south := e.owned("north", e.user("user of North")), e.owned("south", e.user("user of South"))
	own := e.owned("own", e.user("# "+clerk))
	access := func(principal, target string) string {
		t.Helper()
		got, _ := e.must("GET", principal+"/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)?@t="+url.QueryEscape(target), "").object(t)["AccessRights"].(string)
		return got
	}
	user := "systemusers(" + e.user("# "+clerk) + ")"
	for target, want := range map[string]string{
		"{'@odata.id':'" + own + "'}":   "ReadAccess, WriteAccess",
		"{'@odata.id':'" + north + "'}": "ReadAccess",
		`{"@odata.id":"` + south + `"}`: "ReadAccess", // by the team, which is in South
		`{"@odata.id":"` + e.url + "/api/data/v9.2/transactioncurrencies(" + e.Rows("transactioncurrency")[0].Text("transactioncurrencyid") + `)"}`: "None",
	} {
		if got := access(user, target); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
	if got := access("systemusers("+e.user("# "+emulator.SandboxClient)+")", "{'@odata.id':'"+own+"'}"); got !=
		"ReadAccess, WriteAccess, AppendAccess, AppendToAccess, CreateAccess, DeleteAccess, ShareAccess, AssignAccess" {
		t.Errorf("the administrator: %s", got)
	}
	if got := access("systemusers("+e.user("user of North")+")", "{'@odata.id':'"+own+"'}"); got != "None" {
		t.Errorf("another user: %s", got)
	}
	if a := e.do("GET", user+"/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target="+url.PathEscape("{'@odata.id':'"+own+"'}")+")", ""); a.object(t)["AccessRights"] != "ReadAccess, WriteAccess" {
		t.Errorf("inline: %d %s", a.status, a.body)
	}
	for target, code := range map[string]string{"": "0x80060888", "{}": "0x80060888", "{'@odata.id':'contacts(99999999-9999-9999-9999-999999999999)'}": "0x80040217"} {
		if a := e.do("GET", user+"/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)?@t="+url.QueryEscape(target), ""); a.code() != code {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}

func TestUsersTeamsAndUnitsAreRows(t *testing.T) {
	c := assisted()
	c.Users = append(c.Users, emulator.User{Name: "gone", State: emulator.UserDisabled}, emulator.User{Name: "never", State: emulator.UserMissing})
	e := start(t, c)
	users := map[string]string{}
	for _, r := range e.Rows("systemuser") {
		users[r.Text("fullname")] = r.Text("isdisabled") + " " + r.Text("applicationid")
	}
	if users["# "+clerk] != "false "+clerk || users["gone"] != "true " || users["user of South"] != "false " || len(users) != 7 {
		t.Errorf("users: %v", users)
	}
	names := func(table string) string {
		var all []string
		for _, r := range e.Rows(table) {
			all = append(all, r.Text("name"))
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	if got := names("team"); got != "East, Helpers, North, Sandbox, South" {
		t.Errorf("teams: %s", got)
	}
	if err := e.SetTeam(security.Team{Name: "Others"}); err != nil {
		t.Fatal(err)
	}
	e.Reset()
	if got := names("team"); got != "East, Helpers, North, Others, Sandbox, South" {
		t.Errorf("teams after a reset: %s", got)
	}
}

func TestRolesAndMembershipsChangeWhileTheServerRuns(t *testing.T) {
	e := start(t, office(security.Role{Name: "Clerk", Privileges: map[string]security.Depth{"prvReadContact": security.Local}}))
	e.owned("north", e.user("user of North"))
	e.owned("south", e.user("user of South"))
	me := e.as(clerk, "clerk")
	for _, step := range []struct {
		name string
		do   func() error
		seen string
	}{
		{"as configured", func() error { return nil }, "north"},
		{"another unit", func() error { return e.SetBusinessUnit(clerk, "South") }, "south"},
		{"a deeper role", func() error { return e.SetRolePrivilege("Clerk", "prvReadContact", security.Global) }, "north south"},
		{"an exception", func() error { return e.SetDepth(clerk, "prvReadContact", security.Basic) }, ""},
		{"a new role beside it", func() error {
			if err := e.SetRole(security.Role{Name: "New", All: security.Local}); err != nil {
				return err
			}
			return e.AssignRole(clerk, "New")
		}, ""},
		{"no exception any more", func() error {
			if !e.Grant(clerk, "prvReadContact") {
				return errors.New("not granted")
			}
			return nil
		}, "north south"},
		{"a role less", func() error { return e.RemoveRole(clerk, "Clerk") }, "south"},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := keys(t, me.must("GET", "contacts", "")); got != step.seen {
			t.Errorf("%s: %s", step.name, got)
		}
	}
}

func TestUnknownNamesChangeNothing(t *testing.T) {
	e := start(t, emulator.Config{})
	for name, err := range map[string]error{
		"a user": e.AssignRole("nobody", security.SystemAdministrator), "a role": e.AssignRole(emulator.SandboxClient, "none"), "a team": e.JoinTeam(emulator.SandboxClient, "none"),
		"a unit": e.SetBusinessUnit(emulator.SandboxClient, "none"), "a profile": e.AssignProfile(emulator.SandboxClient, "none"),
		"a privilege's role": e.SetRolePrivilege("none", "prvReadContact", security.Basic), "a team's role": e.SetTeam(security.Team{Name: "T", Roles: []string{"none"}}),
		"the administrator's role": e.SetRole(security.Role{Name: security.SystemAdministrator}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if e.Revoke("nobody", "prvReadContact") || e.Grant("nobody", "prvReadContact") || e.SetUserState("nobody", emulator.UserDisabled) {
		t.Error("nobody was changed")
	}
	if _, known := e.Member("nobody"); known {
		t.Error("nobody is a member")
	}
	if m, _ := e.Member(e.user("# " + emulator.SandboxClient)); !slices.Equal(m.Roles, []string{security.SystemAdministrator}) || len(e.Security().Roles) != 1 {
		t.Errorf("now %+v and %d roles", m, len(e.Security().Roles))
	}
	e.must("GET", "contacts", "")
}

func TestConfigValidatesSecurity(t *testing.T) {
	err := emulator.Config{Apps: []emulator.App{{ClientID: clerk, Member: security.Member{Roles: []string{"Clrek"}}}}}.Validate()
	if err == nil || !strings.Contains(err.Error(), `there is no role "Clrek"; there are: System Administrator`) {
		t.Errorf("got %v", err)
	}
}

func TestPrivilegesChangeUnderLoad(t *testing.T) {
	e := start(t, office(security.Role{Name: "Clerk", All: security.Global}))
	me := e.as(clerk, "clerk")
	var parts []string
	for i := range 50 {
		parts = append(parts, part("PATCH", fmt.Sprintf("/api/data/v9.2/contacts(externaluseridentifier='%d')", i), jsonBody, `{"lastname":"x"}`))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			depth := security.Depth(i % 5)
			if err := errors.Join(e.SetDepth(clerk, "prvWriteContact", depth), e.SetRolePrivilege("Clerk", "prvReadContact", security.Global-depth)); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 20 {
		_, answers := me.batch(inBatch(parts...), "Prefer: odata.continue-on-error")
		for _, a := range answers {
			if a.status != answers[0].status || a.status != http.StatusNoContent && a.status != http.StatusForbidden {
				t.Fatalf("%d among %d: %s", a.status, answers[0].status, a.body)
			}
		}
		if len(answers) != len(parts) {
			t.Fatalf("%d answers", len(answers))
		}
	}
	<-done
}
