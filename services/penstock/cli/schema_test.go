package cli

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/penstock-sync/penstock/services/penstock/docs"
)

// schemas compiles what penstock schema prints, by the folder of the files that it is about.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	all := map[string]*jsonschema.Schema{}
	for _, of := range []string{"sync", "environment"} {
		code, out, message := command("schema", of)
		if code != 0 {
			t.Fatal(message)
		}
		parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(of+".json", parsed); err != nil {
			t.Fatal(err)
		}
		all[of+"s"], err = c.Compile(of + ".json")
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// rejected is what a schema has against a file; ok is false where the file is no YAML.
func rejected(schema *jsonschema.Schema, text string) (err error, ok bool) {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return nil, false
	}
	return schema.Validate(v), true
}

func TestTheSchemasTakeWhatIsRight(t *testing.T) {
	of := schemas(t)
	files := map[string]string{}
	err := fs.WalkDir(docs.Examples, "examples", func(name string, d fs.DirEntry, err error) error {
		if path.Ext(name) == ".yaml" {
			data, err := fs.ReadFile(docs.Examples, name)
			files[name] = string(data)
			return err
		}
		return err
	})
	_, _, right := archive(t, "testdata/wrong/right.txt")
	for name, text := range right {
		files["right/"+name] = text
	}
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for name, text := range files {
		if path.Ext(name) != ".yaml" {
			continue
		}
		if err, ok := rejected(of[path.Base(path.Dir(name))], text); err != nil || !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A mistake that a single file shows by its form is seen by an editor too. These are all that are not: what the files say
// together, what the SQL says, and what hangs on another value.
var beyondSchemas = []string{
	"not-utf8", "two-syncs-in-a-file", "yml",
	"leading-zero", "plural-table", "leave-clear-what",
	"label-without-choice", "lookup-without-by", "filled-twice", "user-without-credential", "update-that-deletes", "key-count",
	"environment-missing", "environment-by-file-name", "overlay-unknown", "unknown-after", "circle", "two-owners", "mirror-beside-upsert",
	"source-misspelt", "key-misspelt", "query-missing", "two-statements", "format-at-the-end", "quote-in-sql", "parenthesis-in-sql", "insert",
}

func TestTheSchemasRefuseMistakesOfForm(t *testing.T) {
	of := schemas(t)
	wrong, err := filepath.Glob("testdata/wrong/[0-9]*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range wrong {
		_, _, files := archive(t, file)
		name := strings.TrimSuffix(filepath.Base(file)[3:], ".txt")
		seen := false
		for at, text := range files {
			if path.Ext(at) == ".yaml" {
				err, ok := rejected(of[path.Dir(at)], text)
				seen = seen || err != nil || !ok
			}
		}
		if seen == slices.Contains(beyondSchemas, name) {
			t.Errorf("%s: refused by the schema: %t", name, seen)
		}
	}
	if code, _, message := command("schema", "syncs"); code != 1 || message != "penstock: there is no schema of \"syncs\": did you mean sync?\n" {
		t.Errorf("code %d: %s", code, message)
	}
}
