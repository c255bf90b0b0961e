package extractor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// errDeposed ends a run whose record is no longer ours.
var errDeposed = errors.New("the run was ended by somebody else")

// errUnsettled sends a leader back to the barrier: a result came in that says more of the last run may be under way.
var errUnsettled = errors.New("the last run is not over after all")

// lead looks for syncs that want a run, or whose run has lost its leader, and leads them side by side, until ctx ends.
// hard outlives ctx, so that a run that is given up is given up properly.
func (x *extractor) lead(ctx, hard context.Context) {
	var reigns sync.WaitGroup
	defer reigns.Wait()
	var leading sync.Map // penstock.SyncID -> nothing
	daemon.Persist(ctx, x.env.Log, "looking for work", x.cfg.Timing.Publish/20, func(ctx context.Context) error {
		runs, err := x.queue.Runs(ctx)
		if err != nil {
			return err
		}
		for _, run := range runs {
			id := run.ID.Sync
			if !run.Next.Wanted && run.Phase.Final() && run.Stored {
				continue
			}
			if _, busy := leading.LoadOrStore(id, nil); busy {
				continue
			}
			reigns.Go(func() {
				defer leading.Delete(id)
				err := x.reign(ctx, hard, id)
				if err == nil || ctx.Err() != nil || errors.Is(err, queue.ErrHeld) {
					return
				}
				x.env.Log.Error("a sync is led no further for now", "sync", id.String(), "err", err)
				_ = daemon.Sleep(ctx, x.cfg.Timing.Lease/3) // what is away for everybody is not asked for all the time
			})
		}
		_ = daemon.Sleep(ctx, x.cfg.Timing.Lease/30) // or ctx ends, and so does Persist
		return nil
	})
}

// reign takes the lease of a sync, ends what a predecessor left, and carries out runs while they are wanted.
func (x *extractor) reign(ctx, hard context.Context, id penstock.SyncID) (err error) {
	lease, err := x.queue.Acquire(ctx, queue.LeaderLease(id), x.holder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release(hard)) }()
	run, err := x.takeOver(ctx, id)
	if err != nil {
		return err
	}
	for run.Next.Wanted && lease.Held() == nil {
		if run, err = x.barrier(ctx, lease, run.ID); err != nil {
			return fmt.Errorf("wait for the barrier: %w", err)
		}
		run, err = x.carryOut(ctx, hard, lease, run)
		if err != nil && !errors.Is(err, errUnsettled) {
			return err
		}
	}
	return nil
}

// takeOver aborts a run that lost its leader. A crashed run is never resumed: what of it is still on its way is unknown,
// so the next one diffs anew once the barrier is open.
func (x *extractor) takeOver(ctx context.Context, id penstock.SyncID) (penstock.Run, error) {
	aborted := false
	run, err := x.queue.UpdateRun(ctx, id, func(r *penstock.Run) error {
		aborted = !r.Phase.Final()
		if aborted {
			r.Phase, r.Reason, r.Ended, r.Unsettled = penstock.Aborted, "its extractor is gone", time.Now(), true
			r.Next = r.Next.Fold(r.Wish)
		}
		return nil
	})
	if err != nil {
		return run, err
	}
	if aborted {
		x.env.Log.Warn("run aborted: its extractor is gone", "sync", id.String(), "run", run.ID.Number)
	}
	if run.Stored {
		return run, nil
	}
	if aborted || !run.Counts.Balanced() {
		x.sumUp(ctx, &run, 0)
	}
	return run, x.keep(ctx, run, 0)
}

// barrier waits until nothing of the last run, which is sealed, can reach Dataverse any more: nothing of it is in the
// queue, what was reported is recorded, and, if anything of it went astray, the longest time that a frozen writer or a
// request without answer could need has passed. It returns the run record that it went by. The order is that of the
// model (model/run.pml), which finds a stale write when any step is left out.
func (x *extractor) barrier(ctx context.Context, lease *queue.Lease, last penstock.RunID) (penstock.Run, error) {
	for {
		if err := lease.Held(); err != nil {
			return penstock.Run{}, err
		}
		b, err := x.queue.Backlog(ctx, last.Sync)
		if err != nil {
			return penstock.Run{}, err
		}
		if b.Changes > 0 {
			if err := x.discard(ctx, last); err != nil {
				return penstock.Run{}, err
			}
		}
		if b.Changes == 0 && b.Results == 0 {
			break
		}
		if err := daemon.Sleep(ctx, x.cfg.Timing.Flush/4); err != nil {
			return penstock.Run{}, err
		}
	}
	run, _, err := x.queue.Run(ctx, last.Sync)
	if err != nil {
		return run, err
	}
	// No longer than from now on, where the clock that wrote when it ended was ahead of ours.
	if wait := min(time.Until(run.Ended.Add(x.cfg.Timing.Quiet())), x.cfg.Timing.Quiet()); run.Unsettled && wait > 0 {
		x.env.Log.Info("waiting for what may still be under way", "sync", last.Sync.String(), "run", last.Number, "for", wait.Round(time.Millisecond).String())
		if err := daemon.Sleep(ctx, wait); err != nil {
			return run, err
		}
	}
	return run, nil
}

// discard purges what is left of a run that is over. That something was there is noted first: the purge removes the only
// trace of a chunk that a writer has in its hand.
func (x *extractor) discard(ctx context.Context, last penstock.RunID) error {
	_, err := x.queue.UpdateRun(ctx, last.Sync, func(r *penstock.Run) error {
		if r.ID != last || !r.Phase.Final() {
			return errDeposed
		}
		r.Unsettled, r.Ended = true, time.Now()
		return nil
	})
	if err != nil {
		return err
	}
	return x.queue.Purge(ctx, last.Sync)
}
