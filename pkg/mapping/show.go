package mapping

import (
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A Shown is one column of the model as a person may read it.
type Shown struct {
	Source string // the model's column
	Type   string // as DESCRIBE prints it
	Expr   string // SQL: a Nullable(String), in which a masked column is masked
	Masked bool
}

// Show lists the columns of the model that the sync takes: those of its key, then the others by name. A column that one field
// masks is masked, whatever other fields do with it.
func (p *Plan) Show() []Shown {
	var all []Shown
	for _, s := range slices.Concat(p.keySources, p.used) {
		if slices.ContainsFunc(all, func(shown Shown) bool { return shown.Source == s.name }) {
			continue
		}
		for _, other := range p.used {
			if other.name == s.name && other.mask != "" && s.mask != spec.Redact {
				s.mask = other.mask
			}
		}
		all = append(all, Shown{
			Source: s.name, Type: s.typ, Masked: s.mask != "",
			Expr: "CAST(" + masked("toString("+quote(s.name)+")", s.mask) + " AS Nullable(String))",
		})
	}
	return all
}

// KeySources lists the columns of the model that hold the match key, in the order of its parts, with their types.
func (p *Plan) KeySources() []SourceColumn {
	all := make([]SourceColumn, len(p.keySources))
	for i, s := range p.keySources {
		all[i] = SourceColumn{Name: s.name, Type: s.typ}
	}
	return all
}

// Address gives the address of the record that a match key names, as [Plan.KeyExpr] has it: for a record of which no row is at
// hand.
func (p *Plan) Address(key string) (string, *penstock.Cause) {
	r := p.NewRow()
	r.Key = key
	parts := strings.Split(key, "\x1f")
	address := append([]byte(p.set), '(')
	switch {
	case p.seed != "":
		id := p.appendID(nil, r) // ,"contactid":"…"
		address = append(address, id[len(id)-37:len(id)-1]...)
	case len(p.address) == 0: // made under a GUID of the warehouse
		var ok bool
		if address, ok = appendGUID(address, key); !ok {
			return "", refuse(p.idColumn, "not_a_guid", "the key is not a GUID")
		}
	case len(parts) != len(p.address):
		return "", refuse("", "missing_key", "the key has not the parts that the sync matches on")
	default:
		for i := range p.address {
			r.strings[p.address[i].slot] = parts[i]
		}
		var cause *penstock.Cause
		if address, cause = p.appendKey(address, r); cause != nil {
			return "", cause
		}
	}
	return string(append(address, ')')), nil
}

// Unnamed gives those of the texts that are no option of a column which is filled by label or by words, in their order.
func (p *Plan) Unnamed(column string, texts []string) (unnamed []string) {
	for i := range p.fields {
		f := &p.fields[i]
		options := []*choices{f.choices}
		if f.states != nil {
			options = nil
			for _, part := range []*field{f.states.state, f.states.status} {
				if part != nil && part.column == column {
					options = append(options, part.choices)
				}
			}
		} else if f.column != column {
			continue
		}
		for _, by := range options {
			if by == nil || by.terms == nil {
				continue
			}
			for _, s := range texts {
				if _, found := by.terms.find(s); !found {
					unnamed = append(unnamed, s)
				}
			}
		}
	}
	return unnamed
}
