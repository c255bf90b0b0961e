package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/natstest"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestMain(m *testing.M) {
	if os.Getenv(frozenURL) != "" {
		os.Exit(frozenChild()) //nolint:forbidigo // the test binary runs itself as another process
	}
	goleak.VerifyTestMain(m)
}

const environment = "test"

var contacts = penstock.SyncID{Environment: environment, Name: "contacts"}

func quick() penstock.Timing { return penstock.DefaultTiming().Divide(20) }

// connect opens a queue; its end is that of the test.
func connect(t testing.TB, s *natstest.Server, change func(*Config)) *Queue {
	t.Helper()
	cfg := Config{URL: s.URL(), Name: t.Name(), Timing: quick()}
	if change != nil {
		change(&cfg)
	}
	q, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

// start is a server with everything declared.
func start(t testing.TB, change func(*Config)) (*natstest.Server, *Queue) {
	t.Helper()
	s := natstest.Start(t)
	q := connect(t, s, change)
	must(t, q.Declare(t.Context()))
	must(t, q.DeclareEnvironment(t.Context(), environment))
	return s, q
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-late:
			t.Fatal("never came true: " + what)
		case <-tick.C:
		}
	}
}

func runID(epoch uint64) penstock.RunID {
	return penstock.RunID{Sync: contacts, Organization: "0f0e0d0c-0b0a-0908-0706-050403020100", Number: 7, Epoch: epoch}
}

// chunk has n changes with bodies of that many bytes, which do not compress.
func chunk(ordinal uint32, lane penstock.Lane, n, bytes int) *penstock.Chunk {
	c := &penstock.Chunk{Run: runID(3), Ordinal: ordinal, Lane: lane, Table: "contact", Created: time.Unix(1_800_000_000, 0).UTC()}
	x := uint64(ordinal)*2654435761 + 1
	for i := range n {
		body := make([]byte, bytes)
		for j := range body {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			body[j] = byte(x)
		}
		c.Changes = append(c.Changes, penstock.Change{
			Key: fmt.Sprintf("C-%d-%d", ordinal, i), Address: fmt.Sprintf("contacts(n='C-%d-%d')", ordinal, i), Body: body,
			Hash: penstock.Hash{byte(ordinal), byte(i), 1},
		})
	}
	return c
}

func publish(t testing.TB, q *Queue, chunks ...*penstock.Chunk) {
	t.Helper()
	p := q.Publisher(nil)
	for _, c := range chunks {
		must(t, p.Publish(t.Context(), c))
	}
	must(t, p.Flush(t.Context()))
}

// takeOne waits for a chunk.
func takeOne(t testing.TB, q *Queue) *Delivery {
	t.Helper()
	var d *Delivery
	var err error
	eventually(t, "a chunk comes", func() bool {
		d, err = q.Take(t.Context(), environment)
		return err == nil && d != nil
	})
	return d
}

func pending(t testing.TB, q *Queue, lane penstock.Lane) (waiting, held int) {
	t.Helper()
	c, err := q.js.Consumer(t.Context(), streamChanges, consumerOf(environment, lane))
	must(t, err)
	return int(c.CachedInfo().NumPending), c.CachedInfo().NumAckPending
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	s := natstest.Start(t)
	url := s.URL()
	s.Stop()
	_, err := Open(t.Context(), Config{URL: "nats://someone:s3cret@" + url[len("nats://"):], Timing: quick()},
		slog.New(slog.DiscardHandler))
	var e *penstock.Error
	if !errors.As(err, &e) || e.Kind != penstock.Transient || e.Hint == "" {
		t.Fatalf("not a penstock.Error with a hint: %v", err)
	}
	if got := err.Error(); !contains(got, "PENSTOCK_NATS") || contains(got, "s3cret") {
		t.Fatalf("the message must name the variable and the cause, and no password: %s", got)
	}
}

func TestOpenRefusesAServerWithoutJetStream(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	_, err = Open(t.Context(), Config{URL: s.ClientURL(), Timing: quick()}, slog.New(slog.DiscardHandler))
	var e *penstock.Error
	if !errors.As(err, &e) || e.Kind != penstock.SystemFault || !contains(err.Error(), "nats-server -js") {
		t.Fatalf("got %v", err)
	}
}

func TestDeclareTwiceChangesNothingAndReportsEveryDrift(t *testing.T) {
	s, q := start(t, nil)
	must(t, q.Declare(t.Context()))
	must(t, q.DeclareEnvironment(t.Context(), environment))

	other := connect(t, s, func(c *Config) {
		c.MaxBytes = 1 << 25
		c.Timing.Lease *= 2
	})
	err := other.Declare(t.Context())
	if !errors.Is(err, ErrDrift) {
		t.Fatalf("want ErrDrift, got %v", err)
	}
	for _, want := range []string{
		streamChanges, streamResults, streamLetters, "max_bytes is 1073741824, not 33554432",
		"KV_penstock_leases", "max_age is 750ms, not 1.5s", "nats stream edit",
	} {
		if !contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	slow := connect(t, s, func(c *Config) { c.Timing.AckWait *= 2; c.Timing.Hold *= 2 })
	if err := slow.DeclareEnvironment(t.Context(), environment); !errors.Is(err, ErrDrift) || !contains(err.Error(), "wait is 1.5s, not 3s") {
		t.Errorf("consumer drift: %v", err)
	}
	must(t, q.Declare(t.Context())) // nothing was changed by those who differ
	if err := q.DeclareEnvironment(t.Context(), "a.b"); err == nil {
		t.Error("a dot in an environment's name was accepted")
	}
}

func TestFullStreamHoldsUpThePublisherAndLosesNothing(t *testing.T) {
	_, q := start(t, func(c *Config) { c.MaxBytes = 1 << 20 })
	const chunks = 60 // of 64 KiB: four times what the stream holds
	published := make(chan error, 1)
	go func() {
		p := q.Publisher(nil)
		for i := range uint32(chunks) {
			if err := p.Publish(t.Context(), chunk(i+1, penstock.Live, 8, 8<<10)); err != nil {
				published <- err
				return
			}
		}
		published <- p.Flush(t.Context())
	}()
	eventually(t, "the stream is full", func() bool {
		info, err := q.js.Stream(t.Context(), streamChanges)
		return err == nil && info.CachedInfo().State.Bytes > 900<<10
	})
	select {
	case err := <-published:
		t.Fatalf("everything is said to be published (%v) though it cannot be", err)
	default:
	}
	seen := map[uint32]int{}
	for len(seen) < chunks {
		d := takeOne(t, q)
		if d.Chunk == nil {
			t.Fatal(d.Err)
		}
		seen[d.Ordinal]++
		must(t, d.Ack(t.Context()))
	}
	must(t, <-published)
	b, err := q.Backlog(t.Context(), contacts)
	must(t, err)
	for ordinal, n := range seen {
		if n != 1 {
			t.Errorf("chunk %d was taken %d times", ordinal, n)
		}
	}
	if b != (Backlog{}) {
		t.Errorf("left over: %+v", b)
	}
}

func TestAPublisherStopsWhereItsGuardSaysSo(t *testing.T) {
	_, q := start(t, func(c *Config) { c.MaxBytes = 1 << 20 })
	lost := errors.New("lease lost")
	full := make(chan struct{})
	asked := 0
	p := q.Publisher(func() error {
		select {
		case <-full: // only ever reached by one that is sent again, or sent later
			return lost
		default:
			asked++
			return nil
		}
	})
	must(t, p.Publish(t.Context(), chunk(1, penstock.Live, 1, 600<<10)))
	must(t, p.Flush(t.Context()))
	must(t, p.Publish(t.Context(), chunk(2, penstock.Live, 1, 600<<10))) // does not fit: tried again and again
	close(full)
	if err := p.Flush(t.Context()); !errors.Is(err, lost) {
		t.Fatalf("Flush: %v", err)
	}
	if err := p.Publish(t.Context(), chunk(3, penstock.Live, 1, 1)); !errors.Is(err, lost) {
		t.Fatalf("Publish after a failure: %v", err)
	}
	if b, err := q.Backlog(t.Context(), contacts); err != nil || b.Changes != 1 {
		t.Fatalf("stored: %+v %v", b, err)
	}
}

func TestAChunkThatFitsNoMessageIsTooMuch(t *testing.T) {
	_, q := start(t, nil)
	err := q.Publisher(nil).Publish(t.Context(), chunk(1, penstock.Live, 2, 600<<10))
	var e *penstock.Error
	if !errors.As(err, &e) || e.Kind != penstock.TooMuch {
		t.Fatalf("got %v", err)
	}
	publish(t, q, chunk(1, penstock.Live, 1, penstock.MaxChangeBytes))
	d := takeOne(t, q)
	defer d.Release()
	if d.Chunk == nil || len(d.Chunk.Changes[0].Body) != penstock.MaxChangeBytes {
		t.Fatalf("the largest change did not pass: %v", d.Err)
	}
}

func TestTheSameIDIsStoredOnce(t *testing.T) {
	_, q := start(t, nil)
	publish(t, q, chunk(1, penstock.Live, 2, 10))
	publish(t, q, chunk(1, penstock.Live, 2, 10), chunk(2, penstock.Live, 1, 10))
	again := chunk(1, penstock.Live, 2, 10)
	again.Run.Epoch++ // another leader's
	publish(t, q, again)

	r := penstock.Result{Run: runID(3), Chunk: 1, Deliveries: 1, Count: 2}
	must(t, q.PublishResult(t.Context(), r))
	must(t, q.PublishResult(t.Context(), r))
	r.Unanswered = true // another thing said of the same delivery
	must(t, q.PublishResult(t.Context(), r))

	l := penstock.Letter{Run: runID(3), Chunk: 1, Ordinal: 1, Cause: penstock.Cause{Class: penstock.Validation}}
	must(t, q.PublishLetters(t.Context(), []penstock.Letter{l, l}))

	b, err := q.Backlog(t.Context(), contacts)
	must(t, err)
	if want := (Backlog{Changes: 3, Results: 2, Letters: 1}); b != want {
		t.Fatalf("stored %+v, want %+v", b, want)
	}
}

func TestARestartWhilePublishingAndConsumingLosesNothing(t *testing.T) {
	s, q := start(t, nil)
	const chunks = 300
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	half := make(chan struct{})
	published := make(chan error, 1)
	go func() {
		p := q.Publisher(nil)
		for i := range uint32(chunks) {
			if err := p.Publish(ctx, chunk(i+1, penstock.Live, 4, 16<<10)); err != nil {
				published <- err
				return
			}
			if i == chunks/2 {
				close(half)
			}
		}
		published <- p.Flush(ctx)
	}()
	taken := make(chan uint32)
	go func() {
		defer close(taken)
		for ctx.Err() == nil {
			d, err := q.Take(ctx, environment)
			if err != nil {
				continue // it comes back
			}
			if d == nil {
				continue
			}
			if d.Chunk == nil {
				t.Errorf("chunk %d: %v", d.Ordinal, d.Err)
			}
			if err := d.Ack(ctx); err == nil {
				taken <- d.Ordinal
			}
		}
	}()
	seen := map[uint32]bool{}
	restarted := false
	for len(seen) < chunks {
		if !restarted {
			select {
			case <-half:
				restarted = true
				s.Restart()
			default:
			}
		}
		ordinal, ok := <-taken
		if !ok {
			t.Fatalf("%d of %d chunks came", len(seen), chunks)
		}
		seen[ordinal] = true
	}
	must(t, <-published)
	cancel()
	for range taken { // until the taker is gone
	}
	if !restarted {
		t.Fatal("the server was not restarted in between")
	}
}

func TestPurgeRemovesOneSyncOnly(t *testing.T) {
	_, q := start(t, nil)
	other := chunk(1, penstock.Live, 1, 10)
	other.Run.Sync.Name = "accounts"
	publish(t, q, chunk(1, penstock.Live, 1, 10))
	publish(t, q, chunk(2, penstock.Live, 1, 10), chunk(3, penstock.Bulk, 1, 10), other)
	held, err := q.pull(t.Context(), environment, penstock.Live, 0)
	must(t, err)
	must(t, q.Purge(t.Context(), contacts))
	if b, err := q.Backlog(t.Context(), contacts); err != nil || b != (Backlog{}) {
		t.Fatalf("left: %+v %v", b, err)
	}
	if b, err := q.Backlog(t.Context(), other.Run.Sync); err != nil || b.Changes != 1 {
		t.Fatalf("of the other sync: %+v %v", b, err)
	}
	must(t, held.Ack(t.Context())) // whoever holds a purged chunk can let go of it
	d := takeOne(t, q)
	if d.Run.Sync != other.Run.Sync {
		t.Fatalf("took a chunk of %s", d.Run.Sync)
	}
	must(t, d.Ack(t.Context()))
	waiting, acks := pending(t, q, penstock.Live)
	if waiting != 0 || acks != 0 {
		t.Fatalf("the consumer still counts %d waiting, %d held", waiting, acks)
	}
}

func TestRoomEndsBeforeTheStreamIsFull(t *testing.T) {
	_, q := start(t, func(c *Config) { c.MaxBytes = 1 << 20 })
	must(t, q.Room(t.Context()))
	big := penstock.Result{Run: runID(3), Chunk: 1}
	for i, c := 0, chunk(1, penstock.Live, 950, 700); i < len(c.Changes); i++ {
		big.Changes = append(big.Changes, penstock.Settled{Outcome: penstock.Accepted, Key: fmt.Sprintf("%x", c.Changes[i].Body[:500])})
	}
	must(t, q.PublishResult(t.Context(), big))
	var err error
	eventually(t, "there is no room", func() bool { err = q.Room(t.Context()); return err != nil })
	if !contains(err.Error(), streamResults) || !contains(err.Error(), "extractor") {
		t.Fatalf("the error must name the stream and its reader: %v", err)
	}
}

func TestAConsumerThatIsMissingIsNamed(t *testing.T) {
	_, q := start(t, nil)
	_, err := q.Take(t.Context(), "elsewhere")
	var e *penstock.Error
	if !errors.As(err, &e) || !contains(err.Error(), "elsewhere-live") || !contains(err.Error(), "declared") {
		t.Fatalf("got %v", err)
	}
	must(t, q.js.DeleteStream(t.Context(), streamResults))
	_, err = q.TakeResults(t.Context(), 1, time.Millisecond)
	if !errors.As(err, &e) || e.Kind != penstock.SystemFault || !errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Fatalf("got %v", err)
	}
}
