package dataversetest

import (
	"fmt"
	"strings"
)

// framingCases are section 3.1: how a batch is written, and what becomes of one that is written wrongly.
func framingCases() []testCase {
	const readable = "Stream was not readable."
	upsert := func(id string) string { return op("PATCH", "accounts("+id+")", `{"name":"{mark}"}`) }
	whole := func(a *answer, parts []*answer) *answer { // the batch is refused as such: section 3.3
		a.t.Helper()
		if a.fails(); parts != nil {
			a.errorf("there should be no parts")
		}
		return a.headerMatches("Content-Type", `^application/json`).hasText("error/message")
	}
	cases := []testCase{
		{"3.1", "the boundary may be quoted", nil, func(s *session) {
			outer, parts := s.batch(frame(upsert("{id}")), `Content-Type: multipart/mixed; boundary="batch_1"`)
			outer.is(200)
			s.expect(parts, 204)
		}},
		{"3.1", "the boundary need not be quoted", nil, func(s *session) {
			outer, parts := s.batch(frame(upsert("{id}")), `Content-Type: multipart/mixed;boundary=batch_1`)
			outer.is(200)
			s.expect(parts, 204)
		}},
		{"3.1", "a boundary that the body does not have is refused as a whole", nil, func(s *session) {
			whole(s.batch(frame(upsert("{id}")), `Content-Type: multipart/mixed; boundary=batch_2`))
			s.absent("accounts({id})")
		}},
		{"3.1", "a missing boundary is refused as a whole", nil, func(s *session) {
			whole(s.batch(frame(upsert("{id}")), `Content-Type: multipart/mixed`))
			s.absent("accounts({id})")
		}},
		{"3.1", "an inner body may be plain JSON", nil, func(s *session) {
			_, parts := s.batch(frame(strings.Replace(upsert("{id}"), "application/json; type=entry", "application/json", 1)))
			s.expect(parts, 204)
		}},
		{"3.1", "a URL may be absolute", nil, func(s *session) {
			_, parts := s.batch(frame(opAt("PATCH", "{root}accounts({id})", `{"name":"{mark}"}`), opAt("GET", "{root}accounts({id})?$select=name", "")))
			s.expect(parts, 204, 200)
		}},
		{"3.1", "a URL may be relative to the server", nil, func(s *session) {
			_, parts := s.batch(frame(opAt("PATCH", "/api/data/v9.2/accounts({id})", `{"name":"{mark}"}`)))
			s.expect(parts, 204)
		}},
		{"3.1", "a URL may be relative to the root", []need{guesses}, func(s *session) {
			_, parts := s.batch(frame(opAt("PATCH", "accounts({id})", `{"name":"{mark}"}`)))
			s.expect(parts, 204)
		}},
		{"3.1", "a URL of another host fails", []need{guesses}, func(s *session) {
			_, parts := s.batch(frame(opAt("PATCH", "https://other.crm4.dynamics.com/api/data/v9.2/accounts({id})", `{"name":"{mark}"}`)))
			s.expect(parts, 400)
			s.absent("accounts({id})")
		}},
		{"3.1", "a key in a URL is decoded", append(byKey(), guesses), func(s *session) {
			_, parts := s.batch(frame(op("PATCH", "accounts(accountnumber='{mark}%20a')", `{"name":"{mark}"}`)))
			s.expect(parts, 204)
			s.get("accounts(accountnumber='{mark}%20a')?$select=accountnumber").is(200).holds("accountnumber", s.say("{mark} a"))
		}},
		{"3.1", "a part may say its length", nil, func(s *session) {
			request := "PATCH " + s.say("{path}accounts({id})") + " HTTP/1.1\r\nContent-Type: application/json\r\n\r\n" + s.say(`{"name":"{mark}"}`)
			_, parts := s.batch(frame(fmt.Sprintf("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-Length: %d\r\n\r\n%s\r\n", len(request), request)))
			s.expect(parts, 204)
		}},
		{"3.1", "a condition stands in the inner request", nil, func(s *session) {
			_, parts := s.batch(frame(
				op("PATCH", "accounts({id})", `{"name":"{mark}"}`, "If-Match: *"), op("PATCH", "accounts({id})", `{"name":"{mark}"}`, "If-None-Match: *"),
				op("PATCH", "accounts({id})", `{"name":"{mark}"}`, "If-None-Match: *"), op("PATCH", "accounts({id})", `{"fax":"1"}`, "If-Match: *"),
				op("PATCH", "accounts({id})", `{"fax":"2"}`, `If-Match: W/"1"`), op("DELETE", "accounts({id})", "", `If-Match: W/"1"`),
			), continueOnError)
			s.expect(parts, 404, 204, 412, 204, 412, 412)
		}},
		{"3.1", "Prefer stands in the inner request", nil, func(s *session) {
			_, parts := s.batch(frame(op("POST", "accounts?$select=name", `{"name":"{mark}"}`, representation), op("POST", "accounts", `{"name":"{mark}"}`)))
			s.expect(parts, 201, 204)
			parts[0].holds("name", s.say("{mark}"))
		}},
		{"3.1", "a GET that does not end with an empty line breaks the batch", nil, func(s *session) {
			get := strings.TrimSuffix(op("GET", "WhoAmI", ""), "\r\n\r\n")
			outer, parts := s.batch(frame(get, op("GET", "WhoAmI", "")))
			outer.fails()
			for _, p := range parts {
				if p.status < 300 {
					p.errorf("it should not succeed")
				}
			}
		}},
		{"3.1", "a batch in a batch is refused", nil, func(s *session) {
			inner := "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nPOST {path}$batch HTTP/1.1\r\n" +
				"Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n" + upsert("{id}") + "--inner--\r\n\r\n"
			outer, _ := s.batch(frame(inner))
			outer.fails()
			s.absent("accounts({id})")
		}},
		{"3.1", "a change set in a change set is refused", nil, func(s *session) {
			inner := strings.ReplaceAll(set(upsert("{id}")), "changeset_1", "changeset_2")
			outer, _ := s.batch(frame(set(inner)))
			outer.fails()
			s.absent("accounts({id})")
		}},
		{"3.1", "a GET in a change set is refused, and nothing of the set is stored", nil, func(s *session) {
			outer, _ := s.batch(frame(set(upsert("{id}"), op("GET", "accounts({id})", ""))))
			outer.fails()
			s.absent("accounts({id})")
		}},
		{"3.1", "without a line break at the very end the last write is lost", nil, func(s *session) {
			outer, parts := s.batch(strings.TrimSuffix(frame(upsert("{id}"), upsert("{id2}")), "\r\n"))
			outer.is(400)
			s.expect(parts, 204, 400)
			parts[1].refused(400, "0x80048d19", readable)
			s.get("accounts({id})?$select=name").is(200)
			s.absent("accounts({id2})")
		}},
		{"3.1", "without a line break at the very end a batch of one write fails", nil, func(s *session) {
			_, parts := s.batch(strings.TrimSuffix(frame(upsert("{id}")), "\r\n"))
			s.expect(parts, 400)
			parts[0].refused(400, "0x80048d19", readable)
			s.absent("accounts({id})")
		}},
		{"3.1", "without a line break at the very end a change set is stored", nil, func(s *session) {
			_, parts := s.batch(strings.TrimSuffix(frame(set(upsert("{id}"), upsert("{id2}"))), "\r\n\r\n--batch_1--\r\n") + "\r\n\r\n--batch_1--")
			s.expect(parts, 200)
			s.get("accounts({id2})?$select=name").is(200)
		}},
		{"3.1", "with LF alone the last write is lost", nil, func(s *session) {
			text := strings.TrimSuffix(strings.ReplaceAll(frame(upsert("{id}"), upsert("{id2}")), "\r\n", "\n"), "\n")
			_, parts := s.batch(text, continueOnError)
			s.expect(parts, 204, 400)
			parts[1].refused(400, "0x80048d19", readable)
			s.absent("accounts({id2})")
		}},
		{"3.1", "with LF alone a change set is stored", nil, func(s *session) {
			_, parts := s.batch(strings.TrimSuffix(strings.ReplaceAll(frame(set(upsert("{id}"))), "\r\n", "\n"), "\n"))
			s.expect(parts, 200)
			s.get("accounts({id})?$select=name").is(200)
		}},
		{"3.1", "with LF alone two more at the end save the last write", nil, func(s *session) {
			_, parts := s.batch(strings.TrimSuffix(strings.ReplaceAll(frame(upsert("{id}"), upsert("{id2}")), "\r\n", "\n"), "\n") + "\n\n")
			s.expect(parts, 204, 204)
			s.get("accounts({id2})?$select=name").is(200)
		}},
	}
	return append(cases,
		testCase{"3.3", "JSON in place of a multipart body is refused as a whole", nil, func(s *session) {
			whole(s.batch(`{"requests":[]}`, "Content-Type: application/json"))
		}},
		testCase{"3.1", "a batch is posted", nil, func(s *session) {
			s.get("$batch").fails()
		}})
}

// batchCases are section 3.2: the answer to a batch.
func batchCases() []testCase {
	return []testCase{
		{"3.2", "the answer is multipart, with a boundary of its own and no quotes", nil, func(s *session) {
			outer, _ := s.batch(frame(op("GET", "WhoAmI", "")))
			outer.is(200).headerMatches("Content-Type", "^multipart/mixed; boundary=batchresponse_"+guid+"$")
		}},
		{"3.2", "there is a part for each operation, in order", nil, func(s *session) {
			_, parts := s.batch(frame(
				op("POST", "accounts", `{"accountid":"{id}","name":"{mark}"}`), op("GET", "accounts({id})?$select=name", ""), op("PATCH", "accounts({id})", `{"fax":"1"}`),
				op("GET", "accounts({id})?$select=fax", ""), op("DELETE", "accounts({id})", ""),
			))
			s.expect(parts, 204, 200, 204, 200, 204)
			parts[1].holds("name", s.say("{mark}"))
			parts[3].holds("fax", "1")
		}},
		{"3.2", "a create says where the row is", nil, func(s *session) {
			_, parts := s.batch(frame(op("POST", "accounts", `{"accountid":"{id}","name":"{mark}"}`)))
			s.expect(parts, 204)
			parts[0].headed("OData-EntityId", s.say("{root}accounts({id})")).headed("Location", s.say("{root}accounts({id})")).headed("OData-Version", "4.0")
		}},
		{"3.2", "an update says where the row is", nil, func(s *session) {
			s.account()
			_, parts := s.batch(frame(op("PATCH", "accounts({id})", `{"fax":"1"}`)))
			s.expect(parts, 204)
			parts[0].headed("OData-EntityId", s.say("{root}accounts({id})")).headed("Location", s.say("{root}accounts({id})"))
		}},
		{"2.4", "an upsert by key echoes the key's URL, whether it creates or updates", byKey(), func(s *session) {
			upsert := op("PATCH", "accounts(accountnumber='{mark}')", `{"name":"{mark}"}`)
			_, parts := s.batch(frame(upsert, upsert))
			s.expect(parts, 204, 204)
			for _, p := range parts {
				p.headed("OData-EntityId", s.say("{root}accounts(accountnumber='{mark}')")).headed("Location", s.say("{root}accounts(accountnumber='{mark}')"))
			}
		}},
		{"3.2", "a delete says nothing but the OData version", nil, func(s *session) {
			s.account()
			_, parts := s.batch(frame(op("DELETE", "accounts({id})", "")))
			s.expect(parts, 204)
			parts[0].headed("OData-Version", "4.0").unheaded("OData-EntityId", "Location", "Content-Type")
		}},
		{"3.2", "setting one column says nothing of where", nil, func(s *session) {
			s.account()
			_, parts := s.batch(frame(op("PUT", "accounts({id})/fax", `{"value":"1"}`)))
			s.expect(parts, 204)
			parts[0].unheaded("OData-EntityId", "Location")
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
		}},
		{"3.2", "setting a reference says nothing of where", nil, func(s *session) {
			s.account()
			s.contact()
			_, parts := s.batch(frame(op("PUT", "accounts({id})/primarycontactid/$ref", `{"@odata.id":"{root}contacts({id2})"}`)))
			s.expect(parts, 204)
			parts[0].unheaded("OData-EntityId", "Location")
		}},
		{"3.2", "a representation has body, ETag and the preference", nil, func(s *session) {
			_, parts := s.batch(frame(
				op("PATCH", "accounts({id})?$select=name", `{"name":"{mark}"}`, representation), op("PATCH", "accounts({id})?$select=name", `{"name":"{mark}"}`, representation),
			))
			s.expect(parts, 201, 200)
			for _, p := range parts {
				p.holds("name", s.say("{mark}")).headerMatches("ETag", `^W/"\d+"$`).headerMatches("Preference-Applied", `return=representation`).
					headerMatches("Content-Type", `^application/json; ?odata\.metadata=minimal`)
			}
		}},
		{"3.2", "a set in a part is streamed JSON", nil, func(s *session) {
			_, parts := s.batch(frame(op("GET", "accounts?$select=name&$top=1", "")))
			s.expect(parts, 200)
			parts[0].headerMatches("Content-Type", `^application/json; ?odata\.metadata=minimal; ?odata\.streaming=true$`).has("value")
		}},
		{"3.2", "parts outside change sets have no Content-ID", nil, func(s *session) {
			_, parts := s.batch(frame(op("PATCH", "accounts({id})", `{"name":"{mark}"}`), op("GET", "WhoAmI", "")))
			s.expect(parts, 204, 200)
			for _, p := range parts {
				if p.contentID != "" {
					p.errorf("it has the Content-ID %q", p.contentID)
				}
			}
		}},
		{"3.2", "a refused operation is JSON with an id", nil, func(s *session) {
			_, parts := s.batch(frame(op("PATCH", "accounts({id})", `{"name":"{mark}","nosuchcolumn":1}`)))
			s.expect(parts, 400)
			parts[0].coded("0x80048d19").headerMatches("Content-Type", `^application/json; ?odata\.metadata=minimal`).headed("OData-Version", "4.0").
				headerMatches("REQ_ID", "^"+guid+"$")
		}},
		{"3.3", "operations on one row are carried out one after the other", nil, func(s *session) {
			var operations []string
			for i := range 20 {
				operations = append(operations, op("PATCH", "accounts({id})", fmt.Sprintf(`{"name":"{mark}","numberofemployees":%d}`, i)))
			}
			_, parts := s.batch(frame(append(operations, op("GET", "accounts({id})?$select=numberofemployees", ""))...))
			if len(parts) != 21 {
				s.Fatalf("%d parts", len(parts))
			}
			parts[20].is(200).holds("numberofemployees", 19)
		}},
		{"3.3", "a row that is deleted in a batch can be created again in it", byKey(), func(s *session) {
			s.account()
			_, parts := s.batch(frame(op("DELETE", "accounts({id})", ""), op("PATCH", "accounts(accountnumber='{mark}')", `{"name":"{mark}"}`)))
			s.expect(parts, 204, 204)
			s.absent("accounts({id})")
		}},
		{"3.2", "a function can be called in a batch", nil, func(s *session) {
			_, parts := s.batch(frame(op("GET", "WhoAmI", "")))
			s.expect(parts, 200)
			parts[0].hasText("UserId")
		}},
		{"3.2", "metadata can be read in a batch", nil, func(s *session) {
			_, parts := s.batch(frame(op("GET", "EntityDefinitions(LogicalName='account')?$select=EntitySetName", "")))
			s.expect(parts, 200)
			parts[0].holds("EntitySetName", "accounts")
		}},
	}
}

// failureCases are section 3.3: what becomes of the rest when one operation of a batch is refused.
func failureCases() []testCase {
	good := func(id string) string { return op("PATCH", "accounts("+id+")", `{"name":"{mark}"}`) }
	bad := op("PATCH", "accounts({id2})", `{"name":"{mark}","nosuchcolumn":1}`)
	return []testCase{
		{"3.3", "the first refusal ends the batch, with 400 and the parts so far", nil, func(s *session) {
			outer, parts := s.batch(frame(good("{id}"), bad, good("{id3}")))
			outer.is(400).headerMatches("Content-Type", "^multipart/mixed; boundary=batchresponse_")
			s.expect(parts, 204, 400)
		}},
		{"3.3", "what came before the refusal stays", nil, func(s *session) {
			s.batch(frame(good("{id}"), bad, good("{id3}")))
			s.get("accounts({id})?$select=name").is(200)
		}},
		{"3.3", "what comes after the refusal is not done", nil, func(s *session) {
			s.batch(frame(good("{id}"), bad, good("{id3}")))
			s.absent("accounts({id3})")
		}},
		{"3.3", "a batch whose first operation is refused has one part", nil, func(s *session) {
			outer, parts := s.batch(frame(bad, good("{id}")))
			outer.is(400)
			s.expect(parts, 400)
		}},
		{"3.3", "a batch whose last operation is refused has all its parts and is 400", nil, func(s *session) {
			outer, parts := s.batch(frame(good("{id}"), good("{id3}"), bad))
			outer.is(400)
			s.expect(parts, 204, 204, 400)
		}},
		{"3.3", "a read that finds nothing ends the batch too", nil, func(s *session) {
			get := op("GET", "WhoAmI", "")
			outer, parts := s.batch(frame(get, get, op("GET", "accounts({id})", ""), get, get))
			outer.is(400)
			s.expect(parts, 200, 200, 404)
		}},
		{"3.3", "a delete that finds nothing ends the batch too", nil, func(s *session) {
			outer, parts := s.batch(frame(op("DELETE", "accounts({id2})", ""), good("{id}")))
			outer.is(400)
			s.expect(parts, 404)
		}},
		{"3.3", "with continue-on-error there is a part for each, and 200", nil, func(s *session) {
			outer, parts := s.batch(frame(good("{id}"), bad, good("{id3}")), continueOnError)
			outer.is(200)
			s.expect(parts, 204, 400, 204)
			s.get("accounts({id3})?$select=name").is(200)
			s.absent("accounts({id2})")
		}},
		{"3.3", "with continue-on-error a batch of refusals is 200", nil, func(s *session) {
			outer, parts := s.batch(frame(bad, bad, bad), continueOnError)
			outer.is(200)
			s.expect(parts, 400, 400, 400)
		}},
		{"3.3", "continue-on-error has no effect in an inner request", nil, func(s *session) {
			outer, parts := s.batch(frame(op("PATCH", "accounts({id2})", `{"name":"{mark}","nosuchcolumn":1}`, continueOnError), good("{id}")))
			outer.is(400)
			s.expect(parts, 400)
		}},
		{"3.3", "each operation has its own verdict", byKey(), func(s *session) {
			s.account()
			_, parts := s.batch(frame(
				op("DELETE", "accounts({id2})", ""), op("POST", "accounts", `{"name":"{mark}","accountnumber":"{mark}"}`),
				op("PATCH", "accounts({id2})", `{"name":"{mark}","numberofemployees":-1}`), op("PATCH", "accounts({id})", `{"fax":"1"}`, "If-None-Match: *"),
				op("PATCH", "nosuchtables({id})", `{}`), op("PATCH", "accounts(fax='1')", `{}`),
			), continueOnError)
			s.expect(parts, 404, 412, 400, 412, 404, 400)
			for i, code := range []string{"0x80040217", "0x80060892", "0x8004432f", "0x80040237|", "0x8006088a|0x80060888", "0x80060888"} {
				parts[i].coded(code)
			}
		}},
	}
}

// batchLimitCases are section 3.1: how many operations a batch may have.
func batchLimitCases() []testCase {
	const most = 1000
	times := func(n int, part string) []string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = part
		}
		return parts
	}
	write := op("PATCH", "accounts({id})", `{"name":"{mark}"}`)
	return []testCase{
		{"3.1", "a batch may have 1,000 operations", nil, func(s *session) {
			outer, parts := s.batch(frame(times(most, op("GET", "WhoAmI", ""))...))
			outer.is(200)
			if len(parts) != most {
				s.Errorf("%d parts", len(parts))
			}
		}},
		{"3.1", "a batch of 1,001 operations is refused as a whole", nil, func(s *session) {
			outer, parts := s.batch(frame(times(most+1, write)...), continueOnError)
			if parts != nil {
				s.Errorf("there are %d parts", len(parts))
			}
			outer.fails().says("maximum number of '1000' query operations and change sets are allowed in a batch message")
		}},
		{"3.1", "nothing of a batch of 1,001 operations is done", nil, func(s *session) {
			outer, _ := s.batch(frame(times(most+1, write)...), continueOnError)
			outer.fails()
			s.absent("accounts({id})")
		}},
		{"3.1", "a change set may have 1,000 operations", nil, func(s *session) {
			outer, parts := s.batch(frame(set(times(most, write)...)))
			outer.is(200)
			if len(parts) != 1 || len(parts[0].set) != most {
				s.Errorf("%d parts", len(parts))
			}
		}},
		{"3.1", "a change set of 1,001 operations is refused", nil, func(s *session) {
			outer, parts := s.batch(frame(set(times(most+1, write)...)))
			text := "The current change set contains too many operations. A maximum number of '1000' operations are allowed in a change set"
			if outer.fails(); parts == nil {
				outer.says(text)
			} else if !strings.Contains(outer.body, text) {
				outer.errorf("no part says %q", text)
			}
			s.absent("accounts({id})")
		}},
	}
}
