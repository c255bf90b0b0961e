package odata

import (
	"regexp"
	"strconv"
	"strings"
)

// An Expression is one of Literal, Enum, List, Path, *Binary, *Not, *Call and *Lambda.
type Expression interface{ expression() }

// A LiteralKind is the type that a literal has by its form alone.
type LiteralKind int

// The kinds of literal.
const (
	Null LiteralKind = iota
	Bool
	Number
	String
	GUID
	Date
	Moment  // date and time with a zone
	Untyped // whatever the property that it is compared with is of: in FetchXML, and in quotes of query functions
)

// Edm returns the OData type of the literal.
func (l Literal) Edm() string {
	switch l.Kind {
	case Bool:
		return "Edm.Boolean"
	case Number:
		if strings.ContainsAny(l.Text, ".eE") {
			return "Edm.Decimal"
		}
		return "Edm.Int32"
	case String:
		return "Edm.String"
	case GUID:
		return "Edm.Guid"
	case Date:
		return "Edm.Date"
	case Moment:
		return "Edm.DateTimeOffset"
	case Untyped:
		return "Edm.String"
	case Null:
	}
	return "<null>"
}

// A Literal is a value; the text of a string is without quotes.
type Literal struct {
	Kind LiteralKind
	Text string
}

// An Enum is a member of an enumeration: Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'. Only metadata has any.
type Enum struct{ Type, Member string }

// A List is the value of PropertyValues, or what is right of the operator in.
type List []Literal

// A Path is a property, or one that is reached over navigation properties, or through the variable of a lambda.
type Path []string

// Binary is a comparison (eq ne gt ge lt le in) or a junction (and or).
type Binary struct {
	Operator    string
	Left, Right Expression
}

// Not is a negation.
type Not struct{ Of Expression }

// A Call is a function: contains(name,'x'), or with named arguments Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=['a']).
// Path is what stands before the name: the variable of a lambda, or nothing.
type Call struct {
	Path      Path
	Name      string
	Arguments []Expression
	Named     map[string]Expression
}

// A Lambda is path/any(v:body) or path/all(v:body). Without a body it asks whether there is anything.
type Lambda struct {
	Path     Path
	All      bool
	Variable string
	Body     Expression
}

func (Literal) expression() {}
func (Enum) expression()    {}
func (List) expression()    {}
func (Path) expression()    {}
func (*Binary) expression() {}
func (*Not) expression()    {}
func (*Call) expression()   {}
func (*Lambda) expression() {}

// maxDepth bounds the nesting of an expression, and with it the stack.
const maxDepth = 100

type parser struct {
	text    string
	tokens  []token
	at      int
	depth   int
	aliases map[string]string
}

// Parse reads a $filter. Aliases are the values of the parameters @name.
func Parse(text string, aliases map[string]string) (Expression, error) {
	all, err := tokens(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: all, aliases: aliases}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, p.unexpected(t)
	}
	return e, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// take steps over a token of that kind and text, if it is the next one.
func (p *parser) take(kind tokenKind, text string) bool {
	if t := p.peek(); t.kind != kind || t.text != text {
		return false
	}
	p.at++
	return true
}

func (p *parser) need(text string) error {
	if p.take(symbol, text) {
		return nil
	}
	return fail("'%s' or operator expected at position %d in '%s'.", text, p.peek().at, p.text)
}

func (p *parser) unexpected(t token) error {
	if t.kind == end {
		return fail("Expression expected at position %d in '%s'.", t.at, p.text)
	}
	return fail("Syntax error at position %d in '%s'.", t.at, p.text)
}

func (p *parser) or() (Expression, error) { return p.junction("or", p.and) }

func (p *parser) and() (Expression, error) { return p.junction("and", p.comparison) }

func (p *parser) junction(operator string, operand func() (Expression, error)) (Expression, error) {
	left, err := operand()
	for err == nil && p.take(word, operator) {
		var right Expression
		if right, err = operand(); err == nil {
			left = &Binary{operator, left, right}
		}
	}
	return left, err
}

func (p *parser) comparison() (Expression, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if t.kind != word {
		return left, nil
	}
	switch t.text {
	case "eq", "ne", "gt", "ge", "lt", "le":
		p.next()
		right, err := p.unary()
		return &Binary{t.text, left, right}, err
	case "in":
		p.next()
		if err := p.need("("); err != nil {
			return nil, err
		}
		right, err := p.list(")")
		return &Binary{t.text, left, right}, err
	case "and", "or", "asc", "desc", "as", "with":
		return left, nil
	}
	return nil, p.unexpected(t)
}

func (p *parser) unary() (Expression, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fail("The node count limit of '%d' has been exceeded.", maxDepth)
	}
	defer func() { p.depth-- }()
	t := p.next()
	switch {
	case t.kind == quoted:
		return Literal{String, t.text}, nil
	case t.kind == symbol && t.text == "(":
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		return e, p.need(")")
	case t.kind == symbol && t.text == "[":
		return p.list("]")
	case t.kind != word:
		return nil, p.unexpected(t)
	case t.text == "not":
		e, err := p.unary() // binds closer than a comparison: a function, a parenthesis or a boolean property can follow
		return &Not{e}, err
	case t.text[0] == '@':
		return p.alias(t)
	}
	if l, ok := literal(t.text); ok {
		return l, nil
	}
	if m := p.peek(); m.kind == quoted && m.at == t.at+len(t.text) {
		p.next()
		return Enum{t.text, m.text}, nil
	}
	return p.path(t)
}

// alias reads the value of @name, in which there are no aliases.
func (p *parser) alias(t token) (Expression, error) {
	text, known := p.aliases[t.text]
	if !known {
		return nil, fail("The parameter alias '%s' has no value in the query string.", t.text)
	}
	all, err := tokens(text)
	if err != nil {
		return nil, err
	}
	inner := &parser{text: text, tokens: all, depth: p.depth}
	e, err := inner.unary()
	if err != nil {
		return nil, err
	}
	if rest := inner.peek(); rest.kind != end {
		return nil, inner.unexpected(rest)
	}
	return e, nil
}

// list reads literals up to the closing symbol; the opening one is behind us.
func (p *parser) list(closing string) (Expression, error) {
	l := List{}
	for !p.take(symbol, closing) {
		if len(l) > 0 {
			if err := p.need(","); err != nil {
				return nil, err
			}
		}
		t := p.next()
		v, ok := Literal{String, t.text}, t.kind == quoted
		if t.kind == word {
			v, ok = literal(t.text)
		}
		if !ok {
			return nil, p.unexpected(t)
		}
		l = append(l, v)
	}
	return l, nil
}

// path reads a/b/c, and what a path may end in: a function or a lambda.
func (p *parser) path(first token) (Expression, error) {
	path := Path{first.text}
	for {
		switch {
		case p.take(symbol, "/"):
			t := p.next()
			if t.kind != word {
				return nil, p.unexpected(t)
			}
			path = append(path, t.text)
		case p.take(symbol, "("):
			name, before := path[len(path)-1], path[:len(path)-1]
			if len(before) > 0 && (name == "any" || name == "all") {
				return p.lambda(before, name == "all")
			}
			return p.call(before, name)
		default:
			return path, nil
		}
	}
}

func (p *parser) lambda(path Path, all bool) (Expression, error) {
	l := &Lambda{Path: path, All: all}
	if p.take(symbol, ")") {
		return l, nil
	}
	t := p.next()
	if t.kind != word {
		return nil, p.unexpected(t)
	}
	l.Variable = t.text
	if err := p.need(":"); err != nil {
		return nil, err
	}
	var err error
	if l.Body, err = p.or(); err != nil {
		return nil, err
	}
	return l, p.need(")")
}

func (p *parser) call(path Path, name string) (Expression, error) {
	c := &Call{Path: path, Name: name}
	for !p.take(symbol, ")") {
		if len(c.Arguments)+len(c.Named) > 0 {
			if err := p.need(","); err != nil {
				return nil, err
			}
		}
		if t := p.peek(); t.kind == word && p.tokens[p.at+1] == (token{symbol, "=", t.at + len(t.text)}) {
			p.at += 2
			v, err := p.unary()
			if err != nil {
				return nil, err
			}
			if c.Named == nil {
				c.Named = map[string]Expression{}
			}
			c.Named[t.text] = v
			continue
		}
		v, err := p.or()
		if err != nil {
			return nil, err
		}
		c.Arguments = append(c.Arguments, v)
	}
	return c, nil
}

var (
	guidForm   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	dateForm   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	momentForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$`)
	numberForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// literal reads a word as a value, if it is one.
func literal(w string) (Literal, bool) {
	switch {
	case w == "null":
		return Literal{Kind: Null}, true
	case w == "true" || w == "false":
		return Literal{Bool, w}, true
	case guidForm.MatchString(w):
		return Literal{GUID, strings.ToLower(w)}, true
	case w[0] != '-' && (w[0] < '0' || w[0] > '9'):
		return Literal{}, false
	case numberForm.MatchString(w):
		if _, err := strconv.ParseFloat(w, 64); err != nil {
			return Literal{}, false
		}
		return Literal{Number, w}, true
	case dateForm.MatchString(w):
		return Literal{Date, w}, true
	case momentForm.MatchString(w):
		return Literal{Moment, w}, true
	}
	return Literal{}, false
}

// Word reads an unquoted literal, as the values of query functions have them inside their quotes.
func Word(text string) (Literal, bool) {
	if text == "" {
		return Literal{}, false
	}
	return literal(text)
}
