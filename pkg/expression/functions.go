package expression

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Function that expressions can call.
type Function struct {
	Name    string
	Form    string // how it is called: left(text, n)
	Does    string // one sentence
	Example string // an expression
	Gives   any    // its value

	call  func(args ...any) (any, error)
	types []any
}

// Functions lists them by name. The list is the documentation's, and the same each time.
func Functions() []Function { return functions }

//nolint:gochecknoglobals // constant table
var functions = []Function{
	{
		"abs", "abs(n)", "The number without its sign.", "abs(-2)", 2,
		func(a ...any) (any, error) {
			if v, ok := a[0].(int); ok {
				if v == math.MinInt {
					return nil, failure("a whole number goes beyond 64 bits")
				}
				return max(v, -v), nil
			}
			return math.Abs(number(a[0])), nil
		}, numeric1,
	},
	{"ceil", "ceil(n)", "The least whole number that is not below n.", "ceil(1.2)", 2, rounding(math.Ceil), []any{new(func(float64) int)}},
	{
		"concat", "concat(text, …)", "The texts one after the other.", "concat('a', 'b', 'c')", "abc",
		func(a ...any) (any, error) {
			var s strings.Builder
			for _, v := range a {
				s.WriteString(v.(string))
			}
			return bounded(s.String())
		},
		[]any{new(func(string, ...string) string)},
	},
	{"day", "day(date)", "The day of the month, 1 to 31.", "day('2026-01-31')", 31, calendar(time.Time.Day), []any{new(func(string) int)}},
	{"float", "float(value)", "A number from text or a whole number; exact to some 15 digits.", "float('12.50') * 2", 25.0, toNumber, []any{new(func(string) float64), new(func(int) float64), new(func(float64) float64)}},
	{"floor", "floor(n)", "The greatest whole number that is not above n.", "floor(1.8)", 1, rounding(math.Floor), []any{new(func(float64) int)}},
	{"int", "int(value)", "A whole number from text, or from a number whose fraction is cut off.", "int('42') + 1", 43, toWhole, []any{new(func(string) int), new(func(int) int), new(func(float64) int)}},
	{
		"join", "join(list, separator)", "The elements of a list of texts, with the separator between them.", "join(['a', 'b'], '-')", "a-b",
		func(a ...any) (any, error) {
			var parts []string
			switch list := a[0].(type) {
			case []string:
				parts = list
			case []any:
				for _, v := range list {
					s, ok := v.(string)
					if !ok {
						return nil, failure("join takes a list of texts")
					}
					parts = append(parts, s)
				}
			}
			if total := len(a[1].(string)) * len(parts); total > maxText {
				return nil, errLong
			}
			return bounded(strings.Join(parts, a[1].(string)))
		},
		[]any{new(func([]string, string) string), new(func([]any, string) string)},
	},
	{"left", "left(text, n)", "The first n characters.", "left('Penstock', 3)", "Pen", func(a ...any) (any, error) { return mid(a[0].(string), 0, a[1].(int)), nil }, []any{new(func(string, int) string)}},
	{"len", "len(text)", "How many characters a text has, or elements a list.", "len('Łódź')", 4, length, []any{new(func(string) int), new(func([]string) int), new(func([]any) int)}},
	{"lower", "lower(text)", "The text in small letters.", "lower('Ünal')", "ünal", text1(strings.ToLower), text1Type},
	{"max", "max(n, …)", "The greatest of the numbers.", "max(1, 3, 2)", 3, extreme(1), numericMany},
	{"mid", "mid(text, from, n)", "n characters, from the given one on; the first is 1.", "mid('Penstock', 4, 5)", "stock", func(a ...any) (any, error) { return mid(a[0].(string), max(a[1].(int), 1)-1, a[2].(int)), nil }, []any{new(func(string, int, int) string)}},
	{"min", "min(n, …)", "The least of the numbers.", "min(1.5, 3)", 1.5, extreme(-1), numericMany},
	{"month", "month(date)", "The month, 1 to 12.", "month('2026-01-31')", 1, calendar(func(t time.Time) int { return int(t.Month()) }), []any{new(func(string) int)}},
	{
		"pad", "pad(text, n, character)", "The text with the character put before it until it has n characters.", "pad('42', 6, '0')", "000042",
		func(a ...any) (any, error) {
			s, n, c := a[0].(string), a[1].(int), a[2].(string)
			if utf8.RuneCountInString(c) != 1 || n > 4_000 {
				return nil, failure("pad takes one character, and makes at most 4000")
			}
			return bounded(strings.Repeat(c, max(0, n-utf8.RuneCountInString(s))) + s)
		},
		[]any{new(func(string, int, string) string)},
	},
	{
		"replace", "replace(text, old, new)", "The text with each old replaced by new.", "replace('a b c', ' ', '_')", "a_b_c",
		func(a ...any) (any, error) {
			s, from, to := a[0].(string), a[1].(string), a[2].(string)
			if from == "" {
				return s, nil
			}
			if strings.Count(s, from)*len(to) > maxText {
				return nil, errLong
			}
			return bounded(strings.ReplaceAll(s, from, to))
		},
		[]any{new(func(string, string, string) string)},
	},
	{
		"right", "right(text, n)", "The last n characters.", "right('Penstock', 5)", "stock",
		func(a ...any) (any, error) {
			s, n := a[0].(string), max(0, a[1].(int))
			return mid(s, max(0, utf8.RuneCountInString(s)-n), n), nil
		},
		[]any{new(func(string, int) string)},
	},
	{
		"round", "round(n, digits)", "The number rounded to so many digits after the point, halves away from zero; without digits a whole number.", "round(2.345, 1)", 2.3,
		func(a ...any) (any, error) {
			if len(a) == 1 {
				return rounding(math.Round)(a...)
			}
			digits := a[1].(int)
			if digits < 0 || digits > 15 {
				return nil, failure("round takes 0 to 15 digits")
			}
			scale := math.Pow10(digits)
			if scaled := number(a[0]) * scale; !math.IsInf(scaled, 0) {
				return math.Round(scaled) / scale, nil
			}
			return number(a[0]), nil
		},
		[]any{new(func(float64) int), new(func(float64, int) float64)},
	},
	{
		"split", "split(text, separator)", "The list of what stands between the separators; [0] is its first element, [-1] its last.", "split('a,b,c', ',')[-1]", "c",
		func(a ...any) (any, error) {
			if a[1].(string) == "" || strings.Count(a[0].(string), a[1].(string)) >= maxElems {
				return nil, failure("split takes a separator, and makes at most 10000 elements")
			}
			return strings.Split(a[0].(string), a[1].(string)), nil
		},
		[]any{new(func(string, string) []string)},
	},
	{"string", "string(value)", "The value as text: 12.5, true.", "string(12.50) + '%'", "12.5%", func(a ...any) (any, error) { return plain(a[0]), nil }, []any{new(func(string) string), new(func(int) string), new(func(float64) string), new(func(bool) string)}},
	{"trim", "trim(text)", "The text without blanks at both ends.", "trim('  a b ')", "a b", text1(strings.TrimSpace), text1Type},
	{"upper", "upper(text)", "The text in capital letters.", "upper('Łucja')", "ŁUCJA", text1(strings.ToUpper), text1Type},
	{"weekday", "weekday(date)", "The day of the week, 1 (Monday) to 7.", "weekday('2026-01-31')", 6, calendar(func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }), []any{new(func(string) int)}},
	{"year", "year(date)", "The year.", "year('2026-01-31')", 2026, calendar(time.Time.Year), []any{new(func(string) int)}},
}

//nolint:gochecknoglobals // constant tables
var (
	text1Type   = []any{new(func(string) string)}
	numeric1    = []any{new(func(int) int), new(func(float64) float64)}
	numericMany = []any{new(func(int, ...int) int), new(func(float64, ...float64) float64)}
	errLong     = failure("a text grows beyond 1 MiB")
)

// bounded refuses what has grown too long.
func bounded(s string) (any, error) {
	if len(s) > maxText {
		return nil, errLong
	}
	return s, nil
}

func text1(f func(string) string) func(...any) (any, error) {
	return func(a ...any) (any, error) { return bounded(f(a[0].(string))) }
}

// mid is n characters from the given one on.
func mid(s string, from, n int) string {
	start := len(s)
	for i := range s {
		if from == 0 {
			start = i
			break
		}
		from--
	}
	s = s[start:]
	for i := range s {
		if n <= 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func length(a ...any) (any, error) {
	if s, ok := a[0].(string); ok {
		return utf8.RuneCountInString(s), nil
	}
	return reflect.ValueOf(a[0]).Len(), nil
}

// wholly is a number without fraction as a whole number.
func wholly(f float64) (any, error) {
	if math.IsNaN(f) || f < -1<<63 || f >= 1<<63 {
		return nil, failure("a number is too large for a whole number")
	}
	return int(f), nil
}

func rounding(f func(float64) float64) func(...any) (any, error) {
	return func(a ...any) (any, error) { return wholly(f(number(a[0]))) }
}

func toWhole(a ...any) (any, error) {
	s, ok := a[0].(string)
	if !ok {
		if v, ok := a[0].(int); ok {
			return v, nil
		}
		return wholly(math.Trunc(number(a[0])))
	}
	v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return nil, failure("int meets text that is no whole number")
	}
	return int(v), nil
}

func toNumber(a ...any) (any, error) {
	s, ok := a[0].(string)
	if !ok {
		return number(a[0]), nil
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return nil, failure("float meets text that is no number")
	}
	return v, nil
}

// extreme is the greatest of some numbers, or with sign -1 the least.
func extreme(sign int) func(...any) (any, error) {
	return func(a ...any) (any, error) {
		best, whole := a[0], true
		for _, v := range a {
			if _, ok := v.(int); !ok {
				whole = false
			}
			if x, ok := v.(int); ok {
				if y, ok := best.(int); ok {
					if sign > 0 && x > y || sign < 0 && x < y {
						best = v
					}
					continue
				}
			}
			if float64(sign)*(number(v)-number(best)) > 0 {
				best = v
			}
		}
		if !whole {
			return number(best), nil
		}
		return best, nil
	}
}

// calendar takes a part of a date, or of a date-time, as columns of these types are given: 2026-01-31T12:00:00Z.
func calendar(part func(time.Time) int) func(...any) (any, error) {
	return func(a ...any) (any, error) {
		s := a[0].(string)
		if len(s) < len(time.DateOnly) {
			return nil, failure("a date is not of the form 2026-01-31")
		}
		t, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)])
		if err != nil {
			return nil, failure("a date is not of the form 2026-01-31")
		}
		return part(t), nil
	}
}

// plain writes a value as people write it.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case float64:
		return string(appendNumber(nil, v))
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func appendNumber(dst []byte, v float64) []byte {
	format := byte('f')
	if a := math.Abs(v); a != 0 && a < 1e-15 || a >= 1e21 {
		format = 'e'
	}
	if v == 0 {
		v = 0 // and not -0
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}
