package document

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Text reads a string into s. Numbers and truth values are not strings, however they look.
func (r *Reader) Text(n Node, what string, s *string) bool {
	r.Note(n, Form{Kind: AnyText})
	switch n := n.(type) {
	case *ast.StringNode:
		*s = n.Value
		return true
	case *ast.LiteralNode:
		*s = n.Value.Value
		return true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.Problem(n, "write it in quotes", "%s must be text, not %s", what, kindOf(n))
	case *ast.AliasNode, *ast.AnchorNode:
		r.Problem(n, "put it into quotes, or write out what it stands for: anchors are not read", "%s must be text, not %s", what, kindOf(n))
	case *ast.TagNode:
		r.Problem(n, "put it into quotes", "%s must be text, not %s", what, kindOf(n))
	default:
		r.Problem(n, "", "%s must be text, not %s", what, kindOf(n))
	}
	return false
}

// Word reads one of a few words into s.
func (r *Reader) Word(n Node, what string, s *string, known ...string) bool {
	r.Note(n, Form{Kind: AnyText, Words: known})
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

// Bool reads true or false into b.
func (r *Reader) Bool(n Node, what string, b *bool) bool {
	r.Note(n, Form{Kind: Truth})
	v, ok := n.(*ast.BoolNode)
	if !ok {
		mend := "write true or false"
		if s, ok := n.(*ast.StringNode); ok {
			switch strings.ToLower(s.Value) {
			case "yes", "on", "y":
				mend = "write true"
			case "no", "off", "n":
				mend = "write false"
			}
		}
		r.Problem(n, mend, "%s must be true or false, not %s", what, kindOf(n))
		return false
	}
	*b = v.Value
	return true
}

// Whole reads a whole number into i.
func (r *Reader) Whole(n Node, what string, i *int) bool {
	r.Note(n, Form{Kind: Integer})
	v, ok := whole(n)
	if !ok {
		r.Problem(n, "", "%s must be a whole number", what)
		return false
	}
	*i = v
	return true
}

// Count reads a whole number of at least 0 into i.
func (r *Reader) Count(n Node, what string, i *int) bool {
	r.Note(n, Form{Kind: Natural})
	v, ok := whole(n)
	if !ok || v < 0 {
		r.Problem(n, "", "%s must be a whole number of at least 0", what)
		return false
	}
	*i = v
	return true
}

func whole(n Node) (int, bool) {
	number, ok := n.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	v, err := strconv.Atoi(digits(number))
	return v, err == nil
}

// Number reads a number into f.
func (r *Reader) Number(n Node, what string, f *float64) bool {
	r.Note(n, Form{Kind: Decimal})
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		if v, err := strconv.ParseFloat(digits(n), 64); err == nil {
			*f = v
			return true
		}
	}
	r.Problem(n, "", "%s must be a number", what)
	return false
}

// digits is a number as it is written, without the underscores that part it.
func digits(n Node) string { return strings.ReplaceAll(n.GetToken().Value, "_", "") }

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
