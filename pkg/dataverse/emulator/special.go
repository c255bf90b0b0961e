package emulator

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
)

// This file is about headers that ask for what not everybody may (section 2.1): to act for another user, and to leave out an organisation's
// own logic. They work on a request for all its operations, and on a single operation of a batch.

// The privileges that belong to no table.
const (
	actForAnother       = "prvActOnBehalfOfAnotherUser"
	bypassPlugins       = "prvBypassCustomPlugins"
	bypassBusinessLogic = "prvBypassCustomBusinessLogic"
	overrideCreatedOn   = "prvOverrideCreatedOnCreatedBy"
)

// The headers of impersonation: by the user's id in Entra ID, and by its systemuserid.
const (
	callerObjectID = "CallerObjectId"
	callerID       = "MSCRMCallerID"
)

// bypasses are the headers that leave out logic, with the privilege that each needs.
var bypasses = [...]struct{ header, privilege string }{ //nolint:gochecknoglobals // constant table
	{"MSCRM.BypassBusinessLogicExecution", bypassBusinessLogic},
	{"MSCRM.BypassBusinessLogicExecutionStepIds", bypassBusinessLogic},
	{"MSCRM.BypassCustomPluginExecution", bypassPlugins},
	{"MSCRM.SuppressCallbackRegistrationExpanderJob", bypassBusinessLogic},
}

// isSpecial reports whether a request has one of these headers.
func isSpecial(h http.Header) bool {
	special := h.Get(callerObjectID) != "" || h.Get(callerID) != ""
	for _, b := range bypasses {
		special = special || h.Get(b.header) != ""
	}
	return special
}

// header returns a header of the operation in a batch, or else of the request, for those that are rare.
func (c *call) header(op *batch.Operation, name string) string {
	if v := op.Header(name); v != nil {
		return string(v)
	}
	return c.http.Header.Get(name)
}

// assume sees to it that the operation acts as the user that it is to act as, and refuses what the caller may not ask for.
func (c *call) assume(op *batch.Operation) *refusal.Error {
	c.actor, c.rights = c.user, c.own
	if !c.special && !op.Rare() {
		return nil
	}
	if f := c.impersonate(c.header(op, callerObjectID), c.header(op, callerID)); f != nil {
		return f
	}
	for _, b := range bypasses {
		if v := c.header(op, b.header); v == "" || strings.EqualFold(v, "false") || c.rights.Has(b.privilege) {
			continue
		}
		f := c.lacks(b.privilege, nil)
		if c.server.config.Assumptions.DeniedAsBadRequest {
			f.Status = http.StatusBadRequest
		}
		return f
	}
	return nil
}

// impersonate lets the operation act for another user: with the privileges that both have.
func (c *call) impersonate(object, id string) *refusal.Error {
	var other *user
	switch {
	case object != "":
		parsed, err := uuid.Parse(object)
		if err != nil {
			return refusal.BadURI.Says("The header %s is '%.100s', which is no GUID.", callerObjectID, object)
		}
		if other = c.server.identities.byObject(parsed); other == nil {
			return refusal.NotMember.Says("The user is not a member of the organization.")
		}
	case id != "":
		parsed, err := uuid.Parse(id)
		if err != nil {
			return refusal.BadURI.Says("The header %s is '%.100s', which is no GUID.", callerID, id)
		}
		if other = c.server.identities.byID(parsed); other == nil {
			return refusal.ObjectMissing.Says("systemuser With Id = %s Does Not Exist", parsed)
		}
	}
	if other == nil || other == c.user {
		return nil
	}
	if !c.own.Has(actForAnother) {
		return cannotActForAnother.Says("User does not have the privilege to act on behalf another user.")
	}
	rights := c.server.rights(other, c.http)
	if f := c.server.refusal(other, OrganizationEnabled, rights); f != nil {
		return f
	}
	c.actor, c.rights = other, rights.For(c.own)
	return nil
}
