package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// pairStatus sees to it that state and reason fit (section 2.7); cells are those of the existing row, nil for a new one.
func (c *call) pairStatus(t *store.Table, id uuid.UUID, cells []byte) *refusal.Error {
	b := &c.body
	stateText, stateSet := store.Get(b.Changes, t.StateColumn)
	reasonText, reasonSet := store.Get(b.Changes, t.StatusColumn)
	if cells != nil && !stateSet && !reasonSet {
		return nil
	}
	if stateText == nil {
		if stateText = store.Value(cells, t.StateColumn); stateText == nil {
			stateText = []byte("0")
		}
		b.Changes, _ = store.Put(b.Changes, store.Cell{Column: t.StateColumn, Value: stateText})
	}
	state, err := strconv.Atoi(string(stateText))
	if err != nil {
		return refusal.UnexpectedInternal.Says("An unexpected error occurred.")
	}
	if cells != nil && !c.closing && slices.Contains(t.Closing, state) && !c.server.config.Assumptions.PlainClose && string(store.Value(cells, t.StateColumn)) != string(stateText) {
		label := strings.ToLower(stateLabel(t, state))
		return refusal.ClosedByAction.Says("This message can not be used to set the state of %[1]s to %[2]s. In order to set state of %[1]s to %[2]s, use the %[2]s message instead.", t.Name, label)
	}
	reasons := t.Columns[t.StatusColumn].Options
	if reasonText == nil { // the state's own default reason
		for _, o := range reasons {
			if o.State == state {
				b.Changes, _ = store.Put(b.Changes, store.Cell{Column: t.StatusColumn, Value: strconv.AppendInt(nil, int64(o.Value), 10)})
				break
			}
		}
		return nil
	}
	for _, o := range reasons {
		if strconv.Itoa(o.Value) == string(reasonText) && o.State != state {
			return refusal.BadStatus.Says("%d is not a valid status code for state code %sState.%s on %s with Id %s.", o.Value, t.Schema, stateLabel(t, state), t.Name, id)
		}
	}
	return nil
}

func stateLabel(t *store.Table, state int) string {
	for _, o := range t.Columns[t.StateColumn].Options {
		if o.Value == state {
			return o.Label
		}
	}
	return ""
}

// closes returns the state that an action closes an opportunity with.
func closes(action string) (state int, ok bool) {
	switch strings.TrimPrefix(action, "Microsoft.Dynamics.CRM.") {
	case "WinOpportunity":
		return 1, true
	case "LoseOpportunity":
		return 2, true
	}
	return 0, false
}

// closeOpportunity is POST of WinOpportunity and LoseOpportunity: {"Status":3,"OpportunityClose":{"opportunityid@odata.bind":"…"}}. The emulator keeps
// no opportunityclose activity.
func (c *call) closeOpportunity(op *batch.Operation, index, state int) *reply {
	if string(op.Method) != http.MethodPost {
		return failed(refusal.RouteMissing.Says("No HTTP resource was found that matches the request URI '%s'.", op.URL))
	}
	var url []byte
	reason := []byte("-1") // the state's default
	r := jsonobject.New(op.Body)
	for r.Next() {
		switch string(r.Name) {
		case "Status":
			reason = r.Value
		case "OpportunityClose":
			inner := jsonobject.New(r.Value)
			for inner.Next() {
				if string(inner.Name) == "opportunityid@odata.bind" {
					url = []byte(jsonobject.Text(inner.Value))
				}
			}
		}
	}
	if r.Err() != nil {
		return failed(refusal.Payload("", "Microsoft.OData.ODataException: %s", r.Err()))
	}
	t, id, f := c.locate(url)
	if f != nil {
		return failed(f)
	}
	if t.Name != "opportunity" || t.StateColumn < 0 {
		return failed(refusal.BadURI.Says("The URI '%.200s' does not address an opportunity.", url))
	}
	text := []byte(`{"statecode":` + strconv.Itoa(state) + `,"statuscode":` + string(reason) + `}`)
	if string(reason) == "-1" {
		text = []byte(`{"statecode":` + strconv.Itoa(state) + `}`)
	}
	c.closing = true
	defer func() { c.closing = false }()
	return c.updateOnly(op, index, &address{table: t, single: true, id: id, segment: store.AppendGUID(nil, id)}, text)
}
