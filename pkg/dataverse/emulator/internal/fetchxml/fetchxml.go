// Package fetchxml reads FetchXML as far as it is another spelling of an OData query on one table: attributes, filters, orders, top and pages.
// Joins, aggregates and distinct are not known to it.
package fetchxml

import (
	"encoding/xml"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// A Query is what a <fetch> asks for. Its paths are logical names, and its literals odata.Untyped.
type Query struct {
	Table   string
	Options odata.Options
	Page    int    // from 1
	Size    int    // 0 without
	Cookie  string // paging-cookie
}

type fetch struct {
	XMLName   xml.Name `xml:"fetch"`
	Top       string   `xml:"top,attr"`
	Count     string   `xml:"count,attr"`
	Page      string   `xml:"page,attr"`
	Cookie    string   `xml:"paging-cookie,attr"`
	Total     string   `xml:"returntotalrecordcount,attr"`
	Aggregate string   `xml:"aggregate,attr"`
	Distinct  string   `xml:"distinct,attr"`
	Entities  []entity `xml:"entity"`
}

type entity struct {
	Name       string      `xml:"name,attr"`
	All        *struct{}   `xml:"all-attributes"`
	Attributes []attribute `xml:"attribute"`
	Orders     []order     `xml:"order"`
	Filters    []filter    `xml:"filter"`
	Links      []struct{}  `xml:"link-entity"`
}

type attribute struct {
	Name  string `xml:"name,attr"`
	Alias string `xml:"alias,attr"`
}

type order struct {
	Attribute  string `xml:"attribute,attr"`
	Descending string `xml:"descending,attr"`
}

type filter struct {
	Type       string      `xml:"type,attr"`
	Conditions []condition `xml:"condition"`
	Filters    []filter    `xml:"filter"`
}

type condition struct {
	Entity    string   `xml:"entityname,attr"`
	Attribute string   `xml:"attribute,attr"`
	Operator  string   `xml:"operator,attr"`
	Value     *string  `xml:"value,attr"`
	Other     string   `xml:"valueof,attr"`
	Values    []string `xml:"value"`
}

func invalid(text string) error { return &odata.Error{Text: "Invalid FetchXML: " + text} }

func unknown(text string) error {
	return &odata.Error{Text: "The emulator does not know " + text + " in FetchXML.", Unsupported: true}
}

// Parse reads a <fetch>. The error is an *odata.Error.
func Parse(text string) (Query, error) {
	q := Query{Page: 1, Options: odata.Options{Top: -1}}
	var f fetch
	if err := xml.Unmarshal([]byte(text), &f); err != nil {
		return q, invalid(err.Error())
	}
	if len(f.Entities) != 1 || f.Entities[0].Name == "" {
		return q, invalid("a <fetch> has one <entity> with a name")
	}
	e := f.Entities[0]
	switch {
	case truth(f.Aggregate):
		return q, unknown("aggregate")
	case truth(f.Distinct):
		return q, unknown("distinct")
	case len(e.Links) > 0:
		return q, unknown("link-entity")
	}
	q.Table, q.Cookie, q.Options.Count = e.Name, f.Cookie, truth(f.Total)
	for _, number := range []struct {
		name, text string
		into       *int
	}{{"top", f.Top, &q.Options.Top}, {"count", f.Count, &q.Size}, {"page", f.Page, &q.Page}} {
		if number.text == "" {
			continue
		}
		n, err := strconv.Atoi(number.text)
		if err != nil || n < 1 || n > 1_000_000 {
			return q, invalid(number.name + "='" + number.text + "' is not a positive number")
		}
		*number.into = n
	}
	if q.Options.Top > 0 && (f.Count != "" || f.Page != "") {
		return q, invalid("the attribute top cannot be used together with page or count")
	}
	return q, q.entity(e)
}

func truth(v string) bool { return v == "true" || v == "1" }

func (q *Query) entity(e entity) error {
	for _, a := range e.Attributes {
		if a.Alias != "" {
			return unknown("alias")
		}
		if e.All == nil {
			q.Options.Select = append(q.Options.Select, a.Name)
		}
	}
	for _, o := range e.Orders {
		if o.Attribute == "" {
			return unknown("an <order> without attribute")
		}
		q.Options.Order = append(q.Options.Order, odata.Order{Path: odata.Path{o.Attribute}, Descending: truth(o.Descending)})
	}
	all, err := junction("and", nil, e.Filters)
	q.Options.Filter = all
	return err
}

// junction joins conditions and filters; nothing comes of nothing.
func junction(operator string, conditions []condition, filters []filter) (odata.Expression, error) {
	var joined odata.Expression
	add := func(e odata.Expression) {
		switch {
		case e == nil:
		case joined == nil:
			joined = e
		default:
			joined = &odata.Binary{Operator: operator, Left: joined, Right: e}
		}
	}
	for _, c := range conditions {
		e, err := c.expression()
		if err != nil {
			return nil, err
		}
		add(e)
	}
	for _, f := range filters {
		inner := f.Type
		switch inner {
		case "":
			inner = "and"
		case "and", "or":
		default:
			return nil, invalid("a filter is of type and or or, not '" + inner + "'")
		}
		e, err := junction(inner, f.Conditions, f.Filters)
		if err != nil {
			return nil, err
		}
		add(e)
	}
	return joined, nil
}

// comparisons are the operators that OData has too.
//
//nolint:gochecknoglobals // constant table
var comparisons = map[string]string{"eq": "eq", "ne": "ne", "neq": "ne", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le"}

// functions are those whose name as a query function is not the operator's words with capitals.
//
//nolint:gochecknoglobals // constant table
var functions = map[string]string{
	"eq-userid": "EqualUserId", "ne-userid": "NotEqualUserId", "eq-businessid": "EqualBusinessId", "ne-businessid": "NotEqualBusinessId", "last-seven-days": "Last7Days",
	"next-seven-days": "Next7Days", "not-contain-values": "DoesNotContainValues",
}

func (c condition) expression() (odata.Expression, error) {
	if c.Attribute == "" || c.Operator == "" {
		return nil, invalid("a <condition> has an attribute and an operator")
	}
	if c.Entity != "" {
		return nil, unknown("entityname")
	}
	path := odata.Path{c.Attribute}
	values := c.Values
	if c.Value != nil {
		values = []string{*c.Value}
	}
	if operator, known := comparisons[c.Operator]; known {
		if c.Other != "" {
			return &odata.Binary{Operator: operator, Left: path, Right: odata.Path{c.Other}}, nil
		}
		if len(values) != 1 {
			return nil, invalid("the operator '" + c.Operator + "' takes one value")
		}
		return &odata.Binary{Operator: operator, Left: path, Right: odata.Literal{Kind: odata.Untyped, Text: values[0]}}, nil
	}
	switch c.Operator {
	case "null":
		return &odata.Binary{Operator: "eq", Left: path, Right: odata.Literal{}}, nil
	case "not-null":
		return &odata.Binary{Operator: "ne", Left: path, Right: odata.Literal{}}, nil
	case "like", "not-like", "begins-with", "not-begin-with", "ends-with", "not-end-with":
		if len(values) != 1 {
			return nil, invalid("the operator '" + c.Operator + "' takes one value")
		}
		return text(path, c.Operator, values[0])
	}
	list := make(odata.List, len(values))
	for i, v := range values {
		list[i] = odata.Literal{Kind: odata.String, Text: v}
	}
	return &odata.Call{Name: "Microsoft.Dynamics.CRM." + function(c.Operator), Named: map[string]odata.Expression{
		"PropertyName": odata.Literal{Kind: odata.String, Text: c.Attribute}, "PropertyValues": list,
	}}, nil
}

// function is the query function that means the same: last-x-days is LastXDays.
func function(operator string) string {
	if name, known := functions[operator]; known {
		return name
	}
	var b strings.Builder
	for word := range strings.SplitSeq(strings.Replace(operator, "olderthan", "older-than", 1), "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// Like makes the comparison of a column with a pattern; known is false for wildcards other than % at the ends.
func Like(path odata.Path, pattern string) (e odata.Expression, known bool) {
	e, err := text(path, "like", pattern)
	return e, err == nil
}

// text is like and its kin. Of wildcards only % at the ends is known.
func text(path odata.Path, operator, pattern string) (odata.Expression, error) {
	negated := strings.HasPrefix(operator, "not-")
	name := ""
	switch strings.TrimPrefix(operator, "not-") {
	case "begins-with", "begin-with":
		name = "startswith"
	case "ends-with", "end-with":
		name = "endswith"
	default:
		rest, begins := strings.CutPrefix(pattern, "%")
		rest, ends := strings.CutSuffix(rest, "%")
		pattern = rest
		switch {
		case begins && ends:
			name = "contains"
		case begins:
			name = "endswith"
		case ends:
			name = "startswith"
		}
	}
	if strings.ContainsAny(pattern, "%_[") {
		return nil, unknown("wildcards other than % at the ends of a pattern")
	}
	value := odata.Literal{Kind: odata.String, Text: pattern}
	var e odata.Expression = &odata.Binary{Operator: "eq", Left: path, Right: value}
	if name != "" {
		e = &odata.Call{Name: name, Arguments: []odata.Expression{path, value}}
	}
	if negated {
		e = &odata.Not{Of: e}
	}
	return e, nil
}
