package emulator_test

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// TestColumnValues is sections 2.7 and 2.9: what a body may say, and what is answered otherwise.
func TestColumnValues(t *testing.T) {
	const payload = "Error identified in Payload provided by the user for Entity :'new_memberships', For more information on this error please follow this help link " +
		"https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
	e := start(t, emulator.Config{})
	for _, c := range []struct {
		name, body string
		status     int
		code, text string // text is a part of the message, or of the row's column named in read
		read       string
	}{
		{"text is kept as it is", `{"new_name":"O'Brien \u00e9 😀"}`, 204, "", "O'Brien é 😀", "new_name"},
		{"the empty string is null", `{"new_name":""}`, 204, "", "", "new_name"},
		{"a text of the maximum in UTF-16 code units", `{"new_name":"` + strings.Repeat("😀", 50) + `"}`, 204, "", strings.Repeat("😀", 50), "new_name"},
		{
			"a text over the maximum in UTF-16 code units", `{"new_name":"` + strings.Repeat("😀", 50) + `x"}`, 400, "0x80044331",
			"A validation error occurred.  The length of the 'new_name' attribute of the 'new_membership' entity exceeded the maximum allowed length of '100'.", "",
		},
		{"a number for a text", `{"new_name":5}`, 400, "0x80048d19", "Cannot convert the literal '5' to the expected type 'Edm.String'", ""},
		{"a control character", `{"new_name":"a\u0001"}`, 400, "0x80040278", "new_name", ""},

		{"a whole number", `{"new_number":42}`, 204, "", "42", "new_number"},
		{"a whole number as text", `{"new_number":"42"}`, 400, "0x80048d19", "Cannot convert the literal '42' to the expected type 'Edm.Int32'", ""},
		{"a whole number with a fraction", `{"new_number":4.2}`, 400, "0x80048d19", "'Edm.Int32'", ""},
		{"a whole number out of range", `{"new_number":-1}`, 400, "0x8004432f", "new_number", ""},

		{"a choice", `{"new_tier":100000001}`, 204, "", "100000001", "new_tier"},
		{
			"a choice that does not exist", `{"new_tier":5}`, 400, "0x8004431a",
			"A validation error occurred. The value 5 of 'new_tier' on record of type 'new_membership' is outside the valid range. Accepted Values: 100000000,100000001,100000002", "",
		},
		{"a choice by its label", `{"new_tier":"Gold"}`, 400, "0x80048d19", "Cannot convert the literal 'Gold' to the expected type 'Edm.Int32'", ""},
		{"several choices", `{"new_interests":"3,1"}`, 204, "", "1,3", "new_interests"},
		{"several choices, one unknown", `{"new_interests":"1,9"}`, 400, "0x8004431a", "The value 9", ""},

		{"a decimal keeps its digits", `{"new_score":12.3400}`, 204, "", "12.3400", "new_score"},
		{"a decimal as text", `{"new_score":"12.5"}`, 400, "0x80048d19", "Cannot convert a value to target type 'Edm.Decimal' because of conflict between input format string", ""},
		{"a decimal out of range", `{"new_score":1000001}`, 400, "0x80044330", "new_score", ""},
		{"money", `{"new_fee":99.95}`, 204, "", "99.95", "new_fee"},
		{"money brings the base currency", `{"new_fee":1}`, 204, "", "-", "_transactioncurrencyid_value"},
		{"more digits than money keeps", `{"new_fee":2.005}`, 204, "", "2.01", "new_fee"},
		{"more digits than a decimal keeps", `{"new_score":-1.23455}`, 204, "", "-1.2346", "new_score"},
		{"a decimal with an exponent", `{"new_score":1.23456e1}`, 204, "", "12.3456", "new_score"},
		{"more digits than a double keeps", `{"new_weight":0.1234567}`, 204, "", "0.12346", "new_weight"},
		{"money out of range", `{"new_fee":1e18}`, 400, "0x80040317", "Money", ""},
		{"a double out of range", `{"new_weight":1.5}`, 400, "0x80044330", "new_weight", ""},
		{"a boolean", `{"new_paid":true}`, 204, "", "true", "new_paid"},
		{"one for true", `{"new_paid":1}`, 400, "0x80048d19", "'Edm.Boolean'", ""},

		{"a date", `{"new_joinedon":"2026-01-31"}`, 204, "", "2026-01-31", "new_joinedon"},
		{
			"a date with a time", `{"new_joinedon":"2023-09-13T00:00:00.000Z"}`, 400, "0x80048d19",
			"Cannot convert the literal '2023-09-13T00:00:00.000Z' to the expected type 'Edm.Date'. ---> System.FormatException: String '2023-09-13T00:00:00.000Z' was not recognized as a valid Edm.Date.", "",
		},
		{"a day that does not exist", `{"new_joinedon":"2026-02-30"}`, 400, "0x80048d19", "'Edm.Date'", ""},
		{"a date before 1753", `{"new_joinedon":"1752-12-31"}`, 400, "0x80040239", "less than minimum value supported", ""},
		{"a date after 9999-12-30", `{"new_joinedon":"9999-12-31"}`, 400, "0x80040239", "maximum", ""},
		{"a moment in UTC", `{"new_lastvisit":"2026-01-31T12:00:00Z"}`, 204, "", "2026-01-31T12:00:00Z", "new_lastvisit"},
		{"a moment with an offset and a fraction", `{"new_lastvisit":"2026-01-31T12:00:00.987+02:00"}`, 204, "", "2026-01-31T10:00:00Z", "new_lastvisit"},
		{"a moment without a zone", `{"new_lastvisit":"2026-01-31T12:00:00"}`, 400, "0x80048d19", "'Edm.DateTimeOffset'", ""},
		{"a date for a moment", `{"new_lastvisit":"2026-01-31"}`, 400, "0x80048d19", "'Edm.DateTimeOffset'", ""},
		{"a moment before 1753", `{"new_lastvisit":"1700-01-01T00:00:00Z"}`, 400, "0x80040239", "less than minimum value supported", ""},

		{"null clears", `{"new_name":null}`, 204, "", "", "new_name"},
		{"an unknown column", `{"new_nothing":1}`, 400, "0x80048d19", payload + "Microsoft.Crm.CrmException: Invalid property 'new_nothing' was found in entity " +
			"'Microsoft.Dynamics.CRM.new_membership'. ---> Microsoft.OData.ODataException: The property 'new_nothing' does not exist on type 'Microsoft.Dynamics.CRM.new_membership'. " +
			"Make sure to only use property names that are defined by the type.\r\n   at ", ""},
		{"a column in the wrong case", `{"New_Name":"x"}`, 400, "0x80048d19", "New_Name", ""},
		{"the read name of a lookup", `{"_new_contact_value":"` + knownID + `"}`, 400, "0x80048d19", "_new_contact_value", ""},
		{"a column twice", `{"new_name":"a","new_name":"b"}`, 400, "0x80048d19", "Multiple properties", ""},
		{"a read-only column is ignored", `{"createdon":"2000-01-01T00:00:00Z"}`, 204, "", "20", "createdon"},
		{"an annotation that does not belong", `{"@logicalName":"x"}`, 400, "0x80048d19", "@logicalName", ""},
		{"the type annotation", `{"@odata.type":"Microsoft.Dynamics.CRM.new_membership"}`, 204, "", "", ""},
		{"an annotation of a reader", `{"new_tier@OData.Community.Display.V1.FormattedValue":"Gold"}`, 204, "", "", ""},
		{"malformed JSON", `{"new_name":`, 400, "0x80048d19", "Entity :''", ""},
		{"no body", ``, 400, "0x80048d19", "Stream was not readable.", ""},
		{"a system-required column cannot be null", `{"statecode":null}`, 400, "0x80040200", "statecode", ""},

		{"a state brings its default reason", `{"statecode":1}`, 204, "", "2", "statuscode"},
		{"a reason of another state", `{"statecode":0,"statuscode":2}`, 400, "0x80048408", "2 is not a valid status code for state code new_MembershipState.Active on new_membership with Id ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e.do("DELETE", "new_memberships("+knownID+")", "")
			a := e.do("PATCH", "new_memberships("+knownID+")", c.body)
			if a.status != c.status || a.code() != c.code {
				t.Fatalf("got %d %s, want %d %s", a.status, a.body, c.status, c.code)
			}
			if c.status >= 400 {
				if !strings.Contains(a.message(), c.text) {
					t.Errorf("message %q lacks %q", a.message(), c.text)
				}
				return
			}
			if c.read == "" {
				return
			}
			row, _ := e.RowByKey("new_membership", knownID)
			if got := row.Text(c.read); got != c.text && (c.text == "" || len(c.text) > 2 || !strings.Contains(got, c.text)) {
				t.Errorf("%s = %q, want %q", c.read, got, c.text)
			}
		})
	}
}

func TestIEEE754CompatibleTurnsDecimalsIntoText(t *testing.T) { // 2.7
	e := start(t, emulator.Config{})
	const header = "Content-Type: application/json; IEEE754Compatible=true"
	e.must("PATCH", "new_memberships("+knownID+")", `{"new_score":"12.5"}`, header)
	if a := e.do("PATCH", "new_memberships("+knownID+")", `{"new_score":12.5}`, header); a.code() != "0x80048d19" {
		t.Errorf("a number: %d %s", a.status, a.body)
	}
}

func TestNamesOfReadOnlyColumnsCanBeRefused(t *testing.T) {
	e := start(t, emulator.Config{Assumptions: emulator.Assumptions{StrictReadOnly: true}})
	if a := e.do("POST", "contacts", `{"createdon":"2000-01-01T00:00:00Z"}`); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestLookups is section 2.8.
func TestLookups(t *testing.T) {
	e := start(t, emulator.Config{})
	account := e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha"}`, "Prefer: return=representation").object(t)["accountid"].(string)
	e.must("PATCH", "accounts(accountnumber='O''Brien')", `{"name":"O'Brien"}`)
	e.must("PATCH", "contacts("+knownID+")", `{"lastname":"Lovelace","externaluseridentifier":"C-1"}`)
	for _, c := range []struct {
		name, path, body string
		status           int
		code, text       string
		read, want       string
	}{
		{"by GUID", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"accounts(` + account + `)"}`, 204, "", "", "_parentcustomerid_value", account},
		{"null clears by the navigation name", "contacts(" + knownID + ")", `{"parentcustomerid_account":null}`, 204, "", "", "_parentcustomerid_value", ""},
		{"by GUID with a slash", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"/accounts(` + account + `)"}`, 204, "", "", "_parentcustomerid_value", account},
		{"null clears by the annotation", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":null}`, 204, "", "", "_parentcustomerid_value", ""},
		{"by full URL", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"` + e.url + `/api/data/v9.2/accounts(` + account + `)"}`, 204, "", "", "_parentcustomerid_value", account},
		{"another target of the same lookup", "contacts(" + knownID + ")", `{"parentcustomerid_contact@odata.bind":"contacts(` + knownID + `)"}`, 204, "", "", "_parentcustomerid_value", knownID},
		{"by alternate key", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='a-1')"}`, 204, "", "", "_parentcustomerid_value", account},
		{"by alternate key with an apostrophe", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='O''Brien')"}`, 204, "", "", "_parentcustomerid_value", "-"},
		{"DELETE of the reference clears", "", "", 204, "", "", "_parentcustomerid_value", ""},
		{
			"a GUID that does not exist", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"accounts(` + unknownID + `)"}`, 404, "0x80040217",
			"Entity 'account' With Id = " + unknownID + " Does Not Exist", "", "",
		},
		{
			"a key that does not exist", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"accounts(accountnumber='A-9')"}`, 404, "0x80060891",
			"A record with the specified key values does not exist in account entity", "", "",
		},
		{
			"the logical name of a polymorphic lookup", "contacts(" + knownID + ")", `{"parentcustomerid@odata.bind":"accounts(` + account + `)"}`, 400, "0x80048d19",
			"An undeclared property 'parentcustomerid' which only has property annotations", "", "",
		},
		{"null for the logical name", "contacts(" + knownID + ")", `{"parentcustomerid":null}`, 400, "0x80048d19", "Does not support untyped value in non-open type", "", ""},
		{"a target of the wrong table", "contacts(" + knownID + ")", `{"parentcustomerid_account@odata.bind":"contacts(` + knownID + `)"}`, 400, "0x80048d19", "contact", "", ""},
		{"a navigation name with capitals", "new_memberships(" + knownID + ")", `{"new_Contact@odata.bind":"contacts(externaluseridentifier='C-1')"}`, 204, "", "", "_new_contact_value", knownID},
		{"the same in lower case", "new_memberships(" + knownID + ")", `{"new_contact@odata.bind":"contacts(externaluseridentifier='C-1')"}`, 400, "0x80048d19", "undeclared property 'new_contact'", "", ""},
		{"an owner", "contacts(" + knownID + ")", `{"ownerid@odata.bind":"/teams(` + e.Rows("team")[0].Text("teamid") + `)"}`, 204, "", "", "_ownerid_value", e.Rows("team")[0].Text("teamid")},
		{"a nested row on update", "contacts(" + knownID + ")", `{"parentcustomerid_account":{"name":"x"}}`, 400, "0x80048d19", "Deep update of navigation properties", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a answer
			if c.path == "" {
				a = e.do("DELETE", "contacts("+knownID+")/parentcustomerid_account/$ref", "")
				c.path = "contacts("
			} else {
				a = e.do("PATCH", c.path, c.body)
			}
			if a.status != c.status || a.code() != c.code || !strings.Contains(a.message(), c.text) {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			if c.read == "" {
				return
			}
			table := "contact"
			if strings.HasPrefix(c.path, "new_") {
				table = "new_membership"
			}
			row, _ := e.RowByKey(table, knownID)
			if got := row.Text(c.read); got != c.want && (c.want != "-" || got == "") {
				t.Errorf("%s = %q, want %q", c.read, got, c.want)
			}
		})
	}
}
