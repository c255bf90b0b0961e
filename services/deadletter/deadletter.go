// Package deadletter keeps what was refused: it takes letters from the queue into the table dead_letters, and tells which
// of them are open.
//
// Letters are only ever added. Whether one is open is derived in SQL (the view open_dead_letters): a letter closes by
// itself once a later run has sent its row with another end, or its row no longer wants the change. So no message can
// arrive too late, and storing a letter twice changes nothing.
package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// Config is what a dead-letter service needs to know.
type Config struct {
	Queue      queue.Config      `yaml:"queue"`
	ClickHouse clickhouse.Config `yaml:"clickhouse"`
	Database   string            `yaml:"database"` // Penstock's own, in the same ClickHouse
	Timing     penstock.Timing   `yaml:"timing"`   // the same in all processes of a deployment
}

// DefaultConfig works against a NATS server and a ClickHouse on this machine.
func DefaultConfig() Config {
	return Config{
		Queue:      queue.Config{URL: "nats://127.0.0.1:4222", Name: "penstock deadletter"},
		ClickHouse: clickhouse.Config{DSN: "clickhouse://127.0.0.1:9000"},
		Database:   "penstock",
		Timing:     penstock.DefaultTiming(),
	}
}

// Validate reports every setting that is out of bounds.
func (c Config) Validate() error {
	errs := []error{c.Timing.Validate()}
	if c.Database == "" {
		errs = append(errs, errors.New("database: is empty; penstock is the usual name"))
	}
	return errors.Join(errs...)
}

type service struct {
	cfg    Config
	env    daemon.Env
	queue  *queue.Queue
	ledger *ledger.Ledger
}

// Run keeps letters until ctx ends. What was taken is stored before it returns.
func Run(ctx context.Context, env daemon.Env, cfg Config) (err error) {
	env = env.For("deadletter")
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	cfg.Queue.Timing = cfg.Timing
	q, err := queue.Open(ctx, cfg.Queue, env.Log)
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	defer q.Close()
	if err := q.Declare(ctx); err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	conn, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	book, err := ledger.Open(ctx, conn, cfg.Database)
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	s := &service{cfg: cfg, env: env, queue: q, ledger: book}
	calls, err := control.Serve(ctx, q.Conn(), "penstock-deadletter", "0.1.0", "keeps and lists dead letters")
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	defer func() { err = errors.Join(err, calls.Close()) }()
	if err := control.Handle(calls, control.DeadLetters, s.list); err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	env.Log.Info("ready")

	hard, cancel := daemon.Outlive(ctx, cfg.Timing.Publish)
	defer cancel()
	daemon.Persist(ctx, env.Log, "keeping letters", cfg.Timing.Publish/20, func(ctx context.Context) error { return s.keep(ctx, hard) })
	return nil
}

// keep stores letters in blocks, and acks those that ClickHouse has, until ctx ends or a fault does.
func (s *service) keep(ctx, hard context.Context) error {
	messages, err := s.queue.TakeLetters(ctx, 10_000, s.cfg.Timing.Flush/2)
	if err != nil {
		return err
	}
	letters := make([]penstock.Letter, 0, len(messages))
	for _, m := range messages {
		if m.Err != nil {
			s.env.Log.Error("a letter cannot be read; its row is sent again by the next run", "subject", m.Subject, "err", m.Err)
			continue
		}
		letters = append(letters, m.Value)
	}
	if err := s.ledger.Letters(hard, letters); err != nil {
		return err
	}
	return queue.Ack(hard, messages...)
}

func (s *service) list(ctx context.Context, r *penstockv1.DeadLettersRequest) (*penstockv1.DeadLettersResponse, error) {
	choice := ledger.Choice{Environment: r.GetEnvironment(), Sync: r.GetSync(), Class: penstock.Class(r.GetClass())}
	groups, err := s.ledger.Groups(ctx, choice)
	if err != nil {
		return nil, err
	}
	resp := &penstockv1.DeadLettersResponse{}
	for _, g := range groups {
		resp.Groups = append(resp.Groups, &penstockv1.DeadLetterGroup{
			Environment: g.Sync.Environment, Sync: g.Sync.Name, Class: string(g.Cause.Class), Code: g.Cause.Code, Column: g.Cause.Column,
			Target: g.Cause.Target, Privilege: g.Cause.Privilege, Key: g.Cause.Key, Count: g.Rows, Example: g.Cause.Message,
			Mend: dataverse.Mend(g.Cause),
		})
	}
	if r.GetLimit() == 0 {
		return resp, nil
	}
	letters, err := s.ledger.OpenLetters(ctx, choice, int(min(r.GetLimit(), 10_000)))
	if err != nil {
		return nil, err
	}
	for _, d := range letters {
		resp.Letters = append(resp.Letters, &penstockv1.OpenLetter{
			Environment: d.Run.Sync.Environment, Sync: d.Run.Sync.Name, Run: d.Run.Number, Chunk: d.Chunk, Ordinal: d.Ordinal,
			Key: d.Key, Operation: d.Operation.String(), Class: string(d.Cause.Class), Code: d.Cause.Code, Column: d.Cause.Column,
			Message: d.Cause.Message, At: timestamppb.New(d.At.Truncate(time.Millisecond)),
		})
	}
	return resp, nil
}
