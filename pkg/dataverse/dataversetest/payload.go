package dataversetest

import "strings"

// payloadCases are section 2.9: bodies and queries that the OData layer refuses.
func payloadCases() []testCase {
	const code = "0x80048d19"
	begins := func(a *answer, set string) *answer {
		a.t.Helper()
		prefix := "Error identified in Payload provided by the user for Entity :'" + set + "', For more information on this error please follow this help link " +
			"https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
		if !strings.HasPrefix(a.message(), prefix) {
			a.errorf("the text should begin with %q", prefix)
		}
		return a
	}
	unknown := func(property, table string) []string {
		return []string{
			"Microsoft.Crm.CrmException: Invalid property '" + property + "' was found in entity 'Microsoft.Dynamics.CRM." + table +
				"'. ---> Microsoft.OData.ODataException: The property '" + property + "' does not exist on type 'Microsoft.Dynamics.CRM." + table +
				"'. Make sure to only use property names that are defined by the type.",
		}
	}
	return []testCase{
		{"2.9", "a property that the table does not have is refused, with set, property and table", nil, func(s *session) {
			begins(s.post("accounts", `{"name":"{mark}","gendercode":1}`).refused(400, code, unknown("gendercode", "account")...), "accounts")
		}},
		{"2.9", "an update with a property that the table does not have is refused", nil, func(s *session) {
			s.contact()
			begins(s.patch("contacts({id2})", `{"nosuchcolumn":1}`).refused(400, code, unknown("nosuchcolumn", "contact")...), "contacts")
		}},
		{"2.7", "a property is named by the logical name, in lower case", nil, func(s *session) {
			s.post("accounts", `{"Name":"{mark}"}`).refused(400, code, unknown("Name", "account")...)
		}},
		{"2.7", "a custom property is not named by its schema name", []need{table("new_membership")}, func(s *session) {
			s.post("new_memberships", `{"new_name":"{mark}","new_Program":"x"}`).refused(400, code, unknown("new_Program", "new_membership")...)
		}},
		{"2.9", "a bound column that is no navigation property is refused", nil, func(s *session) {
			begins(s.post("accounts", `{"name":"{mark}","fax@odata.bind":"/contacts({id2})"}`).is(400).coded(code), "accounts")
		}},
		{"2.9", "a bound name that does not exist is an undeclared property", nil, func(s *session) {
			begins(s.post("accounts", `{"name":"{mark}","nosuchlookup@odata.bind":"/contacts({id2})"}`).refused(400, code,
				"Microsoft.OData.ODataException: An undeclared property 'nosuchlookup' which only has property annotations in the payload but no property value was found in the payload. "+
					"In OData, only declared navigation properties and declared named streams can be represented as properties without values."), "accounts")
		}},
		{"2.9", "a literal of the wrong type is refused, with the set", nil, func(s *session) {
			begins(s.post("accounts", `{"name":"{mark}","industrycode":"Charity"}`).is(400).coded(code), "accounts")
		}},
		{"2.9", "malformed JSON is refused, without a set", nil, func(s *session) {
			begins(s.post("accounts", `{"name":"{mark}",`+"}").is(400).coded(code), "")
		}},
		{"2.9", "truncated JSON is refused", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}`).is(400).coded(code)
		}},
		{"2.9", "what is no JSON is refused", nil, func(s *session) {
			s.post("accounts", `name=x`).is(400).coded(code)
		}},
		{"2.9", "an array in place of a row is refused", nil, func(s *session) {
			s.post("accounts", `[{"name":"{mark}"}]`).is(400)
		}},
		{"2.9", "an annotation that OData does not know is refused", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}","@logicalName":"account"}`).is(400).coded(code)
		}},
		{"2.9", "the type of the row may be said", nil, func(s *session) {
			s.post("accounts", `{"@odata.type":"Microsoft.Dynamics.CRM.account","name":"{mark}"}`).is(204)
		}},
		{"2.9", "a refused create stores nothing", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}","nosuchcolumn":1}`).is(400)
			s.absent("accounts({id})")
		}},
		{"2.9", "a refused update changes nothing", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"fax":"1","nosuchcolumn":1}`).is(400)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", nil)
		}},
		{"2.9", "a column that $select names and the table does not have is refused", nil, func(s *session) {
			s.get("accounts?$select=name,nosuchcolumn&$top=1").refused(400, "0x80060888|0x0", "Could not find a property named 'nosuchcolumn' on type 'Microsoft.Dynamics.CRM.account'.")
		}},
		{"2.9", "$select is case-sensitive", nil, func(s *session) {
			s.get("accounts?$select=Name&$top=1").refused(400, "0x80060888|0x0", "Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.account'.")
		}},
		{"2.9", "$select of a single row is checked too", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=nosuchcolumn").refused(400, "0x80060888|0x0", "Could not find a property named 'nosuchcolumn'")
		}},
		{"2.9", "a column that $filter names and the table does not have is refused", nil, func(s *session) {
			s.get("accounts?$filter=nosuchcolumn%20eq%201").refused(400, "0x80060888|0x0", "Could not find a property named 'nosuchcolumn' on type 'Microsoft.Dynamics.CRM.account'.")
		}},
		{"2.9", "a column that $orderby names and the table does not have is refused", nil, func(s *session) {
			s.get("accounts?$orderby=nosuchcolumn&$top=1").refused(400, "0x80060888|0x0", "Could not find a property named 'nosuchcolumn' on type 'Microsoft.Dynamics.CRM.account'.")
		}},
		{"2.9", "a $filter that cannot be parsed is refused", nil, func(s *session) {
			s.get("accounts?$filter=name%20eq").is(400).coded("0x80060888|0x0")
			s.get("accounts?$filter=(name%20eq%20'a'").is(400).coded("0x80060888|0x0")
			s.get("accounts?$filter=name%20is%20'a'").is(400).coded("0x80060888|0x0")
		}},
	}
}

// duplicateCases are section 2.10: the three kinds of duplicate that answer 412.
func duplicateCases() []testCase {
	account := byKey()
	rules := func(s *session) *session {
		return s.variant(Variant{DuplicateRules: map[string][]string{"account": {"emailaddress1"}}})
	}
	const detect = "MSCRM.SuppressDuplicateDetection: false"
	return []testCase{
		{"2.10", "an alternate key that is taken is named, with its column", account, func(s *session) {
			s.account()
			s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}"}`).is(412).coded("0x80060892").
				matches(`^Entity Key .+ violated\. A record with the same value for .+ already exists\.`)
		}},
		{"2.10", "an update can take another row's alternate key as little", account, func(s *session) {
			s.account()
			s.must(s.post("accounts", `{"accountid":"{id2}","name":"{mark}","accountnumber":"{mark}b"}`))
			s.patch("accounts({id2})", `{"accountnumber":"{mark}"}`).is(412).coded("0x80060892")
			s.get("accounts({id2})?$select=accountnumber").is(200).holds("accountnumber", s.say("{mark}b"))
		}},
		{"2.10", "an upsert by GUID can take another row's alternate key as little", account, func(s *session) {
			s.account()
			s.patch("accounts({id2})", `{"name":"{mark}","accountnumber":"{mark}"}`).is(412).coded("0x80060892")
			s.absent("accounts({id2})")
		}},
		{"2.10", "an inactive row holds its alternate key", account, func(s *session) {
			s.account()
			s.must(s.patch("accounts({id})", `{"statecode":1,"statuscode":2}`))
			s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}"}`).is(412).coded("0x80060892")
		}},
		{"2.10", "a row may be given the alternate key that it has", account, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"accountnumber":"{mark}","fax":"1"}`).is(204)
		}},
		{"2.10", "a compound alternate key that is taken is a duplicate", compound(), func(s *session) {
			s.membership(`"new_program":"{mark}","new_number":7`)
			s.post("new_memberships", `{"new_name":"{mark}","new_program":"{mark}","new_number":7}`).is(412).coded("0x80060892")
			s.post("new_memberships", `{"new_name":"{mark}","new_program":"{mark}","new_number":8}`).is(204)
		}},
		{"2.10", "a taken alternate key is in the annotations, with its values", account, func(s *session) {
			s.account()
			a := s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}"}`, `Prefer: odata.include-annotations="*"`).is(412)
			a.holds("error/@Microsoft.PowerApps.CDS.ErrorDetails.DuplicateAttributes", s.say("<DuplicateAttributes><accountnumber>{mark}</accountnumber></DuplicateAttributes>"))
			a.hasText("error/@Microsoft.PowerApps.CDS.ErrorDetails.DuplicateEntity", "error/@Microsoft.PowerApps.CDS.ErrorDetails.0", "error/@Microsoft.PowerApps.CDS.ErrorDetails.1")
		}},
		{"2.10", "a primary key that is taken is a duplicate of another kind", nil, func(s *session) {
			s.account()
			s.post("accounts", `{"accountid":"{id}","name":"{mark}b"}`).refused(412, "0x80040237", "A record with matching key values already exists.")
			s.get("accounts({id})?$select=name").is(200).holds("name", s.say("{mark}"))
		}},
		{"2.10", "duplicate detection is not asked unless the header says so", []need{variants}, func(s *session) {
			s = rules(s)
			s.account(`"emailaddress1":"{mark}@example.com"`)
			s.post("accounts", `{"name":"{mark}","emailaddress1":"{mark}@example.com"}`).is(204)
			s.post("accounts", `{"name":"{mark}","emailaddress1":"{mark}@example.com"}`, "MSCRM.SuppressDuplicateDetection: true").is(204)
		}},
		{"2.10", "duplicate detection refuses a create", []need{variants}, func(s *session) {
			s = rules(s)
			s.account(`"emailaddress1":"{mark}@example.com"`)
			s.post("accounts", `{"name":"{mark}","emailaddress1":"{mark}@example.com"}`, detect).
				refused(412, "0x80040333", "A record was not created or updated because a duplicate of the current record already exists.")
		}},
		{"2.10", "duplicate detection refuses an update", []need{variants}, func(s *session) {
			s = rules(s)
			s.account(`"emailaddress1":"{mark}@example.com"`)
			s.must(s.post("accounts", `{"accountid":"{id2}","name":"{mark}"}`))
			s.patch("accounts({id2})", `{"emailaddress1":"{mark}@example.com"}`, detect).is(412).coded("0x80040333")
			s.get("accounts({id2})?$select=emailaddress1").is(200).holds("emailaddress1", nil)
		}},
		{"2.10", "duplicate detection lets a row through that is like no other", []need{variants}, func(s *session) {
			s = rules(s)
			s.post("accounts", `{"name":"{mark}","emailaddress1":"{mark}@example.com"}`, detect).is(204)
		}},
		{"2.1", "duplicate detection can be asked for by one operation of a batch", []need{variants}, func(s *session) {
			s = rules(s)
			s.account(`"emailaddress1":"{mark}@example.com"`)
			_, parts := s.batch(frame(
				op("POST", "accounts", `{"name":"{mark}","emailaddress1":"{mark}@example.com"}`, detect),
				op("POST", "accounts", `{"name":"{mark}","emailaddress1":"{mark}@example.com"}`),
			), continueOnError)
			s.expect(parts, 412, 204)
		}},
	}
}

// etagCases are section 2.11.
func etagCases() []testCase {
	return []testCase{
		{"2.11", "a row has an ETag", nil, func(s *session) {
			s.account()
			a := s.get("accounts({id})?$select=name").is(200)
			if tag := a.text("@odata.etag"); !strings.HasPrefix(tag, `W/"`) || strings.Trim(tag, `W/"0123456789`) != "" {
				a.errorf("the tag should be W/\"<number>\"")
			}
		}},
		{"2.11", "every row of a set has its own", nil, func(s *session) {
			s.account()
			s.must(s.post("accounts", `{"name":"{mark}"}`))
			a := s.get("accounts?$select=name&$filter=name%20eq%20'{mark}'").rows(2).hasText("value/0/@odata.etag", "value/1/@odata.etag")
			if a.text("value/0/@odata.etag") == a.text("value/1/@odata.etag") {
				a.errorf("two rows have the same tag")
			}
		}},
		{"2.11", "the ETag is the row's version number", nil, func(s *session) {
			s.account()
			a := s.get("accounts({id})?$select=versionnumber").is(200)
			number, _ := a.at("versionnumber").(float64)
			if tag := a.text("@odata.etag"); versionOf(tag) != int(number) {
				a.errorf("tag and number should be the same")
			}
		}},
		{"2.11", "an update makes the version greater", nil, func(s *session) {
			s.account()
			before := versionOf(s.get("accounts({id})?$select=name").is(200).text("@odata.etag"))
			s.must(s.patch("accounts({id})", `{"fax":"1"}`))
			if a := s.get("accounts({id})?$select=name").is(200); versionOf(a.text("@odata.etag")) <= before {
				a.errorf("the version was %d", before)
			}
		}},
		{"2.11", "the ETag of a representation is the new one", nil, func(s *session) {
			a := s.post("accounts?$select=name", `{"accountid":"{id}","name":"{mark}"}`, representation).is(201)
			a.headed("ETag", a.text("@odata.etag"))
			s.get("accounts({id})?$select=name").is(200).holds("@odata.etag", a.header.Get("ETag"))
		}},
		{"2.11", "GET of a row that did not change is 304", nil, func(s *session) {
			s.account()
			tag := s.get("accounts({id})?$select=name").is(200).text("@odata.etag")
			if a := s.get("accounts({id})?$select=name", "If-None-Match: "+tag).is(304); a.body != "" {
				a.errorf("there should be no body")
			}
		}},
		{"2.11", "GET of a row that changed is 200", nil, func(s *session) {
			s.account()
			tag := s.get("accounts({id})?$select=name").is(200).text("@odata.etag")
			s.must(s.patch("accounts({id})", `{"fax":"1"}`))
			s.get("accounts({id})?$select=fax", "If-None-Match: "+tag).is(200).holds("fax", "1")
		}},
		{"2.11", "a table without optimistic concurrency takes no version", []need{variants, guesses}, func(s *session) {
			s = s.variant(Variant{NoConcurrency: "account"})
			s.account()
			s.patch("accounts({id})", `{"fax":"1"}`, `If-Match: W/"5"`).refused(400, "0x8006088d")
		}},
		{"2.11", "a table without optimistic concurrency takes If-Match: *", []need{variants}, func(s *session) {
			s = s.variant(Variant{NoConcurrency: "account"})
			s.account()
			s.patch("accounts({id})", `{"fax":"1"}`, "If-Match: *").is(204)
		}},
	}
}

// versionOf returns the number in an ETag.
func versionOf(tag string) (n int) {
	for _, c := range tag {
		if '0' <= c && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}
