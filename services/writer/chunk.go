package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// carry sees one chunk through: send, letters, result, ack, in that order, so that a crash anywhere leaves it in the
// queue, and whoever takes it then sends the same once more. Whatever happens, the permit is ended.
// ctx ends when no more is to be sent, and hard when what is known must be reported.
func (u *applicationUser) carry(ctx, hard context.Context, p *permit, d *queue.Delivery) error {
	settled := false
	defer func() {
		if !settled {
			d.Release()
		}
	}()
	if d.Run.Number == 0 {
		p.giveBack()
		settled = true
		u.log.Error("a message among the changes is none of ours, and is removed", "err", d.Err)
		return d.Ack(hard)
	}
	if err := u.notice(hard, d); err != nil {
		p.giveBack()
		return err
	}
	over, err := u.over(hard, d.Run)
	if over || err != nil || d.Chunk == nil || d.Run.Organization != u.organization {
		p.giveBack()
	}
	var r penstock.Result
	var letters []penstock.Letter
	switch {
	case err != nil:
		return err
	case over: // purged in spirit: its run ended, or another leader has taken the sync over
		settled = true
		return d.Ack(hard)
	case d.Chunk == nil:
		r, letters = poison(d)
	case d.Run.Organization != u.organization:
		r = notSent(d, &penstock.Cause{
			Class: penstock.Permission, Code: "other_organization",
			Message: fmt.Sprintf("the chunk is for organisation %s, and environment %s is %s now", d.Run.Organization, u.environment.Name, u.organization),
		})
	default:
		s := &sending{user: u, delivery: d, chunk: d.Chunk, outcomes: make([]penstock.Outcome, len(d.Chunk.Changes))}
		s.send(ctx, p)
		r, letters = s.result(), s.letters
	}
	// Answers that we have are published again and again if need be, and never fetched anew by sending again.
	if err := u.queue.PublishLetters(hard, letters); err != nil {
		return err
	}
	if err := u.queue.PublishResult(hard, r); err != nil {
		return err
	}
	settled = true
	return d.Ack(hard)
}

// notice tells, before the run record is read, that a chunk was delivered before: whoever had it then may be frozen right
// before a send, and report and ack as if it had been alone. The next run then waits until that cannot be any more.
// (The model's NO_NOTICE: the first holder wakes in the next run, and nobody knew of the second.)
func (u *applicationUser) notice(ctx context.Context, d *queue.Delivery) error {
	if d.Deliveries < 2 || d.Run.Number == 0 {
		return nil
	}
	return u.queue.PublishResult(ctx, penstock.Result{
		Run: d.Run, Chunk: d.Ordinal, Deliveries: d.Deliveries, Unanswered: true, Finished: time.Now(), // no count: it settles nothing
	})
}

// over reports whether nothing of the run that a chunk belongs to may be sent any more: it is sealed, or somebody else
// leads the sync.
func (u *applicationUser) over(ctx context.Context, run penstock.RunID) (bool, error) {
	now, _, err := u.queue.Run(ctx, run.Sync)
	if err != nil {
		return false, err
	}
	return now.ID.Number != run.Number || now.ID.Epoch != run.Epoch || !now.Phase.Open(), nil
}

// poison reports a chunk that cannot be decoded, from what its headers say. Its rows stay as sent in the ledger, so the
// next run sends them again.
func poison(d *queue.Delivery) (penstock.Result, []penstock.Letter) {
	r := penstock.Result{Run: d.Run, Chunk: d.Ordinal, Count: d.Count, Deliveries: d.Deliveries, Finished: time.Now()}
	return r, []penstock.Letter{{
		Run: d.Run, Chunk: d.Ordinal, Rows: uint64(d.Count), At: time.Now(),
		Cause: penstock.Cause{
			Class: penstock.Poison, Code: "undecodable_chunk",
			Message: fmt.Sprintf("chunk %d of run %d cannot be read (%v); its rows are sent again by the next run", d.Ordinal, d.Run.Number, d.Err),
		},
	}}
}

func notSent(d *queue.Delivery, suspend *penstock.Cause) penstock.Result {
	s := sending{delivery: d, chunk: d.Chunk, outcomes: make([]penstock.Outcome, len(d.Chunk.Changes)), suspend: suspend}
	return s.result()
}

// A sending is the way of one chunk's changes through one or more requests.
type sending struct {
	user     *applicationUser
	delivery *queue.Delivery
	chunk    *penstock.Chunk

	outcomes   []penstock.Outcome // 0 until it is known
	letters    []penstock.Letter
	unanswered bool
	exhausted  uint32 // of the refused
	suspend    *penstock.Cause
}

// errHeldTooLong ends waiting within a chunk that must be given up.
var errHeldTooLong = errors.New("the chunk was held as long as it may be")

// send sends all changes, in batches, until each has an outcome, the chunk must be given up, or ctx ends.
func (s *sending) send(ctx context.Context, p *permit) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-s.delivery.Forfeited():
			cancel(errHeldTooLong)
		case <-stop:
		}
	}()
	defer func() { close(stop); <-watched }()

	size := batchSize(time.Duration(s.user.perChange.Load()), target)
	waiting := make([]int, len(s.chunk.Changes)) // ordinals
	for i := range waiting {
		waiting[i] = i
	}
	tried := make([]tally, len(waiting))
	batch := make([]penstock.Change, 0, min(size, len(waiting)))
	var wait time.Duration
	for len(waiting) > 0 && s.suspend == nil {
		n := min(size, len(waiting))
		batch = batch[:0]
		for _, i := range waiting[:n] {
			batch = append(batch, s.chunk.Changes[i])
		}
		if p != nil && p.stale() {
			p.giveBack()
			p = nil
		}
		if p == nil {
			var err error
			if err = daemon.Sleep(ctx, wait); err == nil {
				p, err = s.user.permit(ctx)
			}
			if err != nil {
				return // what has no outcome is not sent
			}
		}
		// Right before the send: is it still ours to send?
		if s.delivery.Held() != nil || s.user.lease.Held() != nil {
			p.giveBack()
			return
		}
		// A request that has begun is let finish, since cutting it would only make its outcome unknown; but all of it, a
		// token and a second try with a new one included, within the time that the barrier counts on (Timing.Quiet).
		once, done := context.WithTimeout(context.WithoutCancel(ctx), s.user.cfg.Timing.Request)
		a := s.user.client.Batch(once, s.chunk.Table, s.chunk.Execution, batch)
		done()
		p.spend(a)
		p = nil
		s.user.learn(a, n)
		var rest []int
		rest, size, wait = s.read(a, waiting[:n], tried, size)
		waiting = append(rest, waiting[n:]...)
	}
	if p != nil {
		p.giveBack()
	}
}

// A tally counts how often a change went out. Throttling, and being part of too large a batch, are no attempts; a race is
// counted for itself, so that one after a request without answer is still run again.
type tally struct{ attempts, races int }

func (t *tally) count(kind penstock.Kind, size int) int {
	switch {
	case kind == penstock.Race:
		t.races++
		return t.races
	case executed(kind) && (kind != penstock.TooMuch || size == 1):
		t.attempts++
	}
	return t.attempts
}

// read takes the verdicts of one answer, and returns the ordinals that go out again, the size of the next batch, and how
// long to wait before it.
func (s *sending) read(a dataverse.Answer, sent []int, tried []tally, size int) (rest []int, next int, wait time.Duration) {
	next = size
	for position, i := range sent {
		v := &a.Verdicts[position]
		attempt := tried[i].count(v.Kind, len(sent))
		s.unanswered = s.unanswered || v.Kind == penstock.Unanswered
		switch judge(v.Kind, attempt, len(sent)) {
		case accept:
			s.outcomes[i] = penstock.Accepted
		case again:
			rest = append(rest, i)
			wait = max(wait, s.pause(v.Kind, attempt, a))
		case smaller:
			rest = append(rest, i)
			next = max(1, len(sent)/2)
			wait = max(wait, s.pause(v.Kind, attempt, a))
		case refuse:
			s.refuse(i, v.Cause, s.chunk.Fingerprint)
		case exhaust:
			cause := v.Cause
			if cause.Message == "" && a.Fault != nil {
				cause.Message = a.Fault.Error()
			}
			cause.Class = penstock.Exhausted
			s.exhausted++
			s.refuse(i, cause, s.chunk.Fingerprint)
		case doubt:
			s.outcomes[i] = penstock.Unknown
		case suspend:
			s.system(i, v.Cause, a)
		}
	}
	return rest, next, wait
}

// system takes a verdict that no row is said to be at fault for. It suspends the sync, unless another change of the same
// batch went through: then it is about this row after all, except where a privilege is named, which may have been taken
// away in mid-batch.
func (s *sending) system(i int, cause penstock.Cause, a dataverse.Answer) {
	if a.Fault != nil { // of the whole request: no row was looked at, so none is refused
		cause.Message = a.Fault.Error() // what was attempted, and the next step
		s.suspend = &cause
		return
	}
	fine := slices.ContainsFunc(a.Verdicts, func(v dataverse.Verdict) bool { return v.Kind == penstock.Fine })
	if fine && cause.Privilege == "" {
		s.refuse(i, cause, s.chunk.Fingerprint)
		return
	}
	s.refuse(i, cause, notWaiting)
	s.suspend = &cause
}

// pause is how long to wait before a change goes out again. A race is run again at once.
func (s *sending) pause(kind penstock.Kind, attempt int, a dataverse.Answer) time.Duration {
	if kind == penstock.Race {
		return 0
	}
	return min(pause(max(attempt, 1), a.Limits.RetryAfter), max(s.user.cfg.Timing.Hold/4, a.Limits.RetryAfter))
}

// notWaiting is the fingerprint of a letter whose row the next run sends again: no mapping has it.
const notWaiting = 0

// refuse writes the letter of one change. Its row is left out of later runs while the mapping's fingerprint is that of
// the letter, and the cause is of a class that waits.
func (s *sending) refuse(i int, cause penstock.Cause, fingerprint uint64) {
	if !cause.Class.Waits() {
		fingerprint = notWaiting
	}
	ch := &s.chunk.Changes[i]
	s.outcomes[i] = penstock.Refused
	s.letters = append(s.letters, penstock.Letter{
		Run: s.chunk.Run, Chunk: s.chunk.Ordinal, Ordinal: uint32(i + 1), Table: s.chunk.Table, Operation: ch.Operation,
		Key: ch.Key, Hash: ch.Hash, Fingerprint: fingerprint, Rows: 1, Cause: cause, At: time.Now(),
	})
}

// result is what became of the chunk. What has no outcome was not sent.
func (s *sending) result() penstock.Result {
	r := penstock.Result{
		Run: s.chunk.Run, Chunk: s.chunk.Ordinal, Fingerprint: s.chunk.Fingerprint, Deliveries: s.delivery.Deliveries,
		Unanswered: s.unanswered, Finished: time.Now(), Count: uint32(len(s.chunk.Changes)), Suspend: s.suspend,
		Exhausted: s.exhausted,
		Changes:   make([]penstock.Settled, len(s.chunk.Changes)),
	}
	for i := range s.chunk.Changes {
		ch := &s.chunk.Changes[i]
		outcome := s.outcomes[i]
		if outcome == 0 {
			outcome = penstock.NotSent
		}
		r.Changes[i] = penstock.Settled{Operation: ch.Operation, Outcome: outcome, Key: ch.Key, Address: ch.Address, Hash: ch.Hash}
	}
	return r
}

// learn smooths what one change takes Dataverse, from which the size of batches follows.
func (u *applicationUser) learn(a dataverse.Answer, changes int) {
	if a.Fault != nil || changes == 0 {
		return
	}
	each := int64(a.Elapsed) / int64(changes)
	if old := u.perChange.Load(); old > 0 {
		each = old + (each-old)/8
	}
	u.perChange.Store(each)
}
