package emulator

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
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

func quoted(v string) json.RawMessage { return jsonobject.AppendQuoted(nil, v) }

// place puts a row there, when there is none of that id, without journal, privileges or checks. A lookup is the GUID of a row of its first target.
// Tables and columns that the schema does not have are left out.
func (s *Server) place(name string, id uuid.UUID, values Row) {
	t := s.tables[name]
	if t == nil {
		return
	}
	t.Lock()
	defer t.Unlock()
	if t.Row(id) != nil {
		return
	}
	var cells []store.Cell
	for column, v := range values {
		i, ok := t.ByName[column]
		if !ok {
			continue
		}
		if t.Columns[i].IsLookup() {
			v = append([]byte{0}, v...)
		}
		cells, _ = store.Put(cells, store.Cell{Column: i, Value: v})
	}
	now := time.Now().Unix()
	t.Insert(&store.Row{ID: id, Serial: s.serials.Add(1), Version: s.versions.Add(1), Created: now, Modified: now, Cells: store.Merge(nil, nil, cells)})
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
		t.Clear(s.versions.Load())
	}
	s.journal.Reset()
	s.recent.reset()
	for _, u := range s.identities.users {
		for _, b := range u.budgets {
			b.Reset()
		}
	}
}

// look calls f with the table's rows locked for reading. It returns false when there is no such table.
func (s *Server) look(name string, f func(*store.Table)) bool {
	s.change.RLock()
	defer s.change.RUnlock()
	t := s.tables[name]
	if t == nil {
		return false
	}
	t.RLock()
	defer t.RUnlock()
	f(t)
	return true
}

// Rows returns all rows of a table (logical name), in order of creation; none when there is no such table.
func (s *Server) Rows(name string) []Row {
	var rows []Row
	s.look(name, func(t *store.Table) {
		for _, r := range t.Rows() {
			if !r.Dead {
				rows = append(rows, export(t, r))
			}
		}
	})
	return rows
}

// Row returns the row with that GUID.
func (s *Server) Row(name string, id uuid.UUID) (found Row, ok bool) {
	s.look(name, func(t *store.Table) {
		if r := t.Row(id); r != nil {
			found, ok = export(t, r), true
		}
	})
	return found, ok
}

// RowByKey returns the row with that alternate key, in the form of a URL without percent-encoding: accountnumber='A-1'. Key makes one.
func (s *Server) RowByKey(name, key string) (found Row, ok bool) {
	s.look(name, func(t *store.Table) {
		verbatim := &Server{config: Config{Assumptions: Assumptions{SpecialKeyCharacters: true, BatchKeysVerbatim: true}}}
		c := &call{server: verbatim, request: Request{Batch: 1}}
		a := address{table: t, segment: []byte(key)}
		if c.resolve(&a) != nil {
			return
		}
		if r := a.row(); r != nil {
			found, ok = export(t, r), true
		}
	})
	return found, ok
}

// Count returns the number of rows of a table.
func (s *Server) Count(name string) (n int) {
	s.look(name, func(t *store.Table) { n = t.Len() })
	return n
}
