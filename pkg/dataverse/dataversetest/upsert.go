package dataversetest

// The cells of section 2.4: createCases are POST, upsertCases PATCH without a condition, conditionCases PATCH with one, deleteCases the rest.
// byKey is what a case needs that addresses accounts by their number.
func byKey() []need { return []need{key("account", "accountnumber")} }

const representation = "Prefer: return=representation"

func createCases() []testCase {
	return []testCase{
		{"2.4", "POST answers 204 with the URL of the row, twice", nil, func(s *session) {
			a := s.post("accounts", `{"name":"{mark}"}`).is(204).headerMatches("OData-EntityId", `^`+s.say("{root}")+`accounts\(`+guid+`\)$`)
			a.headed("Location", a.header.Get("OData-EntityId"))
			if a.body != "" {
				a.errorf("there should be no body")
			}
		}},
		{"2.4", "POST makes a row that can be read", nil, func(s *session) {
			at := s.post("accounts", `{"name":"{mark}"}`).is(204).header.Get("OData-EntityId")
			s.get(at+"?$select=name").is(200).holds("name", s.say("{mark}"))
		}},
		{"2.4", "POST with representation answers 201 with the row", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}"}`, representation).is(201).holds("name", s.say("{mark}")).hasText("accountid", "@odata.context", "@odata.etag")
		}},
		{"2.4", "POST with representation has an ETag and no OData-EntityId", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}"}`, representation).is(201).headerMatches("ETag", `^W/"\d+"$`).unheaded("OData-EntityId")
		}},
		{"2.4", "POST takes the row's own GUID", nil, func(s *session) {
			s.post("accounts", `{"accountid":"{id}","name":"{mark}"}`).is(204).headed("OData-EntityId", s.say("{root}accounts({id})"))
			s.get("accounts({id})?$select=name").is(200)
		}},
		{"2.4", "POST of a GUID that is there is a duplicate", nil, func(s *session) {
			s.account()
			s.post("accounts", `{"accountid":"{id}","name":"{mark}"}`).refused(412, "0x80040237", "A record with matching key values already exists.")
		}},
		{"2.4", "POST of an alternate key that is there is a duplicate", byKey(), func(s *session) {
			s.account()
			s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}"}`).is(412).coded("0x80060892")
		}},
		{"2.4", "a representation can be narrowed to the primary key", nil, func(s *session) {
			s.post("accounts?$select=accountid", `{"name":"{mark}"}`, representation).is(201).hasText("accountid").hasNot("name", "createdon")
		}},
	}
}

func upsertCases() []testCase {
	return []testCase{
		{"2.4", "PATCH by GUID creates with that GUID", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}"}`).is(204)
			s.get("accounts({id})?$select=name").is(200).holds("name", s.say("{mark}"))
		}},
		{"2.4", "PATCH by GUID answers with the row's URL when it creates", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}"}`).is(204).headed("OData-EntityId", s.say("{root}accounts({id})"))
		}},
		{"2.4", "PATCH by GUID answers the same when it updates", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"name":"{mark}"}`).is(204).headed("OData-EntityId", s.say("{root}accounts({id})"))
		}},
		{"2.4", "PATCH by GUID updates the columns that it names and no other", nil, func(s *session) {
			s.account(`"telephone1":"1","fax":"2"`)
			s.patch("accounts({id})", `{"fax":"3"}`).is(204)
			s.get("accounts({id})?$select=name,telephone1,fax").is(200).holds("name", s.say("{mark}")).holds("telephone1", "1").holds("fax", "3")
		}},
		{"2.4", "PATCH by GUID with representation answers 201 when it creates", nil, func(s *session) {
			s.patch("accounts({id})?$select=name", `{"name":"{mark}"}`, representation).is(201).holds("accountid", s.say("{id}")).headerMatches("ETag", `^W/"\d+"$`)
		}},
		{"2.4", "PATCH by GUID with representation answers 200 when it updates", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})?$select=name", `{"name":"{mark}x"}`, representation).is(200).holds("name", s.say("{mark}x")).headerMatches("ETag", `^W/"\d+"$`)
		}},
		{"2.4", "PATCH by key creates", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`).is(204)
			s.get("accounts(accountnumber='{mark}')?$select=name").is(200).holds("name", s.say("{mark}")).hasText("accountid")
		}},
		{"2.4", "PATCH by key updates", byKey(), func(s *session) {
			s.account()
			s.patch("accounts(accountnumber='{mark}')", `{"fax":"1"}`).is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"2.4", "PATCH by key with representation answers 201 when it creates", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')?$select=name", `{"name":"{mark}"}`, representation).is(201).hasText("accountid")
		}},
		{"2.4", "PATCH by key with representation answers 200 when it updates", byKey(), func(s *session) {
			s.account()
			s.patch("accounts(accountnumber='{mark}')?$select=fax", `{"fax":"1"}`, representation).is(200).holds("accountid", s.say("{id}")).holds("fax", "1")
		}},
		{"2.4", "PATCH by key echoes the key's URL, without the GUID, when it creates", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`).is(204).headed("OData-EntityId", s.say("{root}accounts(accountnumber='{mark}')"))
		}},
		{"2.4", "PATCH by key echoes the key's URL, without the GUID, when it updates", byKey(), func(s *session) {
			s.account()
			s.patch("accounts(accountnumber='{mark}')", `{"fax":"1"}`).is(204).headed("OData-EntityId", s.say("{root}accounts(accountnumber='{mark}')"))
		}},
		{"2.5", "PATCH of a row that was deleted meanwhile creates it again", nil, func(s *session) {
			s.account()
			s.remove("accounts({id})").is(204)
			s.patch("accounts({id})", `{"name":"{mark}"}`).is(204)
			s.get("accounts({id})?$select=name,accountnumber").is(200).holds("accountnumber", nil)
		}},
		{"2.4", "PATCH twice with the same body makes one row", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`).is(204)
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`).is(204)
			if n := s.count("accounts", "accountnumber eq '{mark}'"); n != 1 {
				s.Errorf("%d rows", n)
			}
		}},
		{"2.4", "GET of a GUID that is not there names table and GUID", nil, func(s *session) {
			s.get("accounts({id})").refused(404, "0x80040217", "account", s.say("With Id = {id} Does Not Exist"))
		}},
		{"2.4", "GET of a key that is not there names the table", byKey(), func(s *session) {
			s.get("accounts(accountnumber='{mark}')").refused(404, "0x80060891", "A record with the specified key values does not exist in account entity")
		}},
		{"4.2", "a write to an elastic table answers with a session token", []need{variants}, func(s *session) {
			s.variant(Variant{Elastic: true}).patch("new_events({id})", `{"new_name":"{mark}"}`).is(204).headerMatches("x-ms-session-token", ".")
		}},
		{"2.5", "an upsert of an elastic table replaces the row", []need{variants}, func(s *session) {
			s = s.variant(Variant{Elastic: true})
			s.patch("new_events({id})", `{"new_name":"{mark}","new_note":"old"}`).is(204)
			s.patch("new_events({id})", `{"new_name":"{mark}"}`).is(204)
			s.get("new_events({id})?$select=new_name,new_note").is(200).holds("new_note", nil)
		}},
	}
}

func conditionCases() []testCase {
	const stale = `If-Match: W/"1"`
	return []testCase{
		{"2.4", "If-Match: * by GUID does not create", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}"}`, "If-Match: *").refused(404, "0x80040217", s.say("With Id = {id} Does Not Exist"))
			s.absent("accounts({id})")
		}},
		{"2.4", "If-Match: * by GUID updates", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"fax":"1"}`, "If-Match: *").is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"2.4", "If-Match: * by key does not create", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`, "If-Match: *").
				refused(404, "0x80060891", "A record with the specified key values does not exist in account entity")
			s.absent("accounts(accountnumber='{mark}')")
		}},
		{"2.4", "If-Match: * by key updates", byKey(), func(s *session) {
			s.account()
			s.patch("accounts(accountnumber='{mark}')", `{"fax":"1"}`, "If-Match: *").is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"2.4", "If-Match: * with representation answers 200", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})?$select=fax", `{"fax":"1"}`, "If-Match: *", representation).is(200).holds("fax", "1")
		}},
		{"2.4", "If-None-Match: * by GUID creates", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}"}`, "If-None-Match: *").is(204)
			s.get("accounts({id})?$select=name").is(200)
		}},
		{"2.4", "If-None-Match: * by GUID does not update", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"fax":"1"}`, "If-None-Match: *").refused(412, "0x80040237|", "A record with matching key values already exists.")
			s.get("accounts({id})?$select=fax").is(200).holds("fax", nil)
		}},
		{"2.4", "If-None-Match: * by key is not found and creates nothing", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`, "If-None-Match: *").refused(404, "0x80060891")
			s.absent("accounts(accountnumber='{mark}')")
		}},
		{"2.4", "If-None-Match: * by key does not update", append(byKey(), guesses), func(s *session) {
			s.account()
			s.patch("accounts(accountnumber='{mark}')", `{"fax":"1"}`, "If-None-Match: *").is(412)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", nil)
		}},
		{"2.4", "If-Match with the row's version updates", nil, func(s *session) {
			s.account()
			tag := s.get("accounts({id})?$select=name").is(200).text("@odata.etag")
			s.patch("accounts({id})", `{"fax":"1"}`, "If-Match: "+tag).is(204)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"2.4", "If-Match with an old version does not update", nil, func(s *session) {
			s.account()
			tag := s.get("accounts({id})?$select=name").is(200).text("@odata.etag")
			s.must(s.patch("accounts({id})", `{"fax":"1"}`))
			s.patch("accounts({id})", `{"fax":"2"}`, "If-Match: "+tag).
				refused(412, "0x80060882|", "The version of the existing record doesn't match the RowVersion property provided.")
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"2.4", "If-Match with a version does not create", nil, func(s *session) {
			s.patch("accounts({id})", `{"name":"{mark}"}`, stale).is(404)
			s.absent("accounts({id})")
		}},
		{"2.4", "If-Match with the row's version updates by key", byKey(), func(s *session) {
			s.account()
			tag := s.get("accounts({id})?$select=name").is(200).text("@odata.etag")
			s.patch("accounts(accountnumber='{mark}')", `{"fax":"1"}`, "If-Match: "+tag).is(204)
		}},
		{"2.4", "If-Match with an old version does not update by key", byKey(), func(s *session) {
			s.account()
			s.patch("accounts(accountnumber='{mark}')", `{"fax":"1"}`, stale).refused(412, "0x80060882|")
		}},
		{"2.4", "If-Match with a version does not create by key", byKey(), func(s *session) {
			s.patch("accounts(accountnumber='{mark}')", `{"name":"{mark}"}`, stale).is(404)
			s.absent("accounts(accountnumber='{mark}')")
		}},
	}
}

func deleteCases() []testCase {
	return []testCase{
		{"2.4", "DELETE by GUID deletes", nil, func(s *session) {
			s.account()
			if a := s.remove("accounts({id})").is(204); a.body != "" {
				a.errorf("there should be no body")
			}
			s.absent("accounts({id})")
		}},
		{"2.4", "DELETE by GUID of no row is not found", nil, func(s *session) {
			s.remove("accounts({id})").refused(404, "0x80040217", s.say("With Id = {id} Does Not Exist"))
		}},
		{"2.4", "DELETE twice is not found the second time", nil, func(s *session) {
			s.account()
			s.remove("accounts({id})").is(204)
			s.remove("accounts({id})").refused(404, "0x80040217")
		}},
		{"2.4", "DELETE by key deletes", byKey(), func(s *session) {
			s.account()
			s.remove("accounts(accountnumber='{mark}')").is(204)
			s.absent("accounts({id})")
		}},
		{"2.4", "DELETE by key of no row is not found", byKey(), func(s *session) {
			s.remove("accounts(accountnumber='{mark}')").refused(404, "0x80060891", "A record with the specified key values does not exist in account entity")
		}},
		{"2.4", "DELETE with the row's version deletes", nil, func(s *session) {
			s.account()
			s.remove("accounts({id})", "If-Match: "+s.get("accounts({id})?$select=name").is(200).text("@odata.etag")).is(204)
			s.absent("accounts({id})")
		}},
		{"2.4", "DELETE with an old version does not delete", nil, func(s *session) {
			s.account()
			s.remove("accounts({id})", `If-Match: W/"1"`).refused(412, "0x80060882|")
			s.get("accounts({id})?$select=name").is(200)
		}},
		{"2.4", "DELETE with a version of no row is not found", nil, func(s *session) {
			s.remove("accounts({id})", `If-Match: W/"1"`).is(404)
		}},
		{"2.4", "a key is free again after DELETE", byKey(), func(s *session) {
			s.account()
			s.remove("accounts({id})").is(204)
			s.post("accounts", `{"name":"{mark}","accountnumber":"{mark}"}`).is(204)
		}},
		{"2.4", "PUT of a column sets it alone", nil, func(s *session) {
			s.account(`"telephone1":"1"`)
			s.put("accounts({id})/fax", `{"value":"2"}`).is(204)
			s.get("accounts({id})?$select=fax,telephone1").is(200).holds("fax", "2").holds("telephone1", "1")
		}},
		{"2.4", "PUT of a column of no row is not found", nil, func(s *session) {
			s.put("accounts({id})/fax", `{"value":"2"}`).is(404)
			s.absent("accounts({id})")
		}},
		{"2.4", "PUT of a column checks its value", nil, func(s *session) {
			s.account()
			s.put("accounts({id})/numberofemployees", `{"value":"many"}`).is(400)
		}},
		{"2.4", "DELETE of a column clears it", nil, func(s *session) {
			s.account(`"fax":"1"`)
			s.remove("accounts({id})/fax").is(204)
			s.get("accounts({id})?$select=fax,name").is(200).holds("fax", nil).holds("name", s.say("{mark}"))
		}},
		{"2.4", "DELETE of a column of no row is not found", nil, func(s *session) {
			s.remove("accounts({id})/fax").is(404)
		}},
	}
}
