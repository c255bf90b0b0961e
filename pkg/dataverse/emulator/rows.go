package emulator

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// populate makes the rows that every environment has: a user for each app, a team, the base currency.
func (s *Server) populate() {
	quoted := func(v string) json.RawMessage { return appendQuoted(nil, v) }
	for _, u := range s.identities.users {
		s.place("systemuser", u.id, Row{"fullname": quoted("# " + u.app.ClientID), "applicationid": quoted(u.app.ClientID), "isdisabled": json.RawMessage("false")})
	}
	s.place("team", s.businessUnit(), Row{"name": quoted(s.config.OrganizationName)})
	s.place("transactioncurrency", s.currency, Row{
		"currencyname": quoted("US Dollar"), "isocurrencycode": quoted("USD"), "currencysymbol": quoted("$"), "exchangerate": json.RawMessage("1"),
	})
}

// place puts a row there without journal, privileges or checks. The columns are no lookups.
func (s *Server) place(name string, id uuid.UUID, values Row) {
	t := s.tables[name]
	var cells []cell
	for column, v := range values {
		if i, ok := t.byName[column]; ok {
			cells, _ = put(cells, cell{i, v})
		}
	}
	now := time.Now().Unix()
	t.addRow(&row{id: id, serial: s.serials.Add(1), version: s.versions.Add(1), created: now, modified: now, cells: merge(nil, nil, cells)})
}

// Reset removes all rows, all journal entries and all spent budgets, as if the Server were new. Apps, tokens, privileges and faults stay.
func (s *Server) Reset() {
	s.change.Lock()
	defer s.change.Unlock()
	for _, t := range s.tables {
		t.rows, t.order, t.dead, t.graves = map[uuid.UUID]*row{}, nil, 0, graves{}
		for _, k := range t.keys {
			k.index = map[string]*row{}
		}
	}
	s.journal.reset()
	for _, u := range s.identities.users {
		u.budget.reset()
	}
	s.populate()
}

// look calls f with the table's rows locked for reading. It returns false when there is no such table.
func (s *Server) look(name string, f func(*table)) bool {
	t := s.tables[name]
	if t == nil {
		return false
	}
	s.change.RLock()
	defer s.change.RUnlock()
	t.mu.RLock()
	defer t.mu.RUnlock()
	f(t)
	return true
}

// Rows returns all rows of a table (logical name), in order of creation; none when there is no such table.
func (s *Server) Rows(name string) []Row {
	var rows []Row
	s.look(name, func(t *table) {
		for _, r := range t.order {
			if !r.dead {
				rows = append(rows, t.export(r))
			}
		}
	})
	return rows
}

// Row returns the row with that GUID.
func (s *Server) Row(name string, id uuid.UUID) (found Row, ok bool) {
	s.look(name, func(t *table) {
		if r := t.rows[id]; r != nil {
			found, ok = t.export(r), true
		}
	})
	return found, ok
}

// RowByKey returns the row with that alternate key, in the form of a URL without percent-encoding: accountnumber='A-1'. Key makes one.
func (s *Server) RowByKey(name, key string) (found Row, ok bool) {
	s.look(name, func(t *table) {
		verbatim := &Server{config: Config{Assumptions: Assumptions{SpecialKeyCharacters: true, BatchKeysVerbatim: true}}}
		c := &call{server: verbatim, request: Request{Batch: 1}}
		a := address{table: t, segment: []byte(key)}
		if c.resolve(&a) != nil {
			return
		}
		if r := a.row(); r != nil {
			found, ok = t.export(r), true
		}
	})
	return found, ok
}

// Count returns the number of rows of a table.
func (s *Server) Count(name string) (n int) {
	s.look(name, func(t *table) { n = len(t.rows) })
	return n
}
