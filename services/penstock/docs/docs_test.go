package docs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

var update = flag.Bool("update", false, "write the schemas anew")

func TestTheExamplesAreWithoutMistake(t *testing.T) {
	folder, err := spec.Load("examples")
	if err != nil || len(folder.Warnings) > 0 {
		t.Errorf("%v, warnings %v", err, folder.Warnings)
	}
}

// What is committed is what the reader takes. A key that no example shows fails here too, by name.
func TestTheSchemasAreThoseOfTheReader(t *testing.T) {
	folder, err := spec.Load("examples")
	if err != nil {
		t.Fatal(err)
	}
	sync, environment, err := spec.Describe(folder.Documents)
	if err != nil {
		t.Fatal(err)
	}
	guards := sync.Properties["guards"].Properties
	if is := spec.DefaultGuards(); guards["shrink"].Default != is.Shrink.String() || guards["max_deletes"].Default != float64(is.MaxDeletes) ||
		guards["max_deletes_share"].Default != is.MaxDeletesShare.String() {
		t.Errorf("the comments tell of other defaults than %+v", is)
	}
	for name, schema := range map[string]*spec.Schema{"sync.json": sync, "environment.json": environment} {
		path := filepath.Join("schema", name)
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(schema); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not what the reader takes (%v); write it with: go test ./docs -update", path, err)
		}
	}
}
