package writer

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// An applicationUser is the right to write to one environment as one identity, for as long as its lease is ours.
type applicationUser struct {
	*writer
	environment spec.Environment
	user        spec.User
	log         *slog.Logger

	lease        *queue.Lease
	client       *dataverse.Client
	organization string
	governor     *governor
	breaker      *breaker
	idle         atomic.Bool   // the queue had nothing for us
	waiting      chan struct{} // a place for the one lane that waits for a chunk then
	perChange    atomic.Int64  // nanoseconds that one change takes Dataverse, smoothed
}

// stand waits for the lease, works while it is ours, and waits again: a moment where another holds it, longer and longer
// where Dataverse does not let us in.
func (u *applicationUser) stand(ctx context.Context) {
	soon := u.cfg.Timing.Lease / 15
	refused := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(soon), backoff.WithMaxInterval(u.cfg.Timing.OpenMost), backoff.WithMaxElapsedTime(0))
	for ctx.Err() == nil {
		wait := soon
		switch err := u.serve(ctx); {
		case err == nil || ctx.Err() != nil:
			refused.Reset()
		case !errors.Is(err, queue.ErrHeld):
			wait = refused.NextBackOff()
			u.log.Warn("not writing for now", "err", err, "again_in", wait.Round(time.Millisecond).String())
		}
		if daemon.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// serve takes the lease and writes until it is lost, the environment cannot be reached, or ctx ends.
func (u *applicationUser) serve(ctx context.Context) (err error) {
	u.lease, err = u.queue.Acquire(ctx, queue.UserLease(u.environment.Name, u.user.ClientID), u.holder)
	if err != nil {
		return err
	}
	hard, cancel := daemon.Outlive(ctx, u.cfg.Timing.Hold)
	defer cancel()
	defer func() { err = errors.Join(err, u.lease.Release(hard)) }()

	spent, err := u.inherit(ctx)
	if err != nil {
		return err
	}
	u.client, err = dataverse.New(dataverse.Config{
		URL: u.environment.URL, Tenant: u.environment.Tenant, Authorities: u.environment.Authorities(),
		ClientID: u.user.ClientID, Secret: u.user.ClientSecret.Reader(u.cfg.Identities), Certificate: u.user.Certificate.Reader(u.cfg.Identities), Tokens: &u.tokens,
		Request: u.cfg.Timing.Request, Connections: u.cfg.Parallel,
	})
	if err != nil {
		return err
	}
	defer u.client.Close()
	who, err := u.client.WhoAmI(ctx)
	if err != nil {
		return err
	}
	u.organization, u.waiting = who.Organization, make(chan struct{}, 1)
	u.governor = newGovernor(u.cfg.Budget, u.cfg.Timing.Window, u.cfg.Parallel, spent)
	u.breaker = newBreaker(u.environment.Name, u.cfg.Timing.OpenFirst, u.cfg.Timing.OpenMost, func(from, to string) {
		u.log.Warn("breaker", "from", from, "to", to)
	})
	u.log.Info("writing", "organization", u.organization)

	work, stop := context.WithCancel(ctx)
	defer stop()
	var lanes sync.WaitGroup
	lanes.Go(func() {
		defer stop()
		u.handOver(work, hard)
	})
	// Twice as many lanes as permits: while one chunk's report is being stored, another's request is under way.
	for range 2 * u.cfg.Parallel {
		lanes.Go(func() { u.lane(work, hard) })
	}
	lanes.Wait()
	if u.lease.Held() != nil {
		return nil // a successor keeps the books now
	}
	return u.saveSpend(hard)
}

// lane takes a permit, then a chunk, and settles both, over and over; it ends when the lease does.
func (u *applicationUser) lane(ctx, hard context.Context) {
	daemon.Persist(ctx, u.log, "carrying a chunk", u.cfg.Timing.Publish/20, func(ctx context.Context) error {
		if u.lease.Held() != nil {
			_ = daemon.Sleep(ctx, u.cfg.Timing.Lease/15) // ctx is about to end
			return nil
		}
		return u.turn(ctx, hard)
	})
}

// turn is one chunk: permit first, so that a chunk's time does not run while it waits for one.
func (u *applicationUser) turn(ctx, hard context.Context) error {
	if err := u.queue.Room(ctx); err != nil {
		return err
	}
	p, err := u.permit(ctx)
	if err != nil {
		return err
	}
	d, err := u.take(ctx)
	if err != nil || d == nil {
		p.giveBack()
		return err
	}
	return u.carry(ctx, hard, p, d)
}

// take asks the queue for a chunk. While there are chunks all lanes ask; where there was none the last time, one waits
// for all.
func (u *applicationUser) take(ctx context.Context) (*queue.Delivery, error) {
	if u.idle.Load() {
		select {
		case u.waiting <- struct{}{}:
			defer func() { <-u.waiting }()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	d, err := u.queue.Take(ctx, u.environment.Name)
	u.idle.Store(d == nil)
	return d, err
}

// A permit is the right to send one request. Whoever has one spends it or gives it back.
type permit struct {
	user    *applicationUser
	passage passage
	booked  time.Duration // of execution
}

// spend ends the permit with what Dataverse answered. A verdict may be throttling too, where a plug-in ran into it.
func (p *permit) spend(a dataverse.Answer) {
	g := p.user.governor
	kind := penstock.Fine
	if a.Fault != nil {
		kind = a.Fault.Kind
	}
	if code, throttled := throttling(a); throttled {
		g.throttled(code, a.Limits.RetryAfter)
	}
	g.settle(p.booked, a.Elapsed)
	g.hint(a.Limits.DOPHint)
	p.passage.report(kind)
}

// throttling finds the code by which Dataverse asks to be left alone, in the answer as a whole or in a verdict.
func throttling(a dataverse.Answer) (code string, throttled bool) {
	if a.Fault != nil {
		return a.Fault.Code, a.Fault.Kind == penstock.Throttled
	}
	for i := range a.Verdicts {
		if a.Verdicts[i].Kind == penstock.Throttled {
			return a.Verdicts[i].Cause.Code, true
		}
	}
	return "", false
}

// stale reports that everything was stopped after the permit was given: a lane may have waited long for its chunk.
func (p *permit) stale() bool { return p.user.governor.paused() || p.user.breaker.open() }

// giveBack ends the permit unused.
func (p *permit) giveBack() {
	p.user.governor.refund(p.booked)
	p.passage.unused()
}

// permit waits until one request may be sent.
func (u *applicationUser) permit(ctx context.Context) (*permit, error) {
	entry, err := u.breaker.enter(ctx)
	if err != nil {
		return nil, err
	}
	booked, err := u.governor.acquire(ctx)
	if err != nil {
		entry.unused()
		return nil, err
	}
	return &permit{user: u, passage: entry, booked: booked}, nil
}

// handOver keeps what was spent where a successor finds it, until the lease is lost or work ends.
func (u *applicationUser) handOver(ctx, hard context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.lease.Lost():
			return
		case <-time.After(u.cfg.Timing.Lease / 3):
		}
		if err := u.saveSpend(hard); err != nil {
			u.log.Warn("what was spent could not be stored; a successor would count all as spent", "err", err)
		}
	}
}

// A handedOver is what a lease leaves behind.
type handedOver struct {
	Spend Spend     `json:"spend"`
	At    time.Time `json:"at"`
}

func (u *applicationUser) saveSpend(ctx context.Context) error {
	data, err := json.Marshal(handedOver{Spend: u.governor.spend(), At: time.Now()})
	if err != nil {
		return err
	}
	return u.queue.PutLimits(ctx, queue.LimitsOfUser(u.environment.Name, u.user.ClientID), data)
}

// inherit is what a predecessor spent in the current window. Where nothing is known of it, nothing was: the first holder
// ever finds an empty bucket.
func (u *applicationUser) inherit(ctx context.Context) (Spend, error) {
	v, err := u.queue.Limits(ctx, queue.LimitsOfUser(u.environment.Name, u.user.ClientID))
	if err != nil || v.Revision == 0 {
		return Spend{}, err
	}
	var left handedOver
	if err := json.Unmarshal(v.Data, &left); err != nil {
		return Spend{Requests: u.cfg.Budget.Requests, Execution: u.cfg.Budget.Execution}, nil //nolint:nilerr // unreadable counts as all spent
	}
	if time.Since(left.At) > u.cfg.Timing.Window {
		left.Spend.Requests, left.Spend.Execution = 0, 0
	}
	return left.Spend, nil
}
