package odata

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text writes a tree with all its parentheses.
func text(e Expression) string {
	switch e := e.(type) {
	case nil:
		return "-"
	case Literal:
		return fmt.Sprintf("%s:%s", e.Edm(), e.Text)
	case List:
		var parts []string
		for _, l := range e {
			parts = append(parts, text(l))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case Path:
		return strings.Join(e, "/")
	case *Binary:
		return "(" + text(e.Left) + " " + e.Operator + " " + text(e.Right) + ")"
	case *Not:
		return "!" + text(e.Of)
	case *Call:
		s := strings.Join(append(e.Path[:len(e.Path):len(e.Path)], e.Name), "/") + "("
		for _, a := range e.Arguments {
			s += text(a) + ";"
		}
		for _, name := range []string{"PropertyName", "PropertyValue", "PropertyValues"} {
			if v, ok := e.Named[name]; ok {
				s += name + "=" + text(v) + ";"
			}
		}
		return s + ")"
	case *Lambda:
		return fmt.Sprintf("%s{%v %s:%s}", text(e.Path), e.All, e.Variable, text(e.Body))
	}
	return "?"
}

func TestExpressionsAreReadByPrecedence(t *testing.T) {
	aliases := map[string]string{"@p": "'O''Brien'", "@list": `["a","b,c"]`}
	for in, want := range map[string]string{
		"a eq 1 or b eq 2 and not c":                      "((a eq Edm.Int32:1) or ((b eq Edm.Int32:2) and !c))",
		"not contains(name,'x')":                          "!contains(name;Edm.String:x;)",
		"not (a lt -1.5)":                                 "!(a lt Edm.Decimal:-1.5)",
		"a eq null":                                       "(a eq <null>:)",
		"a eq 5F3C0000-0000-0000-0000-00000000000a":       "(a eq Edm.Guid:5f3c0000-0000-0000-0000-00000000000a)",
		"on ge 2026-01-31 and at lt 2026-01-31T10:00:00Z": "((on ge Edm.Date:2026-01-31) and (at lt Edm.DateTimeOffset:2026-01-31T10:00:00Z))",
		"nav/name eq @p":                                  "(nav/name eq Edm.String:O'Brien)",
		"firstname eq lastname":                           "(firstname eq lastname)",
		"list/any(c:c/name eq 'x' or c/a eq true)":        "list{false c:((c/name eq Edm.String:x) or (c/a eq Edm.Boolean:true))}",
		"list/all(c: c/a ne 1)":                           "list{true c:(c/a ne Edm.Int32:1)}",
		"list/any()":                                      "list{false :-}",
		"Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=['1','2'])": "Microsoft.Dynamics.CRM.In(PropertyName=Edm.String:x;PropertyValues=[Edm.String:1 Edm.String:2];)",
		"M.In(PropertyName=@p,PropertyValues=@list)":                           "M.In(PropertyName=Edm.String:O'Brien;PropertyValues=[Edm.String:a Edm.String:b,c];)",
		"c/M.Today(PropertyName='x')":                                          "c/M.Today(PropertyName=Edm.String:x;)",
		"a in (1,2)":                                                           "(a in [Edm.Int32:1 Edm.Int32:2])",
	} {
		e, err := Parse(in, aliases)
		if err != nil || text(e) != want {
			t.Errorf("%s: %s %v, want %s", in, text(e), err, want)
		}
	}
	for _, in := range []string{"", "a eq", "a like 'x'", "(a eq 1", "a eq 1)", "a eq 'x", "contains(a,'x'", "a eq @nothing", "a/ eq 1", "a eq 1 b", strings.Repeat("(", 500), strings.Repeat("not ", 500) + "a"} {
		var refused *Error
		if e, err := Parse(in, nil); !errors.As(err, &refused) {
			t.Errorf("%.40q was read as %s", in, text(e))
		}
	}
}

func TestOptionsAreReadWithNestedExpands(t *testing.T) {
	o, err := ParseOptions("$select=a,%20b&%24filter=name%20eq%20'x%26y'&$orderby=a desc,n/b&$top=3&$count=true&tag=x&" +
		"$expand=one($select=c;$expand=two($select=d,e)),many($filter=contains(x,'a;b,(');$orderby=y desc;$top=2)")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %s %v %d %v", o.Select, text(o.Filter), o.Order, o.Top, o.Count)
	if got != "[a b] (name eq Edm.String:x&y) [{[a] true} {[n b] false}] 3 true" {
		t.Errorf("got %s", got)
	}
	if len(o.Expand) != 2 || o.Expand[0].Name != "one" || o.Expand[0].Options.Expand[0].Options.Select[1] != "e" {
		t.Fatalf("got %+v", o.Expand)
	}
	many := o.Expand[1]
	if text(many.Options.Filter) != "contains(x;Edm.String:a;b,(;)" || many.Options.Top != 2 || !many.Options.Order[0].Descending ||
		many.Text != "$filter=contains%28x%2C%27a%3Bb%2C%28%27%29&$orderby=y%20desc&$top=2" {
		t.Errorf("got %+v", many)
	}
	for _, in := range []string{
		"$skip=1", "$top=x", "$top=-1", "$search=x", "$count=1", "$filter=%zz", "$expand=a($count=true)", "$expand=a($select", "$expand=(", "$orderby=a up", "$select=a,",
		"$expand=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", "$apply=groupby(a)", "$apply=aggregate(a as b)", "$apply=concat(a)",
	} {
		if _, err := ParseOptions(in); err == nil {
			t.Errorf("%s was accepted", in)
		}
	}
}

func TestApplyIsReadStepByStep(t *testing.T) {
	o, err := ParseOptions("$apply=filter(a eq 1)/groupby((b,n/c),aggregate(d with sum as total,$count as n))")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s %v %v", text(o.Apply[0].Filter), o.Apply[1].Group, o.Apply[1].Aggregates); got != "(a eq Edm.Int32:1) [[b] [n c]] [{[d] sum total} {[] $count n}]" {
		t.Errorf("got %s", got)
	}
}

// FuzzParseOptions: nothing panics or hangs, and a refusal is one of ours.
func FuzzParseOptions(f *testing.F) {
	for _, seed := range []string{
		"$select=a,b&$filter=name eq 'O''Brien' and not (x gt 1.5)&$orderby=a desc&$top=1", "$expand=a($select=b;$expand=c($filter=x eq 'y;z')),d",
		"$filter=l/any(c:c/x eq 1)&$count=true", "$filter=M.In(PropertyName='x',PropertyValues=[\"a\",'b'])", "$filter=a eq @p&@p='x'", "$apply=groupby((a),aggregate($count as n))",
		"$filter=a eq 2026-01-31T10:00:00%2B02:00", "%24expand=(((", "$filter='", "$filter=\"\\", "$expand=a(($)", "$filter=" + strings.Repeat("(", 200),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		o, err := ParseOptions(query)
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%q: %v", query, err)
		}
		if err == nil {
			_ = text(o.Filter)
		}
	})
}
