package emulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// everything is a table with what the standard ones lack: each sort of column, a global choice, translations, security, a failed key.
func everything() schema.Table {
	one := 1
	t := schema.Table{
		Name: "cr1_thing", Schema: "cr1_Thing", Set: "cr1_things", Label: "Thing", Labels: schema.Labels{1031: "Ding", 1036: "Chose"}, Plural: "Things",
		Kind: schema.KindElastic, PrimaryID: "cr1_thingid", PrimaryName: "cr1_name", TypeCode: 10100,
		Columns: []schema.Column{
			{Name: "cr1_thingid", Schema: "cr1_ThingId", Label: "Thing", Type: schema.ID, Required: "SystemRequired"},
			{Name: "cr1_name", Schema: "cr1_Name", Label: "Name", Type: schema.String, MaxLength: 850, Format: "Email"},
			{Name: "cr1_secret", Schema: "cr1_Secret", Label: "Secret", Type: schema.String, MaxLength: 100, Secured: true},
			{Name: "cr1_total", Schema: "cr1_Total", Label: "Total", Type: schema.Decimal, Precision: 2, Source: schema.Rollup, ReadOnly: true},
			{
				Name: "cr1_colour", Schema: "cr1_Colour", Label: "Colour", Type: schema.Choice, Global: schema.GlobalChoice{Name: "cr1_colours", Label: "Colours"},
				Options: []schema.Option{{Value: 1, Label: "Red", Labels: schema.Labels{1031: "Rot"}}, {Value: 2, Label: "Blue"}}, Default: &one,
			},
			{Name: "cr1_photo", Schema: "cr1_Photo", Label: "Photo", Type: schema.Image, MaxSize: 10240, Primary: true},
			{Name: "cr1_scan", Schema: "cr1_Scan", Label: "Scan", Type: schema.File, MaxSize: 32768},
			{
				Name: "cr1_about", Schema: "cr1_About", Label: "About", Type: schema.Lookup,
				Targets: []schema.Target{{Table: "account", Navigation: "cr1_About_account", Relationship: "cr1_thing_account", Collection: "cr1_things_of"}, {Table: "contact", Navigation: "cr1_About_contact"}},
			},
			{Name: "cr1_cost", Schema: "cr1_Cost", Label: "Cost", Type: schema.Money, Precision: 2},
		},
		Keys: []schema.Key{{Name: "cr1_namekey", Schema: "cr1_NameKey", Label: "Name Key", Columns: []string{"cr1_name"}, Status: schema.Failed}},
	}
	t.Columns = append(t.Columns, schema.Common([]string{"Active", "Inactive"}, schema.Option{Value: 1, Label: "Active"}, schema.Option{Value: 2, Label: "Inactive", State: 1})...)
	return t
}

func things(t testing.TB) *environment {
	return start(t, emulator.Config{Tables: []schema.Table{everything()}})
}

const thing = "EntityDefinitions(LogicalName='cr1_thing')"

func TestDefinitionsAreFilteredByAnyExpression(t *testing.T) { // 6.1
	e := things(t)
	for filter, want := range map[string]string{
		"LogicalName eq 'contact'":                                            "contact",
		"SchemaName eq 'Contact' and not (IsActivity eq true)":                "contact",
		"(ObjectTypeCode eq 1 or ObjectTypeCode eq 2) and IsPrivate eq false": "account contact",
		"ObjectTypeCode lt 3 and IsCustomizable/Value eq true":                "account contact",
		"IsCustomizable/Value eq false":                                       "",
		"contains(LogicalName,'thing')":                                       "cr1_thing",
		"startswith(LogicalName,'acc') or endswith(SchemaName,'Thing')":       "account cr1_thing",
		"IsCustomEntity and TableType eq 'Elastic'":                           "cr1_thing",
		"not contains(LogicalName,'a') and not contains(LogicalName,'e')":     "cr1_thing opportunity",
		"PrimaryImageAttribute ne null":                                       "cr1_thing",
		"DisplayName/UserLocalizedLabel/Label eq 'Thing'":                     "cr1_thing",

		"OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'OrganizationOwned' and startswith(LogicalName,'trans')": "transactioncurrency",
	} {
		if names, _ := e.list("EntityDefinitions?$select=LogicalName&" + escaped("$filter="+filter)); strings.Join(names, " ") != want {
			t.Errorf("%s: %v, want %s", filter, names, want)
		}
	}
	id := e.do("GET", thing+"?$select=LogicalName", "").object(t)["MetadataId"].(string)
	if names, _ := e.list("EntityDefinitions?$select=LogicalName&" + escaped("$filter=MetadataId eq "+strings.ToUpper(id))); len(names) != 1 || names[0] != "cr1_thing" {
		t.Errorf("by MetadataId: %v", names)
	}
}

func TestMetadataRefusesWhatItDoesNotHave(t *testing.T) { // 6.1, 6.4
	e := things(t)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"EntityDefinitions?$top=1":                                                                  {400, "$top"},
		"EntityDefinitions?$skip=1":                                                                 {400, "Skip"},
		"EntityDefinitions?$orderby=LogicalName":                                                    {400, "$orderby"},
		"EntityDefinitions?$select=Name":                                                            {400, "Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.EntityMetadata'."},
		"EntityDefinitions?$filter=Nope%20eq%201":                                                   {400, "Could not find a property named 'Nope'"},
		"EntityDefinitions?$filter=LogicalName%20eq":                                                {400, "Expression expected"},
		"EntityDefinitions?$filter=LogicalName%20eq%201":                                            {400, "incompatible types"},
		"EntityDefinitions?$filter=OwnershipType%20eq%20Microsoft.Dynamics.CRM.Wrong'UserOwned'":    {400, "incompatible types"},
		"EntityDefinitions?$expand=Columns":                                                         {400, "Could not find a property named 'Columns'"},
		"EntityDefinitions(LogicalName='x')":                                                        {404, "Could not find an entity with name x"},
		"EntityDefinitions(SchemaName='Thing')":                                                     {400, "key"},
		"EntityDefinitions(LogicalName='contact'":                                                   {400, "URL was not parsed"},
		thing + "/Nothing":                                                                          {404, "Resource not found for the segment 'Nothing'."},
		thing + "/Attributes(LogicalName='x')":                                                      {404, "Could not find an attribute"},
		thing + "/Attributes?$select=MaxLength":                                                     {400, "Could not find a property named 'MaxLength' on type 'Microsoft.Dynamics.CRM.AttributeMetadata'."},
		thing + "/Attributes?$expand=OptionSet":                                                     {400, "Could not find a property named 'OptionSet'"},
		thing + "/Attributes/Microsoft.Dynamics.CRM.EnumAttributeMetadata":                          {400, "cast"},
		thing + "/Attributes/Microsoft.Dynamics.CRM.EntityKeyMetadata":                              {400, "cast"},
		thing + "/Attributes(LogicalName='cr1_name')/Microsoft.Dynamics.CRM.MoneyAttributeMetadata": {404, ""},
	} {
		if a := e.do("GET", path, ""); a.status != want.status || !strings.Contains(a.message(), want.text) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := e.do("POST", "EntityDefinitions", "{}"); a.status < 400 {
		t.Errorf("POST of a definition: %d", a.status)
	}
	sorted := start(t, emulator.Config{Assumptions: emulator.Assumptions{MetadataOrderBy: true}})
	if names, _ := sorted.list("EntityDefinitions?" + escaped("$select=LogicalName&$orderby=LogicalName desc&$filter=ObjectTypeCode lt 5")); strings.Join(names, " ") != "opportunity lead contact account" {
		t.Errorf("sorted: %v", names)
	}
}

func TestExpandsNestWithTheirOwnOptions(t *testing.T) { // 6.1, 6.2
	e := things(t)
	query := "$select=LogicalName,TableType&$expand=Attributes($select=LogicalName,IsSecured;$filter=IsSecured eq true or LogicalName eq 'cr1_name')," +
		"Keys($select=KeyAttributes,EntityKeyIndexStatus),ManyToOneRelationships($select=ReferencedEntity;$filter=ReferencingAttribute eq 'cr1_about')," +
		"OneToManyRelationships,ManyToManyRelationships"
	got := e.do("GET", thing+"?"+escaped(query), "").object(t)
	delete(got, "@odata.context")
	names := func(list any, name string) (out []string) {
		for _, item := range list.([]any) {
			out = append(out, fmt.Sprint(item.(map[string]any)[name]))
		}
		return out
	}
	if a := names(got["Attributes"], "LogicalName"); !slices.Equal(a, []string{"cr1_name", "cr1_secret"}) {
		t.Errorf("attributes %v", a)
	}
	if a := names(got["ManyToOneRelationships"], "ReferencedEntity"); !slices.Equal(a, []string{"account", "contact"}) {
		t.Errorf("relationships %v", a)
	}
	if a := names(got["Keys"], "EntityKeyIndexStatus"); !slices.Equal(a, []string{"Failed"}) || got["TableType"] != "Elastic" || len(got) != 8 {
		t.Errorf("%v of %v", a, got)
	}
	_, whole := e.list("EntityDefinitions?" + escaped("$select=LogicalName&$filter=LogicalName eq 'account'&$expand=OneToManyRelationships($filter=ReferencingEntity eq 'cr1_thing')"))
	text := fmt.Sprint(whole)
	for _, want := range []string{"SchemaName:cr1_thing_account", "ReferencedEntityNavigationPropertyName:cr1_things_of", "ReferencedAttribute:accountid"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestColumnsAndTheirCompanions(t *testing.T) { // 6.4
	e := things(t)
	_, whole := e.list(thing + "/Attributes?$select=LogicalName,AttributeOf,AttributeType,AttributeTypeName,IsSecured,SourceType,IsValidForCreate")
	got := map[string]string{}
	for _, item := range whole["value"].([]any) {
		o := item.(map[string]any)
		got[o["LogicalName"].(string)] = fmt.Sprint(strings.TrimPrefix(o["@odata.type"].(string), "#Microsoft.Dynamics.CRM."), " ", o["AttributeType"], " ",
			o["AttributeTypeName"].(map[string]any)["Value"], " ", o["AttributeOf"], " ", o["IsSecured"], " ", o["SourceType"], " ", o["IsValidForCreate"])
	}
	for name, want := range map[string]string{
		"cr1_thingid":    "UniqueIdentifierAttributeMetadata Uniqueidentifier UniqueidentifierType <nil> false 0 true",
		"cr1_secret":     "StringAttributeMetadata String StringType <nil> true 0 true",
		"cr1_total":      "DecimalAttributeMetadata Decimal DecimalType <nil> false 2 false",
		"cr1_colour":     "PicklistAttributeMetadata Picklist PicklistType <nil> false 0 true",
		"cr1_colourname": "AttributeMetadata Virtual VirtualType cr1_colour false 0 false",
		"cr1_photo":      "ImageAttributeMetadata Virtual ImageType <nil> false 0 true",
		"cr1_photo_url":  "StringAttributeMetadata String StringType cr1_photo false 0 false",
		"cr1_scan":       "FileAttributeMetadata Virtual FileType <nil> false 0 true",
		"cr1_scan_name":  "StringAttributeMetadata String StringType cr1_scan false 0 false",
		"cr1_about":      "LookupAttributeMetadata Lookup LookupType <nil> false 0 true",
		"cr1_aboutname":  "StringAttributeMetadata String StringType cr1_about false 0 false",
		"cr1_abouttype":  "EntityNameAttributeMetadata EntityName EntityNameType cr1_about false 0 false",
		"cr1_cost_base":  "MoneyAttributeMetadata Money MoneyType cr1_cost false 0 false",
		"owneridtype":    "EntityNameAttributeMetadata EntityName EntityNameType ownerid false 0 false",
		"statecodename":  "AttributeMetadata Virtual VirtualType statecode false 0 false",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	for path, want := range map[string]string{
		"Attributes(LogicalName='cr1_name')":                                                                                           `"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata"`,
		"Attributes(LogicalName='cr1_name')/Microsoft.Dynamics.CRM.StringAttributeMetadata":                                            `"FormatName":{"Value":"Email"}`,
		"Attributes/Microsoft.Dynamics.CRM.FileAttributeMetadata?$select=MaxSizeInKB":                                                  `"MaxSizeInKB":32768`,
		"Attributes/Microsoft.Dynamics.CRM.ImageAttributeMetadata?$select=IsPrimaryImage":                                              `"IsPrimaryImage":true`,
		"Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=DefaultFormValue&$filter=LogicalName%20eq%20'cr1_colour'": `"DefaultFormValue":1`,
		"Attributes/Microsoft.Dynamics.CRM.BigIntAttributeMetadata":                                                                    `"MaxValue":9223372036854775807`,
		"Attributes(LogicalName='cr1_name')/RequiredLevel":                                                                             `"Value":"None"`,
		"PrimaryNameAttribute":                 `"value":"cr1_name"`,
		"DisplayName/UserLocalizedLabel/Label": `"value":"Thing"`,
	} {
		if a := e.do("GET", thing+"/"+path, ""); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %.800s", path, a.status, a.body)
		}
	}
}

func TestChoicesAreReachedThroughCastsAndGlobally(t *testing.T) { // 6.1, 6.4
	e := things(t)
	cast := thing + "/Attributes(LogicalName='cr1_colour')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
	one := e.do("GET", cast+"?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options,Name)", "").object(t)
	if one["OptionSet"] != nil || !strings.Contains(fmt.Sprint(one["GlobalOptionSet"]), "Label:Rot LanguageCode:1031") {
		t.Errorf("a column of a global choice: %v", one)
	}
	if a := e.do("GET", cast+"/GlobalOptionSet?$select=Options", ""); a.status != 200 || !strings.Contains(a.body, `"Label":"Blue"`) || strings.Contains(a.body, "IsGlobal") {
		t.Errorf("the choice of a column: %d %s", a.status, a.body)
	}
	if a := e.do("GET", cast+"/OptionSet", ""); a.status != 404 {
		t.Errorf("the choice that a column does not have: %d", a.status)
	}
	local := e.do("GET", "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='paymenttermscode')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata/OptionSet", "").object(t)
	if local["IsGlobal"] != false || local["Name"] != "account_paymenttermscode" || len(local["Options"].([]any)) != 4 {
		t.Errorf("a choice of one column: %v", local)
	}
	if whole := e.do("GET", "GlobalOptionSetDefinitions?$select=Name,OptionSetType", "").object(t); !strings.Contains(fmt.Sprint(whole), "Name:cr1_colours OptionSetType:Picklist") {
		t.Errorf("global choices: %v", whole)
	}
	named := e.do("GET", "GlobalOptionSetDefinitions(Name='cr1_colours')", "").object(t)
	if named["@odata.type"] != "#Microsoft.Dynamics.CRM.OptionSetMetadata" || len(named["Options"].([]any)) != 2 {
		t.Errorf("a global choice: %v", named)
	}
	by := e.do("GET", "GlobalOptionSetDefinitions("+named["MetadataId"].(string)+")/Microsoft.Dynamics.CRM.OptionSetMetadata?$select=Options", "")
	if by.status != 200 || !strings.Contains(by.body, `"Label":"Red"`) {
		t.Errorf("by MetadataId: %d %s", by.status, by.body)
	}
	if a := e.do("GET", "GlobalOptionSetDefinitions(Name='nothing')", ""); a.status != 404 {
		t.Errorf("an unknown global choice: %d", a.status)
	}
}

func TestLabelsComeInTheLanguagesAskedFor(t *testing.T) { // 6.1
	e := things(t)
	languages := func(query string) string {
		name := e.do("GET", thing+"?$select=DisplayName"+query, "").object(t)["DisplayName"].(map[string]any)
		var out []string
		for _, l := range name["LocalizedLabels"].([]any) {
			out = append(out, fmt.Sprint(l.(map[string]any)["LanguageCode"]))
		}
		return fmt.Sprint(strings.Join(out, " "), " ", name["UserLocalizedLabel"] != nil)
	}
	for query, want := range map[string]string{"": "1033 1031 1036 true", "&LabelLanguages=1033": "1033 true", "&LabelLanguages=1031,1036": "1031 1036 false"} {
		if got := languages(query); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
}

func TestRelationshipsAreListedByThemselves(t *testing.T) { // 6.1, 6.4
	e := things(t)
	one := e.do("GET", "RelationshipDefinitions(SchemaName='cr1_thing_account')", "").object(t)
	if one["@odata.type"] != "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata" || one["ReferencingEntityNavigationPropertyName"] != "cr1_About_account" {
		t.Errorf("one: %v", one)
	}
	const cast = "RelationshipDefinitions/Microsoft.Dynamics.CRM."
	if names, _ := e.list(cast + "OneToManyRelationshipMetadata?$select=SchemaName&" + escaped("$filter=ReferencingEntity eq 'cr1_thing' and ReferencedEntity eq 'owner'")); len(names) != 1 {
		t.Errorf("the owner's: %v", names)
	}
	if names, _ := e.list(cast + "ManyToManyRelationshipMetadata"); len(names) != 0 {
		t.Errorf("many to many: %v", names)
	}
	if a := e.do("GET", "RelationshipDefinitions?$select=ReferencedEntity", ""); a.status != 400 {
		t.Errorf("a property of the derived type: %d", a.status)
	}
}

func TestAKeyIsReactivatedOnceItsValuesAreUnique(t *testing.T) { // 6.3
	e := things(t)
	for range 2 {
		e.must("POST", "cr1_things", `{"cr1_name":"same"}`)
	}
	status := func() string {
		return fmt.Sprint(e.do("GET", thing+"/Keys?$select=EntityKeyIndexStatus", "").object(t)["value"].([]any)[0].(map[string]any)["EntityKeyIndexStatus"])
	}
	reactivate := func() answer {
		return e.do("POST", "ReactivateEntityKey", `{"EntityLogicalName":"cr1_thing","EntityKeyLogicalName":"cr1_namekey"}`)
	}
	if a := reactivate(); a.status != 204 || status() != "Failed" {
		t.Errorf("with duplicates: %d, %s", a.status, status())
	}
	e.must("DELETE", "cr1_things("+e.Rows("cr1_thing")[1].Text("cr1_thingid")+")", "")
	if a := reactivate(); a.status != 204 || status() != "Active" {
		t.Errorf("without: %d, %s", a.status, status())
	}
	if a := e.do("GET", "cr1_things(cr1_name='same')", ""); a.status != 200 {
		t.Errorf("by the key: %d %s", a.status, a.body)
	}
	if a := e.do("POST", "cr1_things", `{"cr1_name":"Same"}`); a.status != 412 {
		t.Errorf("a duplicate: %d", a.status)
	}
	if !e.SetKeyStatus("cr1_thing", "cr1_namekey", schema.InProgress) || status() != "InProgress" || e.SetKeyStatus("cr1_thing", "nokey", schema.Active) {
		t.Errorf("set: %s", status())
	}
	if a := e.do("GET", "cr1_things(cr1_name='same')", ""); a.status != 400 {
		t.Errorf("by a key that is being built: %d", a.status)
	}
	for _, body := range []string{`{"EntityLogicalName":"x"}`, `{"EntityLogicalName":"account","EntityKeyLogicalName":"x"}`} {
		if a := e.do("POST", "ReactivateEntityKey", body); a.status != 404 {
			t.Errorf("%s: %d", body, a.status)
		}
	}
}

func TestTheServiceDocumentNamesEverySet(t *testing.T) { // 7
	e := things(t)
	names, whole := e.list("")
	if !slices.Contains(names, "cr1_things") || !slices.Contains(names, "EntityDefinitions") || !strings.HasSuffix(whole["@odata.context"].(string), "/api/data/v9.2/$metadata") {
		t.Errorf("%v", whole)
	}
}

func TestImagesAndFilesAreMetadataOnly(t *testing.T) {
	e := things(t)
	if a := e.do("POST", "cr1_things", `{"cr1_photo":"aGk="}`); a.status != 501 {
		t.Errorf("an image: %d %s", a.status, a.body)
	}
	e.must("POST", "cr1_things", `{"cr1_photo":null}`)
}

func TestUsersTheirUnitsAndRolesAreRows(t *testing.T) {
	e := start(t, emulator.Config{})
	me := e.do("GET", "WhoAmI", "").object(t)
	user := e.do("GET", "systemusers("+me["UserId"].(string)+")?$select=accessmode,_businessunitid_value", "").object(t)
	if user["_businessunitid_value"] != me["BusinessUnitId"] || user["accessmode"] != 4.0 {
		t.Errorf("the user: %v", user)
	}
	if names, _ := e.list("businessunits?$select=name"); len(names) != 1 {
		t.Errorf("business units: %v", names)
	}
	if names, _ := e.list("roles?$select=name"); !slices.Contains(names, "System Administrator") {
		t.Errorf("roles: %v", names)
	}
}

func TestAnActivityIsBoundToWhatItIsAbout(t *testing.T) { // 2.8
	e := start(t, emulator.Config{})
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha"}`)
	e.must("POST", "tasks", `{"subject":"Call","regardingobjectid_account_task@odata.bind":"/accounts(accountnumber='A-1')"}`)
	if a := e.do("POST", "tasks", `{"subject":"x","regardingobjectid_account@odata.bind":"/accounts(accountnumber='A-1')"}`); a.status != 400 {
		t.Errorf("without the activity's name: %d", a.status)
	}
	if a := e.do("GET", "accounts(accountnumber='A-1')/Account_Tasks?$select=subject", ""); !strings.Contains(a.body, `"subject":"Call"`) {
		t.Errorf("tasks: %d %s", a.status, a.body)
	}
	got := e.do("GET", "EntityDefinitions(LogicalName='task')?$select=IsActivity,PrimaryIdAttribute,Privileges", "").object(t)
	if got["IsActivity"] != true || got["PrimaryIdAttribute"] != "activityid" || !strings.Contains(fmt.Sprint(got["Privileges"]), "Name:prvCreateActivity") {
		t.Errorf("the definition: %v", got)
	}
}
