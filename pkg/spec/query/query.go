// Package query looks at the SQL of a sync without a server: whether it is one SELECT that can stand as a subquery. It says
// only what is certain, and leaves the rest to ClickHouse.
package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Fault is what would break a query.
type Fault struct {
	Line, Column int // from 1, in characters
	What         string
	Mend         string
}

// A Query is the SQL of a sync.
type Query struct {
	Text   string // the statement, without what follows its semicolon
	Faults []Fault

	tokens []token
}

// Read looks at the text of a SQL file.
func Read(sql string) Query {
	q := Query{Text: sql}
	fault := func(at int, mend, format string, args ...any) {
		at = min(at, len(sql))
		before := sql[:at]
		q.Faults = append(q.Faults, Fault{
			Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]),
			What: fmt.Sprintf(format, args...), Mend: mend,
		})
	}
	if i := invalid(sql); i >= 0 {
		fault(i, "save the file with the encoding UTF-8", "this is not text in UTF-8")
		return q
	}
	all := tokens(sql)
	if len(all) == 0 {
		fault(0, "write one SELECT", "the query is empty")
		q.Text = ""
		return q
	}
	if last := all[len(all)-1]; last.kind == unfinished {
		mend := "end it with " + last.text[:1]
		if strings.HasPrefix(last.text, "/*") {
			mend = "end it with */"
		}
		fault(last.at, mend, "%s begins here and does not end", namesOfQuotes[last.text[0]])
		q.tokens = all
		return q // what seems wrong beyond it may be within it
	}
	if first := all[0]; !first.is(";") && !slices.ContainsFunc([]string{"SELECT", "WITH", "FROM", "("}, first.is) {
		mend := "write one SELECT, or WITH … SELECT"
		if first.is("SET") {
			mend = "end the SELECT with SETTINGS instead"
		}
		fault(first.at, mend, "a query begins with SELECT, not with %s", short(first.text))
		return q
	}
	end := slices.IndexFunc(all, func(t token) bool { return t.is(";") })
	if end >= 0 {
		for _, t := range all[end:] {
			if !t.is(";") {
				fault(t.at, "keep one SELECT", "a second statement begins here")
				break
			}
		}
		q.Text, all = sql[:all[end].at], all[:end]
	}
	q.Text, q.tokens = strings.TrimRight(q.Text, " \t\r\n"), all
	if len(all) == 0 {
		fault(0, "write one SELECT", "the query is empty")
		q.Text = ""
		return q
	}
	top, wrong := level(all)
	if wrong != nil {
		fault(wrong.at, wrong.mend, "%s", wrong.what)
		return q
	}
	q.ending(top, fault)
	return q
}

//nolint:gochecknoglobals // constant table
var namesOfQuotes = map[byte]string{'\'': "text in single quotes", '"': "a name in double quotes", '`': "a name in backticks", '/': "a comment"}

func short(s string) string {
	if utf8.RuneCountInString(s) > 20 {
		return string([]rune(s)[:20]) + "…"
	}
	return s
}

// A misfit is a bracket without another.
type misfit struct {
	at         int
	what, mend string
}

// level keeps what is not within brackets, and finds the first bracket that has no other.
func level(all []token) (top []token, wrong *misfit) {
	closing := map[string]string{"(": ")", "[": "]", "{": "}"}
	var open []token
	for _, t := range all {
		if len(open) == 0 {
			top = append(top, t)
		}
		if t.kind != sign {
			continue
		}
		switch t.text {
		case "(", "[", "{":
			open = append(open, t)
		case ")", "]", "}":
			if len(open) == 0 {
				return nil, &misfit{t.at, t.text + " closes nothing", "drop it, or open it before"}
			}
			if want := closing[open[len(open)-1].text]; want != t.text {
				return nil, &misfit{t.at, t.text + " stands where " + want + " belongs", "write " + want + " first"}
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				top = append(top, t)
			}
		}
	}
	if len(open) > 0 {
		return nil, &misfit{open[0].at, open[0].text + " is not closed", "add " + closing[open[0].text]}
	}
	return top, nil
}

// ending finds what only a statement of its own may end with.
func (q *Query) ending(top []token, fault func(at int, mend, format string, args ...any)) {
	for i, t := range top {
		if i == 0 || i+1 == len(top) || !operand(top[i-1]) {
			continue
		}
		switch after := top[i+1]; {
		case t.is("INTO") && after.is("OUTFILE"):
			fault(t.at, "drop it: the rows go to Dataverse", "INTO OUTFILE has no place here: the query is read as a subquery")
			return
		case t.is("FORMAT") && after.kind == word && (i+2 == len(top) || top[i+2].is("SETTINGS")):
			fault(t.at, "drop FORMAT "+after.text, "FORMAT has no place here: the query is read as a subquery")
			return
		}
	}
}

// wanting are the keywords that want more behind them.
var wanting = []string{ //nolint:gochecknoglobals // constant table
	"SELECT", "DISTINCT", "FROM", "JOIN", "WHERE", "PREWHERE", "HAVING", "BY", "ON", "USING", "AS", "AND", "OR", "NOT", "IN", "LIKE", "ILIKE",
	"BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "LIMIT", "OFFSET", "WITH", "IS", "INTERVAL", "GLOBAL", "DIV", "MOD", "SETTINGS", "QUALIFY",
}

// operand reports whether a clause may follow a token: a name, a value, or the end of an expression, not a keyword that wants
// more or an operator.
func operand(t token) bool {
	switch t.kind {
	case word:
		return !slices.ContainsFunc(wanting, t.is)
	case name, text, number:
		return true
	case sign:
		return t.text == ")" || t.text == "]" || t.text == "}" || t.text == "*"
	case unfinished, none:
	}
	return false
}

// Lacks reports whether a query certainly gives no column of that name: all that it gives it names, and this it does not
// name anywhere. A faulty query lacks nothing.
func (q Query) Lacks(column string) bool {
	if len(q.Faults) > 0 || q.mentions(column) || letters(column) < len(column) || unnamed.MatchString(column) {
		return false // an expression without a name gets one from ClickHouse: plus(a, b)
	}
	selects := false
	for i, t := range q.tokens {
		if t.is("*") && (i == 0 || !operand(q.tokens[i-1]) || i+1 == len(q.tokens) || !begins(q.tokens[i+1])) ||
			slices.ContainsFunc([]string{"COLUMNS", "untuple", "APPLY", "TABLE", "VALUES"}, t.is) {
			return false
		}
		selects = selects || t.is("SELECT")
	}
	return selects
}

// mentions reports whether a word stands anywhere in the text, comments and quotes included.
func (q Query) mentions(word string) bool {
	for at := 0; ; at++ {
		i := strings.Index(q.Text[at:], word)
		if i < 0 {
			return false
		}
		at += i
		before, _ := utf8.DecodeLastRuneInString(q.Text[:at])
		if !letter(before) && (before < '0' || before > '9') && letters(q.Text[at:]) == len(word) {
			return true
		}
	}
}

// unnamed matches the names in letters and digits that ClickHouse gives to what has none: Null is NULL, 0x10 is 16.
var unnamed = regexp.MustCompile(`^(true|false|NULL|inf|nan|[0-9].*|_subquery.*)$`)

// begins reports whether an operand may begin with a token, so that a * before it may be a product.
func begins(t token) bool {
	switch t.kind {
	case number, text:
		return true
	case word:
		return !slices.ContainsFunc([]string{ // what may follow all columns, as in FROM t SELECT ALL * WHERE …
			"FROM", "EXCEPT", "REPLACE", "APPLY", "WHERE", "PREWHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH",
			"SETTINGS", "UNION", "INTERSECT",
		}, t.is)
	case sign:
		return t.text == "("
	case name, unfinished, none:
	}
	return false
}

// Names lists the names that a query has, each once, for who looks for one that was meant. Some keywords are among them.
func (q Query) Names() []string {
	var all []string
	for _, t := range q.tokens {
		s := t.text
		if t.kind == name && len(s) > 2 {
			s = s[1 : len(s)-1]
		}
		if (t.kind == name || t.kind == word && operand(t)) && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// invalid is where s stops being UTF-8, or -1.
func invalid(s string) int {
	for i, c := range s {
		if c == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return i
		}
	}
	return -1
}
