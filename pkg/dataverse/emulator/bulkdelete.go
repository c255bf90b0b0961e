package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/fetchxml"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/query"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

const bulkDeletePrivilege = "prvBulkDelete"

// bulkDelete is the action BulkDelete: a job that deletes what the queries of QuerySet find. Dataverse answers with the job's id, and carries the job
// out when it gets to it; here it has been carried out with the answer, whatever its StartDateTime. Its row in asyncoperation says how it went: rows that
// cannot be deleted stay, and are counted.
func (c *call) bulkDelete(op *batch.Operation, index int) *reply {
	var in struct {
		JobName, RecurrencePattern string
		QuerySet                   []json.RawMessage
	}
	switch err := json.Unmarshal(op.Body, &in); {
	case err != nil:
		return failed(refusal.Payload("", "Microsoft.OData.ODataException: %s", err))
	case len(in.QuerySet) == 0:
		return failed(refusal.InvalidArgument.Says("The parameter QuerySet of BulkDelete has no queries."))
	case in.RecurrencePattern != "":
		return failed(refusal.NotImplemented.Says("The emulator does not repeat jobs; leave RecurrencePattern empty."))
	case c.set > 0:
		return failed(refusal.NotImplemented.Says("The emulator does not begin jobs in a change set."))
	}
	if f := c.lackingFor(bulkDeletePrivilege); f != nil {
		return failed(f)
	}
	begun := time.Now()
	var victims []referenced
	for _, text := range in.QuerySet {
		found, f := c.victims(op, text)
		if f != nil {
			return failed(f)
		}
		victims = append(victims, found...)
	}
	deleted, refused := 0, (*refusal.Error)(nil)
	for _, v := range victims {
		if answer := c.deleteVictim(op, index, v); answer.failure == nil {
			deleted++
		} else if answer.failure.Status != http.StatusNotFound && refused == nil { // gone by another way is deleted, too
			refused = answer.failure
		}
	}
	job := c.server.newGUID()
	row := Row{
		"name": quoted(in.JobName), "operationtype": json.RawMessage("13"), "statecode": json.RawMessage("3"), "statuscode": json.RawMessage("30"),
		"ownerid": quoted(c.actor.id.String()), "startedon": store.AppendTime(nil, begun.Unix()), "completedon": store.AppendTime(nil, time.Now().Unix()),
		"friendlymessage": quoted(strconv.Itoa(deleted) + " of " + strconv.Itoa(len(victims)) + " records were deleted."),
	}
	if refused != nil {
		row["statuscode"], row["message"] = json.RawMessage("31"), quoted(refused.Message)
	}
	c.server.place("asyncoperation", job, row)
	return jsonReply(map[string]any{"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse", "JobId": job})
}

// victims finds the rows of a QueryExpression that the caller may see.
func (c *call) victims(op *batch.Operation, text []byte) ([]referenced, *refusal.Error) {
	x, err := fetchxml.Expression(text)
	if err != nil {
		return nil, query.Unreadable(err)
	}
	t := c.server.tables[x.Table]
	if t == nil {
		return nil, noEntity(x.Table)
	}
	if t.ReadOnly {
		return nil, refusal.NotSupported.Says("The 'BulkDelete' method does not support entities of type '%s'.", t.Name)
	}
	if f := c.denied(t, t.Privileges.Delete); f != nil {
		return nil, f
	}
	ids, f := c.reader(op).Ids(t, x.Options)
	if f != nil {
		return nil, f
	}
	found := make([]referenced, len(ids))
	for i, id := range ids {
		found[i] = referenced{table: t, id: id}
	}
	return found, nil
}

// deleteVictim deletes a row as its table is now: metadata may have changed since it was found.
func (c *call) deleteVictim(op *batch.Operation, index int, v referenced) *reply {
	segment := v.id.String()
	single := &batch.Operation{Method: []byte(http.MethodDelete), URL: op.URL}
	for {
		t := c.server.tables[v.table.Name]
		if t == nil {
			return failed(noEntity(v.table.Name))
		}
		if answer := c.delete(single, index, &address{table: t, single: true, id: v.id, segment: []byte(segment)}); !answer.outdated {
			return answer
		}
	}
}
