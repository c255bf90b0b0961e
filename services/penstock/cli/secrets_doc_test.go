package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/services/penstock/stack"
	"github.com/penstock-sync/penstock/services/penstock/stack/stacktest"
)

// Every command of docs/secrets.md, in its order, in a folder such as the page speaks of.
func TestTheCommandsOfTheSecretsPageWork(t *testing.T) {
	page, err := os.ReadFile("../docs/secrets.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "services.identity")
	at := stacktest.Up(t, emulator.New(emulator.Config{}), func(c *stack.Config) { c.Identities = sealed.Identities(keys) })
	t.Chdir(folder(t,
		"penstock/environments/prod.yaml", strings.NewReplacer(
			"{env: DYNAMICS_PROD}", "{env: NONE}",
			"https://org1234567.crm4.dynamics.com/api/data/v9.2/", at.Dataverse, "3ae5e114-e015-4601-9485-d6f4748c0182", emulator.SandboxTenant,
			"c91bf891-e59c-41c0-971e-21fd84d20cc3", emulator.SandboxClient,
		).Replace(sealedEnvironment),
		"penstock/syncs/accounts.yaml", strings.ReplaceAll(accounts, "ENV", "prod"), "penstock/syncs/accounts.sql", "SELECT 'a' AS no, 'b' AS name",
		"secret.txt", emulator.SandboxSecret+"\n", "penstock.pem", certificatePEM(t),
	))
	// The services have the identity that the page has its reader make.
	if err := os.Symlink(filepath.Join(wd(t), "services.identity"), keys); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PENSTOCK_CLICKHOUSE", "")
	run := 0
	shell := false
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			shell = line == "```sh"
			continue
		}
		if !shell {
			continue
		}
		run++
		perform(t, strings.ReplaceAll(line, "c91bf891-e59c-41c0-971e-21fd84d20cc3", emulator.SandboxClient), at.NATS)
	}
	if run < 10 {
		t.Errorf("only %d commands were found", run)
	}
}

func wd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// perform runs a line as a shell would, as far as the page needs one: words, < file, >> file.
func perform(t *testing.T, line, nats string) {
	t.Helper()
	words := strings.Fields(line)
	if words[0] != "penstock" {
		t.Fatalf("%q is no command of ours", line)
	}
	in, appended := "", ""
	args := []string{"--nats", nats}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "<":
			i++
			in = contents(t, words[i])
		case ">>":
			i++
			appended = words[i]
		default:
			args = append(args, words[i])
		}
	}
	code, out, message := fed(t, in, args...)
	if code != 0 {
		t.Errorf("%s\nexit code %d: %s\n%s", line, code, message, out)
	}
	if appended == "" {
		return
	}
	f, err := os.OpenFile(filepath.Clean(appended), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(out); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
