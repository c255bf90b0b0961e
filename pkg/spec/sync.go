package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/spec/query"
)

// ParseSync reads one file of syncs/: a sync for each environment that to.environment names, with what its overlay says. query
// fetches the text of a SQL file that from.query names; where its error is a [document.Problem], what and mend are taken from
// that. The error is [document.Problems]; what could be read is returned beside it, at least one sync.
func ParseSync(file string, data []byte, query func(name string) (string, error)) ([]Sync, error) {
	r := newReader(file)
	r.query = query
	syncs := r.syncs(r.Root(data))
	return syncs, r.Err()
}

func (r *reader) sync(n document.Node) (s Sync, environments []string, overlays document.Node) {
	s.Guards = DefaultGuards()
	if n == nil {
		return s, nil, nil
	}
	s.At = r.At(n)
	var key1, match document.Node
	r.Object(n, "the sync",
		document.Required("sync", func(n document.Node) { s.Name = r.name(n, "sync") }),
		document.Required("from", func(n document.Node) { s.From, key1 = r.from(n) }),
		document.Required("to", func(n document.Node) { s.To, environments, match = r.to(n) }),
		document.Optional("after", func(n document.Node) { s.AfterAt, s.After = r.At(n), r.oneOrMore(n, "after", r.name) }),
		document.Optional("schedule", func(n document.Node) { s.Schedule = r.schedule(n) }),
		document.Required("map", func(n document.Node) { s.Map = r.fields(n) }),
		document.Optional("guards", func(n document.Node) { r.guards(n, &s.Guards) }),
		document.Optional("tests", func(n document.Node) { s.Tests = r.tests(n) }),
		document.Optional("overlays", func(n document.Node) { overlays = n }),
	)
	if key1 != nil && match != nil && len(s.To.Match) > 1 && len(s.From.Key) != len(s.To.Match) {
		r.Problem(key1, "give one warehouse column for each, in the same order",
			"from.key has %d columns and to.match.key has %d", len(s.From.Key), len(s.To.Match))
	}
	r.given(s, key1)
	if slices.Contains(s.After, s.Name) {
		after, _ := document.Lookup(n, "after")
		r.Problem(after.Value, "drop it from after", "%s cannot run after itself", s.Name)
	}
	return s, environments, overlays
}

func (r *reader) from(n document.Node) (from From, keyNode document.Node) {
	r.Object(n, "from",
		document.Required("query", func(n document.Node) { from.File, from.Query = r.statement(n) }),
		document.Required("key", func(n document.Node) { keyNode, from.Key = n, r.oneOrMore(n, "from.key", r.source) }),
	)
	return from, keyNode
}

// statement reads the name of a query's file, and the query. It becomes a subquery, hence without the semicolon.
func (r *reader) statement(n document.Node) (name, text string) {
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: `\.sql$`})
	if !r.Text(n, "from.query", &name) {
		return "", ""
	}
	if !strings.HasSuffix(name, ".sql") {
		r.Problem(n, "put the SELECT into a file beside this one and name that", "from.query must name a .sql file")
		return name, ""
	}
	text, err := r.query(name)
	if err != nil {
		r.Problems = append(r.Problems, at(err, r.At(n), "the query "+name))
		return name, ""
	}
	r.model = query.Read(text)
	file := filepath.Join(filepath.Dir(r.File), name)
	for _, f := range r.model.Faults {
		r.Problems = append(r.Problems, document.Problem{Position: document.Position{File: file, Line: f.Line, Column: f.Column}, What: f.What, Mend: f.Mend})
	}
	return name, r.model.Text
}

// given checks that the query has the columns that the sync takes from it, as far as that can be told without a server, and the
// expressions that do.
func (r *reader) given(s Sync, key document.Node) {
	lacks := func(at document.Position, what, column string) {
		if column != "" && s.From.Query != "" && r.model.Lacks(column) {
			mend := "add it to the SELECT"
			if near := document.Nearest(column, r.model.Names()); near != "" {
				mend = "did you mean " + near + "?"
			}
			r.Problems = append(r.Problems, document.Problem{Position: at, What: fmt.Sprintf("%s: the query %s gives no column %s", what, s.From.File, column), Mend: mend})
		}
	}
	if key != nil {
		for i, n := range document.List(key) {
			lacks(r.At(n), "from.key", s.From.Key[i])
		}
	}
	for _, f := range s.Map {
		for _, column := range append(f.Sources(), r.reads(f)...) {
			lacks(f.At, "map."+f.Column, column)
		}
	}
	for _, t := range s.Tests {
		for _, g := range t.Given {
			lacks(g.At, "given", g.Column)
		}
	}
}

func (r *reader) to(n document.Node) (to To, environments []string, match document.Node) {
	to.Mode = Upsert
	var onLeave document.Node
	r.Object(n, "to",
		document.Required("environment", func(n document.Node) { to.At, environments = r.At(n), r.oneOrMore(n, "to.environment", r.filled) }),
		document.Required("table", func(n document.Node) { to.Table = r.table(n, "to.table") }),
		document.Required("match", func(n document.Node) {
			if text, ok := n.(*ast.StringNode); ok {
				r.Problem(n, "write match: {key: "+text.Value+"}", "to.match says what the column or key is: it is a mapping")
				return
			}
			r.Object(n, "to.match", document.Required("key", func(n document.Node) {
				match, to.Match = n, r.oneOrMore(n, "to.match.key", r.logical)
			}))
		}),
		document.Optional("mode", func(n document.Node) {
			r.Word(n, "to.mode", (*string)(&to.Mode), string(Upsert), string(Update), string(Create), string(Mirror))
		}),
		document.Optional("on_leave", func(n document.Node) { onLeave, to.OnLeave = n, r.onLeave(n) }),
		document.Optional("bypass", func(n document.Node) { to.Bypass = r.oneOrMore(n, "to.bypass", r.bypassed) }),
		document.Optional("detect_duplicates", func(n document.Node) { r.Bool(n, "to.detect_duplicates", &to.DetectDuplicates) }),
	)
	if to.OnLeave.Action == "" {
		to.OnLeave.Action = Nothing
		if to.Mode == Mirror {
			to.OnLeave.Action = Delete
		}
	}
	r.combination(to, onLeave)
	return to, environments, match
}

// combination checks that the mode may do what on_leave asks for.
func (r *reader) combination(to To, onLeave document.Node) {
	switch action := to.OnLeave.Action; {
	case onLeave == nil:
	case to.Mode == Mirror && action == Nothing:
		r.Problem(onLeave, "choose delete, deactivate or clear, or mode: upsert", "a mirror deals with what leaves the model")
	case to.Mode == Create && action != Nothing, to.Mode == Update && (action == Delete || action == Deactivate):
		r.Problem(onLeave, "choose mode: upsert, or on_leave: nothing",
			"a sync of mode %s cannot %s: the records are not its own", to.Mode, action)
	}
}

// onLeave reads a word, or an action with what it needs: {deactivate: {state: 1, status: 2}}, {clear: [segment]}.
func (r *reader) onLeave(n document.Node) OnLeave {
	var l OnLeave
	if !document.IsMapping(n) {
		r.Word(n, "to.on_leave", (*string)(&l.Action), string(Nothing), string(Delete), string(Deactivate), string(Clear))
		if l.Action == Clear {
			r.Problem(n, "write {clear: [column, …]}", "to.on_leave: clear must say which columns")
		}
		return l
	}
	r.Object(n, "to.on_leave",
		document.Optional("deactivate", func(n document.Node) {
			l.Action = Deactivate
			r.Object(n, "to.on_leave.deactivate",
				document.Optional("state", func(n document.Node) { l.State = r.option(n, "to.on_leave.deactivate.state") }),
				document.Optional("status", func(n document.Node) { l.Status = r.option(n, "to.on_leave.deactivate.status") }),
			)
		}),
		document.Optional("clear", func(n document.Node) {
			if l.Action != "" {
				r.Problem(n, "keep one of them", "to.on_leave has two actions")
			}
			l.Action, l.Clear = Clear, r.oneOrMore(n, "to.on_leave.clear", r.logical)
		}),
	)
	return l
}

// option reads the number of an option.
func (r *reader) option(n document.Node, what string) *int32 {
	var i int
	if !r.Whole(n, what, &i) {
		return nil
	}
	v := int32(i)
	if int(v) != i {
		r.Problem(n, "it is the number of an option", "%s is too large", what)
	}
	return &v
}

// bypassed reads one of a few words, or the GUID of a plug-in step.
func (r *reader) bypassed(n document.Node, what string) string {
	r.Note(n, document.Form{Kind: document.AnyText, Words: []string{bypassSync, bypassAsync, bypassFlows}})
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: guid.String()})
	if s, ok := n.(*ast.StringNode); ok && guid.MatchString(s.Value) {
		return strings.ToLower(s.Value)
	}
	var word string
	r.Word(n, what, &word, bypassSync, bypassAsync, bypassFlows)
	return word
}

func (r *reader) guards(n document.Node, g *Guards) {
	r.Object(n, "guards",
		document.Optional("max_deletes", func(n document.Node) { r.Count(n, "guards.max_deletes", &g.MaxDeletes) }),
		document.Optional("max_deletes_share", func(n document.Node) { r.share(n, "guards.max_deletes_share", &g.MaxDeletesShare) }),
		document.Optional("stop_refused", func(n document.Node) { r.stopRefused(n, &g.StopRefused) }),
		document.Optional("shrink", func(n document.Node) { r.share(n, "guards.shrink", &g.Shrink) }),
	)
}

func (r *reader) stopRefused(n document.Node, into *Share) {
	if r.share(n, "guards.stop_refused", into); *into == 0 {
		r.Problem(n, "write 100% for a sync that no refusal is to stop", "guards.stop_refused cannot be 0%%")
	}
}
