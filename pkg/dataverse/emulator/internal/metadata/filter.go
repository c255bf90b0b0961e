package metadata

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// checkFilter refuses properties that the type does not have, and members of the wrong enumeration.
func checkFilter(e odata.Expression, t *entityType) error {
	switch e := e.(type) {
	case odata.Path:
		if !t.has(e[0]) {
			return unknown(e[0], t)
		}
	case *odata.Not:
		return checkFilter(e.Of, t)
	case *odata.Binary:
		path, isPath := e.Left.(odata.Path)
		if member, ok := e.Right.(odata.Enum); ok && isPath {
			if enum := enums[strings.Join(path, "/")]; enum == "" || member.Type != "Microsoft.Dynamics.CRM."+enum {
				return refuse(Query, "A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.",
					cmp.Or(enum, "Edm.String"), member.Type, e.Operator)
			}
		}
		return cmp.Or(checkFilter(e.Left, t), checkFilter(e.Right, t))
	case *odata.Call:
		for _, argument := range e.Arguments {
			if err := checkFilter(argument, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds reports whether a thing is found by a filter.
func holds(e odata.Expression, values object) (bool, error) {
	v, err := evaluate(e, values)
	if err != nil {
		return false, err
	}
	found, ok := v.(bool)
	if !ok && v != nil {
		return false, refuse(Query, "The $filter expression must evaluate to a single boolean value.")
	}
	return found, nil
}

// evaluate returns the value of an expression for a thing.
func evaluate(e odata.Expression, values object) (any, error) {
	switch e := e.(type) {
	case odata.Literal:
		return literal(e), nil
	case odata.Enum:
		return e.Member, nil
	case odata.Path:
		return reach(values, e), nil
	case *odata.Not:
		found, err := holds(e.Of, values)
		return !found, err
	case *odata.Binary:
		return binary(e, values)
	case *odata.Call:
		return call(e, values)
	default:
		return nil, refuse(Query, "Lists and lambda expressions are not supported for metadata.")
	}
}

func literal(l odata.Literal) any {
	switch l.Kind {
	case odata.Bool:
		return l.Text == "true"
	case odata.Number:
		f, _ := strconv.ParseFloat(l.Text, 64) // it has the form of a number
		return f
	case odata.GUID:
		id, _ := uuid.Parse(l.Text) // it has the form of a GUID
		return id
	case odata.Null:
		return nil
	case odata.String, odata.Date, odata.Moment, odata.Untyped:
	}
	return l.Text
}

func binary(e *odata.Binary, values object) (any, error) {
	if e.Operator == "and" || e.Operator == "or" {
		found, err := holds(e.Left, values)
		if err != nil || found == (e.Operator == "or") {
			return found, err
		}
		return holds(e.Right, values)
	}
	left, err := evaluate(e.Left, values)
	if err != nil {
		return nil, err
	}
	right, err := evaluate(e.Right, values)
	if err != nil {
		return nil, err
	}
	if left == nil || right == nil {
		same := left == nil && right == nil
		return e.Operator == "eq" && same || e.Operator == "ne" && !same, nil
	}
	n, ok := compare(left, right)
	if !ok {
		return nil, refuse(Query, "A binary operator with incompatible types was detected for operator kind '%s'.", e.Operator)
	}
	switch e.Operator {
	case "eq":
		return n == 0, nil
	case "ne":
		return n != 0, nil
	case "gt":
		return n > 0, nil
	case "ge":
		return n >= 0, nil
	case "lt":
		return n < 0, nil
	case "le":
		return n <= 0, nil
	}
	return nil, refuse(Query, "The operator '%s' is not supported for metadata.", e.Operator)
}

func call(e *odata.Call, values object) (any, error) {
	test := map[string]func(s, part string) bool{"contains": strings.Contains, "startswith": strings.HasPrefix, "endswith": strings.HasSuffix}[e.Name]
	if test == nil || len(e.Path) > 0 || len(e.Arguments) != 2 || len(e.Named) > 0 {
		return nil, refuse(Query, "An unknown function with name '%s' was found, or its arguments are not two texts.", e.Name)
	}
	var texts [2]string
	for i, argument := range e.Arguments {
		v, err := evaluate(argument, values)
		if err != nil {
			return nil, err
		}
		text, ok := v.(string)
		if !ok {
			return false, nil
		}
		texts[i] = text
	}
	return test(texts[0], texts[1]), nil
}

// reach returns the value at a path, nil where there is none.
func reach(values object, path odata.Path) any {
	for _, name := range path[:len(path)-1] {
		inner, ok := values[name].(object)
		if !ok {
			return nil
		}
		values = inner
	}
	return values[path[len(path)-1]]
}

// compare orders two values of one type.
func compare(a, b any) (int, bool) {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return cmp.Compare(x, y), ok
	}
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case bool:
		b, ok := b.(bool)
		switch {
		case a == b:
			return 0, ok
		case b:
			return -1, ok
		}
		return 1, ok
	case uuid.UUID:
		b, ok := b.(uuid.UUID)
		return strings.Compare(a.String(), b.String()), ok
	}
	return 0, false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
