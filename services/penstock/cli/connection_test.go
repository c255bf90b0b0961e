package cli

import (
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/services/penstock/sample"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// The reports of these are read by people, so each is kept as a whole.
func TestAConnectionIsTestedFromFiles(t *testing.T) {
	t.Setenv("PENSTOCK_CLICKHOUSE", "")
	for _, tt := range []struct {
		name   string
		app    emulator.App
		change func(dir string) // of the sample's files
		args   []string
		code   int
		last   string // part of the message on the error stream
	}{
		{"fine", emulator.App{}, nil, nil, 0, ""},
		{"privileges", emulator.App{Revoked: []string{"prvWriteContact", "prvAppendToAccount"}}, nil, []string{"--sync", "contacts", "--user", emulator.SandboxClient}, 1, "privileges of contacts: prvWriteContact (Write on contact), prvAppendToAccount (AppendTo on account) are missing"},
		{"files", emulator.App{SecretExpired: true}, func(dir string) {
			edit(t, filepath.Join(dir, "syncs", "contacts.yaml"), "mobilephone:", "mobile phone:")
		}, nil, 1, "files: DIR/syncs/contacts.yaml:11:3: map.mobile phone does not name a Dataverse column"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.app.ClientID, tt.app.Secret = emulator.SandboxClient, emulator.SandboxSecret
			web := httptest.NewServer(emulator.New(emulator.Config{Apps: []emulator.App{tt.app}, Tables: sampled(t)}))
			defer web.Close()
			dir := t.TempDir()
			if err := sample.Write(dir, web.URL+"/api/data/v9.2/", emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(dir)
			}
			code, out, message := command(append([]string{"test-connection", "demo", "--folder", dir}, tt.args...)...)
			same := strings.NewReplacer(dir, "DIR", strings.TrimPrefix(web.URL, "http://"), "HOST:PORT")
			if code != tt.code || !strings.Contains(same.Replace(message), tt.last) {
				t.Errorf("exit code %d, %q; want %d, %q", code, message, tt.code, tt.last)
			}
			golden(t, filepath.Join("testdata", "test-connection-"+tt.name+".txt"), counted.ReplaceAllString(same.Replace(out), "N$1"))
		})
	}
}

// sampled are the sample's own tables.
func sampled(t *testing.T) []schema.Table {
	t.Helper()
	tables, err := sample.Tables()
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// counted is what the emulator's tables and limits may change without changing what is shown.
var counted = regexp.MustCompile(`\d+( columns\n| requests and| s of execution| requests at a time)|9\.2\.[0-9.]+`)

func TestAnEnvironmentIsTestedBeforeThereIsASync(t *testing.T) {
	web := httptest.NewServer(emulator.New(emulator.Config{Tables: sampled(t)}))
	defer web.Close()
	dir := folder(t, "environments/env.yaml", environment("first", web.URL+"/api/data/v9.2/"), "environments/secret", emulator.SandboxSecret)
	code, out, message := command("test-connection", "first", "--folder", dir)
	if code != 0 || !strings.Contains(out, " 0 failed, 0 warned, ") {
		t.Errorf("%d %s\n%s", code, message, out)
	}
}

func edit(t *testing.T, path, from, to string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), from) {
		t.Fatalf("%q is not in %s", from, path)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}

func TestNamesThatAreNotInTheFilesAreNamed(t *testing.T) {
	dir := t.TempDir()
	if err := sample.Write(dir, "http://127.0.0.1:1/api/data/v9.2/", emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "penstock test-connection wants one environment, as in: penstock test-connection production"},
		{[]string{"dmo"}, "there is no environment dmo; did you mean demo?"},
		{[]string{"demo", "--sync", "contcats"}, "has no sync contcats; did you mean contacts?"},
		{[]string{"demo", "--user", "x"}, "no application user with the client id x"},
	} {
		code, _, message := command(append([]string{"test-connection", "--folder", dir}, tt.args...)...)
		if code != 1 || !strings.Contains(message, tt.want) {
			t.Errorf("%q: %d %s, want %s", tt.args, code, message, tt.want)
		}
	}
}

func TestTheRunningPenstockTestsWhatIsApplied(t *testing.T) {
	at := up(t)
	warehouse, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: at.ClickHouse})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = warehouse.Close() }()
	if err := sample.Create(t.Context(), warehouse); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := sample.Write(dir, at.Dataverse, emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
		t.Fatal(err)
	}
	if code, _, message := command("--nats", at.NATS, "apply", dir); code != 0 {
		t.Fatal(message)
	}
	if code, out, message := command("--nats", at.NATS, "test-connection", "demo"); code != 0 || !strings.Contains(out, " 0 failed, 0 warned, ") ||
		!strings.Contains(out, "14 columns") {
		t.Errorf("%d %s\n%s", code, message, out)
	}

	// The same messages in JSON, for one sync, once the secret is another.
	if err := os.WriteFile(filepath.Join(dir, "demo.secret"), []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, message := command("--nats", at.NATS, "test-connection", "demo", "--sync", "contacts", "--json")
	var report struct {
		Environment string
		Steps       []struct{ Name, State, Saw, Do, Code, Elapsed string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 1 || report.Environment != "demo" {
		t.Fatalf("%d %v %s", code, err, out)
	}
	var failed []string
	for _, s := range report.Steps {
		if s.State == "failed" {
			failed = append(failed, s.Name+" "+s.Code)
		}
	}
	if strings.Join(failed, ", ") != "token AADSTS7000215" || !strings.Contains(message, "the client secret is wrong") || strings.Contains(out+message, "hunter2") {
		t.Errorf("%q %s", failed, message)
	}

	if code, _, message := command("--nats", at.NATS, "test-connection", "dmo"); code != 1 || !strings.Contains(message, "there is no environment dmo; did you mean demo?") {
		t.Errorf("%d %s", code, message)
	}
}
