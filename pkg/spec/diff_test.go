package spec_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/spec"
)

const before = `sync: contacts
from: {query: contacts.sql, key: id}
to: {environment: prod, table: contact, match: {key: ext_key}}
after: [accounts]
map:
  emailaddress1: email
  gendercode: gender
  parentcustomerid: {to: account, by: {accountnumber: account_no}}
`

const query = `SELECT
  id,
  email,
  gender,
  account_no, no, name, region, kind
FROM crm.contacts
WHERE NOT deleted
`

// stored is the JSON of a sync as it is kept.
func stored(t testing.TB, yaml, query string) []byte {
	t.Helper()
	syncs, err := spec.ParseSync("contacts.yaml", []byte(yaml), func(string) (string, error) { return query, nil })
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(syncs[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func text(t testing.TB, old, now []byte) string {
	t.Helper()
	found, err := spec.Diff(old, now)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, d := range found {
		b.WriteString(d.String() + "\n")
	}
	return b.String()
}

func TestADifferenceIsShownWhereAndAsPeopleWroteIt(t *testing.T) {
	for _, c := range []struct {
		name             string
		old, new         string // each pair is replaced in the sync
		oldText, newText string // likewise in its query
		want             string
	}{
		{name: "nothing", want: ""},
		{
			name: "a field gets an option", old: "gendercode: gender", new: "gendercode: {from: gender, null: skip}",
			want: "map.gendercode: {from: gender} -> {from: gender, null: skip}\n",
		},
		{
			name: "the long form of the same is no change", old: "gendercode: gender", new: "gendercode: {from: gender, null: write}",
		},
		{
			name: "a field more", old: "  gendercode: gender", new: "  gendercode: gender\n  lastname: name",
			want: "+ map.lastname: {from: name}\n",
		},
		{
			name: "a field less", old: "  gendercode: gender\n", new: "",
			want: "- map.gendercode: {from: gender}\n",
		},
		{
			name: "another key of a lookup", old: "{accountnumber: account_no}", new: "{no: account_no, region: region}",
			want: "map.parentcustomerid: {to: account, by: {accountnumber: account_no}} -> {to: account, by: {no: account_no, region: region}}\n",
		},
		{
			name: "a guard", old: "after: [accounts]", new: "after: [accounts]\nguards: {shrink: 30%, max_deletes: 10}",
			want: "guards.max_deletes: 1000 -> 10\nguards.shrink: 20% -> 30%\n",
		},
		{
			name: "a lookup whose row names the table", old: "{to: account, by: {accountnumber: account_no}}",
			new: "{to: {from: kind}, by: {account: {accountnumber: no, region: region}, contact: {externaluseridentifier: no}}}",
			want: "map.parentcustomerid: {to: account, by: {accountnumber: account_no}} -> " +
				"{to_from: kind, by: {account: {accountnumber: no, region: region}, contact: {externaluseridentifier: no}}}\n",
		},
		{
			name: "words for options", old: "gendercode: gender", new: `gendercode: {from: gender, values: {f: 2, "no": 1}}`,
			want: "map.gendercode: {from: gender} -> {from: gender, values: {f: 2, no: 1}}\n",
		},
		{
			name: "what becomes of leaving rows", old: "match: {key: ext_key}", new: "match: {key: ext_key}, on_leave: {deactivate: {state: 1, status: 2}}",
			want: "to.on_leave: nothing -> {deactivate: {state: 1, status: 2}}\n",
		},
		{
			name: "which columns leaving rows clear", old: "match: {key: ext_key}", new: "match: {key: ext_key}, on_leave: {clear: [gendercode]}",
			want: "to.on_leave: nothing -> {clear: [gendercode]}\n",
		},
		{
			name: "constants and expressions", old: "gendercode: gender", new: `gendercode: {const: 2}` + "\n" + `  nickname: {expr: "upper(email) + '.'"}` + "\n  donotemail: {const: true}",
			want: "map.gendercode: {from: gender} -> {const: 2}\n+ map.nickname: {expr: \"upper(email) + '.'\"}\n+ map.donotemail: {const: true}\n",
		},
		{
			name: "lists", old: "after: [accounts]", new: "after: [accounts, segments]",
			want: "after: [accounts] -> [accounts, segments]\n",
		},
		{
			name: "a list less", old: "after: [accounts]\n", new: "",
			want: "- after: [accounts]\n",
		},
		{
			name: "the order of fields", old: "  emailaddress1: email\n  gendercode: gender\n", new: "  gendercode: gender\n  emailaddress1: email\n",
			want: "order of map: emailaddress1, gendercode, parentcustomerid -> gendercode, emailaddress1, parentcustomerid\n",
		},
		{
			name: "a line of the query", oldText: "WHERE NOT deleted", newText: "WHERE NOT deleted AND active",
			want: "from.query:\n    … 4 lines\n     account_no\n     FROM crm.contacts\n    -WHERE NOT deleted\n    +WHERE NOT deleted AND active\n",
		},
		{
			name: "lines far from each other", oldText: "  id,\n", newText: "  toString(id) AS id,\n  upper(email) AS mail,\n",
			old: "emailaddress1: email", new: "emailaddress1: mail",
			want: "from.query:\n     SELECT\n    -  id,\n    +  toString(id) AS id,\n    +  upper(email) AS mail,\n       email,\n       gender,\n    … 3 lines\n" +
				"map.emailaddress1: {from: email} -> {from: mail}\n",
		},
		{
			name: "what could be read as two things", old: "gendercode: gender", new: `gendercode: "a, b: {c}"`,
			want: `map.gendercode: {from: gender} -> {from: "a, b: {c}"}` + "\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := text(t, stored(t, before, query), stored(t, strings.Replace(before, c.old, c.new, 1), strings.Replace(query, c.oldText, c.newText, 1)))
			if want := strings.ReplaceAll(c.want, "     account_no", "       account_no, no, name, region, kind"); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestOfAFirstVersionEverythingIsNew(t *testing.T) {
	now := stored(t, before, query)
	got := text(t, nil, now)
	for _, want := range []string{"+ sync: contacts\n", "+ map.gendercode: {from: gender}\n", "from.query:\n    +SELECT\n    +  id,\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	gone := strings.NewReplacer("\n+ ", "\n- ", "    +", "    -").Replace("\n" + got)[1:]
	if other := text(t, now, nil); other != gone {
		t.Errorf("of a last version not everything is gone:\n%s", other)
	}
}

func TestOneUserOfAnEnvironmentIsToldFromAnother(t *testing.T) {
	old := `{"environment":"prod","users":[{"client_id":"aa","client_secret":{"file":"/run/a"}},{"client_id":"bb","client_secret":{"env":"B"}}]}`
	now := `{"environment":"prod","users":[{"client_id":"bb","client_secret":{"file":"/run/b"}},{"client_id":"cc","client_secret":{"env":"C"}}]}`
	const want = "users.bb: {client_secret: {env: B}} -> {client_secret: {file: /run/b}}\n+ users.cc: {client_secret: {env: C}}\n- users.aa: {client_secret: {file: /run/a}}\n"
	if got := text(t, []byte(old), []byte(now)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestElementsWithoutANameAreComparedAsLines(t *testing.T) {
	old := `{"tests":[{"given":{"a":1},"expect":{"x":"A"}},{"given":{"a":2},"expect":{"x":null}}]}`
	now := `{"tests":[{"given":{"a":0},"expect":{"x":""}},{"given":{"a":1},"expect":{"x":"A"}},{"given":{"a":2},"expect":{"x":true}}]}`
	const want = "tests:\n    +{given: {a: 0}, expect: {x: \"\"}}\n     {given: {a: 1}, expect: {x: A}}\n    -{given: {a: 2}, expect: {x: null}}\n    +{given: {a: 2}, expect: {x: true}}\n"
	if got := text(t, []byte(old), []byte(now)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestALongTextIsShortenedAndStillToldFromAnother(t *testing.T) {
	sealed := func(end string) []byte {
		return []byte(`{"users":[{"client_id":"aa","client_secret":{"sealed":"` + strings.Repeat("YWdl", 500) + end + `"}}]}`)
	}
	found, err := spec.Diff(sealed("one"), sealed("two"))
	if err != nil || len(found) != 1 || len(found[0].Old) > 200 || found[0].Old == found[0].New {
		t.Errorf("%v, %+v", err, found)
	}
}

func TestWhatIsNoDocumentIsRefused(t *testing.T) {
	for _, c := range []string{`[]`, `{"a":1} {}`, `{"a":`, `nonsense`, `{"a":1}}`} {
		if _, err := spec.Diff(nil, []byte(c)); err == nil {
			t.Errorf("%s passes as a document", c)
		}
	}
}

func FuzzDiff(f *testing.F) {
	f.Add(string(stored(f, before, query)), `{"map":[{"column":"a"},{"column":"a"}],"from":{"query":"SELECT 1\nFROM x"}}`)
	f.Add(`{"map":[{"column":1}],"users":[{}],"by":[{"key":"a","from":"b"}]}`, `{"map":[],"users":null,"by":[{"key":"a"}]}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		same, err := spec.Diff([]byte(a), []byte(a))
		if err != nil {
			return
		}
		if len(same) > 0 {
			t.Errorf("a document differs from itself: %v", same)
		}
		there, err := spec.Diff([]byte(a), []byte(b))
		if err != nil {
			return
		}
		back, err := spec.Diff([]byte(b), []byte(a))
		if err != nil || len(back) != len(there) {
			t.Errorf("%d differences one way, %d the other, %v", len(there), len(back), err)
		}
		for _, d := range there {
			if d.String() == "" || strings.ContainsAny(d.Old+d.New, "\n\r\x1b") {
				t.Errorf("%+v cannot be shown on a line", d)
			}
		}
	})
}

// Both texts can be had back from their difference, where nothing of it is left out.
func FuzzLines(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd")
	f.Add("", "x")
	f.Add("same\nsame\nsame", "same")
	f.Fuzz(func(t *testing.T, a, b string) {
		document := func(s string) []byte {
			data, err := json.Marshal(map[string]any{"from": map[string]string{"query": s}})
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return
		}
		found, err := spec.Diff(document(a), document(b))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			if a != b {
				t.Errorf("%q and %q are said to be the same", a, b)
			}
			return
		}
		lines := found[0].Lines
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "… ") }) {
			return
		}
		side := func(not byte) string {
			var all []string
			for _, l := range lines {
				if l[0] != not {
					all = append(all, l[1:])
				}
			}
			return strings.Join(all, "\n")
		}
		if old, now := side('+'), side('-'); old != strings.TrimSuffix(a, "\n") || now != strings.TrimSuffix(b, "\n") {
			t.Errorf("%q and %q come back as %q and %q from %q", a, b, old, now, lines)
		}
	})
}
