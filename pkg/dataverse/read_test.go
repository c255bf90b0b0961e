package dataverse

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// What a batch of three upserts is answered with (reference 3.2, captured).
const (
	boundary = "batchresponse_9c2cbd8a-5be3-4b53-ad7e-2f4f2a64bd21"
	ok204    = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" +
		"HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\n" +
		"Location: https://org/api/data/v9.2/accounts(accountnumber='A-1')\r\n" +
		"OData-EntityId: https://org/api/data/v9.2/accounts(accountnumber='A-1')\r\n\r\n\r\n"
	bad400 = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" +
		"HTTP/1.1 400 Bad Request\r\nREQ_ID: cbd53703-aee5-4563-a416-a65dcc268e7b\r\n" +
		"Content-Type: application/json; odata.metadata=minimal\r\nOData-Version: 4.0\r\n\r\n" +
		`{"error":{"code":"0x80044331","message":"A validation error occurred.  The length of the 'firstname' attribute of the 'contact' entity exceeded the maximum allowed length of '50'."}}` + "\r\n"
	delim = "--" + boundary + "\r\n"
	end   = "--" + boundary + "--\r\n"
)

// upserts makes n changes.
func upserts(n int) []penstock.Change {
	changes := make([]penstock.Change, n)
	for i := range changes {
		changes[i] = penstock.Change{Address: fmt.Sprintf("contacts(externaluseridentifier='C-%d')", i), Body: []byte(`{"firstname":"A"}`)}
	}
	return changes
}

// answered reads an answer with the given status and content.
func answered(t testing.TB, status int, contentType string, body io.Reader, changes []penstock.Change) Answer {
	t.Helper()
	c := &Client{}
	a := Answer{Verdicts: make([]Verdict, len(changes))}
	c.read(&a, "dataverse: batch of contact", "contact", changes, &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(body),
	})
	return a
}

const multi = "multipart/mixed; boundary=" + boundary

func TestAnswersToABatch(t *testing.T) {
	const (
		F = penstock.Fine
		R = penstock.RowFault
		U = penstock.Unanswered
		N = penstock.NotExecuted
		T = penstock.Throttled
		S = penstock.SystemFault
		M = penstock.TooMuch
		X = penstock.Transient
	)
	tests := []struct {
		name   string
		status int
		typ    string
		body   string
		want   []penstock.Kind // one per change
	}{
		{"3.2: all is well", 200, multi, delim + ok204 + delim + ok204 + delim + ok204 + end, []penstock.Kind{F, F, F}},
		{"a quoted boundary", 200, `multipart/mixed; boundary="` + boundary + `"`, delim + ok204 + end, []penstock.Kind{F}},
		{"3.2: one is refused", 200, multi, delim + ok204 + delim + bad400 + delim + ok204 + end, []penstock.Kind{F, R, F}},
		{"3.3: outer 400 with commits, stopped at the first failure", 400, multi, delim + ok204 + delim + bad400 + end, []penstock.Kind{F, R, N, N}},
		{"outer 400 with all verdicts", 400, multi, delim + ok204 + delim + bad400 + delim + ok204 + end, []penstock.Kind{F, R, F}},
		{"fewer parts than changes", 200, multi, delim + ok204 + delim + bad400 + end, []penstock.Kind{F, R, U, U}},
		{"outer 400 that went on after a failure did not stop at the last one", 400, multi, delim + bad400 + delim + ok204 + delim + bad400 + end, []penstock.Kind{R, F, R, U}},
		{"outer 400 whose last part cannot be read", 400, multi, delim + ok204 + delim + "Content-Type: text/html\r\n\r\n<html>\r\n" + end, []penstock.Kind{F, U, U}},
		{"outer 400 with fewer parts and no failure", 400, multi, delim + ok204 + end, []penstock.Kind{F, U}},
		{"outer 400 without an end", 400, multi, delim + ok204 + delim + bad400, []penstock.Kind{F, R, U}},
		{"more parts than changes: whose is whose cannot be told", 200, multi, delim + ok204 + delim + ok204 + end, []penstock.Kind{U}},
		{"3.2: no closing delimiter", 200, multi, delim + ok204 + delim + bad400, []penstock.Kind{F, R}},
		{"a closing delimiter without line end", 200, multi, delim + ok204 + "--" + boundary + "--", []penstock.Kind{F}},
		{"one empty line less behind a 204", 200, multi, delim + strings.TrimSuffix(ok204, "\r\n") + delim + ok204 + end, []penstock.Kind{F, F}},
		{"line feeds alone", 200, multi, strings.ReplaceAll(delim+ok204+delim+bad400+end, "\r\n", "\n"), []penstock.Kind{F, R}},
		{"a preamble and an epilogue", 200, multi, "hello\r\n" + delim + ok204 + end + "bye\r\n", []penstock.Kind{F}},
		{"3.2: a status line with a blank too many", 200, multi, delim + strings.Replace(ok204, "HTTP/1.1", "HTTP/ 1.1", 1) + end, []penstock.Kind{F}},
		{"a part without header", 200, multi, delim + "\r\nHTTP/1.1 204 No Content\r\n\r\n" + delim + "HTTP/1.1 204 No Content\r\n\r\n" + end, []penstock.Kind{F, F}},
		{"a part that is no answer keeps its place", 200, multi, delim + "Content-Type: text/html\r\n\r\n<html>\r\n" + delim + bad400 + end, []penstock.Kind{U, R}},
		{"an empty part keeps its place", 200, multi, delim + delim + bad400 + end, []penstock.Kind{U, R}},
		{
			"a nested answer keeps its place, and what is in it is not believed", 200, multi,
			delim + "Content-Type: multipart/mixed; boundary=cs\r\n\r\n--cs\r\n" + ok204 + "--cs--\r\n" + delim + bad400 + end,
			[]penstock.Kind{U, R},
		},
		{"a boundary that begins like ours parts nothing", 200, multi, delim + bad400 + "--" + boundary + "x\r\n" + ok204 + end, []penstock.Kind{R}},
		{"a status that is none", 200, multi, delim + "\r\nHTTP/1.1 2040 What\r\n\r\n" + delim + "\r\nHTTP/1.1 abc\r\n\r\n" + end, []penstock.Kind{U, U}},
		{"a redirect is no verdict", 200, multi, delim + "\r\nHTTP/1.1 302 Found\r\n\r\n" + end, []penstock.Kind{U}},
		{"an error without body goes by its status", 200, multi, delim + "\r\nHTTP/1.1 412 Precondition Failed\r\n\r\n" + end, []penstock.Kind{R}},
		{"cut within a delimiter", 200, multi, delim + ok204 + delim + ok204 + delim[:20], []penstock.Kind{F, F, U}},
		{"cut within a status line", 200, multi, delim + ok204 + delim + "\r\nHTTP/1.1 204", []penstock.Kind{F, U}},
		{"cut within a header", 200, multi, delim + ok204 + delim + "\r\nHTTP/1.1 204 No Content\r\nOData-", []penstock.Kind{F, U}},
		{"cut within an error", 200, multi, delim + ok204 + delim + bad400[:len(bad400)-30], []penstock.Kind{F, U}},
		{"nothing came", 200, multi, "", []penstock.Kind{U, U}},
		{"no delimiter came", 200, multi, "<html>\r\n", []penstock.Kind{U, U}},
		{"3.5: an inner 429", 200, multi, delim + "\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 9\r\n\r\n" + errorBody("0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds.") + "\r\n" + delim + ok204 + end, []penstock.Kind{T, F}},

		{"5.1: an outer 429", 429, "application/json", errorBody("0x80072326", "Number of concurrent requests exceeded the limit of 52."), []penstock.Kind{T, T}},
		{"an outer 429 without body", 429, "", "", []penstock.Kind{T, T}},
		{"3.4: an outer 413", 413, "application/json", errorBody("0x8004418a", "Request message length is too large."), []penstock.Kind{M, M}},
		{"an outer 413 of a gateway", 413, "text/html", "<html>", []penstock.Kind{M, M}},
		{"3.1: more operations than it takes", 400, "application/json", errorBody("0x0", "The current batch message contains too many parts. A maximum number of '1000' query operations and change sets are allowed in a batch message."), []penstock.Kind{M, M}},
		{"an outer 400 about one change is that change's", 400, "application/json", errorBody("0x80048d19", "Malformed"), []penstock.Kind{R}},
		{"1.4: an outer 403", 403, "application/json", errorBody("0x80072560", "The user is not a member of the organization."), []penstock.Kind{S, S}},
		{"an outer 403 that says nothing", 403, "text/html", "<html>", []penstock.Kind{S}},
		{"2.2: a wrong path", 404, "text/html", "<html>", []penstock.Kind{S, S}},
		{"a redirect leads elsewhere", 302, "text/html", "", []penstock.Kind{S, S}},
		{"5.5: a gateway that gave up", 504, "text/html", "<html>Gateway Timeout</html>", []penstock.Kind{U, U}},
		{"a gateway without a back end", 502, "text/html", "<html>Bad Gateway</html>", []penstock.Kind{U, U}},
		{"a server that asks to come back", 503, "text/html", "", []penstock.Kind{X, X}},
		{"an error midway", 500, "application/json", errorBody("0x80040216", "An unexpected error occurred."), []penstock.Kind{U, U}},
		{"a proxy's own page", 200, "text/html", "<html>Sign in</html>", []penstock.Kind{U, U}},
		{"multipart without boundary", 200, "multipart/mixed", delim + ok204 + end, []penstock.Kind{U}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, body := range map[string]io.Reader{
				"at once": strings.NewReader(tt.body), "by the byte": iotest.OneByteReader(strings.NewReader(tt.body)),
			} {
				a := answered(t, tt.status, tt.typ, body, upserts(len(tt.want)))
				for i, v := range a.Verdicts {
					if v.Kind != tt.want[i] {
						t.Errorf("%s: change %d is %v, want %v (%+v)", how, i, v.Kind, tt.want[i], v.Cause)
					}
					if (v.Kind == F) != (v.Cause == penstock.Cause{}) {
						t.Errorf("%s: change %d is %v with cause %+v", how, i, v.Kind, v.Cause)
					}
					if a.Fault != nil && v.Kind != a.Fault.Kind {
						t.Errorf("%s: change %d is %v under fault %v", how, i, v.Kind, a.Fault.Kind)
					}
				}
			}
		})
	}
}

func TestADeleteOfWhatIsGoneStopsABatchToo(t *testing.T) { // 3.3: although there is nothing left to do for it
	changes := upserts(3)
	changes[0] = penstock.Change{Operation: penstock.Delete, Address: changes[0].Address}
	gone := strings.Replace(delim, "\r\n", "\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n", 1) +
		errorBody("0x80060891", "A record with the specified key values does not exist in contact entity") + "\r\n"
	a := answered(t, 400, multi, strings.NewReader(gone+end), changes)
	for i, want := range []penstock.Kind{penstock.Fine, penstock.NotExecuted, penstock.NotExecuted} {
		if a.Verdicts[i].Kind != want {
			t.Errorf("change %d: %v, want %v (%+v)", i, a.Verdicts[i].Kind, want, a.Verdicts[i].Cause)
		}
	}
}

func TestAnAnswerWhoseConnectionBreaksKeepsWhatCame(t *testing.T) {
	broken := errors.New("connection reset by peer")
	body := io.MultiReader(strings.NewReader(delim+ok204+delim+bad400+delim+"Content-Type: app"), iotest.ErrReader(broken))
	a := answered(t, 200, multi, body, upserts(4))
	if a.Fault != nil {
		t.Fatal(a.Fault)
	}
	for i, want := range []penstock.Kind{penstock.Fine, penstock.RowFault, penstock.Unanswered, penstock.Unanswered} {
		if a.Verdicts[i].Kind != want {
			t.Errorf("change %d: %v, want %v", i, a.Verdicts[i].Kind, want)
		}
	}
	if m := a.Verdicts[3].Cause.Message; !strings.Contains(m, "broke off") || !strings.Contains(m, broken.Error()) {
		t.Errorf("message %q", m)
	}
}

func TestCausesSayWhichRequest(t *testing.T) {
	a := answered(t, 200, multi, strings.NewReader(delim+bad400+end), upserts(1))
	if got := a.Verdicts[0].Cause.RequestID; got != "cbd53703-aee5-4563-a416-a65dcc268e7b" {
		t.Errorf("request id %q", got)
	}
}

func TestAnErrorLongerThanTheWindow(t *testing.T) {
	long := strings.Replace(bad400, "A validation", strings.Repeat("x", 3*window)+". A validation", 1)
	a := answered(t, 200, multi, strings.NewReader(delim+long+delim+ok204+end), upserts(2))
	if a.Verdicts[0].Cause.Code != "0x80044331" || a.Verdicts[1].Kind != penstock.Fine {
		t.Errorf("%+v", a.Verdicts)
	}
	endless := strings.Replace(bad400, "A validation", strings.Repeat("x", 2*maxBody)+". A validation", 1)
	a = answered(t, 200, multi, strings.NewReader(delim+endless+delim+ok204+end), upserts(2))
	if a.Verdicts[0].Cause.Code != "0x80044331" || a.Verdicts[1].Kind != penstock.Fine {
		t.Errorf("%+v", a.Verdicts)
	}
}

func TestAnInnerWaitIsThatOfTheAnswer(t *testing.T) { // 3.5
	a := answered(t, 200, multi, strings.NewReader(delim+ok204+delim+slow429+end), upserts(2))
	if a.Limits.RetryAfter != 9*time.Second {
		t.Errorf("wait %v", a.Limits.RetryAfter)
	}
}

// An endless reader repeats itself, and counts.
type endless struct {
	text string
	n    int64
}

func (e *endless) Read(b []byte) (int, error) {
	n := 0
	for n+len(e.text) <= len(b) {
		n += copy(b[n:], e.text)
	}
	e.n += int64(n)
	return n, nil
}

func TestAnAnswerWithoutEndIsReadToABound(t *testing.T) {
	more := &endless{text: strings.Repeat("x", 1<<10)}
	p := (&Client{}).parts(io.MultiReader(strings.NewReader(delim+bad400), more), boundary)
	var one part
	if !p.next(&one) || len(one.body) > maxBody || cap(one.body) > 4*maxBody {
		t.Errorf("%d bytes of the body are kept", len(one.body))
	}
	if more.n > maxStream {
		t.Errorf("%d bytes were read", more.n)
	}
	a := answered(t, 200, multi, io.MultiReader(strings.NewReader(delim+bad400), &endless{text: strings.Repeat("x", 1<<10)}), upserts(2))
	if a.Verdicts[1].Kind != penstock.Unanswered {
		t.Errorf("%+v", a.Verdicts)
	}
}

// Answers that are not as they should be, or to more than we send (reference 3.2, 3.3, captured).
const (
	inner       = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
	represented = inner + "HTTP/1.1 201 Created\r\nETag: W/\"71004878\"\r\nContent-Type: application/json; odata.metadata=minimal\r\n" +
		"OData-Version: 4.0\r\nPreference-Applied: return=representation\r\n\r\n{\"@odata.etag\":\"W/\\\"71004878\\\"\",\"contactid\":\"" + one + "\"}\r\n"
	gone404  = inner + "HTTP/1.1 404 Not Found\r\n\r\n" + `{"error":{"code":"0x80060891","message":"A record with the specified key values does not exist in account entity"}}` + "\r\n"
	slow429  = inner + "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 9\r\n\r\n" + `{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit of 6000 over time window of 300 seconds."}}` + "\r\n"
	html502  = inner + "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>\r\n<h1>Bad Gateway</h1></html>\r\n"
	deleted  = inner + "HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\n\r\n"
	changes1 = "Content-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n--changesetresponse_1\r\n"
	// A change set that failed answers with its failing operation alone; the closing delimiter has been seen to be missing.
	failedSet   = changes1 + "Content-ID: 3\r\n" + bad400 + "--changesetresponse_1--\r\n"
	unclosedSet = changes1 + "Content-ID: 3\r\n" + bad400 + "--changesetresponse_1\r\n"
	carriedSet  = changes1 + "Content-ID: 1\r\n" + ok204 + "--changesetresponse_1\r\nContent-ID: 2\r\n" + ok204 + "--changesetresponse_1--\r\n"
)

var carriedOut = regexp.MustCompile(`(?m)^HTTP/.* 2\d\d[ \r\n]`)

// FuzzReadBatch reads anything as an answer: it ends, and gives one verdict per change. That of a change is what stands in
// its place of the answer, whatever comes before and behind it, and it is Fine only where a success stands there. Of an
// answer that is cut, what was read is as good as it was, or unknown.
func FuzzReadBatch(f *testing.F) {
	for _, body := range []string{
		delim + ok204 + delim + bad400 + delim + ok204 + end,
		delim + ok204 + delim + bad400 + end,
		delim + ok204 + delim + bad400,                  // without closing delimiter
		delim + ok204 + delim + bad400[:len(bad400)-30], // cut within JSON
		delim + ok204 + delim + bad400[:len(bad400)/2],  // cut within a header
		delim + ok204 + delim + ok204 + delim[:20],      // cut within a delimiter
		delim + represented + delim + deleted + end,     // answers with bodies and without
		delim + gone404 + delim + slow429 + delim + html502 + end,
		delim + gone404 + delim + html502, // HTML without an end
		delim + failedSet + delim + ok204 + end,
		delim + unclosedSet + end,
		delim + carriedSet + delim + bad400 + end,
		strings.ReplaceAll(delim+ok204+delim+bad400+end, "\r\n", "\n"),
		delim + delim + "HTTP/ 1.1 204\r\n\r\n--" + boundary,
		"preamble\r\n" + delim + ok204 + end + "epilogue\r\n" + delim + ok204,
		delim + "\r\nHTTP/1.1 302 Found\r\n\r\n" + delim + inner + end,
		delim + strings.Replace(bad400, `{"error"`, `{"Message":5} {"error"`, 1), // a code behind the error is none of its
		"<html><body>Service Unavailable</body></html>", errorBody("0x80048d19", "Malformed"), "", end,
	} {
		for _, status := range []int{200, 400} {
			f.Add(status, 3, []byte(body), uint16(len(body)/2))
		}
	}
	f.Fuzz(func(t *testing.T, status, n int, body []byte, cut uint16) {
		if n < 1 || n > 8 || status < 100 || status > 599 {
			return
		}
		read := func(body []byte) Answer { return answered(t, status, multi, bytes.NewReader(body), upserts(n)) }
		a := read(body)
		again := answered(t, status, multi, iotest.HalfReader(bytes.NewReader(body)), upserts(n))
		// Split as RFC 2046 has it, in a way of its own: the k-th piece is the k-th answer.
		pieces := split(body)
		if (a.Fault != nil) != (len(pieces) == 0 || len(pieces) > n) {
			t.Fatalf("fault %v with %d parts for %d changes", a.Fault, len(pieces), n)
		}
		for i, v := range a.Verdicts {
			if v != again.Verdicts[i] {
				t.Fatalf("change %d: %+v or %+v, as the pieces arrive", i, v, again.Verdicts[i])
			}
			switch {
			case v.Kind == penstock.Faulty:
				t.Fatalf("change %d has no kind", i)
			case v.Kind == penstock.Fine && (i >= len(pieces) || !carriedOut.Match(pieces[i].text)):
				t.Fatalf("change %d is Fine without a success in its place: %q", i, body)
			case v.Kind == penstock.NotExecuted && (i < len(pieces) || status != http.StatusBadRequest || a.Verdicts[len(pieces)-1].Kind == penstock.Fine):
				t.Fatalf("change %d is said not to have been executed, with %d parts and HTTP %d", i, len(pieces), status)
			case i >= len(pieces) || a.Fault != nil:
				continue
			}
			if short := read(body[:pieces[i].behind]); short.Verdicts[i] != v {
				t.Fatalf("change %d: %+v, and %+v without what comes behind it", i, v, short.Verdicts[i])
			}
			alone := append(bytes.Repeat([]byte(delim+ok204), i), delim...)
			alone = append(append(alone, pieces[i].text...), body[pieces[i].end:pieces[i].behind]...)
			if other := read(alone); other.Verdicts[i] != v {
				t.Fatalf("change %d: %+v, and %+v behind others", i, v, other.Verdicts[i])
			}
		}
		cutAt := min(int(cut), len(body))
		last := body[bytes.LastIndexByte(body[:cutAt], '\n')+1 : cutAt]
		if a.Fault != nil || bytes.HasPrefix(last, []byte("--"+boundary)) { // "--b" may be the beginning of more
			return
		}
		for i, v := range read(body[:cutAt]).Verdicts {
			if v.Kind != penstock.Unanswered && v != a.Verdicts[i] {
				t.Fatalf("change %d: %+v, and %+v when the answer is cut at %d", i, a.Verdicts[i], v, cutAt)
			}
		}
	})
}

// A piece of an answer is what stands between two delimiters.
type piece struct {
	text   []byte
	end    int // of it in the answer
	behind int // the end of the delimiter that follows
}

func split(body []byte) (pieces []piece) {
	mark := []byte("--" + boundary)
	at, open := 0, -1 // of the piece at hand, its beginning
	finish := func(behind int, closed bool) {
		if open < 0 {
			return
		}
		text := body[open:at]
		empty := len(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), nil), []byte("\n"), nil)) == 0
		if !closed || !empty { // "--b", then "--b--" or nothing, is no part
			pieces = append(pieces, piece{text, at, behind})
		}
	}
	for line := range bytes.Lines(body) {
		rest, is := bytes.CutPrefix(line, mark)
		switch rest := string(bytes.TrimRight(rest, " \t\r\n")); {
		case is && rest == "--":
			finish(at+len(line), true)
			return pieces
		case is && rest == "":
			finish(at+len(line), false)
			open = at + len(line)
		}
		at += len(line)
	}
	finish(at, true)
	return pieces
}

// respond is a tiny Dataverse: it takes a batch apart with the standard library, and answers each operation with the
// status that its body or address names.
func respond(t testing.TB, request []byte, requestBoundary string) (answer []byte, seen []penstock.Change, how []http.Header) {
	t.Helper()
	var out bytes.Buffer
	in := multipart.NewReader(bytes.NewReader(request), requestBoundary)
	for {
		p, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		// The operation has no Content-Length: its body is what is left of the part.
		in := bufio.NewReader(p)
		text := textproto.NewReader(in)
		line, err := text.ReadLine()
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(line)
		if len(words) != 3 || words[2] != "HTTP/1.1" {
			t.Fatalf("request line %q", line)
		}
		header, err := text.ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		ch := penstock.Change{Address: strings.TrimPrefix(words[1], "/api/data/v9.2/"), Body: body}
		switch {
		case words[0] == http.MethodDelete:
			ch.Operation, ch.Body = penstock.Delete, nil
		case words[0] == http.MethodPost:
			ch.Operation = penstock.Create
		case header.Get("If-Match") == "*":
			ch.Operation = penstock.Update
		}
		seen, how = append(seen, ch), append(how, http.Header(header))
		out.WriteString(delim)
		if bytes.Contains(body, []byte("bad")) {
			out.WriteString(bad400)
		} else {
			out.WriteString(ok204)
		}
	}
	out.WriteString(end)
	return out.Bytes(), seen, how
}

// FuzzRoundTrip frames changes, has the standard library take them apart, and reads the answer: every change arrives as
// it was, and every verdict is that of its change.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(0), "contacts(externaluseridentifier='C-1')", `{"firstname":"A"}`, uint8(3), "contacts(x='y z')", `{"a":"bad"}`)
	f.Add(uint8(60), "contacts(x='1')", `{}`, uint8(3), "contacts(x='2')", "")
	f.Add(uint8(0), "contacts("+one+")", "{\"lastname\":\"O'Brien \u00e4 \U0001F600\"}", uint8(3), "contacts("+one+")", "")
	f.Add(uint8(2), "contacts", `{"contactid":"`+one+`","parentcustomerid_account@odata.bind":"accounts(accountnumber='A-1')"}`, uint8(1), "contacts(a='O''Brien',_b_value="+one+",c=2026-01-31T00:00:00Z)", `{"a":null}`)
	f.Add(uint8(0), "contacts(a='1')", "{}\r\n--batch_1--\r\n", uint8(1), "contacts(a='2')", "--batch_\r\nContent-Type: application/http\r\n\r\nDELETE /x HTTP/1.1\r\n\r\n")
	f.Add(uint8(3), "contacts(a='100%\t\x00\x7f')", "", uint8(3), "contacts(a=' HTTP/1.1\r\n\r\n--batch_')", "")
	f.Add(uint8(1), "contacts(a='ä\r\nHost: x')", "{}", uint8(2), "contacts", `{"contactid":"1"}`)
	f.Fuzz(func(t *testing.T, op1 uint8, address1, body1 string, op2 uint8, address2, body2 string) {
		changes := []penstock.Change{
			{Operation: penstock.Operation(op1 % 4), Address: "a" + address1, Body: []byte(body1)},
			{Operation: penstock.Operation(op2 % 4), Address: "a" + address2, Body: []byte(body2)},
		}
		for i := range changes {
			if changes[i].Operation == penstock.Delete {
				changes[i].Body = nil
			}
		}
		mark := "batch_" + rand.Text()
		bypassed, flows, detected := []string{"", "CustomSync", "CustomAsync", "CustomSync,CustomAsync"}[op1>>2&3], "", ""
		how := penstock.Execution{BypassSync: op1&4 > 0, BypassAsync: op1&8 > 0, BypassFlows: op1&16 > 0, DetectDuplicates: op1&32 > 0}
		if how.BypassFlows {
			flows = "true"
		}
		if how.DetectDuplicates {
			detected = "false"
		}
		answer, seen, headers := respond(t, appendBatch(nil, mark, "/api/data/v9.2/", headersOf(how), changes), mark)
		if len(seen) != len(changes) {
			t.Fatalf("%d operations arrived", len(seen))
		}
		a := answered(t, 200, multi, bytes.NewReader(answer), changes)
		for i, ch := range changes {
			if got := seen[i]; got.Operation != ch.Operation || !bytes.Equal(got.Body, ch.Body) || got.Address != string(appendAddress(nil, ch.Address)) {
				t.Fatalf("change %d: sent %v %q %q, arrived %v %q %q", i, ch.Operation, ch.Address, ch.Body, got.Operation, got.Address, got.Body)
			}
			for name, want := range map[string]string{
				"Mscrm.bypassbusinesslogicexecution": bypassed, "Mscrm.suppresscallbackregistrationexpanderjob": flows, "Mscrm.suppressduplicatedetection": detected,
			} {
				if got := headers[i].Get(name); got != want {
					t.Fatalf("change %d: %s is %q, want %q", i, name, got, want)
				}
			}
			want := penstock.Fine
			if bytes.Contains(ch.Body, []byte("bad")) {
				want = penstock.RowFault
			}
			if a.Verdicts[i].Kind != want {
				t.Fatalf("change %d: %v, want %v", i, a.Verdicts[i].Kind, want)
			}
		}
	})
}

func BenchmarkFrameAndRead(b *testing.B) {
	const n = 1000
	body := []byte(`{"firstname":"` + strings.Repeat("x", 380) + `"}`)
	changes := upserts(n)
	for i := range changes {
		changes[i].Body = body
	}
	answer := []byte(strings.Repeat(delim+ok204, n) + end)
	c := &Client{}
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {multi}}}
	a := Answer{Verdicts: make([]Verdict, n)}
	in := bytes.NewReader(nil)
	var buf []byte
	b.ReportAllocs()
	ops := 0
	for b.Loop() {
		buf = appendBatch(buf[:0], "batch_5T4G2YQ7ZC4T2M2H3QY2K6QFGS", "/api/data/v9.2/", "", changes)
		in.Reset(answer)
		resp.Body = io.NopCloser(in)
		c.read(&a, "op", "contact", changes, resp)
		ops += n
	}
	if a.Fault != nil || a.Verdicts[n-1].Kind != penstock.Fine {
		b.Fatal(a.Fault)
	}
	b.ReportMetric(float64(ops)/b.Elapsed().Seconds(), "ops/s")
}

func BenchmarkReadRefusals(b *testing.B) {
	const n = 1000
	changes := upserts(n)
	answer := []byte(strings.Repeat(delim+bad400, n) + end)
	ops := 0
	b.ReportAllocs()
	for b.Loop() {
		if a := answered(b, 200, multi, bytes.NewReader(answer), changes); a.Verdicts[n-1].Kind != penstock.RowFault {
			b.Fatal(a.Fault)
		}
		ops += n
	}
	b.ReportMetric(float64(ops)/b.Elapsed().Seconds(), "ops/s")
}
