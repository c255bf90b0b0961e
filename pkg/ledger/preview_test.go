package ledger_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/ledger"
)

func TestPreviewTellsWhyARowIsSent(t *testing.T) {
	w := open(t)
	type verdicts = map[string]verdict
	for _, test := range []struct {
		name    string
		history []step // runs; the last one is previewed only
		want    string
	}{
		{"a key that the ledger does not know is new", []step{{model: "a=1"}}, "new a"},
		{"another value", []step{{model: "a=1 b=1"}, {model: "a=2 b=1"}}, "values a"},
		{"another mapping", []step{{model: "a=1 b=1"}, {model: "a=1 b=2", mapping: 9}}, "mapping a, values b"},
		{"a full run", []step{{model: "a=1"}, {model: "a=1", since: 2}}, "mapping a"},
		{"a row that was never answered is unsettled", []step{{model: "a=1", verdicts: verdicts{"a": lost}}, {model: "a=1"}}, "unsettled a"},
		{"a refused row that changed", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2"}}, "refused a"},
		{"a passing fault", []step{{model: "a=1", verdicts: verdicts{"a": exhausted}}, {model: "a=1"}}, "refused a"},
		{"a refused row that was then lost on its way", []step{{model: "a=1", verdicts: verdicts{"a": refused}}, {model: "a=2", verdicts: verdicts{"a": lost}}, {model: "a=2"}}, "unsettled a"},
		{"a row that could never be rendered is new once it can", []step{{model: "a=1", verdicts: verdicts{"a": unfit}}, {model: "a=2"}}, "new a"},
		{"a row that was removed and is here again", []step{{model: "a=1 b=1"}, {model: "b=1"}, {model: "a=1 b=1"}}, "back a"},
		{"what waits, left, or has no key of its own is not sent", []step{
			{model: "a=1 b=1 c=1", verdicts: verdicts{"a": refused}}, {model: "a=1 c=1 c=2 -=1"},
		}, "duplicate c, keyless , left b, waiting a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := w.sync(t.Context(), t.Name())
			for _, st := range test.history[:len(test.history)-1] {
				s.run(t, st)
			}
			last := test.history[len(test.history)-1]
			p, err := w.ledger.Preview(t.Context(), s.id.Organization, s.id.Sync, last.asModel(), 10, "")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, name := range slices.Sorted(maps.Keys(p.Keys)) {
				for _, key := range p.Keys[name] {
					if name != "unchanged" {
						got = append(got, name+" "+key)
					}
				}
			}
			if line := strings.Join(got, ", "); line != test.want {
				t.Errorf("got %q, want %q", line, test.want)
			}
			reasons, err := w.ledger.Reasons(t.Context(), s.id.Organization, s.id.Sync, last.asModel(), 10, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range reasons {
				if !slices.Contains(got, fmt.Sprintf("%s %s", r.Why, r.Key)) {
					t.Errorf("%+v is not in %q", r, got)
				}
			}
			if uint64(len(reasons)) != p.Changed {
				t.Errorf("%d reasons for %d changed rows", len(reasons), p.Changed)
			}
		})
	}
}

func TestPreviewNamesTheFirstKeysAndReadsTheSame(t *testing.T) {
	w := open(t)
	m := ledger.Model{
		SQL: "SELECT leftPad(toString(999 - number), 3, '0') AS id, number FROM numbers(1000)", Key: "id",
		XXH3: "xxh3(tuple(number))", City: "cityHash64(tuple(number))", Fingerprint: 1,
	}
	s := w.sync(t.Context(), "many")
	p, err := w.ledger.Preview(t.Context(), s.id.Organization, s.id.Sync, m, 3, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Keys[string(ledger.New)]; !slices.Equal(got, []string{"000", "001", "002"}) || p.Changes[ledger.New] != 1000 {
		t.Errorf("%d rows are new, the first %q", p.Changes[ledger.New], got)
	}
	rows, err := w.ledger.Read(t.Context(), s.id.Organization, s.id.Sync, m, []string{"id"}, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		read = append(read, id)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(read)
	if !slices.Equal(read, []string{"000", "001"}) {
		t.Errorf("read %q", read)
	}
}
