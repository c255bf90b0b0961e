package schema_test

import (
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

func TestTheStandardTablesAreWhole(t *testing.T) {
	tables := map[string]*schema.Table{}
	for _, table := range schema.Standard() {
		tables[table.Name] = &table
	}
	for _, table := range tables {
		if err := table.Validate(); err != nil {
			t.Error(err)
		}
		navigation := map[string]string{}
		for _, c := range table.Columns {
			for _, to := range c.Targets {
				if tables[to.Table] == nil {
					t.Errorf("%s.%s points at %s, which is not there", table.Name, c.Name, to.Table)
				}
				if other, taken := navigation[to.Navigation]; taken && other != c.Name {
					t.Errorf("%s: %s and %s are both bound by %s", table.Name, other, c.Name, to.Navigation)
				}
				navigation[to.Navigation] = c.Name
			}
			if (c.Type == schema.String || c.Type == schema.Memo) && c.MaxLength == 0 {
				t.Errorf("%s.%s has no MaxLength", table.Name, c.Name)
			}
			if (c.Type == schema.Choice || c.Type == schema.Status) && len(c.Options) == 0 {
				t.Errorf("%s.%s has no options", table.Name, c.Name)
			}
		}
		for _, name := range []string{"createdon", "modifiedon"} {
			if c, ok := table.Column(name); !ok || !c.ReadOnly {
				t.Errorf("%s: %s is missing or can be written", table.Name, name)
			}
		}
	}
}

func TestPrivilegesAreNamedAfterTheSchemaName(t *testing.T) {
	for _, table := range schema.Standard() {
		want := map[string]string{"contact": "prvWriteContact", "new_membership": "prvWritenew_Membership", "systemuser": "prvWriteUser"}[table.Name]
		if got := table.PrivilegeName("Write"); want != "" && got != want {
			t.Errorf("%s: %s, want %s", table.Name, got, want)
		}
	}
}

func TestColumnsOfOneGlobalChoiceHaveItsOptions(t *testing.T) {
	column := func(values ...int) schema.Column {
		c := schema.Column{Name: "a", Type: schema.Choice, Global: schema.GlobalChoice{Name: "levels"}}
		for _, v := range values {
			c.Options = append(c.Options, schema.Option{Value: v})
		}
		return c
	}
	table := func(name string, c schema.Column) schema.Table {
		return schema.Table{Name: name, Columns: []schema.Column{c}}
	}
	if err := schema.ValidateChoices([]schema.Table{table("x", column(1, 2)), table("y", column(1, 2))}); err != nil {
		t.Error(err)
	}
	if err := schema.ValidateChoices([]schema.Table{table("x", column(1, 2)), table("y", column(1))}); err == nil {
		t.Error("two sets of options for one choice were accepted")
	}
}
