package extractor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// errDeposed ends a run whose record is no longer ours.
var errDeposed = errors.New("the run was ended by somebody else")

// lead looks for syncs that want a run, or whose run has lost its leader, and leads them one by one or side by side.
// hard outlives ctx, so that a run that is given up is given up properly.
func (x *extractor) lead(ctx, hard context.Context) error {
	var reigns sync.WaitGroup
	defer reigns.Wait()
	var mu sync.Mutex
	leading := map[penstock.SyncID]bool{}
	for {
		runs, err := x.queue.Runs(ctx)
		if err != nil && ctx.Err() == nil {
			x.env.Log.Warn("cannot look for work; trying again", "err", err)
		}
		for _, run := range runs {
			id := run.ID.Sync
			mu.Lock()
			busy := leading[id]
			mu.Unlock()
			if busy || !run.Next.Wanted && run.Phase.Final() {
				continue
			}
			select {
			case x.runs <- struct{}{}:
			default:
				continue // enough under way; the next look finds it again
			}
			mu.Lock()
			leading[id] = true
			mu.Unlock()
			reigns.Go(func() {
				err := x.reign(ctx, hard, id)
				if err != nil && ctx.Err() == nil && !errors.Is(err, queue.ErrHeld) {
					x.env.Log.Error("sync led no further for now", "sync", id.String(), "err", err)
				}
				mu.Lock()
				delete(leading, id)
				mu.Unlock()
				<-x.runs
			})
		}
		if err := sleep(ctx, x.cfg.Timing.Lease/30); err != nil {
			return nil //nolint:nilerr // asked to stop
		}
	}
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
		if err := x.barrier(ctx, lease, run); err != nil {
			return fmt.Errorf("wait for the barrier: %w", err)
		}
		if run, err = x.carryOut(ctx, hard, lease, run); err != nil {
			return err
		}
	}
	return nil
}

// takeOver aborts a run that lost its leader, and empties the queue of it. A crashed run is never resumed: what of it is
// still on its way is unknown, so the next one diffs anew once the barrier is open.
func (x *extractor) takeOver(ctx context.Context, id penstock.SyncID) (penstock.Run, error) {
	backlog, err := x.queue.Backlog(ctx, id)
	if err != nil {
		return penstock.Run{}, err
	}
	aborted := false
	run, err := x.queue.UpdateRun(ctx, id, func(r *penstock.Run) error {
		aborted = !r.Phase.Final()
		if aborted {
			r.Phase, r.Reason, r.Ended, r.Unsettled = penstock.Aborted, "its extractor is gone", time.Now(), true
			r.Next.Wanted = true
		} else if backlog.Changes > 0 { // published by somebody who was frozen meanwhile
			r.Ended, r.Unsettled = time.Now(), true
		}
		return nil
	})
	if err != nil {
		return run, err
	}
	if aborted {
		x.env.Log.Warn("run aborted: its extractor is gone", "sync", id.String(), "run", run.ID.Number)
		if err := x.ledger.SaveRun(ctx, run, 0); err != nil {
			return run, err
		}
	}
	return run, x.queue.Purge(ctx, id)
}

// barrier waits until nothing of the last run can reach Dataverse any more: nothing of it is in the queue, its results
// are recorded, and, if something of it went astray, the longest time that a frozen writer or a request without answer
// could need has passed.
func (x *extractor) barrier(ctx context.Context, lease *queue.Lease, last penstock.Run) error {
	if last.Unsettled {
		open := last.Ended.Add(x.cfg.Timing.Quiet())
		if wait := time.Until(open); wait > 0 {
			x.env.Log.Info("waiting for what may still be under way", "sync", last.ID.Sync.String(), "run", last.ID.Number, "for", wait.Round(time.Millisecond).String())
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
	}
	for {
		if err := lease.Held(); err != nil {
			return err
		}
		b, err := x.queue.Backlog(ctx, last.ID.Sync)
		if err != nil {
			return err
		}
		if b.Changes == 0 && b.Results == 0 {
			return nil
		}
		if err := sleep(ctx, x.cfg.Timing.Flush/4); err != nil {
			return err
		}
	}
}
