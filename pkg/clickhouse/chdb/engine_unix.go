//go:build linux || darwin

package chdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// engine is libchdb, loaded and open over one data directory. One process has at most one.
type engine struct {
	args []string // what every connection is opened with: libchdb wants them equal within a process
	base *session // keeps the engine open while no request is under way

	// The functions of libchdb, as its chdb.h declares them; a connection is a pointer to a handle.
	setSignalHandlers func(enabled int32)
	connect           func(argc int32, argv **byte) *uintptr
	closeConnection   func(conn *uintptr)
	query             func(conn uintptr, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr) uintptr
	streamQuery       func(conn uintptr, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr) uintptr
	streamFetch       func(conn, stream uintptr) uintptr
	streamCancel      func(conn, stream uintptr)
	destroyResult     func(result uintptr)
	resultBuffer      func(result uintptr) *byte
	resultLength      func(result uintptr) uintptr
	resultRowsRead    func(result uintptr) uint64
	resultError       func(result uintptr) string
}

// openEngine loads the library and opens dir.
func openEngine(library, dir string) (*engine, error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w; delete it to have it fetched again, or set PENSTOCK_CLICKHOUSE to a server", library, err)
	}
	// Without this folder the engine starts no background tasks, and DROP … SYNC waits for one of them for ever.
	if err := os.MkdirAll(filepath.Join(dir, "metadata"), 0o700); err != nil {
		return nil, err
	}
	e := &engine{args: []string{"clickhouse", "--path=" + dir}}
	for name, function := range map[string]any{
		"chdb_set_signal_handlers_enabled": &e.setSignalHandlers,
		"chdb_connect":                     &e.connect,
		"chdb_close_conn":                  &e.closeConnection,
		"chdb_query_n":                     &e.query,
		"chdb_stream_query_n":              &e.streamQuery,
		"chdb_stream_fetch_result":         &e.streamFetch,
		"chdb_stream_cancel_query":         &e.streamCancel,
		"chdb_destroy_query_result":        &e.destroyResult,
		"chdb_result_buffer":               &e.resultBuffer,
		"chdb_result_length":               &e.resultLength,
		"chdb_result_rows_read":            &e.resultRowsRead,
		"chdb_result_error":                &e.resultError,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("library %s lacks %s: %w", library, name, err)
		}
		purego.RegisterFunc(function, symbol)
	}
	e.setSignalHandlers(0) // Go's are to stay
	e.base, err = e.session()
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (e *engine) close() { e.base.close() }

// session is a connection: what it sets, uses and makes temporarily is its own, so each request has a fresh one (it
// takes less than a millisecond). One goroutine uses it at a time.
type session struct {
	engine *engine
	conn   *uintptr
}

func (e *engine) session() (*session, error) {
	argv := make([]*byte, 0, len(e.args)+1)
	for _, arg := range e.args {
		argv = append(argv, unsafe.StringData(arg+"\x00"))
	}
	argv = append(argv, nil)
	conn := e.connect(int32(len(e.args)), &argv[0])
	runtime.KeepAlive(argv)
	if conn == nil || *conn == 0 {
		return nil, errors.New("the engine refused a connection: its data directory may be unreadable, or of a newer version")
	}
	return &session{engine: e, conn: conn}, nil
}

func (s *session) close() { s.engine.closeConnection(s.conn) }

// notStreamable marks the engine's refusal, before anything ran, to stream a statement that is not a SELECT.
const notStreamable = "Streaming query is not supported for query"

// run executes a statement and hands its result to yield, piece by piece as it is made; each piece is whole blocks of
// format, and is gone when yield returns. An error of yield ends the statement and comes back as it is; an exception of
// the engine is an *exception.
func (s *session) run(sql, format string, yield func(piece []byte) error) error {
	e := s.engine
	stream := e.streamQuery(*s.conn, unsafe.StringData(sql), uintptr(len(sql)), unsafe.StringData(format), uintptr(len(format)))
	runtime.KeepAlive(sql)
	defer e.destroyResult(stream)
	if text := e.resultError(stream); text != "" {
		if !strings.Contains(text, notStreamable) {
			return newException(text)
		}
		result := e.query(*s.conn, unsafe.StringData(sql), uintptr(len(sql)), unsafe.StringData(format), uintptr(len(format)))
		runtime.KeepAlive(sql)
		_, err := e.take(result, yield)
		return err
	}
	// Needed after the end too: a failed stream stays in system.processes until then.
	defer e.streamCancel(*s.conn, stream)
	for {
		if more, err := e.take(e.streamFetch(*s.conn, stream), yield); err != nil || !more {
			return err
		}
	}
}

// take yields a result and destroys it. It reports whether there can be more: a stream ends with a piece of which no
// rows were read, while one with an empty buffer may come before the end.
func (e *engine) take(result uintptr, yield func([]byte) error) (more bool, err error) {
	defer e.destroyResult(result)
	if text := e.resultError(result); text != "" {
		return false, newException(text)
	}
	if n := e.resultLength(result); n > 0 {
		if err := yield(unsafe.Slice(e.resultBuffer(result), n)); err != nil {
			return false, err
		}
		return true, nil
	}
	return e.resultRowsRead(result) > 0, nil
}

// exec runs statements whose result nobody needs.
func (s *session) exec(statements ...string) error {
	for _, sql := range statements {
		if err := s.run(sql, "Null", func([]byte) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}
