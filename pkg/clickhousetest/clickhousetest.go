// Package clickhousetest gives tests a ClickHouse: the server that PENSTOCK_CLICKHOUSE names, else an embedded one that
// is started when the first test asks and shared by all tests of the binary.
package clickhousetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhouse/chdb"
)

// Variable is the environment variable that names a server to be used instead of the embedded one.
const Variable = "PENSTOCK_CLICKHOUSE"

// timeout bounds what the package itself does: the first start may download the engine.
const timeout = 10 * time.Minute

// embedded is the server that the tests of this binary share. A test binary has one TestMain, so it has one of this.
var embedded shared //nolint:gochecknoglobals // one server a test binary, and tests share nothing else

type shared struct {
	mu     sync.Mutex
	server *chdb.Server
	dir    string
	err    error
}

// Main is the TestMain of a package whose tests use ClickHouse: it runs the tests, stops the embedded server, and fails
// if goroutines are left.
//
//	func TestMain(m *testing.M) { clickhousetest.Main(m) }
func Main(m *testing.M, options ...goleak.Option) {
	chdb.Main()
	goleak.VerifyTestMain(runner{m}, options...)
}

type runner struct{ tests *testing.M }

func (r runner) Run() int {
	code := r.tests.Run()
	if err := embedded.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "clickhousetest:", err)
		return max(code, 1)
	}
	return code
}

// Start returns the DSN of a ClickHouse. The test fails if there is none.
func Start(t testing.TB) string {
	t.Helper()
	if dsn := os.Getenv(Variable); dsn != "" {
		return dsn
	}
	dsn, err := embedded.start()
	if err != nil {
		t.Fatalf("clickhousetest: %v", err)
	}
	return dsn
}

// Open returns a connection to what [Start] returns, which is closed when the test ends.
func Open(t testing.TB) *clickhouse.Conn {
	t.Helper()
	conn, err := clickhouse.Open(t.Context(), clickhouse.Config{DSN: Start(t)})
	if err != nil {
		t.Fatalf("clickhousetest: %v", err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("clickhousetest: close: %v", err)
		}
	})
	return conn
}

// Database makes a database and returns its name; it is dropped when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	conn := Open(t)
	name := "test_" + strings.ToLower(rand.Text()[:12])
	if err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("clickhousetest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := conn.Exec(ctx, "DROP DATABASE "+name+" SYNC"); err != nil {
			t.Errorf("clickhousetest: %v", err)
		}
	})
	return name
}

func (s *shared) start() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return "", s.err
	}
	if s.server == nil {
		if s.dir, s.err = os.MkdirTemp("", "penstock-clickhouse-"); s.err != nil {
			return "", s.err
		}
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if s.server, s.err = chdb.Start(ctx, chdb.Config{Dir: s.dir}); s.err != nil {
			return "", s.err
		}
	}
	return s.server.DSN(), s.server.Err()
}

func (s *shared) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.server != nil {
		err = errors.Join(s.server.Err(), s.server.Close())
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
