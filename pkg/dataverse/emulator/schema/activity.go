package schema

import "slices"

// activity returns the columns that activities have in common. What an activity is about is bound by a navigation property that ends in the
// activity's name, and privileges are those of all activities: prvCreateActivity.
func activity(name, collection string, states []Column) []Column {
	regarding := column(Lookup, "RegardingObjectId", "Regarding")
	for _, t := range []string{"Account", "Contact", "Lead", "Opportunity"} {
		to := Target{Navigation: "regardingobjectid_" + column(String, t, "").Name + "_" + name, Collection: t + "_" + collection, Relationship: t + "_" + collection}
		to.Table = column(String, t, "").Name
		regarding.Targets = append(regarding.Targets, to)
	}
	return slices.Concat([]Column{
		primary("ActivityId", "Activity"), required(text("Subject", "Subject", 200), "ApplicationRequired"), memo("Description", "Description", 2000),
		moment("ScheduledStart", "Start Date"), moment("ScheduledEnd", "Due Date"), moment("ActualStart", "Actual Start"), moment("ActualEnd", "Actual End"),
		integer("ActualDurationMinutes", "Duration", 0, 2147483647), text("Category", "Category", 250), text("Subcategory", "Sub-Category", 250),
		options("PriorityCode", "Priority", Option{Value: 0, Label: "Low"}, Option{Value: 1, Label: "Normal"}, Option{Value: 2, Label: "High"}),
		regarding,
	}, states)
}

func task() Table {
	columns := activity("task", "Tasks", Common([]string{"Open", "Completed", "Canceled"},
		Option{Value: 2, Label: "Not Started"}, Option{Value: 3, Label: "In Progress"}, Option{Value: 4, Label: "Waiting on someone else"},
		Option{Value: 7, Label: "Deferred"}, Option{Value: 5, Label: "Completed", State: 1}, Option{Value: 6, Label: "Canceled", State: 2}))
	return Table{
		Name: "task", Schema: "Task", Privilege: "Activity", Set: "tasks", Label: "Task", PrimaryID: "activityid", PrimaryName: "subject", TypeCode: 4212,
		Activity: true, Columns: append(columns, integer("PercentComplete", "Percent Complete", 0, 100)),
	}
}

func phoneCall() Table {
	columns := activity("phonecall", "Phonecalls", Common([]string{"Open", "Completed", "Canceled"},
		Option{Value: 1, Label: "Open"}, Option{Value: 2, Label: "Made", State: 1}, Option{Value: 4, Label: "Received", State: 1},
		Option{Value: 3, Label: "Canceled", State: 2}))
	return Table{
		Name: "phonecall", Schema: "PhoneCall", Privilege: "Activity", Set: "phonecalls", Label: "Phone Call", PrimaryID: "activityid", PrimaryName: "subject",
		TypeCode: 4210, Activity: true, Columns: append(columns, text("PhoneNumber", "Phone Number", 200),
			boolean("DirectionCode", "Direction", "Incoming", "Outgoing"), boolean("LeftVoiceMail", "Left Voice Mail", "No", "Yes")),
	}
}
