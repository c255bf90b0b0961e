package dataversetest

import "strings"

// bulkCases are section 4: CreateMultiple and its kin.
func bulkCases() []testCase {
	const (
		create = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
		update = "accounts/Microsoft.Dynamics.CRM.UpdateMultiple"
		upsert = "accounts/Microsoft.Dynamics.CRM.UpsertMultiple"
		remove = "accounts/Microsoft.Dynamics.CRM.DeleteMultiple"
	)
	row := func(fields string) string { return `{"@odata.type":"Microsoft.Dynamics.CRM.account",` + fields + `}` }
	targets := func(rows ...string) string { return `{"Targets":[` + strings.Join(rows, ",") + `]}` }
	elastic := func(fields string) string { return `{"@odata.type":"Microsoft.Dynamics.CRM.new_event",` + fields + `}` }
	return []testCase{
		{"4.1", "CreateMultiple answers with the ids in the order of its targets", nil, func(s *session) {
			a := s.post(create, targets(row(`"name":"{mark}a"`), row(`"name":"{mark}b"`), row(`"name":"{mark}c"`))).is(200)
			if !strings.HasSuffix(a.text("@odata.context"), "#Microsoft.Dynamics.CRM.CreateMultipleResponse") {
				a.errorf("the context should be that of a CreateMultipleResponse")
			}
			ids := a.list("Ids")
			if len(ids) != 3 {
				a.fatalf("there should be three ids")
			}
			for i, suffix := range []string{"a", "b", "c"} {
				id, _ := ids[i].(string)
				s.get("accounts("+id+")?$select=name").is(200).holds("name", s.say("{mark}"+suffix))
			}
		}},
		{"4.1", "CreateMultiple takes the rows' own GUIDs", nil, func(s *session) {
			s.post(create, targets(row(`"accountid":"{id}","name":"{mark}"`))).is(200).holds("Ids/0", s.say("{id}"))
		}},
		{"4.1", "CreateMultiple without a target's type is refused", nil, func(s *session) {
			s.post(create, targets(`{"accountid":"{id}","name":"{mark}"}`)).is(400)
			s.absent("accounts({id})")
		}},
		{"4.2", "CreateMultiple creates all or nothing", nil, func(s *session) {
			s.post(create, targets(row(`"accountid":"{id}","name":"{mark}"`), row(`"name":"{mark}","numberofemployees":-1`))).is(400).coded("0x8004432f")
			s.absent("accounts({id})")
		}},
		{"4.2", "CreateMultiple of a row that is there is a duplicate, and creates nothing", nil, func(s *session) {
			s.account()
			s.post(create, targets(row(`"accountid":"{id2}","name":"{mark}"`), row(`"accountid":"{id}","name":"{mark}"`))).is(412).coded("0x80040237")
			s.absent("accounts({id2})")
		}},
		{"4.2", "CreateMultiple of a property that the table does not have is one error", nil, func(s *session) {
			s.post(create, targets(row(`"name":"{mark}"`), row(`"name":"{mark}","nosuchcolumn":1`))).is(400).coded("0x80048d19").says("nosuchcolumn")
		}},
		{"4.1", "UpdateMultiple updates by the primary key in the body", nil, func(s *session) {
			s.account()
			s.must(s.post("accounts", `{"accountid":"{id2}","name":"{mark}"}`))
			s.post(update, targets(row(`"accountid":"{id}","fax":"1"`), row(`"accountid":"{id2}","fax":"2"`))).is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
			s.get("accounts({id2})?$select=fax").is(200).holds("fax", "2")
		}},
		{"4.1", "UpdateMultiple updates by an alternate key in @odata.id", byKey(), func(s *session) {
			s.account()
			s.post(update, targets(row(`"@odata.id":"accounts(accountnumber='{mark}')","fax":"1"`))).is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"4.2", "UpdateMultiple updates all or nothing", nil, func(s *session) {
			s.account()
			s.post(update, targets(row(`"accountid":"{id}","fax":"1"`), row(`"accountid":"{id2}","fax":"2"`))).is(404).coded("0x80040217")
			s.get("accounts({id})?$select=fax").is(200).holds("fax", nil)
			s.absent("accounts({id2})")
		}},
		{"4.1", "UpdateMultiple of the same row twice is in order", nil, func(s *session) {
			s.account()
			s.post(update, targets(row(`"accountid":"{id}","fax":"1"`), row(`"accountid":"{id}","fax":"2"`))).is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "2")
		}},
		{"4.1", "UpsertMultiple creates and updates, and does not say which", nil, func(s *session) {
			s.account()
			if a := s.post(upsert, targets(row(`"accountid":"{id}","fax":"1"`), row(`"accountid":"{id2}","name":"{mark}"`))).is(204); a.body != "" {
				a.errorf("there should be no body")
			}
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
			s.get("accounts({id2})?$select=name").is(200).holds("name", s.say("{mark}"))
		}},
		{"4.1", "UpsertMultiple creates by an alternate key in @odata.id", byKey(), func(s *session) {
			s.post(upsert, targets(row(`"@odata.id":"accounts(accountnumber='{mark}')","name":"{mark}"`))).is(204)
			s.get("accounts(accountnumber='{mark}')?$select=name").is(200).holds("name", s.say("{mark}"))
		}},
		{"4.1", "UpsertMultiple updates by an alternate key in @odata.id", byKey(), func(s *session) {
			s.account()
			s.post(upsert, targets(row(`"@odata.id":"accounts(accountnumber='{mark}')","fax":"1"`))).is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"4.1", "UpsertMultiple that creates does not bear the key's columns in the body", byKey(), func(s *session) {
			s.post(upsert, targets(row(`"@odata.id":"accounts(accountnumber='{mark}')","accountnumber":"{mark}","name":"{mark}"`))).
				refused(400, "0x80040216", "An unexpected error occurred.")
			s.absent("accounts(accountnumber='{mark}')")
		}},
		{"4.1", "UpsertMultiple that updates bears the key's columns in the body", byKey(), func(s *session) {
			s.account()
			s.post(upsert, targets(row(`"@odata.id":"accounts(accountnumber='{mark}')","accountnumber":"{mark}","fax":"1"`))).is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"4.1", "UpsertMultiple of the same new row twice is refused", []need{guesses}, func(s *session) {
			s.post(upsert, targets(row(`"accountid":"{id}","name":"{mark}a"`), row(`"accountid":"{id}","name":"{mark}b"`))).fails()
			s.absent("accounts({id})")
		}},
		{"4.2", "UpsertMultiple upserts all or nothing", nil, func(s *session) {
			s.account()
			s.post(upsert, targets(row(`"accountid":"{id}","fax":"1"`), row(`"accountid":"{id2}","name":"{mark}","numberofemployees":-1`))).is(400).coded("0x8004432f")
			s.get("accounts({id})?$select=fax").is(200).holds("fax", nil)
			s.absent("accounts({id2})")
		}},
		{"4.1", "UpsertMultiple without a target's type is refused", nil, func(s *session) {
			s.post(upsert, targets(`{"accountid":"{id}","name":"{mark}"}`)).is(400)
			s.absent("accounts({id})")
		}},
		{"4.1", "DeleteMultiple of a standard table has not been implemented", nil, func(s *session) {
			s.account()
			s.post(remove, targets(row(`"accountid":"{id}"`))).is(400, 501).says("DeleteMultiple has not yet been implemented.")
			s.get("accounts({id})?$select=name").is(200)
		}},
		{"4.1", "a bulk message can be an operation of a batch", nil, func(s *session) {
			_, parts := s.batch(frame(op("POST", create, targets(row(`"accountid":"{id}","name":"{mark}"`))), op("GET", "accounts({id})?$select=name", "")))
			s.expect(parts, 200, 200)
			parts[0].holds("Ids/0", s.say("{id}"))
		}},
		{"4.1", "a bulk message can be used on custom tables", []need{table("new_membership")}, func(s *session) {
			s.post("new_memberships/Microsoft.Dynamics.CRM.UpsertMultiple",
				`{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.new_membership","new_membershipid":"{id3}","new_name":"{mark}"}]}`).is(204)
			s.get("new_memberships({id3})?$select=new_name").is(200)
		}},
		{"4.2", "whether a table has a bulk message can be asked", nil, func(s *session) {
			const query = "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name%20eq%20@m%20and%20primaryobjecttypecode%20eq%20@t&@m="
			if a := s.get(query + "'CreateMultiple'&@t='account'").is(200); len(a.list("value")) == 0 {
				a.errorf("there should be a row")
			}
			s.get(query + "'NoSuchMessage'&@t='account'").rows(0)
		}},
		{"4.1", "DeleteMultiple of an elastic table deletes", []need{variants}, func(s *session) {
			s = s.variant(Variant{Elastic: true})
			s.must(s.post("new_events", `{"new_eventid":"{id}","new_name":"{mark}"}`))
			s.post("new_events/Microsoft.Dynamics.CRM.DeleteMultiple", targets(elastic(`"new_eventid":"{id}"`))).is(204)
			s.absent("new_events({id})")
		}},
		{"4.2", "a bulk message on an elastic table is stored in part, and says which rows were not", []need{variants}, func(s *session) {
			s = s.variant(Variant{Elastic: true})
			s.must(s.post("new_events", `{"new_eventid":"{id}","new_name":"{mark}"}`))
			a := s.post("new_events/Microsoft.Dynamics.CRM.CreateMultiple",
				targets(elastic(`"new_eventid":"{id2}","new_name":"{mark}"`), elastic(`"new_eventid":"{id}","new_name":"{mark}"`)), `Prefer: odata.include-annotations="*"`).fails()
			if !strings.Contains(a.body, "BulkApiErrorDetails") || !strings.Contains(a.body, `\"RequestIndex\":1`) || !strings.Contains(a.body, `\"StatusCode\":412`) {
				a.errorf("the annotation should name row 1 and its status 412")
			}
			s.get("new_events({id2})?$select=new_name").is(200)
		}},
	}
}
