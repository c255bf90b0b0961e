package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

const (
	jsonHeader = "Content-Type: application/json; type=entry\r\n"
	goOn       = "Prefer: odata.continue-on-error"
)

func patch(number, body string) string {
	return part("PATCH", "/api/data/v9.2/accounts(accountnumber='"+number+"')", jsonHeader, body)
}

func statuses(parts []answer) string {
	var s []string
	for _, p := range parts {
		s = append(s, fmt.Sprint(p.status))
	}
	return strings.Join(s, " ")
}

func TestBatchFailures(t *testing.T) { // 3.3
	good, bad := patch("A-1", `{"name":"Alpha"}`), patch("A-2", `{"nothing":1}`)
	set := inSet(patch("A-3", `{"name":"x"}`), patch("A-4", `{"nothing":1}`), patch("A-5", `{"name":"x"}`))
	wholeSet := inSet(patch("A-3", `{"name":"x"}`), patch("A-4", `{"name":"x"}`))
	for _, c := range []struct {
		name   string
		body   string
		goOn   bool
		status int
		parts  string
		rows   int
	}{
		{"all succeed", inBatch(good, patch("A-2", `{}`)), false, 200, "204 204", 2},
		{"the first failure ends the batch, what was before it stays", inBatch(good, bad, patch("A-3", `{}`)), false, 400, "204 400", 1},
		{"with continue-on-error there is a part for each", inBatch(good, bad, patch("A-3", `{}`)), true, 200, "204 400 204", 2},
		{"a change set is all", inBatch(wholeSet), false, 200, "204 204", 2},
		{"or nothing, with one part for it", inBatch(good, set, patch("A-6", `{}`)), false, 400, "204 400", 1},
		{"continue-on-error goes on after a change set", inBatch(set, good), true, 200, "400 204", 1},
		{"continue-on-error does nothing inside one", inBatch(set), true, 200, "400", 0},
		{"a GET in a change set is refused", inBatch(inSet(patch("A-3", `{}`), part("GET", "/api/data/v9.2/accounts", "", ""))), true, 200, "400", 0},
		{"a batch in a batch is refused", inBatch(part("POST", "/api/data/v9.2/$batch", "", "x")), true, 200, "400", 0},
		{"a deleted row that was missing", inBatch(part("DELETE", "/api/data/v9.2/accounts("+unknownID+")", "", ""), good), true, 200, "404 204", 1},
		{"reads and writes in order", inBatch(good, part("GET", "/api/data/v9.2/accounts(accountnumber='A-1')", "", ""),
			part("DELETE", "/api/data/v9.2/accounts(accountnumber='A-1')", "", ""), part("GET", "/api/data/v9.2/accounts(accountnumber='A-1')", "", "")), true, 200, "204 200 204 404", 0},
		{"an operation on the same row twice", inBatch(good, good), false, 200, "204 204", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, emulator.Config{})
			var headers []string
			if c.goOn {
				headers = append(headers, goOn)
			}
			outer, parts := e.batch(c.body, headers...)
			if outer.status != c.status || statuses(parts) != c.parts || e.Count("account") != c.rows {
				t.Errorf("got %d with %q and %d rows\n%s", outer.status, statuses(parts), e.Count("account"), outer.body)
			}
			if len(e.Journal()) < c.rows {
				t.Errorf("%d journal entries for %d rows", len(e.Journal()), c.rows)
			}
			if strings.Contains(outer.body, "Content-ID") != strings.Contains(c.body, "Content-ID") {
				t.Error("Content-ID belongs into change sets, and only there")
			}
		})
	}
}

func TestTheBytesOfABatchAnswer(t *testing.T) { // 3.2
	e := start(t, emulator.Config{})
	outer := e.do("POST", "$batch", inBatch(patch("A-1", `{"name":"Alpha"}`), part("DELETE", "/api/data/v9.2/accounts(accountnumber='A-1')", "", ""),
		patch("A-2", `{"name":"`+strings.Repeat("x", 161)+`"}`)), "Content-Type: multipart/mixed; boundary=b", goOn)
	_, boundary, _ := strings.Cut(outer.header.Get("Content-Type"), "boundary=")
	head := "--" + boundary + "\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
	entity := e.url + "/api/data/v9.2/accounts(accountnumber='A-1')"
	want := head + "HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\nLocation: " + entity + "\r\nOData-EntityId: " + entity + "\r\n\r\n\r\n" +
		head + "HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\n\r\n\r\n" +
		head + "HTTP/1.1 400 Bad Request\r\nREQ_ID: " + outer.header.Get("REQ_ID") + "\r\nContent-Type: application/json; odata.metadata=minimal\r\nOData-Version: 4.0\r\n\r\n" +
		`{"error":{"code":"0x80044331","message":"A validation error occurred.  The length of the 'name' attribute of the 'account' entity exceeded the maximum allowed length of '160'."}}` +
		"\r\n--" + boundary + "--\r\n"
	if !strings.HasPrefix(boundary, "batchresponse_") || outer.body != want {
		t.Errorf("got\n%q\nwant\n%q", outer.body, want)
	}
	if outer.header.Get("Preference-Applied") != "odata.continue-on-error" {
		t.Errorf("Preference-Applied %q", outer.header.Get("Preference-Applied"))
	}
}

func TestChangeSetReferences(t *testing.T) { // 3.1
	e := start(t, emulator.Config{})
	_, parts := e.batch(inBatch(inSet(
		part("POST", "/api/data/v9.2/accounts", jsonHeader, `{"name":"Parent"}`),
		part("POST", "/api/data/v9.2/contacts", jsonHeader, `{"lastname":"Child","parentcustomerid_account@odata.bind":"$1"}`),
		part("PATCH", "$1", jsonHeader, `{"telephone1":"1"}`),
		part("PUT", "$2/firstname", jsonHeader, `{"value":"Ada"}`),
	)))
	if statuses(parts) != "204 204 204 204" || parts[2].header.Get("Content-ID") != "3" {
		t.Fatalf("got %q %+v", statuses(parts), parts)
	}
	account, contact := e.Rows("account")[0], e.Rows("contact")[0]
	if contact.Text("_parentcustomerid_value") != account.Text("accountid") || account.Text("telephone1") != "1" || contact.Text("fullname") != "Ada Child" {
		t.Errorf("%v\n%v", account, contact)
	}
	outer, parts := e.batch(inBatch(inSet(part("PATCH", "$7", jsonHeader, `{"name":"x"}`))))
	if outer.status != 400 || len(parts) != 1 || parts[0].message() != "Content-ID Reference: '$7' does not exist in the batch context." {
		t.Errorf("an unknown reference: %d %s", outer.status, outer.body)
	}
}

func TestARolledBackChangeSetLeavesNothing(t *testing.T) { // 3.3
	e := start(t, emulator.Config{})
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha","revenue":1}`)
	e.must("PATCH", "accounts(accountnumber='A-2')", `{"name":"Beta"}`)
	e.must("PATCH", "contacts(externaluseridentifier='C-1')", `{"lastname":"x"}`)
	before := e.Rows("account")
	outer, _ := e.batch(inBatch(inSet(
		part("PATCH", "/api/data/v9.2/accounts(accountnumber='A-1')", jsonHeader, `{"name":"changed","revenue":null}`),
		part("PATCH", "/api/data/v9.2/accounts("+before[0].Text("accountid")+")", jsonHeader, `{"accountnumber":"A-7"}`),
		part("DELETE", "/api/data/v9.2/accounts(accountnumber='A-2')", "", ""),
		part("POST", "/api/data/v9.2/accounts", jsonHeader, `{"accountnumber":"A-2"}`),
		part("PATCH", "/api/data/v9.2/new_memberships(new_code='M')", jsonHeader, `{"new_Contact@odata.bind":"contacts(externaluseridentifier='C-1')"}`),
		part("PATCH", "/api/data/v9.2/accounts(accountnumber='A-3')", jsonHeader, `{"nothing":1}`),
	)))
	if outer.status != 400 {
		t.Fatalf("%d %s", outer.status, outer.body)
	}
	if after := e.Rows("account"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("before %v\nafter %v", before, after)
	}
	if len(e.Journal()) != 3 || e.Count("new_membership") != 0 {
		t.Errorf("%d journal entries, %d memberships", len(e.Journal()), e.Count("new_membership"))
	}
	for _, number := range []string{"A-1", "A-2"} {
		if _, ok := e.RowByKey("account", emulator.Key("accountnumber", number)); !ok {
			t.Errorf("%s is not found by its key any more", number)
		}
	}
	e.must("DELETE", "contacts(externaluseridentifier='C-1')", "") // no child is counted any more
}

func TestOperationsCarryTheirOwnHeaders(t *testing.T) { // 3.1
	e := start(t, emulator.Config{})
	_, parts := e.batch(inBatch(
		part("PATCH", "/api/data/v9.2/accounts(accountnumber='A-1')", jsonHeader+"If-Match: *\r\n", `{"name":"x"}`),
		part("PATCH", "/api/data/v9.2/accounts(accountnumber='A-1')?$select=name", jsonHeader+"Prefer: return=representation\r\n", `{"name":"x"}`),
		part("PATCH", "/api/data/v9.2/accounts("+knownID+")", jsonHeader+"If-None-Match: *\r\n", `{"name":"y"}`),
		part("PATCH", "/api/data/v9.2/accounts("+knownID+")", jsonHeader+"if-none-match: *\r\n", `{"name":"y"}`),
	), goOn)
	if statuses(parts) != "404 201 204 412" {
		t.Fatalf("got %q", statuses(parts))
	}
	row := parts[1].object(t)
	if parts[1].header.Get("ETag") == "" || row["name"] != "x" || row["accountid"] == nil || row["revenue"] != nil || len(row) != 4 {
		t.Errorf("representation %v", row)
	}
}

func TestURLForms(t *testing.T) { // 3.1
	e := start(t, emulator.Config{})
	_, parts := e.batch(inBatch(
		part("PATCH", e.url+"/api/data/v9.2/accounts(accountnumber='A-1')", jsonHeader, `{}`),
		part("PATCH", "/api/data/v9.2/accounts(accountnumber='A-2')", jsonHeader, `{}`),
		part("PATCH", "accounts(accountnumber='A-3')", jsonHeader, `{}`),
		part("PATCH", "/api/data/v9.1/accounts(accountnumber='A-4')", jsonHeader, `{}`),
		part("PATCH", "https://other.crm4.dynamics.com/api/data/v9.2/accounts(accountnumber='A-5')", jsonHeader, `{}`),
		part("PATCH", "/api/data/accounts(accountnumber='A-6')", jsonHeader, `{}`),
		part("PATCH", "/api/data/v9.2/accounts(accountnumber='A 7')", jsonHeader, `{}`),
	), goOn)
	if statuses(parts) != "204 204 204 204 400 400 204" {
		t.Errorf("got %q: %v", statuses(parts), parts)
	}
}

func TestWhatIsNoBatchIsRefusedInPlainJSON(t *testing.T) { // 3.1, 3.3
	e := start(t, emulator.Config{})
	many := make([]string, 1001)
	for i := range many {
		many[i] = patch("A-1", `{}`)
	}
	for _, c := range []struct{ name, contentType, body, text string }{
		{"1,001 operations", "multipart/mixed; boundary=b", inBatch(many...), "too many parts. A maximum number of '1000'"},
		{"1,001 operations in a change set", "multipart/mixed; boundary=b", inBatch(inSet(many...)), "The current change set contains too many operations. A maximum number of '1000'"},
		{"JSON", "application/json", `{"requests":[]}`, "multipart/mixed"},
		{"another boundary", "multipart/mixed; boundary=x", inBatch(patch("A-1", `{}`)), "no part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := e.do("POST", "$batch", c.body, "Content-Type: "+c.contentType, goOn)
			if a.status != http.StatusBadRequest || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || !strings.Contains(a.message(), c.text) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	if e.Count("account") != 0 {
		t.Error("something was executed")
	}
	if outer, parts := e.batch(inBatch(many[:1000]...)); outer.status != 200 || len(parts) != 1000 {
		t.Errorf("1,000 operations: %d, %d parts", outer.status, len(parts))
	}
}

func TestBareLineFeedsLoseTheLastWrite(t *testing.T) { // 3.1
	e := start(t, emulator.Config{})
	body := strings.ReplaceAll(inBatch(patch("A-1", `{}`), patch("A-2", `{}`)), "\r\n", "\n")
	_, parts := e.batch(body, goOn)
	if statuses(parts) != "204 400" || parts[1].code() != "0x80048d19" || !strings.Contains(parts[1].message(), "Stream was not readable.") {
		t.Errorf("got %v", parts)
	}
}

// TestParallelWritersLeaveAConsistentStore runs change sets, upserts, deletes and reads of the same rows at once: for the race detector, and to see
// that journal, keys and rows agree in the end.
func TestParallelWritersLeaveAConsistentStore(t *testing.T) {
	e := start(t, emulator.Config{})
	var wait sync.WaitGroup
	for w := range 8 {
		wait.Go(func() {
			for i := range 20 {
				number := fmt.Sprintf("A-%d", (w+i)%5)
				bodies := []string{
					inBatch(patch(number, `{"name":"x"}`), part("DELETE", "/api/data/v9.2/accounts(accountnumber='"+number+"')", "", "")),
					inBatch(inSet(patch(number, `{"name":"y"}`), patch(number, `{"nothing":1}`))),
					inBatch(patch(number, `{"name":"z"}`), part("GET", "/api/data/v9.2/accounts", "", "")),
				}
				r := e.request("POST", "$batch", bodies[i%len(bodies)], "Content-Type: multipart/mixed; boundary=b", goOn)
				if a, err := e.try(r); err != nil || a.status != http.StatusOK {
					t.Error(a.status, err)
				}
				e.Rows("account")
			}
		})
	}
	wait.Wait()
	live := map[string]bool{}
	for i, j := range e.Journal() {
		if j.Seq != uint64(i+1) {
			t.Fatalf("entry %d has number %d", i, j.Seq)
		}
		live[j.ID.String()] = j.Op != emulator.OpDelete
	}
	rows := map[string]bool{}
	for _, r := range e.Rows("account") {
		rows[r.Text("accountid")] = true
		if found, ok := e.RowByKey("account", emulator.Key("accountnumber", r.Text("accountnumber"))); !ok || found.Text("accountid") != r.Text("accountid") {
			t.Errorf("%v is not found by its key", r)
		}
	}
	for id, alive := range live {
		if alive != rows[id] {
			t.Errorf("row %s: by the journal %v, in the table %v", id, alive, rows[id])
		}
	}
}

func TestALongURLBelongsIntoABatch(t *testing.T) { // 2.2
	e := start(t, emulator.Config{})
	path := func(n int) string {
		p := "/api/data/v9.2/accounts?$filter=name%20eq%20'"
		return p + strings.Repeat("x", n-len(p)-1) + "'"
	}
	for _, c := range []struct{ length, alone, inBatch int }{{32768, 200, 200}, {32769, 414, 200}, {65536, 414, 200}, {65537, 414, 414}} {
		if a := e.do("GET", path(c.length), ""); a.status != c.alone {
			t.Errorf("%d characters: %d %.200s", c.length, a.status, a.body)
		}
		if _, parts := e.batch(inBatch(part("GET", path(c.length), "", ""))); len(parts) != 1 || parts[0].status != c.inBatch {
			t.Errorf("%d characters in a batch: %v", c.length, parts)
		}
	}
}

func TestEncodedURLs(t *testing.T) { // 2.6, 3.1
	e := start(t, emulator.Config{})
	for _, path := range []string{"accounts(accountnumber='A%2D1')", "accounts%28accountnumber=%27A-1%27%29", "accounts(accountnumber%3D'A-1')", "accounts(accountnumber='A-1')?tag=x"} {
		e.must("PATCH", path, `{}`)
		if _, parts := e.batch(inBatch(part("PATCH", "/api/data/v9.2/"+path, jsonHeader, `{}`))); parts[0].status != 204 || e.Count("account") != 1 {
			t.Errorf("%s: %v, %d rows", path, parts, e.Count("account"))
		}
	}
}

func TestWhatAChangeSetCannotHold(t *testing.T) { // 3.1
	e := start(t, emulator.Config{})
	outer, parts := e.batch(inBatch(inSet(patch("A-1", `{}`), part("GET", "/api/data/v9.2/accounts", "", ""))))
	if outer.status != 400 || len(parts) != 1 || !strings.Contains(parts[0].message(), "'GET'") || e.Count("account") != 0 {
		t.Errorf("a GET: %d %s", outer.status, outer.body)
	}
	if a := e.do("POST", "$batch", inBatch(inSet("Content-Type: multipart/mixed; boundary=d\r\n\r\n--d--\r\n")), "Content-Type: multipart/mixed; boundary=b"); a.status != 400 ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("a change set: %d %s", a.status, a.body)
	}
	if _, parts := e.batch(inBatch(part("POST", "/api/data/v9.2/$batch", jsonHeader, `{}`))); parts[0].status != 400 || !strings.Contains(parts[0].message(), "batch request") {
		t.Errorf("a batch: %v", parts)
	}
	_, parts = e.batch(inBatch(part("PATCH", "/api/data/v9.2/accounts(accountnumber='A')", jsonHeader+"Prefer: odata.continue-on-error\r\n", `{"x":1}`), patch("B", `{}`)))
	if len(parts) != 1 {
		t.Errorf("continue-on-error inside: %d parts", len(parts))
	}
}
