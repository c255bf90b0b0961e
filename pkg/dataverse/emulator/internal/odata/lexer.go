package odata

import (
	"encoding/json"
	"strings"
)

// A tokenKind says what a token is.
type tokenKind int

const (
	end    tokenKind = iota
	word             // a name, an operator, a literal without quotes
	quoted           // a string; its text is without quotes
	symbol           // one of ( ) [ ] , / = :
)

type token struct {
	kind tokenKind
	text string
	at   int // where it begins
}

// tokens cuts an expression up. A string may be in single quotes, doubled inside, or be a JSON string, as lists of query functions have them.
func tokens(s string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == '\'':
			text, next, ok := apostrophes(s, i)
			if !ok {
				return nil, fail("There is an unterminated literal at position %d in '%s'.", start, s)
			}
			out, i = append(out, token{quoted, text, start}), next
		case c == '"':
			text, next, ok := jsonString(s, i)
			if !ok {
				return nil, fail("There is an unterminated literal at position %d in '%s'.", start, s)
			}
			out, i = append(out, token{quoted, text, start}), next
		case strings.IndexByte("()[],/=:", c) >= 0:
			i++
			out = append(out, token{symbol, s[start:i], start})
		default:
			stop := " \t\r\n()[],/='\""
			if c < '0' || c > '9' { // times have colons in them, names have not
				stop += ":"
			}
			for i++; i < len(s) && strings.IndexByte(stop, s[i]) < 0; i++ {
			}
			out = append(out, token{word, s[start:i], start})
		}
	}
	return append(out, token{end, "", len(s)}), nil
}

// apostrophes reads the literal that begins at i.
func apostrophes(s string, i int) (text string, next int, ok bool) {
	from := i + 1
	for i = from; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			i++
			continue
		}
		return strings.ReplaceAll(s[from:i], "''", "'"), i + 1, true
	}
	return "", 0, false
}

func jsonString(s string, i int) (text string, next int, ok bool) {
	from := i
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return text, i + 1, json.Unmarshal([]byte(s[from:i+1]), &text) == nil
		}
	}
	return "", 0, false
}

// split cuts s at the separator wherever it is neither in quotes nor in parentheses or brackets.
func split(s string, separator byte) []string {
	var out []string
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			if _, next, ok := apostrophes(s, i); ok {
				i = next - 1
			}
		case c == '"':
			if _, next, ok := jsonString(s, i); ok {
				i = next - 1
			}
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == separator && depth <= 0:
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[from:])
}
