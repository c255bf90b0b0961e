package e2e

import (
	"testing"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
	"github.com/penstock-sync/penstock/pkg/penstock"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func TestTheSmallestRoleIsEnoughForARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 40, calm)
	w.change("ALTER TABLE model UPDATE parent = 'c-000001' WHERE n BETWEEN 10 AND 19")
	w.startAll()
	w.run()

	role := &penstockv1.PrivilegesResponse{}
	w.call(control.Privileges, &penstockv1.PrivilegesRequest{Environment: w.id.Environment}, role)
	needed := map[string]dataverse.Depth{}
	for _, n := range role.GetRole() {
		needed[n.GetPrivilege()] = dataverse.ParseDepth(n.GetDepth())
	}
	client := must[*dataverse.Client](t)(dataverse.New(dataverse.Config{
		URL: w.api, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil }, Request: patience, Connections: 1,
	}))
	defer client.Close()
	who := must[dataverse.Identity](t)(client.WhoAmI(t.Context()))
	for name := range must[map[string]dataverse.Depth](t)(client.UserPrivileges(t.Context(), who.User)) {
		if err := w.dataverse.SetDepth(emulator.SandboxClient, name, security.Depth(needed[name])); err != nil {
			t.Fatal(err)
		}
	}
	held := must[map[string]dataverse.Depth](t)(client.UserPrivileges(t.Context(), who.User))
	expect(t, "privileges held", len(held), len(needed))

	w.change("ALTER TABLE model UPDATE name = 'changed' WHERE n < 15")
	w.change("ALTER TABLE model DELETE WHERE n = 39")
	w.change("INSERT INTO model SELECT number, concat('c-', leftPad(toString(number), 6, '0')), 'new', 1, 1, 'c-000002' FROM numbers(100, 5)")
	expect(t, "counts", w.run().Counts, penstock.Counts{Read: 44, Unchanged: 24, Accepted: 20, Left: 1, Deleted: 1})
	expect(t, "letters", len(w.letters()), 0)
	w.caughtUp()
}
