package metadata

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// A predicate tells whether $filter finds a thing.
type predicate func(values object) (bool, error)

// A filterParser reads a $filter: comparisons, contains, startswith and endswith, joined by and, or, not and parentheses. Literals are
// strings, numbers, true, false, null, GUIDs, and members of enumerations with the name of their type.
type filterParser struct {
	text  string
	depth int
	paths []string
}

func parseFilter(text string) (predicate, []string, error) {
	p := &filterParser{text: text}
	all, err := p.or()
	if err != nil {
		return nil, nil, err
	}
	if p.skip(); p.text != "" {
		return nil, nil, p.syntax()
	}
	return all, p.paths, nil
}

func (p *filterParser) syntax() error {
	return refuse(Query, "Syntax error in $filter at '%.50s'.", p.text)
}

func (p *filterParser) skip() { p.text = strings.TrimLeft(p.text, " \t") }

// take consumes a word or sign if it comes next; a word ends where its letters end.
func (p *filterParser) take(word string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.text, word)
	if !ok || len(word) > 1 && rest != "" && isName(rest[0]) {
		return false
	}
	p.text = rest
	return true
}

func isName(b byte) bool {
	return b == '_' || b == '.' || b == '/' || b == '-' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func (p *filterParser) or() (predicate, error) {
	left, err := p.and()
	for err == nil && p.take("or") {
		a := left
		var b predicate
		b, err = p.and()
		left = func(v object) (bool, error) {
			if found, err := a(v); found || err != nil {
				return found, err
			}
			return b(v)
		}
	}
	return left, err
}

func (p *filterParser) and() (predicate, error) {
	left, err := p.not()
	for err == nil && p.take("and") {
		a := left
		var b predicate
		b, err = p.not()
		left = func(v object) (bool, error) {
			if found, err := a(v); !found || err != nil {
				return false, err
			}
			return b(v)
		}
	}
	return left, err
}

func (p *filterParser) not() (predicate, error) {
	if p.depth++; p.depth > 4*maxDepth {
		return nil, refuse(Query, "$filter is nested too deeply.")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("not"):
		inner, err := p.not()
		return func(v object) (bool, error) {
			found, err := inner(v)
			return !found && err == nil, err
		}, err
	case p.take("("):
		inner, err := p.or()
		if err == nil && !p.take(")") {
			return nil, p.syntax()
		}
		return inner, err
	}
	for _, f := range []struct {
		name string
		test func(s, sub string) bool
	}{{"contains", strings.Contains}, {"startswith", strings.HasPrefix}, {"endswith", strings.HasSuffix}} {
		if p.take(f.name) {
			return p.function(f.test)
		}
	}
	return p.comparison()
}

// function reads (path,'text').
func (p *filterParser) function(test func(s, sub string) bool) (predicate, error) {
	if !p.take("(") {
		return nil, p.syntax()
	}
	path, err := p.path()
	if err != nil || !p.take(",") {
		return nil, cmp.Or(err, p.syntax())
	}
	v, _, err := p.literal()
	text, isText := v.(string)
	if err != nil || !isText || !p.take(")") {
		return nil, cmp.Or(err, p.syntax())
	}
	return func(v object) (bool, error) {
		s, ok := reach(v, path).(string)
		return ok && test(s, text), nil
	}, nil
}

// path reads the name of a property, with slashes into a complex one.
func (p *filterParser) path() (string, error) {
	p.skip()
	end := 0
	for end < len(p.text) && isName(p.text[end]) && p.text[end] != '-' && p.text[end] != '.' {
		end++
	}
	path := p.text[:end]
	if path == "" || '0' <= path[0] && path[0] <= '9' || path == "true" || path == "false" || path == "null" {
		return "", p.syntax()
	}
	p.text = p.text[end:]
	p.paths = append(p.paths, path)
	return path, nil
}

func (p *filterParser) comparison() (predicate, error) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	operator := ""
	for _, o := range []string{"eq", "ne", "gt", "ge", "lt", "le"} {
		if p.take(o) {
			operator = o
			break
		}
	}
	if operator == "" { // a truth value stands for itself
		return func(v object) (bool, error) { found, _ := reach(v, path).(bool); return found, nil }, nil
	}
	literal, enum, err := p.literal()
	if err != nil {
		return nil, err
	}
	if enum != "" && enum != enums[path] {
		return nil, refuse(Query, "A binary operator with incompatible types was detected. Found operand types '%s' and 'Microsoft.Dynamics.CRM.%s' for operator kind '%s'.",
			typeName(path), enum, operator)
	}
	return func(v object) (bool, error) { return judge(reach(v, path), operator, literal, path) }, nil
}

func typeName(path string) string {
	if enum, ok := enums[path]; ok {
		return "Microsoft.Dynamics.CRM." + enum
	}
	return "Edm.String"
}

func judge(v any, operator string, literal any, path string) (bool, error) {
	if v == nil || literal == nil {
		switch operator {
		case "eq":
			return v == nil && literal == nil, nil
		case "ne":
			return v != nil || literal != nil, nil
		}
		return false, nil
	}
	n, ok := compare(v, literal)
	if !ok {
		return false, refuse(Query, "A binary operator with incompatible types was detected: '%s' cannot be compared with that literal.", path)
	}
	switch operator {
	case "eq":
		return n == 0, nil
	case "ne":
		return n != 0, nil
	case "gt":
		return n > 0, nil
	case "ge":
		return n >= 0, nil
	case "lt":
		return n < 0, nil
	default:
		return n <= 0, nil
	}
}

// literal reads a value; enum is the type that a member of an enumeration named.
func (p *filterParser) literal() (v any, enum string, err error) {
	p.skip()
	if strings.HasPrefix(p.text, "'") {
		v, err = p.quoted()
		return v, "", err
	}
	end := 0
	for end < len(p.text) && isName(p.text[end]) {
		end++
	}
	word := p.text[:end]
	if end < len(p.text) && p.text[end] == '\'' {
		name, ok := strings.CutPrefix(word, "Microsoft.Dynamics.CRM.")
		if !ok {
			return nil, "", p.syntax()
		}
		p.text = p.text[end:]
		v, err = p.quoted()
		return v, name, err
	}
	switch word {
	case "":
		return nil, "", p.syntax()
	case "true", "false":
		v = word == "true"
	case "null":
	default:
		if id, err := uuid.Parse(word); err == nil && len(word) == 36 {
			v = id
		} else if f, err := strconv.ParseFloat(word, 64); err == nil {
			v = f
		} else {
			return nil, "", p.syntax()
		}
	}
	p.text = p.text[end:]
	return v, "", nil
}

// quoted reads 'text' with doubled apostrophes.
func (p *filterParser) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(p.text); i++ {
		if p.text[i] != '\'' {
			b.WriteByte(p.text[i])
			continue
		}
		if i+1 < len(p.text) && p.text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		p.text = p.text[i+1:]
		return b.String(), nil
	}
	return "", p.syntax()
}

// reach returns the value at a path, nil where there is none.
func reach(v object, path string) any {
	for {
		name, rest, more := strings.Cut(path, "/")
		if !more {
			return v[name]
		}
		inner, ok := v[name].(object)
		if !ok {
			return nil
		}
		v, path = inner, rest
	}
}

// compare orders two values of one type.
func compare(a, b any) (int, bool) {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return cmp.Compare(x, y), ok
	}
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case bool:
		b, ok := b.(bool)
		switch {
		case a == b:
			return 0, ok
		case b:
			return -1, ok
		}
		return 1, ok
	case uuid.UUID:
		b, ok := b.(uuid.UUID)
		return strings.Compare(a.String(), b.String()), ok
	}
	return 0, false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
