package spec

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A reader walks the syntax tree of one file and collects every problem on the way. The tree is walked by hand, since
// a decoder stops at the first mistake and forgets where a value stood.
type reader struct {
	file     string
	problems Problems
}

// document gives the root of the file's only document, or nil with a problem noted.
func (r *reader) document(data []byte) ast.Node {
	// Duplicate keys are reported by object, like every other mistake.
	f, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p := Problem{Position: Position{File: r.file, Line: 1, Column: 1}, What: "this is not YAML: " + err.Error()}
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			p.What = "this is not YAML: " + syntax.GetMessage()
			if t := syntax.GetToken(); t != nil {
				p.Line, p.Column = t.Position.Line, t.Position.Column
			}
		}
		r.problems = append(r.problems, p)
		return nil
	}
	var root ast.Node
	for _, d := range f.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			r.problem(d.Body, "put each into a file of its own", "a second document begins here")
			break
		}
		root = d.Body
	}
	if root == nil {
		r.problems = append(r.problems, Problem{Position: Position{File: r.file, Line: 1, Column: 1}, What: "the file is empty"})
	}
	return root
}

func (r *reader) at(n ast.Node) Position {
	p := Position{File: r.file, Line: 1, Column: 1}
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // the mapping's own token is the first colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	return p
}

func (r *reader) problem(n ast.Node, mend, format string, args ...any) {
	r.problems = append(r.problems, Problem{Position: r.at(n), What: fmt.Sprintf(format, args...), Mend: mend})
}

// A key of a mapping: how its value is read, and whether it must be there.
type key struct {
	name     string
	required bool
	read     func(ast.Node)
}

// object reads a mapping whose keys are known. what names it in problems: "to", "users[1]".
func (r *reader) object(n ast.Node, what string, keys ...key) {
	entries, ok := r.entries(n, what)
	if !ok {
		return
	}
	var known []string
	missing := map[string]bool{}
	for _, k := range keys {
		known = append(known, k.name)
		missing[k.name] = k.required
	}
next:
	for _, e := range entries {
		for _, k := range keys {
			if k.name != e.name {
				continue
			}
			missing[k.name] = false
			if e.value.Type() == ast.NullType {
				r.problem(e.node, "give it a value, or drop the key", "%s is empty", k.name)
			} else {
				k.read(e.value)
			}
			continue next
		}
		r.problem(e.node, DidYouMean(e.name, known), "unknown key %q in %s", e.name, what)
	}
	for _, k := range keys {
		if missing[k.name] {
			r.problem(n, "add "+k.name+": …", "%s is missing in %s", k.name, what)
		}
	}
}

// An entry is one pair of a mapping.
type entry struct {
	name  string
	node  ast.Node // the key, for positions
	value ast.Node
}

// entries lists a mapping in the order of the file. A key that comes twice is a problem, and its second value is left out.
func (r *reader) entries(n ast.Node, what string) ([]entry, bool) {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		r.problem(n, "", "%s must be a mapping (key: value), not %s", what, kindOf(n))
		return nil, false
	}
	var entries []entry
	seen := map[string]bool{}
	for _, pair := range pairs {
		if pair.Key == nil || pair.Value == nil || pair.Key.GetToken() == nil {
			r.problem(n, "", "%s has a pair without key or value", what)
			continue
		}
		name := pair.Key.GetToken().Value
		if seen[name] {
			r.problem(pair.Key, "keep one of them", "%s comes twice in %s", name, what)
			continue
		}
		seen[name] = true
		entries = append(entries, entry{name, pair.Key, pair.Value})
	}
	return entries, true
}

// text reads a string. Numbers and truth values are not strings, however they look.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.problem(n, "write it in quotes", "%s must be text, not %s", what, kindOf(n))
	default:
		r.problem(n, "", "%s must be text, not %s", what, kindOf(n))
	}
	return "", false
}

// matching reads a string of a given form.
func (r *reader) matching(n ast.Node, what string, form *regexp.Regexp, mend func(string) string) string {
	s, ok := r.text(n, what)
	if ok && !form.MatchString(s) {
		r.problem(n, mend(s), "%s %q is not of the form %s", what, s, form)
	}
	return s
}

// oneOrMore reads a string or a list of strings, none of them twice.
func (r *reader) oneOrMore(n ast.Node, what string, one func(ast.Node, string) string) []string {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return []string{one(n, what)}
	}
	var all []string
	seen := map[string]bool{}
	for _, v := range list.Values {
		s := one(v, what)
		if s != "" && seen[s] {
			r.problem(v, "keep one of them", "%s names %s twice", what, s)
		}
		seen[s] = true
		all = append(all, s)
	}
	if len(all) == 0 {
		r.problem(n, "name at least one", "%s is empty", what)
	}
	return all
}

// word reads one of a few words.
func (r *reader) word(n ast.Node, what string, known ...string) string {
	s, ok := r.text(n, what)
	for _, k := range known {
		if s == k {
			return s
		}
	}
	if ok {
		r.problem(n, DidYouMean(s, known), "%s cannot be %q", what, s)
	}
	return known[0]
}

// flag reads true or false.
func (r *reader) flag(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.problem(n, "write true or false", "%s must be true or false, not %s", what, kindOf(n))
		return false
	}
	return b.Value
}

// count reads a whole number of at least 0.
func (r *reader) count(n ast.Node, what string) int {
	if i, ok := n.(*ast.IntegerNode); ok {
		if v, err := strconv.Atoi(strings.ReplaceAll(i.GetToken().Value, "_", "")); err == nil && v >= 0 {
			return v
		}
	}
	r.problem(n, "", "%s must be a whole number of at least 0", what)
	return 0
}

// share reads a percentage.
func (r *reader) share(n ast.Node, what string) Share {
	s, ok := n.(*ast.StringNode)
	if !ok {
		r.problem(n, "write it as 5%", "%s must be a share, as 5%%", what)
		return 0
	}
	share, err := parseShare(s.Value)
	if err != nil {
		r.problem(n, "write it as 5%", "%s: %v", what, err)
	}
	return share
}

// kindOf names what a node is, never what it holds: it may be a secret in the wrong place.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "empty"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	}
	return "a " + strings.ToLower(n.Type().String())
}
