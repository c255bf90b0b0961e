package queue

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A publisher has at most so many bytes, and so many messages, under way.
const (
	window         = 16 << 20
	windowMessages = 64
)

// A Publisher puts the chunks of one run into the queue, many at a time and in no particular order. It is safe for
// concurrent use.
type Publisher struct {
	q      *Queue
	guard  func() error
	window *semaphore.Weighted

	mu  sync.Mutex
	err error // the first; nothing is published after it
}

// Publisher makes one. The guard, where it is not nil, is asked right before each chunk is sent, and before it is sent
// again: [Lease.Held], say. What it answers is what Publish and Flush return.
func (q *Queue) Publisher(guard func() error) *Publisher {
	return &Publisher{q: q, guard: guard, window: semaphore.NewWeighted(window)}
}

// Publish sends a chunk, and returns before JetStream has stored it: Flush tells. It waits while too much is under way,
// so a full stream holds up its publishers. The chunk is sent again, under the same id, until it is stored or ctx ends;
// it belongs to the caller again once Publish returns.
//
// The error may be that of an earlier chunk. One that is too large for a message is [penstock.TooMuch].
func (p *Publisher) Publish(ctx context.Context, c *penstock.Chunk) error {
	if err := p.failed(); err != nil {
		return err
	}
	msg, err := encodeChunk(c)
	if err != nil {
		return err
	}
	if err := fits(msg); err != nil {
		return fmt.Errorf("chunk %d of run %d of %s: %w", c.Ordinal, c.Run.Number, c.Run.Sync, err)
	}
	weight := int64(max(msg.Size(), window/windowMessages))
	if err := p.window.Acquire(ctx, weight); err != nil {
		return fault("wait for chunks to be stored", err)
	}
	go func() {
		defer p.window.Release(weight)
		if err := p.q.store(ctx, streamChanges, msg, p.guarded); err != nil {
			p.fail(err)
		}
	}()
	return nil
}

// Flush waits until every chunk is stored. After an error, some may be and some not: the run is to be given up.
func (p *Publisher) Flush(ctx context.Context) error {
	if err := p.window.Acquire(ctx, window); err != nil {
		return errors.Join(p.failed(), fault("wait for chunks to be stored", err))
	}
	p.window.Release(window)
	return p.failed()
}

// guarded stops what still waits to be sent again after one chunk has failed for good.
func (p *Publisher) guarded() error {
	if err := p.failed(); err != nil {
		return err
	}
	if p.guard != nil {
		return p.guard()
	}
	return nil
}

func (p *Publisher) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *Publisher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// PublishResult stores what became of a chunk. It tries until JetStream has it or ctx ends. Publishing one twice stores
// it once; two that differ are both stored.
func (q *Queue) PublishResult(ctx context.Context, r penstock.Result) error {
	m, err := encodeResult(&r)
	if err != nil {
		return err
	}
	msg, err := pack(subjectOfResult(r.Run.Sync), "", m)
	if err != nil {
		return err
	}
	msg.Header.Set(nats.MsgIdHdr, idOfResult(&r, crc32.ChecksumIEEE(msg.Data)))
	return q.store(ctx, streamResults, msg, nil)
}

// PublishLetters stores dead letters. It tries until JetStream has all of them or ctx ends.
func (q *Queue) PublishLetters(ctx context.Context, letters []penstock.Letter) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(windowMessages)
	for i := range letters {
		l := &letters[i]
		m, err := encodeLetter(l)
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		msg, err := pack(subjectOfLetter(l.Run.Sync, l.Cause.Class), idOfLetter(l), m)
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		group.Go(func() error { return q.store(ctx, streamLetters, msg, nil) })
	}
	return group.Wait()
}

// PublishRequest asks for a run of a sync, and returns when the wish is stored.
func (q *Queue) PublishRequest(ctx context.Context, r penstock.Request) error {
	m, err := encodeRequest(&r)
	if err != nil {
		return err
	}
	msg, err := pack(subjectOfRequest(r.Sync), "", m)
	if err != nil {
		return err
	}
	return q.store(ctx, streamRequests, msg, nil)
}

// store publishes until JetStream has the message, guard refuses, ctx ends, or it is plain that it never will.
func (q *Queue) store(ctx context.Context, stream string, msg *nats.Msg, guard func() error) error {
	if err := fits(msg); err != nil {
		return err
	}
	var last error
	attempt := func() error {
		if guard != nil {
			if err := guard(); err != nil {
				return backoff.Permanent(err)
			}
		}
		try, cancel := context.WithTimeout(ctx, q.timing.Publish)
		defer cancel()
		// Without retries of its own, so that guard is asked before each.
		_, err := q.js.PublishMsg(try, msg, jetstream.WithExpectStream(stream), jetstream.WithRetryAttempts(0))
		switch {
		case err == nil:
			return nil
		case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum),
			errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrBadSubject):
			return backoff.Permanent(fault("store in "+stream, err))
		}
		last = err
		return err
	}
	waits := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(q.firstWait()), backoff.WithMaxInterval(q.mostWait()), backoff.WithMaxElapsedTime(0))
	told := false
	err := backoff.RetryNotify(attempt, backoff.WithContext(waits, ctx), func(err error, wait time.Duration) {
		if !told && wait >= q.mostWait()/2 { // a blink is not worth a line
			told = true
			q.log.Warn("nats: a stream does not store; trying again until it does", "stream", stream, "cause", err)
		}
	})
	if last != nil && err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", fault("store in "+stream, last), ctx.Err())
	}
	return err
}

func fits(msg *nats.Msg) error {
	if size := msg.Size() + headroom; size > maxMessage {
		return &penstock.Error{
			Op: "nats: publish to " + msg.Subject, Kind: penstock.TooMuch,
			Err: fmt.Errorf("message of %d bytes is larger than %d", size, maxMessage),
		}
	}
	return nil
}
