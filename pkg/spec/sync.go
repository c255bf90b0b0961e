package spec

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock-sync/penstock/pkg/document"
)

// ParseSync reads one file of syncs/. query is the text of the SQL file that it names, queryFile the path of that file,
// for problems. The error is [document.Problems]; what could be read is returned beside it.
func ParseSync(file string, data []byte, query, queryFile string) (Sync, error) {
	r := newReader(file)
	s := r.sync(r.Root(data))
	r.query(&s, query, queryFile)
	return s, r.Err()
}

// query puts the SQL into the sync. It becomes a subquery, hence without the semicolon.
func (r *reader) query(s *Sync, query, file string) {
	s.From.Query = strings.TrimRight(query, "; \t\r\n")
	if strings.TrimSpace(s.From.Query) == "" && s.From.File != "" {
		r.Problems = append(r.Problems, document.Problem{
			Position: document.Position{File: file, Line: 1, Column: 1}, What: "the query is empty", Mend: "write one SELECT",
		})
	}
}

func (r *reader) sync(n document.Node) Sync {
	s := Sync{Guards: DefaultGuards()}
	if n == nil {
		return s
	}
	s.At = r.At(n)
	var key1, match document.Node
	r.Object(n, "the sync",
		document.Required("sync", func(n document.Node) { s.Name = r.name(n, "sync") }),
		document.Required("from", func(n document.Node) { s.From, key1 = r.from(n) }),
		document.Required("to", func(n document.Node) { s.To, match = r.to(n) }),
		document.Optional("after", func(n document.Node) { s.After = r.oneOrMore(n, "after", r.name) }),
		document.Required("map", func(n document.Node) { s.Map = r.fields(n) }),
		document.Optional("guards", func(n document.Node) { r.guards(n, &s.Guards) }),
	)
	if key1 != nil && match != nil && len(s.To.Match) > 1 && len(s.From.Key) != len(s.To.Match) {
		r.Problem(key1, "give one warehouse column for each, in the same order",
			"from.key has %d columns and to.match.key has %d", len(s.From.Key), len(s.To.Match))
	}
	if slices.Contains(s.After, s.Name) {
		r.Problem(n, "drop it from after", "%s cannot run after itself", s.Name)
	}
	return s
}

func (r *reader) from(n document.Node) (from From, keyNode document.Node) {
	r.Object(n, "from",
		document.Required("query", func(n document.Node) {
			r.Text(n, "from.query", &from.File)
			if from.File != "" && !strings.HasSuffix(from.File, ".sql") {
				r.Problem(n, "put the SELECT into a file beside this one and name that", "from.query must name a .sql file")
			}
		}),
		document.Required("key", func(n document.Node) { keyNode, from.Key = n, r.oneOrMore(n, "from.key", r.source) }),
	)
	return from, keyNode
}

func (r *reader) to(n document.Node) (to To, match document.Node) {
	to.Mode, to.OnLeave = Upsert, Nothing
	var onLeave document.Node
	r.Object(n, "to",
		document.Required("environment", func(n document.Node) { to.Environment = r.name(n, "to.environment") }),
		document.Required("table", func(n document.Node) { to.Table = r.logical(n, "to.table") }),
		document.Required("match", func(n document.Node) {
			r.Object(n, "to.match", document.Required("key", func(n document.Node) {
				match, to.Match = n, r.oneOrMore(n, "to.match.key", r.logical)
			}))
		}),
		document.Optional("mode", func(n document.Node) {
			r.Word(n, "to.mode", (*string)(&to.Mode), string(Upsert), string(Update), string(Create))
		}),
		document.Optional("on_leave", func(n document.Node) {
			onLeave = n
			r.Word(n, "to.on_leave", (*string)(&to.OnLeave), string(Nothing), string(Delete))
		}),
		document.Optional("bypass", func(n document.Node) { to.Bypass = r.oneOrMore(n, "to.bypass", r.bypassed) }),
		document.Optional("detect_duplicates", func(n document.Node) { r.Bool(n, "to.detect_duplicates", &to.DetectDuplicates) }),
	)
	if to.OnLeave == Delete && to.Mode != Upsert {
		r.Problem(onLeave, "choose mode: upsert, or on_leave: nothing",
			"a sync of mode %s cannot delete: the records are not its own", to.Mode)
	}
	return to, match
}

// bypassed reads one of a few words, or the GUID of a plug-in step.
func (r *reader) bypassed(n document.Node, what string) string {
	if s, ok := n.(*ast.StringNode); ok && guid.MatchString(s.Value) {
		return strings.ToLower(s.Value)
	}
	var word string
	r.Word(n, what, &word, bypassSync, bypassAsync, bypassFlows)
	return word
}

func (r *reader) fields(n document.Node) []Field {
	entries, ok := r.Pairs(n, "map")
	if ok && len(entries) == 0 {
		r.Problem(n, "map at least one column", "map is empty")
	}
	var fields []Field
	for _, e := range entries {
		what := "map." + e.Name
		if !logical.MatchString(e.Name) {
			r.Problem(e.Key, lower(e.Name), "%s does not name a Dataverse column", what)
		}
		f := Field{Column: e.Name, Null: NullWrite, At: r.At(e.Key)}
		switch {
		case document.IsMapping(e.Value):
			r.field(e.Value, what, &f)
		case document.IsNull(e.Value):
			r.Problem(e.Key, "write "+e.Name+": warehouse_column", "%s is empty", what)
		default:
			f.From = r.source(e.Value, what)
		}
		fields = append(fields, f)
	}
	return fields
}

// field reads the long form of a mapping: a column with options, or a lookup.
func (r *reader) field(n document.Node, what string, f *Field) {
	r.Object(n, what,
		document.Optional("from", func(n document.Node) { f.From = r.source(n, what+".from") }),
		document.Optional("to", func(n document.Node) { f.To = r.logical(n, what+".to") }),
		document.Optional("by", func(n document.Node) { f.By = r.by(n, what+".by") }),
		document.Optional("null", func(n document.Node) {
			r.Word(n, what+".null", (*string)(&f.Null), string(NullWrite), string(NullSkip))
		}),
	)
	has := func(name string) bool { return document.Has(n, name) }
	const lookup = "a lookup is written {to: account, by: {accountnumber: account_no}}"
	switch {
	case has("from") && (has("by") || has("to")):
		r.Problem(n, lookup, "%s is both a column (from) and a lookup (to, by)", what)
	case has("to") && !has("by"):
		r.Problem(n, lookup, "by is missing in %s", what)
	case !has("from") && !has("by"):
		r.Problem(n, "add from: warehouse_column", "from is missing in %s", what)
	}
}

func (r *reader) by(n document.Node, what string) []Part {
	entries, ok := r.Pairs(n, what)
	if ok && len(entries) == 0 {
		r.Problem(n, "name the other table's key: {accountnumber: account_no}", "%s is empty", what)
	}
	var parts []Part
	for _, e := range entries {
		if !logical.MatchString(e.Name) {
			r.Problem(e.Key, lower(e.Name), "%s.%s does not name a Dataverse column", what, e.Name)
		}
		parts = append(parts, Part{Key: e.Name, From: r.source(e.Value, what+"."+e.Name)})
	}
	return parts
}

func (r *reader) guards(n document.Node, g *Guards) {
	r.Object(n, "guards",
		document.Optional("max_deletes", func(n document.Node) { r.Count(n, "guards.max_deletes", &g.MaxDeletes) }),
		document.Optional("max_deletes_share", func(n document.Node) { r.share(n, "guards.max_deletes_share", &g.MaxDeletesShare) }),
		document.Optional("shrink", func(n document.Node) { r.share(n, "guards.shrink", &g.Shrink) }),
	)
}

// source reads the name of a warehouse column. Any name will do but an empty one.
func (r *reader) source(n document.Node, what string) string {
	var s string
	if r.Text(n, what, &s) && strings.TrimSpace(s) == "" {
		r.Problem(n, "name a warehouse column", "%s is empty", what)
	}
	return s
}
