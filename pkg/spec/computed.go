package spec

import (
	"errors"
	"fmt"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/expression"
)

// Compute compiles the expression or template of a field that has one; columns is as in [expression.Compile]. The error is a
// [document.Problem], at the place in the file where the mistake is as far as that is known.
func (f Field) Compute(columns []expression.Column) (*expression.Program, error) {
	compile, text, what := expression.Compile, f.Expr, "expression"
	if f.Template != "" {
		compile, text, what = expression.Template, f.Template, "template"
	}
	program, err := compile(text, columns)
	var fault *expression.Problem
	if !errors.As(err, &fault) {
		return program, err
	}
	p := document.Problem{Position: f.At, Mend: fault.Mend}
	character := fmt.Sprintf("character %d", fault.Column)
	if fault.Line > 1 {
		character = fmt.Sprintf("line %d, ", fault.Line) + character
	}
	p.What = fmt.Sprintf("%s (%s of the %s)", fault.What, character, what)
	if f.TextAt.Line > 0 {
		p.Position = f.TextAt
		if fault.Line == 1 {
			p.Column += fault.Column - 1
		}
	}
	return nil, p
}

// reads lists the columns that the expression or template of a field reads. What is wrong with it whatever the columns are is
// a problem.
func (r *reader) reads(f Field) []string {
	if f.Expr == "" && f.Template == "" {
		return nil
	}
	program, err := f.Compute(nil)
	if p := (document.Problem{}); errors.As(err, &p) {
		p.What = "map." + f.Column + ": " + p.What
		r.Problems = append(r.Problems, p)
		return nil
	}
	return program.Columns()
}
