package mapping

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// appendString appends text in quotes, escaped as JSON wants it. It reports text that is no UTF-8.
func appendString(dst []byte, s string) ([]byte, bool) {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		// Eight bytes at once, as long as they are ASCII that needs no escape. The top bit of a byte is set where it is no
		// ASCII, where taking off a blank has borrowed, and where a byte that was quote or backslash is 0 and borrows too.
		const ones, tops = 0x0101010101010101, 0x8080808080808080
		for ; len(s)-i >= 8; i += 8 {
			b := s[i : i+8]
			w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
				uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
			if (w|(w-ones*' ')|(w^ones*'"'-ones)|(w^ones*'\\'-ones))&tops != 0 {
				break
			}
		}
		if i == len(s) {
			break
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				return dst, false
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"'), true
}

// utf16Length counts as Dataverse counts: characters beyond the basic plane are two.
func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// appendFloat appends the shortest number that reads back as the same float.
func (r *Row) appendFloat(dst []byte, f *field) ([]byte, *penstock.Cause) {
	v := r.floats[f.slot]
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return dst, refuse(f.column, "not_a_number", "%s is NaN or infinite", f.source)
	}
	if v < f.bounds.least || v > f.bounds.most {
		return dst, outOfRange(f)
	}
	if v == 0 {
		return append(dst, '0'), nil // and not -0
	}
	// Plain digits as long as they are few: Dataverse's decimals are not sure to take an exponent.
	format := byte('f')
	if a := math.Abs(v); a < 1e-15 || a >= 1e21 {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, format, -1, f.bits)
	if f.digits < 0 {
		return dst, nil
	}
	if point := bytes.IndexByte(dst[start:], '.'); point >= 0 && len(dst)-start-point-1 > f.digits || format == 'e' && math.Abs(v) < 1 {
		return dst, tooFine(f)
	}
	return dst, nil
}

// appendDate appends 2026-01-31 or 2026-01-31T12:00:00Z, as ClickHouse has formatted it.
func appendDate(dst []byte, f *field, s string) ([]byte, *penstock.Cause) {
	form := "0000-00-00T00:00:00Z"
	if f.form == formDate {
		form = "0000-00-00"
	}
	if !shaped(s, form) || s < "1753" || s[:10] > "9999-12-30" {
		return dst, refuse(f.column, "date_out_of_range", "%s is outside of Dataverse's calendar: 1753-01-01 to 9999-12-30", f.source)
	}
	dst = append(append(dst, '"'), s...)
	return append(dst, '"'), nil
}

// shaped reports whether s has a digit where form has 0, and form's characters elsewhere.
func shaped(s, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		if form[i] == '0' && (s[i] < '0' || s[i] > '9') || form[i] != '0' && s[i] != form[i] {
			return false
		}
	}
	return true
}

// appendGUID appends 8-4-4-4-12 hexadecimal digits in lower case. Blanks after it do not count.
func appendGUID(dst []byte, s string) ([]byte, bool) {
	s = strings.TrimRight(s, " ")
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return dst, false
	}
	dst = append(dst, s...)
	dashes := 0
	for i, c := range dst[len(dst)-36:] {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		case c >= 'A' && c <= 'F':
			dst[len(dst)-36+i] = c + 'a' - 'A'
		case c == '-':
			dashes++
		default:
			return dst, false
		}
	}
	return dst, dashes == 4 // those that are in their places
}

// appendPart appends one column of a key in an address: accountnumber='O”Brien'. column is named in the cause.
func (r *Row) appendPart(dst []byte, p *part, column string) ([]byte, *penstock.Cause) {
	s := strings.TrimRight(r.strings[p.slot], " ")
	dst = append(dst, p.prefix...)
	switch p.literal {
	case bare:
		return append(dst, s...), nil
	case bareGUID:
		dst, ok := appendGUID(dst, s)
		if !ok {
			return dst, refuse(column, "not_a_guid", "%s is not a GUID", p.source)
		}
		return dst, nil
	case quoted:
	}
	if p.max > 0 && len(s) > p.max {
		if n := utf16Length(s); n > p.max {
			return dst, refuse(column, "text_too_long", "%s is %d UTF-16 units long, and the column takes %d", p.source, n, p.max)
		}
	}
	if !utf8.ValidString(s) {
		return dst, refuse(column, "invalid_utf8", "%s is not valid UTF-8", p.source)
	}
	dst, ok := appendEscaped(dst, s)
	if !ok {
		return dst, refuse(column, "key_characters", `%s has a character that cannot stand in a key: / < > * %% & : \ ? + or a control character`, p.source)
	}
	return append(dst, '\''), nil
}

// appendEscaped appends text as it stands in a quoted literal of an address: apostrophes doubled, and what HTTP forbids in
// a request target percent-encoded. Some characters break Dataverse's parser even when they are encoded.
func appendEscaped(dst []byte, s string) ([]byte, bool) {
	const digits = "0123456789ABCDEF"
	from := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			continue
		case c < ' ', c == 0x7f:
			return dst, false
		}
		switch c {
		case '/', '<', '>', '*', '%', '&', ':', '\\', '?', '+':
			return dst, false
		case '.', '_', '~', '!', '$', '(', ')', ',', ';', '=', '@':
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if c == '\'' {
			dst = append(dst, '\'', '\'')
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return append(dst, s[from:]...), true
}
