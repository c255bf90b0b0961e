package ledger

import (
	"context"
	"fmt"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
)

// values are one column of a block.
type values struct {
	column string
	append func(*clickhouse.Block, int) error
}

func col[T any](name string, v []T) values {
	return values{name, func(b *clickhouse.Block, i int) error { return clickhouse.Append(b, i, v) }}
}

// put inserts one block into one of our tables.
func (l *Ledger) put(ctx context.Context, table string, columns ...values) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.column
	}
	return l.conn.Insert(ctx, clickhouse.Insert{Table: l.table(table), Columns: names, Comment: "penstock: " + table}, func(b *clickhouse.Block) error {
		for i, c := range columns {
			if err := c.append(b, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// all gathers a result of some thousand rows.
func all[T any](ctx context.Context, conn *clickhouse.Conn, q clickhouse.Query, what string, scan func(*clickhouse.Rows) (T, error)) ([]T, error) {
	var list []T
	for v, err := range clickhouse.Each(ctx, conn, q, scan) {
		if err != nil {
			return nil, fmt.Errorf("ledger: %s: %w", what, err)
		}
		list = append(list, v)
	}
	return list, nil
}
