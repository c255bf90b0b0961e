package emulator

import (
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A predicate says whether a row is among what a $filter asks for.
type predicate func(*row) bool

// parseFilter reads a $filter: comparisons of a column with a literal, contains, startswith and endswith, joined by and, or, not and parentheses.
func (t *table) parseFilter(text string) (predicate, *failure) {
	p := &filterParser{table: t, tokens: tokens(text)}
	result := p.or(0)
	if p.failure == nil && p.at < len(p.tokens) {
		p.fail("Syntax error at '%s' in '%s'.", p.tokens[p.at], text)
	}
	return result, p.failure
}

type filterParser struct {
	table   *table
	tokens  []string
	at      int
	failure *failure
}

// tokens cuts a filter into names, literals with their quotes, commas and parentheses.
func tokens(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == ' ':
			i++
			continue
		case c == '(' || c == ')' || c == ',':
			i++
		case c == '\'':
			for i++; i < len(s); i++ {
				if s[i] != '\'' {
					continue
				}
				if i+1 < len(s) && s[i+1] == '\'' {
					i++
					continue
				}
				i++
				break
			}
		default:
			for i < len(s) && !strings.ContainsRune(" (),'", rune(s[i])) {
				i++
			}
		}
		out = append(out, s[start:i])
	}
	return out
}

func (p *filterParser) fail(format string, args ...any) predicate {
	if p.failure == nil {
		p.failure = badURI.says(format, args...)
	}
	return func(*row) bool { return false }
}

func (p *filterParser) next() string {
	if p.at >= len(p.tokens) {
		p.fail("Expression expected at the end of the $filter.")
		return ""
	}
	p.at++
	return p.tokens[p.at-1]
}

func (p *filterParser) take(token string) bool {
	if p.at < len(p.tokens) && p.tokens[p.at] == token {
		p.at++
		return true
	}
	return false
}

// maxDepth bounds the nesting of a filter, and with it the stack.
const maxDepth = 100

func (p *filterParser) or(depth int) predicate {
	left := p.and(depth)
	for p.take("or") {
		a, b := left, p.and(depth)
		left = func(r *row) bool { return a(r) || b(r) }
	}
	return left
}

func (p *filterParser) and(depth int) predicate {
	left := p.unary(depth)
	for p.take("and") {
		a, b := left, p.unary(depth)
		left = func(r *row) bool { return a(r) && b(r) }
	}
	return left
}

func (p *filterParser) unary(depth int) predicate {
	if depth > maxDepth {
		return p.fail("The node count limit of '%d' has been exceeded.", maxDepth)
	}
	switch {
	case p.take("not"):
		a := p.unary(depth + 1)
		return func(r *row) bool { return !a(r) }
	case p.take("("):
		a := p.or(depth + 1)
		if !p.take(")") {
			return p.fail("')' or operator expected in the $filter.")
		}
		return a
	}
	name := p.next()
	if p.take("(") {
		return p.function(name)
	}
	column, ok := p.column(name)
	if !ok {
		return p.fail("%s", unknownColumn(p.table, name).message)
	}
	operator := p.next()
	literal, ok := filterLiteral(&p.table.columns[column], p.next())
	if !ok {
		return p.fail("A binary operator with incompatible types was detected. Found a value that does not fit '%s' for operator kind '%s'.", name, operator)
	}
	return p.compare(column, operator, literal)
}

func (p *filterParser) column(name string) (int, bool) {
	column, ok := p.table.readable[name]
	return column, ok
}

func (p *filterParser) compare(column int, operator string, literal []byte) predicate {
	t := p.table
	col := &t.columns[column]
	test := func(holds func(int) bool) predicate {
		return func(r *row) bool {
			v := t.read(nil, r, column)
			return len(v) > 0 && len(literal) > 0 && holds(compareValues(col, v, literal))
		}
	}
	switch operator {
	case "eq":
		return func(r *row) bool { return compareValues(col, t.read(nil, r, column), literal) == 0 }
	case "ne":
		return func(r *row) bool { return compareValues(col, t.read(nil, r, column), literal) != 0 }
	case "gt":
		return test(func(n int) bool { return n > 0 })
	case "ge":
		return test(func(n int) bool { return n >= 0 })
	case "lt":
		return test(func(n int) bool { return n < 0 })
	case "le":
		return test(func(n int) bool { return n <= 0 })
	default:
		return p.fail("Syntax error: '%s' is no operator that is known here.", operator)
	}
}

// function reads contains(column,'text') and its kin; the parenthesis is open already.
func (p *filterParser) function(name string) predicate {
	tests := map[string]func(s, part string) bool{"contains": strings.Contains, "startswith": strings.HasPrefix, "endswith": strings.HasSuffix}
	test, known := tests[name]
	column, ok := p.column(p.next())
	if !known || !ok || !p.take(",") {
		return p.fail("An unknown function with name '%s' was found, or its arguments are not a column and a string.", name)
	}
	literal, ok := filterLiteral(&p.table.columns[column], p.next())
	if !ok || len(literal) == 0 || literal[0] != '"' || !p.take(")") {
		return p.fail("The arguments of '%s' are not a column and a string.", name)
	}
	part := strings.ToLower(jsonobject.Text(literal))
	t := p.table
	return func(r *row) bool {
		v := t.read(nil, r, column)
		return len(v) > 0 && test(strings.ToLower(jsonobject.Text(v)), part)
	}
}

// filterLiteral turns a literal of a filter into the JSON that a cell of the column would hold; null is empty.
func filterLiteral(c *schema.Column, token string) ([]byte, bool) {
	if token == "null" {
		return nil, true
	}
	text := c.Type == schema.String || c.Type == schema.Memo || c.Type == schema.MultiChoice
	if len(token) > 1 && token[0] == '\'' && token[len(token)-1] == '\'' {
		return appendQuoted(nil, strings.ReplaceAll(token[1:len(token)-1], "''", "'")), text
	}
	switch {
	case text:
		return nil, false
	case c.IsLookup() || c.Type == schema.ID:
		id, ok := parseGUID([]byte(token))
		return append(appendGUID([]byte{'"'}, id), '"'), ok
	case c.IsDate():
		_, ok := parseDate([]byte(token))
		return []byte(`"` + token + `"`), ok
	case c.Type == schema.DateTime:
		at, ok := parseMoment([]byte(token))
		return append(append([]byte{'"'}, at...), '"'), ok
	case c.Type == schema.Boolean:
		return []byte(token), token == "true" || token == "false"
	default:
		_, err := strconv.ParseFloat(token, 64)
		return []byte(token), err == nil
	}
}
