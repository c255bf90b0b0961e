package emulator

import (
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
)

const partHead = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"

// readBatch reads the operations of a $batch request. The failure concerns all of it.
func (c *call) readBatch(r *http.Request, text []byte) *failure {
	if r.Method != http.MethodPost {
		return methodNotAllowed.says("The requested resource does not support http method '%s'.", r.Method)
	}
	if _, f := c.relative([]byte(r.RequestURI)); f != nil {
		return f
	}
	boundary, ok := batch.Boundary(r.Header.Get("Content-Type"))
	if !ok {
		return badBatch.says("Content-Type '%.200s' is not multipart/mixed with a boundary, which $batch requires.", r.Header.Get("Content-Type"))
	}
	var err error
	if c.operations, err = batch.Read(text, boundary, c.operations[:0]); err != nil {
		c.operations = c.operations[:0]
		return badBatch.says("%s", err)
	}
	return nil
}

// batch executes the operations in order (sections 3.2 and 3.3): the first failure ends it with an outer 400, unless the client prefers to go on.
func (c *call) batch(r *http.Request) *reply {
	continues := prefers([]byte(r.Header.Get("Prefer")), "odata.continue-on-error")
	boundary := "batchresponse_" + c.server.newGUID().String()
	opening := []byte("--" + boundary + "\r\n")
	single := append(append(opening[:len(opening):len(opening)], partHead...), "\r\n"...)
	answer := &reply{status: http.StatusOK, contentType: "multipart/mixed; boundary=" + boundary}
	if continues {
		answer.applied = "odata.continue-on-error"
	}
	for i := 0; i < len(c.operations); {
		var part *reply
		from := len(c.out)
		if c.operations[i].Set == 0 {
			part = c.alone(r, i)
			c.out = part.appendPart(append(c.out, single...), c)
			i++
		} else {
			c.out = append(c.out, opening...)
			part, i = c.changeSet(r, i)
		}
		if part.cut {
			answer.cut = true
			return answer
		}
		if part.truncate {
			answer.body = c.out[:from+(len(c.out)-from)/2]
			return answer
		}
		if part.status >= 400 && !continues {
			answer.status = http.StatusBadRequest
			break
		}
	}
	c.out = append(append(append(c.out, "--"...), boundary...), "--\r\n"...)
	answer.body = c.out
	return answer
}

// alone executes an operation outside change sets.
func (c *call) alone(r *http.Request, i int) *reply {
	return c.execute(r.Context(), &c.operations[i], i)
}

// changeSet executes the change set that begins with operation i, all or nothing, and returns the operation after it. It appends the inner
// parts: one for each operation, or one for the operation that failed.
func (c *call) changeSet(r *http.Request, i int) (*reply, int) {
	c.server.change.Lock()
	c.locked = true
	defer func() {
		c.set, c.locked, c.references = 0, false, nil
		c.server.change.Unlock()
	}()
	c.set, c.references = c.operations[i].Set, map[string]referenced{}
	c.undo, c.pending = c.undo[:0], c.pending[:0]
	done := false
	defer func() {
		if !done { // a fault aborts the connection: what was not committed is undone
			c.rollback()
		}
	}()
	boundary := "changesetresponse_" + c.server.newGUID().String()
	head := "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n"
	opening := "--" + boundary + "\r\n" + partHead
	from := len(c.out)
	c.out = append(c.out, head...)
	end := i
	for end < len(c.operations) && c.operations[end].Set == c.set {
		end++
	}
	result := &reply{status: http.StatusOK}
	for ; i < end; i++ {
		op := &c.operations[i]
		var answer *reply
		if string(op.Method) == http.MethodGet {
			answer = failed(badBatch.says("GET requests are not allowed in a change set."))
		} else {
			answer = c.execute(r.Context(), op, i)
		}
		result.cut, result.truncate = result.cut || answer.cut, result.truncate || answer.truncate
		failure := answer.status >= 400
		if failure {
			c.rollback()
			c.out = append(c.out[:from], head...)
			result.status = answer.status
		}
		c.out = append(c.out, opening...)
		if len(op.ContentID) > 0 {
			c.out = append(append(append(c.out, "Content-ID: "...), op.ContentID...), "\r\n"...)
		}
		c.out = answer.appendPart(append(c.out, "\r\n"...), c)
		if failure {
			break
		}
	}
	c.out = append(append(append(c.out, "--"...), boundary...), "--\r\n\r\n"...)
	c.server.journal.add(c.pending...)
	c.undo, c.pending, done = c.undo[:0], c.pending[:0], true
	return result, end
}

// rollback undoes what the change set did so far, newest first.
func (c *call) rollback() {
	for n := len(c.undo) - 1; n >= 0; n-- {
		c.undo[n]()
	}
	c.settle()
	c.undo, c.pending = c.undo[:0], c.pending[:0]
}
