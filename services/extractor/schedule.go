package extractor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// bySchedule is who asks for a run that nobody asked for.
const bySchedule = "schedule"

// A timetable is a sync's schedule, and since when it has been applied.
type timetable struct {
	id       penstock.SyncID
	schedule spec.Schedule
	since    time.Time

	from, next time.Time // what was worked out last: reading zones and expressions anew each second would keep a core busy
}

// due reports whether a sync whose newest run is this one is to run at this time. It depends on nothing else, and is all that
// there is to a schedule: no extractor remembers anything, so each of them may ask for the run, and times that all of them
// missed come to one run.
//
// A time counts from the start of the newest run, whoever asked for it; a run that failed is tried again at the next time.
// A sync that never ran is due at once where it runs every so often; times of a cron expression count from when the sync
// was applied. A suspended sync waits for a person. A run that began far in the future was begun by a clock that was wrong:
// it is not waited for.
func (t *timetable) due(run penstock.Run, now time.Time) bool {
	under := run.ID.Number > 0 && !run.Phase.Final()
	if under || run.Next.Wanted || run.Phase == penstock.Suspended {
		return false
	}
	if run.Started.After(now.Add(skew)) && t.schedule != (spec.Schedule{}) {
		return true
	}
	from := run.Started
	if t.schedule.Cron != "" && t.since.After(from) {
		from = t.since
	}
	if t.next.IsZero() || !from.Equal(t.from) {
		t.from, t.next = from, t.schedule.Next(from)
	}
	return !t.next.IsZero() && !t.next.After(now)
}

// skew is how far apart the clocks of two machines may be. It is generous: where one that leads runs were farther ahead for
// good, another would ask again and again.
const skew = 24 * time.Hour

// timetables are those of the applied syncs that have a schedule, by the name of their specification.
type timetables struct {
	mu  sync.Mutex
	all map[string]*timetable
}

// applied takes a specification in.
func (t *timetables) applied(v queue.Value) error {
	if !strings.HasPrefix(v.Name, "sync.") {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, v.Name)
	if v.Data == nil {
		return nil // no longer applied
	}
	s, _, err := decodeStored[spec.Sync](v)
	if err == nil && s.Schedule != (spec.Schedule{}) {
		t.all[v.Name] = &timetable{id: s.ID(), schedule: s.Schedule, since: v.At}
	}
	return err
}

func (t *timetables) list() []*timetable {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*timetable, 0, len(t.all))
	for _, one := range t.all {
		list = append(list, one)
	}
	return list
}

// keepTime asks for the runs that schedules want, until ctx ends.
func (x *extractor) keepTime(ctx context.Context) {
	known := &timetables{all: map[string]*timetable{}}
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		daemon.Persist(ctx, x.env.Log, "watching schedules", x.cfg.Timing.Publish/20, func(ctx context.Context) error {
			return x.queue.WatchSpecs(ctx, func(v queue.Value) {
				if err := known.applied(v); err != nil {
					x.env.Log.Error("a sync's schedule is not kept", "err", err)
				}
			})
		})
	})
	daemon.Persist(ctx, x.env.Log, "keeping schedules", x.cfg.Timing.Publish/20, func(ctx context.Context) error {
		if err := x.askByTime(ctx, known.list()); err != nil {
			return err
		}
		_ = daemon.Sleep(ctx, x.cfg.Timing.Lease/15) // or ctx ends, and so does Persist
		return nil
	})
}

// askByTime asks for a run of each sync that is due. One that cannot be asked for does not hold up the others.
func (x *extractor) askByTime(ctx context.Context, known []*timetable) error {
	if len(known) == 0 {
		return nil
	}
	runs, err := x.queue.Runs(ctx)
	if err != nil {
		return err
	}
	newest := make(map[penstock.SyncID]penstock.Run, len(runs))
	for _, run := range runs {
		newest[run.ID.Sync] = run
	}
	var faults []error
	for _, t := range known {
		if !t.due(newest[t.id], time.Now()) {
			continue
		}
		// Looked at again in the record itself: another extractor may have asked, and the run may be over by now.
		run, err := x.queue.UpdateRun(ctx, t.id, func(run *penstock.Run) error {
			if run.ID.Number == 0 {
				if err := x.restore(ctx, run); err != nil {
					return err
				}
			}
			if !t.due(*run, time.Now()) {
				return errNotDue
			}
			run.Next = run.Next.Fold(penstock.Wish{Wanted: true, By: []string{bySchedule}})
			return nil
		})
		switch {
		case errors.Is(err, errNotDue):
		case err != nil:
			if ctx.Err() != nil {
				return err
			}
			faults = append(faults, fmt.Errorf("ask for a run of %s by its schedule: %w", t.id, err))
		default:
			x.env.Log.Info("run due", "sync", t.id.String(), "run", run.ID.Number+1, "schedule", t.schedule.String())
		}
	}
	return errors.Join(faults...)
}

// errNotDue ends asking for a run that somebody else has asked for.
var errNotDue = errors.New("the sync is not due")
