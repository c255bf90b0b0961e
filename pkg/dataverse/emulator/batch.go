package emulator

import (
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
)

const partHead = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"

// readBatch reads the operations of a $batch request. The failure concerns all of it.
func (c *call) readBatch(r *http.Request, text []byte) *refusal.Error {
	if r.Method != http.MethodPost {
		return refusal.MethodNotAllowed.Says("The requested resource does not support http method '%s'.", r.Method)
	}
	if _, f := c.relative([]byte(r.RequestURI)); f != nil {
		return f
	}
	boundary, ok := batch.Boundary(r.Header.Get("Content-Type"))
	if !ok {
		return refusal.BadBatch.Says("Content-Type '%.200s' is not multipart/mixed with a boundary, which $batch requires.", r.Header.Get("Content-Type"))
	}
	var err error
	if c.operations, err = batch.Read(text, boundary, c.operations[:0]); err != nil {
		c.operations = c.operations[:0]
		return refusal.BadBatch.Says("%s", err)
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
