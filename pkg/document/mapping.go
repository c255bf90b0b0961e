package document

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A Key of a mapping: how its value is read, and whether it must be there.
type Key struct {
	name     string
	required bool
	read     func(Node)
}

// Required is a key that must be there.
func Required(name string, read func(Node)) Key { return Key{name, true, read} }

// Optional is a key that may be left out.
func Optional(name string, read func(Node)) Key { return Key{name, false, read} }

// Object reads a mapping whose keys are known. what names it in problems: "to", "users[1]".
func (r *Reader) Object(n Node, what string, keys ...Key) { r.object(n, what, keys, false) }

// Reference is Object for a mapping that says where a secret is. No problem repeats a key of it that is not known, since that
// may be the secret itself.
func (r *Reader) Reference(n Node, what string, keys ...Key) { r.object(n, what, keys, true) }

func (r *Reader) object(n Node, what string, keys []Key, discreet bool) {
	var known, required []string
	missing := map[string]bool{}
	for _, k := range keys {
		known = append(known, k.name)
		missing[k.name] = k.required
		if k.required {
			required = append(required, k.name)
		}
	}
	r.Note(n, Form{Kind: Object, Keys: known, Required: required})
	pairs, ok := r.pairs(n, what, discreet)
	if !ok {
		return
	}
next:
	for _, e := range pairs {
		for _, k := range keys {
			if k.name != e.Name {
				continue
			}
			missing[k.name] = false
			if r.filled(e) {
				k.read(e.Value)
			}
			continue next
		}
		if e.Key.Type() == ast.MergeKeyType {
			r.Problem(e.Key, "write out what it stands for: anchors are not read", "<< has no place in %s", what)
			continue
		}
		unknown := "unknown key"
		if !discreet {
			unknown += " " + strconv.Quote(e.Name)
		}
		r.Problem(e.Key, DidYouMean(e.Name, known), "%s in %s", unknown, what)
		delete(missing, Nearest(e.Name, known)) // it is there, misspelt
	}
	for _, k := range keys {
		if missing[k.name] {
			r.Problem(n, "add "+k.name+": …", "%s is missing in %s", k.name, what)
		}
	}
}

// An Entry is one pair of a mapping.
type Entry struct {
	Name  string
	Key   Node // for positions
	Value Node
}

// Entries lists a mapping whose keys are free, in the order of the file. What has no value is a problem, and is left out, as
// is what [Reader.Pairs] refuses.
func (r *Reader) Entries(n Node, what string) []Entry {
	var entries []Entry
	pairs, _ := r.Pairs(n, what)
	for _, e := range pairs {
		if r.filled(e) {
			entries = append(entries, e)
		}
	}
	return entries
}

func (r *Reader) filled(e Entry) bool {
	if IsNull(e.Value) {
		mend := "give it a value, or drop the key"
		if t := e.Value.GetToken(); t != nil && t.Type == token.NullType {
			mend = `write "null" in quotes if the word is meant, or drop the key`
		}
		r.Problem(e.Key, mend, "%s is empty", e.Name)
		return false
	}
	return true
}

// Pairs lists a mapping in the order of the file, null values included; ok is false where there is none. A key that comes
// twice is a problem, and its second value is left out.
func (r *Reader) Pairs(n Node, what string) (entries []Entry, ok bool) {
	r.Note(n, Form{Kind: Free})
	return r.pairs(n, what, false)
}

func (r *Reader) pairs(n Node, what string, discreet bool) (entries []Entry, ok bool) {
	pairs, ok := pairsOf(n)
	if !ok {
		mend := ""
		switch n.(type) {
		case *ast.AliasNode, *ast.AnchorNode:
			mend = "write out what it stands for: anchors are not read"
		}
		r.Problem(n, mend, "%s must be a mapping (key: value), not %s", what, kindOf(n))
		return nil, false
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		name, ok := nameOf(pair)
		if !ok {
			r.Problem(n, "", "%s has a pair without key or value", what)
			continue
		}
		if seen[name] {
			if discreet {
				name = "a key"
			}
			r.Problem(pair.Key, "keep one of them", "%s comes twice in %s", name, what)
			continue
		}
		seen[name] = true
		entries = append(entries, Entry{name, pair.Key, pair.Value})
	}
	return entries, true
}

// IsMapping reports whether a node is a mapping.
func IsMapping(n Node) bool {
	_, ok := pairsOf(n)
	return ok
}

// pairsOf lists the pairs of a mapping; a block mapping with one pair is that pair.
func pairsOf(n Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// IsNull reports whether a node is an empty value.
func IsNull(n Node) bool { return n.Type() == ast.NullType }

// List returns the items of a list; a value that is no list is a list of itself.
func List(n Node) []Node {
	if list, ok := n.(*ast.SequenceNode); ok {
		return list.Values
	}
	return []Node{n}
}
