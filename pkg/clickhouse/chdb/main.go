package chdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// childEnv holds the configuration of the serving process, and is what makes a process one.
const childEnv = "PENSTOCK_CHDB_SERVE"

// user is the only user of an embedded ClickHouse.
const user = "default"

// drainTimeout is how long a stopping server waits for cancelled queries to return.
const drainTimeout = 5 * time.Second

// child is what a serving process is told, as JSON in childEnv.
type child struct {
	Library  string // path of libchdb
	Dir      string // data directory
	Password string
}

// hello is what a serving process answers, as JSON on file descriptor 3.
type hello struct {
	Address string // host and port
	Error   string // why there is no address
}

// Main serves, and never returns, in a process that [Start] started; in any other it does nothing. Every binary that
// calls Start calls it first in main (or TestMain), before flags are parsed.
func Main() {
	config, ok := os.LookupEnv(childEnv)
	if !ok {
		return
	}
	// Programs that we start must not take themselves for a server.
	_ = os.Unsetenv(childEnv)
	// Ending is the parent's decision, told by closing our standard input: whatever stops the whole group or service
	// by signals must leave it the time to drain.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)

	answer := os.NewFile(3, "hello")
	err := serve(config, os.Stdin, func(h hello) error {
		return errors.Join(json.NewEncoder(answer).Encode(h), answer.Close())
	})
	if err != nil {
		_ = json.NewEncoder(answer).Encode(hello{Error: err.Error()}) // too late once the address is out; then stderr says it
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is a main, of a process of its own
	}
	// The engine's threads do not end by returning from main.
	os.Exit(0) //nolint:forbidigo // this is a main, of a process of its own
}

// serve runs the engine and its listener until stdin ends.
func serve(config string, stdin io.Reader, ready func(hello) error) error {
	var c child
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return fmt.Errorf("%s: %w", childEnv, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // an error ends the wait as the end does
		cancel()
	}()

	unlock, err := lock(ctx, filepath.Join(c.Dir, "lock"), 10*time.Second)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", c.Dir, err)
	}
	defer unlock()
	spool := filepath.Join(c.Dir, "spool")
	if err := errors.Join(os.RemoveAll(spool), os.MkdirAll(spool, 0o700)); err != nil {
		return err
	}
	engine, err := openEngine(c.Library, filepath.Join(c.Dir, "clickhouse"))
	if err != nil {
		return err
	}
	defer engine.close()

	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it returns at once
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           &handler{engine: engine, spool: spool, password: c.Password, running: newRunning(engine)},
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	if err := ready(hello{Address: listener.Addr().String()}); err != nil {
		return err
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancelDrain := context.WithTimeout(context.Background(), drainTimeout)
	defer cancelDrain()
	if err := srv.Shutdown(drain); err != nil {
		// Some query did not hear its cancelling; leaving it behind harms no more than a crash would.
		return fmt.Errorf("stop listening: %w", err)
	}
	return nil
}
