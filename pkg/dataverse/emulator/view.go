package emulator

import (
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file is what people look at who want to know what the Server has.

// Config returns what the Server was made of, with the defaults filled in.
func (s *Server) Config() Config { return s.config }

// Tables returns the schema of all tables, by logical name.
func (s *Server) Tables() []schema.Table {
	s.change.RLock()
	defer s.change.RUnlock()
	all := make([]schema.Table, 0, len(s.tables))
	for _, t := range s.tables {
		all = append(all, t.Table)
	}
	slices.SortFunc(all, func(a, b schema.Table) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Table returns the schema of a table (logical name).
func (s *Server) Table(name string) (schema.Table, bool) {
	s.change.RLock()
	defer s.change.RUnlock()
	t := s.tables[name]
	if t == nil {
		return schema.Table{}, false
	}
	return t.Table, true
}

// HasPrivilege reports whether there is a privilege of that name (prvWriteContact), whoever has it.
func (s *Server) HasPrivilege(name string) bool {
	s.change.RLock()
	defer s.change.RUnlock()
	_, there := slices.BinarySearch(s.catalog, name)
	return there
}

// Page returns limit rows of a table at most whose GUID or values contain text (in either case; all rows when empty), in order of creation.
// It begins after the row that the last page's next stands for, 0 for the first. The next that it returns is 0 when there are no more.
func (s *Server) Page(name, text string, after uint64, limit int) (rows []Row, next uint64) {
	wanted := []byte(strings.ToLower(text))
	s.look(name, func(t *store.Table) {
		from, _ := slices.BinarySearchFunc(t.Rows(), after+1, func(r *store.Row, serial uint64) int {
			switch {
			case r.Serial < serial:
				return -1
			case r.Serial > serial:
				return 1
			}
			return 0
		})
		last := uint64(0)
		for _, r := range t.Rows()[from:] {
			if r.Dead || len(wanted) > 0 && !r.Contains(wanted) {
				continue
			}
			if len(rows) == limit {
				next = last
				return
			}
			rows, last = append(rows, export(t, r)), r.Serial
		}
	})
	return rows, next
}
