package spec

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/document"
)

const overlaidFile = `sync: contacts
from: {query: contacts.sql, key: customer_id}
to:   {environment: [sandbox, prod], table: contact, match: {key: externaluseridentifier}}
map:
  emailaddress1: email
  firstname: {from: first_name, null: skip}
  gendercode: gender_code
guards: {max_deletes: 10}
overlays:
  sandbox:
    from: {query: few_contacts.sql}
    to: {mode: mirror}
    map:
      emailaddress1: {const: nobody@example.com}
      firstname: {null: error}
      gendercode: null
      lastname: last_name
    guards: {shrink: 50%}
`

func queries(name string) (string, error) { return "SELECT *, '" + name + "'", nil }

func TestAnOverlayChangesTheSyncInItsEnvironmentAlone(t *testing.T) {
	syncs, err := ParseSync("s.yaml", []byte(overlaidFile), queries)
	if err != nil || len(syncs) != 2 {
		t.Fatalf("%d syncs, %v", len(syncs), err)
	}
	plain, err := ParseSync("s.yaml", []byte(overlaidFile[:strings.Index(overlaidFile, "overlays:")]), queries)
	if err != nil || !reflect.DeepEqual(syncs[1], plain[1]) {
		t.Errorf("prod, %v: got  %+v\nwant %+v", err, syncs[1], plain[1])
	}
	at := func(line, column int) document.Position {
		return document.Position{File: "s.yaml", Line: line, Column: column}
	}
	want := plain[0]
	want.From.File, want.From.Query = "few_contacts.sql", "SELECT *, 'few_contacts.sql'"
	want.To.Mode, want.To.OnLeave.Action = Mirror, Delete
	want.Guards.Shrink = 0.5
	want.Map = []Field{
		{Column: "emailaddress1", Const: `"nobody@example.com"`, Null: NullWrite, At: at(14, 7)},
		{Column: "firstname", From: "first_name", Null: NullError, At: at(15, 7)},
		{Column: "lastname", From: "last_name", Null: NullWrite, At: at(17, 7)},
	}
	if !reflect.DeepEqual(syncs[0], want) {
		t.Errorf("got  %+v\nwant %+v", syncs[0], want)
	}
}

func TestAnOverlayMayCompleteTheSync(t *testing.T) {
	file := strings.Replace(overlaidFile, "query: contacts.sql, ", "", 1) + "  prod: {from: {query: all.sql}}\n"
	syncs, err := ParseSync("s.yaml", []byte(file), queries)
	if err != nil || syncs[0].From.File != "few_contacts.sql" || syncs[1].From.File != "all.sql" {
		t.Errorf("got %+v, %v", syncs, err)
	}
}

func TestMistakesInAnOverlayAreNamedWithTheirPlace(t *testing.T) {
	base, _, _ := strings.Cut(overlaidFile, "    from: {query: few")
	for _, c := range []struct{ name, file, want string }{
		{"an environment that is not the sync's", strings.Replace(overlaidFile, "  sandbox:", "  sandbx:", 1), "s.yaml:10:3: overlays.sandbx: to.environment does not name sandbx; did you mean sandbox?"},
		{"another name", base + "    sync: persons\n", "s.yaml:11:5: overlays.sandbox cannot set sync: it is the same sync in each environment, under one name; drop it here"},
		{"another environment", base + "    to: {environment: prod}\n", "s.yaml:11:10: overlays.sandbox cannot set to.environment: the overlay's own name says which environment it is about; drop it here"},
		{"an overlay of an overlay", base + "    overlays: {prod: {}}\n", "s.yaml:11:5: overlays.sandbox cannot set overlays: an overlay has none of its own; drop it here"},
		{"a column to take away that is not there", base + "    map: {gendercod: null}\n", "s.yaml:11:11: overlays.sandbox takes map.gendercod away, which is not there; did you mean gendercode?"},
		{"a key that is required taken away", base + "    map: null\n", "s.yaml:11:5: map is missing in the sync; add map: …"},
		{"a misspelt key", base + "    to: {mod: mirror}\n", `s.yaml:11:10: unknown key "mod" in to; did you mean mode?`},
		{"a wrong value", base + "    guards: {shrink: 5}\n", "s.yaml:11:22: guards.shrink is a share, and wants its %; write 5%"},
		{"a column filled twice by both", base + "    map: {firstname: {const: x}}\n", "s.yaml:11:22: map.firstname is filled in two ways: from and const; keep one of them"},
		{"a key twice", base + "    to: {mode: update, mode: mirror}\n", "s.yaml:11:24: mode comes twice in to; keep one of them"},
		{"a word", base[:strings.Index(base, "  sandbox:")] + "  sandbox: mirror\n", "s.yaml:10:12: overlays.sandbox must be a mapping; write what is different there, as in the sync itself: sandbox: {to: {mode: update}}"},
		{"nothing", base, "s.yaml:10:3: sandbox is empty; give it a value, or drop the key"},
		{"a mistake of the sync itself", strings.Replace(overlaidFile, "table: contact, ", "", 1), "s.yaml:3:7: table is missing in to; add table: …"},
		{"the same mistake twice over", strings.Replace(base, "max_deletes: 10", "shrink: 6", 1) + "    guards: {shrink: 5}\n", "s.yaml:8:18: guards.shrink is a share, and wants its %; write 6%\ns.yaml:11:22: guards.shrink is a share, and wants its %; write 5%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSync("s.yaml", []byte(c.file), queries)
			check(t, err, c.want)
		})
	}
}

// Whatever is laid over a sync: no panic, positions inside the file, and a sync without overlay is what it was.
func FuzzOverlay(f *testing.F) {
	base, over, _ := strings.Cut(overlaidFile, "  sandbox:\n")
	for _, s := range []string{over, "", "    to: null", "    map: {a: &x b, c: *x}", "    ? a\n", "    <<: {}", "    {}", "    map: {firstname: {from: null}}", "  prod: {to: {}}"} {
		f.Add(s)
	}
	plain, err := ParseSync("s.yaml", []byte(base[:strings.Index(base, "overlays:")]), queries)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, over string) {
		data := base + "  sandbox:\n" + over
		lines := strings.Count(data, "\n") + strings.Count(data, "\r") + 1
		syncs, err := ParseSync("s.yaml", []byte(data), queries)
		var ps document.Problems
		if err != nil && !errors.As(err, &ps) {
			t.Fatalf("%T is not Problems", err)
		}
		for _, p := range ps {
			if p.Line < 1 || p.Line > lines+1 || p.Column < 1 || p.What == "" {
				t.Errorf("problem out of place: %v", p)
			}
		}
		if err == nil && (len(syncs) != 2 || syncs[0].String() != "sandbox/contacts" || !strings.Contains(over, "prod") && !reflect.DeepEqual(syncs[1], plain[1])) {
			t.Errorf("got %+v", syncs)
		}
	})
}
