package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/ledger"
)

// load makes a model of n rows with string keys and eight columns.
func (w warehouse) load(t testing.TB, n int) ledger.Model {
	t.Helper()
	for _, sql := range []string{
		"CREATE TABLE %[1]s.model (id String, first String, last String, mail String, city String, score Int32, income Decimal(18, 2), since DateTime) ENGINE = MergeTree ORDER BY id",
		`INSERT INTO %[1]s.model SELECT concat('C-', toString(cityHash64(number))), concat('first', toString(number %% 1000)), concat('last', toString(number)),
			concat('someone', toString(number), '@example.com'), concat('city', toString(number %% 5000)), number, number / 100, toDateTime(number) FROM numbers(%[2]d)`,
	} {
		if err := w.conn.Exec(t.Context(), fmt.Sprintf(sql, w.database, n)); err != nil {
			t.Fatal(err)
		}
	}
	const mapped = "(tuple(first, last, mail, city, score, income, since))"
	return ledger.Model{SQL: "SELECT * FROM " + w.database + ".model", Key: "lower(trimRight(id))", XXH3: "xxh3" + mapped, City: "cityHash64" + mapped, Fingerprint: 5}
}

// acceptAll writes the model into the ledger as accepted by run 1.
func (s *sync) acceptAll(t testing.TB, m ledger.Model) {
	t.Helper()
	err := s.conn.Exec(t.Context(), fmt.Sprintf(`
INSERT INTO %[1]s.ledger (organization, sync, key, xxh3, city, fingerprint, run, state, left, address, version, at)
SELECT %[2]s, %[3]s, %[4]s, %[5]s, %[6]s, %[7]d, 1, 'accepted', 0, concat('contacts(k=''', id, ''')'), 9, now64(3) FROM (%[8]s)`,
		s.database, literal(s.id.Organization), literal(s.id.Sync.Name), m.Key, m.XXH3, m.City, m.Fingerprint, m.SQL))
	if err != nil {
		t.Fatal(err)
	}
	s.id.Number = 1
}

// peak returns a function that stops watching and says what the most memory was, in bytes, of a diff meanwhile.
func (w warehouse) peak(t testing.TB) func() int64 {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				done <- most
				return
			case <-tick.C:
			}
			var now int64
			err := w.conn.Row(ctx, clickhouse.Query{SQL: "SELECT max(peak_memory_usage) FROM system.processes WHERE query ILIKE '%insert into%diffs%' AND query NOT ILIKE '%system.processes%'"}, &now)
			if err == nil {
				most = max(most, now)
			}
		}
	}()
	return func() int64 {
		cancel()
		return <-done
	}
}

func BenchmarkDiff(b *testing.B) {
	for _, bench := range []struct {
		name    string
		rows    int
		changed bool
		spill   uint64
	}{
		{"nothing of 200k rows changed", 200_000, false, 0},
		{"nothing of 1M rows changed", 1_000_000, false, 0},
		{"nothing of 1M rows changed, on disk after 64 MiB", 1_000_000, false, 64 << 20},
		{"all of 1M rows are new", 1_000_000, true, 0},
		{"all of 1M rows are new, on disk after 64 MiB", 1_000_000, true, 64 << 20},
	} {
		b.Run(bench.name, func(b *testing.B) {
			w := open(b)
			s := w.sync(b.Context(), "bench")
			m := w.load(b, bench.rows)
			m.Spill = bench.spill
			if !bench.changed {
				s.acceptAll(b, m)
			}
			stop := w.peak(b)
			for b.Loop() {
				s.id.Number++
				found, err := s.ledger.Diff(b.Context(), s.id, m, "")
				if err != nil {
					b.Fatal(err)
				}
				if found.Read() != uint64(bench.rows) || found.Changed > 0 != bench.changed || found.Unchanged > 0 == bench.changed {
					b.Fatalf("found %+v", found)
				}
			}
			b.ReportMetric(float64(bench.rows*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(stop())/(1<<20), "peak-MiB")
		})
	}
}

func TestADiffThatOutgrowsItsMemoryGoesOnOnDisk(t *testing.T) {
	w := open(t)
	s := w.sync(t.Context(), "spill")
	m := w.load(t, 200_000)
	s.acceptAll(t, m)
	m.SQL += " WHERE score != 7"
	parts := func() (n uint64) {
		t.Helper()
		if err := w.conn.Row(t.Context(), clickhouse.Query{SQL: "SELECT sum(value) FROM system.events WHERE event = 'ExternalAggregationWritePart'"}, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := ledger.Found{Unchanged: 199_999, Left: 1}
	for _, test := range []struct {
		spill uint64
		disk  bool
	}{
		{0, false},
		{4 << 20, true},
	} {
		before := parts()
		s.id.Number++
		m.Spill = test.spill
		got, err := s.ledger.Diff(t.Context(), s.id, m, "")
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("after %d bytes: found %+v, want %+v", test.spill, got, want)
		}
		if used := parts() > before; used != test.disk {
			t.Errorf("after %d bytes: went to disk: %t", test.spill, used)
		}
	}
}
