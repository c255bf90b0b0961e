package spec

import (
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
)

// A Test is one row of a sync, and what is to become of it. `penstock test` runs it without a warehouse and without
// Dataverse. Tests are not stored: they change nothing of what runs.
type Test struct {
	Name    string        // may be empty
	Given   []Given       // warehouse columns; those that are left out are NULL
	Expect  []Expectation // columns of the body; those that are left out are not looked at
	Absent  []Name        // columns that the body must not have: a NULL was skipped
	Refused Refusal       // in place of Expect and Absent
	At      document.Position
}

// A Given is the value of one warehouse column.
type Given struct {
	Name
	Value Value // a scalar, a list, or null
}

// An Expectation is what one column of the body is to be.
type Expectation struct {
	Name
	Value Value  // what is sent: a scalar, a list of options, or null
	Table string // of a lookup: the table
	By    []Part // of a lookup: the key, each part a constant
}

// A Name of a column, and where it stands.
type Name struct {
	Column string
	At     document.Position
}

// A Refusal is the cause that a row is to be refused with.
type Refusal struct {
	Column string // Dataverse; empty where any will do
	Code   string // text_too_long
	At     document.Position
}

func (r *reader) tests(n document.Node) []Test {
	var all []Test
	for _, item := range document.List(n) {
		t := Test{At: r.At(item)}
		r.Object(item, "a test",
			document.Optional("name", func(n document.Node) { r.Text(n, "name", &t.Name) }),
			document.Required("given", func(n document.Node) { t.Given = r.row(n) }),
			document.Optional("expect", func(n document.Node) { t.Expect = r.expect(n) }),
			document.Optional("absent", func(n document.Node) {
				for _, item := range document.List(n) {
					t.Absent = append(t.Absent, Name{r.logical(item, "absent"), r.At(item)})
				}
			}),
			document.Optional("refused", func(n document.Node) { t.Refused = r.refused(n) }),
		)
		expects := document.Has(item, "expect") || document.Has(item, "absent")
		switch refused := document.Has(item, "refused"); {
		case document.IsMapping(item) && !refused && !expects:
			r.Problem(item, "add expect: {column: value}, or refused: code", "the test expects nothing")
		case refused && expects:
			r.Problem(item, "keep one of them", "a row that is refused has no body: expect and refused exclude each other")
		}
		all = append(all, t)
	}
	return all
}

func (r *reader) row(n document.Node) []Given {
	entries, _ := r.Pairs(n, "given")
	var all []Given
	for _, e := range entries {
		g := Given{Name: Name{e.Name, r.At(e.Key)}, Value: "null"}
		if !document.IsNull(e.Value) {
			g.Value = r.value(e.Value, "given."+e.Name)
		}
		all = append(all, g)
	}
	return all
}

func (r *reader) expect(n document.Node) []Expectation {
	entries, _ := r.Pairs(n, "expect")
	var all []Expectation
	for _, e := range entries {
		what := "expect." + e.Name
		if !logical.MatchString(e.Name) {
			r.Problem(e.Key, lower(e.Name), "%s does not name a Dataverse column", what)
		}
		x := Expectation{Name: Name{e.Name, r.At(e.Key)}, Value: "null"}
		switch {
		case document.IsMapping(e.Value):
			x.Value = ""
			x.Table, x.By = r.record(e.Value, what)
		case !document.IsNull(e.Value):
			x.Value = r.value(e.Value, what)
		}
		all = append(all, x)
	}
	return all
}

// record reads what a lookup is to name: {account: {accountnumber: A-1}}.
func (r *reader) record(n document.Node, what string) (table string, by []Part) {
	entries := r.Entries(n, what)
	if len(entries) != 1 {
		r.Problem(n, "write {account: {accountnumber: A-1}}", "%s must name one table and its key", what)
		return "", nil
	}
	table = entries[0].Name
	for _, p := range r.Entries(entries[0].Value, what+"."+table) {
		by = append(by, Part{Key: p.Name, Const: r.value(p.Value, what+"."+table+"."+p.Name)})
	}
	if len(by) == 0 {
		r.Problem(n, "write {"+table+": {accountnumber: A-1}}", "%s names no key", what)
	}
	return table, by
}

// refused reads a code, or a column with its code.
func (r *reader) refused(n document.Node) Refusal {
	refusal := Refusal{At: r.At(n)}
	if !document.IsMapping(n) {
		r.Text(n, "refused", &refusal.Code)
		return refusal
	}
	entries := r.Entries(n, "refused")
	if len(entries) != 1 {
		r.Problem(n, "write {emailaddress1: text_too_long}", "refused must name one column and its code")
		return refusal
	}
	refusal.Column = entries[0].Name
	r.Text(entries[0].Value, "refused."+refusal.Column, &refusal.Code)
	refusal.Code = strings.TrimSpace(refusal.Code)
	return refusal
}
