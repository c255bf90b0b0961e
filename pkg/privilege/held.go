package privilege

import (
	"context"
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

// Known gives the privileges that a table knows, as [dataverse.Client.Privileges] does.
type Known func(ctx context.Context, table string) ([]dataverse.Privilege, error)

// Resolve finds what metadata calls each need, and how deep it must be granted there: tables of the organisation know no
// depth but Global. A need that a table has no privilege for is left out, since nobody can be refused for it; two that are one
// privilege become one. The error is that of known, and names the table.
func Resolve(ctx context.Context, needs []Need, known Known) ([]Need, error) {
	var all []Need
	for _, n := range needs {
		p := dataverse.Privilege{Name: bypassPrivilege, Verb: n.Verb, Shallowest: dataverse.Global, Deepest: dataverse.Global}
		if n.Verb != Bypass {
			privileges, err := known(ctx, n.Table)
			if err != nil {
				return nil, err
			}
			i := slices.IndexFunc(privileges, func(p dataverse.Privilege) bool { return p.Verb == n.Verb })
			if i < 0 {
				continue
			}
			p = privileges[i]
		}
		n.Name, n.Depth = p.Name, min(max(n.Depth, p.Shallowest), p.Deepest)
		// Activities share their privileges, so another table may have named it.
		if i := slices.IndexFunc(all, func(o Need) bool { return o.Name == n.Name }); i >= 0 {
			n.Table, n.Verb = all[i].Table, all[i].Verb
		}
		all = merge(all, n)
	}
	return all, nil
}

// Held is what a user holds, and how deep, by the name of the privilege. Where one of the needs seems to be missing, Dataverse is
// asked again by name, since what comes by way of a team may have been left out.
func Held(ctx context.Context, client *dataverse.Client, user string, needs []Need) (map[string]dataverse.Depth, error) {
	held, err := client.UserPrivileges(ctx, user)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range needs {
		if held[n.Name] < n.Depth {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return held, nil
	}
	more, err := client.HasPrivileges(ctx, user, names)
	if err != nil {
		return nil, err
	}
	for name, d := range more {
		held[name] = max(held[name], d)
	}
	return held, nil
}
