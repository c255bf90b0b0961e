package mapping

import (
	"strconv"
	"strings"
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
	class    class
	nullable bool
	scale    int  // digits after the point, of decimal
	unknown  bool // the model was not asked: see [Check]
}

// understand takes a type's name apart. LowCardinality and Nullable change how a value is stored, not what it is.
func understand(c SourceColumn) source {
	s := source{name: c.Name, typ: c.Type}
	t := c.Type
	for {
		if inner, ok := wrapped(t, "LowCardinality("); ok {
			t = inner
		} else if inner, ok := wrapped(t, "Nullable("); ok {
			t, s.nullable = inner, true
		} else {
			break
		}
	}
	base, args, _ := strings.Cut(t, "(")
	switch base {
	case "String":
		s.class = text
	case "FixedString":
		s.class = fixedText
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
	case "Float32":
		s.class = float32s
	case "Float64":
		s.class = float64s
	case "Decimal":
		s.class = decimal
		_, scale, _ := strings.Cut(strings.TrimSuffix(args, ")"), ",")
		s.scale, _ = strconv.Atoi(strings.TrimSpace(scale)) // Decimal(9) has none: 0
	case "Bool":
		s.class = boolean
	case "Date", "Date32":
		s.class = date
	case "DateTime":
		s.class = dateTime
	case "DateTime64":
		s.class = dateTime64
	case "UUID":
		s.class = uuid
	}
	return s
}

func wrapped(t, by string) (string, bool) {
	inner, ok := strings.CutPrefix(t, by)
	return strings.TrimSuffix(inner, ")"), ok
}

// canonical names what the value is, for the fingerprint: how it is stored, which labels an enum has and in which zone a
// time is shown do not change what is sent.
func (s source) canonical() string {
	names := [...]string{
		"other", "text", "fixed", "enum", "signed", "unsigned", "small", "wide", "float32", "float64", "decimal", "bool", "date",
		"datetime", "datetime64", "uuid",
	}
	if s.class == decimal {
		return "decimal" + strconv.Itoa(s.scale)
	}
	return names[s.class]
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

// text reads the column as text. Times are in UTC and cut to seconds, as Dataverse takes them.
func (s source) text() string {
	if s.class == dateTime || s.class == dateTime64 {
		return "formatDateTime(" + quote(s.name) + ", '%Y-%m-%dT%H:%i:%SZ', 'UTC')"
	}
	return s.cast("String")
}

// plain replaces NULL, so that what is read is never nullable. Masks tell which values were NULL.
func (s source) plain(expr, zero string) string {
	if !s.nullable {
		return expr
	}
	return "ifNull(" + expr + ", " + zero + ")"
}

// hashed is what the row's hash is computed of: equal for values that are sent alike.
func (s source) hashed() string {
	column := quote(s.name)
	switch s.class {
	case float32s, float64s:
		return "if(" + column + " = 0, 0, " + column + ")" // -0.0 is 0
	case enum, fixedText:
		return s.cast("String")
	case dateTime64:
		return "toDateTime64(" + column + ", 0)"
	case other, text, signed, unsigned, small, wide, decimal, boolean, date, dateTime, uuid:
	}
	return column
}
