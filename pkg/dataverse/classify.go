package dataverse

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A subject is what an error answer is about. Its zero value is a request that concerns no row.
type subject struct {
	table     string // logical name of the table written to
	operation penstock.Operation
	address   string // below the API root; empty for a request that concerns no row
}

// A finding is an error answer, understood.
type finding struct {
	kind  penstock.Kind
	cause penstock.Cause
	hint  string // of a fault that no row is to blame for
}

// classify decides what an error answer means: by its code where the table knows it, refined by the text and by what
// was asked, else by its status. It is the one place that looks at codes and texts of Dataverse.
func (s subject) classify(status int, body []byte) finding {
	code, message := readError(body)
	own, _, _ := strings.Cut(message, "Cannot convert ") // what follows quotes the row, which may say anything
	f := finding{cause: penstock.Cause{
		Code:      shortName(code),
		Column:    shortName(find(own, lengthOf, valueOf, notOnType, undeclared, invalid, notFound)),
		Privilege: shortName(find(message, lacking, needing)),
		Key:       shortName(find(message, violated)),
		Message:   clean(message),
		Status:    status,
	}}
	r, n, known := ruleOf(code)
	if !known {
		r, n = s.byStatus(status, message)
	}
	f.kind, f.cause.Class = r.kind, r.class
	if status == http.StatusTooManyRequests && f.kind == penstock.Transient {
		f.kind = penstock.Throttled // whatever ran short, nothing was executed, and all who write as this user wait
	}
	if r.kind == penstock.SystemFault { // what else there is to mend, a letter's reader learns from Mend
		f.hint = r.hint
	}
	switch n {
	case 0x80040217, 0x80060891:
		s.missing(&f, message, known)
	case 0x80040220:
		if f.cause.Privilege != "" {
			f.kind, f.hint = penstock.SystemFault, remedies["0x80040220"].String()
		}
	case 0x80040237:
		if s.operation == penstock.Create && s.address != "" && !strings.Contains(message, "integrity violation") &&
			!strings.Contains(message, "duplicate key") {
			f.kind = penstock.Fine // the GUID is ours alone, so the record is our own earlier success
		}
	case 0x80044150:
		switch find(message, sqlErrorCode) {
		case "2627", "2601":
			f.kind, f.cause.Class = penstock.Race, penstock.Conflict
		}
	case 0x80048d19, 0x0:
		f.readPayload(own)
	case 0x80060888, 0x8006088a:
		if oddKey(s.address) {
			f.kind, f.cause.Class, f.hint = penstock.RowFault, penstock.Mapping, ""
		}
	}
	if f.kind == penstock.Fine {
		return finding{kind: penstock.Fine}
	}
	if f.cause.Code == "" {
		f.cause.Code = "http_" + strconv.Itoa(status)
	}
	if f.cause.Message == "" {
		f.cause.Message = http.StatusText(status)
	}
	return f
}

// byStatus stands in for an absent or unknown code: with the rule of the code that the text suggests, or with one for
// the status alone.
func (s subject) byStatus(status int, message string) (rule, uint32) {
	as := func(n uint32) (rule, uint32) { return codes[n], n }
	switch {
	case status == http.StatusUnauthorized:
		return as(0x80040277)
	case status == http.StatusForbidden:
		return as(0x80040220)
	case status == http.StatusNotFound && strings.Contains(message, "No HTTP resource was found"):
		return as(0x8006088a)
	case status == http.StatusNotFound && strings.Contains(message, "Resource not found for the segment"):
		return as(0x8006088a)
	case status == http.StatusNotFound:
		return as(0x80040217)
	case status == http.StatusMethodNotAllowed && s.operation == penstock.Delete && s.address != "":
		return as(0x80040227) // no wrong verb: other records refer to it
	case status == http.StatusMethodNotAllowed:
		return as(0x8004023b)
	case status == http.StatusPreconditionFailed && strings.Contains(message, "matching key values"):
		return as(0x80040237)
	case status == http.StatusPreconditionFailed && strings.HasPrefix(message, "Entity Key"):
		return as(0x80060892)
	case status == http.StatusPreconditionFailed && strings.Contains(message, "RowVersion"):
		return as(0x80060882)
	case status == http.StatusPreconditionFailed:
		return as(0x80073002)
	case status == http.StatusRequestEntityTooLarge:
		return as(0x8004418a)
	case status == http.StatusTooManyRequests:
		return as(0x8005f103)
	case status == http.StatusRequestTimeout || status >= 500:
		return as(0x80040216)
	case strings.Contains(message, "key in the request URI is not valid"),
		strings.Contains(message, "Could not find a property named"):
		return as(0x80060888)
	case status >= 400:
		return as(0x80048d19) // where nothing else is known the text decides, as for a payload
	}
	return rule{kind: penstock.Unanswered, class: penstock.Exhausted}, 0
}

// missing tells apart the two meanings of 404: the record written to is gone, or one that it refers to is. Only the
// latter sets Target.
func (s subject) missing(f *finding, message string, known bool) {
	named, itself := "", false
	if m := missingRecord.FindStringSubmatch(message); m != nil {
		named = strings.ToLower(m[1] + m[2] + m[4])
		itself = strings.EqualFold(named, s.table) && (m[3] == "" || !guid.MatchString(s.address) || containsFold(s.address, m[3]))
	}
	switch {
	case s.address == "":
		return
	case s.operation.Removal() && itself,
		s.operation.Removal() && named == "" && known: // it carries no lookup that could be meant
		f.kind = penstock.Fine
	case s.operation == penstock.Update && (itself || named == ""):
		// Somebody deleted it.
	default:
		f.cause.Target = shortName(named)
	}
}

// readPayload refines what Dataverse says of a request's body: an unknown property is unknown in every row, a value that
// cannot be read is one row's.
func (f *finding) readPayload(message string) {
	switch {
	case strings.Contains(message, "does not exist on type"),
		strings.Contains(message, "Invalid property '"),
		strings.Contains(message, "undeclared property '"),
		strings.Contains(message, "Could not find a property named"):
		f.kind, f.cause.Class, f.hint = penstock.SystemFault, penstock.Mapping, hintMapping
	case strings.Contains(message, "Stream was not readable"):
		f.kind, f.cause.Class, f.hint = penstock.SystemFault, penstock.Mapping, hintDefect
	}
}

// What texts of Dataverse name. Each first group is the name; wordings are those of the reference.
var (
	lengthOf     = regexp.MustCompile(`length of the '([^']+)' attribute`)
	valueOf      = regexp.MustCompile(`value \S+ of '([^']+)' on record`)
	notOnType    = regexp.MustCompile(`property '([^']+)' does not exist on type`)
	undeclared   = regexp.MustCompile(`undeclared property '([^']+)'`)
	invalid      = regexp.MustCompile(`Invalid property '([^']+)' was found`)
	notFound     = regexp.MustCompile(`find a property named '([^']+)'`)
	lacking      = regexp.MustCompile(`missing (prv[A-Za-z0-9_]+) privilege`)
	needing      = regexp.MustCompile(`need a role with the (prv[A-Za-z0-9_]+) privilege`)
	violated     = regexp.MustCompile(`^Entity Key (.+) violated\.`)
	sqlErrorCode = regexp.MustCompile(`Sql Number: (-?\d+)`)

	// Table and id in "Entity 'contact' With Id = … Does Not Exist"; table in "contact With Id = …" of older builds;
	// table in "… does not exist in contact entity".
	missingRecord = regexp.MustCompile(`(?i)(?:Entity '(\w+)'|\b(\w+)) With Id ?= ?([0-9a-f-]{36})?|does not exist in (\w+) entity`)
	guid          = regexp.MustCompile(`(?i)\((?:\w+=)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\)`)
	exception     = regexp.MustCompile(`^[A-Z][A-Za-z.]+Exception: `)
	looseCode     = regexp.MustCompile(`"code"\s*:\s*"(0x[0-9A-Fa-f]{1,8})"`)
)

// find gives the first group of the first pattern that matches.
func find(text string, patterns ...*regexp.Regexp) string {
	for _, p := range patterns {
		if m := p.FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// oddKey reports whether the key in an address holds a character that Dataverse does not take there, encoded or not.
func oddKey(address string) bool {
	_, key, ok := strings.Cut(address, "(")
	if !ok {
		return false
	}
	for _, odd := range []string{"%2F", "%3C", "%3E", "%2A", "%25", "%26", "%3A", "%5C", "%3F", "%2B", "%23"} {
		if containsFold(key, odd) {
			return true
		}
	}
	return strings.ContainsAny(key, `/<>*&\?+#`)
}

// codeNotFound is the code of a 404 that brought none.
const codeNotFound = "http_404"

// readError finds code and message in any of the shapes that errors come in.
func readError(body []byte) (code, message string) {
	var shape struct {
		Error *struct {
			Code    json.RawMessage
			Message string
		}
		Message, ErrorCode, ExceptionMessage string // ASP.NET
	}
	err := json.NewDecoder(bytes.NewReader(body)).Decode(&shape)
	switch {
	case shape.Error != nil:
		return strings.Trim(string(shape.Error.Code), `"`), shape.Error.Message
	case shape.ExceptionMessage != "":
		return shape.ErrorCode, shape.ExceptionMessage
	case err == nil, wholeError(body): // what stands behind it is no part of it
		return shape.ErrorCode, shape.Message
	}
	if m := looseCode.FindSubmatch(body); m != nil { // JSON that was cut or is not quite JSON
		return string(m[1]), ""
	}
	return "", ""
}

// wholeError reports whether body begins with a JSON object that is complete.
func wholeError(body []byte) bool {
	var object map[string]json.RawMessage
	return json.NewDecoder(bytes.NewReader(body)).Decode(&object) == nil
}

// maxMessage is the length of a message in a cause, in bytes.
const maxMessage = 300

// clean makes one line of what a person needs of a message: without stack trace, without the exceptions around the one
// that says what is wrong.
func clean(message string) string {
	for _, stack := range []string{"\r\n   at ", "\n   at "} {
		message, _, _ = strings.Cut(message, stack)
	}
	for _, mark := range []string{"---> ", "InnerException : "} {
		if i := strings.LastIndex(message, mark); i >= 0 && strings.TrimSpace(message[i+len(mark):]) != "" {
			message = message[i+len(mark):]
		}
	}
	message = strings.Join(strings.Fields(message), " ")
	message = message[len(exception.FindString(message)):]
	message = strings.Map(printable, strings.ToValidUTF8(message, "\uFFFD"))
	return shorten(message, maxMessage)
}

// printable drops what would steer the terminal of whoever reads a message: Dataverse repeats values of rows in it.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return -1
	}
	return r
}

// maxName is the length of a name in a cause, in bytes. Dataverse's own names are shorter.
const maxName = 128

// shortName makes one short line of a name, which does not keep the message that it is from in memory.
func shortName(name string) string {
	if name == "" {
		return ""
	}
	return strings.Clone(shorten(strings.Map(printable, name), maxName))
}

// shorten cuts a text to so many bytes.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
