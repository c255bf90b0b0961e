package dataversetest

import (
	"encoding/json"
	"strings"
)

// A target is the table that the cases of sections 2.7 write to: where, what a create needs, and what the environment must have.
type target struct {
	set   string
	begin string // of the body
	needs []need
}

func toAccount() target { return target{"accounts", `{"name":"{mark}"`, nil} }

func toContact() target { return target{"contacts", `{"lastname":"{mark}"`, nil} }

func toMembership() target {
	return target{"new_memberships", `{"new_name":"{mark}"`, []need{table("new_membership")}}
}

// valueCases are section 2.7: what is accepted, and what is read back.
func valueCases() []testCase {
	type good struct {
		fact   string
		to     target
		column string
		sent   string // JSON
		read   string // JSON; as sent when empty
	}
	account, contact, membership := toAccount(), toContact(), toMembership()
	var cases []testCase
	for _, c := range []good{
		{"text", account, "fax", `"Zürich 漢字 😀"`, ""},
		{"text with quotes, tabs and line breaks", account, "description", `"a \"b\"\n\tc\\d"`, ""},
		{"text of the greatest length", account, "address1_postalcode", `"` + strings.Repeat("x", 20) + `"`, ""},
		{"a long memo", account, "description", `"` + strings.Repeat("y", 2000) + `"`, ""},
		{"a whole number", account, "numberofemployees", `42`, ""},
		{"zero", account, "numberofemployees", `0`, ""},
		{"the greatest whole number of a column", account, "numberofemployees", `1000000000`, ""},
		{"money", account, "revenue", `1234.56`, ""},
		{"money without decimals", account, "revenue", `5`, ""},
		{"negative money", membership, "new_fee", `-12.5`, ""},
		{"a double", account, "address1_latitude", `47.37689`, ""},
		{"a negative double", account, "address1_longitude", `-122.5`, ""},
		{"true", account, "donotphone", `true`, ""},
		{"false", account, "donotphone", `false`, ""},
		{"a choice by its value", account, "industrycode", `2`, ""},
		{"a moment", account, "lastusedincampaign", `"2026-01-31T12:00:00Z"`, ""},
		{"the first moment", account, "lastusedincampaign", `"1753-01-01T00:00:00Z"`, ""},
		{"the last day", contact, "anniversary", `"9999-12-30"`, ""},
		{"the first day", contact, "anniversary", `"1753-01-01"`, ""},
		{"a moment with an offset, as UTC", account, "lastusedincampaign", `"2026-01-31T12:00:00+02:00"`, `"2026-01-31T10:00:00Z"`},
		{"a date", contact, "birthdate", `"1984-02-29"`, ""},
		{"a decimal", membership, "new_score", `12.5`, ""},
		{"a decimal with all its digits", membership, "new_score", `-999999.1234`, ""},
		{"several choices", membership, "new_interests", `"1,3"`, ""},
		{"one of several choices", membership, "new_interests", `"2"`, ""},
		{"a moment without time zone", membership, "new_openingtime", `"2026-01-31T08:30:00Z"`, ""},
		{"null for text", account, "fax", `null`, ""},
		{"null for a number", account, "numberofemployees", `null`, ""},
		{"null for money", account, "revenue", `null`, ""},
		{"null for a choice", account, "industrycode", `null`, ""},
		{"null for a moment", account, "lastusedincampaign", `null`, ""},
		{"null for a date", contact, "birthdate", `null`, ""},
		{"null for several choices", membership, "new_interests", `null`, ""},
		{"null for a decimal", membership, "new_score", `null`, ""},
	} {
		want := c.read
		if want == "" {
			want = c.sent
		}
		cases = append(cases, testCase{"2.7", c.fact + " is stored", c.to.needs, func(s *session) {
			at := s.post(c.to.set, c.to.begin+`,"`+c.column+`":`+c.sent+`}`).is(204).header.Get("OData-EntityId")
			reads(s.get(at+"?$select="+c.column), c.column, want)
		}})
	}
	for _, c := range []good{
		{"text", account, "fax", `"1"`, ""},
		{"a number", account, "numberofemployees", `5`, ""},
		{"money", account, "revenue", `5`, ""},
		{"a choice", account, "industrycode", `1`, ""},
		{"a moment", account, "lastusedincampaign", `"2026-01-31T12:00:00Z"`, ""},
		{"a date", contact, "birthdate", `"1984-02-29"`, ""},
		{"several choices", membership, "new_interests", `"1,3"`, ""},
	} {
		cases = append(cases, testCase{"2.7", "null clears " + c.fact, c.to.needs, func(s *session) {
			at := s.post(c.to.set, c.to.begin+`,"`+c.column+`":`+c.sent+`}`).is(204).header.Get("OData-EntityId")
			s.patch(at, `{"`+c.column+`":null}`, "If-Match: *").is(204)
			reads(s.get(at+"?$select="+c.column), c.column, "null")
		}})
	}
	return append(cases,
		testCase{"2.7", "empty text is stored as null", []need{guesses}, func(s *session) {
			at := s.post("accounts", `{"name":"{mark}","fax":""}`).is(204).header.Get("OData-EntityId")
			reads(s.get(at+"?$select=fax"), "fax", "null")
		}},
		testCase{"2.7", "parts of a second are dropped", []need{guesses}, func(s *session) {
			at := s.post("accounts", `{"name":"{mark}","lastusedincampaign":"2026-01-31T12:00:00.987Z"}`).is(204).header.Get("OData-EntityId")
			reads(s.get(at+"?$select=lastusedincampaign"), "lastusedincampaign", `"2026-01-31T12:00:00Z"`)
		}},
		testCase{"2.7", "the length of text is counted in UTF-16", []need{guesses}, func(s *session) {
			s.post("accounts", `{"name":"{mark}","tickersymbol":"`+strings.Repeat("😀", 5)+`"}`).is(204)
			s.post("accounts", `{"name":"{mark}","tickersymbol":"`+strings.Repeat("😀", 6)+`"}`).is(400).coded("0x80044331")
		}},
		testCase{"2.7", "state and reason are set together", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"statecode":1,"statuscode":2}`).is(204)
			s.get("accounts({id})?$select=statecode,statuscode").is(200).holds("statecode", 1).holds("statuscode", 2)
			s.patch("accounts({id})", `{"statecode":0,"statuscode":1}`).is(204)
		}},
		testCase{"2.7", "a new row is active", nil, func(s *session) {
			s.account()
			s.get("accounts({id})?$select=statecode,statuscode").is(200).holds("statecode", 0).holds("statuscode", 1)
		}},
		testCase{"2.7", "a state alone takes its default reason", []need{guesses}, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"statecode":1}`).is(204)
			s.get("accounts({id})?$select=statuscode").is(200).holds("statuscode", 2)
		}},
		testCase{"8.4", "an inactive row can be updated", nil, func(s *session) {
			s.account()
			s.must(s.patch("accounts({id})", `{"statecode":1,"statuscode":2}`))
			s.patch("accounts({id})", `{"fax":"1"}`).is(204)
		}},
		testCase{"2.7", "values for read-only columns are ignored", []need{guesses}, func(s *session) {
			s.post("accounts", `{"accountid":"{id}","name":"{mark}","createdon":"2001-01-01T00:00:00Z"}`).is(204)
			if a := s.get("accounts({id})?$select=createdon").is(200); strings.HasPrefix(a.text("createdon"), "2001") {
				a.errorf("createdon was set")
			}
		}},
		testCase{"2.7", "a row of which nothing is required but the system's columns is created without the business's", nil, func(s *session) {
			s.post("accounts", `{"accountnumber":"{mark}"}`).is(204) // without its name
			s.post("contacts", `{"firstname":"{mark}"}`).is(204)     // without its last name
		}},
		testCase{"2.7", "a new row can be dated back", []need{variants}, func(s *session) {
			s = s.variant(Variant{})
			s.post("accounts", `{"accountid":"{id}","name":"{mark}","overriddencreatedon":"2001-02-03T00:00:00Z"}`).is(204)
			s.get("accounts({id})?$select=createdon").is(200).holds("createdon", "2001-02-03T00:00:00Z")
		}},
		testCase{"2.7", "money takes a currency when none is sent", nil, func(s *session) {
			s.account(`"revenue":5`)
			s.get("accounts({id})?$select=_transactioncurrencyid_value").is(200).hasText("_transactioncurrencyid_value")
		}},
		testCase{"2.7", "a decimal is text where the body says IEEE754Compatible", nil, func(s *session) {
			at := s.post("accounts", `{"name":"{mark}","revenue":"12.5"}`, "Content-Type: application/json; IEEE754Compatible=true").is(204).header.Get("OData-EntityId")
			reads(s.get(at+"?$select=revenue"), "revenue", "12.5")
		}})
}

// reads asserts a column's JSON.
func reads(a *answer, column, want string) {
	a.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(want), &v); err != nil {
		a.t.Fatal(err)
	}
	a.is(200).holds(column, v)
}

// badValueCases are section 2.7: what is refused, and how.
func badValueCases() []testCase {
	const payload = "0x80048d19"
	account, contact, membership := toAccount(), toContact(), toMembership()
	cases := []testCase{
		{"2.7", "a number is refused where the body says IEEE754Compatible", nil, func(s *session) {
			s.post("accounts", `{"name":"{mark}","revenue":12.5}`, "Content-Type: application/json; IEEE754Compatible=true").
				refused(400, payload, "Cannot convert a value to target type 'Edm.Decimal' because of conflict between input format", "IEEE754Compatible")
		}},
		{"2.7", "a reason of another state is refused", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"statuscode":2}`).refused(400, "0x80048408", "is not a valid status code for state code ")
		}},
		{"2.7", "a state with a reason of another state is refused", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"statecode":1,"statuscode":1}`).
				refused(400, "0x80048408", "1 is not a valid status code for state code ", "on account with Id "+s.say("{id}"))
		}},
		{"2.7", "a column that the system requires cannot be cleared", nil, func(s *session) {
			s.account()
			s.patch("accounts({id})", `{"statecode":null}`).fails()
		}},
		{"2.7", "nothing of a row is stored of which one value is refused", nil, func(s *session) {
			s.account(`"fax":"1"`)
			s.patch("accounts({id})", `{"fax":"2","numberofemployees":-1}`).is(400)
			s.get("accounts({id})?$select=fax").is(200).holds("fax", "1")
			s.patch("accounts({id2})", `{"name":"{mark}","numberofemployees":-1}`).is(400)
			s.absent("accounts({id2})")
		}},
	}
	for _, c := range []struct {
		fact   string
		to     target
		column string
		sent   string
		codes  string // any when empty
		texts  []string
		needs  []need
	}{
		{"text for a whole number", account, "numberofemployees", `"5"`, payload, nil, nil},
		{"a broken whole number", account, "numberofemployees", `1.5`, payload, nil, nil},
		{"a whole number beyond 32 bits", account, "numberofemployees", `3000000000`, "", nil, nil},
		{
			"text for money", account, "revenue", `"12.5"`, payload,
			[]string{"Cannot convert a value to target type 'Edm.Decimal' because of conflict between input format string/number and parameter 'IEEE754Compatible' false/true"},
			nil,
		},
		{"text for a decimal", membership, "new_score", `"1.5"`, payload, []string{"'Edm.Decimal'", "IEEE754Compatible"}, nil},
		{"text for a double", account, "address1_latitude", `"47"`, payload, nil, nil},
		{"a number for text", account, "fax", `5`, payload, nil, nil},
		{"an object for text", account, "fax", `{"a":1}`, "", nil, nil},
		{"an array for text", account, "fax", `["a"]`, "", nil, nil},
		{"0 for a boolean", account, "donotphone", `0`, payload, nil, nil},
		{"1 for a boolean", account, "donotphone", `1`, payload, nil, nil},
		{"text for a boolean", account, "donotphone", `"true"`, payload, nil, nil},
		{
			"a label for a choice", account, "industrycode", `"Charity"`, payload,
			[]string{"Cannot convert the literal 'Charity' to the expected type 'Edm.Int32'"},
			nil,
		},
		{
			"a time for a date", contact, "birthdate", `"2023-09-13T00:00:00.000Z"`, payload,
			[]string{
				"Cannot convert the literal '2023-09-13T00:00:00.000Z' to the expected type 'Edm.Date'",
				"System.FormatException: String '2023-09-13T00:00:00.000Z' was not recognized as a valid Edm.Date.",
			},
			nil,
		},
		{"what is no date", contact, "birthdate", `"31.01.2026"`, payload, []string{"'Edm.Date'"}, nil},
		{"a date that does not exist", contact, "birthdate", `"2026-02-30"`, payload, []string{"'Edm.Date'"}, nil},
		{"a date for a moment", account, "lastusedincampaign", `"2026-01-31"`, payload, []string{"'Edm.DateTimeOffset'"}, nil},
		{"a moment without zone", account, "lastusedincampaign", `"2026-01-31T12:00:00"`, payload, []string{"'Edm.DateTimeOffset'"}, []need{guesses}},
		{"what is no moment", account, "lastusedincampaign", `"yesterday"`, payload, []string{"'Edm.DateTimeOffset'"}, nil},
		{"a control character in text", account, "fax", `"a\u0001b"`, "0x80040278", nil, nil},
		{
			"what is no GUID", account, "accountid", `"x"`, payload,
			[]string{"Cannot convert the literal 'x' to the expected type 'Edm.Guid'"},
			nil,
		},
		{"an array for several choices", membership, "new_interests", `[1,2]`, "", nil, nil},
		{"a moment before 1753", account, "lastusedincampaign", `"1752-12-31T00:00:00Z"`, "0x80040239", nil, nil},
		{"a date before 1753", contact, "birthdate", `"1700-01-01"`, "0x80040239", nil, nil},
		{
			"text that is too long", account, "address1_postalcode", `"` + strings.Repeat("x", 21) + `"`, "0x80044331",
			[]string{"A validation error occurred.  The length of the 'address1_postalcode' attribute of the 'account' entity exceeded the maximum allowed length of '20'."},
			nil,
		},
		{
			"a memo that is too long", membership, "new_notes", `"` + strings.Repeat("x", 4001) + `"`, "0x80044331",
			[]string{"The length of the 'new_notes' attribute of the 'new_membership' entity exceeded the maximum allowed length of '4000'."},
			nil,
		},
		{
			"a choice that is not defined", membership, "new_tier", `5`, "0x8004431a",
			[]string{"A validation error occurred. The value 5 of 'new_tier' on record of type 'new_membership' is outside the valid range. Accepted Values: 100000000,100000001,100000002"},
			nil,
		},
		{"one of several choices that is not defined", membership, "new_interests", `"1,9"`, "0x8004431a", nil, nil},
		{"a whole number below the least", account, "numberofemployees", `-1`, "0x8004432f", nil, nil},
		{"a whole number above the greatest", account, "numberofemployees", `1000000001`, "0x8004432f", nil, nil},
		{"a decimal above the greatest", membership, "new_score", `1000001`, "0x80044330", nil, nil},
		{"a decimal below the least", membership, "new_score", `-1000001`, "0x80044330", nil, nil},
		{"a double above the greatest", account, "address1_latitude", `91`, "", nil, nil},
		{"money above the greatest", account, "revenue", `1e20`, "", nil, nil},
		{"money above what its type can hold", account, "revenue", `922337203685478`, "0x80040317", nil, nil},
	} {
		cases = append(cases, testCase{"2.7", c.fact + " is refused", append(c.needs, c.to.needs...), func(s *session) {
			a := s.post(c.to.set, c.to.begin+`,"`+c.column+`":`+c.sent+`}`).is(400)
			if c.codes != "" {
				a.coded(c.codes)
			}
			a.says(c.texts...)
		}})
	}
	return cases
}
