package spec

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
)

// Check finds what no document shows alone, be they of one folder or of several: names that are not there or there twice,
// syncs that wait for each other, or write what is another's. organizations has the OrganizationId of environments, by
// name, where it is known.
func (f Folder) Check(organizations map[string]string) document.Problems {
	var ps document.Problems
	add := func(at document.Position, mend, format string, args ...any) {
		ps = append(ps, document.Problem{Position: at, What: fmt.Sprintf(format, args...), Mend: mend})
	}

	environments := map[string]document.Position{}
	nameless := false // an environment whose name could not be read may be any
	for _, e := range f.Environments {
		if first, found := environments[e.Name]; found && e.Name != "" {
			add(e.At, "rename one of them", "environment %s is in %s already", e.Name, first)
			continue
		}
		nameless = nameless || e.Name == ""
		environments[e.Name] = e.At
	}

	syncs := map[string]Sync{}
	for _, s := range f.Syncs {
		if _, found := environments[s.To.Environment]; !found && s.To.Environment != "" && !nameless {
			mend := document.DidYouMean(s.To.Environment, names(environments))
			if len(environments) == 0 {
				mend = "write environments/" + s.To.Environment + ".yaml"
			}
			add(s.To.At, mend, "sync %s: there is no environment %s", s.Name, s.To.Environment)
		}
		if first, found := syncs[s.String()]; found && s.Name != "" {
			add(s.At, "rename one of them", "sync %s is in %s already", s, first.At)
			continue
		}
		syncs[s.String()] = s
	}
	for _, s := range f.Syncs {
		if _, found := environments[s.To.Environment]; !found {
			continue
		}
		for _, name := range s.After {
			before := s
			before.Name = name
			if _, found := syncs[before.String()]; !found && name != s.Name {
				add(s.AfterAt, document.DidYouMean(name, f.names(s.To.Environment)), "sync %s: after names %s, which is no sync of environment %s", s.Name, name, s.To.Environment)
			}
		}
	}
	for _, cycle := range f.cycles(syncs) {
		add(cycle[0].AfterAt, "drop one of them from after", "syncs wait for each other: %s", circle(cycle))
	}
	return append(append(ps, f.owners()...), f.shared(organizations)...)
}

// shared finds syncs of one name in two environments that are one organisation. The ledger knows a sync by organisation and
// name, so each of the two would take what the other sent for its own.
func (f Folder) shared(organizations map[string]string) document.Problems {
	var ps document.Problems
	for i, a := range f.Environments {
		for _, b := range f.Environments[:i] {
			same := organizations[a.Name] != "" && organizations[a.Name] == organizations[b.Name]
			if a.Name == b.Name || !same && (host(a) == "" || host(a) != host(b)) {
				continue
			}
			for _, s := range f.Syncs {
				if s.To.Environment == a.Name && slices.Contains(f.names(b.Name), s.Name) {
					ps = append(ps, document.Problem{
						Position: s.At,
						What: fmt.Sprintf("environments %s and %s are one organisation, where a sync %s of each would share what the ledger keeps",
							b.Name, a.Name, s.Name),
						Mend: "rename one of the syncs, or keep one of the environments",
					})
				}
			}
		}
	}
	return ps
}

// host is where the Web API of an environment is.
func host(e Environment) string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// owners finds columns that two syncs write, and syncs that make records beside one that deletes what it does not know.
func (f Folder) owners() document.Problems {
	var ps document.Problems
	columns, mirrors := map[string]Sync{}, map[string]Sync{}
	for _, s := range f.Syncs {
		if s.To.OnLeave.Action != Nothing && s.To.Mode != Update {
			if _, found := mirrors[s.To.Environment+"/"+s.To.Table]; !found {
				mirrors[s.To.Environment+"/"+s.To.Table] = s
			}
		}
	}
	for _, s := range f.Syncs {
		table := s.To.Environment + "/" + s.To.Table
		for _, field := range s.Map {
			id := table + "." + field.Column
			if first, found := columns[id]; found && first.Name != s.Name {
				ps = append(ps, document.Problem{
					Position: field.At, What: fmt.Sprintf("syncs %s and %s both write %s", first.Name, s.Name, id), Mend: "leave the column to one of them",
				})
				continue
			}
			columns[id] = s
		}
		if mirror, found := mirrors[table]; found && mirror.Name != s.Name && s.To.Mode != Update {
			ps = append(ps, document.Problem{
				Position: s.At,
				What:     fmt.Sprintf("sync %s mirrors its model in %s, so %s cannot make records there", mirror.Name, table, s.Name),
				Mend:     "set mode: update, or on_leave: nothing in " + mirror.Name,
			})
		}
	}
	return ps
}

// cycles finds the circles among the syncs' after, each once.
func (f Folder) cycles(syncs map[string]Sync) [][]Sync {
	var found [][]Sync
	done := map[string]bool{}
	var visit func(s Sync, trail []Sync)
	visit = func(s Sync, trail []Sync) {
		if i := slices.IndexFunc(trail, func(t Sync) bool { return t.ID() == s.ID() }); i >= 0 {
			found = append(found, slices.Clone(trail[i:]))
			return
		}
		if done[s.String()] {
			return
		}
		for _, name := range s.After {
			next := s
			next.Name = name
			if next, ok := syncs[next.String()]; ok && name != s.Name {
				visit(next, append(trail, s))
			}
		}
		done[s.String()] = true
	}
	for _, s := range f.Syncs {
		visit(s, nil)
	}
	return found
}

func circle(cycle []Sync) string {
	var b strings.Builder
	for _, s := range cycle {
		b.WriteString(s.Name + " -> ")
	}
	return b.String() + cycle[0].Name
}

func (f Folder) names(environment string) []string {
	var all []string
	for _, s := range f.Syncs {
		if s.To.Environment == environment {
			all = append(all, s.Name)
		}
	}
	return all
}

func names(m map[string]document.Position) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
