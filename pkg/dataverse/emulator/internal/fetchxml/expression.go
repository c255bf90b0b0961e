package fetchxml

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// The JSON of a QueryExpression, which says in other words what FetchXML says.
type (
	queryJSON struct {
		EntityName   string
		Criteria     filterJSON
		LinkEntities []json.RawMessage
		TopCount     *int
		Distinct     bool
		Orders       []struct{ AttributeName, OrderType string }
	}
	filterJSON struct {
		FilterOperator string
		Conditions     []struct {
			EntityName, AttributeName, Operator string
			Values                              []json.RawMessage
		}
		Filters []filterJSON
	}
)

// operators are the ConditionOperators whose name in FetchXML is not their words with hyphens between them.
//
//nolint:gochecknoglobals // constant table
var operators = map[string]string{
	"Equal": "eq", "NotEqual": "ne", "GreaterThan": "gt", "LessThan": "lt", "GreaterEqual": "ge", "LessEqual": "le", "DoesNotBeginWith": "not-begin-with",
	"DoesNotEndWith": "not-end-with", "DoesNotContainValues": "not-contain-values", "EqualUserId": "eq-userid", "NotEqualUserId": "ne-userid",
	"EqualBusinessId": "eq-businessid", "NotEqualBusinessId": "ne-businessid", "Last7Days": "last-seven-days", "Next7Days": "next-seven-days",
}

// Expression reads a QueryExpression. The error is an *odata.Error.
func Expression(text []byte) (Query, error) {
	q := Query{Page: 1, Options: odata.Options{Top: -1}}
	var in queryJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return q, &odata.Error{Text: "The query is not a QueryExpression: " + err.Error()}
	}
	switch {
	case in.EntityName == "":
		return q, &odata.Error{Text: "The QueryExpression has no EntityName."}
	case len(in.LinkEntities) > 0:
		return q, &odata.Error{Text: "The emulator does not know LinkEntities in a QueryExpression.", Unsupported: true}
	case in.Distinct:
		return q, &odata.Error{Text: "The emulator does not know Distinct in a QueryExpression.", Unsupported: true}
	}
	q.Table = in.EntityName
	if in.TopCount != nil && *in.TopCount > 0 {
		q.Options.Top = *in.TopCount
	}
	e := entity{Name: in.EntityName, Filters: []filter{in.Criteria.filter()}}
	for _, o := range in.Orders {
		descending := ""
		if o.OrderType == "Descending" {
			descending = "true"
		}
		e.Orders = append(e.Orders, order{Attribute: o.AttributeName, Descending: descending})
	}
	return q, q.entity(e)
}

func (j filterJSON) filter() filter {
	f := filter{Type: strings.ToLower(j.FilterOperator)}
	for _, c := range j.Conditions {
		condition := condition{Entity: c.EntityName, Attribute: c.AttributeName, Operator: operators[c.Operator]}
		if condition.Operator == "" {
			condition.Operator = hyphenated(c.Operator)
		}
		for _, v := range c.Values {
			condition.Values = append(condition.Values, plain(v))
		}
		f.Conditions = append(f.Conditions, condition)
	}
	for _, inner := range j.Filters {
		f.Filters = append(f.Filters, inner.filter())
	}
	return f
}

// plain is a value as FetchXML has it, of {"Value":…,"Type":…} or of a value alone.
func plain(v json.RawMessage) string {
	var typed struct{ Value json.RawMessage }
	if json.Unmarshal(v, &typed) == nil && typed.Value != nil {
		v = typed.Value
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// hyphenated makes last-x-days of LastXDays.
func hyphenated(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
