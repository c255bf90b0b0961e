package odata

import (
	"bytes"
	"strconv"
)

// A KeyPart is one name=literal of a key in a URL (section 2.6). The only part of a primary key may have no name.
type KeyPart struct {
	Name   []byte
	Value  []byte // strings: without quotes, apostrophes single again
	Quoted bool
}

// ParseKey reads what stands between the parentheses of a URL, after percent-decoding.
func ParseKey(text []byte, parts []KeyPart) ([]KeyPart, bool) {
	for {
		var p KeyPart
		text = bytes.TrimLeft(text, " ")
		if i := bytes.IndexAny(text, "='"); i >= 0 && text[i] == '=' {
			p.Name, text = bytes.TrimSpace(text[:i]), text[i+1:]
			if len(p.Name) == 0 || bytes.IndexByte(p.Name, ',') >= 0 {
				return nil, false
			}
		}
		var ok bool
		if p.Value, p.Quoted, text, ok = keyLiteral(text); !ok {
			return nil, false
		}
		parts = append(parts, p)
		if len(text) == 0 {
			return parts, len(parts) == 1 || named(parts)
		}
		if text[0] != ',' {
			return nil, false
		}
		text = text[1:]
	}
}

func named(parts []KeyPart) bool {
	for _, p := range parts {
		if p.Name == nil {
			return false
		}
	}
	return true
}

// keyLiteral reads a quoted or bare literal up to the comma that follows it.
func keyLiteral(text []byte) (value []byte, quoted bool, rest []byte, ok bool) {
	if len(text) == 0 {
		return nil, false, nil, false
	}
	if text[0] != '\'' {
		end := bytes.IndexByte(text, ',')
		if end < 0 {
			end = len(text)
		}
		value = bytes.TrimSpace(text[:end])
		return value, false, text[end:], len(value) > 0 && bytes.IndexByte(value, '\'') < 0
	}
	doubled := false
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			doubled = true
			i++
			continue
		}
		value = text[1:i]
		if doubled {
			value = bytes.ReplaceAll(value, []byte("''"), []byte("'"))
		}
		return value, true, bytes.TrimLeft(text[i+1:], " "), true
	}
	return nil, false, nil, false
}

// Unescape undoes percent-encoding. Text without any comes back as it is.
func Unescape(b []byte) ([]byte, bool) {
	if bytes.IndexByte(b, '%') < 0 {
		return b, true
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			out = append(out, b[i])
			continue
		}
		if i+2 >= len(b) {
			return nil, false
		}
		n, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8)
		if err != nil {
			return nil, false
		}
		out = append(out, byte(n))
		i += 2
	}
	return out, true
}

// Closing returns where the parenthesis that opens b closes, -1 if it does not. An encoded apostrophe quotes as well.
func Closing(b []byte) int {
	quoted := false
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\'':
			quoted = !quoted
		case '%':
			if bytes.HasPrefix(b[i:], []byte("%27")) {
				quoted = !quoted
			}
		case ')':
			if !quoted {
				return i
			}
		}
	}
	return -1
}
