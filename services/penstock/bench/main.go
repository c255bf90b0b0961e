// Command bench measures the whole path on this machine: rows per second from ClickHouse to the emulator, everything in
// one process but for ClickHouse, and what share of the processor each stage takes; and before that the emulator, and
// the rendering of rows, by themselves. It writes one flat JSON object.
//
// Figures of one run are to be compared with each other; between machines, or times of day, they are not comparable.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/pprof/profile"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhouse/chdb"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/penstock/sample"
	"github.com/penstock-sync/penstock/services/penstock/stack"
)

func main() {
	chdb.Main()
	// The emulator's rows are a live heap that no process of a deployment has: at the default the collector would go over
	// them again and again, and be most of what is measured.
	debug.SetGCPercent(400)
	out := flag.String("out", "bench.json", "where the figures go")
	keep := flag.String("cpuprofile", "", "keep the profile of the first run here, for go tool pprof")
	rows := flag.Uint64("rows", 500_000, "rows of the model, at most 1,000,000")
	flag.Parse()
	ctx, stop := daemon.Interruptible(context.Background())
	defer stop()
	if err := run(ctx, *out, *keep, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // a main, though not in cmd/
	}
}

// A bench is one measurement.
type bench struct {
	rows    uint64
	dir     string
	keep    string // file for the profile, or empty
	queue   *queue.Queue
	figures map[string]float64
}

func run(ctx context.Context, out, keep string, rows uint64) (err error) {
	dir, err := os.MkdirTemp("", "penstock-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{rows: rows, dir: dir, keep: keep, figures: map[string]float64{"rows": float64(rows), "processors": float64(runtime.NumCPU())}}
	cfg := stack.Config{
		Dir: dir, NATS: "127.0.0.1:0", Dataverse: "127.0.0.1:0", ClickHouse: os.Getenv("PENSTOCK_CLICKHOUSE"),
		Database: "penstock_bench", Timing: penstock.DefaultTiming(),
		Emulator: emulator.New(emulator.Config{Limits: emulator.Limits{Off: true, DOPHint: 52}, NoJournal: true}),
	}
	if err := b.emulator(ctx); err != nil {
		return fmt.Errorf("emulator: %w", err)
	}
	runtime.GC() // its rows are not the next measurement's
	env := daemon.Env{Log: daemon.Log(os.Stderr, slog.LevelWarn, false)}
	if err := stack.Run(ctx, env, cfg, b.measure); err != nil {
		return err
	}
	data, err := json.MarshalIndent(b.figures, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if _, err := os.Stdout.Write(data); err != nil {
		return err
	}
	return os.WriteFile(out, data, 0o644)
}

// model has 15 columns as a table of customers has them.
const model = `
CREATE OR REPLACE TABLE bench.customers ENGINE = MergeTree ORDER BY id AS
SELECT
	concat('K', leftPad(toString(number), 9, '0')) AS id,
	concat('First', toString(number % 1000)) AS first_name,
	concat('Last ', toString(number)) AS last_name,
	if(number % 10 = 0, NULL, concat('person', toString(number), '@mail.example')) AS email,
	concat('+49 151 ', toString(10000000 + number)) AS mobile,
	concat('City ', toString(number % 500)) AS city,
	toInt8(number % 2 + 1) AS gender,
	toDate32('1950-01-01') + toUInt16(number % 20000) AS born,
	toDecimal64(number % 100000, 2) AS credit_limit,
	toUInt8(number % 5) AS children,
	number % 6 = 0 AS no_email,
	toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalSecond(number) AS last_campaign,
	concat('Street ', toString(number % 9999)) AS street,
	concat('Job ', toString(number % 77)) AS job,
	concat('note number ', toString(number), ' with some text after it') AS notes
FROM numbers(`

const syncFile = `
sync: contacts
from: {query: contacts.sql, key: id}
to:   {environment: demo, table: contact, match: {key: externaluseridentifier}}
map:
  externaluseridentifier: id
  firstname: first_name
  lastname: last_name
  emailaddress1: email
  mobilephone: mobile
  address1_city: city
  gendercode: gender
  birthdate: born
  creditlimit: credit_limit
  numberofchildren: children
  donotemail: no_email
  lastusedincampaign: last_campaign
  address1_line1: street
  jobtitle: job
  description: notes
`

func (b *bench) measure(ctx context.Context, at stack.Addresses) (err error) {
	warehouse, err := clickhouse.Open(ctx, clickhouse.Config{DSN: at.ClickHouse})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, warehouse.Close()) }()
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS bench", model + strconv.FormatUint(b.rows, 10) + ")"} {
		if err := warehouse.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := b.render(ctx, warehouse, at.Dataverse); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	b.queue, err = queue.Open(ctx, queue.Config{URL: at.NATS, Name: "bench", Timing: penstock.DefaultTiming()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer b.queue.Close()
	if err := b.apply(ctx, at.Dataverse); err != nil {
		return err
	}

	var cpu bytes.Buffer
	before := processor()
	if err := pprof.StartCPUProfile(&cpu); err != nil {
		return err
	}
	first, err := b.sync(ctx, "first")
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	used := processor() - before
	if b.keep != "" {
		if err := os.WriteFile(b.keep, cpu.Bytes(), 0o644); err != nil {
			return err
		}
	}
	b.figures["e2e_rows_per_second"] = float64(first.GetCounts().GetAccepted()) / span(first)
	b.figures["e2e_cpu_us_per_row"] = used.Seconds() * 1e6 / float64(b.rows)
	if err := b.shares(&cpu); err != nil {
		return err
	}
	second, err := b.sync(ctx, "unchanged")
	if err != nil {
		return err
	}
	b.figures["unchanged_rows_per_second"] = float64(second.GetCounts().GetUnchanged()) / span(second)
	return nil
}

func (b *bench) apply(ctx context.Context, url string) error {
	folder := filepath.Join(b.dir, "sample")
	if err := sample.Write(folder, url, emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
		return err
	}
	environment, err := os.ReadFile(filepath.Join(folder, "environments", "demo.yaml"))
	if err != nil {
		return err
	}
	return control.Call(ctx, b.queue.Conn(), control.Apply, &penstockv1.ApplyRequest{
		Folder: folder,
		Documents: []*penstockv1.Document{
			{File: "environments/demo.yaml", Text: string(environment)},
			{File: "syncs/contacts.yaml", Text: syncFile},
			{File: "syncs/contacts.sql", Text: "SELECT * FROM bench.customers"},
		},
	}, &penstockv1.ApplyResponse{})
}

// sync runs the sync once, and notes how long each of its phases took as <name>_<phase>_seconds.
func (b *bench) sync(ctx context.Context, name string) (*penstockv1.Run, error) {
	listening, stop := context.WithCancel(ctx)
	defer stop()
	events, err := b.queue.Events(listening, penstock.SyncID{Environment: "demo", Name: "contacts"})
	if err != nil {
		return nil, err
	}
	resp := &penstockv1.RunResponse{}
	if err := control.Call(ctx, b.queue.Conn(), control.Run, &penstockv1.RunRequest{Environment: "demo", Sync: "contacts", By: "bench"}, resp); err != nil {
		return nil, err
	}
	var phase penstock.Phase
	var since time.Time
	for e := range events {
		if e.Run.Number != resp.GetRun() || e.Phase == phase {
			continue
		}
		if phase != "" {
			b.figures[fmt.Sprintf("%s_%s_seconds", name, phase)] = e.At.Sub(since).Seconds()
		}
		phase, since = e.Phase, e.At
		if !phase.Final() {
			continue
		}
		for {
			runs := &penstockv1.RunsResponse{}
			if err := control.Call(ctx, b.queue.Conn(), control.Runs, &penstockv1.RunsRequest{Limit: 1}, runs); err != nil {
				return nil, err
			}
			if r := runs.GetRuns()[0]; r.GetId().GetNumber() == resp.GetRun() && r.GetEnded() != nil {
				if phase != penstock.Closed {
					return nil, fmt.Errorf("run %d is %s: %s", resp.GetRun(), phase, r.GetReason())
				}
				return r, nil
			}
		}
	}
	return nil, context.Cause(ctx)
}

func span(r *penstockv1.Run) float64 {
	return r.GetEnded().AsTime().Sub(r.GetStarted().AsTime()).Seconds()
}

// processor is the time that this process has used; that of the embedded ClickHouse is not in it.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// stages attribute a stack to the innermost of them that is on it.
func stages() []struct{ name, prefix string } {
	return []struct{ name, prefix string }{
		{"emulator", "github.com/penstock-sync/penstock/pkg/dataverse/emulator"},
		{"batch", "github.com/penstock-sync/penstock/pkg/dataverse."},
		{"render", "github.com/penstock-sync/penstock/pkg/mapping"},
		{"nats_server", "github.com/nats-io/nats-server"},
		{"nats_client", "github.com/nats-io/nats.go"},
		{"encode", "google.golang.org/protobuf"},
		{"encode", "github.com/klauspost/compress"},
		{"clickhouse_client", "github.com/ClickHouse"},
		{"clickhouse_client", "github.com/penstock-sync/penstock/pkg/clickhouse"},
		{"ledger", "github.com/penstock-sync/penstock/pkg/ledger"},
		{"queue", "github.com/penstock-sync/penstock/pkg/queue"},
		{"extractor", "github.com/penstock-sync/penstock/services/extractor"},
		{"writer", "github.com/penstock-sync/penstock/services/writer"},
		{"http_server", "net/http.(*conn)"},
		{"http_client", "net/http.(*persistConn)"},
		{"garbage_collection", "runtime.gcBgMarkWorker"},
	}
}

// shares turns a profile into cpu_share_<stage>: parts of the processor time of this process.
func (b *bench) shares(data *bytes.Buffer) error {
	p, err := profile.Parse(data)
	if err != nil {
		return err
	}
	spent, total := map[string]int64{}, int64(0)
	for _, s := range p.Sample {
		v := s.Value[len(s.Value)-1]
		total += v
		spent[stageOf(s)] += v
	}
	for stage, v := range spent {
		b.figures["cpu_share_"+stage] = float64(v) / float64(max(total, 1))
	}
	return nil
}

func stageOf(s *profile.Sample) string {
	for _, l := range s.Location { // innermost first
		for _, line := range l.Line {
			for _, stage := range stages() {
				if strings.HasPrefix(line.Function.Name, stage.prefix) {
					return stage.name
				}
			}
		}
	}
	return "other"
}
