package mapping

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Row is where one row of the model is scanned to, over and over. Its values are valid until the next scan.
type Row struct {
	Key        string // normalised match key; empty when the row has none
	XXH3, City uint64 // see [Row.Hash]

	masks   []uint64
	strings []string
	ints    []int64
	uints   []uint64
	floats  []float64
	bytes   []uint8
	dest    []any
	scratch []byte
}

// NewRow makes a row for one reader.
func (p *Plan) NewRow() *Row {
	r := &Row{
		masks:   make([]uint64, len(p.MaskExprs())),
		strings: make([]string, p.slots[String]),
		ints:    make([]int64, p.slots[Int64]),
		uints:   make([]uint64, p.slots[UInt64]),
		floats:  make([]float64, p.slots[Float64]),
		bytes:   make([]uint8, p.slots[UInt8]),
	}
	r.dest = []any{&r.Key, &r.XXH3, &r.City}
	for i := range r.masks {
		r.dest = append(r.dest, &r.masks[i])
	}
	for _, c := range p.reads {
		switch c.Kind {
		case String:
			r.dest = append(r.dest, &r.strings[c.slot])
		case Int64:
			r.dest = append(r.dest, &r.ints[c.slot])
		case UInt64:
			r.dest = append(r.dest, &r.uints[c.slot])
		case Float64:
			r.dest = append(r.dest, &r.floats[c.slot])
		case UInt8:
			r.dest = append(r.dest, &r.bytes[c.slot])
		}
	}
	return r
}

// Dest are the places to scan into, in the order of [Plan.Exprs]: key, xxh3, city, masks, columns. It is the same slice
// each time.
func (r *Row) Dest() []any { return r.dest }

// Hash is the hash of the row's mapped values.
func (r *Row) Hash() penstock.Hash {
	var h penstock.Hash
	binary.BigEndian.PutUint64(h[:8], r.XXH3)
	binary.BigEndian.PutUint64(h[8:], r.City)
	return h
}

func (r *Row) null(b bit) bool { return b >= 0 && r.masks[b>>6]>>(b&63)&1 == 1 }

// Append appends the row's JSON body and the address of its record. A row that cannot be rendered adds nothing and gives
// the cause, of class mapping, with one of these codes:
//
//	missing_key           a part of the match key is NULL or empty
//	key_characters        Dataverse cannot be addressed with a value that has one of / < > * % & : \ ? + or a control character
//	text_too_long         longer than the column, in UTF-16 units
//	invalid_utf8          the bytes are no text
//	not_a_number          text that is no number, NaN or an infinity
//	out_of_range          beyond the column's least or greatest value
//	choice_unknown        no option of the column has this number
//	boolean_invalid       neither 0 nor 1
//	not_a_guid            no GUID of 8-4-4-4-12 digits
//	date_out_of_range     before 1753, where Dataverse's calendar begins
//	reference_incomplete  of a lookup's compound key some parts are there and some are not
func (p *Plan) Append(body, address []byte, r *Row) ([]byte, []byte, *penstock.Cause) {
	if r.Key == "" {
		return body, address, refuse("", "missing_key", "the row has no match key")
	}
	newAddress := append(address, p.set...)
	if len(p.address) > 0 {
		var cause *penstock.Cause
		if newAddress, cause = p.appendKey(append(newAddress, '('), r); cause != nil {
			return body, address, cause
		}
		newAddress = append(newAddress, ')')
	}
	newBody, cause := p.appendBody(body, r)
	if cause != nil {
		return body, address, cause
	}
	return newBody, newAddress, nil
}

func (p *Plan) appendKey(dst []byte, r *Row) ([]byte, *penstock.Cause) {
	for i := range p.address {
		part := &p.address[i]
		if r.empty(part) {
			return dst, refuse(part.column, "missing_key", "the row has no %s", part.source)
		}
		var cause *penstock.Cause
		if dst, cause = r.appendPart(dst, part, part.column); cause != nil {
			return dst, cause
		}
	}
	return dst, nil
}

func (p *Plan) appendBody(dst []byte, r *Row) ([]byte, *penstock.Cause) {
	dst = append(dst, '{')
	start := len(dst)
	if p.seed != "" {
		dst = p.appendID(dst, r)
	}
	for i := range p.fields {
		f := &p.fields[i]
		missing := r.null(f.null)
		if f.form == formLookup {
			var cause *penstock.Cause
			if missing, cause = r.unbound(f); cause != nil {
				return dst, cause
			}
		}
		if missing && f.skipNull {
			continue
		}
		if missing {
			dst = append(append(dst, f.name...), "null,"...)
			continue
		}
		var cause *penstock.Cause
		if dst, cause = r.appendField(dst, f); cause != nil {
			return dst, cause
		}
		dst = append(dst, ',')
	}
	if len(dst) == start {
		return append(dst, '}'), nil
	}
	dst[len(dst)-1] = '}' // in the place of the last comma
	return dst, nil
}

// appendID appends the primary key of a record that is to be made: a GUID (RFC 9562, version 5 in form) of organisation, sync and
// match key. A second attempt has the same, and so meets the record of the first.
func (p *Plan) appendID(dst []byte, r *Row) []byte {
	r.scratch = append(append(r.scratch[:0], p.seed...), r.Key...)
	id := sha1.Sum(r.scratch)
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	dst = append(append(append(dst, '"'), p.idColumn...), `":"`...)
	for i, cut := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			dst = append(dst, '-')
		}
		from := [...]int{0, 4, 6, 8, 10}[i]
		dst = hex.AppendEncode(dst, id[from:cut])
	}
	return append(dst, `",`...)
}

// empty reports whether a part of a key has no value. Text of blanks alone is none: Dataverse ignores blanks at the end.
func (r *Row) empty(p *part) bool {
	return r.null(p.null) || strings.TrimRight(r.strings[p.slot], " ") == ""
}

// appendField appends name and value of a field that is not NULL.
func (r *Row) appendField(dst []byte, f *field) ([]byte, *penstock.Cause) {
	if f.form == formLookup {
		dst = append(dst, f.bind...)
		for i := range f.parts {
			var cause *penstock.Cause
			if dst, cause = r.appendPart(dst, &f.parts[i], f.column); cause != nil {
				return dst, cause
			}
		}
		return append(dst, `)"`...), nil
	}
	dst = append(dst, f.name...)
	switch f.form {
	case formText:
		s := r.strings[f.slot]
		// Bytes are never fewer than UTF-16 units.
		if f.max > 0 && len(s) > f.max {
			if n := utf16Length(s); n > f.max {
				return dst, refuse(f.column, "text_too_long", "%s is %d UTF-16 units long, and the column takes %d", f.source, n, f.max)
			}
		}
		dst, ok := appendString(dst, s)
		if !ok {
			return dst, refuse(f.column, "invalid_utf8", "%s is not valid UTF-8", f.source)
		}
		return dst, nil
	case formWhole, formChoice, formBoolean:
		return r.appendWhole(dst, f)
	case formNumeral:
		n, ok := parseNumeral(r.strings[f.slot])
		if !ok {
			return dst, refuse(f.column, "not_a_number", "%s is not a number", f.source)
		}
		if !f.bounds.holds(n) {
			return dst, outOfRange(f)
		}
		return n.append(dst), nil
	case formFloat:
		return r.appendFloat(dst, f)
	case formDate, formDateTime:
		return appendDate(dst, f, r.strings[f.slot])
	case formGUID:
		dst, ok := appendGUID(append(dst, '"'), r.strings[f.slot])
		if !ok {
			return dst, refuse(f.column, "not_a_guid", "%s is not a GUID", f.source)
		}
		return append(dst, '"'), nil
	case formLookup:
	}
	return dst, nil
}

// appendWhole appends a whole number, the number of an option, or a truth value.
func (r *Row) appendWhole(dst []byte, f *field) ([]byte, *penstock.Cause) {
	var v int64
	fits := true
	switch f.kind {
	case Int64:
		v = r.ints[f.slot]
	case UInt64:
		v = int64(r.uints[f.slot])
		fits = v >= 0
	case UInt8:
		v = int64(r.bytes[f.slot])
	case String:
		n, ok := parseNumeral(r.strings[f.slot])
		if !ok || n.fraction != "" {
			return dst, refuse(f.column, "not_a_number", "%s is not a whole number", f.source)
		}
		v, fits = n.int64()
	case Float64:
	}
	switch f.form {
	case formBoolean:
		if !fits || v != 0 && v != 1 {
			return dst, refuse(f.column, "boolean_invalid", "%s is neither 0 nor 1", f.source)
		}
		if v == 1 {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case formChoice:
		if !fits || v != int64(int32(v)) || len(f.options) > 0 && !has(f.options, int32(v)) {
			return dst, refuse(f.column, "choice_unknown", "%s is not the number of an option", f.source)
		}
	case formText, formWhole, formNumeral, formFloat, formDate, formDateTime, formGUID, formLookup:
		if !fits || v < f.bounds.low || v > f.bounds.high {
			return dst, outOfRange(f)
		}
	}
	return appendInt(dst, v), nil
}

func has(options []int32, v int32) bool {
	_, found := slices.BinarySearch(options, v)
	return found
}

func outOfRange(f *field) *penstock.Cause {
	least, most := "…", "…"
	if f.bounds.hasMin {
		least = string(f.bounds.min.append(nil))
	}
	if f.bounds.hasMax {
		most = string(f.bounds.max.append(nil))
	}
	return refuse(f.column, "out_of_range", "%s is outside of what the column takes: %s to %s", f.source, least, most)
}

// refuse makes the cause of a row that cannot be rendered. Its message must not hold a value of the row.
func refuse(column, code, format string, args ...any) *penstock.Cause {
	return &penstock.Cause{Class: penstock.Mapping, Code: code, Column: column, Message: fmt.Sprintf(format, args...)}
}
