package mapping

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	guid "github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/spec"
)

// given makes a value of a column of what somebody wrote for it in a test, as ClickHouse would hold it.
func (s source) given(value spec.Value) (any, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(string(value)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s cannot be read", value)
	}
	if v == nil {
		if !s.nullable {
			return nil, fmt.Errorf("%s is never NULL; its type is %s", s.name, s.typ)
		}
		return nil, nil
	}
	if items, ok := v.([]any); ok {
		return s.givenItems(items)
	}
	return s.givenScalar(v)
}

// givenItems makes an array. Its items are read as the items of the type would be.
func (s source) givenItems(items []any) (any, error) {
	inner, ok := wrapped(s.typ, "Array(")
	if !ok {
		return nil, s.misfit("a list")
	}
	item := understand(SourceColumn{Name: s.name, Type: inner})
	out := make([]any, len(items))
	for i, v := range items {
		if v == nil && item.nullable {
			continue
		}
		var err error
		if out[i], err = item.givenScalar(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s source) misfit(what string) error {
	return fmt.Errorf("%s is no value of %s, whose type is %s", what, s.name, s.typ)
}

func (s source) givenScalar(v any) (any, error) {
	switch s.class { //nolint:exhaustive // the rest is text
	case signed, unsigned, small, wide, decimal, float32s, float64s:
		n, ok := v.(json.Number)
		if !ok {
			return nil, s.misfit("what is given")
		}
		return s.givenNumber(n.String())
	case boolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, s.misfit("what is given")
	}
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%w; write text in quotes", s.misfit("what is given"))
	}
	switch s.class { //nolint:exhaustive // the rest is the text itself
	case date:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil, fmt.Errorf("%w; write 2026-01-31", s.misfit("what is given"))
		}
	case dateTime, dateTime64:
		return s.givenTime(text)
	case uuid:
		id, err := guid.Parse(text)
		if err != nil {
			return nil, s.misfit("what is given")
		}
		return id.String(), nil
	case enum:
		if !strings.Contains(s.typ, "'"+text+"' =") {
			return nil, s.misfit("what is given")
		}
	case fixedText:
		return strings.TrimRight(text, "\x00"), nil
	}
	return text, nil
}

// givenNumber reads a number, within what the type holds.
func (s source) givenNumber(text string) (any, error) {
	if s.class == float32s || s.class == float64s {
		size := 64
		if s.class == float32s {
			size = 32
		}
		v, err := strconv.ParseFloat(text, size)
		if err != nil {
			return nil, s.misfit("what is given")
		}
		return v, nil
	}
	n, ok := parseNumeral(text)
	if !ok || len(n.fraction) > s.scale {
		return nil, s.misfit("what is given")
	}
	base := strings.TrimRight(strings.TrimPrefix(strings.TrimPrefix(s.typ, "LowCardinality("), "Nullable("), ")")
	if bits, err := strconv.Atoi(strings.TrimLeft(base, "UInt")); err == nil && s.class != decimal {
		whole, _ := new(big.Int).SetString(string(n.append(nil)), 10)
		least, most := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(bits))
		if base[0] == 'I' {
			most.Rsh(most, 1)
			least.Neg(most)
		}
		if whole.Cmp(least) < 0 || whole.Cmp(most) >= 0 {
			return nil, s.misfit("what is given")
		}
	}
	return n, nil
}

// givenTime reads a moment: with its zone, or as clocks in the column's zone show it, UTC where it has none.
func (s source) givenTime(text string) (any, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	zone := time.UTC
	if _, quoted, found := strings.Cut(s.typ, "'"); found {
		name, _, _ := strings.Cut(quoted, "'")
		if z, err := time.LoadLocation(name); err == nil {
			zone = z
		}
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05"} { // both take a fraction of a second
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%w; write \"2026-01-31 12:00:00\"", s.misfit("what is given"))
}
