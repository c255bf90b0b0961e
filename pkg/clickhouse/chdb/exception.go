package chdb

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// exception is an error of ClickHouse, or one of ours in its form: "Code: 60. DB::Exception: … (UNKNOWN_TABLE)".
type exception struct {
	code int
	text string
}

func (e *exception) Error() string { return e.text }

// Codes of ClickHouse (src/Common/ErrorCodes.cpp) that we answer with ourselves.
const (
	badArguments         = 36
	notImplemented       = 48
	logicalError         = 49
	unknownType          = 50
	unknownFormat        = 73
	queryAlreadyRunning  = 216
	authenticationFailed = 516
	unknownException     = 1002
)

var exceptionCode = regexp.MustCompile(`Code: (\d+)\.`)

// newException reads the code from the engine's text.
func newException(text string) *exception {
	e := &exception{code: unknownException, text: text}
	if m := exceptionCode.FindStringSubmatch(text); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil {
			e.code = code
		}
	}
	if !strings.HasPrefix(text, "Code: ") {
		e.text = fmt.Sprintf("Code: %d. DB::Exception: %s", e.code, text)
	}
	return e
}

// raise makes an exception of our own.
func raise(code int, name, format string, args ...any) *exception {
	return &exception{code: code, text: fmt.Sprintf("Code: %d. DB::Exception: %s (%s)", code, fmt.Sprintf(format, args...), name)}
}

// asException returns err if it is one, else one that wraps its text.
func asException(err error) *exception {
	if e, ok := errors.AsType[*exception](err); ok {
		return e
	}
	return raise(logicalError, "LOGICAL_ERROR", "embedded server: %v", err)
}

// frame is the exception as it ends a body whose status said 200: ClickHouse's tagged layout, which no block can begin
// with, so that a reader never takes it for the end (src/Server/HTTP/WriteBufferFromHTTPServerResponse.cpp).
func (e *exception) frame(tag string) []byte {
	const marker = "__exception__"
	text := e.text
	if most := 8 << 10; len(text) > most {
		text = text[:most]
	}
	return fmt.Appendf(nil, "\r\n%s\r\n%s\r\n%s\n%d %s\r\n%s\r\n", marker, tag, text, len(text), tag, marker)
}
