package odata

import "strings"

// A Transformation is one step of $apply: a filter, or a grouping with its aggregates. An aggregate without groupby has no Group.
type Transformation struct {
	Filter     Expression
	Group      []Path
	Aggregates []Aggregate
}

// An Aggregate is property with method as alias; $count as alias has the method $count and no path.
type Aggregate struct {
	Path   Path
	Method string // sum, average, min, max, countdistinct, $count
	Alias  string
}

// apply reads filter(…)/groupby((a,b),aggregate(…)).
func apply(text string, aliases map[string]string) ([]Transformation, error) {
	var out []Transformation
	for _, step := range split(text, '/') {
		name, arguments, ok := argument(step)
		if !ok {
			return nil, fail("Syntax error in the $apply '%s'.", text)
		}
		var t Transformation
		var err error
		switch name {
		case "filter":
			t.Filter, err = Parse(arguments, aliases)
		case "aggregate":
			t.Aggregates, err = aggregates(arguments)
		case "groupby":
			t, err = groupBy(arguments)
		default:
			return nil, &Error{Text: "The emulator does not know the transformation '" + name + "' of $apply.", Unsupported: true}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// argument reads name(arguments).
func argument(s string) (name, arguments string, ok bool) {
	name, rest, ok := strings.Cut(strings.TrimSpace(s), "(")
	arguments, closed := strings.CutSuffix(rest, ")")
	return strings.TrimSpace(name), arguments, ok && closed
}

func groupBy(text string) (t Transformation, err error) {
	parts := split(text, ',')
	_, list, ok := argument(parts[0])
	if !ok || len(parts) > 2 {
		return t, fail("Syntax error in groupby(%s): it takes a list of properties in parentheses, and an aggregate.", text)
	}
	for _, name := range split(list, ',') {
		if name = strings.TrimSpace(name); name == "" {
			return t, fail("Syntax error in groupby(%s): a property has no name.", text)
		}
		t.Group = append(t.Group, strings.Split(name, "/"))
	}
	if len(parts) == 1 {
		return t, nil
	}
	name, inner, ok := argument(parts[1])
	if !ok || name != "aggregate" {
		return t, fail("Syntax error in groupby(%s): aggregate(…) is expected after the properties.", text)
	}
	t.Aggregates, err = aggregates(inner)
	return t, err
}

func aggregates(text string) ([]Aggregate, error) {
	var out []Aggregate
	for _, item := range split(text, ',') {
		fields := strings.Fields(item)
		switch {
		case len(fields) == 3 && fields[0] == "$count" && fields[1] == "as":
			out = append(out, Aggregate{Method: "$count", Alias: fields[2]})
		case len(fields) == 5 && fields[1] == "with" && fields[3] == "as":
			out = append(out, Aggregate{strings.Split(fields[0], "/"), fields[2], fields[4]})
		default:
			return nil, fail("Syntax error in aggregate(%s): '<property> with <method> as <alias>' or '$count as <alias>' is expected.", text)
		}
	}
	return out, nil
}
