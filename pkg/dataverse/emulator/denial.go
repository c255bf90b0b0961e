package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// This file words refusals for want of a privilege, of reach, or of a column's permission, as they have been seen (section 1.4).

// Wording is how denials are worded. What was seen differs by the age of the environment.
type Wording int

// The wordings.
const (
	WordingCounters Wording = iota // Principal user (Id=…, type=8, roleCount=…, …), is missing prvX privilege; for a record: with Details
	WordingPlain                   // Principal user (Id=…, type=8) is missing prvX privilege (Id=…); for a record: without Details
	WordingSecLib                  // SecLib::CheckPrivilege failed; for a record: SecLib::AccessCheckEx failed
	WordingRecent                  // as WordingCounters, for a record with advice; an owner without Read is 0x80040299
)

//nolint:gochecknoglobals // constant table
var (
	accessDenied         = refusal.Kind{Code: "0x80048306", Name: "unManagedIdsAccessDenied", Status: http.StatusForbidden}
	ownerDenied          = refusal.Kind{Code: "0x80040231", Name: "PrincipalPrivilegeDenied", Status: http.StatusForbidden}
	ownerDeniedRecent    = refusal.Kind{Code: "0x80040299", Name: "", Status: http.StatusForbidden}
	disabledOwner        = refusal.Kind{Code: "0x8004022b", Name: "unManagedidsownernotenabled", Status: http.StatusBadRequest}
	createSecured        = refusal.Kind{Code: "0x8004f502", Name: "AttributePrivilegeCreateIsMissing", Status: http.StatusForbidden}
	updateSecured        = refusal.Kind{Code: "0x8004f507", Name: "AttributePermissionUpdateIsMissingDuringUpdate", Status: http.StatusForbidden}
	cannotActForAnother  = refusal.Kind{Code: "0x8004a110", Name: "CannotActOnBehalfOfAnotherUser", Status: http.StatusForbidden}
	userUnlicensed       = refusal.Kind{Code: "0x8004d24b", Name: "UserNotAssignedLicense", Status: http.StatusForbidden}
	adminOnly            = refusal.Kind{Code: "0x8004a113", Name: "UserDoesNotHaveAdminOnlyModePermissions", Status: http.StatusForbidden}
	organizationDisabled = refusal.Kind{Code: "0x8004a104", Name: "OrganizationDisabled", Status: http.StatusForbidden}
)

// An accessRight is what may be done with one row, as AccessRights has it.
type accessRight int

const (
	readAccess accessRight = iota
	writeAccess
	appendAccess
	appendToAccess
	createAccess
	deleteAccess
	shareAccess
	assignAccess
)

// accessRights are in the order of their bits, in which Dataverse lists them.
var accessRights = [...]string{ //nolint:gochecknoglobals // constant table
	"ReadAccess", "WriteAccess", "AppendAccess", "AppendToAccess", "CreateAccess", "DeleteAccess", "ShareAccess", "AssignAccess",
}

func (a accessRight) String() string { return accessRights[a] }

// privilege names what a table needs for the right.
func (a accessRight) privilege(t *store.Table) string {
	p := &t.Privileges
	return [...]string{p.Read, p.Write, p.Append, p.AppendTo, p.Create, p.Delete, p.Share, p.Assign}[a]
}

// rightsOn lists what the rights allow on a row of that owner: "ReadAccess, WriteAccess", or None.
func rightsOn(t *store.Table, r *security.Rights, owner uuid.UUID) string {
	var held []string
	for a := range accessRights {
		right := accessRight(a)
		if t.Organization && (right == shareAccess || right == assignAccess) {
			continue
		}
		if p := right.privilege(t); r.Has(p) && (t.OwnerColumn < 0 || r.Reaches(p, owner)) {
			held = append(held, right.String())
		}
	}
	if len(held) == 0 {
		return "None"
	}
	return strings.Join(held, ", ")
}

// lacks is the refusal for a privilege that the caller does not have at all. The table is nil for one that belongs to none.
func (c *call) lacks(privilege string, t *store.Table) *refusal.Error {
	id, count := c.actor.id, c.server.held(c.rights)
	switch c.server.config.Assumptions.Wording {
	case WordingPlain:
		return refusal.PrivilegeDenied.Says("Principal user (Id=%s, type=8) is missing %s privilege (Id=%s)", id, privilege, privilegeID(privilege))
	case WordingSecLib:
		return refusal.PrivilegeDenied.Says("SecLib::CheckPrivilege failed. User: %s, PrivilegeName: %s, PrivilegeId: %s, Required Depth: Basic, BusinessUnitId: %s, "+
			"MetadataCache Privileges Count: %d, User Privileges Count: %d", id, privilege, privilegeID(privilege), c.rights.Unit, len(c.server.catalog), count)
	case WordingCounters, WordingRecent:
	}
	return refusal.PrivilegeDenied.Says("Principal user (Id=%s, type=8, roleCount=%d, privilegeCount=%d, accessMode='%s', AADObjectId='%s', "+
		"MetadataCachePrivilegesCount=%d, businessUnitId=%s), is missing %s. context.Caller=%s. Consider adding missed privilege to one of the principal (user/team) roles.",
		id, len(c.rights.Roles), count, c.actor.mode, c.actor.object, len(c.server.catalog), c.rights.Unit, missing(privilege, t), id)
}

// missing is the middle of a denial: which privilege, and on what.
func missing(privilege string, t *store.Table) string {
	code, name, label := 0, "", ""
	if t != nil {
		code, name, label = t.TypeCode, t.Name, t.Label
	}
	return fmt.Sprintf("%s privilege (Id=%s) on OTC=%d for entity '%s' (LocalizedName='%s')", privilege, privilegeID(privilege), code, name, label)
}

// ownerLacks is the refusal for a new owner that cannot read the table.
func (c *call) ownerLacks(t *store.Table, owner *security.Rights) *refusal.Error {
	k := ownerDenied
	if c.server.config.Assumptions.Wording == WordingRecent {
		k = ownerDeniedRecent
	}
	principal := fmt.Sprintf("user (Id=%s, type=8, roleCount=%d", owner.ID, len(owner.Roles))
	if c.server.identities.byID(owner.ID) == nil {
		principal = fmt.Sprintf("team (Id=%s, type=9, teamType=0", owner.ID)
	}
	return k.Says("Read Privilege Check For Owner failed with exception: Principal %s, privilegeCount=%d, MetadataCachePrivilegesCount=%d, businessUnitId=%s), "+
		"is missing %s. context.Caller=%s. Consider adding missed privilege to one of the principal (user/team) roles.",
		principal, c.server.held(owner), len(c.server.catalog), owner.Unit, missing(t.Privileges.Read, t), c.actor.id)
}

// A principal is who asks for a row, or owns it.
type principal struct {
	PrincipalID     uuid.UUID `json:"PrincipalId"`
	Type            int
	IsUserPrincipal bool
}

func (s *Server) principal(id uuid.UUID) principal {
	if s.identities.byID(id) != nil {
		return principal{id, 8, true}
	}
	return principal{id, 9, false}
}

// accessCheck is the Details of a denial for one record.
type accessCheck struct {
	CallerPrincipal, OwnerPrincipal principal
	ObjectID                        uuid.UUID `json:"ObjectId"`
	ObjectTypeCode                  int
	EntityName                      string
	ObjectBusinessUnitID            uuid.UUID `json:"ObjectBusinessUnitId"`
	RightsToCheck                   string
	RoleAccessRights                string
	PoaAccessRights                 string
	HsmAccessRights                 string
	GrantedAccessRights             string
	Messages                        []string
	EntityOwnershipTypeMask         int
	CallerInfo                      callerInfo
	ReadOnlyState                   string
	IsHsmEnabled                    bool
	HsmInfo                         *string
}

type callerInfo struct {
	IsSystemUser, IsSupportUser, IsAdministrator, IsCustomizer, IsDisabled, IsIntegrationUser bool
	Teams, Roles                                                                              *string
}

// outOfReach is the refusal for a privilege that the caller has, but not on a row of that owner.
func (c *call) outOfReach(t *store.Table, right accessRight, id, owner uuid.UUID) *refusal.Error {
	k := accessDenied
	if c.server.config.Assumptions.RecordDeniedAsPrivilege {
		k = refusal.PrivilegeDenied
	}
	unit, caller := c.rights.UnitOf(owner), c.actor.id
	who := c.server.principal(owner)
	switch c.server.config.Assumptions.Wording {
	case WordingPlain:
		return k.Says("Principal with id %s does not have %s right(s) for record with id %s of entity %s", caller, right, id, t.Name)
	case WordingSecLib:
		return k.Says("SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: %s, OwnerId: %s,  OwnerIdType: %d and CallingUser: %s. "+
			"ObjectTypeCode: %d, objectBusinessUnitId: %s, AccessRights: %s", id, owner, who.Type, caller, t.TypeCode, unit, right)
	case WordingCounters, WordingRecent:
	}
	held := rightsOn(t, c.rights, owner)
	details, err := json.Marshal(accessCheck{
		CallerPrincipal: c.server.principal(caller), OwnerPrincipal: who, ObjectID: id, ObjectTypeCode: t.TypeCode, EntityName: t.Name, ObjectBusinessUnitID: unit,
		RightsToCheck: right.String(), RoleAccessRights: held, PoaAccessRights: "None", HsmAccessRights: "None", GrantedAccessRights: held,
		Messages: []string{
			"PrincipalHasOwnerPrincipalWithAtLeastBasicPrivilegeDepth = False", "EntityUserGroupRights = None",
			"MinimumPrivilegeDepthRequired = " + c.rights.Required(owner).String(),
			fmt.Sprintf("SecLib::AccessCheckEx2 failed. Owner Data: %s; Principal Data: %s", c.server.counts(owner), c.server.counts(caller)),
		},
		EntityOwnershipTypeMask: 1, CallerInfo: callerInfo{IsAdministrator: c.rights.Administrator}, ReadOnlyState: "UserAndOrgFullAccess",
	})
	if err != nil {
		return refusal.UnexpectedInternal.Says("An unexpected error occurred.")
	}
	if c.server.config.Assumptions.Wording == WordingRecent {
		return k.Says("user with id %s does not have %s right(s) for record with id %s of entity %s. Consider assigning a role with the required access level to the user or team. "+
			"For further troubleshooting, please work with a system administrator to use the Access Checker tool on this record: "+
			"%s/main.aspx?forceUCI=1&pagetype=entityrecord&etn=%s&id=%s. More details: %s", caller, right, id, t.Label, origin(c.http), t.Name, id, details)
	}
	return k.Says("Principal with id %s does not have %s right(s) for record with id %s of entity %s. Details: %s", caller, right, id, t.Name, details)
}

// counts is what a record denial says of a user or team.
func (s *Server) counts(id uuid.UUID) string {
	roles, privileges := 0, 0
	if r := s.security.Rights(id, true); r != nil {
		roles, privileges = len(r.Roles), s.held(r)
	}
	mode := 0
	if u := s.identities.byID(id); u != nil && strings.HasPrefix(string(u.mode), "4") {
		mode = 4
	}
	return fmt.Sprintf("roleCount=%d, privilegeCount=%d, accessMode=%d", roles, privileges, mode)
}

// secured is the refusal of a value for a column under column security.
func (c *call) secured(k refusal.Kind, verb string, t *store.Table, column int) *refusal.Error {
	if c.server.config.Assumptions.DeniedAsBadRequest {
		k.Status = http.StatusBadRequest
	}
	return k.Says("Caller user with Id %s does not have %s permissions to a %s secured field on entity %s table. The requested operation could not be completed.",
		c.actor.id, verb, t.Columns[column].Label, t.Label)
}
