package dataverse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A rule says what one error code of Dataverse means for a pipeline of upserts and deletes. Codes whose meaning depends
// on the text or on what was asked are refined in classify.go.
type rule struct {
	kind  penstock.Kind
	class penstock.Class
	hint  string // who can mend it, where and how
}

// Mend says what to do about a cause, and where: in Dynamics, in the Power Platform admin center, in the model or in the
// sync. It is "" for codes that are not Dataverse's, whose messages say it themselves.
func Mend(c penstock.Cause) string {
	r, _, known := ruleOf(c.Code)
	switch {
	case c.Privilege != "" && (!known || r.hint == hintRecord): // else it is the new owner that lacks it, or there is no role at all
		return GrantPrivileges("the application user", c.Privilege)
	case c.Class == penstock.Mapping && known && r.class != penstock.Mapping:
		return hintMapping // the text made a rejected payload one of an unknown column
	case c.Code == "http_403":
		return hintRecord
	}
	return r.hint
}

// ruleOf finds the rule of a code as Dataverse spells it: 0x80040217 in either case, or the same number in decimal.
func ruleOf(code string) (rule, uint32, bool) {
	n, ok := parseCode(code)
	if !ok {
		return rule{}, 0, false
	}
	r, ok := codes[n]
	if ok && r.hint == "" {
		remedy, _ := RemedyOf(fmt.Sprintf("0x%08x", n))
		r.hint = remedy.String()
	}
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
	hintPasses    = "this passes by itself: the next run sends the row again"
	hintPlugin    = "a plug-in took too long or crashed: ask who maintains the environment's customizations; the next run sends the row again"
	hintReference = "the record that a lookup names is not in Dynamics: sync that table first, or correct the row's value"
	hintDuplicate = "another record holds this key or value: merge the two in Dynamics, or correct the row's value"
	hintValue     = "correct the value in the model, or the column's limits in Dynamics"
	hintState     = "the record is inactive, closed or read-only: reactivate it in Dynamics, or leave the row out of the model"
	hintParent    = "correct the parent that the row names: it would be its own ancestor, or is none that the table allows"
	hintOwner     = "the owner does not exist or is disabled: map another user or team, or enable it in the Power Platform admin center"
	hintNewOwner  = "the new owner may not read the table: give that user or team a role which may, or map another owner"
	hintRecord    = "the application user's role does not reach this record: give its privileges the depth Organization in the Power Platform admin center"
	hintSecured   = "a mapped column is secured: add the application user to a column security profile that allows it, or take the column out of the sync"
	hintMapping   = "compare the sync's table, key and columns with the environment's"
	hintToken     = "check that url and tenant in the environment's file are of one environment; was the application user's tenant changed?"
	hintDefect    = "this is a defect in Penstock: please report it"
)

// codes is the table of reference "Errors: table for an upsert/delete pipeline".
var codes = map[uint32]rule{ //nolint:gochecknoglobals // a table, which nothing writes to
	// Service protection.
	0x80072322: {penstock.Throttled, penstock.Exhausted, hintPasses}, // ThrottlingBurstRequestLimitExceeded
	0x80072321: {penstock.Throttled, penstock.Exhausted, hintPasses}, // ThrottlingTimeExceeded
	0x80072326: {penstock.Throttled, penstock.Exhausted, hintPasses}, // ThrottlingConcurrencyLimitExceeded
	0x8005f103: {penstock.Throttled, penstock.Exhausted, hintPasses}, // Throttling
	0x80060308: {penstock.Throttled, penstock.Exhausted, hintPasses}, // unnamed, another throttle

	// Passing faults of the platform.
	0x80072323: {penstock.Transient, penstock.Exhausted, hintPasses}, // AzureSqlDatabaseResourceLimitExceeded
	0x80072324: {penstock.Transient, penstock.Exhausted, hintPasses}, // AzureSqlMaxConcurrentWorkersLimitExceeded
	0x8004a001: {penstock.Transient, penstock.Exhausted, hintPasses}, // CrmSqlGovernorDatabaseRequestDenied
	0x80044150: {penstock.Transient, penstock.Exhausted, hintPasses}, // Generic SQL error: refined by the SQL number
	0x80044151: {penstock.TooMuch, penstock.Exhausted, hintPasses},   // SQL time-out
	0x80040255: {penstock.Transient, penstock.Exhausted, hintPasses}, // TransactionAborted
	0x80040251: {penstock.Transient, penstock.Exhausted, hintPasses}, // TransactionNotStarted
	0x80073000: {penstock.Transient, penstock.Exhausted, hintPasses}, // CrmSQLNetworkingError
	0x8004ed47: {penstock.Transient, penstock.Exhausted, hintPasses}, // AppLockTimeout
	0x80071154: {penstock.Transient, penstock.Exhausted, hintPasses}, // ConcurrentOperationFailure
	0x80048543: {penstock.Transient, penstock.Exhausted, hintPasses}, // SolutionImportCauseTimeout
	0x80044171: {penstock.Transient, penstock.Exhausted, hintPlugin}, // sandbox plug-in time-outs
	0x80044172: {penstock.Transient, penstock.Exhausted, hintPlugin},
	0x80044173: {penstock.Transient, penstock.Exhausted, hintPlugin},
	0x8004418d: {penstock.Transient, penstock.Exhausted, hintPasses},                                                      // SandboxWorkerNotAvailable
	0x8004418e: {penstock.Transient, penstock.Exhausted, hintPasses},                                                      // SandboxHostNotAvailable
	0x80081116: {penstock.Transient, penstock.Exhausted, hintPlugin},                                                      // SandboxWorkerThrottleLimit
	0x80040216: {penstock.Transient, penstock.Exhausted, hintPasses},                                                      // UnExpected
	0x8004032b: {penstock.Transient, penstock.Exhausted, hintPasses},                                                      // CannotDeleteAsBackgroundOperationInProgress
	0x80081111: {penstock.Race, penstock.Exhausted, hintPlugin},                                                           // SandboxWorkerPluginExecuteTimeout
	0x80040224: {penstock.Race, penstock.Exhausted, hintPlugin},                                                           // IsvUnExpected: a plug-in crashed
	0x8004418a: {penstock.TooMuch, penstock.Oversize, "one row is too large for a request: map fewer or shorter columns"}, // RequestLengthTooLarge

	// The record, or one that it refers to, is missing: refined by operation and by the table that the text names.
	0x80040217: {penstock.RowFault, penstock.Reference, hintReference},                                                                                                 // ObjectDoesNotExist
	0x80060891: {penstock.RowFault, penstock.Reference, hintReference},                                                                                                 // RecordNotFoundByEntityKey
	0x80040352: {penstock.RowFault, penstock.Reference, hintReference},                                                                                                 // DuplicateLookupFound
	0x80040353: {penstock.RowFault, penstock.Reference, hintReference},                                                                                                 // LookupNotFound
	0x80040229: {penstock.RowFault, penstock.Reference, hintOwner},                                                                                                     // InvalidOwnerID
	0x80040227: {penstock.RowFault, penstock.Reference, "other records refer to this one: delete those first, or let Dynamics cascade the delete in the relationship"}, // CannotDeleteDueToAssociation: other records refer to it

	// Another record is in the way.
	0x80060892: {penstock.Race, penstock.Conflict, hintDuplicate},                                                                                                                    // DuplicateRecordEntityKey
	0x80040237: {penstock.Race, penstock.Conflict, hintDuplicate},                                                                                                                    // DuplicateRecord: refined by operation
	0x80060882: {penstock.Race, penstock.Conflict, "somebody changed the record at the same moment: the next run sends the row again"},                                               // ConcurrencyVersionMismatch
	0x80073002: {penstock.RowFault, penstock.Conflict, hintDuplicate},                                                                                                                // CrmSQLUniqueIndexOrConstraintViolation
	0x80040333: {penstock.RowFault, penstock.Conflict, "a duplicate detection rule of the table matches: merge the records in Dynamics, or leave detect_duplicates out of the sync"}, // DuplicateRecordsFound

	// Values that Dataverse does not accept.
	0x80040265: {penstock.RowFault, penstock.Validation, "a plug-in or business rule of this environment refuses the row, in its own words: ask who maintains it, or correct the row"}, // IsvAborted: a business rule, its text is the customer's
	0x80044331: {penstock.RowFault, penstock.Validation, "shorten the text in the model, or lengthen the column in Dynamics"},                                                          // StringLengthTooLong
	0x80073001: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // CrmSQLCharLengthTooLong
	0x8004431a: {penstock.RowFault, penstock.Validation, "map the value to an option that the choice has, or add the option in Dynamics"},                                              // PicklistValueOutOfRange
	0x8004431c: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // BooleanOptionOutOfRange
	0x8004432f: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // IntegerValueOutOfRange
	0x80044330: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // DecimalValueOutOfRange
	0x80040317: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // MoneySizeExceeded
	0x80040239: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // InvalidDateTime
	0x8004022c: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // data out of range
	0x80040278: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // InvalidCharactersInField
	0x80048408: {penstock.RowFault, penstock.Validation, "map statuscode to a reason that belongs to the row's statecode"},                                                             // InvalidStateCodeStatusCode
	0x80040233: {penstock.RowFault, penstock.Validation, hintState},                                                                                                                    // InvalidState
	0x80040230: {penstock.RowFault, penstock.Validation, hintState},                                                                                                                    // CannotUpdateObjectBecauseItIsInactive
	0x8004022e: {penstock.RowFault, penstock.Validation, hintState},                                                                                                                    // CannotUpdateBecauseItIsReadOnly
	0x80040228: {penstock.RowFault, penstock.Validation, hintState},                                                                                                                    // CannotDeleteBecauseItIsReadOnly
	0x80040200: {penstock.RowFault, penstock.Validation, "the table needs this column: map it, and give it a value in every row"},                                                      // RequiredFieldMissing
	0x80040203: {penstock.RowFault, penstock.Validation, hintValue},                                                                                                                    // InvalidArgument
	0x80040205: {penstock.RowFault, penstock.Validation, hintParent},                                                                                                                   // InvalidParent
	0x80040206: {penstock.RowFault, penstock.Validation, hintParent},                                                                                                                   // InvalidParentId
	0x80040507: {penstock.RowFault, penstock.Validation, hintParent},                                                                                                                   // loops of parents
	0x80040506: {penstock.RowFault, penstock.Validation, hintParent},
	0x8004050a: {penstock.RowFault, penstock.Validation, hintParent},
	0x80040509: {penstock.RowFault, penstock.Validation, hintParent},
	0x80040387: {penstock.RowFault, penstock.Validation, hintParent},
	0x80040386: {penstock.RowFault, penstock.Validation, hintParent},
	0x8004022d: {penstock.RowFault, penstock.Validation, "a customer is an account or a contact: correct the lookup in the mapping"},                    // InvalidCustomer
	0x8004022b: {penstock.RowFault, penstock.Validation, hintOwner},                                                                                     // the owner is disabled
	0x80048cfb: {penstock.RowFault, penstock.Validation, "money needs a currency: map transactioncurrencyid, or give the organisation a base currency"}, // CurrencyCannotBeNullDueToNonNullMoneyFields
	0x80048103: {penstock.RowFault, penstock.Validation, "the table does not allow this delete: deactivate the records instead"},                        // CascadeDeleteNotAllowDelete
	0x8004f01f: {penstock.RowFault, penstock.Validation, "something in a solution depends on the record: remove that first"},                            // CannotDeleteInUseComponent
	0x80072553: {penstock.RowFault, penstock.Validation, hintValue},                                                                                     // ProcessImageFailure
	0x80048d19: {penstock.RowFault, penstock.Validation, hintValue},                                                                                     // payload error: refined by text
	0x00000000: {penstock.RowFault, penstock.Validation, hintValue},                                                                                     // OData layer of older builds: refined by text

	// Permissions. For one record, owner or column it is the row's; for a whole table it is the system's.
	0x80040220: {penstock.RowFault, penstock.Permission, hintRecord},   // PrivilegeDenied: refined by text
	0x80048306: {penstock.RowFault, penstock.Permission, hintRecord},   // access to one record
	0x80040231: {penstock.RowFault, penstock.Permission, hintNewOwner}, // PrincipalPrivilegeDenied: the new owner may not
	0x80040299: {penstock.RowFault, penstock.Permission, hintNewOwner}, // the same of newer builds
	0x80048405: {penstock.RowFault, penstock.Permission, hintRecord},   // AccessDenied
	0x8004f502: {penstock.RowFault, penstock.Permission, hintSecured},  // column security, create
	0x8004f507: {penstock.RowFault, penstock.Permission, hintSecured},  // column security, update

	// The application user. What has no hint here has one in remedies.
	0x80072560: {penstock.SystemFault, penstock.Permission, ""},
	0x80040225: {penstock.SystemFault, penstock.Permission, ""},
	0x80042f09: {penstock.SystemFault, penstock.Permission, ""},
	0x8004d24b: {penstock.SystemFault, penstock.Permission, ""},
	0x80095ffc: {penstock.SystemFault, penstock.Permission, ""},
	0x8004a113: {penstock.SystemFault, penstock.Permission, ""},
	0x8004a104: {penstock.SystemFault, penstock.Permission, ""},
	0x8004a107: {penstock.SystemFault, penstock.Permission, ""},
	0x8004a110: {penstock.SystemFault, penstock.Permission, ""},
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
