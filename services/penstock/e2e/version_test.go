package e2e

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestARunUnderWayKeepsTheVersionThatItBeganWith(t *testing.T) {
	t.Parallel()
	const rows = 5000
	w := newWorld(t, rows, calm)
	x := w.part(extracting)
	x.Extractor.Outstanding = 1 // so that it reads on, and renders, after the other version is applied
	w.start(x)
	w.start(w.part(writing))
	w.start(w.part(deadlettering))
	w.apply()
	reached, release := w.stopAt(1)
	number := w.ask()
	happens(t, "a batch is on its way", reached)
	w.yaml = strings.Replace(w.yaml, "  name: name\n", "  name: {from: name, null: skip}\n  description: no\n", 1)
	w.apply()
	release()

	run := w.rest(number)
	expect(t, "the run that was under way", run.Counts, penstock.Counts{Read: rows, Accepted: rows})
	expect(t, "its version", run.Version, 1)
	expect(t, "records with a description", w.descriptions(), 0)

	run = w.run()
	expect(t, "the next run", run.Counts, penstock.Counts{Read: rows, Accepted: rows})
	expect(t, "its version", run.Version, 2)
	expect(t, "records with a description", w.descriptions(), rows)
}

// descriptions counts the records that have a description.
func (w *world) descriptions() (n int) {
	for _, row := range w.dataverse.Rows("account") {
		if text := string(row["description"]); text != "" && text != "null" {
			n++
		}
	}
	return n
}
