package emulator_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

func TestAClosedStateNeedsItsAction(t *testing.T) { // 11.32
	e := start(t, emulator.Config{})
	path := "opportunities(" + knownID + ")"
	state := func() string {
		r, _ := e.Row("opportunity", uuid.MustParse(knownID))
		return r.Text("statecode") + "/" + r.Text("statuscode")
	}
	e.must("PATCH", path, `{"name":"Engine"}`)
	for _, body := range []string{`{"statecode":1}`, `{"statecode":1,"statuscode":3}`} {
		a := e.do("PATCH", path, body)
		if want := "This message can not be used to set the state of opportunity to won. In order to set state of opportunity to won, use the won message instead."; a.status != 400 ||
			a.code() != "0x80100005" || a.message() != want || state() != "0/1" {
			t.Errorf("%s: %d %s, state %s", body, a.status, a.body, state())
		}
	}
	const win = `{"Status":3,"OpportunityClose":{"subject":"x","opportunityid@odata.bind":"/opportunities(` + knownID + `)"}}`
	if a := e.do("POST", "WinOpportunity", strings.Replace(win, ":3", ":4", 1)); a.code() != "0x80048408" {
		t.Errorf("a reason of another state: %d %s", a.status, a.body)
	}
	if a := e.do("POST", "WinOpportunity", strings.Replace(win, knownID, unknownID, 1)); a.status != 404 {
		t.Errorf("missing: %d %s", a.status, a.body)
	}
	if a := e.do("POST", "WinOpportunity", win); a.status != 204 || state() != "1/3" {
		t.Errorf("won: %d %s, state %s", a.status, a.body, state())
	}
	e.must("PATCH", path, `{"statecode":1,"name":"still won"}`)
	e.must("PATCH", path, `{"statecode":0}`)
	if e.must("POST", "LoseOpportunity", strings.Replace(win, ":3", ":-1", 1)); state() != "2/4" {
		t.Errorf("lost: state %s", state())
	}
	e = start(t, emulator.Config{Assumptions: emulator.Assumptions{PlainClose: true}})
	e.must("PATCH", path, `{}`)
	e.must("PATCH", path, `{"statecode":1}`)
}

func TestCreationCanBeBackdated(t *testing.T) { // 2.7, 11.33
	e := start(t, emulator.Config{})
	e.must("PATCH", "accounts("+knownID+")", `{"overriddencreatedon":"2020-01-02T03:04:05Z","createdon":"2019-01-01T00:00:00Z"}`)
	row := func() emulator.Row {
		r, _ := e.Row("account", uuid.MustParse(knownID))
		return r
	}
	if r := row(); r.Text("createdon") != "2020-01-02T03:04:05Z" || r.Text("overriddencreatedon") != r.Text("modifiedon") {
		t.Errorf("%v", r)
	}
	e.must("PATCH", "accounts("+knownID+")", `{"overriddencreatedon":"2021-01-02T03:04:05Z"}`)
	if r := row(); r.Text("createdon") != "2020-01-02T03:04:05Z" {
		t.Errorf("on update: %v", r)
	}
	e.Revoke(emulator.SandboxClient, "prvOverrideCreatedOnCreatedBy")
	if a := e.do("POST", "accounts", `{"overriddencreatedon":"2020-01-02T03:04:05Z"}`); a.status != 403 || !strings.Contains(a.message(), "prvOverrideCreatedOnCreatedBy") {
		t.Errorf("without the privilege: %d %s", a.status, a.body)
	}
}

func TestRowsCannotHangOnEachOtherInARing(t *testing.T) { // 8.3, LoopBeingCreated
	ring := family()
	ring.Columns[2].Targets[0].Parental = true
	e := start(t, emulator.Config{Tables: []schema.Table{ring}})
	account := func(n string) string { return "accounts(accountnumber='" + n + "')" }
	for _, n := range []string{"1", "2", "3"} {
		e.must("PATCH", account(n), `{}`)
		e.must("PATCH", node(n), `{}`)
	}
	e.must("PATCH", account("2"), `{"parentaccountid@odata.bind":"`+account("1")+`"}`)
	e.must("PATCH", account("3"), `{"parentaccountid@odata.bind":"`+account("2")+`"}`)
	for _, parent := range []string{"1", "2", "3"} {
		a := e.do("PATCH", account("1"), `{"parentaccountid@odata.bind":"`+account(parent)+`"}`)
		if a.status != 400 || a.code() != "0x80040507" || a.message() != "Creating this parental association would create a loop in Accounts hierarchy." {
			t.Errorf("1 on %s: %d %s", parent, a.status, a.body)
		}
	}
	if a := e.do("PATCH", node("1"), `{"new_Parent@odata.bind":"`+node("1")+`"}`); a.code() != "0x80040387" {
		t.Errorf("a custom table: %d %s", a.status, a.body)
	}
	e.must("PATCH", account("2"), `{"parentaccountid":null}`)
	e.must("PATCH", account("1"), `{"parentaccountid@odata.bind":"`+account("3")+`"}`)
}
