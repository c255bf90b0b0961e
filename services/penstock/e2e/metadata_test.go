package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestMetadataIsReadOnceAndAgainWhenDataverseKnowsBetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50, calm)
	w.startAll()
	before := w.described.Load()
	w.run()
	first := w.described.Load()
	if first == before {
		t.Fatal("the first run read no metadata")
	}
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n < 10")
	w.run()
	expect(t, "requests for metadata in the second run", w.described.Load()-first, 0)

	// Somebody drops a column that the sync maps: the run that finds out makes the next one look again.
	w.nth(1, func(emulator.Request) emulator.Fault {
		return emulator.Fault{
			Kind: emulator.Refuse, Status: http.StatusBadRequest, Code: "0x80048d19",
			Message: "Invalid property 'industrycode' was found in entity 'Microsoft.Dynamics.CRM.account'.",
		}
	})
	w.change("ALTER TABLE model UPDATE version = 3 WHERE n < 10")
	run := w.rest(w.ask())
	expect(t, "phase", run.Phase, penstock.Suspended)
	expect(t, "requests for metadata in the suspended run", w.described.Load()-first, 0)
	w.run()
	if w.described.Load() == first {
		t.Error("the run after an unknown column believed the old metadata")
	}
	w.caughtUp()
}

func TestAMappingThatDoesNotFitOldMetadataIsTriedOnNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50, calm)
	w.startAll()
	w.run()
	// What is kept is from before the column was made.
	kept, err := w.queue.Metadata(t.Context(), emulator.SandboxOrganization, "account")
	if err != nil || len(kept) == 0 {
		t.Fatalf("no metadata is kept: %v", err)
	}
	old := strings.Replace(string(kept), `"Name":"industrycode"`, `"Name":"industrycodf"`, 1)
	if err := w.queue.PutMetadata(t.Context(), emulator.SandboxOrganization, "account", []byte(old)); err != nil {
		t.Fatal(err)
	}
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n < 10")
	run := w.run()
	expect(t, "accepted", run.Counts.Accepted, uint64(10))
	w.caughtUp()
}

// What a sync bypasses goes with every operation: the emulator asks for the right to it.
func TestABypassReachesDataverseAndItsPrivilegeIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50, calm)
	w.yaml = strings.Replace(w.yaml, "on_leave: delete", "on_leave: delete, bypass: [sync, async]", 1)
	w.dataverse.Revoke(emulator.SandboxClient, "prvBypassCustomBusinessLogic")
	w.startAll()
	run := w.rest(w.ask())
	if run.Phase != penstock.Suspended || !strings.Contains(run.Reason, "prvBypassCustomBusinessLogic") {
		t.Errorf("the run is %s: %s", run.Phase, run.Reason)
	}
	expect(t, "records", w.dataverse.Count("account"), 0)
	w.dataverse.Grant(emulator.SandboxClient, "prvBypassCustomBusinessLogic")
	w.run()
	w.caughtUp()
}
