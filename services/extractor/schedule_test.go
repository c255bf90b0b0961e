package extractor

import (
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestASyncIsDue(t *testing.T) {
	at := func(clock string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", "2026-06-"+clock)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	run := func(clock string, phase penstock.Phase) penstock.Run {
		return penstock.Run{ID: penstock.RunID{Number: 7}, Started: at(clock), Phase: phase}
	}
	wanted := run("01 06:00", penstock.Closed)
	wanted.Next.Wanted = true
	quarter := spec.Schedule{Every: spec.Duration(15 * time.Minute)}
	six := spec.Schedule{Cron: "0 6 * * *"}
	for _, c := range []struct {
		name     string
		schedule spec.Schedule
		since    string
		run      penstock.Run
		now      string
		due      bool
	}{
		{"one that never ran, at once", quarter, "01 12:00", penstock.Run{}, "01 12:00", true},
		{"one that never ran, at the next time of its clock", six, "01 12:00", penstock.Run{}, "01 12:00", false},
		{"and then", six, "01 12:00", penstock.Run{}, "02 06:00", true},
		{"not before its time", quarter, "01 00:00", run("01 12:00", penstock.Closed), "01 12:14", false},
		{"at its time", quarter, "01 00:00", run("01 12:00", penstock.Closed), "01 12:15", true},
		{"once for all times that were missed", quarter, "01 00:00", run("01 12:00", penstock.Closed), "03 12:00", true},
		{"and not again after that", quarter, "01 00:00", run("03 12:00", penstock.Closed), "03 12:01", false},
		{"a time that was missed, of a clock", six, "01 00:00", run("01 06:00", penstock.Closed), "02 09:30", true},
		{"and not again after that, of a clock", six, "01 00:00", run("02 09:30", penstock.Closed), "02 10:00", false},
		{"whoever asked for the last run", six, "01 00:00", run("01 05:59", penstock.Closed), "01 06:00", true},
		{"not for times before it was applied", six, "02 09:00", run("01 06:00", penstock.Closed), "02 09:30", false},
		{"shorter now", quarter, "01 12:20", run("01 12:00", penstock.Closed), "01 12:20", true},
		{"not while it runs", quarter, "01 00:00", run("01 12:00", penstock.Draining), "01 13:00", false},
		{"not when it is wanted already", quarter, "01 00:00", wanted, "01 13:00", false},
		{"not when it is suspended", quarter, "01 00:00", run("01 12:00", penstock.Suspended), "01 13:00", false},
		{"again after it failed", quarter, "01 00:00", run("01 12:00", penstock.Failed), "01 12:15", true},
		{"not at once after it failed", quarter, "01 00:00", run("01 12:00", penstock.Failed), "01 12:01", false},
		{"again after it was cancelled", quarter, "01 00:00", run("01 12:00", penstock.Cancelled), "01 12:15", true},
		{"by a clock a little behind that of the last run, not again", quarter, "01 00:00", run("01 12:04", penstock.Closed), "01 12:00", false},
		{"after a clock was years ahead", quarter, "01 00:00", penstock.Run{ID: penstock.RunID{Number: 7}, Started: at("01 12:00").AddDate(3, 0, 0), Phase: penstock.Closed}, "01 12:00", true},
		{"never without a schedule, whatever the clocks", spec.Schedule{}, "01 00:00", run("20 12:00", penstock.Closed), "03 00:00", false},
		{"never without a schedule", spec.Schedule{}, "01 00:00", penstock.Run{}, "03 00:00", false},
	} {
		table := timetable{schedule: c.schedule, since: at(c.since)}
		if got := table.due(c.run, at(c.now)); got != c.due {
			t.Errorf("%s: due is %t", c.name, got)
		}
	}
}

func TestAScheduleOfManySyncsIsNotWorkedOutEachSecond(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	table := &timetable{schedule: spec.Schedule{Cron: "0 6 * * *", Zone: "Europe/Berlin"}, since: now}
	run := penstock.Run{ID: penstock.RunID{Number: 7}, Started: now, Phase: penstock.Closed}
	table.due(run, now)
	if n := testing.AllocsPerRun(10, func() { table.due(run, now) }); n != 0 {
		t.Errorf("%v allocations to see that nothing is due", n)
	}
	run.Started = now.AddDate(0, 0, 2)
	if table.due(run, run.Started.Add(time.Hour)) || !table.due(run, run.Started.Add(17*time.Hour)) {
		t.Error("what was worked out for the last run holds for the next")
	}
}
