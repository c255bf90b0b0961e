package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// internalError finds an answer within a batch that only an order may cause. 501 is what the emulator says of what it does not emulate.
var internalError = regexp.MustCompile(`\r\nHTTP/1\.1 (500|50[2-9]) `)

// The ways in which FuzzServer makes a request of its text.
const (
	asRequest   = iota // the text is the body
	asBatch            // the text is the body of a batch
	asParts            // the parts of a batch, between NULs, are the request line, headers, an empty line, and the body
	asChangeSet        // the same in a change set
	ways
)

// FuzzServer: whatever is sent gets an answer, soon, which is no internal error; and what it leaves behind agrees.
func FuzzServer(f *testing.F) {
	for _, seed := range []struct {
		way                         byte
		method, path, headers, text string
	}{
		{asRequest, "PATCH", "contacts(externaluseridentifier='K-1')", "Prefer: return=representation", `{"lastname":"Lovelace","parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`},
		{asRequest, "POST", "accounts?$select=name&$expand=contact_customer_accounts", "Prefer: return=representation", `{"name":"Alpha","contact_customer_accounts":[{"lastname":"Hopper"}],"primarycontactid":{"lastname":"Ada"}}`},
		{asRequest, "DELETE", "accounts(accountnumber='A-1')", "If-Match: *", ""},
		{asRequest, "DELETE", "contacts(externaluseridentifier='K-1')/lastname", "", ""},
		{asRequest, "PUT", "contacts(externaluseridentifier='K-1')/parentcustomerid_account/$ref", "", `{"@odata.id":"accounts(accountnumber='A-1')"}`},
		{asRequest, "POST", "accounts(accountnumber='A-1')/contact_customer_accounts/$ref", "", `{"@odata.id":"contacts(externaluseridentifier='K-1')"}`},
		{asRequest, "POST", "contacts/Microsoft.Dynamics.CRM.UpsertMultiple", "", `{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact","@odata.id":"contacts(externaluseridentifier='K-2')","lastname":"x"}]}`},
		{asRequest, "POST", "WinOpportunity", "", `{"Status":3,"OpportunityClose":{"opportunityid@odata.bind":"opportunities(00000000-0000-0000-0000-000000000001)"}}`},
		{asRequest, "GET", "EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet", "", ""},
		{asRequest, "GET", "systemusers(00000000-0000-0000-0000-000000000001)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", "MSCRMCallerID: x", ""},
		{asRequest, "GET", "contacts(externaluseridentifier=@k)?@k='K-1'&$expand=parentcustomerid_account($select=name)", "Accept: application/json;odata.metadata=full", ""},
		{asRequest, "GET", "RetrieveTotalRecordCount(EntityNames=['contact'])", "", ""},
		{asRequest, "POST", "ReactivateEntityKey", "", `{"EntityLogicalName":"account","EntityKeyLogicalName":"new_accountnumberkey"}`},
		{asBatch, "POST", "$batch", "Content-Type: multipart/mixed; boundary=b", inBatch(part("GET", "contacts?$top=1", "", ""))},
		{asBatch, "POST", "$batch", "Content-Type: multipart/mixed; boundary=b", inBatch(inSet(part("POST", "accounts", "", `{"name":"x"}`), part("PATCH", "$1", "", `{"name":"y"}`)))},
		{asParts, "", "", "Prefer: odata.continue-on-error", "PATCH contacts(externaluseridentifier='K-3')\nIf-None-Match: *\n\n{\"lastname\":\"x\"}\x00DELETE contacts(externaluseridentifier='K-3')"},
		{asChangeSet, "", "", "", "POST accounts\n\n{\"name\":\"x\"}\x00POST contacts\n\n{\"lastname\":\"x\",\"parentcustomerid_account@odata.bind\":\"$1\"}\x00DELETE $1\x00DELETE $1"},
	} {
		f.Add(seed.way, seed.method, seed.path, seed.headers, seed.text)
	}
	e := people(f, emulator.Config{
		Limits: emulator.Limits{Off: true}, JournalLimit: 1, TokenLifetime: 1000 * time.Hour,
		DuplicateRules: []emulator.DuplicateRule{{Table: "contact", Columns: []string{"firstname", "emailaddress1"}}},
	})
	before, sent := e.Snapshot(), 0
	f.Fuzz(func(t *testing.T, way byte, method, path, headers, text string) {
		if sent++; sent%1000 == 0 {
			if err := e.Restore(before); err != nil {
				t.Fatal(err)
			}
		}
		if way %= ways; way >= asParts {
			method, path, headers, text = "POST", "$batch", headers+"\nContent-Type: multipart/mixed; boundary=b", framed(text, way == asChangeSet)
		}
		r := anyRequest(t, method, path, headers, text)
		if r == nil {
			return
		}
		r.Host = strings.TrimPrefix(e.url, "http://")
		r.Header.Set("Authorization", "Bearer "+e.token)
		w, began := httptest.NewRecorder(), time.Now()
		e.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code > http.StatusNotImplemented || w.Code == http.StatusUnauthorized || internalError.Match(w.Body.Bytes()) {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s %s took %v", method, path, took)
		}
		if err := e.Inconsistencies(); err != nil {
			t.Error(err)
		}
	})
}

// framed makes a batch of the parts between NULs.
func framed(text string, set bool) string {
	var parts []string
	for one := range strings.SplitSeq(text, "\x00") {
		head, body, _ := strings.Cut(one, "\n\n")
		line, headers, _ := strings.Cut(head, "\n")
		method, target, _ := strings.Cut(line, " ")
		if headers != "" {
			headers = strings.ReplaceAll(headers, "\n", "\r\n") + "\r\n"
		}
		parts = append(parts, part(method, target, headers, body))
	}
	if set {
		return inBatch(inSet(parts...))
	}
	return inBatch(parts...)
}

// anyRequest is a request as net/http would hand it over, nil when it would not.
func anyRequest(t *testing.T, method, path, headers, body string) *http.Request {
	target := "/api/data/v9.2/" + path
	u, err := url.ParseRequestURI(target)
	if err != nil || strings.ContainsAny(target, " \r\n\t") || method == "CONNECT" {
		return nil
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://host/", strings.NewReader(body))
	if err != nil {
		return nil
	}
	r.URL, r.RequestURI = u, target
	for h := range strings.SplitSeq(headers, "\n") {
		if name, v, ok := strings.Cut(h, ": "); ok && name != "" {
			r.Header.Set(name, v)
		}
	}
	return r
}
