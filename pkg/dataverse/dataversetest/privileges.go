package dataversetest

import "strings"

// privilegeCases are section 1.4: the verb that a user lacks on a table, in the words in which Dataverse names it.
func privilegeCases() []testCase {
	var cases []testCase
	for _, c := range []struct {
		fact, lacks, table, label, number string
		do                                func(*session) *answer
	}{
		{"a create needs Create", "prvCreateAccount", "account", "Account", "1", func(s *session) *answer {
			return s.post("accounts", `{"name":"{mark}"}`)
		}},
		{"an upsert that creates needs Create", "prvCreateContact", "contact", "Contact", "2", func(s *session) *answer {
			return s.patch("contacts({id})", `{"lastname":"{mark}"}`)
		}},
		{"an update needs Write", "prvWriteAccount", "account", "Account", "1", func(s *session) *answer {
			s.account()
			return s.patch("accounts({id})", `{"name":"{mark}"}`, "If-Match: *")
		}},
		{"an upsert that updates needs Write", "prvWriteContact", "contact", "Contact", "2", func(s *session) *answer {
			s.contact()
			return s.patch("contacts({id2})", `{"jobtitle":"{mark}"}`)
		}},
		{"setting one column needs Write", "prvWriteAccount", "account", "Account", "1", func(s *session) *answer {
			s.account()
			return s.put("accounts({id})/fax", `{"value":"1"}`)
		}},
		{"reading a row needs Read", "prvReadAccount", "account", "Account", "1", func(s *session) *answer {
			s.account()
			return s.get("accounts({id})")
		}},
		{"reading a set needs Read", "prvReadContact", "contact", "Contact", "2", func(s *session) *answer {
			return s.get("contacts?$top=1")
		}},
		{"a delete needs Delete", "prvDeleteAccount", "account", "Account", "1", func(s *session) *answer {
			s.account()
			return s.remove("accounts({id})")
		}},
		{"binding a lookup needs Append on the written table", "prvAppendAccount", "account", "Account", "1", func(s *session) *answer {
			s.contact()
			return s.post("accounts", `{"accountid":"{id}","name":"{mark}","primarycontactid@odata.bind":"/contacts({id2})"}`)
		}},
		{"binding a lookup needs AppendTo on its target", "prvAppendToContact", "contact", "Contact", "2", func(s *session) *answer {
			s.contact()
			return s.post("accounts", `{"accountid":"{id}","name":"{mark}","primarycontactid@odata.bind":"/contacts({id2})"}`)
		}},
	} {
		cases = append(cases, testCase{"1.4", c.fact, []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{c.lacks}}}})
			c.do(s).refused(403, "0x80040220").matches(`^Principal user \(Id=` + guid + `, type=8, roleCount=\d+, privilegeCount=\d+, accessMode='\d [^']+', ` +
				`AADObjectId='` + guid + `', MetadataCachePrivilegesCount=\d+, businessUnitId=` + guid + `\), is missing ` + c.lacks + ` privilege \(Id=` + guid + `\) on OTC=` +
				c.number + ` for entity '` + c.table + `' \(LocalizedName='` + c.label + `'\)\. context\.Caller=` + guid +
				`\. Consider adding missed privilege to one of the principal \(user/team\) roles\.`)
		}})
	}
	return append(cases,
		testCase{"1.4", "giving an existing row to another owner needs Assign", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvAssignAccount"}}, {}}})
			s.account()
			other := s.as(1).get("WhoAmI").is(200).text("UserId")
			s.patch("accounts({id})", `{"ownerid@odata.bind":"/systemusers(`+other+`)"}`).refused(403, "0x80040220", "is missing prvAssignAccount privilege")
		}},
		testCase{"1.4", "an owner who cannot read the table cannot be given a row of it", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{}, {Lacks: []string{"prvReadAccount"}}}})
			s.account()
			other := s.as(1).get("WhoAmI").is(200).text("UserId")
			s.patch("accounts({id})", `{"ownerid@odata.bind":"/systemusers(`+other+`)"}`).refused(403, "0x80040231")
		}},
		testCase{"1.4", "a custom table's privileges are named after its schema name", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvCreatenew_Membership"}}}})
			s.post("new_memberships", `{"new_name":"{mark}"}`).refused(403, "0x80040220", "is missing prvCreatenew_Membership privilege", "entity 'new_membership'")
		}},
		testCase{"1.4", "what is refused for a privilege is not done", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvWriteAccount", "prvDeleteAccount"}}}})
			s.account()
			s.patch("accounts({id})", `{"name":"other"}`).is(403)
			s.remove("accounts({id})").is(403)
			s.get("accounts({id})?$select=name").is(200).holds("name", s.say("{mark}"))
		}},
		testCase{"3.3", "a missing privilege is the verdict on one row of a batch", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvCreateContact"}}}})
			outer, parts := s.batch(frame(
				op("PATCH", "accounts({id})", `{"name":"{mark}"}`), op("PATCH", "contacts({id2})", `{"lastname":"{mark}"}`), op("DELETE", "accounts({id})", ""),
			), continueOnError)
			outer.is(200)
			s.expect(parts, 204, 403, 204)
			parts[1].refused(403, "0x80040220", "prvCreateContact")
		}},
		testCase{"1.4", "a missing privilege is named in the annotations", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvCreateContact"}}}})
			s.post("contacts", `{"lastname":"{mark}"}`, `Prefer: odata.include-annotations="*"`).is(403).
				holds("error/@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionMessageName", "PrivilegeDenied").
				holds("error/@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionHttpStatusCode", "403")
		}},
		testCase{"6.5", "metadata is open to whoever may write nothing", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvCreateContact", "prvWriteContact", "prvDeleteContact"}}}})
			s.get("EntityDefinitions(LogicalName='contact')?$select=LogicalName").is(200)
		}},
		testCase{"1.4", "to act for another user needs prvActOnBehalfOfAnotherUser", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvActOnBehalfOfAnotherUser"}}, {}}})
			other := s.as(1).get("WhoAmI").is(200).text("UserId")
			s.post("accounts", `{"name":"{mark}"}`, "MSCRMCallerID: "+other).refused(403, "0x8004a110")
		}},
		testCase{"2.1", "whoever acts for another user is that user", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{}, {}}})
			other := s.as(1).get("WhoAmI").is(200).text("UserId")
			s.post("accounts", `{"accountid":"{id}","name":"{mark}"}`, "MSCRMCallerID: "+other).is(204)
			s.get("accounts({id})?$select=_ownerid_value").is(200).holds("_ownerid_value", other)
		}},
		testCase{"2.1", "another user can be named by the id that Entra knows", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{}, {}}})
			other := s.as(1).get("WhoAmI").is(200).text("UserId")
			object := s.get("systemusers(" + other + ")?$select=azureactivedirectoryobjectid").is(200).text("azureactivedirectoryobjectid")
			s.post("accounts", `{"accountid":"{id}","name":"{mark}"}`, "CallerObjectId: "+object).is(204)
			s.get("accounts({id})?$select=_ownerid_value").is(200).holds("_ownerid_value", other)
		}},
		testCase{"3.1", "one operation of a batch can act for another user", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{}, {}}})
			me, other := s.get("WhoAmI").is(200).text("UserId"), s.as(1).get("WhoAmI").is(200).text("UserId")
			_, parts := s.batch(frame(
				op("PATCH", "accounts({id})", `{"name":"{mark}"}`, "MSCRMCallerID: "+other), op("PATCH", "accounts({id2})", `{"name":"{mark}"}`),
			))
			s.expect(parts, 204, 204)
			s.get("accounts({id})?$select=_ownerid_value").is(200).holds("_ownerid_value", other)
			s.get("accounts({id2})?$select=_ownerid_value").is(200).holds("_ownerid_value", me)
		}},
		testCase{"2.1", "bypassing plug-ins needs its privilege", []need{variants, guesses}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvBypassCustomPlugins"}}}})
			s.post("accounts", `{"name":"{mark}"}`, "MSCRM.BypassCustomPluginExecution: true").refused(403, "0x80040220", "prvBypassCustomPlugins")
		}},
		testCase{"2.1", "bypassing business logic needs its privilege", []need{variants, guesses}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvBypassCustomBusinessLogic"}}}})
			s.post("accounts", `{"name":"{mark}"}`, "MSCRM.BypassBusinessLogicExecution: CustomSync").refused(403, "0x80040220", "prvBypassCustomBusinessLogic")
		}},
		testCase{"1.4", "a secured column cannot be written without permission", []need{variants, guesses}, func(s *session) {
			s = s.variant(Variant{Secured: map[string][]string{"contact": {"governmentid"}}})
			s.contact()
			s.patch("contacts({id2})", `{"governmentid":"1"}`).refused(403, "0x8004f507", "Caller user with Id ", " does not have update permissions to a ", " secured field on entity ")
		}},
		testCase{"1.4", "a secured column cannot be set on a create without permission", []need{variants, guesses}, func(s *session) {
			s = s.variant(Variant{Secured: map[string][]string{"contact": {"governmentid"}}})
			s.post("contacts", `{"lastname":"{mark}","governmentid":"1"}`).refused(403, "0x8004f502")
		}})
}

// depthCases are sections 1.4 and 6.5: privileges that reach only some rows.
func depthCases() []testCase {
	with := func(s *session, depth string, apart bool, privileges ...string) *session {
		depths := map[string]string{}
		for _, p := range privileges {
			depths[p] = depth
		}
		return s.variant(Variant{Users: []User{{}, {Depth: depths, Apart: apart}}})
	}
	return []testCase{
		{"1.4", "Write of depth Basic does not reach another owner's row", []need{variants}, func(s *session) {
			s = with(s, "Basic", false, "prvWriteContact")
			s.contact()
			s.as(1).patch("contacts({id2})", `{"jobtitle":"x"}`).refused(403, "0x80040220|0x80048306")
		}},
		{"1.4", "the refusal of a single row names the right, the row and the table", []need{variants}, func(s *session) {
			s = with(s, "Basic", false, "prvWriteContact")
			s.contact()
			s.as(1).patch("contacts({id2})", `{"jobtitle":"x"}`).is(403).says("WriteAccess", s.say("{id2}"), "contact")
		}},
		{"1.4", "Write of depth Basic reaches the own row", []need{variants}, func(s *session) {
			s = with(s, "Basic", false, "prvWriteContact").as(1)
			s.contact()
			s.patch("contacts({id2})", `{"jobtitle":"x"}`).is(204)
		}},
		{"1.4", "Write of depth Local reaches the rows of the own business unit", []need{variants}, func(s *session) {
			s = with(s, "Local", false, "prvWriteContact")
			s.contact()
			s.as(1).patch("contacts({id2})", `{"jobtitle":"x"}`).is(204)
		}},
		{"1.4", "Write of depth Local does not reach another business unit", []need{variants}, func(s *session) {
			s = with(s, "Local", true, "prvWriteContact")
			s.contact()
			s.as(1).patch("contacts({id2})", `{"jobtitle":"x"}`).refused(403, "0x80040220|0x80048306")
		}},
		{"1.4", "Delete of depth Basic does not reach another owner's row", []need{variants}, func(s *session) {
			s = with(s, "Basic", false, "prvDeleteContact")
			s.contact()
			s.as(1).remove("contacts({id2})").refused(403, "0x80040220|0x80048306")
		}},
		{"1.4", "Read of depth Basic does not reach another owner's row", []need{variants}, func(s *session) {
			s = with(s, "Basic", false, "prvReadContact")
			s.contact()
			s.as(1).get("contacts({id2})").refused(403, "0x80040220|0x80048306")
		}},
		{"1.4", "a set shows only the rows that Read reaches", []need{variants}, func(s *session) {
			s = with(s, "Basic", false, "prvReadContact")
			s.contact()
			s.as(1).must(s.as(1).post("contacts", `{"lastname":"{mark}","jobtitle":"own"}`))
			s.as(1).get("contacts?$select=jobtitle&$filter=lastname%20eq%20'{mark}'").rows(1).holds("value/0/jobtitle", "own")
		}},
		{"6.5", "RetrieveUserPrivileges lists privileges with their depth", nil, func(s *session) {
			me := s.get("WhoAmI").is(200).text("UserId")
			a := s.get("systemusers(" + me + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges").is(200)
			a.hasText("RolePrivileges/0/Depth", "RolePrivileges/0/PrivilegeId", "RolePrivileges/0/BusinessUnitId", "RolePrivileges/0/PrivilegeName")
		}},
		{"6.5", "RetrieveUserPrivileges may have parentheses", nil, func(s *session) {
			me := s.get("WhoAmI").is(200).text("UserId")
			s.get("systemusers(" + me + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()").is(200).has("RolePrivileges/0")
		}},
		{"6.5", "a privilege that is not held is not listed", []need{variants}, func(s *session) {
			s = s.variant(Variant{Users: []User{{Lacks: []string{"prvWriteContact"}}}})
			if d := depthOf(s, "prvReadContact"); d != "Global" {
				s.Errorf("prvReadContact is held with the depth %q", d)
			}
			if d := depthOf(s, "prvWriteContact"); d != "" {
				s.Errorf("prvWriteContact is listed with the depth %q", d)
			}
		}},
		{"6.5", "a depth less than Global is listed", []need{variants}, func(s *session) {
			s = with(s, "Local", false, "prvWriteContact").as(1)
			if d := depthOf(s, "prvWriteContact"); d != "Local" {
				s.Errorf("prvWriteContact is listed with the depth %q", d)
			}
		}},
		{"6.5", "RetrievePrincipalAccess lists the rights to one row", nil, func(s *session) {
			s.contact()
			me := s.get("WhoAmI").is(200).text("UserId")
			s.get("systemusers(" + me + ")/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)?@t={'@odata.id':'contacts({id2})'}").is(200).
				hasText("AccessRights")
		}},
		{"6.5", "RetrievePrincipalAccess leaves out the rights that depth withholds", []need{variants}, func(s *session) {
			s = with(s, "Basic", false, "prvWriteContact")
			s.contact()
			other := s.as(1).get("WhoAmI").is(200).text("UserId")
			a := s.get("systemusers(" + other + ")/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)?@t={'@odata.id':'contacts({id2})'}").is(200)
			if rights := ", " + a.text("AccessRights") + ","; !strings.Contains(rights, ", ReadAccess,") || strings.Contains(rights, ", WriteAccess,") {
				a.errorf("it should have ReadAccess and no WriteAccess")
			}
		}},
	}
}

// depthOf returns the depth in which the session's user holds a privilege, "" when it is not held.
func depthOf(s *session, privilege string) string {
	s.Helper()
	me := s.get("WhoAmI").is(200).text("UserId")
	for _, p := range s.get("systemusers(" + me + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()").is(200).list("RolePrivileges") {
		if p, _ := p.(map[string]any); p["PrivilegeName"] == privilege {
			depth, _ := p["Depth"].(string)
			return depth
		}
	}
	return ""
}
