// Package ledger keeps what Penstock knows in the warehouse itself: which row was sent, which one Dataverse accepted,
// which was refused and why, and what each run came to.
//
// The ledger is the truth. A key is written as sent before its change is published, and as accepted only by a result;
// a key whose newest entry is sent counts as changed, whatever its hash. So whatever is lost on the way (a verdict, a
// queue, a process) ends in sending again, never in a wrong "unchanged".
package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// Ranks within a version; see tables.
const (
	rankSent      = 0
	rankAccepted  = 1
	rankSentAgain = 2
)

func version(run, rank uint64) uint64 { return run*8 + rank }

// tombstone is the fingerprint of an entry that only says that there is nothing to be sent for a key: no mapping has it.
const tombstone = 0

const (
	stateSent     = 1
	stateAccepted = 2
)

// What the column left of an entry says.
const (
	leftDeleted     = 1
	leftDeactivated = 2
	leftCleared     = 3
	leftBack        = 4 // the row is back, and nobody has said yet that its record is active again

	// An on_leave that is another now does not make a record active again: of one that was deactivated this is remembered.
	leftClearedInactive = 5
	leftDeletedInactive = 6 // it was to be deleted, and nobody has said yet that it is gone
)

// leftPresent are the values that say that the row is in the model, leftInactive those that say that its record may be inactive.
var (
	leftPresent  = fmt.Sprintf("(0, %d)", leftBack)                                                                     //nolint:gochecknoglobals // constant
	leftInactive = fmt.Sprintf("(%d, %d, %d, %d)", leftDeactivated, leftBack, leftClearedInactive, leftDeletedInactive) //nolint:gochecknoglobals // constant
)

// leftBy is what an entry about such a change says.
func leftBy(op penstock.Operation) uint8 {
	switch op {
	case penstock.Delete:
		return leftDeleted
	case penstock.Deactivate:
		return leftDeactivated
	case penstock.Clear:
		return leftCleared
	case penstock.Restore:
		return leftBack
	case penstock.Upsert, penstock.Update, penstock.Create:
	}
	return 0
}

// entries are rows of the ledger by column, as ClickHouse takes them in.
type entries struct {
	organization, sync, key, address []string
	xxh3, city, fingerprint          []uint64
	run, version                     []uint64
	state                            []int8
	left                             []uint8
	at                               []time.Time
}

// grow makes room for n more.
func (e *entries) grow(n int) {
	for _, s := range []*[]string{&e.organization, &e.sync, &e.key, &e.address} {
		*s = slices.Grow(*s, n)
	}
	for _, s := range []*[]uint64{&e.xxh3, &e.city, &e.fingerprint, &e.run, &e.version} {
		*s = slices.Grow(*s, n)
	}
	e.state, e.left, e.at = slices.Grow(e.state, n), slices.Grow(e.left, n), slices.Grow(e.at, n)
}

// add adds an entry. inactive says that the record was deactivated before, and is not known to be active again.
func (e *entries) add(
	run penstock.RunID, number, rank, fingerprint uint64, op penstock.Operation, key, address string, h penstock.Hash, at time.Time, inactive bool,
) {
	state, left := int8(stateSent), leftBy(op)
	if rank == rankAccepted {
		state = stateAccepted
	}
	switch {
	case left == leftBack && state == stateAccepted:
		left = 0
	case left == leftCleared && inactive:
		left = leftClearedInactive
	case left == leftDeleted && inactive && state == stateSent:
		left = leftDeletedInactive
	}
	xxh3, city := halves(h)
	e.organization = append(e.organization, run.Organization)
	e.sync = append(e.sync, run.Sync.Name)
	e.key = append(e.key, key)
	e.xxh3 = append(e.xxh3, xxh3)
	e.city = append(e.city, city)
	e.fingerprint = append(e.fingerprint, fingerprint)
	e.run = append(e.run, number)
	e.state = append(e.state, state)
	e.left = append(e.left, left)
	e.address = append(e.address, address)
	e.version = append(e.version, version(number, rank))
	e.at = append(e.at, at)
}

func (l *Ledger) insert(ctx context.Context, e *entries) error {
	if len(e.key) == 0 {
		return nil
	}
	return l.put(ctx, "ledger",
		col("organization", e.organization),
		col("sync", e.sync),
		col("key", e.key),
		col("xxh3", e.xxh3),
		col("city", e.city),
		col("fingerprint", e.fingerprint),
		col("run", e.run),
		col("state", e.state),
		col("left", e.left),
		col("address", e.address),
		col("version", e.version),
		col("at", e.at),
	)
}

// Sent writes ahead: the changes of these chunks are about to be published. Only when it has returned may they be.
func (l *Ledger) Sent(ctx context.Context, chunks []*penstock.Chunk) error {
	var e entries
	at, n := time.Now(), 0
	for _, c := range chunks {
		n += len(c.Changes)
	}
	e.grow(n)
	for _, c := range chunks {
		var removed []string
		for i := range c.Changes {
			if c.Changes[i].Operation.Removal() {
				removed = append(removed, c.Changes[i].Key)
			}
		}
		inactive, err := l.inactive(ctx, c.Run, removed)
		if err != nil {
			return err
		}
		for i := range c.Changes {
			ch := &c.Changes[i]
			e.add(c.Run, c.Run.Number, rankSent, c.Fingerprint, ch.Operation, ch.Key, ch.Address, ch.Hash, at, inactive[ch.Key])
		}
	}
	if err := l.insert(ctx, &e); err != nil {
		return fmt.Errorf("ledger: write %d keys ahead: %w", len(e.key), err)
	}
	return nil
}

// Record takes results in. newest gives the number of a sync's newest run: a result of an older one is late, and what
// it says may have been overtaken, or may have overtaken what was sent since; so its keys become sent again, at the
// newest run, and the next diff settles them.
func (l *Ledger) Record(ctx context.Context, results []penstock.Result, newest func(penstock.SyncID) uint64) error {
	var e entries
	var r resultRows
	n := 0
	for i := range results {
		n += len(results[i].Changes)
	}
	e.grow(n)
	for i := range results {
		res := &results[i]
		now := newest(res.Run.Sync)
		late := res.Run.Number < now
		var keys []string
		for j := range res.Changes {
			if late || res.Changes[j].Operation == penstock.Clear {
				keys = append(keys, res.Changes[j].Key)
			}
		}
		inactive, err := l.inactive(ctx, res.Run, keys)
		if err != nil {
			return err
		}
		for _, s := range res.Changes {
			if late && inactive[s.Key] && s.Operation == penstock.Upsert {
				s.Operation = penstock.Restore
			}
			switch {
			case s.Outcome == penstock.NotSent:
				// the entry that was written ahead says it all
			case late:
				e.add(res.Run, now, rankSentAgain, res.Fingerprint, s.Operation, s.Key, s.Address, s.Hash, res.Finished, inactive[s.Key])
			case s.Outcome == penstock.Accepted:
				e.add(res.Run, res.Run.Number, rankAccepted, res.Fingerprint, s.Operation, s.Key, s.Address, s.Hash, res.Finished, inactive[s.Key])
			}
		}
		r.add(res)
	}
	if err := l.insert(ctx, &e); err != nil {
		return fmt.Errorf("ledger: record what %d chunks came to: %w", len(results), err)
	}
	if err := l.insertResults(ctx, &r); err != nil {
		return fmt.Errorf("ledger: record %d results: %w", len(results), err)
	}
	return nil
}

// inactive are those of a sync's keys whose records were deactivated, and are not yet known to be active again. A late word on
// such a key, or another on_leave, takes the place of its entry, and must not make that forgotten.
func (l *Ledger) inactive(ctx context.Context, run penstock.RunID, keys []string) (map[string]bool, error) {
	found := map[string]bool{}
	const most = 200 // in a statement
	for some := range slices.Chunk(keys, most) {
		quoted := make([]string, len(some))
		for i, key := range some {
			quoted[i] = text(key)
		}
		q := clickhouse.Query{SQL: fmt.Sprintf("SELECT key FROM %s FINAL WHERE organization = %s AND sync = %s AND left IN %s AND key IN (%s)",
			l.table("ledger"), text(run.Organization), text(run.Sync.Name), leftInactive, strings.Join(quoted, ", "))}
		for key, err := range clickhouse.Each(ctx, l.conn, q, func(rows *clickhouse.Rows) (key string, err error) {
			err = rows.Scan(&key)
			return key, err
		}) {
			if err != nil {
				return nil, fmt.Errorf("ledger: look up which records of %s are inactive: %w", run.Sync, err)
			}
			found[key] = true
		}
	}
	return found, nil
}

type resultRows struct {
	organization, sync     []string
	run, epoch, deliveries []uint64
	chunk, count           []uint32
	outcomes               [][]uint8
	unanswered             []uint8
	exhausted              []uint32
	at                     []time.Time
}

func (r *resultRows) add(res *penstock.Result) {
	outcomes := make([]uint8, len(res.Changes))
	for i := range res.Changes {
		outcomes[i] = uint8(res.Changes[i].Outcome)
	}
	var unanswered uint8
	if res.Unanswered {
		unanswered = 1
	}
	r.organization = append(r.organization, res.Run.Organization)
	r.sync = append(r.sync, res.Run.Sync.Name)
	r.run = append(r.run, res.Run.Number)
	r.epoch = append(r.epoch, res.Run.Epoch)
	r.chunk = append(r.chunk, res.Chunk)
	r.count = append(r.count, res.Count)
	r.outcomes = append(r.outcomes, outcomes)
	r.deliveries = append(r.deliveries, res.Deliveries)
	r.unanswered = append(r.unanswered, unanswered)
	r.exhausted = append(r.exhausted, res.Exhausted)
	r.at = append(r.at, res.Finished)
}

func (l *Ledger) insertResults(ctx context.Context, r *resultRows) error {
	if len(r.run) == 0 {
		return nil
	}
	return l.put(ctx, "results",
		col("organization", r.organization),
		col("sync", r.sync),
		col("run", r.run),
		col("epoch", r.epoch),
		col("chunk", r.chunk),
		col("count", r.count),
		col("outcomes", r.outcomes),
		col("deliveries", r.deliveries),
		col("unanswered", r.unanswered),
		col("exhausted", r.exhausted),
		col("at", r.at),
	)
}

// Outcomes is what the recorded results of a run add up to, by distinct change.
type Outcomes struct {
	Chunks    uint64 // that have a result
	Rows      uint64 // changes in them
	Accepted  uint64
	Refused   uint64
	Exhausted uint64 // of the refused, those that fell to a fault that may pass
	NotSent   uint64 // unknown ones included: both are left for the next run
	Unsettled bool   // a chunk was delivered twice, or a request got no answer
}

// Outcomes sums up the chunks first..last of a run. Where a chunk has several results the surest outcome of each
// change holds.
func (l *Ledger) Outcomes(ctx context.Context, run penstock.RunID, first, last uint32) (Outcomes, error) {
	var o Outcomes
	where := fmt.Sprintf("organization = %s AND sync = %s AND run = %d AND epoch = %d AND chunk BETWEEN %d AND %d",
		text(run.Organization), text(run.Sync.Name), run.Number, run.Epoch, first, last)
	var unanswered, twice uint64
	err := l.conn.Row(ctx, clickhouse.Query{SQL: fmt.Sprintf(`
SELECT count(), sum(rows), sum(accepted), sum(refused), sum(least(exhausted, refused)), sum(unanswered), countIf(deliveries > 1) FROM (
	SELECT chunk, max(count) AS rows, max(deliveries) AS deliveries, max(unanswered) AS unanswered, max(exhausted) AS exhausted,
		-- the least of each ordinal over the results of a chunk; a result without outcomes says nothing
		minForEachIf(outcomes, notEmpty(outcomes)) AS best,
		countEqual(best, 1) AS accepted, countEqual(best, 2) AS refused
	FROM %s WHERE %s GROUP BY chunk)`, l.table("results"), where)},
		&o.Chunks, &o.Rows, &o.Accepted, &o.Refused, &o.Exhausted, &unanswered, &twice)
	if err != nil {
		return o, fmt.Errorf("ledger: sum up %s run %d: %w", run.Sync, run.Number, err)
	}
	o.NotSent = o.Rows - o.Accepted - o.Refused
	o.Unsettled = unanswered > 0 || twice > 0
	return o, nil
}
