package extractor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// errIncomplete ends a run of which something was lost on the way.
var errIncomplete = errors.New("not every row is accounted for")

// A journey is one run being carried out.
type journey struct {
	x      *extractor
	run    penstock.Run
	target target
	plan   *mapping.Plan
	model  ledger.Model
	past   ledger.Past
	found  ledger.Found
	lease  *queue.Lease

	letters   uint32        // ordinal of the newest letter of our own
	read      uint64        // rows that the second read gave
	unfit     uint64        // of them, those that could not be rendered
	cuts      []mapping.Cut // text that was cut because the sync says truncate
	published atomic.Uint64 // changes that JetStream took
	settled   uint64        // changes that have a result
	more      bool          // the run took as much as it may, and rows are left
}

// carryOut begins the next run of a sync, sees it through, and returns its record. An error means that the sync cannot
// be led on for now; what was wrong with the run itself is its reason.
func (x *extractor) carryOut(ctx, hard context.Context, lease *queue.Lease, last penstock.Run) (penstock.Run, error) {
	j := &journey{x: x, lease: lease}
	if err := j.begin(ctx, last); err != nil {
		return last, err
	}
	log := x.env.Log.With("sync", j.run.ID.Sync.String(), "run", j.run.ID.Number)

	steps, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watch, watching := errgroup.WithContext(steps)
	begun := j.run.ID
	watch.Go(func() error { return j.watch(watching, begun, stop) })
	err := j.steps(steps)
	if cause := context.Cause(steps); err != nil && cause != nil {
		err = cause // rather than what it came to: "context canceled"
	}
	stop(nil)
	if watchErr := watch.Wait(); watchErr != nil && err == nil {
		err = watchErr
	}
	if err := j.end(hard, ctx.Err() != nil, err); err != nil {
		return j.run, err
	}
	c := j.run.Counts
	level := slog.LevelInfo
	if j.run.Phase != penstock.Closed {
		level = slog.LevelWarn
	}
	log.Log(ctx, level, "run over", "phase", string(j.run.Phase), "reason", j.run.Reason, "read", c.Read, "unchanged", c.Unchanged, "accepted", c.Accepted,
		"refused", c.Refused, "waiting", c.Waiting, "not_sent", c.NotSent, "left", c.Left, "deleted", c.Deleted,
		"seconds", j.run.Ended.Sub(j.run.Started).Seconds())
	for _, cut := range j.cuts {
		log.Info("text was cut, as the sync says", "column", cut.Column, "values", cut.Values)
	}
	return j.run, nil
}

// begin writes the run into the sync's record and, so that its number is never given again, into the ledger.
func (j *journey) begin(ctx context.Context, last penstock.Run) error {
	id := last.ID.Sync
	past, err := j.x.ledger.Past(ctx, id, last.ID.Organization)
	if err != nil {
		return err
	}
	j.run, err = j.x.queue.UpdateRun(ctx, id, func(r *penstock.Run) error {
		switch {
		case r.ID != last.ID || !r.Phase.Final():
			return errDeposed
		case r.Unsettled && !last.Unsettled || r.Ended.After(last.Ended):
			return errUnsettled
		}
		next := penstock.Run{
			ID: penstock.RunID{
				Sync: id, Organization: last.ID.Organization, Number: max(last.ID.Number, past.LastRun) + 1, Epoch: j.lease.Epoch(),
			},
			Phase: penstock.Diffing, Started: time.Now(), Failures: r.Failures, Wish: r.Next,
		}
		if next.Wish.Full && next.Wish.Since == 0 {
			next.Wish.Since = next.ID.Number
		}
		*r = next
		return nil
	})
	if err != nil {
		return fmt.Errorf("begin a run of %s: %w", id, err)
	}
	j.tell()
	return j.x.ledger.SaveRun(ctx, j.run, 0)
}

// watch ends the run when its lease is lost or somebody else has put an end to it: the recorder, when a writer found
// that no row is at fault.
func (j *journey) watch(ctx context.Context, begun penstock.RunID, stop context.CancelCauseFunc) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-j.lease.Lost():
			if ctx.Err() == nil {
				stop(queue.ErrLost)
			}
			return nil
		case <-time.After(j.x.cfg.Timing.Lease / 30):
		}
		run, _, err := j.x.queue.Run(ctx, begun.Sync)
		if err == nil && (run.ID.Number != begun.Number || run.ID.Epoch != begun.Epoch || run.Phase.Final()) {
			stop(errDeposed)
			return nil
		}
	}
}

// steps are the phases of a run, in order.
func (j *journey) steps(ctx context.Context) (err error) {
	if err := j.prepare(ctx); err != nil {
		return err
	}
	if err := j.send(ctx); err != nil {
		return err
	}
	if err := j.phase(ctx, penstock.Draining); err != nil {
		return err
	}
	o, err := j.drain(ctx, 1, j.run.Chunks)
	if err != nil {
		return err
	}
	c := &j.run.Counts
	c.Accepted = o.Accepted
	c.Refused = j.found.Duplicate + j.found.Keyless + j.unfit + o.Refused
	c.NotSent = (j.found.Changed - j.read) + (j.published.Load() - o.Rows) + o.NotSent
	if o.Rows != j.published.Load() {
		return errIncomplete
	}
	if err := j.concluded(o); err != nil {
		return err
	}
	if err := j.leave(ctx); err != nil {
		return err
	}
	if err := j.phase(ctx, penstock.Recording); err != nil {
		return err
	}
	if err := j.awaitLetters(ctx); err != nil {
		return err
	}
	if !c.Balanced() {
		return errIncomplete
	}
	return nil
}

// send is what costs memory and ClickHouse: the diff, and reading, rendering and publishing what changed. So many runs may
// be at it at a time; those that only wait for writers do not count.
func (j *journey) send(ctx context.Context) (err error) {
	select {
	case j.x.runs <- struct{}{}:
		defer func() { <-j.x.runs }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if j.found, err = j.x.ledger.Diff(ctx, j.run.ID, j.model, j.queryID("diff")); err != nil {
		return err
	}
	j.run.Counts = penstock.Counts{Read: j.found.Read(), Unchanged: j.found.Unchanged, Waiting: j.found.Waiting}
	if err := j.phase(ctx, penstock.Publishing); err != nil {
		return err
	}
	if err := j.refuseRepeats(ctx); err != nil {
		return err
	}
	return j.publish(ctx)
}

// prepare asks Dataverse who we are and what the tables look like, and compiles the mapping against both ends.
func (j *journey) prepare(ctx context.Context) (err error) {
	if j.target, err = j.x.applied(ctx, j.run.ID.Sync); err != nil {
		return err
	}
	s, e := j.target.sync, j.target.environment
	client, err := j.x.client(e)
	if err != nil {
		return err
	}
	defer client.Close()
	who, err := client.WhoAmI(ctx)
	if err != nil {
		return err
	}
	if j.past, err = j.x.ledger.Past(ctx, j.run.ID.Sync, who.Organization); err != nil {
		return err
	}
	sources, err := j.x.sources(ctx, s)
	if err != nil {
		return err
	}
	j.plan, err = j.x.compile(ctx, client, mapping.Input{Sync: s, Organization: who.Organization, Model: sources})
	if err != nil {
		return err
	}
	xxh3, city := j.plan.HashExprs()
	j.model = ledger.Model{
		SQL: s.From.Query, Key: j.plan.KeyExpr(), XXH3: xxh3, City: city, Fingerprint: j.plan.Fingerprint(), Removal: j.plan.LeaveFingerprint(),
		Since: j.run.Wish.Since, Keep: s.To.OnLeave.Action == spec.Nothing,
	}
	if j.past.LastRun > 0 && j.run.ID.Organization != "" && j.run.ID.Organization != who.Organization {
		j.x.env.Log.Warn("the environment is another organisation now; everything is new to it",
			"sync", s.String(), "was", j.run.ID.Organization, "is", who.Organization)
	}
	return j.update(ctx, func(r *penstock.Run) {
		r.ID.Organization = who.Organization
		r.Fingerprint = j.model.Fingerprint
		r.Version = j.target.version
	})
}

// client speaks to an environment as the first of its application users.
func (x *extractor) client(e spec.Environment) (*dataverse.Client, error) {
	return dataverse.New(dataverse.Config{
		URL: e.URL, Tenant: e.Tenant, Authorities: e.Authorities(),
		ClientID: e.Users[0].ClientID, Secret: e.Users[0].ClientSecret.Reader(x.cfg.Identities), Certificate: e.Users[0].Certificate.Reader(x.cfg.Identities), Tokens: &x.tokens,
		Request: x.cfg.Timing.Request, Connections: 2,
	})
}

// drain waits until the writers are done with the chunks first..last, and sums up what became of them.
func (j *journey) drain(ctx context.Context, first, last uint32) (ledger.Outcomes, error) {
	if last < first {
		return ledger.Outcomes{}, nil
	}
	before := j.settled
	moved := time.Now()
	for {
		backlog, err := j.x.queue.Backlog(ctx, j.run.ID.Sync)
		if err != nil {
			return ledger.Outcomes{}, err
		}
		o, err := j.x.ledger.Outcomes(ctx, j.run.ID, first, last)
		if err != nil {
			return ledger.Outcomes{}, err
		}
		if settled := before + o.Rows; settled != j.settled {
			j.settled, moved = settled, time.Now()
		}
		if time.Since(moved) > j.x.cfg.Timing.Hold {
			moved = time.Now()
			j.x.env.Log.Warn("chunks are waiting and no result comes; does a writer run, and does Dataverse let it in?",
				"sync", j.run.ID.Sync.String(), "run", j.run.ID.Number, "chunks", backlog.Changes)
		}
		j.tell()
		if err := j.answered(o); err != nil {
			return o, err
		}
		if backlog.Changes == 0 && backlog.Results == 0 {
			// Counted before the last results were recorded, perhaps: once more, now that nothing is left.
			if o, err = j.x.ledger.Outcomes(ctx, j.run.ID, first, last); err != nil {
				return o, err
			}
			j.settled = before + o.Rows
			j.run.Unsettled = j.run.Unsettled || o.Unsettled
			return o, nil
		}
		if err := daemon.Sleep(ctx, j.x.cfg.Timing.Flush/2); err != nil {
			return o, err
		}
	}
}

// awaitLetters waits until the dead-letter service has stored the letters of this run, so that the next diff knows
// them. Where it does not, the run ends all the same, and refused rows are sent once more.
func (j *journey) awaitLetters(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, j.x.cfg.Timing.Letters)
	defer cancel()
	for {
		backlog, err := j.x.queue.Backlog(ctx, j.run.ID.Sync)
		if err != nil {
			return err
		}
		if backlog.Letters == 0 {
			return nil
		}
		if err := daemon.Sleep(patience, j.x.cfg.Timing.Flush/4); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			j.x.env.Log.Warn("dead letters are not stored yet; does the dead-letter service run?", "sync", j.run.ID.Sync.String(), "letters", backlog.Letters)
			return nil
		}
	}
}

// end closes the run with what became of it. stopped says that this process is asked to stop.
func (j *journey) end(ctx context.Context, stopped bool, fault error) error {
	phase, reason, again := j.verdict(stopped, fault)
	if phase == penstock.Suspended {
		reason = j.whyRefused(ctx)
		j.x.env.Log.Error("sync suspended", "sync", j.run.ID.Sync.String(), "run", j.run.ID.Number, "reason", reason)
	}
	sent := j.published.Load() > 0 || j.run.Phase != penstock.Diffing
	if fault != nil && sent {
		j.run.Unsettled = true
		j.x.sumUp(ctx, &j.run, j.refusedHere())
	}
	j.run.Ended = time.Now()
	err := j.x.insist(ctx, "end a run of "+j.run.ID.Sync.String(), func() error {
		_, err := j.x.queue.UpdateRun(ctx, j.run.ID.Sync, func(r *penstock.Run) error {
			if r.ID.Number != j.run.ID.Number || r.ID.Epoch != j.run.ID.Epoch {
				return errDeposed
			}
			j.run.Unsettled = j.run.Unsettled || r.Unsettled // noted by the recorder meanwhile
			j.run.Phase, j.run.Reason, j.run.Next = phase, reason, r.Next
			if r.Phase.Final() { // by the recorder, or a person
				j.run.Phase, j.run.Reason = r.Phase, r.Reason
			} else if again {
				j.run.Next = r.Next.Fold(j.run.Wish)
			}
			*r = j.run
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	j.tell()
	if fault != nil && sent {
		err = j.x.queue.Purge(ctx, j.run.ID.Sync) // what it leaves, the barrier purges
	}
	return errors.Join(err, j.x.keep(ctx, j.run, j.found.Duplicate+j.found.Keyless), j.x.ledger.DropDiffs(ctx, j.run.ID))
}

// verdict says how the run ends, why, and whether the next one is wanted at once.
func (j *journey) verdict(stopped bool, fault error) (phase penstock.Phase, reason string, again bool) {
	c := &j.run.Counts
	failures := j.run.Failures + 1
	j.run.Failures = 0
	switch {
	case fault == nil && c.NotSent+c.LeftNotSent > 0 && !j.more:
		if c.Accepted+c.Deleted == 0 {
			j.run.Failures = failures
		}
		return penstock.Closed, fmt.Sprintf("%d rows were not sent; they go with the next run", c.NotSent+c.LeftNotSent),
			j.run.Failures < mostFailures
	case fault == nil:
		return penstock.Closed, j.run.Reason, j.more
	case errors.Is(fault, errRefusals):
		return penstock.Suspended, fault.Error(), false
	case errors.Is(fault, errIncomplete):
		return penstock.Incomplete, "chunks or results were lost on the way; their rows are sent again", true
	case stopped:
		return penstock.Aborted, "its extractor was stopped", true
	case errors.Is(fault, queue.ErrLost):
		return penstock.Aborted, "its extractor lost the lease", true
	case j.published.Load() == 0, failures >= mostFailures:
		return penstock.Failed, fault.Error(), false
	}
	j.run.Failures = failures
	return penstock.Aborted, fault.Error(), true
}

// mostFailures is how many runs in a row may come to nothing before a person, or the next request, has to try again.
const mostFailures = 3

// keep stores how a run ended, and notes in its record that it did.
func (x *extractor) keep(ctx context.Context, run penstock.Run, keyless uint64) error {
	return x.insist(ctx, "store the end of a run of "+run.ID.Sync.String(), func() error {
		if err := x.ledger.SaveRun(ctx, run, keyless); err != nil {
			return err
		}
		_, err := x.queue.UpdateRun(ctx, run.ID.Sync, func(r *penstock.Run) error {
			if r.ID.Number != run.ID.Number {
				return errDeposed
			}
			r.Stored = true
			return nil
		})
		return err
	})
}

// insist tries until it is done, somebody else leads the sync, or ctx ends.
func (x *extractor) insist(ctx context.Context, what string, do func() error) error {
	for wait := x.cfg.Timing.Flush; ; wait = min(2*wait, x.cfg.Timing.Publish) {
		err := do()
		if err == nil || errors.Is(err, errDeposed) {
			return err
		}
		x.env.Log.Warn("failed; trying again", "what", what, "err", err)
		if daemon.Sleep(ctx, wait) != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// refusedHere is how many rows were refused before anything was sent.
func (j *journey) refusedHere() uint64 {
	if j.letters == 0 {
		return 0
	}
	return j.found.Duplicate + j.found.Keyless + j.unfit
}

// sumUp accounts for a run that ended before its time, as well as can be known: what has no result counts as not sent.
// refused are the rows that were refused before anything was sent.
func (x *extractor) sumUp(ctx context.Context, r *penstock.Run, refused uint64) {
	leaving := r.Phase == penstock.Leaving || r.Counts.Left > 0 // then Chunks is how many the upserts had
	upserts := uint32(lastChunk)
	if leaving {
		upserts = r.Chunks
	}
	o, err := x.ledger.Outcomes(ctx, r.ID, 1, upserts)
	var deletes ledger.Outcomes
	if leaving && err == nil {
		deletes, err = x.ledger.Outcomes(ctx, r.ID, upserts+1, lastChunk)
	}
	if err != nil {
		x.env.Log.Warn("cannot sum up a run that ended early", "sync", r.ID.Sync.String(), "run", r.ID.Number, "err", err)
	}
	c := &r.Counts
	if !leaving {
		c.Accepted, c.Refused = o.Accepted, o.Refused+refused
	}
	c.NotSent = c.Read - min(c.Read, c.Unchanged+c.Waiting+c.Accepted+c.Refused)
	if c.Deleted+c.LeftRefused == 0 {
		c.Deleted, c.LeftRefused = deletes.Accepted, deletes.Refused
	}
	c.LeftNotSent = c.Left - min(c.Left, c.Deleted+c.LeftRefused+c.LeftWaiting+c.Parked+c.Kept)
}

// lastChunk is an ordinal that no chunk reaches.
const lastChunk = 1 << 31

// phase moves the run on, unless somebody else has ended it.
func (j *journey) phase(ctx context.Context, p penstock.Phase) error {
	err := j.update(ctx, func(r *penstock.Run) {
		r.Phase, r.Counts, r.Chunks, r.Rows = p, j.run.Counts, j.run.Chunks, j.published.Load()
	})
	if err == nil {
		j.tell()
	}
	return err
}

// update changes the record while it is ours and open.
func (j *journey) update(ctx context.Context, change func(*penstock.Run)) error {
	mine := j.run.ID
	var next penstock.Run
	_, err := j.x.queue.UpdateRun(ctx, mine.Sync, func(r *penstock.Run) error {
		if r.ID != mine || r.Phase.Final() {
			return errDeposed
		}
		change(r)
		next = *r
		return nil
	})
	if err == nil {
		next.Counts, next.Unsettled, next.Reason, next.Chunks = j.run.Counts, j.run.Unsettled, j.run.Reason, j.run.Chunks
		j.run = next
	}
	return err
}

// progress tells how publishing goes on, until it is done.
func (j *journey) progress(ctx context.Context, done <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-done:
			return nil
		case <-time.After(j.x.cfg.Timing.Flush):
			j.tell()
		}
	}
}

// tell sends an event to whoever watches. One that is lost is no loss.
func (j *journey) tell() {
	_ = j.x.queue.PublishEvent(penstock.Event{
		Run: j.run.ID, Phase: j.run.Phase, Counts: j.run.Counts, Published: j.published.Load(), Settled: j.settled, Reason: j.run.Reason, At: time.Now(),
	})
}

// queryID names a statement of this run in ClickHouse's query log. The epoch keeps it from colliding with one that an
// earlier leader left running.
func (j *journey) queryID(what string) string {
	return fmt.Sprintf("%s-%s-%s-%d-%d-%s", j.x.cfg.Database, j.run.ID.Sync.Environment, j.run.ID.Sync.Name, j.run.ID.Number, j.run.ID.Epoch, what)
}
