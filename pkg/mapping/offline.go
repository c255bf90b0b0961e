package mapping

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The SQL that plans select is a small part of ClickHouse's. This file computes it without ClickHouse, for the tests of a
// sync: whatever a plan reads goes through here as it stands, and a test holds the outcome to ClickHouse's. What it does
// not know is an error, never a guess.
//
// Values are nil (NULL), string, numeral, float64, bool, time.Time and []any (arrays).

// A scope gives the values of columns.
type scope func(name string) (any, error)

// evaluate computes SQL.
func evaluate(sql string, columns scope) (any, error) {
	e := &evaluator{rest: sql, columns: columns}
	v, err := e.expression()
	if e.skip(); err == nil && e.rest != "" {
		err = e.unknown(e.rest)
	}
	return v, err
}

// An evaluator reads SQL and computes it on the way.
type evaluator struct {
	rest    string
	columns scope
}

func (e *evaluator) unknown(what string) error {
	return fmt.Errorf("the SQL %q cannot be computed without ClickHouse; this is a fault of the program, please report it", what)
}

func (e *evaluator) skip() { e.rest = strings.TrimLeft(e.rest, " \t\n") }

// take reads a token if it is the next one.
func (e *evaluator) take(token string) bool {
	e.skip()
	rest, found := strings.CutPrefix(e.rest, token)
	if found {
		e.rest = rest
	}
	return found
}

func (e *evaluator) need(token string) error {
	if !e.take(token) {
		return e.unknown(e.rest)
	}
	return nil
}

// expression reads comparisons that are joined by OR.
func (e *evaluator) expression() (any, error) {
	v, err := e.comparison()
	for err == nil && e.take("OR ") {
		var right any
		if right, err = e.comparison(); v != true {
			v = right
		}
	}
	return v, err
}

func (e *evaluator) comparison() (any, error) {
	left, err := e.value()
	if err != nil || !e.take("=") {
		return left, err
	}
	right, err := e.value()
	if left == nil || right == nil {
		return nil, err
	}
	return asText(left) == asText(right), err
}

// value reads a column, a literal or a call.
func (e *evaluator) value() (any, error) {
	e.skip()
	if e.rest == "" {
		return nil, e.unknown("")
	}
	switch c := e.rest[0]; {
	case c == '`':
		name, err := e.quoted('`')
		if err != nil {
			return nil, err
		}
		return e.columns(name)
	case c == '\'':
		return e.quoted('\'')
	case c >= '0' && c <= '9' || c == '-':
		n := e.word("-.0123456789")
		v, _ := parseNumeral(n)
		return v, nil
	}
	name := e.word("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
	switch {
	case name == "":
		return nil, e.unknown(e.rest)
	case !e.take("("):
		return e.columns(name) // of a lambda
	case name == "CAST":
		return e.cast()
	case name == "arrayMap":
		return e.arrayMap()
	}
	var args []any
	for !e.take(")") {
		if len(args) > 0 {
			if err := e.need(","); err != nil {
				return nil, err
			}
		}
		v, err := e.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return e.call(name, args)
}

func (e *evaluator) word(of string) string {
	word := e.rest[:len(e.rest)-len(strings.TrimLeft(e.rest, of))]
	e.rest = e.rest[len(word):]
	return word
}

// quoted reads a literal or a name, with backslashes before what would end it.
func (e *evaluator) quoted(by byte) (string, error) {
	var s strings.Builder
	for i := 1; i < len(e.rest); i++ {
		switch c := e.rest[i]; {
		case c == '\\' && i+1 < len(e.rest):
			i++
			s.WriteByte(e.rest[i])
		case c == by:
			e.rest = e.rest[i+1:]
			return s.String(), nil
		default:
			s.WriteByte(c)
		}
	}
	return "", e.unknown(e.rest)
}

// cast reads what stands behind CAST( and changes the type.
func (e *evaluator) cast() (any, error) {
	v, err := e.expression()
	if err == nil {
		err = e.need("AS ")
	}
	if err != nil {
		return nil, err
	}
	nullable := e.take("Nullable(")
	typ := e.word("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
	if err := e.need(")"); err != nil {
		return nil, err
	}
	if nullable {
		if err := e.need(")"); err != nil {
			return nil, err
		}
	}
	if v == nil {
		return nil, nil
	}
	switch x := v.(type) {
	case bool:
		if typ == "UInt8" || typ == "Int64" || typ == "UInt64" {
			v = numeral{}
			if x {
				v = numeral{whole: "1"}
			}
		}
	case numeral:
		if typ == "Float64" {
			return float(asText(x)), nil
		}
	}
	switch typ {
	case "String":
		return asText(v), nil
	case "Int64", "UInt64", "UInt8", "Float64":
		return v, nil
	}
	return nil, e.unknown(typ)
}

// arrayMap reads a lambda and the array that it is for.
func (e *evaluator) arrayMap() (any, error) {
	e.skip()
	name := e.word("abcdefghijklmnopqrstuvwxyz")
	if err := e.need("->"); err != nil {
		return nil, err
	}
	lambda, outer := e.rest, e.columns
	e.columns = func(column string) (any, error) { // once without a value, to find its end
		if column == name {
			return nil, nil
		}
		return outer(column)
	}
	if _, err := e.expression(); err != nil {
		return nil, err
	}
	lambda = lambda[:len(lambda)-len(e.rest)]
	e.columns = outer
	if err := e.need(","); err != nil {
		return nil, err
	}
	v, err := e.expression()
	if err == nil {
		err = e.need(")")
	}
	items, ok := v.([]any)
	if err != nil || !ok {
		return nil, cmp.Or(err, e.unknown("arrayMap"))
	}
	mapped := make([]any, len(items))
	for i, item := range items {
		mapped[i], err = evaluate(lambda, func(column string) (any, error) {
			if column == name {
				return item, nil
			}
			return outer(column)
		})
		if err != nil {
			return nil, err
		}
	}
	return mapped, nil
}

// call computes one of the functions that plans use.
func (e *evaluator) call(name string, args []any) (any, error) {
	arity := map[string]int{
		"ifNull": 2, "if": 3, "lowerUTF8": 1, "lower": 1, "trimRight": 1, "hex": 1, "SHA256": 1, "formatDateTime": 3, "replaceAll": 3,
		"substring": 3, "char": 1, "arraySort": 1, "arrayDistinct": 1, "arrayStringConcat": 2,
	}
	if n, found := arity[name]; found && n != len(args) || !found && name != "concat" {
		return nil, e.unknown(name)
	}
	switch name {
	case "ifNull":
		if args[0] == nil {
			return args[1], nil
		}
		return args[0], nil
	case "if":
		if args[0] == true {
			return args[1], nil
		}
		return args[2], nil
	}
	if slices.Contains(args, nil) && !slices.ContainsFunc(args, isArray) {
		return nil, nil
	}
	switch name {
	case "concat":
		var s strings.Builder
		for _, a := range args {
			s.WriteString(asText(a))
		}
		return s.String(), nil
	case "char":
		n, _ := strconv.Atoi(asText(args[0]))
		return string([]byte{byte(n)}), nil
	case "formatDateTime":
		return e.format(args)
	case "substring": // of which plans need the empty one only
		return "", nil
	case "arraySort", "arrayDistinct", "arrayStringConcat":
		items, ok := args[0].([]any)
		if !ok {
			return nil, e.unknown(name)
		}
		return ofArray(name, items, args[len(args)-1]), nil
	}
	return ofText(name, asText(args[0]), args), nil
}

func isArray(v any) bool { _, ok := v.([]any); return ok }

func ofText(name, s string, args []any) string {
	switch name {
	case "lower", "lowerUTF8":
		return strings.ToLower(s)
	case "trimRight":
		return strings.TrimRight(s, " ")
	case "hex":
		return strings.ToUpper(hex.EncodeToString([]byte(s)))
	case "SHA256":
		sum := sha256.Sum256([]byte(s))
		return string(sum[:])
	case "replaceAll":
		return strings.ReplaceAll(s, asText(args[1]), asText(args[2]))
	}
	return s
}

func ofArray(name string, items []any, last any) any {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = asText(item)
	}
	switch name {
	case "arrayStringConcat":
		return strings.Join(texts, asText(last))
	case "arraySort":
		slices.Sort(texts)
	case "arrayDistinct":
		var distinct []string
		for _, t := range texts {
			if !slices.Contains(distinct, t) {
				distinct = append(distinct, t)
			}
		}
		texts = distinct
	}
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

// format writes a time as formatDateTime does, in the given zone.
func (e *evaluator) format(args []any) (any, error) {
	t, ok := args[0].(time.Time)
	zone, err := time.LoadLocation(asText(args[2]))
	if !ok || err != nil {
		return nil, errors.Join(err, e.unknown("formatDateTime"))
	}
	layout := strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%i", "04", "%S", "05").Replace(asText(args[1]))
	return t.In(zone).Format(layout), nil
}

// asText writes a value as CAST(… AS String) does.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case numeral:
		return string(v.append(nil))
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
