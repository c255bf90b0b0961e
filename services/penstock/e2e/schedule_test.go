package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// ago makes the newest run one that began that long ago, in place of waiting.
func (w *world) ago(d time.Duration) {
	w.t.Helper()
	must[penstock.Run](w.t)(w.queue.UpdateRun(w.t.Context(), w.id, func(r *penstock.Run) error {
		r.Started = time.Now().Add(-d)
		return nil
	}))
}

// askers are who asked for each run, oldest first.
func (w *world) askers() (askers []string) {
	w.t.Helper()
	sql := fmt.Sprintf("SELECT requested_by FROM %s.runs FINAL ORDER BY run", w.database)
	for by, err := range clickhouse.Each(w.t.Context(), w.warehouse, clickhouse.Query{SQL: sql}, func(r *clickhouse.Rows) (by string, err error) {
		err = r.Scan(&by)
		return by, err
	}) {
		if err != nil {
			w.t.Fatal(err)
		}
		askers = append(askers, by)
	}
	return askers
}

func TestASyncRunsByItsScheduleAndOnceHoweverManyExtractorsLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50, calm)
	w.start(w.part(extracting))
	w.start(w.part(extracting))
	w.startAll()
	w.run()
	expect(t, "askers while it has no schedule", strings.Join(w.askers(), " "), "e2e")

	// Applied while all of them run.
	w.yaml += "schedule: {every: 1h}\n"
	w.ago(90 * time.Minute)
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n < 10")
	w.apply()
	expect(t, "counts", w.rest(2).Counts, penstock.Counts{Read: 50, Unchanged: 40, Accepted: 10})

	w.ago(9 * time.Hour) // and eight times were missed
	w.rest(3)
	w.run()
	expect(t, "askers", strings.Join(w.askers(), " "), "e2e schedule schedule e2e")
	w.caughtUp()
}

func TestASyncThatNeverRanRunsOnceItIsAppliedWithASchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50, calm)
	w.yaml += "schedule: {every: 1h}\n"
	w.startAll()
	expect(t, "counts", w.rest(1).Counts, penstock.Counts{Read: 50, Accepted: 50})
	w.caughtUp()
}
