package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/privilege"
	"github.com/penstock-sync/penstock/pkg/spec"
)

type readPrivileges struct {
	all []dataverse.Privilege
	err error
}

// knownPrivileges reads the privileges of a table, once for all syncs.
func (t *test) knownPrivileges(ctx context.Context, table string) ([]dataverse.Privilege, error) {
	r, known := t.privileges[table]
	if !known {
		r.all, r.err = t.users[0].client.Privileges(ctx, table)
		t.privileges[table] = r
	}
	return r.all, r.err
}

// access compares what a sync needs with what an application user holds.
func (t *test) access(ctx context.Context, s spec.Sync, table *dataverse.Table, u user) {
	about := s.Name
	if len(t.Environment.Users) > 1 {
		about += " as " + u.id
	}
	var needs []privilege.Need
	var held map[string]dataverse.Depth
	t.step(ctx, "privileges", about, func() Step {
		var err error
		if needs, err = privilege.Resolve(ctx, privilege.Needs(s, table), t.knownPrivileges); err != nil {
			return warnedOf(err, "the privileges of its tables cannot be read")
		}
		if held, err = privilege.Held(ctx, u.client, u.who.User, needs); err != nil {
			return warnedOf(err, "the privileges of the application user cannot be read")
		}
		return missing(u, needs, held)
	})
	var shallow, effects []string
	for _, n := range needs {
		if d := held[n.Name]; d > dataverse.NoDepth && d < n.Depth {
			shallow = append(shallow, fmt.Sprintf("%s (%s) is held for %s only", n.Name, n, reach(d)))
			for _, r := range n.Reasons {
				if r.Short != "" && !slices.Contains(effects, r.Short) {
					effects = append(effects, r.Short)
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

// missing names the needs that a user does not hold at all.
func missing(u user, needs []privilege.Need, held map[string]dataverse.Depth) Step {
	var names, words []string
	for _, n := range needs {
		if held[n.Name] == dataverse.NoDepth {
			names, words = append(names, n.Name), append(words, fmt.Sprintf("%s (%s)", n.Name, n))
		}
	}
	if len(names) == 0 {
		return passed(fmt.Sprintf("all %d that it needs", len(needs)))
	}
	verb := " is missing"
	if len(words) > 1 {
		verb = " are missing"
	}
	s := failed(strings.Join(words, ", ")+verb, dataverse.GrantPrivileges("application user "+u.who.User, names...))
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
