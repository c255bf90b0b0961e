package chdb

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
)

// handler is ClickHouse's HTTP interface, as far as clickhouse-go (and curl) use it.
type handler struct {
	engine   *engine
	running  *running
	spool    string // folder for data on its way in
	password string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-ClickHouse-Server-Display-Name", "chdb")
	switch {
	case r.URL.Path == "/ping":
		_, _ = io.WriteString(w, "Ok.\n") // whoever went away needs no answer
		return
	case !h.allowed(r):
		refuse(w, http.StatusForbidden, raise(authenticationFailed, "AUTHENTICATION_FAILED",
			"%s: Authentication failed: password is incorrect, or there is no user with such name", user))
		return
	case r.URL.Path != "/":
		http.NotFound(w, r)
		return
	}
	req, err := newRequest(r, h.spool)
	defer func() { _ = req.close() }() // what stays is removed at the next start
	if err != nil {
		refuse(w, http.StatusBadRequest, asException(err))
		return
	}
	if req.id == "" {
		req.id = rand.Text()
	}
	w.Header().Set("X-ClickHouse-Query-Id", req.id)
	out := newResponse(w, req)
	if err := h.execute(r.Context(), req, out); err != nil {
		out.fail(err)
		return
	}
	out.end()
}

// allowed checks the password, wherever ClickHouse's clients put it.
func (h *handler) allowed(r *http.Request) bool {
	name, password, ok := r.BasicAuth()
	if !ok {
		name, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	}
	if name == "" && password == "" {
		name, password = r.URL.Query().Get("user"), r.URL.Query().Get("password")
	}
	return (name == user || name == "") && subtle.ConstantTimeCompare([]byte(password), []byte(h.password)) == 1
}

// execute runs a request in a session of its own. When ctx ends, that is when the client has gone, the statement is killed.
func (h *handler) execute(ctx context.Context, req *request, out *response) error {
	mark, err := h.running.add(req.id)
	if err != nil {
		return err
	}
	defer h.running.remove(req.id)
	sql, err := h.running.translate(req.sql, req.params)
	if err != nil {
		return err
	}
	s, err := h.engine.session()
	if err != nil {
		return err
	}
	defer s.close()

	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		h.running.watch(ctx, mark, done)
	}()
	defer func() { close(done); <-watched }()

	if err := req.prepare(s, mark); err != nil {
		return err
	}
	return s.run(sql, req.format, func(piece []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return out.write(piece)
	})
}

// namedFormat finds the format that a statement names itself.
var namedFormat = regexp.MustCompile(`(?is)\bFORMAT\s+(\w+)(\s+SETTINGS\s[^()]*)?\s*;?\s*$`)

// response writes a result. The status is held back until there is something to send, so that an exception before that
// still gets its own.
type response struct {
	http    http.ResponseWriter
	header  func()
	tag     string
	started bool
	body    io.Writer
	gzip    *gzip.Writer
	blocks  *transcoder // nil where bytes go out as they come
}

func newResponse(w http.ResponseWriter, req *request) *response {
	format := req.format
	if m := namedFormat.FindStringSubmatch(req.sql); m != nil {
		format = m[1]
	}
	out := &response{http: w, body: w, tag: rand.Text()[:16]}
	out.header = func() {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("X-ClickHouse-Format", format)
		w.Header().Set("X-ClickHouse-Exception-Tag", out.tag)
		w.Header().Set("X-ClickHouse-Summary", `{"read_rows":"0","read_bytes":"0","written_rows":"0","written_bytes":"0"}`)
		if out.gzip != nil {
			w.Header().Set("Content-Encoding", "gzip")
		}
	}
	if req.gzip {
		out.gzip = gzip.NewWriter(w)
		out.body = out.gzip
	}
	if format == "Native" && (req.revision > 0 || req.compress) {
		out.blocks = newTranscoder(req.revision)
	}
	if req.compress {
		if out.blocks == nil {
			out.blocks = &transcoder{verbatim: true}
		}
		out.blocks.compressor = newCompressor(req.method)
	}
	return out
}

func (out *response) start() {
	if !out.started {
		out.started = true
		out.header()
		out.http.WriteHeader(http.StatusOK)
	}
}

// write sends a piece of a result, and sees it off.
func (out *response) write(piece []byte) error {
	var err error
	if out.blocks == nil {
		out.start()
		_, err = out.body.Write(piece)
	} else {
		var encoded []byte
		if encoded, err = out.blocks.encode(piece); err != nil {
			return err
		}
		out.start()
		_, err = out.body.Write(encoded)
	}
	if err != nil {
		return err
	}
	if out.gzip != nil {
		if err := out.gzip.Flush(); err != nil {
			return err
		}
	}
	if err := http.NewResponseController(out.http).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// end ends a whole result.
func (out *response) end() {
	out.start()
	if out.gzip != nil {
		_ = out.gzip.Close() // a client that has gone needs no end
	}
}

// fail ends a result with an exception.
func (out *response) fail(err error) {
	e := asException(err)
	if !out.started {
		refuse(out.http, http.StatusInternalServerError, e)
		return
	}
	// The frame makes the body undecodable as well as readable, and gzip gets its end so that the frame can be read.
	_, err = out.body.Write(e.frame(out.tag))
	if out.gzip != nil {
		err = errors.Join(err, out.gzip.Close())
	}
	if err != nil {
		panic(http.ErrAbortHandler) // cut the connection: a half answer must not look whole
	}
}

// refuse answers with an exception and nothing else.
func refuse(w http.ResponseWriter, status int, e *exception) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, e.text+"\n") // whoever went away needs no answer
}
