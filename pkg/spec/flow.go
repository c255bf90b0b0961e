package spec

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shares are numbers that people write as a percentage.
var shares = []string{"max_deletes_share", "shrink", "stop_refused"} //nolint:gochecknoglobals // constant table

// flow writes a value as people write it in YAML, on one line. name is the key that it has.
func flow(name string, value any) string {
	switch v := written(name, value).(type) {
	case object:
		parts := make([]string, len(v))
		for i, m := range v {
			parts[i] = key(m.name) + ": " + flow(m.name, m.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		return "[" + strings.Join(flowEach(v), ", ") + "]"
	case json.Number:
		if share, err := v.Float64(); err == nil && slices.Contains(shares, name) {
			return Share(share).String()
		}
		return v.String()
	case string:
		return scalar(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return "null"
}

func flowEach(list []any) []string {
	lines := make([]string, len(list))
	for i, v := range list {
		lines[i] = flow("", v)
	}
	return lines
}

// written turns what is stored in another shape than people write it back into theirs. What has neither is left as it is.
func written(name string, value any) any {
	list, _ := value.([]any)
	o, _ := value.(object)
	action, _ := o.get("action").(string)
	switch rest := without(o, "action"); {
	case name == "by" && len(list) > 0 && has(list[0], "table"):
		return byTable(list)
	case name == "by":
		return keyOf(list, "key", value)
	case name == "values":
		return keyOf(list, "word", value)
	case name != "on_leave" || action == "":
		return value
	case len(rest) == 0:
		return action
	case action == string(Clear):
		return rest
	default:
		return object{{action, rest}}
	}
}

// keyOf turns a list of objects, which is one for the sake of its order, into an object: what each has under that key is
// the name of the one other thing in it. Of a list that has anything else, it is otherwise.
func keyOf(list []any, by string, otherwise any) any {
	var all object
	for _, v := range list {
		o, _ := v.(object)
		name, isText := o.get(by).(string)
		rest := without(o, by)
		if !isText || len(rest) != 1 {
			return otherwise
		}
		all = append(all, member{name, rest[0].value})
	}
	if len(all) == 0 {
		return otherwise
	}
	return all
}

// byTable gathers the parts of keys under the tables that they are about.
func byTable(list []any) any {
	var all object
	for _, v := range list {
		o, _ := v.(object)
		table, isText := o.get("table").(string)
		if !isText {
			return list
		}
		i := slices.IndexFunc(all, func(m member) bool { return m.name == table })
		if i < 0 {
			i = len(all)
			all = append(all, member{table, []any{}})
		}
		all[i].value = append(all[i].value.([]any), without(o, "table"))
	}
	for i := range all {
		all[i].value = keyOf(all[i].value.([]any), "key", all[i].value)
	}
	return all
}

func has(value any, name string) bool {
	o, _ := value.(object)
	return o.get(name) != nil
}

func without(o object, name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

// plain matches what needs no quotes within a line, of YAML or of ours.
var plain = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./%+@*-]*(:[A-Za-z0-9_/.-]+)*( [A-Za-z0-9_./%+@*-]+)*$`)

// longest is how many characters of a text are shown where it is one of several values on a line. Sealed secrets are longer.
const longest = 120

func scalar(s string) string {
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest/2]) + "…" + string(runes[len(runes)-longest/4:])
	}
	if slices.Contains([]string{"true", "false", "null"}, strings.ToLower(s)) {
		return strconv.Quote(s)
	}
	return key(s)
}

// key writes the name of a member: words that mean something as values mean nothing there.
func key(name string) string {
	if plain.MatchString(name) || guid.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}
