package dataversetest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An answer is an HTTP answer, or a part of one to a $batch. Its methods assert; those that return it can be chained.
type answer struct {
	t         *testing.T
	asked     string
	status    int
	header    http.Header
	body      string
	contentID string    // of a part
	set       []*answer // of a part: the answers in a change set; nil when it is none
	decoded   any
}

func (a *answer) fatalf(format string, args ...any) {
	a.t.Helper()
	a.t.Fatalf("%s: "+format+"\nthe answer is %d %s", append(append([]any{a.asked}, args...), a.status, shorten(a.body))...)
}

func (a *answer) errorf(format string, args ...any) {
	a.t.Helper()
	a.t.Errorf("%s: "+format+"\nthe answer is %d %s", append(append([]any{a.asked}, args...), a.status, shorten(a.body))...)
}

func shorten(text string) string {
	if len(text) > 1500 {
		return text[:1500] + "…"
	}
	return text
}

// is asserts one of the statuses.
func (a *answer) is(statuses ...int) *answer {
	a.t.Helper()
	if !slices.Contains(statuses, a.status) {
		a.fatalf("the status should be %v", statuses)
	}
	return a
}

// fails asserts that the status is that of an error of the client or, where nothing else is known, of anyone.
func (a *answer) fails() *answer {
	a.t.Helper()
	if a.status < 400 {
		a.fatalf("it should be refused")
	}
	return a
}

// refused asserts an error: its status, one of the codes ("0x80060882|" also accepts none), and what its text holds.
func (a *answer) refused(status int, codes string, texts ...string) *answer {
	a.t.Helper()
	return a.is(status).coded(codes).says(texts...)
}

func (a *answer) coded(codes string) *answer {
	a.t.Helper()
	got, ok := a.at("error/code").(string)
	if !ok || !slices.ContainsFunc(strings.Split(codes, "|"), func(c string) bool { return strings.EqualFold(c, got) }) {
		a.errorf("the code should be %s", codes)
	}
	return a
}

// says asserts that the text of an error holds others. A word of the session in them has been replaced by the caller.
func (a *answer) says(texts ...string) *answer {
	a.t.Helper()
	message := a.message()
	for _, text := range texts {
		if !strings.Contains(message, text) {
			a.errorf("the text should hold %q", text)
		}
	}
	return a
}

func (a *answer) message() string {
	message, _ := a.at("error/message").(string)
	return message
}

// matches asserts that the text of an error matches.
func (a *answer) matches(pattern string) *answer {
	a.t.Helper()
	if !regexp.MustCompile(pattern).MatchString(a.message()) {
		a.errorf("the text should match %s", pattern)
	}
	return a
}

// at returns what the JSON body holds at a path: value/0/name. It is nil where there is nothing.
func (a *answer) at(path string) any {
	v, _ := a.look(path)
	return v
}

func (a *answer) look(path string) (any, bool) {
	if a.decoded == nil && json.Unmarshal([]byte(a.body), &a.decoded) != nil {
		return nil, false
	}
	at := a.decoded
	for name := range strings.SplitSeq(path, "/") {
		switch in := at.(type) {
		case map[string]any:
			v, ok := in[name]
			if !ok {
				return nil, false
			}
			at = v
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(in) {
				return nil, false
			}
			at = in[i]
		default:
			return nil, false
		}
	}
	return at, true
}

// list returns the array at a path.
func (a *answer) list(path string) []any {
	list, _ := a.at(path).([]any)
	return list
}

// text returns the string at a path.
func (a *answer) text(path string) string {
	text, _ := a.at(path).(string)
	return text
}

// holds asserts what the body has at a path.
func (a *answer) holds(path string, want any) *answer {
	a.t.Helper()
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got, ok := a.look(path); !ok || !reflect.DeepEqual(got, want) {
		a.errorf("%s should be %v, and is %v", path, want, got)
	}
	return a
}

// hasText asserts that the body has a string at the paths which is not empty.
func (a *answer) hasText(paths ...string) *answer {
	a.t.Helper()
	for _, path := range paths {
		if a.text(path) == "" {
			a.errorf("%s should be a text", path)
		}
	}
	return a
}

// has asserts that the body has something at the paths, be it null.
func (a *answer) has(paths ...string) *answer {
	a.t.Helper()
	for _, path := range paths {
		if _, ok := a.look(path); !ok {
			a.errorf("%s is missing", path)
		}
	}
	return a
}

// hasNot asserts that the body has nothing at the paths.
func (a *answer) hasNot(paths ...string) *answer {
	a.t.Helper()
	for _, path := range paths {
		if v, ok := a.look(path); ok {
			a.errorf("%s should not be there, and is %v", path, v)
		}
	}
	return a
}

// rows asserts how many rows the answer has.
func (a *answer) rows(n int) *answer {
	a.t.Helper()
	if got := len(a.is(http.StatusOK).list("value")); got != n {
		a.errorf("there should be %d rows, and are %d", n, got)
	}
	return a
}

// headed asserts the whole value of a header.
func (a *answer) headed(name, want string) *answer {
	a.t.Helper()
	if got := a.header.Get(name); got != want {
		a.errorf("%s should be %q, and is %q", name, want, got)
	}
	return a
}

// headerMatches asserts the form of a header.
func (a *answer) headerMatches(name, pattern string) *answer {
	a.t.Helper()
	if got := a.header.Get(name); !regexp.MustCompile(pattern).MatchString(got) {
		a.errorf("%s should match %s, and is %q", name, pattern, got)
	}
	return a
}

// unheaded asserts that there are no such headers.
func (a *answer) unheaded(names ...string) *answer {
	a.t.Helper()
	for _, name := range names {
		if got := a.header.Values(name); len(got) > 0 {
			a.errorf("%s should not be there, and is %q", name, got)
		}
	}
	return a
}

const guid = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
