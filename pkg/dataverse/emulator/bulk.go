package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file is the bulk messages of section 4: CreateMultiple, UpdateMultiple, UpsertMultiple and DeleteMultiple, bound to a set.

// A bulkTarget is one row of a bulk message.
type bulkTarget struct {
	text      []byte
	at        address
	addressed bool // by its primary key or by @odata.id
	there     bool // before the message began
}

// bulk executes a message on all its targets: in one transaction, or for an elastic table one by one.
func (c *call) bulk(op *batch.Operation, index int, t *store.Table, message string) *reply {
	if !t.Supports(message) {
		if message == schema.DeleteMultiple {
			return failed(refusal.NotImplemented.Says("DeleteMultiple has not yet been implemented."))
		}
		return failed(refusal.NotSupported.Says("The '%s' method does not support entities of type '%s'.", message, t.Name))
	}
	if t.Kind == schema.KindElastic {
		targets, f := c.bulkTargets(t, op.Body, message)
		if f != nil {
			return failed(f)
		}
		return c.bulkEach(op, index, t, message, targets)
	}
	return c.transact(func() *reply {
		targets, f := c.bulkTargets(t, op.Body, message)
		if f != nil {
			return failed(f)
		}
		ids := make([]uuid.UUID, len(targets))
		for i := range targets {
			if ids[i], f = c.bulkRow(op, index, t, message, &targets[i]); f != nil {
				return failed(f)
			}
		}
		return c.bulkReply(t, message, ids)
	})
}

// bulkEach executes a message on the rows of an elastic table: what succeeds stays, and the error lists what did not.
func (c *call) bulkEach(op *batch.Operation, index int, t *store.Table, message string, targets []bulkTarget) *reply {
	type detail struct {
		RequestIndex int
		ID           uuid.UUID `json:"Id"`
		StatusCode   int
	}
	var first *refusal.Error
	var details []detail
	ids := make([]uuid.UUID, len(targets))
	for i := range targets {
		var f *refusal.Error
		if ids[i], f = c.bulkRow(op, index, t, message, &targets[i]); f != nil {
			details = append(details, detail{i, targets[i].at.id, f.Status})
			if first == nil {
				first = f
			}
		}
	}
	if first == nil {
		return c.bulkReply(t, message, ids)
	}
	text, err := json.Marshal(details)
	if err != nil {
		return failed(refusal.UnexpectedInternal.Says("An unexpected error occurred."))
	}
	return failed(first.With("ErrorDetails.Plugin.BulkApiErrorDetails", string(text)))
}

func (c *call) bulkReply(t *store.Table, message string, ids []uuid.UUID) *reply {
	answer := &reply{status: http.StatusNoContent}
	if message == schema.CreateMultiple {
		answer = jsonReply(map[string]any{"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse", "Ids": ids})
	}
	answer.session = t.Kind == schema.KindElastic
	return answer
}

// bulkTargets reads the parameter Targets, and finds out which of the rows are there.
func (c *call) bulkTargets(t *store.Table, text []byte, message string) ([]bulkTarget, *refusal.Error) {
	var list []byte
	r := jsonobject.New(text)
	for r.Next() {
		if string(r.Name) != "Targets" {
			return nil, refusal.Payload("", "Microsoft.OData.ODataException: The parameter '%s' in the request payload is not a valid parameter for the operation '%s'.", r.Name, message)
		}
		list = r.Value
	}
	if r.Err() != nil {
		return nil, refusal.Payload("", "Microsoft.OData.ODataException: %s", r.Err())
	}
	elements, ok := jsonobject.Elements(list)
	if !ok {
		return nil, refusal.Payload("", "Microsoft.OData.ODataException: The parameter 'Targets' of the operation '%s' is an array of records.", message)
	}
	targets := make([]bulkTarget, len(elements))
	for i, element := range elements {
		var f *refusal.Error
		if targets[i], f = c.bulkTarget(t, element); f != nil {
			return nil, f
		}
		if targets[i].addressed {
			c.rlock(t)
			targets[i].there = targets[i].at.row() != nil
			c.runlock(t)
		} else if message == schema.UpdateMultiple || message == schema.DeleteMultiple {
			return nil, refusal.InvalidArgument.Says("Entity Id must be specified for Update or Delete: the target %d has neither '%s' nor '@odata.id'.", i, t.PrimaryID)
		}
	}
	return targets, nil
}

// bulkTarget reads the type and the address of one target.
func (c *call) bulkTarget(t *store.Table, text []byte) (bulkTarget, *refusal.Error) {
	target, typed := bulkTarget{text: text}, false
	r := jsonobject.New(text)
	for r.Next() {
		switch string(r.Name) {
		case "@odata.type":
			name := strings.TrimPrefix(jsonobject.Text(r.Value), "#")
			if typed = name == "Microsoft.Dynamics.CRM."+t.Name; !typed {
				return target, refusal.Payload(t.Set, "Microsoft.OData.ODataException: A resource with the type '%s' was found, where one of 'Microsoft.Dynamics.CRM.%s' was expected.", name, t.Name)
			}
		case "@odata.id":
			path, f := c.relative([]byte(jsonobject.Text(r.Value)))
			if f != nil {
				return target, f
			}
			if target.at, f = c.address(bytes.TrimPrefix(path, []byte("/"))); f != nil {
				return target, f
			}
			if target.at.table != t || !target.at.single || len(target.at.rest) > 0 {
				return target, refusal.BadURI.Says("The @odata.id %.200s does not address a record of '%s'.", r.Value, t.Set)
			}
			target.addressed = true
		case t.PrimaryID:
			if id, ok := store.ParseGUID([]byte(jsonobject.Text(r.Value))); ok && !target.addressed {
				target.at, target.addressed = address{table: t, single: true, id: id, segment: store.AppendGUID(nil, id)}, true
			}
		}
	}
	switch {
	case r.Err() != nil:
		return target, refusal.Payload(t.Set, "Microsoft.OData.ODataException: %s", r.Err())
	case !typed:
		return target, refusal.Payload(t.Set, "Microsoft.OData.ODataException: A resource without a type name was found, but the expected type 'Microsoft.Dynamics.CRM.crmbaseentity' is abstract. Specify '@odata.type'.")
	}
	return target, nil
}

// bulkRow executes a message on one target.
func (c *call) bulkRow(op *batch.Operation, index int, t *store.Table, message string, target *bulkTarget) (uuid.UUID, *refusal.Error) {
	one := batch.Operation{Body: target.text, ContentType: op.ContentType}
	switch {
	case message == schema.DeleteMultiple:
		one.Body = nil
		c.body.Reset()
		if f := c.allowed(t, t.Privileges.Delete); f != nil {
			return uuid.Nil, f
		}
		c.lock(t)
		defer c.unlock(t)
		r := target.at.row()
		if r == nil {
			return uuid.Nil, target.at.missing()
		}
		return r.ID, c.drop(t, r, &one, index, target.at.segment)
	case message == schema.CreateMultiple || !target.addressed:
		return c.bulkCreate(&one, index, t)
	case message == schema.UpdateMultiple:
		one.IfMatch = []byte("*")
	}
	if f := c.body.Decode(t, target.text, op.ContentType); f != nil {
		return uuid.Nil, f
	}
	if f := c.allowed(t, t.Privileges.Read); f != nil {
		return uuid.Nil, f
	}
	if target.at.key != nil && target.at.key.Lookups {
		c.bindKey(&target.at)
	}
	c.lock(t)
	defer c.unlock(t)
	r := target.at.row()
	switch {
	case r == nil && message == schema.UpdateMultiple && target.at.key == nil:
		return uuid.Nil, refusal.ObjectMissing.Says("%s With Ids = %s Do Not Exist", t.Schema, target.at.id)
	case r == nil && message == schema.UpdateMultiple:
		return uuid.Nil, target.at.missing()
	case !target.there && c.repeatsKey(&target.at):
		return uuid.Nil, refusal.UnexpectedBulk.Says("An unexpected error occurred.")
	case r != nil && !target.there && target.at.key == nil: // twice among the targets: both are created
		return uuid.Nil, refusal.DuplicateRecord.Says("Cannot insert duplicate key.")
	case r != nil && !target.there:
		return uuid.Nil, violated(t, target.at.key, store.Merge(nil, nil, c.body.Changes))
	}
	r, f := c.write(r, &target.at, &one, index)
	if f != nil {
		return uuid.Nil, f
	}
	return r.ID, nil
}

// bulkCreate creates one target.
func (c *call) bulkCreate(op *batch.Operation, index int, t *store.Table) (uuid.UUID, *refusal.Error) {
	if f := c.prepare(t, op, nil); f != nil {
		return uuid.Nil, f
	}
	c.lock(t)
	defer c.unlock(t)
	id, f := c.freeID(t)
	if f != nil {
		return uuid.Nil, refusal.DuplicateRecord.Says("Cannot insert duplicate key.")
	}
	_, f = c.createRow(t, id, op, index, nil)
	return id, f
}

// repeatsKey reports whether the body has a column of the key that it is addressed by: on creating, bulk messages fail then (section 4.1).
func (c *call) repeatsKey(a *address) bool {
	if a.key == nil {
		return false
	}
	for _, column := range a.key.Columns {
		if _, there := store.Get(c.body.Changes, column); there {
			return true
		}
	}
	return false
}
