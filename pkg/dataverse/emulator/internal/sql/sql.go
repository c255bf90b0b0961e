// Package sql reads the SELECT of the query option sql, as far as it is another spelling of an OData query on one table: columns, TOP, WHERE and
// ORDER BY. Joins, groups, functions and aliases of columns are not known to it.
package sql

import (
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// A Query is what a SELECT asks for. Its paths are logical names, and its literals odata.Untyped.
type Query struct {
	Table   string
	Options odata.Options // Select is nil for *
}

// maxDepth bounds the nesting of a condition, and with it the stack.
const maxDepth = 100

type parser struct {
	tokens []token
	at     int
	depth  int
	alias  string // of the table, or its name
}

// Parse reads a SELECT. The error is an *odata.Error.
func Parse(text string) (Query, error) {
	q := Query{Options: odata.Options{Top: -1}}
	all, err := tokens(text)
	if err != nil {
		return q, err
	}
	p := &parser{tokens: all}
	if !p.take("select") {
		return q, invalid("a query begins with SELECT, not with '" + p.peek().text + "'")
	}
	if p.is("distinct") {
		return q, unknown("DISTINCT")
	}
	if p.take("top") {
		bracket := p.take("(")
		if q.Options.Top, err = strconv.Atoi(p.next().text); err != nil || q.Options.Top < 0 {
			return q, invalid("TOP takes a number")
		}
		if bracket && !p.take(")") {
			return q, p.unexpected()
		}
	}
	columns := p.at // which come before the table that may be named in them
	for depth := 0; depth > 0 || !p.is("from"); p.at++ {
		switch t := p.peek(); {
		case t.kind == end:
			return q, invalid("the SELECT has no FROM")
		case t.text == "(" && t.kind == symbol:
			depth++
		case t.text == ")" && t.kind == symbol:
			depth--
		}
	}
	p.at++
	name := p.next()
	if name.kind != word {
		return q, invalid("FROM is followed by the name of a table")
	}
	q.Table, p.alias = strings.ToLower(name.text), strings.ToLower(name.text)
	if named := p.take("as"); named || p.peek().kind == word && !p.isAny("where", "order", "inner", "left", "right", "full", "cross", "join", "group", "having", "union", "offset") {
		p.alias = strings.ToLower(p.next().text)
	}
	rest := p.at
	p.at = columns
	if q.Options.Select, err = p.columns(); err != nil {
		return q, err
	}
	p.at = rest
	return q, p.clauses(&q)
}

// columns reads what stands between SELECT and FROM.
func (p *parser) columns() ([]string, error) {
	if p.take("*") {
		if p.is("from") {
			return nil, nil
		}
		return nil, p.unexpected()
	}
	selected := []string{}
	for {
		path, err := p.column()
		if err != nil {
			return nil, err
		}
		selected = append(selected, path[0])
		switch {
		case p.take(","):
		case p.is("from"):
			return selected, nil
		case p.peek().kind == word:
			return nil, unknown("aliases of columns")
		default:
			return nil, p.unexpected()
		}
	}
}

// clauses reads what follows the table.
func (p *parser) clauses(q *Query) (err error) {
	if p.take("where") {
		if q.Options.Filter, err = p.or(); err != nil {
			return err
		}
	}
	if p.take("order") {
		if !p.take("by") {
			return p.unexpected()
		}
		for again := true; again; again = p.take(",") {
			path, err := p.column()
			if err != nil {
				return err
			}
			descending := p.take("desc")
			if !descending {
				p.take("asc")
			}
			q.Options.Order = append(q.Options.Order, odata.Order{Path: path, Descending: descending})
		}
	}
	p.take(";")
	switch t := p.peek(); {
	case t.kind == end:
		return nil
	case p.isAny("inner", "left", "right", "full", "cross", "join", "group", "having", "union", "offset", ","):
		return unknown(strings.ToUpper(t.text))
	}
	return p.unexpected()
}

// column reads the name of a column, with the table's name or alias before it or without.
func (p *parser) column() (odata.Path, error) {
	t := p.peek()
	if t.kind != word || p.is("from") {
		return nil, p.unexpected()
	}
	p.at++
	if p.is("(") {
		return nil, unknown("functions as " + strings.ToUpper(t.text))
	}
	name := strings.ToLower(t.text)
	if table, column, qualified := strings.Cut(name, "."); qualified {
		if table != p.alias {
			return nil, invalid("'" + t.text + "' is of no table in the query")
		}
		name = column
	}
	return odata.Path{name}, nil
}
