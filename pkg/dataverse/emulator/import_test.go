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

func TestTablesOfAFileTakeRows(t *testing.T) {
	tables, err := schema.Read("tables.yaml", []byte(`
tables:
  cr1_Visit:
    columns:
      cr1_Number: {type: text, length: 20}
      cr1_Stage: {type: choice, options: {1: Open, 2: Done}}
      cr1_Host: {lookup: [contact, account]}
      cr1_On: date
    keys:
      cr1_numberkey: [cr1_number, cr1_on]
extend:
  contact:
    columns: {cr1_Segment: text}
    keys: {cr1_segmentkey: cr1_segment}
`))
	if err != nil {
		t.Fatal(err)
	}
	e := start(t, emulator.Config{Tables: tables})
	e.must("PATCH", "contacts(cr1_segment='A')", `{"lastname":"Lovelace"}`)
	e.must("PATCH", "cr1_visits(cr1_number='1',cr1_on=2026-01-31)", `{"cr1_name":"First","cr1_stage":2,"cr1_Host_contact@odata.bind":"contacts(cr1_segment='A')"}`)
	if a := e.do("PATCH", "cr1_visits(cr1_number='2',cr1_on=2026-01-31)", `{"cr1_stage":3}`); a.code() != "0x8004431a" {
		t.Errorf("a choice that is not there: %d %s", a.status, a.body)
	}
	if names, _ := e.list("EntityDefinitions(LogicalName='contact')/Keys?$select=SchemaName"); len(names) != 2 {
		t.Errorf("keys of contact: %v", names)
	}
}
