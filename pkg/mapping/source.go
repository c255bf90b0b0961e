package mapping

import (
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/spec"
)

// A SourceColumn is one column of the model, with its type as DESCRIBE prints it: LowCardinality(Nullable(String)).
type SourceColumn struct {
	Name string
	Type string
}

// A class holds the types of ClickHouse that are read alike.
type class uint8

const (
	other class = iota
	text
	fixedText // FixedString: the bytes that fill it up are not part of the value
	enum      // its name is the value, not its number
	ip        // IPv4 and IPv6
	signed    // up to 64 bits
	unsigned  // up to 64 bits
	small     // UInt8, which may be a boolean
	wide      // whole numbers of 128 and 256 bits
	float32s
	float64s
	decimal
	boolean
	date
	dateTime
	dateTime64
	uuid
)

// A source is a column of the model, understood.
type source struct {
	name     string
	typ      string // as DESCRIBE prints it, for messages
	base     string // the type's name alone: Array
	class    class
	nullable bool
	scale    int       // digits after the point, of decimal
	size     int       // bytes, of fixedText
	zone     string    // of dateTime and dateTime64, where the type names it
	mask     spec.Mask // what is read in place of the value
	items    class     // of an array, whose own class is other
	unknown  bool      // the model was not asked: see [Check]
	computed *computed // in place of a column: see [compiler.compute]
}

// understand takes a type's name apart. LowCardinality, Nullable and SimpleAggregateFunction change how a value is stored or
// merged, not what it is.
func understand(c SourceColumn) source {
	s := source{name: c.Name, typ: c.Type}
	t := c.Type
	for {
		if inner, ok := wrapped(t, "LowCardinality("); ok {
			t = inner
		} else if inner, ok := wrapped(t, "Nullable("); ok {
			t, s.nullable = inner, true
		} else if inner, ok := wrapped(t, "SimpleAggregateFunction("); ok {
			t = second(inner)
		} else {
			break
		}
	}
	if inner, ok := wrapped(t, "Array("); ok {
		s.items = understand(SourceColumn{Type: inner}).class
	}
	base, args, _ := strings.Cut(t, "(")
	args = strings.TrimSuffix(args, ")")
	s.base = base
	switch base {
	case "String":
		s.class = text
	case "FixedString":
		s.class = fixedText
		s.size, _ = strconv.Atoi(args)
	case "Enum8", "Enum16", "Enum":
		s.class = enum
	case "Int8", "Int16", "Int32", "Int64":
		s.class = signed
	case "UInt8":
		s.class = small
	case "UInt16", "UInt32", "UInt64":
		s.class = unsigned
	case "Int128", "Int256", "UInt128", "UInt256":
		s.class = wide
	case "Float32", "BFloat16":
		s.class = float32s
	case "Float64":
		s.class = float64s
	case "Decimal":
		s.class = decimal
		_, scale, _ := strings.Cut(args, ",")
		s.scale, _ = strconv.Atoi(strings.TrimSpace(scale)) // Decimal(9) has none: 0
	case "Bool":
		s.class = boolean
	case "Date", "Date32":
		s.class = date
	case "DateTime":
		s.class, s.zone = dateTime, zone(args)
	case "DateTime64":
		s.class, s.zone = dateTime64, zone(args)
	case "UUID":
		s.class = uuid
	case "IPv4", "IPv6":
		s.class = ip
	}
	return s
}

func wrapped(t, by string) (string, bool) {
	inner, ok := strings.CutPrefix(t, by)
	return strings.TrimSuffix(inner, ")"), ok
}

// second is the second of a type's arguments: of "groupArrayLast(2), Array(Int8)" it is Array(Int8).
func second(args string) string {
	depth := 0
	for i, c := range args {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			return strings.TrimSpace(args[i+1:])
		}
	}
	return ""
}

// zone is what stands in quotes in the arguments of a time's type.
func zone(args string) string {
	_, quoted, _ := strings.Cut(args, "'")
	return strings.TrimSuffix(quoted, "'")
}

// canonical names what the value is, for the fingerprint: how it is stored, which labels an enum has and in which zone a
// time is shown do not change what is sent.
func (s source) canonical() string {
	names := [...]string{
		"other", "text", "fixed", "enum", "ip", "signed", "unsigned", "small", "wide", "float32", "float64", "decimal", "bool", "date",
		"datetime", "datetime64", "uuid",
	}
	name := names[s.class]
	if s.items != other {
		name = "array of " + names[s.items]
	}
	if s.class == decimal {
		name += strconv.Itoa(s.scale)
	}
	if s.mask != "" {
		name += " " + string(s.mask)
	}
	return name
}

// quote makes an identifier of any name.
func quote(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// cast reads the column as another type; NULL stays NULL.
func (s source) cast(typ string) string {
	if s.nullable {
		typ = "Nullable(" + typ + ")"
	}
	return "CAST(" + quote(s.name) + " AS " + typ + ")"
}

// text reads the column as text, masked if it is to be. Times are in UTC.
func (s source) text() string {
	if s.class == dateTime || s.class == dateTime64 {
		return s.clock("UTC")
	}
	return masked(s.cast("String"), s.mask)
}

// clock reads a time as the clocks of a zone show it, cut to seconds as Dataverse keeps them.
func (s source) clock(zone string) string {
	return "formatDateTime(" + quote(s.name) + ", '%Y-%m-%dT%H:%i:%SZ', '" + zone + "')"
}

// plain replaces NULL, so that what is read is never nullable. Masks tell which values were NULL.
func (s source) plain(expr, zero string) string {
	if !s.nullable {
		return expr
	}
	return "ifNull(" + expr + ", " + zero + ")"
}

// hashed is what the row's hash is computed of: equal for values that are sent alike. What is masked leaves no trace in it.
func (s source) hashed() string {
	column := quote(s.name)
	if s.mask != "" {
		return s.text()
	}
	if s.items != other {
		return s.joined()
	}
	switch s.class {
	case float32s, float64s:
		return "if(" + column + " = 0, 0, " + column + ")" // -0.0 is 0
	case enum, fixedText:
		return s.cast("String")
	case dateTime64:
		return "toDateTime64(toStartOfSecond(" + column + "), 0)" // towards the past before 1970 too, as formatDateTime does it
	case other, text, ip, signed, unsigned, small, wide, decimal, boolean, date, dateTime, uuid:
	}
	return column
}
