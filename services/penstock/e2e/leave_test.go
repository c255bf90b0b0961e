package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// leaving makes the world's sync do something else about rows that leave.
func leaving(onLeave string) func(*world) {
	return func(w *world) { w.onLeave = onLeave }
}

// person writes to Dataverse past Penstock, and sees it done.
func (w *world) person(changes ...penstock.Change) {
	w.t.Helper()
	client := must[*dataverse.Client](w.t)(dataverse.New(dataverse.Config{
		URL: w.api, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil }, Request: patience, Connections: 1,
	}))
	defer client.Close()
	for i, v := range client.Batch(w.t.Context(), "account", penstock.Execution{}, changes).Verdicts {
		if v.Kind != penstock.Fine {
			w.t.Fatalf("a person's change %d: %+v", i, v)
		}
	}
}

func company(n int, op penstock.Operation, body string) penstock.Change {
	return penstock.Change{Operation: op, Address: fmt.Sprintf("accounts(accountnumber='c-%06d')", n), Body: []byte(body)}
}

// column is what a record holds in a column.
func (w *world) column(n int, column string) string {
	w.t.Helper()
	for _, row := range w.dataverse.Rows("account") {
		if string(row["accountnumber"]) == fmt.Sprintf(`"c-%06d"`, n) {
			return string(row[column])
		}
	}
	return "no record"
}

const back = "INSERT INTO model SELECT number, concat('c-', leftPad(toString(number), 6, '0')), 'Back again', 3, 1, NULL FROM numbers(%d, %d)"

func TestRowsThatLeaveAreDeactivatedAndActiveOnceTheyAreBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1000, calm, leaving("deactivate"))
	w.startAll()
	w.run()
	w.person(company(10, penstock.Delete, ""), company(500, penstock.Update, `{"statecode":1,"statuscode":2}`))
	w.change("ALTER TABLE model DELETE WHERE n BETWEEN 10 AND 29")
	// The first answer is lost: what Dataverse has done is asked for once more.
	w.nth(1, func(emulator.Request) emulator.Fault { return emulator.Fault{Kind: emulator.CutAfterCommit} })
	run := w.run()
	expect(t, "counts, one of which nobody has any more", run.Counts, penstock.Counts{Read: 980, Unchanged: 980, Left: 20, Deleted: 20})
	expect(t, "records", w.dataverse.Count("account"), 999)
	expect(t, "state and status of one", w.column(11, "statecode")+w.column(11, "statuscode"), "12")
	expect(t, "counts of a run after it", w.run().Counts, penstock.Counts{Read: 980, Unchanged: 980})

	w.change(fmt.Sprintf(back, 10, 5))
	w.change("ALTER TABLE model UPDATE version = 9 WHERE n IN (500, 501)")
	run = w.run()
	expect(t, "counts when five come back", run.Counts, penstock.Counts{Read: 985, Unchanged: 978, Accepted: 7})
	expect(t, "state and status of one that is back", w.column(11, "statecode")+w.column(11, "statuscode"), "01")
	expect(t, "state of one that was made anew", w.column(10, "statecode"), "0")
	expect(t, "state of one that a person deactivated", w.column(500, "statecode"), "1")
	expect(t, "and what its row changed", w.column(500, "numberofemployees"), "9")

	w.change("ALTER TABLE model UPDATE version = 10 WHERE n = 11")
	w.person(company(11, penstock.Update, `{"statecode":1,"statuscode":2}`))
	w.run()
	expect(t, "state of one that a person deactivated after it was back", w.column(11, "statecode"), "1")
	w.person(company(11, penstock.Update, `{"statecode":0,"statuscode":1}`), company(500, penstock.Update, `{"statecode":0,"statuscode":1}`))
	var f faults
	w.acceptedIsHeld(&f)
	w.runsBalance(&f)
	w.report(&f)
}

func TestALeaveThatIsRefusedIsALetterAndIsReplayedAsALeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 200, calm, leaving("deactivate"))
	w.startAll()
	w.run()
	w.change("ALTER TABLE model DELETE WHERE n < 5")
	w.dataverse.SetFaults(emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
		if strings.Contains(o.Key, "c-000002") {
			return emulator.Fault{Kind: emulator.Refuse, Status: http.StatusBadRequest, Code: "0x80040265", Message: "A plug-in says no."}
		}
		return emulator.Fault{}
	}})
	expect(t, "counts", w.run().Counts, penstock.Counts{Read: 195, Unchanged: 195, Left: 5, Deleted: 4, LeftRefused: 1})
	expect(t, "operation of the letter", w.letters()["c-000002"].Operation, penstock.Deactivate)
	expect(t, "counts while it waits", w.run().Counts, penstock.Counts{Read: 195, Unchanged: 195, Left: 1, LeftWaiting: 1})

	w.dataverse.SetFaults(emulator.Faults{})
	w.yaml = strings.Replace(w.yaml, "on_leave: deactivate", "on_leave: delete", 1)
	w.apply()
	expect(t, "counts once it is another leave", w.run().Counts, penstock.Counts{Read: 195, Unchanged: 195, Left: 1, Deleted: 1})
	expect(t, "records", w.dataverse.Count("account"), 199)
	expect(t, "open letters", len(w.letters()), 0)
	w.caughtUp()
}

func TestRowsThatLeaveHaveTheirColumnsCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 200, calm, leaving("{clear: [industrycode, parentaccountid]}"))
	w.startAll()
	w.run()
	w.change("ALTER TABLE model UPDATE parent = 'c-000100' WHERE n < 3")
	w.run()
	w.change("ALTER TABLE model DELETE WHERE n < 5")
	expect(t, "counts", w.run().Counts, penstock.Counts{Read: 195, Unchanged: 195, Left: 5, Deleted: 5})
	expect(t, "name, industry and parent", w.column(2, "name")+w.column(2, "industrycode")+w.column(2, "parentaccountid"), `"Company 2"`)

	w.change(fmt.Sprintf(back, 2, 1))
	expect(t, "counts when one comes back", w.run().Counts, penstock.Counts{Read: 196, Unchanged: 195, Accepted: 1})
	expect(t, "name and industry", w.column(2, "name")+w.column(2, "industrycode"), `"Back again"1`)
}
