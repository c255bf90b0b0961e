package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

func TestValuesAreComparedByWhatTheyMean(t *testing.T) {
	n := func(s string) json.Number { return json.Number(s) }
	for _, c := range []struct {
		typ       dataverse.ColumnType
		old, sent any
		same      bool
	}{
		{dataverse.Text, "Ana", "Ana", true},
		{dataverse.Text, "Ana", "ana", false},
		{dataverse.Text, nil, nil, true},
		{dataverse.Text, nil, "", true}, // Dataverse keeps no empty text
		{dataverse.Text, "", nil, true},
		{dataverse.Text, "Ana", nil, false},
		{dataverse.Text, nil, "Ana", false},
		{dataverse.Money, n("1.50"), n("1.5"), true},
		{dataverse.Money, n("1.5"), n("1.51"), false},
		{dataverse.Decimal, n("1234567890123456789012345678.01"), n("1234567890123456789012345678.02"), false},
		{dataverse.Double, n("1e3"), n("1000"), true},
		{dataverse.Double, n("1e999999999"), n("1e999999999"), false}, // neither is computed
		{dataverse.Integer, n("7"), "7", false},
		{dataverse.Choice, n("1"), n("1"), true},
		{dataverse.Choice, n("1"), n("2"), false},
		{dataverse.Boolean, true, true, true},
		{dataverse.Boolean, true, false, false},
		{dataverse.Boolean, nil, false, false},
		{dataverse.DateTime, "2026-03-29T12:51:00Z", "2026-03-29T12:51:00.000Z", true},
		{dataverse.DateTime, "2026-03-29T12:51:00Z", "2026-03-29T14:51:00+02:00", true},
		{dataverse.DateTime, "2026-03-29", "2026-03-29", true},
		{dataverse.DateTime, "2026-03-29", "2026-03-30", false},
		{dataverse.DateTime, "soon", "soon", false},
		{dataverse.MultiChoice, "1,2", "2, 1", true},
		{dataverse.MultiChoice, "1,2", "1", false},
		{dataverse.GUID, "0A000000-0000-0000-0000-000000000000", "0a000000-0000-0000-0000-000000000000", true},
		{dataverse.Lookup, "0a", nil, false},
	} {
		if got := same(&dataverse.Column{Type: c.typ}, c.old, c.sent); got != c.same {
			t.Errorf("%s: %v and %v: same is %t", c.typ, c.old, c.sent, got)
		}
	}
}

func TestValuesAreShownAsPeopleKnowThem(t *testing.T) {
	choice := []dataverse.Option{{Value: 0, Label: "Allow"}, {Value: 1, Label: "Male"}, {Value: 2, Label: "Female"}}
	for _, c := range []struct {
		typ   dataverse.ColumnType
		v     any
		label string
		want  string
	}{
		{dataverse.Choice, json.Number("2"), "", "2 (Female)"},
		{dataverse.Choice, json.Number("9"), "", "9"},
		{dataverse.Boolean, false, "", "false (Allow)"},
		{dataverse.MultiChoice, "1,2", "", "1,2 (Male, Female)"},
		{dataverse.Money, json.Number("1000.50"), "$1,000.50", "1000.50"},
		{dataverse.Lookup, "0a", "Contoso", "0a (Contoso)"},
		{dataverse.Lookup, "/accounts(accountnumber='%C3%A9%20x')", "", "accounts(accountnumber='é x')"},
		{dataverse.Memo, strings.Repeat("é", 300), "", strings.Repeat("é", 199) + "…"},
	} {
		if got := words(&dataverse.Column{Type: c.typ, Options: choice}, c.v, c.label); got == nil || *got != c.want {
			t.Errorf("%s %v is shown as %v, want %s", c.typ, c.v, got, c.want)
		}
	}
	if words(&dataverse.Column{}, nil, "") != nil {
		t.Error("what is empty is shown")
	}
}
