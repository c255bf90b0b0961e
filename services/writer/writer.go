// Package writer takes chunks from the queue, one per permit, writes them into Dataverse with $batch, and reports what
// became of each change.
//
// To write as an application user a writer must hold its lease, so each budget has one owner and the governor is local
// and exact. With one application user one writer works for an environment and the others stand by; more application
// users mean more throughput.
//
// The retry policy is one pure function (policy.go); nothing beneath it sends anything again, and the queue is never
// asked to redeliver later: what could not be sent is reported as not sent, and the next diff takes it up.
package writer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Config is what a writer needs to know.
type Config struct {
	Queue    queue.Config    `yaml:"queue"`
	Timing   penstock.Timing `yaml:"timing"`   // the same in all processes of a deployment
	Budget   Budget          `yaml:"budget"`   // of one application user
	Parallel int             `yaml:"parallel"` // requests at a time per application user, at most; Dataverse's hint lowers it

	Identities sealed.Identities `yaml:"identities"` // file with the age identities that open sealed secrets; empty: none are sealed
}

// DefaultConfig works against a NATS server on this machine.
func DefaultConfig() Config {
	return Config{
		Queue:  queue.Config{URL: "nats://127.0.0.1:4222", Name: "penstock writer"},
		Timing: penstock.DefaultTiming(), Budget: DefaultBudget(), Parallel: 8,
	}
}

// Validate reports every setting that is out of bounds.
func (c Config) Validate() error {
	errs := []error{c.Timing.Validate()}
	if c.Parallel < 1 || c.Parallel > c.Budget.Concurrency {
		errs = append(errs, fmt.Errorf("parallel: %d is outside 1..%d", c.Parallel, c.Budget.Concurrency))
	}
	if c.Budget.Requests < 1 || c.Budget.Execution < time.Second {
		errs = append(errs, fmt.Errorf("budget: %d requests and %s of execution leave nothing to send with", c.Budget.Requests, c.Budget.Execution))
	}
	return errors.Join(errs...)
}

// writer is one process's part.
type writer struct {
	cfg    Config
	env    daemon.Env
	queue  *queue.Queue
	holder string
	tokens dataverse.Tokens // of all environments: a lease that comes back finds the one that it had

	standing map[string]standFor // by environment; the watch alone uses it
	group    sync.WaitGroup
}

// Run writes until ctx ends, and then finishes what is in hand: at most one request and its report per chunk. What a chunk
// still had to send is reported as not sent.
func Run(ctx context.Context, env daemon.Env, cfg Config) error {
	env = env.For("writer")
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("writer: %w", err)
	}
	cfg.Queue.Timing = cfg.Timing
	q, err := queue.Open(ctx, cfg.Queue, env.Log)
	if err != nil {
		return fmt.Errorf("writer: %w", err)
	}
	defer q.Close()
	if err := q.Declare(ctx); err != nil {
		return fmt.Errorf("writer: %w", err)
	}
	w := &writer{
		cfg: cfg, env: env, queue: q, holder: daemon.Holder(),
		standing: map[string]standFor{},
	}
	defer w.group.Wait()
	env.Log.Info("ready")
	for {
		err := q.WatchSpecs(ctx, func(v queue.Value) { w.applied(ctx, v) })
		if ctx.Err() != nil {
			return nil
		}
		env.Log.Warn("cannot watch the applied environments; trying again", "err", err)
		if daemon.Sleep(ctx, cfg.Timing.Publish/10) != nil {
			return nil
		}
	}
}

// applied starts, replaces or ends what stands for the application users of an environment. A watch that begins anew
// tells of environments that did not change; those are left alone.
func (w *writer) applied(ctx context.Context, v queue.Value) {
	name, ok := strings.CutPrefix(v.Name, queue.SpecOfEnvironment(""))
	if !ok || w.standing[name].revision == v.Revision {
		return
	}
	if old := w.standing[name]; old.end != nil {
		old.end()
	}
	delete(w.standing, name)
	if v.Data == nil {
		return // deleted
	}
	var stored struct {
		Spec spec.Environment `json:"spec"`
	}
	if err := json.Unmarshal(v.Data, &stored); err != nil {
		w.env.Log.Error("a stored environment cannot be read; apply it again", "environment", name, "err", err)
		return
	}
	standing, end := context.WithCancel(ctx)
	w.standing[name] = standFor{revision: v.Revision, end: end}
	for _, user := range stored.Spec.Users {
		u := &applicationUser{
			writer: w, environment: stored.Spec, user: user,
			log: w.env.Log.With("environment", name, "user", user.ClientID),
		}
		w.group.Go(func() { u.stand(standing) })
	}
}

// A standFor is one revision of an environment, whose application users are stood for until end.
type standFor struct {
	revision uint64
	end      context.CancelFunc
}
