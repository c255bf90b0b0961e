package dataversetest

import "strings"

// requestCases are sections 2.1 to 2.3: headers and URLs of single requests.
func requestCases() []testCase {
	cases := []testCase{
		{"2.1", "If-None-Match: null is no condition", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name", "If-None-Match: null").is(200).hasText("name")
		}},
		{"2.1", "a body may say its charset", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}"}`, "Content-Type: application/json; charset=utf-8").is(204)
		}},
		{"2.1", "Accept may ask for minimal metadata", nil, func(s *session) {
			s.get("WhoAmI", "Accept: application/json;odata.metadata=minimal").is(200).hasText("@odata.context")
		}},
		{"2.1", "Accept may ask for no metadata", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name", "Accept: application/json;odata.metadata=none").is(200).hasText("name").hasNot("@odata.context")
		}},
		{"2.1", "Prefer is a list", nil, func(s *session) {
			s.post("accounts?$select=name", `{"name":"{mark}"}`, `Prefer: return=representation,odata.include-annotations="*"`).is(201).hasText("name")
		}},
		{"2.1", "a preference that was honoured is echoed", nil, func(s *session) {
			s.post("accounts?$select=name", `{"name":"{mark}"}`, "Prefer: return=representation").is(201).headerMatches("Preference-Applied", `return=representation`)
		}},
		{"2.1", "duplicate detection is off unless asked for", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}"}`).is(204)
			s.post("accounts", `{"name":"{mark}"}`, "MSCRM.SuppressDuplicateDetection: true").is(204)
		}},
		{"2.1", "the query parameter tag is for plug-ins, and harmless", nil, func(s *session) {
			s.post("accounts?tag=penstock", `{"name":"{mark}"}`).is(204)
			s.patch("accounts({id})?tag=penstock", `{"name":"{mark}"}`).is(204)
		}},
		{"2.1", "Consistency: Strong is understood", nil, func(s *session) {
			s.get("EntityDefinitions(LogicalName='account')?$select=LogicalName", "Consistency: Strong").is(200)
		}},
		{"2.1", "Accept may ask for full metadata", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name", "Accept: application/json;odata.metadata=full").is(200).hasText("name", "@odata.context")
		}},
		{"2.2", "a version that is none is refused with the form it should have", nil, func(s *session) {
			s.get("/api/data/accounts").refused(400, "0x80060888", "Requested API Version '", "' was not understood. Please provide in the format /api/data/v<Major>.<Minor>/")
		}},
		{"2.2", "older versions of the API are served", nil, func(s *session) {
			s.get("/api/data/v9.0/WhoAmI").is(200)
			s.get("/api/data/v9.1/WhoAmI").is(200)
		}},
		{"2.2", "PATCH of a whole set is not allowed", nil, func(s *session) {
			s.patch("accounts", `{"name":"{mark}"}`).is(405)
		}},
		{"2.2", "DELETE of a whole set is not allowed", nil, func(s *session) {
			s.remove("accounts").is(405)
		}},
		{"2.2", "a segment that a row does not have is not found", nil, func(s *session) {
			s.account()
			s.get("accounts({id})/nosuchsegment").is(400, 404).coded("0x80060888|0x8006088a").says("esource not found for the segment")
		}},
		{"2.2", "a URL of 32,000 characters is served", nil, func(s *session) {
			s.get(longQuery(32000)).rows(0)
		}},
		{"2.2", "a URL of more than 32,768 characters is refused", nil, func(s *session) {
			s.get(longQuery(33000)).fails()
		}},
		{"2.2", "a URL in a batch may be longer", nil, func(s *session) {
			_, parts := s.batch(frame(op("GET", longQuery(60000), "")))
			s.expect(parts, 200)
			parts[0].rows(0)
		}},
		{"2.2", "a URL in a batch has at most 65,536 characters", nil, func(s *session) {
			_, parts := s.batch(frame(op("GET", longQuery(66000), "")))
			if len(parts) != 1 {
				s.Fatalf("%d parts", len(parts))
			}
			parts[0].fails()
		}},
		{"2.3", "every answer says its OData version", nil, func(s *session) {
			s.get("WhoAmI").is(200).headed("OData-Version", "4.0")
			s.post("accounts", `{"name":"{mark}"}`).is(204).headed("OData-Version", "4.0")
		}},
		{"2.3", "a row is JSON with minimal metadata", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=name").is(200).headerMatches("Content-Type", `^application/json; ?odata\.metadata=minimal`)
		}},
		{"2.3", "a set is streamed", nil, func(s *session) {
			s.get("accounts?$select=name&$top=1").is(200).headerMatches("Content-Type", `^application/json; ?odata\.metadata=minimal; ?odata\.streaming=true`)
		}},
		{"2.3", "every answer has an id that Microsoft's support asks for", nil, func(s *session) {
			a := s.get("WhoAmI").is(200).headerMatches("REQ_ID", "^"+guid+"$").headerMatches("x-ms-service-request-id", "^"+guid+"(,"+guid+")*$")
			if b := s.get("WhoAmI").is(200); a.header.Get("REQ_ID") == b.header.Get("REQ_ID") {
				b.errorf("the same id twice")
			}
		}},
		{"2.3", "an error has that id too", nil, func(s *session) {
			s.get("accounts({id})").is(404).headerMatches("REQ_ID", "^"+guid+"$")
		}},
		{"2.3", "no answer may be cached", nil, func(s *session) {
			s.get("WhoAmI").is(200).headerMatches("Cache-Control", "no-cache")
		}},
		{"6.5", "WhoAmI says user, business unit and organisation", nil, func(s *session) {
			a := s.get("WhoAmI").is(200)
			a.hasText("UserId", "BusinessUnitId", "OrganizationId")
			if !strings.HasSuffix(a.text("@odata.context"), "#Microsoft.Dynamics.CRM.WhoAmIResponse") {
				a.errorf("the context should be that of a WhoAmIResponse")
			}
		}},
		{"6.5", "WhoAmI may have parentheses", nil, func(s *session) {
			s.get("WhoAmI()").is(200).holds("UserId", s.get("WhoAmI").is(200).text("UserId"))
		}},
	}
	for _, c := range []struct{ fact, segment string }{
		{"a set's name is case-sensitive", "Accounts"},
		{"a set is not named by the logical name", "account"},
		{"a set is not named by the schema name", "Account"},
		{"a set that does not exist is not found", "penstocknosuchtables"},
	} {
		cases = append(cases, testCase{"2.2", c.fact, nil, func(s *session) {
			s.get(c.segment+"?$top=1").refused(404, "0x8006088a|0x80060888", "Resource not found for the segment '"+c.segment+"'")
			s.post(c.segment, `{"name":"{mark}"}`).refused(404, "0x8006088a|0x80060888", "Resource not found for the segment '"+c.segment+"'")
		}})
	}
	return cases
}

// longQuery is a query of some length that finds nothing: comparisons of 2,000 characters each.
func longQuery(length int) string {
	query := "accounts?$select=accountid&$top=1&$filter=name%20eq%20'" + strings.Repeat("x", 1000) + "'"
	for length -= len(query); length > 0; length -= 2000 {
		query += "%20or%20name%20eq%20'" + strings.Repeat("x", min(length, 2000)-min(length, 22)) + "'"
	}
	return query
}
