package body

import (
	"bytes"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// The functions of this file check one JSON value against its column (section 2.7). A value of the wrong form is an error at once; one out of bounds
// is kept in b.invalid, as Dataverse finds these later. What they return is the cell's value.

// text counts length in UTF-16 code units. The empty string is null.
func (b *Body) text(t *store.Table, col *schema.Column, v []byte) ([]byte, *refusal.Error) {
	if v[0] != '"' {
		return nil, literal(t, col, v)
	}
	if len(v) == 2 {
		return nil, nil
	}
	if bytes.IndexByte(v, '\\') >= 0 {
		s := jsonobject.Text(v)
		if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }); i >= 0 {
			b.refuse(refusal.BadCharacters.Says("Invalid character in field '%s': '0x%02X' is an invalid character.", col.Name, s[i]))
		}
		start := len(b.arena)
		b.arena = jsonobject.AppendQuoted(b.arena, s)
		v = b.keep(start)
	}
	if col.MaxLength > 0 && len(v)-2 > col.MaxLength && len(utf16.Encode([]rune(jsonobject.Text(v)))) > col.MaxLength {
		// Two blanks after "occurred.": as captured.
		b.refuse(refusal.TextTooLong.Says("A validation error occurred.  The length of the '%s' attribute of the '%s' entity exceeded the maximum allowed length of '%d'.",
			col.Name, t.Name, col.MaxLength))
	}
	return v, nil
}

func (b *Body) whole(t *store.Table, col *schema.Column, v []byte) ([]byte, *refusal.Error) {
	bits := 32
	if col.Type == schema.BigInt {
		bits = 64
	}
	n, err := strconv.ParseInt(string(v), 10, bits)
	if err != nil {
		return nil, literal(t, col, v)
	}
	if col.Type == schema.Integer {
		if low, high := col.Bounds(); float64(n) < low || float64(n) > high {
			b.outside(refusal.IntegerOutOfRange, t, col)
		}
	}
	if len(col.Options) > 0 && !hasOption(col, int(n)) {
		b.refuse(refusal.ChoiceOutOfRange.Says("A validation error occurred. The value %d of '%s' on record of type '%s' is outside the valid range. Accepted Values: %s",
			n, col.Name, t.Name, accepted(col)))
	}
	return v, nil
}

func hasOption(col *schema.Column, n int) bool {
	for i := range col.Options {
		if col.Options[i].Value == n {
			return true
		}
	}
	return false
}

func accepted(col *schema.Column) string {
	values := make([]string, len(col.Options))
	for i, o := range col.Options {
		values[i] = strconv.Itoa(o.Value)
	}
	return strings.Join(values, ",")
}

// number takes JSON numbers, or JSON strings when the content type says IEEE754Compatible=true; never both.
func (b *Body) number(t *store.Table, col *schema.Column, v []byte, asText bool) ([]byte, *refusal.Error) {
	isText := v[0] == '"'
	if col.Type != schema.Double && isText != asText {
		// "string/number" and "false/true" are OData's own words: it has one text for both ways round.
		return nil, refusal.Payload(t.Set, "Microsoft.OData.ODataException: Cannot convert a value to target type 'Edm.Decimal' because of conflict between input format "+
			"string/number and parameter 'IEEE754Compatible' false/true.")
	}
	if isText && col.Type != schema.Double {
		v = v[1 : len(v)-1]
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || v[0] == '"' {
		return nil, literal(t, col, v)
	}
	if low, high := col.Bounds(); f < low || f > high {
		if col.Type == schema.Money {
			b.refuse(refusal.MoneyOutOfRange.Says("Supplied value exceeded the MIN/MAX value of Money Type field."))
		} else {
			b.outside(refusal.DecimalOutOfRange, t, col)
		}
	}
	b.Money = b.Money || col.Type == schema.Money
	if point := bytes.IndexByte(v, '.'); col.Precision > 0 && point >= 0 && (len(v)-point-1 > col.Precision || bytes.ContainsAny(v, "eE")) {
		start := len(b.arena)
		b.arena = appendRounded(b.arena, v, f, col.Precision)
		v = b.keep(start)
	}
	return v, nil
}

// appendRounded appends the number with so many digits after the point at most, halves away from zero; f is its value.
func appendRounded(dst, v []byte, f float64, precision int) []byte {
	if bytes.ContainsAny(v, "eE") { // may be of any size
		return strconv.AppendFloat(dst, f, 'f', precision, 64)
	}
	exact, ok := new(big.Rat).SetString(string(v))
	if !ok {
		return append(dst, v...)
	}
	return append(dst, exact.FloatString(precision)...)
}

// multi takes "1,2,3"; the empty string is null.
func (b *Body) multi(t *store.Table, col *schema.Column, v []byte) ([]byte, *refusal.Error) {
	if v[0] != '"' {
		return nil, literal(t, col, v)
	}
	said := jsonobject.Text(v)
	if said == "" {
		return nil, nil
	}
	var chosen []int
	for s := range strings.SplitSeq(said, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return nil, literal(t, col, v)
		}
		if !hasOption(col, n) {
			b.refuse(refusal.ChoiceOutOfRange.Says("A validation error occurred. The value %d of '%s' on record of type '%s' is outside the valid range. Accepted Values: %s",
				n, col.Name, t.Name, accepted(col)))
		}
		chosen = append(chosen, n)
	}
	slices.Sort(chosen)
	start := len(b.arena)
	b.arena = append(b.arena, '"')
	for i, n := range slices.Compact(chosen) {
		if i > 0 {
			b.arena = append(b.arena, ',')
		}
		b.arena = strconv.AppendInt(b.arena, int64(n), 10)
	}
	b.arena = append(b.arena, '"')
	return b.keep(start), nil
}

// moment takes Edm.Date for date-only columns and Edm.DateTimeOffset for others, from 1753 to 9999-12-30.
func (b *Body) moment(t *store.Table, col *schema.Column, v []byte) ([]byte, *refusal.Error) {
	if v[0] != '"' {
		return nil, literal(t, col, v)
	}
	said := v[1 : len(v)-1]
	canonical, ok := said, false
	if col.IsDate() {
		_, ok = store.ParseDate(said)
	} else {
		canonical, ok = store.ParseMoment(said)
	}
	if !ok {
		return nil, literal(t, col, v)
	}
	switch year := string(canonical[:4]); {
	case year < "1753":
		b.refuse(refusal.BadDateTime.Says("DateTime is less than minimum value supported by CrmDateTime. Actual value: %s, Minimum value supported: 01/01/1753 00:00:00", said))
	case string(canonical[:10]) > "9999-12-30":
		b.refuse(refusal.BadDateTime.Says("DateTime is greater than maximum value supported by CrmDateTime. Actual value: %s, Maximum value supported: 12/30/9999 23:59:59", said))
	}
	if len(canonical) == len(said) && &canonical[0] == &said[0] {
		return v, nil
	}
	start := len(b.arena)
	b.arena = append(append(append(b.arena, '"'), canonical...), '"')
	return b.keep(start), nil
}
