package mapping

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// opportunities are a table with states that an update cannot set.
func opportunities(in *Input) {
	in.Table.LogicalName = "opportunity"
	state, _ := in.Table.Column("statecode")
	state.Options = []dataverse.Option{{Value: 0, Label: "Open"}, {Value: 1, Label: "Won"}, {Value: 2, Label: "Lost"}}
	status, _ := in.Table.Column("statuscode")
	status.Options = []dataverse.Option{{Value: 1, Label: "In Progress"}, {Value: 3, Label: "Won", State: 1}, {Value: 4, Label: "Canceled", State: 2}}
}

func TestStateAndStatusAreWrittenAsAPair(t *testing.T) {
	state, status := spec.Field{Column: "statecode", From: "state"}, spec.Field{Column: "statuscode", From: "status"}
	skipState, skipStatus := state, status
	skipState.Null, skipStatus.Null = spec.NullSkip, spec.NullSkip
	byLabel := status
	byLabel.Choice = spec.Label
	emptyNull, emptySkip, emptyError := status, status, status
	emptyNull.Empty, emptySkip.Empty, emptyError.Empty = spec.EmptyNull, spec.EmptySkip, spec.EmptyError
	for _, c := range []struct {
		name          string
		fields        []spec.Field
		change        func(*Input)
		state, status any
		want          string // body, or the code of the refusal
	}{
		{"a status brings its state", []spec.Field{status}, nil, nil, "2", `{"statecode":1,"statuscode":2}`},
		{"a status of the first state", []spec.Field{status}, nil, nil, "100000001", `{"statecode":0,"statuscode":100000001}`},
		{"a status by label", []spec.Field{byLabel}, nil, nil, "gone", `{"statecode":1,"statuscode":2}`},
		{"a state alone", []spec.Field{state}, nil, "1", nil, `{"statecode":1}`},
		{"a pair", []spec.Field{status, state}, nil, "1", "2", `{"statecode":1,"statuscode":2}`},
		{"a pair of different states", []spec.Field{state, status}, nil, "0", "2", "state_mismatch"},
		{"a status that is not there", []spec.Field{status}, nil, nil, "3", "choice_unknown"},
		{"NULL, which clears nothing", []spec.Field{status}, nil, nil, nil, "null_refused"},
		{"NULL, skipped", []spec.Field{skipStatus}, nil, nil, nil, `{}`},
		{"empty as NULL, which clears nothing", []spec.Field{emptyNull}, nil, nil, "", "null_refused"},
		{"empty, skipped", []spec.Field{emptySkip}, nil, nil, "", `{}`},
		{"empty, an error", []spec.Field{emptyError}, nil, nil, "", "empty_refused"},
		{"empty, which is no status", []spec.Field{byLabel}, nil, nil, "", "choice_unknown"},
		{"no state beside a status", []spec.Field{skipState, skipStatus}, nil, nil, "2", `{"statecode":1,"statuscode":2}`},
		{"no status beside a state", []spec.Field{skipState, skipStatus}, nil, "1", nil, `{"statecode":1}`},
		{"a state that nobody can write", []spec.Field{status}, func(in *Input) {
			state, _ := in.Table.Column("statecode")
			state.Creatable, state.Updatable = false, false
		}, nil, "2", `{"statuscode":2}`},
		{"an open opportunity", []spec.Field{status}, opportunities, nil, "1", `{"statecode":0,"statuscode":1}`},
		{"a won opportunity", []spec.Field{status}, opportunities, nil, "3", "state_needs_action"},
		{"a lost opportunity by its state", []spec.Field{state}, opportunities, "2", nil, "state_needs_action"},
		{"a resolved case", []spec.Field{state}, func(in *Input) { in.Table.LogicalName = "incident" }, "1", nil, "state_needs_action"},
		{"an account of the same state", []spec.Field{state}, func(in *Input) { in.Table.LogicalName = "account" }, "1", nil, `{"statecode":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input([]SourceColumn{{"state", "Nullable(String)"}, {"status", "Nullable(String)"}}, c.fields...)
			if c.change != nil {
				c.change(&in)
			}
			p := compile(t, in)
			body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "state": c.state, "status": c.status}))
			got := string(body)
			if cause != nil {
				got = cause.Code
				if cause.Column == "" || len(body) > 0 {
					t.Errorf("%+v %s", cause, body)
				}
			}
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestARefusedStateSaysWhatToDoInstead(t *testing.T) {
	in := input([]SourceColumn{{"status", "UInt8"}}, spec.Field{Column: "statuscode", From: "status"})
	opportunities(&in)
	p := compile(t, in)
	_, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "status": uint64(3)}))
	want := "state 1 of table opportunity is reached by the action WinOpportunity alone, which an update does not stand for; " +
		"give NULL for such rows with null: skip, and let a flow or a person in Dynamics do it"
	if cause == nil || cause.Message != want {
		t.Errorf("\n got %v\nwant %s", cause, want)
	}
}

func TestConstantStatesAreCheckedBeforeARowIsRead(t *testing.T) {
	constant := func(column, value string) spec.Field { return spec.Field{Column: column, Const: spec.Value(value)} }
	for _, c := range []struct {
		name   string
		fields []spec.Field
		want   string
	}{
		{"a pair of different states", []spec.Field{constant("statecode", "0"), constant("statuscode", `"canceled"`)}, "status 4 belongs to state 2, and statecode is 0"},
		{"a won opportunity by its status", []spec.Field{constant("statuscode", "3")}, "state 1 of table opportunity is reached by the action WinOpportunity alone"},
		{"a lost opportunity by its state", []spec.Field{constant("statecode", `"Lost"`)}, "reached by the action LoseOpportunity alone"},
		{"a status that is not there", []spec.Field{constant("statuscode", "9")}, "const: statuscode has no option 9"},
	} {
		in := input(nil, c.fields...)
		opportunities(&in)
		if problems := Check(in); !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s: %v", c.name, problems)
		}
	}
	in := input(nil, constant("statecode", "0"), constant("statuscode", "1"))
	opportunities(&in)
	if problems := Check(in); strings.Contains(problems.Error(), "belongs to") || strings.Contains(problems.Error(), "action") {
		t.Errorf("a pair that fits: %v", problems)
	}
}

func TestTheStatesOfStatusesArePartOfTheFingerprint(t *testing.T) {
	fingerprint := func(state int32) uint64 {
		in := input([]SourceColumn{{"status", "UInt8"}}, spec.Field{Column: "statuscode", From: "status"})
		status, _ := in.Table.Column("statuscode")
		status.Options[2].State = state
		return compile(t, in).Fingerprint()
	}
	if fingerprint(0) == fingerprint(1) {
		t.Error("another state of a status changes nothing")
	}
}
