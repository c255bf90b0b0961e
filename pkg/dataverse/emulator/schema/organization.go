package schema

// The tables of this file hold who works in an environment. Their rows come from the emulator's configuration.

// stamped adds what Dataverse keeps for each row of a table without owner.
func stamped(columns ...Column) []Column {
	return append(columns, readOnly(moment("CreatedOn", "Created On")), readOnly(moment("ModifiedOn", "Modified On")),
		readOnly(column(BigInt, "VersionNumber", "Version Number")))
}

func unit() Column {
	return lookup("BusinessUnitId", "Business Unit", Target{Table: "businessunit", Navigation: "businessunitid"})
}

func systemUser() Table {
	return Table{
		Name: "systemuser", Schema: "SystemUser", Privilege: "User", Set: "systemusers", Label: "User", PrimaryID: "systemuserid", PrimaryName: "fullname",
		TypeCode: 8, Organization: true,
		Columns: stamped(
			primary("SystemUserId", "User"), text("FullName", "Full Name", 200), text("FirstName", "First Name", 256), text("LastName", "Last Name", 256),
			text("DomainName", "User Name", 1024), text("InternalEMailAddress", "Primary Email", 100), text("Title", "Title", 128),
			column(ID, "ApplicationId", "Application ID"), column(ID, "AzureActiveDirectoryObjectId", "Azure AD Object ID"),
			boolean("IsDisabled", "Status", "Enabled", "Disabled"),
			options("AccessMode", "Access Mode", Option{Value: 0, Label: "Read-Write"}, Option{Value: 1, Label: "Administrative"}, Option{Value: 2, Label: "Read"},
				Option{Value: 3, Label: "Support User"}, Option{Value: 4, Label: "Non-interactive"}, Option{Value: 5, Label: "Delegated Admin"}),
			unit(),
		),
	}
}

func team() Table {
	return Table{
		Name: "team", Schema: "Team", Set: "teams", Label: "Team", PrimaryID: "teamid", PrimaryName: "name", TypeCode: 9, Organization: true,
		Columns: stamped(
			primary("TeamId", "Team"), text("Name", "Team Name", 160), memo("Description", "Description", 2000),
			readOnly(boolean("IsDefault", "Is Default", "No", "Yes")),
			options("TeamType", "Team Type", Option{Value: 0, Label: "Owner"}, Option{Value: 1, Label: "Access"}, Option{Value: 2, Label: "Security Group"},
				Option{Value: 3, Label: "Office Group"}),
			unit(),
		),
	}
}

func businessUnit() Table {
	return Table{
		Name: "businessunit", Schema: "BusinessUnit", Set: "businessunits", Label: "Business Unit", PrimaryID: "businessunitid", PrimaryName: "name",
		TypeCode: 10, Organization: true,
		Columns: stamped(
			primary("BusinessUnitId", "Business Unit"), required(text("Name", "Name", 160), "SystemRequired"), text("DivisionName", "Division", 100),
			text("EMailAddress", "Email", 100), memo("Description", "Description", 2000), readOnly(boolean("IsDisabled", "Is Disabled", "No", "Yes")),
			lookup("ParentBusinessUnitId", "Parent Business", Target{Table: "businessunit", Navigation: "parentbusinessunitid"}),
		),
	}
}

func role() Table {
	return Table{
		Name: "role", Schema: "Role", Set: "roles", Label: "Security Role", PrimaryID: "roleid", PrimaryName: "name", TypeCode: 1036, Organization: true,
		Columns: stamped(primary("RoleId", "Security Role"), text("Name", "Name", 100), unit()),
	}
}
