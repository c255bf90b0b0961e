// Package document reads YAML files that people write, strictly: a key that is not known, or a value of the wrong kind, is a problem with its
// place and how to mend it, and all problems of a file are found at once. A decoder would stop at the first, and forget where a value stood.
package document

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A Node is a piece of a file.
type Node = ast.Node

// A Problem is one mistake in a file: where, what, and how to mend it.
type Problem struct {
	File         string
	Line, Column int
	What, Mend   string // Mend may be empty
}

// Error reads as "tables.yaml:3:7: unknown key "tabel" in tables; did you mean "table"?".
func (p Problem) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.What)
	if p.Mend != "" {
		s += "; " + p.Mend
	}
	return s
}

// Problems are all mistakes that were found, by file and place.
type Problems []Problem

// Error has one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// A Reader reads one file, and collects the problems on the way.
type Reader struct {
	file     string
	problems Problems
}

// New returns a Reader for a file of that name.
func New(file string) *Reader { return &Reader{file: file} }

// Err returns the Problems so far, by place; nil when there are none.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.problems
}

// Root returns the root of the file's only document, or nil with a problem noted.
func (r *Reader) Root(data []byte) Node {
	f, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // Entries reports duplicates, like every other mistake
	if err != nil {
		p := Problem{File: r.file, Line: 1, Column: 1, What: "this is not YAML: " + err.Error()}
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
	var root Node
	for _, d := range f.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			r.Problem(d.Body, "put each into a file of its own", "a second document begins here")
			break
		}
		root = d.Body
	}
	if root == nil {
		r.problems = append(r.problems, Problem{File: r.file, Line: 1, Column: 1, What: "the file is empty"})
	}
	return root
}

// Problem notes a mistake at a node.
func (r *Reader) Problem(n Node, mend, format string, args ...any) {
	p := Problem{File: r.file, Line: 1, Column: 1, What: fmt.Sprintf(format, args...), Mend: mend}
	switch m := n.(type) {
	case *ast.MappingNode: // its own token is the first colon
		if !m.IsFlowStyle && len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	r.problems = append(r.problems, p)
}

// An Entry is one pair of a mapping.
type Entry struct {
	Name  string
	Key   Node // for positions
	Value Node
}

// Entries lists a mapping in the order of the file. what names it in problems. A key that comes twice is a problem, and its second value is
// left out; so is a key without value.
func (r *Reader) Entries(n Node, what string) []Entry {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		r.Problem(n, "", "%s must be a mapping (key: value), not %s", what, kindOf(n))
		return nil
	}
	var entries []Entry
	seen := map[string]bool{}
	for _, pair := range pairs {
		switch {
		case pair.Key == nil || pair.Value == nil || pair.Key.GetToken() == nil:
			r.Problem(n, "", "%s has a pair without key or value", what)
			continue
		case seen[pair.Key.GetToken().Value]:
			r.Problem(pair.Key, "keep one of them", "%s comes twice in %s", pair.Key.GetToken().Value, what)
			continue
		}
		name := pair.Key.GetToken().Value
		seen[name] = true
		if pair.Value.Type() == ast.NullType {
			r.Problem(pair.Key, "give it a value, or drop the key", "%s is empty", name)
			continue
		}
		entries = append(entries, Entry{name, pair.Key, pair.Value})
	}
	return entries
}

// Fields says how the values of a mapping with known keys are read.
type Fields map[string]func(Node)

// Object reads a mapping whose keys are known.
func (r *Reader) Object(n Node, what string, fields Fields) {
	for _, e := range r.Entries(n, what) {
		if read, ok := fields[e.Name]; ok {
			read(e.Value)
			continue
		}
		known := make([]string, 0, len(fields))
		for name := range fields {
			known = append(known, name)
		}
		r.Problem(e.Key, DidYouMean(e.Name, known), "unknown key %q in %s", e.Name, what)
	}
}

// List returns the items of a list; a value that is no list is a list of itself.
func (r *Reader) List(n Node) []Node {
	if list, ok := n.(*ast.SequenceNode); ok {
		return list.Values
	}
	return []Node{n}
}

// IsMapping reports whether a node is a mapping.
func IsMapping(n Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// Text reads a string into s. Numbers and truth values are not strings, however they look.
func (r *Reader) Text(n Node, what string, s *string) bool {
	switch n := n.(type) {
	case *ast.StringNode:
		*s = n.Value
		return true
	case *ast.LiteralNode:
		*s = n.Value.Value
		return true
	}
	r.Problem(n, "write it in quotes", "%s must be text, not %s", what, kindOf(n))
	return false
}

// Word reads one of a few words into s.
func (r *Reader) Word(n Node, what string, s *string, known ...string) bool {
	var word string
	if !r.Text(n, what, &word) {
		return false
	}
	if !slices.Contains(known, word) {
		r.Problem(n, DidYouMean(word, known), "%s cannot be %q", what, word)
		return false
	}
	*s = word
	return true
}

// Whole reads a whole number into i.
func (r *Reader) Whole(n Node, what string, i *int) bool {
	if number, ok := n.(*ast.IntegerNode); ok {
		if v, err := strconv.Atoi(strings.ReplaceAll(number.GetToken().Value, "_", "")); err == nil {
			*i = v
			return true
		}
	}
	r.Problem(n, "", "%s must be a whole number", what)
	return false
}

// Number reads a number into f.
func (r *Reader) Number(n Node, what string, f *float64) bool {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		if v, err := strconv.ParseFloat(strings.ReplaceAll(n.GetToken().Value, "_", ""), 64); err == nil {
			*f = v
			return true
		}
	}
	r.Problem(n, "", "%s must be a number", what)
	return false
}

// Bool reads true or false into b.
func (r *Reader) Bool(n Node, what string, b *bool) bool {
	if v, ok := n.(*ast.BoolNode); ok {
		*b = v.Value
		return true
	}
	r.Problem(n, "", "%s must be true or false", what)
	return false
}

// kindOf names what a node is, never what it holds: it may be a secret in the wrong place.
func kindOf(n Node) string {
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

// DidYouMean is the mend for an unknown word: the nearest known one, else all of them where they are few.
func DidYouMean(word string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(known) > 0 && len(known) <= 24 {
		return "known are " + strings.Join(known, ", ")
	}
	return ""
}

// distance counts the letters that have to be added, dropped or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
