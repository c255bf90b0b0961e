// Package expression computes values from the columns of a row: expressions of expr-lang, and templates of text with
// {{expressions}}. It wraps the library so that an expression is typed, bounded, and the same for the same row always:
//
//   - Columns and results are text, whole numbers, numbers or truth values; what does not fit is found by [Compile].
//   - The functions are those of [Functions]. None reads a clock, an environment or a file.
//   - NULL is nil. What is computed from NULL is NULL as a whole; nil can be compared with == and !=, looked for with in, and
//     replaced with ??.
//   - Whole numbers do not wrap around: what goes beyond 64 bits is an error. Text has a greatest length, there are no loops,
//     and expressions are short.
package expression

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Version is that of what expressions mean. Raise it when the same text comes to give another value, by a change here or of
// the library: rows are then sent again.
const Version = 1

// The bounds of one expression.
const (
	maxLength  = 4_000 // bytes of its text
	maxNodes   = 500
	maxText    = 1 << 20 // bytes of a text that it makes on the way
	maxElems   = 10_000  // of lists
	maxPattern = 2_000   // instructions of a regular expression
)

// A Type of columns and results.
type Type uint8

// The types. Their values are string, int, float64 and bool.
const (
	Unknown Type = iota // of a result, where the columns are not known
	Text
	Whole
	Number
	Truth
)

// String is how people call the type.
func (t Type) String() string {
	return [...]string{"what the model gives", "text", "a whole number", "a number", "true or false"}[t]
}

// A Column can be read by an expression.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
}

// A Problem is why an expression cannot be compiled.
type Problem struct {
	Line, Column int // within the text, from 1
	What, Mend   string
}

// Error is what is wrong, with its place in the text.
func (p *Problem) Error() string {
	s := fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.What)
	if p.Mend != "" {
		s += "; " + p.Mend
	}
	return s
}

// A Program is an expression or a template, compiled. It is read-only.
type Program struct {
	typ      Type
	nullable bool
	columns  []string
	code     *vm.Program // of an expression
	parts    []piece     // of a template
}

// Type is that of the result.
func (p *Program) Type() Type { return p.typ }

// Nullable reports whether the result may be NULL.
func (p *Program) Nullable() bool { return p.nullable }

// Columns are those that are read, by name.
func (p *Program) Columns() []string { return p.columns }

// A Machine runs programs over one row after the other. It is for one goroutine.
type Machine struct {
	vm  vm.VM
	env map[string]any
	buf []byte
}

// NewMachine makes a machine whose row has no values yet.
func NewMachine() *Machine {
	return &Machine{vm: vm.VM{MemoryBudget: maxElems}, env: map[string]any{}}
}

// Set gives a column's value: string, int, float64, bool, or nil for NULL.
func (m *Machine) Set(column string, value any) { m.env[key(column)] = value }

// errNull ends an expression that needs a value which is NULL.
var errNull = errors.New("NULL")

// Run computes the result for the row: string, int, float64 or bool by [Program.Type], or nil for NULL. An error says what
// could not be computed, without any value of the row.
func (m *Machine) Run(p *Program) (any, error) {
	if p.parts != nil {
		return m.fill(p)
	}
	v, err := m.vm.Run(p.code, m.env)
	var failed failure
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, errNull):
		return nil, nil
	case errors.As(err, &failed):
		return nil, failed
	}
	// The library's own words may repeat values.
	at := ""
	if f := (*file.Error)(nil); errors.As(err, &f) {
		at = fmt.Sprintf(" at its character %d", f.Column+1)
	}
	return nil, failure("it cannot be computed for this row" + at + ": a list may be too short, or something be divided by zero")
}

// A failure is why a row has no result, in words that repeat none of its values.
type failure string

func (f failure) Error() string { return string(f) }

// Compile compiles an expression over the columns. Where they are not known, columns is nil: any name is one then, and the
// program is not to be run. The error is a [*Problem].
func Compile(text string, columns []Column) (p *Program, err error) {
	defer func() {
		if fault := recover(); fault != nil { // of the library: nobody's folder may stop a service
			p, err = nil, &Problem{1, 1, fmt.Sprintf("the expression cannot be compiled: %v", fault), ""}
		}
	}()
	if len(text) > maxLength {
		return nil, &Problem{1, 1, fmt.Sprintf("the expression is longer than %d bytes", maxLength), "compute the value in the model"}
	}
	tree, err := parser.ParseWithConfig(text, parsing())
	if err != nil {
		return nil, problem(text, err)
	}
	c := checker{text: text, columns: columns, callees: callees{}}
	ast.Walk(&tree.Node, callees(c.callees))
	ast.Walk(&tree.Node, &c)
	if c.problem != nil {
		return nil, c.problem
	}
	p = &Program{columns: c.used}
	slices.Sort(p.columns)
	options := compiling(columns)
	first, err := expr.Compile(text, options...) // as it is written: types are checked on this
	if err != nil {
		return nil, problem(text, err)
	}
	if columns == nil {
		return p, nil
	}
	if p.typ, err = result(first); err != nil {
		return nil, err
	}
	n := nulls{columns: columns}
	if p.code, err = expr.Compile(text, append(options, expr.Patch(&n))...); err != nil {
		return nil, problem(text, err)
	}
	p.nullable = n.raised || n.nilable(tree.Node)
	return p, nil
}

// result is the type of what a program gives.
func result(p *vm.Program) (Type, error) {
	root := p.Node()
	if t := typeOf(root.Type()); t != Unknown {
		return t, nil
	}
	pos := locate(p.Source().String(), root.Location().From)
	switch node := root.(type) {
	case *ast.ConditionalNode:
		pos = locate(p.Source().String(), node.Cond.Location().From)
		pos.What, pos.Mend = "the two outcomes of ? : are of different types", "make both text with string(…), or both numbers with float(…)"
	case *ast.NilNode:
		pos.What, pos.Mend = "nil alone is no value", "drop the column from map"
	case *ast.BinaryNode:
		pos.What, pos.Mend = "the two sides of "+node.Operator+" are of different types", "make both text with string(…), or both numbers with float(…)"
	default:
		pos.What, pos.Mend = "the result is a list", "join it: join(list, ', '), or take one element: list[0]"
	}
	return Unknown, pos
}

func typeOf(t reflect.Type) Type {
	if t == nil {
		return Unknown
	}
	switch t.Kind() {
	case reflect.String:
		return Text
	case reflect.Int:
		return Whole
	case reflect.Float64:
		return Number
	case reflect.Bool:
		return Truth
	}
	return Unknown
}

func parsing() *conf.Config {
	c := conf.CreateNew()
	c.MaxNodes = maxNodes
	c.DisableIfOperator = true
	for name := range c.Builtins {
		c.Disabled[name] = true
		delete(c.Builtins, name)
	}
	for _, f := range Functions() {
		c.Functions[f.Name] = nil
	}
	return c
}

// compiling are the library's options. Builtins are off, since some read the clock, and others have no bound.
func compiling(columns []Column) []expr.Option {
	options := []expr.Option{expr.DisableAllBuiltins(), expr.DisableIfOperator(), expr.MaxNodes(2 * maxNodes), expr.Patch(namesakes{})}
	if columns == nil {
		options = append(options, expr.AllowUndefinedVariables())
	} else {
		env := map[string]any{}
		for _, c := range columns {
			env[key(c.Name)] = [...]any{nil, "", 0, 0.0, false}[c.Type]
		}
		options = append(options, expr.Env(env))
	}
	for _, f := range Functions() {
		options = append(options, expr.Function(f.Name, f.call, f.types...))
	}
	return append(options, hidden()...)
}

// problem puts an error of the library into our words and place.
func problem(text string, err error) *Problem {
	var f *file.Error
	if !errors.As(err, &f) {
		return &Problem{1, 1, err.Error(), ""}
	}
	p := locate(text, f.From)
	p.What = f.Message
	return p
}

// locate finds the line and column of a character.
func locate(text string, at int) *Problem {
	p := &Problem{Line: 1, Column: 1}
	for i, r := range []rune(text) {
		if i == at {
			break
		}
		p.Column++
		if r == '\n' {
			p.Line, p.Column = p.Line+1, 1
		}
	}
	return p
}
