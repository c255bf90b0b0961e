package clickhouse_test

import (
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"reflect"
	"runtime"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
)

// These tests are about the server: what Penstock needs of one, asked of the embedded one and of any other alike.

func TestEveryTypePassesInAndOut(t *testing.T) {
	c, db := clickhousetest.Open(t), clickhousetest.Database(t)
	ptr := func(s string) *string { return &s }
	at := time.Date(2026, 11, 22, 21, 30, 15, 123456000, time.UTC)
	id := uuid.MustParse("7b2cfa9e-38b5-4f0e-8f43-0a1b2c3d4e5f")
	huge, _ := new(big.Int).SetString("-170141183460469231731687303715884105728", 10)
	for _, test := range []struct {
		kind   string
		values any // a slice of what the column holds
	}{
		{"UInt8", []uint8{0, 255}},
		{"Int16", []int16{-32768, 32767}},
		{"UInt64", []uint64{0, 1<<64 - 1}},
		{"Int64", []int64{-1 << 63, 1<<63 - 1}},
		{"Int128", []*big.Int{big.NewInt(0), huge}},
		{"UInt256", []*big.Int{big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), 255)}},
		{"Float64", []float64{-0.5, 1e300}},
		{"Bool", []bool{true, false}},
		{"String", []string{"", "naïve\x00\n日本"}},
		{"Nullable(String)", []*string{nil, ptr(""), ptr("x")}},
		{"FixedString(4)", []string{"abcd", "\x00\xff\x01\x02"}},
		{"LowCardinality(String)", []string{"a", "", "b", "a"}},
		{"LowCardinality(Nullable(String))", []*string{nil, ptr("a"), ptr("")}},
		{"Decimal(9, 2)", []decimal.Decimal{decimal.RequireFromString("-1.25"), decimal.RequireFromString("1234567.89")}},
		{"Decimal(38, 10)", []decimal.Decimal{decimal.RequireFromString("-1234567890123456789012345678.0123456789")}},
		{"Date", []time.Time{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}},
		{"Date32", []time.Time{time.Date(1901, 1, 2, 0, 0, 0, 0, time.UTC)}},
		{"DateTime('UTC')", []time.Time{at.Truncate(time.Second)}},
		{"DateTime64(6, 'UTC')", []time.Time{at}},
		{"Nullable(DateTime64(3, 'Europe/Berlin'))", []*time.Time{nil}},
		{"UUID", []uuid.UUID{{}, id}},
		{"Enum8('sent' = 1, 'accepted' = 2)", []string{"sent", "accepted"}},
		{"Enum16('a' = -300, 'b' = 300)", []string{"a", "b"}},
		{"Array(String)", [][]string{{}, {"a", ""}, {"b"}}},
		{"Array(Array(Nullable(Int32)))", [][][]*int32{{}, {{}, {nil}}}},
		{"Array(LowCardinality(String))", [][]string{{"a", "b"}, {}, {"a"}}},
		{"Map(String, UInt64)", []map[string]uint64{{}, {"a": 1}}},
	} {
		t.Run(test.kind, func(t *testing.T) {
			table := fmt.Sprintf("%s.t%s", db, uuid.NewString()[:8])
			exec(t, c, "CREATE TABLE "+table+" (n UInt64, v "+test.kind+") ENGINE = MergeTree ORDER BY n")
			want := reflect.ValueOf(test.values)
			numbers := make([]uint64, want.Len())
			for i := range numbers {
				numbers[i] = uint64(i)
			}
			// Twice over, so that the result can come in several blocks.
			for range 2 {
				err := c.Insert(t.Context(), clickhouse.Insert{Table: table, Columns: []string{"n", "v"}}, func(b *clickhouse.Block) error {
					if err := clickhouse.Append(b, 0, numbers); err != nil {
						return err
					}
					return appendAny(b, 1, test.values)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			rows, err := c.Query(t.Context(), clickhouse.Query{SQL: "SELECT n, v FROM " + table + " ORDER BY n SETTINGS max_block_size = 1"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rows.Close() }()
			seen := 0
			for rows.Next() {
				var n uint64
				got := reflect.New(want.Type().Elem())
				if err := rows.Scan(&n, got.Interface()); err != nil {
					t.Fatal(err)
				}
				if !same(got.Elem().Interface(), want.Index(int(n)).Interface()) {
					t.Errorf("row %d is %v, want %v", n, got.Elem().Interface(), want.Index(int(n)).Interface())
				}
				seen++
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			if seen != 2*want.Len() {
				t.Errorf("%d rows, want %d", seen, 2*want.Len())
			}
		})
	}
}

func same(got, want any) bool {
	switch w := want.(type) {
	case time.Time:
		return got.(time.Time).Equal(w)
	case decimal.Decimal:
		return got.(decimal.Decimal).Equal(w)
	case *big.Int:
		return got.(*big.Int).Cmp(w) == 0
	}
	return reflect.DeepEqual(got, want) || fmt.Sprint(got) == fmt.Sprint(want) && reflect.ValueOf(got).Kind() != reflect.Pointer
}

func appendAny(b *clickhouse.Block, column int, values any) error {
	switch v := values.(type) {
	case []uint8:
		return clickhouse.Append(b, column, v)
	case []int16:
		return clickhouse.Append(b, column, v)
	case []uint64:
		return clickhouse.Append(b, column, v)
	case []int64:
		return clickhouse.Append(b, column, v)
	case []float64:
		return clickhouse.Append(b, column, v)
	case []bool:
		return clickhouse.Append(b, column, v)
	case []string:
		return clickhouse.Append(b, column, v)
	case []*string:
		return clickhouse.Append(b, column, v)
	case []*big.Int:
		return clickhouse.Append(b, column, v)
	case []decimal.Decimal:
		return clickhouse.Append(b, column, v)
	case []time.Time:
		return clickhouse.Append(b, column, v)
	case []*time.Time:
		return clickhouse.Append(b, column, v)
	case []uuid.UUID:
		return clickhouse.Append(b, column, v)
	case [][]string:
		return clickhouse.Append(b, column, v)
	case [][][]*int32:
		return clickhouse.Append(b, column, v)
	case []map[string]uint64:
		return clickhouse.Append(b, column, v)
	}
	return fmt.Errorf("no case for %T", values)
}

func TestInsertTakesLargeBlocksSeveralAtOnce(t *testing.T) {
	c, db := clickhousetest.Open(t), clickhousetest.Database(t)
	exec(t, c, "CREATE TABLE "+db+".`odd ``name` (`the key` String, hash FixedString(16), state UInt8) ENGINE = MergeTree ORDER BY `the key`")
	const rows, blocks = 100_000, 6
	var g errgroup.Group
	for w := range blocks {
		g.Go(func() error {
			keys, hashes, states := make([]string, rows), make([][16]byte, rows), make([]uint8, rows)
			for i := range rows {
				keys[i] = fmt.Sprintf("%d-%d", w, i)
				hashes[i][0], hashes[i][15] = byte(i), byte(w)
				states[i] = uint8(i % 3)
			}
			in := clickhouse.Insert{Table: clickhouse.Identifier(db) + "." + clickhouse.Identifier("odd `name"), Columns: []string{"the key", "hash", "state"}, ID: fmt.Sprintf("insert-%s-%d", db, w)}
			return c.Insert(t.Context(), in, func(b *clickhouse.Block) error {
				if err := clickhouse.Append(b, 0, keys); err != nil {
					return err
				}
				if err := clickhouse.Append(b, 1, hashes); err != nil {
					return err
				}
				return clickhouse.Append(b, 2, states)
			})
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := one[uint64](t, c, "SELECT uniqExact(`the key`, hash) FROM "+db+".`odd ``name`"); got != rows*blocks {
		t.Errorf("%d distinct rows, want %d", got, rows*blocks)
	}
}

func TestInsertThatCannotBeSentSendsNothing(t *testing.T) {
	c, db := clickhousetest.Open(t), clickhousetest.Database(t)
	exec(t, c, "CREATE TABLE "+db+".t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
	insert := func(columns []string, fill func(b *clickhouse.Block) error) error {
		return c.Insert(t.Context(), clickhouse.Insert{Table: db + ".t", Columns: columns}, fill)
	}
	for name, err := range map[string]error{
		"ragged": insert([]string{"a", "b"}, func(b *clickhouse.Block) error {
			if err := clickhouse.Append(b, 0, []uint64{1, 2}); err != nil {
				t.Fatal(err)
			}
			return clickhouse.Append(b, 1, []string{"x"})
		}),
		"of the wrong type": insert([]string{"a", "b"}, func(b *clickhouse.Block) error {
			return clickhouse.Append(b, 0, []string{"1"})
		}),
		"of an unknown column": insert([]string{"nope"}, func(*clickhouse.Block) error { return nil }),
		"of a column too many": insert([]string{"a"}, func(b *clickhouse.Block) error {
			return clickhouse.Append(b, 1, []uint64{1})
		}),
	} {
		if err == nil {
			t.Errorf("a block %s went in", name)
		}
	}
	if err := insert([]string{"a", "b"}, func(*clickhouse.Block) error { return nil }); err != nil {
		t.Errorf("an empty block: %v", err)
	}
	if got := one[uint64](t, c, "SELECT count() FROM "+db+".t"); got != 0 {
		t.Errorf("%d rows went in", got)
	}
}

func TestReplacingMergeTreeShowsTheNewestRow(t *testing.T) {
	c, db := clickhousetest.Open(t), clickhousetest.Database(t)
	exec(t, c,
		"CREATE TABLE "+db+".ledger (key String, hash FixedString(16), run UInt64) ENGINE = ReplacingMergeTree(run) ORDER BY key",
		"INSERT INTO "+db+".ledger VALUES ('a', '1', 1), ('b', '1', 1)",
		"INSERT INTO "+db+".ledger VALUES ('a', '2', 2)",
		"ALTER TABLE "+db+".ledger ADD COLUMN note Nullable(String)",
	)
	if got := one[string](t, c, "SELECT toString(groupArray((key, run))) FROM (SELECT key, run FROM "+db+".ledger FINAL ORDER BY key)"); got != "[('a',2),('b',1)]" {
		t.Errorf("FINAL shows %s", got)
	}
	exec(t, c, "OPTIMIZE TABLE "+db+".ledger FINAL", "DROP TABLE "+db+".ledger SYNC")
}

func TestStatementsStandInTheDatabaseOfTheDSN(t *testing.T) {
	clickhousetest.Open(t)
	db := clickhousetest.Database(t)
	u, err := url.Parse(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + db
	c, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: u.String()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	exec(t, c, "CREATE TABLE here (a UInt8) ENGINE = Memory", "INSERT INTO here VALUES (7)")
	if got := one[uint8](t, c, "SELECT a FROM "+db+".here"); got != 7 {
		t.Errorf("a is %d", got)
	}
	if got := one[string](t, c, "SELECT currentDatabase()"); got != db {
		t.Errorf("the database is %s, want %s", got, db)
	}
}

// raw opens clickhouse-go by itself, for what Conn does not use but a server has to understand.
func raw(t *testing.T, change func(*driver.Options)) driver.Conn {
	t.Helper()
	opts, err := driver.ParseDSN(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	change(opts)
	c, err := driver.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestExternalTablesAreSeenByTheirStatementAlone(t *testing.T) {
	c := raw(t, func(*driver.Options) {})
	keys, err := ext.NewTable("keys", ext.Column("k", "UInt64"), ext.Column("s", "LowCardinality(String)"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50_000 {
		if err := keys.Append(uint64(i*2), "x"); err != nil {
			t.Fatal(err)
		}
	}
	var n uint64
	ctx := driver.Context(t.Context(), driver.WithExternalTable(keys), driver.WithSettings(driver.Settings{"max_threads": 2}))
	if err := c.QueryRow(ctx, "SELECT count() FROM numbers(1000) WHERE number IN (SELECT k FROM keys)").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != 500 {
		t.Errorf("%d keys, want 500", n)
	}
	if err := c.Exec(t.Context(), "SELECT count() FROM keys"); !isException(err, clickhouse.CodeUnknownTable) {
		t.Errorf("error is %v, want that the table ended with its statement", err)
	}
}

func TestCompressionPassesBothWays(t *testing.T) {
	for _, method := range []driver.CompressionMethod{driver.CompressionNone, driver.CompressionLZ4, driver.CompressionZSTD, driver.CompressionGZIP} {
		t.Run(method.String(), func(t *testing.T) {
			db := clickhousetest.Database(t)
			c := raw(t, func(o *driver.Options) {
				if method == driver.CompressionGZIP {
					if o.Protocol != driver.HTTP {
						method = driver.CompressionLZ4 // gzip is HTTP's
					}
					o.Settings = driver.Settings{"enable_http_compression": 1}
				}
				o.Compression = &driver.Compression{Method: method, Level: 1}
			})
			if err := c.Exec(t.Context(), "CREATE TABLE "+db+".t (n UInt64, s String) ENGINE = Memory"); err != nil {
				t.Fatal(err)
			}
			b, err := c.PrepareBatch(t.Context(), "INSERT INTO "+db+".t")
			if err != nil {
				t.Fatal(err)
			}
			const rows = 50_000
			for i := range uint64(rows) {
				if err := b.Append(i, "hello"); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Send(); err != nil {
				t.Fatal(err)
			}
			result, err := c.Query(t.Context(), "SELECT n, s FROM "+db+".t ORDER BY n")
			if err != nil {
				t.Fatal(err)
			}
			var n, want uint64
			var s string
			for ; result.Next(); want++ {
				if err := result.Scan(&n, &s); err != nil || n != want || s != "hello" {
					t.Fatalf("row %d is %d %q, error %v", want, n, s, err)
				}
			}
			if err := result.Err(); err != nil || want != rows {
				t.Errorf("%d rows, error %v; want %d", want, err, rows)
			}
			if err := c.QueryRow(t.Context(), "SELECT nope").Scan(&n); err == nil || !isException(err, clickhouse.CodeUnknownIdentifier) {
				t.Errorf("error is %v, want code %d", err, clickhouse.CodeUnknownIdentifier)
			}
			result, err = c.Query(t.Context(), "SELECT throwIf(number = 600000) FROM numbers(1000000) SETTINGS max_threads = 1")
			if err == nil {
				for result.Next() {
				}
				err = result.Err()
				_ = result.Close()
			}
			if !isException(err, 395) {
				t.Errorf("error after some blocks is %v, want code 395", err)
			}
		})
	}
}

func TestTwentyStatementsAtOnce(t *testing.T) {
	c, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: clickhousetest.Start(t), Connections: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var g errgroup.Group
	for w := range uint64(20) {
		g.Go(func() error {
			q := clickhouse.Query{SQL: "SELECT number * {w:UInt64}, toString(number) FROM numbers(50000)", Args: []any{clickhouse.Named("w", w)}}
			rows, err := c.Query(t.Context(), q)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			var product, want uint64
			var text string
			for rows.Next() {
				if err := rows.Scan(&product, &text); err != nil {
					return err
				}
				if product != want*w {
					return fmt.Errorf("row %d of statement %d is %d", want, w, product)
				}
				want++
			}
			if rows.Err() == nil && want != 50_000 {
				return fmt.Errorf("statement %d had %d rows", w, want)
			}
			return rows.Err()
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestAResultOfMillionsOfRowsNeedsLittleMemory(t *testing.T) {
	c := clickhousetest.Open(t)
	rows, err := c.Query(t.Context(), clickhouse.Query{SQL: "SELECT number, repeat('x', 100) FROM numbers(3000000)"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var n, seen, most uint64
	var s string
	dest := []any{&n, &s}
	for ; rows.Next(); seen++ {
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		if seen%500_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if seen != 3_000_000 || n != 2_999_999 {
		t.Errorf("%d rows, the last %d", seen, n)
	}
	if most > 150<<20 { // the result has 330 MB
		t.Errorf("the client held %d MiB", most>>20)
	}
}

func isException(err error, code int32) bool {
	e, ok := errors.AsType[*driver.Exception](err)
	return ok && e.Code == code
}
