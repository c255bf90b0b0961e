package store

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file is the form in which values are compared (section 2.6).

// AppendNormal appends the form of a cell's value under which a key compares it: text without case and trailing blanks, numbers without
// superfluous digits.
func AppendNormal(dst []byte, c *schema.Column, v []byte) []byte {
	switch {
	case c.IsLookup():
		return append(dst, v[2:38]...)
	case c.Type == schema.Decimal:
		return appendDecimal(dst, v)
	case len(v) > 1 && v[0] == '"':
		return AppendFolded(dst, v)
	default:
		return append(dst, v...)
	}
}

// AppendFolded appends the text of a JSON string in the form of section 2.6: no case, nothing blank at the right.
func AppendFolded(dst, token []byte) []byte {
	start := len(dst)
	dst = AppendLower(dst, token)
	end := len(dst)
	for end > start && dst[end-1] == ' ' {
		end--
	}
	return dst[:end]
}

// AppendLower appends the text of a JSON string without case.
func AppendLower(dst, token []byte) []byte {
	start := len(dst)
	for _, b := range token[1 : len(token)-1] {
		if b >= utf8.RuneSelf || b == '\\' {
			return append(dst[:start], strings.ToLower(jsonobject.Text(token))...)
		}
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		dst = append(dst, b)
	}
	return dst
}

// appendDecimal makes 12.50 and 12.5 the same. Exponents are rare enough for a float.
func appendDecimal(dst, v []byte) []byte {
	if bytes.ContainsAny(v, "eE") {
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			return append(dst, v...)
		}
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	if bytes.IndexByte(v, '.') >= 0 {
		v = bytes.TrimRight(bytes.TrimRight(v, "0"), ".")
	}
	if string(v) == "-0" {
		v = v[1:]
	}
	return append(dst, v...)
}
