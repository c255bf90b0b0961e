package mapping

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestASyncIsCheckedWithoutItsModel(t *testing.T) {
	field := func(column string) spec.Field { return spec.Field{Column: column, From: "v"} }
	lookup := func(to, key string) spec.Field {
		return spec.Field{Column: "parentcustomerid", To: to, By: []spec.Part{{Key: key, From: "v"}}}
	}
	for _, tt := range []struct {
		name   string
		change func(*Input)
		want   []string // parts of each problem, in order
	}{
		{"one warehouse column fills columns of every type", func(in *Input) {
			in.Sync.Map = nil
			for _, c := range in.Table.Columns {
				if (c.Creatable || c.Updatable) && c.Type != dataverse.Lookup && c.Type != dataverse.Unsupported && c.Type != dataverse.MultiChoice && c.Name != "contactid" && c.Name != "externaluseridentifier" {
					in.Sync.Map = append(in.Sync.Map, field(c.Name))
				}
			}
			in.Sync.Map = append(in.Sync.Map, lookup("account", "accountnumber"))
		}, nil},
		{"by the primary key", func(in *Input) { in.Sync.To.Match = []string{"contactid"} }, nil},
		{"by a compound key with a lookup", func(in *Input) {
			in.Sync.To.Match, in.Sync.From.Key = []string{"owned_key"}, []string{"a", "b"}
		}, nil},
		{"created records", func(in *Input) { in.Sync.To.Mode = spec.Create }, nil},
		{"all that is wrong at once", func(in *Input) {
			in.Sync.To.Match = []string{"dead_key"}
			in.Sync.Map = []spec.Field{field("firstnam"), field("createdon"), field("entityimage"), lookup("account", "name")}
		}, []string{"dead_key of table contact is not active but Failed; whoever customises", "did you mean firstname?", "does not let anyone upsert createdon", "what the model gives cannot be written to a column of type ImageType", "late_key of table account is not active but Pending; wait"}},
		{"a virtual table", func(in *Input) { in.Table.Virtual = true }, []string{"virtual table"}},
		{"a target that cannot be seen", func(in *Input) {
			in.Sync.Map = []spec.Field{lookup("account", "accountnumber")}
			column, _ := in.Table.Column("parentcustomerid")
			column.Targets[0].SetName = ""
		}, []string{"table account, which the lookup names, is not there or cannot be seen"}},
		{"a lookup without navigation property", func(in *Input) {
			in.Sync.Map = []spec.Field{lookup("account", "accountnumber")}
			column, _ := in.Table.Column("parentcustomerid")
			column.Targets[0].Navigation = ""
		}, []string{"no navigation property from contact.parentcustomerid to account"}},
		{"no table", func(in *Input) { in.Table = nil }, []string{"Dataverse has no table contact"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input(nil, field("firstname"))
			tt.change(&in)
			problems := Check(in)
			if len(problems) != len(tt.want) {
				t.Fatalf("%d problems, want %d:\n%v", len(problems), len(tt.want), problems)
			}
			for i, p := range problems {
				if !strings.Contains(p.Error(), tt.want[i]) {
					t.Errorf("%q is not in %q", tt.want[i], p.Error())
				}
			}
		})
	}
}

func TestASyncNeedsTheTablesThatItsLookupsName(t *testing.T) {
	table := contact()
	table.Columns = append(table.Columns, dataverse.Column{Name: "zz_only", Type: dataverse.Lookup, Targets: []dataverse.Target{{Table: "zz_thing"}}})
	by := func(column, to string) spec.Field {
		return spec.Field{Column: column, To: to, By: []spec.Part{{Key: "k", From: "v"}}}
	}
	s := input(nil, by("parentcustomerid", "account"), by("parentcustomerid", "contact"), by("ownerid", "account"), by("zz_only", ""), by("nosuch", "")).Sync
	if got := strings.Join(Targets(s, table), " "); got != "account zz_thing" {
		t.Errorf("%s", got)
	}
}
