package emulator

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/metadata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/query"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// single executes a request that is no batch.
func (c *call) single(r *http.Request, text []byte) *reply {
	if r.Method == http.MethodOptions {
		return &reply{status: http.StatusOK}
	}
	op := batch.Operation{
		Method: []byte(r.Method), Accept: []byte(r.Header.Get("Accept")), URL: []byte(r.RequestURI), Body: text,
		ContentType: []byte(r.Header.Get("Content-Type")), IfMatch: []byte(r.Header.Get("If-Match")),
		IfNoneMatch: []byte(r.Header.Get("If-None-Match")), Prefer: []byte(r.Header.Get("Prefer")),
		Suppress: []byte(r.Header.Get("MSCRM.SuppressDuplicateDetection")),
	}
	if r.Method == http.MethodHead {
		op.Method = []byte(http.MethodGet) // net/http leaves the body out
	}
	return c.execute(r.Context(), &op, 0)
}

// execute carries out one operation, with the faults that are ordered for it. It returns nil, and does nothing, when a fault of an operation in a
// change set is to take its time first.
func (c *call) execute(ctx context.Context, op *batch.Operation, index int) *reply {
	c.scratch = c.scratch[:0]
	c.detects = strings.EqualFold(string(op.Suppress), "false") ||
		op.Suppress == nil && c.server.config.Assumptions.BatchHeaders && strings.EqualFold(c.http.Header.Get("MSCRM.SuppressDuplicateDetection"), "false")
	if !c.locked {
		c.server.change.RLock()
		defer c.server.change.RUnlock()
	}
	if c.throttle != nil {
		return throttled(c.throttle)
	}
	resolved := c.server.definitions
	url, path, query, a, f := c.target(op)
	if f == nil {
		f = c.assume(op)
	}
	c.charge(op, &a)
	var fault Fault
	if configured, ordered := c.server.config.Faults.Operation, c.server.ordered.Load().Operation; configured != nil || ordered != nil {
		if fault = c.consult(op, index, a, configured, ordered); c.locked && (fault.Delay > 0 || fault.Kind == Hang) {
			return nil // see changeSet
		}
		c.cost += fault.Delay
		if answer := c.faulty(ctx, fault); answer != nil {
			answer.annotate = answer.failure != nil && wantsAnnotations(op.Prefer)
			return answer
		}
	}
	var answer *reply
	for answer == nil || answer.outdated {
		if f == nil && resolved != c.server.definitions { // metadata changed while the operation waited, and its URL may name something else now
			resolved = c.server.definitions
			url, path, query, a, f = c.target(op)
		}
		switch {
		case f != nil:
			answer = failed(f)
		case op.Unreadable:
			answer = failed(refusal.Payload("", "System.ArgumentException: Stream was not readable."))
		case a.table != nil:
			answer = c.onTable(op, index, a, query)
			if answer.later != nil {
				answer.later()
			}
		default:
			answer = c.unbound(op, index, string(url), string(path), string(query))
		}
	}
	answer.annotate = answer.failure != nil && wantsAnnotations(op.Prefer)
	answer.cut = fault.Kind == CutAfterCommit
	answer.truncate = fault.Kind == Truncate
	return answer
}

// unbound executes an operation whose URL names no entity set: an action, a change of metadata, or a function.
func (c *call) unbound(op *batch.Operation, index int, url, path, query string) *reply {
	if state, ok := closes(path); ok {
		return c.closeOpportunity(op, index, state)
	}
	set, _, _ := strings.Cut(path, "/")
	set, _, _ = strings.Cut(set, "(")
	switch method := string(op.Method); {
	case method != http.MethodGet && metadata.Set(set):
		return c.define(op, path)
	case method != http.MethodPost:
	case path == "ReactivateEntityKey":
		return c.reactivateKey(op)
	case path == "PublishXml" || path == "PublishAllXml":
		return c.publish()
	case path == "BulkDelete":
		return c.bulkDelete(op, index)
	case path == "CreateCustomerRelationships":
		return c.createLookup(op, schema.Customer)
	case path == "CreatePolymorphicLookupAttribute":
		return c.createLookup(op, schema.Lookup)
	}
	return c.function(string(op.Method), path, query, url)
}

// The greatest lengths of URLs (section 2.2).
const (
	maxURL      = 32768
	maxBatchURL = 65536
)

// target reads the operation's URL.
func (c *call) target(op *batch.Operation) (url, path, query []byte, a address, f *refusal.Error) {
	url = op.URL
	if len(url) > maxURL && (c.request.Batch == 0 || len(url) > maxBatchURL) {
		return nil, nil, nil, a, refusal.URITooLong.Says("The request URI is too long: it has %d characters, of which %d are allowed, and %d in a batch.", len(url), maxURL, maxBatchURL)
	}
	if len(url) > 0 && url[0] == '$' {
		if url, f = c.dereference(url); f != nil {
			return url, nil, nil, a, f
		}
	}
	rest, f := c.relative(url)
	if f != nil {
		return url, nil, nil, a, f
	}
	if len(rest) > 1 && rest[0] == '$' && c.set > 0 && string(rest) != "$batch" { // the same after the root
		if url, f = c.dereference(rest); f != nil {
			return url, nil, nil, a, f
		}
		rest = url[len(c.prefix):]
	}
	path, query = split(rest)
	a, f = c.address(path)
	return url, path, query, a, f
}

// split cuts path and query at the first question mark outside quotes.
func split(url []byte) (path, query []byte) {
	quoted := false
	for i, b := range url {
		switch {
		case b == '\'':
			quoted = !quoted
		case b == '?' && !quoted:
			return url[:i], url[i+1:]
		}
	}
	return url, nil
}

// dereference replaces the Content-ID at the beginning of a URL by the row that it stands for.
func (c *call) dereference(url []byte) ([]byte, *refusal.Error) {
	id, rest, more := bytes.Cut(url, []byte("/"))
	if c.set == 0 {
		if string(id) == "$metadata" {
			return url, nil
		}
		return nil, refusal.SegmentMissing.Says("Resource not found for the segment '%s'.", id)
	}
	ref, ok := c.references[string(id)]
	if !ok {
		return nil, refusal.BadReference.Says("Content-ID Reference: '%s' does not exist in the batch context.", id)
	}
	out := append(append(append([]byte(nil), c.prefix...), ref.table.Set...), '(')
	if ref.key != nil {
		out = append(out, ref.key...)
	} else {
		out = store.AppendGUID(out, ref.id)
	}
	out = append(out, ')')
	if more {
		out = append(append(out, '/'), rest...)
	}
	return out, nil
}

// consult asks the hooks about an operation, of which the first that knows a fault decides: once, though those of a change set may be executed
// several times.
func (c *call) consult(op *batch.Operation, index int, a address, hooks ...func(Operation) Fault) (f Fault) {
	if f, asked := c.faults[index]; asked {
		return f
	}
	o := Operation{Request: c.request, Index: index, Method: string(op.Method), Key: string(a.segment), Body: op.Body}
	if a.table != nil {
		o.Table = a.table.Name
	}
	for _, hook := range hooks {
		if hook == nil {
			continue
		}
		if f = hook(o); f != (Fault{}) {
			break
		}
	}
	if c.faults != nil {
		c.faults[index] = f
	}
	return f
}

// faulty carries a fault out that comes before execution. It lets go of the rows while it waits.
func (c *call) faulty(ctx context.Context, f Fault) *reply {
	if f == (Fault{}) {
		return nil
	}
	if !c.locked {
		c.server.change.RUnlock()
		defer c.server.change.RLock()
	}
	return f.before(ctx)
}

// onTable executes an operation whose URL names an entity set.
func (c *call) onTable(op *batch.Operation, index int, a address, options []byte) *reply {
	if a.table.ReadOnly && string(op.Method) != http.MethodGet {
		return failed(refusal.NotSupported.Says("The '%s' method does not support entities of type '%s'.", op.Method, a.table.Name))
	}
	if string(op.Method) == http.MethodPatch && a.single && len(a.rest) == 0 { // nearly all there is
		return c.upsert(op, index, &a, options)
	}
	switch method := string(op.Method); {
	case len(a.rest) > 0 && a.rest[0] == '/':
		return c.below(op, index, &a, options)
	case len(a.rest) > 0:
		return failed(unrecognized())
	case method == http.MethodGet && a.single:
		return c.retrieve(op, &a, options)
	case method == http.MethodGet:
		return c.list(op, query.Whole(a.table), options)
	case method == http.MethodPost && !a.single:
		return c.create(op, index, &a, options)
	case method == http.MethodDelete && a.single:
		return c.delete(op, index, &a)
	default:
		return failed(refusal.MethodNotAllowed.Says("The requested resource does not support http method '%s'.", method))
	}
}
