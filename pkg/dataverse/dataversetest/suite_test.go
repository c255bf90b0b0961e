package dataversetest_test

import (
	"testing"

	"go.uber.org/goleak"
	"net/http/httptest"
	"os"

	"github.com/penstock-sync/penstock/pkg/dataverse/dataversetest"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The emulator keeps to the reference, also to its guesses. Where DATAVERSE_URL and credentials are set, a real environment is held to the same suite.
func TestDataverse(t *testing.T) {
	t.Run("emulator", func(t *testing.T) {
		counts := dataversetest.Run(t, start(t, emulator.Config{}))
		if counts.Cases <= 200 {
			t.Errorf("%d cases; there should be more than 200", counts.Cases)
		}
		for name, needs := range counts.NotApplicable {
			t.Errorf("%s: the emulator has no %s", name, needs)
		}
	})
	if at := os.Getenv("DATAVERSE_URL"); at != "" {
		t.Run("real environment", func(t *testing.T) {
			dataversetest.Run(t, dataversetest.Environment{
				URL: at, Login: "https://login.microsoftonline.com", Tenant: os.Getenv("DATAVERSE_TENANT"),
				Users: []dataversetest.Credentials{{ClientID: os.Getenv("DATAVERSE_CLIENT_ID"), Secret: os.Getenv("DATAVERSE_CLIENT_SECRET")}},
			})
		})
	}
}

// start runs an emulator for the length of the test.
func start(t *testing.T, c emulator.Config) dataversetest.Environment {
	web := httptest.NewUnstartedServer(nil)
	c.Hosts = []string{web.Listener.Addr().String()}
	c.Keys = map[string][]schema.Key{"new_membership": {
		{Name: "new_scorekey", Label: "Score Key", Columns: []string{"new_score"}},
		{Name: "new_joinedonkey", Label: "Joined On Key", Columns: []string{"new_joinedon"}},
		{Name: "new_lastvisitkey", Label: "Last Visit Key", Columns: []string{"new_lastvisit"}},
	}}
	web.Config.Handler = emulator.New(c)
	web.Start()
	t.Cleanup(web.Close)
	e := dataversetest.Environment{URL: web.URL, Login: web.URL, Tenant: emulator.SandboxTenant, Guesses: true, Variant: variant}
	for _, app := range c.Apps {
		e.Users = append(e.Users, dataversetest.Credentials{ClientID: app.ClientID, Secret: app.Secret})
	}
	if e.Users == nil {
		e.Users = []dataversetest.Credentials{{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret}}
	}
	return e
}

// variant makes the emulator that a case asks for.
func variant(t *testing.T, v dataversetest.Variant) dataversetest.Environment {
	c := emulator.Config{
		Limits:  emulator.Limits{Requests: v.Requests, ExecutionTime: v.ExecutionTime, Concurrent: v.Concurrent, Window: v.Window},
		Latency: emulator.Latency{Request: v.Latency},
	}
	for i, u := range v.Users {
		app := emulator.App{ClientID: "1111111" + string(rune('1'+i)) + "-1111-1111-1111-111111111111", Secret: "secret", Revoked: u.Lacks}
		switch u.State {
		case dataversetest.Enabled:
		case dataversetest.Missing:
			app.State = emulator.UserMissing
		case dataversetest.Disabled:
			app.State = emulator.UserDisabled
		case dataversetest.WithoutRoles:
			app.State = emulator.UserNoRoles
		case dataversetest.Restricted:
			app.State = emulator.UserRestricted
		case dataversetest.SecretExpired:
			app.SecretExpired = true
		case dataversetest.WithoutLicence, dataversetest.AppDisabled:
			t.Fatal("the emulator has no such state of a user yet")
		}
		if u.Depth != nil || u.Apart {
			t.Fatal("the emulator has no depth yet")
		}
		c.Apps = append(c.Apps, app)
	}
	switch {
	case v.Elastic, v.NoConcurrency != "", v.Secured != nil, v.DuplicateRules != nil, v.Servers != 0, v.Organization != dataversetest.Open, v.Domain != "":
		t.Fatal("the emulator cannot be made so yet")
	}
	return start(t, c)
}
