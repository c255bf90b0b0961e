package extractor

import (
	"context"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// record takes results into the ledger, in large blocks: whatever came within a moment goes in as one.
// A result is acked when the ledger has it.
func (x *extractor) record(ctx context.Context) error {
	messages, err := x.queue.TakeResults(ctx, 256, x.cfg.Timing.Flush/4)
	if err != nil {
		return err
	}
	results := make([]penstock.Result, 0, len(messages))
	newest := map[penstock.SyncID]uint64{}
	for _, m := range messages {
		if m.Err != nil { // its keys stay as sent, and are sent again
			x.env.Log.Error("a result cannot be read; its rows are sent again", "subject", m.Subject, "err", m.Err)
			continue
		}
		results = append(results, m.Value)
		// Read before the insert: a run that begins between the two has waited for this very result to be acked.
		if id := m.Value.Run.Sync; newest[id] == 0 {
			run, _, err := x.queue.Run(ctx, id)
			if err != nil {
				return err
			}
			newest[id] = run.ID.Number
		}
	}
	if err := x.ledger.Record(ctx, results, func(id penstock.SyncID) uint64 { return newest[id] }); err != nil {
		return err
	}
	for i := range results {
		if err := x.note(ctx, &results[i]); err != nil {
			return err
		}
	}
	return queue.Ack(ctx, messages...)
}

// note puts into the run record, before the result is acked, what the next run must know: that something of this one may
// still reach Dataverse, and that a writer found no row at fault, which ends the run. Its leader sees that, and stops.
func (x *extractor) note(ctx context.Context, r *penstock.Result) error {
	astray := r.Unanswered || r.Deliveries > 1
	if r.Suspend == nil && !astray {
		return nil
	}
	if r.Suspend != nil && r.Suspend.Class == penstock.Mapping {
		if err := x.forget(ctx, r.Run); err != nil {
			x.env.Log.Warn("metadata that may be out of date is kept until its time is over", "sync", r.Run.Sync.String(), "err", err)
		}
	}
	_, err := x.queue.UpdateRun(ctx, r.Run.Sync, func(run *penstock.Run) error {
		if run.ID.Number != r.Run.Number {
			return nil // late: the ledger sends its keys again
		}
		run.Unsettled = run.Unsettled || astray
		if r.Suspend != nil && run.ID == r.Run && run.Phase.Open() {
			x.env.Log.Error("sync suspended", "sync", r.Run.Sync.String(), "run", r.Run.Number, "reason", r.Suspend.Error())
			run.Phase, run.Reason, run.Ended, run.Unsettled = penstock.Suspended, r.Suspend.Error(), time.Now(), true
		}
		return nil
	})
	return err
}
