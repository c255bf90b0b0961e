package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/penstock/stack"
	"github.com/penstock-sync/penstock/services/penstock/stack/stacktest"
)

const peopleRows = `sync: people
from: {query: people.sql, key: id}
to: {environment: row, table: contact, match: {key: externaluseridentifier}}
map:
  firstname: first
  lastname: last
  emailaddress1: mail
  nickname: {from: secret, mask: hash}
`

const firmRows = `sync: firms
from: {query: firms.sql, key: no}
to: {environment: row, table: account, match: {key: accountnumber}, on_leave: delete}
map: {accountnumber: no, name: name}
guards: {max_deletes_share: 100%, shrink: 100%}
`

// A rowWorld is an all-in-one with two syncs over tables that a test changes.
type rowWorld struct {
	t         *testing.T
	at        stack.Addresses
	dataverse *emulator.Server
}

func (w *rowWorld) sql(statements ...string) {
	w.t.Helper()
	conn := clickhousetest.Open(w.t)
	for _, s := range statements {
		if err := conn.Exec(w.t.Context(), s); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *rowWorld) must(args ...string) string {
	w.t.Helper()
	code, out, message := command(append([]string{"--nats", w.at.NATS}, args...)...)
	if code != 0 {
		w.t.Fatalf("penstock %s: exit %d: %s", strings.Join(args, " "), code, message)
	}
	return out
}

// row asks for a row, and holds its standing and its verdict to what they ought to be.
func (w *rowWorld) row(standing, verdict, sync string, key ...string) *penstockv1.RowResponse {
	w.t.Helper()
	resp := &penstockv1.RowResponse{}
	if err := protojson.Unmarshal([]byte(w.must(append([]string{"row", "--json", sync}, key...)...)), resp); err != nil {
		w.t.Fatal(err)
	}
	if resp.GetStanding() != standing || !strings.Contains(resp.GetVerdict(), verdict) {
		w.t.Errorf("%s %q is %s, want %s with %q: %s", sync, key, resp.GetStanding(), standing, verdict, resp.GetVerdict())
	}
	return resp
}

// dynamics does what a person does in Dynamics.
func (w *rowWorld) dynamics(method, path, body string) {
	w.t.Helper()
	root, _, _ := strings.Cut(w.at.Dataverse, "/api/")
	do := func(r *http.Request) []byte {
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 300 {
			w.t.Fatalf("%s %s: %s: %s", r.Method, r.URL, resp.Status, data)
		}
		return data
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {emulator.SandboxClient}, "client_secret": {emulator.SandboxSecret}, "scope": {root + "/.default"},
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, root+"/"+emulator.SandboxTenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(do(r), &token); err != nil {
		w.t.Fatal(err)
	}
	if r, err = http.NewRequestWithContext(w.t.Context(), method, w.at.Dataverse+path, strings.NewReader(body)); err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("If-Match", "*")
	do(r)
	http.DefaultClient.CloseIdleConnections()
}

func TestARowIsFollowedFromTheWarehouseToDataverse(t *testing.T) {
	w := &rowWorld{t: t, dataverse: emulator.New(emulator.Config{})}
	w.at = stacktest.Up(t, w.dataverse)
	w.sql("CREATE DATABASE IF NOT EXISTS rows", "DROP TABLE IF EXISTS rows.people", "DROP TABLE IF EXISTS rows.firms",
		"CREATE TABLE rows.people (id String, first String, last String, mail Nullable(String), secret String) ENGINE = MergeTree ORDER BY id",
		"CREATE TABLE rows.firms (no String, name String) ENGINE = MergeTree ORDER BY no",
		"INSERT INTO rows.people SELECT id, 'Ana', if(id = 'LONG', repeat('x', 51), 'Li'), 'a@b.example', 'p4ssw0rd' "+
			"FROM (SELECT arrayJoin(['SAME', 'EDITED', 'DELETED', 'CHANGED', 'LONG', 'TWIN', 'twin ', 'LEFT']) AS id)",
		"INSERT INTO rows.firms VALUES ('F-1', 'One'), ('F-2', 'Two')")
	w.must("apply", folder(t, "environments/env.yaml", environment("row", w.at.Dataverse), "environments/secret", "sandbox",
		"syncs/people.yaml", peopleRows, "syncs/people.sql", "SELECT id, first, last, mail, secret FROM rows.people",
		"syncs/firms.yaml", firmRows, "syncs/firms.sql", "SELECT no, name FROM rows.firms"))

	r := w.row("pending", "will be sent by the next run: it is new", "row/people", "SAME")
	if r.GetDataverse().GetState() != "absent" || r.GetLedger() != nil {
		t.Errorf("before the first run: %v, %v", r.GetDataverse(), r.GetLedger())
	}
	w.must("run", "row/people", "row/firms")
	w.sql("ALTER TABLE rows.people UPDATE last = 'Lo' WHERE id = 'CHANGED' SETTINGS mutations_sync = 1",
		"ALTER TABLE rows.people DELETE WHERE id = 'LEFT' SETTINGS mutations_sync = 1",
		"INSERT INTO rows.people VALUES ('NEW', 'Eva', 'Om', NULL, ''), ('LONGER', 'Eva', repeat('y', 60), NULL, '')",
		"ALTER TABLE rows.firms DELETE WHERE no = 'F-2' SETTINGS mutations_sync = 1")
	w.dynamics(http.MethodDelete, "contacts(externaluseridentifier='DELETED')", "")

	// Case and blanks at the end do not matter, and the answer says what was looked for.
	r = w.row("same", "Dataverse has what the warehouse has", "row/people", "Same  ")
	if got := strings.Join(r.GetKey(), "|"); got != "same" {
		t.Errorf("the key that was looked for is %q", got)
	}
	if d, l := r.GetDataverse(), r.GetLedger(); !l.GetAccepted() || !l.GetSameValues() || !l.GetSameMapping() || d.GetId() == "" || d.GetModified() == nil || d.GetStatecode() != "0 (Active)" || len(d.GetValues()) != 4 {
		t.Errorf("the ledger says %v, Dataverse %v", l, d)
	}
	if r.GetNext().GetSends() {
		t.Error("a row that Dataverse has would be sent")
	}

	// Dynamics keeps times in seconds: somebody edits until it shows that it was after Penstock.
	edited := false
	for range 1000 {
		w.dynamics(http.MethodPatch, "contacts(externaluseridentifier='EDITED')", `{"emailaddress1":"else@b.example"}`)
		resp := &penstockv1.RowResponse{}
		if err := protojson.Unmarshal([]byte(w.must("row", "--json", "row/people", "EDITED")), resp); err != nil {
			t.Fatal(err)
		}
		if edited = resp.GetDataverse().GetChangedSince(); edited {
			break
		}
	}
	r = w.row("different", "Dataverse has another emailaddress1: the record was changed in Dynamics", "row/people", "EDITED")
	for _, v := range r.GetDataverse().GetValues() {
		if v.GetSame() != (v.GetColumn() != "emailaddress1") {
			t.Errorf("%s is the same: %t", v.GetColumn(), v.GetSame())
		}
	}
	w.row("absent", "it was deleted there", "row/people", "DELETED")
	w.row("pending", "will be sent by the next run: lastname differs", "row/people", "CHANGED")
	r = w.row("pending", "it is new", "row/people", "NEW")
	if r.GetWarehouse()[0].GetValues()[3].Value != nil {
		t.Errorf("NULL is %q", r.GetWarehouse()[0].GetValues()[3].GetValue())
	}
	r = w.row("waits", "waits: lastname: last is 51 UTF-16 units long", "row/people", "LONG")
	if len(r.GetLetters()) != 1 || r.GetLetters()[0].GetLetter().GetCode() != "text_too_long" || r.GetWarehouse()[0].GetCause().GetCode() != "text_too_long" {
		t.Errorf("the letters are %v", r.GetLetters())
	}
	w.row("refused", "cannot be sent: last is 60 UTF-16 units long", "row/people", "LONGER")
	if r = w.row("duplicate", "two rows share this key", "row/people", "twin"); r.GetRows() != 2 || len(r.GetWarehouse()) != 2 {
		t.Errorf("%d rows share the key, and %d are shown", r.GetRows(), len(r.GetWarehouse()))
	}
	if r = w.row("kept", "not in the model; the record is kept because on_leave: nothing", "row/people", "LEFT"); r.GetDataverse().GetState() != "there" {
		t.Errorf("the record of a row that left is %v", r.GetDataverse())
	}
	w.row("leaving", "the next run will delete the record", "row/firms", "f-2")
	w.must("run", "row/firms")
	w.row("removed", "its record was deleted in run 2", "row/firms", "f-2")
	w.dynamics(http.MethodPost, "accounts", `{"name":"Elsewhere","accountnumber":"F-9"}`)
	w.row("gone", "Dataverse has a record with this key from elsewhere", "row/firms", "F-9")

	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"row/people", "nobody"}, []string{"neither the model", "id"}},
		{[]string{"row/people", "  "}, []string{"empty", "id String"}},
		{[]string{"row/people", "a", "b"}, []string{"(id)", "2 parts were given"}},
		{[]string{"row/persons", "a"}, []string{"no sync row/persons"}},
		{[]string{"people", "a"}, []string{"names no sync"}},
		{[]string{"row/people"}, []string{"wants a sync and a key"}},
	} {
		code, _, message := command(append([]string{"--nats", w.at.NATS, "row"}, c.args...)...)
		expect(t, code, message, c.want)
	}

	// What the sync masks is nowhere to be read, and everything else is.
	out := w.must("row", "row/people", "EDITED")
	if strings.Contains(out, "p4ssw0rd") {
		t.Errorf("a masked value is shown:\n%s", out)
	}
	for _, want := range []string{
		"warehouse: 1 row\n", "(masked)", "rendered: upsert contacts(externaluseridentifier='EDITED')", "ledger: accepted in run 1", "next run: does not send it",
		"  ! emailaddress1  else@b.example ", "changed in Dynamics after Penstock wrote it", "dead letters: none is open",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}

	// Who may not read learns why.
	if !w.dataverse.Revoke(emulator.SandboxClient, "prvReadContact") {
		t.Fatal("the privilege could not be taken away")
	}
	w.row("unread", "prvReadContact", "row/people", "SAME")
}
