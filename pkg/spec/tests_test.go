package spec

import (
	"strings"
	"testing"
)

func TestMistakesInTheTestsOfASyncAreNamed(t *testing.T) {
	const sync = "sync: a\nfrom: {query: q.sql, key: id}\nto: {environment: e, table: t, match: {key: k}}\nmap: {c: id}\ntests:\n"
	for tests, want := range map[string]string{
		"  - {given: {id: 1}}":                                     "s.yaml:6:5: the test expects nothing; add expect: {column: value}, or refused: code",
		"  - {given: {id: 1}, expect: {c: 1}, refused: x}":         "a row that is refused has no body: expect and refused exclude each other; keep one of them",
		"  - {expect: {c: 1}}":                                     "given is missing in a test",
		"  - {given: {id: 1}, expect: {C: 1}}":                     "s.yaml:6:31: expect.C does not name a Dataverse column",
		"  - {given: {id: 1}, expect: {c: {account: 1, lead: 2}}}": "expect.c must name one table and its key; write {account: {accountnumber: A-1}}",
		"  - {given: {id: 1}, expect: {c: {account: {}}}}":         "expect.c names no key; write {account: {accountnumber: A-1}}",
		"  - {given: {id: 1}, refused: {a: b, c: d}}":              "refused must name one column and its code; write {emailaddress1: text_too_long}",
		"  - {given: {id: 1}, refuse: x, absent: a}":               `unknown key "refuse" in a test; did you mean refused?`,
		"  - {given: {nosuch: 1}, refused: x}":                     "s.yaml:6:14: given: the query q.sql gives no column nosuch",
		"  - {given: {id: 1}, absent: [a, 2]}":                     "absent must be text",
		"  - {given: {id: null}, expect: {c: null}}":               "",
		"  - {given: {id: [1]}, expect: {c: {t: {k: x, l: 2}}}}":   "",
		"  - {name: n, given: {id: 1}, absent: a}":                 "",
		"  given: {id: 1}\n  refused: {c: text_too_long}":          "",
	} {
		_, err := ParseSync("s.yaml", []byte(sync+tests), func(string) (string, error) { return "SELECT 1 AS id", nil })
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", tests, err, want)
		}
	}
}

func TestAnExpressionKnowsWhereItsTextBegins(t *testing.T) {
	const sync = "sync: a\nfrom: {query: q.sql, key: id}\nto: {environment: e, table: t, match: {key: k}}\nmap:\n"
	for field, column := range map[string]int{
		"  c: {expr: upper(x)}": 13, "  c: {expr: \"upper(x)\"}": 14, "  c: {template: '{{x}}'}": 18, "  c: {expr: '\"it''s\"'}": 0, "  c:\n    expr: |\n      a +\n      b": 0,
	} {
		syncs, err := ParseSync("s.yaml", []byte(sync+field), func(string) (string, error) { return "SELECT * FROM t", nil })
		if err != nil || syncs[0].Map[0].TextAt.Column != column {
			t.Errorf("%s: %v %v, want column %d", field, err, syncs[0].Map[0].TextAt, column)
		}
	}
}
