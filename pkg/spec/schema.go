package spec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock-sync/penstock/pkg/document"
)

// A Schema is a JSON Schema (draft 2020-12), as far as it is needed here. Additional is a *Schema, or false.
type Schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"`
	Names       *Schema            `json:"propertyNames,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	AnyOf       []*Schema          `json:"anyOf,omitempty"`
	Default     any                `json:"default,omitempty"`
	Examples    []string           `json:"examples,omitempty"`
	Defs        map[string]*Schema `json:"$defs,omitempty"`
}

// Describe makes the schemas of a sync and of an environment out of annotated examples: what is allowed is what the reader
// takes, as it says itself while it reads them; what a key means is the comment above it, or at the end of its line. Every
// key that the reader knows must be in an example and have a comment: the error names those that are not.
func Describe(files []Document) (sync, environment *Schema, err error) {
	syncs, environments := &describer{}, &describer{}
	var problems document.Problems
	for _, f := range files {
		r := newReader(f.File)
		r.Forms = map[document.Node][]document.Form{}
		d := syncs
		switch path.Ext(f.File) + path.Dir(f.File) {
		case ".yaml" + "syncs":
			r.query = func(string) (string, error) { return "SELECT *", nil }
			d.add(r, f.Data, func(n document.Node) { r.syncs(n) })
		case ".yaml" + "environments":
			d = environments
			d.add(r, f.Data, func(n document.Node) { r.environment(n) })
		}
		problems = append(problems, r.Problems...)
	}
	if err := problems.Err(); err != nil {
		return nil, nil, err
	}
	sync, environment = syncs.schema("a sync", syncs.roots), environments.schema("an environment", environments.roots)
	if missing := append(syncs.missing, environments.missing...); len(missing) > 0 {
		return nil, nil, fmt.Errorf("no example shows, with a comment: %s", strings.Join(missing, ", "))
	}
	sync.Title, environment.Title = "A sync of Penstock", "An environment of Penstock"
	over := partial(sync)
	delete(over.Properties, "sync")
	delete(over.Properties, "overlays")
	if to := over.Properties["to"]; to != nil {
		delete(to.AnyOf[0].Properties, "environment")
	}
	sync.Defs = map[string]*Schema{"overlay": over}
	sync.Properties["overlays"].Additional = &Schema{Ref: "#/$defs/overlay"}
	for _, s := range []*Schema{sync, environment} {
		s.Dialect = "https://json-schema.org/draft/2020-12/schema"
	}
	return sync, environment, nil
}

// partial is what may be laid over what a schema describes: nothing must be there, and null takes a key away.
func partial(s *Schema) *Schema {
	p := *s
	p.Required, p.Default, p.Examples = nil, nil, nil
	p.Properties = map[string]*Schema{}
	for name, value := range s.Properties {
		p.Properties[name] = orNull(partial(value))
	}
	if free, ok := s.Additional.(*Schema); ok {
		p.Additional = orNull(partial(free))
	}
	p.AnyOf = nil
	for _, one := range s.AnyOf {
		p.AnyOf = append(p.AnyOf, partial(one))
	}
	return &p
}

func orNull(s *Schema) *Schema {
	description := s.Description
	s.Description = ""
	return &Schema{Description: description, AnyOf: []*Schema{s, {Type: "null"}}}
}

// A describer gathers examples of one kind of file.
type describer struct {
	roots   []document.Node
	forms   map[document.Node][]document.Form
	lines   map[document.Node][]string // of the file that a key is in
	readers map[document.Node]*reader
	missing []string
}

func (d *describer) add(r *reader, data []byte, read func(document.Node)) {
	root := r.Root(data)
	if root == nil {
		return
	}
	read(root)
	if d.forms == nil {
		d.forms, d.lines, d.readers = map[document.Node][]document.Form{}, map[document.Node][]string{}, map[document.Node]*reader{}
	}
	for n, f := range r.Forms {
		d.forms[n] = f
	}
	lines := strings.Split(string(data), "\n")
	ast.Walk(visitor(func(n ast.Node) { d.lines[n], d.readers[n] = lines, r }), root)
	d.roots = append(d.roots, root)
}

type visitor func(ast.Node)

// Visit is called for each node of a tree.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

// schema describes what stands at one place of a file, by all that stands there in the examples.
func (d *describer) schema(what string, nodes []document.Node) *Schema {
	var texts, rest []*Schema
	var object, free, scalar, list bool
	var keys, required []string
	freeKeys := ""
	text := &Schema{Type: "string"}
	simple := func(s *Schema) {
		if !slices.ContainsFunc(rest, func(o *Schema) bool { return o.Type == s.Type && (o.Minimum == nil) == (s.Minimum == nil) }) {
			rest = append(rest, s)
		}
	}
	var items []document.Node
	for _, n := range nodes {
		for _, f := range d.forms[n] {
			switch f.Kind {
			case document.AnyText:
				if s := (&Schema{Type: "string", Enum: f.Words, Pattern: f.Pattern}); (s.Enum != nil || s.Pattern != "") &&
					!slices.ContainsFunc(texts, func(o *Schema) bool { return slices.Equal(o.Enum, s.Enum) && o.Pattern == s.Pattern }) {
					texts = append(texts, s)
				}
				if texts == nil {
					texts = []*Schema{text}
				}
			case document.Truth:
				simple(&Schema{Type: "boolean"})
			case document.Integer:
				simple(&Schema{Type: "integer"})
			case document.Natural:
				simple(&Schema{Type: "integer", Minimum: new(int)})
			case document.Decimal:
				simple(&Schema{Type: "number"})
			case document.Scalar:
				scalar = true
			case document.Object:
				object, keys, required = true, union(keys, f.Keys), f.Required
			case document.Free:
				free, freeKeys = true, cmp.Or(freeKeys, f.Pattern)
			case document.OneOrMore:
				list = true
				items = append(items, document.List(n)...)
			case document.Items:
				return &Schema{Type: "array", MinItems: 1, Items: d.schema(what+"[]", children(nodes, document.List))}
			}
		}
	}
	if len(texts) > 1 {
		texts = slices.DeleteFunc(texts, func(s *Schema) bool { return s == text })
	}
	if list {
		one := d.schema(what, d.without(items, document.OneOrMore))
		return &Schema{AnyOf: []*Schema{one, {Type: "array", MinItems: 1, Items: one}}}
	}
	all := append(texts, rest...)
	if scalar {
		item := []*Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}
		all = append(item[:3:3], &Schema{Type: "array", Items: &Schema{AnyOf: item}})
	}
	if object {
		all = append(all, d.object(what, nodes, keys, required))
	}
	if free {
		s := &Schema{Type: "object", Additional: d.schema(what+".*", children(nodes, values))}
		if freeKeys != "" {
			s.Names = &Schema{Pattern: freeKeys}
		}
		all = append(all, s)
	}
	switch len(all) {
	case 0:
		return &Schema{}
	case 1:
		return all[0]
	}
	return &Schema{AnyOf: all}
}

// without leaves a form out, so that what it is made of can be described.
func (d *describer) without(nodes []document.Node, kind document.Kind) []document.Node {
	for _, n := range nodes {
		d.forms[n] = slices.DeleteFunc(slices.Clone(d.forms[n]), func(f document.Form) bool { return f.Kind == kind })
	}
	return nodes
}

func (d *describer) object(what string, nodes []document.Node, keys, required []string) *Schema {
	s := &Schema{Type: "object", Properties: map[string]*Schema{}, Required: required, Additional: false}
	for _, key := range keys {
		var at []document.Node
		description := ""
		for _, n := range nodes {
			if e, ok := document.Lookup(n, key); ok {
				at = append(at, e.Value)
				description = cmp.Or(description, d.comment(e))
			}
		}
		name := what + "." + key
		if description == "" {
			d.missing = append(d.missing, name)
		}
		p := d.schema(name, at)
		p.Description = description
		if m := defaults.FindStringSubmatch(description); m != nil && m[1] != "none" {
			p.Default = literal(m[1])
		}
		for _, n := range at {
			if t, ok := n.(*ast.StringNode); ok && len(p.Examples) < 3 && !slices.Contains(p.Examples, t.Value) && p.Enum == nil {
				p.Examples = append(p.Examples, t.Value)
			}
		}
		s.Properties[key] = p
	}
	return s
}

// defaults finds what a comment says to be the default.
var defaults = regexp.MustCompile(`Default: ([^\s.,;:]+(?:\.[0-9]+)?%?)(?:[.,;]|$)`)

// literal is a default as JSON has it.
func literal(s string) any {
	var v any
	if json.Unmarshal([]byte(s), &v) == nil {
		return v
	}
	return s
}

// comment is what stands above a key, or behind it; nothing where the key does not begin its line.
func (d *describer) comment(e document.Entry) string {
	lines := d.lines[e.Key]
	at := d.readers[e.Key].At(e.Key)
	line := lines[at.Line-1]
	if strings.Trim(line[:at.Column-1], " -") != "" {
		return ""
	}
	var said []string
	for n := at.Line - 2; n >= 0; n-- {
		text, is := strings.CutPrefix(strings.TrimSpace(lines[n]), "#")
		if !is {
			break
		}
		said = append(said, strings.TrimSpace(text))
	}
	slices.Reverse(said)
	if _, behind, found := strings.Cut(line, "  # "); found {
		said = append(said, strings.TrimSpace(behind))
	}
	return strings.Join(said, " ")
}

func children(nodes []document.Node, of func(document.Node) []document.Node) []document.Node {
	var all []document.Node
	for _, n := range nodes {
		all = append(all, of(n)...)
	}
	return all
}

func values(n document.Node) []document.Node {
	var all []document.Node
	pairs, _ := newReader("").Pairs(n, "")
	for _, e := range pairs {
		all = append(all, e.Value)
	}
	return all
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
