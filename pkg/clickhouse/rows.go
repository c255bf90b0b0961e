package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ErrNoRows is what [Conn.Row] returns for an empty result.
var ErrNoRows = errors.New("no rows")

// Rows is a result as it streams in. One goroutine uses it.
type Rows struct {
	conn   *Conn
	rows   driver.Rows
	id     string
	ctx    context.Context //nolint:containedctx // of the statement: an iterator has no call of its own to carry it
	cancel context.CancelFunc
	err    error
	ended  bool
}

// Query runs a statement and returns its result, of which the client holds some blocks at a time. The caller closes it.
// When ctx ends, the statement is stopped on the server and [Rows.Next] returns false.
func (c *Conn) Query(ctx context.Context, q Query) (*Rows, error) {
	q.identify()
	ctx, cancel := context.WithCancel(ctx)
	rows, err := c.pool.Query(q.context(ctx), q.SQL, q.Args...)
	if err != nil {
		c.abandon(ctx, q.ID)
		cancel()
		return nil, wrap(err, q.ID)
	}
	return &Rows{conn: c, rows: rows, id: q.ID, ctx: ctx, cancel: cancel}, nil
}

// Next moves to the next row. After it has returned false, [Rows.Err] says whether that was the end.
func (r *Rows) Next() bool {
	if r.ended {
		return false
	}
	if r.rows.Next() {
		return true
	}
	r.end()
	return false
}

// Scan reads the row into dest, pointers to what the columns hold; NULL needs a pointer to a pointer. Build dest once
// per result and pass it with dest...: that is twice as fast as making one per row.
func (r *Rows) Scan(dest ...any) error {
	if err := r.rows.Scan(dest...); err != nil {
		return fmt.Errorf("clickhouse: query %s: scan: %w", r.id, err)
	}
	return nil
}

// Err returns what ended the result early, nil if nothing did.
func (r *Rows) Err() error { return r.err }

// Close stops the statement if it has not ended, without reading the rest, and returns [Rows.Err].
func (r *Rows) Close() error {
	if !r.ended {
		r.cancel()
		r.conn.abandon(r.ctx, r.id)
		_ = r.rows.Close() // what was asked for: the end by cancelling
		r.ended = true
	}
	return r.err
}

// end records how the result ended by itself.
func (r *Rows) end() {
	r.ended = true
	err := r.rows.Err()
	if err == nil {
		err = r.rows.Close()
	}
	if err == nil {
		// clickhouse-go can take a cancelled stream for one that ended.
		err = r.ctx.Err()
	}
	if err != nil {
		r.conn.abandon(r.ctx, r.id)
		r.err = wrap(err, r.id)
	}
	r.cancel()
}

// Each runs a statement and yields what scan makes of each row; the last thing yielded may be an error. Leaving the loop
// stops the statement. For results of some thousand rows; a hot loop uses [Conn.Query].
func Each[T any](ctx context.Context, c *Conn, q Query, scan func(*Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		rows, err := c.Query(ctx, q)
		if err != nil {
			yield(zero, err)
			return
		}
		defer func() { _ = rows.Close() }() // its error is yielded below, or nobody listens any more
		for rows.Next() {
			v, err := scan(rows)
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(zero, err)
		}
	}
}

// Row runs a statement and scans its first row; an empty result is [ErrNoRows].
func (c *Conn) Row(ctx context.Context, q Query, dest ...any) error {
	rows, err := c.Query(ctx, q)
	if err != nil {
		return err
	}
	if !rows.Next() {
		if err := rows.Close(); err != nil {
			return err
		}
		return ErrNoRows
	}
	err = rows.Scan(dest...)
	for err == nil && rows.Next() {
		continue // to the end, which is near and may be an exception
	}
	return errors.Join(err, rows.Close())
}

// Column is a column of a result.
type Column struct {
	Name string
	Type string // as ClickHouse writes it: Nullable(String), DateTime64(3, 'UTC')
}

// Columns returns the columns that a SELECT has, without running it.
func (c *Conn) Columns(ctx context.Context, sql string) ([]Column, error) {
	// A line of its own: the SELECT may end in a comment.
	return c.describe(ctx, "(\n"+sql+"\n)")
}

func (c *Conn) describe(ctx context.Context, what string) ([]Column, error) {
	var columns []Column
	scan := func(r *Rows) (col Column, err error) {
		var rest string // default kind and expression, comment, codec, TTL
		return col, r.Scan(&col.Name, &col.Type, &rest, &rest, &rest, &rest, &rest)
	}
	for col, err := range Each(ctx, c, Query{SQL: "DESCRIBE TABLE " + what}, scan) {
		if err != nil {
			return nil, err
		}
		columns = append(columns, col)
	}
	return columns, nil
}
