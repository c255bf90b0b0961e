package mapping

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A Kind is the Go type that a column is scanned into. There are few, so that scanning is typed and cheap.
type Kind uint8

// The kinds: string, int64, uint64, float64 and uint8.
const (
	String Kind = iota
	Int64
	UInt64
	Float64
	UInt8

	kinds = iota
)

// A ReadColumn is one value that the extractor reads for each row.
type ReadColumn struct {
	Expr   string // SQL over the model's columns, never NULL
	Kind   Kind
	Source string // the model's column
	slot   int
}

// read asks for an expression, once however often it is needed, and says where its value will be.
func (c *compiler) read(kind Kind, expr, source string) int {
	for _, v := range c.plan.computed {
		if v.name == source {
			return v.place(c, kind)
		}
	}
	for _, r := range c.plan.reads {
		if r.Kind == kind && r.Expr == expr {
			return r.slot
		}
	}
	slot := c.plan.slots[kind]
	c.plan.slots[kind]++
	c.plan.reads = append(c.plan.reads, ReadColumn{expr, kind, source, slot})
	return slot
}

// bit asks for the mark of NULL.
func (c *compiler) bit(s source) bit {
	if !s.nullable {
		return -1
	}
	s.mask = ""
	if i := slices.Index(c.plan.masks, s); i >= 0 {
		return bit(i)
	}
	c.plan.masks = append(c.plan.masks, s)
	return bit(len(c.plan.masks) - 1)
}

// used gathers the columns that the hash covers. Their order is that of their names, so that moving a line in the file
// changes nothing.
func (c *compiler) used() {
	for _, f := range c.Sync.Map {
		for _, name := range f.Sources() {
			s, found := c.sources[name]
			if name == f.From {
				s.mask = f.Mask
			}
			if found && s.computed == nil && !slices.Contains(c.plan.used, s) {
				c.plan.used = append(c.plan.used, s)
			}
		}
	}
	for _, v := range c.plan.computed {
		for _, in := range v.inputs {
			if !slices.Contains(c.plan.used, in.source) {
				c.plan.used = append(c.plan.used, in.source)
			}
		}
	}
	slices.SortFunc(c.plan.used, func(a, b source) int { return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.mask, b.mask)) })
}

// KeyExpr is SQL (a String, never NULL) for the match key as Dataverse compares it: [penstock.Change.Key]. Parts of a
// compound key are joined with char(31). It is empty for a row that lacks a part of its key.
func (p *Plan) KeyExpr() string { return p.key }

// HashExprs are SQL (a UInt64 each) for the two halves of [penstock.Hash], over the mapped columns.
func (p *Plan) HashExprs() (xxh3, city string) {
	exprs := make([]string, len(p.used))
	for i, s := range p.used {
		exprs[i] = s.hashed()
	}
	tuple := "(tuple(" + strings.Join(exprs, ", ") + "))"
	return "xxh3" + tuple, "cityHash64" + tuple
}

// MaskExprs are SQL (a UInt64 each) for the marks of NULL, 64 columns in each. There are none when no column is nullable.
func (p *Plan) MaskExprs() []string {
	var masks []string
	for i, s := range p.masks {
		mark := "bitShiftLeft(toUInt64(isNull(" + quote(s.name) + ")), " + strconv.Itoa(i%64) + ")"
		if s.computed != nil {
			mark = "toUInt64(0)" // marked when it is computed
		}
		if i%64 == 0 {
			masks = append(masks, mark)
		} else {
			masks[i/64] = "bitOr(" + masks[i/64] + ", " + mark + ")"
		}
	}
	return masks
}

// Exprs are all expressions to select, in the order of [Row.Dest]: key, xxh3, city, masks, columns.
func (p *Plan) Exprs() []string {
	xxh3, city := p.HashExprs()
	exprs := append([]string{p.key, xxh3, city}, p.MaskExprs()...)
	for _, r := range p.reads {
		exprs = append(exprs, r.Expr)
	}
	return exprs
}

// Select reads the whole model, in the order of [Row.Dest].
func (p *Plan) Select(model string) string {
	return "SELECT\n\t" + strings.Join(p.Exprs(), ",\n\t") + "\nFROM (\n" + model + "\n)"
}
