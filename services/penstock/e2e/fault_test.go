package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/natstest"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// nth calls f once, at the nth batch that reaches Dataverse, and lets all others pass.
func (w *world) nth(n int64, f func(emulator.Request) emulator.Fault) {
	var count atomic.Int64
	hook := func(r emulator.Request) emulator.Fault {
		if count.Add(1) == n {
			return f(r)
		}
		return emulator.Fault{}
	}
	w.request.Store(&hook)
}

// stopAt keeps the nth batch from being executed until release is called, or the test ends.
func (w *world) stopAt(n int64) (reached <-chan struct{}, release func()) {
	here, released := make(chan struct{}), make(chan struct{})
	w.nth(n, func(emulator.Request) emulator.Fault {
		close(here)
		select {
		case <-released:
		case <-w.t.Context().Done():
		}
		return emulator.Fault{}
	})
	return here, sync.OnceFunc(func() { close(released) })
}

// slow makes the next batch take nearly as long as a request may before it is executed, whoever still waits for it.
func (w *world) slow() (begun, done <-chan struct{}) {
	began, ended := make(chan struct{}), make(chan struct{})
	w.nth(1, func(slow emulator.Request) emulator.Fault {
		committed := func(r emulator.Request) {
			if r.ID == slow.ID {
				close(ended)
			}
		}
		w.committed.Store(&committed)
		close(began)
		return emulator.Fault{Delay: w.timing.Request * 9 / 10}
	})
	return began, ended
}

func TestNATSRestartedOnItsDirectoryLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3000, quick)
	w.startAll()
	reached, release := w.stopAt(2)
	number := w.ask()
	happens(t, "a batch is on its way", reached)
	w.nats.Restart()
	release()
	w.rest(number)
	w.caughtUp()
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n < 10")
	w.run()
	w.caughtUp()
}

func TestNATSLostWithItsDirectoryLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3000, quick)
	spare := natstest.Start(t) // with a directory of its own
	w.startAll()
	w.run()
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n < 2000")
	begun, done := w.slow()
	number := w.ask()
	happens(t, "Dataverse begins a request", begun)
	w.natsLink.cut()
	w.nats.Stop()
	w.natsLink.mend(hostOf(t, spare.URL()))
	w.change("ALTER TABLE model UPDATE version = 3 WHERE n < 2000")
	w.apply()
	next := w.ask()
	if next <= number {
		t.Errorf("run %d comes after run %d", next, number)
	}
	run := w.rest(next)
	expect(t, "phase", run.Phase, penstock.Closed)
	happens(t, "Dataverse is done with the request", done)
	w.caughtUp()
}

func TestClickHouseOutOfReachForAWhileLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3000, quick)
	w.startAll()
	reached, release := w.stopAt(2)
	number := w.ask()
	happens(t, "a batch is on its way", reached)
	w.chLink.cut()
	release()
	eventually(t, "ClickHouse is missed", func() error {
		if n := w.chLink.turnedAway(); n < 3 {
			return fmt.Errorf("%d connections were tried", n)
		}
		return nil
	})
	w.chLink.mend(w.direct)
	w.rest(number)
	w.run()
	w.caughtUp()
}

func TestADataverseThatIsDownForAWhileLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3000, calm)
	w.startAll()
	var refused atomic.Int64
	down := func(emulator.Request) emulator.Fault {
		if refused.Add(1) <= 8 {
			return emulator.Fault{Kind: emulator.Refuse, Status: http.StatusServiceUnavailable, Message: "The service is unavailable."}
		}
		return emulator.Fault{}
	}
	w.request.Store(&down)
	number := w.ask()
	run := w.rest(number)
	if run.Phase != penstock.Closed {
		t.Errorf("run %d is %s: %s", run.ID.Number, run.Phase, run.Reason)
	}
	w.run() // takes up what was left, if anything
	w.caughtUp()
	expect(t, "open letters", len(w.letters()), 0)
}

func TestNothingIsSentWhileDataverseAsksForAPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3000, calm)
	w.startAll()
	const pause = 3 * time.Second
	var asked time.Time
	w.nth(2, func(emulator.Request) emulator.Fault {
		asked = time.Now()
		return emulator.Fault{
			Kind: emulator.Refuse, Status: http.StatusTooManyRequests, Code: "0x80072322", RetryAfter: pause,
			Message: "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
		}
	})
	run := w.run()
	expect(t, "counts", run.Counts, penstock.Counts{Read: 3000, Accepted: 3000})
	if asked.IsZero() {
		t.Fatal("Dataverse did not ask for a pause: there was one batch only")
	}
	// What was on its way when the answer came may still arrive.
	if n := w.arrived.between(asked.Add(pause/6), asked.Add(pause)); n > 0 {
		t.Errorf("%d batches arrived during the pause", n)
	}
	w.caughtUp()
}

func TestARevokedPrivilegeSuspendsTheRunAndNamesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 9000, calm)
	w.startAll()
	const privilege = "prvCreateAccount"
	var denied atomic.Int64
	hook := func(r emulator.Request) emulator.Fault {
		if r.Batch == 3 {
			w.dataverse.Revoke(emulator.SandboxClient, privilege)
		}
		if r.Batch >= 3 {
			denied.Add(int64(r.Operations))
		}
		return emulator.Fault{}
	}
	w.request.Store(&hook)
	number := w.ask()
	run := w.rest(number)
	expect(t, "phase", run.Phase, penstock.Suspended)
	if !strings.Contains(run.Reason, privilege) {
		t.Errorf("the reason does not name %s: %s", privilege, run.Reason)
	}
	letters := w.letters()
	// What the writer had in hand at that moment, and no more: a chunk for each of its lanes.
	if n := int64(len(letters)); n == 0 || n > denied.Load() || n > int64(w.part(writing).Writer.Parallel+1)*penstock.MaxChanges {
		t.Errorf("%d letters, of %d rows denied and 9000 in all", n, denied.Load())
	}
	for _, l := range letters {
		if l.Cause.Privilege != privilege {
			t.Fatalf("a letter names privilege %q: %s", l.Cause.Privilege, l.Cause.Message)
		}
	}
	w.sound()

	w.dataverse.Grant(emulator.SandboxClient, privilege)
	w.request.Store(nil)
	w.run()
	expect(t, "open letters once it is given back", len(w.letters()), 0)
	w.caughtUp()
}

func TestAnUndecodableChunkIsReportedAndDrains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2000, calm)
	w.start(w.part(extracting))
	w.start(w.part(deadlettering))
	w.apply()
	number := w.ask()
	w.phase(number, penstock.Draining) // all is published, and nobody writes
	stream := must[jetstream.Stream](t)(w.js.Stream(t.Context(), changesStream))
	state, err := w.waiting()
	if err != nil {
		t.Fatal(err)
	}
	chunk := must[*jetstream.RawStreamMsg](t)(stream.GetMsg(t.Context(), state.FirstSeq))
	if err := stream.DeleteMsg(t.Context(), state.FirstSeq); err != nil {
		t.Fatal(err)
	}
	chunk.Header.Del(nats.MsgIdHdr)
	for _, m := range []*nats.Msg{
		{Subject: chunk.Subject, Header: chunk.Header, Data: []byte("rotten")},
		{Subject: chunk.Subject, Data: []byte("a stranger's")},
	} {
		if _, err := w.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	w.start(w.part(writing))
	w.rest(number)
	run := w.recorded(number)
	expect(t, "phase", run.Phase, penstock.Closed)
	expect(t, "some rows are left for the next run", run.Counts.NotSent > 0 && run.Counts.Accepted+run.Counts.NotSent == 2000, true)
	var letters uint64
	sql := fmt.Sprintf("SELECT count() FROM %s.dead_letters WHERE run = %d AND class = 'poison'", w.database, number)
	if err := w.warehouse.Row(t.Context(), clickhouse.Query{SQL: sql}, &letters); err != nil {
		t.Fatal(err)
	}
	expect(t, "letters that the run left", letters, 1)
	w.run()
	expect(t, "open letters after the next run", w.classes(), map[penstock.Class]int{})
	w.caughtUp()
}

func TestAFullStreamHoldsUpTheExtractorAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8000, calm, narrow(128<<10))
	w.start(w.part(extracting))
	w.start(w.part(deadlettering))
	w.apply()
	number := w.ask()
	w.streamFills(w.bytes / 2)
	w.phase(number, penstock.Publishing)
	w.start(w.part(writing))
	run := w.rest(number)
	expect(t, "phase", run.Phase, penstock.Closed)
	expect(t, "counts", run.Counts, penstock.Counts{Read: 8000, Accepted: 8000})
	w.caughtUp()
}
