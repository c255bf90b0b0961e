package spec

import (
	"regexp"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/spec/query"
)

// A reader reads one file, with the kinds of values that environments and syncs have.
type reader struct {
	*document.Reader
	query func(name string) (string, error) // of a sync: the text of a SQL file
	model query.Query                       // of a sync: what it reads
}

func newReader(file string) *reader { return &reader{Reader: &document.Reader{File: file}} }

// matching reads a string of a given form. is says what others are not: "is no name".
func (r *reader) matching(n document.Node, what string, form *regexp.Regexp, is string, mend func(string) string) string {
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: form.String()})
	var s string
	if r.Text(n, what, &s) && !form.MatchString(s) {
		r.Problem(n, mend(s), "%s %q %s", what, s, is)
	}
	return s
}

// oneOrMore reads a string or a list of strings, none of them twice.
func (r *reader) oneOrMore(n document.Node, what string, one func(document.Node, string) string) []string {
	r.Note(n, document.Form{Kind: document.OneOrMore})
	var all []string
	seen := map[string]bool{}
	for _, v := range document.List(n) {
		s := one(v, what)
		if s != "" && seen[s] {
			r.Problem(v, "keep one of them", "%s names %s twice", what, s)
		}
		seen[s] = true
		all = append(all, s)
	}
	if len(all) == 0 {
		r.Problem(n, "name at least one", "%s is empty", what)
	}
	return all
}

// share reads a percentage.
func (r *reader) share(n document.Node, what string, into *Share) {
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: `^\s*[0-9.]+\s*%$`})
	mend := "write it as 5%"
	switch n := n.(type) {
	case *ast.StringNode:
		share, err := parseShare(n.Value)
		if err != nil {
			r.Problem(n, mend, "%s: %v", what, err)
			return
		}
		*into = share
		return
	case *ast.IntegerNode:
		if meant, err := parseShare(n.GetToken().Value + "%"); err == nil {
			mend = "write " + meant.String()
		}
	case *ast.FloatNode:
		mend = "write " + Share(n.Value).String()
		if n.Value < 0 || n.Value > 1 {
			mend = "write it as 5%"
		}
	}
	r.Problem(n, mend, "%s is a share, and wants its %%", what)
}
