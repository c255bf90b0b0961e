package entra

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A Failure is an answer of the token endpoint that is no token.
type Failure struct {
	Number     int           // of AADSTS
	Status     int           // of the table when 0
	Error      string        // the OAuth error; of the table when empty
	Message    string        // after "AADSTS<number>: "; of the table when empty
	RetryAfter time.Duration // header Retry-After, in whole seconds
}

// A row is one of section 1.3, with the text that the reference or a public capture gives. The rows of client assertions beyond 700027 are
// from public captures: 700021, 700023, 700024, 5002723, 5002738, 5002741, 7000214.
type row struct {
	Row
	text string
}

//nolint:gochecknoglobals // constant table
var rows = map[int]row{
	50027: {Row{http.StatusBadRequest, "invalid_request"}, "JWT token is invalid or malformed."},
	50033: {Row{http.StatusServiceUnavailable, "temporarily_unavailable"}, "A transient error has occurred. Please try again."},
	50049: {Row{http.StatusBadRequest, "invalid_instance"}, "Unknown or invalid instance."},
	50196: {Row{http.StatusBadRequest, "invalid_grant"}, "The server terminated an operation because it encountered a client request loop. Please contact your app vendor."},
	53003: {Row{http.StatusBadRequest, "invalid_grant"}, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
	70001: {Row{http.StatusBadRequest, "unauthorized_client"}, "Application with identifier '%s' is not supported or not enabled in the directory '%s'."},
	70003: {Row{http.StatusBadRequest, "unsupported_grant_type"}, "The app requested an unsupported grant type '%s'."},
	70011: {Row{http.StatusBadRequest, "invalid_scope"}, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope '%s' is not valid."},
	90002: {Row{http.StatusBadRequest, "invalid_tenant"}, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. " +
		"Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	90033:  {Row{http.StatusServiceUnavailable, "temporarily_unavailable"}, "A transient error has occurred. Please try again."},
	90055:  {Row{http.StatusTooManyRequests, "temporarily_unavailable"}, "The server is too busy to process the request: there are too many requests for this tenant. Please try again."},
	500011: {Row{http.StatusBadRequest, "invalid_resource"}, "The resource principal named %s was not found in the tenant named %s. " + notInstalled},
	700016: {Row{http.StatusBadRequest, "unauthorized_client"}, "Application with identifier '%s' was not found in the directory '%s'. " + notInstalled +
		" You may have sent your authentication request to the wrong tenant."},
	700021: {Row{http.StatusUnauthorized, "invalid_client"}, "Client assertion application identifier doesn't match 'client_id' parameter. " + reviewCertificates},
	700023: {Row{http.StatusUnauthorized, "invalid_client"}, "Client assertion audience claim does not match Realm issuer. " + reviewCertificates},
	700024: {Row{http.StatusUnauthorized, "invalid_client"}, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s. " + reviewCertificates},
	700027: {Row{http.StatusUnauthorized, "invalid_client"}, "The certificate with identifier used to sign the client assertion is not registered on application. " +
		"[Reason - %s, Thumbprint of key used by client: '%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.]"},
	900023: {Row{http.StatusBadRequest, "invalid_request"}, "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain."},
	900144: {Row{http.StatusBadRequest, "invalid_request"}, "The request body must contain the following parameter: '%s'."},
	900561: {Row{http.StatusBadRequest, "invalid_request"}, "The endpoint only accepts POST, OPTIONS requests. Received a %s request."},
	1002012: {Row{http.StatusBadRequest, "invalid_scope"}, "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default " +
		"suffixed to the resource identifier (application ID URI)."},
	5002723: {Row{http.StatusUnauthorized, "invalid_client"}, "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header."},
	5002738: {Row{http.StatusUnauthorized, "invalid_client"}, "Invalid JWT token. '%s' is not a supported signature algorithm."},
	5002741: {Row{http.StatusUnauthorized, "invalid_client"}, "Number of audience values in the provided client credential exceed maximum allowed. %d audience values provided, maximum allowed is 1."},
	7000112: {Row{http.StatusBadRequest, "unauthorized_client"}, "Application '%s' is disabled."},
	7000214: {Row{http.StatusUnauthorized, "invalid_client"}, "Certificate has been revoked."},
	7000215: {Row{http.StatusUnauthorized, "invalid_client"}, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, " +
		"not the client secret ID, for a secret added to app '%s'."},
	7000216: {Row{http.StatusUnauthorized, "invalid_client"}, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."},
	7000218: {Row{http.StatusUnauthorized, "invalid_client"}, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000222: {Row{http.StatusUnauthorized, "invalid_client"}, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: " +
		"https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
}

const reviewCertificates = "Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."

const notInstalled = "This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."

// fail says the text of a number's row about args.
func fail(number int, args ...any) *Failure {
	return &Failure{Number: number, Message: fmt.Sprintf(rows[number].text, args...)}
}

// Refuse answers a request for a token with a failure. What it leaves open is as the table has it; a number that the table does
// not have is an invalid_request with status 400.
func (d *Directory) Refuse(w http.ResponseWriter, f Failure) {
	r, known := rows[f.Number]
	if !known {
		r = row{Row{http.StatusBadRequest, "invalid_request"}, "The request is not valid."}
	}
	if own, ok := d.config.Assumptions.Rows[f.Number]; ok {
		r.Row = own
	}
	if f.Status == 0 {
		f.Status = r.Status
	}
	if f.Error == "" {
		f.Error = r.Error
	}
	if f.Message == "" {
		f.Message = strings.NewReplacer("%s", "{0}", "%d", "{0}").Replace(r.text)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10))
	}
	headers(w)
	w.WriteHeader(f.Status)
	encode(w, f.body(uuid.New(), uuid.New(), time.Now().UTC(), d.config.Assumptions.OneLineTrailers))
}

func (f *Failure) body(trace, correlation uuid.UUID, now time.Time, oneLine bool) map[string]any {
	at, line := now.Format("2006-01-02 15:04:05Z"), "\r\n"
	if oneLine {
		line = " "
	}
	return map[string]any{
		"error": f.Error,
		"error_description": fmt.Sprintf("AADSTS%d: %s", f.Number, f.Message) + line + "Trace ID: " + trace.String() +
			line + "Correlation ID: " + correlation.String() + line + "Timestamp: " + at,
		"error_codes": []int{f.Number}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", f.Number),
	}
}

// headers are those of section 1.2, of which a token has the same as a failure.
func headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("x-ms-request-id", uuid.NewString())
}

// encode writes v as JSON; an error means that the client is gone.
func encode(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
