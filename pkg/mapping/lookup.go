package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A target is a table that a lookup can name a record of, and how it does.
type target struct {
	table string // logical name
	clear string // "parentcustomerid_account": with quotes and colon
	bind  string // "parentcustomerid_account@odata.bind":"/accounts(
	parts []part
	given int // of the parts, those that a row gives; the others are constants
}

// refers says what a lookup can name.
type refers struct {
	targets []target
	kinds   vocabulary // which target a row names; nil: the one there is
	known   string     // the tables, for messages
}

// lookup compiles a field that names another record: of one table, or of one that each row chooses.
func (c *compiler) lookup(f spec.Field, column *dataverse.Column) {
	from := strings.Join(f.Sources(), ", ")
	if !c.sensible(f, column, source{}) {
		return
	}
	if column.Type != dataverse.Lookup {
		c.report(f, from, fmt.Sprintf("%s is %s, not a lookup", f.Column, describe(column)), "write "+f.Column+": "+f.By[0].From)
		return
	}
	to := &refers{}
	out := field{column: f.Column, source: from, form: formLookup, refers: to, skipNull: f.Null == spec.NullSkip, noNull: f.Null == spec.NullError, required: column.Required, null: -1, cut: -1}
	if f.ToFrom == "" {
		table := f.To
		if table == "" && len(column.Targets) == 1 {
			table = column.Targets[0].Table
		}
		t, ok := c.target(f, column, table, f.By)
		if !ok {
			return
		}
		to.targets = []target{t}
	} else if !c.chosen(f, column, &out) {
		return
	}
	out.name = to.targets[0].clear // of several tables any will do
	c.plan.fields = append(c.plan.fields, out)
}

// chosen compiles a lookup whose table each row names.
func (c *compiler) chosen(f spec.Field, column *dataverse.Column, out *field) bool {
	by := map[string][]spec.Part{}
	var tables []string
	for _, p := range f.By {
		if by[p.Table] == nil {
			tables = append(tables, p.Table)
		}
		by[p.Table] = append(by[p.Table], p)
	}
	to, ok := out.refers, true
	var places []int32
	for i, table := range tables {
		t, fits := c.target(f, column, table, by[table])
		to.targets, places, ok = append(to.targets, t), append(places, int32(i)), ok && fits
	}
	to.kinds, _ = newVocabulary(tables, places) // logical names are of one case
	to.known = listed(tables)
	s, found := c.source(f, f.ToFrom)
	if !found {
		return false
	}
	if s.unknown {
		s.class = text
	}
	if !names(spec.Field{Choice: spec.Label}, s.class) {
		c.report(f, s.name, s.typ+" does not name a table", "give its logical name as text: account")
		return false
	}
	out.slot, out.null = c.readText(s), c.bit(s)
	return ok
}

// target compiles how a lookup names a record of one table.
func (c *compiler) target(f spec.Field, column *dataverse.Column, table string, by []spec.Part) (t target, ok bool) {
	var froms, keys []string
	for _, p := range by {
		froms, keys = append(froms, p.From), append(keys, p.Key)
	}
	from := strings.Join(froms, ", ")
	if len(by) == 0 {
		from = f.From
	}
	var tables []string
	for _, t := range column.Targets {
		tables = append(tables, t.Table)
	}
	named, found := column.Target(table)
	switch {
	case !found && table != "" && document.Nearest(table, tables) != "":
		c.report(f, from, fmt.Sprintf("the lookup does not name records of %s", table), document.DidYouMean(table, tables))
		return t, false
	case !found:
		c.report(f, from, fmt.Sprintf("the lookup names records of %s", strings.Join(tables, ", ")),
			fmt.Sprintf("write %s: {to: %s, by: {…}}", f.Column, strings.Join(tables, " or ")))
		return t, false
	case named.SetName == "":
		c.report(f, from, "the table "+table+", which the lookup names, is not there or cannot be seen",
			"check the name of the table, and that the application user has a role which may read it")
		return t, false
	case named.Navigation == "":
		c.report(f, from, "the environment names no navigation property from "+c.plan.table+"."+f.Column+" to "+table,
			"this looks like a relationship that is being made or removed: try again in some minutes, then drop it from map")
		return t, false
	case len(by) == 0:
		c.report(f, from, "a lookup needs the other record's key",
			fmt.Sprintf("write %s: {to: %s, by: {%s: %s}}", f.Column, table, named.PrimaryID, f.From))
		return t, false
	}
	t = target{table: table, clear: `"` + named.Navigation + `":`, bind: `"` + named.Navigation + `@odata.bind":"/` + named.SetName + `(`}
	switch {
	case len(keys) == 1 && keys[0] == named.PrimaryID:
		s, found := c.source(f, from)
		if found {
			t.parts = c.parts(f, nil, "", []source{s})
		}
		t.count()
		return t, found
	case table == currencies && len(keys) == 1 && keys[0] == currencyCode:
		t.parts, ok = c.currency(f, from)
	default:
		t.parts, ok = c.foreign(f, named, froms, keys)
	}
	t.count()
	return t, ok
}

// count counts the parts of a key that rows give.
func (t *target) count() {
	for _, p := range t.parts {
		if !p.constant {
			t.given++
		}
	}
}

// foreign compiles the alternate key of another table.
func (c *compiler) foreign(f spec.Field, named *dataverse.Target, froms, keys []string) ([]part, bool) {
	if !c.usable(f, strings.Join(froms, ", "), named.Table, named.PrimaryID, named.Keys, keys) {
		return nil, false
	}
	table := c.Targets[named.Table]
	if table == nil {
		c.report(f, strings.Join(froms, ", "), "the metadata of table "+named.Table+" was not read", "this is a fault of the program, please report it")
		return nil, false
	}
	var columns []*dataverse.Column
	var sources []source
	for i, key := range keys {
		column, found := table.Column(key)
		if !found {
			c.report(f, froms[i], fmt.Sprintf("table %s has no column %s", named.Table, key), "")
			return nil, false
		}
		s, found := c.source(f, froms[i])
		if !found {
			return nil, false
		}
		columns, sources = append(columns, column), append(sources, s)
	}
	return c.parts(f, columns, named.Table, sources), true
}

// Currencies have no alternate key of their own. There are few, so their codes are looked up in what the environment has.
const (
	currencies   = "transactioncurrency"
	currencyCode = "isocurrencycode"
)

// currency compiles a lookup by a currency's code.
func (c *compiler) currency(f spec.Field, from string) ([]part, bool) {
	s, found := c.source(f, from)
	if !found {
		return nil, false
	}
	if s.unknown {
		s.class = text
	}
	if !names(spec.Field{Choice: spec.Label}, s.class) {
		c.report(f, from, s.typ+" is not the code of a currency", "give it as text: EUR")
		return nil, false
	}
	p := part{column: currencyCode, source: s.name, literal: code, slot: c.readText(s), null: c.bit(s), constant: s.computed != nil}
	var codes []string
	var places []int32
	if table := c.Targets[currencies]; table != nil {
		for i, currency := range table.Currencies {
			codes, places, p.ids = append(codes, currency.Code), append(places, int32(i)), append(p.ids, currency.ID)
		}
	}
	var clash []term
	p.codes, clash = newVocabulary(codes, places)
	switch {
	case len(codes) == 0:
		c.report(f, from, "the environment shows the application user no currency", "check that it has a role which may read the table "+currencies)
		return nil, false
	case clash != nil:
		c.report(f, from, "the environment has two currencies with the code "+clash[0].text, "map by "+currencies+"id, or have one of them renamed")
		return nil, false
	}
	p.known = listed(codes)
	return []part{p}, true
}

// bound gives the target of a row's lookup; nil where it names no record. Table and key have to be there both, or neither.
func (r *Row) bound(f *field) (*target, *penstock.Cause) {
	t := &f.refers.targets[0]
	if f.refers.kinds != nil {
		kind := r.strings[f.slot]
		if r.null(f.null) || strings.TrimSpace(kind) == "" {
			if slices.ContainsFunc(f.refers.targets, func(t target) bool { return r.missing(&t) < t.given }) {
				return nil, refuse(f.column, "reference_incomplete", "of table and key (%s) only the key has a value", f.source)
			}
			return nil, nil
		}
		i, found := f.refers.kinds.find(kind)
		if !found {
			return nil, refuse(f.column, "target_unknown", "the table that a row names is none of those that the lookup has keys for: %s", f.refers.known)
		}
		t = &f.refers.targets[i]
	}
	switch r.missing(t) {
	case 0:
		return t, nil
	case t.given:
		return nil, nil
	}
	return nil, refuse(f.column, "reference_incomplete", "of the key (%s) only a part has a value", f.source)
}

// missing counts the parts of a key that have no value. Constants always have one.
func (r *Row) missing(t *target) (n int) {
	for i := range t.parts {
		if p := &t.parts[i]; !p.constant && r.empty(p) {
			n++
		}
	}
	return n
}

// appendBinding appends the reference to another record.
func (r *Row) appendBinding(dst []byte, f *field, t *target) ([]byte, *penstock.Cause) {
	dst = append(dst, t.bind...)
	for i := range t.parts {
		var cause *penstock.Cause
		if dst, cause = r.appendPart(dst, &t.parts[i], f.column); cause != nil {
			return dst, cause
		}
	}
	return append(dst, `)"`...), nil
}
