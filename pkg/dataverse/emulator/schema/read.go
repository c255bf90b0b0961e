package schema

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
)

// Read makes tables of a YAML file:
//
//	tables:
//	  cr1_Invoice:                  # the schema name; the logical name is its lower-case form
//	    columns:
//	      cr1_Number: {type: text, length: 20}
//	      cr1_Amount: money         # a type alone
//	      cr1_DueOn: date
//	      cr1_Stage: {type: choice, options: {1: Open, 2: Paid}}
//	      cr1_Level: {type: choice, global: cr1_levels}
//	      cr1_Account: {lookup: account}
//	    keys:
//	      cr1_numberkey: [cr1_number]
//	choices:
//	  cr1_levels: {label: Levels, options: {1: Low, 2: High}}
//	extend:
//	  contact:                      # a standard table, with more columns and keys
//	    columns: {cr1_Segment: text}
//
// What a table does not say has the value that it would have in a new table of Dataverse: set, primary id and name, owner, state and status
// reason, currency, createdon and the like are there by themselves. Extended tables come back whole, to take the place of the standard ones.
// The error holds all problems of the file, each with its place as file:line:column; of what has a problem the tables are not usable.
func Read(file string, data []byte) ([]Table, error) {
	r := &reader{Reader: &document.Reader{File: file}, choices: map[string]*globalChoice{}}
	root := r.Root(data)
	if root == nil {
		return nil, r.Err()
	}
	var tables, extended document.Node
	r.Object(root, "the file",
		document.Optional("choices", r.globals),
		document.Optional("tables", func(n document.Node) { tables = n }),
		document.Optional("extend", func(n document.Node) { extended = n }),
	)
	if tables != nil {
		for _, e := range r.Entries(tables, "tables") {
			r.table(e)
		}
	}
	if extended != nil {
		for _, e := range r.Entries(extended, "extend") {
			r.extend(e)
		}
	}
	r.check()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r.tables, nil
}

// Load reads a file, or all files of a folder: .yaml by Read, .json by Import. Notes are what Import had to leave out.
func Load(path string) (tables []Table, notes []string, err error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		var json []string
		files, _ = filepath.Glob(filepath.Join(path, "*.yaml")) // the pattern is well-formed
		json, _ = filepath.Glob(filepath.Join(path, "*.json"))
		if files = append(files, json...); len(files) == 0 {
			return nil, nil, fmt.Errorf("schema: %s has neither .yaml nor .json files; is it the right folder?", path)
		}
	}
	var saved []byte // answers that belong together are in different files
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("schema: %w", err)
		}
		if filepath.Ext(file) == ".json" {
			saved = append(append(saved, data...), '\n')
			continue
		}
		read, err := Read(file, data)
		if err != nil {
			return nil, nil, err
		}
		tables = append(tables, read...)
	}
	if saved != nil {
		var imported []Table
		if imported, notes, err = Import(strings.NewReader(string(saved))); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		tables = append(tables, imported...)
	}
	for i := range tables {
		if slices.ContainsFunc(tables[:i], func(t Table) bool { return t.Name == tables[i].Name }) {
			return nil, nil, fmt.Errorf("schema: %s defines the table %s twice; keep one of them", path, tables[i].Name)
		}
	}
	return tables, notes, nil
}

// A globalChoice is an entry of choices.
type globalChoice struct {
	GlobalChoice
	options []Option
}

type reader struct {
	*document.Reader
	choices map[string]*globalChoice
	tables  []Table
	at      []document.Node // by table
}

// custom checks that a name has a publisher's prefix.
func (r *reader) custom(e document.Entry, what string) bool {
	if !IsCustom(e.Name) {
		r.Problem(e.Key, "begin it with a publisher's prefix, as cr1_Name", "%s cannot be the name of %s", e.Name, what)
		return false
	}
	return true
}

func (r *reader) table(e document.Entry) {
	if !r.custom(e, "a table") {
		return
	}
	prefix, _, _ := strings.Cut(e.Name, "_")
	t := custom(e.Name)
	title := text(prefix+"_Name", "Name", 100)
	var columns []Column
	var keys document.Node
	var owner, kind string
	states, reasons := usualStates()
	what := "table " + e.Name
	r.Object(e.Value, what,
		document.Optional("label", func(n document.Node) { r.Text(n, "label", &t.Label) }),
		document.Optional("labels", func(n document.Node) { t.Labels = r.labels(n) }),
		document.Optional("plural", func(n document.Node) { r.Text(n, "plural", &t.Plural) }),
		document.Optional("set", func(n document.Node) { r.Text(n, "set", &t.Set) }),
		document.Optional("privilege", func(n document.Node) { r.Text(n, "privilege", &t.Privilege) }),
		document.Optional("type_code", func(n document.Node) { r.Whole(n, "type_code", &t.TypeCode) }),
		document.Optional("kind", func(n document.Node) { r.Word(n, "kind", &kind, "standard", "elastic", "virtual") }),
		document.Optional("owner", func(n document.Node) { r.Word(n, "owner", &owner, "user", "organization") }),
		document.Optional("activity", func(n document.Node) { r.Bool(n, "activity", &t.Activity) }),
		document.Optional("optimistic_concurrency", func(n document.Node) {
			on := true
			r.Bool(n, "optimistic_concurrency", &on)
			t.OptimisticOff = !on
		}),
		document.Optional("name", func(n document.Node) { title = r.title(n, title) }),
		document.Optional("columns", func(n document.Node) { columns = r.columns(n, what) }),
		document.Optional("keys", func(n document.Node) { keys = n }),
		document.Optional("states", func(n document.Node) { states, reasons = r.states(n) }),
	)
	t.Kind = map[string]Kind{"elastic": KindElastic, "virtual": KindVirtual}[kind]
	t.Organization = owner == "organization"
	t.furnish(title, columns, states, reasons)
	if keys != nil {
		t.Keys = r.keys(keys, &t)
	}
	r.add(t, e.Key)
}

func (r *reader) add(t Table, at document.Node) {
	r.tables, r.at = append(r.tables, t), append(r.at, at)
}

// title reads the primary name column: its schema name, or a column.
func (r *reader) title(n document.Node, usual Column) Column {
	if document.IsMapping(n) {
		if columns := r.columns(n, "name"); len(columns) == 1 && columns[0].Type == String {
			return columns[0]
		}
		r.Problem(n, "write it as cr1_Title: {length: 200}", "name must be one column of type text")
		return usual
	}
	var name string
	if r.Text(n, "name", &name) {
		return text(name, "Name", 100)
	}
	return usual
}

// extend adds columns and keys to a standard table.
func (r *reader) extend(e document.Entry) {
	standard := Standard()
	i := slices.IndexFunc(standard, func(t Table) bool { return t.Name == e.Name })
	if i < 0 {
		var known []string
		for _, t := range standard {
			known = append(known, t.Name)
		}
		r.Problem(e.Key, document.DidYouMean(e.Name, known), "there is no standard table %q to extend", e.Name)
		return
	}
	t := standard[i]
	var keys document.Node
	what := "extend." + e.Name
	r.Object(e.Value, what,
		document.Optional("columns", func(n document.Node) {
			for _, c := range r.columns(n, what) {
				if _, there := t.Column(c.Name); there {
					r.Problem(n, "give it another name", "%s has a column %s already", e.Name, c.Name)
					continue
				}
				t.Columns = append(t.Columns, c)
			}
		}),
		document.Optional("keys", func(n document.Node) { keys = n }),
	)
	if keys != nil {
		t.Keys = append(slices.Clone(t.Keys), r.keys(keys, &t)...)
	}
	r.add(t, e.Key)
}

// check looks at what no table shows alone.
func (r *reader) check() {
	known := map[string]bool{}
	for _, t := range Standard() {
		known[t.Name] = true
	}
	seen := map[string]bool{}
	for i, t := range r.tables {
		if seen[t.Name] || seen[t.Set] {
			r.Problem(r.at[i], "rename one of them", "the name or the set of table %s is taken", t.Name)
		}
		seen[t.Name], seen[t.Set], known[t.Name] = true, true, true
	}
	for i := range r.tables {
		t := &r.tables[i]
		if err := t.Validate(); err != nil {
			r.Problem(r.at[i], "", "%s", strings.TrimPrefix(err.Error(), "schema: "))
		}
		for _, c := range t.Columns {
			for _, to := range c.Targets {
				if !known[to.Table] {
					r.Problem(r.at[i], document.DidYouMean(to.Table, slices.Sorted(maps.Keys(known))), "column %s of %s points at the table %q, which is not there", c.Name, t.Name, to.Table)
				}
			}
		}
	}
}
