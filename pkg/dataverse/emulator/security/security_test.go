package security_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var root = uuid.MustParse("00000000-0000-0000-0000-00000000000a")

func id(n byte) uuid.UUID { return uuid.UUID{15: n} }

// organisation has North with East below it, South, a team in South, and a role for each depth.
func organisation() security.Config {
	read := func(d security.Depth) security.Role {
		return security.Role{Name: d.String(), Privileges: map[string]security.Depth{"prvReadContact": d}}
	}
	return security.Config{
		Units: []security.Unit{{Name: "North"}, {Name: "East", Parent: "North"}, {Name: "South"}},
		Roles: []security.Role{read(security.Basic), read(security.Local), read(security.Deep), read(security.Global), {Name: "Anything", All: security.Local}},
		Teams: []security.Team{{ID: id(100), Name: "Southerners", Unit: "South", Roles: []string{"Basic"}}},
		Profiles: []security.Profile{
			{Name: "Readers", Columns: map[string]security.Permission{"contact.governmentid": {Read: true}}},
			{Name: "Writers", Columns: map[string]security.Permission{"contact.governmentid": {Create: true, Update: true}}},
		},
	}
}

func model(t *testing.T, users map[uuid.UUID]security.Member) *security.Model {
	t.Helper()
	m, err := security.New("Contoso", root, 0, organisation())
	if err != nil {
		t.Fatal(err)
	}
	for user, member := range users {
		if err := m.SetUser(user, member); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestADepthReachesTheRowsOfSomeOwners(t *testing.T) {
	// 1 is who asks, in North; 2 is in North, 3 below it, 4 beside it, 5 above it, 6 is nobody that is known.
	for _, c := range []struct {
		role    string
		reached string
	}{
		{"Basic", "1"}, {"Local", "12"}, {"Deep", "123"}, {"Global", "123456"}, {"Anything", "12"}, {security.SystemAdministrator, "123456"},
	} {
		t.Run(c.role, func(t *testing.T) {
			m := model(t, map[uuid.UUID]security.Member{
				id(1): {Unit: "North", Roles: []string{c.role}}, id(2): {Unit: "North"}, id(3): {Unit: "East"}, id(4): {Unit: "South"}, id(5): {},
			})
			r := m.Rights(id(1), false)
			for n := byte(1); n <= 6; n++ {
				want := strings.ContainsRune(c.reached, rune('0'+n))
				if got := r.Reaches("prvReadContact", id(n)); got != want {
					t.Errorf("rows of %d: %v", n, got)
				}
			}
			if everything := c.role == security.SystemAdministrator; r.Everything() != everything {
				t.Errorf("everything: %v", r.Everything())
			}
		})
	}
}

func TestRolesAddUp(t *testing.T) {
	m := model(t, map[uuid.UUID]security.Member{id(1): {Unit: "North", Roles: []string{"Basic", "Deep", "Anything"}}, id(3): {Unit: "East"}})
	r := m.Rights(id(1), false)
	if r.Depth("prvReadContact") != security.Deep || !r.Reaches("prvReadContact", id(3)) {
		t.Errorf("Read is %s", r.Depth("prvReadContact"))
	}
	if r.Depth("prvWriteContact") != security.Local || r.Reaches("prvWriteContact", id(3)) {
		t.Errorf("Write is %s", r.Depth("prvWriteContact"))
	}
}

func TestARoleMayLeaveAPrivilegeOut(t *testing.T) {
	m := model(t, nil)
	if err := m.PutRole(security.Role{Name: "Almost", All: security.Global, Privileges: map[string]security.Depth{"prvDeleteContact": security.None}}); err != nil {
		t.Fatal(err)
	}
	if err := m.SetUser(id(1), security.Member{Roles: []string{"Almost"}}); err != nil {
		t.Fatal(err)
	}
	if r := m.Rights(id(1), false); r.Has("prvDeleteContact") || r.Depth("prvReadContact") != security.Global || r.Everything() {
		t.Errorf("Delete is %s, Read is %s, everything %v", r.Depth("prvDeleteContact"), r.Depth("prvReadContact"), r.Everything())
	}
}

func TestATeamGivesItsMembersWhatItHas(t *testing.T) {
	m := model(t, map[uuid.UUID]security.Member{id(1): {Unit: "North", Teams: []string{"Southerners"}}, id(2): {Unit: "North"}, id(4): {Unit: "South"}})
	r := m.Rights(id(1), false)
	for owner, want := range map[uuid.UUID]bool{id(1): true, id(100): true, id(2): false, id(4): false} {
		if got := r.Reaches("prvReadContact", owner); got != want {
			t.Errorf("at Basic, rows of %s: %v", owner, got)
		}
	}
	if m.Direct(id(1)).Has("prvReadContact") {
		t.Error("Read without the team")
	}
	if _, err := m.ChangeTeam("Southerners", func(t *security.Team) { t.Roles = []string{"Local"} }); err != nil {
		t.Fatal(err)
	}
	r = m.Rights(id(1), false)
	for owner, want := range map[uuid.UUID]bool{id(4): true, id(2): false} {
		if got := r.Reaches("prvReadContact", owner); got != want {
			t.Errorf("at Local, counted from the team's unit, rows of %s: %v", owner, got)
		}
	}
	if owner := m.Rights(id(100), false); owner == nil || !owner.Has("prvReadContact") {
		t.Error("the team itself has no rights")
	}
}

func TestAnExceptionGoesBeforeRoles(t *testing.T) {
	m := model(t, map[uuid.UUID]security.Member{id(1): {Roles: []string{security.SystemAdministrator}, Except: map[string]security.Depth{"prvWriteContact": security.Basic}}})
	r := m.Rights(id(1), false)
	if r.Everything() || r.Depth("prvWriteContact") != security.Basic || !r.Reaches("prvWriteContact", id(1)) || r.Reaches("prvWriteContact", id(2)) {
		t.Errorf("Write is %s", r.Depth("prvWriteContact"))
	}
	if r.Depth("prvReadContact") != security.Global {
		t.Errorf("Read is %s", r.Depth("prvReadContact"))
	}
}

func TestImpersonationHasWhatBothHave(t *testing.T) {
	m := model(t, map[uuid.UUID]security.Member{
		id(1): {Roles: []string{security.SystemAdministrator}}, id(2): {Unit: "North", Roles: []string{"Local"}, Profiles: []string{"Readers"}},
		id(3): {Unit: "North", Roles: []string{"Global"}},
	})
	both := m.Rights(id(2), false).For(m.Rights(id(1), false))
	if both.Depth("prvReadContact") != security.Local || both.Everything() || !both.Column("contact.governmentid").Read {
		t.Errorf("an administrator for a user: Read is %s", both.Depth("prvReadContact"))
	}
	back := m.Rights(id(1), false).For(m.Rights(id(2), false))
	if back.Depth("prvReadContact") != security.Local || back.Has("prvWriteContact") || back.Everything() || back.Column("contact.governmentid").Update {
		t.Errorf("a user for an administrator: Read is %s", back.Depth("prvReadContact"))
	}
	if !back.Reaches("prvReadContact", id(3)) || back.Reaches("prvReadContact", id(1)) {
		t.Error("the reach is not that of both")
	}
}

func TestProfilesAddUp(t *testing.T) {
	m := model(t, map[uuid.UUID]security.Member{id(1): {Profiles: []string{"Readers"}}, id(2): {Profiles: []string{"Readers", "Writers"}}})
	if got := m.Rights(id(1), false).Column("contact.governmentid"); got != (security.Permission{Read: true}) {
		t.Errorf("one profile: %+v", got)
	}
	if got := m.Rights(id(2), false).Column("contact.governmentid"); got != (security.Permission{Create: true, Read: true, Update: true}) {
		t.Errorf("two profiles: %+v", got)
	}
}

func TestAChangeIsSeenAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := security.New("Contoso", root, 30*time.Second, organisation())
		if err != nil {
			t.Fatal(err)
		}
		roles := func(names ...string) {
			if err := m.SetUser(id(1), security.Member{Roles: names}); err != nil {
				t.Fatal(err)
			}
		}
		seen := func(strong bool) security.Depth { return m.Rights(id(1), strong).Depth("prvReadContact") }
		roles("Basic")
		roles("Local")
		if seen(false) != security.Basic || seen(true) != security.Local {
			t.Errorf("at once: %s, strong %s", seen(false), seen(true))
		}
		<-time.After(20 * time.Second)
		roles("Deep")
		if seen(false) != security.Basic {
			t.Errorf("after 20 s: %s", seen(false))
		}
		<-time.After(10 * time.Second)
		if seen(false) != security.Deep {
			t.Errorf("30 s after the first change: %s", seen(false))
		}
		roles("Global")
		if seen(false) != security.Deep || seen(true) != security.Global {
			t.Errorf("after another change: %s, strong %s", seen(false), seen(true))
		}
	})
}

func TestWhatDoesNotFitTogetherIsNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		config security.Config
		want   []string
	}{
		{"a unit without its parent", security.Config{Units: []security.Unit{{Name: "East", Parent: "Nroth"}}}, []string{`business unit East: there is no business unit "Nroth"; there are: Contoso, East`}},
		{"a unit below itself", security.Config{Units: []security.Unit{{Name: "A", Parent: "B"}, {Name: "B", Parent: "A"}}}, []string{"is below itself"}},
		{"two of everything", security.Config{
			Units: []security.Unit{{Name: "A"}, {Name: "A"}}, Roles: []security.Role{{Name: "R"}, {Name: "R"}}, Teams: []security.Team{{Name: "T"}, {Name: "T"}},
			Profiles: []security.Profile{{Name: "P"}, {Name: "P"}},
		}, []string{`two business units "A"`, `two roles "R"`, `two teams "T"`, `two column security profiles "P"`}},
		{"a second system administrator", security.Config{Roles: []security.Role{{Name: security.SystemAdministrator}}}, []string{`two roles "System Administrator"`}},
		{"a privilege that is none", security.Config{Roles: []security.Role{{Name: "R", Privileges: map[string]security.Depth{"ReadContact": security.Basic}}}}, []string{`role "R": "ReadContact" is no privilege`}},
		{"a team with an unknown role", security.Config{Teams: []security.Team{{Name: "T", Roles: []string{"R"}}}}, []string{`team T: there is no role "R"`}},
		{"a team with an unknown profile", security.Config{Teams: []security.Team{{Name: "T", Profiles: []string{"P"}}}}, []string{`team T: there is no column security profile "P"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := security.New("Contoso", root, 0, c.config)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

func TestAChangeThatDoesNotFitChangesNothing(t *testing.T) {
	m := model(t, map[uuid.UUID]security.Member{id(1): {Roles: []string{"Basic"}}})
	for name, err := range map[string]error{
		"an unknown user":   m.Change(id(9), func(*security.Member) {}),
		"an unknown role":   m.Change(id(1), func(u *security.Member) { u.Roles = []string{"None such"} }),
		"an unknown team":   m.Change(id(1), func(u *security.Member) { u.Teams = []string{"None such"} }),
		"an unknown unit":   m.SetUser(id(1), security.Member{Unit: "None such"}),
		"no such role":      m.ChangeRole("None such", func(*security.Role) {}),
		"the fixed role":    m.PutRole(security.Role{Name: security.SystemAdministrator}),
		"a bad privilege":   m.ChangeRole("Basic", func(r *security.Role) { r.Privileges["Read"] = security.Basic }),
		"a team's bad role": m.PutTeam(security.Team{Name: "Southerners", Roles: []string{"None such"}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := m.Rights(id(1), true); got.Depth("prvReadContact") != security.Basic || len(got.Roles) != 1 {
		t.Errorf("now %s by %v", got.Depth("prvReadContact"), got.Roles)
	}
}

func TestASnapshotHasEverythingInOrder(t *testing.T) {
	s := model(t, nil).Snapshot()
	names := []string{}
	for _, u := range s.Units {
		names = append(names, u.Name+"<"+u.Parent)
	}
	if got := strings.Join(names, " "); got != "Contoso< East<North North< South<" || len(s.Roles) != 6 || len(s.Teams) != 1 || len(s.Profiles) != 2 {
		t.Errorf("units %s, %d roles, %d teams, %d profiles", got, len(s.Roles), len(s.Teams), len(s.Profiles))
	}
}

func TestDepthsAreText(t *testing.T) {
	for _, name := range []string{"None", "Basic", "Local", "Deep", "Global"} {
		d, err := security.ParseDepth(strings.ToLower(name))
		if text, _ := d.MarshalText(); err != nil || string(text) != name {
			t.Errorf("%s is %s, %v", name, text, err)
		}
	}
	var d security.Depth
	if err := d.UnmarshalText([]byte("User")); err == nil || !strings.Contains(err.Error(), "Basic") {
		t.Errorf("got %v", err)
	}
}
