package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrHeld is wrapped by [Queue.Acquire] while another holds the lease.
var ErrHeld = errors.New("held by another")

// ErrLost is wrapped by [Lease.Held] once the lease may be another's.
var ErrLost = errors.New("the lease is lost")

// A Lease is the right to do something alone for a while: lead a sync, write as an application user. It is renewed at a
// third of its time, until Release, which must be called. It is a hint and no lock: whoever acts on it asks Held right
// before, and marks what it does with Epoch.
type Lease struct {
	name     string
	epoch    uint64
	bucket   jetstream.KeyValue
	value    []byte
	revision uint64 // of the renewal that we know of; the renewing goroutine's, and Release's after it
	ttl      time.Duration
	term     *term
	q        *Queue
	cancel   context.CancelFunc
	renewal  sync.WaitGroup
}

// leaseValue is what others see of a lease.
type leaseValue struct {
	Holder string `json:"holder"`
	Nonce  string `json:"nonce"` // tells two leases of one holder apart
}

// Acquire takes the lease of that name (see [LeaderLease], [UserLease]), or fails at once with [ErrHeld]. The holder is
// for people who wonder. The lease outlives ctx.
func (q *Queue) Acquire(ctx context.Context, name, holder string) (*Lease, error) {
	bucket, err := q.bucket(ctx, bucketLeases)
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(leaseValue{Holder: holder, Nonce: uuid.NewString()})
	if err != nil {
		return nil, fmt.Errorf("nats: lease %s: %w", name, err)
	}
	sent := time.Now()
	revision, err := bucket.Create(ctx, name, value)
	if conflict(err) {
		by := ""
		if entry, err := bucket.Get(ctx, name); err == nil {
			var v leaseValue
			if json.Unmarshal(entry.Value(), &v) == nil && v.Holder != "" {
				by = " (" + v.Holder + ")"
			}
		}
		return nil, fmt.Errorf("nats: lease %s: %w%s", name, ErrHeld, by)
	}
	if err != nil {
		return nil, fault("acquire lease "+name, err)
	}
	l := &Lease{
		name: name, epoch: revision, bucket: bucket, value: value, revision: revision, ttl: q.timing.Lease, q: q,
		term: newTerm(sent.Add(q.timing.Lease * 2 / 3)),
	}
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.renewal.Go(func() { l.renew(ctx) })
	return l, nil
}

// Epoch is greater than that of every earlier lease in the same bucket.
func (l *Lease) Epoch() uint64 { return l.epoch }

// Held is nil while the lease is ours, by both clocks: until two thirds of its time after the last renewal was sent.
// Once it is lost, it stays lost.
func (l *Lease) Held() error {
	if !l.term.lasts() {
		return fmt.Errorf("nats: lease %s: %w", l.name, ErrLost)
	}
	return nil
}

// Lost is closed soon after the lease ceased to be ours, by Release too. A process that was frozen may read it too late:
// see Held.
func (l *Lease) Lost() <-chan struct{} { return l.term.over }

// Deadline is until when the lease is ours, unless a renewal makes it later.
func (l *Lease) Deadline() time.Time { return l.term.deadline() }

// Release gives the lease back, so that a successor need not wait until it lapses. It lapses by itself where that fails.
func (l *Lease) Release(ctx context.Context) error {
	l.cancel()
	l.renewal.Wait()
	held := l.term.lasts()
	l.term.end()
	if !held {
		return nil
	}
	err := l.bucket.Delete(ctx, l.name, jetstream.LastRevision(l.revision))
	if conflict(err) { // it lapsed just now, and is another's
		return nil
	}
	return fault("release lease "+l.name, err)
}

func (l *Lease) renew(ctx context.Context) {
	every := l.ttl / 3
	tick := time.NewTicker(every)
	defer tick.Stop()
	end := time.NewTimer(time.Until(l.term.deadline()))
	defer end.Stop()
	for l.term.lasts() {
		select {
		case <-ctx.Done():
			return
		case <-end.C: // look again
		case <-tick.C:
			renewed, err := l.renewOnce(ctx, every/2)
			switch {
			case renewed:
				tick.Reset(every)
			case ctx.Err() != nil:
				return
			case errors.Is(err, ErrLost):
				l.term.end()
			default: // what became of it is not known: there is time for another try before the deadline
				l.q.log.Warn("nats: a lease could not be renewed", "lease", l.name, "cause", err)
				tick.Reset(every / 4)
			}
		}
		end.Reset(time.Until(l.term.deadline()))
	}
	l.q.log.Warn("nats: a lease is lost", "lease", l.name, "epoch", l.epoch)
}

// renewOnce fails with ErrLost when the lease is known to be another's. Other failures leave that open, and the deadline
// decides.
func (l *Lease) renewOnce(ctx context.Context, patience time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sent := time.Now()
	revision, err := l.bucket.Update(ctx, l.name, l.value, l.revision)
	if conflict(err) {
		// Perhaps an earlier renewal was stored and its answer lost.
		var entry jetstream.KeyValueEntry
		entry, err = l.bucket.Get(ctx, l.name)
		if errors.Is(err, jetstream.ErrKeyNotFound) || err == nil && string(entry.Value()) != string(l.value) {
			return false, ErrLost
		}
		if err == nil {
			revision, err = l.bucket.Update(ctx, l.name, l.value, entry.Revision())
		}
	}
	if err != nil {
		return false, err
	}
	l.revision = revision
	return l.term.extend(sent.Add(l.ttl * 2 / 3)), nil
}
