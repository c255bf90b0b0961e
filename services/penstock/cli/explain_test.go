package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/spec"
	"github.com/penstock-sync/penstock/services/penstock/docs"
)

func TestASyncIsExplainedWithItsDefaultsAndWhereAllComesFrom(t *testing.T) {
	golden, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../docs/examples")
	for _, name := range []string{"sandbox/contacts", "production/calls"} {
		code, out, message := command("explain", name)
		path := filepath.Join(golden, "explain-"+strings.ReplaceAll(name, "/", "-")+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || code != 0 || out != string(want) {
			t.Errorf("%s, code %d, %v: %s\n%s", name, code, err, message, out)
		}
	}
	code, _, message := command("explain", "sandbox/contact")
	if code != 1 || message != "penstock: there is no sync sandbox/contact: did you mean sandbox/contacts?\n" {
		t.Errorf("code %d: %s", code, message)
	}
}

// Whatever the schema has, and so the reader, is explained; and the settings say from where, each with a line or as a default.
func TestEverythingThatASyncSaysIsExplained(t *testing.T) {
	data, err := docs.Schemas.ReadFile("schema/sync.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema spec.Schema
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, name := range []string{"production/contacts", "production/accounts", "production/calls"} {
		code, out, message := command("explain", name, "../docs/examples", "--json")
		var explained struct {
			Sync, Query string
			Settings    []spec.Setting
		}
		if err := json.Unmarshal([]byte(out), &explained); err != nil || code != 0 || explained.Sync != name || !strings.HasPrefix(explained.Query, "SELECT ") {
			t.Fatalf("%s, code %d, %v: %s", name, code, err, message)
		}
		for _, s := range explained.Settings {
			section, key, _ := strings.Cut(s.Path, ".")
			key, _, _ = strings.Cut(key, ".")
			said[section], said[section+"."+key] = true, true
			if s.Value == "" || s.From != "default" && !strings.HasPrefix(s.From, "../docs/examples/syncs/") {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
	delete(schema.Properties, "overlays") // which it says of each setting that is in one
	delete(schema.Properties, "tests")    // which change nothing of what runs
	for name, section := range schema.Properties {
		if !said[name] {
			t.Errorf("%s is not explained", name)
		}
		for key := range section.Properties {
			if !said[name+"."+key] {
				t.Errorf("%s.%s is not explained", name, key)
			}
		}
	}
}
