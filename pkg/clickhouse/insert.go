package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	batch "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Insert says where a block goes.
type Insert struct {
	Table    string   // as a statement names it: `db`.`table`; quote what needs it by [Identifier]
	Columns  []string // in the order in which the block has them
	ID       string   // query id; one is made if empty
	Comment  string   // log_comment
	Settings map[string]any
}

// Block is what one [Conn.Insert] sends, column by column.
type Block struct {
	batch batch.Batch
	names []string
}

// Insert sends one block, which fill appends to; it goes into one partition of a MergeTree table whole or not at all.
// Ten thousand rows and more per block keep ClickHouse well. If Insert fails because the answer was lost, the block may be in:
// a caller that tries again needs a table that takes a row twice, as a ReplacingMergeTree does.
func (c *Conn) Insert(ctx context.Context, in Insert, fill func(*Block) error) error {
	q := Query{ID: in.ID, Comment: in.Comment, Settings: in.Settings}
	q.identify()
	if err := c.insert(ctx, q, in, fill); err != nil {
		return fmt.Errorf("insert into %s: %w", in.Table, err)
	}
	return nil
}

func (c *Conn) insert(ctx context.Context, q Query, in Insert, fill func(*Block) error) error {
	quoted := make([]string, len(in.Columns))
	for i, name := range in.Columns {
		quoted[i] = Identifier(name)
	}
	insertCtx := q.context(ctx)
	if c.http {
		types, err := c.types(ctx, in)
		if err != nil {
			return err
		}
		insertCtx = driver.Context(insertCtx, driver.WithColumnNamesAndTypes(types))
	}
	b, err := c.pool.PrepareBatch(insertCtx, "INSERT INTO "+in.Table+" ("+strings.Join(quoted, ", ")+")")
	if err != nil {
		return wrap(err, q.ID)
	}
	block := &Block{batch: b, names: in.Columns}
	if err := errors.Join(fill(block), block.check()); err != nil {
		_ = b.Abort() // it says that it has been aborted
		return err
	}
	if err := b.Send(); err != nil {
		c.abandon(ctx, q.ID)
		return wrap(err, q.ID)
	}
	return nil
}

// types asks for the types of the columns, which HTTP does not tell with the insert. clickhouse-go would ask itself, but
// under the insert's query id.
func (c *Conn) types(ctx context.Context, in Insert) ([]driver.ColumnNameAndType, error) {
	has, err := c.describe(ctx, in.Table)
	if err != nil {
		return nil, err
	}
	types := make([]driver.ColumnNameAndType, len(in.Columns))
	for i, name := range in.Columns {
		at := slices.IndexFunc(has, func(col Column) bool { return col.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("the table has no column %s", name)
		}
		types[i] = driver.ColumnNameAndType{Name: name, Type: has[at].Type}
	}
	return types, nil
}

// Append adds values to a column of the block, by its position in [Insert.Columns]. T is the Go type of the column:
// string, uint64, time.Time, uuid.UUID …; *T for Nullable; [N]byte or []byte for FixedString, string or int8 for an
// Enum8. In the end all columns must have as many values.
func Append[T any](b *Block, column int, values []T) error {
	if column < 0 || column >= len(b.names) {
		return fmt.Errorf("column %d of %d", column, len(b.names))
	}
	if len(values) == 0 {
		return nil
	}
	if err := b.batch.Column(column).Append(values); err != nil {
		return fmt.Errorf("column %s: %w", b.names[column], redact(err))
	}
	return nil
}

// check sees to what clickhouse-go's HTTP does not: a ragged block would be sent as an empty one, without an error.
func (b *Block) check() error {
	columns := b.batch.Columns()
	for i, col := range columns {
		if col.Rows() != columns[0].Rows() {
			return fmt.Errorf("column %s has %d values, column %s has %d", b.names[i], col.Rows(), b.names[0], columns[0].Rows())
		}
	}
	return nil
}
