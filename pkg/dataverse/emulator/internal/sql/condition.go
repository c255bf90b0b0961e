package sql

import (
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/fetchxml"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

func (p *parser) or() (odata.Expression, error) { return p.junction("or", p.and) }

func (p *parser) and() (odata.Expression, error) { return p.junction("and", p.not) }

func (p *parser) junction(operator string, operand func() (odata.Expression, error)) (odata.Expression, error) {
	left, err := operand()
	for err == nil && p.take(operator) {
		var right odata.Expression
		if right, err = operand(); err == nil {
			left = &odata.Binary{Operator: operator, Left: left, Right: right}
		}
	}
	return left, err
}

func (p *parser) not() (odata.Expression, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, invalid("the condition is nested too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("not"):
		e, err := p.not()
		return &odata.Not{Of: e}, err
	case p.take("("):
		e, err := p.or()
		if err == nil && !p.take(")") {
			err = p.unexpected()
		}
		return e, err
	}
	return p.comparison()
}

// comparisons are the operators that OData spells in letters.
//
//nolint:gochecknoglobals // constant table
var comparisons = map[string]string{"=": "eq", "<>": "ne", "!=": "ne", "<": "lt", ">": "gt", "<=": "le", ">=": "ge"}

func (p *parser) comparison() (odata.Expression, error) {
	path, err := p.column()
	if err != nil {
		return nil, err
	}
	if operator, known := comparisons[p.peek().text]; known && p.peek().kind == symbol {
		p.at++
		if t := p.peek(); t.kind == word && !t.number() { // another column
			right, err := p.column()
			return &odata.Binary{Operator: operator, Left: path, Right: right}, err
		}
		v, err := p.value()
		return &odata.Binary{Operator: operator, Left: path, Right: v}, err
	}
	if p.take("is") {
		operator := "eq"
		if p.take("not") {
			operator = "ne"
		}
		if !p.take("null") {
			return nil, p.unexpected()
		}
		return &odata.Binary{Operator: operator, Left: path, Right: odata.Literal{Kind: odata.Null}}, nil
	}
	negated := p.take("not")
	e, err := p.match(path)
	if err == nil && negated {
		e = &odata.Not{Of: e}
	}
	return e, err
}

// match reads what may have a NOT before it.
func (p *parser) match(path odata.Path) (odata.Expression, error) {
	switch {
	case p.take("like"):
		t := p.next()
		if t.kind != quoted {
			return nil, invalid("LIKE takes a text in quotes")
		}
		e, known := fetchxml.Like(path, t.text)
		if !known {
			return nil, unknown("wildcards other than % at the ends of a pattern")
		}
		return e, nil
	case p.take("between"):
		low, err := p.value()
		if err != nil {
			return nil, err
		}
		if !p.take("and") {
			return nil, p.unexpected()
		}
		high, err := p.value()
		return &odata.Binary{
			Operator: "and", Left: &odata.Binary{Operator: "ge", Left: path, Right: low}, Right: &odata.Binary{Operator: "le", Left: path, Right: high},
		}, err
	case p.take("in"):
		if !p.take("(") {
			return nil, p.unexpected()
		}
		if p.is("select") {
			return nil, unknown("a SELECT in a condition")
		}
		var any odata.Expression
		for again := true; again; again = p.take(",") {
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			var one odata.Expression = &odata.Binary{Operator: "eq", Left: path, Right: v}
			if any != nil {
				one = &odata.Binary{Operator: "or", Left: any, Right: one}
			}
			any = one
		}
		if !p.take(")") {
			return nil, p.unexpected()
		}
		return any, nil
	}
	return nil, p.unexpected()
}

// value reads a literal.
func (p *parser) value() (odata.Expression, error) {
	t := p.next()
	if t.kind != quoted && !t.number() {
		p.at--
		return nil, p.unexpected()
	}
	return odata.Literal{Kind: odata.Untyped, Text: t.text}, nil
}

func (p *parser) isAny(texts ...string) bool { return slices.ContainsFunc(texts, p.is) }
