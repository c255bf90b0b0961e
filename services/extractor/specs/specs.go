// Package specs keeps the versions of environments and syncs.
//
// ClickHouse has every version, and what it says holds. JetStream's bucket has the newest of each, where services look
// them up and watch them; what was removed is not there. A change is one block of ClickHouse, so all of it is stored or
// none; then it reaches the bucket. Where that was cut short, or either of the two lost what it had, whoever changes
// something next, or starts, catches up.
package specs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// A Version is one version of an environment or a sync. As JSON it is what is stored.
type Version struct {
	Name      string          `json:"-"`       // [queue.SpecOfEnvironment], [queue.SpecOfSync]
	Number    uint64          `json:"version"` // from 1
	At        time.Time       `json:"at"`
	By        string          `json:"by,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Unchecked bool            `json:"unchecked,omitempty"` // stored although it would have been refused
	Removed   bool            `json:"removed,omitempty"`   // from here on it is not applied; Spec is what it was
	Spec      json.RawMessage `json:"spec"`
}

// A Catalogue has the newest version of everything that was ever applied, by name.
type Catalogue map[string]Version

// ErrBusy is wrapped where somebody else was changing what is applied for too long.
var ErrBusy = errors.New("somebody else is applying something")

// mostBytes is what a document may have, which is less than a message of NATS may.
const mostBytes = 900 << 10

// A Store keeps versions. Many processes may each have one.
type Store struct {
	Queue  *queue.Queue
	Ledger *ledger.Ledger
	Holder string // how leases name this process
	Log    *slog.Logger
	Wait   time.Duration // for somebody else who is at it
}

// Newest reads the newest versions.
func (s *Store) Newest(ctx context.Context) (Catalogue, error) {
	all, err := s.load(ctx)
	return all.catalogue(), err
}

// Change stores the next versions of what decide returns, whose Name, Spec and flags alone are read, with who and why.
// Nobody else changes anything meanwhile. decide gets what is newest; its error ends the attempt and is returned as it is.
func (s *Store) Change(ctx context.Context, by, reason string, decide func(Catalogue) ([]Version, error)) ([]Version, error) {
	var stored []Version
	err := s.alone(ctx, func(ctx context.Context, lease *queue.Lease) error {
		all, err := s.load(ctx)
		if err != nil {
			return err
		}
		if err := s.catchUp(ctx, all); err != nil {
			return err
		}
		next, err := decide(all.catalogue())
		if err != nil || len(next) == 0 {
			return err
		}
		now := time.Now().UTC().Truncate(time.Millisecond) // which is what ClickHouse keeps
		for i, v := range next {
			e := all[v.Name]
			v.Number, v.At, v.By, v.Reason = e.newest.Number+1, now, by, reason
			if len(v.Spec) > mostBytes {
				return fmt.Errorf("%s has %d KiB; at most %d fit into a message", v.Name, len(v.Spec)>>10, mostBytes>>10)
			}
			e.newest = v
			next[i], all[v.Name] = v, e
		}
		if err := lease.Held(); err != nil {
			return fmt.Errorf("%w; nothing was stored, try again", err)
		}
		stored = next
		return s.catchUp(ctx, all)
	})
	return stored, err
}

// Restore brings ClickHouse and the bucket to the same newest versions, where one of them lacks some, and makes the
// consumers of all environments.
func (s *Store) Restore(ctx context.Context) error {
	all, err := s.load(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		if name, ok := queue.EnvironmentOfSpec(e.newest.Name); ok && !e.newest.Removed {
			if err := s.Queue.DeclareEnvironment(ctx, name); err != nil {
				return err
			}
		}
	}
	if !slices.ContainsFunc(all.sorted(), func(e entry) bool { return e.behindInLedger() || e.behindInBucket() }) {
		return nil
	}
	return s.alone(ctx, func(ctx context.Context, _ *queue.Lease) error {
		if all, err = s.load(ctx); err != nil {
			return err
		}
		return s.catchUp(ctx, all)
	})
}

// alone does something while nobody else changes what is applied. Its context ends when that is no longer sure.
func (s *Store) alone(ctx context.Context, do func(context.Context, *queue.Lease) error) error {
	deadline := time.Now().Add(s.Wait)
	for {
		lease, err := s.Queue.Acquire(ctx, queue.SpecsLease(), s.Holder)
		if err == nil {
			ours, end := context.WithCancelCause(ctx)
			var watch sync.WaitGroup
			watch.Go(func() {
				select {
				case <-lease.Lost():
					end(queue.ErrLost)
				case <-ours.Done():
				}
			})
			err = do(ours, lease)
			end(nil)
			watch.Wait()
			if fault := lease.Release(context.WithoutCancel(ctx)); fault != nil {
				s.Log.Warn("others wait until a lease lapses", "lease", queue.SpecsLease(), "err", fault)
			}
			return err
		}
		if !errors.Is(err, queue.ErrHeld) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
		if err := daemon.Sleep(ctx, s.Wait/50); err != nil {
			return err
		}
	}
}

// An entry is the newest version of one name, and what of it is stored where.
type entry struct {
	newest   Version
	ledger   uint64 // version there; 0: none
	bucket   uint64 // likewise
	revision uint64 // in the bucket; 0: it is not there
}

func (e entry) behindInLedger() bool { return e.ledger < e.newest.Number }

func (e entry) behindInBucket() bool {
	if e.newest.Removed {
		return e.revision > 0
	}
	return e.bucket < e.newest.Number
}

type entries map[string]entry

func (all entries) catalogue() Catalogue {
	c := Catalogue{}
	for name, e := range all {
		c[name] = e.newest
	}
	return c
}

// sorted begins with environments, since syncs need theirs.
func (all entries) sorted() []entry {
	list := make([]entry, 0, len(all))
	for _, e := range all {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.newest.Name, b.newest.Name) })
	return list
}

func (s *Store) load(ctx context.Context) (entries, error) {
	all := entries{}
	kept, err := s.Ledger.NewestSpecs(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		v, err := decode(k.Name, []byte(k.Document))
		if err != nil {
			return nil, err
		}
		if v.At.IsZero() {
			v.At = k.At // versions of an older Penstock do not say it themselves
		}
		all[k.Name] = entry{newest: v, ledger: v.Number}
	}
	values, err := s.Queue.Specs(ctx)
	if err != nil {
		return nil, err
	}
	for _, value := range values {
		v, err := decode(value.Name, value.Data)
		if err != nil {
			return nil, err
		}
		e := all[value.Name]
		e.bucket, e.revision = v.Number, value.Revision
		if v.Number > e.newest.Number {
			e.newest = v
		}
		all[value.Name] = e
	}
	return all, nil
}

// catchUp stores what is missing: first in ClickHouse, as one block, and then in the bucket.
func (s *Store) catchUp(ctx context.Context, all entries) error {
	list := all.sorted()
	for _, e := range list {
		// Consumers come before everything: in a work queue, what no consumer covers stays for ever.
		if name, ok := queue.EnvironmentOfSpec(e.newest.Name); ok && !e.newest.Removed && e.behindInBucket() {
			if err := s.Queue.DeclareEnvironment(ctx, name); err != nil {
				return err
			}
		}
	}
	var missing []ledger.Spec
	for _, e := range list {
		if !e.behindInLedger() {
			continue
		}
		v := e.newest
		document, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("store %s: %w", v.Name, err)
		}
		missing = append(missing, ledger.Spec{
			Name: v.Name, Version: v.Number, Document: string(document), Author: v.By, Reason: v.Reason,
			Unchecked: v.Unchecked, Removed: v.Removed, At: v.At,
		})
	}
	if err := s.Ledger.SaveSpecs(ctx, missing...); err != nil {
		return err
	}
	for _, e := range list {
		if e.behindInBucket() && !e.newest.Removed {
			if err := s.put(ctx, all, e); err != nil {
				return err
			}
		}
	}
	slices.Reverse(list) // syncs go before their environment
	for _, e := range list {
		if e.behindInBucket() && e.newest.Removed {
			if err := s.Queue.DropSpec(ctx, e.newest.Name, e.revision); err != nil {
				return unfinished(e.newest, err)
			}
			s.Log.Info("no longer applied", "name", e.newest.Name, "version", e.newest.Number, "by", e.newest.By)
			e.ledger, e.bucket, e.revision = e.newest.Number, 0, 0
			all[e.newest.Name] = e
		}
	}
	for name, e := range all {
		e.ledger = e.newest.Number
		all[name] = e
	}
	return nil
}

func (s *Store) put(ctx context.Context, all entries, e entry) error {
	v := e.newest
	document, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store %s: %w", v.Name, err)
	}
	revision, err := s.Queue.PutSpec(ctx, v.Name, document, e.revision)
	if err != nil {
		return unfinished(v, err)
	}
	s.Log.Info("applied", "name", v.Name, "version", v.Number, "by", v.By)
	e.ledger, e.bucket, e.revision = v.Number, v.Number, revision
	all[v.Name] = e
	return nil
}

func unfinished(v Version, err error) error {
	return fmt.Errorf("version %d of %s is stored in ClickHouse, and has not reached JetStream: %w; apply again once that is mended, or start Penstock anew",
		v.Number, v.Name, err)
}

func decode(name string, document []byte) (Version, error) {
	v := Version{Name: name}
	if err := json.Unmarshal(document, &v); err != nil {
		return v, fmt.Errorf("what is stored of %s cannot be read: %w", name, err)
	}
	return v, nil
}
