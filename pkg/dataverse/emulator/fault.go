package emulator

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
)

// Faults are the hooks by which a test or a demo makes the Server misbehave. Each may be nil; each is called from many goroutines at once.
type Faults struct {
	// Request is called for every authenticated request to the Web API, after its body was read and before anything was executed.
	Request func(*http.Request, Request) Fault
	// Operation is called before each operation: the request itself, or each part of a batch. Rows are locked meanwhile: it must not call methods
	// of the Server that look at them or change them (Row, Count, Reset …), which would wait for ever; the other hooks may.
	Operation func(Operation) Fault
	// Committed is called after everything in a request was committed, and before a byte of the answer is written: the moment in which a client's
	// process can be killed between commit and acknowledgement.
	Committed func(*http.Request, Request)
	// Token is called for every request to the token endpoint. A refusal whose Code is an AADSTS number (AADSTS50196) is answered as Entra does,
	// with status and text of its own where Status and Message leave them open.
	Token func(*http.Request) Fault
}

// A Request is what hooks learn about an HTTP request.
type Request struct {
	ID         uuid.UUID // REQ_ID of the answer
	User       string    // client id of the app
	Batch      uint64    // number of the batch, from 1; 0 when it is none
	Operations int       // in the batch; 1 when it is none
}

// An Operation is what hooks learn about one operation.
type Operation struct {
	Request
	Index  int    // in the batch, from 0
	Method string // GET, POST, PATCH, PUT, DELETE
	Table  string // logical name; empty when the URL names no table
	Key    string // between the parentheses, as sent
	Body   []byte // only for the length of the call
}

// A Fault says what goes wrong. The zero value is: nothing.
type Fault struct {
	Delay      time.Duration // before all else
	Kind       FaultKind
	Status     int           // Refuse
	Code       string        // Refuse: 0x80044150
	Message    string        // Refuse
	Trace      string        // Refuse: what a plug-in wrote into its trace, for clients that ask for annotations
	RetryAfter time.Duration // Refuse: header Retry-After, in whole seconds
}

// FaultKind is the way in which something goes wrong.
type FaultKind int

// The kinds of fault. An operation's Cut and Hang concern the HTTP request that it is in; what was committed before it stays. While a fault of an
// operation in a change set takes its time, nothing of the change set is done, and nobody else waits for it.
const (
	NoFault        FaultKind = iota
	Refuse                   // answer Status, Code and Message without executing
	BadGateway               // 502 with an HTML page, without executing
	Hang                     // say nothing until the client gives up
	Cut                      // cut the connection before executing
	CutAfterCommit           // execute, then cut the connection without an answer
	Truncate                 // execute, then end the answer in the middle: of the body, or of the operation's part
)

// SetFaults replaces the hooks that the last SetFaults set, at once. Those of Config.Faults are asked first, and stay.
func (s *Server) SetFaults(f Faults) { s.ordered.Store(&f) }

// requestFault asks the hooks about a request.
func (s *Server) requestFault(r *http.Request, info Request) (f Fault) {
	if hook := s.config.Faults.Request; hook != nil {
		f = hook(r, info)
	}
	if hook := s.ordered.Load().Request; hook != nil && f == (Fault{}) {
		f = hook(r, info)
	}
	return f
}

// tokenFault asks the hooks about a request to the token endpoint.
func (s *Server) tokenFault(r *http.Request) (f Fault) {
	if hook := s.config.Faults.Token; hook != nil {
		f = hook(r)
	}
	if hook := s.ordered.Load().Token; hook != nil && f == (Fault{}) {
		f = hook(r)
	}
	if f.Kind == Hang { // net/http notices that a client has gone only when the body was read
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
	}
	return f
}

// wasCommitted tells the hooks that a request is committed.
func (s *Server) wasCommitted(r *http.Request, info Request) {
	if hook := s.config.Faults.Committed; hook != nil {
		hook(r, info)
	}
	if hook := s.ordered.Load().Committed; hook != nil {
		hook(r, info)
	}
}

const gatewayPage = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"

// pause waits for d, or until the client has gone.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// abort ends the connection without an answer, in the way that net/http provides for it.
func abort() { panic(http.ErrAbortHandler) }

// before carries out what a fault does before execution. A reply means: do not execute, answer this.
func (f Fault) before(ctx context.Context) *reply {
	pause(ctx, f.Delay)
	switch f.Kind {
	case Refuse:
		refusal := refusal.Kind{Code: f.Code, Name: "", Status: f.Status}.Says("%s", f.Message)
		if f.Trace != "" {
			refusal = refusal.With("TraceText", f.Trace)
		}
		return &reply{failure: refusal, status: f.Status, retryAfter: f.RetryAfter}
	case BadGateway:
		return &reply{status: http.StatusBadGateway, contentType: "text/html", body: []byte(gatewayPage)}
	case Hang:
		<-ctx.Done()
		abort()
	case Cut:
		abort()
	case NoFault, CutAfterCommit, Truncate: // executed first
	}
	return nil
}
