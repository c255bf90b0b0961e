package chdb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/clickhouse/chdb"
)

// ownerEnv makes this binary a process that owns a server and waits, for the test of what happens when it dies.
const ownerEnv = "PENSTOCK_TEST_OWNER_OF"

func TestMain(m *testing.M) {
	chdb.Main()
	if dir := os.Getenv(ownerEnv); dir != "" {
		own(dir)
	}
	goleak.VerifyTestMain(m)
}

// own starts a server over dir, prints its DSN and waits to be killed.
func own(dir string) {
	s, err := chdb.Start(context.Background(), chdb.Config{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // a child process of the test ends here
	}
	_ = json.NewEncoder(os.Stdout).Encode(s.DSN())
	<-s.Done()
}

func start(t *testing.T, dir string) *chdb.Server {
	t.Helper()
	s, err := chdb.Start(t.Context(), chdb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// client has no pool: a pooled connection would be taken for a leaked goroutine.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
}

// post sends a statement as curl would, and returns status, headers and text.
func post(t *testing.T, dsn, sql string, params ...string) (int, http.Header, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/"
	q := url.Values{}
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	u.RawQuery = q.Encode()
	res, err := client().Post(u.String(), "text/plain", strings.NewReader(sql)) //nolint:noctx // the client has a time limit
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

func must(t *testing.T, dsn, sql string, params ...string) string {
	t.Helper()
	status, _, body := post(t, dsn, sql, params...)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", sql, status, body)
	}
	return body
}

func TestDataOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	must(t, s.DSN(), "CREATE DATABASE kept")
	must(t, s.DSN(), "CREATE TABLE kept.t (a UInt64) ENGINE = MergeTree ORDER BY a")
	must(t, s.DSN(), "INSERT INTO kept.t SELECT number FROM numbers(1000)")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Err(); err != nil {
		t.Errorf("after Close, Err is %v", err)
	}
	if got := must(t, start(t, dir).DSN(), "SELECT count() FROM kept.t"); got != "1000\n" {
		t.Errorf("count is %q after a restart", got)
	}
}

func TestDataOutlivesAKill(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	must(t, s.DSN(), "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
	for i := range 20 {
		must(t, s.DSN(), "INSERT INTO t VALUES ("+strconv.Itoa(i)+")")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(must(t, s.DSN(), "SELECT splitByChar(' ', line)[1] FROM file('/proc/self/stat', LineAsString)")))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("Err is %v, want that it ended by itself", err)
	}
	if got := must(t, start(t, dir).DSN(), "SELECT count(), sum(a) FROM t"); got != "20\t190\n" {
		t.Errorf("count and sum are %q after a kill", got)
	}
}

func TestTheProcessDiesWithItsParent(t *testing.T) {
	dir := t.TempDir()
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), ownerEnv+"="+dir)
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var dsn string
	if err := json.NewDecoder(out).Decode(&dsn); err != nil {
		t.Fatal(err)
	}
	must(t, dsn, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // killed
	// The directory is free as soon as the orphan has gone; Start waits for that.
	if got := must(t, start(t, dir).DSN(), "SELECT count() FROM t"); got != "0\n" {
		t.Errorf("count is %q", got)
	}
}

func TestADirectoryServesOneProcess(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	s, err := chdb.Start(t.Context(), chdb.Config{Dir: dir})
	if err == nil {
		_ = s.Close()
		t.Fatal("two processes over one directory")
	}
	if !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), dir) {
		t.Errorf("error is %q", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	start(t, dir) // so that the next one waits
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if s, err := chdb.Start(ctx, chdb.Config{Dir: dir}); err == nil {
		_ = s.Close()
		t.Fatal("two processes over one directory")
	}
}

func TestHTTPAsCurlUsesIt(t *testing.T) {
	s := start(t, t.TempDir())
	if got := must(t, s.DSN(), "SELECT 1 AS a, 'x' AS b FORMAT JSONEachRow"); got != `{"a":1,"b":"x"}`+"\n" {
		t.Errorf("JSON is %q", got)
	}
	if got := must(t, s.DSN(), "", "query", "SELECT {a:UInt8} + 1", "param_a", "41"); got != "42\n" {
		t.Errorf("a statement in the URL gives %q", got)
	}
	must(t, s.DSN(), "CREATE TABLE t (a UInt64, s String) ENGINE = Memory")
	must(t, s.DSN(), "{\"a\":1,\"s\":\"one\"}\n{\"a\":2,\"s\":\"it's\"}\n", "query", "INSERT INTO t (a, s) SETTINGS max_insert_block_size = 10 FORMAT JSONEachRow")
	must(t, s.DSN(), "(3,'three'),(4,'four')", "query", "INSERT INTO t VALUES")
	must(t, s.DSN(), "5\tfive\n", "query", "INSERT INTO t FORMAT TSV")
	must(t, s.DSN(), "INSERT INTO t VALUES (6, '"+strings.Repeat("x", 1<<20)+"')")
	if got := must(t, s.DSN(), "SELECT a, length(s) FROM t ORDER BY a"); got != "1\t3\n2\t4\n3\t5\n4\t4\n5\t4\n6\t1048576\n" {
		t.Errorf("the table has %q", got)
	}

	status, header, body := post(t, s.DSN(), "SELECT * FROM nope", "query_id", "mine")
	if status != http.StatusInternalServerError || header.Get("X-ClickHouse-Exception-Code") != "60" ||
		header.Get("X-ClickHouse-Query-Id") != "mine" || !strings.HasPrefix(body, "Code: 60. DB::Exception: ") {
		t.Errorf("an exception is %d, %v, %q", status, header, body)
	}
	if status, _, body := post(t, s.DSN(), "SELECT 1", "session_id", "a"); status == http.StatusOK || !strings.Contains(body, "session_id") {
		t.Errorf("a session gives %d %q", status, body)
	}
	if status, _, body := post(t, s.DSN(), " "); status == http.StatusOK || !strings.Contains(body, "Empty query") {
		t.Errorf("no statement gives %d %q", status, body)
	}
}

func TestNobodyGetsInWithoutThePassword(t *testing.T) {
	s := start(t, t.TempDir())
	u, err := url.Parse(s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	for _, test := range []struct {
		name   string
		user   *url.Userinfo
		status int
	}{
		{"without a user", nil, http.StatusForbidden},
		{"without a password", url.User("default"), http.StatusForbidden},
		{"with a wrong one", url.UserPassword("default", "x"), http.StatusForbidden},
		{"as another user", url.UserPassword("admin", password), http.StatusForbidden},
		{"with the right one", url.UserPassword("default", password), http.StatusOK},
	} {
		u.User = test.user
		if status, _, body := post(t, u.String(), "SELECT 1"); status != test.status {
			t.Errorf("%s: status %d %q, want %d", test.name, status, body, test.status)
		}
	}
	u.User = nil
	u.Path = "/ping"
	res, err := client().Get(u.String()) //nolint:noctx // the client has a time limit
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("ping: %v, %v", res, err)
	}
	_ = res.Body.Close()
}

func TestNothingIsLeftInTheSpool(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	must(t, s.DSN(), "CREATE TABLE t (a UInt64) ENGINE = Memory")
	must(t, s.DSN(), "1\n2\n", "query", "INSERT INTO t FORMAT TSV")
	post(t, s.DSN(), "nonsense", "query", "INSERT INTO t FORMAT TSV")
	if got := must(t, s.DSN(), "SELECT sum(a) FROM t"); got != "3\n" {
		t.Errorf("sum is %q", got)
	}
	if left, err := os.ReadDir(dir + "/spool"); err != nil || len(left) != 0 {
		t.Errorf("left in the spool: %v, error %v", left, err)
	}
}
