package dataverse

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// tokenHint says what to do about an error of Entra ID, by its AADSTS number (reference section 1.3; those of client
// assertions from public captures); "" where the number is not known.
func tokenHint(code string) string {
	switch code {
	case "AADSTS7000215":
		return "the client secret is wrong: configure the secret's value as shown once when it was made"
	case "AADSTS7000222":
		return "the client secret has expired: make a new one in the app registration and configure its value"
	case "AADSTS7000216", "AADSTS7000218":
		return hintDefect
	case "AADSTS700027":
		return "the certificate is not registered with the app registration, or the configured key is not its key: upload the certificate there, and configure the file that holds it with its key"
	case "AADSTS7000214", "AADSTS7000277":
		return "the certificate has been revoked: make a new one, upload it to the app registration, and configure it"
	case "AADSTS1000502", "AADSTS7000274":
		return "the certificate is not valid now: make a new one, upload it to the app registration, and configure it"
	case "AADSTS700024":
		return "this machine's clock and that of Entra ID differ: set the clock"
	case "AADSTS50027", "AADSTS700021", "AADSTS700023", "AADSTS5002723", "AADSTS5002738", "AADSTS5002741":
		return hintDefect
	case "AADSTS700016":
		return "the tenant knows no such application: check client id and tenant of the environment"
	case "AADSTS7000229":
		return "the application has no service principal in the tenant: an administrator of the tenant has to consent to it"
	case "AADSTS90002":
		return "there is no such tenant: check the environment's tenant, and that it is in this cloud"
	case "AADSTS900023":
		return "the tenant must be a directory GUID or a verified domain"
	case "AADSTS500011":
		return "the tenant does not know this environment: check URL and tenant"
	case "AADSTS70011", "AADSTS1002012":
		return "Entra ID does not take the scope: check the environment's URL"
	case "AADSTS70001":
		return "the application is not enabled in the tenant"
	case "AADSTS7000112":
		return "the application is disabled in the tenant: enable it under Enterprise applications"
	}
	if strings.HasPrefix(code, "AADSTS530") {
		return "conditional access blocks the application: ask the tenant's administrator to allow this network or application"
	}
	return ""
}

var aadsts = regexp.MustCompile(`AADSTS\d+`)

// loopPause is how long to leave Entra ID alone that has seen a request loop.
const loopPause = 5 * time.Minute

// tokenFault explains why no token came. The credential is in none of its parts: the error of the library is not kept,
// because it holds the whole answer. The fault has no Op.
func tokenFault(err error, p proof) *penstock.Error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		f := unreachable("", err, false)
		f.Err = errors.New(p.conceal(f.Err.Error()))
		return f
	}
	text := answer.ErrorDescription
	if text == "" {
		text = answer.ErrorCode
	}
	f := &penstock.Error{Kind: penstock.SystemFault, Code: aadsts.FindString(text)}
	if f.Code == "" {
		var numbers struct {
			Codes []int `json:"error_codes"`
		}
		if json.Unmarshal(answer.Body, &numbers) == nil && len(numbers.Codes) > 0 {
			f.Code = fmt.Sprintf("AADSTS%d", numbers.Codes[0])
		}
	}
	status := answer.Response.StatusCode
	text, _, _ = strings.Cut(text, "Trace ID:")
	if text = clean(p.conceal(text)); text == "" {
		text = fmt.Sprintf("HTTP %d without an explanation", status)
	}
	f.Err, f.Hint = errors.New(text), tokenHint(f.Code)
	wait := readLimits(answer.Response.Header).RetryAfter
	switch {
	case f.Code == "AADSTS7000215" && plainGUID.MatchString(p.form.Get("client_secret")):
		f.Hint = "the client secret looks like the secret's ID: configure its value, which is shown once when it is made"
	case f.Code == "AADSTS700027" && !p.ends.IsZero() && time.Now().After(p.ends):
		f.Hint = "the certificate expired on " + p.ends.UTC().Format(time.DateOnly) + ": make a new one, upload it to the app registration, and configure it"
	case f.Hint != "":
	case f.Code == "AADSTS50196":
		f.Kind, f.Wait = penstock.Transient, max(wait, loopPause)
	case answer.ErrorCode == "temporarily_unavailable", status == http.StatusTooManyRequests, status >= 500,
		f.Code == "AADSTS50033", f.Code == "AADSTS90033", f.Code == "AADSTS90055":
		f.Kind, f.Wait = penstock.Transient, wait
	case status >= 300 && status < 400:
		f.Hint = "the authority leads elsewhere: does a proxy stand between?"
	default:
		f.Hint = "check tenant, client id and credential of the environment"
	}
	return f
}

// conceal takes the credential out of a text, as it is and as forms spell it.
func (p proof) conceal(text string) string {
	for _, name := range []string{"client_secret", "client_assertion"} {
		if v := p.form.Get(name); v != "" {
			text = strings.NewReplacer(v, "[secret]", url.QueryEscape(v), "[secret]").Replace(text)
		}
	}
	return text
}
