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
		for _, name := range Named(f, table) {
			if name != table.LogicalName && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Named lists the tables that a lookup may name: the one that the file says, those that it gives keys for where each row
// chooses, or the only one there is. A field that is no lookup names none.
func Named(f spec.Field, table *dataverse.Table) []string {
	column, found := table.Column(f.Column)
	switch {
	case f.ToFrom != "":
		var names []string
		for _, p := range f.By {
			if !slices.Contains(names, p.Table) {
				names = append(names, p.Table)
			}
		}
		return names
	case f.To != "":
		return []string{f.To}
	case found && len(f.By) > 0 && len(column.Targets) == 1:
		return []string{column.Targets[0].Table}
	}
	return nil
}
