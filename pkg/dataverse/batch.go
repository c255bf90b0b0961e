package dataverse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Verdict is what became of one change. The cause of one that is Fine is empty.
type Verdict struct {
	Kind  penstock.Kind
	Cause penstock.Cause
}

// An Answer is what became of a batch.
type Answer struct {
	Verdicts  []Verdict     // one per change, by position, whatever happened
	Elapsed   time.Duration // from sending to the end of the answer; 0 when nothing was sent
	Limits    Limits
	RequestID string

	// Fault is that of the whole request, nil when verdicts were read. With a fault every verdict is of its kind. Of an
	// answer that breaks off, the verdicts that came are kept, and the others are Unanswered.
	Fault *penstock.Error
}

// Batch sends changes of one table (its logical name, as Dataverse's messages spell it) in one $batch request, at most
// [penstock.MaxChanges], as operations that stand alone: each succeeds or fails for itself. How they are to be executed
// goes with every one of them: nothing says that Dataverse would take it from the request as a whole.
//
// The verdict on a change is Fine also where Dataverse says no but there is nothing left to do: a removal of a record
// that does not exist, a create that an earlier request of ours has carried out. Unanswered stands for everything that
// is not certain. An Update whose record is missing is a RowFault of class reference without a Target.
func (c *Client) Batch(ctx context.Context, table string, how penstock.Execution, changes []penstock.Change) Answer {
	a := Answer{Verdicts: make([]Verdict, len(changes)), Limits: Limits{RequestsLeft: -1, SecondsLeft: -1}}
	if len(changes) == 0 {
		return a
	}
	op := "dataverse: batch of " + table
	if err := sendable(how, changes); err != nil {
		a.fail(&penstock.Error{Op: op, Kind: penstock.SystemFault, Err: err, Hint: hintDefect}, penstock.Cause{})
		return a
	}
	buffer := c.buffer()
	body := &payload{data: appendBatch((*buffer)[:0], c.boundary, c.root.Path, headersOf(how), changes)}
	header := http.Header{
		"Content-Type": {`multipart/mixed; boundary="` + c.boundary + `"`},
		"Accept":       {"application/json"},
		"Prefer":       {"odata.continue-on-error"},
	}
	fault := c.exchange(ctx, op, http.MethodPost, c.root.String()+"$batch", body, header, func(resp *http.Response) *penstock.Error {
		c.read(&a, op, table, changes, resp)
		return nil
	})
	if fault != nil {
		a.fail(fault, penstock.Cause{})
	}
	a.Elapsed = body.elapsed()
	*buffer = body.release()
	c.keep(buffer)
	return a
}

func sendable(how penstock.Execution, changes []penstock.Change) error {
	for _, step := range how.BypassSteps {
		if !plainGUID.MatchString(step) {
			return fmt.Errorf("%q is not the GUID of a plug-in step", step)
		}
	}
	if len(changes) > penstock.MaxChanges {
		return fmt.Errorf("%d changes are more than the %d that a batch takes", len(changes), penstock.MaxChanges)
	}
	for i := range changes {
		if !changes[i].Operation.Known() || changes[i].Address == "" {
			return fmt.Errorf("change %d has operation %q and address %q", i, changes[i].Operation, changes[i].Address)
		}
	}
	return nil
}

// fail gives every change the verdict of a fault of the whole request.
func (a *Answer) fail(fault *penstock.Error, cause penstock.Cause) {
	a.Fault = fault
	if cause.Class == "" {
		cause.Class = penstock.Exhausted
		if fault.Kind == penstock.SystemFault {
			cause.Class = penstock.Permission // of token, certificate or address: an administrator's to mend
		}
	}
	if cause.Code == "" {
		if cause.Code = fault.Code; cause.Code == "" {
			cause.Code = fault.Kind.String()
		}
	}
	if cause.Message == "" && fault.Err != nil {
		cause.Message = clean(fault.Err.Error())
	}
	for i := range a.Verdicts {
		a.Verdicts[i] = Verdict{Kind: fault.Kind, Cause: cause}
	}
}

// read takes the answer to a batch apart. What it is, its content type decides, not its status: 400 comes with verdicts
// in it too.
func (c *Client) read(a *Answer, op, table string, changes []penstock.Change, resp *http.Response) {
	a.Limits, a.RequestID = readLimits(resp.Header), requestID(resp.Header)
	kind, parameters, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "multipart/mixed" || err != nil || parameters["boundary"] == "" {
		a.rejected(op, resp)
		return
	}
	in := c.parts(resp.Body, parameters["boundary"])
	defer c.readers.Put(in)
	var (
		p       part
		n       int
		carried int  // parts at the beginning that say that their operation was carried out …
		stopped bool // … and the last part is the refusal behind them
	)
	for n <= len(changes) && in.next(&p) {
		if n < len(changes) {
			s := subject{table: table, operation: changes[n].Operation, address: changes[n].Address}
			a.Verdicts[n] = p.verdict(s, a.RequestID)
			if cause := &a.Verdicts[n].Cause; cause.Target != "" && cause.Column == "" {
				cause.Column = boundColumn(changes[n].Body, cause.Target)
			}
			a.Limits.RetryAfter = max(a.Limits.RetryAfter, p.retryAfter)
			stopped = carried == n && p.certain() && p.status >= http.StatusBadRequest
			if carried == n && p.certain() && success(p.status) {
				carried++
			}
		}
		n++
	}
	why := "the answer broke off"
	if in.err != nil {
		why += ": " + clean(in.err.Error())
	}
	rest := Verdict{Kind: penstock.Unanswered}
	switch {
	case n == len(changes):
		return
	case n > len(changes):
		// Which verdict is whose can no longer be told.
		a.unanswered(op, fmt.Errorf("the answer has more parts than the %d changes of the batch", len(changes)))
		return
	case n == 0:
		a.unanswered(op, errors.New(why))
		return
	case resp.StatusCode == http.StatusBadRequest && in.closed && stopped:
		// It stopped at the first failure, although asked to go on. A delete of what is gone is one too.
		why, rest.Kind = "Dataverse stopped at an earlier failure", penstock.NotExecuted
	case in.closed:
		why = fmt.Sprintf("the answer has %d parts for %d changes", n, len(changes))
	}
	rest.Cause = penstock.Cause{
		Class: penstock.Exhausted, Code: rest.Kind.String(), Message: why, Status: resp.StatusCode, RequestID: a.RequestID,
	}
	for i := n; i < len(changes); i++ {
		a.Verdicts[i] = rest
	}
}

func (a *Answer) unanswered(op string, err error) {
	a.fail(&penstock.Error{Op: op, Kind: penstock.Unanswered, Err: err}, penstock.Cause{RequestID: a.RequestID})
}

// rejected understands an answer without verdicts.
func (a *Answer) rejected(op string, resp *http.Response) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil && resp.StatusCode != http.StatusTooManyRequests {
		a.fail(unreachable(op, err, true), penstock.Cause{Status: resp.StatusCode})
		return
	}
	r := refusal(op, resp, body)
	switch status := resp.StatusCode; {
	case status < 300:
		r.fault.Kind, r.fault.Hint = penstock.Unanswered, "does a proxy stand between, which answers itself?"
		r.fault.Err = fmt.Errorf("HTTP %d without verdicts, of content type %.100q", status, resp.Header.Get("Content-Type"))
		r.cause.Message = ""
	case
		status == http.StatusRequestTimeout,
		status >= 500 && status != http.StatusServiceUnavailable && r.fault.Kind != penstock.Throttled && r.fault.Kind != penstock.SystemFault:
		// A gateway gave up, a proxy answered in its stead, or it failed midway: it may be at work on it still.
		r.fault.Kind = penstock.Unanswered
	case r.fault.Kind == penstock.RowFault || r.fault.Kind == penstock.Race:
		// Something in it made the whole of it unreadable. Smaller pieces show which change it is.
		if len(a.Verdicts) > 1 {
			r.fault.Kind = penstock.TooMuch
		} else {
			r.fault.Kind = penstock.RowFault
		}
	}
	a.fail(r.fault, r.cause)
}

// headersOf writes how changes are to be executed as headers of an operation (reference "Request headers").
func headersOf(how penstock.Execution) string {
	var h strings.Builder
	set := func(name, value string) { h.WriteString("MSCRM." + name + ": " + value + "\r\n") }
	switch {
	case how.BypassSync && how.BypassAsync:
		set("BypassBusinessLogicExecution", "CustomSync,CustomAsync")
	case how.BypassSync:
		set("BypassBusinessLogicExecution", "CustomSync")
	case how.BypassAsync:
		set("BypassBusinessLogicExecution", "CustomAsync")
	}
	if len(how.BypassSteps) > 0 {
		set("BypassBusinessLogicExecutionStepIds", strings.Join(how.BypassSteps, ","))
	}
	if how.BypassFlows {
		set("SuppressCallbackRegistrationExpanderJob", "true")
	}
	if how.DetectDuplicates {
		set("SuppressDuplicateDetection", "false")
	}
	return h.String()
}

// appendBatch frames changes as a multipart body. path is that of the API root, headers go with each operation. Every
// line ends in CRLF: with less, Dataverse does not find the end of the last operation.
func appendBatch(b []byte, boundary, path, headers string, changes []penstock.Change) []byte {
	for i := range changes {
		ch := &changes[i]
		b = append(b, "--"...)
		b = append(b, boundary...)
		b = append(b, "\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"...)
		switch ch.Operation {
		case penstock.Upsert, penstock.Update, penstock.Deactivate, penstock.Clear, penstock.Restore:
			b = append(b, "PATCH "...)
		case penstock.Create:
			b = append(b, "POST "...)
		case penstock.Delete:
			b = append(b, "DELETE "...)
		}
		b = append(b, path...)
		b = appendAddress(b, ch.Address)
		switch ch.Operation {
		case penstock.Delete:
			b = append(b, " HTTP/1.1\r\n"...)
			b = append(b, headers...)
			b = append(b, "\r\n\r\n"...)
			continue
		case penstock.Update, penstock.Deactivate, penstock.Clear:
			b = append(b, " HTTP/1.1\r\nContent-Type: application/json\r\nIf-Match: *\r\n"...)
		case penstock.Upsert, penstock.Create, penstock.Restore:
			b = append(b, " HTTP/1.1\r\nContent-Type: application/json\r\n"...)
		}
		b = append(b, headers...)
		b = append(b, "\r\n"...)
		b = append(b, ch.Body...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "--"...)
	b = append(b, boundary...)
	return append(b, "--\r\n"...)
}

// appendAddress appends an address that is encoded already. What would end the request line is encoded nevertheless, so
// that no key can become a header or an operation of its own.
func appendAddress(b []byte, address string) []byte {
	const hex = "0123456789ABCDEF"
	clean := 0
	for i := range len(address) {
		if c := address[i]; c <= ' ' || c >= 0x7f {
			b = append(append(b, address[clean:i]...), '%', hex[c>>4], hex[c&15])
			clean = i + 1
		}
	}
	return append(b, address[clean:]...)
}

// A payload is the body of a request in a buffer that is used again. net/http may go on reading a body after it has
// returned the answer; nothing does after release.
type payload struct {
	mu    sync.Mutex
	data  []byte
	begun time.Time // when the transport first read of it
}

var errReleased = errors.New("the body was given up")

// attach makes p the body of a request.
func (p *payload) attach(req *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = time.Time{}
	req.ContentLength = int64(len(p.data))
	req.Body = &payloadReader{payload: p}
	// For a kept connection that turns out to be closed before anything was written to it.
	req.GetBody = func() (io.ReadCloser, error) { return &payloadReader{payload: p}, nil }
}

// touched reports whether anything of it may have been sent.
func (p *payload) touched() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.begun.IsZero()
}

// elapsed is the time since it began to be sent, for the last of its requests.
func (p *payload) elapsed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun.IsZero() {
		return 0
	}
	return time.Since(p.begun)
}

func (p *payload) release() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	data := p.data
	p.data = nil
	return data
}

type payloadReader struct {
	*payload
	at int
}

// Read gives the next bytes, and notes that sending has begun.
func (r *payloadReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.data == nil:
		return 0, errReleased
	case r.at == len(r.data):
		return 0, io.EOF
	case r.at == 0:
		r.begun = time.Now()
	}
	n := copy(b, r.data[r.at:])
	r.at += n
	return n, nil
}

// Close does nothing: release ends the use of the buffer.
func (r *payloadReader) Close() error { return nil }

// maxKept is the capacity from which a buffer is left to the garbage collector.
const maxKept = 4 << 20

func (c *Client) buffer() *[]byte {
	if b, ok := c.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (c *Client) keep(b *[]byte) {
	if cap(*b) <= maxKept {
		c.buffers.Put(b)
	}
}
