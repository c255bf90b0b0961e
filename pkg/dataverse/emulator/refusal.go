package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A kind is one row of the error table (reference section 8.3): code, name and HTTP status.
type kind struct {
	code, name string
	status     int
}

// The kinds of error that the emulator raises itself. A fault hook can raise any other.
//
//nolint:gochecknoglobals // constant table
var (
	objectMissing      = kind{"0x80040217", "ObjectDoesNotExist", http.StatusNotFound}
	keyMissing         = kind{"0x80060891", "RecordNotFoundByEntityKey", http.StatusNotFound}
	segmentMissing     = kind{"0x8006088a", "CrmHttpError", http.StatusNotFound}
	routeMissing       = kind{"", "", http.StatusNotFound}
	badURI             = kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	uriTooLong         = kind{"0x80060888", "CrmHttpError", http.StatusRequestURITooLong}
	metadataMissing    = kind{"0x80060888", "CrmHttpError", http.StatusNotFound}
	badPayload         = kind{"0x80048d19", "CrmHttpError", http.StatusBadRequest}
	notImplemented     = kind{"0x80040219", "NotImplemented", http.StatusNotImplemented}
	methodNotAllowed   = kind{"0x80060888", "CrmHttpError", http.StatusMethodNotAllowed}
	duplicateRecord    = kind{"0x80040237", "DuplicateRecord", http.StatusPreconditionFailed}
	duplicatesFound    = kind{"0x80040333", "DuplicateRecordsFound", http.StatusPreconditionFailed}
	duplicateKey       = kind{"0x80060892", "DuplicateRecordEntityKey", http.StatusPreconditionFailed}
	versionMismatch    = kind{"0x80060882", "ConcurrencyVersionMismatch", http.StatusPreconditionFailed}
	concurrencyOff     = kind{"0x8006088d", "OptimisticConcurrencyNotEnabled", http.StatusBadRequest}
	textTooLong        = kind{"0x80044331", "StringLengthTooLong", http.StatusBadRequest}
	choiceOutOfRange   = kind{"0x8004431a", "PicklistValueOutOfRange", http.StatusBadRequest}
	integerOutOfRange  = kind{"0x8004432f", "IntegerValueOutOfRange", http.StatusBadRequest}
	decimalOutOfRange  = kind{"0x80044330", "DecimalValueOutOfRange", http.StatusBadRequest}
	moneyOutOfRange    = kind{"0x80040317", "MoneySizeExceeded", http.StatusBadRequest}
	badDateTime        = kind{"0x80040239", "InvalidDateTime", http.StatusBadRequest}
	badCharacters      = kind{"0x80040278", "InvalidCharactersInField", http.StatusBadRequest}
	badStatus          = kind{"0x80048408", "InvalidStateCodeStatusCode", http.StatusBadRequest}
	closedByAction     = kind{"0x80100005", "CannotUseOpportunitySetStateMessage", http.StatusBadRequest}
	requiredMissing    = kind{"0x80040200", "RequiredFieldMissing", http.StatusBadRequest}
	hasChildren        = kind{"0x80040227", "CannotDeleteDueToAssociation", http.StatusMethodNotAllowed}
	privilegeDenied    = kind{"0x80040220", "PrivilegeDenied", http.StatusForbidden}
	notMember          = kind{"0x80072560", "UserNotMemberOfOrg", http.StatusForbidden}
	userDisabled       = kind{"0x80040225", "unManagedidsusernotenabled", http.StatusForbidden}
	userNoRoles        = kind{"0x80042f09", "UserNotAssignedRoles", http.StatusForbidden}
	userRestricted     = kind{"0x80095ffc", "", http.StatusForbidden}
	tooManyRequests    = kind{"0x80072322", "ThrottlingBurstRequestLimitExceededError", http.StatusTooManyRequests}
	tooMuchTime        = kind{"0x80072321", "ThrottlingTimeExceededError", http.StatusTooManyRequests}
	tooManyConcurrent  = kind{"0x80072326", "ThrottlingConcurrencyLimitExceededError", http.StatusTooManyRequests}
	requestTooLarge    = kind{"0x8004418a", "RequestLengthTooLarge", http.StatusRequestEntityTooLarge}
	trackingOff        = kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	expiredVersion     = kind{"0x80044352", "ExpiredVersionStamp", http.StatusBadRequest}
	tooManyAggregated  = kind{"0x8004e023", "AggregateQueryRecordLimitExceeded", http.StatusBadRequest}
	badBatch           = kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	badReference       = kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	unexpectedBulk     = kind{"0x80040216", "UnExpected", http.StatusBadRequest}
	invalidArgument    = kind{"0x80040203", "InvalidArgument", http.StatusBadRequest}
	notSupported       = kind{"0x80040315", "NotSupported", http.StatusMethodNotAllowed}
	unexpectedInternal = kind{"0x80040216", "UnExpected", http.StatusInternalServerError}
)

// A failure is one refusal, as it goes over the wire.
type failure struct {
	kind
	message string
	details []detail
}

// A detail is an annotation of an error, for clients that ask for annotations: @Microsoft.PowerApps.CDS.<name>.
type detail struct{ name, value string }

// with adds a detail.
func (f *failure) with(name, value string) *failure {
	f.details = append(f.details, detail{name, value})
	return f
}

func (f *failure) Error() string { return f.code + " " + f.message }

// says makes a failure of the kind.
func (k kind) says(format string, args ...any) *failure {
	return &failure{kind: k, message: fmt.Sprintf(format, args...)}
}

// append appends the error's body (section 8.1).
func (f *failure) append(dst []byte, annotate bool) []byte {
	dst = append(dst, `{"error":{"code":`...)
	dst = appendQuoted(dst, f.code)
	dst = append(dst, `,"message":`...)
	dst = appendQuoted(dst, f.message)
	if annotate {
		dst = f.annotations(dst)
	}
	return append(dst, `}}`...)
}

// annotations appends what clients get that ask for annotations.
func (f *failure) annotations(dst []byte) []byte {
	annotate := func(name, value string) {
		dst = append(append(dst, `,"@Microsoft.PowerApps.CDS.`...), name...)
		dst = appendQuoted(append(dst, `":`...), value)
	}
	category := "ClientError"
	if f.status >= http.StatusInternalServerError {
		category = "SystemFailure"
	}
	annotate("ErrorDetails.OperationStatus", "0")
	annotate("ErrorDetails.SubErrorCode", "-2146233088")
	for _, d := range f.details {
		annotate(d.name, d.value)
	}
	annotate("ErrorDetails.ApiExceptionCategory", category)
	if f.name != "" {
		annotate("ErrorDetails.ApiExceptionMessageName", f.name)
	}
	annotate("ErrorDetails.ApiExceptionHttpStatusCode", strconv.Itoa(f.status))
	annotate("HelpLink", "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a"+strings.TrimPrefix(f.code, "0x")+"&client=platform")
	return dst
}

// stack is what follows the reason in messages of the OData layer; clients must cut there.
const stack = "\r\n   at Microsoft.OData.JsonLight.ODataJsonLightResourceDeserializer.ReadPropertyWithValue(IODataJsonLightReaderResourceState resourceState, String propertyName, Boolean isDeltaResourceSet)" +
	"\r\n   at Microsoft.Crm.Extensibility.OData.CrmODataEntityMediaTypeFormatter.ReadFromStreamAsync(Type type, Stream readStream)"

// payload makes the 0x80048d19 of section 2.9 about the entity set; reason is what comes after "InnerException : ".
func payload(set, format string, args ...any) *failure {
	return badPayload.says("Error identified in Payload provided by the user for Entity :'%s', For more information on this error please follow this help link "+
		"https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : %s%s", set, fmt.Sprintf(format, args...), stack)
}
