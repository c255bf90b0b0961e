package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func run(environment, sync string, number uint64, phase penstock.Phase, started time.Time, c penstock.Counts) penstock.Run {
	r := penstock.Run{
		ID: penstock.RunID{
			Sync: penstock.SyncID{Environment: environment, Name: sync}, Organization: organization, Number: number, Epoch: 3,
		},
		Phase: phase, Started: started, Counts: c, Reason: "be'cause", Version: 17,
	}
	if phase.Final() {
		r.Ended = started.Add(time.Minute)
	}
	return r
}

func same(a, b penstock.Run) bool {
	times := a.Started.Equal(b.Started) && a.Ended.Equal(b.Ended)
	a.Started, a.Ended, b.Started, b.Ended = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return times && a.ID == b.ID && a.Phase == b.Phase && a.Reason == b.Reason && a.Version == b.Version && a.Counts == b.Counts
}

func TestARunIsStoredWhenItBeginsAndWhenItIsOver(t *testing.T) {
	w := open(t)
	begun := run("prod", "contacts", 1, penstock.Diffing, noon, penstock.Counts{})
	over := run("prod", "contacts", 1, penstock.Closed, noon, penstock.Counts{
		Read: 1, Unchanged: 2, Accepted: 3, Refused: 4, Waiting: 5, NotSent: 6, Left: 7, Deleted: 8, LeftRefused: 9, LeftWaiting: 10, Parked: 11, Kept: 12, LeftNotSent: 13, Truncated: 14,
	})
	aborted := run("prod", "contacts", 1, penstock.Aborted, noon, penstock.Counts{})
	aborted.ID.Epoch++
	for _, test := range []struct {
		name  string
		saved []penstock.Run
		want  penstock.Run
	}{
		{"begun", []penstock.Run{begun}, begun},
		{"over", []penstock.Run{over}, over},
		{"and never begun again", []penstock.Run{begun, begun}, over},
		{"over twice", []penstock.Run{over}, over},
		{"ended by the next leader", []penstock.Run{aborted, over, begun}, aborted},
	} {
		for _, r := range test.saved {
			if err := w.ledger.SaveRun(t.Context(), r, 0); err != nil {
				t.Fatal(err)
			}
		}
		got, err := w.ledger.Runs(t.Context(), "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !same(got[0], test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	w := open(t)
	for _, r := range []penstock.Run{
		run("prod", "contacts", 1, penstock.Closed, noon, penstock.Counts{}),
		run("prod", "contacts", 2, penstock.Diffing, noon.Add(3*time.Hour), penstock.Counts{}),
		run("prod", "accounts", 1, penstock.Failed, noon.Add(time.Hour), penstock.Counts{}),
		run("test", "contacts", 1, penstock.Closed, noon.Add(2*time.Hour), penstock.Counts{}),
	} {
		if err := w.ledger.SaveRun(t.Context(), r, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		environment, sync string
		limit             int
		want              []string
	}{
		{"", "", 10, []string{"prod/contacts diffing", "test/contacts closed", "prod/accounts failed", "prod/contacts closed"}},
		{"", "", 2, []string{"prod/contacts diffing", "test/contacts closed"}},
		{"prod", "", 10, []string{"prod/contacts diffing", "prod/accounts failed", "prod/contacts closed"}},
		{"", "contacts", 10, []string{"prod/contacts diffing", "test/contacts closed", "prod/contacts closed"}},
		{"prod", "accounts", 10, []string{"prod/accounts failed"}},
		{"prod", "' OR '1", 10, nil},
	} {
		runs, err := w.ledger.Runs(t.Context(), test.environment, test.sync, test.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range runs {
			got = append(got, r.ID.Sync.String()+" "+string(r.Phase))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q %q %d: %q, want %q", test.environment, test.sync, test.limit, got, test.want)
		}
	}
}

func TestRemovalsOfADayCountWhateverBecameOfTheirRun(t *testing.T) {
	w := open(t)
	s := w.sync(t.Context(), "contacts")
	s.run(t, step{model: "a=1 b=1 c=1 d=1 e=1"})
	s.run(t, step{model: "a=1 b=1", verdicts: map[string]verdict{"c": lost, "d": refused}})
	p, err := w.ledger.Past(t.Context(), s.id.Sync, organization)
	if err != nil {
		t.Fatal(err)
	}
	if p.LeftToday != 3 {
		t.Errorf("%d removals within a day, want 3: one accepted, one refused, one without answer", p.LeftToday)
	}
}

func TestThePastIsThatOfTheNewestClosedRun(t *testing.T) {
	w := open(t)
	id := penstock.SyncID{Environment: "prod", Name: "contacts"}
	past := func() ledger.Past {
		t.Helper()
		p, err := w.ledger.Past(t.Context(), id, organization)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if got := past(); got != (ledger.Past{}) {
		t.Errorf("before the first run: %+v", got)
	}
	now := time.Now()
	for _, r := range []struct {
		run     penstock.Run
		keyless uint64
	}{
		{run("prod", "contacts", 1, penstock.Closed, now.Add(-25*time.Hour), penstock.Counts{Read: 10, Deleted: 100}), 1},
		{run("prod", "contacts", 2, penstock.Closed, now.Add(-2*time.Hour), penstock.Counts{Read: 20, Deleted: 3}), 2},
		{run("prod", "contacts", 3, penstock.Failed, now.Add(-time.Hour), penstock.Counts{Read: 30, Deleted: 4}), 3},
		{run("prod", "contacts", 4, penstock.Publishing, now, penstock.Counts{Read: 40}), 0},
		{run("test", "contacts", 9, penstock.Closed, now, penstock.Counts{Read: 90, Deleted: 9}), 9},
		{run("prod", "accounts", 8, penstock.Closed, now, penstock.Counts{Read: 80, Deleted: 8}), 8},
	} {
		for range 2 { // stored twice, counted once
			if err := w.ledger.SaveRun(t.Context(), r.run, r.keyless); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := past(), (ledger.Past{LastRun: 9, LastRead: 20, Keyless: 2, HasClosed: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// The table of runs may lag behind the ledger, or have been emptied.
	s := w.sync(t.Context(), id.Name)
	s.id.Number = 12
	if err := w.ledger.Sent(t.Context(), []*penstock.Chunk{{Run: s.id, Changes: []penstock.Change{{Key: "a"}}}}); err != nil {
		t.Fatal(err)
	}
	if got := past(); got.LastRun != 12 {
		t.Errorf("the ledger knows run 12: %+v", got)
	}
}
