package expression

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A piece of a template: text, and the value that stands behind it.
type piece struct {
	text string
	code *Program // nil behind the last text
}

// Template compiles text with {{expressions}}: its result is the text with their values in it, and NULL when one of them is.
// Two braces that are to be seen are written as text in an expression: {{ '{{' }}. The rest is as in [Compile].
func Template(text string, columns []Column) (*Program, error) {
	p := &Program{typ: Text, parts: []piece{}}
	rest := text
	at := func(what, mend string) *Problem {
		problem := locate(text, utf8.RuneCountInString(text)-utf8.RuneCountInString(rest))
		problem.What, problem.Mend = what, mend
		return problem
	}
	for {
		opens, closes := strings.Index(rest, "{{"), strings.Index(rest, "}}")
		if closes >= 0 && (opens < 0 || closes < opens) {
			rest = rest[closes:]
			return nil, at("}} closes nothing", "open it with {{, or write {{ '}}' }} where the braces are to be seen")
		}
		if opens < 0 {
			break
		}
		before := rest[:opens]
		rest = rest[opens:]
		end := closing(rest[2:])
		switch {
		case end < 0:
			return nil, at("{{ is not closed", "close it with }}, or write {{ '{{' }} where the braces are to be seen")
		case strings.TrimSpace(rest[2:2+end]) == "":
			return nil, at("there is nothing between {{ and }}", "name a column: {{first_name}}")
		}
		code, err := Compile(rest[2:2+end], columns)
		if err != nil {
			rest = rest[2:]
			return nil, within(at("", ""), err)
		}
		p.parts = append(p.parts, piece{before, code})
		p.nullable = p.nullable || code.nullable
		for _, name := range code.columns {
			if !slices.Contains(p.columns, name) {
				p.columns = append(p.columns, name)
			}
		}
		rest = rest[2+end+2:]
	}
	if len(p.parts) == 0 {
		rest = text
		return nil, at("the template has no {{expression}}", "write const: for what is the same in each row")
	}
	p.parts = append(p.parts, piece{text: rest})
	slices.Sort(p.columns)
	return p, nil
}

// within moves a problem of an expression to the place that the expression has in its template.
func within(start *Problem, err error) error {
	inner, ok := err.(*Problem) //nolint:errorlint // Compile gives nothing else
	if !ok {
		return err
	}
	moved := *inner
	if moved.Line == 1 {
		moved.Column += start.Column - 1
	}
	moved.Line += start.Line - 1
	return &moved
}

// closing finds }} outside of quotes; -1 when it is not there.
func closing(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\' && quote != '`':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case strings.HasPrefix(s[i:], "}}"):
			return i
		}
	}
	return -1
}

// fill computes a template.
func (m *Machine) fill(p *Program) (any, error) {
	m.buf = m.buf[:0]
	for _, part := range p.parts {
		m.buf = append(m.buf, part.text...)
		if part.code == nil {
			break
		}
		v, err := m.Run(part.code)
		if v == nil || err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case string:
			m.buf = append(m.buf, v...)
		case int:
			m.buf = strconv.AppendInt(m.buf, int64(v), 10)
		case float64:
			m.buf = appendNumber(m.buf, v)
		case bool:
			m.buf = strconv.AppendBool(m.buf, v)
		}
		if len(m.buf) > maxText {
			return nil, errLong
		}
	}
	return string(m.buf), nil
}
