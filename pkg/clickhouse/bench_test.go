package clickhouse_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
)

func reportRows(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkScan reads 2M rows of 15 columns, 8 of them strings, through typed destinations.
func BenchmarkScan(b *testing.B) {
	const rows = 2_000_000
	c, db := clickhousetest.Open(b), clickhousetest.Database(b)
	columns := []string{
		"number AS id", "toDateTime64(number / 10, 3, 'UTC') AS at", "toFloat64(number) AS f", "number % 7 = 0 AS flag",
		"toInt32(number) AS i", "toUInt16(number % 1000) AS small", "toDate(number % 20000) AS day",
	}
	for i := range 8 {
		columns = append(columns, fmt.Sprintf("concat('value %d of ', toString(number)) AS s%[1]d", i))
	}
	sql := fmt.Sprintf("CREATE TABLE %s.model ENGINE = MergeTree ORDER BY id AS SELECT %s FROM numbers(%d)", db, strings.Join(columns, ", "), rows)
	if err := c.Exec(b.Context(), sql); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		result, err := c.Query(b.Context(), clickhouse.Query{SQL: "SELECT * FROM " + db + ".model"})
		if err != nil {
			b.Fatal(err)
		}
		var (
			id      uint64
			at, day time.Time
			f       float64
			flag    bool
			i       int32
			small   uint16
			s       [8]string
			n       int
		)
		dest := []any{&id, &at, &f, &flag, &i, &small, &day}
		for i := range s {
			dest = append(dest, &s[i])
		}
		for ; result.Next(); n++ {
			if err := result.Scan(dest...); err != nil {
				b.Fatal(err)
			}
		}
		if err := result.Close(); err != nil || n != rows {
			b.Fatalf("%d rows, error %v", n, err)
		}
	}
	reportRows(b, rows)
}

// BenchmarkInsert writes 1M rows of the ledger's shape in blocks of 50k.
func BenchmarkInsert(b *testing.B) {
	const rows, block = 1_000_000, 50_000
	c, db := clickhousetest.Open(b), clickhousetest.Database(b)
	sql := "CREATE TABLE " + db + ".ledger (key String, hash FixedString(16), run UInt64) ENGINE = ReplacingMergeTree(run) ORDER BY key"
	if err := c.Exec(b.Context(), sql); err != nil {
		b.Fatal(err)
	}
	keys, hashes, runs := make([]string, block), make([]string, block), make([]uint64, block)
	b.ResetTimer()
	for b.Loop() {
		for start := 0; start < rows; start += block {
			for i := range block {
				keys[i] = fmt.Sprintf("customer-%09d", start+i)
				hashes[i] = keys[i][:16]
			}
			in := clickhouse.Insert{Table: db + ".ledger", Columns: []string{"key", "hash", "run"}}
			err := c.Insert(b.Context(), in, func(blk *clickhouse.Block) error {
				if err := clickhouse.Append(blk, 0, keys); err != nil {
					return err
				}
				if err := clickhouse.Append(blk, 1, hashes); err != nil {
					return err
				}
				return clickhouse.Append(blk, 2, runs)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	reportRows(b, rows)
}
