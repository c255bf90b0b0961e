package mapping

import (
	"fmt"
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// closed says why an update does not bring a record into a state; empty where it does.
func closed(table string, state int32) string {
	action := dataverse.ClosingAction(table, state)
	if action == "" {
		return ""
	}
	return fmt.Sprintf("state %d of table %s is reached by the action %s alone, which an update does not stand for", state, table, action)
}

// states are state and status of a record, which are checked and written together.
type states struct {
	state, status *field      // nil where the sync does not map it
	name          string      // of a state that is not mapped and follows from the status: "statecode":
	of            []belonging // by status
}

// A belonging says to which state a status reason belongs.
type belonging struct{ status, state int32 }

func (s *states) stateOf(status int32) (int32, bool) {
	i, found := slices.BinarySearchFunc(s.of, status, func(b belonging, status int32) int { return int(int64(b.status) - int64(status)) })
	if !found {
		return 0, false
	}
	return s.of[i].state, true
}

// keep holds a field of statecode or statuscode back until [compiler.pairStates].
func (c *compiler) keep(column *dataverse.Column, out field) {
	if column.Type == dataverse.State {
		c.states.state = &out
	} else {
		c.states.status = &out
	}
}

// pairStates makes one field of state and status. What is constant is checked here and now.
func (c *compiler) pairStates() {
	p := &c.states
	var stateName string
	for i := range c.Table.Columns {
		switch column := &c.Table.Columns[i]; column.Type { //nolint:exhaustive // two of all types
		case dataverse.Status:
			for _, o := range column.Options {
				p.of = append(p.of, belonging{o.Value, o.State})
			}
			slices.SortFunc(p.of, func(a, b belonging) int { return int(int64(a.status) - int64(b.status)) })
		case dataverse.State:
			stateName = column.Name
			if p.state == nil && (column.Creatable || column.Updatable) {
				p.name = `"` + column.Name + `":`
			}
		}
	}
	c.constantStates(stateName)
	if p.state == nil && p.status == nil {
		return
	}
	out := field{form: formState, null: -1, cut: -1, states: p}
	for _, f := range []*field{p.state, p.status} {
		if f != nil {
			out.column, out.source = f.column, f.source
		}
	}
	c.plan.fields = append(c.plan.fields, out)
}

// constantStates reports constants of the map that are of no use: a pair of different states, and what only an action sets.
func (c *compiler) constantStates(stateName string) {
	var at spec.Field
	constant := func(kept *field) *int32 {
		if kept == nil || kept.form != formConst {
			return nil
		}
		at = c.Sync.Map[slices.IndexFunc(c.Sync.Map, func(f spec.Field) bool { return f.Column == kept.column })]
		return &kept.choices.options[0]
	}
	state, status := constant(c.states.state), constant(c.states.status)
	if status != nil {
		of, found := c.states.stateOf(*status)
		if found && state != nil && of != *state {
			c.report(at, "", fmt.Sprintf("status %d belongs to state %d, and %s is %d", *status, of, stateName, *state),
				"give two that belong together, or the status alone: its state follows")
			return
		}
		if found {
			state = &of
		}
	}
	if state == nil {
		return
	}
	if why := closed(c.plan.table, *state); why != "" {
		c.report(at, "", why, "drop it from map, and let a flow or a person in Dynamics do it")
	}
}

// optional gives the option that a row has for a state or a status. A record always has both, so NULL clears neither.
func (r *Row) optional(f *field) (v int32, given bool, cause *penstock.Cause) {
	switch {
	case f == nil:
		return 0, false, nil
	case f.form == formConst:
		return f.choices.options[0], true, nil
	case r.null(f.null) && f.skipNull:
		return 0, false, nil
	case r.null(f.null):
		return 0, false, uncleared(f)
	case f.empty != asItIs && r.strings[f.slot] == "":
		switch {
		case f.empty == refused:
			return 0, false, refuse(f.column, "empty_refused", "%s is empty, and the sync says empty: error", f.source)
		case f.empty == asNull && !f.skipNull:
			return 0, false, uncleared(f)
		}
		return 0, false, nil
	}
	v, cause = r.option(f)
	return v, cause == nil, cause
}

// follow puts a comma before what is written.
func (s *states) follow() {
	if s.state != nil {
		s.name = s.state.name
	}
	if s.name != "" {
		s.name = "," + s.name
	}
	if s.status != nil {
		s.status.name = "," + s.status.name
	}
}

// appendStates appends state and status. The state of a status is written along with it: Dataverse
// refuses a status of another state than the record has.
func (r *Row) appendStates(dst []byte, f *field, table string) ([]byte, *penstock.Cause) {
	p := f.states
	state, hasState, cause := r.optional(p.state)
	if cause != nil {
		return dst, cause
	}
	status, hasStatus, cause := r.optional(p.status)
	if cause != nil {
		return dst, cause
	}
	if of, found := p.stateOf(status); hasStatus && found {
		if hasState && of != state {
			return dst, refuse(p.status.column, "state_mismatch", "the status of %s belongs to another state than %s gives", p.status.source, p.state.source)
		}
		state, hasState = of, true
	}
	if hasState {
		if why := closed(table, state); why != "" {
			return dst, refuse(f.column, "state_needs_action", "%s; give NULL for such rows with null: skip, and let a flow or a person in Dynamics do it", why)
		}
		if p.name != "" {
			dst = appendInt(append(dst, p.name...), int64(state))
		}
	}
	if hasStatus {
		dst = appendInt(append(dst, p.status.name...), int64(status))
	}
	return dst, nil
}
