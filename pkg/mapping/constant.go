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
	if column.Type == dataverse.MultiChoice || strings.HasPrefix(string(f.Const), "[") {
		c.constantList(f, column)
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

// constantList writes the options of a multi-select choice, by number or label.
func (c *compiler) constantList(f spec.Field, column *dataverse.Column) {
	if column.Type != dataverse.MultiChoice {
		c.report(f, "", "a list cannot be written to "+describe(column), "lists are for multi-select choices")
		return
	}
	var items []any
	list := string(f.Const)
	if !strings.HasPrefix(list, "[") {
		list = "[" + list + "]"
	}
	if err := json.Unmarshal([]byte(list), &items); err != nil {
		c.report(f, "", "the list cannot be read", "write [1, 2]")
		return
	}
	var numbers, known []string
	for _, o := range column.Options {
		known = append(known, fmt.Sprintf("%d %s", o.Value, o.Label))
	}
	for _, item := range items {
		i := slices.IndexFunc(column.Options, func(o dataverse.Option) bool {
			if label, ok := item.(string); ok && f.Choice == spec.Label {
				return strings.EqualFold(strings.TrimSpace(label), strings.TrimSpace(o.Label))
			}
			return item == float64(o.Value)
		})
		if i < 0 {
			c.report(f, "", fmt.Sprintf("%v is no option of the column", item), "the options are "+strings.Join(known, ", ")+"; labels need choice: label")
			return
		}
		numbers = append(numbers, strconv.Itoa(int(column.Options[i].Value)))
	}
	c.plan.fields = append(c.plan.fields, field{
		column: f.Column, source: "the constant of " + f.Column, form: formConst, null: -1, name: `"` + f.Column + `":"` + strings.Join(numbers, ",") + `"`,
	})
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

// constantParts makes sources of the constants in the key of a lookup, and reports whether the key has nothing else.
func (c *compiler) constantParts(f *spec.Field) bool {
	all := len(f.By) > 0
	f.By = slices.Clone(f.By)
	for i, p := range f.By {
		if p.Const == "" {
			all = false
			continue
		}
		v := &computed{column: f.Column, name: c.unused("the constant of " + f.Column + "." + p.Key), constant: string(p.Const), null: -1}
		class := text
		if n, ok := parseNumeral(v.constant); ok && n.fraction == "" {
			class = wide
		} else if json.Unmarshal([]byte(p.Const), &v.constant) != nil {
			c.report(*f, "", fmt.Sprintf("%s cannot be part of a key", p.Const), "write text or a number")
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
