// Package document reads YAML files that people write, strictly: a key that is not known, or a value of the wrong kind, is a
// [Problem] with its place and how to mend it, and all problems of a file are found at once. The syntax tree is walked by
// hand, since a decoder would stop at the first mistake, and forget where a value stood.
//
// Methods that read a value leave what they read into as it was when there is a problem, so that defaults stay.
package document

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A Node is a piece of a file.
type Node = ast.Node

// A Reader reads one file, and collects the problems on the way.
type Reader struct {
	File     string // its name, for positions
	Problems Problems

	// Where it is not nil, it takes for each node as what that was read; more than one form where it may be either.
	Forms map[Node][]Form
}

// Err is the problems so far, by place, or nil when there are none.
func (r *Reader) Err() error { return r.Problems.Err() }

// Root returns the root of the file's only document, or nil with a problem noted.
func (r *Reader) Root(data []byte) Node {
	// As editors on Windows save it; the parser would count some line ends twice.
	data = bytes.ReplaceAll(bytes.TrimPrefix(data, []byte("\uFEFF")), []byte("\r\n"), []byte("\n"))
	if i := invalid(data); i >= 0 {
		p := Problem{Position: r.start(), What: "this is not text in UTF-8", Mend: "save the file with the encoding UTF-8"}
		p.Line += bytes.Count(data[:i], []byte("\n"))
		p.Column = i - bytes.LastIndexByte(data[:i], '\n')
		r.Problems = append(r.Problems, p)
		return nil
	}
	// Duplicate keys are reported by Pairs, like every other mistake.
	f, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.Problems = append(r.Problems, r.syntax(data, err))
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
		r.Problems = append(r.Problems, Problem{Position: r.start(), What: "the file is empty"})
	}
	return root
}

// invalid is where data stops being UTF-8, or -1.
func invalid(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 || c == 0 {
			return i
		}
		i += size
	}
	return -1
}

func (r *Reader) start() Position { return Position{File: r.File, Line: 1, Column: 1} }

// At is where a node begins.
func (r *Reader) At(n Node) Position {
	p := r.start()
	if t := beginning(n); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	return p
}

// beginning is the first token of a node.
func beginning(n Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // the mapping's own token is the first colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	return n.GetToken()
}

// Problem notes a mistake at a node. mend may be empty.
func (r *Reader) Problem(n Node, mend, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{Position: r.At(n), What: fmt.Sprintf(format, args...), Mend: mend})
}
