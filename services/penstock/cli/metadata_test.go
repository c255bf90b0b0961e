package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/expression"
)

// block is the first block of a page in the given language.
func block(t *testing.T, page, language string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("the page has no block of %s", language)
	}
	return text
}

// The sync of docs/expressions.md with its tests, and the commands of the page in their order.
func TestTheExpressionsPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	at := up(t)
	t.Chdir(folder(t,
		"penstock/environments/demo.yaml", environment("demo", at.Dataverse), "penstock/environments/secret", "sandbox",
		"penstock/syncs/contacts.yaml", block(t, string(page), "yaml"), "penstock/syncs/contacts.sql", block(t, string(page), "sql"),
	))
	code, out, message := command("test", "penstock")
	if code != 1 || !strings.Contains(out, "there is no metadata/demo/contact.json; run `penstock metadata demo penstock`") {
		t.Errorf("before anything is saved: %d %s%s", code, out, message)
	}
	code, _, message = command("--nats", at.NATS, "metadata", "demo", "penstock")
	expect(t, code, message, []string{"environment demo is not applied", "`penstock apply DIR`"})
	if code, _, message := command("--nats", at.NATS, "apply", "penstock"); code != 0 {
		t.Fatal(message)
	}
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "penstock ") {
			perform(t, strings.TrimSpace(line), at.NATS)
		}
	}
	if code, out, message := command("--nats", at.NATS, "metadata", "demo", "penstock"); code != 0 || strings.Contains(out, "written") || !strings.Contains(out, "metadata/demo/team.json: is as it was") {
		t.Errorf("a second time: %d %s%s", code, out, message)
	}
	if code, _, message := command("--nats", at.NATS, "run", "demo/contacts"); code != 0 && !strings.Contains(message, "refused") {
		t.Errorf("the run: %d %s", code, message)
	}

	edit(t, "penstock/syncs/contacts.yaml", "jobtitle: Anna Łuk", "jobtitle: Bo Łuk")
	code, out, message = command("test", "penstock")
	if code != 1 || !strings.Contains(message, "the tests failed") || !strings.Contains(out, "penstock/syncs/contacts.yaml:25:7: a customer whom we know well: jobtitle: got \"Anna Łuk\", want \"Bo Łuk\"\nFAIL  demo/contacts  3 tests\n") {
		t.Errorf("%d %s%s", code, out, message)
	}
	_, out, _ = command("--json", "test", "penstock")
	var all []tested
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 || len(all[0].Failures) != 1 || all[0].Failures[0].Column != "jobtitle" || all[0].Failures[0].Place == "" {
		t.Errorf("%v: %s", err, out)
	}
	edit(t, "penstock/syncs/contacts.yaml", "upper(last_name)", "uper(last_name)")
	if code, out, message = command("test", "penstock"); code != 1 || !strings.Contains(message, "contacts.yaml:6:21: map.lastname: there is no column or function uper (character 1 of the expression); did you mean upper?") {
		t.Errorf("%d %s%s", code, out, message)
	}
}

func TestOnlyTheTablesThatAreNamedAreSaved(t *testing.T) {
	at := up(t)
	dir := folder(t, "environments/demo.yaml", environment("demo", at.Dataverse), "environments/secret", "sandbox",
		"syncs/accounts.yaml", strings.ReplaceAll(accounts, "ENV", "demo"), "syncs/accounts.sql", "SELECT 'A-1' AS no, 'Alpha' AS name")
	if code, _, message := command("--nats", at.NATS, "apply", dir); code != 0 {
		t.Fatal(message)
	}
	if code, out, message := command("test", dir); code != 0 || out != "?     demo/accounts  no tests\n" {
		t.Errorf("%d %s%s", code, out, message)
	}
	code, out, message := command("--nats", at.NATS, "metadata", "demo", dir, "--table", "account")
	if files, err := os.ReadDir(filepath.Join(dir, "metadata", "demo")); code != 0 || err != nil || len(files) != 1 || out != "metadata/demo/account.json: written\n" {
		t.Errorf("%d %s%s %v %v", code, out, message, files, err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"demo", dir, "--table", "contact"}, "no sync of demo needs the table contact"},
		{[]string{"dmo", dir}, "there is no environment dmo; did you mean demo?"},
		{nil, "penstock metadata wants an environment, and perhaps a folder"},
	} {
		code, _, message := command(append([]string{"--nats", at.NATS, "metadata"}, tt.args...)...)
		expect(t, code, message, []string{tt.want})
	}
	edit(t, filepath.Join(dir, "syncs", "accounts.sql"), "SELECT", "SELECT nosuch,")
	code, _, message = command("--nats", at.NATS, "metadata", "demo", dir)
	expect(t, code, message, []string{"the model of demo/accounts (accounts.sql)", "nosuch"})
}

// The table of functions on the page is written by go test -update.
func TestTheExpressionsPageListsEveryFunction(t *testing.T) {
	const path, mark = "../docs/expressions.md", "<!-- functions -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), mark)
	if !found {
		t.Fatal("the page has no mark")
	}
	_, after, found := strings.Cut(rest, "\nThere is no clock")
	if !found {
		t.Fatal("the page has no end of the table")
	}
	var table strings.Builder
	table.WriteString("\n| function | gives | example | is |\n|---|---|---|---|\n")
	for _, f := range expression.Functions() {
		gives := fmt.Sprint(f.Gives)
		if s, ok := f.Gives.(string); ok {
			gives = "'" + s + "'"
		}
		_, _ = fmt.Fprintf(&table, "| `%s` | %s | `%s` | `%s` |\n", f.Form, f.Does, f.Example, gives)
	}
	want := before + mark + table.String() + "\nThere is no clock" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Error("the table of functions is not that of the package: go test -update writes it anew")
	}
}
