package emulator_test

import (
	"fmt"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

func TestPagesOfATable(t *testing.T) {
	e := start(t, emulator.Config{})
	for i := range 7 {
		e.must("PATCH", fmt.Sprintf("accounts(accountnumber='A-%d')", i), fmt.Sprintf(`{"name":"Firm %d"}`, i%2))
	}
	e.must("DELETE", "accounts(accountnumber='A-3')", "")
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{"A-0", "A-1", "A-2", "A-4", "A-5", "A-6"}},
		{"firm 1", []string{"A-1", "A-5"}},
		{"a-6", []string{"A-6"}},
		{"nothing", nil},
	} {
		var got []string
		after, pages := uint64(0), 0
		for {
			rows, next := e.Page("account", c.text, after, 2)
			for _, r := range rows {
				got = append(got, r.Text("accountnumber"))
			}
			if pages++; next == 0 || pages > 10 {
				break
			}
			after = next
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || pages != max(1, (len(c.want)+1)/2) {
			t.Errorf("%q: %v on %d pages", c.text, got, pages)
		}
	}
	if rows, next := e.Page("nosuchtable", "", 0, 2); rows != nil || next != 0 {
		t.Errorf("got %v", rows)
	}
}

func TestTheLastRequestsAreRemembered(t *testing.T) {
	e := start(t, emulator.Config{Servers: 2})
	e.do("POST", "$batch", inBatch(patch("A-1", `{}`), patch("A-2", `{"name":"secret"}`)), "Content-Type: multipart/mixed; boundary=b", goOn)
	e.do("GET", "accounts(accountnumber='X')?$select=name", "")
	got := e.Recent()
	if len(got) != 3 || got[2].User != "" || got[2].Path != "/"+emulator.SandboxTenant+"/oauth2/v2.0/token" || got[2].Status != 200 {
		t.Fatalf("the oldest is the token: %+v", got)
	}
	if b := got[1]; b.Operations != 2 || b.Status != 200 || b.Method != "POST" || b.User != emulator.SandboxClient || b.Duration <= 0 || b.Server != 0 {
		t.Errorf("the batch: %+v", b)
	}
	if g := got[0]; g.Status != 404 || g.Path != "/api/data/v9.2/accounts(accountnumber='X')" || g.Server != 1 {
		t.Errorf("the newest: %+v", g)
	}
	for range 250 {
		e.do("GET", "WhoAmI", "")
	}
	if n := len(e.Recent()); n != 200 {
		t.Errorf("%d are remembered", n)
	}
}
