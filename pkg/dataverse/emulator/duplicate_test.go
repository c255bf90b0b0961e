package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// annotations returns those of an error, without their common prefix.
func (a answer) annotations(t *testing.T) map[string]string {
	t.Helper()
	var b struct{ Error map[string]string }
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	found := map[string]string{}
	for name, v := range b.Error {
		if rest, ok := strings.CutPrefix(name, "@Microsoft.PowerApps.CDS."); ok {
			found[rest] = v
		}
	}
	return found
}

func TestErrorsAreExplainedToWhoAsks(t *testing.T) { // 8.1, 2.10
	e := start(t, emulator.Config{Faults: emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
		if o.Key == "accountnumber='plugin'" {
			return emulator.Fault{Kind: emulator.Refuse, Status: 400, Code: "0x80040265", Message: "No.", Trace: "step 1"}
		}
		return emulator.Fault{}
	}}})
	e.must("PATCH", "accounts(accountnumber='A-1')", `{}`)
	const body = `{"name":"<b>","accountnumber":"A-1"}`
	for _, prefer := range []string{`"*"`, "*", `"Microsoft.PowerApps.CDS.*"`, `"OData.Community.Display.V1.FormattedValue,Microsoft.PowerApps.CDS.ErrorDetails.*",return=representation`} {
		got := e.do("POST", "accounts", body, "Prefer: odata.include-annotations="+prefer).annotations(t)
		for name, want := range map[string]string{
			"ErrorDetails.ApiExceptionHttpStatusCode": "412", "ErrorDetails.ApiExceptionMessageName": "DuplicateRecordEntityKey", "ErrorDetails.ApiExceptionCategory": "ClientError",
			"ErrorDetails.OperationStatus": "0", "ErrorDetails.SubErrorCode": "-2146233088", "ErrorDetails.0": "Account Number Key", "ErrorDetails.1": "Account Number",
			"ErrorDetails.DuplicateAttributes": "<DuplicateAttributes><accountnumber>A-1</accountnumber></DuplicateAttributes>",
			"HelpLink":                         "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a80060892&client=platform",
		} {
			if got[name] != want {
				t.Errorf("Prefer %s: %s is %q, want %q", prefer, name, got[name], want)
			}
		}
		if xml := got["ErrorDetails.DuplicateEntity"]; !strings.Contains(xml, "<key>name</key><value>&lt;b&gt;</value>") || !strings.Contains(xml, "<LogicalName>account</LogicalName>") {
			t.Errorf("the record being written: %q", xml)
		}
	}
	for _, prefer := range []string{"return=representation", `odata.include-annotations="OData.Community.Display.V1.FormattedValue"`, `odata.include-annotations="Microsoft.Dynamics.CRM.*"`} {
		if got := e.do("POST", "accounts", body, "Prefer: "+prefer).annotations(t); len(got) > 0 {
			t.Errorf("Prefer %s: %v", prefer, got)
		}
	}
	_, parts := e.batch(inBatch(part("PATCH", "/api/data/v9.2/accounts(accountnumber='plugin')", jsonHeader+"Prefer: odata.include-annotations=\"*\"\r\n", `{}`)), goOn)
	if got := parts[0].annotations(t); got["TraceText"] != "step 1" || got["ErrorDetails.ApiExceptionHttpStatusCode"] != "400" {
		t.Errorf("a plug-in's refusal: %v", got)
	}
}

func TestDuplicateDetectionIsAskedFor(t *testing.T) { // 2.10, 11.30
	const on = "MSCRM.SuppressDuplicateDetection: false"
	e := start(t, emulator.Config{
		DuplicateRules: []emulator.DuplicateRule{{Table: "contact", Columns: []string{"emailaddress1"}}, {Table: "contact", Columns: []string{"firstname", "lastname"}}},
		Assumptions:    emulator.Assumptions{BatchHeaders: true},
	})
	contact := func(number string) string { return "contacts(externaluseridentifier='" + number + "')" }
	e.must("PATCH", contact("1"), `{"emailaddress1":"ada@example.org","firstname":"Ada","lastname":"Lovelace"}`, on)
	refused := func(a answer) bool {
		return a.status == 412 && a.code() == "0x80040333" && a.message() == "A record was not created or updated because a duplicate of the current record already exists."
	}
	for _, c := range []struct {
		name, method, path, body, header string
		refused                          bool
	}{
		{"not asked for", "POST", "contacts", `{"emailaddress1":"ADA@example.org"}`, "Accept: */*", false},
		{"suppressed", "POST", "contacts", `{"emailaddress1":"ADA@example.org"}`, "MSCRM.SuppressDuplicateDetection: true", false},
		{"POST", "POST", "contacts", `{"emailaddress1":"ADA@example.org"}`, on, true},
		{"PATCH that creates", "PATCH", contact("2"), `{"emailaddress1":"ADA@example.org"}`, on, true},
		{"both columns", "POST", "contacts", `{"firstname":"ada","lastname":"LOVELACE"}`, on, true},
		{"one column of two", "POST", "contacts", `{"firstname":"Ada"}`, on, false},
		{"nulls are no duplicates", "PATCH", contact("3"), `{"emailaddress1":""}`, on, false},
		{"PATCH that updates", "PATCH", contact("3"), `{"emailaddress1":"ada@example.org"}`, on, true},
		{"the row itself is no duplicate", "PATCH", contact("4"), `{"firstname":"Charles","lastname":"Babbage"}`, on, false},
		{"the row itself is none, again", "PATCH", contact("4"), `{"firstname":"Charles","lastname":"Babbage","jobtitle":"x"}`, on, false},
	} {
		if a := e.do(c.method, c.path, c.body, c.header); refused(a) != c.refused || !c.refused && a.status != 204 {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
	}
	body := inBatch(
		part("POST", "/api/data/v9.2/contacts", jsonHeader+on+"\r\n", `{"firstname":"Ada","lastname":"Lovelace"}`),
		part("POST", "/api/data/v9.2/contacts", jsonHeader+"MSCRM.SuppressDuplicateDetection: true\r\n", `{"firstname":"Ada","lastname":"Lovelace"}`),
		part("POST", "/api/data/v9.2/contacts", jsonHeader, `{"firstname":"Ada","lastname":"Lovelace"}`))
	if _, parts := e.batch(body, goOn, on); statuses(parts) != "412 204 412" {
		t.Errorf("with the header outside: %v", parts)
	}
	if _, parts := e.batch(body, goOn); statuses(parts) != "412 204 204" {
		t.Errorf("without: %v", parts)
	}
	e.must("DELETE", contact("4"), "")
	e.must("POST", "contacts", `{"firstname":"Charles","lastname":"Babbage"}`, on)
}

func TestRulesForWhatIsNotThereAreRefused(t *testing.T) {
	for _, r := range []emulator.DuplicateRule{{Table: "nothing", Columns: []string{"name"}}, {Table: "account", Columns: []string{"nothing"}}, {Table: "account"}} {
		if err := (emulator.Config{DuplicateRules: []emulator.DuplicateRule{r}}).Validate(); err == nil || !strings.Contains(err.Error(), r.Table) {
			t.Errorf("%v: %v", r, err)
		}
	}
}
