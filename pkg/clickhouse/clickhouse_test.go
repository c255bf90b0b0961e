package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// one returns the only value of a query's only row.
func one[T any](t *testing.T, c *clickhouse.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := c.Row(t.Context(), clickhouse.Query{SQL: sql, Args: args}, &v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func exec(t *testing.T, c *clickhouse.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// eventually polls until ok, for things that the server does after it has answered.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// isRunning asks the server whether the query id is at work.
func isRunning(t *testing.T, c *clickhouse.Conn, id string) bool {
	t.Helper()
	return one[uint64](t, c, "SELECT count() FROM system.processes WHERE query_id = '"+id+"'") > 0
}

func TestOpenSaysWhatToDo(t *testing.T) {
	good, err := url.Parse(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	password := *good
	password.User = url.UserPassword("default", "surely-wrong")
	database := *good
	database.Path = "/no_such_database"
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, dsn, want string }{
		{"nothing listens", "http://" + free, "refused: nothing listens there; is PENSTOCK_CLICKHOUSE right"},
		{"nothing listens natively", "clickhouse://" + free, "refused: nothing listens there; is PENSTOCK_CLICKHOUSE right"},
		{"the host is unknown", "clickhouse://no-such-host.invalid:9000", "PENSTOCK_CLICKHOUSE"},
		{"the password is wrong", password.String(), `user "default" is refused`},
		{"the database is missing", database.String(), `there is no database "no_such_database"`},
		{"the scheme is unknown", "postgres://h/d", `scheme "postgres"`},
		{"the DSN is no URL", "http://user:s3cret%zz@h:1/d", "the DSN is no URL"},
		{"the DSN has no host", "clickhouse:///d", "no host"},
		{"the DSN is empty", "", "scheme"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: test.dsn})
			if err == nil {
				_ = c.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %q, want it to contain %q", err, test.want)
			}
			if strings.Contains(err.Error(), "surely-wrong") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error has the password: %q", err)
			}
		})
	}
}

func TestThePortOfAnotherProtocolIsSuspected(t *testing.T) {
	u, err := url.Parse(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme == "http" {
		u.Scheme = "clickhouse"
	} else {
		u.Scheme = "http"
	}
	u.User = nil
	_, err = clickhouse.Open(t.Context(), clickhouse.Config{DSN: u.String(), DialTimeout: time.Second})
	if err == nil || !strings.Contains(err.Error(), "clickhouse:// is for port 9000") {
		t.Errorf("error is %v, want it to speak of ports", err)
	}
}

func TestConfigBoundsEachStatement(t *testing.T) {
	c, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: clickhousetest.Start(t), Threads: 1, MaxMemory: 50 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if got := one[string](t, c, "SELECT toString(getSetting('max_threads'))"); got != "1" {
		t.Errorf("max_threads is %s, want 1", got)
	}
	err = c.Exec(t.Context(), "SELECT groupArray(number) FROM numbers(100000000) FORMAT Null")
	if clickhouse.Code(err) != clickhouse.CodeMemoryLimit {
		t.Errorf("error is %v, want code %d", err, clickhouse.CodeMemoryLimit)
	}
}

func TestExceptionsAreReadable(t *testing.T) {
	c := clickhousetest.Open(t)
	for _, test := range []struct {
		name, sql string
		code      int
		symbol    string
		secret    string
	}{
		{"a table is missing", "SELECT * FROM no_such_table", clickhouse.CodeUnknownTable, "UNKNOWN_TABLE", ""},
		{"a column is missing", "SELECT no_such_column FROM system.one", clickhouse.CodeUnknownIdentifier, "UNKNOWN_IDENTIFIER", ""},
		{"the syntax is wrong", "SELECT FROM WHERE", clickhouse.CodeSyntaxError, "SYNTAX_ERROR", ""},
		{"the verb is misspelt", "SELEC 1", clickhouse.CodeSyntaxError, "SYNTAX_ERROR", ""},
		{"a value does not parse", "SELECT toUInt8(concat('hunter', toString(number))) FROM numbers(1)", 6, "CANNOT_PARSE_TEXT", "hunter"},
		{"time is up", "SELECT count() FROM numbers(1000000000000) SETTINGS max_execution_time = 1", clickhouse.CodeTimeout, "TIMEOUT_EXCEEDED", ""},
		{"it fails after some blocks", "SELECT throwIf(number = 600000) FROM numbers(1000000) SETTINGS max_threads = 1", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := "bad-" + strings.ReplaceAll(test.name, " ", "-")
			rows, err := c.Query(t.Context(), clickhouse.Query{SQL: test.sql, ID: id})
			if err == nil {
				for rows.Next() {
				}
				err = rows.Close()
			}
			e, ok := errors.AsType[*clickhouse.Error](err)
			if !ok {
				t.Fatalf("error is %v, want a *clickhouse.Error", err)
			}
			if e.Code != test.code || e.Name != test.symbol || e.QueryID != id || e.Message == "" || strings.Contains(e.Message, "\n") {
				t.Errorf("error is %#v, want code %d %s of query %s", e, test.code, test.symbol, id)
			}
			if test.secret != "" && strings.Contains(err.Error(), test.secret) {
				t.Errorf("error has a value of the row: %v", err)
			}
		})
	}
}

func TestColumnsAreThoseOfTheSelect(t *testing.T) {
	c := clickhousetest.Open(t)
	got, err := c.Columns(t.Context(), "SELECT toNullable('x') AS name, toDateTime64(0, 3, 'UTC') AS at, toDecimal64(1, 2) AS sum -- the end")
	if err != nil {
		t.Fatal(err)
	}
	want := []clickhouse.Column{{"name", "Nullable(String)"}, {"at", "DateTime64(3, 'UTC')"}, {"sum", "Decimal(18, 2)"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("columns are %v, want %v", got, want)
	}
	if _, err := c.Columns(t.Context(), "SELECT nope FROM system.one"); clickhouse.Code(err) != clickhouse.CodeUnknownIdentifier {
		t.Errorf("error is %v, want code %d", err, clickhouse.CodeUnknownIdentifier)
	}
}

func TestRowOfNothingIsErrNoRows(t *testing.T) {
	c := clickhousetest.Open(t)
	var n uint8
	if err := c.Row(t.Context(), clickhouse.Query{SQL: "SELECT 1 WHERE 0"}, &n); !errors.Is(err, clickhouse.ErrNoRows) {
		t.Errorf("error is %v, want ErrNoRows", err)
	}
	if err := c.Row(t.Context(), clickhouse.Query{SQL: "SELECT nope"}, &n); clickhouse.Code(err) != clickhouse.CodeUnknownIdentifier {
		t.Errorf("error is %v, want code %d", err, clickhouse.CodeUnknownIdentifier)
	}
}

func TestEachEndsWhereTheLoopDoes(t *testing.T) {
	c := clickhousetest.Open(t)
	scan := func(r *clickhouse.Rows) (n uint64, err error) { return n, r.Scan(&n) }
	q := clickhouse.Query{SQL: "SELECT number FROM numbers(100000000000)", ID: "each-left-early"}
	seen := 0
	for n, err := range clickhouse.Each(t.Context(), c, q, scan) {
		if err != nil {
			t.Fatal(err)
		}
		if n != uint64(seen) {
			t.Fatalf("row %d is %d", seen, n)
		}
		if seen++; seen == 10 {
			break
		}
	}
	eventually(t, "the statement ends", func() bool { return !isRunning(t, c, q.ID) })

	var last error
	for _, err := range clickhouse.Each(t.Context(), c, clickhouse.Query{SQL: "SELECT throwIf(number = 1000000)::UInt64 FROM numbers(2000000)"}, scan) {
		last = err
	}
	if clickhouse.Code(last) != 395 {
		t.Errorf("the last error is %v, want code 395", last)
	}
}

func TestAStatementIsStoppedOnTheServer(t *testing.T) {
	const forever = "1000000000000"
	for _, test := range []struct {
		name, sql string
		stop      func(t *testing.T, c *clickhouse.Conn, id string, cancel context.CancelFunc)
	}{
		{"by its context, before the first block", "SELECT max(sipHash64(number)) FROM numbers(" + forever + ")", byContext},
		{"by its context, while it streams", "SELECT number, toString(number) FROM numbers(" + forever + ")", byContext},
		{"by Kill, before the first block", "SELECT max(sipHash64(number)) FROM numbers(" + forever + ")", byKill},
		{"by Kill, while it streams", "SELECT number, toString(number) FROM numbers(" + forever + ")", byKill},
		{"by its context, as INSERT SELECT", "INSERT INTO FUNCTION null('n UInt64') SELECT number FROM numbers(" + forever + ")", byContext},
		{"by Kill, as INSERT SELECT", "INSERT INTO FUNCTION null('n UInt64') SELECT number FROM numbers(" + forever + ")", byKill},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := clickhousetest.Open(t)
			id := "stop-" + strings.ReplaceAll(strings.ReplaceAll(test.name, " ", "-"), ",", "")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				q := clickhouse.Query{SQL: test.sql, ID: id}
				if strings.HasPrefix(test.sql, "INSERT") {
					ended <- c.Do(ctx, q)
					return
				}
				rows, err := c.Query(ctx, q)
				if err == nil {
					for rows.Next() {
					}
					err = rows.Close()
				}
				ended <- err
			}()
			eventually(t, "the statement runs", func() bool { return isRunning(t, c, id) })
			test.stop(t, c, id, cancel)
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) && clickhouse.Code(err) != clickhouse.CodeCancelled {
					t.Errorf("it ended with %v, want a cancelling", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it did not return")
			}
			eventually(t, "the statement has ended on the server", func() bool { return !isRunning(t, c, id) })
		})
	}
}

func byContext(_ *testing.T, _ *clickhouse.Conn, _ string, cancel context.CancelFunc) { cancel() }

func byKill(t *testing.T, c *clickhouse.Conn, id string, _ context.CancelFunc) {
	if err := c.Kill(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

func TestCloseStopsTheStatementWithoutReadingTheRest(t *testing.T) {
	c := clickhousetest.Open(t)
	rows, err := c.Query(t.Context(), clickhouse.Query{SQL: "SELECT number FROM numbers(1000000000000)", ID: "closed-early"})
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	start := time.Now()
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("Close took %s", took)
	}
	if rows.Next() {
		t.Error("there is a row after Close")
	}
	eventually(t, "the statement has ended on the server", func() bool { return !isRunning(t, c, "closed-early") })
}

func TestAQueryIDServesOneStatementAtATime(t *testing.T) {
	c := clickhousetest.Open(t)
	rows, err := c.Query(t.Context(), clickhouse.Query{SQL: "SELECT number FROM numbers(1000000000000)", ID: "twice"})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Do(t.Context(), clickhouse.Query{SQL: "SELECT 1", ID: "twice"})
	if clickhouse.Code(err) != clickhouse.CodeQueryAlreadyRunning {
		t.Errorf("error is %v, want code %d", err, clickhouse.CodeQueryAlreadyRunning)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the id is free", func() bool {
		return c.Do(t.Context(), clickhouse.Query{SQL: "SELECT 1", ID: "twice"}) == nil
	})
}

func TestSettingsAndCommentReachTheStatementAlone(t *testing.T) {
	c := clickhousetest.Open(t)
	q := clickhouse.Query{
		SQL:      "SELECT getSetting('log_comment'), toString(getSetting('max_threads')), toString(getSetting('join_algorithm'))",
		Comment:  `it's a "comment" \ here`,
		Settings: map[string]any{"max_threads": 3, "join_algorithm": "full_sorting_merge"},
	}
	var comment, threads, join string
	if err := c.Row(t.Context(), q, &comment, &threads, &join); err != nil {
		t.Fatal(err)
	}
	if comment != q.Comment || threads != "3" || join != "full_sorting_merge" {
		t.Errorf("the statement saw %q, %q, %q", comment, threads, join)
	}
	if got := one[string](t, c, "SELECT getSetting('log_comment')"); got != "" {
		t.Errorf("the next statement saw the comment %q", got)
	}
	err := c.Do(t.Context(), clickhouse.Query{SQL: "SELECT 1", Settings: map[string]any{"no_such_setting": 1}})
	if clickhouse.Code(err) != 115 {
		t.Errorf("error is %v, want code 115", err)
	}
}

func TestParametersArriveAsTheyAre(t *testing.T) {
	c := clickhousetest.Open(t)
	for _, text := range []string{"plain", "", "it's", `back\slash \n`, "tab\tnewline\n", "naïve 日本", "\\N", "%41&x=1"} {
		if got := one[string](t, c, "SELECT {v:String}", clickhouse.Named("v", text)); got != text {
			t.Errorf("{v:String} of %q is %q", text, got)
		}
		if got := one[string](t, c, "SELECT ?", text); got != text {
			t.Errorf("? of %q is %q", text, got)
		}
	}
	if got := one[uint64](t, c, "SELECT {n:UInt64} + 1", clickhouse.Named("n", uint64(1<<63))); got != 1<<63+1 {
		t.Errorf("{n:UInt64} + 1 is %d", got)
	}
}
