package ledger_test

import (
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/ledger"
)

func TestEveryVersionOfWhatIsAppliedIsKeptOnce(t *testing.T) {
	w := open(t)
	version := func(name string, number uint64, reason string) ledger.Spec {
		return ledger.Spec{Name: name, Version: number, Document: `{"a": "'\\"}`, Author: "ada", Reason: reason, At: noon.Add(time.Duration(number) * time.Hour)}
	}
	first, second := version("sync.production.contacts", 1, "new"), version("sync.production.contacts", 2, "")
	second.Removed, second.Unchecked = true, true
	other := version("environment.production", 7, "it's moved")
	for _, batch := range [][]ledger.Spec{{first, other}, {second}, {second}, nil} {
		if err := w.ledger.SaveSpecs(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
	}
	newest, err := w.ledger.NewestSpecs(t.Context())
	versions(t, "the newest versions", err, newest, other, second)
	for _, c := range []struct {
		what  string
		of    ledger.SpecChoice
		limit int
		want  []ledger.SpecVersion
	}{
		{"all", ledger.SpecChoice{}, 0, []ledger.SpecVersion{{Spec: other}, {second, first.Document}, {Spec: first}}},
		{"the newest", ledger.SpecChoice{}, 2, []ledger.SpecVersion{{Spec: other}, {second, first.Document}}},
		{"those of one name", ledger.SpecChoice{Name: first.Name}, 0, []ledger.SpecVersion{{second, first.Document}, {Spec: first}}},
		{"the newest of one name", ledger.SpecChoice{Name: first.Name}, 1, []ledger.SpecVersion{{second, first.Document}}},
		{"those that begin alike", ledger.SpecChoice{Name: "environment.", Prefix: "sync.production."}, 0, []ledger.SpecVersion{{second, first.Document}, {Spec: first}}},
		{"those of nobody", ledger.SpecChoice{Name: "sync.production.contact'"}, 0, nil},
	} {
		all, err := w.ledger.SpecVersions(t.Context(), c.of, c.limit)
		var got, want []ledger.Spec
		for _, v := range all {
			got = append(got, v.Spec)
		}
		for _, v := range c.want {
			want = append(want, v.Spec)
		}
		versions(t, c.what, err, got, want...)
		for i := range all {
			if all[i].Before != c.want[i].Before {
				t.Errorf("%s: before version %d of %s was %q", c.what, all[i].Version, all[i].Name, all[i].Before)
			}
		}
	}
}

func versions(t *testing.T, what string, err error, got []ledger.Spec, want ...ledger.Spec) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %+v, want %+v", what, got, want)
	}
	for i := range got {
		if !got[i].At.Equal(want[i].At) {
			t.Errorf("%s: at %s, want %s", what, got[i].At, want[i].At)
		}
		got[i].At = want[i].At
		if got[i] != want[i] {
			t.Errorf("%s: %+v, want %+v", what, got[i], want[i])
		}
	}
}

func TestVersionsThatAnOlderPenstockKeptAreRead(t *testing.T) {
	w := open(t)
	for _, statement := range []string{
		"DROP TABLE " + w.database + ".specs SYNC",
		"CREATE TABLE " + w.database + ".specs (name String, version UInt64, document String, author String, at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (name, version)",
		"INSERT INTO " + w.database + ".specs VALUES ('environment.production', 3, '{}', 'ada', '2026-10-01 12:00:00')",
	} {
		if err := w.conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	book, err := ledger.Open(t.Context(), w.conn, w.database)
	if err != nil {
		t.Fatal(err)
	}
	got, err := book.NewestSpecs(t.Context())
	versions(t, "the newest versions", err, got, ledger.Spec{Name: "environment.production", Version: 3, Document: "{}", Author: "ada", At: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)})
}
