package mapping

import (
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Targets lists the tables whose metadata a sync needs besides its own table's: those that its lookups name, and the one
// that a lookup stands for when it can name no other.
func Targets(s spec.Sync, table *dataverse.Table) []string {
	var names []string
	for _, f := range s.Map {
		name := f.To
		if column, found := table.Column(f.Column); found && name == "" && len(f.By) > 0 && len(column.Targets) == 1 {
			name = column.Targets[0].Table
		}
		if name != "" && name != table.LogicalName && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
