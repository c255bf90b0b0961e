package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

type readTable struct {
	table *dataverse.Table
	err   error
}

// table reads a table's metadata, once for all syncs.
func (t *test) table(ctx context.Context, name string) (*dataverse.Table, error) {
	r, known := t.tables[name]
	if !known {
		r.table, r.err = t.users[0].client.Table(ctx, name)
		t.tables[name] = r
	}
	return r.table, r.err
}

// sync tests what one sync needs. Metadata is read as the first application user that Dataverse lets in; privileges are
// those of each.
func (t *test) sync(ctx context.Context, s spec.Sync) {
	if len(t.users) == 0 {
		t.skip("sync", s.Name, "no application user gets in to ask")
		return
	}
	var table *dataverse.Table
	if !t.step(ctx, "table", s.Name, func() Step {
		var err error
		if table, err = t.table(ctx, s.To.Table); err != nil {
			return t.noTable(ctx, s.To.Table, "", err)
		}
		switch {
		case table.Virtual:
			return t.problemStep(mapping.Check(mapping.Input{Sync: s, Table: table})[0])
		case table.Elastic:
			return warned(table.LogicalName+" is an elastic table: an upsert replaces the whole row, and clears the columns that are not mapped",
				"map every column that matters, or set mode: update")
		}
		return passed(fmt.Sprintf("%s, with %d columns", table.LogicalName, len(table.Columns)))
	}) {
		t.skip("sync", s.Name, "there is no table to hold it against")
		return
	}
	targets := t.targets(ctx, &s, table)
	t.mapping(ctx, s, table, targets)
	t.secured(ctx, s, table)
	t.required(ctx, s, table)
	for _, u := range t.users {
		t.access(ctx, s, table, u)
	}
}

// noTable says why a table's metadata could not be read; of one that does not exist, which ones are spelled like it.
func (t *test) noTable(ctx context.Context, name, lookup string, err error) Step {
	step := sayFault(err)
	known, listed := t.tableNames(ctx)
	if listed != nil || slices.Contains(known, name) {
		return step
	}
	step.Saw = "the environment has no table " + name
	if lookup != "" {
		step.Saw += ", which " + lookup + " is to name"
	}
	step.Do = "tables go by their logical names: contact, not contacts or Contact"
	if near := document.Nearest(name, known); near != "" {
		step.Do = "did you mean " + near + "?"
	}
	return step
}

// tableNames lists the environment's tables, once.
func (t *test) tableNames(ctx context.Context) ([]string, error) {
	var err error
	if t.known == nil {
		t.known, err = t.users[0].client.Tables(ctx)
	}
	return t.known, err
}

// targets reads the tables that lookups name. A lookup whose table is not there is told, and taken out of the sync, so that
// it is not told twice.
func (t *test) targets(ctx context.Context, s *spec.Sync, table *dataverse.Table) map[string]*dataverse.Table {
	all := map[string]*dataverse.Table{table.LogicalName: table}
	s.Map = slices.Clone(s.Map)
	for _, name := range mapping.Targets(*s, table) {
		target, err := t.table(ctx, name)
		if err == nil {
			all[name] = target
			continue
		}
		i := slices.IndexFunc(s.Map, func(f spec.Field) bool { return f.To == name })
		if i < 0 {
			continue // the table is only known from metadata: mapping says what it lacks
		}
		t.step(ctx, "lookups", s.Name, func() Step { return t.noTable(ctx, name, s.Map[i].Column, err) })
		s.Map = slices.DeleteFunc(s.Map, func(f spec.Field) bool { return f.To == name })
	}
	return all
}

// mapping holds the sync against the metadata, and against the model where that can be asked for. The compiler of mappings
// is the one judge; here its problems are only told.
func (t *test) mapping(ctx context.Context, s spec.Sync, table *dataverse.Table, targets map[string]*dataverse.Table) {
	in := mapping.Input{Sync: s, Organization: t.users[0].who.Organization, Table: table, Targets: targets}
	var problems mapping.Problems
	modelled := t.step(ctx, "model", s.Name, func() Step {
		if t.Model == nil {
			return skipped("the warehouse was not asked, so the types of its columns are not known")
		}
		var err error
		if in.Model, err = t.Model(ctx, s); err != nil {
			return failed(err.Error(), "whoever keeps the model: mend the query "+s.From.File)
		}
		return passed(fmt.Sprintf("%d columns", len(in.Model)))
	})
	if ctx.Err() != nil {
		return
	}
	if modelled {
		_, err := mapping.Compile(in)
		errors.As(err, &problems)
	} else {
		problems = mapping.Check(in)
	}
	lookup := func(column string) bool {
		c, found := table.Column(column)
		return found && c.Type == dataverse.Lookup
	}
	groups := []struct {
		name string
		has  func(column string) bool
		fine string
	}{
		{"key", func(c string) bool { return c == "to.match.key" }, strings.Join(s.To.Match, ", ")},
		{"columns", func(c string) bool { return c != "to.match.key" && !lookup(c) }, count(s, func(f spec.Field) bool { return !lookup(f.Column) }, "column", "can be written")},
		{"lookups", lookup, count(s, func(f spec.Field) bool { return lookup(f.Column) }, "lookup", "can be bound")},
	}
	for _, g := range groups {
		fine := true
		for _, p := range problems {
			if g.has(p.Column) {
				fine = false
				t.step(ctx, g.name, s.Name, func() Step { return t.problemStep(p) })
			}
		}
		if fine && g.fine != "" {
			t.step(ctx, g.name, s.Name, func() Step { return passed(g.fine) })
		}
	}
}

func (t *test) problemStep(p mapping.Problem) Step {
	saw := p.What
	if p.Column != "" && p.Column != "to.match.key" && !strings.Contains(p.What, p.Column) {
		saw = p.Column + ": " + saw
	}
	step := failed(saw, p.Mend)
	step.At = p.At
	return step
}

// count says how many of a sync's fields are of a kind; nothing where there is none.
func count(s spec.Sync, of func(spec.Field) bool, what, can string) string {
	n := 0
	for _, f := range s.Map {
		if of(f) {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("1 %s %s", what, can)
	}
	return fmt.Sprintf("%d %ss %s", n, what, can)
}

// required warns of columns that no record can do without and that the sync does not fill: what it makes, Dataverse refuses
// unless it has a default.
func (t *test) required(ctx context.Context, s spec.Sync, table *dataverse.Table) {
	if s.To.Mode.Operation() == penstock.Update {
		return
	}
	missing := slices.DeleteFunc(table.Needs(), func(column string) bool {
		return slices.ContainsFunc(s.Map, func(f spec.Field) bool { return f.Column == column }) || slices.Contains(keyColumns(s, table), column)
	})
	if len(missing) == 0 {
		return
	}
	t.step(ctx, "required", s.Name, func() Step {
		return warned("the table requires "+strings.Join(missing, ", ")+", and the sync does not fill it",
			"whoever writes the sync: map it, unless Dataverse or a plug-in fills it, or set mode: update if the sync is to make no record")
	})
}

// keyColumns are those by which a sync addresses its records: they are written with each of them.
func keyColumns(s spec.Sync, table *dataverse.Table) []string {
	for _, k := range table.Keys {
		if len(s.To.Match) == 1 && k.Name == s.To.Match[0] {
			return k.Columns
		}
	}
	return s.To.Match
}

// secured warns of columns that a profile guards: roles say nothing about them.
func (t *test) secured(ctx context.Context, s spec.Sync, table *dataverse.Table) {
	var guarded []string
	for _, f := range s.Map {
		if c, found := table.Column(f.Column); found && c.Secured {
			guarded = append(guarded, f.Column)
		}
	}
	if len(guarded) == 0 {
		return
	}
	t.step(ctx, "security", s.Name, func() Step {
		return warned("column security guards "+strings.Join(guarded, ", "),
			"a system administrator of the environment: put the application user into a column security profile that lets it read, create and update them (Settings, Users + permissions, Column security profiles)")
	})
}
