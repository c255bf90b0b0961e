// Package chdb runs ClickHouse embedded: libchdb, ClickHouse's own engine as a shared library, in a process of its own
// that speaks enough of ClickHouse's HTTP interface for clickhouse-go. It serves the first run on a fresh machine and the
// tests; production uses a server.
//
// The process is the running binary started again, so a binary that calls [Start] calls [Main] first thing:
//
//	func main() {
//		chdb.Main()
//		...
//	}
//
// libchdb is not part of the binary. [Start] fetches it once, by npm, into a cache folder (see [Library]).
//
// A process of its own, because libchdb replaces signal handlers, starts hundreds of threads, and may end the process
// when it runs out of memory: none of which the program that uses it should have to survive.
package chdb

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Config says where an embedded ClickHouse keeps its things.
type Config struct {
	// Dir holds the data, and is made if missing. One process at a time may use it; the data outlives the process.
	Dir string
	// Cache is the folder that libchdb is kept in, about 560 MB. Empty means [CacheDir].
	Cache string
	// Log hears of the download and of what the process writes to its standard error. Nil means silence.
	Log *slog.Logger
}

const (
	// startTimeout bounds the start of the process once the library is there: loading 560 MB from a cold disk, and
	// reading the parts of all tables.
	startTimeout = 2 * time.Minute
	// stopTimeout is how long [Server.Close] waits for the process before it kills it. Killing loses no data that an
	// INSERT has confirmed.
	stopTimeout = 15 * time.Second
)

// Server is a running embedded ClickHouse.
type Server struct {
	dsn    string
	cmd    *exec.Cmd
	stdin  io.Closer // the process ends when this closes, so it also ends when we die
	stderr *tail
	done   chan struct{}
	err    error // why the process ended; set before done closes

	stopOnce sync.Once
	stopping chan struct{}
}

// Start runs an embedded ClickHouse over cfg.Dir and returns once it answers. The process ends with [Server.Close], or
// when the calling process ends in whatever way. Ctx bounds the download and the start, not the life of the server.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	library, err := Library(ctx, cfg.Cache, cfg.Log)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("chdb: data directory %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("chdb: data directory: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %s", startTimeout))
	defer cancel()
	s, err := spawn(ctx, child{Library: library, Dir: dir, Password: rand.Text()}, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("chdb: start ClickHouse over %s: %w", dir, err)
	}
	return s, nil
}

// spawn starts this binary again as the process that serves c, and waits for its address.
func spawn(ctx context.Context, c child, log *slog.Logger) (*Server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = read.Close() }() // a pipe that is only read

	s := &Server{done: make(chan struct{}), stopping: make(chan struct{}), stderr: &tail{log: log}}
	s.cmd = exec.Command(exe) //nolint:noctx // it lives until Close, whatever becomes of the context of Start
	s.cmd.Args = []string{"penstock-clickhouse"}
	s.cmd.Env = append(os.Environ(), childEnv+"="+string(config))
	s.cmd.ExtraFiles = []*os.File{write}
	s.cmd.Stderr = s.stderr
	s.cmd.SysProcAttr = ownGroup()
	// A process that we start may inherit standard error and outlive this one; then do not wait for that.
	s.cmd.WaitDelay = time.Second
	s.stdin, err = s.cmd.StdinPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	_ = write.Close() // the child has its own
	if err != nil {
		return nil, err
	}
	go s.wait()

	answer := make(chan hello, 1)
	go func() {
		var h hello
		if err := json.NewDecoder(bufio.NewReader(read)).Decode(&h); err != nil {
			h.Error = "it ended before it said its address"
		}
		answer <- h
	}()
	select {
	case h := <-answer:
		if h.Error != "" {
			return nil, errors.Join(errors.New(h.Error+s.said()), s.Close())
		}
		u := url.URL{Scheme: "http", User: url.UserPassword(user, c.Password), Host: h.Address, Path: "/default"}
		s.dsn = u.String()
		return s, nil
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("%w%s", context.Cause(ctx), s.said()), s.kill())
	}
}

// wait reaps the process and records why it ended.
func (s *Server) wait() {
	err := s.cmd.Wait()
	select {
	case <-s.stopping:
		s.err = nil
	default:
		if err == nil {
			err = errors.New("exit status 0")
		}
		s.err = fmt.Errorf("chdb: ClickHouse ended by itself: %w%s", err, s.said())
	}
	close(s.done)
}

// DSN returns the address for clickhouse-go, as http://user:password@127.0.0.1:port/default. The password is made anew
// by each start: it keeps other users of the machine, and web pages in its browsers, out.
func (s *Server) DSN() string { return s.dsn }

// Done is closed when the process has ended. [Server.Err] then says why.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns nil while the process runs and after [Server.Close], else why the process ended.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Close stops the server: running queries are cancelled, then the engine is closed. It may be called more than once.
func (s *Server) Close() error {
	s.stopOnce.Do(func() {
		close(s.stopping)
		_ = s.stdin.Close() // fails only when the process has gone, which is what is wanted
	})
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
		return s.kill()
	}
}

func (s *Server) kill() error {
	s.stopOnce.Do(func() { close(s.stopping) })
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("chdb: kill ClickHouse, process %d: %w", s.cmd.Process.Pid, err)
	}
	<-s.done
	return nil
}

// said returns the end of what the process wrote to standard error, as the end of a sentence.
func (s *Server) said() string {
	if text := s.stderr.String(); text != "" {
		return "; it said: " + text
	}
	return ""
}

// tail logs what a process writes, and keeps the end of it.
type tail struct {
	log *slog.Logger
	mu  sync.Mutex
	buf []byte
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.log.Debug("clickhouse", "stderr", string(bytes.TrimSpace(p)))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
