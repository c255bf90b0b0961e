package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// bulkDelete is the body of the action, with one query.
func bulkDelete(table, criteria string) string {
	return `{"JobName":"clean","SendEmailNotification":false,"ToRecipients":[],"CCRecipients":[],"RecurrencePattern":"","StartDateTime":"2026-01-31T00:00:00Z",` +
		`"QuerySet":[{"@odata.type":"Microsoft.Dynamics.CRM.QueryExpression","EntityName":"` + table + `","ColumnSet":{"AllColumns":false,"Columns":[]},"Criteria":` + criteria + `}]}`
}

func criterion(attribute, operator, values string) string {
	return `{"@odata.type":"Microsoft.Dynamics.CRM.ConditionExpression","AttributeName":"` + attribute + `","Operator":"` + operator + `","Values":[` + values + `]}`
}

func TestBulkDeleteDeletesWhatItsQueryFinds(t *testing.T) {
	both := func(operator string, inner ...string) string {
		return `{"FilterOperator":"` + operator + `","Conditions":[` + strings.Join(inner, ",") + `]}`
	}
	for name, c := range map[string]struct{ criteria, left string }{
		"by ids":           {both("And", criterion("accountid", "In", `{"Value":"00000000-0000-0000-0000-000000000001","Type":"System.Guid"},{"Value":"00000000-0000-0000-0000-000000000003","Type":"System.Guid"}`)), "a1 a3"},
		"equal":            {both("And", criterion("name", "Equal", `"A2"`)), "a0 a1 a3"},
		"a number":         {both("And", criterion("numberofemployees", "GreaterThan", `{"Value":"1","Type":"System.Int32"}`)), "a0 a1"},
		"one of two":       {both("Or", criterion("name", "Equal", `"a1"`), criterion("name", "Equal", `"a2"`)), "a0 a3"},
		"a filter inside":  {`{"FilterOperator":"And","Conditions":[` + criterion("statecode", "Equal", "0") + `],"Filters":[` + both("Or", criterion("name", "BeginsWith", `"a1"`), criterion("name", "Null", "")) + `]}`, "a0 a2 a3"},
		"with no criteria": {`{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, emulator.Config{})
			for i := range 4 {
				e.must("POST", "accounts", fmt.Sprintf(`{"accountid":"00000000-0000-0000-0000-00000000000%d","name":"a%d","numberofemployees":%d}`, (i+1)%4, i, i))
			}
			job := e.must("POST", "BulkDelete", bulkDelete("account", c.criteria)).object(t)["JobId"]
			var left []string
			for _, r := range e.Rows("account") {
				left = append(left, strings.Trim(string(r["name"]), `"`))
			}
			if got := strings.Join(left, " "); got != c.left {
				t.Errorf("left: %s, want %s", got, c.left)
			}
			seen := e.must("GET", fmt.Sprintf("asyncoperations(%v)", job), "").object(t)
			if seen["statecode"] != 3.0 || seen["statuscode"] != 30.0 || seen["name"] != "clean" || seen["operationtype"] != 13.0 {
				t.Errorf("the job is %v", seen)
			}
		})
	}
}

func TestBulkDeleteLeavesWhatCannotBeDeleted(t *testing.T) {
	e := start(t, emulator.Config{})
	held, free := uuid.NewString(), uuid.NewString()
	e.must("POST", "contacts", `{"contactid":"`+held+`","lastname":"Held"}`)
	e.must("POST", "contacts", `{"contactid":"`+free+`","lastname":"Free"}`)
	e.must("POST", "new_memberships", `{"new_Contact@odata.bind":"/contacts(`+held+`)"}`)
	job := e.must("POST", "BulkDelete", bulkDelete("contact", `{}`)).object(t)["JobId"]
	if rows := e.Rows("contact"); len(rows) != 1 || string(rows[0]["lastname"]) != `"Held"` {
		t.Errorf("%v", rows)
	}
	seen := e.must("GET", fmt.Sprintf("asyncoperations(%v)", job), "").object(t)
	if seen["statuscode"] != 31.0 || seen["friendlymessage"] != "1 of 2 records were deleted." || !strings.Contains(fmt.Sprint(seen["message"]), "associated") {
		t.Errorf("the job is %v", seen)
	}
}

func TestBulkDeletesThatCannotBeAreRefused(t *testing.T) {
	e := start(t, office(security.Role{Name: "Clerk", Privileges: map[string]security.Depth{"prvReadContact": security.Global, "prvDeleteContact": security.Global}}))
	e.must("POST", "contacts", `{"lastname":"Doe"}`)
	for _, c := range []struct {
		body       string
		status     int
		code, text string
	}{
		{bulkDelete("nothing", `{}`), 400, "0x80040203", "nothing"},
		{bulkDelete("contact", `{"Conditions":[`+criterion("lastname", "Frobnicate", `"x"`)+`]}`), 501, "0x80040219", "Frobnicate"},
		{bulkDelete("contact", `{"Conditions":[`+criterion("nope", "Equal", `"x"`)+`]}`), 400, "0x80060888", "nope"},
		{strings.Replace(bulkDelete("contact", `{}`), `"RecurrencePattern":""`, `"RecurrencePattern":"FREQ=DAILY;"`, 1), 501, "0x80040219", "RecurrencePattern"},
		{strings.Replace(bulkDelete("contact", `{}`), `"ColumnSet"`, `"LinkEntities":[{}],"ColumnSet"`, 1), 501, "0x80040219", "LinkEntities"},
		{`{"QuerySet":[]}`, 400, "0x80040203", "QuerySet"},
		{bulkDelete("sdkmessage", `{}`), 405, "0x80040315", "sdkmessage"},
	} {
		e.refused(e.do("POST", "BulkDelete", c.body), c.status, c.code, c.text)
	}
	e.refused(e.as(clerk, "clerk").do("POST", "BulkDelete", bulkDelete("contact", `{}`)), http.StatusForbidden, "0x80040220", "prvBulkDelete")
	if n := e.Count("contact"); n != 1 {
		t.Errorf("%d contacts", n)
	}
}
