package page

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A column is how the schema page describes one.
type column struct{ Name, Label, Type, About string }

//nolint:gochecknoglobals // constant table
var typeNames = map[schema.Type]string{
	schema.String: "text", schema.Memo: "long text", schema.Integer: "whole number", schema.BigInt: "big number", schema.Decimal: "decimal", schema.Double: "floating point",
	schema.Money: "money", schema.Boolean: "yes or no", schema.Choice: "choice", schema.MultiChoice: "choices", schema.State: "state", schema.Status: "status reason",
	schema.DateTime: "date and time", schema.ID: "identifier", schema.Lookup: "lookup", schema.Customer: "customer", schema.Owner: "owner",
}

func columns(t *schema.Table) []column {
	list := make([]column, 0, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		line := column{Name: c.Name, Label: c.Label, Type: typeNames[c.Type]}
		if line.Type == "" {
			line.Type = fmt.Sprintf("type %d", c.Type)
		}
		if c.IsDate() {
			line.Type = "date"
		}
		var about []string
		if c.MaxLength > 0 {
			about = append(about, "up to "+strconv.Itoa(c.MaxLength)+" characters")
		}
		if c.Min != 0 || c.Max != 0 {
			about = append(about, fmt.Sprintf("%v to %v", c.Min, c.Max))
		}
		if c.Precision > 0 {
			about = append(about, strconv.Itoa(c.Precision)+" digits after the point")
		}
		if len(c.Options) > 0 {
			options := make([]string, len(c.Options))
			for i, o := range c.Options {
				options[i] = fmt.Sprintf("%d %s", o.Value, o.Label)
			}
			about = append(about, strings.Join(options, ", "))
		}
		for _, to := range c.Targets {
			about = append(about, "to "+to.Table+" by "+to.Navigation)
		}
		if c.ReadOnly {
			about = append(about, "read only")
		}
		if c.Required != "" && c.Required != "None" {
			about = append(about, c.Required)
		}
		line.About = strings.Join(about, "; ")
		list = append(list, line)
	}
	return list
}
