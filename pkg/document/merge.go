package document

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Merge lays over upon base, a file's mapping that says only what is different: mappings are merged key by key, null takes a
// key away, and anything else takes the place of what was there. Every piece keeps its place in the file; a mapping of both
// stands where it is in over, since that is what made it so. Neither base nor over is changed.
//
// fixed has the paths (to.environment) that cannot be laid over, with the reason: those are problems, as is a null for a key that
// is not there. what names over in problems.
func (r *Reader) Merge(base, over Node, what string, fixed map[string]string) Node {
	return r.merge(base, over, what, "", fixed)
}

func (r *Reader) merge(base, over Node, what, path string, fixed map[string]string) Node {
	old, ok := pairsOf(base)
	if !ok {
		return over
	}
	merged := &ast.MappingNode{BaseNode: &ast.BaseNode{}, Start: beginning(over), IsFlowStyle: true, Values: slices.Clone(old)}
	laid := map[string]bool{}
	changes, _ := pairsOf(over)
	for _, change := range changes {
		name, ok := nameOf(change)
		if !ok || laid[name] {
			merged.Values = append(merged.Values, change) // Pairs says what is wrong with it
			continue
		}
		laid[name] = true
		here := name
		if path != "" {
			here = path + "." + name
		}
		if why := fixed[here]; why != "" {
			r.Problem(change.Key, "drop it here", "%s cannot set %s: %s", what, here, why)
			continue
		}
		i := slices.IndexFunc(merged.Values, func(p *ast.MappingValueNode) bool {
			n, ok := nameOf(p)
			return ok && n == name
		})
		switch {
		case IsNull(change.Value) && i < 0:
			r.Problem(change.Key, DidYouMean(name, namesOf(old)), "%s takes %s away, which is not there", what, here)
		case IsNull(change.Value):
			merged.Values = slices.Delete(merged.Values, i, i+1)
		case i < 0:
			merged.Values = append(merged.Values, change)
		case IsMapping(change.Value):
			merged.Values[i] = &ast.MappingValueNode{
				BaseNode: &ast.BaseNode{}, Start: change.Start, Key: change.Key, Value: r.merge(merged.Values[i].Value, change.Value, what, here, fixed),
			}
		default:
			merged.Values[i] = change
		}
	}
	return merged
}

// Lookup finds the pair of a mapping that has that key; ok is false where there is none.
func Lookup(n Node, name string) (e Entry, ok bool) {
	pairs, _ := pairsOf(n)
	for _, p := range pairs {
		if found, ok := nameOf(p); ok && found == name {
			return Entry{name, p.Key, p.Value}, true
		}
	}
	return Entry{}, false
}

// Has reports whether a node is a mapping with that key, whatever its value.
func Has(n Node, name string) bool {
	_, ok := Lookup(n, name)
	return ok
}

func nameOf(p *ast.MappingValueNode) (name string, ok bool) {
	if p.Key == nil || p.Value == nil || p.Key.GetToken() == nil {
		return "", false
	}
	return p.Key.GetToken().Value, true
}

func namesOf(pairs []*ast.MappingValueNode) []string {
	var all []string
	for _, p := range pairs {
		if name, ok := nameOf(p); ok {
			all = append(all, name)
		}
	}
	return all
}
