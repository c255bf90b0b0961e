package cli

import (
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
	"github.com/penstock-sync/penstock/services/penstock/sample"
)

// The reports are read by people, so each is kept as a whole.
func TestTheRoleOfTheSampleIsTold(t *testing.T) {
	for _, tt := range []struct {
		name   string
		member security.Member
		code   int
		last   string
	}{
		{"missing", security.Member{Roles: []string{"Small"}}, 1, "application user " + emulator.SandboxClient + " lacks "},
		{"administrator", security.Member{Roles: []string{security.SystemAdministrator}}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			web := httptest.NewServer(emulator.New(emulator.Config{
				Tables: sampled(t),
				Apps:   []emulator.App{{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret, Member: tt.member}},
				Security: security.Config{Roles: []security.Role{{Name: "Small", Privileges: map[string]security.Depth{
					"prvReadAccount": security.Global, "prvCreateAccount": security.Basic, "prvWriteAccount": security.Basic, "prvDeleteLead": security.Global,
				}}}},
			}))
			defer web.Close()
			dir := t.TempDir()
			if err := sample.Write(dir, web.URL+"/api/data/v9.2/", emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
				t.Fatal(err)
			}
			code, out, message := command("privileges", "demo", "--folder", dir)
			if code != tt.code || !strings.Contains(message, tt.last) {
				t.Errorf("exit code %d, %q; want %d, %q", code, message, tt.code, tt.last)
			}
			golden(t, filepath.Join("testdata", "privileges-"+tt.name+".txt"), strings.ReplaceAll(out, strings.TrimPrefix(web.URL, "http://"), "HOST:PORT"))
		})
	}
}

func TestARunningPenstockTellsTheRoleOfWhatIsApplied(t *testing.T) {
	at := up(t)
	dir := t.TempDir()
	if err := sample.Write(dir, at.Dataverse, emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
		t.Fatal(err)
	}
	if code, _, message := command("--nats", at.NATS, "apply", dir); code != 0 {
		t.Fatal(message)
	}
	code, out, message := command("--nats", at.NATS, "privileges", "demo", "--json")
	var report struct {
		Role []struct {
			Table, Verb, Privilege, Depth string
			Reasons                       []struct{ Sync, Why string }
		}
		Users []struct {
			ClientID string `json:"client_id"`
			Missing  []any
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 {
		t.Fatalf("%d %v %s %s", code, err, out, message)
	}
	if len(report.Role) < 8 || len(report.Users) != 1 || report.Users[0].ClientID != emulator.SandboxClient || len(report.Users[0].Missing) > 0 {
		t.Errorf("%+v", report)
	}
	for _, line := range report.Role {
		if line.Verb == "" || line.Privilege == "" || line.Depth == "" || len(line.Reasons) == 0 {
			t.Errorf("%+v", line)
		}
	}
	for _, tt := range []struct{ arg, want string }{
		{"dmo", "there is no environment dmo; did you mean demo?"},
	} {
		if code, _, message := command("--nats", at.NATS, "privileges", tt.arg); code != 1 || !strings.Contains(message, tt.want) {
			t.Errorf("%d %s", code, message)
		}
	}
}
