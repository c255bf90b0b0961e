package dataversetest_test

import (
	"cmp"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/dataversetest"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The emulator keeps to the reference, and to its guesses. Where DATAVERSE_URL is set, a real environment is held to the same suite.
func TestDataverse(t *testing.T) {
	t.Run("emulator", func(t *testing.T) {
		server, environment := start(t, emulator.Config{Keys: keys()})
		environment.Guesses, environment.Variant = true, variant
		counts := dataversetest.Run(t, environment)
		if counts.Cases <= 200 {
			t.Errorf("%d cases; there should be more than 200", counts.Cases)
		}
		for name, needs := range counts.NotApplicable {
			t.Errorf("%s: the emulator has no %s", name, needs)
		}
		swept(t, server)
	})
	if at := os.Getenv("DATAVERSE_URL"); at != "" {
		t.Run("real environment", func(t *testing.T) {
			dataversetest.Run(t, dataversetest.Environment{
				URL: at, Login: cmp.Or(os.Getenv("DATAVERSE_LOGIN"), "https://login.microsoftonline.com"), Tenant: os.Getenv("DATAVERSE_TENANT"),
				Users: []dataversetest.Credentials{{ClientID: os.Getenv("DATAVERSE_CLIENT_ID"), Secret: os.Getenv("DATAVERSE_CLIENT_SECRET")}},
			})
		})
	}
}

// An environment that nobody prepared, as most real ones are, has neither alternate keys nor custom tables nor variants.
func TestWhatAnEnvironmentLacksIsNotApplicable(t *testing.T) {
	plain := schema.Standard()
	for i := range plain {
		if plain[i].Name != "transactioncurrency" {
			plain[i].Keys = nil
		}
	}
	server, environment := start(t, emulator.Config{Tables: plain})
	counts := dataversetest.Run(t, environment)
	if n := len(counts.NotApplicable); counts.Failed > 0 || n < 150 || n > counts.Cases/2 {
		t.Errorf("of %d cases %d failed and %d were not applicable", counts.Cases, counts.Failed, n)
	}
	if needs := counts.NotApplicable["2.4 PATCH by key creates"]; needs != "key account(accountnumber)" {
		t.Errorf("a case by key needs %q", needs)
	}
	swept(t, server)
}

// swept asserts that the suite took its rows with it.
func swept(t *testing.T, server *emulator.Server) {
	t.Helper()
	for _, table := range []string{"account", "contact", "lead", "opportunity", "new_membership"} {
		if n := server.Count(table); n > 0 {
			t.Errorf("%d rows of %s are left", n, table)
		}
	}
}

// keys are of the types that the standard tables have none of.
func keys() map[string][]schema.Key {
	return map[string][]schema.Key{"new_membership": {
		{Name: "new_scorekey", Label: "Score Key", Columns: []string{"new_score"}},
		{Name: "new_joinedonkey", Label: "Joined On Key", Columns: []string{"new_joinedon"}},
		{Name: "new_lastvisitkey", Label: "Last Visit Key", Columns: []string{"new_lastvisit"}},
	}}
}

// start runs an emulator for the length of the test.
func start(t *testing.T, c emulator.Config) (*emulator.Server, dataversetest.Environment) {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	c.Hosts = []string{web.Listener.Addr().String()}
	if c.Apps == nil {
		c.Apps = []emulator.App{{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret}}
	}
	server := emulator.New(c)
	web.Config.Handler = server
	web.Start()
	t.Cleanup(web.Close)
	e := dataversetest.Environment{URL: web.URL, Login: web.URL, Tenant: emulator.SandboxTenant}
	for _, app := range c.Apps {
		e.Users = append(e.Users, dataversetest.Credentials{ClientID: app.ClientID, Secret: app.Secret})
	}
	return server, e
}

// variant runs the emulator that a case asks for. Its users are no administrators, who may do everything in spite of all.
func variant(t *testing.T, v dataversetest.Variant) dataversetest.Environment {
	t.Helper()
	c := emulator.Config{
		Limits:  emulator.Limits{Requests: v.Requests, ExecutionTime: v.ExecutionTime, Concurrent: v.Concurrent, Window: v.Window},
		Latency: emulator.Latency{Request: v.Latency},
		Servers: v.Servers,
		Tables:  tables(v),
		State:   emulator.OrganizationState(v.Organization),
		Security: security.Config{
			Units: []security.Unit{{Name: "Apart"}},
			Roles: []security.Role{{Name: "Everything", All: security.Global}},
		},
	}
	if v.Domain != "" {
		c.Directory.Tenants = []entra.Tenant{{ID: emulator.SandboxTenant, Domains: []string{v.Domain}}}
	}
	for table, columns := range v.DuplicateRules {
		c.DuplicateRules = append(c.DuplicateRules, emulator.DuplicateRule{Table: table, Columns: columns})
	}
	if v.Users == nil {
		v.Users = []dataversetest.User{{}}
	}
	for i, u := range v.Users {
		app := emulator.App{
			ClientID: fmt.Sprintf("%08d-1111-1111-1111-111111111111", i+1), Secret: "secret", State: state(u.State), Revoked: u.Lacks,
			SecretExpired: u.State == dataversetest.SecretExpired,
		}
		app.Roles = []string{"Everything"}
		if u.Apart {
			app.Unit = "Apart"
		}
		for privilege, depth := range u.Depth {
			d, err := security.ParseDepth(depth)
			if err != nil {
				t.Fatal(err)
			}
			app.Except = map[string]security.Depth{privilege: d}
		}
		if u.State == dataversetest.AppDisabled {
			c.Directory.Apps = append(c.Directory.Apps, entra.App{
				Tenant: emulator.SandboxTenant, ClientID: app.ClientID, Secrets: []entra.Secret{{Value: app.Secret}}, State: entra.AppDisabled,
			})
		}
		c.Apps = append(c.Apps, app)
	}
	_, e := start(t, c)
	e.Guesses = true
	return e
}

func state(s dataversetest.UserState) emulator.UserState {
	switch s {
	case dataversetest.Missing:
		return emulator.UserMissing
	case dataversetest.Disabled:
		return emulator.UserDisabled
	case dataversetest.WithoutRoles:
		return emulator.UserNoRoles
	case dataversetest.Restricted:
		return emulator.UserRestricted
	case dataversetest.WithoutLicence:
		return emulator.UserUnlicensed
	case dataversetest.Enabled, dataversetest.SecretExpired, dataversetest.AppDisabled:
		return emulator.UserEnabled
	default:
		return emulator.UserEnabled
	}
}

// tables are those that a variant adds, or has otherwise than the standard.
func tables(v dataversetest.Variant) []schema.Table {
	var own []schema.Table
	for _, table := range schema.Standard() {
		table.OptimisticOff = table.OptimisticOff || table.Name == v.NoConcurrency
		columns := slices.Clone(table.Columns)
		for i := range columns {
			columns[i].Secured = slices.Contains(v.Secured[table.Name], columns[i].Name)
		}
		table.Columns = columns
		own = append(own, table)
	}
	if v.Elastic {
		own = append(own, schema.Table{
			Name: "new_event", Schema: "new_Event", Set: "new_events", Label: "Event", PrimaryID: "new_eventid", PrimaryName: "new_name", TypeCode: 10900,
			Kind: schema.KindElastic, Columns: append(schema.Common([]string{"Active", "Inactive"}, schema.Option{Value: 1, Label: "Active"}, schema.Option{Value: 2, Label: "Inactive", State: 1}),
				schema.Column{Name: "new_eventid", Schema: "new_EventId", Label: "Event", Type: schema.ID, Required: "SystemRequired"},
				schema.Column{Name: "new_name", Schema: "new_Name", Label: "Name", MaxLength: 100},
				schema.Column{Name: "new_code", Schema: "new_Code", Label: "Code", MaxLength: 36},
				schema.Column{Name: "new_note", Schema: "new_Note", Label: "Note", MaxLength: 100}),
			Keys: []schema.Key{{Name: "new_codekey", Label: "Code Key", Columns: []string{"new_code"}}},
		})
	}
	return own
}
