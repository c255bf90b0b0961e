package refusal

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
)

// A Kind is one row of the error table (reference section 8.3): code, name and HTTP status.
type Kind struct {
	Code, Name string
	Status     int
}

// The kinds of error that the emulator raises itself. A fault hook can raise any other.
//
//nolint:gochecknoglobals // constant table
var (
	ObjectMissing      = Kind{"0x80040217", "ObjectDoesNotExist", http.StatusNotFound}
	KeyMissing         = Kind{"0x80060891", "RecordNotFoundByEntityKey", http.StatusNotFound}
	SegmentMissing     = Kind{"0x8006088a", "CrmHttpError", http.StatusNotFound}
	RouteMissing       = Kind{"", "", http.StatusNotFound}
	BadURI             = Kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	URITooLong         = Kind{"0x80060888", "CrmHttpError", http.StatusRequestURITooLong}
	MetadataMissing    = Kind{"0x80060888", "CrmHttpError", http.StatusNotFound}
	BadPayload         = Kind{"0x80048d19", "CrmHttpError", http.StatusBadRequest}
	NotImplemented     = Kind{"0x80040219", "NotImplemented", http.StatusNotImplemented}
	MethodNotAllowed   = Kind{"0x80060888", "CrmHttpError", http.StatusMethodNotAllowed}
	DuplicateRecord    = Kind{"0x80040237", "DuplicateRecord", http.StatusPreconditionFailed}
	DuplicatesFound    = Kind{"0x80040333", "DuplicateRecordsFound", http.StatusPreconditionFailed}
	DuplicateKey       = Kind{"0x80060892", "DuplicateRecordEntityKey", http.StatusPreconditionFailed}
	VersionMismatch    = Kind{"0x80060882", "ConcurrencyVersionMismatch", http.StatusPreconditionFailed}
	ConcurrencyOff     = Kind{"0x8006088d", "OptimisticConcurrencyNotEnabled", http.StatusBadRequest}
	TextTooLong        = Kind{"0x80044331", "StringLengthTooLong", http.StatusBadRequest}
	ChoiceOutOfRange   = Kind{"0x8004431a", "PicklistValueOutOfRange", http.StatusBadRequest}
	IntegerOutOfRange  = Kind{"0x8004432f", "IntegerValueOutOfRange", http.StatusBadRequest}
	DecimalOutOfRange  = Kind{"0x80044330", "DecimalValueOutOfRange", http.StatusBadRequest}
	MoneyOutOfRange    = Kind{"0x80040317", "MoneySizeExceeded", http.StatusBadRequest}
	BadDateTime        = Kind{"0x80040239", "InvalidDateTime", http.StatusBadRequest}
	BadCharacters      = Kind{"0x80040278", "InvalidCharactersInField", http.StatusBadRequest}
	BadStatus          = Kind{"0x80048408", "InvalidStateCodeStatusCode", http.StatusBadRequest}
	ClosedByAction     = Kind{"0x80100005", "CannotUseOpportunitySetStateMessage", http.StatusBadRequest}
	RequiredMissing    = Kind{"0x80040200", "RequiredFieldMissing", http.StatusBadRequest}
	HasChildren        = Kind{"0x80040227", "CannotDeleteDueToAssociation", http.StatusMethodNotAllowed}
	PrivilegeDenied    = Kind{"0x80040220", "PrivilegeDenied", http.StatusForbidden}
	NotMember          = Kind{"0x80072560", "UserNotMemberOfOrg", http.StatusForbidden}
	UserDisabled       = Kind{"0x80040225", "unManagedidsusernotenabled", http.StatusForbidden}
	UserNoRoles        = Kind{"0x80042f09", "UserNotAssignedRoles", http.StatusForbidden}
	UserRestricted     = Kind{"0x80095ffc", "", http.StatusForbidden}
	TooManyRequests    = Kind{"0x80072322", "ThrottlingBurstRequestLimitExceededError", http.StatusTooManyRequests}
	TooMuchTime        = Kind{"0x80072321", "ThrottlingTimeExceededError", http.StatusTooManyRequests}
	TooManyConcurrent  = Kind{"0x80072326", "ThrottlingConcurrencyLimitExceededError", http.StatusTooManyRequests}
	RequestTooLarge    = Kind{"0x8004418a", "RequestLengthTooLarge", http.StatusRequestEntityTooLarge}
	TrackingOff        = Kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	ExpiredVersion     = Kind{"0x80044352", "ExpiredVersionStamp", http.StatusBadRequest}
	TooManyAggregated  = Kind{"0x8004e023", "AggregateQueryRecordLimitExceeded", http.StatusBadRequest}
	BadBatch           = Kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	BadReference       = Kind{"0x80060888", "CrmHttpError", http.StatusBadRequest}
	UnexpectedBulk     = Kind{"0x80040216", "UnExpected", http.StatusBadRequest}
	InvalidArgument    = Kind{"0x80040203", "InvalidArgument", http.StatusBadRequest}
	NotSupported       = Kind{"0x80040315", "NotSupported", http.StatusMethodNotAllowed}
	UnexpectedInternal = Kind{"0x80040216", "UnExpected", http.StatusInternalServerError}
)

// An Error is one refusal, as it goes over the wire.
type Error struct {
	Kind
	Message string
	details []detail
}

// A detail is an annotation of an error, for clients that ask for annotations: @Microsoft.PowerApps.CDS.<name>.
type detail struct{ name, value string }

// With adds a detail.
func (f *Error) With(name, value string) *Error {
	f.details = append(f.details, detail{name, value})
	return f
}

func (f *Error) Error() string { return f.Code + " " + f.Message }

// Says makes an error of the kind.
func (k Kind) Says(format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// AppendJSON appends the error's body (section 8.1).
func (f *Error) AppendJSON(dst []byte, annotate bool) []byte {
	dst = append(dst, `{"error":{"code":`...)
	dst = jsonobject.AppendQuoted(dst, f.Code)
	dst = append(dst, `,"message":`...)
	dst = jsonobject.AppendQuoted(dst, f.Message)
	if annotate {
		dst = f.annotations(dst)
	}
	return append(dst, `}}`...)
}

// annotations appends what clients get that ask for annotations.
func (f *Error) annotations(dst []byte) []byte {
	annotate := func(name, value string) {
		dst = append(append(dst, `,"@Microsoft.PowerApps.CDS.`...), name...)
		dst = jsonobject.AppendQuoted(append(dst, `":`...), value)
	}
	category := "ClientError"
	if f.Status >= http.StatusInternalServerError {
		category = "SystemFailure"
	}
	annotate("ErrorDetails.OperationStatus", "0")
	annotate("ErrorDetails.SubErrorCode", "-2146233088")
	for _, d := range f.details {
		annotate(d.name, d.value)
	}
	annotate("ErrorDetails.ApiExceptionCategory", category)
	if f.Name != "" {
		annotate("ErrorDetails.ApiExceptionMessageName", f.Name)
	}
	annotate("ErrorDetails.ApiExceptionHttpStatusCode", strconv.Itoa(f.Status))
	annotate("HelpLink", "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a"+strings.TrimPrefix(f.Code, "0x")+"&client=platform")
	return dst
}

// stack is what follows the reason in messages of the OData layer; clients must cut there.
const stack = "\r\n   at Microsoft.OData.JsonLight.ODataJsonLightResourceDeserializer.ReadPropertyWithValue(IODataJsonLightReaderResourceState resourceState, String propertyName, Boolean isDeltaResourceSet)" +
	"\r\n   at Microsoft.Crm.Extensibility.OData.CrmODataEntityMediaTypeFormatter.ReadFromStreamAsync(Type type, Stream readStream)"

// Payload makes the 0x80048d19 of section 2.9 about the entity set; reason is what comes after "InnerException : ".
func Payload(set, format string, args ...any) *Error {
	return BadPayload.Says("Error identified in Payload provided by the user for Entity :'%s', For more information on this error please follow this help link "+
		"https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : %s%s", set, fmt.Sprintf(format, args...), stack)
}
