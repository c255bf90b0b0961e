package extractor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// fewRefusals is how many refused rows never stop a run, whatever their share: a small sync goes on with bad rows.
const fewRefusals = 200

// early is how many rows are looked at before their share says anything of those to come: bad rows keep company, and what a
// model gives first is often the oldest.
const early = 1000

// errRefusals ends a run of which so much is refused that the fault is hardly in the rows: more letters of the same would
// help nobody.
var errRefusals = errors.New("too many rows are refused")

// tooMany reports whether so many of these rows are more than a sync lets be refused (design: "Too many refusals"). It is
// pure.
func tooMany(refused, of uint64, share spec.Share) bool {
	return share > 0 && refused >= fewRefusals && float64(refused) > float64(share)*float64(of)
}

// unfitted is errRefusals when too much of what was read cannot be rendered. That is counted for itself: reading runs ahead
// of Dataverse's answers, and must not dilute them.
func (j *journey) unfitted() error {
	if j.read >= early && tooMany(j.unfit, j.read, j.target.sync.Guards.StopRefused) {
		return errRefusals
	}
	return nil
}

// answered is errRefusals when too much of what Dataverse answered so far is a refusal.
func (j *journey) answered(o ledger.Outcomes) error {
	refused := meant(o)
	if of := o.Accepted + refused; of >= early && tooMany(refused, of, j.target.sync.Guards.StopRefused) {
		return errRefusals
	}
	return nil
}

// meant is how many rows were refused for what they are. A Dataverse that is down, or too busy, says nothing of the rows: they
// are sent again, and no person is needed for that.
func meant(o ledger.Outcomes) uint64 { return o.Refused - min(o.Refused, o.Exhausted) }

// concluded is errRefusals when too much was refused by the time that all is answered.
func (j *journey) concluded(o ledger.Outcomes) error {
	refused := j.unfit + meant(o)
	if tooMany(refused, refused+o.Accepted, j.target.sync.Guards.StopRefused) {
		return errRefusals
	}
	return nil
}

// heed looks at what Dataverse answers while changes are still being published, until done.
func (j *journey) heed(ctx context.Context, first uint32, done <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-done:
			return nil
		case <-time.After(j.x.cfg.Timing.Flush):
		}
		o, err := j.x.ledger.Outcomes(ctx, j.run.ID, first, lastChunk)
		if err != nil {
			continue // who publishes, and who drains, meets what lasts
		}
		if err := j.answered(o); err != nil {
			return err
		}
	}
}

// whyRefused is the reason of a run that was stopped for its refusals: the share, the greatest cause, and what to do.
func (j *journey) whyRefused(ctx context.Context) string {
	limit := j.target.sync.Guards.StopRefused
	reason := fmt.Sprintf("more than %s of the rows were refused (guards.stop_refused)", limit)
	const next = "; `penstock deadletters list` says more. Mend that and run the sync again, or set another share"
	// The letters of what was refused last may be on their way to the table. They are not waited for long: the run is to end.
	patience, cancel := context.WithTimeout(ctx, 4*j.x.cfg.Timing.Flush)
	defer cancel()
	for {
		if b, err := j.x.queue.Backlog(patience, j.run.ID.Sync); err != nil || b.Letters == 0 {
			break
		}
		if daemon.Sleep(patience, j.x.cfg.Timing.Flush/4) != nil {
			break
		}
	}
	worst, err := j.x.ledger.Worst(ctx, j.run.ID)
	switch {
	case err != nil:
		j.x.env.Log.Warn("cannot look up why rows were refused", "sync", j.run.ID.Sync.String(), "run", j.run.ID.Number, "err", err)
	case worst.Letters > 0:
		worst.Cause.Message = "" // it is that of one row, and may quote its values, which no log is to have
		return fmt.Sprintf("%s, %d of them for one cause: %s%s", reason, worst.Letters, worst.Cause.Error(), next)
	}
	return reason + next
}
