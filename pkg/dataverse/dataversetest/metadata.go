package dataversetest

import (
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"
)

const (
	ofAccount    = "EntityDefinitions(LogicalName='account')"
	ofContact    = "EntityDefinitions(LogicalName='contact')"
	ofMembership = "EntityDefinitions(LogicalName='new_membership')"
	crm          = "Microsoft.Dynamics.CRM."
)

// entry returns the element of a list whose property has the value, nil when there is none.
func (a *answer) entry(list, property, value string) map[string]any {
	a.t.Helper()
	for _, v := range a.is(200).list(list) {
		if v, _ := v.(map[string]any); v[property] == value {
			return v
		}
	}
	a.errorf("%s has no entry whose %s is %s", list, property, value)
	return map[string]any{}
}

// tableCases are sections 6.1 to 6.3: tables and keys.
func tableCases() []testCase {
	return []testCase{
		{"6.2", "a table says its names", nil, func(s *session) {
			a := s.get(ofContact + "?$select=LogicalName,SchemaName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute").is(200)
			a.holds("LogicalName", "contact").holds("SchemaName", "Contact").holds("EntitySetName", "contacts").
				holds("PrimaryIdAttribute", "contactid").holds("PrimaryNameAttribute", "fullname")
		}},
		{"6.2", "a table says what can be done with it", nil, func(s *session) {
			s.get(ofAccount+"?$select=OwnershipType,TableType,IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled,IsActivity").is(200).
				holds("OwnershipType", "UserOwned").holds("TableType", "Standard").holds("IsOptimisticConcurrencyEnabled", true).holds("IsActivity", false).has("ChangeTrackingEnabled")
		}},
		{"6.1", "MetadataId is there without being selected", nil, func(s *session) {
			s.get(ofAccount+"?$select=LogicalName").is(200).headerMatches("Content-Type", "^application/json").hasText("MetadataId").hasNot("SchemaName")
		}},
		{"6.2", "the context is that of one entity definition", nil, func(s *session) {
			if a := s.get(ofAccount + "?$select=LogicalName").is(200); !strings.Contains(a.text("@odata.context"), "$metadata#EntityDefinitions") || !strings.HasSuffix(a.text("@odata.context"), "/$entity") {
				a.errorf("the context is %q", a.text("@odata.context"))
			}
		}},
		{"6.1", "a label has its languages and the user's", nil, func(s *session) {
			a := s.get(ofAccount + "?$select=DisplayName").is(200)
			a.hasText("DisplayName/LocalizedLabels/0/Label").has("DisplayName/LocalizedLabels/0/LanguageCode", "DisplayName/UserLocalizedLabel")
		}},
		{"6.1", "the languages of labels can be limited", nil, func(s *session) {
			a := s.get(ofAccount + "?$select=DisplayName&LabelLanguages=1033").is(200)
			for _, l := range a.list("DisplayName/LocalizedLabels") {
				if l, _ := l.(map[string]any); l["LanguageCode"] != 1033.0 {
					a.errorf("there is a label of %v", l["LanguageCode"])
				}
			}
		}},
		{"6.2", "a table that does not exist is not found", nil, func(s *session) {
			s.get("EntityDefinitions(LogicalName='penstock_nosuchtable')?$select=LogicalName").is(404)
		}},
		{"6.2", "a table can be addressed by its MetadataId", nil, func(s *session) {
			id := s.get(ofAccount + "?$select=LogicalName").is(200).text("MetadataId")
			s.get("EntityDefinitions("+id+")?$select=LogicalName").is(200).holds("LogicalName", "account")
		}},
		{"6.2", "tables can be listed", nil, func(s *session) {
			a := s.get("EntityDefinitions?$select=LogicalName,EntitySetName,DisplayName&$filter=IsPrivate%20eq%20false%20and%20IsIntersect%20eq%20false")
			if e := a.entry("value", "LogicalName", "account"); e["EntitySetName"] != "accounts" || e["MetadataId"] == nil {
				a.errorf("account is listed as %v", e)
			}
			a.hasNot("@odata.nextLink")
		}},
		{"6.1", "tables can be filtered by name", nil, func(s *session) {
			s.get("EntityDefinitions?$select=LogicalName&$filter=LogicalName%20eq%20'contact'").rows(1).holds("value/0/LogicalName", "contact")
		}},
		{"6.1", "tables can be filtered by an enumeration's member", nil, func(s *session) {
			a := s.get("EntityDefinitions?$select=LogicalName,OwnershipType&$filter=OwnershipType%20eq%20Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'")
			a.entry("value", "LogicalName", "account")
			for _, e := range a.list("value") {
				if e, _ := e.(map[string]any); e["OwnershipType"] != "UserOwned" {
					a.errorf("%v is listed", e)
				}
			}
		}},
		{"6.1", "tables can be filtered by a managed property", nil, func(s *session) {
			s.get("EntityDefinitions?$select=LogicalName&$filter=IsCustomizable/Value%20eq%20true").entry("value", "LogicalName", "account")
		}},
		{"6.3", "keys can be expanded", byKey(), func(s *session) {
			a := s.get(ofAccount + "?$select=LogicalName&$expand=Keys($select=LogicalName,SchemaName,KeyAttributes,EntityKeyIndexStatus)").is(200)
			k := a.at("Keys/0")
			if k, _ := k.(map[string]any); k["LogicalName"] == nil || k["SchemaName"] == nil || k["KeyAttributes"] == nil || k["EntityKeyIndexStatus"] == nil {
				a.errorf("the first key is %v", k)
			}
		}},
		{"6.3", "keys can be listed", byKey(), func(s *session) {
			a := s.get(ofAccount + "/Keys?$select=SchemaName,LogicalName,KeyAttributes,EntityKeyIndexStatus,EntityLogicalName,DisplayName").is(200)
			a.holds("value/0/EntityLogicalName", "account").hasText("value/0/DisplayName/LocalizedLabels/0/Label")
		}},
		{"6.3", "a key names a lookup by its logical name", byContact(), func(s *session) {
			a := s.get(ofMembership + "/Keys?$select=KeyAttributes").is(200)
			for _, k := range a.list("value") {
				k, _ := k.(map[string]any)
				columns, _ := k["KeyAttributes"].([]any)
				if len(columns) == 2 && columns[0] == "new_contact" && columns[1] == "new_tier" {
					return
				}
			}
			a.errorf("no key is new_contact, new_tier")
		}},
		{"6.3", "a key says whether its index can be used", compound(), func(s *session) {
			a := s.get(ofMembership + "/Keys?$select=LogicalName,EntityKeyIndexStatus").is(200)
			statuses := map[any]bool{}
			for _, k := range a.list("value") {
				k, _ := k.(map[string]any)
				statuses[k["EntityKeyIndexStatus"]] = true
			}
			if !statuses["Active"] {
				a.errorf("no key is Active")
			}
			for status := range statuses {
				if status != "Active" && status != "Failed" && status != "Pending" && status != "InProgress" {
					a.errorf("%v is no status", status)
				}
			}
		}},
		{"6.5", "a table lists its privileges, one for each verb", nil, func(s *session) {
			a := s.get(ofContact + "?$select=Privileges").is(200)
			for verb, privilege := range map[string]string{
				"Create": "prvCreateContact", "Read": "prvReadContact", "Write": "prvWriteContact", "Delete": "prvDeleteContact",
				"Assign": "prvAssignContact", "Share": "prvShareContact", "Append": "prvAppendContact", "AppendTo": "prvAppendToContact",
			} {
				if p := a.entry("Privileges", "PrivilegeType", verb); p["Name"] != privilege || p["PrivilegeId"] == nil || p["CanBeGlobal"] != true {
					a.errorf("%s is %v", verb, p)
				}
			}
		}},
		{"6.5", "a privilege says which depths it can have", nil, func(s *session) {
			s.get(ofContact+"?$select=Privileges").is(200).
				has("Privileges/0/CanBeBasic", "Privileges/0/CanBeDeep", "Privileges/0/CanBeLocal", "Privileges/0/CanBeEntityReference", "Privileges/0/CanBeParentEntityReference")
		}},
		{"6.5", "the privileges of users have a name of their own", nil, func(s *session) {
			a := s.get("EntityDefinitions(LogicalName='systemuser')?$select=Privileges").is(200)
			if p := a.entry("Privileges", "PrivilegeType", "Read"); p["Name"] != "prvReadUser" {
				a.errorf("Read is %v", p)
			}
		}},
		{"6.3", "a failed key can be built again", []need{variants}, func(s *session) {
			s = s.variant(Variant{})
			a := s.get(ofMembership + "/Keys?$select=LogicalName,EntityKeyIndexStatus").is(200)
			failed := a.entry("value", "EntityKeyIndexStatus", "Failed")
			name, _ := failed["LogicalName"].(string)
			s.post("ReactivateEntityKey", `{"EntityLogicalName":"new_membership","EntityKeyLogicalName":"`+name+`"}`).is(204)
			b := s.get(ofMembership + "/Keys?$select=LogicalName,EntityKeyIndexStatus").is(200)
			if k := b.entry("value", "LogicalName", name); k["EntityKeyIndexStatus"] == "Failed" {
				b.errorf("it should not be Failed any longer")
			}
		}},
		{"6.1", "option sets of their own can be listed", nil, func(s *session) {
			s.get("GlobalOptionSetDefinitions?$select=Name").is(200).has("value")
		}},
		{"6.1", "relationships can be listed", nil, func(s *session) {
			s.get("RelationshipDefinitions?$select=SchemaName").is(200).hasText("value/0/SchemaName")
		}},
		{"7", "the service document lists the sets", nil, func(s *session) {
			a := s.get("{root}").is(200)
			if e := a.entry("value", "name", "accounts"); e["kind"] != "EntitySet" || e["url"] != "accounts" {
				a.errorf("accounts is %v", e)
			}
		}},
		{"7", "$metadata is well-formed XML", nil, func(s *session) {
			a := s.get("$metadata", "Accept: application/xml").is(200).headerMatches("Content-Type", "^application/xml")
			decoder := xml.NewDecoder(strings.NewReader(a.body))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					return
				} else if err != nil {
					a.fatalf("%v", err)
				}
			}
		}},
		{"7", "$metadata has tables, properties and sets", nil, func(s *session) {
			a := s.get("$metadata", "Accept: application/xml").is(200)
			for _, text := range []string{
				`<EntityType Name="account"`, `<PropertyRef Name="accountid"`, `<Property Name="numberofemployees" Type="Edm.Int32"`, `<Property Name="birthdate" Type="Edm.Date"`,
				`<Property Name="lastusedincampaign" Type="Edm.DateTimeOffset"`, `<NavigationProperty Name="primarycontactid"`, `<EntitySet Name="accounts"`,
			} {
				if !strings.Contains(a.body, text) {
					a.errorf("it should hold %s", text)
				}
			}
		}},
	}
}

// columnCases are section 6.4.
func columnCases() []testCase {
	custom := []need{table("new_membership")}
	column := func(s *session, of, name string) map[string]any {
		s.Helper()
		return s.get(of+"/Attributes?$select=LogicalName,SchemaName,AttributeType,AttributeTypeName,IsValidForCreate,IsValidForUpdate,IsValidForRead,"+
			"RequiredLevel,IsPrimaryId,IsPrimaryName,IsSecured,AttributeOf,SourceType").entry("value", "LogicalName", name)
	}
	cases := []testCase{
		{"6.4", "a column says its names and types", nil, func(s *session) {
			c := column(s, ofAccount, "numberofemployees")
			named, _ := c["AttributeTypeName"].(map[string]any)
			if c["SchemaName"] != "NumberOfEmployees" || c["AttributeType"] != "Integer" || named["Value"] != "IntegerType" || c["@odata.type"] != "#"+crm+"IntegerAttributeMetadata" {
				s.Errorf("%v", c)
			}
		}},
		{"6.4", "a column says whether it can be written", nil, func(s *session) {
			if c := column(s, ofAccount, "name"); c["IsValidForCreate"] != true || c["IsValidForUpdate"] != true || c["IsValidForRead"] != true {
				s.Errorf("name: %v", c)
			}
			if c := column(s, ofAccount, "createdon"); c["IsValidForCreate"] != false || c["IsValidForUpdate"] != false {
				s.Errorf("createdon: %v", c)
			}
		}},
		{"6.4", "a column says whether it is the row's id or name", nil, func(s *session) {
			if c := column(s, ofAccount, "accountid"); c["IsPrimaryId"] != true || c["IsPrimaryName"] != false || c["AttributeType"] != "Uniqueidentifier" {
				s.Errorf("accountid: %v", c)
			}
			if c := column(s, ofAccount, "name"); c["IsPrimaryName"] != true {
				s.Errorf("name: %v", c)
			}
		}},
		{"6.4", "a column's required level is a managed property", nil, func(s *session) {
			for name, level := range map[string]string{"name": "ApplicationRequired", "accountid": "SystemRequired", "fax": "None"} {
				required, _ := column(s, ofAccount, name)["RequiredLevel"].(map[string]any)
				if required["Value"] != level || required["ManagedPropertyLogicalName"] == nil || required["CanBeChanged"] == nil {
					s.Errorf("%s: %v", name, required)
				}
			}
		}},
		{"6.4", "several choices are Virtual, and told by the type's name", custom, func(s *session) {
			c := column(s, ofMembership, "new_interests")
			if named, _ := c["AttributeTypeName"].(map[string]any); c["AttributeType"] != "Virtual" || named["Value"] != "MultiSelectPicklistType" {
				s.Errorf("%v", c)
			}
		}},
		{"6.4", "state, reason and owner have types of their own", nil, func(s *session) {
			for name, kind := range map[string]string{"statecode": "State", "statuscode": "Status", "ownerid": "Owner", "primarycontactid": "Lookup", "versionnumber": "BigInt"} {
				if c := column(s, ofAccount, name); c["AttributeType"] != kind {
					s.Errorf("%s: %v", name, c)
				}
			}
			if c := column(s, ofContact, "parentcustomerid"); c["AttributeType"] != "Customer" {
				s.Errorf("parentcustomerid: %v", c)
			}
		}},
		{"6.4", "the name of a lookup is a column of that lookup", nil, func(s *session) {
			if c := column(s, ofAccount, "primarycontactidname"); c["AttributeOf"] != "primarycontactid" {
				s.Errorf("%v", c)
			}
		}},
		{"6.4", "the base of money is a column of that money", nil, func(s *session) {
			if c := column(s, ofAccount, "revenue_base"); c["IsValidForCreate"] != false {
				s.Errorf("%v", c)
			}
		}},
		{"6.4", "columns without a cast have no properties of their type", nil, func(s *session) {
			s.get(ofAccount + "/Attributes?$select=LogicalName,MaxLength").fails()
		}},
		{"6.4", "columns of all enumerations together cannot be asked for", nil, func(s *session) {
			s.get(ofAccount + "/Attributes/" + crm + "EnumAttributeMetadata?$select=LogicalName").fails()
		}},
		{"6.4", "images and files have casts", nil, func(s *session) {
			s.get(ofAccount + "/Attributes/" + crm + "ImageAttributeMetadata?$select=LogicalName,MaxSizeInKB,IsPrimaryImage").is(200).has("value")
			s.get(ofAccount + "/Attributes/" + crm + "FileAttributeMetadata?$select=LogicalName,MaxSizeInKB").is(200).has("value")
		}},
		{"6.4", "one column can be read", nil, func(s *session) {
			s.get(ofAccount+"/Attributes(LogicalName='name')?$select=LogicalName,AttributeType").is(200).holds("LogicalName", "name").holds("AttributeType", "String")
		}},
		{"6.4", "one column can be read by its type", nil, func(s *session) {
			s.get(ofAccount+"/Attributes(LogicalName='address1_postalcode')/"+crm+"StringAttributeMetadata?$select=LogicalName,MaxLength").is(200).holds("MaxLength", 20)
		}},
		{"6.4", "one choice's options can be read", nil, func(s *session) {
			a := s.get(ofAccount + "/Attributes(LogicalName='industrycode')/" + crm + "PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)").is(200)
			a.holds("OptionSet/Options/0/Value", 1).hasText("OptionSet/Options/0/Label/LocalizedLabels/0/Label").has("GlobalOptionSet")
		}},
		{"6.4", "a column that does not exist is not found", nil, func(s *session) {
			s.get(ofAccount + "/Attributes(LogicalName='nosuchcolumn')").is(404)
		}},
		{"6.4", "a lookup's navigation property can be read", nil, func(s *session) {
			r := relationship(s, ofAccount, "primarycontactid", "contact")
			if r["ReferencingEntityNavigationPropertyName"] != "primarycontactid" || r["ReferencedAttribute"] != "contactid" || r["SchemaName"] == nil {
				s.Errorf("%v", r)
			}
		}},
		{"6.4", "a lookup of several tables has a relationship to each", nil, func(s *session) {
			for _, target := range []string{"account", "contact"} {
				if r := relationship(s, ofContact, "parentcustomerid", target); r["ReferencingEntityNavigationPropertyName"] != "parentcustomerid_"+target {
					s.Errorf("%v", r)
				}
			}
		}},
		{"6.4", "a custom lookup's navigation property has capitals", custom, func(s *session) {
			if r := relationship(s, ofMembership, "new_contact", "contact"); r["ReferencingEntityNavigationPropertyName"] != "new_Contact" {
				s.Errorf("%v", r)
			}
		}},
		{"6.4", "relationships can be expanded", nil, func(s *session) {
			s.get(ofContact+"?$select=LogicalName&$expand=ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName)").
				entry("ManyToOneRelationships", "ReferencingEntityNavigationPropertyName", "parentcustomerid_account")
		}},
		{"6.4", "columns can be expanded", nil, func(s *session) {
			s.get(ofContact+"?$select=LogicalName&$expand=Attributes($select=LogicalName,AttributeType)").entry("Attributes", "LogicalName", "lastname")
		}},
		{"6.4", "columns can be filtered", nil, func(s *session) {
			s.get(ofContact+"/Attributes?$select=LogicalName&$filter="+url.PathEscape("LogicalName eq 'lastname'")).rows(1).holds("value/0/LogicalName", "lastname")
		}},
	}
	for _, c := range []struct {
		cast, of, column string
		has              map[string]any // nil: there is something
		needs            []need
	}{
		{"String", ofAccount, "address1_postalcode", map[string]any{"MaxLength": 20.0, "Format": nil, "FormatName": nil}, nil},
		{"Memo", ofAccount, "description", map[string]any{"MaxLength": 2000.0}, nil},
		{"Integer", ofAccount, "numberofemployees", map[string]any{"MinValue": 0.0, "MaxValue": 1000000000.0}, nil},
		{"BigInt", ofAccount, "versionnumber", map[string]any{"MinValue": nil, "MaxValue": nil}, nil},
		{"Double", ofAccount, "address1_latitude", map[string]any{"MinValue": -90.0, "MaxValue": 90.0, "Precision": 5.0}, nil},
		{"Money", ofAccount, "revenue", map[string]any{"MinValue": nil, "MaxValue": nil, "Precision": nil, "PrecisionSource": nil}, nil},
		{"Decimal", ofMembership, "new_score", map[string]any{"MinValue": -1000000.0, "MaxValue": 1000000.0, "Precision": 4.0}, custom},
	} {
		cases = append(cases, testCase{"6.4", "the cast to " + c.cast + "AttributeMetadata has that type's properties", c.needs, func(s *session) {
			properties := "LogicalName"
			for p := range c.has {
				properties += "," + p
			}
			e := s.get(c.of+"/Attributes/"+crm+c.cast+"AttributeMetadata?$select="+properties).entry("value", "LogicalName", c.column)
			for p, want := range c.has {
				if got, ok := e[p]; !ok || want != nil && got != want {
					s.Errorf("%s of %s is %v", p, c.column, got)
				}
			}
		}})
	}
	options := "?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"
	return append(cases,
		testCase{"6.4", "a date-time column says its format and behaviour", nil, func(s *session) {
			at := "/Attributes/" + crm + "DateTimeAttributeMetadata?$select=LogicalName,Format,DateTimeBehavior"
			birth, moment := s.get(ofContact+at).entry("value", "LogicalName", "birthdate"), s.get(ofAccount+at).entry("value", "LogicalName", "createdon")
			day, _ := birth["DateTimeBehavior"].(map[string]any)
			local, _ := moment["DateTimeBehavior"].(map[string]any)
			if birth["Format"] != "DateOnly" || day["Value"] != "DateOnly" || moment["Format"] != "DateAndTime" || local["Value"] != "UserLocal" {
				s.Errorf("birthdate: %v, createdon: %v", birth, moment)
			}
		}},
		testCase{"6.4", "a lookup says its targets", nil, func(s *session) {
			at := "/Attributes/" + crm + "LookupAttributeMetadata?$select=LogicalName,Targets"
			for name, targets := range map[string][]string{"parentcustomerid": {"account", "contact"}, "ownerid": {"systemuser", "team"}} {
				got, _ := s.get(ofContact+at).entry("value", "LogicalName", name)["Targets"].([]any)
				found := map[any]bool{}
				for _, t := range got {
					found[t] = true
				}
				if len(got) != len(targets) || !found[targets[0]] || !found[targets[1]] {
					s.Errorf("%s: %v", name, got)
				}
			}
		}},
		testCase{"6.4", "choices have values and labels", nil, func(s *session) {
			e := s.get(ofAccount+"/Attributes/"+crm+"PicklistAttributeMetadata"+options).entry("value", "LogicalName", "industrycode")
			if first := option(e, 0); first["Value"] != 1.0 || first["Label"] == nil {
				s.Errorf("%v", first)
			}
		}},
		testCase{"6.4", "several choices have values and labels", custom, func(s *session) {
			e := s.get(ofMembership+"/Attributes/"+crm+"MultiSelectPicklistAttributeMetadata"+options).entry("value", "LogicalName", "new_interests")
			if third := option(e, 2); third["Value"] != 3.0 || third["Label"] == nil {
				s.Errorf("%v", third)
			}
		}},
		testCase{"6.4", "states have values and labels", nil, func(s *session) {
			e := s.get(ofAccount+"/Attributes/"+crm+"StateAttributeMetadata"+options).entry("value", "LogicalName", "statecode")
			if first := option(e, 0); first["Value"] != 0.0 || first["Label"] == nil {
				s.Errorf("%v", first)
			}
		}},
		testCase{"6.4", "reasons name their state", nil, func(s *session) {
			e := s.get(ofAccount+"/Attributes/"+crm+"StatusAttributeMetadata"+options).entry("value", "LogicalName", "statuscode")
			if second := option(e, 1); second["Value"] != 2.0 || second["State"] != 1.0 {
				s.Errorf("%v", second)
			}
		}},
		testCase{"6.4", "booleans have a true and a false option", nil, func(s *session) {
			a := s.get(ofAccount + "/Attributes(LogicalName='donotphone')/" + crm + "BooleanAttributeMetadata?$select=LogicalName&$expand=OptionSet").is(200)
			a.holds("OptionSet/TrueOption/Value", 1).holds("OptionSet/FalseOption/Value", 0)
		}})
}

// option returns the i-th option of an entry's option set.
func option(entry map[string]any, i int) map[string]any {
	set, _ := entry["OptionSet"].(map[string]any)
	if options, _ := set["Options"].([]any); i < len(options) {
		o, _ := options[i].(map[string]any)
		return o
	}
	return nil
}

// relationship returns a table's many-to-one relationship by its lookup and the table that this refers to.
func relationship(s *session, of, lookup, target string) map[string]any {
	s.Helper()
	a := s.get(of + "/ManyToOneRelationships?$select=SchemaName,ReferencingAttribute,ReferencedEntity,ReferencedAttribute,ReferencingEntityNavigationPropertyName").is(200)
	for _, r := range a.list("value") {
		if r, _ := r.(map[string]any); r["ReferencingAttribute"] == lookup && r["ReferencedEntity"] == target {
			return r
		}
	}
	a.errorf("%s has no relationship to %s", lookup, target)
	return nil
}

// organizationCases are section 6.5: which organisation was reached.
func organizationCases() []testCase {
	const current = "RetrieveCurrentOrganization(AccessType=@p)?@p=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
	return []testCase{
		{"6.5", "the organisation says who it is", nil, func(s *session) {
			s.get(current).is(200).hasText("Detail/OrganizationId", "Detail/FriendlyName", "Detail/OrganizationVersion", "Detail/UrlName", "Detail/UniqueName").
				holds("Detail/OrganizationId", s.get("WhoAmI").text("OrganizationId"))
		}},
		{"6.5", "the organisation says where it is", nil, func(s *session) {
			s.get(current).is(200).holds("Detail/TenantId", s.run.Tenant).hasText("Detail/EnvironmentId", "Detail/Geo").has("Detail/DatacenterId", "Detail/Endpoints")
		}},
		{"6.5", "the user is a row of systemusers", nil, func(s *session) {
			me := s.get("WhoAmI").is(200).text("UserId")
			s.get("systemusers("+me+")?$select=fullname").is(200).holds("systemuserid", me)
		}},
		{"8.1", "a function with the wrong verb is no resource", nil, func(s *session) {
			s.post("WhoAmI", `{}`).is(404, 405)
		}},
	}
}
