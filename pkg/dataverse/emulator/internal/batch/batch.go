// Package batch reads the multipart body of an OData $batch request, by hand and without copying: what it returns are slices of the body.
//
// It takes CRLF and, as Dataverse does, most bodies with bare LF; the one operation that Dataverse cannot read in those comes back Unreadable.
package batch

import (
	"bytes"
	"fmt"
	"mime"
)

// Limit is the greatest number of operations in a batch, and in a change set.
const Limit = 1000

// An Operation is one request inside a batch.
type Operation struct {
	Method, URL, Body []byte

	ContentID   []byte // of the part
	ContentType []byte // these six are headers of the embedded request; nil when absent
	Accept      []byte
	IfMatch     []byte
	IfNoneMatch []byte
	Prefer      []byte
	Suppress    []byte // MSCRM.SuppressDuplicateDetection
	rare        []byte // all headers, when one of them is an MSCRM one or of impersonation; see Header

	Set        int  // the change set it is in, from 1; 0 stands alone
	Unreadable bool // the last write of a body that does not end as Dataverse needs it to: "Stream was not readable."
}

// Rare reports whether the embedded request has headers that Header finds and the fields do not hold: MSCRM.…, MSCRMCallerID, CallerObjectId.
func (op *Operation) Rare() bool { return op.rare != nil }

// Header returns a header of the embedded request among those that Rare speaks of, nil when it is absent.
func (op *Operation) Header(name string) []byte {
	var found []byte
	_, _ = headers(op.rare, func(n, value []byte) { // they were read without an error before
		if is(n, name) {
			found = value
		}
	})
	return found
}

// A ReadError says why a body is not a batch. Its text is what the server answers.
type ReadError struct{ Reason string }

func (e *ReadError) Error() string { return e.Reason }

func invalid(format string, args ...any) error { return &ReadError{fmt.Sprintf(format, args...)} }

// Boundary returns the boundary of a multipart/mixed content type.
func Boundary(contentType string) (string, bool) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" || params["boundary"] == "" {
		return "", false
	}
	return params["boundary"], true
}

// Read appends the operations of body to ops, in order. The error is a *ReadError and concerns the batch as a whole.
func Read(body []byte, boundary string, ops []Operation) ([]Operation, error) {
	r := reader{ops: ops, start: len(ops)}
	if err := r.parts(body, delimiter(boundary), 0); err != nil {
		return r.ops, err
	}
	return r.ops, nil
}

type reader struct {
	ops   []Operation
	start int
	sets  int
}

// delimiter returns what starts each part: the line feed before it belongs to it.
func delimiter(boundary string) []byte { return []byte("\n--" + boundary) }

// parts reads the parts of one level: the batch (set 0) or a change set.
func (r *reader) parts(body, delim []byte, set int) error {
	rest, closing, found := first(body, delim)
	if !found {
		return invalid("The batch request has no part that starts with '%s'.", delim[1:])
	}
	for count := 1; !closing; count++ {
		if count > Limit || len(r.ops)-r.start >= Limit {
			return tooMany(set > 0 && count > Limit)
		}
		part, next, end := cut(rest, delim)
		if err := r.part(part, delim, set, end == open); err != nil {
			return err
		}
		if next == nil { // the body ends without a closing delimiter
			r.unreadable(set)
			return nil
		}
		if end.closes() {
			// Without a CRLF before and after the closing delimiter Dataverse loses the last write, unless two line ends follow
			// (SA:web-api-client-errors.md).
			if n := bytes.Count(next, []byte("\n")); n == 0 || end == closedBare && n < 2 {
				r.unreadable(set)
			}
			return nil
		}
		rest = next
	}
	return nil
}

// unreadable marks the last operation, when it is a write outside change sets.
func (r *reader) unreadable(set int) {
	if n := len(r.ops); set == 0 && n > r.start && r.ops[n-1].Set == 0 && len(r.ops[n-1].Body) > 0 {
		r.ops[n-1].Unreadable = true
	}
}

func tooMany(inSet bool) error {
	if inSet {
		return invalid("The current change set contains too many operations. A maximum number of '%d' operations are allowed in a change set", Limit)
	}
	return invalid("The current batch message contains too many parts. A maximum number of '%d' query operations and change sets are allowed in a batch message.", Limit)
}

// part reads one part: the headers of the envelope, then a request or, at the outer level, a change set.
func (r *reader) part(part, delim []byte, set int, unclosed bool) error {
	var contentType, contentID []byte
	rest, err := headers(part, func(name, value []byte) {
		switch {
		case is(name, "Content-Type"):
			contentType = value
		case is(name, "Content-ID"):
			contentID = value
		}
	})
	if err != nil {
		return err
	}
	if kind, _, _ := bytes.Cut(contentType, []byte(";")); is(bytes.TrimSpace(kind), "application/http") {
		op := Operation{ContentID: contentID, Set: set}
		if err := request(&op, rest, delim); err != nil {
			return err
		}
		op.Unreadable = unclosed && set == 0 && len(op.Body) > 0
		r.ops = append(r.ops, op)
		return nil
	}
	boundary, ok := Boundary(string(contentType))
	switch {
	case !ok:
		return invalid("The content type '%.100s' of a batch part is neither application/http nor multipart/mixed with a boundary.", contentType)
	case set > 0:
		return invalid("A nested change set was found. Change sets cannot contain change sets.")
	}
	r.sets++
	return r.parts(rest, delimiter(boundary), r.sets)
}

// request reads the embedded HTTP request, whose headers end with an empty line even when nothing but the delimiter follows.
func request(op *Operation, b, delim []byte) error {
	line, rest := line(b)
	method, target, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return invalid("The request line '%.200s' of a batch operation is invalid.", line)
	}
	target, protocol, _ := cutLast(target)
	if len(method) == 0 || len(target) == 0 || !bytes.HasPrefix(protocol, []byte("HTTP/")) {
		return invalid("The request line '%.200s' of a batch operation is invalid.", line)
	}
	op.Method, op.URL = method, target
	body, err := headers(rest, func(name, value []byte) {
		switch {
		case is(name, "Content-Type"):
			op.ContentType = value
		case is(name, "Accept"):
			op.Accept = value
		case is(name, "If-Match"):
			op.IfMatch = value
		case is(name, "If-None-Match"):
			op.IfNoneMatch = value
		case is(name, "Prefer"):
			op.Prefer = value
		case is(name, "MSCRM.SuppressDuplicateDetection"):
			op.Suppress = value
		case is(name, "Content-ID") && op.ContentID == nil:
			op.ContentID = value
		case prefixed(name, "MSCRM") || is(name, "CallerObjectId"):
			op.rare = rest
		}
	})
	op.Body = body
	// The line end before a delimiter belongs to it: without an empty line, the last line of the part has no end of its own.
	if head := b[:len(b)-len(body)]; err == nil && !bytes.HasSuffix(head, []byte("\n")) {
		return invalid("The message header '%s' is invalid. The header value must be of the format '<header name>: <header value>'.", delim[1:])
	}
	return err
}

// headers calls each for the header lines up to the empty one, and returns what follows it.
func headers(b []byte, each func(name, value []byte)) ([]byte, error) {
	for len(b) > 0 {
		var l []byte
		l, b = line(b)
		if len(l) == 0 {
			return b, nil
		}
		colon := bytes.IndexByte(l, ':')
		if colon <= 0 {
			return nil, invalid("The message header '%.100s' is invalid. The header value must be of the format '<header name>: <header value>'.", l)
		}
		each(l[:colon], bytes.TrimSpace(l[colon+1:]))
	}
	return nil, nil
}

// line cuts b after its first line end, CRLF or LF.
func line(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest
}

func cutLast(b []byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(b, ' ')
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}

// is compares ASCII names without case, cheaply where the lengths differ.
func is(b []byte, name string) bool {
	return len(b) == len(name) && bytes.EqualFold(b, []byte(name))
}

// prefixed compares the beginning of an ASCII name without case.
func prefixed(b []byte, prefix string) bool {
	return len(b) > len(prefix) && bytes.EqualFold(b[:len(prefix)], []byte(prefix))
}

// ending says how a part ended.
type ending int

const (
	open       ending = iota // the body ended
	followed                 // another part follows
	closedBare               // closing delimiter after a bare LF
	closed                   // closing delimiter after CRLF
)

func (e ending) closes() bool { return e == closed || e == closedBare }

// first skips the preamble and returns what follows the first delimiter.
func first(body, delim []byte) (rest []byte, closing, found bool) {
	if bytes.HasPrefix(body, delim[1:]) {
		if rest, closing, ok := after(body[len(delim)-1:]); ok {
			return rest, closing, true
		}
	}
	_, rest, end := cut(body, delim)
	return rest, end.closes(), end != open
}

// cut splits b at the next delimiter line; part is without the line end that belongs to the delimiter.
func cut(b, delim []byte) (part, rest []byte, end ending) {
	for at := 0; ; {
		i := bytes.Index(b[at:], delim)
		if i < 0 {
			return b, nil, open
		}
		i += at
		rest, closing, ok := after(b[i+len(delim):])
		if !ok { // a longer boundary with this one as its beginning
			at = i + 1
			continue
		}
		part, end := b[:i], closedBare
		if i > 0 && b[i-1] == '\r' {
			part, end = b[:i-1], closed
		}
		if !closing {
			end = followed
		}
		return part, rest, end
	}
}

// after reads what follows a boundary on its line.
func after(b []byte) (rest []byte, closing, ok bool) {
	if bytes.HasPrefix(b, []byte("--")) {
		return b[2:], true, true
	}
	for i, c := range b {
		switch c {
		case ' ', '\t', '\r':
		case '\n':
			return b[i+1:], false, true
		default:
			return nil, false, false
		}
	}
	return b[len(b):], false, true
}
