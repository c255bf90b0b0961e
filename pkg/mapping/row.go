package mapping

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/expression"
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
	machine *expression.Machine // for a plan that computes

	chosen []int32  // options of a multi-select column
	cuts   []uint64 // by column, of rows that could be rendered
	cutNow []bool   // by column, of this row
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
		chosen:  make([]int32, 0, maxOptions),
		cuts:    make([]uint64, len(p.cuts)),
		cutNow:  make([]bool, len(p.cuts)),
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
	for _, v := range p.computed {
		if v.program == nil {
			for _, o := range v.outputs {
				r.constant(o, v.constant)
			}
		} else if r.machine == nil {
			r.machine = expression.NewMachine()
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
//	fraction_too_long     more digits after the point than the column keeps
//	not_exact             a number with more digits than a float can hold
//	choice_unknown        no option of the column has this number or label, or it is no word of values
//	too_many_options      more than a multi-select column takes
//	state_mismatch        the status belongs to another state than statecode says
//	state_needs_action    a state that only an action of Dataverse reaches: a won opportunity, a resolved case
//	boolean_invalid       neither 0 nor 1, nor a word of values
//	not_a_guid            no GUID of 8-4-4-4-12 digits
//	date_out_of_range     before 1753-01-01 or after 9999-12-30, where Dataverse's calendar begins and ends
//	expression_failed     a function or operator has no result for the row's values
//	reference_incomplete  of a lookup's key, or of key and table, some parts are there and some are not
//	target_unknown        a lookup's table is none of those that the sync names
//	currency_unknown      the environment has no currency with this code
//	null_refused          NULL, where the sync says null: error, or where a record cannot do without a value
//	empty_refused         text without characters, where the sync says empty: error
func (p *Plan) Append(body, address []byte, r *Row) ([]byte, []byte, *penstock.Cause) {
	if r.Key == "" {
		return body, address, refuse("", "missing_key", "the row has no match key")
	}
	if r.machine != nil {
		if cause := p.run(r); cause != nil {
			return body, address, cause
		}
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
	for i, cut := range r.cutNow {
		if cut && cause == nil {
			r.cuts[i]++
		}
		r.cutNow[i] = false
	}
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
	start := len(dst)
	if p.seed != "" {
		dst = p.appendID(dst, r)
	}
	for i := range p.fields {
		f := &p.fields[i]
		missing := r.null(f.null)
		if f.form >= formLookup { // which tell in ways of their own whether they have a value
			switch f.form { //nolint:exhaustive // as above
			case formLookup:
				t, cause := r.bound(f)
				if cause != nil {
					return dst, cause
				}
				if t != nil {
					if dst, cause = r.appendBinding(dst, f, t); cause != nil {
						return dst, cause
					}
					continue
				}
				missing = true
			case formOptions:
				missing = missing || r.none(f)
			case formState:
				var cause *penstock.Cause
				if dst, cause = r.appendStates(dst, f, p.table); cause != nil {
					return dst, cause
				}
				continue
			}
		}
		if f.empty != asItIs && !missing && r.strings[f.slot] == "" {
			switch f.empty {
			case skipped:
				continue
			case refused:
				return dst, refuse(f.column, "empty_refused", "%s is empty, and the sync says empty: error", f.source)
			case asNull, asItIs:
			}
			missing = true
		}
		if missing && f.skipNull {
			continue
		}
		if missing && f.noNull {
			return dst, refuse(f.column, "null_refused", "%s is NULL, and the sync says null: error", f.source)
		}
		if missing && f.required {
			return dst, uncleared(f)
		}
		if missing {
			dst = append(append(dst, f.name...), "null"...)
			continue
		}
		var cause *penstock.Cause
		if dst, cause = r.appendField(dst, f); cause != nil {
			return dst, cause
		}
	}
	if len(dst) == start {
		return append(dst, "{}"...), nil
	}
	dst[start] = '{' // in the place of the first comma
	return append(dst, '}'), nil
}

// appendID appends the primary key of a record that is to be made: a GUID (RFC 9562, version 5 in form) of organisation, sync and
// match key. A second attempt has the same, and so meets the record of the first.
func (p *Plan) appendID(dst []byte, r *Row) []byte {
	r.scratch = append(append(r.scratch[:0], p.seed...), r.Key...)
	id := sha1.Sum(r.scratch)
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	dst = append(append(append(dst, `,"`...), p.idColumn...), `":"`...)
	for i, cut := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			dst = append(dst, '-')
		}
		from := [...]int{0, 4, 6, 8, 10}[i]
		dst = hex.AppendEncode(dst, id[from:cut])
	}
	return append(dst, '"')
}

// empty reports whether a part of a key has no value. Text of blanks alone is none: Dataverse ignores blanks at the end.
func (r *Row) empty(p *part) bool {
	return r.null(p.null) || strings.TrimRight(r.strings[p.slot], " ") == ""
}

// appendField appends name and value of a field that is not NULL. It asks for one form after the other, the most frequent first: for
// a switch of so many the compiler makes a jump through a table, which costs more than all questions together.
func (r *Row) appendField(dst []byte, f *field) ([]byte, *penstock.Cause) {
	dst = append(dst, f.name...)
	if f.form == formText {
		return r.appendText(dst, f)
	}
	if f.form == formWhole || f.form == formBoolean {
		return r.appendWhole(dst, f)
	}
	if f.form == formChoice {
		v, cause := r.option(f)
		return appendInt(dst, int64(v)), cause
	}
	if f.form == formDate || f.form == formDateTime {
		return appendDate(dst, f, r.strings[f.slot])
	}
	if f.form == formNumeral {
		return appendNumeral(dst, f, r.strings[f.slot])
	}
	if f.form == formFloat {
		return r.appendFloat(dst, f)
	}
	if f.form == formOptions {
		return r.appendOptions(dst, f)
	}
	if f.form == formConst {
		return dst, nil
	}
	dst, ok := appendGUID(append(dst, '"'), r.strings[f.slot])
	if !ok {
		return dst, refuse(f.column, "not_a_guid", "%s is not a GUID", f.source)
	}
	return append(dst, '"'), nil
}

// appendText appends text that fits, or that the sync says to cut.
func (r *Row) appendText(dst []byte, f *field) ([]byte, *penstock.Cause) {
	s := r.strings[f.slot]
	// Bytes are never fewer than UTF-16 units.
	if f.max > 0 && len(s) > f.max {
		if n := utf16Length(s); n > f.max {
			if f.cut < 0 {
				return dst, refuse(f.column, "text_too_long", "%s is %d UTF-16 units long, and the column takes %d", f.source, n, f.max)
			}
			s = cutText(s, f.max)
			r.cutNow[f.cut] = true
		}
	}
	dst, ok := appendString(dst, s)
	if !ok {
		return dst, refuse(f.column, "invalid_utf8", "%s is not valid UTF-8", f.source)
	}
	return dst, nil
}

// appendNumeral appends a number that came as text.
func appendNumeral(dst []byte, f *field, s string) ([]byte, *penstock.Cause) {
	n, ok := parseNumeral(s)
	switch {
	case !ok:
		return dst, refuse(f.column, "not_a_number", "%s is not a number", f.source)
	case !f.bounds.holds(&n):
		return dst, outOfRange(f)
	case f.digits >= 0 && len(n.fraction) > f.digits:
		return dst, tooFine(f)
	case f.digits < 0 && n.significant() > floatDigits:
		return dst, refuse(f.column, "not_exact", "%s has more than the %d digits that a float holds", f.source, floatDigits)
	}
	return n.append(dst), nil
}

// floatDigits is how many digits of a decimal number always come back from a float of 64 bits.
const floatDigits = 15

// whole reads a whole number. fits is false for one that no int64 holds.
func (r *Row) whole(f *field) (v int64, fits bool, cause *penstock.Cause) {
	fits = true
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
		if !ok {
			return 0, false, refuse(f.column, "not_a_number", "%s is not a whole number", f.source)
		}
		if n.fraction != "" {
			return 0, false, tooFine(f)
		}
		v, fits = n.int64()
	case Float64:
		return wholeFloat(f, r.floats[f.slot])
	}
	return v, fits, nil
}

// appendWhole appends a whole number, or a truth value.
func (r *Row) appendWhole(dst []byte, f *field) ([]byte, *penstock.Cause) {
	if f.choices != nil {
		v, cause := r.option(f)
		return strconv.AppendBool(dst, v == 1), cause
	}
	v, fits, cause := r.whole(f)
	if cause != nil {
		return dst, cause
	}
	switch f.form {
	case formBoolean:
		if !fits || v != 0 && v != 1 {
			return dst, refuse(f.column, "boolean_invalid", "%s is neither 0 nor 1", f.source)
		}
		return strconv.AppendBool(dst, v == 1), nil
	case formText, formWhole, formNumeral, formFloat, formChoice, formOptions, formState, formDate, formDateTime, formGUID, formLookup, formConst:
		if !fits || v < f.bounds.low || v > f.bounds.high {
			return dst, outOfRange(f)
		}
		if f.digits < 0 && (v > 1<<53 || v < -1<<53) {
			return dst, refuse(f.column, "not_exact", "%s has more than the 53 bits that a float holds", f.source)
		}
	}
	return appendInt(dst, v), nil
}

// wholeFloat reads a float that has to be a whole number, and small enough that there is none between it and the next.
func wholeFloat(f *field, v float64) (whole int64, fits bool, cause *penstock.Cause) {
	exact := float64(1 << 53)
	if f.bits == 32 {
		exact = 1 << 24
	}
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return 0, false, refuse(f.column, "not_a_number", "%s is NaN or infinite", f.source)
	case v != math.Trunc(v):
		return 0, false, tooFine(f)
	case math.Abs(v) >= 1<<63:
		return 0, false, nil
	case math.Abs(v) > exact && v >= f.bounds.least && v <= f.bounds.most:
		return 0, false, refuse(f.column, "not_exact", "%s is a float too large to be one whole number", f.source)
	}
	return int64(v), true, nil
}

// uncleared refuses a NULL for what a record always has.
func uncleared(f *field) *penstock.Cause {
	return refuse(f.column, "null_refused", "%s is NULL, and %s cannot be cleared: choose null: skip, or give a value", f.source, f.column)
}

func tooFine(f *field) *penstock.Cause {
	if f.digits == 0 {
		return refuse(f.column, "fraction_too_long", "%s is not a whole number, and the column keeps no fraction: round it in the model", f.source)
	}
	return refuse(f.column, "fraction_too_long", "%s has more digits after the point than the %d that the column keeps: round it in the model", f.source, f.digits)
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
