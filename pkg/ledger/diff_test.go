package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestDiffTellsWhatBecomesOfARow(t *testing.T) {
	w := open(t)
	type verdicts = map[string]verdict
	for _, test := range []struct {
		name    string
		history []step // runs; the last one is diffed only
		want    string // kinds with keys, or with how many where keys do not matter
		open    string // keys whose letters are open after the diff
	}{
		{"a new row is changed", []step{{model: "a=1 b=2"}}, "changed a, changed b", ""},
		{"an empty model with an empty ledger is nothing", []step{{}}, "", ""},
		{"an accepted row is unchanged", []step{{model: "a=1 b=2"}, {model: "a=1 b=2"}}, "unchanged 2", ""},
		{"another value is changed", []step{{model: "a=1 b=2"}, {model: "a=1 b=3"}}, "changed b, unchanged 1", ""},
		{"a row whose result is lost is changed", []step{{model: "a=1", verdicts: verdicts{"a": lost}}, {model: "a=1"}}, "changed a", ""},
		{"a row that was not sent is changed", []step{{model: "a=1", verdicts: verdicts{"a": unsent}}, {model: "a=1"}}, "changed a", ""},
		{"a row without an answer is changed", []step{{model: "a=1", verdicts: verdicts{"a": unknown}}, {model: "a=1"}}, "changed a", ""},
		{
			"a value that goes back while the new one is on its way is changed",
			[]step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": lost}}, {model: "a=1"}},
			"changed a", "",
		},
		{
			"a late result makes its row changed, though it was accepted since",
			[]step{{model: "a=1", verdicts: verdicts{"a": late}}, {model: "a=2", behind: true}, {model: "a=2"}},
			"changed a", "",
		},
		{
			"a row that settled after a late result is unchanged",
			[]step{{model: "a=1", verdicts: verdicts{"a": late}}, {model: "a=2"}, {model: "a=2"}, {model: "a=2"}},
			"unchanged 1", "",
		},

		{"another mapping changes every row", []step{{model: "a=1 b=2"}, {model: "a=1 b=2", mapping: 9}}, "changed a, changed b", ""},
		{"a mapping that was sent is the new one", []step{{model: "a=1"}, {model: "a=1", mapping: 9}, {model: "a=1", mapping: 9}}, "unchanged 1", ""},
		{"a full run changes every row", []step{{model: "a=1 b=2"}, {model: "a=1 b=2", all: true}}, "changed a, changed b", ""},

		{"a refused row waits", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=1"}}, "waiting 1", "a"},
		{"a refused row waits for ever", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=1"}, {model: "a=1"}, {model: "a=1"}}, "waiting 1", "a"},
		{"a refused row with another value is changed", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2"}}, "changed a", "a"},
		{"a refused row with another mapping is changed", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=1", mapping: 9}}, "changed a", "a"},
		{"a refused row is changed in a full run", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=1", all: true}}, "changed a", "a"},
		{"a passing fault does not wait", []step{{model: "a=1", verdicts: verdicts{"a": exhausted}}, {model: "a=1"}}, "changed a", "a"},
		{"a refused row whose letter is lost is changed", []step{{model: "a=1", verdicts: verdicts{"a": unstored}}, {model: "a=1"}}, "changed a", ""},
		{"a row that cannot be rendered waits", []step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": unfit}}, {model: "a=2"}}, "waiting 1", "a"},
		{"the newest letter decides", []step{
			{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2", verdicts: verdicts{"a": refused}}, {model: "a=1"},
		}, "changed a", "a"},
		{"accepting a later value closes the letter", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2"}, {model: "a=2"}}, "unchanged 1", ""},
		{
			"sending a later value supersedes the letter",
			[]step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2", verdicts: verdicts{"a": lost}}, {model: "a=1"}},
			"changed a", "",
		},

		{
			"a row back at its accepted value settles its letter",
			[]step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": unfit}}, {model: "a=1"}},
			"settled a", "",
		},
		{
			"a settled row is unchanged from then on",
			[]step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": unfit}}, {model: "a=1"}, {model: "a=1"}},
			"unchanged 1", "",
		},
		{
			"a refused value that was sent does not settle: only Dataverse's word counts",
			[]step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": refused}}, {model: "a=1"}},
			"changed a", "a",
		},

		{"rows that share a key are duplicate", []step{{model: "a=1 a=2 b=3"}}, "changed b, duplicate a", ""},
		{"equal rows that share a key are duplicate too", []step{{model: "a=1 a=1"}}, "duplicate a", ""},
		{"duplicate rows wait, each of them", []step{{model: "a=1 a=2 a=3"}, {model: "a=3 a=2 a=1"}}, "waiting 3", "a"},
		{"duplicate rows with another value are duplicate again", []step{{model: "a=1 a=2"}, {model: "a=1 a=3"}}, "duplicate a", "a"},
		{"a duplicate that is mended is changed", []step{{model: "a=1 a=2"}, {model: "a=2"}}, "changed a", "a"},
		{"a duplicate that is mended as it was settles", []step{{model: "a=1"}, {model: "a=1 a=2"}, {model: "a=1"}}, "settled a", ""},
		{"duplicate rows that leave leave nothing", []step{{model: "a=1 a=2"}, {}}, "gone a", ""},
		{"a key that is gone is not looked at again", []step{{model: "a=1 a=2"}, {}, {}}, "", ""},
		{"a key that was gone is new", []step{{model: "a=1 a=2"}, {}, {model: "a=1"}}, "changed a", ""},

		{"rows without a key are keyless, as one", []step{{model: "-=1 -=2 a=1"}}, "changed a, keyless", ""},
		{"rows without a key wait", []step{{model: "-=1 -=2"}, {model: "-=2 -=1"}}, "waiting 2", ""},
		{"one more row without a key is keyless again", []step{{model: "-=1"}, {model: "-=1 -=2"}}, "keyless", ""},
		{"rows without a key go", []step{{model: "-=1"}, {}}, "gone 1", "none"},
		{"rows without a key come back", []step{{model: "-=1"}, {}, {model: "-=1"}}, "keyless", "none"},

		{"a row that left is left", []step{{model: "a=1 b=2"}, {model: "b=2"}}, "left a, unchanged 1", ""},
		{"a row that was removed is nothing", []step{{model: "a=1 b=2"}, {model: "b=2"}, {model: "b=2"}}, "unchanged 1", ""},
		{"a row that was removed and comes back as it was is changed", []step{{model: "a=1"}, {}, {model: "a=1"}}, "changed a", ""},
		{"a row whose removal is lost is left", []step{{model: "a=1"}, {verdicts: verdicts{"a": lost}}, {}}, "left a", ""},
		{"a row that a guard held back is left", []step{{model: "a=1"}, {verdicts: verdicts{"a": parked}}, {}}, "left a", ""},
		{"a row that a guard held back and comes back is unchanged", []step{{model: "a=1"}, {verdicts: verdicts{"a": parked}}, {model: "a=1"}}, "unchanged 1", ""},
		{"a row that comes back while its removal is on its way is changed", []step{{model: "a=1"}, {verdicts: verdicts{"a": lost}}, {model: "a=1"}}, "changed a", ""},
		{"a refused removal waits", []step{{model: "a=1"}, {verdicts: verdicts{"a": refused}}, {}}, "left_waiting 1", "a"},
		{"a refused removal does not wait in a full run", []step{{model: "a=1"}, {verdicts: verdicts{"a": refused}}, {all: true}}, "left a", "a"},
		{"a row that comes back after a refused removal is changed", []step{{model: "a=1"}, {verdicts: verdicts{"a": refused}}, {model: "a=1"}}, "changed a", "a"},
		{"a row that was refused leaves: its outcome may be unknown", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {}}, "left a", "a"},
		{"a row that was never sent goes", []step{{model: "a=1", verdicts: verdicts{"a": unfit}}, {}}, "gone a", ""},
		{
			"a late upsert of a removed row leaves again",
			[]step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": late}}, {behind: true}, {}},
			"left a", "",
		},

		{"a sync that keeps rows leaves them", []step{{model: "a=1"}, {keep: true}, {keep: true}}, "left a", ""},
		{"a sync that keeps rows drops their letters", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {keep: true}}, "dropped a", ""},
		{"a dropped letter is dropped once", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {keep: true}, {keep: true}}, "left a", ""},
		{
			"a row that comes back after its letter was dropped is changed",
			[]step{{model: "a=1", verdicts: verdicts{"a": refused}}, {keep: true}, {model: "a=1", keep: true}},
			"changed a", "",
		},
		{"a kept row that comes back as it was is unchanged", []step{{model: "a=1"}, {keep: true}, {model: "a=1", keep: true}}, "unchanged 1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := w.sync(t.Context(), strings.NewReplacer(" ", "_", ",", "", ":", "", "'", "").Replace(test.name))
			last := len(test.history) - 1
			for _, st := range test.history[:last] {
				s.run(t, st)
			}
			found := s.diff(t, test.history[last])
			if got := strings.Join(s.diffs, ", "); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
			if n := uint64(len(rows(test.history[last].model))); found.Read() != n {
				t.Errorf("%+v adds up to %d rows, the model has %d", found, found.Read(), n)
			}
			want := strings.Fields(strings.TrimSuffix(test.open, "none"))
			if strings.Contains(test.history[0].model, "-") {
				return // the letter of the keyless has a test of its own
			}
			if got := s.open(t); !slices.Equal(got, want) {
				t.Errorf("open letters of %q, want %q", got, want)
			}
		})
	}
}

func TestFoundAddsUpRowsAndKeys(t *testing.T) {
	s := open(t).sync(t.Context(), "sums")
	s.run(t, step{model: "a=1 b=1 c=1 d=1 e=1 f=1 g=1", verdicts: map[string]verdict{"b": refused, "g": refused}})
	s.run(t, step{model: "a=1 b=1 c=1 d=1 f=1", verdicts: map[string]verdict{"e": refused}, keep: false})
	got := s.diff(t, step{model: "a=1 b=1 c=2 n=1 m=1 m=2 m=3 -=1 -=2"})
	// unexported counts are of use to the ledger alone
	want := ledger.Found{Unchanged: 1, Waiting: 1, Changed: 2, Duplicate: 3, Keyless: 2, Left: 2, LeftWaiting: 1}
	if got != want {
		t.Errorf("found %+v, want %+v", got, want)
	}
}

func TestARunDiffedTwiceFindsTheSame(t *testing.T) {
	s := open(t).sync(t.Context(), "twice")
	s.run(t, step{model: "a=1 b=1"})
	want := s.diff(t, step{model: "a=2 b=1 c=1"})
	lines := s.diffs
	s.id.Number--
	if got := s.diff(t, step{model: "a=2 b=1 c=1"}); got != want || !slices.Equal(s.diffs, lines) {
		t.Errorf("found %+v %q, and before that %+v %q", got, s.diffs, want, lines)
	}
}

func TestSyncsAndOrganizationsDoNotSeeEachOther(t *testing.T) {
	w := open(t)
	s := w.sync(t.Context(), "one")
	s.run(t, step{model: "a=1 b=1", verdicts: map[string]verdict{"b": refused}})
	for _, other := range []*sync{w.sync(t.Context(), "other"), w.sync(t.Context(), "one")} {
		if other.id.Sync.Name == "one" {
			other.id.Organization = "a-copy-of-the-environment"
		}
		other.diff(t, step{model: "b=1"})
		if got := strings.Join(other.diffs, ", "); got != "changed b" {
			t.Errorf("%s in %s: found %q", other.id.Sync, other.id.Organization, got)
		}
	}
}

func TestAModelMayBeWrittenInAnyWay(t *testing.T) {
	w := open(t)
	type variant struct {
		name          string
		before, after ledger.Model
	}
	of := func(sql, key, hashed string) ledger.Model {
		return ledger.Model{SQL: sql, Key: key, XXH3: "xxh3(tuple(" + hashed + "))", City: "cityHash64(tuple(" + hashed + "))", Fingerprint: 1}
	}
	variants := []variant{
		{"with a comment at its end", of("SELECT 'a' AS id, 1 AS v -- all of them", "id", "v"), of("SELECT 'a' AS id, 2 AS v -- all of them", "id", "v")},
		{"with what looks like placeholders", of("SELECT 'a' AS id, '? $1 @p {p} %d %[1]s :p' AS v", "id", "v"), of("SELECT 'a' AS id, '? $1 @p {p} %s' AS v", "id", "v")},
		{"with a common table expression", of("WITH x AS (SELECT 'a' AS id, 1 AS v) SELECT * FROM x", "id", "v"), of("WITH x AS (SELECT 'a' AS id, 2 AS v) SELECT * FROM x", "id", "v")},
		{"as a union", of("SELECT 'a' AS id, 1 AS v UNION ALL SELECT 'b', 1", "id", "v"), of("SELECT 'a' AS id, 2 AS v UNION ALL SELECT 'b', 1", "id", "v")},
		{"with a low-cardinality key", of("SELECT toLowCardinality('a') AS id, 1 AS v", "lower(id)", "v"), of("SELECT toLowCardinality('A') AS id, 2 AS v", "lower(id)", "v")},
	}
	for i, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			s := w.sync(t.Context(), fmt.Sprint("variant", i))
			s.id.Number = 1
			accept(t, s, v.before)
			s.id.Number = 2
			again, err := s.ledger.Diff(s.ctx, s.id, v.before, "")
			if err != nil {
				t.Fatal(err)
			}
			if again.Changed != 0 || again.Unchanged == 0 {
				t.Errorf("the same rows again: %+v", again)
			}
			s.id.Number = 3
			other, err := s.ledger.Diff(s.ctx, s.id, v.after, "")
			if err != nil {
				t.Fatal(err)
			}
			if other.Changed != 1 {
				t.Errorf("with another value: %+v, want 1 changed", other)
			}
		})
	}
}

// A column of the model may have any name, those too that the statement uses itself. Row i differs in column i alone.
func TestAColumnOfTheModelMayHaveAnyName(t *testing.T) {
	s := open(t).sync(t.Context(), "names")
	columns := strings.Fields("k m m1 m2 e1 e2 er t1 t2 tr f n h1 x1 flags kind rows letter key run sync organization xxh3 city state fingerprint `left`")
	names := strings.Join(columns, ", ")
	model := func(value string) ledger.Model {
		selects := make([]string, len(columns))
		for i := range columns {
			values := make([]string, len(columns))
			for j, c := range columns {
				values[j] = "'same' AS " + c
			}
			values[i] = "'" + value + "' AS " + columns[i]
			selects[i] = fmt.Sprintf("SELECT 'row%d' AS id, %s", i, strings.Join(values, ", "))
		}
		return ledger.Model{
			SQL: strings.Join(selects, " UNION ALL "), Key: "id", XXH3: "xxh3(tuple(" + names + "))", City: "cityHash64(tuple(" + names + "))", Fingerprint: 1,
		}
	}
	s.id.Number = 1
	accept(t, s, model("before"))
	for _, test := range []struct {
		value string
		want  ledger.Found
	}{
		{"before", ledger.Found{Unchanged: uint64(len(columns))}},
		{"after", ledger.Found{Changed: uint64(len(columns))}},
	} {
		s.id.Number++
		got, err := s.ledger.Diff(s.ctx, s.id, model(test.value), "")
		if err != nil {
			t.Fatal(err)
		}
		if got != test.want {
			t.Errorf("found %+v, want %+v", got, test.want)
		}
	}
}

// accept has every row of a model accepted.
func accept(t *testing.T, s *sync, m ledger.Model) {
	t.Helper()
	if _, err := s.ledger.Diff(s.ctx, s.id, m, ""); err != nil {
		t.Fatal(err)
	}
	r, err := s.ledger.Changed(s.ctx, s.id, m, []string{m.Key, m.XXH3, m.City}, 1000, "")
	if err != nil {
		t.Fatal(err)
	}
	result := penstock.Result{Run: s.id, Chunk: 1, Fingerprint: m.Fingerprint, Deliveries: 1, Finished: noon}
	for r.Next() {
		var key string
		var xxh3, city uint64
		var inactive uint8
		if err := r.Scan(&key, &xxh3, &city, &inactive); err != nil {
			t.Fatal(err)
		}
		result.Changes = append(result.Changes, penstock.Settled{Outcome: penstock.Accepted, Key: key, Hash: hash(xxh3, city)})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.ledger.Record(s.ctx, []penstock.Result{result}, s.newest); err != nil {
		t.Fatal(err)
	}
}

func TestChangedReadsOnlyWhatIsChanged(t *testing.T) {
	s := open(t).sync(t.Context(), "read")
	first := step{model: "a=1 b=2 c=3"}
	s.run(t, first)
	st := step{model: "a=1 b=9 c=8 d=7 e=6 e=5 -=4"}
	s.diff(t, st)
	all := s.changed(t, st.asModel(), 1000)
	var got []string
	for _, c := range all {
		got = append(got, c.Key+"="+string(c.Body))
	}
	if want := []string{"b=9", "c=8", "d=7"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	var xxh3, city uint64
	if err := s.conn.Row(s.ctx, clickhouse.Query{SQL: "SELECT xxh3(tuple('9')), cityHash64(tuple('9'))"}, &xxh3, &city); err != nil {
		t.Fatal(err)
	}
	if all[0].Hash != hash(xxh3, city) {
		t.Errorf("the hash of b is %s", all[0].Hash)
	}
	if limited := s.changed(t, st.asModel(), 2); len(limited) != 2 || limited[0].Key != "b" || limited[1].Key != "c" {
		t.Errorf("at most two: %v", limited)
	}
	// The model may change between the two reads: what is read is what is sent, and a key is sent once.
	later := step{model: "b=5 c=4 c=3 d=7 a=0"}
	got = nil
	for _, c := range s.changed(t, later.asModel(), 1000) {
		got = append(got, c.Key)
	}
	if want := []string{"b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("read %q from the later model, want %q", got, want)
	}
}

func TestRepeatsSayHowManyRowsAndTheirHash(t *testing.T) {
	s := open(t).sync(t.Context(), "repeats")
	s.diff(t, step{model: "b=1 b=2 b=3 a=1 a=1 c=1 -=1 -=2"})
	first := s.repeats(t)
	var got []string
	for _, r := range first {
		got = append(got, fmt.Sprintf("%q %d", r.Key, r.Rows))
	}
	if want := []string{`"" 2`, `"a" 2`, `"b" 3`}; !slices.Equal(got, want) {
		t.Errorf("repeats %s, want %s", got, want)
	}
	s.diff(t, step{model: "b=3 b=2 b=1 a=1 a=2 -=2 -=1"})
	second := s.repeats(t)
	if second[0].Hash != first[0].Hash || second[2].Hash != first[2].Hash {
		t.Error("the order of the rows changes their hash")
	}
	if second[1].Hash == first[1].Hash {
		t.Error("another value of one of the rows does not change their hash")
	}
}

func TestLeavesNameTheRecords(t *testing.T) {
	s := open(t).sync(t.Context(), "leaves")
	s.run(t, step{model: "a=1 b=1 c=1 d=1"})
	s.diff(t, step{model: "b=2"})
	removal := penstock.Change{Operation: penstock.Clear, Body: []byte("null")}
	for limit, want := range map[uint64]string{
		1000: "clear a contacts(k='a') null, clear c contacts(k='c') null, clear d contacts(k='d') null",
		2:    "clear a contacts(k='a') null, clear c contacts(k='c') null",
		0:    "",
	} {
		leaves, err := s.ledger.Leaves(s.ctx, s.id, removal, limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range leaves {
			got = append(got, c.Operation.String()+" "+c.Key+" "+c.Address+" "+string(c.Body))
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != want {
			t.Errorf("at most %d: %q, want %q", limit, got, want)
		}
	}
}

func TestARowThatIsBackAfterItsRecordWasDeactivatedIsToBeActiveAgain(t *testing.T) {
	w := open(t)
	off, del := step{leave: penstock.Deactivate}, step{}
	for i, test := range []struct {
		name  string
		steps []step
		back  string
	}{
		{"a deactivated one", []step{{model: "a=1"}, off, {model: "a=1"}}, "a"},
		{"a deleted one is made anew", []step{{model: "a=1"}, del, {model: "a=1"}}, ""},
		{"a cleared one", []step{{model: "a=1"}, {leave: penstock.Clear}, {model: "a=1"}}, ""},
		{"one that never left", []step{{model: "a=1"}, off, {model: "a=1"}, {model: "a=2"}}, ""},
		{"whatever becomes of rows that leave now", []step{{model: "a=1"}, off, {keep: true}, {model: "a=1", keep: true}}, "a"},
		{"of whose deactivation nothing is known", []step{{model: "a=1"}, {leave: penstock.Deactivate, verdicts: map[string]verdict{"a": unknown}}, {model: "a=1"}}, "a"},
		{"of whose return nothing is known", []step{{model: "a=1"}, off, {model: "a=1", verdicts: map[string]verdict{"a": lost}}, {model: "a=1"}}, "a"},
		{"whose return was refused", []step{{model: "a=1"}, off, {model: "a=1", verdicts: map[string]verdict{"a": refused}}, {model: "a=2"}}, "a"},
		{"whose return could not be rendered, and which left once more", []step{{model: "a=1"}, off, {model: "a=1", verdicts: map[string]verdict{"a": unfit}}, {}, {model: "a=2"}}, "a"},
		{"which was cleared since, perhaps deactivated", []step{{model: "a=1"}, {leave: penstock.Deactivate, verdicts: map[string]verdict{"a": unknown}}, {leave: penstock.Clear}, {model: "a=1"}}, "a"},
		{"which was cleared since without an answer, perhaps deactivated", []step{
			{model: "a=1"},
			{leave: penstock.Deactivate, verdicts: map[string]verdict{"a": unknown}},
			{leave: penstock.Clear, verdicts: map[string]verdict{"a": lost}},
			{model: "a=1"},
		}, "a"},
		{"which was not deleted since, perhaps deactivated", []step{
			{model: "a=1"},
			{leave: penstock.Deactivate, verdicts: map[string]verdict{"a": unknown}},
			{leave: penstock.Delete, verdicts: map[string]verdict{"a": refused}},
			{model: "a=1"},
		}, "a"},
		{"which was deleted since, perhaps deactivated", []step{{model: "a=1"}, {leave: penstock.Deactivate, verdicts: map[string]verdict{"a": unknown}}, del, {model: "a=1"}}, ""},
		{"about which a late word came in", []step{{model: "a=1", verdicts: map[string]verdict{"a": late}}, {leave: penstock.Deactivate, behind: true}, {}, {model: "a=2"}}, ""},
		{"about which a late word came in after it had left", []step{
			{model: "a=1"},
			{model: "a=2", verdicts: map[string]verdict{"a": late}},
			{leave: penstock.Deactivate, verdicts: map[string]verdict{"a": late}, behind: true},
			{model: "a=2", behind: true},
			{model: "a=2"},
		}, "a"},
	} {
		s := w.sync(t.Context(), fmt.Sprint("back", i))
		for _, st := range test.steps {
			s.run(t, st)
		}
		if got := strings.Join(s.back, " "); got != test.back {
			t.Errorf("%s: active again is %q, want %q", test.name, got, test.back)
		}
	}
}

func TestARemovalThatWasRefusedIsTriedOnceItIsAnother(t *testing.T) {
	s := open(t).sync(t.Context(), "other removal")
	s.run(t, step{model: "a=1"})
	s.run(t, step{verdicts: map[string]verdict{"a": refused}})
	m := step{}.asModel()
	m.Removal++
	s.id.Number++
	if f, err := s.ledger.Diff(s.ctx, s.id, m, ""); err != nil || f.Left != 1 || f.LeftWaiting != 0 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestDropDiffsForgetsThisRunAndEarlierOnes(t *testing.T) {
	w := open(t)
	s, other := w.sync(t.Context(), `o'dd\`), w.sync(t.Context(), "other")
	s.id.Organization, other.id.Organization = `it's "odd" \`, `it's "odd" \`
	other.diff(t, step{model: "x=1"})
	diffs := func() string {
		return strings.Join(s.lines(s.ctx, t, "SELECT DISTINCT concat(sync, ' ', toString(run)) AS l FROM "+s.database+".diffs ORDER BY l"), ", ")
	}
	drop := func() {
		if err := s.ledger.DropDiffs(s.ctx, s.id); err != nil {
			t.Fatal(err)
		}
	}
	s.id.Number = 3
	if _, err := s.ledger.Diff(s.ctx, s.id, step{model: "a=1"}.asModel(), ""); err != nil {
		t.Fatal(err)
	}
	s.id.Number = 2
	drop()
	if got := diffs(); got != `o'dd\ 3, other 1` {
		t.Errorf("after dropping run 2: %s", got)
	}
	s.id.Number = 4
	if _, err := s.ledger.Diff(s.ctx, s.id, step{model: "a=1"}.asModel(), ""); err != nil {
		t.Fatal(err)
	}
	if got := diffs(); got != `o'dd\ 4, other 1` {
		t.Errorf("after the diff of run 4: %s", got)
	}
	drop()
	drop()
	if got := diffs(); got != "other 1" {
		t.Errorf("after dropping run 4: %s", got)
	}
}

func TestAModelThatFailsSaysWhichSync(t *testing.T) {
	s := open(t).sync(t.Context(), "broken")
	s.id.Number = 1
	m := step{model: "a=1"}.asModel()
	m.SQL = "SELECT id FROM no_such_table"
	_, err := s.ledger.Diff(s.ctx, s.id, m, "")
	if err == nil || !strings.Contains(err.Error(), "production/broken") || clickhouse.Code(err) != clickhouse.CodeUnknownTable {
		t.Errorf("diff: %v", err)
	}
	if _, err = s.ledger.Changed(s.ctx, s.id, m, []string{"id"}, 1, ""); err == nil || !strings.Contains(err.Error(), "production/broken") {
		t.Errorf("read: %v", err)
	}
}
