package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// Letters stores dead letters. Storing one twice changes nothing.
func (l *Ledger) Letters(ctx context.Context, letters []penstock.Letter) error {
	if len(letters) == 0 {
		return nil
	}
	n := len(letters)
	var (
		organization, environment, sync, key     = make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		table, operation, class, code            = make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		column, target, privilege, message       = make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		requestID, alternateKey                  = make([]string, n), make([]string, n)
		run, xxh3, city, fingerprint, rowsStands = make([]uint64, n), make([]uint64, n), make([]uint64, n), make([]uint64, n), make([]uint64, n)
		chunk, ordinal                           = make([]uint32, n), make([]uint32, n)
		status                                   = make([]uint16, n)
		at                                       = make([]time.Time, n)
	)
	for i := range letters {
		d := &letters[i]
		organization[i], environment[i], sync[i], key[i] = d.Run.Organization, d.Run.Sync.Environment, d.Run.Sync.Name, d.Key
		run[i], chunk[i], ordinal[i] = d.Run.Number, d.Chunk, d.Ordinal
		table[i], operation[i] = d.Table, d.Operation.String()
		xxh3[i], city[i] = halves(d.Hash)
		fingerprint[i], rowsStands[i] = d.Fingerprint, d.Rows
		class[i], code[i], column[i], target[i] = string(d.Cause.Class), d.Cause.Code, d.Cause.Column, d.Cause.Target
		privilege[i], message[i], requestID[i] = d.Cause.Privilege, d.Cause.Message, d.Cause.RequestID
		alternateKey[i] = d.Cause.Key
		status[i], at[i] = uint16(d.Cause.Status), d.At
	}
	err := l.put(ctx, "dead_letters",
		col("organization", organization),
		col("environment", environment),
		col("sync", sync),
		col("key", key),
		col("run", run),
		col("chunk", chunk),
		col("ordinal", ordinal),
		col("table", table),
		col("operation", operation),
		col("xxh3", xxh3),
		col("city", city),
		col("fingerprint", fingerprint),
		col("rows", rowsStands),
		col("class", class),
		col("code", code),
		col("column", column),
		col("target", target),
		col("privilege", privilege),
		col("message", message),
		col("status", status),
		col("request_id", requestID),
		col("at", at),
		col("alternate_key", alternateKey),
	)
	if err != nil {
		return fmt.Errorf("ledger: store %d dead letters: %w", n, err)
	}
	return nil
}

// A Choice picks letters; empty fields pick all.
type Choice struct {
	Environment, Sync string
	Class             penstock.Class
	Organization, Key string
}

func (c Choice) where() string {
	w := "1"
	for _, f := range []struct{ column, value string }{
		{"environment", c.Environment},
		{"sync", c.Sync},
		{"class", string(c.Class)},
		{"organization", c.Organization},
		{"key", c.Key},
	} {
		if f.value != "" {
			w += " AND " + f.column + " = " + text(f.value)
		}
	}
	return w
}

// A Group is the open letters of one cause.
type Group struct {
	Sync    penstock.SyncID
	Cause   penstock.Cause // Message is that of one of them
	Letters uint64
	Rows    uint64
}

// Groups lists the open letters by cause, most rows first.
func (l *Ledger) Groups(ctx context.Context, c Choice) ([]Group, error) {
	q := clickhouse.Query{SQL: fmt.Sprintf(`
SELECT environment, sync, class, code, column, target, privilege, alternate_key, count(), sum(rows) AS n, any(message)
FROM %s WHERE %s GROUP BY environment, sync, class, code, column, target, privilege, alternate_key
ORDER BY n DESC, environment, sync, class, code, column, target, privilege, alternate_key`,
		l.table("open_dead_letters"), c.where())}
	return all(ctx, l.conn, q, "group dead letters", func(rows *clickhouse.Rows) (g Group, err error) {
		err = rows.Scan(&g.Sync.Environment, &g.Sync.Name, (*string)(&g.Cause.Class), &g.Cause.Code, &g.Cause.Column,
			&g.Cause.Target, &g.Cause.Privilege, &g.Cause.Key, &g.Letters, &g.Rows, &g.Cause.Message)
		return g, err
	})
}

// Worst is the cause that most letters of a run have; none where it has no letters, or they are not stored yet.
func (l *Ledger) Worst(ctx context.Context, run penstock.RunID) (Group, error) {
	q := clickhouse.Query{SQL: fmt.Sprintf(`
SELECT class, code, column, target, privilege, alternate_key, uniqExact(chunk, ordinal) AS n, sum(rows), any(message)
FROM %s WHERE %s GROUP BY class, code, column, target, privilege, alternate_key
ORDER BY n DESC, class, code, column, target, privilege, alternate_key LIMIT 1`,
		l.table("dead_letters"), l.ofRun(run))}
	groups, err := all(ctx, l.conn, q, "find why rows of "+run.Sync.String()+" were refused", func(rows *clickhouse.Rows) (g Group, err error) {
		g.Sync = run.Sync
		err = rows.Scan((*string)(&g.Cause.Class), &g.Cause.Code, &g.Cause.Column, &g.Cause.Target, &g.Cause.Privilege, &g.Cause.Key,
			&g.Letters, &g.Rows, &g.Cause.Message)
		return g, err
	})
	if err != nil || len(groups) == 0 {
		return Group{}, err
	}
	return groups[0], nil
}

// OpenLetters lists open letters, newest first.
func (l *Ledger) OpenLetters(ctx context.Context, c Choice, limit int) ([]penstock.Letter, error) {
	q := clickhouse.Query{SQL: fmt.Sprintf(`
SELECT organization, environment, sync, key, run, chunk, ordinal, table, operation, rows, class, code, column, target, privilege, alternate_key, message, at
FROM %s WHERE %s ORDER BY at DESC, run DESC, chunk, ordinal LIMIT %d`, l.table("open_dead_letters"), c.where(), limit)}
	return all(ctx, l.conn, q, "list dead letters", func(rows *clickhouse.Rows) (d penstock.Letter, err error) {
		var operation string
		err = rows.Scan(&d.Run.Organization, &d.Run.Sync.Environment, &d.Run.Sync.Name, &d.Key, &d.Run.Number, &d.Chunk, &d.Ordinal, &d.Table,
			&operation, &d.Rows, (*string)(&d.Cause.Class), &d.Cause.Code, &d.Cause.Column, &d.Cause.Target, &d.Cause.Privilege, &d.Cause.Key, &d.Cause.Message, &d.At)
		d.Operation = penstock.ParseOperation(operation)
		return d, err
	})
}
