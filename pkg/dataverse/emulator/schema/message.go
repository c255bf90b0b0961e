package schema

import "slices"

// The bulk messages.
const (
	CreateMultiple = "CreateMultiple"
	UpdateMultiple = "UpdateMultiple"
	UpsertMultiple = "UpsertMultiple"
	DeleteMultiple = "DeleteMultiple"
)

// Messages returns the messages that tables can support, as sdkmessagefilters lists them.
func Messages() []string {
	return []string{"Create", "Update", "Upsert", "Delete", "Retrieve", "RetrieveMultiple", CreateMultiple, UpdateMultiple, UpsertMultiple, DeleteMultiple}
}

// Supports reports whether the table takes a message. Virtual tables are only read, DeleteMultiple is for elastic tables, and UpsertMultiple is there
// where both CreateMultiple and UpdateMultiple are.
func (t *Table) Supports(message string) bool {
	switch {
	case slices.Contains(t.Refuses, message):
		return false
	case t.Kind == KindVirtual:
		return message == "Retrieve" || message == "RetrieveMultiple"
	case message == DeleteMultiple:
		return t.Kind == KindElastic
	case message == UpsertMultiple:
		return t.Supports(CreateMultiple) && t.Supports(UpdateMultiple)
	}
	return slices.Contains(Messages(), message)
}

// Bulk reports whether a message is bound to a set and takes many rows.
func Bulk(message string) bool {
	return message == CreateMultiple || message == UpdateMultiple || message == UpsertMultiple || message == DeleteMultiple
}

// sdkMessage and sdkMessageFilter are the tables in which clients look up which table supports which message.
func sdkMessage() Table {
	return Table{
		Name: "sdkmessage", Schema: "SdkMessage", Set: "sdkmessages", Label: "Sdk Message", PrimaryID: "sdkmessageid", PrimaryName: "name", TypeCode: 4606,
		Organization: true, Refuses: []string{"Create", "Update", "Upsert", "Delete", CreateMultiple, UpdateMultiple},
		Columns: append([]Column{primary("SdkMessageId", "Sdk Message"), text("Name", "Name", 256)}, kept()...),
	}
}

func sdkMessageFilter() Table {
	return Table{
		Name: "sdkmessagefilter", Schema: "SdkMessageFilter", Set: "sdkmessagefilters", Label: "Sdk Message Filter", PrimaryID: "sdkmessagefilterid",
		PrimaryName: "name", TypeCode: 4607, Organization: true, Refuses: []string{"Create", "Update", "Upsert", "Delete", CreateMultiple, UpdateMultiple},
		Columns: append([]Column{
			primary("SdkMessageFilterId", "Sdk Message Filter"), text("Name", "Name", 256),
			text("PrimaryObjectTypeCode", "Primary Object Type Code", 64),
			lookup("SdkMessageId", "Sdk Message", Target{Table: "sdkmessage", Navigation: "sdkmessageid"}),
		}, kept()...),
	}
}

// kept are the columns that Dataverse keeps for every row.
func kept() []Column {
	return []Column{
		readOnly(moment("CreatedOn", "Created On")), readOnly(moment("ModifiedOn", "Modified On")), readOnly(column(BigInt, "VersionNumber", "Version Number")),
	}
}
