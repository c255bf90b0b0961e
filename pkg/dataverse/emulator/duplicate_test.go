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
