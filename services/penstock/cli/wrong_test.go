package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// archive reads files that follow each other in one, each below a line "-- name --"; what stands before the first is its comment.
func archive(t *testing.T, path string) (comment string, names []string, files map[string]string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	files = map[string]string{}
	heads := regexp.MustCompile(`(?m)^-- (\S+) --\n`).FindAllStringSubmatchIndex(text, -1)
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		names = append(names, text[h[2]:h[3]])
		files[text[h[2]:h[3]]] = text[h[1]:end]
	}
	return text[:heads[0][0]], names, files
}

// Each file in testdata/wrong is a mistake that people make, and what validate says to it: where, what, and what to do.
func TestEachMistakeIsAnsweredWithPlaceAndMend(t *testing.T) {
	here, err := filepath.Abs("testdata/wrong")
	if err != nil {
		t.Fatal(err)
	}
	_, _, right := archive(t, filepath.Join(here, "right.txt"))
	wrong, err := filepath.Glob(filepath.Join(here, "[0-9]*.txt"))
	if err != nil || len(wrong) < 40 {
		t.Fatalf("%d wrong files, %v", len(wrong), err)
	}
	if said, code := validated(t, right); code != 0 || said != "1 environment and 2 syncs without a mistake\n" {
		t.Fatalf("the right folder: %s", said)
	}
	for _, path := range wrong {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			comment, names, files := archive(t, path)
			want := files["want"]
			delete(files, "want")
			all := map[string]string{}
			for name, text := range right {
				all[name] = text
			}
			for name, text := range files {
				all[name] = text
			}
			said, code := validated(t, all)
			if code != 1 {
				t.Errorf("exit code %d", code)
			}
			if *update {
				text := comment
				for _, name := range names {
					if name != "want" {
						text += "-- " + name + " --\n" + files[name]
					}
				}
				if err := os.WriteFile(path, []byte(text+"-- want --\n"+said), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if said != want {
				t.Errorf("got\n%s\nwant\n%s", said, want)
			}
			for _, line := range strings.Split(strings.TrimSuffix(said, "\n"), "\n") {
				if !strings.HasPrefix(line, "penstock: ") && !strings.Contains(line, "; ") {
					t.Errorf("no mend in: %s", line)
				}
			}
			if strings.Contains(said, "aB3~") {
				t.Error("the secret is repeated")
			}
		})
	}
}

// validated is what penstock validate says to a folder, standing in it.
func validated(t *testing.T, files map[string]string) (said string, code int) {
	t.Helper()
	var list []string
	for name, text := range files {
		list = append(list, name, text)
	}
	t.Chdir(folder(t, list...))
	code, out, message := command("validate")
	return out + message, code
}

func TestMistakesAndWarningsAreShownAsJSON(t *testing.T) {
	t.Chdir(folder(t, "environments/a.yaml", environment("a", "https://a.example/api/data/v9.2/"), "syncs/x.yaml", "sync: X\n", "syncs/old.sql", "SELECT 1"))
	code, out, message := command("validate", "--json")
	var said struct {
		Problems, Warnings []finding
		Syncs              int
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != 1 || len(said.Problems) != 4 || len(said.Warnings) != 0 || said.Syncs != 1 {
		t.Fatalf("code %d, %v: %s", code, err, out)
	}
	want := finding{"syncs/x.yaml", 1, 7, `sync "X" is no name`, "write x; a name has lower-case letters, digits, - and _, at most 64 in all"}
	if said.Problems[3] != want || message != "penstock: 4 mistakes in the files of .\n" {
		t.Errorf("got %+v and %q", said.Problems, message)
	}
	good := folder(t, "environments/a.yaml", environment("a", "https://a.example/api/data/v9.2/"), "syncs/old.sql", "SELECT 1",
		"syncs/x.yaml", "sync: x\nfrom: {query: x.sql, key: a}\nto: {environment: a, table: account, match: {key: accountnumber}}\nmap: {name: b}\n", "syncs/x.sql", "SELECT a, b")
	if code, out, _ := command("validate", good); code != 0 || out != good+"/syncs/old.sql: warning: no sync names this query; name it in from.query of a sync, or delete it\n1 environment and 1 sync without a mistake\n" {
		t.Errorf("code %d: %s", code, out)
	}
}
