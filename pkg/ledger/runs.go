package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// SaveRun stores a run as it stands: when it begins, so that its number is never given twice, and when it is over.
// keyless is how many of its rows had no key or one that occurs twice.
func (l *Ledger) SaveRun(ctx context.Context, r penstock.Run, keyless uint64) error {
	var ended *time.Time
	version := r.ID.Epoch << 1
	if r.Phase.Final() {
		ended = &r.Ended
		version |= 1
	}
	c := r.Counts
	columns := []values{
		col("organization", []string{r.ID.Organization}),
		col("environment", []string{r.ID.Sync.Environment}),
		col("sync", []string{r.ID.Sync.Name}),
		col("run", []uint64{r.ID.Number}),
		col("epoch", []uint64{r.ID.Epoch}),
		col("phase", []string{string(r.Phase)}),
		col("reason", []string{r.Reason}),
		col("started", []time.Time{r.Started}),
		col("ended", []*time.Time{ended}),
		col("keyless", []uint64{keyless}),
		col("requested_by", []string{strings.Join(r.Wish.By, ", ")}),
		col("requested_why", []string{r.Wish.Reason}),
		col("version", []uint64{version}),
		col("sync_version", []uint64{r.Version}),
	}
	for _, n := range []struct {
		column string
		n      uint64
	}{
		{"read", c.Read},
		{"unchanged", c.Unchanged},
		{"accepted", c.Accepted},
		{"refused", c.Refused},
		{"waiting", c.Waiting},
		{"not_sent", c.NotSent},
		{"left", c.Left},
		{"deleted", c.Deleted},
		{"left_refused", c.LeftRefused},
		{"left_waiting", c.LeftWaiting},
		{"parked", c.Parked},
		{"kept", c.Kept},
		{"left_not_sent", c.LeftNotSent},
		{"truncated", c.Truncated},
	} {
		columns = append(columns, col(n.column, []uint64{n.n}))
	}
	if err := l.put(ctx, "runs", columns...); err != nil {
		return fmt.Errorf("ledger: store %s run %d: %w", r.ID.Sync, r.ID.Number, err)
	}
	return nil
}

// Runs lists the newest runs first; an empty environment or sync means all.
func (l *Ledger) Runs(ctx context.Context, environment, sync string, limit int) ([]penstock.Run, error) {
	where := "1"
	if environment != "" {
		where += " AND environment = " + text(environment)
	}
	if sync != "" {
		where += " AND sync = " + text(sync)
	}
	q := clickhouse.Query{SQL: fmt.Sprintf(`
SELECT organization, environment, sync, run, epoch, phase, reason, started, ifNull(ended, toDateTime64(0, 3, 'UTC')),
	read, unchanged, accepted, refused, waiting, not_sent, left, deleted, left_refused, left_waiting, parked, kept, left_not_sent, truncated, sync_version
FROM %s FINAL WHERE %s ORDER BY started DESC, run DESC LIMIT %d`, l.table("runs"), where, limit)}
	return all(ctx, l.conn, q, "list runs", func(rows *clickhouse.Rows) (r penstock.Run, err error) {
		c := &r.Counts
		var phase string
		err = rows.Scan(&r.ID.Organization, &r.ID.Sync.Environment, &r.ID.Sync.Name, &r.ID.Number, &r.ID.Epoch, &phase, &r.Reason,
			&r.Started, &r.Ended, &c.Read, &c.Unchanged, &c.Accepted, &c.Refused, &c.Waiting, &c.NotSent, &c.Left, &c.Deleted,
			&c.LeftRefused, &c.LeftWaiting, &c.Parked, &c.Kept, &c.LeftNotSent, &c.Truncated, &r.Version)
		r.Phase = penstock.Phase(phase)
		if !r.Phase.Final() {
			r.Ended = time.Time{}
		}
		return r, err
	})
}

// A Past is what the ledger knows of a sync's earlier runs.
type Past struct {
	LastRun   uint64 // greatest number ever given
	LastRead  uint64 // rows of the model in the newest run that was closed; 0 when there was none
	Keyless   uint64 // of these rows, how many had no key or a duplicate one
	LeftToday uint64 // removals sent within 24 h, whatever became of them and of their runs
	HasClosed bool
}

// Past looks at a sync's history. Numbers are looked for under the sync's name in whatever environment, since the ledger
// does not tell two environments of one organisation apart: after a renaming its numbers must still grow.
func (l *Ledger) Past(ctx context.Context, sync penstock.SyncID, organization string) (Past, error) {
	var p Past
	var closed, inLedger uint64
	err := l.conn.Row(ctx, clickhouse.Query{SQL: fmt.Sprintf(`
SELECT max(run), countIf(here), argMaxIf(read, run, here), argMaxIf(keyless, run, here)
FROM (SELECT *, phase = 'closed' AND environment = %[2]s AS here FROM %[1]s FINAL WHERE sync = %[3]s)`,
		l.table("runs"), text(sync.Environment), text(sync.Name))}, &p.LastRun, &closed, &p.LastRead, &p.Keyless)
	if err == nil { // the table of runs may have been emptied
		err = l.conn.Row(ctx, clickhouse.Query{SQL: fmt.Sprintf("SELECT max(run) FROM %s WHERE sync = %s", l.table("ledger"), text(sync.Name))}, &inLedger)
	}
	if err == nil {
		err = l.conn.Row(ctx, clickhouse.Query{SQL: fmt.Sprintf(
			"SELECT count() FROM %s FINAL WHERE organization = %s AND sync = %s AND left NOT IN %s AND fingerprint != %d AND at > now() - INTERVAL 24 HOUR",
			l.table("ledger"), text(organization), text(sync.Name), leftPresent, tombstone)}, &p.LeftToday)
	}
	if err != nil {
		return p, fmt.Errorf("ledger: look up the runs of %s: %w", sync, err)
	}
	p.LastRun, p.HasClosed = max(p.LastRun, inLedger), closed > 0
	return p, nil
}
