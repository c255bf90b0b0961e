package clickhouse

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// Error is an exception of ClickHouse.
type Error struct {
	Code    int    // ClickHouse's error code, see the constants Code…
	Name    string // its symbol, as UNKNOWN_TABLE; may be empty
	QueryID string
	Message string // first line, without values of rows as far as they can be told apart
}

func (e *Error) Error() string {
	name := e.Name
	if name != "" {
		name = " " + name
	}
	return fmt.Sprintf("clickhouse: query %s: code %d%s: %s", e.QueryID, e.Code, name, e.Message)
}

// Codes of ClickHouse that callers ask about.
const (
	CodeUnknownIdentifier    = 47
	CodeUnknownTable         = 60
	CodeSyntaxError          = 62
	CodeUnknownDatabase      = 81
	CodeTimeout              = 159
	CodeQueryAlreadyRunning  = 216
	CodeMemoryLimit          = 241
	CodeCancelled            = 394
	CodeAccessDenied         = 497
	CodeAuthenticationFailed = 516
)

// Code returns the code of the exception that err is or wraps, 0 if it is none.
func Code(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return 0
}

// wrap names the query, and gives an exception its type.
func wrap(err error, queryID string) error {
	e, ok := errors.AsType[*driver.Exception](err)
	if !ok {
		return fmt.Errorf("clickhouse: query %s: %w", queryID, err)
	}
	message, _, _ := strings.Cut(e.Message, "\n")
	name := e.CodeName
	if m := symbol.FindStringSubmatch(message); m != nil {
		name, message = m[1], strings.TrimSuffix(message, m[0])
	}
	return &Error{Code: int(e.Code), Name: name, QueryID: queryID, Message: withoutValues(int(e.Code), message)}
}

// symbol matches the end of a message: (UNKNOWN_TABLE) (version 26.5.1.1 (official build)).
var symbol = regexp.MustCompile(` \(([A-Z][A-Z0-9_]+)\)(?: \(version .*)?$`)

// aboutValues are the codes whose messages quote values of rows: parsing, conversion, ranges.
var aboutValues = []int{6, 26, 27, 33, 38, 41, 43, 53, 69, 70, 72, 117, 130, 131, 191, 321, 349, 376, 395, 407, 441, 467, 469, 675, 676, 691} //nolint:gochecknoglobals // constant table

var (
	quotedValue = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"`)
	inputQuote  = regexp.MustCompile(`(?s)(?: before: |\(at row |Row \d+:|: while | value ).*$`)
)

func withoutValues(code int, message string) string {
	if !slices.Contains(aboutValues, code) {
		return message
	}
	message = inputQuote.ReplaceAllString(message, " …")
	return quotedValue.ReplaceAllString(message, "'…'")
}

// redact takes the value out of clickhouse-go's complaints about one.
func redact(err error) error {
	if e, ok := errors.AsType[*column.ColumnConverterError](err); ok {
		return fmt.Errorf("a %s does not go into %s", e.From, e.To)
	}
	return err
}

// explain says what to do about a connection that did not come about.
func explain(err error, opts *driver.Options) error {
	where := strings.Join(opts.Addr, ",")
	say := func(format string, args ...any) error {
		return fmt.Errorf("clickhouse: connect to %s: %s: %w", where, fmt.Sprintf(format, args...), err)
	}
	if e, ok := errors.AsType[*driver.Exception](err); ok {
		err = wrap(err, "ping")
		switch e.Code {
		case CodeAuthenticationFailed, 192, 193, 194: // the latter of servers before 20.1
			return say("user %q is refused: no such user, or the wrong password; is PENSTOCK_CLICKHOUSE right?", opts.Auth.Username)
		case CodeUnknownDatabase:
			return say("there is no database %q: create it, or name another in PENSTOCK_CLICKHOUSE", opts.Auth.Database)
		}
		return say("the server refuses")
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return say("refused: nothing listens there; is PENSTOCK_CLICKHOUSE right, and the server up?")
	case isNotFound(err):
		return say("the host is not known; is PENSTOCK_CLICKHOUSE right?")
	}
	return say("no answer that makes sense; is PENSTOCK_CLICKHOUSE right, and the server up? " +
		"clickhouse:// is for port 9000 (9440 with secure=true), http:// for 8123, https:// for 8443")
}

func isNotFound(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}
