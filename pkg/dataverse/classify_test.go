package dataverse

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// errorBody is the body of an error as Dataverse sends it (reference 8.1).
func errorBody(code, message string) string {
	b, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

const (
	payloadPrefix = "Error identified in Payload provided by the user for Entity :'accounts', For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
	noWrite       = "Principal user (Id=a1f5b7ad-8d37-ec11-8c64-000d3a11e1f1, type=8, roleCount=8, privilegeCount=420, accessMode='4 Non-interactive', AADObjectId='f1f5b7ad-8d37-ec11-8c64-000d3a11e1f1', MetadataCachePrivilegesCount=12471, businessUnitId=b1f5b7ad-8d37-ec11-8c64-000d3a11e1f1), is missing prvWriteContact privilege (Id=c1f5b7ad-8d37-ec11-8c64-000d3a11e1f1) on OTC=2 for entity 'contact' (LocalizedName='Contact'). context.Caller=a1f5b7ad-8d37-ec11-8c64-000d3a11e1f1. Consider adding missed privilege to one of the principal (user/team) roles."
	one           = "5f3c0b7e-1111-4222-8333-444455556666"
	other         = "99990b7e-1111-4222-8333-444455556666"
)

func contact(op penstock.Operation, address string) subject {
	return subject{table: "contact", operation: op, address: address}
}

func TestClassify(t *testing.T) {
	byKey := contact(penstock.Upsert, "contacts(externaluseridentifier='C-1')")
	tests := []struct {
		name    string // cites the section of the reference
		subject subject
		status  int
		body    string
		kind    penstock.Kind
		cause   penstock.Cause // Message and Status are not compared where they are empty
	}{
		{
			"2.7: a text that is too long names its column", byKey, 400,
			errorBody("0x80044331", "A validation error occurred.  The length of the 'firstname' attribute of the 'contact' entity exceeded the maximum allowed length of '50'."),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Validation, Code: "0x80044331", Column: "firstname", Status: 400, Message: "A validation error occurred. The length of the 'firstname' attribute of the 'contact' entity exceeded the maximum allowed length of '50'."},
		},
		{
			"2.7: a choice that does not exist names its column, and the code's case does not matter", byKey, 400,
			errorBody("0x8004431A", "A validation error occurred. The value 5 of 'industrycode' on record of type 'contact' is outside the valid range. Accepted Values: 1,2,3"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Validation, Code: "0x8004431A", Column: "industrycode"},
		},
		{
			"2.9: an unknown property is the system's fault, and the stack trace is cut", byKey, 400,
			errorBody("0x80048d19", payloadPrefix+"Microsoft.Crm.CrmException: Invalid property 'gendercode' was found in entity 'Microsoft.Dynamics.CRM.account'. ---> Microsoft.OData.ODataException: The property 'gendercode' does not exist on type 'Microsoft.Dynamics.CRM.account'. Make sure to only use property names that are defined by the type.\r\n   at Microsoft.OData.X() ---> at Y"),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Mapping, Code: "0x80048d19", Column: "gendercode", Message: "The property 'gendercode' does not exist on type 'Microsoft.Dynamics.CRM.account'. Make sure to only use property names that are defined by the type."},
		},
		{
			"2.9: an unknown property of older builds", byKey, 400,
			errorBody("0x0", "An error occurred while validating input parameters: Microsoft.Crm.CrmException: Invalid property 'Name' was found in entity 'Microsoft.Dynamics.CRM.account'. ---> Microsoft.OData.ODataException: Does not support untyped value in non-open type."),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Mapping, Code: "0x0", Column: "Name", Message: "Does not support untyped value in non-open type."},
		},
		{
			"2.9: a bind to what is no navigation property", byKey, 400,
			errorBody("0x80048d19", payloadPrefix+"Microsoft.OData.ODataException: An undeclared property 'parentcustomerid' which only has property annotations in the payload but no property value was found in the payload."),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Mapping, Code: "0x80048d19", Column: "parentcustomerid"},
		},
		{
			"2.9: a literal that cannot be read is the row's fault", byKey, 400,
			errorBody("0x80048d19", payloadPrefix+"Cannot convert the literal '2023-09-13T00:00:00.000Z' to the expected type 'Edm.Date'. ---> System.FormatException: String '2023-09-13T00:00:00.000Z' was not recognized as a valid Edm.Date."),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Validation, Code: "0x80048d19", Message: "String '2023-09-13T00:00:00.000Z' was not recognized as a valid Edm.Date."},
		},
		{
			"2.7: a number as a string is the row's fault", byKey, 400,
			errorBody("0x80048d19", payloadPrefix+"Cannot convert a value to target type 'Edm.Decimal' because of conflict between input format string/number and parameter 'IEEE754Compatible' false/true"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Validation, Code: "0x80048d19"},
		},
		{
			"2.9: a body that ended early is our defect", byKey, 400,
			errorBody("0x80048d19", payloadPrefix+"System.ArgumentException: Stream was not readable."),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Mapping, Code: "0x80048d19"},
		},
		{
			"1.4: a privilege that the table lacks is the system's fault and is named", byKey, 403, errorBody("0x80040220", noWrite),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Permission, Code: "0x80040220", Privilege: "prvWriteContact"},
		},
		{
			"1.4: the older wording names the privilege too", byKey, 403,
			errorBody("0x80040220", "Principal user (Id=a1f5b7ad, type=8) is missing prvCreatecr123_Invoice privilege (Id=c1f5)"),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Permission, Code: "0x80040220", Privilege: "prvCreatecr123_Invoice"},
		},
		{
			"1.4: access denied to one record is the row's", byKey, 403,
			errorBody("0x80048306", "Principal with id a1f5 does not have WriteAccess right(s) for record with id 5f3c of entity contact. Details: {}"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Permission, Code: "0x80048306"},
		},
		{
			"1.4: privilege denied without a privilege is the row's", byKey, 403,
			errorBody("0x80040220", "Principal with id a1f5 does not have WriteAccess right(s) for record with id 5f3c of entity contact."),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Permission, Code: "0x80040220"},
		},
		{
			"1.4: a secured column is the row's", byKey, 403,
			errorBody("0x8004f507", "Caller user with Id a1f5 does not have update permissions to a Salary secured field on entity Contact table. The requested operation could not be completed."),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Permission, Code: "0x8004f507"},
		},
		{
			"1.4: a user without a role", byKey, 403,
			errorBody("0x80042f09", "The user with id a1f5 has not been assigned any roles. They need a role with the prvReadUser privilege."),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Permission, Code: "0x80042f09", Privilege: "prvReadUser"},
		},
		{
			"2.8: a lookup by key whose record is missing names its table", byKey, 404,
			errorBody("0x80060891", "A record with the specified key values does not exist in account entity"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80060891", Target: "account"},
		},
		{
			"2.8: a lookup by GUID whose record is missing names its table", byKey, 404,
			errorBody("0x80040217", "Entity 'account' With Id = "+other+" Does Not Exist"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80040217", Target: "account"},
		},
		{
			"2.8: the same in the words of older builds", byKey, 404,
			errorBody("0x80040217", "account With Id = "+other+" Does Not Exist"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80040217", Target: "account"},
		},
		{
			"2.8: an upsert makes its own record, so its own table in a 404 is a lookup to itself", byKey, 404,
			errorBody("0x80060891", "A record with the specified key values does not exist in contact entity"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80060891", Target: "contact"},
		},
		{
			"2.4: a delete of what is gone, by key, is done", contact(penstock.Delete, "contacts(externaluseridentifier='C-1')"), 404,
			errorBody("0x80060891", "A record with the specified key values does not exist in contact entity"),
			penstock.Fine,
			penstock.Cause{},
		},
		{
			"2.4: a delete of what is gone, by GUID, is done", contact(penstock.Delete, "contacts("+one+")"), 404,
			errorBody("0x80040217", "Entity 'contact' With Id = "+one+" Does Not Exist"),
			penstock.Fine,
			penstock.Cause{},
		},
		{
			"2.4: a delete by GUID in the words of older builds is done", contact(penstock.Delete, "contacts(contactid="+one+")"), 404,
			errorBody("0x80040217", "contact With Id = "+strings.ToUpper(one)+" Does Not Exist"),
			penstock.Fine,
			penstock.Cause{},
		},
		{
			"a delete that misses another record of the table is not done", contact(penstock.Delete, "contacts("+one+")"), 404,
			errorBody("0x80040217", "Entity 'contact' With Id = "+other+" Does Not Exist"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80040217", Target: "contact"},
		},
		{
			"a delete that misses a record of another table is not done", contact(penstock.Delete, "contacts("+one+")"), 404,
			errorBody("0x80040217", "Entity 'account' With Id = "+other+" Does Not Exist"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80040217", Target: "account"},
		},
		{
			"2.4: the deactivation of what is gone is done", contact(penstock.Deactivate, "contacts(externaluseridentifier='C-1')"), 404,
			errorBody("0x80060891", "A record with the specified key values does not exist in contact entity"),
			penstock.Fine,
			penstock.Cause{},
		},
		{
			"2.4: clearing what is gone is done", contact(penstock.Clear, "contacts("+one+")"), 404,
			errorBody("0x80040217", "Entity 'contact' With Id = "+one+" Does Not Exist"),
			penstock.Fine,
			penstock.Cause{},
		},
		{
			"a row that is back makes its own record, so its own table in a 404 is a lookup to itself", contact(penstock.Restore, "contacts(externaluseridentifier='C-1')"), 404,
			errorBody("0x80060891", "A record with the specified key values does not exist in contact entity"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80060891", Target: "contact"},
		},
		{
			"a delete that meets an empty 404 is not known to be done", contact(penstock.Delete, "contacts("+one+")"), 404, "",
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "http_404"},
		},
		{
			"2.2: a delete in a set that does not exist is the system's fault", contact(penstock.Delete, "contact("+one+")"), 404,
			errorBody("0x8006088a", "Resource not found for the segment 'contact'."),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Mapping, Code: "0x8006088a"},
		},
		{
			"8.1: an empty code with a wrong route is the system's fault", contact(penstock.Delete, "contact("+one+")"), 404,
			errorBody("", "No HTTP resource was found that matches the request URI 'x'."),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Mapping, Code: "http_404"},
		},
		{
			"2.4: an update of what is gone is a row's fault without a target", contact(penstock.Update, "contacts(externaluseridentifier='C-1')"), 404,
			errorBody("0x80060891", "A record with the specified key values does not exist in contact entity"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80060891"},
		},
		{
			"2.8: an update with a missing lookup names the lookup's table", contact(penstock.Update, "contacts(externaluseridentifier='C-1')"), 404,
			errorBody("0x80060891", "A record with the specified key values does not exist in account entity"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80060891", Target: "account"},
		},
		{
			"2.4: a create that was carried out before is done", contact(penstock.Create, "contacts"), 412,
			errorBody("0x80040237", "A record with matching key values already exists."),
			penstock.Fine,
			penstock.Cause{},
		},
		{
			"2.10: a create that breaks another unique index is not", contact(penstock.Create, "contacts"), 412,
			errorBody("0x80040237", "Operation failed due to a SQL integrity violation."),
			penstock.Race,
			penstock.Cause{Class: penstock.Conflict, Code: "0x80040237"},
		},
		{
			"2.10: an upsert that lost a race may try once more", byKey, 412,
			errorBody("0x80040237", "A record with matching key values already exists."),
			penstock.Race,
			penstock.Cause{Class: penstock.Conflict, Code: "0x80040237"},
		},
		{
			"2.10: another record holds the key", byKey, 412,
			errorBody("0x80060892", "Entity Key Contact Key violated. A record with the same value for External User Identifier already exists. A duplicate record cannot be created. Select one or more unique values and try again."),
			penstock.Race,
			penstock.Cause{Class: penstock.Conflict, Code: "0x80060892", Key: "Contact Key"},
		},
		{
			"2.10: a 412 without code goes by its text", contact(penstock.Create, "contacts"), 412,
			errorBody("", "A record with matching key values already exists."), penstock.Fine,
			penstock.Cause{},
		},
		{
			"2.10: a 412 that says nothing is a conflict", byKey, 412, "",
			penstock.RowFault,
			penstock.Cause{Class: penstock.Conflict, Code: "http_412"},
		},
		{
			"5.5: a deadlock passes", byKey, 500,
			errorBody("0x80044150", "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205"),
			penstock.Transient,
			penstock.Cause{Class: penstock.Exhausted, Code: "0x80044150"},
		},
		{
			"8.3: a duplicate that SQL found is a duplicate", byKey, 500,
			errorBody("0x80044150", "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 2627"),
			penstock.Race,
			penstock.Cause{Class: penstock.Conflict, Code: "0x80044150"},
		},
		{
			"5.5: a SQL time-out wants smaller pieces", byKey, 500, errorBody("0x80044151", "SQL timeout. Sql Number: -2"),
			penstock.TooMuch,
			penstock.Cause{Class: penstock.Exhausted, Code: "0x80044151"},
		},
		{
			"5.1: a limit within a batch throttles", byKey, 429,
			errorBody("0x80072321", "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 seconds."),
			penstock.Throttled,
			penstock.Cause{Class: penstock.Exhausted, Code: "0x80072321"},
		},
		{
			"8.3: a business rule of a plug-in is the row's fault", byKey, 400, errorBody("0x80040265", "Credit limit exceeded"),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Validation, Code: "0x80040265", Message: "Credit limit exceeded"},
		},
		{
			"2.4: a delete that children forbid", contact(penstock.Delete, "contacts("+one+")"), 405,
			errorBody("0x80040227", "The record cannot be deleted because it's associated with another record."),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Reference, Code: "0x80040227"},
		},
		{
			"2.6: a key that is not defined is the system's fault", byKey, 400,
			errorBody("0x80060888", "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.contact'. Ensure that the names and number of key properties match the declared or alternate key properties for the resource 'Microsoft.Dynamics.CRM.contact'."),
			penstock.SystemFault,
			penstock.Cause{Class: penstock.Mapping, Code: "0x80060888"},
		},
		{
			"2.6: an address that a row's key made unreadable is the row's fault", contact(penstock.Upsert, "contacts(externaluseridentifier='A%2fB')"), 400,
			errorBody("0x80060888", "URL was not parsed due to an ODataUnrecognizedPathException. Resource not found for the segment provided in the URL."),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Mapping, Code: "0x80060888"},
		},
		{
			"8.3: the SDK's number is the same code", byKey, 500, errorBody("-2147204784", "Generic SQL error. Sql Number: 1205"),
			penstock.Transient,
			penstock.Cause{Class: penstock.Exhausted, Code: "-2147204784"},
		},
		{
			"8.1: a code in an ASP.NET error", byKey, 500,
			`{"Message":"An error has occurred.","ErrorCode":"0x80040216","ExceptionMessage":"Unexpected"}`,
			penstock.Transient,
			penstock.Cause{Class: penstock.Exhausted, Code: "0x80040216", Message: "Unexpected"},
		},
		{"8.3: no body and 500 passes", byKey, 500, "", penstock.Transient, penstock.Cause{Class: penstock.Exhausted, Code: "http_500", Message: "Internal Server Error"}},
		{"8.3: HTML and 502 passes", byKey, 502, "<html>Bad Gateway</html>", penstock.Transient, penstock.Cause{Class: penstock.Exhausted, Code: "http_502"}},
		{
			"a value that reads like an unknown property is the row's fault", byKey, 400,
			errorBody("0x80048d19", payloadPrefix+"Cannot convert the literal 'Invalid property 'x' was found' to the expected type 'Edm.Int32'."),
			penstock.RowFault,
			penstock.Cause{Class: penstock.Validation, Code: "0x80048d19"},
		},
		{"8.3: no code and 405 to a delete is that others refer to the record", contact(penstock.Delete, "contacts("+one+")"), 405, "", penstock.RowFault, penstock.Cause{Class: penstock.Reference, Code: "http_405"}},
		{"8.3: no code and 405 to a write is the table's", byKey, 405, "", penstock.SystemFault, penstock.Cause{Class: penstock.Mapping, Code: "http_405"}},
		{"5.5: a busy database that answers 429 makes all wait", byKey, 429, errorBody("0x80072323", "busy"), penstock.Throttled, penstock.Cause{Class: penstock.Exhausted, Code: "0x80072323", Message: "busy"}},
		{"8.3: no body and 400 is the row's fault", byKey, 400, "", penstock.RowFault, penstock.Cause{Class: penstock.Validation, Code: "http_400"}},
		{"8.3: no body and 403 is the row's", byKey, 403, "", penstock.RowFault, penstock.Cause{Class: penstock.Permission, Code: "http_403"}},
		{"8.3: no body and 413 is too much", byKey, 413, "", penstock.TooMuch, penstock.Cause{Class: penstock.Oversize, Code: "http_413"}},
		{"8.3: an unknown code goes by its status", byKey, 503, errorBody("0x8badf00d", "busy"), penstock.Transient, penstock.Cause{Class: penstock.Exhausted, Code: "0x8badf00d", Message: "busy"}},
		{"a code behind the error is none of its", byKey, 500, `{"Message":5} {"code":"0x80044151"}`, penstock.Transient, penstock.Cause{Class: penstock.Exhausted, Code: "http_500"}},
		{"JSON that was cut still yields its code", byKey, 500, `{"error":{"code":"0x80044151","message":"SQL tim`, penstock.TooMuch, penstock.Cause{Class: penstock.Exhausted, Code: "0x80044151"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.subject.classify(tt.status, []byte(tt.body))
			if tt.cause.Message == "" {
				got.cause.Message = ""
			}
			if tt.cause.Status == 0 {
				got.cause.Status = 0
			}
			if got.kind != tt.kind || got.cause != tt.cause {
				t.Errorf("got  %v %+v\nwant %v %+v", got.kind, got.cause, tt.kind, tt.cause)
			}
		})
	}
}

func TestEveryRuleSaysWhatToDo(t *testing.T) {
	for code, r := range codes {
		if r.kind == penstock.Faulty || r.class == "" {
			t.Errorf("0x%08x has no kind or no class", code)
		}
		if r, _, _ := ruleOf(fmt.Sprintf("0x%08X", code)); r.hint == "" {
			t.Errorf("0x%08x: nobody is told who can mend it", code)
		}
	}
}

func TestCleanMessagesAreShortAndOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"plain":                       "plain",
		"two\r\nlines\t here":         "two lines here",
		"kept\r\n   at Stack.Trace()": "kept",
		"outer ---> ":                 "outer --->",
		"a ---> b InnerException : c": "c",
		"System.Exception: said":      "said",
		"x ---> Microsoft.E.FooException: why\n   at y": "why",
		"a title \x1b]0;owned\x07 and \u009bcolour":     "a title ]0;owned and colour", // nothing that steers a terminal
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	long := clean(strings.Repeat("ü", 400))
	if len(long) > maxMessage || !utf8.ValidString(long) {
		t.Errorf("%d bytes, valid %v", len(long), utf8.ValidString(long))
	}
}

func TestWhatACauseNamesIsShort(t *testing.T) {
	long := strings.Repeat("x\n", 100<<10)
	for _, body := range []string{
		errorBody("0x80044331", "The length of the '"+long+"' attribute"),
		errorBody("0x80060892", "Entity Key "+strings.ReplaceAll(long, "\n", "y")+" violated."),
		errorBody("0x80040217", "Entity '"+strings.ReplaceAll(long, "\n", "y")+"' With Id = "+other+" Does Not Exist"),
		errorBody("0x80040220", "is missing prv"+strings.ReplaceAll(long, "\n", "y")+" privilege"),
		errorBody(long, "m"), `{"error":{"code":{"a":"` + strings.ReplaceAll(long, "\n", "y") + `"}}}`,
	} {
		c := contact(penstock.Upsert, "contacts(a='b')").classify(400, []byte(body)).cause
		for _, name := range []string{c.Code, c.Column, c.Target, c.Privilege, c.Key} {
			if len(name) > maxName || strings.ContainsAny(name, "\r\n") {
				t.Errorf("%d bytes: %.20q", len(name), name)
			}
		}
	}
}

func TestWhoCanMendAPrivilegeThatIsMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		code, message string
		status        int
		want          string
	}{
		"the application user":        {"0x80040220", noWrite, 403, "application user a security role with prvWriteContact"},
		"the new owner":               {"0x80040231", "The user is missing prvReadContact privilege", 403, "new owner"},
		"one without any role":        {"0x80042f09", "They need a role with the prvReadUser privilege.", 403, "no security role"},
		"whoever wrote the plug-in":   {"0x80040265", "missing prvFoo privilege, says the plug-in", 400, "plug-in"},
		"a code that nobody here has": {"0x8badf00d", noWrite, 403, "prvWriteContact"},
	} {
		f := contact(penstock.Upsert, "contacts(a='b')").classify(tt.status, []byte(errorBody(tt.code, tt.message)))
		if got := Mend(f.cause); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// FuzzClassify reads anything as an error: a person is told in one short line what it is, and it is Fine only where nothing
// is left to do.
func FuzzClassify(f *testing.F) {
	for _, row := range errorRows() {
		for code := range strings.FieldsSeq(row.codes) {
			op, address := penstock.Upsert, "contacts(externaluseridentifier='1')"
			if row.deletes {
				op = penstock.Delete
			}
			f.Add(row.status, []byte(errorBody(code, row.text)), uint8(op), address)
		}
	}
	f.Add(412, []byte(errorBody("0x80040237", "A record with matching key values already exists.")), uint8(2), "contacts")
	f.Add(404, []byte(errorBody("0x80040217", "Entity 'contact' With Id = "+one+" Does Not Exist")), uint8(3), "contacts("+one+")")
	f.Add(404, []byte(errorBody("0x80040217", "contact With Id = "+other+" Does Not Exist")), uint8(3), "contacts("+one+")")
	f.Add(404, []byte(""), uint8(3), "contacts("+one+")")
	f.Add(400, []byte(errorBody("0x80060888", "URL was not parsed")), uint8(0), "contacts(a='x%2Fy')")
	f.Add(500, []byte(`{"error":{"code":"0x80044151","message":"SQL tim`), uint8(0), "contacts(a='b')")
	f.Add(502, []byte("<html>\r\n<h1>Bad Gateway</h1>\x1b[2J</html>"), uint8(1), "contacts(a='b')")
	f.Add(500, []byte(`{"Message":"An error has occurred.","ErrorCode":"0x80040216","ExceptionMessage":"Unexpected"}`), uint8(2), "contacts")
	f.Add(412, []byte(`{"error":{"code":7}}`), uint8(2), "contacts")
	f.Fuzz(func(t *testing.T, status int, body []byte, op uint8, address string) {
		operation := penstock.Operation(op % 4)
		got := contact(operation, address).classify(status, body)
		c := got.cause
		if got.kind == penstock.Fine {
			code, _ := readError(body)
			n, _ := parseCode(code)
			missing := status == 404 || n == 0x80040217 || n == 0x80060891
			there := status == 412 || n == 0x80040237
			if c != (penstock.Cause{}) || !(operation == penstock.Delete && missing || operation == penstock.Create && there) {
				t.Errorf("%v with HTTP %d is Fine, with cause %+v", operation, status, c)
			}
			return
		}
		if got.kind == penstock.Faulty || c.Class == "" || c.Code == "" || c.Status != status {
			t.Errorf("%v %+v", got.kind, c)
		}
		if got.kind == penstock.SystemFault && got.hint == "" {
			t.Errorf("nobody is told what to do about %+v", c)
		}
		for text, most := range map[string]int{c.Message: maxMessage, c.Code: maxName, c.Column: maxName, c.Target: maxName, c.Privilege: maxName, c.Key: maxName} {
			if len(text) > most || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("%q in %+v", text, c)
			}
		}
	})
}
