package queue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestATakeIsOneChunkAndNothingIsPrefetched(t *testing.T) {
	_, q := start(t, nil)
	if d, err := q.Take(t.Context(), environment); d != nil || err != nil {
		t.Fatalf("took %v, %v from an empty queue", d, err)
	}
	for i := range uint32(5) {
		publish(t, q, chunk(i+1, penstock.Live, 1, 10))
	}
	for i := range 3 {
		d := takeOne(t, q)
		defer d.Release()
		if d.Deliveries != 1 || d.Ordinal != uint32(i+1) || d.Count != 1 {
			t.Errorf("take %d gave chunk %d, delivery %d, count %d", i, d.Ordinal, d.Deliveries, d.Count)
		}
		if waiting, held := pending(t, q, penstock.Live); waiting != 5-(i+1) || held != i+1 {
			t.Errorf("after %d takes %d wait and %d are held", i+1, waiting, held)
		}
	}
}

func TestLiveComesBeforeBulkWhichIsNotStarved(t *testing.T) {
	_, q := start(t, nil)
	var all []*penstock.Chunk
	for i := range uint32(20) {
		all = append(all, chunk(i+1, penstock.Live, 1, 10))
	}
	publish(t, q, append(all, chunk(99, penstock.Bulk, 1, 10))...)
	bulkAt := -1
	for i := range 21 {
		d := takeOne(t, q)
		if d.Chunk.Lane == penstock.Bulk {
			bulkAt = i
		}
		must(t, d.Ack(t.Context()))
	}
	if bulkAt < 1 || bulkAt >= bulkFirst {
		t.Fatalf("the bulk chunk came as number %d", bulkAt)
	}
}

func TestManyTakersGetEachChunkOnce(t *testing.T) {
	_, q := start(t, func(c *Config) { c.Timing.AckWait, c.Timing.Hold = time.Minute, time.Minute })
	const chunks = 300
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var left atomic.Int64
	left.Store(chunks)
	var takers sync.WaitGroup
	for range 8 {
		takers.Go(func() {
			for left.Load() > 0 {
				d, err := q.Take(ctx, environment)
				if err != nil {
					t.Error(err)
					return
				}
				if d == nil {
					continue
				}
				if d.Deliveries != 1 {
					t.Errorf("chunk %d came %d times", d.Ordinal, d.Deliveries)
				}
				if err := d.Ack(ctx); err != nil {
					t.Error(err)
				}
				left.Add(-1)
			}
		})
	}
	for i := range uint32(chunks) {
		publish(t, q, chunk(i+1, penstock.Lane(i%2), 1, 10))
	}
	takers.Wait()
}

func TestHeartBeatsKeepAChunkBeyondAckWaitUntilHoldForfeitsIt(t *testing.T) {
	_, q := start(t, func(c *Config) {
		c.Timing.AckWait = 600 * time.Millisecond
		c.Timing.Hold = 2 * time.Second
	})
	publish(t, q, chunk(1, penstock.Live, 1, 10))
	began := time.Now()
	d := takeOne(t, q)
	defer d.Release()
	stolen := 0
	for d.Held() == nil {
		other, err := q.Take(t.Context(), environment)
		must(t, err)
		if other != nil {
			stolen++
			other.Release()
		}
	}
	if kept := time.Since(began); stolen != 0 || kept < 1900*time.Millisecond || kept > 2500*time.Millisecond {
		t.Errorf("kept for %s, given to another %d times", kept, stolen)
	}
	if err := d.Held(); !errors.Is(err, ErrForfeit) {
		t.Errorf("Held: %v", err)
	}
	<-d.Forfeited()
	again := takeOne(t, q)
	if again.Deliveries != 2 || again.Ordinal != 1 {
		t.Errorf("came again as chunk %d, delivery %d", again.Ordinal, again.Deliveries)
	}
	d.Release() // forfeit: must not take it from its new holder
	if other, err := q.Take(t.Context(), environment); err != nil || other != nil {
		t.Errorf("a forfeited chunk's Release gave it to a third: %v %v", other, err)
	}
	must(t, again.Ack(t.Context()))
}

func TestReleaseGivesTheChunkToAnotherAtOnce(t *testing.T) {
	_, q := start(t, func(c *Config) { c.Timing.AckWait, c.Timing.Hold = time.Hour, time.Hour })
	publish(t, q, chunk(1, penstock.Live, 1, 10))
	takeOne(t, q).Release()
	d := takeOne(t, q)
	if d.Deliveries != 2 {
		t.Errorf("delivery %d", d.Deliveries)
	}
	must(t, d.Ack(t.Context()))
	must(t, d.Ack(t.Context())) // an answer that was lost is asked for again
	if b, err := q.Backlog(t.Context(), contacts); err != nil || b.Changes != 0 {
		t.Errorf("after the ack: %+v %v", b, err)
	}
}

func TestAnAckOutlastsARestart(t *testing.T) {
	s, q := start(t, nil)
	publish(t, q, chunk(1, penstock.Live, 1, 10))
	d := takeOne(t, q)
	s.Stop()
	acked := make(chan error, 1)
	go func() { acked <- d.Ack(t.Context()) }()
	s.Restart()
	must(t, <-acked)
	eventually(t, "the chunk is gone", func() bool {
		b, err := q.Backlog(t.Context(), contacts)
		return err == nil && b.Changes == 0
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	publish(t, q, chunk(2, penstock.Live, 1, 10))
	d = takeOne(t, q)
	s.Stop()
	if err := d.Ack(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ack without a server: %v", err)
	}
}

func TestAnUndecodableChunkIsDescribedByItsHeaders(t *testing.T) {
	_, q := start(t, nil)
	for _, test := range []struct {
		name  string
		spoil func(*nats.Msg)
	}{
		{"a payload that is not protobuf", func(m *nats.Msg) { m.Data = []byte("\xff\xff\xff") }},
		{"a payload that does not decompress", func(m *nats.Msg) { m.Header.Set(contentEncoding, s2Encoding) }},
		{"an encoding that nobody knows", func(m *nats.Msg) { m.Header.Set(contentEncoding, "zstd") }},
		{"a chunk of another sync", func(m *nats.Msg) {
			c := chunk(5, penstock.Live, 2, 10)
			c.Run.Sync.Name = "accounts"
			other, _ := encodeChunk(c)
			m.Data = other.Data
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			msg, err := encodeChunk(chunk(5, penstock.Live, 2, 10))
			must(t, err)
			msg.Header.Del(nats.MsgIdHdr)
			test.spoil(msg)
			_, err = q.js.PublishMsg(t.Context(), msg)
			must(t, err)
			d := takeOne(t, q)
			if d.Chunk != nil || d.Err == nil || d.Run != runID(3) || d.Ordinal != 5 || d.Count != 2 {
				t.Errorf("got %+v, chunk %d of %d changes, error %v", d.Run, d.Ordinal, d.Count, d.Err)
			}
			must(t, d.Ack(t.Context()))
		})
	}
	t.Run("nothing of ours", func(t *testing.T) {
		_, err := q.js.Publish(t.Context(), subjectOfChanges(contacts, penstock.Live), nil)
		must(t, err)
		d := takeOne(t, q)
		if d.Chunk != nil || d.Err == nil || d.Run != (penstock.RunID{Sync: contacts}) {
			t.Errorf("got %+v, error %v", d.Run, d.Err)
		}
		must(t, d.Ack(t.Context()))
	})
}

func TestATermEndsByEitherClockAndForGood(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name       string
		now, until time.Time
		want       bool
	}{
		{"before", now, now.Add(time.Second), false},
		{"at the end", now, now, true},
		{"by the wall clock alone", now.Round(0).Add(2 * time.Second), now.Add(time.Second), true},
	} {
		if got := passed(test.now, test.until); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	over := newTerm(now.Add(-time.Nanosecond))
	if over.extend(now.Add(time.Hour)) || over.lasts() {
		t.Error("a term that was over was made longer")
	}
	<-over.over
	lasting := newTerm(now.Add(time.Hour))
	if !lasting.extend(now) || !lasting.lasts() || !lasting.deadline().Equal(now.Add(time.Hour)) {
		t.Error("a term was made shorter")
	}
}

// ---- a process that is stopped in the middle: the test binary runs itself ----

const frozenURL = "PENSTOCK_TEST_FROZEN_URL"

// frozenChild takes a lease and a chunk, says so, and when it is spoken to says whether it thinks that it has them still.
func frozenChild() int {
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(os.Stdout, format, args...) // the parent misses what it does not hear
	}
	q, err := Open(context.Background(), Config{URL: os.Getenv(frozenURL), Timing: quick()}, slog.New(slog.DiscardHandler))
	if err != nil {
		say("%v\n", err)
		return 1
	}
	lease, err := q.Acquire(context.Background(), LeaderLease(contacts), "child")
	if err != nil {
		say("%v\n", err)
		return 1
	}
	d, err := q.Take(context.Background(), environment)
	if err != nil || d == nil {
		say("took %v, %v\n", d, err)
		return 1
	}
	say("ready\n")
	in := bufio.NewReader(os.Stdin)
	for range 2 {
		if _, err := in.ReadString('\n'); err != nil {
			return 1
		}
		say("lease:%t chunk:%t\n", lease.Held() == nil, d.Held() == nil)
	}
	return 0
}

func TestAFrozenProcessKnowsThatItLostLeaseAndChunk(t *testing.T) {
	s, q := start(t, nil)
	publish(t, q, chunk(1, penstock.Live, 1, 10))
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), frozenURL+"="+s.URL())
	in, err := child.StdinPipe()
	must(t, err)
	outPipe, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	out := bufio.NewReader(outPipe)
	expect := func(want string) {
		t.Helper()
		if line, err := out.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("the child says %q, %v; want %q", line, err, want)
		}
	}
	say := func() {
		t.Helper()
		_, err := io.WriteString(in, "\n")
		must(t, err)
	}
	expect("ready")
	if _, err := q.Acquire(t.Context(), LeaderLease(contacts), "parent"); !errors.Is(err, ErrHeld) || !contains(err.Error(), "child") {
		t.Fatalf("acquire what the child has: %v", err)
	}
	say()
	expect("lease:true chunk:true")

	must(t, child.Process.Signal(syscall.SIGSTOP))
	var lease *Lease
	eventually(t, "the lease lapses", func() bool {
		lease, err = q.Acquire(t.Context(), LeaderLease(contacts), "parent")
		return err == nil
	})
	d := takeOne(t, q) // after its AckWait
	say()              // what it reads first when it wakes
	must(t, child.Process.Signal(syscall.SIGCONT))
	expect("lease:false chunk:false")
	must(t, child.Wait())

	must(t, lease.Held())
	must(t, d.Held())
	must(t, lease.Release(t.Context()))
	must(t, d.Ack(t.Context()))
}
