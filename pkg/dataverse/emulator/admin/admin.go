// Package admin serves an emulator together with what people and test suites of any language need to steer it: a JSON API below /emulator/,
// and the page at /. It is meant for a trusted network: who reaches it may do everything.
//
//	GET    /emulator                      what it is: URLs, tenants, users
//	POST   /emulator/reset                remove all rows, the journal, spent budgets and fault orders
//	GET    /emulator/faults               the fault orders, and the faults that can be ordered
//	POST   /emulator/faults               place a faults.Order
//	DELETE /emulator/faults[/{id}]        take one back, or all
//	GET    /emulator/journal              committed writes, one JSON object a line; ?after=seq, ?table=, ?key=, ?follow=1 goes on for ever.
//	                                      The header Emulator-Dropped says how many of the oldest are gone
//	POST   /emulator/snapshot             download all rows as they are, as a compressed stream
//	PUT    /emulator/snapshot             restore an uploaded one
//	GET    /emulator/snapshots            names of the snapshots in memory
//	POST   /emulator/snapshots/{name}     take one
//	PUT    /emulator/snapshots/{name}     restore it
//	DELETE /emulator/snapshots/{name}     forget it
//	GET    /emulator/requests             the last 200 requests
//	GET    /emulator/budgets              what each application user has left on each web server
//	PATCH  /emulator/users/{user}         change a user: see User. It is named by an app's client id, its name or its systemuserid
//	GET    /emulator/security             business units, roles, teams and column security profiles
//	PUT    /emulator/roles/{name}         make or change a role: {"all": "None", "privileges": {"prvReadContact": "Basic"}}
//	PUT    /emulator/teams/{name}         make or change a team: {"unit": "", "roles": ["Sales"]}
//	PATCH  /emulator/organization         {"state": "enabled"}, administration or disabled
//	POST   /emulator/tokens/revoke        make all tokens that were issued invalid
//
// What is refused is answered with 4xx and {"error": "…"}: a name that nothing has, too, as what is misspelt would never have an effect. No
// write is taken from pages of other origins.
package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/page"
)

// A Handler serves an emulator and the means to steer it. Make it with New.
type Handler struct {
	server *emulator.Server
	faults *faults.Orders
	mux    *http.ServeMux
	done   <-chan struct{}

	mu        sync.Mutex
	snapshots map[string]*emulator.Snapshot
}

// New returns a Handler for all requests to the emulator. Streams that would go on for ever end when done is closed.
func New(s *emulator.Server, orders *faults.Orders, done <-chan struct{}) *Handler {
	h := &Handler{server: s, faults: orders, mux: http.NewServeMux(), done: done, snapshots: map[string]*emulator.Snapshot{}}
	for pattern, f := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /emulator":                     h.about,
		"POST /emulator/reset":              h.reset,
		"GET /emulator/faults":              h.listFaults,
		"POST /emulator/faults":             h.placeFault,
		"DELETE /emulator/faults":           h.clearFaults,
		"DELETE /emulator/faults/{id}":      h.cancelFault,
		"GET /emulator/journal":             h.journal,
		"POST /emulator/snapshot":           h.download,
		"PUT /emulator/snapshot":            h.upload,
		"GET /emulator/snapshots":           h.listSnapshots,
		"POST /emulator/snapshots/{name}":   h.takeSnapshot,
		"PUT /emulator/snapshots/{name}":    h.restoreSnapshot,
		"DELETE /emulator/snapshots/{name}": h.forgetSnapshot,
		"GET /emulator/requests":            h.requests,
		"GET /emulator/budgets":             h.budgets,
		"PATCH /emulator/users/{user}":      h.changeUser,
		"GET /emulator/security":            h.security,
		"PUT /emulator/roles/{name}":        h.setRole,
		"PUT /emulator/teams/{name}":        h.setTeam,
		"PATCH /emulator/organization":      h.changeOrganization,
		"POST /emulator/tokens/revoke":      h.revokeTokens,
		"/emulator/":                        h.missing,
	} {
		h.mux.Handle(pattern, http.NewCrossOriginProtection().Handler(answering(f)))
	}
	view := page.New(s, orders)
	for _, pattern := range page.Patterns() {
		h.mux.Handle(pattern, view)
	}
	return h
}

// ServeHTTP passes to the emulator what is neither of the API nor of the page.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A mux would redirect paths that it finds untidy, and Dataverse's keys may look so.
	if _, pattern := h.mux.Handler(r); pattern == "" {
		h.server.ServeHTTP(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// A refusal is what the client did wrong.
type refusal struct {
	status int
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }

func (r *refusal) Unwrap() error { return r.err }

func refuse(status int, err error) error { return &refusal{status, err} }

// answering makes a handler of f, whose error becomes the answer.
func answering(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		err := f(w, r)
		if err == nil {
			return
		}
		status := http.StatusInternalServerError
		var mine *refusal
		if errors.As(err, &mine) {
			status = mine.status
		}
		_ = write(w, status, map[string]string{"error": err.Error()}) // the client may be gone
	})
}

func write(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// read takes one JSON document without unknown names.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return refuse(http.StatusBadRequest, fmt.Errorf("the body is not the JSON that belongs here: %w", err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, errors.New("the body goes on after its JSON document; send one document alone"))
	}
	return nil
}

func done(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) missing(http.ResponseWriter, *http.Request) error {
	return refuse(http.StatusNotFound, errors.New("there is nothing at this address by this method; GET /emulator tells what there is"))
}

func (h *Handler) reset(w http.ResponseWriter, _ *http.Request) error {
	h.faults.Clear()
	h.server.Reset()
	return done(w)
}

func (h *Handler) listFaults(w http.ResponseWriter, _ *http.Request) error {
	return write(w, http.StatusOK, map[string]any{"orders": h.faults.List(), "known": faults.Known()})
}

func (h *Handler) placeFault(w http.ResponseWriter, r *http.Request) error {
	var o faults.Order
	if err := read(r, &o); err != nil {
		return err
	}
	placed, err := h.faults.Place(o)
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	return write(w, http.StatusCreated, placed)
}

func (h *Handler) clearFaults(w http.ResponseWriter, _ *http.Request) error {
	h.faults.Clear()
	return done(w)
}

func (h *Handler) cancelFault(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || !h.faults.Cancel(id) {
		return refuse(http.StatusNotFound, fmt.Errorf("there is no fault order %q; GET /emulator/faults lists them", r.PathValue("id")))
	}
	return done(w)
}

// download is a POST, since it is not cheap, and stops all writers for a moment.
func (h *Handler) download(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="emulator.snapshot"`)
	if err := h.server.Snapshot().Write(w); err != nil {
		panic(http.ErrAbortHandler) // half of it is under way: the client must not take it for whole
	}
	return nil
}

func (h *Handler) upload(w http.ResponseWriter, r *http.Request) error {
	p, err := emulator.ReadSnapshot(r.Body)
	if err == nil {
		err = h.server.Restore(p)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	return done(w)
}

func (h *Handler) listSnapshots(w http.ResponseWriter, _ *http.Request) error {
	type entry struct {
		Name string `json:"name"`
		Rows int    `json:"rows"`
	}
	h.mu.Lock()
	list := []entry{}
	for _, name := range slices.Sorted(maps.Keys(h.snapshots)) {
		list = append(list, entry{name, h.snapshots[name].Rows()})
	}
	h.mu.Unlock()
	return write(w, http.StatusOK, list)
}

func (h *Handler) takeSnapshot(w http.ResponseWriter, r *http.Request) error {
	p := h.server.Snapshot()
	h.mu.Lock()
	h.snapshots[r.PathValue("name")] = p
	h.mu.Unlock()
	return done(w)
}

func (h *Handler) snapshot(r *http.Request) (*emulator.Snapshot, error) {
	name := r.PathValue("name")
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.snapshots[name]
	if p == nil {
		return nil, refuse(http.StatusNotFound, fmt.Errorf("there is no snapshot %q; POST takes it", name))
	}
	return p, nil
}

func (h *Handler) restoreSnapshot(w http.ResponseWriter, r *http.Request) error {
	p, err := h.snapshot(r)
	if err != nil {
		return err
	}
	if err := h.server.Restore(p); err != nil {
		return err
	}
	return done(w)
}

func (h *Handler) forgetSnapshot(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.snapshot(r); err != nil {
		return err
	}
	h.mu.Lock()
	delete(h.snapshots, r.PathValue("name"))
	h.mu.Unlock()
	return done(w)
}
