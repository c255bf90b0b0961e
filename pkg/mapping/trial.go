package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A Failure is what one test of a sync found otherwise than it expects. It shows values: those of the test.
type Failure struct {
	At     document.Position `json:"-"`
	Place  string            `json:"place"`            // file:line:column
	Test   string            `json:"test,omitempty"`   // its name
	Column string            `json:"column,omitempty"` // Dataverse, or warehouse for what is given
	Got    string            `json:"got,omitempty"`    // as it is sent
	Want   string            `json:"want,omitempty"`
	What   string            `json:"what,omitempty"` // in place of Got and Want: why the test cannot be run
}

// String reads as "syncs/contacts.yaml:31:5: firstname: got "a", want "b"".
func (f Failure) String() string {
	s := f.Place + ": "
	if f.Test != "" {
		s += f.Test + ": "
	}
	if f.Column != "" {
		s += f.Column + ": "
	}
	if f.What != "" {
		return s + f.What
	}
	return s + "got " + f.Got + ", want " + f.Want
}

// Try runs the tests of a sync, without a warehouse and without Dataverse: the rows that they give are rendered by the plan
// that a run would use. The error is [Problems] when the sync cannot be compiled.
func Try(in Input) ([]Failure, error) {
	p, err := Compile(in)
	if err != nil {
		return nil, err
	}
	t := trial{in: in, plan: p}
	for _, test := range in.Sync.Tests {
		t.run(test)
	}
	return t.failures, nil
}

// A trial is the tests of one sync being run.
type trial struct {
	in       Input
	plan     *Plan
	test     spec.Test
	failures []Failure
}

func (t *trial) fail(at document.Position, f Failure) {
	f.At, f.Place, f.Test = at, at.String(), t.test.Name
	t.failures = append(t.failures, f)
}

func (t *trial) run(test spec.Test) {
	t.test = test
	values := map[string]spec.Value{}
	for _, g := range test.Given {
		if !slices.ContainsFunc(t.in.Model, func(c SourceColumn) bool { return c.Name == g.Column }) {
			var known []string
			for _, c := range t.in.Model {
				known = append(known, c.Name)
			}
			t.fail(g.At, Failure{Column: g.Column, What: "the model has no column " + g.Column + "; " + document.DidYouMean(g.Column, known)})
			return
		}
		values[g.Column] = g.Value
	}
	row, err := t.plan.given(t.in.Model, values)
	if err != nil {
		t.fail(test.At, Failure{What: err.Error()})
		return
	}
	data, _, cause := t.plan.Append(nil, nil, row)
	switch want := test.Refused; {
	case cause != nil && want.Code != "":
		if cause.Code != want.Code || want.Column != "" && cause.Column != want.Column {
			t.fail(want.At, Failure{Got: "a row that is refused as " + cause.Code + " of " + cause.Column, Want: strings.TrimSuffix(want.Code+" of "+want.Column, " of ")})
		}
		return
	case cause != nil:
		t.fail(test.At, Failure{Column: cause.Column, What: "the row is refused as " + cause.Code + ": " + cause.Message})
		return
	case want.Code != "":
		t.fail(want.At, Failure{Got: string(data), Want: "a row that is refused as " + want.Code})
		return
	}
	t.compare(data)
}

// compare holds a body against what is expected of it.
func (t *trial) compare(data []byte) {
	body := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &body); err != nil {
		t.fail(t.test.At, Failure{What: "what is sent is no JSON: " + err.Error()})
		return
	}
	for _, x := range t.test.Expect {
		column, found := t.in.Table.Column(x.Column)
		if !found {
			var names []string
			for _, c := range t.in.Table.Columns {
				names = append(names, c.Name)
			}
			t.fail(x.At, Failure{Column: x.Column, What: "table " + t.in.Table.LogicalName + " has no column " + x.Column + "; " + document.DidYouMean(x.Column, names)})
			continue
		}
		want, err := t.expected(x, column)
		if err != nil {
			t.fail(x.At, Failure{Column: x.Column, What: err.Error()})
			continue
		}
		if got := sent(body, column); got != want {
			t.fail(x.At, Failure{Column: x.Column, Got: got, Want: want})
		}
	}
	for _, name := range t.test.Absent {
		column, found := t.in.Table.Column(name.Column)
		if !found {
			t.fail(name.At, Failure{Column: name.Column, What: "table " + t.in.Table.LogicalName + " has no column " + name.Column})
		} else if got := sent(body, column); got != nothing {
			t.fail(name.At, Failure{Column: name.Column, Got: got, Want: nothing})
		}
	}
}

const nothing = "nothing: the column is left out"

// sent is what a body says of a column: its value, or the address that a lookup is bound to.
func sent(body map[string]json.RawMessage, column *dataverse.Column) string {
	if v, found := body[column.Name]; found {
		return string(v)
	}
	for _, target := range column.Targets {
		for _, name := range []string{target.Navigation, target.Navigation + "@odata.bind"} {
			if v, found := body[name]; found {
				return string(v)
			}
		}
	}
	return nothing
}

// expected is how an expectation reads in a body: it is rendered as a constant of the map would be.
func (t *trial) expected(x spec.Expectation, column *dataverse.Column) (string, error) {
	if x.Value == "null" {
		return "null", nil
	}
	in := t.in
	f := spec.Field{Column: x.Column, Const: x.Value, To: x.Table, By: x.By}
	i := slices.IndexFunc(in.Sync.Map, func(m spec.Field) bool { return m.Column == x.Column })
	if i >= 0 { // parts of a key come in the order of the map
		f.Language, f.By = in.Sync.Map[i].Language, slices.Clone(f.By)
		slices.SortStableFunc(f.By, func(a, b spec.Part) int {
			place := func(p spec.Part) int {
				return slices.IndexFunc(in.Sync.Map[i].By, func(m spec.Part) bool { return m.Key == p.Key })
			}
			return place(a) - place(b)
		})
	}
	c := &compiler{Input: in, plan: &Plan{table: t.plan.table, operation: t.plan.operation}, sources: map[string]source{}}
	if len(f.By) > 0 {
		c.constantParts(&f)
		c.lookup(f, column)
		c.freeze(f, 0)
	} else {
		c.compute(f, column)
	}
	if len(c.problems) > 0 {
		why := c.problems[0].What
		if c.problems[0].Mend != "" {
			why += "; " + c.problems[0].Mend
		}
		return "", fmt.Errorf("what is expected can never be sent: %s", why)
	}
	for _, kept := range []*field{c.states.state, c.states.status} {
		if kept != nil {
			return strconv.Itoa(int(kept.choices.options[0])), nil
		}
	}
	_, value, _ := strings.Cut(c.plan.fields[0].name, `":`)
	return value, nil
}

// given makes a row of the values of a test. Columns that are not given are NULL.
func (p *Plan) given(model []SourceColumn, values map[string]spec.Value) (*Row, error) {
	columns := map[string]any{}
	for _, m := range model {
		s := understand(m)
		value, found := values[m.Name]
		switch {
		case found:
			v, err := s.given(value)
			if err != nil {
				return nil, err
			}
			columns[m.Name] = v
		case s.nullable:
			columns[m.Name] = nil
		}
	}
	scope := func(name string) (any, error) {
		v, found := columns[name]
		if !found {
			return nil, fmt.Errorf("given lacks %s, which the mapping reads and which is never NULL; add it to given", name)
		}
		return v, nil
	}
	r := p.NewRow()
	key, err := evaluate(p.key, scope)
	if err != nil {
		return nil, err
	}
	r.Key = asText(key)
	for i, s := range p.masks {
		if v, found := columns[s.name]; found && v == nil {
			r.mark(bit(i), true)
		}
	}
	for _, read := range p.reads {
		v, err := evaluate(read.Expr, scope)
		if err != nil {
			return nil, err
		}
		if !r.scan(read, v) {
			return nil, fmt.Errorf("%s cannot be read offline; this is a fault of the program, please report it", read.Source)
		}
	}
	return r, nil
}

// scan puts a value where a scan would put it.
func (r *Row) scan(read ReadColumn, value any) bool {
	n, numeric := value.(numeral)
	switch read.Kind {
	case String:
		r.strings[read.slot] = asText(value)
		return true
	case Int64:
		v, ok := n.int64()
		r.ints[read.slot] = v
		return ok && numeric
	case UInt64, UInt8:
		var v uint64
		if _, err := fmt.Sscan(asText(value), &v); err != nil {
			return false
		}
		if read.Kind == UInt8 {
			r.bytes[read.slot] = uint8(v)
		} else {
			r.uints[read.slot] = v
		}
		return numeric
	case Float64:
		f, ok := value.(float64)
		if !ok {
			f = float(asText(value))
		}
		r.floats[read.slot] = f
		return ok || numeric
	}
	return false
}
