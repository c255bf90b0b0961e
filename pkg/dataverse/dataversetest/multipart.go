package dataversetest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// This file frames and reads $batch by hand (sections 3.1 and 3.2): a case can take the text and break it, and what comes back is read
// as strictly as the reference's grammar is.

const continueOnError = "Prefer: odata.continue-on-error"

// op is one operation of a batch, as a part without its delimiter. The URL is relative to the root, and is sent relative to the server.
func op(method, url, body string, headers ...string) string {
	return opAt(method, "{path}"+url, body, headers...)
}

// opAt is an operation with the URL as given.
func opAt(method, url, body string, headers ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n")
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, url)
	if body != "" {
		b.WriteString("Content-Type: application/json; type=entry\r\n")
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body + "\r\n")
	return b.String()
}

// set is a change set of operations, with Content-IDs from 1.
func set(operations ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=\"changeset_1\"\r\n\r\n")
	for i, o := range operations {
		fmt.Fprintf(&b, "--changeset_1\r\nContent-ID: %d\r\n%s", i+1, o)
	}
	b.WriteString("--changeset_1--\r\n\r\n")
	return b.String()
}

// frame is the body of a batch of operations and change sets.
func frame(parts ...string) string {
	return "--batch_1\r\n" + strings.Join(parts, "--batch_1\r\n") + "--batch_1--\r\n"
}

// batch sends the text of a batch, and reads the parts of the answer: nil when it has none.
func (s *session) batch(text string, headers ...string) (*answer, []*answer) {
	s.Helper()
	outer := s.do("POST", "$batch", text, append([]string{`Content-Type: multipart/mixed; boundary="batch_1"`}, headers...)...)
	boundary, ok := strings.CutPrefix(outer.header.Get("Content-Type"), "multipart/mixed; boundary=")
	if !ok {
		return outer, nil
	}
	return outer, outer.parts(outer.body, boundary, true)
}

// parts reads a multipart text. Only that of a failed change set may lack its closing delimiter (section 3.2).
func (a *answer) parts(text, boundary string, closed bool) []*answer {
	a.t.Helper()
	delimiter := "--" + boundary
	if !strings.HasPrefix(text, delimiter) {
		a.fatalf("the body should begin with %q", delimiter)
	}
	chunks := strings.Split("\r\n"+text, "\r\n"+delimiter)[1:]
	if last := chunks[len(chunks)-1]; strings.HasPrefix(last, "--") {
		chunks = chunks[:len(chunks)-1]
	} else if closed {
		a.fatalf("the body should end with %s--", delimiter)
	}
	parts := []*answer{}
	for i, chunk := range chunks {
		chunk, ok := strings.CutPrefix(chunk, "\r\n")
		if !ok {
			a.fatalf("part %d: no line break after the delimiter", i)
		}
		parts = append(parts, a.part(i, chunk))
	}
	return parts
}

// part reads one part: an embedded answer, or a change set of them.
func (a *answer) part(i int, text string) *answer {
	a.t.Helper()
	header, body := a.head(text)
	p := &answer{t: a.t, asked: fmt.Sprintf("part %d of the answer to %s", i+1, a.asked), contentID: header.Get("Content-ID")}
	if boundary, ok := strings.CutPrefix(header.Get("Content-Type"), "multipart/mixed; boundary="); ok {
		p.set = p.parts(body, boundary, false)
		return p
	}
	if header.Get("Content-Type") != "application/http" || header.Get("Content-Transfer-Encoding") != "binary" {
		a.fatalf("part %d: headers are %v", i+1, header)
	}
	line, rest, ok := strings.Cut(body, "\r\n")
	version, status, _ := strings.Cut(line, " ")
	code, phrase, _ := strings.Cut(status, " ")
	n, err := strconv.Atoi(code)
	if !ok || version != "HTTP/1.1" || err != nil {
		a.fatalf("part %d: %q is no status line", i+1, line)
	}
	if phrase != http.StatusText(n) {
		a.errorf("part %d: the reason of %d should be %q, and is %q", i+1, n, http.StatusText(n), phrase)
	}
	p.status = n
	p.header, p.body = a.head(rest)
	p.body = strings.TrimRight(p.body, "\r\n")
	return p
}

// head cuts header lines from what follows the empty line after them.
func (a *answer) head(text string) (http.Header, string) {
	a.t.Helper()
	header := http.Header{}
	for {
		line, rest, ok := strings.Cut(text, "\r\n")
		if text = rest; line == "" {
			return header, text
		}
		name, value, colon := strings.Cut(line, ": ")
		if !ok || !colon || strings.ContainsAny(line, "\n") {
			a.fatalf("%q is no header line, in %q", line, shorten(rest))
		}
		header.Add(name, value)
	}
}

// expect asserts the statuses of the parts; that of a change set is not looked at.
func (s *session) expect(parts []*answer, statuses ...int) {
	s.Helper()
	if len(parts) != len(statuses) {
		s.Fatalf("there should be %d parts, and are %d", len(statuses), len(parts))
	}
	for i, want := range statuses {
		if parts[i].set == nil {
			parts[i].is(want)
		}
	}
}
