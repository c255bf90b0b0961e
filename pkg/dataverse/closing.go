package dataverse

import "slices"

// closings are the states that no plain update sets: Dataverse wants an action of its own for them, which makes records
// beside (an opportunity close, a case resolution). No states stands for all but the first. Reference, unconfirmed 32.
var closings = map[string]struct { //nolint:gochecknoglobals // constant table
	states []int32
	action string
}{
	"contract":    {nil, "InvoiceContract, CancelContract or the like"},
	"incident":    {[]int32{1}, "CloseIncident"},
	"invoice":     {nil, "its own action"},
	"lead":        {[]int32{1}, "QualifyLead"},
	"opportunity": {nil, "WinOpportunity or LoseOpportunity"},
	"quote":       {nil, "WinQuote or CloseQuote"},
	"salesorder":  {nil, "FulfillSalesOrder or CancelSalesOrder"},
}

// ClosingAction names the action that alone brings a record of a table into a state; it is empty where an update of
// statecode does.
func ClosingAction(table string, state int32) string {
	if c, found := closings[table]; found && (c.states == nil && state != 0 || slices.Contains(c.states, state)) {
		return c.action
	}
	return ""
}
