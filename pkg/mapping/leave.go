package mapping

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// The columns that say whether a record is active, and for what reason.
const (
	stateColumn  = "statecode"
	statusColumn = "statuscode"
)

// Leave is what is asked for a record whose row left the model: operation and body. Key and address are the record's. Its
// operation is an Upsert, which is no removal, where nothing is done.
func (p *Plan) Leave() penstock.Change { return p.leave }

// LeaveBody is the body that the records of rows that left are sent: nil for a delete, and where nothing is done.
func (p *Plan) LeaveBody() []byte { return p.leave.Body }

// LeaveFingerprint identifies what is asked for a record whose row left, as [Plan.Fingerprint] does for a row. Another
// on_leave changes this one alone: refused removals are tried again, and no row is sent again.
func (p *Plan) LeaveFingerprint() uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s %s", p.fingerprint, p.leave.Operation, p.leave.Body) // a hash takes everything
	return h.Sum64()
}

// Restore completes the body of a row that is back, whose record was deactivated when the row left, and gives the operation
// that makes the record active again: not for every change of a row, since somebody may have deactivated the record on
// purpose. A sync that maps state or status decides that itself; one that does not make records leaves it alone.
func (p *Plan) Restore(body []byte) ([]byte, penstock.Operation) {
	if !p.restores {
		return body, p.operation
	}
	if p.active == "" {
		return body, penstock.Restore
	}
	body = body[:len(body)-1]
	if body[len(body)-1] != '{' {
		body = append(body, ',')
	}
	return append(append(body, p.active...), '}'), penstock.Restore
}

// leaving compiles what becomes of the records of rows that leave the model, and of those of rows that are back.
func (c *compiler) leaving() {
	c.restoring()
	to := c.Sync.To
	switch to.OnLeave.Action {
	case spec.Delete:
		c.plan.leave.Operation = penstock.Delete
	case spec.Deactivate:
		c.plan.leave.Operation = penstock.Deactivate
		c.deactivate(to.OnLeave)
	case spec.Clear:
		c.plan.leave.Operation = penstock.Clear
		c.clear(to.OnLeave.Clear)
	case spec.Nothing:
	}
}

// restoring compiles what makes a record active again.
func (c *compiler) restoring() {
	state, found := c.state()
	c.plan.restores = c.plan.operation == penstock.Upsert
	if !c.plan.restores || !found || c.maps(stateColumn) || c.maps(statusColumn) { // a status brings its state
		return
	}
	c.plan.active = setting(state.Name, 0)
	if status, found := c.firstStatus(0); found {
		c.plan.active += "," + setting(statusColumn, status)
	}
}

func setting(column string, v int32) string { return `"` + column + `":` + strconv.Itoa(int(v)) }

func (c *compiler) state() (*dataverse.Column, bool) {
	column, found := c.Table.Column(stateColumn)
	return column, found && column.Type == dataverse.State && column.Updatable
}

func (c *compiler) maps(column string) bool {
	return slices.ContainsFunc(c.Sync.Map, func(f spec.Field) bool { return f.Column == column })
}

// statuses are those of a state.
func (c *compiler) statuses(state int32) (values []int32) {
	if column, found := c.Table.Column(statusColumn); found {
		for _, o := range column.Options {
			if o.State == state {
				values = append(values, o.Value)
			}
		}
	}
	return values
}

func (c *compiler) firstStatus(state int32) (int32, bool) {
	all := c.statuses(state)
	if len(all) == 0 {
		return 0, false
	}
	return all[0], true
}

// deactivate compiles the body that sets state and status, and checks that they are a pair that an update may set.
func (c *compiler) deactivate(leave spec.OnLeave) {
	f := spec.Field{Column: "to.on_leave", At: c.Sync.At}
	column, found := c.state()
	if !found {
		c.report(f, "", "records of "+c.plan.table+" cannot be deactivated: the table has no state that can be changed", "choose delete, {clear: [column, …]} or nothing")
		return
	}
	state := int32(1)
	if leave.State != nil {
		state = *leave.State
	}
	if len(column.Options) > 0 && !slices.ContainsFunc(column.Options, func(o dataverse.Option) bool { return o.Value == state }) {
		c.report(f, "", fmt.Sprintf("%s has no state %d", c.plan.table, state), "its states are "+labelled(column.Options))
		return
	}
	if state == 0 {
		c.report(f, "", fmt.Sprintf("state 0 is the active one of %s", c.plan.table), "give the state of a record that is not in use")
		return
	}
	if action := dataverse.ClosingAction(c.plan.table, state); action != "" {
		mend := "choose {clear: [column, …]} or nothing"
		var others []dataverse.Option
		for _, o := range column.Options {
			if o.Value != 0 && dataverse.ClosingAction(c.plan.table, o.Value) == "" {
				others = append(others, o)
			}
		}
		if len(others) > 0 {
			mend = fmt.Sprintf("write on_leave: {deactivate: {state: %d}}: an update may set %s", others[0].Value, labelled(others))
		}
		c.report(f, "", fmt.Sprintf("no update brings a record of %s into state %d: Dataverse wants the action %s for it", c.plan.table, state, action), mend)
		return
	}
	body := "{" + setting(stateColumn, state)
	status, found := c.firstStatus(state)
	if leave.Status != nil {
		if known := c.statuses(state); len(known) > 0 && !slices.Contains(known, *leave.Status) {
			reasons, _ := c.Table.Column(statusColumn)
			c.report(f, "", fmt.Sprintf("status %d is none of state %d", *leave.Status, state), "the state's are "+labelled(optionsOf(reasons.Options, state)))
			return
		}
		status, found = *leave.Status, true
	}
	if found {
		body += "," + setting(statusColumn, status)
	}
	c.plan.leave.Body = []byte(body + "}")
}

func optionsOf(all []dataverse.Option, state int32) []dataverse.Option {
	return slices.DeleteFunc(slices.Clone(all), func(o dataverse.Option) bool { return o.State != state })
}

// labelled lists options as people know them: 1 (Inactive), 2 (Qualified).
func labelled(options []dataverse.Option) string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = strconv.Itoa(int(o.Value))
		if o.Label != "" {
			names[i] += " (" + o.Label + ")"
		}
	}
	return strings.Join(names, ", ")
}

// clear compiles the body that sets columns to null. They are the sync's own, since what others fill is not its to empty.
func (c *compiler) clear(columns []string) {
	var nulls []string
	for _, name := range columns {
		f := spec.Field{Column: "to.on_leave.clear", At: c.Sync.At}
		i := slices.IndexFunc(c.Sync.Map, func(f spec.Field) bool { return f.Column == name })
		if i < 0 {
			var mapped []string
			for _, f := range c.Sync.Map {
				mapped = append(mapped, f.Column)
			}
			mend := document.DidYouMean(name, mapped)
			if mend == "" {
				mend = "add it to map, or drop it here"
			}
			c.report(f, "", name+" is not in map: a sync clears what it fills itself", mend)
			continue
		}
		column, found := c.Table.Column(name)
		switch {
		case !found: // said of the map
		case slices.Contains(c.keys, name):
			c.report(f, "", name+" is part of the match key: without it the record would never be found again", "drop it here")
		case column.Required || column.Type == dataverse.State || column.Type == dataverse.Status || column.TypeName == "OwnerType":
			c.report(f, "", fmt.Sprintf("%s, %s, cannot be empty in Dataverse", name, describe(column)), "drop it here")
		case !column.Updatable:
			c.report(f, "", "Dataverse does not let anyone update "+name, "drop it here")
		case column.Type == dataverse.Lookup:
			nulls = append(nulls, unbinding(column, c.Sync.Map[i].To)...)
		default:
			nulls = append(nulls, `"`+name+`":null`)
		}
	}
	c.plan.leave.Body = []byte("{" + strings.Join(nulls, ",") + "}")
}

// unbinding empties a lookup: by the navigation property to the table that the map names, or to each where rows choose it.
func unbinding(column *dataverse.Column, table string) (nulls []string) {
	for _, t := range column.Targets {
		if t.Navigation != "" && (table == "" || t.Table == table) {
			if null := `"` + t.Navigation + `":null`; !slices.Contains(nulls, null) {
				nulls = append(nulls, null)
			}
		}
	}
	return nulls
}
