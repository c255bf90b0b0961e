package schema

// asyncOperation is the table of background jobs, which clients read to see what has become of theirs.
func asyncOperation() Table {
	state := required(column(State, "StateCode", "Status"), "SystemRequired")
	state.Options = []Option{{Value: 0, Label: "Ready"}, {Value: 1, Label: "Suspended"}, {Value: 2, Label: "Locked"}, {Value: 3, Label: "Completed"}}
	status := column(Status, "StatusCode", "Status Reason")
	status.Options = []Option{
		{Value: 0, Label: "Waiting For Resources"},
		{Value: 10, Label: "Waiting", State: 1},
		{Value: 20, Label: "In Progress", State: 2},
		{Value: 21, Label: "Pausing", State: 2},
		{Value: 22, Label: "Canceling", State: 2},
		{Value: 30, Label: "Succeeded", State: 3},
		{Value: 31, Label: "Failed", State: 3},
		{Value: 32, Label: "Canceled", State: 3},
	}
	owner := required(column(Owner, "OwnerId", "Owner"), "SystemRequired")
	owner.Targets = []Target{{Table: "systemuser", Navigation: "ownerid"}, {Table: "team", Navigation: "ownerid"}}
	return Table{
		Name: "asyncoperation", Schema: "AsyncOperation", Set: "asyncoperations", Label: "System Job", PrimaryID: "asyncoperationid", PrimaryName: "name",
		TypeCode: 4700, Refuses: []string{"Create", "Update", "Upsert", "Delete", CreateMultiple, UpdateMultiple},
		Columns: append([]Column{
			primary("AsyncOperationId", "System Job"), text("Name", "System Job Name", 256), options("OperationType", "System Job Type", Option{Value: 13, Label: "Bulk Delete"}),
			state, status, owner, memo("Message", "Message", 1073741823), memo("FriendlyMessage", "Friendly Message", 5000), column(Integer, "ErrorCode", "Error Code"),
			moment("StartedOn", "Started On"), moment("CompletedOn", "Completed On"),
		}, kept()...),
	}
}
