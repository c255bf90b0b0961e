package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestEveryRowArrivesAtTheDefaultTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5000, penstock.DefaultTiming())
	w.startAll()
	run := w.run()
	expect(t, "counts", run.Counts, penstock.Counts{Read: 5000, Accepted: 5000})
	expect(t, "records", w.dataverse.Count("account"), 5000)
	w.caughtUp()
}

func TestASecondRunSendsNothingRefusedRowsIncluded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2000, calm)
	// 5 %: 40 industries that the mapping knows not to exist, 55 parents that only Dataverse knows not to exist, 3 rows
	// without a number, and a number that occurs twice.
	w.change("ALTER TABLE model UPDATE industry = 999 WHERE n < 40")
	w.change("ALTER TABLE model UPDATE parent = 'c-none' WHERE n BETWEEN 100 AND 154")
	w.change("ALTER TABLE model UPDATE no = NULL WHERE n BETWEEN 200 AND 202")
	w.change("ALTER TABLE model UPDATE no = 'C-000300' WHERE n = 301")
	w.startAll()
	first := w.run()
	expect(t, "counts of the first run", first.Counts, penstock.Counts{Read: 2000, Accepted: 1900, Refused: 100})
	w.caughtUp()
	expect(t, "open letters by class", w.classes(), map[penstock.Class]int{penstock.Mapping: 41, penstock.Conflict: 1, penstock.Reference: 55})

	journal, batches := len(w.dataverse.Journal()), w.batches()
	second := w.run()
	expect(t, "counts of the second run", second.Counts, penstock.Counts{Read: 2000, Unchanged: 1900, Waiting: 100})
	expect(t, "writes after the second run", len(w.dataverse.Journal()), journal)
	expect(t, "batches after the second run", w.batches(), batches)
	w.caughtUp()
}

func TestAHundredChangedRowsSendAHundred(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2000, calm)
	w.startAll()
	w.run()
	_, before := w.arrived.count()
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n BETWEEN 500 AND 599")
	run := w.run()
	expect(t, "counts", run.Counts, penstock.Counts{Read: 2000, Unchanged: 1900, Accepted: 100})
	_, after := w.arrived.count()
	expect(t, "rows sent", after-before, 100)
	w.caughtUp()
}

func TestRowsThatLeaveTheModelAreDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1000, calm)
	w.startAll()
	w.run()
	w.change("ALTER TABLE model DELETE WHERE n BETWEEN 10 AND 29")
	run := w.run()
	expect(t, "counts", run.Counts, penstock.Counts{Read: 980, Unchanged: 980, Left: 20, Deleted: 20})
	expect(t, "records", w.dataverse.Count("account"), 980)
	w.caughtUp()

	w.change("INSERT INTO model SELECT number, concat('c-', leftPad(toString(number), 6, '0')), 'Back again', 3, 1, NULL FROM numbers(10, 5)")
	run = w.run()
	expect(t, "counts when five come back", run.Counts, penstock.Counts{Read: 985, Unchanged: 980, Accepted: 5})
	w.caughtUp()
}

func TestAShrunkenModelDeletesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1000, calm)
	w.startAll()
	w.run()
	w.change("ALTER TABLE model DELETE WHERE n < 300")
	run := w.run()
	expect(t, "counts", run.Counts, penstock.Counts{Read: 700, Unchanged: 700, Left: 300, Parked: 300})
	expect(t, "records", w.dataverse.Count("account"), 1000)
	if run.Reason == "" {
		t.Error("the run does not say why its deletes are parked")
	}
	w.sound()

	w.change("INSERT INTO model SELECT number, concat('c-', leftPad(toString(number), 6, '0')), concat('Company ', toString(number)), 1, number % 33 + 1, NULL FROM numbers(300)")
	run = w.run()
	expect(t, "counts once the rows are back", run.Counts, penstock.Counts{Read: 1000, Unchanged: 1000})
	w.caughtUp()
}

func TestARefusedRowThatIsMendedClosesItsLetter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, broken, mended string }{
		{"in the mapping", "industry = 999", "industry = 5"},
		{"by Dataverse", "parent = 'c-none'", "parent = 'c-000001'"},
		{"and goes back to what Dataverse has", "industry = 999", "industry = 51 % 33 + 1"},
	} {
		t.Run("refused "+c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 100, calm)
			w.startAll()
			w.run()
			w.change("ALTER TABLE model UPDATE " + c.broken + " WHERE n = 51")
			expect(t, "refused", w.run().Counts.Refused, 1)
			expect(t, "open letters", len(w.letters()), 1)
			w.caughtUp()
			w.change("ALTER TABLE model UPDATE " + c.mended + " WHERE n = 51")
			w.run()
			expect(t, "open letters", len(w.letters()), 0)
			w.caughtUp()
		})
	}
}

func TestARefusedRowThatLeavesClosesItsLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100, calm)
	w.change("ALTER TABLE model UPDATE industry = 999 WHERE n = 7")    // never sent
	w.change("ALTER TABLE model UPDATE parent = 'c-none' WHERE n = 8") // sent, and refused
	w.startAll()
	w.run()
	w.change("ALTER TABLE model UPDATE industry = 999 WHERE n = 9") // sent and accepted before
	w.run()
	expect(t, "open letters", len(w.letters()), 3)
	w.change("ALTER TABLE model DELETE WHERE n IN (7, 8, 9)")
	w.run()
	expect(t, "open letters", len(w.letters()), 0)
	expect(t, "records", w.dataverse.Count("account"), 97)
	w.caughtUp()
}

// expect compares, and goes on.
func expect[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s: %s, want %s", what, g, w)
	}
}

func (w *world) batches() int {
	n, _ := w.arrived.count()
	return n
}

// classes counts the open letters by class.
func (w *world) classes() map[penstock.Class]int {
	n := map[penstock.Class]int{}
	for _, l := range w.letters() {
		n[l.Cause.Class]++
	}
	return n
}

func TestTextThatIsCutIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50, calm)
	w.yaml = strings.Replace(w.yaml, "name: name", "name: {from: name, truncate: true}", 1)
	w.compile()
	w.change("ALTER TABLE model UPDATE name = repeat('Ä', 200) WHERE n < 3")
	w.startAll()
	run := w.run()
	expect(t, "counts", run.Counts, penstock.Counts{Read: 50, Accepted: 50, Truncated: 3})
	stored := must[[]penstock.Run](t)(w.ledger.Runs(t.Context(), w.id.Environment, w.id.Name, 1))
	expect(t, "count that is stored", stored[0].Counts.Truncated, uint64(3))
}
