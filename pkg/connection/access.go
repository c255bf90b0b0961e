package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A need is one privilege that a sync cannot do without.
type need struct {
	verb  dataverse.Verb
	table string // empty for bypass, which is of no table
}

func (n need) String() string {
	if n == bypass {
		return string(n.verb)
	}
	return string(n.verb) + " on " + n.table
}

// bypass is the need of a sync that has custom logic left out. No metadata names its privilege; reference "Request headers"
// does.
var bypass = need{verb: "bypass of custom logic"} //nolint:gochecknoglobals // constant

const bypassPrivilege = "prvBypassCustomBusinessLogic"

// needs lists them (reference "What Dataverse answers about identity", at its end): those of the operations on the table;
// Append there and AppendTo on what a lookup names, and Read on it when it is addressed by an alternate key; Assign for
// owners, who are not appended to.
func needs(s spec.Sync, table *dataverse.Table) []need {
	var all []need
	add := func(verb dataverse.Verb, table string) {
		if n := (need{verb, table}); !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	switch s.To.Mode.Operation() {
	case penstock.Create:
		add(dataverse.CreateRecords, s.To.Table)
	case penstock.Update:
		add(dataverse.ReadRecords, s.To.Table)
		add(dataverse.WriteRecords, s.To.Table)
	case penstock.Upsert, penstock.Delete, penstock.Deactivate, penstock.Clear, penstock.Restore: // whether a record is there is read first
		add(dataverse.CreateRecords, s.To.Table)
		add(dataverse.ReadRecords, s.To.Table)
		add(dataverse.WriteRecords, s.To.Table)
	}
	if s.To.OnLeave.Action == spec.Delete {
		add(dataverse.DeleteRecords, s.To.Table)
	}
	if len(s.To.Bypass) > 0 {
		add(bypass.verb, bypass.table)
	}
	for _, f := range s.Map {
		column, found := table.Column(f.Column)
		if !found || column.Type != dataverse.Lookup {
			continue
		}
		for _, name := range mapping.Named(f, table) {
			target, found := column.Target(name)
			if !found {
				continue
			}
			if column.TypeName == "OwnerType" {
				add(dataverse.AssignRecords, s.To.Table)
			} else {
				add(dataverse.AppendRecords, s.To.Table)
				add(dataverse.AppendTo, target.Table)
			}
			if slices.ContainsFunc(f.By, func(p spec.Part) bool { return (p.Table == "" || p.Table == name) && p.Key != target.PrimaryID }) {
				add(dataverse.ReadRecords, target.Table)
			}
		}
	}
	return all
}

type readPrivileges struct {
	all []dataverse.Privilege
	err error
}

// privilege finds what metadata calls a need; found is false where the table knows no such privilege, and so asks for none.
func (t *test) privilege(ctx context.Context, n need) (p dataverse.Privilege, found bool, err error) {
	if n == bypass {
		return dataverse.Privilege{Name: bypassPrivilege, Verb: n.verb, Deepest: dataverse.Basic}, true, nil
	}
	r, known := t.privileges[n.table]
	if !known {
		r.all, r.err = t.users[0].client.Privileges(ctx, n.table)
		t.privileges[n.table] = r
	}
	if i := slices.IndexFunc(r.all, func(p dataverse.Privilege) bool { return p.Verb == n.verb }); i >= 0 {
		return r.all[i], true, r.err
	}
	return p, false, r.err
}

// access compares what a sync needs with what an application user holds.
func (t *test) access(ctx context.Context, s spec.Sync, table *dataverse.Table, u user) {
	about := s.Name
	if len(t.Environment.Users) > 1 {
		about += " as " + u.id
	}
	wanted := map[string]need{} // by the name of the privilege
	full := map[string]dataverse.Depth{}
	var names []string
	var held map[string]dataverse.Depth
	t.step(ctx, "privileges", about, func() Step {
		for _, n := range needs(s, table) {
			p, found, err := t.privilege(ctx, n)
			if err != nil {
				return warnedOf(err, "the privileges of table "+n.table+" cannot be read")
			}
			if _, twice := wanted[p.Name]; found && !twice {
				names, wanted[p.Name], full[p.Name] = append(names, p.Name), n, p.Deepest
			}
		}
		var err error
		if held, err = u.client.UserPrivileges(ctx, u.who.User); err != nil {
			return warnedOf(err, "the privileges of the application user cannot be read")
		}
		return t.missing(ctx, u, names, wanted, held)
	})
	var shallow, effects []string
	for _, name := range names {
		if d := held[name]; d > dataverse.NoDepth && d < full[name] {
			if effect := consequence(wanted[name].verb, s); effect != "" {
				shallow = append(shallow, fmt.Sprintf("%s (%s) is held for %s only", name, wanted[name], reach(d)))
				if !slices.Contains(effects, effect) {
					effects = append(effects, effect)
				}
			}
		}
	}
	if len(shallow) > 0 {
		t.step(ctx, "depth", about, func() Step {
			return warned(strings.Join(shallow, "; "), strings.Join(effects, "; ")+". A system administrator of the environment: set the privilege to Organization in the security role")
		})
	}
}

func (t *test) missing(ctx context.Context, u user, names []string, wanted map[string]need, held map[string]dataverse.Depth) Step {
	lacks := func() (all []string) {
		for _, name := range names {
			if held[name] == dataverse.NoDepth {
				all = append(all, name)
			}
		}
		return all
	}
	missing := lacks()
	if len(missing) > 0 {
		// What comes by way of a team may have been left out.
		more, err := u.client.HasPrivileges(ctx, u.who.User, missing)
		if err != nil {
			return warnedOf(err, "the privileges of the application user cannot be read")
		}
		for name, d := range more {
			held[name] = max(held[name], d)
		}
		missing = lacks()
	}
	if len(missing) == 0 {
		return passed(fmt.Sprintf("all %d that it needs", len(names)))
	}
	words := make([]string, len(missing))
	for i, name := range missing {
		words[i] = fmt.Sprintf("%s (%s)", name, wanted[name])
	}
	verb := " is missing"
	if len(words) > 1 {
		verb = " are missing"
	}
	s := failed(strings.Join(words, ", ")+verb,
		"a system administrator of the environment: give application user "+u.who.User+" a security role that grants this, "+dataverse.AtApplicationUsers+", Edit security roles; changes are seen after about 30 s")
	s.Code = "0x80040220"
	return s
}

func warnedOf(err error, what string) Step {
	s := sayFault(err)
	s.State, s.Saw = Warned, what+": "+s.Saw
	return s
}

// reach is a depth in words.
func reach(d dataverse.Depth) string {
	switch d {
	case dataverse.Basic:
		return "records that it owns (Basic)"
	case dataverse.Local:
		return "records of its business unit (Local)"
	case dataverse.Deep:
		return "records of its business unit and those below (Deep)"
	case dataverse.NoDepth, dataverse.Global:
	}
	return "all records"
}

// consequence is what comes of a privilege that does not reach all records. A sync that leaves owners alone makes records
// that are its own, which needs no more.
func consequence(verb dataverse.Verb, s spec.Sync) string {
	switch verb {
	case dataverse.CreateRecords, dataverse.AppendRecords:
		if verb == dataverse.CreateRecords && !slices.ContainsFunc(s.Map, func(f spec.Field) bool { return f.Column == "ownerid" }) {
			return ""
		}
		return "rows whose records belong to others are refused"
	case dataverse.ReadRecords:
		return "records of others are not found, and are made a second time or refused for their key"
	case dataverse.WriteRecords, dataverse.DeleteRecords, dataverse.AssignRecords:
		return "rows whose records belong to others are refused"
	case dataverse.AppendTo:
		return "lookups to records of others are refused"
	}
	return ""
}
