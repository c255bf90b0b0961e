package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/query"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A reply is what came of one operation, before it is known whether it becomes an HTTP answer or a part of one.
type reply struct {
	status      int
	failure     *refusal.Error
	annotate    bool // failures carry the ErrorDetails annotations
	contentType string
	body        []byte

	set     string // OData-EntityId and Location: the entity set, and either what stood between the parentheses …
	segment []byte
	id      uuid.UUID // … or the GUID of a created row
	etag    uint64
	applied string // Preference-Applied
	later   func() // completes the body when the operation holds no table any more; nil for most

	retryAfter time.Duration
	cut        bool // cut the connection, all being committed
	truncate   bool // end the answer in the middle
	outdated   bool // nothing was done, as metadata changed meanwhile: the operation is to be executed again
	session    bool // x-ms-session-token: a write to an elastic table
}

func failed(f *refusal.Error) *reply { return &reply{failure: f, status: f.Status} }

// entity appends the OData-EntityId.
func (a *reply) entity(dst []byte, c *call) []byte {
	dst = append(append(append(dst, c.root...), a.set...), '(')
	if a.segment != nil {
		dst = append(dst, a.segment...)
	} else {
		dst = store.AppendGUID(dst, a.id)
	}
	return append(dst, ')')
}

// content returns type and body of the answer.
func (a *reply) content() (string, []byte) {
	if a.failure != nil {
		return query.EntityJSON, a.failure.AppendJSON(nil, a.annotate)
	}
	return a.contentType, a.body
}

// writeTo writes the reply as an HTTP answer. Without a call it has no entity.
func (a *reply) writeTo(w http.ResponseWriter, c *call) {
	h := w.Header()
	if a.set != "" && c != nil {
		entity := string(a.entity(nil, c))
		h.Set("OData-EntityId", entity)
		h.Set("Location", entity)
	}
	if a.etag != 0 {
		h.Set("ETag", etag(a.etag))
	}
	if a.applied != "" {
		h.Set("Preference-Applied", a.applied)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", seconds(a.retryAfter))
	}
	if a.session {
		h.Set("x-ms-session-token", c.server.sessionToken())
	}
	contentType, body := a.content()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if a.truncate {
		body = body[:len(body)/2]
	}
	if len(body) > 0 || a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // an error means that the client is gone
}

// seconds rounds up, as Retry-After has no fractions.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func etag(version uint64) string { return `W/"` + strconv.FormatUint(version, 10) + `"` }

// appendPart appends the reply as a part of a batch answer (section 3.2), from the request line of the embedded response on.
func (a *reply) appendPart(dst []byte, c *call) []byte {
	if a.status == http.StatusNoContent {
		dst = append(dst, "HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\n"...)
	} else {
		dst = append(dst, "HTTP/1.1 "...)
		dst = strconv.AppendInt(dst, int64(a.status), 10)
		dst = append(append(append(dst, ' '), http.StatusText(a.status)...), "\r\n"...)
		if a.failure != nil {
			dst = append(store.AppendGUID(append(dst, "REQ_ID: "...), c.id), "\r\n"...)
		}
		if a.retryAfter > 0 {
			dst = append(append(append(dst, "Retry-After: "...), seconds(a.retryAfter)...), "\r\n"...)
		}
	}
	if a.set != "" {
		dst = append(dst, "Location: "...)
		from := len(dst)
		dst = a.entity(dst, c)
		to := len(dst)
		dst = append(dst, "\r\nOData-EntityId: "...)
		dst = append(dst, dst[from:to]...)
		dst = append(dst, "\r\n"...)
	}
	if a.etag != 0 {
		dst = append(append(append(dst, "ETag: "...), etag(a.etag)...), "\r\n"...)
	}
	if a.applied != "" {
		dst = append(append(append(dst, "Preference-Applied: "...), a.applied...), "\r\n"...)
	}
	if a.session {
		dst = append(append(append(dst, "x-ms-session-token: "...), c.server.sessionToken()...), "\r\n"...)
	}
	contentType, body := a.content()
	if contentType != "" {
		dst = append(append(append(dst, "Content-Type: "...), contentType...), "\r\n"...)
	}
	if a.status != http.StatusNoContent {
		dst = append(dst, "OData-Version: 4.0\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	return append(append(dst, body...), "\r\n"...)
}

// sessionToken is what a client may send as MSCRM.SessionToken to read its own writes. The emulator has no replicas that lag behind.
func (s *Server) sessionToken() string {
	return "207:8#" + strconv.FormatUint(s.versions.Load(), 10) + "#7=-1"
}

// prefers reports whether a Prefer header has the preference.
func prefers(header []byte, preference string) bool {
	if len(header) == 0 {
		return false
	}
	return slices.ContainsFunc(strings.Split(string(header), ","), func(p string) bool { return strings.TrimSpace(p) == preference })
}

// wantsAnnotations reports whether a Prefer header asks for the annotations of errors.
func wantsAnnotations(header []byte) bool {
	_, list, _ := strings.Cut(string(header), "odata.include-annotations=")
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.Trim(name, ` "`); name == "*" || strings.HasPrefix(name, "Microsoft.PowerApps.CDS.") {
			return true
		}
	}
	return false
}

// jsonReply is a 200 with v as its body, for what is not hot: metadata and functions.
func jsonReply(v any) *reply {
	b, err := json.Marshal(v)
	if err != nil {
		return failed(refusal.UnexpectedInternal.Says("An unexpected error occurred."))
	}
	return &reply{status: http.StatusOK, contentType: query.EntityJSON, body: b}
}
