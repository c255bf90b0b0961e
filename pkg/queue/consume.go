package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A batch of results or letters is at most so large, so that their readers need bounded memory.
const batchBytes = 32 << 20

// Acks of one batch that are under way at a time.
const acksAtOnce = 64

// A Message is a request, a result or a letter with what is needed to ack it. Err is set, and Value is not to be
// trusted, where it could not be read: it is to be logged and acked away, or it would come again for ever.
type Message[T any] struct {
	Value      T
	Subject    string
	Deliveries uint64 // how often it was delivered, this time included
	Err        error
	msg        jetstream.Msg
}

// TakeResults waits for results of all syncs: until there are max of them, or linger is over. It may return none.
// What is not acked within AckWait comes again.
func (q *Queue) TakeResults(ctx context.Context, max int, linger time.Duration) ([]Message[penstock.Result], error) {
	return take(ctx, q, &q.results, max, linger, decodeResult)
}

// TakeLetters is TakeResults for dead letters.
func (q *Queue) TakeLetters(ctx context.Context, max int, linger time.Duration) ([]Message[penstock.Letter], error) {
	return take(ctx, q, &q.letters, max, linger, decodeLetter)
}

// TakeRequests is TakeResults for the wishes for runs, which anyone may publish, as JSON.
func (q *Queue) TakeRequests(ctx context.Context, max int, linger time.Duration) ([]Message[penstock.Request], error) {
	return take(ctx, q, &q.requests, max, linger, decodeRequest)
}

// Ack removes messages from the queue, and waits until JetStream confirms each: after what they say is stored elsewhere.
func Ack[T any](ctx context.Context, messages ...Message[T]) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(acksAtOnce)
	for _, m := range messages {
		group.Go(func() error { return fault("ack on "+m.Subject, m.msg.DoubleAck(ctx)) })
	}
	return group.Wait()
}

func take[T any](
	ctx context.Context, q *Queue, d *durable, most int, linger time.Duration,
	decode func(nats.Header, string, []byte) (T, error),
) ([]Message[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	consumer, err := d.open(ctx, q.js)
	if err != nil {
		return nil, fault("read "+d.stream, err)
	}
	// The fetch is not cut short by ctx: what JetStream has sent by then counts as delivered.
	batch, err := consumer.Fetch(most, jetstream.FetchMaxWait(linger), jetstream.FetchMaxBytes(batchBytes))
	if err != nil {
		return nil, fault("read "+d.stream, err)
	}
	var out []Message[T]
	for msg := range batch.Messages() {
		m := Message[T]{Subject: msg.Subject(), msg: msg}
		if meta, err := msg.Metadata(); err == nil {
			m.Deliveries = meta.NumDelivered
		}
		if m.Value, err = decode(msg.Headers(), msg.Subject(), msg.Data()); err != nil {
			m.Err = fmt.Errorf("message on %s: %w", msg.Subject(), err)
		}
		out = append(out, m)
	}
	// What came is good, whatever went wrong then; a shutting-down server is one that comes back.
	if err := batch.Error(); err != nil && len(out) == 0 && !errors.Is(err, jetstream.ErrServerShutdown) {
		return nil, fault("read "+d.stream, err)
	}
	return out, nil
}

func (d *durable) open(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.handle == nil {
		handle, err := js.Consumer(ctx, d.stream, d.name)
		if err != nil {
			return nil, err
		}
		d.handle = handle
	}
	return d.handle, nil
}
