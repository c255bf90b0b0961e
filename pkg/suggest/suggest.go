// Package suggest writes a first sync for a table: which columns of a query fill which columns of Dataverse, and by which key
// records are found.
//
// Columns are matched by name; see the tables in words.go. Whether a pair of types is possible is asked of
// [mapping.Compile], never decided here. What is left out is named with its reason: a suggestion is read by a person.
package suggest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Input is what a suggestion is made of.
type Input struct {
	Name         string // of the sync
	Environment  string
	Organization string
	Query        string
	Model        []mapping.SourceColumn // what the query gives
	Table        *dataverse.Table
	Targets      map[string]*dataverse.Table // those that [Targets] lists, by logical name

	// Distinct lists some of the values of a text column of the query, without NULL and empty ones. nil: none is looked at.
	Distinct func(ctx context.Context, column string) ([]string, error)
}

// A Proposal is a first sync.
type Proposal struct {
	Sync     spec.Sync
	Fields   []Field // in the order of the query's columns, those of the key first
	LeftOut  []LeftOut
	Required []string // columns that the table requires and nothing fills

	KeyNote string // how the key was chosen, where that is to be looked at; or what to do about there being none
	Keyed   bool   // a key was found; else the sync's file has to be completed
}

// A Field is one line of the map.
type Field struct {
	spec.Field
	Source mapping.SourceColumn
	Note   string // what to look at; may be empty
}

// A LeftOut is a column of the query that is not mapped.
type LeftOut struct {
	mapping.SourceColumn
	Why string
}

// A candidate is a column of Dataverse that a column of the query may be meant for.
type candidate struct {
	source int
	rank   int
	column *dataverse.Column
	fields []spec.Field // how it could be filled, the best first
	note   string
}

// Targets lists the tables of lookups that columns of the query seem to name records of, whose metadata [Make] needs.
func Targets(table *dataverse.Table, model []mapping.SourceColumn) (names []string) {
	for i := range model {
		for _, c := range lookups(i, model[i], table) {
			for _, f := range c.fields {
				if f.To != table.LogicalName && !slices.Contains(names, f.To) {
					names = append(names, f.To)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// Make suggests a sync. The error is of Distinct.
func Make(ctx context.Context, in Input) (Proposal, error) {
	m := &making{Input: in, taken: map[string]bool{}, used: map[int]*Field{}, why: map[int]string{}}
	m.targets = map[string]*dataverse.Table{in.Table.LogicalName: in.Table}
	for name, t := range in.Targets {
		m.targets[name] = t
	}
	m.out.Sync = spec.Sync{
		Name: in.Name, Guards: spec.DefaultGuards(),
		From: spec.From{File: in.Name + ".sql", Query: in.Query},
		To:   spec.To{Environment: in.Environment, Table: in.Table.LogicalName, Mode: spec.Upsert, OnLeave: spec.OnLeave{Action: spec.Nothing}},
	}
	m.assign()
	m.key()
	m.gather()
	return m.out, m.labels(ctx)
}

// A making is one under way.
type making struct {
	Input
	targets map[string]*dataverse.Table
	taken   map[string]bool // columns of Dataverse
	used    map[int]*Field  // by the index of the query's column
	why     map[int]string  // columns that could not be mapped, with the first reason
	keyed   []int           // the query's columns that are the key
	out     Proposal
}

// assign gives each column of the query the best column that takes it. The surest matches choose first.
func (m *making) assign() {
	var all []candidate
	for i, s := range m.Model {
		all = append(all, columns(i, s, m.Table)...)
		all = append(all, lookups(i, s, m.Table)...)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.source, b.source)) })
	for _, c := range all {
		if m.used[c.source] != nil {
			continue
		}
		if m.taken[c.column.Name] {
			m.because(c.source, c.column.Name+" is filled from another column already")
			continue
		}
		for _, f := range c.fields {
			problem := m.problem(f)
			if problem == "" {
				m.taken[c.column.Name] = true
				m.used[c.source] = &Field{Field: f, Source: m.Model[c.source], Note: c.note}
				break
			}
			m.because(c.source, problem)
		}
	}
}

// because keeps the first reason for which a column is left out.
func (m *making) because(source int, why string) {
	if m.why[source] == "" {
		m.why[source] = why
	}
}

// problem asks the mapping whether a field can be filled so; "" when it can.
func (m *making) problem(f spec.Field) string {
	s := m.out.Sync
	s.Map = []spec.Field{f}
	for _, p := range m.compile(s) {
		if p.Column != f.Column {
			continue // there is no key yet
		}
		if p.Mend != "" {
			return p.Column + ": " + p.What + "; " + p.Mend
		}
		return p.Column + ": " + p.What
	}
	return ""
}

func (m *making) compile(s spec.Sync) mapping.Problems {
	_, err := mapping.Compile(mapping.Input{Sync: s, Organization: m.Organization, Table: m.Table, Targets: m.targets, Model: m.Model})
	var problems mapping.Problems
	errors.As(err, &problems)
	return problems
}

// columns are those of the table that the name of a column of the query fits, without lookups.
func columns(i int, s mapping.SourceColumn, table *dataverse.Table) (all []candidate) {
	for j := range table.Columns {
		c := &table.Columns[j]
		if c.Type == dataverse.Lookup || c.Type == dataverse.Unsupported || c.Name == table.PrimaryID || !c.Creatable && !c.Updatable {
			continue
		}
		rank, fits := match(s.Name, table, c)
		if !fits {
			continue
		}
		number := spec.Field{Column: c.Name, From: s.Name, Null: spec.NullWrite}
		label := number
		label.Choice = spec.Label
		fields := []spec.Field{number}
		switch c.Type { //nolint:exhaustive // the others have no labels
		case dataverse.Choice, dataverse.MultiChoice, dataverse.State, dataverse.Status:
			fields = append(fields, label)
			if words(s) {
				fields = []spec.Field{label, number}
			}
		}
		all = append(all, candidate{source: i, rank: rank, column: c, fields: fields})
	}
	return all
}

// words reports whether a column holds words rather than numbers.
func words(s mapping.SourceColumn) bool {
	return strings.Contains(s.Type, "String") || strings.Contains(s.Type, "Enum")
}

// currencyTable has no alternate key, and its records are found by their codes all the same.
const currencyTable, currencyCode = "transactioncurrency", "isocurrencycode"

// lookups are the lookups that a column of the query may address: by an active alternate key of one column, by a GUID, and
// currencies by their codes.
func lookups(i int, s mapping.SourceColumn, table *dataverse.Table) (all []candidate) {
	for j := range table.Columns {
		c := &table.Columns[j]
		if c.Type != dataverse.Lookup || c.TypeName == "OwnerType" || !c.Creatable && !c.Updatable {
			continue
		}
		for _, t := range c.Targets {
			if t.SetName == "" || t.Navigation == "" {
				continue
			}
			add := func(key string, rank int) {
				all = append(all, candidate{
					source: i, rank: byLookup + rank + preference(c, t), column: c,
					fields: []spec.Field{{Column: c.Name, To: t.Table, By: []spec.Part{{Key: key, From: s.Name}}, Null: spec.NullWrite}},
					note:   "names a record of " + t.Table + ", which has to be there first: see after:",
				})
			}
			spelled := spellings(s.Name, table)
			means := func(names ...string) bool {
				return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(spelled, fold(n)) })
			}
			stem := strings.TrimSuffix(bare(c.Name), "id")
			if t.Table == currencyTable {
				if means("currency", "currencycode", currencyCode, currencyTable, "transactioncurrencycode") {
					add(currencyCode, 0)
				}
				continue
			}
			for _, k := range t.Keys {
				if !k.Active || len(k.Columns) != 1 {
					continue
				}
				key := bare(k.Columns[0])
				names := []string{key, t.Table + key, stem + key, bare(t.Table) + "number", bare(t.Table) + "key", bare(t.Table) + "code"}
				for _, called := range callings[t.Table] {
					names = append(names, called+key, called+"number", called+"key", called+"code")
				}
				if means(names...) {
					add(k.Columns[0], 0)
				}
			}
			if strings.Contains(s.Type, "UUID") && means(c.Name, stem, bare(c.Name), stem+"id", t.PrimaryID) {
				add(t.PrimaryID, 1)
			}
		}
	}
	return all
}

// preference tells lookups to one table apart: the customer of a record first, then what is called after the table.
func preference(c *dataverse.Column, t dataverse.Target) int {
	switch {
	case c.TypeName == "CustomerType":
		return 2
	case strings.TrimSuffix(bare(c.Name), "id") == bare(t.Table):
		return 4
	case strings.HasPrefix(c.Name, "parent"):
		return 6
	}
	return 8
}

// gather brings the fields into order, and names what is left out and what is missing.
func (m *making) gather() {
	order := slices.Clone(m.keyed)
	for i := range m.Model {
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	for _, i := range order {
		switch f := m.used[i]; {
		case f != nil:
			m.out.Fields = append(m.out.Fields, *f)
			m.out.Sync.Map = append(m.out.Sync.Map, f.Field)
		case slices.Contains(m.keyed, i): // the GUID of the record, which is not in the map
		default:
			m.because(i, "no column of "+m.Table.LogicalName+" that can be written is called so")
			m.out.LeftOut = append(m.out.LeftOut, LeftOut{m.Model[i], m.why[i]})
		}
	}
	for _, name := range m.Table.Needs() {
		if !m.taken[name] {
			m.out.Required = append(m.out.Required, name)
		}
	}
}

// labels looks at values of columns that give labels, and says which are none.
func (m *making) labels(ctx context.Context) error {
	if m.Distinct == nil || !m.out.Keyed {
		return nil
	}
	plan, err := mapping.Compile(mapping.Input{Sync: m.out.Sync, Organization: m.Organization, Table: m.Table, Targets: m.targets, Model: m.Model})
	if err != nil {
		return nil // of which [Proposal.KeyNote] tells
	}
	for i := range m.out.Fields {
		f := &m.out.Fields[i]
		if f.Choice != spec.Label || strings.Contains(f.Source.Type, "Array") {
			continue
		}
		values, err := m.Distinct(ctx, f.From)
		if err != nil {
			return fmt.Errorf("look at the values of %s: %w", f.From, err)
		}
		if unnamed := plan.Unnamed(f.Column, values); len(unnamed) > 0 {
			const most = 5
			more := ""
			if len(unnamed) > most {
				unnamed, more = unnamed[:most], fmt.Sprintf(" and %d more", len(unnamed)-most)
			}
			for i := range unnamed {
				unnamed[i] = fmt.Sprintf("%q", unnamed[i])
			}
			f.Note = "no option is called " + strings.Join(unnamed, ", ") + more + "; values: says what they stand for"
		}
	}
	return nil
}
