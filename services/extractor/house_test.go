package extractor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/natstest"
	"github.com/penstock-sync/penstock/pkg/penstock"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/extractor"
)

// A house has a NATS server, a database in ClickHouse, and an extractor that somebody else may ask.
type house struct {
	t        *testing.T
	nats     *natstest.Server
	conn     *nats.Conn
	js       jetstream.JetStream
	database string
	stop     func()
	log      safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, nats: natstest.Start(t), database: clickhousetest.Database(t)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the extractor:\n%s", h.log.String())
		}
	})
	h.connect()
	h.start()
	return h
}

func (h *house) connect() {
	h.t.Helper()
	conn, err := nats.Connect(h.nats.URL())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(conn.Close)
	h.conn = conn
	if h.js, err = jetstream.New(conn); err != nil {
		h.t.Fatal(err)
	}
}

// start runs the extractor until stop is called, or the test ends, and returns once it answers.
func (h *house) start() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	cfg := extractor.DefaultConfig()
	cfg.Queue.URL, cfg.ClickHouse.DSN, cfg.Database, cfg.Timing = h.nats.URL(), clickhousetest.Start(h.t), h.database, penstock.DefaultTiming().Divide(4)
	go func() { ended <- extractor.Run(ctx, daemon.Env{Log: daemon.Log(&h.log, slog.LevelInfo, false)}, cfg) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the extractor ended with %v", err)
		}
	})
	h.t.Cleanup(h.stop)
	for {
		err := h.call(control.Runs, &penstockv1.RunsRequest{}, &penstockv1.RunsResponse{})
		if err == nil {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			h.t.Fatalf("the extractor did not start: %v", err)
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			h.t.Fatal("the extractor did not start in time")
		}
	}
}

func (h *house) call(subject string, req, resp proto.Message) error {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	return control.Call(ctx, h.conn, subject, req, resp)
}

// A files is a folder: path, then text.
type files map[string]string

// with is the folder with other files in it; an empty text takes one out.
func (f files) with(pairs ...string) files {
	g := files{}
	for name, text := range f {
		g[name] = text
	}
	for i := 0; i < len(pairs); i += 2 {
		g[pairs[i]] = pairs[i+1]
		if pairs[i+1] == "" {
			delete(g, pairs[i])
		}
	}
	return g
}

func (f files) request(by string) *penstockv1.ApplyRequest {
	r := &penstockv1.ApplyRequest{Folder: "/files", By: by}
	for name, text := range f {
		r.Documents = append(r.Documents, &penstockv1.Document{File: name, Text: text})
	}
	return r
}

func environment(name, host string) string {
	return fmt.Sprintf("environment: %s\nurl: https://%s/api/data/v9.2/\ntenant: contoso.com\nusers:\n  - {client_id: 11111111-1111-1111-1111-111111111111, client_secret: {env: SECRET}}\n", name, host)
}

func syncOf(environment, name, table, column string, more ...string) string {
	return fmt.Sprintf("sync: %s\nfrom: {query: q.sql, key: id}\nto: {environment: %s, table: %s, match: {key: ext_key}%s}\nmap: {%s: name}\n",
		name, environment, table, strings.Join(more, ""), column)
}

// nowhere is a host that nobody answers for.
const nowhere = "127.0.0.1:1"

// one is a folder of an environment with two syncs.
func one() files {
	return files{
		"environments/prod.yaml": environment("prod", nowhere),
		"syncs/contacts.yaml":    syncOf("prod", "contacts", "contact", "lastname"),
		"syncs/accounts.yaml":    syncOf("prod", "accounts", "account", "name"),
		"syncs/q.sql":            "SELECT id, name FROM x",
	}
}

// apply stores a folder that has no fault in itself. Nobody is asked: its environments are no more than names.
func (h *house) apply(r *penstockv1.ApplyRequest) *penstockv1.ApplyResponse {
	h.t.Helper()
	r.Unchecked = true
	resp := &penstockv1.ApplyResponse{}
	if err := h.call(control.Apply, r, resp); err != nil {
		h.t.Fatalf("apply: %v", err)
	}
	if len(resp.GetRefused()) > 0 {
		h.t.Errorf("apply would be refused: %v", resp.GetRefused())
	}
	return resp
}

// refused expects a refusal with that code that says all of it.
func refused(t *testing.T, err error, code string, parts ...string) {
	t.Helper()
	var refusal *control.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("answered %v, want a refusal with code %s", err, code)
		return
	}
	for _, p := range parts {
		if !strings.Contains(refusal.Text, p) {
			t.Errorf("%q is not in the refusal: %s", p, refusal.Text)
		}
	}
}

// kinds are the changes of an answer in a line.
func kinds(r *penstockv1.ApplyResponse) string {
	var all []string
	for _, c := range r.GetChanges() {
		all = append(all, fmt.Sprintf("%s %s %d->%d", c.GetName(), c.GetKind(), c.GetFrom(), c.GetTo()))
	}
	return strings.Join(all, ", ")
}

func (h *house) history(environment, sync string) []string {
	h.t.Helper()
	resp := &penstockv1.HistoryResponse{}
	if err := h.call(control.History, &penstockv1.HistoryRequest{Environment: environment, Sync: sync}, resp); err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, v := range resp.GetVersions() {
		all = append(all, fmt.Sprintf("%s %d by %s (%s): %s", v.GetName(), v.GetVersion(), v.GetBy(), v.GetReason(), v.GetSummary()))
	}
	return all
}

// bucket is what the services see of what is applied: name and version.
func (h *house) bucket() map[string]string {
	h.t.Helper()
	kv, err := h.js.KeyValue(h.t.Context(), "penstock_specs")
	if err != nil {
		h.t.Fatal(err)
	}
	keys, err := kv.ListKeys(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	all := map[string]string{}
	for name := range keys.Keys() {
		entry, err := kv.Get(h.t.Context(), name)
		if err != nil {
			h.t.Fatal(err)
		}
		all[name] = string(entry.Value())
	}
	return all
}

// kept is what ClickHouse has: the newest document of each name.
func (h *house) kept() map[string]string {
	h.t.Helper()
	conn := clickhousetest.Open(h.t)
	all := map[string]string{}
	for line, err := range clickhouse.Each(h.t.Context(), conn, clickhouse.Query{SQL: "SELECT name, document FROM " + h.database + ".specs FINAL WHERE NOT removed ORDER BY version"},
		func(r *clickhouse.Rows) (l [2]string, err error) { return l, r.Scan(&l[0], &l[1]) }) {
		if err != nil {
			h.t.Fatal(err)
		}
		all[line[0]] = line[1]
	}
	return all
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprintf("%v", got), fmt.Sprintf("%v", want); g != w {
		t.Errorf("%s:\ngot  %s\nwant %s", what, g, w)
	}
}
