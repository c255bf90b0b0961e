package metadata

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// options reads a query string, and refuses what metadata does not know.
func (m *Model) options(query string) (odata.Options, languages, error) {
	o, err := odata.ParseOptions(query)
	var refused *odata.Error
	if errors.As(err, &refused) {
		return o, nil, refuse(Query, "%s", refused.Text)
	}
	switch {
	case o.Top >= 0:
		return o, nil, refuse(Query, "The query parameter $top is not supported.")
	case o.SkipToken != "" || o.DeltaToken != "" || o.FetchXML != "" || o.SQL != "" || o.Apply != nil:
		return o, nil, refuse(Query, "The query parameter is not supported for metadata.")
	case len(o.Order) > 0 && !m.config.OrderBy:
		return o, nil, refuse(Query, "The query parameter $orderby is not supported.")
	}
	values, _ := url.ParseQuery(strings.ReplaceAll(query, ";", "%3B")) // what is broken has been refused
	l, err := parseLanguages(values.Get("LabelLanguages"))
	return o, l, err
}

// check refuses names that the type does not have, even when there is nothing that they could be of.
func check(o odata.Options, t *entityType) error {
	for _, name := range o.Select {
		if !t.has(name) && t.navigates(name) == nil {
			return unknown(name, t)
		}
	}
	for _, e := range o.Expand {
		if t.navigates(e.Name) == nil {
			return unknown(e.Name, t)
		}
	}
	for _, order := range o.Order {
		if !t.has(order.Path[0]) {
			return unknown(order.Path[0], t)
		}
	}
	if o.Filter == nil {
		return nil
	}
	return checkFilter(o.Filter, t)
}

func sorted(nodes []*node, by []odata.Order) []*node {
	if len(by) == 0 {
		return nodes
	}
	nodes = slices.Clone(nodes)
	slices.SortStableFunc(nodes, func(a, b *node) int {
		for _, order := range by {
			x, y := reach(a.values, order.Path), reach(b.values, order.Path)
			n, ok := compare(x, y)
			if !ok {
				n = cmp.Compare(fmt.Sprint(x), fmt.Sprint(y))
			}
			if order.Descending {
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

// languages are the codes of LabelLanguages; nil means all.
type languages []int

func parseLanguages(list string) (languages, error) {
	if list == "" {
		return nil, nil
	}
	var l languages
	for code := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(code))
		if err != nil {
			return nil, refuse(Query, "LabelLanguages is not a list of language codes: '%s'.", list)
		}
		l = append(l, n)
	}
	return l, nil
}

// limit takes the labels of other languages out of an answer.
func (l languages) limit(v any) {
	if l == nil {
		return
	}
	switch v := v.(type) {
	case []object:
		for _, inner := range v {
			l.limit(inner)
		}
	case object:
		if labels, ok := v["LocalizedLabels"].([]object); ok {
			v["LocalizedLabels"] = slices.DeleteFunc(labels, func(label object) bool { return !l.has(label) })
			if user, ok := v["UserLocalizedLabel"].(object); ok && !l.has(user) {
				v["UserLocalizedLabel"] = nil
			}
			return
		}
		for _, inner := range v {
			l.limit(inner)
		}
	}
}

func (l languages) has(label object) bool {
	code, _ := label["LanguageCode"].(int)
	return slices.Contains(l, code)
}
