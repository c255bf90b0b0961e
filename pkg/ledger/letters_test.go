package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestALetterComesBackAsItWasStoredHoweverOftenItIsStored(t *testing.T) {
	w := open(t)
	want := penstock.Letter{
		Run: w.sync(t.Context(), "o'dd").id, Chunk: 3, Ordinal: 9, Table: "contact", Operation: penstock.Update, Key: "k'\\ü", Rows: 2,
		Cause: penstock.Cause{
			Class: penstock.Reference, Code: "0x80040217", Column: "parentcustomerid", Target: "account", Privilege: "prvReadAccount", Key: "Account number",
			Message: "it's \\ not\tthere",
		},
		At: noon.Add(time.Millisecond),
	}
	stored := want
	stored.Hash, stored.Fingerprint, stored.Cause.Status, stored.Cause.RequestID = hash(1, 2), 5, 404, "abc" // which lists do not show
	for range 3 {
		if err := w.ledger.Letters(t.Context(), []penstock.Letter{stored, stored}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.ledger.OpenLetters(t.Context(), ledger.Choice{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	want.Run.Epoch = 0 // not a letter's business
	if len(got) != 1 || !got[0].At.Equal(want.At) {
		t.Fatalf("got %+v", got)
	}
	got[0].At = want.At
	if got[0] != want {
		t.Errorf("got %+v\nwant %+v", got[0], want)
	}
	groups, err := w.ledger.Groups(t.Context(), ledger.Choice{})
	if err != nil || len(groups) != 1 || groups[0].Letters != 1 || groups[0].Rows != 2 {
		t.Errorf("groups %+v, %v", groups, err)
	}
	hidden := w.lines(t.Context(), t, "SELECT concat(toString(xxh3), ' ', toString(city), ' ', toString(fingerprint), ' ', toString(status), ' ', request_id) AS l FROM "+w.database+".open_dead_letters")
	if !slices.Equal(hidden, []string{"1 2 5 404 abc"}) {
		t.Errorf("the view shows %q", hidden)
	}
}

func TestATableOfAnOlderVersionGetsTheColumnsThatItLacks(t *testing.T) {
	w := open(t)
	if err := w.conn.Exec(t.Context(), "DROP VIEW "+w.database+".open_dead_letters"); err != nil {
		t.Fatal(err)
	}
	if err := w.conn.Exec(t.Context(), "ALTER TABLE "+w.database+".dead_letters DROP COLUMN alternate_key"); err != nil {
		t.Fatal(err)
	}
	book, err := ledger.Open(t.Context(), w.conn, w.database)
	if err != nil {
		t.Fatal(err)
	}
	letter := penstock.Letter{Run: w.sync(t.Context(), "s").id, Chunk: 1, Ordinal: 1, Key: "k", Rows: 1, Cause: penstock.Cause{Class: penstock.Conflict, Key: "Account number"}, At: noon}
	if err := book.Letters(t.Context(), []penstock.Letter{letter}); err != nil {
		t.Fatal(err)
	}
	got, err := book.OpenLetters(t.Context(), ledger.Choice{}, 10)
	if err != nil || len(got) != 1 || got[0].Cause.Key != "Account number" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestALetterIsOpenWhileItsRowStillWantsTheChange(t *testing.T) {
	w := open(t)
	type verdicts = map[string]verdict
	for i, test := range []struct {
		name    string
		history []step
		open    string
	}{
		{"a refused row", []step{{model: "a=1 b=1", verdicts: verdicts{"a": refused}}}, "a"},
		{"a row that was never sent", []step{{model: "a=1", verdicts: verdicts{"a": unfit}}}, "a"},
		{"rows without a key, as one", []step{{model: "-=1 -=2"}}, "-"},
		{"rows without a key that are gone", []step{{model: "-=1 -=2"}, {model: "a=1"}}, ""},
		{"rows without a key that are back", []step{{model: "-=1 -=2"}, {model: "a=1"}, {model: "-=1"}}, "-"},
		{"a row that waits", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=1"}}, "a"},
		{"refused again: the newer letter", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2", verdicts: verdicts{"a": refused}}}, "a"},
		{"accepted later", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2"}}, ""},
		{"sent later, without an answer", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2", verdicts: verdicts{"a": unknown}}}, ""},
		{"accepted earlier", []step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": refused}}}, "a"},
		{"back as Dataverse has it", []step{{model: "a=1"}, {model: "a=2", verdicts: verdicts{"a": unfit}}, {model: "a=1"}}, ""},
		{"a duplicate that left", []step{{model: "a=1 a=2"}, {}}, ""},
		{"a refused removal", []step{{model: "a=1"}, {verdicts: verdicts{"a": refused}}}, "a"},
		{"a refused row that was removed", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {}}, ""},
		{"a refused row that left and is kept", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {keep: true}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := w.sync(t.Context(), fmt.Sprint("open", i))
			for _, st := range test.history {
				s.run(t, st)
			}
			want := strings.Fields(test.open)
			if test.open == "-" {
				want = []string{""}
			}
			if got := s.open(t); !slices.Equal(got, want) {
				t.Errorf("open letters of %q, want %q", got, want)
			}
		})
	}
}

func TestALetterOfAChangeThatWasAcceptedAfterAllIsClosed(t *testing.T) {
	s := open(t).sync(t.Context(), "after_all")
	st := step{model: "a=1", verdicts: map[string]verdict{"a": refused}}
	s.run(t, st)
	hashes := s.changed(t, st.asModel(), 10)
	result := penstock.Result{Run: s.id, Chunk: 1, Count: 1, Fingerprint: 1, Finished: noon, Changes: []penstock.Settled{
		{Outcome: penstock.Accepted, Key: "a", Hash: hashes[0].Hash},
	}}
	if err := s.ledger.Record(s.ctx, []penstock.Result{result}, s.newest); err != nil {
		t.Fatal(err)
	}
	if got := s.open(t); len(got) != 0 {
		t.Errorf("open letters of %q", got)
	}
	if s.diff(t, step{model: "a=1"}); strings.Join(s.diffs, ", ") != "unchanged 1" {
		t.Errorf("found %q", s.diffs)
	}
}

// The view has to say the same to whoever asks, whatever the settings of his session.
func TestTheViewDoesNotDependOnTheReadersSettings(t *testing.T) {
	s := open(t).sync(t.Context(), "settings")
	s.run(t, step{model: "a=1 b=1 c=1", verdicts: map[string]verdict{"a": refused, "b": unfit}})
	for _, settings := range []map[string]any{
		nil,
		{"join_use_nulls": 1},
		{"join_algorithm": "full_sorting_merge"},
		{"any_join_distinct_right_table_keys": 1},
		{"transform_null_in": 1},
		{"enable_analyzer": 0},
	} {
		var keys []string
		q := clickhouse.Query{SQL: "SELECT key FROM " + s.database + ".open_dead_letters ORDER BY key", Settings: settings}
		for key, err := range clickhouse.Each(s.ctx, s.conn, q, func(r *clickhouse.Rows) (k string, err error) { return k, r.Scan(&k) }) {
			if err != nil {
				t.Fatalf("%v: %v", settings, err)
			}
			keys = append(keys, key)
		}
		if !slices.Equal(keys, []string{"a", "b"}) {
			t.Errorf("%v: open letters of %q", settings, keys)
		}
	}
}

func TestGroupsAndLettersAreChosenAndOrdered(t *testing.T) {
	w := open(t)
	var letters []penstock.Letter
	add := func(environment, sync, key string, class penstock.Class, code string, n uint64) {
		letters = append(letters, penstock.Letter{
			Run: penstock.RunID{Sync: penstock.SyncID{Environment: environment, Name: sync}, Organization: environment, Number: uint64(len(letters) + 1)},
			Key: key, Rows: n, Cause: penstock.Cause{Class: class, Code: code, Message: "why"}, At: noon.Add(time.Duration(len(letters)) * time.Second),
		})
	}
	add("prod", "contacts", "a", penstock.Validation, "1", 1)
	add("prod", "contacts", "b", penstock.Validation, "1", 1)
	add("prod", "contacts", "c", penstock.Mapping, "duplicate_key", 5)
	add("prod", "accounts", "a", penstock.Validation, "1", 1)
	add("test", "contacts", "a", penstock.Permission, "2", 1)
	if err := w.ledger.Letters(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		choice  ledger.Choice
		limit   int
		groups  string
		letters string
	}{
		{ledger.Choice{}, 3, "prod/contacts duplicate_key 1/5, prod/contacts 1 2/2, prod/accounts 1 1/1, test/contacts 2 1/1", "test/contacts a, prod/accounts a, prod/contacts c"},
		{ledger.Choice{Environment: "prod"}, 9, "prod/contacts duplicate_key 1/5, prod/contacts 1 2/2, prod/accounts 1 1/1", "prod/accounts a, prod/contacts c, prod/contacts b, prod/contacts a"},
		{ledger.Choice{Environment: "prod", Sync: "contacts"}, 9, "prod/contacts duplicate_key 1/5, prod/contacts 1 2/2", "prod/contacts c, prod/contacts b, prod/contacts a"},
		{ledger.Choice{Class: penstock.Validation}, 9, "prod/contacts 1 2/2, prod/accounts 1 1/1", "prod/accounts a, prod/contacts b, prod/contacts a"},
		{ledger.Choice{Sync: `' OR 1 --\`}, 9, "", ""},
	} {
		groups, err := w.ledger.Groups(t.Context(), test.choice)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range groups {
			got = append(got, fmt.Sprintf("%s %s %d/%d", g.Sync, g.Cause.Code, g.Letters, g.Rows))
		}
		if strings.Join(got, ", ") != test.groups {
			t.Errorf("%+v: groups %q, want %q", test.choice, got, test.groups)
		}
		list, err := w.ledger.OpenLetters(t.Context(), test.choice, test.limit)
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		for _, l := range list {
			got = append(got, l.Run.Sync.String()+" "+l.Key)
		}
		if strings.Join(got, ", ") != test.letters {
			t.Errorf("%+v: letters %q, want %q", test.choice, got, test.letters)
		}
	}
}
