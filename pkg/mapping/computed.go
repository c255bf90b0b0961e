package mapping

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/expression"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A computed source has its values made in Go, of columns that are read: an expression, a template, or a constant. Its
// values are put where a scan puts those of a column, so that one way leads from there into the body.
type computed struct {
	column   string // Dataverse, for the cause
	name     string // of the source, in messages
	program  *expression.Program
	inputs   []operand // what the program reads
	constant string    // the value as text, where there is no program
	outputs  []output
	null     bit
}

// An operand is a column that an expression reads.
type operand struct {
	source source
	kind   Kind
	slot   int
	null   bit
}

// An output is a place that a value is put into.
type output struct {
	kind Kind
	slot int
}

// computes reports whether a field is filled by something else than a column.
func computes(f spec.Field) bool { return f.Expr != "" || f.Template != "" || f.Const != "" }

// compute compiles a field that is filled by an expression, a template or a constant.
func (c *compiler) compute(f spec.Field, column *dataverse.Column) {
	switch {
	case column.Type == dataverse.Lookup && f.Const != "":
		c.report(f, "", "a constant cannot fill a lookup, which names a record by its key",
			fmt.Sprintf("write %s: {to: team, by: {teamid: {const: …}}}, with its own table and key", f.Column))
	case column.Type == dataverse.Lookup:
		c.report(f, "", "what is computed cannot fill a lookup, which names a record by its key", "compute the key in the model, and name its column in by")
	case f.Mask != "":
		c.report(f, "", "mask is for columns: it is made in the warehouse, which knows no expressions and constants", "make the value in the model, and mask that")
	case f.Const != "":
		c.constant(f, column)
	default:
		c.expression(f, column)
	}
}

// expression compiles an expression or a template, and then the field as if a column had its values.
func (c *compiler) expression(f spec.Field, column *dataverse.Column) {
	what := "expression"
	if f.Template != "" {
		what = "template"
	}
	program, err := f.Compute(c.operands())
	if err != nil {
		c.misspelt(f, err)
		return
	}
	v := &computed{column: f.Column, name: c.unused("the " + what + " of " + f.Column), program: program}
	for _, name := range program.Columns() {
		s, found := c.source(f, name)
		if !found {
			return
		}
		kind, expr, _ := s.operand()
		v.inputs = append(v.inputs, operand{s, kind, c.read(kind, expr, s.name), c.bit(s)})
	}
	s := source{name: v.name, typ: program.Type().String(), nullable: program.Nullable(), computed: v}
	s.class, s.unknown = classOf(program.Type()), program.Type() == expression.Unknown
	v.null = c.bit(s)
	c.plan.computed = append(c.plan.computed, v)
	c.value(f, column, s)
}

// misspelt reports what is wrong with an expression.
func (c *compiler) misspelt(f spec.Field, err error) {
	var p document.Problem
	if !errors.As(err, &p) {
		c.report(f, "", err.Error(), "")
		return
	}
	f.At = p.Position
	for _, s := range c.sources {
		if _, _, usable := s.operand(); !usable {
			if at, found := strings.CutPrefix(p.What, "there is no column or function "+s.name+" ("); found {
				p.What, p.Mend = s.typ+" cannot be used in an expression: "+s.name+" ("+at, "write toString("+s.name+") AS "+s.name+" in the model"
			}
		}
	}
	c.report(f, "", p.What, p.Mend)
}

// operands are the columns that expressions can read; nil where the model is not known.
func (c *compiler) operands() []expression.Column {
	if c.modelless {
		return nil
	}
	all := []expression.Column{}
	for _, name := range c.known {
		s := c.sources[name]
		if kind, _, ok := s.operand(); ok {
			all = append(all, expression.Column{Name: s.name, Type: s.typeOf(kind), Nullable: s.nullable})
		}
	}
	return all
}

// operand says how a column is read for an expression. Decimals and whole numbers beyond 64 bits are text: no float has
// their digits. So are dates, in the form in which they are sent.
func (s source) operand() (kind Kind, expr string, ok bool) {
	switch s.class { //nolint:exhaustive // the rest is text, or nothing
	case signed:
		return Int64, s.plain(s.cast("Int64"), "0"), true
	case unsigned, small:
		return UInt64, s.plain(s.cast("UInt64"), "0"), true
	case float32s, float64s:
		return Float64, s.plain(s.cast("Float64"), "0"), true
	case boolean:
		return UInt8, s.plain(s.cast("UInt8"), "0"), true
	}
	readable := s.class.spells() || s.class == date || s.class == dateTime || s.class == dateTime64
	return String, s.plain(s.text(), "''"), readable || s.unknown
}

func (s source) typeOf(kind Kind) expression.Type {
	switch kind {
	case Int64, UInt64:
		return expression.Whole
	case Float64:
		return expression.Number
	case UInt8:
		return expression.Truth
	case String:
	}
	return expression.Text
}

func classOf(t expression.Type) class {
	switch t {
	case expression.Whole:
		return signed
	case expression.Number:
		return float64s
	case expression.Truth:
		return boolean
	case expression.Unknown, expression.Text:
	}
	return text
}

// unused makes a name that no column of the model has.
func (c *compiler) unused(name string) string {
	for slices.Contains(c.known, name) {
		name += "'"
	}
	return name
}

// place asks for room for the value in the form that a reading wants.
func (v *computed) place(c *compiler, kind Kind) int {
	for _, o := range v.outputs {
		if o.kind == kind {
			return o.slot
		}
	}
	slot := c.plan.slots[kind]
	c.plan.slots[kind]++
	v.outputs = append(v.outputs, output{kind, slot})
	return slot
}

// mend says what the expression could give instead.
func (v *computed) mend(column *dataverse.Column, s source) string {
	switch {
	case v.program == nil && column.Type == dataverse.Boolean:
		return "write true or false"
	case v.program == nil && column.Type == dataverse.DateTime && column.Behavior == dataverse.DateOnly:
		return `write "2026-01-31"`
	case v.program == nil && column.Type == dataverse.DateTime:
		return `write "2026-01-31T12:00:00Z"`
	case v.program == nil && s.class == boolean && (column.Type == dataverse.Text || column.Type == dataverse.Memo):
		return `write "` + v.constant + `", in quotes`
	case v.program == nil:
		return ""
	case column.Type == dataverse.Text || column.Type == dataverse.Memo:
		return "make it text: string(…)"
	case s.class == boolean:
		return "choose between two values: … ? 1 : 0"
	case column.Type == dataverse.Boolean:
		return "make it true or false: … == 1"
	case s.class == float64s:
		return "make it a whole number: round(…)"
	}
	return "compute it in the model"
}

// run computes the values of a row. They stand in the row until the next scan.
func (p *Plan) run(r *Row) *penstock.Cause {
	for _, v := range p.computed {
		if v.program == nil {
			continue
		}
		for i := range v.inputs {
			in := &v.inputs[i]
			value, ok := r.operand(in)
			if !ok {
				return refuse(v.column, "expression_failed", "%s: %s goes beyond 64 bits with a sign", v.name, in.source.name)
			}
			r.machine.Set(in.source.name, value)
		}
		value, err := r.machine.Run(v.program)
		if err != nil {
			return refuse(v.column, "expression_failed", "%s: %s", v.name, err)
		}
		r.mark(v.null, value == nil)
		for _, o := range v.outputs {
			r.put(o, value)
		}
	}
	return nil
}

// operand is a column's value for an expression; false when an expression cannot have it.
func (r *Row) operand(in *operand) (any, bool) {
	if r.null(in.null) {
		return nil, true
	}
	switch in.kind {
	case Int64:
		return int(r.ints[in.slot]), true
	case UInt64:
		return int(r.uints[in.slot]), r.uints[in.slot] <= math.MaxInt64
	case Float64:
		v := r.floats[in.slot]
		if in.source.class == float32s { // 0.1 is 0.1, and not the double that is nearest to the float that is nearest
			v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64)
		}
		return v, true
	case UInt8:
		return r.bytes[in.slot] != 0, true
	case String:
	}
	return r.strings[in.slot], true
}

// mark notes whether a computed value is NULL.
func (r *Row) mark(b bit, null bool) {
	switch {
	case b < 0:
	case null:
		r.masks[b>>6] |= 1 << (b & 63)
	default:
		r.masks[b>>6] &^= 1 << (b & 63)
	}
}

// put stores a value in the form of its place. Which forms there are for a type is what [pair] decides.
func (r *Row) put(o output, value any) {
	switch o.kind {
	case String:
		switch v := value.(type) {
		case string:
			r.strings[o.slot] = v
		case int:
			r.strings[o.slot] = strconv.Itoa(v)
		case float64:
			r.strings[o.slot] = strconv.FormatFloat(v, 'f', -1, 64)
		case bool:
			r.strings[o.slot] = strconv.FormatBool(v)
		}
	case Int64:
		if v, ok := value.(int); ok {
			r.ints[o.slot] = int64(v)
		}
	case UInt64:
		if v, ok := value.(int); ok {
			r.uints[o.slot] = uint64(v)
		}
	case Float64:
		switch v := value.(type) {
		case float64:
			r.floats[o.slot] = v
		case int:
			r.floats[o.slot] = float64(v)
		}
	case UInt8:
		if v, ok := value.(bool); ok {
			r.bytes[o.slot] = 0
			if v {
				r.bytes[o.slot] = 1
			}
		}
	}
}
