package dataverse

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// An errorRow is one row of the reference's table "Errors for an upsert/delete pipeline" (8.3): codes that mean the same, the
// status and the text with which they come, and what a pipeline is to make of them. A text is the captured one where one
// was captured, else the platform's own for that code.
type errorRow struct {
	codes   string
	status  int
	text    string
	kind    penstock.Kind
	cause   penstock.Cause // class, and what the text names
	deletes bool           // it answers a delete
}

const (
	deadlock = "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205"
	plain    = "What the platform says of it."
)

func class(c penstock.Class) penstock.Cause { return penstock.Cause{Class: c} }

func errorRows() []errorRow {
	const (
		throttled, transient, tooMuch, race, row, system = penstock.Throttled, penstock.Transient, penstock.TooMuch, penstock.Race, penstock.RowFault, penstock.SystemFault
	)
	exhausted, validation, permission, conflict, mapping := class(penstock.Exhausted), class(penstock.Validation), class(penstock.Permission), class(penstock.Conflict), class(penstock.Mapping)
	with := func(c penstock.Cause, change func(*penstock.Cause)) penstock.Cause { change(&c); return c }
	return []errorRow{
		{codes: "0x80072322", status: 429, text: "Number of requests exceeded the limit of 6000 over time window of 300 seconds.", kind: throttled, cause: exhausted},
		{codes: "0x80072321", status: 429, text: "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.", kind: throttled, cause: exhausted},
		{codes: "0x80072326", status: 429, text: "Number of concurrent requests exceeded the limit of 52.", kind: throttled, cause: exhausted},
		{codes: "0x8005f103 0x80060308", status: 429, text: plain, kind: throttled, cause: exhausted},
		{codes: "0x80072323 0x80072324", status: 503, text: plain, kind: transient, cause: exhausted},
		{codes: "0x80072325", status: 500, text: "Azure SQL Database has reached its size quota.", kind: system, cause: exhausted},
		{codes: "0x8004a001", status: 503, text: plain, kind: transient, cause: exhausted},
		{codes: "0x80044150", status: 500, text: deadlock, kind: transient, cause: exhausted},
		{codes: "0x80044150", status: 400, text: "Generic SQL error. Sql Number: 2627", kind: race, cause: conflict},
		{codes: "0x80044150", status: 400, text: "Generic SQL error. Sql Number: 2601", kind: race, cause: conflict},
		{codes: "0x80044150", status: 400, text: "Generic SQL error. Sql Number: 3732", kind: transient, cause: exhausted},
		{codes: "0x80044151", status: 500, text: "SQL timeout expired. Sql Number: -2", kind: tooMuch, cause: exhausted},
		{codes: "0x80040255 0x80040251", status: 400, text: plain, kind: transient, cause: exhausted},
		{codes: "0x80073000 0x8004ed47 0x80048543", status: 500, text: plain, kind: transient, cause: exhausted},
		{codes: "0x80071154", status: 400, text: plain, kind: transient, cause: exhausted},
		{codes: "0x80044171 0x80044172 0x80044173 0x8004418d 0x8004418e 0x80081116", status: 500, text: plain, kind: transient, cause: exhausted},
		{codes: "0x80081111", status: 400, text: "The plug-in execution failed because the operation has timed-out at the Sandbox Host.", kind: race, cause: exhausted},
		{codes: "0x80040216", status: 500, text: "An unexpected error occurred.", kind: transient, cause: exhausted},
		{codes: "0x80040224", status: 400, text: "An unexpected error occurred from ISV code.", kind: race, cause: exhausted},
		{codes: "0x80040265", status: 400, text: "A customer needs a category.", kind: row, cause: with(validation, func(c *penstock.Cause) { c.Message = "A customer needs a category." })},
		{codes: "0x80040217", status: 404, text: "account With Id = 99990b7e-1111-4222-8333-444455556666 Does Not Exist", kind: row, cause: with(class(penstock.Reference), func(c *penstock.Cause) { c.Target = "account" })},
		{codes: "0x80060891", status: 404, text: "A record with the specified key values does not exist in account entity", kind: row, cause: with(class(penstock.Reference), func(c *penstock.Cause) { c.Target = "account" })},
		{codes: "0x80060891", status: 404, text: "A record with the specified key values does not exist in contact entity", kind: penstock.Fine, deletes: true},
		{codes: "0x80040217", status: 404, text: "Entity 'contact' With Id = 99990b7e-1111-4222-8333-444455556666 Does Not Exist", kind: penstock.Fine, deletes: true},
		{codes: "0x80060890", status: 400, text: plain, kind: system, cause: mapping},
		{codes: "0x80060888", status: 400, text: "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.contact'. Ensure that the names and number of key properties match the declared or alternate key properties for the resource 'Microsoft.Dynamics.CRM.contact'.", kind: system, cause: mapping},
		{codes: "0x80060888", status: 400, text: "Could not find a property named 'nickname2' on type 'Microsoft.Dynamics.CRM.contact'.", kind: system, cause: with(mapping, func(c *penstock.Cause) { c.Column = "nickname2" })},
		{codes: "0x8006088a", status: 404, text: "Resource not found for the segment 'Contact'.", kind: system, cause: mapping},
		{codes: "0x80048d19", status: 400, text: payloadPrefix + "Microsoft.Crm.CrmException: Invalid property 'gendercode2' was found in entity 'Microsoft.Dynamics.CRM.contact'. ---> Microsoft.OData.ODataException: The property 'gendercode2' does not exist on type 'Microsoft.Dynamics.CRM.contact'.\r\n   at System.X()", kind: system, cause: with(mapping, func(c *penstock.Cause) { c.Column = "gendercode2" })},
		{codes: "0x80048d19", status: 400, text: payloadPrefix + "Cannot convert the literal 'Charity' to the expected type 'Edm.Int32'.", kind: row, cause: with(validation, func(c *penstock.Cause) {
			c.Message = "Cannot convert the literal 'Charity' to the expected type 'Edm.Int32'."
		})},
		{codes: "0x80048d19", status: 400, text: payloadPrefix + "System.ArgumentException: Stream was not readable.", kind: system, cause: mapping},
		{codes: "0x0", status: 400, text: "An error occurred while validating input parameters: Microsoft.Crm.CrmException: Invalid property 'Name' was found in entity 'Microsoft.Dynamics.CRM.contact'. ---> Microsoft.OData.ODataException: Does not support untyped value in non-open type.", kind: system, cause: with(mapping, func(c *penstock.Cause) { c.Column = "Name" })},
		{codes: "0x0", status: 400, text: "Cannot convert the literal 'x' to the expected type 'Edm.Guid'.", kind: row, cause: validation},
		{codes: "0x80060892", status: 412, text: "Entity Key Contact external id violated. A record with the same value for External Id already exists. A duplicate record cannot be created. Select one or more unique values and try again.", kind: race, cause: with(conflict, func(c *penstock.Cause) { c.Key = "Contact external id" })},
		{codes: "0x80040237", status: 412, text: "A record with matching key values already exists.", kind: race, cause: conflict},
		{codes: "0x80073002", status: 412, text: plain, kind: row, cause: conflict},
		{codes: "0x80040333", status: 412, text: "A record was not created or updated because a duplicate of the current record already exists.", kind: row, cause: conflict},
		{codes: "0x80060882", status: 412, text: "The version of the existing record doesn't match the RowVersion property provided.", kind: race, cause: conflict},
		{codes: "0x80060883", status: 400, text: plain, kind: system, cause: mapping},
		{codes: "0x8006088d", status: 400, text: plain, kind: system, cause: mapping},
		{codes: "0x80044331", status: 400, text: "A validation error occurred.  The length of the 'firstname' attribute of the 'contact' entity exceeded the maximum allowed length of '50'.", kind: row, cause: with(validation, func(c *penstock.Cause) { c.Column = "firstname" })},
		{codes: "0x8004431a", status: 400, text: "A validation error occurred. The value 5 of 'gendercode' on record of type 'contact' is outside the valid range. Accepted Values: 1,2,3", kind: row, cause: with(validation, func(c *penstock.Cause) { c.Column = "gendercode" })},
		{codes: "0x80073001 0x8004431c 0x8004432f 0x80044330 0x80040317 0x80040239 0x8004022c 0x80040278 0x80040203 0x80072553", status: 400, text: plain, kind: row, cause: validation},
		{codes: "0x80048408", status: 400, text: "3 is not a valid status code for state code ContactState.Active on contact with Id 99990b7e-1111-4222-8333-444455556666.", kind: row, cause: validation},
		{codes: "0x80040233 0x80040230 0x8004022e 0x80040228 0x80040200 0x80040205 0x80040206", status: 400, text: plain, kind: row, cause: validation},
		{codes: "0x80040507 0x80040506 0x8004050a 0x80040509 0x80040387 0x80040386", status: 400, text: "Creating this parental association would create a loop in Contacts hierarchy.", kind: row, cause: validation},
		{codes: "0x8004022d 0x8004022b 0x80048cfb 0x80048103 0x8004f01f", status: 400, text: plain, kind: row, cause: validation},
		{codes: "0x80040229 0x80040352 0x80040353", status: 400, text: plain, kind: row, cause: class(penstock.Reference)},
		{codes: "0x80040227", status: 405, text: "The Contact record cannot be deleted because it is associated with other records.", kind: row, cause: class(penstock.Reference), deletes: true},
		{codes: "0x8004032b", status: 400, text: plain, kind: transient, cause: exhausted, deletes: true},
		{codes: "0x8004023b 0x80040315", status: 405, text: plain, kind: system, cause: mapping},
		{codes: "0x80040219", status: 501, text: "DeleteMultiple has not yet been implemented.", kind: system, cause: mapping},
		{codes: "0x8004418a", status: 413, text: "Request message length is too large.", kind: tooMuch, cause: class(penstock.Oversize)},
		{codes: "0x80040220", status: 403, text: noWrite, kind: system, cause: with(permission, func(c *penstock.Cause) { c.Privilege = "prvWriteContact" })},
		{codes: "0x80040220 0x80048306", status: 403, text: "Principal with id a1f5b7ad-8d37-ec11-8c64-000d3a11e1f1 does not have WriteAccess right(s) for record with id 99990b7e-1111-4222-8333-444455556666 of entity contact. Details: {}", kind: row, cause: permission},
		{codes: "0x80040231 0x80048405 0x8004f502", status: 403, text: plain, kind: row, cause: permission},
		{codes: "0x80040299", status: 403, text: "Read Privilege Check For Owner failed with exception: Principal user (Id=a1f5, type=8) is missing prvReadContact privilege (Id=c1f5) on OTC=2 for entity 'contact'.", kind: row, cause: with(permission, func(c *penstock.Cause) { c.Privilege = "prvReadContact" })},
		{codes: "0x8004f507", status: 403, text: "Caller user with Id a1f5b7ad does not have update permissions to a Salary secured field on entity Contact table. The requested operation could not be completed.", kind: row, cause: permission},
		{codes: "0x80040277 0x80044302 0x80044300 0x8004a101 0x8004a102 0x8004a105 0x80040204", status: 401, text: plain, kind: system, cause: permission},
		{codes: "0x80072560", status: 403, text: "The user is not a member of the organization.", kind: system, cause: permission},
		{codes: "0x80040225", status: 403, text: "The specified user(Id = {0}) is disabled. Consider enabling this user. Additional Details: {1}", kind: system, cause: permission},
		{codes: "0x80042f09", status: 403, text: "The user with id a1f5b7ad has not been assigned any roles. They need a role with the prvReadUser privilege.", kind: system, cause: with(permission, func(c *penstock.Cause) { c.Privilege = "prvReadUser" })},
		{codes: "0x8004d24b 0x8004a113 0x8004a104 0x8004a107 0x8004a110", status: 403, text: plain, kind: system, cause: permission},
		{codes: "0x80095ffc", status: 403, text: "Access to Dataverse API is restricted for this application Id : '11111111-1111-1111-1111-111111111111'. Please contact your administrator.", kind: system, cause: permission},
		{codes: "0x80041102 0x80041103 0x8004f026", status: 400, text: plain, kind: system, cause: mapping},
	}
}

// TestEveryErrorOfTheTableOverTheWire orders each error at the emulator for the second of three changes, and reads it with
// everything around it: the verdict is the table's, and its neighbours' are their own.
func TestEveryErrorOfTheTableOverTheWire(t *testing.T) {
	var order emulator.Fault
	server := emulator.New(emulator.Config{
		Limits: emulator.Limits{Off: true},
		Faults: emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
			if o.Batch > 0 && o.Index == 1 {
				return order
			}
			return emulator.Fault{}
		}},
	})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	client, err := New(Config{
		URL: web.URL, ClientID: emulator.SandboxClient, Secret: func() (string, error) { return emulator.SandboxSecret, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	tested := map[uint32]bool{}
	for _, row := range errorRows() {
		for code := range strings.FieldsSeq(row.codes) {
			t.Run(fmt.Sprintf("%s %d %.40s", code, row.status, row.text), func(t *testing.T) {
				n, _ := parseCode(code)
				tested[n] = true
				order = emulator.Fault{Kind: emulator.Refuse, Status: row.status, Code: code, Message: row.text}
				change := func(key string) penstock.Change {
					return penstock.Change{Operation: penstock.Upsert, Address: "contacts(externaluseridentifier='" + key + "')", Body: []byte(`{"lastname":"L"}`)}
				}
				changes := []penstock.Change{change("1"), change("2"), change("3")}
				if row.deletes {
					changes[1].Operation, changes[1].Body = penstock.Delete, nil
				}
				a := client.Batch(t.Context(), "contact", penstock.Execution{}, changes)
				if a.Fault != nil || a.Verdicts[0].Kind != penstock.Fine || a.Verdicts[2].Kind != penstock.Fine {
					t.Fatalf("the neighbours: %+v", a)
				}
				got, want := a.Verdicts[1], row.cause
				if got.Kind != row.kind {
					t.Errorf("kind %s, want %s", got.Kind, row.kind)
				}
				if row.kind == penstock.Fine {
					return
				}
				if strings.Contains(got.Cause.Message, "   at ") || got.Cause.RequestID == "" {
					t.Errorf("cause %+v has a stack trace, or no request id", got.Cause)
				}
				want.Code, want.Status, want.RequestID = code, row.status, got.Cause.RequestID
				if want.Message == "" {
					want.Message = got.Cause.Message
				}
				if got.Cause != want {
					t.Errorf("cause %+v\nwant  %+v", got.Cause, want)
				}
				if Mend(got.Cause) == "" {
					t.Error("nobody is told how to mend it")
				}
			})
		}
	}
	for n := range codes {
		if !tested[n] {
			t.Errorf("0x%08x is in the table and not tested", n)
		}
	}
}
