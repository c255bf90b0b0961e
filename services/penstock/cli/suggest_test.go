package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/penstock/sample"
	"github.com/penstock-sync/penstock/services/penstock/stack/stacktest"
)

// What is suggested for the demo's tables is a folder that validates, plans, applies and runs as it is.
func TestWhatIsSuggestedRunsAsItIs(t *testing.T) {
	warehouse := clickhousetest.Open(t)
	at := stacktest.Up(t, emulator.New(emulator.Config{}))
	must := func(code int, args ...string) string {
		t.Helper()
		got, out, message := command(append([]string{"--nats", at.NATS}, args...)...)
		if got != code {
			t.Fatalf("penstock %s: exit %d, want %d: %s\n%s", strings.Join(args, " "), got, code, message, out)
		}
		return out + message
	}
	if err := warehouse.Exec(t.Context(), "DROP DATABASE IF EXISTS sample"); err != nil { // what an earlier test made of it
		t.Fatal(err)
	}
	if err := sample.Create(t.Context(), warehouse); err != nil {
		t.Fatal(err)
	}
	dir := folder(t, "environments/env.yaml", environment("suggested", at.Dataverse), "environments/secret", "sandbox")
	must(0, "apply", dir)

	must(0, "suggest", "suggested", "account", "--from", "sample.companies", "--into", dir)
	sql := filepath.Join(t.TempDir(), "customers.sql")
	if err := os.WriteFile(sql, []byte("SELECT * EXCEPT (gender), if(gender = 'unknown', 'Unknown', gender) AS gender\nFROM sample.customers; -- all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := must(0, "suggest", "suggested", "contact", "--from", sql, "--name", "people", "--into", dir)
	for _, want := range []string{"people.yaml", "people.sql", "left out", "The key is a guess"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	for _, name := range []string{"accounts", "people"} {
		got, err := os.ReadFile(filepath.Join(dir, "syncs", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", "suggest", name+".yaml"), string(got))
	}
	if got := must(1, "suggest", "suggested", "account", "--from", "sample.companies", "--into", dir); !strings.Contains(got, "accounts.yaml is there already") {
		t.Errorf("a file that is there: %s", got)
	}
	must(0, "validate", dir)
	must(2, "plan", dir)
	must(0, "apply", dir)
	must(0, "run", "suggested/accounts")
	must(0, "run", "suggested/people")
	var list struct {
		Runs []struct {
			Counts struct {
				Read, Accepted, Refused string
			}
		}
	}
	if err := json.Unmarshal([]byte(must(0, "runs", "suggested/people", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Runs) != 1 || list.Runs[0].Counts.Read != "10000" || list.Runs[0].Counts.Accepted < "9800" || len(list.Runs[0].Counts.Accepted) != 4 {
		t.Errorf("the run came to %+v", list.Runs)
	}

	resp := &penstockv1.SuggestResponse{}
	out := must(1, "suggest", "--json", "suggested", "contact", "--from", "SELECT 'a' AS email, [1] AS city, 'x' AS whatever, 'Ana' AS firstname")
	out, message, _ := strings.Cut(out, "\n}\n")
	if err := protojson.Unmarshal([]byte(out+"\n}\n"), resp); err != nil {
		t.Fatal(err)
	}
	if resp.GetComplete() || len(resp.GetFields()) != 2 || len(resp.GetLeftOut()) != 2 || !strings.Contains(resp.GetLeftOut()[0].GetWhy(), "Array") ||
		!strings.Contains(resp.GetKeyNote(), "externaluseridentifier") || !strings.Contains(message, "There is no key") {
		t.Errorf("without a key: %v\n%s", resp, message)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"suggested", "contact"}, []string{"--from is missing"}},
		{[]string{"sugested", "contact", "--from", "sample.customers"}, []string{"environment sugested is not applied", "suggested"}},
		{[]string{"suggested", "contakt", "--from", "sample.customers"}, []string{"contakt"}},
		{[]string{"suggested", "contact", "--from", "sample.nobody"}, []string{"ClickHouse does not take the query", "nobody"}},
		{[]string{"suggested", "contact", "--from", "nowhere.sql"}, []string{"nowhere.sql"}},
		{[]string{"suggested", "contact", "--from", "SELECT 1; SELECT 2"}, []string{"second statement"}},
		{[]string{"suggested", "contact", "--from", "sample`.x"}, []string{"names no table"}},
		{[]string{"suggested", "contact", "--from", "sample.customers", "--name", "../x"}, []string{"cannot name a sync"}},
		{[]string{"suggested", "contact", "--from", "SELECT 1 AS nothing_like_it"}, []string{"nothing in the query is called as a column of contact"}},
	} {
		code, _, message := command(append([]string{"--nats", at.NATS, "suggest"}, c.args...)...)
		expect(t, code, message, c.want)
	}
}
