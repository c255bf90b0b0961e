package dataversetest

import "strings"

// lookupCases are section 2.8: binding, clearing and reading of lookups.
func lookupCases() []testCase {
	custom := []need{table("new_membership")}
	cases := []testCase{
		{"2.8", "a lookup is bound by alternate key", []need{key("contact", "externaluseridentifier")}, func(s *session) {
			s.contact()
			s.account(`"primarycontactid@odata.bind":"contacts(externaluseridentifier='{mark}')"`)
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", s.say("{id2}"))
		}},
		{"2.8", "a bound lookup can be bound anew", nil, func(s *session) {
			s.contact()
			s.must(s.post("contacts", `{"contactid":"{id3}","lastname":"{mark}"}`))
			s.account(`"primarycontactid@odata.bind":"/contacts({id2})"`)
			s.patch("accounts({id})", `{"primarycontactid@odata.bind":"/contacts({id3})"}`).is(204)
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", s.say("{id3}"))
		}},
		{"2.8", "a custom lookup is bound by its navigation property with capitals", custom, func(s *session) {
			s.contact()
			s.membership(`"new_Contact@odata.bind":"/contacts({id2})"`)
			s.get("new_memberships({id3})?$select=_new_contact_value").is(200).holds("_new_contact_value", s.say("{id2}"))
		}},
		{"2.8", "a custom lookup is not bound by its logical name", custom, func(s *session) {
			s.contact()
			s.post("new_memberships", `{"new_name":"{mark}","new_contact@odata.bind":"/contacts({id2})"}`).
				refused(400, "0x80048d19", "An undeclared property 'new_contact' which only has property annotations in the payload but no property value was found in the payload.")
		}},
		{"2.8", "a navigation property is case-sensitive", nil, func(s *session) {
			s.contact()
			s.post("accounts", `{"name":"{mark}","PrimaryContactId@odata.bind":"/contacts({id2})"}`).
				refused(400, "0x80048d19", "An undeclared property 'PrimaryContactId'")
		}},
		{"2.8", "a lookup of several tables is bound by the navigation property of one", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.get("contacts({id2})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", s.say("{id}"))
		}},
		{"2.8", "a lookup of several tables can move from one to another", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.must(s.post("contacts", `{"contactid":"{id3}","lastname":"{mark}"}`))
			s.patch("contacts({id2})", `{"parentcustomerid_contact@odata.bind":"/contacts({id3})"}`).is(204)
			s.get("contacts({id2})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", s.say("{id3}"))
		}},
		{"2.8", "a lookup of several tables has no name without one", nil, func(s *session) {
			s.account()
			s.post("contacts", `{"lastname":"{mark}","parentcustomerid@odata.bind":"/accounts({id})"}`).
				refused(400, "0x80048d19", "An undeclared property 'parentcustomerid'")
		}},
		{"2.8", "a custom lookup of several tables has a navigation property for each", custom, func(s *session) {
			s.account()
			s.contact()
			s.membership(`"new_Sponsor_account@odata.bind":"/accounts({id})"`)
			s.patch("new_memberships({id3})", `{"new_Sponsor_contact@odata.bind":"/contacts({id2})"}`).is(204)
			s.get("new_memberships({id3})?$select=_new_sponsor_value").is(200).holds("_new_sponsor_value", s.say("{id2}"))
		}},
		{"2.8", "an owner is bound by ownerid", nil, func(s *session) {
			me := s.get("WhoAmI").is(200).text("UserId")
			s.account(`"ownerid@odata.bind":"/systemusers(` + me + `)"`)
			s.get("accounts({id})?$select=_ownerid_value").is(200).holds("_ownerid_value", me)
		}},
		{"2.8", "a new row is owned by whoever creates it", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=_ownerid_value").is(200).holds("_ownerid_value", s.get("WhoAmI").text("UserId"))
		}},
		{"2.8", "a target that is missing by GUID is named by its table", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}","primarycontactid@odata.bind":"/contacts({id2})"}`).
				refused(404, "0x80040217", "contact", s.say("With Id = {id2} Does Not Exist"))
		}},
		{"2.8", "a target that is missing by key is named by its table", []need{key("contact", "externaluseridentifier")}, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}","primarycontactid@odata.bind":"/contacts(externaluseridentifier='{mark}')"}`).
				refused(404, "0x80060891", "A record with the specified key values does not exist in contact entity")
		}},
		{"2.8", "nothing is written when a target is missing", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}","primarycontactid@odata.bind":"/contacts({id2})"}`).is(404)
			s.absent("accounts({id})")
			s.account()
			s.patch("accounts({id})", `{"fax":"1","primarycontactid@odata.bind":"/contacts({id2})"}`).is(404)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", nil)
		}},
		{"2.8", "an owner who does not exist is missing", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}","ownerid@odata.bind":"/systemusers({id})"}`).fails()
			s.post("accounts", `{"name":"{mark}","ownerid@odata.bind":"/teams({id})"}`).fails()
		}},
		{"2.8", "null clears a lookup", nil, func(s *session) {
			s.contact()
			s.account(`"primarycontactid@odata.bind":"/contacts({id2})"`)
			s.patch("accounts({id})", `{"primarycontactid":null}`).is(204)
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", nil)
		}},
		{"2.8", "null in place of a bound URL clears a lookup", []need{guesses}, func(s *session) {
			s.contact()
			s.account(`"primarycontactid@odata.bind":"/contacts({id2})"`)
			s.patch("accounts({id})", `{"primarycontactid@odata.bind":null}`).is(204)
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", nil)
		}},
		{"2.8", "DELETE of the reference clears a lookup", nil, func(s *session) {
			s.contact()
			s.account(`"primarycontactid@odata.bind":"/contacts({id2})"`)
			s.remove("accounts({id})/primarycontactid/$ref").is(204)
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", nil)
			s.get("contacts({id2})?$select=lastname").is(200)
		}},
		{"2.8", "null by the navigation property that holds it clears a lookup of several tables", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.patch("contacts({id2})", `{"parentcustomerid_account":null}`).is(204)
			s.get("contacts({id2})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", nil)
		}},
		{"2.8", "null by any navigation property clears a lookup of several tables", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.patch("contacts({id2})", `{"parentcustomerid_contact":null}`).is(204)
			s.get("contacts({id2})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", nil)
		}},
		{"2.8", "a lookup of several tables is not cleared without naming one", nil, func(s *session) {
			s.contact()
			s.patch("contacts({id2})", `{"parentcustomerid":null}`).is(400).coded("0x80048d19|0x0")
		}},
		{"2.8", "a custom lookup is not cleared by its logical name", custom, func(s *session) {
			s.membership()
			s.patch("new_memberships({id3})", `{"new_contact":null}`).
				refused(400, "0x80048d19", "Invalid property 'new_contact'", "Does not support untyped value in non-open type")
		}},
		{"2.8", "a custom lookup is cleared by its navigation property", custom, func(s *session) {
			s.contact()
			s.membership(`"new_Contact@odata.bind":"/contacts({id2})"`)
			s.patch("new_memberships({id3})", `{"new_Contact":null}`).is(204)
			s.get("new_memberships({id3})?$select=_new_contact_value").is(200).holds("_new_contact_value", nil)
		}},
		{"2.8", "the value of a lookup cannot be written", nil, func(s *session) {
			s.contact()
			s.post("accounts", `{"name":"{mark}","_primarycontactid_value":"{id2}"}`).is(400)
		}},
		{"2.8", "a lookup is read by its value alone", nil, func(s *session) {
			s.contact()
			s.account(`"primarycontactid@odata.bind":"/contacts({id2})"`)
			s.get("accounts({id})").is(200).holds("_primarycontactid_value", s.say("{id2}")).hasNot("primarycontactid")
		}},
		{"2.8", "the target's table is an annotation", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.get("contacts({id2})?$select=_parentcustomerid_value", `Prefer: odata.include-annotations="*"`).is(200).
				holds("_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname", "account")
		}},
		{"2.8", "the navigation property is an annotation", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.get("contacts({id2})?$select=_parentcustomerid_value", `Prefer: odata.include-annotations="*"`).is(200).
				holds("_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty", "parentcustomerid_account")
		}},
		{"2.8", "the target's name is an annotation", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.get("contacts({id2})?$select=_parentcustomerid_value", `Prefer: odata.include-annotations="*"`).is(200).
				holds("_parentcustomerid_value@OData.Community.Display.V1.FormattedValue", s.say("{mark}"))
		}},
	}
	for _, form := range []string{"contacts({id2})", "/contacts({id2})", "{root}contacts({id2})"} {
		name := strings.NewReplacer("/contacts", "a slash and contacts", "{root}", "the root and ", "({id2})", "").Replace(form)
		cases = append(cases, testCase{"2.8", "a lookup is bound by the URL of " + name, nil, func(s *session) {
			s.contact()
			s.account(`"primarycontactid@odata.bind":"` + form + `"`)
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", s.say("{id2}"))
		}})
	}
	return cases
}

// deepInsertCases are section 2.8: related rows that are created along.
func deepInsertCases() []testCase {
	const nested = `{"accountid":"{id}","name":"{mark}","primarycontactid":{"contactid":"{id2}","lastname":"{mark}"}}`
	return []testCase{
		{"2.8", "a nested object creates the related row and binds it", nil, func(s *session) {
			s.post("accounts", nested).is(204)
			s.get("contacts({id2})?$select=lastname").is(200).holds("lastname", s.say("{mark}"))
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", s.say("{id2}"))
		}},
		{"2.8", "nested objects in a list create the rows that refer to the new one", nil, func(s *session) {
			s.post("accounts", `{"accountid":"{id}","name":"{mark}","contact_customer_accounts":[{"lastname":"{mark}"},{"contactid":"{id3}","lastname":"{mark}"}]}`).is(204)
			if n := s.count("contacts", "_parentcustomerid_value eq {id}"); n != 2 {
				s.Errorf("%d contacts", n)
			}
			s.get("contacts({id3})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", s.say("{id}"))
		}},
		{"2.8", "a nested object that is refused takes the row with it", nil, func(s *session) {
			s.post("accounts", `{"accountid":"{id}","name":"{mark}","primarycontactid":{"lastname":"{mark}","numberofchildren":-1}}`).is(400)
			s.absent("accounts({id})")
		}},
		{"2.8", "a row that is refused takes its nested objects with it", nil, func(s *session) {
			s.account()
			s.post("accounts", nested).is(412) // the account is there
			s.absent("contacts({id2})")
		}},
		{"2.8", "a nested object with nothing but the key of a row does not bind it", nil, func(s *session) {
			s.contact()
			s.post("accounts", `{"accountid":"{id}","name":"{mark}","primarycontactid":{"contactid":"{id2}"}}`).refused(412, "0x80040237")
			s.absent("accounts({id})")
		}},
	}
}

// associationCases are section 2.8: references that are written by themselves.
func associationCases() []testCase {
	return []testCase{
		{"2.8", "PUT of a reference binds a lookup", nil, func(s *session) {
			s.contact()
			s.account()
			s.put("accounts({id})/primarycontactid/$ref", `{"@odata.id":"{root}contacts({id2})"}`).is(204)
			s.get("accounts({id})?$select=_primarycontactid_value").is(200).holds("_primarycontactid_value", s.say("{id2}"))
		}},
		{"2.8", "POST of a reference to a collection binds the other row's lookup", nil, func(s *session) {
			s.account()
			s.contact()
			s.post("accounts({id})/contact_customer_accounts/$ref", `{"@odata.id":"{root}contacts({id2})"}`).is(204)
			s.get("contacts({id2})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", s.say("{id}"))
		}},
		{"2.8", "DELETE of a reference from a collection clears the other row's lookup", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.remove("accounts({id})/contact_customer_accounts({id2})/$ref").is(204)
			s.get("contacts({id2})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", nil)
		}},
		{"2.8", "DELETE of a reference from a collection may name the row in $id", nil, func(s *session) {
			s.account()
			s.contact(`"parentcustomerid_account@odata.bind":"/accounts({id})"`)
			s.remove("accounts({id})/contact_customer_accounts/$ref?$id={root}contacts({id2})").is(204)
			s.get("contacts({id2})?$select=_parentcustomerid_value").is(200).holds("_parentcustomerid_value", nil)
		}},
		{"2.8", "a reference to a row that is not there is refused", nil, func(s *session) {
			s.account()
			s.put("accounts({id})/primarycontactid/$ref", `{"@odata.id":"{root}contacts({id2})"}`).refused(404, "0x80040217", "contact")
		}},
		{"8.3", "a row cannot be its parent's parent", nil, func(s *session) {
			s.account()
			s.must(s.post("accounts", `{"accountid":"{id2}","name":"{mark}","parentaccountid@odata.bind":"/accounts({id})"}`))
			s.patch("accounts({id})", `{"parentaccountid@odata.bind":"/accounts({id2})"}`).
				refused(400, "0x80040507|0x80040506|0x80040387|0x80040386", "would create a loop in", "hierarchy")
		}},
		{"8.3", "a delete that rows restrict is 405", []need{table("new_membership")}, func(s *session) {
			s.contact()
			s.membership(`"new_Contact@odata.bind":"/contacts({id2})"`)
			s.remove("contacts({id2})").refused(405, "0x80040227")
			s.get("contacts({id2})?$select=lastname").is(200)
		}},
		{"8.3", "a delete is free again when those rows are gone", []need{table("new_membership")}, func(s *session) {
			s.contact()
			s.membership(`"new_Contact@odata.bind":"/contacts({id2})"`)
			s.remove("new_memberships({id3})").is(204)
			s.remove("contacts({id2})").is(204)
		}},
	}
}
