package emulator

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// populate makes the rows that every environment has: users, teams, business units and roles, the base currency.
func (s *Server) populate() {
	s.placePrincipals()
	s.place("transactioncurrency", s.currency, Row{
		"currencyname": quoted("US Dollar"), "isocurrencycode": quoted("USD"), "currencysymbol": quoted("$"), "exchangerate": json.RawMessage("1"),
	})
	s.placeMessages()
}

// placePrincipals makes the rows of users, teams, business units and roles that are not there yet. The caller holds Server.change.
func (s *Server) placePrincipals() {
	organization := s.security.Snapshot()
	units := map[string]uuid.UUID{}
	for _, u := range organization.Units {
		units[u.Name] = u.ID
	}
	root := derived("businessunit", s.config.OrganizationID.String())
	units[""] = root
	for _, u := range organization.Units {
		row := Row{"name": quoted(u.Name)}
		if u.ID != root {
			row["parentbusinessunitid"] = quoted(units[u.Parent].String())
		}
		s.place("businessunit", u.ID, row)
		s.place("team", u.ID, Row{"name": quoted(u.Name), "businessunitid": quoted(u.ID.String()), "isdefault": json.RawMessage("true"), "teamtype": json.RawMessage("0")})
	}
	for _, t := range organization.Teams {
		s.place("team", t.ID, Row{
			"name": quoted(t.Name), "businessunitid": quoted(units[t.Unit].String()), "isdefault": json.RawMessage("false"), "teamtype": json.RawMessage("0"),
		})
	}
	for _, r := range organization.Roles {
		s.place("role", r.ID, Row{"name": quoted(r.Name), "businessunitid": quoted(root.String())})
	}
	for _, u := range s.identities.users {
		state := s.identities.stateOf(u)
		if state == UserMissing {
			continue
		}
		member, _ := s.security.User(u.id)
		row := Row{
			"fullname": quoted(u.name), "isdisabled": json.RawMessage(strconv.FormatBool(state == UserDisabled)), "businessunitid": quoted(units[member.Unit].String()),
			"azureactivedirectoryobjectid": quoted(u.object.String()), "accessmode": json.RawMessage(u.mode[:1]),
		}
		if u.app.ClientID != "" {
			row["applicationid"] = quoted(u.app.ClientID)
		}
		s.place("systemuser", u.id, row)
	}
}

func quoted(v string) json.RawMessage { return appendQuoted(nil, v) }

// place puts a row there, when there is none of that id, without journal, privileges or checks. A lookup is the GUID of a row of its first target.
// Tables and columns that the schema does not have are left out.
func (s *Server) place(name string, id uuid.UUID, values Row) {
	t := s.tables[name]
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.row(id) != nil {
		return
	}
	var cells []cell
	for column, v := range values {
		i, ok := t.byName[column]
		if !ok {
			continue
		}
		if t.columns[i].IsLookup() {
			v = append([]byte{0}, v...)
		}
		cells, _ = put(cells, cell{i, v})
	}
	now := time.Now().Unix()
	t.addRow(&row{id: id, serial: s.serials.Add(1), version: s.versions.Add(1), created: now, modified: now, cells: merge(nil, nil, cells)})
}

// Reset removes all rows, all journal entries and all spent budgets, and returns to the tables of Config, as if the Server were new. Apps, tokens,
// privileges and faults stay.
func (s *Server) Reset() {
	s.change.Lock()
	defer s.change.Unlock()
	s.definitions = s.configured()
	s.clear()
	s.populate()
}

// clear is Reset without the rows that every environment has. The caller holds s.change.
func (s *Server) clear() {
	for _, t := range s.tables {
		t.clear(s.versions.Load())
	}
	s.journal.reset()
	s.recent.reset()
	for _, u := range s.identities.users {
		for _, b := range u.budgets {
			b.Reset()
		}
	}
}

// look calls f with the table's rows locked for reading. It returns false when there is no such table.
func (s *Server) look(name string, f func(*table)) bool {
	s.change.RLock()
	defer s.change.RUnlock()
	t := s.tables[name]
	if t == nil {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	f(t)
	return true
}

// Rows returns all rows of a table (logical name), in order of creation; none when there is no such table.
func (s *Server) Rows(name string) []Row {
	var rows []Row
	s.look(name, func(t *table) {
		for _, r := range t.all() {
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
		if r := t.row(id); r != nil {
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
	s.look(name, func(t *table) { n = t.count() })
	return n
}

// Snapshot returns all rows as they are between two writes.
func (s *Server) Snapshot() *Snapshot {
	s.change.Lock()
	defer s.change.Unlock()
	return takeSnapshot(s.tables, s.versions.Load())
}

// Restore makes the rows those of the snapshot, and forgets journal and spent budgets, as Reset does. Where the snapshot is of another
// server, tables and columns are found by their names; a row that has a value in a column which is not there is an error, and nothing is changed.
func (s *Server) Restore(p *Snapshot) error {
	s.change.Lock()
	defer s.change.Unlock()
	fitted, err := p.fit(s.tables)
	if err != nil {
		return err
	}
	s.versions.Add(1) // delta links from before are of another past
	s.clear()
	version := fitted.fill(s.tables, func() uint64 { return s.serials.Add(1) })
	s.versions.Store(max(s.versions.Load(), version)) // so that no version comes twice
	s.populate()
	return nil
}
