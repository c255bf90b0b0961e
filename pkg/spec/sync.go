package spec

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// ParseSync reads one file of syncs/. query is the text of the SQL file that it names, queryFile the path of that file,
// for problems. The error is [Problems]; what could be read is returned beside it.
func ParseSync(file string, data []byte, query, queryFile string) (Sync, error) {
	r := &reader{file: file}
	s := r.sync(r.document(data))
	r.query(&s, query, queryFile)
	return s, r.problems.err()
}

// query puts the SQL into the sync. It becomes a subquery, hence without the semicolon.
func (r *reader) query(s *Sync, query, file string) {
	s.From.Query = strings.TrimRight(query, "; \t\r\n")
	if strings.TrimSpace(s.From.Query) == "" && s.From.File != "" {
		r.problems = append(r.problems, Problem{Position{file, 1, 1}, "the query is empty", "write one SELECT"})
	}
}

func (r *reader) sync(n ast.Node) Sync {
	s := Sync{Guards: DefaultGuards()}
	if n == nil {
		return s
	}
	s.At = r.at(n)
	var key1, match ast.Node
	r.object(n, "the sync",
		key{"sync", true, func(n ast.Node) { s.Name = r.name(n, "sync") }},
		key{"from", true, func(n ast.Node) { s.From, key1 = r.from(n) }},
		key{"to", true, func(n ast.Node) { s.To, match = r.to(n) }},
		key{"after", false, func(n ast.Node) { s.After = r.oneOrMore(n, "after", r.name) }},
		key{"map", true, func(n ast.Node) { s.Map = r.fields(n) }},
		key{"guards", false, func(n ast.Node) { r.guards(n, &s.Guards) }},
	)
	if key1 != nil && match != nil && len(s.To.Match) > 1 && len(s.From.Key) != len(s.To.Match) {
		r.problem(key1, "give one warehouse column for each, in the same order",
			"from.key has %d columns and to.match.key has %d", len(s.From.Key), len(s.To.Match))
	}
	if slices.Contains(s.After, s.Name) {
		r.problem(n, "drop it from after", "%s cannot run after itself", s.Name)
	}
	return s
}

func (r *reader) from(n ast.Node) (from From, keyNode ast.Node) {
	r.object(n, "from",
		key{"query", true, func(n ast.Node) {
			from.File, _ = r.text(n, "from.query")
			if from.File != "" && !strings.HasSuffix(from.File, ".sql") {
				r.problem(n, "put the SELECT into a file beside this one and name that", "from.query must name a .sql file")
			}
		}},
		key{"key", true, func(n ast.Node) { keyNode, from.Key = n, r.oneOrMore(n, "from.key", r.source) }},
	)
	return from, keyNode
}

func (r *reader) to(n ast.Node) (to To, match ast.Node) {
	to.Mode, to.OnLeave = Upsert, Nothing
	var onLeave ast.Node
	r.object(n, "to",
		key{"environment", true, func(n ast.Node) { to.Environment = r.name(n, "to.environment") }},
		key{"table", true, func(n ast.Node) { to.Table = r.logical(n, "to.table") }},
		key{"match", true, func(n ast.Node) {
			r.object(n, "to.match", key{"key", true, func(n ast.Node) {
				match, to.Match = n, r.oneOrMore(n, "to.match.key", r.logical)
			}})
		}},
		key{"mode", false, func(n ast.Node) {
			to.Mode = Mode(r.word(n, "to.mode", string(Upsert), string(Update), string(Create)))
		}},
		key{"on_leave", false, func(n ast.Node) {
			onLeave = n
			to.OnLeave = OnLeave(r.word(n, "to.on_leave", string(Nothing), string(Delete)))
		}},
		key{"bypass", false, func(n ast.Node) { to.Bypass = r.oneOrMore(n, "to.bypass", r.bypassed) }},
		key{"detect_duplicates", false, func(n ast.Node) { to.DetectDuplicates = r.flag(n, "to.detect_duplicates") }},
	)
	if to.OnLeave == Delete && to.Mode != Upsert {
		r.problem(onLeave, "choose mode: upsert, or on_leave: nothing",
			"a sync of mode %s cannot delete: the records are not its own", to.Mode)
	}
	return to, match
}

// bypassed reads one of a few words, or the GUID of a plug-in step.
func (r *reader) bypassed(n ast.Node, what string) string {
	if s, ok := n.(*ast.StringNode); ok && guid.MatchString(s.Value) {
		return strings.ToLower(s.Value)
	}
	return r.word(n, what, bypassSync, bypassAsync, bypassFlows)
}

func (r *reader) fields(n ast.Node) []Field {
	entries, ok := r.entries(n, "map")
	if ok && len(entries) == 0 {
		r.problem(n, "map at least one column", "map is empty")
	}
	var fields []Field
	for _, e := range entries {
		what := "map." + e.name
		if !logical.MatchString(e.name) {
			r.problem(e.node, lower(e.name), "%s does not name a Dataverse column", what)
		}
		f := Field{Column: e.name, Null: NullWrite, At: r.at(e.node)}
		switch e.value.(type) {
		case ast.MapNode:
			r.field(e.value, what, &f)
		case *ast.NullNode:
			r.problem(e.node, "write "+e.name+": warehouse_column", "%s is empty", what)
		default:
			f.From = r.source(e.value, what)
		}
		fields = append(fields, f)
	}
	return fields
}

// field reads the long form of a mapping: a column with options, or a lookup.
func (r *reader) field(n ast.Node, what string, f *Field) {
	r.object(n, what,
		key{"from", false, func(n ast.Node) { f.From = r.source(n, what+".from") }},
		key{"to", false, func(n ast.Node) { f.To = r.logical(n, what+".to") }},
		key{"by", false, func(n ast.Node) { f.By = r.by(n, what+".by") }},
		key{"null", false, func(n ast.Node) {
			f.Null = Null(r.word(n, what+".null", string(NullWrite), string(NullSkip)))
		}},
	)
	entries, _ := r.entries(n, what)
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e entry) bool { return e.name == name })
	}
	const lookup = "a lookup is written {to: account, by: {accountnumber: account_no}}"
	switch {
	case has("from") && (has("by") || has("to")):
		r.problem(n, lookup, "%s is both a column (from) and a lookup (to, by)", what)
	case has("to") && !has("by"):
		r.problem(n, lookup, "by is missing in %s", what)
	case !has("from") && !has("by"):
		r.problem(n, "add from: warehouse_column", "from is missing in %s", what)
	}
}

func (r *reader) by(n ast.Node, what string) []Part {
	entries, ok := r.entries(n, what)
	if ok && len(entries) == 0 {
		r.problem(n, "name the other table's key: {accountnumber: account_no}", "%s is empty", what)
	}
	var parts []Part
	for _, e := range entries {
		if !logical.MatchString(e.name) {
			r.problem(e.node, lower(e.name), "%s.%s does not name a Dataverse column", what, e.name)
		}
		parts = append(parts, Part{Key: e.name, From: r.source(e.value, what+"."+e.name)})
	}
	return parts
}

func (r *reader) guards(n ast.Node, g *Guards) {
	r.object(n, "guards",
		key{"max_deletes", false, func(n ast.Node) { g.MaxDeletes = r.count(n, "guards.max_deletes") }},
		key{"max_deletes_share", false, func(n ast.Node) { g.MaxDeletesShare = r.share(n, "guards.max_deletes_share") }},
		key{"shrink", false, func(n ast.Node) { g.Shrink = r.share(n, "guards.shrink") }},
	)
}

// source reads the name of a warehouse column. Any name will do but an empty one.
func (r *reader) source(n ast.Node, what string) string {
	s, ok := r.text(n, what)
	if ok && strings.TrimSpace(s) == "" {
		r.problem(n, "name a warehouse column", "%s is empty", what)
	}
	return s
}
