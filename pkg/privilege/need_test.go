package privilege_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/privilege"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestPrivilegesFollowFromWhatASyncDoes(t *testing.T) {
	table := &dataverse.Table{LogicalName: "contact", Columns: []dataverse.Column{
		{Name: "firstname", Type: dataverse.Text},
		{Name: "managerid", Type: dataverse.Lookup, TypeName: "LookupType", Targets: []dataverse.Target{{Table: "systemuser", PrimaryID: "systemuserid"}}},
		{Name: "ownerid", Type: dataverse.Lookup, TypeName: "OwnerType", Targets: []dataverse.Target{{Table: "systemuser", PrimaryID: "systemuserid"}, {Table: "team", PrimaryID: "teamid"}}},
		{Name: "parentcustomerid", Type: dataverse.Lookup, TypeName: "CustomerType", Targets: []dataverse.Target{{Table: "account", PrimaryID: "accountid"}, {Table: "contact", PrimaryID: "contactid"}}},
	}}
	bind := func(column, to, key string) spec.Field {
		return spec.Field{Column: column, To: to, By: []spec.Part{{Key: key, From: "v"}}}
	}
	either := spec.Field{Column: "parentcustomerid", ToFrom: "kind", By: []spec.Part{{Table: "account", Key: "accountnumber", From: "v"}, {Table: "contact", Key: "contactid", From: "w"}}}
	one := spec.Field{Column: "parentcustomerid", ToFrom: "kind", By: []spec.Part{{Table: "account", Key: "accountid", From: "v"}}}
	text := spec.Field{Column: "firstname", From: "v"}
	for _, tt := range []struct {
		mode  spec.Mode
		leave spec.Action
		field spec.Field
		want  string
	}{
		{spec.Create, spec.Nothing, text, "Create on contact Basic"},
		{spec.Update, spec.Nothing, text, "Read on contact Global, Write on contact Global"},
		{spec.Upsert, spec.Nothing, text, "Create on contact Basic, Read on contact Global, Write on contact Global"},
		{spec.Mirror, spec.Delete, text, "Create on contact Basic, Read on contact Global, Write on contact Global, Delete on contact Global"},
		{spec.Upsert, spec.Deactivate, text, "Create on contact Basic, Read on contact Global, Write on contact Global"},
		{spec.Create, spec.Deactivate, text, "Create on contact Basic, Read on contact Global, Write on contact Global"},
		{spec.Create, spec.Clear, text, "Create on contact Basic, Read on contact Global, Write on contact Global"},
		{spec.Create, spec.Delete, text, "Create on contact Basic, Read on contact Global, Delete on contact Global"},
		{spec.Create, spec.Nothing, bind("managerid", "", "systemuserid"), "Create on contact Basic, Append on contact Basic, AppendTo on systemuser Global"},
		{spec.Create, spec.Nothing, bind("ownerid", "team", "teamid"), "Create on contact Global, Assign on contact Global"},
		{spec.Update, spec.Nothing, bind("parentcustomerid", "account", "accountid"), "Read on contact Global, Write on contact Global, Append on contact Global, AppendTo on account Global"},
		{spec.Update, spec.Nothing, bind("parentcustomerid", "account", "accountnumber"), "Read on contact Global, Write on contact Global, Append on contact Global, AppendTo on account Global, Read on account Global"},
		{spec.Update, spec.Nothing, bind("parentcustomerid", "contact", "externaluseridentifier"), "Read on contact Global, Write on contact Global, Append on contact Global, AppendTo on contact Global"},
		{spec.Update, spec.Nothing, bind("managerid", "", "systemuserid"), "Read on contact Global, Write on contact Global, Append on contact Global, AppendTo on systemuser Global"},
		{spec.Update, spec.Nothing, bind("ownerid", "team", "teamid"), "Read on contact Global, Write on contact Global, Assign on contact Global"},
		{spec.Update, spec.Nothing, bind("nosuch", "team", "teamid"), "Read on contact Global, Write on contact Global"},
		{spec.Update, spec.Nothing, either, "Read on contact Global, Write on contact Global, Append on contact Global, AppendTo on account Global, AppendTo on contact Global, Read on account Global"},
		{spec.Update, spec.Nothing, one, "Read on contact Global, Write on contact Global, Append on contact Global, AppendTo on account Global"},
	} {
		s := spec.Sync{Name: "contacts", To: spec.To{Table: "contact", Mode: tt.mode, OnLeave: spec.OnLeave{Action: tt.leave}}, Map: []spec.Field{tt.field}}
		var got []string
		for _, n := range privilege.Needs(s, table) {
			got = append(got, fmt.Sprintf("%s %s", n, n.Depth))
			if len(n.Reasons) == 0 || n.Reasons[0].Sync != "contacts" || n.Reasons[0].Why == "" {
				t.Errorf("%s for no reason: %+v", n, n.Reasons)
			}
		}
		want := strings.Split(tt.want, ", ")
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s, %s, %+v:\n got %v\nwant %v", tt.mode, tt.leave, tt.field, got, want)
		}
	}
}

func TestABypassIsANeedOfNoTable(t *testing.T) {
	needs := privilege.Needs(spec.Sync{Name: "x", To: spec.To{Table: "contact", Mode: spec.Create, Bypass: []string{"sync"}}}, &dataverse.Table{LogicalName: "contact"})
	if len(needs) != 2 || needs[1].Verb != privilege.Bypass || needs[1].Table != "" || needs[1].String() != "bypass of custom logic" {
		t.Errorf("%+v", needs)
	}
}
