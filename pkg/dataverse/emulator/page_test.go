package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// pages follows the nextLinks of a query and returns a property of all rows, with the number of pages. between is called after each page.
func (e *environment) pages(path, property, prefer string, between func(page int)) (all []string, n int) {
	e.t.Helper()
	for path != "" {
		a := e.do("GET", path, "", "Prefer: "+prefer)
		if a.status != 200 {
			e.t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		o := a.object(e.t)
		for _, item := range o["value"].([]any) {
			all = append(all, fmt.Sprint(item.(map[string]any)[property]))
		}
		n++
		path, _ = o["@odata.nextLink"].(string)
		if between != nil {
			between(n)
		}
	}
	return all, n
}

func TestPagesKeepTheirOrderWhileRowsComeAndGo(t *testing.T) { // 7
	e := start(t, emulator.Config{Limits: emulator.Limits{Off: true}})
	for i := range 30 {
		e.must("PATCH", "accounts("+at(100+i)+")", fmt.Sprintf(`{"name":"N%02d","numberofemployees":%d,"revenue":%d}`, 29-i, i%4, i))
	}
	got, n := e.pages("accounts?$select=name,numberofemployees&$orderby=numberofemployees%20desc,name", "name", "odata.maxpagesize=7", nil)
	if n != 5 || len(got) != 30 || got[0] != "N02" || got[1] != "N06" || got[29] != "N29" {
		t.Errorf("%d pages: %v", n, got)
	}
	got, _ = e.pages("accounts?$select=name&$orderby=name&$filter=revenue%20ge%2010", "name", "odata.maxpagesize=6", func(page int) {
		if page == 1 { // the last row of the page goes, one before it comes, one after it comes
			e.must("DELETE", "accounts("+at(124)+")", "")
			e.must("PATCH", "accounts("+at(200)+")", `{"name":"N00a","revenue":50}`)
			e.must("PATCH", "accounts("+at(201)+")", `{"name":"N10a","revenue":50}`)
		}
	})
	if want := "N00 N01 N02 N03 N04 N05 N06 N07 N08 N09 N10 N10a N11 N12 N13 N14 N15 N16 N17 N18 N19"; strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	got, _ = e.pages("accounts?$select=name&$orderby=_parentaccountid_value,createdon", "name", "odata.maxpagesize=8", nil)
	if len(got) != 31 {
		t.Errorf("in an order that is no order: %d", len(got))
	}
	a := e.do("GET", "accounts?$select=name&$top=3&$orderby=name", "", "Prefer: odata.maxpagesize=2")
	if got := names(t, a, "name"); got != "N00 N00a N01" || strings.Contains(a.body, "nextLink") || a.header.Get("Preference-Applied") != "" {
		t.Errorf("$top with a page size: %s %s", got, a.body)
	}
	first := e.do("GET", "accounts?$select=name", "", "Prefer: odata.maxpagesize=2").object(t)
	next := first["@odata.nextLink"].(string)
	if !strings.Contains(next, "$skiptoken=%3Ccookie%20pagenumber%3D%222%22%20pagingcookie%3D%22%25253Ccookie") || !strings.HasPrefix(next, e.url+"/api/data/v9.2/accounts?$select=name&") {
		t.Errorf("the link %s", next)
	}
	for _, token := range []string{"1", "%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22x%22%20istracking=%22False%22%20/%3E"} {
		if a := e.do("GET", "accounts?$skiptoken="+token, ""); a.status != 400 || a.message() != "Malformed XML in the Paging Cookie" {
			t.Errorf("%s: %d %s", token, a.status, a.body)
		}
	}
}

func TestCountsStopAtFiveThousand(t *testing.T) { // 7
	e := start(t, emulator.Config{Limits: emulator.Limits{Off: true}})
	for i := range 6 {
		parts := make([]string, 1000)
		for k := range parts {
			parts[k] = patch(fmt.Sprintf("A-%d-%d", i, k), fmt.Sprintf(`{"numberofemployees":%d}`, k))
		}
		e.batch(inBatch(parts...))
	}
	if a := e.do("GET", "accounts/$count", ""); a.body != "5000" {
		t.Errorf("$count: %s", a.body)
	}
	o := e.do("GET", "accounts?$select=accountid&$count=true", "", `Prefer: odata.maxpagesize=2,odata.include-annotations="Microsoft.Dynamics.CRM.*"`).object(t)
	if o["@odata.count"] != float64(5000) || o["@Microsoft.Dynamics.CRM.totalrecordcount"] != float64(5000) || o["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] != true {
		t.Errorf("got %v", o)
	}
	if n := len(e.do("GET", "accounts?$top=9999&$select=accountid", "").object(t)["value"].([]any)); n != 5000 {
		t.Errorf("$top beyond a page: %d", n)
	}
	o = e.do("GET", "RetrieveTotalRecordCount(EntityNames=['account','contact'])", "").object(t)
	if fmt.Sprint(dig(o, "EntityRecordCountCollection", "Keys"), dig(o, "EntityRecordCountCollection", "Values")) != "[account contact] [6000 0]" {
		t.Errorf("got %v", o)
	}
	o = e.do("GET", "RetrieveTotalRecordCount(EntityNames=@p)?@p=['contact']", "").object(t)
	if fmt.Sprint(dig(o, "EntityRecordCountCollection", "Values")) != "[0]" {
		t.Errorf("by alias: %v", o)
	}
	if a := e.do("GET", "RetrieveTotalRecordCount(EntityNames=['nothing'])", ""); a.status != 404 {
		t.Errorf("an unknown table: %d", a.status)
	}
	got, _ := e.pages("accounts?$select=accountnumber,numberofemployees&$orderby=numberofemployees%20desc,accountnumber", "accountnumber", "odata.maxpagesize=5000", nil)
	seen := map[string]bool{}
	for _, n := range got {
		seen[n] = true
	}
	if len(seen) != 6000 || got[0] != "A-0-999" || got[6] != "A-0-998" || got[5999] != "A-5-0" {
		t.Errorf("%d rows, %s %s %s", len(seen), got[0], got[6], got[5999])
	}
}

func TestChangeTracking(t *testing.T) { // 7
	own := schema.Table{Name: "x_log", Schema: "x_Log", Set: "x_logs", PrimaryID: "x_logid", TrackingOff: true, Columns: []schema.Column{{Name: "x_logid", Schema: "x_LogId", Type: schema.ID}}}
	e := people(t, emulator.Config{Tables: []schema.Table{own}})
	first := e.do("GET", "contacts?$select=firstname", "", "Prefer: odata.track-changes,odata.maxpagesize=3")
	if strings.Contains(first.body, "deltaLink") || !strings.Contains(first.header.Get("Preference-Applied"), "odata.track-changes") {
		t.Fatalf("the first page: %s %v", first.body, first.header)
	}
	e.must("PATCH", "contacts("+at(11)+")", `{"firstname":"Augusta"}`) // on the first page already: the delta must have it
	second := e.do("GET", first.object(t)["@odata.nextLink"].(string), "", "Prefer: odata.track-changes,odata.maxpagesize=3").object(t)
	delta, _ := second["@odata.deltaLink"].(string)
	if len(second["value"].([]any)) != 1 || !strings.Contains(delta, "$deltatoken=") {
		t.Fatalf("the last page: %v", second)
	}
	e.must("PATCH", "contacts("+at(15)+")", `{"firstname":"Eve"}`)
	e.must("DELETE", "contacts("+at(14)+")", "")
	e.batch(inBatch(inSet(part("DELETE", "/api/data/v9.2/contacts("+at(13)+")", "", ""), part("DELETE", "/api/data/v9.2/contacts("+at(99)+")", "", "")))) // rolled back
	o := e.do("GET", delta, "").object(t)
	root := e.url + "/api/data/v9.2/$metadata#contacts"
	if o["@odata.context"] != root+"(firstname)/$delta" || dig(o, "value", 0, "firstname") != "Augusta" || dig(o, "value", 1, "firstname") != "Eve" ||
		dig(o, "value", 2, "@odata.context") != root+"/$deletedEntity" || dig(o, "value", 2, "id") != at(14) || dig(o, "value", 2, "reason") != "deleted" || len(o["value"].([]any)) != 3 {
		t.Errorf("got %v", o)
	}
	again := e.do("GET", o["@odata.deltaLink"].(string), "").object(t)
	if len(again["value"].([]any)) != 0 || again["@odata.deltaLink"] == nil {
		t.Errorf("nothing has changed: %v", again)
	}
	got, n := []string{}, 0
	for next := delta; next != ""; n++ {
		page := e.do("GET", next, "", "Prefer: odata.maxpagesize=1").object(t)
		for _, item := range page["value"].([]any) {
			got = append(got, fmt.Sprintf("%v %v", dig(item, "firstname"), dig(item, "id")))
		}
		next, _ = page["@odata.nextLink"].(string)
	}
	if n != 3 || strings.Join(got, "|") != "Augusta <nil>|Eve <nil>|<nil> "+at(14) {
		t.Errorf("%d pages of changes: %q", n, got)
	}
	e.Reset()
	if a := e.do("GET", delta, ""); a.status != 400 || a.code() != "0x80044352" {
		t.Errorf("changes since before a reset: %d %s", a.status, a.body)
	}
	for path, status := range map[string]int{"contacts?$filter=firstname%20eq%20'x'": 400, "contacts?$orderby=firstname": 400, "x_logs": 400, "contacts?$deltatoken=x": 400} {
		if a := e.do("GET", path, "", "Prefer: odata.track-changes"); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
