package dataverse

import (
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A rule says what one error code of Dataverse means for a pipeline of upserts and deletes. Codes whose meaning depends
// on the text or on what was asked are refined in classify.go.
type rule struct {
	kind  penstock.Kind
	class penstock.Class
	hint  string // the next step, for faults that no row is to blame for
}

// ruleOf finds the rule of a code as Dataverse spells it: 0x80040217 in either case, or the same number in decimal.
func ruleOf(code string) (rule, uint32, bool) {
	n, ok := parseCode(code)
	if !ok {
		return rule{}, 0, false
	}
	r, ok := codes[n]
	return r, n, ok
}

func parseCode(code string) (uint32, bool) {
	if hex, ok := strings.CutPrefix(strings.ToLower(code), "0x"); ok {
		n, err := strconv.ParseUint(hex, 16, 32)
		return uint32(n), err == nil
	}
	n, err := strconv.ParseInt(code, 10, 64)
	return uint32(n), err == nil && n >= -1<<31 && n < 1<<32 // the SDK prints the same 32 bits as a signed number
}

// Hints that several codes share.
const (
	hintPrivilege = "give the application user a security role with this privilege; changes of roles are seen after about 30 s"
	hintMapping   = "compare the sync's table, key and columns with the environment's"
	hintToken     = "check that the URL names the environment that the application user belongs to"
	hintDefect    = "this is a defect in Penstock: please report it"
)

// codes is the table of reference "Errors: table for an upsert/delete pipeline".
var codes = map[uint32]rule{ //nolint:gochecknoglobals // a table, which nothing writes to
	// Service protection.
	0x80072322: {penstock.Throttled, penstock.Exhausted, ""}, // ThrottlingBurstRequestLimitExceeded
	0x80072321: {penstock.Throttled, penstock.Exhausted, ""}, // ThrottlingTimeExceeded
	0x80072326: {penstock.Throttled, penstock.Exhausted, ""}, // ThrottlingConcurrencyLimitExceeded
	0x8005f103: {penstock.Throttled, penstock.Exhausted, ""}, // Throttling

	// Passing faults of the platform.
	0x80072323: {penstock.Transient, penstock.Exhausted, ""}, // AzureSqlDatabaseResourceLimitExceeded
	0x80072324: {penstock.Transient, penstock.Exhausted, ""}, // AzureSqlMaxConcurrentWorkersLimitExceeded
	0x80060308: {penstock.Transient, penstock.Exhausted, ""}, // unnamed, seen with throttling
	0x8004a001: {penstock.Transient, penstock.Exhausted, ""}, // CrmSqlGovernorDatabaseRequestDenied
	0x80044150: {penstock.Transient, penstock.Exhausted, ""}, // Generic SQL error: refined by the SQL number
	0x80044151: {penstock.TooMuch, penstock.Exhausted, ""},   // SQL time-out
	0x80040255: {penstock.Transient, penstock.Exhausted, ""}, // TransactionAborted
	0x80040251: {penstock.Transient, penstock.Exhausted, ""}, // TransactionNotStarted
	0x80073000: {penstock.Transient, penstock.Exhausted, ""}, // CrmSQLNetworkingError
	0x8004ed47: {penstock.Transient, penstock.Exhausted, ""}, // AppLockTimeout
	0x80071154: {penstock.Transient, penstock.Exhausted, ""}, // ConcurrentOperationFailure
	0x80048543: {penstock.Transient, penstock.Exhausted, ""}, // SolutionImportCauseTimeout
	0x80044171: {penstock.Transient, penstock.Exhausted, ""}, // sandbox plug-in time-outs
	0x80044172: {penstock.Transient, penstock.Exhausted, ""},
	0x80044173: {penstock.Transient, penstock.Exhausted, ""},
	0x8004418d: {penstock.Transient, penstock.Exhausted, ""}, // SandboxWorkerNotAvailable
	0x8004418e: {penstock.Transient, penstock.Exhausted, ""}, // SandboxHostNotAvailable
	0x80081116: {penstock.Transient, penstock.Exhausted, ""}, // SandboxWorkerThrottleLimit
	0x80040216: {penstock.Transient, penstock.Exhausted, ""}, // UnExpected
	0x8004032b: {penstock.Transient, penstock.Exhausted, ""}, // CannotDeleteAsBackgroundOperationInProgress
	0x80081111: {penstock.Race, penstock.Exhausted, ""},      // SandboxWorkerPluginExecuteTimeout
	0x80040224: {penstock.Race, penstock.Exhausted, ""},      // IsvUnExpected: a plug-in crashed
	0x8004418a: {penstock.TooMuch, penstock.Oversize, ""},    // RequestLengthTooLarge

	// The record, or one that it refers to, is missing: refined by operation and by the table that the text names.
	0x80040217: {penstock.RowFault, penstock.Reference, ""}, // ObjectDoesNotExist
	0x80060891: {penstock.RowFault, penstock.Reference, ""}, // RecordNotFoundByEntityKey
	0x80040352: {penstock.RowFault, penstock.Reference, ""}, // DuplicateLookupFound
	0x80040353: {penstock.RowFault, penstock.Reference, ""}, // LookupNotFound
	0x80040229: {penstock.RowFault, penstock.Reference, ""}, // InvalidOwnerID
	0x80040227: {penstock.RowFault, penstock.Reference, ""}, // CannotDeleteDueToAssociation: other records refer to it

	// Another record is in the way.
	0x80060892: {penstock.Race, penstock.Conflict, ""},     // DuplicateRecordEntityKey
	0x80040237: {penstock.Race, penstock.Conflict, ""},     // DuplicateRecord: refined by operation
	0x80060882: {penstock.Race, penstock.Conflict, ""},     // ConcurrencyVersionMismatch
	0x80073002: {penstock.RowFault, penstock.Conflict, ""}, // CrmSQLUniqueIndexOrConstraintViolation
	0x80040333: {penstock.RowFault, penstock.Conflict, ""}, // DuplicateRecordsFound

	// Values that Dataverse does not accept.
	0x80040265: {penstock.RowFault, penstock.Validation, ""}, // IsvAborted: a business rule, its text is the customer's
	0x80044331: {penstock.RowFault, penstock.Validation, ""}, // StringLengthTooLong
	0x80073001: {penstock.RowFault, penstock.Validation, ""}, // CrmSQLCharLengthTooLong
	0x8004431a: {penstock.RowFault, penstock.Validation, ""}, // PicklistValueOutOfRange
	0x8004431c: {penstock.RowFault, penstock.Validation, ""}, // BooleanOptionOutOfRange
	0x8004432f: {penstock.RowFault, penstock.Validation, ""}, // IntegerValueOutOfRange
	0x80044330: {penstock.RowFault, penstock.Validation, ""}, // DecimalValueOutOfRange
	0x80040317: {penstock.RowFault, penstock.Validation, ""}, // MoneySizeExceeded
	0x80040239: {penstock.RowFault, penstock.Validation, ""}, // InvalidDateTime
	0x8004022c: {penstock.RowFault, penstock.Validation, ""}, // data out of range
	0x80040278: {penstock.RowFault, penstock.Validation, ""}, // InvalidCharactersInField
	0x80048408: {penstock.RowFault, penstock.Validation, ""}, // InvalidStateCodeStatusCode
	0x80040233: {penstock.RowFault, penstock.Validation, ""}, // InvalidState
	0x80040230: {penstock.RowFault, penstock.Validation, ""}, // CannotUpdateObjectBecauseItIsInactive
	0x8004022e: {penstock.RowFault, penstock.Validation, ""}, // CannotUpdateBecauseItIsReadOnly
	0x80040228: {penstock.RowFault, penstock.Validation, ""}, // CannotDeleteBecauseItIsReadOnly
	0x80040200: {penstock.RowFault, penstock.Validation, ""}, // RequiredFieldMissing
	0x80040203: {penstock.RowFault, penstock.Validation, ""}, // InvalidArgument
	0x80040205: {penstock.RowFault, penstock.Validation, ""}, // InvalidParent
	0x80040206: {penstock.RowFault, penstock.Validation, ""}, // InvalidParentId
	0x80040507: {penstock.RowFault, penstock.Validation, ""}, // loops of parents
	0x80040506: {penstock.RowFault, penstock.Validation, ""},
	0x8004050a: {penstock.RowFault, penstock.Validation, ""},
	0x80040509: {penstock.RowFault, penstock.Validation, ""},
	0x80040387: {penstock.RowFault, penstock.Validation, ""},
	0x80040386: {penstock.RowFault, penstock.Validation, ""},
	0x8004022d: {penstock.RowFault, penstock.Validation, ""}, // InvalidCustomer
	0x8004022b: {penstock.RowFault, penstock.Validation, ""}, // the owner is disabled
	0x80048cfb: {penstock.RowFault, penstock.Validation, ""}, // CurrencyCannotBeNullDueToNonNullMoneyFields
	0x80048103: {penstock.RowFault, penstock.Validation, ""}, // CascadeDeleteNotAllowDelete
	0x8004f01f: {penstock.RowFault, penstock.Validation, ""}, // CannotDeleteInUseComponent
	0x80072553: {penstock.RowFault, penstock.Validation, ""}, // ProcessImageFailure
	0x80048d19: {penstock.RowFault, penstock.Validation, ""}, // payload error: refined by text
	0x00000000: {penstock.RowFault, penstock.Validation, ""}, // OData layer of older builds: refined by text

	// Permissions. For one record, owner or column it is the row's; for a whole table it is the system's.
	0x80040220: {penstock.RowFault, penstock.Permission, ""}, // PrivilegeDenied: refined by text
	0x80048306: {penstock.RowFault, penstock.Permission, ""}, // access to one record
	0x80040231: {penstock.RowFault, penstock.Permission, ""}, // PrincipalPrivilegeDenied: the new owner may not
	0x80048405: {penstock.RowFault, penstock.Permission, ""}, // AccessDenied
	0x8004f502: {penstock.RowFault, penstock.Permission, ""}, // column security, create
	0x8004f507: {penstock.RowFault, penstock.Permission, ""}, // column security, update

	// The application user.
	0x80072560: {penstock.SystemFault, penstock.Permission, "the application has no application user in this environment: add one in the Power Platform admin center, Settings, Users, Application users"},
	0x80040225: {penstock.SystemFault, penstock.Permission, "the application user is disabled: enable it in the Power Platform admin center"},
	0x80042f09: {penstock.SystemFault, penstock.Permission, "the application user has no security role: assign one in the Power Platform admin center"},
	0x8004d24b: {penstock.SystemFault, penstock.Permission, "the user has no licence: connect as an application user, which needs none"},
	0x80095ffc: {penstock.SystemFault, penstock.Permission, "a policy of the tenant blocks this application: ask the tenant's administrator to allow it"},
	0x8004a113: {penstock.SystemFault, penstock.Permission, "the environment is in administration mode: try again when it is over"},
	0x8004a104: {penstock.SystemFault, penstock.Permission, "the environment is disabled: ask its administrator"},
	0x8004a107: {penstock.SystemFault, penstock.Permission, "the environment's scale group is disabled: ask Microsoft support"},
	0x8004a110: {penstock.SystemFault, penstock.Permission, "the application user may not act for others: it lacks prvActOnBehalfOfAnotherUser"},
	0x80040277: {penstock.SystemFault, penstock.Permission, hintToken}, // UnauthorizedAccess
	0x80044302: {penstock.SystemFault, penstock.Permission, hintToken}, // RequestIsNotAuthenticated
	0x80044300: {penstock.SystemFault, penstock.Permission, hintToken}, // MissingCrmAuthenticationToken
	0x8004a101: {penstock.SystemFault, penstock.Permission, hintToken}, // ExpiredAuthTicket
	0x8004a102: {penstock.SystemFault, penstock.Permission, hintToken}, // BadAuthTicket
	0x8004a105: {penstock.SystemFault, penstock.Permission, hintToken}, // TamperedAuthTicket
	0x80040204: {penstock.SystemFault, penstock.Permission, hintToken}, // InvalidUserAuth

	// The environment, and what the sync asks of it.
	0x80072325: {penstock.SystemFault, penstock.Exhausted, "the environment's storage is full: free or buy capacity"},
	0x80060890: {penstock.SystemFault, penstock.Mapping, "the alternate key is not defined, or its index is not Active"},
	0x80060888: {penstock.SystemFault, penstock.Mapping, hintMapping}, // address not understood: refined by the row's key
	0x8006088a: {penstock.SystemFault, penstock.Mapping, hintMapping}, // resource not found for the segment
	0x80041102: {penstock.SystemFault, penstock.Mapping, hintMapping}, // QueryBuilderNoEntity
	0x80041103: {penstock.SystemFault, penstock.Mapping, hintMapping}, // QueryBuilderNoAttribute
	0x8004f026: {penstock.SystemFault, penstock.Mapping, hintMapping}, // GenericManagedPropertyFailure
	0x8004023b: {penstock.SystemFault, penstock.Mapping, "the table does not support this operation"},
	0x80040315: {penstock.SystemFault, penstock.Mapping, "the table does not support this operation"},
	0x80040219: {penstock.SystemFault, penstock.Mapping, "the table does not support this operation"},
	0x80060883: {penstock.SystemFault, penstock.Mapping, hintDefect}, // ConcurrencyVersionNotProvided
	0x8006088d: {penstock.SystemFault, penstock.Mapping, hintDefect}, // OptimisticConcurrencyNotEnabled
}
