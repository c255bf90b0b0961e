package docs_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/services/penstock/cli"
	"github.com/penstock-sync/penstock/services/penstock/stack/stacktest"
)

// The guide is carried out as its reader would: files are written, SQL goes to the warehouse, commands are run, and what
// they print is compared. The environment is the emulator, with the keys and columns that the guide has its reader make.
func TestTheGuideIsTrue(t *testing.T) {
	data, err := os.ReadFile("guide.md")
	if err != nil {
		t.Fatal(err)
	}
	made, err := schema.Read("tables.yaml", []byte(tables))
	if err != nil {
		t.Fatal(err)
	}
	at := stacktest.Up(t, emulator.New(emulator.Config{Tables: made}))
	warehouse, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: at.ClickHouse})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := warehouse.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE IF EXISTS crm"); err != nil {
			t.Error(err)
		}
		if err := warehouse.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Chdir(t.TempDir())
	write(t, "secret", emulator.SandboxSecret)
	t.Setenv("PENSTOCK_NATS", at.NATS)
	// What the reader has of his own is the emulator's here.
	own := strings.NewReplacer(
		"https://org1234567.crm4.dynamics.com/api/data/v9.2/", at.Dataverse, "3ae5e114-e015-4601-9485-d6f4748c0182", emulator.SandboxTenant,
		"c91bf891-e59c-41c0-971e-21fd84d20cc3", emulator.SandboxClient, "/run/secrets/dynamics-production", filepath.Join(wd(t), "secret"),
	)
	for _, b := range blocks(string(data)) {
		switch {
		case b.info == "sql warehouse":
			for _, statement := range strings.Split(strings.TrimSpace(b.text), ";\n") {
				if err := warehouse.Exec(t.Context(), strings.TrimSuffix(strings.TrimSpace(statement), ";")); err != nil {
					t.Fatalf("guide.md:%d: %v", b.line, err)
				}
			}
		case strings.HasPrefix(b.info, "yaml "), strings.HasPrefix(b.info, "sql "):
			_, file, _ := strings.Cut(b.info, " ")
			write(t, file, own.Replace(b.text))
		case b.info == "console":
			console(t, b)
		default:
			t.Errorf("guide.md:%d: a block %q, which no test carries out", b.line, b.info)
		}
	}
}

// A block is a fenced piece of the guide: ```info, text, ```.
type block struct {
	line int
	info string
	text string
}

func blocks(markdown string) []block {
	var all []block
	var open *block
	for i, line := range strings.Split(markdown, "\n") {
		switch {
		case open == nil && strings.HasPrefix(line, "```"):
			open = &block{line: i + 1, info: strings.TrimPrefix(line, "```")}
		case line == "```":
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return all
}

var exits = regexp.MustCompile(`\s+# exits (\d)$`)

// console runs the commands of a block: lines that begin with "$ ", each followed by what it prints. "…" stands for
// anything within a line, and, alone in a line, for any lines.
func console(t *testing.T, b block) {
	t.Helper()
	for _, step := range strings.Split("\n"+b.text, "\n$ ")[1:] {
		command, want, _ := strings.Cut(step, "\n")
		code := "0"
		if m := exits.FindStringSubmatch(command); m != nil {
			command, code = strings.TrimSuffix(command, m[0]), m[1]
		}
		args := strings.Fields(command)
		if args[0] != "penstock" {
			t.Fatalf("guide.md:%d: %s is not ours to run", b.line, command)
		}
		var out, told bytes.Buffer
		got := cli.Main(args[1:], &out, &told)
		if string(rune('0'+got)) != code {
			t.Fatalf("guide.md:%d: %s exits with %d, not %s: %s%s", b.line, command, got, code, out.String(), told.String())
		}
		if text := out.String() + told.String(); !matches(text, want) {
			t.Errorf("guide.md:%d: %s prints\n%s\nand the guide says\n%s", b.line, command, text, want)
		}
	}
}

func matches(text, want string) bool {
	var pattern strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		if line == "…" {
			pattern.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(line, " ")), "…", `[^\n]*`) + `[ ]*\n`)
	}
	return regexp.MustCompile(`^` + pattern.String() + `\s*$`).MatchString(strings.TrimSpace(text) + "\n")
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
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

// tables are the keys, columns and the table that the guide has its reader make.
const tables = `
extend:
  lead:
    columns: {new_LeadNo: {type: integer}}
    keys: {new_leadnokey: [new_leadno]}
  opportunity:
    columns: {new_DealNo: {type: text, length: 20}}
    keys: {new_dealnokey: [new_dealno]}
  contact:
    columns: {new_Segment: {type: choice, options: {1: New, 2: Loyal, 3: At risk}}}
tables:
  new_Subscription:
    columns:
      new_CustomerNo: {type: text, length: 20}
      new_Product: {type: text, length: 20}
      new_Plan: {type: choice, options: {1: Silver, 2: Gold}}
      new_Fee: money
      new_Since: date
      new_Contact: {lookup: contact}
    keys:
      new_subscriptionkey: [new_customerno, new_product]
`
