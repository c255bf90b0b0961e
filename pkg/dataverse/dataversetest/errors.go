package dataversetest

import "strings"

const (
	annotated = `Prefer: odata.include-annotations="*"`
	formatted = "@OData.Community.Display.V1.FormattedValue"
	details   = "error/@Microsoft.PowerApps.CDS.ErrorDetails."
)

// annotationCases are section 7: what a row says beside its values when it is asked.
func annotationCases() []testCase {
	return []testCase{
		{"7", "there are no annotations unless asked for", nil, func(s *session) {
			s.account(`"industrycode":1`)
			s.get("accounts({id})?$select=industrycode,_ownerid_value").is(200).hasNot("industrycode"+formatted, "_ownerid_value"+formatted)
		}},
		{"7", "a choice has its label", nil, func(s *session) {
			s.account(`"industrycode":1`)
			s.get("accounts({id})?$select=industrycode", annotated).is(200).holds("industrycode", 1).holds("industrycode"+formatted, "Accounting")
		}},
		{"7", "state and reason have their labels", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=statecode,statuscode", annotated).is(200).holds("statecode"+formatted, "Active").holds("statuscode"+formatted, "Active")
		}},
		{"7", "a boolean has its label", nil, func(s *session) {
			s.account(`"creditonhold":true`)
			s.get("accounts({id})?$select=creditonhold", annotated).is(200).holds("creditonhold"+formatted, "Yes")
		}},
		{"7", "numbers and moments are formatted", nil, func(s *session) {
			s.account(`"numberofemployees":1234,"revenue":1234.5`)
			s.get("accounts({id})?$select=numberofemployees,revenue,createdon", annotated).is(200).
				hasText("numberofemployees"+formatted, "revenue"+formatted, "createdon"+formatted)
		}},
		{"7", "several choices have their labels", []need{table("new_membership")}, func(s *session) {
			s.membership(`"new_interests":"1,3"`)
			s.get("new_memberships({id3})?$select=new_interests", annotated).is(200).holds("new_interests"+formatted, "Sport; Travel")
		}},
		{"7", "an owner has a name and a table", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=_ownerid_value", annotated).is(200).hasText("_ownerid_value"+formatted).
				holds("_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname", "systemuser")
		}},
		{"7", "one annotation can be asked for by name", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=_ownerid_value", `Prefer: odata.include-annotations="OData.Community.Display.V1.FormattedValue"`).is(200).
				hasText("_ownerid_value" + formatted).hasNot("_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname")
		}},
		{"7", "the rows of a set have annotations", nil, func(s *session) {
			s.account(`"industrycode":1`)
			s.get("accounts?$select=industrycode&$filter=name%20eq%20'{mark}'", annotated).rows(1).holds("value/0/industrycode"+formatted, "Accounting")
		}},
		{"7", "expanded rows have annotations", nil, func(s *session) {
			s.contact()
			s.account(`"primarycontactid@odata.bind":"/contacts({id2})"`)
			s.get("accounts({id})?$select=name&$expand=primarycontactid($select=statecode)", annotated).is(200).holds("primarycontactid/statecode"+formatted, "Active")
		}},
		{"7", "a representation has annotations", nil, func(s *session) {
			s.post("accounts?$select=industrycode", `{"name":"{mark}","industrycode":1}`, `Prefer: return=representation,odata.include-annotations="*"`).is(201).
				holds("industrycode"+formatted, "Accounting")
		}},
		{"7", "the annotations that were asked for are echoed", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name", annotated).is(200).headerMatches("Preference-Applied", `odata\.include-annotations`)
		}},
		{"7", "a count that was cut off says so", nil, func(s *session) {
			a := s.get("accounts?$select=name&$count=true&$top=1&$filter="+ours, annotated).is(200)
			a.holds("@Microsoft.Dynamics.CRM.totalrecordcount", 0).holds("@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded", false)
		}},
	}
}

// errorCases are section 8: the form of an error.
func errorCases() []testCase {
	return []testCase{
		{"8.1", "an error is an object with code and message", nil, func(s *session) {
			a := s.get("accounts({id})").is(404).hasText("error/code", "error/message")
			if all, _ := a.at("").(map[string]any); len(all) > 1 {
				a.errorf("there is more than the error")
			}
		}},
		{"8.1", "a code is 0x and eight hexadecimal digits", nil, func(s *session) {
			a := s.get("accounts({id})").is(404)
			if code := a.text("error/code"); len(code) != 10 || !strings.HasPrefix(code, "0x") || strings.Trim(strings.ToLower(code[2:]), "0123456789abcdef") != "" {
				a.errorf("the code is %q", code)
			}
		}},
		{"8.1", "an error is JSON with minimal metadata", nil, func(s *session) {
			s.get("accounts({id})").is(404).headerMatches("Content-Type", `^application/json; ?odata\.metadata=minimal`).headed("OData-Version", "4.0")
		}},
		{"8.1", "an error has no inner error", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}","nosuchcolumn":1}`).is(400).hasNot("error/innererror")
		}},
		{"8.1", "an error has no annotations unless asked for", nil, func(s *session) {
			a := s.get("accounts({id})").is(404)
			if e, _ := a.at("error").(map[string]any); len(e) != 2 {
				a.errorf("there is more than code and message")
			}
		}},
		{"8.1", "an error's annotations say its status", nil, func(s *session) {
			s.get("accounts({id})", annotated).is(404).holds(details+"ApiExceptionHttpStatusCode", "404")
			s.post("accounts", `{"name":"{mark}","numberofemployees":-1}`, annotated).is(400).holds(details+"ApiExceptionHttpStatusCode", "400")
		}},
		{"8.1", "an error's annotations say its name and kind", nil, func(s *session) {
			s.get("accounts({id})", annotated).is(404).hasText(details+"ApiExceptionMessageName", details+"ApiExceptionCategory")
		}},
		{"8.1", "an error's annotations name where help is", nil, func(s *session) {
			s.get("accounts({id})", annotated).is(404).hasText("error/@Microsoft.PowerApps.CDS.HelpLink", details+"OperationStatus", details+"SubErrorCode")
		}},
		{"8.1", "annotations do not change code and text", nil, func(s *session) {
			plain, rich := s.get("accounts({id})").is(404), s.get("accounts({id})", annotated).is(404)
			rich.holds("error/code", plain.text("error/code")).holds("error/message", plain.text("error/message"))
		}},
		{"8.1", "the errors of a batch have annotations where an operation asks for them", nil, func(s *session) {
			_, parts := s.batch(frame(op("DELETE", "accounts({id})", "", annotated), op("DELETE", "accounts({id})", "")), continueOnError)
			s.expect(parts, 404, 404)
			parts[0].holds(details+"ApiExceptionHttpStatusCode", "404")
			parts[1].hasNot(details + "ApiExceptionHttpStatusCode")
		}},
		{"8.2", "a verb that a row does not have is not allowed", nil, func(s *session) {
			s.account()
			s.post("accounts({id})", `{"name":"{mark}"}`).is(404, 405)
		}},
	}
}
