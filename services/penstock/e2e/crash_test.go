package e2e

import (
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestAWriterKilledBetweenCommitAndAnswerLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1500, quick)
	w.start(w.part(extracting))
	w.start(w.part(deadlettering))
	w.apply()
	committed, release := w.blockAnswer()
	victim := w.spawn(w.part(writing))
	number := w.ask()
	happens(t, "a batch is committed", committed)
	victim.kill()
	release()
	w.start(w.part(writing))
	expect(t, "phase", w.rest(number).Phase, penstock.Closed)
	expect(t, "something was written twice", len(w.dataverse.Journal()) > 1500, true)
	w.caughtUp()
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n < 10")
	w.run()
	w.caughtUp()
}

// The result is stored, and the chunk is still in the queue: it is written and reported a second time.
func TestAWriterKilledBetweenResultAndAckLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1500, quick)
	w.start(w.part(extracting))
	w.start(w.part(deadlettering))
	w.apply()
	line := newLink(t, hostOf(t, w.nats.URL()))
	p := w.part(writing)
	p.setNATS("nats://" + line.address())
	acking := line.holdAt("+ACK")
	victim := w.spawn(p)
	number := w.ask()
	happens(t, "the writer acks a chunk", acking)
	victim.kill()
	w.start(w.part(writing))
	expect(t, "phase", w.rest(number).Phase, penstock.Closed)
	expect(t, "something was written twice", len(w.dataverse.Journal()) > 1500, true)
	w.caughtUp()
}

func TestAnExtractorKilledWhilePublishingLosesNothing(t *testing.T) {
	t.Parallel()
	// Nobody writes, and the stream takes a part of the run only: it cannot have been published.
	w := newWorld(t, 8000, quick, narrow(128<<10))
	victim := w.spawn(w.part(extracting))
	w.start(w.part(deadlettering))
	w.apply()
	w.ask()
	w.streamFills(w.bytes / 2)
	first := w.publishing()
	victim.kill()
	w.start(w.part(extracting))
	w.start(w.part(writing))
	run := w.rest(first + 1)
	expect(t, "phase of the next run", run.Phase, penstock.Closed)
	expect(t, "phase of the first run", w.recorded(first).Phase, penstock.Aborted)
	w.caughtUp()
}

func TestAVerdictThatIsLostIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		late bool // the verdict comes after the next run was asked for
	}{{"for good", false}, {"for a while", true}} {
		t.Run("lost "+c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 300, quick)
			w.start(w.part(deadlettering))
			victim := w.spawn(w.part(extracting))
			w.apply()
			writer := w.spawn(w.part(writing))
			w.run()
			w.change("ALTER TABLE model UPDATE version = 2 WHERE n BETWEEN 50 AND 99")
			committed, release := w.blockAnswer()
			number := w.ask()
			happens(t, "the new value is committed", committed)
			stream := must[jetstream.Stream](t)(w.js.Stream(t.Context(), changesStream))
			if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject(w.subject())); err != nil {
				t.Fatal(err)
			}
			victim.kill()
			if !c.late {
				writer.kill()
				w.start(w.part(writing))
			}
			w.change("ALTER TABLE model UPDATE version = 1 WHERE n BETWEEN 50 AND 99")
			release()
			w.start(w.part(extracting))
			w.rest(number + 1)
			w.caughtUp()
			w.run()
			w.caughtUp()
		})
	}
}

// The writer is frozen with a request that never arrived, while others finish the run and the next one, and learns of
// it when it wakes: that is when it would send again.
func TestAWriterThatSleptThroughARunOverwritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 600, quick)
	w.start(w.part(extracting))
	w.start(w.part(deadlettering))
	w.apply()
	sleeper := w.spawn(w.part(writing))
	asleep := make(chan struct{})
	var once sync.Once
	hook := func(emulator.Request) (f emulator.Fault) {
		once.Do(func() {
			sleeper.signal(syscall.SIGSTOP)
			close(asleep)
			f.Kind = emulator.Cut
		})
		return f
	}
	w.request.Store(&hook)
	first := w.ask()
	happens(t, "the writer falls asleep", asleep)
	w.start(w.part(writing))
	w.rest(first)
	w.caughtUp()
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n >= 0")
	w.run()
	reported := w.reports(first)

	sleeper.signal(syscall.SIGCONT)
	eventually(t, "the writer reports what it slept over", func() error {
		if n := w.reports(first); n <= reported {
			return fmt.Errorf("there are %d reports of run %d", n, first)
		}
		return nil
	})
	w.caughtUp()
	w.run()
	w.caughtUp()
}

// Dataverse is still at work on a request of a run that has ended. The next run waits for as long as one may take.
func TestARequestThatOutlivesItsRunOverwritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 300, quick)
	w.start(w.part(deadlettering))
	w.start(w.part(writing))
	victim := w.spawn(w.part(extracting))
	w.apply()
	w.run()
	w.change("ALTER TABLE model UPDATE version = 2 WHERE n BETWEEN 50 AND 99")
	begun, done := w.slow()
	number := w.ask()
	happens(t, "Dataverse begins a request", begun)
	victim.kill()
	w.change("ALTER TABLE model UPDATE version = 3 WHERE n BETWEEN 50 AND 99")
	w.start(w.part(extracting))
	w.rest(number + 1)
	happens(t, "Dataverse is done with the request", done)
	w.caughtUp()
	w.run()
	w.caughtUp()
}

// streamFills waits until chunks of that many bytes wait for a writer.
func (w *world) streamFills(bytes int64) {
	w.t.Helper()
	eventually(w.t, "the stream fills", func() error {
		state, err := w.waiting()
		if err == nil && state.Bytes < uint64(bytes) {
			err = fmt.Errorf("it holds %d bytes in %d chunks", state.Bytes, state.Msgs)
		}
		return err
	})
}

// reports counts the results of a run that are in the ledger.
func (w *world) reports(run uint64) (n uint64) {
	w.t.Helper()
	sql := fmt.Sprintf("SELECT count() FROM %s.results WHERE run = %d", w.database, run)
	if err := w.warehouse.Row(w.t.Context(), clickhouse.Query{SQL: sql}, &n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// recorded is a run as the ledger has it.
func (w *world) recorded(number uint64) penstock.Run {
	w.t.Helper()
	for _, r := range must[[]penstock.Run](w.t)(w.ledger.Runs(w.t.Context(), w.id.Environment, w.id.Name, 1000)) {
		if r.ID.Number == number {
			return r
		}
	}
	w.t.Fatalf("the ledger has no run %d", number)
	return penstock.Run{}
}
