package dataverse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

const (
	window    = 64 << 10  // of an answer that is looked at; a line that is longer comes in pieces
	maxBody   = 256 << 10 // that is kept of the body of one error
	maxStream = 256 << 20 // of one answer: 1,000 errors at their longest
)

// parts reads the multipart answer to a batch as it arrives, through a window of fixed size. It copies nothing of a
// success, and does not trust the sender: every line could be the last.
type parts struct {
	in    *bufio.Reader
	delim []byte // "--" and the boundary
	body  []byte // of the error at hand
	mid   bool   // the next line is the rest of one that was longer than the window
	begun bool   // the first delimiter was found

	closed bool  // the closing delimiter was found
	err    error // why it ended before; nil at a proper end of the stream
}

// A part is the answer to one operation. It is good until the next is read.
type part struct {
	status     int  // 0 when it could not be read
	headed     bool // the header was read to its end
	bounded    bool // a delimiter followed, so it is whole
	retryAfter time.Duration
	requestID  string
	body       []byte // of an answer that is no success
}

func (c *Client) parts(r io.Reader, boundary string) *parts {
	p, ok := c.readers.Get().(*parts)
	if !ok {
		p = &parts{in: bufio.NewReaderSize(nil, window)}
	}
	p.reset(r, boundary)
	return p
}

func (r *parts) reset(in io.Reader, boundary string) {
	r.in.Reset(io.LimitReader(in, maxStream))
	r.delim = append(append(r.delim[:0], "--"...), boundary...)
	r.body, r.mid, r.begun, r.closed, r.err = r.body[:0], false, false, false, nil
}

// line gives the next line with its end, or a piece of one; first says that it is the beginning of a line. It is good
// until the next call.
func (r *parts) line() (text []byte, first, ok bool) {
	text, err := r.in.ReadSlice('\n')
	first, r.mid = !r.mid, errors.Is(err, bufio.ErrBufferFull)
	if err == nil || len(text) > 0 {
		return text, first, true
	}
	if !errors.Is(err, io.EOF) {
		r.err = err
	}
	return nil, false, false
}

// delimiter recognises the lines that part one answer from the next.
func (r *parts) delimiter(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, r.delim)
	if !ok {
		return false
	}
	rest = bytes.TrimRight(rest, " \t\r\n")
	switch {
	case len(rest) == 0:
		return true
	case len(rest) == 2 && rest[0] == '-' && rest[1] == '-':
		r.closed = true
		return true
	}
	return false
}

// What of a part comes next.
type section uint8

const (
	outerHeader section = iota
	statusLine
	innerHeader
	innerBody
)

// next reads one part into p. It reports false when there is none, or nothing of one.
func (r *parts) next(p *part) bool {
	for !r.begun {
		line, first, ok := r.line()
		if !ok {
			return false
		}
		r.begun = first && r.delimiter(line)
	}
	if r.closed {
		return false
	}
	*p = part{}
	r.body = r.body[:0]
	at, some := outerHeader, false
	for {
		line, first, ok := r.line()
		if !ok {
			p.body = r.body
			return some
		}
		if first && r.delimiter(line) {
			p.bounded, p.body = true, r.body
			return some || !r.closed // "--b", then "--b--" is no part
		}
		blank := first && (line[0] == '\n' || len(line) == 2 && line[0] == '\r')
		some = some || !blank
		switch at {
		case outerHeader:
			switch {
			case first && bytes.HasPrefix(line, []byte("HTTP/")): // there was no header
				p.status, at = readStatus(line), innerHeader
			case blank && some:
				at = statusLine
			}
		case statusLine:
			switch {
			case blank:
			case bytes.HasPrefix(line, []byte("HTTP/")):
				p.status, at = readStatus(line), innerHeader
			default: // no answer to an operation: of a change set, say, which we never send
				at = innerBody
			}
		case innerHeader:
			switch {
			case blank:
				p.headed, at = true, innerBody
			case first && !success(p.status):
				p.header(line)
			}
		case innerBody:
			if !success(p.status) && len(r.body)+len(line) <= maxBody {
				r.body = append(r.body, line...)
			}
		}
	}
}

// header keeps what is of use in a header of an error.
func (p *part) header(line []byte) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) > 32 {
		return
	}
	switch strings.ToLower(string(name)) {
	case "retry-after":
		p.retryAfter = retryAfter(string(bytes.TrimSpace(value)), "")
	case "req_id", "x-ms-service-request-id":
		id, _, _ := bytes.Cut(bytes.TrimSpace(value), []byte(","))
		p.requestID = string(id[:min(len(id), 64)])
	}
}

// readStatus finds the first number of three digits: "HTTP/ 1.1 200 OK" has been seen.
func readStatus(line []byte) int {
	digits, n := 0, 0
	for i, c := range line {
		switch {
		case c >= '0' && c <= '9' && (digits > 0 || i > 0 && line[i-1] == ' '):
			digits++
			n = n*10 + int(c-'0')
			if digits > 3 {
				return 0
			}
		case digits == 3 && (c == ' ' || c == '\r' || c == '\n') && n >= 100:
			return n
		default:
			digits, n = 0, 0
		}
	}
	return 0
}

func success(status int) bool { return status >= 200 && status < 300 }

// certain reports whether the part says what became of its operation: a refusal that was cut off does not.
func (p *part) certain() bool {
	return p.status != 0 && (p.bounded || p.headed && (success(p.status) || wholeError(p.body)))
}

// verdict says what the part means for the change that it answers.
func (p *part) verdict(s subject, request string) Verdict {
	if p.requestID == "" {
		p.requestID = request
	}
	certain := p.certain()
	switch {
	case certain && success(p.status):
		return Verdict{Kind: penstock.Fine}
	case !certain || p.status < 400:
		return Verdict{Kind: penstock.Unanswered, Cause: penstock.Cause{
			Class: penstock.Exhausted, Code: penstock.Unanswered.String(), Message: "this part of the answer could not be read",
			Status: p.status, RequestID: p.requestID,
		}}
	}
	f := s.classify(p.status, p.body)
	if f.kind == penstock.Fine {
		return Verdict{Kind: penstock.Fine}
	}
	f.cause.RequestID = p.requestID
	return Verdict{Kind: f.kind, Cause: f.cause}
}
