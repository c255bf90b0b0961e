package ledger_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestOpenMakesWhatIsMissingAndKeepsTheRest(t *testing.T) {
	conn := clickhousetest.Open(t)
	for _, test := range []struct{ name, database string }{
		{"with a plain name", "penstock_" + clickhousetest.Database(t)},
		{"with a name that needs quotes", "pen-stock 'é' `100%` \"x\\y\" " + clickhousetest.Database(t)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
				defer cancel()
				if err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+clickhouse.Identifier(test.database)+" SYNC"); err != nil {
					t.Error(err)
				}
			})
			for range 2 {
				l, err := ledger.Open(t.Context(), conn, test.database)
				if err != nil {
					t.Fatal(err)
				}
				w := warehouse{conn: conn, ledger: l, database: clickhouse.Identifier(test.database)}
				s := w.sync(t.Context(), "contacts")
				s.run(t, step{model: "a=1 b=2", verdicts: map[string]verdict{"b": refused}})
				if got := strings.Join(s.open(t), " "); got != "b" {
					t.Errorf("open letters of %q, want b", got)
				}
				if got := strings.Join(w.lines(t.Context(), t, "SELECT name AS l FROM system.tables WHERE database = "+literal(test.database)+" ORDER BY name"), " "); got != "dead_letters diffs ledger open_dead_letters results runs specs" {
					t.Errorf("tables: %s", got)
				}
			}
		})
	}
}

func TestOpenSaysWhatItsUserNeeds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	conn := clickhousetest.Open(t)
	cancel()
	_, err := ledger.Open(ctx, conn, "penstock_never")
	if err == nil || !strings.Contains(err.Error(), "penstock_never") || !strings.Contains(err.Error(), "CREATE TABLE") {
		t.Errorf("got %v", err)
	}
}

// entry is what the ledger holds for a key.
func (s *sync) entry(t tb, key string) string {
	t.Helper()
	return strings.Join(s.lines(s.ctx, t,
		"SELECT concat(toString(state), ' run ', toString(run), ' left ', toString(left), ' of ', toString(fingerprint), ' at ', address) AS l FROM "+
			s.database+".ledger FINAL WHERE sync = "+literal(s.id.Sync.Name)+" AND key = "+literal(key)), "; ")
}

func TestTheNewestEntryOfAKeyHoldsInWhateverOrderTheyArrive(t *testing.T) {
	w := open(t)
	change := func(op penstock.Operation, address string) penstock.Change {
		return penstock.Change{Operation: op, Key: "k", Address: address, Hash: hash(1, 2)}
	}
	sent := func(run uint64, op penstock.Operation) func(*sync) error {
		return func(s *sync) error {
			s.id.Number = run
			return s.ledger.Sent(s.ctx, []*penstock.Chunk{{Run: s.id, Fingerprint: run * 10, Changes: []penstock.Change{change(op, "set(1)")}}})
		}
	}
	recorded := func(run, newest uint64, op penstock.Operation, o penstock.Outcome) func(*sync) error {
		return func(s *sync) error {
			s.id.Number = run
			c := change(op, "set(1)")
			return s.ledger.Record(s.ctx, []penstock.Result{{Run: s.id, Chunk: 1, Count: 1, Fingerprint: run * 10, Finished: noon, Changes: []penstock.Settled{
				{Operation: op, Outcome: o, Key: c.Key, Address: c.Address, Hash: c.Hash},
			}}}, func(penstock.SyncID) uint64 { return newest })
		}
	}
	for i, test := range []struct {
		name  string
		does  []func(*sync) error
		entry string
	}{
		{"what was sent is sent", []func(*sync) error{sent(1, penstock.Upsert)}, "sent run 1 left 0 of 10 at set(1)"},
		{"what is removed is left", []func(*sync) error{sent(1, penstock.Delete)}, "sent run 1 left 1 of 10 at set(1)"},
		{"accepted beats sent of the same run", []func(*sync) error{sent(1, penstock.Upsert), recorded(1, 1, penstock.Upsert, penstock.Accepted)}, "accepted run 1 left 0 of 10 at set(1)"},
		{"even if it arrives first", []func(*sync) error{recorded(1, 1, penstock.Upsert, penstock.Accepted), sent(1, penstock.Upsert)}, "accepted run 1 left 0 of 10 at set(1)"},
		{"sent of a later run beats accepted", []func(*sync) error{recorded(1, 1, penstock.Upsert, penstock.Accepted), sent(2, penstock.Upsert)}, "sent run 2 left 0 of 20 at set(1)"},
		{"an accepted removal is left", []func(*sync) error{sent(2, penstock.Delete), recorded(2, 2, penstock.Delete, penstock.Accepted)}, "accepted run 2 left 1 of 20 at set(1)"},
		{"a deactivated record is told from a deleted one", []func(*sync) error{sent(2, penstock.Deactivate)}, "sent run 2 left 2 of 20 at set(1)"},
		{"and so is a cleared one", []func(*sync) error{sent(2, penstock.Clear)}, "sent run 2 left 3 of 20 at set(1)"},
		{"a row that is back is not yet active", []func(*sync) error{sent(2, penstock.Restore)}, "sent run 2 left 4 of 20 at set(1)"},
		{"and is it when it is accepted", []func(*sync) error{sent(2, penstock.Restore), recorded(2, 2, penstock.Restore, penstock.Accepted)}, "accepted run 2 left 0 of 20 at set(1)"},
		{"a late word on a deactivated record leaves it that", []func(*sync) error{
			sent(2, penstock.Deactivate), recorded(2, 2, penstock.Deactivate, penstock.Accepted), recorded(1, 2, penstock.Upsert, penstock.Accepted),
		}, "sent run 2 left 4 of 10 at set(1)"},
		{"refused stays sent", []func(*sync) error{sent(1, penstock.Upsert), recorded(1, 1, penstock.Upsert, penstock.Refused)}, "sent run 1 left 0 of 10 at set(1)"},
		{"unknown stays sent", []func(*sync) error{sent(1, penstock.Upsert), recorded(1, 1, penstock.Upsert, penstock.Unknown)}, "sent run 1 left 0 of 10 at set(1)"},
		{"not sent leaves what was written ahead", []func(*sync) error{sent(1, penstock.Upsert), recorded(1, 1, penstock.Upsert, penstock.NotSent)}, "sent run 1 left 0 of 10 at set(1)"},
		{"a late result is sent again, at the newest run", []func(*sync) error{sent(1, penstock.Upsert), recorded(1, 3, penstock.Upsert, penstock.Accepted)}, "sent run 3 left 0 of 10 at set(1)"},
		{"and beats what the newest run has accepted", []func(*sync) error{
			sent(2, penstock.Upsert), recorded(2, 2, penstock.Upsert, penstock.Accepted), recorded(1, 2, penstock.Upsert, penstock.Accepted),
		}, "sent run 2 left 0 of 10 at set(1)"},
		{"also where it arrives before", []func(*sync) error{
			recorded(1, 2, penstock.Upsert, penstock.Accepted), sent(2, penstock.Upsert), recorded(2, 2, penstock.Upsert, penstock.Accepted),
		}, "sent run 2 left 0 of 10 at set(1)"},
		{"a late refusal or unknown outcome too", []func(*sync) error{
			sent(2, penstock.Upsert), recorded(2, 2, penstock.Upsert, penstock.Accepted), recorded(1, 2, penstock.Upsert, penstock.Unknown),
		}, "sent run 2 left 0 of 10 at set(1)"},
		{"a late word that nothing was sent changes nothing", []func(*sync) error{
			sent(2, penstock.Upsert), recorded(2, 2, penstock.Upsert, penstock.Accepted), recorded(1, 2, penstock.Upsert, penstock.NotSent),
		}, "accepted run 2 left 0 of 20 at set(1)"},
		{"the run after a late result settles it", []func(*sync) error{
			recorded(1, 2, penstock.Upsert, penstock.Accepted), sent(3, penstock.Upsert), recorded(3, 3, penstock.Upsert, penstock.Accepted),
		}, "accepted run 3 left 0 of 30 at set(1)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := w.sync(t.Context(), "order"+string(rune('a'+i)))
			for range 2 { // all of it may come twice
				for _, do := range test.does {
					if err := do(s); err != nil {
						t.Fatal(err)
					}
				}
				if got := s.entry(t, "k"); got != test.entry {
					t.Errorf("entry %q, want %q", got, test.entry)
				}
			}
		})
	}
}

func TestNothingToWriteIsNothing(t *testing.T) {
	w := open(t)
	s := w.sync(t.Context(), "nothing")
	s.id.Number = 1
	if err := w.ledger.Sent(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := w.ledger.Record(t.Context(), nil, s.newest); err != nil {
		t.Error(err)
	}
	if err := w.ledger.Letters(t.Context(), nil); err != nil {
		t.Error(err)
	}
	o, err := w.ledger.Outcomes(t.Context(), s.id, 1, 100)
	if err != nil || o != (ledger.Outcomes{}) {
		t.Errorf("outcomes of nothing: %+v, %v", o, err)
	}
}

func TestOutcomesCountEachChangeOnceByItsSurestOutcome(t *testing.T) {
	w := open(t)
	const a, r, n, u = penstock.Accepted, penstock.Refused, penstock.NotSent, penstock.Unknown
	type result struct {
		chunk      uint32
		outcomes   []penstock.Outcome
		count      uint32 // of the chunk, where it could not be decoded
		deliveries uint64
		unanswered bool
		exhausted  uint32
		otherEpoch bool
		otherRun   bool
	}
	for i, test := range []struct {
		name    string
		results []result
		want    ledger.Outcomes
	}{
		{"each outcome of a chunk", []result{{chunk: 1, outcomes: []penstock.Outcome{a, a, r, n, u}}}, ledger.Outcomes{Chunks: 1, Rows: 5, Accepted: 2, Refused: 1, NotSent: 2}},
		{"chunks add up", []result{{chunk: 1, outcomes: []penstock.Outcome{a, a}}, {chunk: 2, outcomes: []penstock.Outcome{r}}}, ledger.Outcomes{Chunks: 2, Rows: 3, Accepted: 2, Refused: 1}},
		{"the same result twice counts once", []result{{chunk: 1, outcomes: []penstock.Outcome{a, r, n}}, {chunk: 1, outcomes: []penstock.Outcome{a, r, n}}}, ledger.Outcomes{Chunks: 1, Rows: 3, Accepted: 1, Refused: 1, NotSent: 1}},
		{"the surest outcome of each change holds", []result{
			{chunk: 1, outcomes: []penstock.Outcome{a, u, n, r, u}}, {chunk: 1, outcomes: []penstock.Outcome{r, a, r, n, n}, deliveries: 2},
		}, ledger.Outcomes{Chunks: 1, Rows: 5, Accepted: 2, Refused: 2, NotSent: 1, Unsettled: true}},
		{"of the refused some fell to a fault that may pass", []result{
			{chunk: 1, outcomes: []penstock.Outcome{a, r, r}, exhausted: 2},
			{chunk: 1, outcomes: []penstock.Outcome{a, r, r}, exhausted: 2, deliveries: 2},
			{chunk: 2, outcomes: []penstock.Outcome{r, r}, exhausted: 1},
		}, ledger.Outcomes{Chunks: 2, Rows: 5, Accepted: 1, Refused: 4, Exhausted: 3, Unsettled: true}},
		{"not one that was accepted after all", []result{
			{chunk: 1, outcomes: []penstock.Outcome{r, r}, exhausted: 2}, {chunk: 1, outcomes: []penstock.Outcome{a, a}},
		}, ledger.Outcomes{Chunks: 1, Rows: 2, Accepted: 2}},
		{"a chunk that nobody could read was not sent", []result{{chunk: 1, count: 7}}, ledger.Outcomes{Chunks: 1, Rows: 7, NotSent: 7}},
		{"what a second reader could read counts", []result{{chunk: 1, count: 3}, {chunk: 1, outcomes: []penstock.Outcome{a, r, a}}}, ledger.Outcomes{Chunks: 1, Rows: 3, Accepted: 2, Refused: 1}},
		{"in the other order too", []result{{chunk: 1, outcomes: []penstock.Outcome{a, r, a}}, {chunk: 1, count: 3}}, ledger.Outcomes{Chunks: 1, Rows: 3, Accepted: 2, Refused: 1}},
		{"a second delivery leaves the run unsettled", []result{{chunk: 1, outcomes: []penstock.Outcome{a}, deliveries: 2}}, ledger.Outcomes{Chunks: 1, Rows: 1, Accepted: 1, Unsettled: true}},
		{"so does a request without an answer", []result{{chunk: 1, outcomes: []penstock.Outcome{u}, unanswered: true}}, ledger.Outcomes{Chunks: 1, Rows: 1, NotSent: 1, Unsettled: true}},
		{"chunks beside first..last do not count", []result{{chunk: 9, outcomes: []penstock.Outcome{a}}, {chunk: 8, outcomes: []penstock.Outcome{a}}}, ledger.Outcomes{Chunks: 1, Rows: 1, Accepted: 1}},
		{"another run or epoch does not count", []result{{chunk: 1, outcomes: []penstock.Outcome{a}, otherEpoch: true}, {chunk: 2, outcomes: []penstock.Outcome{a}, otherRun: true}}, ledger.Outcomes{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := w.sync(t.Context(), "outcomes"+string(rune('a'+i)))
			s.id.Number = 4
			for _, r := range test.results {
				id := s.id
				if r.otherEpoch {
					id.Epoch++
				}
				if r.otherRun {
					id.Number--
				}
				res := penstock.Result{
					Run: id, Chunk: r.chunk, Count: max(r.count, uint32(len(r.outcomes))), Deliveries: max(r.deliveries, 1), Unanswered: r.unanswered, Exhausted: r.exhausted, Finished: noon,
				}
				for j, o := range r.outcomes {
					res.Changes = append(res.Changes, penstock.Settled{Outcome: o, Key: string(rune('a' + j))})
				}
				if err := s.ledger.Record(s.ctx, []penstock.Result{res}, s.newest); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.ledger.Outcomes(s.ctx, s.id, 1, 8)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAResultOfTodayOutlivesItsTableMerging(t *testing.T) {
	w := open(t)
	s := w.sync(t.Context(), "ttl")
	s.id.Number = 1
	for chunk := range uint32(2) {
		if err := s.ledger.Record(s.ctx, []penstock.Result{{
			Run: s.id, Chunk: chunk + 1, Count: 1, Finished: time.Now(), Changes: []penstock.Settled{{Outcome: penstock.Accepted, Key: "a"}},
		}}, s.newest); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.conn.Exec(t.Context(), "OPTIMIZE TABLE "+w.database+".results FINAL"); err != nil {
		t.Fatal(err)
	}
	o, err := s.ledger.Outcomes(s.ctx, s.id, 1, 8)
	if err != nil || o.Chunks != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}
