// Package extractor works out which rows changed since Dataverse last accepted them, renders them, and queues them for
// the writers; and it records what became of them.
//
// The path, in the order of the files: inbox.go folds requests into a sync's run record; leader.go leads a sync by a
// lease, waits for the barrier and begins a run; run.go carries it out; outlet.go writes keys ahead and publishes;
// recorder.go takes results into the ledger. Any number of extractors may run: each sync is led by one at a time, and
// results are recorded by all.
package extractor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/services/extractor/specs"
)

// Config is what an extractor needs to know.
type Config struct {
	Queue       queue.Config      `yaml:"queue"`
	ClickHouse  clickhouse.Config `yaml:"clickhouse"`
	Database    string            `yaml:"database"`    // Penstock's own, in the same ClickHouse
	Timing      penstock.Timing   `yaml:"timing"`      // the same in all processes of a deployment
	RunRows     uint64            `yaml:"run_rows"`    // most rows that one run sends; the next takes the rest
	Runs        int               `yaml:"runs"`        // runs at a time in this process
	Outstanding uint64            `yaml:"outstanding"` // most chunks of one environment in the queue

	Identities sealed.Identities `yaml:"identities"` // file with the age identities that open sealed secrets; empty: none are sealed
}

// DefaultConfig works against a NATS server and a ClickHouse on this machine.
func DefaultConfig() Config {
	return Config{
		Queue:       queue.Config{URL: "nats://127.0.0.1:4222", Name: "penstock extractor"},
		ClickHouse:  clickhouse.Config{DSN: "clickhouse://127.0.0.1:9000"},
		Database:    "penstock",
		Timing:      penstock.DefaultTiming(),
		RunRows:     1_000_000,
		Runs:        4,
		Outstanding: 2048,
	}
}

// Validate reports every setting that is out of bounds.
func (c Config) Validate() error {
	var errs []error
	if c.Database == "" {
		errs = append(errs, errors.New("database: is empty; penstock is the usual name"))
	}
	if c.RunRows < 1 {
		errs = append(errs, errors.New("run_rows: is 0; a run that sends nothing never ends"))
	}
	if c.Runs < 1 {
		errs = append(errs, fmt.Errorf("runs: %d is less than 1", c.Runs))
	}
	if c.Outstanding < 1 {
		errs = append(errs, errors.New("outstanding: is 0; no chunk would ever be published"))
	}
	return errors.Join(append(errs, c.Timing.Validate())...)
}

// extractor is one process's part.
type extractor struct {
	cfg    Config
	env    daemon.Env
	queue  *queue.Queue
	conn   *clickhouse.Conn
	ledger *ledger.Ledger
	specs  *specs.Store
	holder string           // how leases name this process
	tokens dataverse.Tokens // of all environments, from run to run
	runs   chan struct{}    // permits for cfg.Runs diffs and reads at a time
}

// Run extracts until ctx ends. Runs that are under way are then aborted, and begun anew by whoever leads next.
func Run(ctx context.Context, env daemon.Env, cfg Config) (err error) {
	env = env.For("extractor")
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("extractor: %w", err)
	}
	cfg.Queue.Timing = cfg.Timing
	q, err := queue.Open(ctx, cfg.Queue, env.Log)
	if err != nil {
		return fmt.Errorf("extractor: %w", err)
	}
	defer q.Close()
	if err := q.Declare(ctx); err != nil {
		return fmt.Errorf("extractor: %w", err)
	}
	conn, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return fmt.Errorf("extractor: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	book, err := ledger.Open(ctx, conn, cfg.Database)
	if err != nil {
		return fmt.Errorf("extractor: %w", err)
	}
	x := &extractor{
		cfg: cfg, env: env, queue: q, conn: conn, ledger: book,
		holder: daemon.Holder(),
		runs:   make(chan struct{}, cfg.Runs),
	}
	x.specs = &specs.Store{Queue: q, Ledger: book, Holder: x.holder, Log: env.Log, Wait: cfg.Timing.Lease + cfg.Timing.Publish}
	if err := x.specs.Restore(ctx); err != nil {
		return fmt.Errorf("extractor: %w", err)
	}
	calls, err := x.serve(ctx)
	if err != nil {
		return fmt.Errorf("extractor: %w", err)
	}
	defer func() { err = errors.Join(err, calls.Close()) }()
	env.Log.Info("ready")

	// What the writers still answer while runs are being given up is worth having: the recorder stops last.
	hard, cancel := daemon.Outlive(ctx, cfg.Timing.Publish)
	defer cancel()
	recording, stop := context.WithCancel(hard)
	defer stop()
	first := cfg.Timing.Publish / 20
	var parts, recorder sync.WaitGroup
	recorder.Go(func() { daemon.Persist(recording, env.Log, "recording results", first, x.record) })
	parts.Go(func() { daemon.Persist(ctx, env.Log, "taking requests", first, x.inbox) })
	parts.Go(func() { x.lead(ctx, hard) })
	parts.Go(func() { x.keepTime(ctx) })
	parts.Wait()
	stop()
	recorder.Wait()
	return nil
}
