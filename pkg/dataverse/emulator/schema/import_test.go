package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// Answers of a real environment look like these: more properties than are read, null where there is nothing, the context with the MetadataId.
const savedTable = `{"@odata.context":"https://contoso.crm4.dynamics.com/api/data/v9.2/$metadata#EntityDefinitions/$entity","LogicalName":"cr1_visit",
"SchemaName":"cr1_Visit","EntitySetName":"cr1_visits","PrimaryIdAttribute":"cr1_visitid","PrimaryNameAttribute":"cr1_name","ObjectTypeCode":10234,
"OwnershipType":"UserOwned","TableType":"Standard","MetadataId":"F2B0B7C2-0000-4000-8000-000000000001","IsActivity":false,"IsOptimisticConcurrencyEnabled":true,
"DisplayName":{"LocalizedLabels":[{"Label":"Besuch","LanguageCode":1031}],"UserLocalizedLabel":{"Label":"Besuch","LanguageCode":1031}},
"Privileges":[{"Name":"prvCreatecr1_Visit","PrivilegeType":"Create"}],
"Attributes":[
{"@odata.type":"#Microsoft.Dynamics.CRM.UniqueIdentifierAttributeMetadata","LogicalName":"cr1_visitid","SchemaName":"cr1_VisitId","AttributeOf":null,"AttributeTypeName":{"Value":"UniqueidentifierType"},"IsValidForCreate":true,"IsValidForUpdate":false,"RequiredLevel":{"Value":"SystemRequired"}},
{"LogicalName":"cr1_name","SchemaName":"cr1_Name","AttributeTypeName":{"Value":"StringType"},"MaxLength":200,"Format":"Text","FormatName":{"Value":"Text"},"SourceType":0,"IsValidForCreate":true,"IsValidForUpdate":true,"RequiredLevel":{"Value":"ApplicationRequired"}},
{"LogicalName":"cr1_kind","SchemaName":"cr1_Kind","AttributeTypeName":{"Value":"PicklistType"},"DefaultFormValue":-1,"SourceType":null,"IsValidForCreate":true,"IsValidForUpdate":true},
{"LogicalName":"cr1_kindname","SchemaName":"cr1_KindName","AttributeOf":"cr1_kind","AttributeTypeName":{"Value":"VirtualType"}},
{"LogicalName":"cr1_host","SchemaName":"cr1_Host","AttributeTypeName":{"Value":"LookupType"},"Targets":["contact","cr1_alien"],"IsValidForCreate":true,"IsValidForUpdate":true},
{"LogicalName":"cr1_alien","SchemaName":"cr1_Alien","AttributeTypeName":{"Value":"LookupType"},"Targets":["cr1_alien"],"IsValidForCreate":true,"IsValidForUpdate":true},
{"LogicalName":"cr1_guests","SchemaName":"cr1_Guests","AttributeTypeName":{"Value":"PartyListType"}}],
"Keys":[{"LogicalName":"cr1_namekey","SchemaName":"cr1_NameKey","KeyAttributes":["cr1_name"],"EntityKeyIndexStatus":"Active"},
{"LogicalName":"cr1_alienkey","KeyAttributes":["cr1_alien"],"EntityKeyIndexStatus":"Active"}],
"ManyToOneRelationships":[
{"SchemaName":"cr1_visit_Host_contact","ReferencingEntity":"cr1_visit","ReferencingAttribute":"cr1_host","ReferencedEntity":"contact","ReferencingEntityNavigationPropertyName":"cr1_Host_contact","ReferencedEntityNavigationPropertyName":"cr1_visit_Host_contact","CascadeConfiguration":{"Delete":"Restrict"}},
{"SchemaName":"cr1_visit_Alien","ReferencingEntity":"cr1_visit","ReferencingAttribute":"cr1_alien","ReferencedEntity":"cr1_alien","ReferencingEntityNavigationPropertyName":"cr1_Alien"}]}`

const savedOptions = `{"@odata.context":"https://contoso.crm4.dynamics.com/api/data/v9.2/$metadata#EntityDefinitions('f2b0b7c2-0000-4000-8000-000000000001')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata(LogicalName,OptionSet(),GlobalOptionSet())",
"value":[{"LogicalName":"cr1_kind","MetadataId":"1","OptionSet":{"Name":"cr1_kinds","IsGlobal":true,"Options":[]},"GlobalOptionSet":{"Name":"cr1_kinds","IsGlobal":true,"Options":[
{"Value":1,"Label":{"LocalizedLabels":[{"Label":"Kurz","LanguageCode":1031},{"Label":"Short","LanguageCode":1033}],"UserLocalizedLabel":{"Label":"Kurz","LanguageCode":1031}}}]}}]}`

func TestImportTakesWhatItCanAndNotesTheRest(t *testing.T) {
	for name, saved := range map[string]string{"one after the other": savedOptions + "\n" + savedTable, "an array": "[" + savedTable + "," + savedOptions + "]"} {
		tables, notes, err := schema.Import(strings.NewReader(saved))
		if err != nil || len(tables) != 1 {
			t.Fatalf("%s: %d tables, %v", name, len(tables), err)
		}
		table := tables[0]
		kind, _ := table.Column("cr1_kind")
		if kind.Global.Name != "cr1_kinds" || kind.Options[0].Label != "Short" || kind.Options[0].Labels[1031] != "Kurz" || kind.Default != nil {
			t.Errorf("%s: cr1_kind %+v", name, kind)
		}
		host, _ := table.Column("cr1_host")
		if want := (schema.Target{Table: "contact", Navigation: "cr1_Host_contact", Restrict: true, Relationship: "cr1_visit_Host_contact", Collection: "cr1_visit_Host_contact"}); !slices.Equal(host.Targets, []schema.Target{want}) {
			t.Errorf("%s: cr1_host %+v", name, host.Targets)
		}
		if len(table.Columns) != 4 || len(table.Keys) != 1 || table.Label != "Besuch" || table.TypeCode != 10234 || table.Privilege != "" {
			t.Errorf("%s: %+v", name, table)
		}
		said := strings.Join(notes, "\n")
		for _, want := range []string{"cr1_guests is left out: it is of type PartyListType", "cr1_host cannot point at cr1_alien", "cr1_alien is left out", "the key cr1_alienkey is left out"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s: no note %q in\n%s", name, want, said)
			}
		}
	}
}

func TestImportSaysWhichAnswerIsMissing(t *testing.T) {
	for want, saved := range map[string]string{
		"no answer is a table":                              "[]",
		"answer 2 is not JSON":                              savedTable + "<html>",
		`is the error "no"`:                                 `{"error":{"code":"0x0","message":"no"}}`,
		"Microsoft.Dynamics.CRM.PicklistAttributeMetadata?": savedTable,
		"which table is the column cr1_kind of?":            strings.ReplaceAll(savedOptions, "f2b0b7c2", "00000000") + savedTable,
		"has no Attributes":                                 `{"LogicalName":"x","EntitySetName":"xs"}`,
		"is not an answer of the Web API":                   `5`,
	} {
		if _, _, err := schema.Import(strings.NewReader(saved)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, seed := range []string{savedTable + savedOptions, "[" + savedTable + "]", savedOptions, `{"value":[]}`, `[[{"LogicalName":"x"}]]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tables, _, err := schema.Import(strings.NewReader(string(data)))
		for i := range tables {
			if err := tables[i].Validate(); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil && tables != nil {
			t.Fatal("tables beside an error")
		}
	})
}
