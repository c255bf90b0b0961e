package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestASyncMostOfWhoseRowsAreRefusedIsStoppedWithTheCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, broken, cause string }{
		{"by Dataverse", "parent = 'c-none'", "reference 0x"},
		{"by the mapping", "industry = 999", "mapping choice_unknown (industrycode)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const rows = 10_000
			w := newWorld(t, rows, calm)
			w.change("ALTER TABLE model UPDATE " + c.broken + " WHERE n >= 500")
			w.startAll()
			run := w.rest(w.ask())
			expect(t, "phase", run.Phase, penstock.Suspended)
			for _, part := range []string{"more than 50% of the rows were refused", c.cause, "run the sync again"} {
				if !strings.Contains(run.Reason, part) {
					t.Errorf("the reason does not say %q: %s", part, run.Reason)
				}
			}
			if strings.Contains(run.Reason, "Does Not Exist") || strings.Contains(run.Reason, "c-none") {
				t.Errorf("the reason, which is logged, quotes a letter: %s", run.Reason)
			}
			if n := len(w.letters()); n < 200 || n > rows*8/10 {
				t.Errorf("%d letters", n)
			}
			w.sound()

			// Once it is mended and asked for, what was not sent goes too.
			w.change("ALTER TABLE model UPDATE parent = NULL, industry = 1 WHERE n >= 500")
			w.run()
			expect(t, "records", w.dataverse.Count("account"), rows)
			w.caughtUp()
		})
	}
}

func TestADataverseThatIsTooBusyForLongSuspendsNoSync(t *testing.T) {
	t.Parallel()
	const rows = 3000
	w := newWorld(t, rows, calm)
	w.dataverse.SetFaults(emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
		if o.Method != http.MethodPatch {
			return emulator.Fault{}
		}
		return emulator.Fault{Kind: emulator.Refuse, Status: http.StatusInternalServerError, Code: "0x80040255", Message: "The transaction was aborted."}
	}})
	w.startAll()
	run := w.rest(w.ask())
	expect(t, "phase", run.Phase, penstock.Closed)
	expect(t, "rows that Dataverse did not take", run.Counts.Refused+run.Counts.NotSent, uint64(rows))
	w.dataverse.SetFaults(emulator.Faults{})
	w.run()
	w.caughtUp()
}

func TestASmallSyncGoesOnWithItsBadRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 199, calm)
	w.change("ALTER TABLE model UPDATE parent = 'c-none' WHERE n >= 0")
	w.startAll()
	expect(t, "counts", w.run().Counts, penstock.Counts{Read: 199, Refused: 199})
	w.caughtUp()
}
