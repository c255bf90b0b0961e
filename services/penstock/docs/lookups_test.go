package docs_test

import (
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Every example of the page is compiled against what the emulator says of its table.
func TestTheExamplesOfLookupsAndChoicesCompile(t *testing.T) {
	page, err := os.ReadFile("lookups-and-choices.md")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(emulator.New(emulator.Config{}))
	t.Cleanup(web.Close)
	client, err := dataverse.New(dataverse.Config{
		URL: web.URL, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil }, Request: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	keys := map[string]string{"contact": "externaluseridentifier", "new_membership": "new_code"}
	examples := regexp.MustCompile("(?s)```yaml\n# (\\w+)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(examples) != 6 {
		t.Errorf("%d examples", len(examples))
	}
	for _, example := range examples {
		table, text := example[1], "sync: example\n"+example[2]
		if !strings.Contains(text, "\nto:") {
			text += "from: {query: q.sql, key: id}\nto: {environment: prod, table: " + table + ", match: {key: " + keys[table] + "}}\n"
		}
		syncs, err := spec.ParseSync("example.yaml", []byte(text), func(string) (string, error) { return "SELECT * FROM model", nil })
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		in := mapping.Input{Sync: syncs[0], Targets: map[string]*dataverse.Table{}}
		if in.Table, err = client.Table(t.Context(), table); err != nil {
			t.Fatal(err)
		}
		in.Targets[table] = in.Table
		for _, name := range mapping.Targets(in.Sync, in.Table) {
			if in.Targets[name], err = client.Table(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		if problems := mapping.Check(in); len(problems) > 0 {
			t.Errorf("%s\n%v", text, problems)
		}
	}
}
