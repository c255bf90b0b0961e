package mapping

import (
	"fmt"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

// A reading is how a column of the warehouse is read for a column of Dataverse, and how it is then written.
type reading struct {
	form form
	kind Kind
	expr string
}

// pair decides how a value of one type becomes a value of the other. Where something would be lost or guessed (a
// fraction, a time of day, a zone, the words for true) there is no way, and the model has to say what is meant.
func pair(column *dataverse.Column, s source) (reading, bool) {
	asText := reading{kind: String, expr: s.plain(s.text(), "''")}
	switch column.Type {
	case dataverse.Text, dataverse.Memo:
		return asText.in(formText), s.class.spells()
	case dataverse.Integer, dataverse.BigInt:
		return whole(s, formWhole)
	case dataverse.Choice, dataverse.State, dataverse.Status:
		return whole(s, formChoice)
	case dataverse.Boolean:
		if s.class == boolean || s.class == small {
			return reading{formBoolean, UInt8, s.plain(s.cast("UInt8"), "0")}, true
		}
		r, ok := whole(s, formBoolean)
		return r, ok && s.class != text
	case dataverse.Decimal, dataverse.Money, dataverse.Double:
		switch s.class {
		case float32s, float64s:
			return reading{formFloat, Float64, s.plain(s.cast("Float64"), "0")}, true
		case decimal, wide, text:
			return asText.in(formNumeral), true
		case fixedText, enum, signed, unsigned, small, boolean, date, dateTime, dateTime64, uuid, other:
		}
		return whole(s, formWhole)
	case dataverse.DateTime:
		switch {
		case s.class == date && column.Behavior == dataverse.DateOnly:
			return asText.in(formDate), true
		case s.class == date && column.Behavior == dataverse.TimeZoneIndependent:
			return reading{formDateTime, String, s.plain("concat("+s.text()+", 'T00:00:00Z')", "''")}, true
		case (s.class == dateTime || s.class == dateTime64) && column.Behavior != dataverse.DateOnly:
			return asText.in(formDateTime), true
		}
	case dataverse.GUID:
		return asText.in(formGUID), s.class == uuid || s.class == text || s.class == fixedText
	case dataverse.Unsupported, dataverse.MultiChoice, dataverse.Lookup:
	}
	return reading{}, false
}

func (r reading) in(f form) reading {
	r.form = f
	return r
}

// spells reports whether the type has one obvious form as text.
func (c class) spells() bool {
	switch c {
	case text, fixedText, enum, signed, unsigned, small, wide, decimal, uuid:
		return true
	case other, float32s, float64s, boolean, date, dateTime, dateTime64:
	}
	return false
}

// whole reads what is a whole number without doubt, and text that has to prove it.
func whole(s source, f form) (reading, bool) {
	switch s.class {
	case signed:
		return reading{f, Int64, s.plain(s.cast("Int64"), "0")}, true
	case unsigned, small:
		return reading{f, UInt64, s.plain(s.cast("UInt64"), "0")}, true
	case wide, text:
		return reading{f, String, s.plain(s.text(), "''")}, true
	case decimal:
		return reading{f, String, s.plain(s.text(), "''")}, s.scale == 0
	case other, fixedText, enum, float32s, float64s, boolean, date, dateTime, dateTime64, uuid:
	}
	return reading{}, false
}

// limits are the bounds of a column of numbers. Whole numbers have those of their type where the metadata names none.
func limits(column *dataverse.Column) bounds {
	lowest, highest := column.Min, column.Max
	if column.Type == dataverse.Integer && lowest == "" {
		lowest = "-2147483648"
	}
	if column.Type == dataverse.Integer && highest == "" {
		highest = "2147483647"
	}
	return parseBounds(lowest, highest)
}

// describe names a column's type as people know it.
func describe(column *dataverse.Column) string {
	switch {
	case column.Type == dataverse.Unsupported:
		return "a column of type " + column.TypeName
	case column.Type != dataverse.DateTime:
		return "a column of type " + column.Type.String()
	case column.Behavior == dataverse.DateOnly:
		return "a date without time"
	case column.Behavior == dataverse.TimeZoneIndependent:
		return "a date-time without zone"
	}
	return "a date-time"
}

// mend says what the model could give instead.
func mend(column *dataverse.Column, s source) string {
	name := s.name
	model := func(format string) string {
		return "write " + fmt.Sprintf(format, name) + " AS " + name + " in the model"
	}
	switch column.Type {
	case dataverse.Text, dataverse.Memo:
		switch s.class {
		case date, dateTime, dateTime64:
			return model("formatDateTime(%s, '%%Y-%%m-%%d')")
		case boolean:
			return model("if(%s, 'yes', 'no')")
		case float32s, float64s, other:
			return model("toString(%s)")
		case text, fixedText, enum, signed, unsigned, small, wide, decimal, uuid:
		}
	case dataverse.Integer, dataverse.BigInt:
		switch s.class {
		case float32s, float64s, decimal:
			return model("toInt64(round(%s))")
		case text, fixedText, enum, boolean:
			return model("toInt64(%s)")
		case other, signed, unsigned, small, wide, date, dateTime, dateTime64, uuid:
		}
	case dataverse.Decimal, dataverse.Money, dataverse.Double:
		if s.class == enum || s.class == boolean {
			return model("toInt64(%s)")
		}
	case dataverse.Choice, dataverse.State, dataverse.Status:
		var values []string
		for _, o := range column.Options[:min(len(column.Options), 8)] {
			values = append(values, strings.TrimSpace(fmt.Sprintf("%d %s", o.Value, o.Label)))
		}
		return "give the number of an option: " + strings.Join(values, ", ")
	case dataverse.Boolean:
		return model("%s = 'yes'")
	case dataverse.DateTime:
		switch {
		case s.class == date:
			return model("toDateTime(%s, 'Europe/Berlin')") + ": whose midnight is it?"
		case column.Behavior == dataverse.DateOnly && (s.class == dateTime || s.class == dateTime64):
			return model("toDate(%s, 'Europe/Berlin')") + ": whose date is it?"
		case s.class == text && column.Behavior == dataverse.DateOnly:
			return model("toDate(%s)")
		case s.class == text:
			return model("parseDateTimeBestEffort(%s, 'UTC')")
		}
	case dataverse.GUID:
		return model("toUUID(%s)")
	case dataverse.Unsupported, dataverse.MultiChoice:
		return "columns of this type cannot be written yet: drop it from map"
	case dataverse.Lookup:
	}
	return ""
}
