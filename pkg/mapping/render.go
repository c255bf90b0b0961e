package mapping

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
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
		if rest := len(s) - i; len(s) >= 8 {
			// Eight bytes at once; at the end those that are left, followed by blanks.
			var w uint64
			if rest >= 8 {
				w = eight(s[i : i+8])
			} else {
				w = eight(s[len(s)-8:])>>(64-8*uint(rest)) | blanks<<(8*uint(rest))
			}
			n := plain(w)
			if i += n; n == 8 {
				continue
			}
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

const (
	ones   = 0x0101010101010101
	tops   = 0x80 * ones
	blanks = ' ' * ones
)

// plain is how many of eight bytes, from the first, are ASCII that needs no escape. The top bit of a byte is set where it is no ASCII,
// where taking off a blank has borrowed, and where a byte that was quote or backslash is 0 and borrows too. Only what is above a
// byte that is found can be found in error.
func plain(w uint64) int {
	return bits.TrailingZeros64((w|(w-blanks)|(w^ones*'"'-ones)|(w^ones*'\\'-ones))&tops) / 8
}

// eight is eight bytes as one number, the first in its lowest bits. It compiles to one load.
func eight(b string) uint64 {
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
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
	start := len(dst)
	if dst = appendShort(dst, v, f.bits); len(dst) == start {
		// Plain digits as long as they are few: Dataverse's decimals are not sure to take an exponent.
		format := byte('f')
		if a := math.Abs(v); a < 1e-15 || a >= 1e21 {
			format = 'e'
		}
		dst = strconv.AppendFloat(dst, v, format, -1, f.bits)
		if format == 'e' && math.Abs(v) < 1 && f.digits >= 0 {
			return dst, tooFine(f)
		}
	}
	if f.digits < 0 {
		return dst, nil
	}
	if point := bytes.IndexByte(dst[start:], '.'); point >= 0 && len(dst)-start-point-1 > f.digits {
		return dst, tooFine(f)
	}
	return dst, nil
}

// appendShort appends a float that is a whole number, or has few digits after the point, five times faster than strconv does. It appends
// nothing when it is not sure. No two decimal numbers of 15 digits are the same float of 64 bits, nor two of 6 digits the same of 32: one
// that reads back as v is the only one, hence the shortest. (It does read back: a quotient of two exact floats is rounded once. Rounded
// again to 32 bits it cannot come to lie half-way between two floats: for that the quotient is too short.)
func appendShort(dst []byte, v float64, width int) []byte {
	scale, most := int64(1e9), int64(1e15)
	if width == 32 {
		scale, most = 1e4, 1e6
	}
	size := math.Abs(v)
	if size >= float64(most) {
		return dst
	}
	if v == float64(int64(v)) {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	n := int64(size*float64(scale) + 0.5)
	back := float64(n) / float64(scale)
	if n >= most || back != size && (width == 64 || float32(back) != float32(size)) {
		return dst
	}
	if v < 0 {
		dst = append(dst, '-')
	}
	// By constants: what the compiler does not divide by as such takes a tenth of a row.
	whole, fraction := uint64(n)/1e9, uint64(n)%1e9+1e9 // the 1 in front keeps the zeros that follow it
	if width == 32 {
		whole, fraction = uint64(n)/1e4, uint64(n)%1e4+1e4
	}
	dst = strconv.AppendUint(dst, whole, 10)
	point := len(dst)
	for fraction%10 == 0 {
		fraction /= 10
	}
	dst = strconv.AppendUint(dst, fraction, 10)
	dst[point] = '.' // in the place of the 1
	return dst
}

// appendDate appends 2026-01-31 or 2026-01-31T12:00:00Z, as ClickHouse has formatted it.
func appendDate(dst []byte, f *field, s string) ([]byte, *penstock.Cause) {
	var ok bool
	if f.form == formDate {
		ok = len(s) == 10 && dates.year.fits(s[:8]) && dates.day.fits(s[2:10])
	} else {
		ok = len(s) == 20 && dates.year.fits(s[:8]) && dates.hour.fits(s[8:16]) && dates.minute.fits(s[12:20])
	}
	if !ok || s[0] != '2' && s[:2] != "19" && (s < "1753" || s[:10] > "9999-12-30") { // most are of these centuries
		return dst, refuse(f.column, "date_out_of_range", "%s is outside of Dataverse's calendar: 1753-01-01 to 9999-12-30", f.source)
	}
	dst = append(append(dst, '"'), s...)
	return append(dst, '"'), nil
}

// A shape says what eight characters look like: which are digits, and what the others are.
type shape struct{ digits, others uint64 }

// dates are the parts of 2026-01-31T12:00:00Z.
var dates = struct{ year, day, hour, minute shape }{ //nolint:gochecknoglobals // constant table
	year:   shapeOf("0000-00-"), // from the first character
	day:    shapeOf("00-00-00"), // from the third
	hour:   shapeOf("00T00:00"), // from the ninth
	minute: shapeOf("0:00:00Z"), // the last
}

func shapeOf(form string) shape {
	var s shape
	for i := range 8 {
		if form[i] == '0' {
			s.digits |= 0xff << (8 * i)
		} else {
			s.others |= uint64(form[i]) << (8 * i)
		}
	}
	return s
}

// fits looks at all eight at once: '0' to '9' are 0x30 to 0x39, and with 6 more they are still below 0x40.
func (s shape) fits(text string) bool {
	const high, zeros, six = 0xf0f0f0f0f0f0f0f0, 0x3030303030303030, 0x0606060606060606
	w := eight(text)
	d := w&s.digits | zeros&^s.digits
	return w&^s.digits == s.others && d&high == zeros && (d+six)&high == zeros
}

// appendGUID appends 8-4-4-4-12 hexadecimal digits in lower case. Blanks after it do not count.
func appendGUID(dst []byte, s string) ([]byte, bool) {
	if len(s) != 36 {
		s = strings.TrimRight(s, " ")
	}
	if len(s) != 36 {
		return dst, false
	}
	a, okA := guids.digits.hex(s[:8])
	b, okB := guids.second.hex(s[8:16])
	c, okC := guids.third.hex(s[16:24])
	d, okD := guids.digits.hex(s[24:32])
	e, okE := guids.digits.hex(s[28:36])
	dst = binary.LittleEndian.AppendUint64(dst, a)
	dst = binary.LittleEndian.AppendUint64(dst, b)
	dst = binary.LittleEndian.AppendUint64(dst, c)
	dst = binary.LittleEndian.AppendUint64(dst, d)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e>>32))
	return dst, okA && okB && okC && okD && okE
}

// guids are the parts of 61f0c404-5cb3-11e7-907b-a6006ad3dba0.
var guids = struct{ digits, second, third shape }{ //nolint:gochecknoglobals // constant table
	digits: shapeOf("00000000"),
	second: shapeOf("-0000-00"), // from the ninth character
	third:  shapeOf("00-0000-"), // from the seventeenth
}

// hex looks at eight characters at once, of which some are to be hexadecimal digits, and gives them in lower case. What is said of all
// bytes is said in their top bits; sums do not carry from one byte to the next while these are not set.
func (s shape) hex(text string) (lower uint64, ok bool) {
	w := eight(text)
	lower = w | 0x20*ones
	plain := lower &^ tops
	digit := (plain + (0x80-'0')*ones) &^ (plain + (0x7f-'9')*ones) & (w << 2) // these have the bit that makes lower case already
	letter := (plain + (0x80-'a')*ones) &^ (plain + (0x7f-'f')*ones)
	return lower, (digit|letter)&^w&tops&s.digits == tops&s.digits && w&^s.digits == s.others
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
	case code:
		i, found := p.codes.find(s)
		if !found {
			return dst, refuse(column, "currency_unknown", "%s is the code of no currency of the environment, which has %s", p.source, p.known)
		}
		return append(dst, p.ids[i]...), nil
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
		switch inKeys[c] {
		case asIs:
			continue
		case impossible:
			return dst, false
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

const (
	encoded = iota
	asIs
	impossible
)

// inKeys says how each byte stands in a quoted literal of an address.
var inKeys = func() (ways [256]uint8) { //nolint:gochecknoglobals // constant table
	for c := range ways {
		switch b := byte(c); {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', strings.IndexByte("-._~!$(),;=@", b) >= 0:
			ways[c] = asIs
		case b < ' ', b == 0x7f, strings.IndexByte(`/<>*%&:\?+`, b) >= 0:
			ways[c] = impossible
		}
	}
	return ways
}()
