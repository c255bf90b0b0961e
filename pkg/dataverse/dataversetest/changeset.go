package dataversetest

import (
	"fmt"
	"strings"
)

// changeSetCases are sections 3.2 and 3.3: all or nothing.
func changeSetCases() []testCase {
	good := func(id string) string { return op("PATCH", "accounts("+id+")", `{"name":"{mark}"}`) }
	bad := op("POST", "accounts", `{"name":"{mark}","nosuchcolumn":1}`)
	// failed asserts the part of a change set that failed: its one answer, or that answer without the set around it.
	failed := func(p *answer, contentID string, status int) *answer {
		p.t.Helper()
		if p.set == nil {
			return p.is(status)
		}
		if len(p.set) != 1 {
			p.fatalf("the failed change set has %d answers", len(p.set))
		}
		if p.set[0].contentID != contentID {
			p.errorf("the Content-ID should be %s, and is %q", contentID, p.set[0].contentID)
		}
		return p.set[0].is(status)
	}
	return []testCase{
		{"3.2", "a change set has an answer for each operation, with its Content-ID", nil, func(s *session) {
			outer, parts := s.batch(frame(set(good("{id}"), good("{id2}"), op("DELETE", "accounts({id})", ""))))
			outer.is(200)
			if len(parts) != 1 || len(parts[0].set) != 3 {
				s.Fatalf("it should be one set of three answers: %s", outer.body)
			}
			for i, p := range parts[0].set {
				if p.is(204); p.contentID != fmt.Sprint(i+1) {
					p.errorf("its Content-ID is %q", p.contentID)
				}
			}
		}},
		{"3.2", "a change set's answers say where the rows are", nil, func(s *session) {
			_, parts := s.batch(frame(set(op("POST", "accounts", `{"accountid":"{id}","name":"{mark}"}`))))
			parts[0].set[0].is(204).headed("OData-EntityId", s.say("{root}accounts({id})")).headed("Location", s.say("{root}accounts({id})"))
		}},
		{"3.2", "the answers of a change set can be representations", nil, func(s *session) {
			_, parts := s.batch(frame(set(op("POST", "accounts?$select=name", `{"name":"{mark}"}`, representation))))
			parts[0].set[0].is(201).holds("name", s.say("{mark}"))
		}},
		{"3.2", "a change set that fails has the one answer that says why, with its Content-ID", nil, func(s *session) {
			outer, parts := s.batch(frame(set(good("{id}"), good("{id2}"), bad, good("{id3}"), good("{id3}"))))
			if outer.is(400); len(parts) != 1 {
				s.Fatalf("%d parts", len(parts))
			}
			failed(parts[0], "3", 400).coded("0x80048d19")
		}},
		{"3.3", "nothing of a change set that fails is created", nil, func(s *session) {
			s.batch(frame(set(good("{id}"), good("{id2}"), bad)))
			s.absent("accounts({id})")
			s.absent("accounts({id2})")
		}},
		{"3.3", "nothing of a change set that fails is updated", nil, func(s *session) {
			s.account(`"fax":"1"`)
			s.batch(frame(set(op("PATCH", "accounts({id})", `{"fax":"2"}`), bad)))
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"3.3", "nothing of a change set that fails is deleted", nil, func(s *session) {
			s.account(`"fax":"1"`)
			s.batch(frame(set(op("DELETE", "accounts({id})", ""), bad)))
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"3.3", "the keys of a change set that fails are free", byKey(), func(s *session) {
			s.batch(frame(set(op("PATCH", "accounts(accountnumber='{mark}')", `{"name":"{mark}"}`), bad)))
			s.absent("accounts(accountnumber='{mark}')")
			s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}"}`).is(204)
		}},
		{"3.3", "the keys that a failed change set freed are taken", byKey(), func(s *session) {
			s.account()
			s.batch(frame(set(op("DELETE", "accounts({id})", ""), bad)))
			s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}"}`).is(412)
			s.get("accounts(accountnumber='{mark}')?$select=name").is(200).holds("accountid", s.say("{id}"))
		}},
		{"3.3", "a change set that fails ends the batch; what came before stays", nil, func(s *session) {
			outer, parts := s.batch(frame(good("{id}"), set(good("{id2}"), bad), good("{id3}")))
			if outer.is(400); len(parts) != 2 {
				s.Fatalf("%d parts", len(parts))
			}
			failed(parts[1], "2", 400)
			s.get("accounts({id})?$select=name").is(200)
			s.absent("accounts({id2})")
			s.absent("accounts({id3})")
		}},
		{"3.3", "with continue-on-error the next change set is carried out", nil, func(s *session) {
			outer, parts := s.batch(frame(set(good("{id}"), bad), set(good("{id2}")), good("{id3}")), continueOnError)
			if outer.is(200); len(parts) != 3 || len(parts[1].set) != 1 {
				s.Fatalf("%d parts", len(parts))
			}
			failed(parts[0], "2", 400)
			parts[1].set[0].is(204)
			parts[2].is(204)
			s.absent("accounts({id})")
			s.get("accounts({id2})?$select=name").is(200)
		}},
		{"3.3", "continue-on-error has no effect within a change set", nil, func(s *session) {
			_, parts := s.batch(frame(set(bad, good("{id}"), bad)), continueOnError)
			failed(parts[0], "1", 400)
			s.absent("accounts({id})")
		}},
		{"3.3", "a missing row fails a change set", nil, func(s *session) {
			_, parts := s.batch(frame(set(good("{id}"), op("DELETE", "accounts({id2})", ""))))
			failed(parts[0], "2", 404).coded("0x80040217")
			s.absent("accounts({id})")
		}},
		{"3.3", "a duplicate within a change set fails it", byKey(), func(s *session) {
			create := op("POST", "accounts", `{"name":"{mark}","accountnumber":"{mark}"}`)
			_, parts := s.batch(frame(set(create, create)))
			failed(parts[0], "2", 412).coded("0x80060892")
			s.absent("accounts(accountnumber='{mark}')")
		}},
		{"3.3", "conditions count within a change set", nil, func(s *session) {
			_, parts := s.batch(frame(set(good("{id}"), op("PATCH", "accounts({id2})", `{"name":"{mark}"}`, "If-Match: *"))))
			failed(parts[0], "2", 404)
			s.absent("accounts({id})")
		}},
		{"3.3", "operations of a change set see those before them", nil, func(s *session) {
			_, parts := s.batch(frame(set(good("{id}"), op("PATCH", "accounts({id})", `{"fax":"1"}`, "If-Match: *"), op("PATCH", "accounts({id})", `{"fax":"2"}`, "If-Match: *"))))
			if len(parts) != 1 || len(parts[0].set) != 3 {
				s.Fatalf("%d parts", len(parts))
			}
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "2")
		}},
		{"3.2", "change sets and single operations stand in order", nil, func(s *session) {
			_, parts := s.batch(frame(op("GET", "WhoAmI", ""), set(good("{id}")), op("GET", "accounts({id})?$select=name", "")))
			s.expect(parts, 200, 0, 200)
			parts[2].holds("name", s.say("{mark}"))
		}},
	}
}

// referenceCases are section 3.1: a change set's operations that refer to earlier ones by Content-ID.
func referenceCases() []testCase {
	account := op("POST", "accounts", `{"name":"{mark}"}`)
	contact := op("POST", "contacts", `{"lastname":"{mark}"}`)
	stored := func(s *session, n int, operations ...string) []*answer {
		s.Helper()
		outer, parts := s.batch(frame(set(operations...)))
		if outer.is(200); len(parts) != 1 || len(parts[0].set) != n {
			s.Fatalf("it should be one set of %d answers: %s", n, outer.body)
		}
		return parts[0].set
	}
	return []testCase{
		{"3.1", "a reference can be the URL of an update", nil, func(s *session) {
			answers := stored(s, 2, account, opAt("PATCH", "$1", `{"fax":"1"}`))
			s.get(answers[0].header.Get("OData-EntityId")+"?$select=fax").is(200).holds("fax", "1")
		}},
		{"3.2", "an update by reference says where the row is", nil, func(s *session) {
			answers := stored(s, 2, account, opAt("PATCH", "$1", `{"fax":"1"}`))
			answers[1].is(204).headed("OData-EntityId", answers[0].header.Get("OData-EntityId"))
		}},
		{"3.1", "a reference can begin the URL of a column", nil, func(s *session) {
			answers := stored(s, 2, contact, opAt("PUT", "$1/jobtitle", `{"value":"x"}`))
			s.get(answers[0].header.Get("OData-EntityId")+"?$select=jobtitle").is(200).holds("jobtitle", "x")
		}},
		{"3.1", "references can be both ends of an association", nil, func(s *session) {
			answers := stored(s, 3, account, contact, opAt("PUT", "$1/primarycontactid/$ref", `{"@odata.id":"$2"}`))
			s.get(answers[0].header.Get("OData-EntityId") + "?$select=_primarycontactid_value").is(200).hasText("_primarycontactid_value")
		}},
		{"3.1", "a reference can be bound", nil, func(s *session) {
			answers := stored(s, 2, account, op("POST", "contacts", `{"lastname":"{mark}","parentcustomerid_account@odata.bind":"$1"}`))
			at := answers[0].header.Get("OData-EntityId")
			a := s.get(answers[1].header.Get("OData-EntityId") + "?$select=_parentcustomerid_value").is(200)
			a.holds("_parentcustomerid_value", at[len(at)-37:len(at)-1])
		}},
		{"3.1", "a reference can begin the URL of a collection to which a row is added", nil, func(s *session) {
			answers := stored(s, 2, account, opAt("POST", "$1/contact_customer_accounts", `{"lastname":"{mark}"}`))
			s.get(answers[1].header.Get("OData-EntityId") + "?$select=_parentcustomerid_value").is(200).hasText("_parentcustomerid_value")
		}},
		{"3.1", "numbers start again in every change set", nil, func(s *session) {
			one := set(op("POST", "accounts", `{"accountid":"{id}","name":"{mark}"}`), opAt("PATCH", "$1", `{"fax":"1"}`))
			two := set(op("POST", "accounts", `{"accountid":"{id2}","name":"{mark}"}`), opAt("PATCH", "$1", `{"fax":"2"}`))
			outer, _ := s.batch(frame(one, two))
			outer.is(200)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
			s.get("accounts({id2})?$select=fax").is(200).holds("fax", "2")
		}},
		{"3.1", "a reference to a later operation is refused", nil, func(s *session) {
			outer, _ := s.batch(frame(set(op("POST", "accounts", `{"accountid":"{id}","name":"{mark}","primarycontactid@odata.bind":"$2"}`), contact)))
			refusedReference(outer, "Content-ID Reference: '$2' does not exist in the batch context.")
			s.absent("accounts({id})")
		}},
		{"3.1", "a reference to an operation that is not there is refused", nil, func(s *session) {
			outer, _ := s.batch(frame(set(op("POST", "accounts", `{"accountid":"{id}","name":"{mark}"}`), opAt("PATCH", "$7", `{"fax":"1"}`))))
			refusedReference(outer, "$7")
			s.absent("accounts({id})")
		}},
		{"3.1", "a reference to another change set is refused", nil, func(s *session) {
			outer, _ := s.batch(frame(set(account, account), set(op("POST", "contacts", `{"contactid":"{id2}","lastname":"{mark}","parentcustomerid_account@odata.bind":"$2"}`))))
			refusedReference(outer, "Content-ID Reference: '$2' does not exist in the batch context.")
			s.absent("contacts({id2})")
		}},
		{"3.1", "a reference outside change sets is no segment", nil, func(s *session) {
			outer, parts := s.batch(frame(opAt("PATCH", "$1", `{"fax":"1"}`)))
			if outer.fails(); len(parts) == 1 {
				parts[0].is(404, 400, 500).says("Resource not found for the segment '$1'")
			}
		}},
	}
}

// refusedReference asserts that a batch is 400 and says what is the matter with a reference, in whatever part.
func refusedReference(outer *answer, text string) {
	outer.t.Helper()
	if outer.is(400); !strings.Contains(outer.body, text) {
		outer.errorf("it should say %q", text)
	}
}
