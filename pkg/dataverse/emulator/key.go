package emulator

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A keyPart is one name=literal of a key in a URL (section 2.6). The only part of a primary key may have no name.
type keyPart struct {
	name   []byte
	value  []byte // strings: without quotes, apostrophes single again
	quoted bool
}

// forbidden are the characters that Dataverse cannot take in a key, however encoded (section 2.6).
const forbidden = `/<>*%&:\?+`

// parseKey reads what stands between the parentheses of a URL, after percent-decoding.
func parseKey(text []byte, parts []keyPart) ([]keyPart, bool) {
	for {
		var p keyPart
		text = bytes.TrimLeft(text, " ")
		if i := bytes.IndexAny(text, "='"); i >= 0 && text[i] == '=' {
			p.name, text = bytes.TrimSpace(text[:i]), text[i+1:]
			if len(p.name) == 0 || bytes.IndexByte(p.name, ',') >= 0 {
				return nil, false
			}
		}
		var ok bool
		if p.value, p.quoted, text, ok = keyLiteral(text); !ok {
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

func named(parts []keyPart) bool {
	for _, p := range parts {
		if p.name == nil {
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

// unescape undoes percent-encoding. Text without any comes back as it is.
func unescape(b []byte) ([]byte, bool) {
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

// closing returns where the parenthesis that opens b closes, -1 if it does not. An encoded apostrophe quotes as well.
func closing(b []byte) int {
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

// literalCell appends the JSON value that a key literal stands for, as a cell holds it. It fails for a literal of the wrong type.
func literalCell(dst []byte, c *schema.Column, p keyPart) ([]byte, bool) {
	switch {
	case c.IsLookup():
		id, ok := store.ParseGUID(p.value)
		return store.AppendReference(dst, 0, id), ok && !p.quoted
	case c.Type == schema.String:
		return jsonobject.AppendQuoted(dst, string(p.value)), p.quoted
	case p.quoted:
		return dst, false
	case c.IsDate():
		_, ok := store.ParseDate(p.value)
		return append(append(append(dst, '"'), p.value...), '"'), ok
	case c.Type == schema.DateTime:
		at, ok := store.ParseMoment(p.value)
		return append(append(append(dst, '"'), at...), '"'), ok
	case c.Type == schema.Decimal:
		_, err := strconv.ParseFloat(string(p.value), 64)
		return append(dst, p.value...), err == nil
	default:
		n, err := strconv.ParseInt(string(p.value), 10, 64)
		return strconv.AppendInt(dst, n, 10), err == nil
	}
}

// keyOf returns the key whose names are exactly those of the parts, in any order, and for each of its columns the part.
func keyOf(t *store.Table, parts []keyPart) (*store.Key, [16]int) {
	var at [16]int
next:
	for _, k := range t.AlternateKeys {
		if !k.Active() || len(k.Names) != len(parts) {
			continue
		}
		for i, name := range k.Names {
			j := slices.IndexFunc(parts, func(p keyPart) bool { return string(p.name) == name })
			if j < 0 {
				continue next
			}
			at[i] = j
		}
		return k, at
	}
	return nil, at
}
