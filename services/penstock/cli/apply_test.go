package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// A desk is a folder of files, and a running Penstock to apply them to.
type desk struct {
	t    *testing.T
	nats string
	dir  string
}

func newDesk(t *testing.T) desk {
	t.Helper()
	at := up(t)
	const query = "SELECT\n  'A-1' AS no,\n  'Alpha' AS name,\n  'f' AS gender\nFROM system.one\n"
	return desk{t, at.NATS, folder(t,
		"environments/demo.yaml", environment("demo", at.Dataverse), "environments/secret", "sandbox",
		"syncs/accounts.yaml", strings.Replace(accounts, "ENV", "demo", 1), "syncs/accounts.sql", query,
		"syncs/leads.yaml", "sync: leads\nfrom: {query: accounts.sql, key: no}\nto: {environment: demo, table: lead, match: {key: leadid}}\nafter: [accounts]\nmap: {lastname: name}\n",
	)}
}

// edit replaces text in a file of the folder.
func (d desk) edit(file, old, new string) {
	d.t.Helper()
	path := filepath.Join(d.dir, filepath.FromSlash(file))
	data, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		d.t.Fatalf("%q is not in %s", old, file)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// run runs a command, FOLDER standing for the folder, and expects an exit code. It returns what was said.
func (d desk) run(code int, args ...string) (out, message string) {
	d.t.Helper()
	for i, a := range args {
		args[i] = strings.Replace(a, "FOLDER", d.dir, 1)
	}
	got, out, message := command(append([]string{"--nats", d.nats}, args...)...)
	if got != code {
		d.t.Errorf("penstock %s: exit code %d, want %d: %s%s", strings.Join(args, " "), got, code, out, message)
	}
	return strings.ReplaceAll(out, d.dir, "FOLDER"), strings.ReplaceAll(message, d.dir, "FOLDER")
}

var moment = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// A day at the desk: what each command says is read by people, so all of it is kept as a whole.
func TestWhatIsAppliedIsShownAndKept(t *testing.T) {
	d := newDesk(t)
	var told strings.Builder
	say := func(code int, args ...string) {
		t.Helper()
		line := "$ penstock " + strings.Join(args, " ")
		out, message := d.run(code, args...)
		told.WriteString(line + "\n" + out + message + fmt.Sprintf("= %d\n\n", code))
	}
	say(2, "diff", "FOLDER")
	say(0, "apply", "FOLDER", "--author", "ana", "--reason", "first syncs")
	say(0, "diff", "FOLDER")
	d.edit("syncs/accounts.yaml", "  name: name\n", "  name: {from: name, truncate: true}\n  description: gender\n")
	d.edit("syncs/accounts.sql", "  'f' AS gender\n", "  lower('F') AS gender\n")
	say(2, "diff", "FOLDER")
	say(0, "apply", "FOLDER", "--author", "ben", "--reason", "genders")
	say(0, "apply", "FOLDER", "--author", "ben")
	if err := os.Remove(filepath.Join(d.dir, "syncs", "leads.yaml")); err != nil {
		t.Fatal(err)
	}
	say(0, "diff", "FOLDER")
	say(2, "diff", "FOLDER", "--prune")
	say(0, "apply", "FOLDER", "--prune", "--author", "ben", "--reason", "leads are done by sales")
	say(1, "run", "demo/leads")
	say(2, "diff", "demo/accounts", "--from", "1", "--to", "2")
	say(1, "diff", "demo/accounts", "--to", "9")
	say(1, "diff", "demo/accounts")
	say(1, "rollback", "demo/accounts")
	say(0, "rollback", "demo/accounts", "--author", "ana", "--reason", "genders are private")
	say(0, "rollback", "demo/leads", "--author", "ana", "--reason", "sales changed its mind")
	d.edit("syncs/accounts.yaml", "sync: accounts", "sync: companies")
	say(1, "apply", "FOLDER", "--author", "ben")
	say(0, "apply", "FOLDER", "--author", "ben", "--reason", "for an hour", "--unchecked")
	say(0, "history")
	say(0, "history", "demo/leads")
	say(1, "history", "demo/lead")

	got := moment.ReplaceAllString(told.String(), "YYYY-MM-DD hh:mm:ss")
	got = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`).ReplaceAllString(got, "YYYY-MM-DD hh:mm UTC")
	got = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).ReplaceAllString(got, "http://127.0.0.1:8365")
	golden := filepath.Join("testdata", "apply.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is otherwise now; if that is meant, run the test with -update:\n%s", golden, got)
	}
}

func TestProgramsReadWhatIsAppliedAsJSON(t *testing.T) {
	d := newDesk(t)
	type change struct {
		Name, Kind, From, To string
		Differences          []struct{ Path, Old, New string }
	}
	var applied struct {
		Changes         []change
		Absent, Refused []string
	}
	read := func(out string, into any) {
		t.Helper()
		if err := json.Unmarshal([]byte(out), into); err != nil {
			t.Fatalf("not one JSON document: %v\n%s", err, out)
		}
	}
	out, _ := d.run(2, "diff", "FOLDER", "--json")
	read(out, &applied)
	out, _ = d.run(0, "apply", "FOLDER", "--json", "--author", "ana")
	read(out, &applied)
	if len(applied.Changes) != 3 || applied.Changes[1].Name != "demo/accounts" || applied.Changes[1].Kind != "added" || applied.Changes[1].To != "1" {
		t.Errorf("applied %+v", applied)
	}
	d.edit("syncs/leads.yaml", "lastname: name", "lastname: {from: name, null: skip}")
	d.run(0, "apply", "FOLDER", "--json", "--reason", "why not")
	var compared struct {
		From, To    struct{ Version, By, Reason string }
		Differences []struct{ Path, Old, New string }
	}
	out, _ = d.run(2, "diff", "demo/leads", "--to", "2", "--json")
	read(out, &compared)
	if compared.From.By != "ana" || compared.To.Reason != "why not" || len(compared.Differences) != 1 || compared.Differences[0].New != "{from: name, null: skip}" {
		t.Errorf("compared %+v", compared)
	}
	var history struct {
		Versions []struct{ Name, Version, By, Reason, Summary string }
	}
	out, _ = d.run(0, "history", "demo/leads", "--json")
	read(out, &history)
	if len(history.Versions) != 2 || history.Versions[0].Version != "2" || history.Versions[0].Summary != "map.lastname" || history.Versions[1].By != "ana" {
		t.Errorf("history %+v", history)
	}
	d.run(0, "rollback", "demo/leads", "--reason", "no", "--json")
	d.run(0, "run", "demo/accounts")
	var runs struct{ Runs []struct{ Version string } }
	out, _ = d.run(0, "runs", "demo/accounts", "--json")
	read(out, &runs)
	if len(runs.Runs) != 1 || runs.Runs[0].Version != "1" {
		t.Errorf("runs %+v", runs)
	}
}

func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, " y \r\n": true, "": false, "\n": false, "n\n": false, "yellow\n": false} {
		if sure, err := ask(t.Context(), strings.NewReader(answer), io.Discard, "? "); sure != want || err != nil {
			t.Errorf("%q: %v, %v", answer, sure, err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	if sure, err := ask(ctx, in, io.Discard, "? "); sure || err == nil {
		t.Errorf("who was interrupted said %v, %v", sure, err)
	}
}

func TestATextCannotMoveTheCursor(t *testing.T) {
	text := changesText(&penstockv1.ApplyResponse{Changes: []*penstockv1.SpecChange{{
		Name: "demo/x", Kind: "changed", From: 1, To: 2, Differences: []*penstockv1.Difference{{Path: "from.query", Lines: []string{"-a\x1b[2J", "+\tb"}}},
	}}})
	if want := "~ demo/x (version 1 -> 2)\n    from.query:\n        -a [2J\n        + b\n"; text != want {
		t.Errorf("shown as %q", text)
	}
}
