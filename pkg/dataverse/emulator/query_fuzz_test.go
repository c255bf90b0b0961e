package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// FuzzQueries: whatever stands behind the question mark gets an answer in JSON, which is never an internal error.
func FuzzQueries(f *testing.F) {
	for _, seed := range []string{
		"$select=firstname&$filter=parentcustomerid_account/name eq 'alpha' and not contains(firstname,'x')&$orderby=lastname desc&$top=2&$count=true",
		"$expand=parentcustomerid_account($select=name;$expand=contact_customer_accounts($filter=firstname eq 'Ada';$orderby=lastname;$top=1)),ownerid",
		"$filter=contact_customer_contacts/any(c:c/Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=['a']))",
		"$filter=Microsoft.Dynamics.CRM.Between(PropertyName='birthdate',PropertyValues=['1900-01-01','2000-01-01'])",
		"$filter=Microsoft.Dynamics.CRM.OlderThanXYears(PropertyName='createdon',PropertyValue=1) or Microsoft.Dynamics.CRM.On(PropertyName='birthdate',PropertyValue='x')",
		"$apply=filter(firstname ne null)/groupby((_parentcustomerid_value),aggregate($count as n,createdon with max as m))&$orderby=n desc",
		`fetchXml=<fetch top="1"><entity name="contact"><order attribute="lastname"/><filter><condition attribute="statecode" operator="eq" value="0"/></filter></entity></fetch>`,
		"$skiptoken=<cookie pagenumber=\"2\" pagingcookie=\"%253Ccookie%2520page%253D%25221%2522%2520position%253D%252200%2522%2520version%253D%25220%2522%253E\" istracking=\"False\" />",
		"$deltatoken=1!x", "$filter=contactid eq 00000000-0000-0000-0000-000000000011", "$filter=externaluseridentifier eq null", "$filter=true or statecode eq 0.5", "$select=", "$top=0&$count=true",
	} {
		f.Add(seed)
	}
	e := people(f, emulator.Config{Limits: emulator.Limits{Off: true}, NoJournal: true, TokenLifetime: 24 * time.Hour})
	f.Fuzz(func(t *testing.T, query string) {
		var kept []string
		for p := range strings.SplitSeq(query, "&") {
			name, v, _ := strings.Cut(p, "=")
			kept = append(kept, url.QueryEscape(name)+"="+url.QueryEscape(v))
		}
		target := "/api/data/v9.2/contacts?" + strings.Join(kept, "&")
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		r.Host = strings.TrimPrefix(e.url, "http://")
		r.Header.Set("Authorization", "Bearer "+e.token)
		r.Header.Set("Prefer", `odata.maxpagesize=2,odata.include-annotations="*"`)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code == http.StatusUnauthorized || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}
