package sql

import (
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// A tokenKind says what a token is.
type tokenKind int

const (
	end    tokenKind = iota
	word             // a name, a keyword, a number
	quoted           // a text; without its quotes
	symbol           // a comparison, or one of ( ) , * ;
)

type token struct {
	kind tokenKind
	text string
}

// number reports whether a word is one.
func (t token) number() bool {
	return t.kind == word && (t.text[0] >= '0' && t.text[0] <= '9' || t.text[0] == '-')
}

func invalid(text string) error { return &odata.Error{Text: "The query is not valid: " + text + "."} }

func unknown(text string) error {
	return &odata.Error{Text: "The emulator does not know " + text + " in the query option sql.", Unsupported: true}
}

// tokens cuts a query up. Names may be in brackets.
func tokens(s string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == '\'' || c == 'N' && i+1 < len(s) && s[i+1] == '\'':
			if c == 'N' {
				i++
			}
			text, next, ok := literal(s, i)
			if !ok {
				return nil, invalid("a text has no end")
			}
			out, i = append(out, token{quoted, text}), next
		case strings.IndexByte("<>!=", c) >= 0:
			length := 1
			if i+1 < len(s) && strings.IndexByte(">=", s[i+1]) >= 0 {
				length = 2
			}
			out, i = append(out, token{symbol, s[i : i+length]}), i+length
		case strings.IndexByte("(),*;", c) >= 0:
			out, i = append(out, token{symbol, s[i : i+1]}), i+1
		default:
			from := i
			for i++; i < len(s) && strings.IndexByte(" \t\r\n'<>!=(),*;", s[i]) < 0; i++ {
			}
			out = append(out, token{word, strings.NewReplacer("[", "", "]", "", "dbo.", "").Replace(s[from:i])})
			if out[len(out)-1].text == "" {
				return nil, invalid("a name is empty")
			}
		}
	}
	return append(out, token{}), nil
}

// literal reads the text that begins at i; a doubled apostrophe is one.
func literal(s string, i int) (text string, next int, ok bool) {
	var b strings.Builder
	for i++; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

func (p *parser) peek() token { return p.tokens[min(p.at, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.peek()
	p.at++
	return t
}

// is reports whether the next token is that keyword or symbol.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == word || t.kind == symbol) && strings.EqualFold(t.text, text)
}

func (p *parser) take(text string) bool {
	if !p.is(text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) unexpected() error {
	if t := p.peek(); t.kind != end {
		return invalid("'" + t.text + "' was not expected there")
	}
	return invalid("it ends too early")
}
