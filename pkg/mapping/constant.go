package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// constant writes a constant into the body once and for all. It goes the way of a column's value, so that the same is
// refused, here with a place in the file.
func (c *compiler) constant(f spec.Field, column *dataverse.Column) {
	list := strings.HasPrefix(string(f.Const), "[")
	switch {
	case !c.unvaried(f):
		return
	case list && column.Type != dataverse.MultiChoice:
		c.report(f, "", "a list cannot be written to "+describe(column), "lists are for multi-select choices")
		return
	case optional(column):
		c.constantOptions(f, column)
		return
	}
	v := &computed{column: f.Column, name: c.unused("the constant of " + f.Column), null: -1}
	s, ok := constantSource(v, f.Const, column)
	if !ok {
		c.report(f, "", fmt.Sprintf("%s cannot be written to %s", f.Const, describe(column)), v.mend(column, s))
		return
	}
	before := len(c.plan.fields)
	c.plan.computed = append(c.plan.computed, v)
	c.value(f, column, s)
	c.freeze(f, before)
	c.plan.computed = c.plan.computed[:len(c.plan.computed)-1]
}

// constantSource is a source that gives the constant in each row; false when the column can never take it.
func constantSource(v *computed, value spec.Value, column *dataverse.Column) (source, bool) {
	s := source{name: v.name, computed: v, typ: string(value), class: text}
	v.constant = string(value)
	switch {
	case value == "true" || value == "false":
		s.class = boolean
	case strings.HasPrefix(string(value), `"`):
		if json.Unmarshal([]byte(value), &v.constant) != nil {
			return s, false
		}
		if column.Type != dataverse.DateTime {
			break
		}
		layout := time.RFC3339
		s.class, s.zone = dateTime, "UTC"
		if column.Behavior == dataverse.DateOnly {
			layout, s.class = time.DateOnly, date
		}
		t, err := time.Parse(layout, v.constant)
		if err != nil {
			return s, false
		}
		if s.class == dateTime {
			v.constant = t.UTC().Format("2006-01-02T15:04:05Z")
		}
	default:
		n, ok := parseNumeral(v.constant)
		if !ok {
			return s, false
		}
		s.class, s.scale = decimal, len(n.fraction)
	}
	return s, true
}

// constantOptions writes the option that a constant names, by number or label, or the several of a multi-select choice.
func (c *compiler) constantOptions(f spec.Field, column *dataverse.Column) {
	items := []json.RawMessage{json.RawMessage(f.Const)}
	if strings.HasPrefix(string(f.Const), "[") && json.Unmarshal([]byte(f.Const), &items) != nil {
		c.report(f, "", "the list cannot be read", "write [1, 2]")
		return
	}
	if !c.speaks(f, column) {
		return
	}
	var chosen []int32
	for _, item := range items {
		v, found := c.named(f, column, spec.Value(item), "const")
		if !found {
			return
		}
		if at, twice := slices.BinarySearch(chosen, v); !twice {
			chosen = slices.Insert(chosen, at, v)
		}
	}
	out := field{column: f.Column, source: "the constant of " + f.Column, name: `"` + f.Column + `":`, form: formConst, null: -1, cut: -1}
	switch column.Type { //nolint:exhaustive // those that take options
	case dataverse.State, dataverse.Status:
		out.choices = &choices{options: chosen}
		c.keep(column, out)
		return
	case dataverse.MultiChoice:
		if len(chosen) > maxOptions {
			c.report(f, "", fmt.Sprintf("the list has more than the %d options that a multi-select column takes", maxOptions), "shorten it")
			return
		}
		out.name += several(chosen)
	default:
		out.name += strconv.Itoa(int(chosen[0]))
	}
	c.plan.fields = append(c.plan.fields, out)
}

// several are the options of a multi-select choice as JSON has them. None at all is NULL.
func several(options []int32) string {
	if len(options) == 0 {
		return "null"
	}
	numbers := make([]string, len(options))
	for i, v := range options {
		numbers[i] = strconv.Itoa(int(v))
	}
	return `"` + strings.Join(numbers, ",") + `"`
}

// unvaried reports options that say what to do with some values of a column: a constant has one, which stands in the file.
func (c *compiler) unvaried(f spec.Field) bool {
	before := len(c.problems)
	for _, option := range []struct {
		name  string
		given bool
	}{
		{"null: " + string(f.Null), f.Null != "" && f.Null != spec.NullWrite},
		{"empty: " + string(f.Empty), f.Empty != ""},
		{"truncate", f.Truncate},
		{"values", len(f.Values) > 0},
	} {
		if option.given {
			c.report(f, "", option.name+" means nothing for a constant, which is the same in each row", "drop it, and write the constant as it is to be sent")
		}
	}
	return len(c.problems) == before
}

// freeze renders the fields from the given one on, which hold constants alone, and keeps what came out.
func (c *compiler) freeze(f spec.Field, from int) {
	fields := c.plan.fields[from:]
	for i := range fields {
		alone := Plan{fields: slices.Clone(fields[i : i+1])}
		alone.fields[0].follow()
		body, cause := alone.appendBody(nil, c.plan.NewRow())
		if cause != nil {
			c.report(f, "", cause.Message, "")
			return
		}
		fields[i] = field{
			column: fields[i].column, source: fields[i].source, form: formConst, null: -1, name: strings.TrimSuffix(strings.TrimPrefix(string(body), "{"), "}"),
		}
	}
}

// constantParts makes sources of the constants in the key of a lookup, and reports whether nothing else says which record is meant.
func (c *compiler) constantParts(f *spec.Field) bool {
	all := len(f.By) > 0 && f.ToFrom == ""
	f.By = slices.Clone(f.By)
	for i, p := range f.By {
		if p.Const == "" {
			all = false
			continue
		}
		name := f.Column + "." + p.Key
		if p.Table != "" { // of several tables, which may have keys of one name
			name = f.Column + "." + p.Table + "." + p.Key
		}
		v := &computed{column: f.Column, name: c.unused("the constant of " + name), constant: string(p.Const), null: -1}
		class := text
		if n, ok := parseNumeral(v.constant); ok && n.fraction == "" {
			class = wide
		} else if json.Unmarshal([]byte(p.Const), &v.constant) != nil {
			c.report(*f, "", fmt.Sprintf("%s cannot be part of a key", p.Const), "write text or a number")
		}
		if strings.TrimSpace(v.constant) == "" {
			c.report(*f, "", "text without characters names no record", "give "+name+" a value")
		}
		c.sources[v.name] = source{name: v.name, typ: string(p.Const), class: class, computed: v}
		c.plan.computed = append(c.plan.computed, v)
		f.By[i].From = v.name
	}
	return all
}

// constant puts a constant into its place, where no scan writes.
func (r *Row) constant(o output, value string) {
	switch o.kind {
	case String:
		r.strings[o.slot] = value
	case UInt8:
		if value == "true" {
			r.bytes[o.slot] = 1
		}
	case Int64, UInt64, Float64:
	}
}
