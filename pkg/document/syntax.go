package document

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// syntax says in words what a file that is no YAML has wrong, and how to mend it. The parser knows what it could not go on
// with; what people do to bring that about is known here.
func (r *Reader) syntax(data []byte, err error) Problem {
	p := Problem{Position: r.start(), What: "this is not YAML: " + err.Error()}
	var fault yaml.Error
	if !errors.As(err, &fault) {
		return p
	}
	message := fault.GetMessage()
	p.What = "this is not YAML: " + message
	if t := fault.GetToken(); t != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	lines := strings.Split(string(data), "\n")
	line := ""
	if p.Line <= len(lines) {
		line = lines[p.Line-1]
	}
	say := func(what, mend string) { p.What, p.Mend = "this is not YAML: "+what, mend }
	has := func(s string) bool { return strings.Contains(message, s) }
	switch conflict := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "<<<<<<< ") }); {
	case conflict >= 0:
		p.Line, p.Column = conflict+1, 1
		say("a merge conflict is left here", "keep one side of it")
	case has("'\t'"), has("\t"), has("tab character"):
		say("a tab stands where blanks belong", "indent with blanks")
	case strings.Contains(line, "{{"):
		say("{{ begins something else here", `put text with {{ }} into quotes: "{{first_name}}"`)
	case strings.Count(line, "'")%2 == 1 && !strings.Contains(line, `"`):
		say("a single quote in this line has no other", "close the text with ', and write a quote within it twice: 'it''s'")
	case has("mapping value is not allowed"):
		if _, value, _ := strings.Cut(line, ": "); strings.Contains(value, ": ") {
			say("there are two colons in this line", "put a value that has a colon into quotes, or a mapping into braces: {from: name}")
			break
		}
		say("a key stands where none can be", "begin each key in the same column as the keys beside it")
		for n := p.Line; n < len(lines) && p.Line > 0; n++ {
			if strings.TrimSpace(lines[n]) == "" {
				continue
			}
			if in := indent(lines[n]); in > indent(line) {
				p.Line, p.Column = n+1, in+1
				say("this line is indented further than the one above, which has a value already", fmt.Sprintf("begin it in column %d", indent(line)+1))
			}
			break
		}
	case glued.MatchString(line):
		say("a blank is missing after the colon", "write key: value")
	case has("value is not allowed in this context"), has("non-map value"), has("unexpected key name"):
		say("this line does not fit to those above", "begin each key in the same column as the keys beside it")
	case has("could not find flow map content"):
		say("something is missing or too much between { and }", "write {key: value, key: value}")
	case has("']'"), has("could not find flow sequence"), has("'}'"):
		p.Line, p.Column = r.open(lines, p)
		if has("'}'") {
			say("{ is not closed", "close it with }")
		} else {
			say("[ is not closed", "close it with ]")
		}
	case has("double-quoted"):
		say("text in quotes begins here and does not end", `close it with "`)
	case has("reserved character"), has("directive"):
		say("a value cannot begin with "+first(line, p.Column), "put it into quotes")
	}
	return p
}

// glued is a key with its value, and no blank between.
var glued = regexp.MustCompile(`^\s*(- )?[A-Za-z0-9_]+:[^\s:]`)

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// open finds the last bracket before a place that is not closed there; the place itself where it finds none. Text in quotes
// with brackets can mislead it, to a place nearby.
func (r *Reader) open(lines []string, p Problem) (line, column int) {
	closed := 0
	for n := min(p.Line, len(lines)); n >= 1; n-- {
		runes := []rune(lines[n-1])
		end := len(runes)
		if n == p.Line {
			end = min(end, p.Column-1)
		}
		for i := end - 1; i >= 0; i-- {
			switch runes[i] {
			case '}', ']':
				closed++
			case '{', '[':
				if closed == 0 {
					return n, i + 1
				}
				closed--
			}
		}
	}
	return p.Line, p.Column
}

// first is the character in a column of a line.
func first(line string, column int) string {
	if runes := []rune(line); column >= 1 && column <= len(runes) {
		return string(runes[column-1])
	}
	return "this"
}
