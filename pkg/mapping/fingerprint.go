package mapping

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/expression"
)

// renderer is the version of what this package writes. Raise it when the same values come to be written otherwise: rows
// are then sent again.
const renderer = 1

// fingerprint is a hash of the plan as text. Fields are sorted: their order in the file decides nothing.
func (c *compiler) fingerprint() uint64 {
	p := c.plan
	lines := []string{fmt.Sprintf("renderer %d xxh3 cityHash64", renderer)}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	add("table %q set %q %s seed %q", p.table, p.set, p.operation, p.seed)
	for i, s := range p.keySources {
		add("key %q from %q %s", c.keys[i], s.name, s.canonical())
	}
	for _, a := range p.address {
		add("address %q %q %d %d", a.prefix, a.source, a.literal, a.max)
	}
	for _, s := range p.used {
		add("source %q %s", s.name, s.canonical())
	}
	first := len(lines)
	for _, v := range p.computed {
		if v.program != nil {
			add("%s is expression %d", v.name, expression.Version)
		} else {
			add("%s is %q", v.name, v.constant)
		}
	}
	for _, f := range c.Sync.Map {
		if f.Expr != "" || f.Template != "" {
			add("computed %q %q %q", f.Column, f.Expr, f.Template)
		}
	}
	for i := range p.fields {
		lines = append(lines, p.fields[i].fingerprint())
	}
	slices.Sort(lines[first:])
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(lines, "\n"))) // a hash takes everything
	return h.Sum64()
}

// fingerprint says how a field is written.
func (f *field) fingerprint() string {
	line := fmt.Sprintf("field %q %q from %q form %d skip %t max %d bind %q options %v", f.column, f.name, f.source, f.form, f.skipNull, f.max, f.bind(), f.choices.numbers())
	if f.noNull {
		line += " null error"
	}
	if f.required {
		line += " required"
	}
	if f.empty != asItIs {
		line += fmt.Sprintf(" empty %d", f.empty)
	}
	if f.cut >= 0 && f.form == formText {
		line += " cut"
	}
	if f.zone != "" {
		line += fmt.Sprintf(" clock %q", f.zone)
	}
	if b := f.bounds; b != nil {
		line += fmt.Sprintf(" bounds %t %v %t %v digits %d", b.hasMin, b.min, b.hasMax, b.max, f.digits)
	}
	line += f.choices.words().fingerprint(" term")
	if to := f.refers; to != nil {
		for _, t := range to.targets {
			if to.kinds != nil {
				line += fmt.Sprintf(" bind %q", t.bind)
			}
			line += t.fingerprint()
		}
		line += to.kinds.fingerprint(" kind")
	}
	if s := f.states; s != nil {
		line += fmt.Sprintf(" state %q of %v", s.name, s.of)
		for _, of := range []*field{s.state, s.status} {
			if of != nil {
				line += " " + of.fingerprint()
			}
		}
	}
	return line
}

// fingerprint says what texts stand for. How they were written decides nothing.
func (v vocabulary) fingerprint(name string) (line string) {
	for _, t := range v {
		line += fmt.Sprintf("%s %q %d", name, t.folded, t.value)
	}
	return line
}

// bind is that of a lookup of one table.
func (f *field) bind() string {
	if f.refers == nil || f.refers.kinds != nil {
		return ""
	}
	return f.refers.targets[0].bind
}

func (c *choices) numbers() []int32 {
	if c == nil {
		return nil
	}
	return c.options
}

func (c *choices) words() vocabulary {
	if c == nil {
		return nil
	}
	return c.terms
}

func (t target) fingerprint() (line string) {
	for _, p := range t.parts {
		line += fmt.Sprintf(" part %q %q %d", p.prefix, p.source, p.literal)
		if p.max > 0 {
			line += fmt.Sprintf(" max %d", p.max)
		}
		for _, c := range p.codes {
			line += fmt.Sprintf(" code %q %q", c.folded, p.ids[c.value])
		}
	}
	return line
}
