package mapping

import (
	"fmt"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// lookup compiles a field that names another record.
func (c *compiler) lookup(f spec.Field, column *dataverse.Column) {
	from := strings.Join(f.Sources(), ", ")
	if !c.sensible(f, column, source{}) {
		return
	}
	if column.Type != dataverse.Lookup {
		c.report(f, from, fmt.Sprintf("%s is %s, not a lookup", f.Column, describe(column)), "write "+f.Column+": "+f.By[0].From)
		return
	}
	var tables []string
	for _, t := range column.Targets {
		tables = append(tables, t.Table)
	}
	if f.To == "" && len(tables) == 1 {
		f.To = tables[0]
	}
	target, found := column.Target(f.To)
	if !found {
		c.report(f, from, fmt.Sprintf("the lookup names records of %s", strings.Join(tables, ", ")),
			fmt.Sprintf("write %s: {to: %s, by: {…}}", f.Column, strings.Join(tables, " or ")))
		return
	}
	switch {
	case target.SetName == "":
		c.report(f, from, "the table "+target.Table+", which the lookup names, is not there or cannot be seen",
			"check the name of the table, and that the application user has a role which may read it")
		return
	case target.Navigation == "":
		c.report(f, from, "the environment names no navigation property from "+c.plan.table+"."+f.Column+" to "+target.Table,
			"this looks like a relationship that is being made or removed: try again in some minutes, then drop it from map")
		return
	}
	if len(f.By) == 0 {
		c.report(f, from, "a lookup needs the other record's key",
			fmt.Sprintf("write %s: {to: %s, by: {%s: %s}}", f.Column, f.To, target.PrimaryID, f.From))
		return
	}
	keys := make([]string, len(f.By))
	for i, p := range f.By {
		keys[i] = p.Key
	}
	out := field{
		column: f.Column, source: from, form: formLookup, skipNull: f.Null == spec.NullSkip, noNull: f.Null == spec.NullError, null: -1,
		name: `"` + target.Navigation + `":`, bind: `"` + target.Navigation + `@odata.bind":"/` + target.SetName + `(`,
	}
	if len(keys) == 1 && keys[0] == target.PrimaryID {
		if s, found := c.source(f, f.By[0].From); found {
			out.parts = c.parts(f, nil, "", []source{s})
			c.plan.fields = append(c.plan.fields, out)
		}
		return
	}
	if !c.usable(f, from, target.Table, target.PrimaryID, target.Keys, keys) {
		return
	}
	table := c.Targets[target.Table]
	if table == nil {
		c.report(f, from, "the metadata of table "+target.Table+" was not read", "this is a fault of the program, please report it")
		return
	}
	var columns []*dataverse.Column
	var sources []source
	for i, key := range keys {
		column, found := table.Column(key)
		if !found {
			c.report(f, f.By[i].From, fmt.Sprintf("table %s has no column %s", target.Table, key), "")
			return
		}
		s, found := c.source(f, f.By[i].From)
		if !found {
			return
		}
		columns, sources = append(columns, column), append(sources, s)
	}
	out.parts = c.parts(f, columns, target.Table, sources)
	c.plan.fields = append(c.plan.fields, out)
}

// unbound reports whether a lookup names no record.
func (r *Row) unbound(f *field) (bool, *penstock.Cause) {
	missing := 0
	for i := range f.parts {
		if r.empty(&f.parts[i]) {
			missing++
		}
	}
	if missing > 0 && missing < len(f.parts) {
		return false, refuse(f.column, "reference_incomplete", "of the key (%s) only a part has a value", f.source)
	}
	return missing > 0, nil
}
