// Package jsonobject reads the members of a flat JSON object without decoding their values: what Dataverse bodies are made of.
//
// It accepts exactly the objects that encoding/json accepts.
package jsonobject

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Whitespace of JSON.
func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// A Reader walks over the members of one object.
//
//	r := jsonobject.New(body)
//	for r.Next() { use(r.Name, r.Value) }
//	if err := r.Err(); err != nil { … }
type Reader struct {
	Name  []byte // unescaped, without quotes
	Value []byte // the raw token: "text", 12.50, true, null, or a nested value

	b    []byte
	i    int
	err  error
	more bool // a member has been read before
	done bool
}

// New returns a Reader of the object in b.
func New(b []byte) Reader { return Reader{b: b} }

// Err returns what is wrong with the text, nil after a whole object.
func (r *Reader) Err() error { return r.err }

// Next reads the next member. It returns false at the end and at an error.
func (r *Reader) Next() bool {
	if r.err != nil || r.done {
		return false
	}
	if !r.more && !r.take('{') {
		return r.fail("an object")
	}
	if r.take('}') {
		return r.end()
	}
	if r.more {
		if !r.take(',') {
			return r.fail("a comma or the end of the object")
		}
	}
	r.more = true
	r.skip()
	name, ok := r.text()
	if !ok {
		return r.fail("a property name")
	}
	r.Name = name[1 : len(name)-1]
	for _, c := range r.Name {
		if c == '\\' {
			r.Name = []byte(Text(name))
			break
		}
	}
	if !r.take(':') {
		return r.fail("a colon")
	}
	r.skip()
	value, ok := r.value()
	if !ok {
		return r.fail("a value")
	}
	r.Value = value
	return true
}

func (r *Reader) end() bool {
	r.done = true
	r.skip()
	if r.i != len(r.b) {
		return r.fail("the end of the text")
	}
	return false
}

func (r *Reader) fail(expected string) bool {
	r.err = fmt.Errorf("invalid JSON: expected %s at position %d", expected, r.i)
	return false
}

func (r *Reader) skip() {
	for r.i < len(r.b) && space(r.b[r.i]) {
		r.i++
	}
}

func (r *Reader) take(c byte) bool {
	r.skip()
	if r.i < len(r.b) && r.b[r.i] == c {
		r.i++
		return true
	}
	return false
}

// text reads a string token with its quotes.
func (r *Reader) text() ([]byte, bool) {
	start := r.i
	if start >= len(r.b) || r.b[start] != '"' {
		return nil, false
	}
	escaped := false
	for i := start + 1; i < len(r.b); i++ {
		switch c := r.b[i]; {
		case c == '"':
			token := r.b[start : i+1]
			if escaped && !json.Valid(token) {
				return nil, false
			}
			r.i = i + 1
			return token, true
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

func (r *Reader) value() ([]byte, bool) {
	if r.i >= len(r.b) {
		return nil, false
	}
	start := r.i
	switch c := r.b[start]; c {
	case '"':
		return r.text()
	case '{', '[':
		return r.nested()
	default:
		for r.i < len(r.b) && r.b[r.i] != ',' && r.b[r.i] != '}' && r.b[r.i] != ']' && !space(r.b[r.i]) {
			r.i++
		}
		token := r.b[start:r.i]
		return token, literal(token)
	}
}

// nested reads an object or array: rare enough to leave its grammar to encoding/json.
func (r *Reader) nested() ([]byte, bool) {
	start, depth := r.i, 0
	for ; r.i < len(r.b); r.i++ {
		switch r.b[r.i] {
		case '"':
			if _, ok := r.text(); !ok {
				return nil, false
			}
			r.i-- // the loop steps over the closing quote
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				r.i++
				token := r.b[start:r.i]
				return token, json.Valid(token)
			}
		}
	}
	return nil, false
}

// Elements returns the raw tokens of an array's elements; false when the token is not an array.
func Elements(token []byte) (elements [][]byte, ok bool) {
	r := Reader{b: token}
	if !r.take('[') {
		return nil, false
	}
	for !r.take(']') {
		if len(elements) > 0 && !r.take(',') {
			return nil, false
		}
		r.skip()
		element, ok := r.value()
		if !ok {
			return nil, false
		}
		elements = append(elements, element)
	}
	r.skip()
	return elements, r.i == len(r.b)
}

// literal reports whether the token is a number, true, false or null.
func literal(t []byte) bool {
	switch string(t) {
	case "true", "false", "null":
		return true
	}
	i := 0
	digits := func() bool {
		from := i
		for i < len(t) && t[i] >= '0' && t[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(t) && t[i] == '-' {
		i++
	}
	zero := i < len(t) && t[i] == '0'
	from := i
	if !digits() || zero && i > from+1 {
		return false
	}
	if i < len(t) && t[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(t) && (t[i] == 'e' || t[i] == 'E') {
		i++
		if i < len(t) && (t[i] == '+' || t[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(t)
}

// Text returns what a string token says; a token that is not one gives "".
func Text(token []byte) string {
	if len(token) < 2 {
		return ""
	}
	for _, c := range token {
		if c == '\\' || c >= utf8.RuneSelf {
			var s string
			if json.Unmarshal(token, &s) != nil {
				return ""
			}
			return s
		}
	}
	return string(token[1 : len(token)-1])
}
