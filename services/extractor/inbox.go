package extractor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// inbox folds published requests into the run records of their syncs. The stream only ingests: once the wish is in the
// record the message is acked, and ten requests for a sync that waits are one.
func (x *extractor) inbox(ctx context.Context) error {
	messages, err := x.queue.TakeRequests(ctx, 64, x.cfg.Timing.Flush)
	if err != nil {
		return err
	}
	for _, m := range messages {
		number, err := uint64(0), m.Err
		if err == nil {
			number, err = x.want(ctx, m.Value)
		}
		var refusal *control.Refusal
		switch {
		case m.Err != nil || errors.As(err, &refusal):
			x.env.Log.Warn("request refused", "subject", m.Subject, "err", err)
		case err != nil:
			return err // not acked: it comes again
		default:
			x.env.Log.Info("run requested", "sync", m.Value.Sync.String(), "run", number, "by", m.Value.By)
		}
	}
	return queue.Ack(ctx, messages...)
}

// want folds a wish into the sync's run record and returns the number of the run that will take it up.
func (x *extractor) want(ctx context.Context, r penstock.Request) (uint64, error) {
	if _, err := x.applied(ctx, r.Sync); err != nil {
		return 0, err
	}
	var by []string
	if r.By != "" {
		by = []string{r.By}
	}
	run, err := x.queue.UpdateRun(ctx, r.Sync, func(run *penstock.Run) error {
		if run.ID.Number == 0 {
			if err := x.restore(ctx, run); err != nil {
				return err
			}
		}
		run.Next = run.Next.Fold(penstock.Wish{Wanted: true, Full: r.Full, By: by, Reason: r.Reason})
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("ask for a run of %s: %w", r.Sync, err)
	}
	return run.ID.Number + 1, nil
}

// restore makes the record of a sync that has none: it is new, or its record was lost with JetStream. Then what of its
// newest run is still on its way is unknown, and a number is never given twice.
func (x *extractor) restore(ctx context.Context, run *penstock.Run) error {
	id := run.ID.Sync
	past, err := x.ledger.Past(ctx, id, "")
	if err != nil {
		return err
	}
	runs, err := x.ledger.Runs(ctx, id.Environment, id.Name, 1)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		run.ID.Number, run.Phase, run.Stored = past.LastRun, penstock.Closed, true
		return nil
	}
	open := !runs[0].Phase.Final()
	*run = runs[0]
	run.Unsettled, run.Ended, run.Stored = true, time.Now(), true
	if open {
		run.Phase, run.Reason = penstock.Aborted, "its record was lost with JetStream"
		if err := x.ledger.SaveRun(ctx, *run, 0); err != nil {
			return err
		}
	}
	run.ID.Number = max(run.ID.Number, past.LastRun)
	return nil
}
