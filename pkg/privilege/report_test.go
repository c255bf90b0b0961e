package privilege_test

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
	"github.com/penstock-sync/penstock/pkg/privilege"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The syncs of the tests, and the smallest role for them.
var (
	accounts = spec.Sync{
		Name: "accounts", To: spec.To{Environment: "demo", Table: "account", Match: []string{"accountnumber"}, Mode: spec.Upsert, OnLeave: spec.OnLeave{Action: spec.Deactivate}},
		Map: []spec.Field{{Column: "accountnumber", From: "no"}, {Column: "name", From: "name"}},
	}
	contacts = spec.Sync{
		Name: "contacts", To: spec.To{Environment: "demo", Table: "contact", Match: []string{"externaluseridentifier"}, Mode: spec.Mirror, OnLeave: spec.OnLeave{Action: spec.Delete}},
		Map: []spec.Field{
			{Column: "externaluseridentifier", From: "id"},
			{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountnumber", From: "no"}}},
			{Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", From: "team"}}},
			{Column: "transactioncurrencyid", By: []spec.Part{{Key: "transactioncurrencyid", From: "currency"}}},
		},
	}
	smallest = map[string]security.Depth{
		"prvCreateAccount": security.Basic, "prvReadAccount": security.Global, "prvWriteAccount": security.Global, "prvAppendToAccount": security.Global,
		"prvCreateContact": security.Global, "prvReadContact": security.Global, "prvWriteContact": security.Global, "prvDeleteContact": security.Global,
		"prvAppendContact": security.Global, "prvAssignContact": security.Global, "prvAppendToTransactionCurrency": security.Global,
	}
)

// newWorld is an emulator whose application user has a role with these privileges, and what is to be looked at.
func newWorld(t *testing.T, role map[string]security.Depth, all security.Depth) (*emulator.Server, privilege.Input) {
	t.Helper()
	s := emulator.New(emulator.Config{
		Apps:     []emulator.App{{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret, Member: security.Member{Roles: []string{"Penstock"}}}},
		Security: security.Config{Roles: []security.Role{{Name: "Penstock", All: all, Privileges: role}}},
	})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(emulator.SandboxSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, privilege.Input{
		Environment: spec.Environment{
			Name: "demo", URL: web.URL + "/api/data/v9.2/", Tenant: emulator.SandboxTenant,
			Users: []spec.User{{ClientID: emulator.SandboxClient, ClientSecret: spec.Secret{File: secret}}},
		},
		Syncs: []spec.Sync{accounts, contacts}, Request: 10 * time.Second,
	}
}

// look makes such a world, and looks at it.
func look(t *testing.T, role map[string]security.Depth, all security.Depth, change func(*privilege.Input)) (privilege.Report, error) {
	t.Helper()
	_, in := newWorld(t, role, all)
	if change != nil {
		change(&in)
	}
	return privilege.Look(t.Context(), in)
}

// with is the smallest role with some privileges otherwise.
func with(role map[string]security.Depth, names ...any) map[string]security.Depth {
	changed := maps.Clone(role)
	for i := 0; i < len(names); i += 2 {
		changed[names[i].(string)] = names[i+1].(security.Depth)
	}
	return changed
}

func gaps(all []privilege.Gap) string {
	var words []string
	for _, g := range all {
		words = append(words, fmt.Sprintf("%s (%s on %s) %s/%s", g.Name, g.Verb, g.Table, g.Held, g.Needed))
	}
	return strings.Join(words, ", ")
}

func TestTheSmallestRoleIsNamedTableByTableWithItsReasons(t *testing.T) {
	r, err := look(t, smallest, security.None, nil)
	if err != nil || len(r.Problems) > 0 || len(r.Users) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	got := map[string]security.Depth{}
	var order []string
	for _, n := range r.Role {
		got[n.Name] = security.Depth(n.Depth)
		if n.Table != "" && !slices.Contains(order, n.Table) {
			order = append(order, n.Table)
		}
	}
	if !maps.Equal(got, smallest) {
		t.Errorf("role %v, want %v", got, smallest)
	}
	if !slices.Equal(order, []string{"account", "contact", "transactioncurrency"}) {
		t.Errorf("tables in the order %v", order)
	}
	u := r.Users[0]
	if u.ClientID != emulator.SandboxClient || u.ID == "" || len(u.Missing) > 0 || len(u.Beyond) > 0 {
		t.Errorf("missing %s; beyond %s", gaps(u.Missing), gaps(u.Beyond))
	}
	i := slices.IndexFunc(r.Role, func(n privilege.Need) bool { return n.Name == "prvReadAccount" })
	var reasons []string
	for _, why := range r.Role[i].Reasons {
		reasons = append(reasons, why.Sync+" "+why.Why)
	}
	if got, want := strings.Join(reasons, "; "), "accounts finds records by their key; contacts finds its records by an alternate key for parentcustomerid"; got != want {
		t.Errorf("reasons %q, want %q", got, want)
	}
}

func TestEachPrivilegeThatIsMissingIsNamed(t *testing.T) {
	s, in := newWorld(t, smallest, security.None)
	for name, depth := range smallest {
		s.Revoke(emulator.SandboxClient, name)
		r, err := privilege.Look(t.Context(), in)
		s.Grant(emulator.SandboxClient, name)
		if err != nil || len(r.Users) != 1 {
			t.Fatalf("without %s: %+v, %v", name, r, err)
		}
		m := r.Users[0].Missing
		if len(m) != 1 || m[0].Name != name || m[0].Held != 0 || m[0].Needed.String() != depth.String() || len(r.Users[0].Beyond) > 0 {
			t.Errorf("without %s: missing %s; beyond %s", name, gaps(m), gaps(r.Users[0].Beyond))
		}
	}
}

func TestWhatIsHeldOtherwiseThanItIsNeededIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name            string
		role            map[string]security.Depth
		all             security.Depth
		missing, beyond string
	}{
		{"too shallow", with(smallest, "prvWriteContact", security.Local), security.None, "prvWriteContact (Write on contact) Local/Global", ""},
		{"deeper than needed", with(smallest, "prvCreateAccount", security.Global), security.None, "", "prvCreateAccount (Create on account) Global/Basic"},
		{"another verb", with(smallest, "prvDeleteAccount", security.Basic), security.None, "", "prvDeleteAccount (Delete on account) Basic/None"},
		{"to share", with(smallest, "prvShareContact", security.Global), security.None, "", "prvShareContact (Share on contact) Global/None"},
		{"another table", with(smallest, "prvWriteLead", security.Global), security.None, "", "prvWriteLead (Write on lead) Global/None"},
		{"to read a table of the syncs", with(smallest, "prvAppendToContact", security.Global), security.None, "", "prvAppendToContact (AppendTo on contact) Global/None"},
		{"the basics", with(smallest, "prvReadUser", security.Global, "prvReadTeam", security.Global, "prvReadLead", security.Global, "prvCreateLead", security.Basic, "prvReadTransactionCurrency", security.Global), security.None, "", ""},
	} {
		r, err := look(t, tt.role, tt.all, nil)
		if err != nil || len(r.Problems) > 0 {
			t.Fatalf("%s: %+v, %v", tt.name, r, err)
		}
		if missing, beyond := gaps(r.Users[0].Missing), gaps(r.Users[0].Beyond); missing != tt.missing || beyond != tt.beyond {
			t.Errorf("%s: missing %q, beyond %q; want %q and %q", tt.name, missing, beyond, tt.missing, tt.beyond)
		}
	}
	r, err := look(t, nil, security.Global, nil)
	if err != nil || len(r.Users[0].Missing) > 0 || !strings.Contains(gaps(r.Users[0].Beyond), "prvWriteLead (Write on lead) Global/None") {
		t.Errorf("an administrator: %+v, %v", r, err)
	}
	if beyond := r.Users[0].Beyond; beyond[0].Table != "account" {
		t.Errorf("what the syncs touch comes first, not %s", beyond[0].Table)
	}
}

func TestWhatCannotBeLookedAtIsSaid(t *testing.T) {
	r, err := look(t, smallest, security.None, func(in *privilege.Input) {
		wrong := accounts
		wrong.Name, wrong.To.Table = "kontakte", "kontakt"
		in.Syncs = append(in.Syncs, wrong)
		in.Environment.Users = append(in.Environment.Users, spec.User{ClientID: "99999999-1111-1111-1111-111111111111", ClientSecret: spec.Secret{File: "/nowhere"}})
	})
	if err != nil || len(r.Users) != 1 || len(r.Users[0].Missing) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if text := strings.Join(r.Problems, "\n"); len(r.Problems) != 2 || !strings.Contains(text, "application user 99999999-1111-1111-1111-111111111111: ") || !strings.Contains(text, `sync kontakte: `) || !strings.Contains(text, `the environment has no table "kontakt"`) {
		t.Errorf("%q", r.Problems)
	}
	_, err = look(t, smallest, security.None, func(in *privilege.Input) {
		in.Environment.Users[0].ClientSecret = spec.Secret{File: "/nowhere"}
	})
	if err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("%v", err)
	}
}
