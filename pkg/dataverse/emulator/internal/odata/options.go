// Package odata reads the query options of OData 4, in the form in which Dataverse takes them: text to trees, without knowing any table.
package odata

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// An Error says what is wrong with a query. Its text is what the server answers, with 501 for what it does not know and with 400 for the rest.
type Error struct {
	Text        string
	Unsupported bool
}

func (e *Error) Error() string { return e.Text }

func fail(format string, args ...any) error { return &Error{Text: fmt.Sprintf(format, args...)} }

// Options are the system query options of a URL, or those inside an $expand.
type Options struct {
	Select     []string // nil: everything
	Filter     Expression
	Order      []Order
	Expand     []Expand
	Apply      []Transformation
	Top        int // -1 without
	Count      bool
	SkipToken  string
	DeltaToken string
	FetchXML   string
	SQL        string
}

// An Order is one property of $orderby.
type Order struct {
	Path       Path
	Descending bool
}

// An Expand is one navigation property of $expand, with the options in its parentheses.
type Expand struct {
	Name    string
	Options Options
	Text    string // the options, joined as a query string joins them
}

// maxExpands is how many joins Dataverse makes for one query.
const maxExpands = 15

// ParseOptions reads the query string of a URL, percent-encoded. Parameters that are no system query options (tag, partitionId) are passed over.
func ParseOptions(query string) (Options, error) {
	o := Options{Top: -1}
	aliases := map[string]string{}
	var pairs [][2]string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		v, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return o, fail("Bad Request - Error in query syntax.")
		}
		if strings.HasPrefix(name, "@") {
			aliases[name] = v
			continue
		}
		pairs = append(pairs, [2]string{name, v})
	}
	for _, pair := range pairs {
		if err := o.set(pair[0], pair[1], aliases, 0); err != nil {
			return o, err
		}
	}
	if n := o.expands(); n > maxExpands {
		return o, fail("Number of link entities in query exceeded maximum limit. The query has %d, of which %d are allowed.", n, maxExpands)
	}
	return o, nil
}

func (o *Options) expands() int {
	n := len(o.Expand)
	for i := range o.Expand {
		n += o.Expand[i].Options.expands()
	}
	return n
}

// set takes one option; depth counts the $expands around it.
func (o *Options) set(name, v string, aliases map[string]string, depth int) (err error) {
	inner := depth > 0
	switch {
	case name == "$select":
		o.Select, err = names(v)
	case name == "$filter":
		o.Filter, err = Parse(v, aliases)
	case name == "$orderby":
		o.Order, err = orders(v)
	case name == "$expand":
		o.Expand, err = expands(v, aliases, depth+1)
	case name == "$top":
		if o.Top, err = strconv.Atoi(v); err != nil || o.Top < 0 {
			return fail("Invalid value '%s' for $top query option found. The $top query option requires a non-negative integer value.", v)
		}
	case name == "$skip":
		return fail("Skip Clause is not supported in CRM")
	case inner:
		return fail("The query option '%s' is not supported inside $expand.", name)
	case name == "$count":
		if v != "true" && v != "false" {
			return fail("Invalid value '%s' for $count query option found. Valid values are 'true' and 'false'.", v)
		}
		o.Count = v == "true"
	case name == "$skiptoken":
		o.SkipToken = v
	case name == "sql":
		o.SQL = v
	case name == "$deltatoken":
		o.DeltaToken = v
	case name == "$apply":
		o.Apply, err = apply(v, aliases)
	case name == "fetchXml":
		o.FetchXML = v
	case name == "savedQuery" || name == "userQuery":
		return &Error{Text: "The emulator does not know the query option " + name + ".", Unsupported: true}
	case name == "$format": // the Accept header decides
	case strings.HasPrefix(name, "$"):
		return fail("The query parameter '%s' is not supported.", name)
	}
	return err
}

// names reads a list of properties; * is all of them.
func names(list string) ([]string, error) {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); name {
		case "*":
			return nil, nil
		case "":
			return nil, fail("The $select of '%s' has a property without a name.", list)
		}
		out = append(out, name)
	}
	return out, nil
}

func orders(list string) ([]Order, error) {
	var out []Order
	for item := range strings.SplitSeq(list, ",") {
		fields := strings.Fields(item)
		if len(fields) == 0 || len(fields) > 2 || len(fields) == 2 && fields[1] != "asc" && fields[1] != "desc" {
			return nil, fail("Syntax error in the $orderby '%s': a property is expected, followed by asc, desc or nothing.", list)
		}
		out = append(out, Order{strings.Split(fields[0], "/"), len(fields) == 2 && fields[1] == "desc"})
	}
	return out, nil
}

func expands(list string, aliases map[string]string, depth int) ([]Expand, error) {
	if depth > maxExpands {
		return nil, fail("Number of link entities in query exceeded maximum limit.")
	}
	var out []Expand
	for _, item := range split(list, ',') {
		item = strings.TrimSpace(item)
		name, rest, nested := strings.Cut(item, "(")
		e := Expand{Name: strings.TrimSpace(name), Options: Options{Top: -1}}
		if e.Name == "" || nested && !strings.HasSuffix(rest, ")") {
			return nil, fail("Syntax error in the $expand '%s'.", list)
		}
		if nested {
			var texts []string
			for _, option := range split(strings.TrimSuffix(rest, ")"), ';') {
				if option = strings.TrimSpace(option); option == "" {
					continue
				}
				name, v, ok := strings.Cut(option, "=")
				if !ok {
					return nil, fail("Syntax error in the $expand '%s': '%s' is no query option.", list, option)
				}
				if err := e.Options.set(strings.TrimSpace(name), strings.TrimSpace(v), aliases, depth); err != nil {
					return nil, err
				}
				texts = append(texts, strings.TrimSpace(name)+"="+escape(strings.TrimSpace(v)))
			}
			e.Text = strings.Join(texts, "&")
		}
		out = append(out, e)
	}
	return out, nil
}

func escape(v string) string { return strings.ReplaceAll(url.QueryEscape(v), "+", "%20") }
