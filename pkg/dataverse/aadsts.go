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
	f.Err = errors.New(text)
	remedy, known := RemedyOf(f.Code)
	wait := readLimits(answer.Response.Header).RetryAfter
	switch {
	case f.Code == "AADSTS7000215" && plainGUID.MatchString(p.form.Get("client_secret")):
		f.Hint = Remedy{"the client secret looks like the secret's ID, not its value", remedy.Mend}.String()
	case f.Code == "AADSTS700027" && !p.ends.IsZero() && time.Now().After(p.ends):
		f.Hint = Remedy{"the certificate expired on " + p.ends.UTC().Format(time.DateOnly), newCertificate}.String()
	case f.Code == "AADSTS50196":
		f.Kind, f.Wait = penstock.Transient, max(wait, loopPause)
	case f.Code == "AADSTS50033", f.Code == "AADSTS90033", f.Code == "AADSTS90055":
		f.Kind, f.Wait = penstock.Transient, wait
	case known:
		f.Hint = remedy.String()
	case answer.ErrorCode == "temporarily_unavailable", status == http.StatusTooManyRequests, status >= 500:
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
