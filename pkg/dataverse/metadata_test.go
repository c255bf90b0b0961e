package dataverse

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// Metadata in the shapes of reference 6.2 to 6.4, of a custom table with what the standard ones lack.
var invoice = map[string]string{
	"EntityDefinitions(LogicalName='cr1_invoice')": `{"@odata.context":"x","LogicalName":"cr1_invoice","EntitySetName":"cr1_invoices",
		"PrimaryIdAttribute":"cr1_invoiceid","TableType":"Elastic","MetadataId":"1","Keys":[
		{"LogicalName":"cr1_number","KeyAttributes":["cr1_number","cr1_account"],"EntityKeyIndexStatus":"Failed"}]}`,
	"EntityDefinitions(LogicalName='cr1_invoice')/Attributes": `{"value":[
		{"LogicalName":"ownerid","SchemaName":"OwnerId","AttributeType":"Owner","AttributeTypeName":{"Value":"OwnerType"},"AttributeOf":null,"IsValidForCreate":true,"IsValidForUpdate":true,"RequiredLevel":{"Value":"SystemRequired"}},
		{"LogicalName":"cr1_account","SchemaName":"cr1_Account","AttributeType":"Lookup","AttributeTypeName":{"Value":"LookupType"},"IsValidForCreate":true,"IsValidForUpdate":true,"RequiredLevel":{"Value":"ApplicationRequired"}},
		{"LogicalName":"cr1_accountname","AttributeType":"String","AttributeTypeName":{"Value":"StringType"},"AttributeOf":"cr1_account","RequiredLevel":{"Value":"None"}},
		{"LogicalName":"cr1_tags","SchemaName":"cr1_Tags","AttributeType":"Virtual","AttributeTypeName":{"Value":"MultiSelectPicklistType"},"IsValidForCreate":true,"RequiredLevel":{"Value":"None"}},
		{"LogicalName":"cr1_amount","SchemaName":"cr1_Amount","AttributeType":"Decimal","AttributeTypeName":{"Value":"DecimalType"},"IsValidForUpdate":true,"RequiredLevel":{"Value":"None"}},
		{"LogicalName":"cr1_scan","SchemaName":"cr1_Scan","AttributeType":"Virtual","AttributeTypeName":{"Value":"FileType"},"RequiredLevel":{"Value":"None"}}]}`,
	"EntityDefinitions(LogicalName='cr1_invoice')/ManyToOneRelationships": `{"value":[
		{"ReferencingAttribute":"cr1_account","ReferencedEntity":"account","ReferencingEntityNavigationPropertyName":"cr1_Account"},
		{"ReferencingAttribute":"ownerid","ReferencedEntity":"owner","ReferencingEntityNavigationPropertyName":"ownerid"}]}`,
	"EntityDefinitions(LogicalName='cr1_invoice')/Attributes/Microsoft.Dynamics.CRM.LookupAttributeMetadata": `{"value":[
		{"LogicalName":"ownerid","Targets":["team","systemuser"]},{"LogicalName":"cr1_account","Targets":["account"]}]}`,
	"EntityDefinitions(LogicalName='cr1_invoice')/Attributes/Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata": `{"value":[
		{"LogicalName":"cr1_tags","OptionSet":null,"GlobalOptionSet":{"Options":[
			{"Value":2,"Label":{"LocalizedLabels":[{"Label":"Zwei","LanguageCode":1031}],"UserLocalizedLabel":null}},
			{"Value":1,"Label":{"LocalizedLabels":[],"UserLocalizedLabel":{"Label":"One","LanguageCode":1033}}},
			{"Value":3,"Label":{"LocalizedLabels":[],"UserLocalizedLabel":null}}]}}]}`,
	"EntityDefinitions(LogicalName='cr1_invoice')/Attributes/Microsoft.Dynamics.CRM.DecimalAttributeMetadata": `{"value":[
		{"LogicalName":"cr1_amount","MinValue":-100000000000.5,"MaxValue":1e11,"Precision":2}]}`,
	"EntityDefinitions(LogicalName='account')": `{"LogicalName":"account","EntitySetName":"accounts","PrimaryIdAttribute":"accountid","Keys":[
		{"LogicalName":"accountnumber","KeyAttributes":["accountnumber"],"EntityKeyIndexStatus":"Active"}]}`,
	"EntityDefinitions(LogicalName='systemuser')": `{"LogicalName":"systemuser","EntitySetName":"systemusers","PrimaryIdAttribute":"systemuserid","Keys":[]}`,
}

func TestMetadataOfACustomTable(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		answer, ok := invoice[strings.TrimPrefix(r.URL.Path, "/api/data/v9.2/")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = errorBody("0x80060888", "Could not find an entity with name "+r.URL.Path)
		}
		_, _ = io.WriteString(w, answer)
	})
	got, err := connect(t, f.URL).Table(t.Context(), "cr1_invoice")
	if err != nil {
		t.Fatal(err)
	}
	want := &Table{
		LogicalName: "cr1_invoice", SetName: "cr1_invoices", PrimaryID: "cr1_invoiceid", Elastic: true,
		Keys: []Key{{Name: "cr1_number", Columns: []string{"cr1_number", "cr1_account"}, Status: "Failed"}},
		Columns: []Column{
			{
				Name: "cr1_account", Schema: "cr1_Account", Type: Lookup, TypeName: "LookupType", Creatable: true, Updatable: true,
				Targets: []Target{{
					Table: "account", SetName: "accounts", PrimaryID: "accountid", Navigation: "cr1_Account",
					Keys: []Key{{Name: "accountnumber", Columns: []string{"accountnumber"}, Active: true, Status: "Active"}},
				}},
			},
			{Name: "cr1_amount", Schema: "cr1_Amount", Type: Decimal, TypeName: "DecimalType", Updatable: true, Min: "-100000000000.5", Max: "1e11", Precision: 2},
			{Name: "cr1_scan", Schema: "cr1_Scan", Type: Unsupported, TypeName: "FileType"},
			{
				Name: "cr1_tags", Schema: "cr1_Tags", Type: MultiChoice, TypeName: "MultiSelectPicklistType", Creatable: true,
				Options: []Option{{Value: 1, Label: "One"}, {Value: 2, Label: "Zwei", Labels: map[int]string{1031: "Zwei"}}, {Value: 3}},
			},
			{
				Name: "ownerid", Schema: "OwnerId", Type: Lookup, TypeName: "OwnerType", Creatable: true, Updatable: true, Required: true,
				Targets: []Target{
					{Table: "systemuser", SetName: "systemusers", PrimaryID: "systemuserid", Navigation: "ownerid", Keys: []Key{}},
					{Table: "team", Navigation: "ownerid", Keys: []Key{}}, // not for the application user to see
				},
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, ok := got.Key("cr1_account", "cr1_number"); !ok {
		t.Error("a key is found in any order of its columns")
	}
	if _, ok := got.Column("cr1_accountname"); ok {
		t.Error("a column that accompanies another is left out")
	}
}
