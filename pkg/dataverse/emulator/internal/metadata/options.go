package metadata

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// options are the query options of a request, or those within an $expand.
type options struct {
	selected  []string // nil means all
	expanded  []expansion
	filter    predicate
	filtered  []string // the paths that filter and order name, to be checked against the type
	order     []ordering
	count     bool
	languages []int // LabelLanguages; nil means all
}

type expansion struct {
	name string
	options
}

type ordering struct {
	path       string
	descending bool
}

// parseOptions reads a query string. It is not url.ParseQuery, for which the semicolons of a nested $expand are mistakes.
func parseOptions(query string) (options, error) {
	var o options
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return o, refuse(Query, "Bad Request - Error in query syntax.")
		}
		if name == "LabelLanguages" {
			if err := o.setLanguages(value); err != nil {
				return o, err
			}
			continue
		}
		if !strings.HasPrefix(name, "$") {
			continue // other parameters mean nothing to metadata
		}
		if err := o.set(name, value, 0); err != nil {
			return o, err
		}
	}
	return o, nil
}

// maxDepth bounds how deep $expand and parentheses may nest.
const maxDepth = 16

func (o *options) set(name, value string, depth int) (err error) {
	switch name {
	case "$select":
		o.selected = []string{}
		for p := range strings.SplitSeq(value, ",") {
			if p = strings.TrimSpace(p); p == "" {
				return refuse(Query, "Syntax error: $select has an empty item.")
			}
			o.selected = append(o.selected, p)
		}
	case "$expand":
		o.expanded, err = parseExpand(value, depth)
	case "$filter":
		o.filter, o.filtered, err = parseFilter(value)
	case "$orderby":
		for item := range strings.SplitSeq(value, ",") {
			path, direction, _ := strings.Cut(strings.TrimSpace(item), " ")
			o.order = append(o.order, ordering{path, strings.TrimSpace(direction) == "desc"})
		}
	case "$count":
		o.count = value == "true"
	case "$top", "$skip", "$skiptoken", "$apply", "$search":
		return refuse(Query, "The query parameter %s is not supported.", name)
	default:
		return refuse(Query, "The query parameter '%s' is not supported.", name)
	}
	return err
}

func (o *options) setLanguages(value string) error {
	for l := range strings.SplitSeq(value, ",") {
		lcid, err := strconv.Atoi(strings.TrimSpace(l))
		if err != nil {
			return refuse(Query, "LabelLanguages is not a list of language codes: '%s'.", value)
		}
		o.languages = append(o.languages, lcid)
	}
	return nil
}

// parseExpand reads Keys($select=a,b;$filter=c eq 1),Attributes.
func parseExpand(text string, depth int) ([]expansion, error) {
	if depth > maxDepth {
		return nil, refuse(Query, "$expand is nested too deeply.")
	}
	var all []expansion
	items, err := cut(text, ',')
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		name, inner, nested := strings.Cut(item, "(")
		e := expansion{name: strings.TrimSpace(name)}
		if e.name == "" {
			return nil, refuse(Query, "Syntax error: $expand has an empty item.")
		}
		if nested {
			var ok bool
			if inner, ok = strings.CutSuffix(strings.TrimSpace(inner), ")"); !ok {
				return nil, refuse(Query, "Syntax error: an item of $expand does not end in a parenthesis.")
			}
			parts, err := cut(inner, ';')
			if err != nil {
				return nil, err
			}
			for _, p := range parts {
				name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				if err := e.set(name, value, depth+1); err != nil {
					return nil, err
				}
			}
		}
		all = append(all, e)
	}
	return all, nil
}

// cut splits at a separator outside parentheses and quotes.
func cut(text string, separator byte) ([]string, error) {
	var parts []string
	from, depth, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == '\'':
			quoted = !quoted
		case quoted:
		case b == '(':
			depth++
		case b == ')':
			depth--
		case b == separator && depth == 0:
			parts, from = append(parts, text[from:i]), i+1
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 || quoted {
		return nil, refuse(Query, "Syntax error: parentheses or quotes do not match in '%s'.", text)
	}
	return append(parts, text[from:]), nil
}

// check refuses names that the type does not have, even when there is nothing that they could be of.
func (o options) check(t *entityType) error {
	for _, name := range o.selected {
		if !t.has(name) && t.navigates(name) == nil {
			return unknown(name, t)
		}
	}
	for _, e := range o.expanded {
		if t.navigates(e.name) == nil {
			return unknown(e.name, t)
		}
	}
	paths := o.filtered
	for _, order := range o.order {
		paths = append(paths[:len(paths):len(paths)], order.path)
	}
	for _, path := range paths {
		if name, _, _ := strings.Cut(path, "/"); !t.has(name) {
			return unknown(name, t)
		}
	}
	return nil
}

func (o options) sorted(nodes []*node) []*node {
	if len(o.order) == 0 {
		return nodes
	}
	nodes = slices.Clone(nodes)
	slices.SortStableFunc(nodes, func(a, b *node) int {
		for _, order := range o.order {
			x, y := reach(a.values, order.path), reach(b.values, order.path)
			n, ok := compare(x, y)
			if !ok {
				n = cmp.Compare(fmt.Sprint(x), fmt.Sprint(y))
			}
			if order.descending {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	return nodes
}

// limitLanguages takes the labels of other languages out of an answer.
func (o options) limitLanguages(v any) {
	if o.languages == nil {
		return
	}
	switch v := v.(type) {
	case []object:
		for _, inner := range v {
			o.limitLanguages(inner)
		}
	case object:
		if labels, ok := v["LocalizedLabels"].([]object); ok {
			v["LocalizedLabels"] = slices.DeleteFunc(labels, func(l object) bool { return !o.speaks(l) })
			if user, ok := v["UserLocalizedLabel"].(object); ok && !o.speaks(user) {
				v["UserLocalizedLabel"] = nil
			}
			return
		}
		for _, inner := range v {
			o.limitLanguages(inner)
		}
	}
}

func (o options) speaks(label object) bool {
	code, _ := label["LanguageCode"].(int)
	return slices.Contains(o.languages, code)
}
