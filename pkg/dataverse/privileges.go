package dataverse

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Verb is what a privilege lets its holder do with the records of a table. Its value is the PrivilegeType of metadata.
type Verb string

// The verbs. Append is needed on the table that holds a lookup, AppendTo on the table that the lookup names; Assign to
// change the owner of a record that exists.
const (
	CreateRecords Verb = "Create"
	ReadRecords   Verb = "Read"
	WriteRecords  Verb = "Write"
	DeleteRecords Verb = "Delete"
	AppendRecords Verb = "Append"
	AppendTo      Verb = "AppendTo"
	AssignRecords Verb = "Assign"
	ShareRecords  Verb = "Share"
)

// A Depth says for which records a privilege is held.
type Depth uint8

// The depths, each of which includes those before it. NoDepth: the privilege is not held.
const (
	NoDepth Depth = iota
	Basic         // records that the user owns
	Local         // those of its business unit
	Deep          // and of the units below that
	Global        // all of the organisation
)

// String is the depth as Dataverse spells it.
func (d Depth) String() string {
	names := [...]string{"None", "Basic", "Local", "Deep", "Global"}
	if int(d) < len(names) {
		return names[d]
	}
	return "invalid"
}

// Level is the depth as the editor of security roles calls it.
func (d Depth) Level() string {
	names := [...]string{"None", "User", "Business Unit", "Parent: Child Business Units", "Organization"}
	if int(d) < len(names) {
		return names[d]
	}
	return "invalid"
}

// ParseDepth reads a depth as Dataverse spells it. What it does not know is NoDepth.
func ParseDepth(s string) Depth {
	for d := Basic; d <= Global; d++ {
		if d.String() == s {
			return d
		}
	}
	return NoDepth
}

// A Privilege is what a table asks of those who do something with its records. Its name is never composed from the
// table's: activities share prvReadActivity, and users' privileges are called prvReadUser.
type Privilege struct {
	Name string // prvWriteContact
	Verb Verb

	// What a role can grant it with: from Basic to Global where records have owners, with few exceptions; else Global alone.
	Shallowest, Deepest Depth
}

// Privileges reads from metadata which privileges a table knows. One that does not exist is a SystemFault that names it.
func (c *Client) Privileges(ctx context.Context, table string) ([]Privilege, error) {
	op := "dataverse: privileges of table " + table
	if !logicalName(table) {
		return nil, &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf("%q cannot be a table", table)}
	}
	var answer tablePrivilegesJSON
	if fault := c.get(ctx, op, definition(table), "$select=Privileges", &answer); fault != nil {
		return nil, tableFault(fault, table)
	}
	return answer.all(), nil
}

// AllPrivileges reads the privileges of all tables that [Client.Tables] lists, by logical name, in one large request.
func (c *Client) AllPrivileges(ctx context.Context) (map[string][]Privilege, error) {
	var answer struct{ Value []tablePrivilegesJSON }
	query := "$select=LogicalName,Privileges&" + publicTables
	if fault := c.get(ctx, "dataverse: privileges of all tables of "+c.root.Host, "EntityDefinitions", query, &answer); fault != nil {
		return nil, fault
	}
	all := map[string][]Privilege{}
	for _, t := range answer.Value {
		all[t.LogicalName] = t.all()
	}
	return all, nil
}

// tablePrivilegesJSON is what metadata says of a table's privileges.
type tablePrivilegesJSON struct {
	LogicalName string
	Privileges  []struct {
		Name, PrivilegeType                            string
		CanBeBasic, CanBeLocal, CanBeDeep, CanBeGlobal bool
	}
}

func (j tablePrivilegesJSON) all() []Privilege {
	var all []Privilege
	for _, p := range j.Privileges {
		known := Privilege{Name: p.Name, Verb: Verb(p.PrivilegeType)}
		for d, can := range []bool{false, p.CanBeBasic, p.CanBeLocal, p.CanBeDeep, p.CanBeGlobal} {
			if can && known.Shallowest == NoDepth {
				known.Shallowest = Depth(d)
			}
			if can {
				known.Deepest = Depth(d)
			}
		}
		all = append(all, known)
	}
	return all
}

// rolePrivilegesJSON is what the functions about a user's privileges answer.
type rolePrivilegesJSON struct {
	RolePrivileges []struct{ PrivilegeName, Depth string }
}

// held keeps the greatest depth of each privilege: several roles may grant one.
func (j rolePrivilegesJSON) held() map[string]Depth {
	held := map[string]Depth{}
	for _, p := range j.RolePrivileges {
		held[p.PrivilegeName] = max(held[p.PrivilegeName], ParseDepth(p.Depth))
	}
	return held
}

// UserPrivileges reads which privileges a user (a systemuserid, as WhoAmI gives it) holds, and how deep. What it says of
// privileges that come by way of a team is UNCONFIRMED: see [Client.HasPrivileges].
func (c *Client) UserPrivileges(ctx context.Context, user string) (map[string]Depth, error) {
	op := "dataverse: privileges of user " + user
	if !plainGUID.MatchString(user) {
		return nil, &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: errors.New("it is no systemuserid")}
	}
	var answer rolePrivilegesJSON
	if fault := c.get(ctx, op, "systemusers("+user+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges", "", &answer); fault != nil {
		return nil, fault
	}
	return answer.held(), nil
}

// HasPrivileges asks about privileges by name. It counts those that come by way of a team for certain, which older builds
// leave out of [Client.UserPrivileges]; so it is the second opinion on what seems to be missing. Builds without the
// function know nothing: the map is empty then, without an error.
func (c *Client) HasPrivileges(ctx context.Context, user string, names []string) (map[string]Depth, error) {
	op := "dataverse: privileges of user " + user
	if !plainGUID.MatchString(user) {
		return nil, &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: errors.New("it is no systemuserid")}
	}
	quoted := make([]string, len(names))
	for i, name := range slices.Sorted(slices.Values(names)) {
		quoted[i] = `"` + name + `"`
	}
	query := "@p=" + url.QueryEscape("["+strings.Join(quoted, ",")+"]")
	var answer rolePrivilegesJSON
	fault := c.get(ctx, op, "systemusers("+user+")/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)", query, &answer)
	if fault == nil {
		return answer.held(), nil
	}
	if n, _ := parseCode(fault.Code); n == 0x80040219 || absent(fault) { // NotImplemented
		return map[string]Depth{}, nil
	}
	return nil, fault
}

// publicTables leaves out those that are internal or only join others.
const publicTables = "$filter=IsPrivate%20eq%20false%20and%20IsIntersect%20eq%20false"

// Tables lists the logical names of the environment's tables, without those that are internal or only join others.
func (c *Client) Tables(ctx context.Context) ([]string, error) {
	var answer struct {
		Value []struct{ LogicalName string }
	}
	query := "$select=LogicalName&" + publicTables
	if fault := c.get(ctx, "dataverse: tables of "+c.root.Host, "EntityDefinitions", query, &answer); fault != nil {
		return nil, fault
	}
	var names []string
	for _, t := range answer.Value {
		names = append(names, t.LogicalName)
	}
	slices.Sort(names)
	return names, nil
}
