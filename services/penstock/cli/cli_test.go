package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/services/deadletter"
	"github.com/penstock-sync/penstock/services/extractor"
	"github.com/penstock-sync/penstock/services/penstock/stack"
	"github.com/penstock-sync/penstock/services/penstock/stack/stacktest"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// up runs an all-in-one for the length of a test.
func up(t *testing.T) stack.Addresses {
	t.Helper()
	return stacktest.Up(t, emulator.New(emulator.Config{Tables: sampled(t)}))
}

// command runs a command as a person would.
func command(args ...string) (code int, out, message string) {
	var o, e bytes.Buffer
	code = Main(args, &o, &e)
	return code, o.String(), e.String()
}

// folder writes files below a new folder: path, then content, and so on.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// environment is a file for the emulator at url, with the secret in a file beside it.
func environment(name, url string) string {
	return "environment: " + name + "\nurl: " + url + "\ntenant: " + emulator.SandboxTenant +
		"\nusers:\n  - client_id: " + emulator.SandboxClient + "\n    client_secret: {file: secret}\n"
}

const accounts = `sync: accounts
from: {query: accounts.sql, key: no}
to: {environment: ENV, table: account, match: {key: accountnumber}}
map:
  accountnumber: no
  name: name
`

// closed is an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Each of these is a mistake or an outage as people meet it. Apply refuses it, and names the thing and the next step; what
// was applied all the same fails when it runs, with the same words and exit code 1.
func TestBadInputIsNamedWithItsMend(t *testing.T) {
	at := up(t)
	const query = "SELECT 'A-1' AS no, 'Alpha' AS name"
	for _, c := range []struct {
		name  string
		env   string // name of the environment, one a case
		url   string
		sync  string
		query string
		pass  string // the secret
		apply bool   // fails at apply, whatever is asked for
		want  []string
	}{
		{"a field that is missing", "missing", at.Dataverse, strings.Replace(accounts, "from: {query: accounts.sql, key: no}", "from: {query: accounts.sql}", 1), query, "sandbox", true, []string{"accounts.yaml:2", "key"}},
		{"a field that nobody knows", "unknown", at.Dataverse, strings.Replace(accounts, "map:", "mapp:", 1), query, "sandbox", true, []string{"accounts.yaml:4", "mapp", "map"}},
		{"a file that is not YAML", "garbled", at.Dataverse, "sync: [accounts\nfrom: ", query, "sandbox", true, []string{"accounts.yaml:"}},
		{"a model whose SQL fails", "sql", at.Dataverse, accounts, "SELECT no, name FROM nowhere.at_all", "sandbox", false, []string{"accounts.sql", "nowhere"}},
		{"a model that certainly lacks the column", "lacking", at.Dataverse, accounts, "SELECT 'A-1' AS no, 'x' AS nam", "sandbox", true, []string{"accounts.yaml:6", "name", "nam"}},
		{"a model without the column", "column", at.Dataverse, accounts, "SELECT * FROM (SELECT 'A-1' AS no, 'x' AS nam)", "sandbox", false, []string{"name", "nam"}},
		{"a table that Dataverse does not have", "table", at.Dataverse, strings.Replace(accounts, "table: account,", "table: acount,", 1), query, "sandbox", false, []string{"acount"}},
		{"a column that Dataverse does not have", "field", at.Dataverse, strings.Replace(accounts, "  name: name", "  nmae: name", 1), query, "sandbox", false, []string{"nmae", "name"}},
		{"a key that is none", "key", at.Dataverse, strings.Replace(accounts, "match: {key: accountnumber}", "match: {key: name}", 1), query, "sandbox", false, []string{"name", "alternate key"}},
		{"a wrong secret", "secret", at.Dataverse, accounts, query, "not-the-secret", false, []string{"AADSTS7000215", "secret"}},
		{"a Dataverse that nobody reaches", "unreachable", "http://" + closed(t) + "/api/data/v9.2/", accounts, query, "sandbox", false, []string{"refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, "environments/env.yaml", environment(c.env, c.url), "environments/secret", c.pass,
				"syncs/accounts.yaml", strings.NewReplacer("ENV", c.env, "sync: accounts", "sync: "+c.env).Replace(c.sync), "syncs/accounts.sql", c.query)
			code, _, message := command("--nats", at.NATS, "apply", dir)
			if c.apply {
				expect(t, code, message, c.want)
				return
			}
			expect(t, code, message, append(c.want, "nothing was stored", "--unchecked"))
			if strings.Contains(message, c.pass) && c.pass != "sandbox" {
				t.Errorf("the refusal repeats the secret: %s", message)
			}
			if code, _, message = command("--nats", at.NATS, "run", c.env+"/"+c.env); code == 0 {
				t.Errorf("what was refused runs: %s", message)
			}
			if code, _, message = command("--nats", at.NATS, "apply", dir, "--unchecked"); code != 0 {
				t.Fatalf("apply --unchecked: %s", message)
			}
			code, _, message = command("--nats", at.NATS, "run", c.env+"/"+c.env)
			expect(t, code, message, c.want)
			if strings.Contains(message, c.pass) && c.pass != "sandbox" {
				t.Errorf("the message repeats the secret: %s", message)
			}
			if lines := strings.Count(strings.TrimSpace(lastLine(message)), "\n"); lines > 0 {
				t.Errorf("the message has %d lines: %s", lines+1, message)
			}
		})
	}
}

func expect(t *testing.T, code int, message string, want []string) {
	t.Helper()
	if code == 0 {
		t.Error("exit code 0")
	}
	for _, w := range want {
		if !strings.Contains(message, w) {
			t.Errorf("%q is not in the message: %s", w, message)
		}
	}
	t.Logf("%s", strings.TrimSpace(message))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestARunFailedForOneMistakeSucceedsOnceItIsMended(t *testing.T) {
	at := up(t)
	write := func(query string) string {
		return folder(t, "environments/env.yaml", environment("mended", at.Dataverse), "environments/secret", "sandbox",
			"syncs/accounts.yaml", strings.Replace(accounts, "ENV", "mended", 1), "syncs/accounts.sql", query)
	}
	for _, step := range []struct {
		query string
		code  int
	}{{"SELECT no, name FROM nowhere.at_all", 1}, {"SELECT 'A-1' AS no, 'Alpha' AS name", 0}} {
		if code, _, message := command("--nats", at.NATS, "apply", "--unchecked", write(step.query)); code != 0 {
			t.Fatal(message)
		}
		if code, _, message := command("--nats", at.NATS, "run", "mended/accounts"); code != step.code {
			t.Fatalf("run of %q: exit %d: %s", step.query, code, message)
		}
	}
	code, out, message := command("--nats", at.NATS, "runs", "mended/accounts", "--json")
	if code != 0 {
		t.Fatal(message)
	}
	var list struct {
		Runs []struct {
			Phase  string
			Counts struct{ Accepted string }
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Runs) != 2 || list.Runs[0].Phase != "closed" || list.Runs[0].Counts.Accepted != "1" || list.Runs[1].Phase != "failed" {
		t.Errorf("runs are %+v, want a closed one after a failed one", list.Runs)
	}
}

func TestUnreachableServersAreNamed(t *testing.T) {
	t.Run("NATS", func(t *testing.T) {
		address := closed(t)
		code, _, message := command("--nats", "nats://"+address, "runs")
		expect(t, code, message, []string{address, "PENSTOCK_NATS"})
	})
	t.Run("a NATS without Penstock", func(t *testing.T) {
		at := up(t)
		conn, err := nats.Connect(at.NATS)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		err = control.Call(t.Context(), conn, "penstock.control.nobody", nil, nil)
		var refusal *control.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "penstock up") {
			t.Errorf("answered %v, want a refusal that says what to start", err)
		}
	})
	t.Run("ClickHouse", func(t *testing.T) {
		at := up(t)
		address := closed(t)
		env := daemon.Env{Log: slog.New(slog.DiscardHandler)}
		x := extractor.DefaultConfig()
		x.Queue.URL, x.Timing, x.ClickHouse = at.NATS, penstock.DefaultTiming().Divide(4), clickhouse.Config{DSN: "clickhouse://" + address}
		expectError(t, extractor.Run(t.Context(), env, x), address, "PENSTOCK_CLICKHOUSE")
		d := deadletter.DefaultConfig()
		d.Queue.URL, d.Timing, d.ClickHouse = at.NATS, penstock.DefaultTiming().Divide(4), clickhouse.Config{DSN: "clickhouse://" + address}
		expectError(t, deadletter.Run(t.Context(), env, d), address, "PENSTOCK_CLICKHOUSE")
	})
	t.Run("an address that is taken", func(t *testing.T) {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		code, _, message := command("emulator", "--listen", l.Addr().String())
		expect(t, code, message, []string{"in use", "--listen"})
	})
}

func expectError(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in the error: %v", w, err)
		}
	}
}

func TestDemoAccountsForEveryRowAndNamesEveryCause(t *testing.T) {
	code, out, message := command("demo", "--json")
	if code != 0 {
		t.Fatal(message)
	}
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("not one JSON document: %v\n%s", err, out)
	}
	want := []reportedRun{
		{Sync: "accounts", Run: 1, Read: 500, Accepted: 495, Refused: 5},
		{Sync: "contacts", Run: 1, Read: 10_000, Accepted: 9_905, Refused: 95},
		{Sync: "subscriptions", Run: 1, Read: 600, Accepted: 597, Refused: 3},
		{Sync: "accounts", Run: 2, Read: 500, Unchanged: 495, Waiting: 5},
		{Sync: "contacts", Run: 2, Read: 9_990, Unchanged: 9_795, Accepted: 100, Waiting: 95, Deleted: 10},
		{Sync: "subscriptions", Run: 2, Read: 600, Unchanged: 597, Waiting: 3},
	}
	for i, run := range r.Runs {
		if run.Read != run.Unchanged+run.Accepted+run.Refused+run.Waiting+run.NotSent {
			t.Errorf("the counts of run %d do not add up: %+v", i, run)
		}
		if run.Seconds <= 0 {
			t.Errorf("run %d took %g s", i, run.Seconds)
		}
		run.Seconds = 0
		if i >= len(want) || run != want[i] {
			t.Errorf("run %d is %+v", i, run)
		}
	}
	if len(r.Runs) != len(want) {
		t.Errorf("%d runs, want %d", len(r.Runs), len(want))
	}
	letters := map[string]uint64{}
	for _, l := range r.DeadLetters {
		letters[l.Class+" "+l.Code+" "+l.Column] += l.Count
	}
	for cause, count := range map[string]uint64{
		"conflict duplicate_key externaluseridentifier": 2, "mapping no_key externaluseridentifier": 3,
		"mapping key_characters externaluseridentifier": 4, "mapping text_too_long lastname": 20, "mapping text_too_long name": 2,
		"mapping choice_unknown gendercode": 25, "mapping choice_unknown industrycode": 3, "mapping choice_unknown demo_plan": 3, "mapping out_of_range creditlimit": 6,
		"mapping invalid_utf8 firstname": 5, "reference 0x80060891 parentcustomerid": 30,
	} {
		if letters[cause] != count {
			t.Errorf("%d letters for %q, want %d", letters[cause], cause, count)
		}
		delete(letters, cause)
	}
	if len(letters) > 0 {
		t.Errorf("causes that the sample does not have: %v", letters)
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || c.Runnable() && c.Example == "" {
			t.Errorf("%s lacks a description or an example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	c := &commandLine{out: io.Discard, err: io.Discard}
	for _, sub := range c.root().Commands() {
		walk(sub)
	}
}

func TestTooManyNamesAreAnsweredWithAnExample(t *testing.T) {
	for _, command := range (&commandLine{}).root().Commands() {
		if command.HasSubCommands() || command.Args == nil || command.Args(command, make([]string, 9)) == nil {
			continue
		}
		if err := command.Args(command, make([]string, 9)); strings.Contains(err.Error(), "arg(s)") {
			t.Errorf("penstock %s: %v", command.Name(), err)
		}
	}
}

func TestTheExitCodeTellsChangesFromProblems(t *testing.T) {
	for _, c := range []struct {
		fault error
		code  int
		told  string
	}{
		{nil, 0, ""},
		{errors.New("no such sync"), 1, "penstock: no such sync\n"},
		{errChanges, 2, ""},
	} {
		var told strings.Builder
		if code := exit(c.fault, &told); code != c.code || told.String() != c.told {
			t.Errorf("%v: exit code %d and %q, want %d and %q", c.fault, code, told.String(), c.code, c.told)
		}
	}
}

func TestVersionIsJSONWhenAsked(t *testing.T) {
	code, out, message := command("version", "--json")
	var v struct{ Version, Revision string }
	if err := json.Unmarshal([]byte(out), &v); code != 0 || err != nil || v.Version != Version {
		t.Errorf("exit %d, %v: %s%s", code, err, out, message)
	}
}

func TestWhatDataHoldsCannotMoveTheCursor(t *testing.T) {
	if got := short("a\x1b[2Jb\u009bc\nd", 10); got != "a [2Jb c d" {
		t.Errorf("printed as %q", got)
	}
	if got := short("日本語日本語", 4); got != "日本語…" {
		t.Errorf("shortened to %q", got)
	}
}
