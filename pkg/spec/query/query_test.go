package query_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/spec/query"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

func TestWhatWouldBreakAQueryIsNamedWithItsPlace(t *testing.T) {
	for sql, want := range map[string]string{
		"":                              "1:1 the query is empty",
		" -- later\n;":                  "1:1 the query is empty",
		"SELECT 1; SELECT 2":            "1:11 a second statement begins here",
		"SET x = 1;\nSELECT 1":          "1:1 a query begins with SELECT, not with SET",
		"INSERT INTO t SELECT 1":        "1:1 a query begins with SELECT, not with INSERT",
		"contacts":                      "1:1 a query begins with SELECT, not with contacts",
		"SELECT 1\nFORMAT JSON":         "2:1 FORMAT has no place here: the query is read as a subquery",
		"SELECT a FROM t format TSV;":   "1:17 FORMAT has no place here: the query is read as a subquery",
		"SELECT 1 INTO OUTFILE 'x.csv'": "1:10 INTO OUTFILE has no place here: the query is read as a subquery",
		"SELECT 'é, it's fine'":         "1:21 text in single quotes begins here and does not end",
		"SELECT 1 AS \"a":               "1:13 a name in double quotes begins here and does not end",
		"SELECT 1 AS `a":                "1:13 a name in backticks begins here and does not end",
		"SELECT 1 /* all":               "1:10 a comment begins here and does not end",
		"SELECT 1 /* a /* b */":         "1:10 a comment begins here and does not end",
		"SELECT (1":                     "1:8 ( is not closed",
		"SELECT 1)":                     "1:9 ) closes nothing",
		"SELECT [1, (2, 3]]":            "1:17 ] stands where ) belongs",
		"SELECT\t\xff":                  "1:8 this is not text in UTF-8",
	} {
		var got []string
		for _, f := range query.Read(sql).Faults {
			got = append(got, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.What))
			if f.Mend == "" {
				t.Errorf("%q: no mend", sql)
			}
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%q:\n got %s\nwant %s", sql, s, want)
		}
	}
}

// What ClickHouse takes is let through, however odd.
var valid = []string{
	"SELECT 1",
	"select 1;",
	"SELECT 1 -- it's (\n;\n-- done",
	"#! a ' comment\nSELECT 1 # and ( another",
	"WITH x AS (SELECT 1) SELECT * FROM x",
	"FROM t SELECT a",
	"(SELECT 1) UNION ALL (SELECT 2)",
	"SELECT 'it''s; (', 'a\\'b', \"q\"\"(\", `b\\`)`",
	"SELECT $$ it's ( $$, $tag$ ' $$ $tag$",
	"SELECT ‘it's (’, “a)”",
	"SELECT 1 /* a /* b */ ( */",
	"SELECT format, format AS FORMAT FROM t",
	"SELECT format JSON",
	"SELECT a FROM t SETTINGS max_threads = 1",
	"SELECT a FROM (SELECT b FROM format(JSON, '{}')) WHERE format = 'x'",
	"SELECT {'a': [1, (2)]}['a'], x.1.2, 1e-3, 0xFF, 1_000, .5, a ? b : c, x -> x * 2",
	"SELECT 2024_visits FROM t WHERE a::String ILIKE '%(%' AND b != {p:String}",
	"\uFEFFSELECT 1",
}

func TestWhatClickHouseTakesIsLetThrough(t *testing.T) {
	for _, sql := range valid {
		if f := query.Read(sql).Faults; len(f) > 0 {
			t.Errorf("%q: %+v", sql, f)
		}
	}
	if got := query.Read("SELECT 1 -- a;\n ; -- b\n").Text; got != "SELECT 1 -- a;" {
		t.Errorf("the statement is %q", got)
	}
}

func TestAColumnThatTheQueryCannotGive(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT id, a * 2 AS twice FROM t": true,
		"SELECT id AS email FROM t":        false,
		"SELECT emails, 2email, e.email2":  true,
		"SELECT emails, e.`email`":         false,
		"SELECT * FROM t":                  false,
		"SELECT t.* FROM t":                false,
		"SELECT * EXCEPT (x) FROM t":       false,
		"SELECT COLUMNS('e.*') FROM t":     false,
		"SELECT untuple(x) FROM t":         false,
		"FROM t":                           false,
		"SELECT (id":                       false,
	} {
		if got := query.Read(sql).Lacks("email"); got != want {
			t.Errorf("%s lacks email: %t", sql, got)
		}
	}
	if query.Read("SELECT a+b").Lacks("plus(a, b)") {
		t.Error("a column that ClickHouse names is missed")
	}
	if got := strings.Join(query.Read("SELECT a, `b c`, a FROM \"t\"").Names(), "|"); got != "a|b c|t" {
		t.Errorf("names: %s", got)
	}
}

// Whatever the text: no panic, faults inside it, and what has no fault is one statement that can stand as a subquery.
func FuzzRead(f *testing.F) {
	for _, sql := range valid {
		f.Add(sql)
	}
	f.Add("SELECT 'a\\")
	f.Add("/*/")
	f.Add("$a")
	f.Fuzz(func(t *testing.T, sql string) {
		q := query.Read(sql)
		lines := strings.Split(sql, "\n")
		for _, fault := range q.Faults {
			if fault.Line < 1 || fault.Line > len(lines) || fault.Column < 1 || fault.Column > len(lines[fault.Line-1])+1 {
				t.Errorf("%q: out of place: %+v", sql, fault)
			}
		}
		if len(q.Faults) > 0 {
			return
		}
		if again := query.Read("SELECT * FROM (" + q.Text + "\n)"); len(again.Faults) > 0 || !strings.HasPrefix(sql, q.Text) {
			t.Errorf("%q became %q, which as a subquery has %+v", sql, q.Text, again.Faults)
		}
	})
}
