package emulator

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/body"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/latency"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/limit"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// A Server is one Dataverse environment and the Entra ID directory that its apps live in, at one address. It is an http.Handler, and
// safe for concurrent use. Make it with New.
type Server struct {
	config     Config
	servers    *limit.Servers
	clock      *latency.Clock
	workers    []chan struct{} // by web server; nil when unbounded
	identities *identities
	security   *security.Model
	directory  *entra.Directory
	journal    journal.Journal
	recent     exchanges
	ordered    atomic.Pointer[Faults] // by SetFaults; never nil
	seed       uuid.UUID
	currency   uuid.UUID // the base currency

	change       sync.RWMutex // held for writing by change sets, Reset and changes of metadata, for reading by everything else that touches rows
	*definitions              // guarded by change

	versions atomic.Uint64
	serials  atomic.Uint64
	guids    atomic.Uint64
	batches  atomic.Uint64
	calls    sync.Pool // of *call
}

// New returns a Server. Tables that schema.Table.Validate refuses, and keys or lookups that name what is not there, are a mistake in
// the program and panic; validate what comes from files first with Config.Validate.
func New(c Config) *Server {
	c = c.withDefaults()
	model, err := c.model()
	if err != nil {
		panic(err)
	}
	s := &Server{
		config: c, servers: limit.NewServers(c.Servers), clock: latency.New(c.Latency), workers: newWorkers(c.Servers, c.Latency.Workers),
		identities: newIdentities(c), security: model, directory: entra.New(c.directory()), seed: uuid.New(), currency: derived("currency", "USD"),
	}
	s.definitions = s.configured()
	s.journal.Limit = c.JournalLimit
	s.ordered.Store(&Faults{})
	s.calls.New = func() any { return newCall(s) }
	s.populate()
	return s
}

// Validate reports what New would panic about.
func (c Config) Validate() error {
	c = c.withDefaults()
	_, schemas := c.tables()
	_, model := c.model()
	return errors.Join(schemas, model, c.validateRules())
}

// newGUID returns ascending GUIDs, as Dataverse does, without asking for randomness each time.
func (s *Server) newGUID() uuid.UUID {
	id := s.seed
	n := s.guids.Add(1)
	binary.BigEndian.PutUint32(id[0:], uint32(n>>16))
	binary.BigEndian.PutUint16(id[4:], uint16(n))
	id[6], id[7] = 0xf0|id[6]&0x0f, 0x11
	return id
}

// ServeHTTP answers as Dataverse at /api/data/, and as Entra ID where that has its endpoints.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	rec := record(w, r)
	switch {
	case strings.HasPrefix(path, "/api/data"):
		defer s.recent.add(rec)
		s.serveData(rec, r)
	case s.directory.Handles(r):
		defer s.recent.add(rec)
		s.serveDirectory(rec, r)
	default:
		s.refuse(w, r, refusal.RouteMissing.Says("No HTTP resource was found that matches the request URI '%s'.", origin(r)+path), 0)
	}
}

// serveData answers a Web API request: who is it, may they, then do it.
func (s *Server) serveData(w *recorder, r *http.Request) {
	u := s.authenticate(w, r)
	if u == nil {
		return
	}
	c := s.calls.Get().(*call)
	defer s.calls.Put(c)
	c.begin(r, u, s.newGUID())
	c.web = s.route(w, r)
	c.budget = u.budgets[c.web]
	w.User, w.Server = u.app.ClientID, c.web

	start := time.Now()
	c.throttle = c.budget.Enter(start)
	switch {
	case c.throttle == nil:
		defer func() {
			end := time.Now()
			c.budget.Leave(end, s.took(c, end.Sub(start)))
		}()
	case !c.throttle.Inner || !isBatch(r):
		s.budgetHeaders(w, c.budget)
		t := throttled(c.throttle)
		s.refuse(w, r, t.failure, t.retryAfter)
		return
	}
	text, f := c.read(r, s.config.MaxBody)
	if f != nil {
		s.refuse(w, r, f, 0)
		return
	}
	s.answer(w, r, c, text)
}

// answer executes what the request holds and writes what came of it.
func (s *Server) answer(w *recorder, r *http.Request, c *call, text []byte) {
	info := Request{ID: c.id, User: c.user.app.ClientID, Operations: 1}
	var refused *refusal.Error
	if isBatch(r) {
		info.Batch = s.batches.Add(1)
		refused = c.readBatch(r, text)
		info.Operations = len(c.operations)
		w.Operations = info.Operations
	}
	c.request = info
	var fault Fault
	if fault = s.requestFault(r, info); fault != (Fault{}) {
		c.cost += fault.Delay
		if answer := fault.before(r.Context()); answer != nil {
			answer.annotate = wantsAnnotations([]byte(r.Header.Get("Prefer")))
			s.headers(w, c)
			answer.writeTo(w, c)
			return
		}
	}
	var answer *reply
	switch {
	case refused != nil:
		answer = &reply{failure: refused, status: refused.Status}
	case isBatch(r):
		answer = c.batch(r)
	default:
		answer = c.single(r, text)
	}
	s.elapse(r.Context(), c)
	s.wasCommitted(r, info)
	if fault.Kind == CutAfterCommit || answer.cut {
		abort()
	}
	s.headers(w, c)
	if fault.Kind == Truncate {
		answer.truncate = true
	}
	answer.writeTo(w, c)
}

// headers are those of section 2.3 and 5.2.
func (s *Server) headers(w http.ResponseWriter, c *call) {
	h := w.Header()
	h.Set("OData-Version", "4.0")
	h.Set("Allow", "OPTIONS,GET,HEAD,POST")
	h.Set("Cache-Control", "no-cache")
	h.Set("Expires", "-1")
	h["REQ_ID"] = []string{c.id.String()} // spelled as Dataverse does, past the canonical form
	h.Set("x-ms-service-request-id", c.id.String())
	h.Set("Access-Control-Expose-Headers", "Preference-Applied, OData-EntityId, Location, ETag, OData-Version, Content-Encoding, Transfer-Encoding, Content-Length, Retry-After")
	s.budgetHeaders(w, c.budget)
}

func isBatch(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/$batch") }

// refuse answers a request that was not let in.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, f *refusal.Error, retryAfter time.Duration) {
	w.Header()["REQ_ID"] = []string{s.newGUID().String()}
	w.Header().Set("OData-Version", "4.0")
	(&reply{failure: f, status: f.Status, retryAfter: retryAfter, annotate: wantsAnnotations([]byte(r.Header.Get("Prefer")))}).writeTo(w, nil)
}

// A call is the work on one HTTP request. It is reused, for the sake of its buffers.
type call struct {
	server  *Server
	user    *user            // whose token it is
	own     *security.Rights // of user, as of the beginning of the request
	actor   *user            // as whom the operation under way acts: user, unless it impersonates another
	rights  *security.Rights // of actor
	special bool             // the request has a header of those in special.go
	id      uuid.UUID
	request Request
	http    *http.Request
	root    []byte // http://host/api/data/v9.2/
	prefix  []byte // /api/data/v9.2/

	in         bytes.Buffer
	out        []byte
	scratch    []byte
	merged     []byte
	parts      []odata.KeyPart
	body       body.Body
	success    reply // of the operation under way: one at a time, so one is enough
	operations []batch.Operation

	web      int // the web server that answers
	budget   *limit.Budget
	throttle *limit.Throttle // every operation is refused with it: an inner 429
	cost     time.Duration   // what the request took so far, by the latency model
	bypassed bool            // the operation under way leaves plug-ins out

	set        int  // the change set under way, 0 for none
	nesting    int  // how deep in a deep insert
	closing    bool // an action that may close a row is under way
	detects    bool // the operation under way asks for duplicate detection
	locked     bool // a transaction has Server.change to itself
	references map[string]referenced
	faults     map[int]Fault // what the hook said about the operations of the change set, by index
	undo       []func()
	pending    []journal.Entry
}

// referenced is the row that a Content-ID stands for.
type referenced struct {
	table *store.Table
	id    uuid.UUID
	key   []byte // what stood between the parentheses; nil for the GUID
}

func newCall(s *Server) *call {
	c := &call{server: s}
	c.body.Rules = &body.Rules{
		Locate: c.locate, StrictReadOnly: s.config.Assumptions.StrictReadOnly, NoBindByNull: s.config.Assumptions.NoBindByNull,
	}
	return c
}

func (c *call) begin(r *http.Request, u *user, id uuid.UUID) {
	c.user, c.own, c.id, c.http = u, c.server.rights(u, r), id, r
	c.actor, c.rights, c.special = u, c.own, isSpecial(r.Header)
	c.throttle, c.cost, c.bypassed = nil, 0, false
	c.set, c.locked, c.references, c.faults = 0, false, nil, nil
	c.operations, c.out, c.undo, c.pending = c.operations[:0], c.out[:0], nil, nil
	path, _, _ := strings.Cut(strings.TrimPrefix(r.RequestURI, origin(r)), "?")
	version := "v9.2"
	if rest, ok := strings.CutPrefix(path, "/api/data/"); ok {
		if v, _, _ := strings.Cut(rest, "/"); validVersion(v) {
			version = v
		}
	}
	c.prefix = append(append(append(c.prefix[:0], "/api/data/"...), version...), '/')
	c.root = append(append(c.root[:0], origin(r)...), c.prefix...)
}

// validVersion reports whether v is v<Major>.<Minor>.
func validVersion(v string) bool {
	major, minor, ok := strings.Cut(strings.TrimPrefix(v, "v"), ".")
	if !ok || !strings.HasPrefix(v, "v") {
		return false
	}
	_, err1 := strconv.ParseUint(major, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	return err1 == nil && err2 == nil
}

// read takes the body in.
func (c *call) read(r *http.Request, limit int64) ([]byte, *refusal.Error) {
	c.in.Reset()
	if r.ContentLength > limit {
		return nil, refusal.RequestTooLarge.Says("Request message length is too large.")
	}
	_, err := c.in.ReadFrom(http.MaxBytesReader(nil, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refusal.RequestTooLarge.Says("Request message length is too large.")
	case err != nil && !errors.Is(err, io.EOF):
		return nil, refusal.BadPayload.Says("The request body ended early.")
	}
	return c.in.Bytes(), nil
}
