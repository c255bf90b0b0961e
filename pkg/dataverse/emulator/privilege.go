package emulator

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// This file answers the functions of users and teams that say what they may do (section 6.5).

// privilegeID is the id of a privilege, the same in every environment.
func privilegeID(name string) uuid.UUID { return derived("privilege", name) }

// privileges lists the names of all privileges that there are.
func (d *definitions) privileges() []string {
	all := append(customizing(), bulkDeletePrivilege, actForAnother, bypassPlugins, bypassBusinessLogic, overrideCreatedOn)
	for _, t := range d.tables {
		all = append(all, t.Privileges.Names(t.Organization)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// held is how many of them someone has.
func (s *Server) held(r *security.Rights) int {
	n := 0
	for _, name := range s.catalog {
		if r.Has(name) {
			n++
		}
	}
	return n
}

// depthOf is how far someone has a privilege; those of organisation-owned tables, and of none, have no other depth than Global.
func (s *Server) depthOf(r *security.Rights, privilege string) security.Depth {
	d := r.Depth(privilege)
	if d == security.None {
		return d
	}
	for _, t := range s.tables {
		if !t.Organization && slices.Contains(t.Privileges.Names(false), privilege) {
			return d
		}
	}
	return security.Global
}

// isPrincipalFunction reports whether name, what follows a row of the table, is a function of users and teams.
func isPrincipalFunction(t *store.Table, name string) bool {
	function, _, _ := strings.Cut(strings.TrimPrefix(name, "Microsoft.Dynamics.CRM."), "(")
	switch function {
	case "RetrievePrincipalAccess":
		return t.Name == "systemuser" || t.Name == "team"
	case "RetrieveUserPrivileges", "RetrieveUserSetOfPrivilegesByNames", "RetrieveUserSetOfPrivilegesByIds":
		return t.Name == "systemuser"
	case "RetrieveTeamPrivileges":
		return t.Name == "team"
	}
	return false
}

// principalFunction answers such a function.
func (c *call) principalFunction(a *address, name, query string) *reply {
	function, arguments, _ := strings.Cut(strings.TrimPrefix(name, "Microsoft.Dynamics.CRM."), "(")
	id, f := c.principalOf(a)
	if f != nil {
		return failed(f)
	}
	rights := c.server.security.Rights(id, false)
	if rights == nil { // a row that was created through the API, or the default team of a business unit: without roles
		rights = &security.Rights{}
	}
	argument := argumentOf(arguments, query)
	if function == "RetrievePrincipalAccess" {
		return c.principalAccess(rights, argument)
	}
	wanted := func(string) bool { return true }
	switch function {
	case "RetrieveUserPrivileges":
		if c.server.config.Assumptions.PrivilegesWithoutTeams && c.server.identities.byID(id) != nil {
			rights = c.server.security.Direct(id)
		}
	case "RetrieveUserSetOfPrivilegesByNames":
		names := listOf(argument)
		wanted = func(name string) bool { return slices.Contains(names, name) }
	case "RetrieveUserSetOfPrivilegesByIds":
		ids := listOf(strings.ToLower(argument))
		wanted = func(name string) bool { return slices.Contains(ids, privilegeID(name).String()) }
	}
	return c.rolePrivileges(function, rights, wanted)
}

// principalOf finds the user or team, whose privileges everybody may see who may read it; those of oneself need nothing.
func (c *call) principalOf(a *address) (uuid.UUID, *refusal.Error) {
	t := a.table
	t.RLock()
	r := a.row()
	t.RUnlock()
	own := r != nil && r.ID == c.actor.id && !c.server.config.Assumptions.OwnPrivilegesNeedRead
	if !own {
		if f := c.denied(t, t.Privileges.Read); f != nil {
			return uuid.Nil, f
		}
	}
	if r == nil {
		return uuid.Nil, a.missing()
	}
	return r.ID, nil
}

// rolePrivileges is the answer of the functions that list privileges.
func (c *call) rolePrivileges(function string, rights *security.Rights, wanted func(string) bool) *reply {
	all := []map[string]any{}
	for _, name := range c.server.catalog {
		depth := c.server.depthOf(rights, name)
		if depth == security.None || !wanted(name) {
			continue
		}
		all = append(all, map[string]any{
			"Depth": depth, "PrivilegeId": privilegeID(name), "BusinessUnitId": rights.Unit, "PrivilegeName": name, "RecordFilterId": uuid.Nil, "RecordFilterUniqueName": "",
		})
	}
	return jsonReply(map[string]any{
		"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM." + function + "Response", "RolePrivileges": all,
	})
}

// principalAccess is what a user or team may do with the row that the target names: {'@odata.id':'contacts(guid)'}.
func (c *call) principalAccess(rights *security.Rights, target string) *reply {
	var reference struct {
		ID string `json:"@odata.id"`
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(target, "'", `"`)), &reference); err != nil || reference.ID == "" {
		return failed(refusal.BadURI.Says("The parameter Target is '%.200s'; it has the form {'@odata.id':'contacts(<guid>)'}.", target))
	}
	t, id, f := c.locate([]byte(reference.ID))
	if f != nil {
		return failed(f)
	}
	owner, _ := t.OwnerOf(id)
	return jsonReply(map[string]any{
		"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.RetrievePrincipalAccessResponse", "AccessRights": rightsOn(t, rights, owner),
	})
}

// argumentOf returns the only argument of a function call, name=value) or name=@p) with the value in the query.
func argumentOf(arguments, query string) string {
	_, value, _ := strings.Cut(strings.TrimSuffix(arguments, ")"), "=")
	if strings.HasPrefix(value, "@") {
		return parameters(query).Get(value)
	}
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}

// listOf reads ["a","b"], ['a','b'] or [a,b].
func listOf(text string) []string {
	var all []string
	for item := range strings.SplitSeq(strings.Trim(strings.TrimSpace(text), "[]"), ",") {
		all = append(all, strings.Trim(strings.TrimSpace(item), `"'`))
	}
	return all
}
