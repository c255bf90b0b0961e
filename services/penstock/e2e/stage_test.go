package e2e

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/penstock/stack"
	"github.com/penstock-sync/penstock/services/penstock/stack/stacktest"
)

// A stage is an all-in-one in front of an emulator, with a warehouse that a test fills and syncs that it writes. What the
// emulator then has is held against records that are written out in the test.
type stage struct {
	t         *testing.T
	at        stack.Addresses
	database  string // of the models; also the environment's name, since query ids are of it
	warehouse *clickhouse.Conn
	queue     *queue.Queue
	dataverse *emulator.Server
	files     map[string]string
}

// newStage makes one whose emulator has besides the standard tables those that are written in YAML.
func newStage(t *testing.T, tables string) *stage {
	t.Helper()
	config := emulator.Config{}
	if tables != "" {
		config.Tables = must[[]schema.Table](t)(schema.Read("tables.yaml", []byte(tables)))
	}
	s := &stage{t: t, database: clickhousetest.Database(t), warehouse: clickhousetest.Open(t), dataverse: emulator.New(config), files: map[string]string{}}
	s.at = stacktest.Up(t, s.dataverse, func(c *stack.Config) { c.Timing = calm })
	s.queue = must[*queue.Queue](t)(queue.Open(t.Context(), queue.Config{URL: s.at.NATS, Name: "e2e", Timing: calm}, slog.New(slog.DiscardHandler)))
	t.Cleanup(s.queue.Close)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(emulator.SandboxSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	s.files["environments/e2e.yaml"] = fmt.Sprintf("environment: %s\nurl: %s\ntenant: %s\nusers:\n  - {client_id: %s, client_secret: {file: %s}}\n",
		s.database, s.at.Dataverse, emulator.SandboxTenant, emulator.SandboxClient, secret)
	return s
}

// sql runs statements; DB stands for the stage's database.
func (s *stage) sql(statements ...string) {
	s.t.Helper()
	for _, statement := range statements {
		if strings.HasPrefix(statement, "ALTER") {
			statement += " SETTINGS mutations_sync = 1"
		}
		if err := s.warehouse.Exec(s.t.Context(), strings.ReplaceAll(statement, "DB.", s.database+".")); err != nil {
			s.t.Fatal(err)
		}
	}
}

// sync writes a sync of a table of the warehouse that has its name, and applies it with those before. ENV stands for the environment.
func (s *stage) sync(name, yaml string) {
	s.t.Helper()
	s.files["syncs/"+name+".sql"] = "SELECT * FROM " + s.database + "." + name
	s.files["syncs/"+name+".yaml"] = "sync: " + name + "\n" + strings.ReplaceAll(yaml, "ENV", s.database) + "guards: {max_deletes_share: 100%, shrink: 100%}\n"
	r := &penstockv1.ApplyRequest{By: "e2e", Folder: "/e2e"}
	for file, text := range s.files {
		r.Documents = append(r.Documents, &penstockv1.Document{File: file, Text: text})
	}
	if err := control.Call(s.t.Context(), s.queue.Conn(), control.Apply, r, &penstockv1.ApplyResponse{}); err != nil {
		s.t.Fatalf("apply: %v", err)
	}
}

// run runs a sync until it closes, and holds its counts against those that are wanted.
func (s *stage) run(name, when string, want penstock.Counts) {
	s.t.Helper()
	id := penstock.SyncID{Environment: s.database, Name: name}
	asked := &penstockv1.RunResponse{}
	if err := control.Call(s.t.Context(), s.queue.Conn(), control.Run, &penstockv1.RunRequest{Environment: id.Environment, Sync: name, By: "e2e"}, asked); err != nil {
		s.t.Fatal(err)
	}
	var run penstock.Run
	eventually(s.t, when+": the run is over", func() (err error) {
		run, _, err = s.queue.Run(s.t.Context(), id)
		if err == nil && (run.ID.Number < asked.GetRun() || !run.Phase.Final() || run.Next.Wanted) {
			err = fmt.Errorf("run %d is %s (%+v): %s", run.ID.Number, run.Phase, run.Counts, run.Reason)
		}
		return err
	})
	if run.Phase != penstock.Closed {
		s.t.Fatalf("%s: run %d is %s: %s (%+v)", when, run.ID.Number, run.Phase, run.Reason, run.Counts)
	}
	expect(s.t, when+": counts", run.Counts, want)
}

// idle runs a sync that has nothing to send, and sees that it sends nothing.
func (s *stage) idle(name string, want penstock.Counts) {
	s.t.Helper()
	before := len(s.dataverse.Journal())
	s.run(name, "again", want)
	expect(s.t, "again: writes", len(s.dataverse.Journal())-before, 0)
}

// letters are the groups of open dead letters, as "class code column count".
func (s *stage) letters(want ...string) {
	s.t.Helper()
	var groups []string
	eventually(s.t, "open letters", func() error {
		resp := &penstockv1.DeadLettersResponse{}
		if err := control.Call(s.t.Context(), s.queue.Conn(), control.DeadLetters, &penstockv1.DeadLettersRequest{}, resp); err != nil {
			return err
		}
		groups = nil
		for _, g := range resp.GetGroups() {
			groups = append(groups, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %d", g.GetClass(), g.GetCode(), g.GetColumn(), g.GetCount())), " "))
		}
		if fmt.Sprint(groups) != fmt.Sprint(want) {
			return fmt.Errorf("they are %q, want %q", groups, want)
		}
		return nil
	})
}

// Fields are what Dataverse has of some columns: JSON, none where it is null.
type fields map[string]string

// find is the one record of a table that has a value, as JSON.
func (s *stage) find(table, column, value string) emulator.Row {
	s.t.Helper()
	var found emulator.Row
	for _, row := range s.dataverse.Rows(table) {
		if string(row[column]) == value {
			if found != nil {
				s.t.Fatalf("two records of %s have %s %s", table, column, value)
			}
			found = row
		}
	}
	if found == nil {
		s.t.Fatalf("no record of %s has %s %s; there are %d", table, column, value, len(s.dataverse.Rows(table)))
	}
	return found
}

// holds compares one record, column by column.
func (s *stage) holds(when, table, column, value string, want fields) {
	s.t.Helper()
	row := s.find(table, column, value)
	for name, v := range want {
		if got := string(row[name]); got != v {
			s.t.Errorf("%s: %s %s: %s is %s, want %s", when, table, value, name, orNothing(got), orNothing(v))
		}
	}
}

func orNothing(v string) string {
	if v == "" {
		return "nothing"
	}
	return v
}

// guid is the primary key of a record, without quotes.
func (s *stage) guid(table, column, value string) string {
	s.t.Helper()
	var id string
	if err := json.Unmarshal(s.find(table, column, value)[table+"id"], &id); err != nil {
		s.t.Fatal(err)
	}
	return id
}
