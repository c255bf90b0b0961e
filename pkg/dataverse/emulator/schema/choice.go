package schema

import (
	"fmt"
	"slices"
)

// ValidateChoices reports columns that disagree about the options of the global choice that they share.
func ValidateChoices(tables []Table) error {
	type use struct {
		table   string
		column  *Column
		options []int
	}
	first := map[string]use{}
	for i := range tables {
		for j := range tables[i].Columns {
			c := &tables[i].Columns[j]
			if c.Global.Name == "" {
				continue
			}
			this := use{table: tables[i].Name, column: c}
			for _, o := range c.Options {
				this.options = append(this.options, o.Value)
			}
			other, seen := first[c.Global.Name]
			if !seen {
				first[c.Global.Name] = this
				continue
			}
			if !slices.Equal(other.options, this.options) {
				return fmt.Errorf("schema: the global choice %q has the options %v in %s.%s, and %v in %s.%s; give both the same",
					c.Global.Name, other.options, other.table, other.column.Name, this.options, this.table, c.Name)
			}
		}
	}
	return nil
}
