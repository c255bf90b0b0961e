package metadata

import "strings"

// An operation is a function or action, as $metadata declares it. Types are written as in CSDL.
type operation struct {
	action     bool
	name       string
	bound      string   // type of the binding parameter "entity" or "entityset"; empty for an import of the container
	parameters []string // name and type in turn
	result     string   // complex type; empty for none
}

// declared are the functions and actions that the emulator answers.
//
//nolint:gochecknoglobals // constant table
var declared = []operation{
	{name: "WhoAmI", result: "WhoAmIResponse"},
	{name: "RetrieveCurrentOrganization", parameters: []string{"AccessType", "mscrm.EndpointAccessType"}, result: "RetrieveCurrentOrganizationResponse"},
	{name: "RetrieveTotalRecordCount", parameters: []string{"EntityNames", "Collection(Edm.String)"}, result: "RetrieveTotalRecordCountResponse"},
	{name: "RetrieveUserPrivileges", bound: "mscrm.systemuser", result: "RetrieveUserPrivilegesResponse"},
	{name: "RetrieveUserSetOfPrivilegesByNames", bound: "mscrm.systemuser", parameters: []string{"PrivilegeNames", "Collection(Edm.String)"}, result: "RetrieveUserSetOfPrivilegesByNamesResponse"},
	{name: "RetrieveUserSetOfPrivilegesByIds", bound: "mscrm.systemuser", parameters: []string{"PrivilegeIds", "Collection(Edm.Guid)"}, result: "RetrieveUserSetOfPrivilegesByIdsResponse"},
	{name: "RetrieveTeamPrivileges", bound: "mscrm.team", result: "RetrieveTeamPrivilegesResponse"},
	{name: "RetrievePrincipalAccess", bound: "mscrm.principal", parameters: []string{"Target", "mscrm.crmbaseentity"}, result: "RetrievePrincipalAccessResponse"},
	{action: true, name: "PublishXml", parameters: []string{"ParameterXml", "Edm.String"}},
	{action: true, name: "PublishAllXml"},
	{action: true, name: "ReactivateEntityKey", parameters: []string{"EntityLogicalName", "Edm.String", "EntityKeyLogicalName", "Edm.String"}},
}

// complexTypes are what the operations return, with name and type of the properties in turn.
//
//nolint:gochecknoglobals // constant table
var complexTypes = []struct {
	name       string
	properties []string
}{
	{"WhoAmIResponse", []string{"BusinessUnitId", "Edm.Guid", "UserId", "Edm.Guid", "OrganizationId", "Edm.Guid"}},
	{"RetrieveCurrentOrganizationResponse", []string{"Detail", "mscrm.OrganizationDetail"}},
	{"OrganizationDetail", []string{
		"OrganizationId", "Edm.Guid", "FriendlyName", "Edm.String", "OrganizationVersion", "Edm.String", "EnvironmentId", "Edm.String",
		"DatacenterId", "Edm.String", "Geo", "Edm.String", "TenantId", "Edm.String", "UrlName", "Edm.String", "UniqueName", "Edm.String",
		"State", "mscrm.OrganizationState", "OrganizationType", "Edm.String", "SchemaType", "Edm.String", "Endpoints", "mscrm.EndpointCollection",
	}},
	{"EndpointCollection", []string{
		"Count", "Edm.Int32", "IsReadOnly", "Edm.Boolean", "Keys", "Collection(mscrm.EndpointType)", "Values", "Collection(Edm.String)",
	}},
	{"RetrieveTotalRecordCountResponse", []string{"EntityRecordCountCollection", "mscrm.EntityRecordCountCollection"}},
	{"EntityRecordCountCollection", []string{
		"Count", "Edm.Int32", "IsReadOnly", "Edm.Boolean", "Keys", "Collection(Edm.String)", "Values", "Collection(Edm.Int64)",
	}},
	{"RetrieveUserPrivilegesResponse", []string{"RolePrivileges", "Collection(mscrm.RolePrivilege)"}},
	{"RetrieveUserSetOfPrivilegesByNamesResponse", []string{"RolePrivileges", "Collection(mscrm.RolePrivilege)"}},
	{"RetrieveUserSetOfPrivilegesByIdsResponse", []string{"RolePrivileges", "Collection(mscrm.RolePrivilege)"}},
	{"RetrieveTeamPrivilegesResponse", []string{"RolePrivileges", "Collection(mscrm.RolePrivilege)"}},
	{"RetrievePrincipalAccessResponse", []string{"AccessRights", "mscrm.AccessRights"}},
	{"RolePrivilege", []string{
		"Depth", "mscrm.PrivilegeDepth", "PrivilegeId", "Edm.Guid", "BusinessUnitId", "Edm.Guid", "PrivilegeName", "Edm.String",
		"RecordFilterId", "Edm.Guid", "RecordFilterUniqueName", "Edm.String",
	}},
}

// enumTypes are the enumerations in them.
//
//nolint:gochecknoglobals // constant table
var enumTypes = []struct {
	name, members string
	flags         bool
}{
	{"AccessRights", "None=0 ReadAccess=1 WriteAccess=2 AppendAccess=4 AppendToAccess=16 CreateAccess=32 DeleteAccess=65536 ShareAccess=262144 AssignAccess=524288", true},
	{"EndpointAccessType", "Default=0 Internet=1 Intranet=2", false},
	{"EndpointType", "OrganizationService=0 OrganizationDataService=1 WebApplication=2", false},
	{"OrganizationState", "Enabled=0 Disabled=1 Maintenance=2", false},
	{"PrivilegeDepth", "Basic=0 Local=1 Deep=2 Global=3 RecordFilter=4", false},
}

// operations returns the types, the operations, and their imports into the container.
func operations() (types, declarations, imports []element) {
	for _, e := range enumTypes {
		enum := tag("EnumType", "Name", e.name)
		if e.flags {
			enum.attributes = append(enum.attributes, "IsFlags", "true")
		}
		for member := range strings.FieldsSeq(e.members) {
			name, value, _ := strings.Cut(member, "=")
			enum = enum.with(tag("Member", "Name", name, "Value", value))
		}
		types = append(types, enum)
	}
	for _, c := range complexTypes {
		complex := tag("ComplexType", "Name", c.name)
		for i := 0; i+1 < len(c.properties); i += 2 {
			complex = complex.with(tag("Property", "Name", c.properties[i], "Type", c.properties[i+1]))
		}
		types = append(types, complex)
	}
	for _, o := range declared {
		kind := "Function"
		if o.action {
			kind = "Action"
		}
		d := tag(kind, "Name", o.name)
		switch {
		case o.bound == "":
			imports = append(imports, tag(kind+"Import", "Name", o.name, kind, "Microsoft.Dynamics.CRM."+o.name))
		case strings.HasPrefix(o.bound, "Collection("):
			d.attributes = append(d.attributes, "IsBound", "true")
			d = d.with(tag("Parameter", "Name", "entityset", "Type", o.bound, "Nullable", "false"))
		default:
			d.attributes = append(d.attributes, "IsBound", "true")
			d = d.with(tag("Parameter", "Name", "entity", "Type", o.bound, "Nullable", "false"))
		}
		for i := 0; i+1 < len(o.parameters); i += 2 {
			d = d.with(tag("Parameter", "Name", o.parameters[i], "Type", o.parameters[i+1], "Nullable", "false"))
		}
		if o.result != "" {
			d = d.with(tag("ReturnType", "Type", "mscrm."+o.result, "Nullable", "false"))
		}
		declarations = append(declarations, d)
	}
	return types, declarations, imports
}
