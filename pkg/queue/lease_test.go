package queue

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestALeaseIsHeldByOneAndRenewed(t *testing.T) {
	s, q := start(t, nil)
	other := connect(t, s, nil)
	name := UserLease(environment, "11111111-1111-1111-1111-111111111111")
	lease, err := q.Acquire(t.Context(), name, "writer-1")
	must(t, err)
	first := lease.Deadline()
	eventually(t, "it is renewed past twice its time", func() bool {
		if _, err := other.Acquire(t.Context(), name, "writer-2"); !errors.Is(err, ErrHeld) || !contains(err.Error(), "writer-1") {
			t.Fatalf("a second holder: %v", err)
		}
		must(t, lease.Held())
		return lease.Deadline().Sub(first) > 2*quick().Lease
	})
	must(t, lease.Release(t.Context()))
	if err := lease.Held(); !errors.Is(err, ErrLost) {
		t.Errorf("Held after Release: %v", err)
	}
	<-lease.Lost()
	next, err := other.Acquire(t.Context(), name, "writer-2") // at once
	must(t, err)
	if next.Epoch() <= lease.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), lease.Epoch())
	}
	must(t, lease.Release(t.Context())) // twice, and late: must not take it from its successor
	must(t, next.Held())
	if _, err := q.Acquire(t.Context(), name, "writer-1"); !errors.Is(err, ErrHeld) {
		t.Errorf("the successor lost it: %v", err)
	}
	must(t, next.Release(t.Context()))
}

func TestALeaseThatCannotBeRenewedIsLostInTimeAndTakenOver(t *testing.T) {
	s, q := start(t, nil)
	name := LeaderLease(contacts)
	lease, err := q.Acquire(t.Context(), name, "a")
	must(t, err)
	s.Stop()
	<-lease.Lost()
	if late := time.Since(lease.Deadline()); late > quick().Lease/3 {
		t.Errorf("noticed %s after the deadline: another may have it by then", late)
	}
	s.Restart()
	other := connect(t, s, nil)
	var next *Lease
	eventually(t, "it lapses", func() bool { next, err = other.Acquire(t.Context(), name, "b"); return err == nil })
	if next.Epoch() <= lease.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), lease.Epoch())
	}
	must(t, lease.Release(t.Context()))
	must(t, next.Held())
	must(t, next.Release(t.Context()))
}

func TestALeaseOutlastsAQuickRestart(t *testing.T) {
	s, q := start(t, func(c *Config) { c.Timing.Lease = 6 * time.Second })
	lease, err := q.Acquire(t.Context(), LeaderLease(contacts), "a")
	must(t, err)
	s.Restart()
	restarted := time.Now()
	eventually(t, "it is renewed", func() bool {
		must(t, lease.Held())
		return lease.Deadline().After(restarted.Add(4 * time.Second))
	})
	must(t, lease.Release(t.Context()))
}

func TestALeaseThatIsTakenAwayIsLost(t *testing.T) {
	_, q := start(t, nil)
	lease, err := q.Acquire(t.Context(), LeaderLease(contacts), "a")
	must(t, err)
	bucket, err := q.bucket(t.Context(), bucketLeases)
	must(t, err)
	must(t, bucket.Delete(t.Context(), LeaderLease(contacts)))
	<-lease.Lost()
	must(t, lease.Release(t.Context()))
}

func TestARenewalWhoseAnswerWasLostIsNoLoss(t *testing.T) {
	_, q := start(t, nil)
	lease, err := q.Acquire(t.Context(), LeaderLease(contacts), "a")
	must(t, err)
	bucket, err := q.bucket(t.Context(), bucketLeases)
	must(t, err)
	_, err = bucket.Put(t.Context(), LeaderLease(contacts), lease.value) // what the lost one stored
	must(t, err)
	was := lease.Deadline()
	eventually(t, "it is renewed all the same", func() bool {
		must(t, lease.Held())
		return lease.Deadline().After(was)
	})
	must(t, lease.Release(t.Context()))
}

func TestRunRecordsChangeByCompareAndSet(t *testing.T) {
	_, q := start(t, nil)
	run, revision, err := q.Run(t.Context(), contacts)
	if err != nil || revision != 0 || run.ID.Sync != contacts || run.ID.Number != 0 {
		t.Fatalf("a sync without a run: %+v, %d, %v", run, revision, err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if _, err := q.UpdateRun(t.Context(), contacts, func(r *penstock.Run) error {
					r.ID.Number++
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	run, revision, err = q.Run(t.Context(), contacts)
	if err != nil || run.ID.Number != 40 || revision == 0 {
		t.Fatalf("after 40 changes at once: %+v, %d, %v", run, revision, err)
	}
	no := errors.New("not me")
	run, err = q.UpdateRun(t.Context(), contacts, func(r *penstock.Run) error { r.Phase = penstock.Aborted; return no })
	if !errors.Is(err, no) || run.ID.Number != 40 {
		t.Fatalf("refused change: %v", err)
	}
	accounts := penstock.SyncID{Environment: environment, Name: "accounts"}
	_, err = q.UpdateRun(t.Context(), accounts, func(r *penstock.Run) error { r.Phase = penstock.Closed; return nil })
	must(t, err)
	runs, err := q.Runs(t.Context())
	if err != nil || len(runs) != 2 || runs[0].Phase == penstock.Aborted || runs[1].ID.Sync != accounts {
		t.Fatalf("all: %+v, %v", runs, err)
	}
	if _, _, err := q.Run(t.Context(), penstock.SyncID{Environment: "*", Name: "x"}); err == nil {
		t.Error("a wildcard was taken for a sync")
	}
}

func TestTheNamesOfSpecsAreReadBack(t *testing.T) {
	if id, ok := SyncOfSpec(SpecOfSync(contacts)); !ok || id != contacts {
		t.Errorf("the sync is read back as %s, %v", id, ok)
	}
	if name, ok := EnvironmentOfSpec(SpecOfEnvironment(environment)); !ok || name != environment {
		t.Errorf("the environment is read back as %s, %v", name, ok)
	}
	if _, ok := SyncOfSpec(SpecOfEnvironment(environment)); ok {
		t.Error("an environment was taken for a sync")
	}
	if _, ok := EnvironmentOfSpec(SpecOfSync(contacts)); ok {
		t.Error("a sync was taken for an environment")
	}
}

func TestSpecsAreReplacedOnlyByWhoSawThem(t *testing.T) {
	s, q := start(t, nil)
	name := SpecOfSync(contacts)
	one, err := q.PutSpec(t.Context(), name, []byte(`{"v":1}`), 0)
	must(t, err)
	if _, err := q.PutSpec(t.Context(), name, []byte(`{"v":9}`), 0); !errors.Is(err, ErrConflict) {
		t.Fatalf("created twice: %v", err)
	}
	seen := make(chan Value)
	ended := make(chan error, 1)
	go func() {
		ended <- q.WatchSpecs(t.Context(), func(v Value) {
			select {
			case seen <- v:
			case <-t.Context().Done():
			}
		})
	}()
	if v := <-seen; v.Name != name || string(v.Data) != `{"v":1}` || v.Revision != one {
		t.Fatalf("the watcher begins with %+v", v)
	}
	s.Restart()
	var two uint64
	eventually(t, "the server is back", func() bool {
		two, err = q.PutSpec(t.Context(), name, []byte(`{"v":2}`), one)
		return err == nil || errors.Is(err, ErrConflict)
	})
	must(t, err)
	for v := range seen { // the first again, perhaps, since it is told everything anew
		if v.Revision == two {
			break
		}
		if v.Revision != one {
			t.Fatalf("after a restart the watcher sees %+v", v)
		}
	}
	if _, err := q.PutSpec(t.Context(), name, []byte(`{"v":3}`), one); !errors.Is(err, ErrConflict) {
		t.Fatalf("replaced by one who did not see it: %v", err)
	}
	all, err := q.Specs(t.Context())
	if err != nil || len(all) != 1 || string(all[0].Data) != `{"v":2}` {
		t.Fatalf("all: %+v, %v", all, err)
	}
	if err := q.DropSpec(t.Context(), name, one); !errors.Is(err, ErrConflict) {
		t.Fatalf("dropped by one who did not see it: %v", err)
	}
	must(t, q.DropSpec(t.Context(), name, two))
	for v := range seen {
		if v.Name == name && v.Data == nil {
			break
		}
	}
	if all, err := q.Specs(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("after it was dropped: %+v, %v", all, err)
	}
	limits := LimitsOfUser(environment, "u")
	if v, err := q.Limits(t.Context(), limits); err != nil || v.Revision != 0 || v.Data != nil {
		t.Fatalf("limits that nobody knows: %+v, %v", v, err)
	}
	must(t, q.PutLimits(t.Context(), limits, []byte(`{"rate":5}`)))
	if v, err := q.Limits(t.Context(), limits); err != nil || string(v.Data) != `{"rate":5}` {
		t.Fatalf("limits: %+v, %v", v, err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the watcher ended: %v", err)
	default:
	}
}
