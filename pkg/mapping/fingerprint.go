package mapping

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
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
	for i, s := range c.keySources {
		add("key %q from %q %s", c.keys[i], s.name, s.canonical())
	}
	for _, a := range p.address {
		add("address %q %q %d %d", a.prefix, a.source, a.literal, a.max)
	}
	for _, s := range p.used {
		add("source %q %s", s.name, s.canonical())
	}
	first := len(lines)
	for _, f := range p.fields {
		line := fmt.Sprintf("field %q %q from %q form %d skip %t max %d bind %q options %v", f.column, f.name, f.source, f.form, f.skipNull, f.max, f.bind, f.options)
		if f.noNull {
			line += " null error"
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
		for _, w := range f.words {
			line += fmt.Sprintf(" word %q %t", strings.ToLower(w.text), w.true)
		}
		if b := f.bounds; b != nil {
			line += fmt.Sprintf(" bounds %t %v %t %v digits %d", b.hasMin, b.min, b.hasMax, b.max, f.digits)
		}
		for _, a := range f.parts {
			line += fmt.Sprintf(" part %q %q %d", a.prefix, a.source, a.literal)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines[first:])
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(lines, "\n"))) // a hash takes everything
	return h.Sum64()
}
