package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// TestEverythingAtOnceAgreesInTheEnd: whoever writes, reads and administers at the same time, nobody waits for ever, nothing but what is ordered is
// a 5xx, and rows, indexes and journal agree in the end.
func TestEverythingAtOnceAgreesInTheEnd(t *testing.T) {
	const reader = "44444444-4444-4444-4444-444444444444"
	c := emulator.Config{
		Apps: []emulator.App{
			{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret},
			{ClientID: reader, Secret: "reader", Member: security.Member{Roles: []string{"reader"}}},
		},
		Limits: emulator.Limits{Off: true}, Servers: 2, JournalLimit: 10_000,
		DuplicateRules: []emulator.DuplicateRule{{Table: "contact", Columns: []string{"emailaddress1"}}},
	}
	c.Security.Roles = []security.Role{{Name: "reader", Privileges: map[string]security.Depth{"prvReadContact": security.Local, "prvReadAccount": security.Global}}}
	e := start(t, c)
	full, limited := e.token, e.signIn(reader, "reader")
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	orders := faults.New(e.Server)
	early := e.Snapshot()
	work := []func(*rand.Rand) []*http.Request{
		func(r *rand.Rand) []*http.Request { return stressBatch(e, r) },
		func(r *rand.Rand) []*http.Request { return stressWrites(e, r) },
		func(r *rand.Rand) []*http.Request { return stressReads(e, r) },
		func(r *rand.Rand) []*http.Request {
			requests := stressReads(e, r)
			for _, r := range requests {
				r.Header.Set("Authorization", "Bearer "+limited)
			}
			return requests
		},
		func(r *rand.Rand) []*http.Request {
			administer(t, e, orders, early, r, reader)
			return []*http.Request{e.anonymous("GET", "WhoAmI", "")}
		},
	}
	var all sync.WaitGroup
	for n, step := range append(work, work[:3]...) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for ctx.Err() == nil {
				for _, r := range step(random) {
					if r.Header.Get("Authorization") == "" {
						r.Header.Set("Authorization", "Bearer "+full)
					}
					stressSend(t, e, r)
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() { all.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(30 * time.Second):
		t.Fatal("somebody still waits 27 s after the end")
	}
	orders.Clear()
	if err := e.Inconsistencies(); err != nil {
		t.Error(err)
	}
	last := e.Dropped()
	for entry := range e.Entries(0) {
		if last++; entry.Seq != last {
			t.Fatalf("the journal goes on with %d where %d is next", entry.Seq, last)
		}
	}
	if last != e.Written() {
		t.Errorf("the journal ends with %d of %d entries", last, e.Written())
	}
}

// stressSend sends a request; only an ordered fault may be a 5xx.
func stressSend(t *testing.T, e *environment, r *http.Request) {
	response, err := e.http.Do(r)
	if err != nil {
		if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		return
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode >= 500 && response.StatusCode != http.StatusBadGateway || internalError.Match(b)) {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, response.StatusCode, b)
	}
}

func stressAccount(r *rand.Rand) string {
	return fmt.Sprintf("accounts(accountnumber='A-%d')", r.IntN(20))
}

func stressContact(r *rand.Rand) string {
	return fmt.Sprintf("contacts(externaluseridentifier='C-%d')", r.IntN(100))
}

func stressPerson(r *rand.Rand) string {
	return fmt.Sprintf(`{"lastname":"Name %d","emailaddress1":"mail%d@example.org","parentcustomerid_account@odata.bind":"%s"}`, r.IntN(1000), r.IntN(50), stressAccount(r))
}

// stressBatch is a batch of upserts, deletes and change sets that often fail.
func stressBatch(e *environment, r *rand.Rand) []*http.Request {
	const typed = "Content-Type: application/json\r\n"
	var parts []string
	for range 20 {
		switch r.IntN(6) {
		case 0:
			parts = append(parts, part("DELETE", stressContact(r), "", ""))
		case 1:
			parts = append(parts, inSet(part("POST", "accounts", typed, fmt.Sprintf(`{"name":"x","accountnumber":"A-%d"}`, r.IntN(40))),
				part("PATCH", stressContact(r), typed, `{"lastname":"In a set","parentcustomerid_account@odata.bind":"$1"}`), part("DELETE", stressAccount(r), "", "")))
		case 2:
			parts = append(parts, part("PATCH", stressAccount(r), typed, fmt.Sprintf(`{"name":"Account %d","parentaccountid@odata.bind":"%s"}`, r.IntN(100), stressAccount(r))))
		case 3:
			parts = append(parts, part("PATCH", stressAccount(r), typed, `{"name":"Account"}`))
		default:
			parts = append(parts, part("PATCH", stressContact(r), typed+"MSCRM.SuppressDuplicateDetection: false\r\n", stressPerson(r)))
		}
	}
	return []*http.Request{e.anonymous("POST", "$batch", inBatch(parts...), "Content-Type: multipart/mixed; boundary=b", "Prefer: odata.continue-on-error")}
}

// stressWrites are writes that lock more than one table.
func stressWrites(e *environment, r *rand.Rand) []*http.Request {
	const kind = `"@odata.type":"Microsoft.Dynamics.CRM.contact"`
	return []*http.Request{
		e.anonymous("POST", "contacts/Microsoft.Dynamics.CRM.UpsertMultiple", fmt.Sprintf(`{"Targets":[{%s,"@odata.id":"%s","lastname":"a"},{%[1]s,"@odata.id":"%s","lastname":"b"}]}`, kind, stressContact(r), stressContact(r))),
		e.anonymous("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", fmt.Sprintf(`{"Targets":[{%s,"lastname":"a","externaluseridentifier":"C-%d"}]}`, kind, r.IntN(200))),
		e.anonymous("POST", "accounts?$expand=contact_customer_accounts($select=lastname)", fmt.Sprintf(`{"name":"deep","accountnumber":"A-%d","contact_customer_accounts":[%s],"primarycontactid":{"lastname":"first"}}`, r.IntN(40), `{"lastname":"child"}`), "Prefer: return=representation"),
		e.anonymous("POST", stressAccount(r)+"/contact_customer_accounts", `{"lastname":"below","contact_customer_contacts":[{"lastname":"deeper"}]}`),
		e.anonymous("PUT", stressContact(r)+"/parentcustomerid_account/$ref", `{"@odata.id":"`+stressAccount(r)+`"}`),
		e.anonymous("PATCH", stressContact(r)+"?$expand=parentcustomerid_account($select=name),owninguser", stressPerson(r), "Prefer: return=representation"),
		e.anonymous("DELETE", stressAccount(r), ""),
	}
}

func stressReads(e *environment, r *rand.Rand) []*http.Request {
	if r.IntN(10) == 0 {
		return []*http.Request{e.anonymous("GET", "$metadata", "")}
	}
	return []*http.Request{
		e.anonymous("GET", "contacts?$expand=parentcustomerid_account($select=name;$expand=contact_customer_accounts($top=3))&$orderby=lastname&$count=true", "", "Prefer: odata.maxpagesize=7"),
		e.anonymous("GET", "accounts?$filter=contact_customer_accounts/any(c:c/lastname%20ne%20'x')%20and%20parentaccountid/name%20ne%20null", ""),
		e.anonymous("GET", "contacts", "", `Prefer: odata.track-changes,odata.include-annotations="*"`),
		e.anonymous("GET", "contacts?$apply=groupby((_parentcustomerid_value),aggregate($count%20as%20n))", ""),
		e.anonymous("GET", stressContact(r)+"/parentcustomerid_account/contact_customer_accounts/$count", ""),
		e.anonymous("GET", "EntityDefinitions(LogicalName='account')?$select=LogicalName&$expand=Keys,Attributes($select=LogicalName)", ""),
		e.anonymous("GET", "RetrieveTotalRecordCount(EntityNames=['contact','account'])", ""),
	}
}

// administer changes what only an administrator can.
func administer(t *testing.T, e *environment, orders *faults.Orders, early *emulator.Snapshot, r *rand.Rand, reader string) {
	var err error
	switch r.IntN(100) {
	case 0:
		e.Reset()
	case 1:
		err = e.Restore(early)
	case 2:
		err = e.Snapshot().Write(io.Discard)
	case 3:
		err = e.SetRolePrivilege("reader", "prvReadContact", security.Depth(r.IntN(5)))
	case 4:
		err = e.SetRole(security.Role{Name: fmt.Sprintf("role %d", r.IntN(5))})
	case 5:
		err = e.AssignRole(reader, "reader")
	case 6:
		_, err = orders.Place(faults.Order{Fault: "cut-before", Count: 1})
	case 7:
		_, err = orders.Place(faults.Order{Fault: "bad-gateway", Count: 2, Share: 0.5})
	case 8:
		_, err = orders.Place(faults.Order{Fault: "delay", At: faults.Operation, Delay: faults.Duration(5 * time.Millisecond), Count: 3})
	case 9:
		e.SetKeyStatus("account", "new_accountnumberkey", []string{schema.Pending, schema.Active}[r.IntN(2)])
	case 10:
		e.Page("contact", "a", 0, 10)
		e.Recent()
		e.Budgets()
		e.Journal()
	case 11:
		orders.Clear()
	}
	if err != nil {
		t.Error(err)
	}
}
