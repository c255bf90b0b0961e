package mapping

import (
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

// A reading is how a column of the warehouse is read for a column of Dataverse, and how it is then written.
type reading struct {
	form form
	kind Kind
	expr string
}

// pair decides how a value of one type becomes a value of the other. Whether a value fits is decided row by row. Where
// something would be guessed for all of them (a time of day, a zone, the words for true) there is no way, and the model
// has to say what is meant.
func pair(column *dataverse.Column, s source) (reading, bool) {
	asText := reading{kind: String, expr: s.plain(s.text(), "''")}
	switch column.Type {
	case dataverse.Text, dataverse.Memo:
		return asText.in(formText), s.class.spells()
	case dataverse.Integer, dataverse.BigInt:
		switch s.class {
		case decimal:
			return asText.in(formWhole), true
		case float32s, float64s:
			return reading{formWhole, Float64, s.plain(s.cast("Float64"), "0")}, true
		case other, text, fixedText, enum, ip, signed, unsigned, small, wide, boolean, date, dateTime, dateTime64, uuid:
		}
		return whole(s, formWhole)
	case dataverse.Boolean:
		if s.class == boolean || s.class == small {
			return reading{formBoolean, UInt8, s.plain(s.cast("UInt8"), "0")}, true
		}
		r, ok := whole(s, formBoolean)
		return r, ok && !s.class.textual()
	case dataverse.Decimal, dataverse.Money, dataverse.Double:
		switch s.class {
		case float32s, float64s:
			return reading{formFloat, Float64, s.plain(s.cast("Float64"), "0")}, true
		case decimal, wide, text, fixedText:
			return asText.in(formNumeral), true
		case enum, ip, signed, unsigned, small, boolean, date, dateTime, dateTime64, uuid, other:
		}
		return whole(s, formWhole)
	case dataverse.DateTime:
		return moment(column.Behavior, s)
	case dataverse.GUID:
		return asText.in(formGUID), s.class == uuid || s.class == text || s.class == fixedText && s.size >= 36
	case dataverse.Unsupported, dataverse.Lookup, dataverse.Choice, dataverse.MultiChoice, dataverse.State, dataverse.Status: // see choice
	}
	return reading{}, false
}

// moment pairs dates and times. A date-time of Dataverse is a moment, and any zone's clock tells it. A date-time without zone is what a
// clock shows: the type must name whose.
func moment(behavior dataverse.Behavior, s source) (reading, bool) {
	timed := s.class == dateTime || s.class == dateTime64
	switch {
	case s.class == date && behavior == dataverse.DateOnly:
		return reading{formDate, String, s.plain(s.text(), "''")}, true
	case s.class == date && behavior == dataverse.TimeZoneIndependent:
		return reading{formDateTime, String, s.plain("concat("+s.text()+", 'T00:00:00Z')", "''")}, true
	case timed && behavior == dataverse.UserLocal:
		return reading{formDateTime, String, s.plain(s.text(), "''")}, true
	case timed && behavior == dataverse.TimeZoneIndependent && s.zone != "":
		return reading{formDateTime, String, s.plain(s.clock(s.zone), "''")}, true
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
	case text, fixedText, enum, ip, signed, unsigned, small, wide, decimal, uuid:
		return true
	case other, float32s, float64s, boolean, date, dateTime, dateTime64:
	}
	return false
}

// textual reports whether values can be text without characters.
func (c class) textual() bool { return c == text || c == fixedText || c == enum }

// whole reads what is a whole number without doubt, and text that has to prove it.
func whole(s source, f form) (reading, bool) {
	switch s.class {
	case signed:
		return reading{f, Int64, s.plain(s.cast("Int64"), "0")}, true
	case unsigned, small:
		return reading{f, UInt64, s.plain(s.cast("UInt64"), "0")}, true
	case wide, text, fixedText:
		return reading{f, String, s.plain(s.text(), "''")}, true
	case decimal:
		return reading{f, String, s.plain(s.text(), "''")}, s.scale == 0
	case other, enum, ip, float32s, float64s, boolean, date, dateTime, dateTime64, uuid:
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

// keeps is how many digits after the point a column of numbers keeps; -1: it is a float, and keeps what a float can.
func keeps(column *dataverse.Column) int {
	switch column.Type { //nolint:exhaustive // columns of numbers
	case dataverse.Decimal, dataverse.Money:
		return column.Precision
	case dataverse.Double:
		return -1
	}
	return 0
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
	if s.computed != nil {
		return s.computed.mend(column, s)
	}
	model := func(format string) string {
		return "write " + strings.ReplaceAll(format, "{}", s.name) + " AS " + s.name + " in the model"
	}
	if s.class == other && column.Type != dataverse.Unsupported && column.Type != dataverse.MultiChoice {
		return model(unread(s.base))
	}
	switch column.Type {
	case dataverse.Text, dataverse.Memo:
		switch s.class {
		case date, dateTime, dateTime64:
			return model("formatDateTime({}, '%Y-%m-%d')")
		case boolean:
			return model("if({}, 'yes', 'no')")
		case float32s, float64s:
			return model("toString({})")
		case other, text, fixedText, enum, ip, signed, unsigned, small, wide, decimal, uuid:
		}
	case dataverse.Integer, dataverse.BigInt, dataverse.Decimal, dataverse.Money, dataverse.Double:
		switch s.class {
		case enum, boolean, text, fixedText: // text only in keys
			return model("toInt64({})")
		case decimal, float32s, float64s: // as above
			return model("toInt64(round({}))")
		case date, dateTime, dateTime64:
			return model("toUnixTimestamp({})")
		case uuid, ip:
			return "it is no number: drop it from map, or choose a column of text"
		case other, signed, unsigned, small, wide:
		}
	case dataverse.Choice, dataverse.MultiChoice, dataverse.State, dataverse.Status:
		return mendOption(column, s)
	case dataverse.Boolean:
		if s.class.textual() {
			return "say what the words mean: " + column.Name + ": {from: " + s.name + ", values: {yes: true, no: false}}"
		}
		switch s.class {
		case signed, unsigned, small, wide, decimal, float32s, float64s:
			return model("{} > 0")
		case other, text, fixedText, enum, ip, boolean, date, dateTime, dateTime64, uuid:
		}
		return "write a condition in the model"
	case dataverse.DateTime:
		return mendMoment(column.Behavior, s, model)
	case dataverse.GUID:
		switch {
		case s.class == fixedText && s.size == 16:
			return model("UUIDNumToString({})")
		case s.class == fixedText:
			return "a GUID has 36 characters"
		}
		return "it is no GUID: drop it from map"
	case dataverse.Unsupported:
		return "columns of this type cannot be written yet: drop it from map"
	case dataverse.Lookup:
	}
	return ""
}

func mendMoment(behavior dataverse.Behavior, s source, model func(string) string) string {
	timed := s.class == dateTime || s.class == dateTime64
	switch {
	case s.class == date:
		return model("toDateTime({}, 'Europe/Berlin')") + ": whose midnight is it?"
	case timed && behavior == dataverse.DateOnly:
		return model("toDate({}, 'Europe/Berlin')") + ": whose date is it?"
	case timed:
		return model("toTimeZone({}, 'Europe/Berlin')") + ": whose clock is meant?"
	case s.class.textual() && behavior == dataverse.DateOnly:
		return model("toDate32({})")
	case s.class.textual():
		return model("parseDateTimeBestEffort({}, 'UTC')")
	case s.class != signed && s.class != unsigned:
		return "it is no date: drop it from map"
	case behavior == dataverse.DateOnly:
		return model("toDate32({})") + ", if it counts days from 1970"
	}
	return model("toDateTime({}, 'UTC')") + ", if it counts seconds from 1970"
}

// unread is SQL that makes something of a type that is not read; {} stands for the column.
func unread(base string) string {
	switch base {
	case "Array", "Nested":
		return "arrayStringConcat({}, ', ')"
	case "Tuple", "Point":
		return "{}.1"
	case "Map":
		return "{}['key']"
	case "JSON", "Object":
		return "{}.path.String"
	case "AggregateFunction":
		return "finalizeAggregation({})"
	case "Nothing":
		return "CAST({}, 'Nullable(String)')"
	}
	if strings.HasPrefix(base, "Interval") {
		return "toInt64({})"
	}
	return "toString({})" // Variant, Dynamic, Time, and what is yet to come
}
