package privilege

import (
	"github.com/penstock-sync/penstock/pkg/dataverse"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// Message is the report as control calls carry it.
func (r Report) Message() *penstockv1.PrivilegesResponse {
	m := &penstockv1.PrivilegesResponse{Environment: r.Environment, Url: r.URL, Problems: r.Problems}
	for _, n := range r.Role {
		line := &penstockv1.NeededPrivilege{Table: n.Table, Verb: string(n.Verb), Privilege: n.Name, Depth: n.Depth.String()}
		for _, why := range n.Reasons {
			line.Reasons = append(line.Reasons, &penstockv1.PrivilegeReason{Sync: why.Sync, Why: why.Why})
		}
		m.Role = append(m.Role, line)
	}
	for _, u := range r.Users {
		user := &penstockv1.UserPrivileges{ClientId: u.ClientID, User: u.ID, Missing: messages(u.Missing), Beyond: messages(u.Beyond)}
		if len(u.Missing) > 0 {
			var names []string
			for _, g := range u.Missing {
				names = append(names, g.Name+" ("+g.Needed.Level()+")")
			}
			user.Do = dataverse.GrantPrivileges("application user "+u.ID, names...)
		}
		m.Users = append(m.Users, user)
	}
	return m
}

func messages(gaps []Gap) (all []*penstockv1.PrivilegeGap) {
	for _, g := range gaps {
		all = append(all, &penstockv1.PrivilegeGap{Table: g.Table, Verb: string(g.Verb), Privilege: g.Name, Needed: g.Needed.String(), Held: g.Held.String()})
	}
	return all
}
