package emulator_test

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// save asks for a table's metadata as schema.Import wants it.
func (e *environment) save(table string) string {
	e.t.Helper()
	root := "EntityDefinitions(LogicalName='" + table + "')"
	var saved strings.Builder
	saved.WriteString(e.must("GET", root+"?$expand=Attributes,Keys,ManyToOneRelationships", "").body)
	for _, cast := range []string{"Picklist", "MultiSelectPicklist", "State", "Status", "Boolean"} {
		saved.WriteString("\n" + e.must("GET", root+"/Attributes/Microsoft.Dynamics.CRM."+cast+"AttributeMetadata?$select=LogicalName,EntityLogicalName&$expand=OptionSet,GlobalOptionSet", "").body)
	}
	return saved.String()
}

// the answers that show whether two environments have the same metadata.
func (e *environment) metadata(tables []string) map[string]string {
	all := map[string]string{}
	for _, path := range []string{"$metadata", "", "EntityDefinitions", "GlobalOptionSetDefinitions", "RelationshipDefinitions"} {
		all[path] = strings.ReplaceAll(e.must("GET", path, "").body, e.url, "")
	}
	for _, table := range tables {
		all[table] = strings.ReplaceAll(e.save(table), e.url, "")
	}
	return all
}

func TestImportedMetadataIsAnsweredAsItWas(t *testing.T) {
	a := things(t)
	tables, _ := a.list("EntityDefinitions?$select=LogicalName")
	var saved strings.Builder
	for _, table := range tables {
		saved.WriteString(a.save(table))
	}
	imported, notes, err := schema.Import(strings.NewReader(saved.String()))
	if err != nil || len(notes) > 0 || len(imported) != len(tables) {
		t.Fatalf("%d tables, notes %v, %v", len(imported), notes, err)
	}
	b := start(t, emulator.Config{Tables: imported})
	want, got := a.metadata(tables), b.metadata(tables)
	for path := range want {
		if got[path] != want[path] {
			at := 0
			for at < min(len(got[path]), len(want[path])) && got[path][at] == want[path][at] {
				at++
			}
			t.Errorf("%s differs at %d:\n%.300s\n%.300s", path, at, want[path][max(0, at-100):], got[path][max(0, at-100):])
		}
	}
	b.must("PATCH", "contacts(externaluseridentifier='1')", `{"firstname":"Ada","lastname":"Lovelace","gendercode":2}`)
	if o := b.do("GET", "contacts(externaluseridentifier='1')?$select=fullname", "").object(t); o["fullname"] != "Ada Lovelace" {
		t.Errorf("a row of an imported table: %v", o)
	}
}
