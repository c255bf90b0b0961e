package emulator

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/metadata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file joins internal/metadata to the rest (section 6): it knows the tables, the Server knows what has become of their keys.

func (s *Server) newModel(tables []schema.Table, choices []metadata.Choice) *metadata.Model {
	return metadata.New(tables, choices, metadata.Config{ID: derived, KeyStatus: s.keyStatus, OrderBy: s.config.Assumptions.MetadataOrderBy})
}

// metadata answers a path that begins with one of the sets of definitions.
func (c *call) metadata(path, query string) *reply {
	answer, err := c.server.model.Answer(string(c.root), path, query)
	if err != nil {
		return failed(metadataRefusal(err))
	}
	return jsonReply(answer)
}

// metadataRefusal is the answer to an error of internal/metadata.
func metadataRefusal(err error) *refusal.Error {
	var refused *metadata.Error
	if !errors.As(err, &refused) {
		return refusal.UnexpectedInternal.Says("An unexpected error occurred.")
	}
	kinds := map[metadata.Reason]refusal.Kind{metadata.Query: refusal.BadURI, metadata.Path: refusal.BadURI, metadata.Segment: refusal.SegmentMissing, metadata.Missing: refusal.MetadataMissing}
	return kinds[refused.Reason].Says("%s", refused.Message)
}

func (s *Server) serviceDocument(root string) *reply {
	return jsonReply(s.model.ServiceDocument(root))
}

func (s *Server) csdl() *reply {
	return &reply{status: http.StatusOK, contentType: "application/xml", body: s.model.CSDL()}
}

// keyStatus returns the status of an alternate key's index, as it is now.
func (s *Server) keyStatus(table string, k *schema.Key) string {
	return s.tables[table].KeyStatus(k.Name)
}

// SetKeyStatus changes the status of an alternate key's index: schema.Pending, InProgress, Active or Failed, at once. Only an Active key
// addresses rows and is enforced. It reports whether table (logical name) and key are known; a key whose values are not unique becomes Failed
// instead of Active.
func (s *Server) SetKeyStatus(table, key, status string) bool {
	s.change.RLock()
	defer s.change.RUnlock()
	return s.setKeyStatus(table, key, status)
}

// setKeyStatus is SetKeyStatus for a caller that holds Server.change.
func (s *Server) setKeyStatus(table, key, status string) bool {
	t := s.tables[table]
	return t != nil && t.SetKeyStatus(key, status)
}

// reactivateKey is the action ReactivateEntityKey (section 6.3). Dataverse builds the index in a job; here it is there with the answer.
func (c *call) reactivateKey(op *batch.Operation) *reply {
	var in struct{ EntityLogicalName, EntityKeyLogicalName string }
	if err := json.Unmarshal(op.Body, &in); err != nil {
		return failed(refusal.Payload("", "Microsoft.OData.ODataException: %s", err))
	}
	if c.server.tables[in.EntityLogicalName] == nil {
		return failed(refusal.MetadataMissing.Says("Could not find an entity with name %s and id 00000000-0000-0000-0000-000000000000.", in.EntityLogicalName))
	}
	if !c.server.setKeyStatus(in.EntityLogicalName, in.EntityKeyLogicalName, schema.Active) {
		return failed(refusal.MetadataMissing.Says("Could not find an entity key with name %s on entity %s.", in.EntityKeyLogicalName, in.EntityLogicalName))
	}
	return &reply{status: http.StatusNoContent}
}
