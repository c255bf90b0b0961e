package expression_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/expression"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var columns = []expression.Column{
	{"first", expression.Text, true},
	{"last", expression.Text, false},
	{"nick", expression.Text, true},
	{"age", expression.Whole, true},
	{"visits", expression.Whole, false},
	{"score", expression.Number, true},
	{"ratio", expression.Number, false},
	{"vip", expression.Truth, true},
	{"quiet", expression.Truth, false},
	{"born", expression.Text, true},
	{"left", expression.Text, false},
}

// row sets all columns; the nullable ones to NULL unless they are given.
func row(m *expression.Machine, values map[string]any) {
	for _, c := range columns {
		m.Set(c.Name, nil)
	}
	m.Set("last", "O'Brien")
	m.Set("visits", 7)
	m.Set("ratio", 0.5)
	m.Set("quiet", true)
	m.Set("left", "side")
	for name, v := range values {
		m.Set(name, v)
	}
}

type values = map[string]any

func TestExpressionsHaveTheirValues(t *testing.T) {
	m := expression.NewMachine()
	for _, c := range []struct {
		text string
		row  values
		want any // nil: NULL; an error's text otherwise
	}{
		{"upper(last)", nil, "O'BRIEN"},
		{"upper(first) + '.'", values{"first": "anna"}, "ANNA."},
		{"upper(first) + '.'", nil, nil},
		{"first ?? ''", nil, ""},
		{"first ?? nick ?? last", values{"nick": "Bo"}, "Bo"},
		{"first ?? nick", nil, nil},
		{"upper(first ?? nick)", nil, nil},
		{"upper(first ?? last)", nil, "O'BRIEN"},
		{"vip ? nick : last", values{"vip": false}, "O'Brien"},
		{"vip ? nick : last", values{"vip": true}, nil},
		{"vip ? upper(nick) : upper(first)", values{"vip": true, "nick": "b"}, "B"},
		{"vip ? 'a' : 'b'", nil, nil},
		{"first == nil ? 'none' : upper(first)", nil, "none"},
		{"first == nil ? 'none' : upper(first)", values{"first": "a"}, "A"},
		{"nil != first", values{"first": "a"}, true},
		{"first == 'a' ? 1 : 2", nil, 2},
		{"first == 'a' ? 1 : 2", values{"first": "a"}, 1},
		{"age == 3", nil, false},
		{"3 != age", nil, true},
		{"age == 3", values{"age": 3}, true},
		{"first == nick", nil, true},
		{"first in ['a', 'b']", nil, false},
		{"first in ['a', 'b']", values{"first": "b"}, true},
		{"not (age in [1, 2, 3])", values{"age": 4}, true},
		{"age in [1, 2]", nil, false},
		{"age > 3", nil, nil},
		{"age > 3 && quiet", values{"age": 4}, true},
		{"quiet || vip", nil, true},
		{"vip || quiet", nil, nil},
		{"age * 2 + visits - 1", values{"age": 10}, 26},
		{"-visits", nil, -7},
		{"visits / 2", nil, 3.5},
		{"visits % 4", nil, 3},
		{"visits ** 2", nil, 49.0},
		{"visits * ratio", nil, 3.5},
		{"visits + 9223372036854775807", nil, "a whole number goes beyond 64 bits"},
		{"age * age", values{"age": math.MinInt}, "a whole number goes beyond 64 bits"},
		{"age - 1", values{"age": math.MinInt}, "a whole number goes beyond 64 bits"},
		{"-age", values{"age": math.MinInt}, "a whole number goes beyond 64 bits"},
		{"age * -1", values{"age": math.MaxInt}, -math.MaxInt},
		{"visits % age", values{"age": 0}, "it cannot be computed for this row at its character 8: a list may be too short, or something be divided by zero"},
		{"split(last, '@')[1]", nil, "it cannot be computed for this row at its character 17: a list may be too short, or something be divided by zero"},
		{"split('a@b', '@')[1]", nil, "b"},
		{"last matches '^O.B'", nil, true},
		{"last startsWith 'O' and last endsWith 'n' and last contains \"'\"", nil, true},
		{"int(first)", values{"first": "x"}, "int meets text that is no whole number"},
		{"int(1e300)", nil, "a number is too large for a whole number"},
		{"float(first) + 1", values{"first": "1.5"}, 2.5},
		{"max(visits, 8.5)", nil, 8.5},
		{"max(ratio, visits)", nil, 7.0},
		{"min(visits, 9, 3)", nil, 3},
		{"round(score, 2)", values{"score": 1.234}, 1.23},
		{"round(score)", nil, nil},
		{"year(born)", values{"born": "1971-03-04"}, 1971},
		{"hour == 3 ? 1 : 2", nil, "there is no column or function hour"},
		{"day(born)", values{"born": "x"}, "a date is not of the form 2026-01-31"},
		{"born < '2000-01-01'", values{"born": "1971-03-04"}, true},
		{"left(left, 2) + left", nil, "siside"},
		{"concat(left, '-', last)", nil, "side-O'Brien"},
		{"string(visits) + string(ratio) + string(quiet)", nil, "70.5true"},
		{"len(split(left, 'i'))", nil, 2},
		{"join(split(left, 'i'), 'o')", nil, "sode"},
		{"join([left, last], ' ')", nil, "side O'Brien"},
		{"join([left, first], ' ')", nil, nil},
	} {
		t.Run(c.text, func(t *testing.T) {
			row(m, c.row)
			p, err := expression.Compile(c.text, columns)
			var got any
			if err == nil {
				got, err = m.Run(p)
			}
			if err != nil {
				if want, ok := c.want.(string); !ok || !strings.Contains(err.Error(), want) {
					t.Fatalf("%v, want %v", err, c.want)
				}
				return
			}
			if got != c.want {
				t.Fatalf("%v (%T), want %v (%T)", got, got, c.want, c.want)
			}
			if got == nil && !p.Nullable() {
				t.Error("gives NULL, and says that it never does")
			}
			if types := map[expression.Type]string{expression.Text: "string", expression.Whole: "int", expression.Number: "float64", expression.Truth: "bool"}; got != nil && types[p.Type()] != fmt.Sprintf("%T", got) {
				t.Errorf("is %T, and says that it is %s", got, p.Type())
			}
		})
	}
}

func TestWhatCannotBeNullSaysSo(t *testing.T) {
	for text, nullable := range map[string]bool{
		"upper(last)": false, "first ?? ''": false, "upper(first ?? '')": false, "first == nil": false, "first": true, "upper(first)": true,
		"quiet ? first : last": true, "quiet ? nil : last": true,
	} {
		if p, err := expression.Compile(text, columns); err != nil || p.Nullable() != nullable {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
}

func TestTheExampleOfEachFunctionIsTrue(t *testing.T) {
	m := expression.NewMachine()
	for i, f := range expression.Functions() {
		p, err := expression.Compile(f.Example, []expression.Column{})
		if err != nil {
			t.Errorf("%s: %v", f.Example, err)
			continue
		}
		if got, err := m.Run(p); err != nil || got != f.Gives {
			t.Errorf("%s is %v (%v), not %v", f.Example, got, err, f.Gives)
		}
		if i > 0 && f.Name <= expression.Functions()[i-1].Name {
			t.Errorf("%s is not in its place", f.Name)
		}
	}
}

func TestWhatIsWrongHasAPlaceAndAMend(t *testing.T) {
	for text, want := range map[string]string{
		"upper(firts)":                      "1:7: there is no column or function firts; did you mean first?",
		"uper(first)":                       "1:1: there is no column or function uper; did you mean upper?",
		"first +\n  3":                      "1:7: ",
		"age + 'x'":                         "1:5: ",
		"age == 'x'":                        "1:5: ",
		"quiet ? 'x' : 3":                   "1:1: the two outcomes of ? : are of different types; make both text",
		"quiet ? 1 : 2.5":                   "1:1: the two outcomes of ? : are of different types",
		"nil":                               "1:1: nil alone is no value",
		"split(last, ',')":                  "the result is a list; join it",
		"now()":                             "1:1: there is no column or function now",
		"1..1000000000":                     "ranges cannot be used",
		"map(split(last, ','), #)":          "no maps, loops",
		"let x = 1; x":                      "let and ; cannot be used",
		"$env":                              "$env cannot be used",
		"$env['last']":                      "",
		"last.first":                        "a column has no parts",
		"last.upper()":                      "",
		"last[0:2]":                         "text and lists cannot be sliced; write left",
		"{a: 1}":                            "no maps",
		"last matches first":                "the pattern of matches must be written out",
		"last matches '('":                  "missing closing",
		"last matches 'a{900}b{900}c{900}'": "the pattern is too large",
		"upper(first) ?? 'x'":               "1:14: what stands before ?? is never nil",
		"upper(3)":                          "1:7: ",
		"upper(":                            "1:6: ",
		"upper":                             "1:1: upper is a function; call it",
		"first ?? 3":                        "1:7: the two sides of ?? are of different types",
		strings.Repeat("(", 5000):           "longer than 4000",
		strings.Repeat("1+", 600) + "1":     "exceeds maximum allowed nodes",
	} {
		_, err := expression.Compile(text, columns)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		} else {
			t.Logf("%.40s: %v", text, err)
		}
	}
}

func TestTemplatesAreFilled(t *testing.T) {
	m := expression.NewMachine()
	for _, c := range []struct {
		text string
		row  values
		want any
	}{
		{"{{first}} {{ last }}", values{"first": "Anna"}, "Anna O'Brien"},
		{"{{first}} {{last}}", nil, nil},
		{"{{ first ?? '' }} {{last}}", nil, " O'Brien"},
		{"no {{visits}} of {{ratio}} is {{quiet}}", nil, "no 7 of 0.5 is true"},
		{"{{ '{{' }}{{ '}}' }}{ }", nil, "{{}}{ }"},
		{"{{ quiet ? \"}}\" : `\\` }}", nil, "}}"},
		{"{{upper(last)}}", nil, "O'BRIEN"},
		{"Łódź {{last", nil, "1:6: {{ is not closed"},
		{"a\n b }} {{last}}", nil, "2:4: }} closes nothing"},
		{"a {{ }}", nil, "1:3: there is nothing between"},
		{"plain", nil, "1:1: the template has no {{expression}}"},
		{"a {{ lastt }}", nil, "1:6: there is no column or function lastt; did you mean last?"},
		{"{{split(last, ',')}}", nil, "the result is a list"},
	} {
		row(m, c.row)
		p, err := expression.Template(c.text, columns)
		var got any
		if err == nil {
			got, err = m.Run(p)
		}
		if err != nil {
			if want, ok := c.want.(string); !ok || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), "the result") {
				t.Errorf("%s: %v, want %v", c.text, err, c.want)
			}
		} else if got != c.want {
			t.Errorf("%s is %q, want %v", c.text, got, c.want)
		}
	}
}

func TestColumnsThatAreReadAreListed(t *testing.T) {
	p, err := expression.Template("{{ vip ? nick : first ?? 'x' }} {{upper(nick)}}{{left('a', 1)}}", columns)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Columns(), " "); got != "first nick vip" {
		t.Error(got)
	}
}

func TestUnknownColumnsAreTakenToBeThere(t *testing.T) {
	for text, fits := range map[string]bool{"upper(whatever) + other": true, "whatever +": false, "nosuch(whatever)": false, "whatever ?? ''": true} {
		if _, err := expression.Compile(text, nil); (err == nil) != fits {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTextDoesNotGrowWithoutBound(t *testing.T) {
	m := expression.NewMachine()
	row(m, values{"first": strings.Repeat("a", 1000)})
	for _, text := range []string{
		"replace(replace(replace(first, 'a', first), 'a', first), 'a', first)",
		"join(split(replace(first, 'a', first), 'a'), first)",
		"concat(" + strings.Repeat("replace(first, 'a', first),", 2) + "'')",
	} {
		p, err := expression.Compile(text, columns)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = m.Run(p); err == nil {
			t.Errorf("%s has a value", text)
		}
	}
}

// Whatever somebody writes, nothing panics or takes long, no error repeats a value, and the value is of the type that was
// promised.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{
		"upper(first ?? '') + '.'", "vip ? nick : last", "age * 2 + visits", "split(last, '@')[0]", "last matches '^O'", "not (age in [1,2])", "((((", "-visits ** 99999999",
		"{{first}} {{ last }}", "{{ '}}' }}", "round(score, 2) / 0", "year(born) % 0", "left(last, -1)", "pad(last, 4000, '0')", "first?.x", "1 in 2", "first in last", "a ? b", "visits[0]",
	} {
		f.Add(text, "value-of-the-row", 7, 0.5)
	}
	m := expression.NewMachine()
	f.Fuzz(func(t *testing.T, text, value string, whole int, n float64) {
		row(m, values{"first": value, "last": value, "age": whole, "score": n})
		for _, compile := range []func(string, []expression.Column) (*expression.Program, error){expression.Compile, expression.Template} {
			begun := time.Now()
			if _, err := compile(text, nil); err == nil && time.Since(begun) > 5*time.Second {
				t.Error("takes too long without columns")
			}
			p, err := compile(text, columns)
			if err != nil {
				if p := err.(*expression.Problem); p.Line < 1 || p.Column < 1 || p.What == "" || strings.Contains(p.What, "cannot be compiled: ") { //nolint:errorlint // it is
					t.Errorf("%+v", p)
				}
				continue
			}
			v, err := m.Run(p)
			if time.Since(begun) > 5*time.Second {
				t.Error("takes too long")
			}
			if err != nil {
				if len(value) > 12 && strings.Contains(err.Error(), value) {
					t.Errorf("%v repeats a value", err)
				}
				continue
			}
			ok := v == nil && p.Nullable()
			switch v.(type) {
			case string:
				ok = p.Type() == expression.Text
			case int:
				ok = p.Type() == expression.Whole
			case float64:
				ok = p.Type() == expression.Number
			case bool:
				ok = p.Type() == expression.Truth
			}
			if !ok {
				t.Errorf("%v (%T) of %s", v, v, p.Type())
			}
		}
	})
}
