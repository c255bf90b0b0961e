// Package queue carries the pipeline over NATS JetStream: requests, chunks, results and dead letters in streams; run
// records, leases, specifications and limits in buckets; events over core NATS.
//
// JetStream is not the truth. Everything here may be lost and is then sent again; what the package promises is that
// nothing is lost silently, that a chunk is in the hands of one writer at a time as far as clocks can tell, and that
// whoever no longer holds a chunk or a lease can know it without asking anyone.
//
// Every waiting time comes from [penstock.Timing]. Errors are [*penstock.Error] where the other side is at fault.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// apiLevel is that of nats-server 2.12, the oldest that is known to keep our streams.
const apiLevel = 2

// Config says where NATS is and how much it may keep.
type Config struct {
	URL      string          // nats://host:port, several with commas between
	Name     string          // of this process, as NATS lists its connections
	Timing   penstock.Timing // the same in all processes of a deployment
	Replicas int             // of every stream and bucket; 1 when 0
	MaxBytes int64           // of the changes, the results and the dead letters, each; 1 GiB when 0
}

// A Queue is a connection to JetStream. It is safe for concurrent use, and reconnects by itself for ever.
type Queue struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	timing   penstock.Timing
	replicas int
	maxBytes int64
	log      *slog.Logger
	closed   chan struct{}

	takes    atomic.Uint64 // see Take
	requests durable
	results  durable
	letters  durable
	buckets  sync.Map // name -> jetstream.KeyValue
	room     room
}

// A durable is a consumer of which only the handle is looked up once.
type durable struct {
	stream, name string
	mu           sync.Mutex
	handle       jetstream.Consumer
}

// Open connects, and refuses a server without JetStream or one that is too old. Call Declare before anything else on a
// server that may be new. The context bounds the opening alone.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Queue, error) {
	if err := cfg.Timing.Validate(); err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	at := redact(cfg.URL)
	q := &Queue{
		timing: cfg.Timing, replicas: max(cfg.Replicas, 1), maxBytes: cfg.MaxBytes, log: log, closed: make(chan struct{}),
		requests: durable{stream: streamRequests, name: consumerRequests},
		results:  durable{stream: streamResults, name: consumerResults},
		letters:  durable{stream: streamLetters, name: consumerLetters},
	}
	if q.maxBytes == 0 {
		q.maxBytes = 1 << 30
	}
	conn, err := nats.Connect(cfg.URL, q.options(cfg.Name)...)
	if err != nil {
		return nil, &penstock.Error{
			Op: "nats: connect to " + at, Kind: penstock.Transient, Err: err,
			Hint: "is PENSTOCK_NATS right, and does a NATS server run there?",
		}
	}
	q.conn = conn
	if err := q.check(ctx, at); err != nil {
		conn.Close()
		<-q.closed
		return nil, err
	}
	return q, nil
}

func (q *Queue) options(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.Timeout(q.timing.Publish),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(q.timing.Flush),
		nats.ReconnectBufSize(-1), // a message in that buffer would look sent
		nats.CustomInboxPrefix(inboxPrefix),
		nats.PingInterval(q.timing.AckWait / 3), // a dead connection is noticed before a chunk is given to another
		nats.MaxPingsOutstanding(2),
		nats.DrainTimeout(q.timing.Publish),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				q.log.Warn("nats: disconnected; trying to reconnect", "cause", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			q.log.Info("nats: reconnected", "server", c.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			q.log.Error("nats: reported a fault", "cause", err, "subject", subject)
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(q.closed) }),
	}
}

func (q *Queue) check(ctx context.Context, at string) (err error) {
	if q.js, err = jetstream.New(q.conn, jetstream.WithDefaultTimeout(q.timing.Publish)); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, declareTime) // a server that is starting may be at its disk
	defer cancel()
	account, err := q.js.AccountInfo(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return &penstock.Error{
			Op: "nats: " + at, Kind: penstock.SystemFault, Err: err,
			Hint: "is PENSTOCK_NATS right? Start the server with JetStream (nats-server -js)",
		}
	case err != nil:
		return &penstock.Error{Op: "nats: ask " + at + " for JetStream", Kind: penstock.Transient, Err: err}
	case account.API.Level < apiLevel:
		return &penstock.Error{
			Op: "nats: " + at, Kind: penstock.SystemFault,
			Err:  fmt.Errorf("server %s has JetStream API level %d", q.conn.ConnectedServerVersion(), account.API.Level),
			Hint: fmt.Sprintf("level %d is needed: nats-server 2.12 or later", apiLevel),
		}
	}
	return nil
}

// Close lets what is under way finish, for at most [penstock.Timing.Publish], and disconnects. Leases and deliveries
// should be released before.
func (q *Queue) Close() {
	if err := q.conn.Drain(); err != nil {
		q.conn.Close() // it was reconnecting: there is nothing to drain into
	}
	<-q.closed
}

// Conn is the connection, for control calls (nats.go/micro).
func (q *Queue) Conn() *nats.Conn { return q.conn }

// fault gives an error of NATS the shape in which the rest of the system judges it.
func fault(op string, err error) error {
	if err == nil {
		return nil
	}
	e := &penstock.Error{Op: "nats: " + op, Kind: penstock.Transient, Err: err}
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("nats: %s: %w", op, err)
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound),
		errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrConsumerDeleted):
		e.Kind, e.Hint = penstock.SystemFault, "was it deleted? Penstock declares its streams when it starts and on apply"
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		e.Hint = "JetStream is starting, or the stream or consumer is not declared"
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrConnectionReconnecting):
		e.Err, e.Hint = nats.ErrDisconnected, "does the NATS server run?"
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		e.Kind = penstock.TooMuch
	}
	return e
}

// redact leaves passwords and tokens out of addresses.
func redact(urls string) string {
	list := strings.Split(urls, ",")
	for i, s := range list {
		u, err := url.Parse(strings.TrimSpace(s))
		switch {
		case err != nil:
			list[i] = "an address that is not a URL"
		case u.User != nil:
			u.User = url.User("xxxxx")
			list[i] = u.String()
		}
	}
	return strings.Join(list, ",")
}

// retries are the waits between attempts: from a hundredth of Publish to a fifth of it.
func (q *Queue) firstWait() time.Duration { return q.timing.Publish / 100 }
func (q *Queue) mostWait() time.Duration  { return q.timing.Publish / 5 }
