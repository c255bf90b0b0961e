// Package privilege knows what syncs need of the security role that they are written with: which privilege on which table,
// how deep, and what for; and what application users hold of it, or beyond it.
package privilege

import (
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A Need is one privilege that syncs cannot do without.
type Need struct {
	Table   string // empty for [Bypass], which is of no table
	Verb    dataverse.Verb
	Name    string          // of the privilege, as metadata has it: prvReadContact; [Resolve] finds it
	Depth   dataverse.Depth // the least that will do
	Reasons []Reason
}

// A Reason is what asks for a need.
type Reason struct {
	Sync  string // its name
	Why   string // "fills the lookup parentcustomerid"
	Short string // what happens where the privilege is held, but not so deep; empty where that cannot be
}

// String is the need in a few words: Read on contact.
func (n Need) String() string {
	if n.Table == "" {
		return string(n.Verb)
	}
	return string(n.Verb) + " on " + n.Table
}

// Bypass is the need of a sync that has custom logic left out. No metadata names its privilege; reference "Request headers"
// does.
const Bypass dataverse.Verb = "bypass of custom logic"

const bypassPrivilege = "prvBypassCustomBusinessLogic"

// Needs lists what one sync needs, given the metadata of its table; a column that is not there needs nothing.
func Needs(s spec.Sync, table *dataverse.Table) []Need {
	a := &asker{sync: s}
	var lookups []*lookup
	for _, f := range s.Map {
		column, found := table.Column(f.Column)
		if !found || column.Type != dataverse.Lookup {
			continue
		}
		owner := column.TypeName == "OwnerType"
		a.owner = a.owner || owner
		for _, target := range targets(f, column) {
			lookups = append(lookups, &lookup{f.Column, owner, target, byKey(f, target)})
		}
	}
	for _, r := range rules {
		switch {
		case !r.lookup && r.when(a, nil):
			a.add(s.To.Table, r, r.why)
		case r.lookup:
			for _, l := range lookups {
				if !r.when(a, l) {
					continue
				}
				on := s.To.Table
				if r.target {
					on = l.target.Table
				}
				a.add(on, r, r.why+" "+l.column)
			}
		}
	}
	return a.needs
}

// targets are the tables whose records a field may name. One whose table is told row by row may name any that it has a key
// for, or any at all.
func targets(f spec.Field, column *dataverse.Column) []*dataverse.Target {
	var all []*dataverse.Target
	for i := range column.Targets {
		t := &column.Targets[i]
		named := slices.ContainsFunc(f.By, func(p spec.Part) bool { return p.Table != "" })
		switch {
		case f.ToFrom != "" && (!named || slices.ContainsFunc(f.By, func(p spec.Part) bool { return p.Table == t.Table })),
			f.ToFrom == "" && f.To == t.Table,
			f.ToFrom == "" && f.To == "" && len(column.Targets) == 1:
			all = append(all, t)
		}
	}
	return all
}

// byKey reports whether the record is found by an alternate key, rather than named by its GUID.
func byKey(f spec.Field, target *dataverse.Target) bool {
	var keys []string
	for _, p := range f.By {
		if p.Table == "" || p.Table == target.Table {
			keys = append(keys, p.Key)
		}
	}
	return len(keys) != 1 || keys[0] != target.PrimaryID
}

// A lookup is one column that names records, with one of the tables that it may name.
type lookup struct {
	column string
	owner  bool // the new owner is not appended to, but assigned
	target *dataverse.Target
	byKey  bool
}

// An asker is a sync that is asked what it does.
type asker struct {
	sync  spec.Sync
	owner bool // it sets owners
	needs []Need
}

func (a *asker) does(operations ...penstock.Operation) bool {
	return slices.Contains(operations, a.sync.To.Mode.Operation())
}

func (a *asker) leaves(actions ...spec.Action) bool {
	return slices.Contains(actions, a.sync.To.OnLeave.Action)
}

func (a *asker) add(table string, r rule, why string) {
	n := Need{Table: table, Verb: r.verb, Depth: dataverse.Global, Reasons: []Reason{{a.sync.Name, why, r.short}}}
	if r.verb == Bypass {
		n.Table = ""
	}
	if r.own != nil && r.own(a) {
		n.Depth = dataverse.Basic
	}
	a.needs = merge(a.needs, n)
}

// merge adds a need to others: each table and verb is there once, as deep as the deepest.
func merge(all []Need, n Need) []Need {
	i := slices.IndexFunc(all, func(o Need) bool { return o.Table == n.Table && o.Verb == n.Verb })
	if i < 0 {
		n.Reasons = slices.Clone(n.Reasons)
		return append(all, n)
	}
	all[i].Depth = max(all[i].Depth, n.Depth)
	for _, r := range n.Reasons {
		if !slices.Contains(all[i].Reasons, r) {
			all[i].Reasons = append(all[i].Reasons, r)
		}
	}
	return all
}
