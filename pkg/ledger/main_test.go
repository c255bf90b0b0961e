package ledger_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// noon is when everything in these tests happened: of late, since results are not kept for ever.
var noon = time.Now().UTC().Truncate(24 * time.Hour)

const organization = "0d1d4b2b-6a4e-4f9b-8f9d-3f6f5d1c2b1a"

// tb is what a test and a rapid check have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A warehouse is a ClickHouse with a ledger in a database of its own.
type warehouse struct {
	conn     *clickhouse.Conn
	ledger   *ledger.Ledger
	database string
}

func open(t testing.TB) warehouse {
	t.Helper()
	// Compiling the many small statements to machine code takes longer than running them.
	dsn, err := url.Parse(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	settings := dsn.Query()
	settings.Set("compile_expressions", "0")
	settings.Set("compile_aggregate_expressions", "0")
	dsn.RawQuery = settings.Encode()
	w := warehouse{database: clickhousetest.Database(t)}
	if w.conn, err = clickhouse.Open(t.Context(), clickhouse.Config{DSN: dsn.String()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.conn.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.ledger, err = ledger.Open(t.Context(), w.conn, w.database); err != nil {
		t.Fatal(err)
	}
	return w
}

// lines are the rows of a query that selects one String.
func (w warehouse) lines(ctx context.Context, t tb, sql string) []string {
	t.Helper()
	var list []string
	for s, err := range clickhouse.Each(ctx, w.conn, clickhouse.Query{SQL: sql}, func(r *clickhouse.Rows) (s string, err error) {
		return s, r.Scan(&s)
	}) {
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		list = append(list, s)
	}
	return list
}

// A row of the model.
type row struct{ key, value string } // key "-" is NULL

func rows(text string) []row {
	var list []row
	for f := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(f, "=")
		list = append(list, row{key, value})
	}
	return list
}

func literal(s string) string {
	if s == "-" {
		return "NULL"
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// A verdict is what happens to a change on its way.
type verdict string

const (
	accepted  verdict = ""          // Dataverse has it
	refused   verdict = "refused"   // a letter waits for the row, its mapping or the metadata to change
	exhausted verdict = "exhausted" // a letter does not wait
	unfit     verdict = "unfit"     // it could not be rendered: a letter of the extractor's own, and nothing sent
	unstored  verdict = "unstored"  // refused, but the letter is lost
	unsent    verdict = "not sent"
	unknown   verdict = "unknown"
	lost      verdict = "lost"   // no result ever
	late      verdict = "late"   // accepted, but its result comes in when the next run has begun
	parked    verdict = "parked" // a leaving row that a guard holds back
)

// A step is one run of a sync, and what is special about it.
type step struct {
	model    string             // "a=1 b=2 -=3"
	verdicts map[string]verdict // by key; accepted where absent
	mapping  uint64             // fingerprint, 1 if 0
	all      bool               // a full sync that begins with this run
	since    uint64             // set from all
	leave    penstock.Operation // what is done about rows that leave; delete if 0
	keep     bool
	behind   bool // late results of earlier runs come in after the diff, not before
}

// A sync does what the extractor, the writers and the dead-letter service do with the ledger.
type sync struct {
	warehouse
	ctx   context.Context //nolint:containedctx // of the test: it saves every call one
	id    penstock.RunID
	late  []penstock.Result
	diffs []string // kinds and keys that the newest diff found
	back  []string // keys of the newest run whose records are made active again
	found ledger.Found
}

func (w warehouse) sync(ctx context.Context, name string) *sync {
	return &sync{warehouse: w, ctx: ctx, id: penstock.RunID{
		Sync: penstock.SyncID{Environment: "production", Name: name}, Organization: organization, Epoch: 7,
	}}
}

func (s step) sql() string {
	list := rows(s.model)
	if len(list) == 0 {
		return "SELECT CAST(NULL AS Nullable(String)) AS id, '' AS name WHERE 0"
	}
	tuples := make([]string, len(list))
	for i, r := range list {
		tuples[i] = "(" + literal(r.key) + ", " + literal(r.value) + ")"
	}
	return "SELECT id, name FROM values('id Nullable(String), name String', " + strings.Join(tuples, ", ") + ")"
}

func (s step) asModel() ledger.Model {
	return ledger.Model{
		SQL: s.sql(), Key: "ifNull(id, '')", XXH3: "xxh3(tuple(name))", City: "cityHash64(tuple(name))",
		Fingerprint: s.fingerprint(), Removal: s.fingerprint(), Since: s.since, Keep: s.keep,
	}
}

func (s step) fingerprint() uint64 { return max(s.mapping, 1) }

// removal is what is done about rows that leave.
func (s step) removal() penstock.Operation {
	if s.leave == penstock.Upsert {
		return penstock.Delete
	}
	return s.leave
}

// diff begins the next run and compares.
func (s *sync) diff(t tb, st step) ledger.Found {
	t.Helper()
	s.id.Number++
	if st.all {
		st.since = s.id.Number
	}
	if !st.behind {
		s.arrive(t)
	}
	preview, err := s.ledger.Preview(s.ctx, s.id.Organization, s.id.Sync, st.asModel(), 1000, "")
	if err != nil {
		t.Fatalf("preview: %v", err)
	}
	s.found, err = s.ledger.Diff(s.ctx, s.id, st.asModel(), "")
	if err != nil {
		t.Fatalf("diff: %v", err)
	}
	s.diffs = s.lines(s.ctx, t, fmt.Sprintf(
		"SELECT trimRight(concat(kind, ' ', if(key = '' AND kind != 'keyless', toString(sum(rows)), key))) AS l FROM %s.diffs WHERE organization = %s AND sync = %s AND run = %d GROUP BY kind, key ORDER BY l",
		s.database, literal(s.id.Organization), literal(s.id.Sync.Name), s.id.Number))
	s.foreseen(t, preview)
	return s.found
}

// foreseen holds a preview against what the diff then found: the same counts, and the same keys.
func (s *sync) foreseen(t tb, p ledger.Preview) {
	t.Helper()
	if p.Found != s.found {
		t.Fatalf("the preview counted %+v, and the diff found %+v", p.Found, s.found)
	}
	var keys []string
	for name, list := range p.Keys {
		switch name {
		case "new", "back", "refused", "unsettled", "values", "mapping":
			name = "changed"
		case ledger.KindDuplicate, ledger.KindLeft:
		default:
			continue // of these the diff keeps no keys
		}
		for _, key := range list {
			keys = append(keys, name+" "+key)
		}
	}
	var want []string
	for _, line := range s.diffs {
		kind, key, _ := strings.Cut(line, " ")
		switch kind {
		case "dropped":
			kind = ledger.KindLeft
		case "changed", "duplicate", "left":
		default:
			continue
		}
		want = append(want, kind+" "+key)
	}
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Fatalf("the preview named %q, and the diff %q", keys, want)
	}
}

// repeats gathers the keys that cannot be sent.
func (s *sync) repeats(t tb) []ledger.Repeat {
	t.Helper()
	var list []ledger.Repeat
	for r, err := range s.ledger.Repeats(s.ctx, s.id) {
		if err != nil {
			t.Fatalf("%v", err)
		}
		list = append(list, r)
	}
	return list
}

// arrive records the results that were late.
func (s *sync) arrive(t tb) {
	t.Helper()
	if len(s.late) == 0 {
		return
	}
	if err := s.ledger.Record(s.ctx, s.late, s.newest); err != nil {
		t.Fatalf("record: %v", err)
	}
	s.late = nil
}

func (s *sync) newest(penstock.SyncID) uint64 { return s.id.Number }

// run carries out a run.
func (s *sync) run(t tb, st step) ledger.Found {
	t.Helper()
	found := s.diff(t, st)
	var letters []penstock.Letter
	letter := func(chunk, ordinal uint32, op penstock.Operation, key string, h penstock.Hash, fingerprint, n uint64) {
		letters = append(letters, penstock.Letter{
			Run: s.id, Chunk: chunk, Ordinal: ordinal, Table: "contact", Operation: op, Key: key, Hash: h, Fingerprint: fingerprint, Rows: n,
			Cause: penstock.Cause{Class: penstock.Validation, Code: "0x80044331", Column: "firstname", Message: "too long"}, At: noon,
		})
	}
	if found.Duplicate+found.Keyless > 0 {
		for i, r := range s.repeats(t) {
			letter(0, uint32(i), penstock.Upsert, r.Key, r.Hash, st.fingerprint(), r.Rows)
		}
	}
	var upserts []penstock.Change
	s.back = nil
	for _, c := range s.changed(t, st.asModel(), 1000) {
		if c.Operation == penstock.Restore {
			s.back = append(s.back, c.Key)
		}
		if st.verdicts[c.Key] == unfit {
			letter(0, uint32(1000+len(letters)), penstock.Upsert, c.Key, c.Hash, st.fingerprint(), 1)
			continue
		}
		upserts = append(upserts, c)
	}
	var leaves []penstock.Change
	if found.Left > 0 && !st.keep {
		all, err := s.ledger.Leaves(s.ctx, s.id, penstock.Change{Operation: st.removal(), Body: []byte("{}")}, 1000)
		if err != nil {
			t.Fatalf("%v", err)
		}
		leaves = slices.DeleteFunc(all, func(c penstock.Change) bool { return st.verdicts[c.Key] == parked })
	}
	for i, changes := range [][]penstock.Change{upserts, leaves} {
		if st.behind {
			s.arrive(t)
			st.behind = false // what is late from here on is late for the next run
		}
		if len(changes) == 0 {
			continue
		}
		chunk := &penstock.Chunk{Run: s.id, Ordinal: uint32(i + 1), Fingerprint: st.fingerprint(), Changes: changes}
		if err := s.ledger.Sent(s.ctx, []*penstock.Chunk{chunk}); err != nil {
			t.Fatalf("%v", err)
		}
		result := penstock.Result{Run: s.id, Chunk: chunk.Ordinal, Fingerprint: chunk.Fingerprint, Deliveries: 1, Finished: noon}
		behind := result
		for j, c := range changes {
			settled := penstock.Settled{Operation: c.Operation, Outcome: penstock.Accepted, Key: c.Key, Address: c.Address, Hash: c.Hash}
			switch st.verdicts[c.Key] { //nolint:exhaustive // the others are accepted
			case lost:
				continue
			case late:
				behind.Changes = append(behind.Changes, settled)
				continue
			case unsent:
				settled.Outcome = penstock.NotSent
			case unknown:
				settled.Outcome = penstock.Unknown
			case refused, exhausted, unstored:
				settled.Outcome = penstock.Refused
			}
			switch st.verdicts[c.Key] { //nolint:exhaustive // the others make no letter
			case refused:
				letter(chunk.Ordinal, uint32(j), c.Operation, c.Key, c.Hash, chunk.Fingerprint, 1)
			case exhausted:
				letter(chunk.Ordinal, uint32(j), c.Operation, c.Key, c.Hash, 0, 1)
			}
			result.Changes = append(result.Changes, settled)
		}
		result.Count, behind.Count = uint32(len(result.Changes)), uint32(len(behind.Changes))
		if err := s.ledger.Record(s.ctx, []penstock.Result{result}, s.newest); err != nil {
			t.Fatalf("%v", err)
		}
		if len(behind.Changes) > 0 {
			s.late = append(s.late, behind)
		}
	}
	if err := s.ledger.Letters(s.ctx, letters); err != nil {
		t.Fatalf("%v", err)
	}
	return found
}

// changed reads the changed rows as changes.
func (s *sync) changed(t tb, m ledger.Model, limit uint64) []penstock.Change {
	t.Helper()
	if s.found.Changed == 0 {
		return nil
	}
	r, err := s.ledger.Changed(s.ctx, s.id, m, []string{m.Key, m.XXH3, m.City, "name"}, limit, "")
	if err != nil {
		t.Fatalf("%v", err)
	}
	var list []penstock.Change
	for r.Next() {
		var c penstock.Change
		var xxh3, city uint64
		var name string
		var inactive uint8
		if err := r.Scan(&c.Key, &xxh3, &city, &name, &inactive); err != nil {
			t.Fatalf("%v", err)
		}
		if inactive == 1 {
			c.Operation = penstock.Restore
		}
		c.Hash, c.Body, c.Address = hash(xxh3, city), []byte(name), "contacts(k='"+c.Key+"')"
		list = append(list, c)
	}
	if err := r.Close(); err != nil {
		t.Fatalf("%v", err)
	}
	slices.SortFunc(list, func(a, b penstock.Change) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// open lists the keys that have an open letter.
func (s *sync) open(t tb) []string {
	t.Helper()
	letters, err := s.ledger.OpenLetters(s.ctx, ledger.Choice{Sync: s.id.Sync.Name}, 1000)
	if err != nil {
		t.Fatalf("%v", err)
	}
	keys := make([]string, len(letters))
	for i, l := range letters {
		keys[i] = l.Key
	}
	slices.Sort(keys)
	return keys
}

func hash(xxh3, city uint64) (h penstock.Hash) {
	for i := range 8 {
		h[i], h[8+i] = byte(xxh3>>(56-8*i)), byte(city>>(56-8*i))
	}
	return h
}
