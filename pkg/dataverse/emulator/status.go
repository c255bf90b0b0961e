package emulator

import (
	"strconv"

	"github.com/google/uuid"
)

// pairStatus sees to it that state and reason fit (section 2.7); cells are those of the existing row, nil for a new one.
func (c *call) pairStatus(t *table, id uuid.UUID, cells []byte) *failure {
	b := &c.body
	stateText, stateSet := get(b.changes, t.state)
	reasonText, reasonSet := get(b.changes, t.status)
	if cells != nil && !stateSet && !reasonSet {
		return nil
	}
	if stateText == nil {
		if stateText = value(cells, t.state); stateText == nil {
			stateText = []byte("0")
		}
		b.changes, _ = put(b.changes, cell{t.state, stateText})
	}
	state, err := strconv.Atoi(string(stateText))
	if err != nil {
		return unexpectedInternal.says("An unexpected error occurred.")
	}
	reasons := t.columns[t.status].Options
	if reasonText == nil { // the state's own default reason
		for _, o := range reasons {
			if o.State == state {
				b.changes, _ = put(b.changes, cell{t.status, strconv.AppendInt(nil, int64(o.Value), 10)})
				break
			}
		}
		return nil
	}
	for _, o := range reasons {
		if strconv.Itoa(o.Value) == string(reasonText) && o.State != state {
			label := ""
			for _, s := range t.columns[t.state].Options {
				if s.Value == state {
					label = s.Label
				}
			}
			return badStatus.says("%d is not a valid status code for state code %sState.%s on %s with Id %s.", o.Value, t.Schema, label, t.Name, id)
		}
	}
	return nil
}
