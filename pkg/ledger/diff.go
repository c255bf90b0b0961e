package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"strings"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Model is what a diff compares with the ledger: a SELECT of the user's, and expressions over its columns.
type Model struct {
	SQL         string // the user's SELECT, without a closing semicolon
	Key         string // expression: match key as String, '' for a row without one
	XXH3, City  string // expressions: UInt64 hashes of the mapped values
	Fingerprint uint64 // of the mapping; an entry with another counts as changed
	Removal     uint64 // the same of what is done about rows that leave: a refused removal waits while it is the same
	Since       uint64 // of a full sync: entries and letters of earlier runs do not count. 0 otherwise
	Keep        bool   // nothing is done about rows that leave; their letters are closed
	Spill       uint64 // bytes of memory after which the comparison goes on on disk; 0 means DefaultSpill
}

// DefaultSpill is a fifth of what ClickHouse grants a query by default in many installations. A comparison may use
// twice that, since there are two aggregations in it.
const DefaultSpill = 2 << 30

// Found is what a diff found. Rows of the model: Read = Unchanged + Waiting + Changed + Duplicate + Keyless.
type Found struct {
	Unchanged uint64
	Waiting   uint64 // an open letter says why, and neither row nor mapping changed since
	Changed   uint64
	Duplicate uint64 // rows that share their key with another; DuplicateKeys of them
	Keyless   uint64

	Left        uint64 // keys that the model no longer has
	LeftWaiting uint64 // whose removal was refused, and waits

	settled, dropped, gone, dismissed uint64
}

// Read is how many rows the model had.
func (f Found) Read() uint64 {
	return f.Unchanged + f.Waiting + f.Changed + f.Duplicate + f.Keyless
}

// Bits of flags in the diff: each side of a key sets its own, at most once, so their sum is their union.
const (
	flagEntry    = 1  // the ledger has the key
	flagAccepted = 2  // and Dataverse accepted that entry
	flagCurrent  = 4  // which was rendered by today's mapping
	flagGone     = 8  // and is about the row's removal
	flagLetter   = 16 // the key has a letter
	flagWaits    = 32 // which was made by today's mapping, for a cause that waits
	flagRemoval  = 64 // and is about a removal

	flagInactive = 128 // the entry says that the record was deactivated, and not since that it is active
)

// Diff compares the model with the ledger and the letters, in one statement inside ClickHouse, and keeps what it finds
// as the run's rows of the table diffs: the keys that are changed, left, duplicate, and counts of the others. id is the
// query id. What an earlier run of the sync left there is dropped.
//
// Each side contributes at most one row per key but for the model, so plain sums compare them: a key that occurs twice
// in the model has n = 2 and, as its hash, the sum of the hashes, which any change of either row changes.
func (l *Ledger) Diff(ctx context.Context, run penstock.RunID, m Model, id string) (Found, error) {
	var f Found
	if err := l.DropDiffs(ctx, run); err != nil {
		return f, err
	}
	statement := fmt.Sprintf(`
INSERT INTO %s (organization, sync, run, kind, key, rows, xxh3, city, inactive)
SELECT %s, %s, %d, kind, if(kind IN ('unchanged', 'waiting', 'left_waiting'), '', k) AS key,
	sum(greatest(n, 1)), any(h1), any(h2), any(inactive)
FROM (%s)
GROUP BY kind, key`,
		l.table("diffs"), text(run.Organization), text(run.Sync.Name), run.Number, l.comparison(run.Organization, run.Sync, m))
	err := l.conn.Do(ctx, clickhouse.Query{SQL: statement, ID: id, Comment: comment(run, "diff"), Settings: m.settings()})
	if err != nil {
		return f, fmt.Errorf("ledger: compare the model of %s with what Dataverse has: %w", run.Sync, err)
	}
	type count struct {
		kind string
		n    uint64
	}
	counts, err := all(ctx, l.conn, clickhouse.Query{SQL: fmt.Sprintf("SELECT kind, sum(rows) FROM %s WHERE %s GROUP BY kind", l.table("diffs"), l.ofRun(run))},
		"count the diff of "+run.Sync.String(), func(rows *clickhouse.Rows) (c count, err error) {
			err = rows.Scan(&c.kind, &c.n)
			return c, err
		})
	if err != nil {
		return f, err
	}
	for _, c := range counts {
		f.add(c.kind, c.n)
	}
	return f, l.settle(ctx, run, f)
}

// add counts n rows of a kind, as a comparison names it.
func (f *Found) add(kind string, n uint64) {
	switch kind {
	case "unchanged":
		f.Unchanged += n
	case "settled":
		f.Unchanged += n
		f.settled += n
	case "gone":
		f.gone += n
	case "dismissed":
		f.dismissed += n
	case "waiting":
		f.Waiting += n
	case "changed":
		f.Changed += n
	case "duplicate":
		f.Duplicate += n
	case "keyless":
		f.Keyless += n
	case "left":
		f.Left += n
	case "dropped":
		f.Left += n
		f.dropped += n
	case "left_waiting":
		f.LeftWaiting += n
	}
}

// comparison is SQL for one row per key: k, the kind of what a run does about it, how many rows of the model n have it,
// their hash (h1, h2), why a changed one is to be sent, and whether its record is
// inactive. Keys about which there is nothing to say are not there.
func (l *Ledger) comparison(organization string, sync penstock.SyncID, m Model) string {
	return fmt.Sprintf(`
	SELECT k, sum(m) AS n, sum(m1) AS h1, sum(m2) AS h2, sum(e1) AS x1, sum(e2) AS x2, sum(er) AS entry_run,
		sum(t1) AS l1, sum(t2) AS l2, sum(tr) AS letter_run, sum(f) AS flags,
		bitAnd(flags, 3) = 3 AND entry_run = letter_run AS outlived,
		bitAnd(flags, 48) = 48 AND letter_run >= entry_run AND NOT outlived AS open_and_waits,
		open_and_waits AND l1 = h1 AND l2 = h2 AND bitAnd(flags, 64) = 0 AS held,
		bitAnd(flags, 128) = 128 AS inactive,
		multiIf(
			n = 0 AND bitAnd(flags, 11) = 11, if(letter_run > entry_run, 'dismissed', 'nothing'),
			n = 0 AND bitAnd(flags, 1) = 1 AND %t, if(bitAnd(flags, 16) = 16 AND letter_run >= entry_run AND NOT outlived, 'dropped', 'left'),
			n = 0 AND bitAnd(flags, 1) = 1, if(open_and_waits AND bitAnd(flags, 64) = 64, 'left_waiting', 'left'),
			n = 0,                            'gone',
			held,                             'waiting',
			k = '',                           'keyless',
			n > 1,                            'duplicate',
			bitAnd(flags, 15) = 7 AND x1 = h1 AND x2 = h2, if(letter_run > entry_run, 'settled', 'unchanged'),
			'changed') AS kind,
		multiIf(
			kind != 'changed',                    '',
			bitAnd(flags, 1) = 0,                 'new',
			bitAnd(flags, 8) = 8,                 'back',
			bitAnd(flags, 2) = 0 AND bitAnd(flags, 16) = 16 AND letter_run >= entry_run, 'refused',
			bitAnd(flags, 2) = 0,                 'unsettled',
			x1 != h1 OR x2 != h2,                 'values',
			'mapping') AS why
	FROM (%s)
	GROUP BY k
	HAVING kind != 'nothing'
`, m.Keep, l.sides(organization, sync, m))
}

// sides is what a diff adds up by key: entries, letters and rows of the model. The entries name the columns and the model
// comes last, without a name of ours: where an expression over the user's columns stands beside an alias, ClickHouse takes
// a column of that name for the alias.
func (l *Ledger) sides(organization string, sync penstock.SyncID, m Model) string {
	mine := fmt.Sprintf("organization = %s AND sync = %s", text(organization), text(sync.Name))
	entries := fmt.Sprintf(`
		SELECT key AS k, toUInt64(0) AS m, toUInt64(0) AS m1, toUInt64(0) AS m2, xxh3 AS e1, city AS e2, run AS er,
			toUInt64(0) AS t1, toUInt64(0) AS t2, toUInt64(0) AS tr,
			toUInt64(%d + if(state = 'accepted', %d, 0) + if(fingerprint = %d AND run >= %d, %d, 0) + if(left NOT IN %s, %d, 0) + if(left IN %s, %d, 0)) AS f
		FROM %s FINAL WHERE %s`,
		flagEntry, flagAccepted, m.Fingerprint, m.Since, flagCurrent, leftPresent, flagGone,
		leftInactive, flagInactive, l.table("ledger"), mine)
	letters := fmt.Sprintf(`
		SELECT key, 0, 0, 0, 0, 0, 0, letter.1, letter.2, letter.3,
			%d + if(letter.4 = if(letter.5 IN (%s), %d, %d) AND letter.3 >= %d, %d, 0) + if(letter.5 IN (%[2]s), %[7]d, 0)
		FROM (SELECT key, argMax((xxh3, city, run, fingerprint, operation), (run, chunk, ordinal)) AS letter FROM %[8]s WHERE %[9]s GROUP BY key)`,
		flagLetter, removals, m.Removal, m.Fingerprint, m.Since, flagWaits, flagRemoval, l.table("dead_letters"), mine)
	// Lines of its own: the model may end in a comment.
	rows := fmt.Sprintf(`
		SELECT %s, 1, %s, %s, 0, 0, 0, 0, 0, 0, 0 FROM (
%s
)`, m.Key, m.XXH3, m.City, m.SQL)
	return entries + "\n\t\tUNION ALL" + letters + "\n\t\tUNION ALL" + rows
}

// removals are the operations that deal with rows which left, as letters name them.
var removals = func() string { //nolint:gochecknoglobals // constant
	var names []string
	for o := penstock.Upsert; o.Known(); o++ {
		if o.Removal() {
			names = append(names, text(o.String()))
		}
	}
	return strings.Join(names, ", ")
}()

// settings let a comparison of any size finish within the memory that m allows it.
func (m Model) settings() map[string]any {
	spill := m.Spill
	if spill == 0 {
		spill = DefaultSpill
	}
	return map[string]any{"max_bytes_before_external_group_by": spill, "max_bytes_before_external_sort": spill}
}

// settle closes the letters of rows that no longer want their change: the row is again as Dataverse has it, or has left
// the model. An entry of this run says so, and a letter older than its key's entry is
// not open.
func (l *Ledger) settle(ctx context.Context, run penstock.RunID, f Found) error {
	keys := func(kinds string) string {
		return fmt.Sprintf("SELECT key FROM %s WHERE %s AND kind IN (%s)", l.table("diffs"), l.ofRun(run), kinds)
	}
	into := "INSERT INTO " + l.table("ledger") + " (organization, sync, key, xxh3, city, fingerprint, run, state, left, address, version, at) "
	at := version(run.Number, rankAccepted)
	if n := f.settled + f.dropped + f.dismissed; n > 0 {
		// A removal keeps its time: it is not another one of today.
		err := l.conn.Do(ctx, clickhouse.Query{Comment: comment(run, "settle"), SQL: into + fmt.Sprintf(
			"SELECT organization, sync, key, xxh3, city, fingerprint, %d, state, left, address, %d, if(left = 0, now64(3), at) "+
				"FROM %s FINAL WHERE organization = %s AND sync = %s AND key IN (%s)",
			run.Number, at, l.table("ledger"), text(run.Organization), text(run.Sync.Name), keys("'settled', 'dropped', 'dismissed'"))})
		if err != nil {
			return fmt.Errorf("ledger: close %d letters of %s whose rows are as they were, or left: %w", n, run.Sync, err)
		}
	}
	if f.gone > 0 {
		err := l.conn.Do(ctx, clickhouse.Query{Comment: comment(run, "settle"), SQL: into + fmt.Sprintf(
			"SELECT %s, %s, key, 0, 0, %d, %d, 'accepted', 1, '', %d, now64(3) FROM (%s)",
			text(run.Organization), text(run.Sync.Name), tombstone, run.Number, at, keys("'gone'"))})
		if err != nil {
			return fmt.Errorf("ledger: close %d letters of %s whose rows are gone: %w", f.gone, run.Sync, err)
		}
	}
	return nil
}

// Changed streams rows of the model whose key the diff found changed, at most limit of them. columns are the expressions to
// select; after them comes one of our own (UInt8): 1 for a row that is back, whose record was deactivated when it left and is
// to be active again. Values and hash of a row come from this one read, whatever the diff saw before.
func (l *Ledger) Changed(ctx context.Context, run penstock.RunID, m Model, columns []string, limit uint64, id string) (*clickhouse.Rows, error) {
	changed := fmt.Sprintf("SELECT key FROM %s WHERE %s AND kind = 'changed'", l.table("diffs"), l.ofRun(run))
	sql := fmt.Sprintf("SELECT %s, %s IN (%s AND inactive) FROM (\n%s\n) WHERE %s IN (%s ORDER BY key LIMIT %d) LIMIT 1 BY %s",
		strings.Join(columns, ", "), m.Key, changed, m.SQL, m.Key, changed, limit, m.Key)
	rows, err := l.conn.Query(ctx, clickhouse.Query{SQL: sql, ID: id, Comment: comment(run, "read")})
	if err != nil {
		return nil, fmt.Errorf("ledger: read the changed rows of %s: %w", run.Sync, err)
	}
	return rows, nil
}

// A Repeat is a key that occurs more than once in the model, or the rows that have none.
type Repeat struct {
	Key  string // empty: rows without a key
	Rows uint64
	Hash penstock.Hash // of all its rows together
}

// Repeats yields the keys that cannot be sent: duplicates, and, as one, the rows without a key. The last thing yielded may
// be an error.
func (l *Ledger) Repeats(ctx context.Context, run penstock.RunID) iter.Seq2[Repeat, error] {
	q := clickhouse.Query{Comment: comment(run, "repeats"), SQL: fmt.Sprintf(
		"SELECT key, rows, xxh3, city FROM %s WHERE %s AND kind IN ('duplicate', 'keyless') ORDER BY key", l.table("diffs"), l.ofRun(run))}
	return clickhouse.Each(ctx, l.conn, q, func(rows *clickhouse.Rows) (r Repeat, err error) {
		var xxh3, city uint64
		if err := rows.Scan(&r.Key, &r.Rows, &xxh3, &city); err != nil {
			return r, fmt.Errorf("ledger: list the duplicate keys of %s: %w", run.Sync, err)
		}
		r.Hash = whole(xxh3, city)
		return r, nil
	})
}

// Leaves lists up to limit changes, one for each key that left the model, to the address of its record. Operation and body
// are those of removal.
func (l *Ledger) Leaves(ctx context.Context, run penstock.RunID, removal penstock.Change, limit uint64) ([]penstock.Change, error) {
	q := clickhouse.Query{SQL: fmt.Sprintf(
		"SELECT key, address FROM %s FINAL WHERE organization = %s AND sync = %s AND key IN (SELECT key FROM %s WHERE %s AND kind = 'left' ORDER BY key LIMIT %d)",
		l.table("ledger"), text(run.Organization), text(run.Sync.Name), l.table("diffs"), l.ofRun(run), limit)}
	return all(ctx, l.conn, q, "list the rows that left "+run.Sync.String(), func(rows *clickhouse.Rows) (c penstock.Change, err error) {
		c.Operation, c.Body = removal.Operation, removal.Body
		err = rows.Scan(&c.Key, &c.Address)
		return c, err
	})
}

// DropDiffs forgets what diffs of a sync's runs up to this one found; they are of no use once the run is over.
func (l *Ledger) DropDiffs(ctx context.Context, run penstock.RunID) error {
	q := clickhouse.Query{SQL: fmt.Sprintf("SELECT DISTINCT run FROM %s WHERE organization = %s AND sync = %s AND run <= %d",
		l.table("diffs"), text(run.Organization), text(run.Sync.Name), run.Number)}
	old, err := all(ctx, l.conn, q, "drop old diffs of "+run.Sync.String(), func(rows *clickhouse.Rows) (n uint64, err error) {
		err = rows.Scan(&n)
		return n, err
	})
	if err != nil {
		return err
	}
	for _, n := range old {
		err := l.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP PARTITION tuple(%s, %s, %d)", l.table("diffs"), text(run.Organization), text(run.Sync.Name), n))
		if err != nil {
			return fmt.Errorf("ledger: drop the diff of %s run %d: %w", run.Sync, n, err)
		}
	}
	return nil
}

func (l *Ledger) ofRun(run penstock.RunID) string {
	return fmt.Sprintf("organization = %s AND sync = %s AND run = %d", text(run.Organization), text(run.Sync.Name), run.Number)
}

// comment is the log_comment by which an administrator of ClickHouse tells whose query it is.
func comment(run penstock.RunID, what string) string {
	return fmt.Sprintf("penstock %s run %d: %s", run.Sync, run.Number, what)
}

// text is s as a literal of ClickHouse.
func text(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func halves(h penstock.Hash) (xxh3, city uint64) {
	return binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:])
}

func whole(xxh3, city uint64) (h penstock.Hash) {
	binary.BigEndian.PutUint64(h[:8], xxh3)
	binary.BigEndian.PutUint64(h[8:], city)
	return h
}
