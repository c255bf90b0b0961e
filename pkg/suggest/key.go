package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// key chooses what records are found by: an active alternate key whose columns are mapped, the primary key where the query has
// it, or, as a guess, a key of one column that nothing fills, from what looks like an identifier.
func (m *making) key() {
	for _, try := range []func() bool{m.mappedKey, m.primaryKey, m.guessedKey} {
		if try() {
			m.out.Keyed = true
			return
		}
	}
	m.none()
}

// fits sets the key, unless the mapping says that it cannot be one.
func (m *making) fits(from, match []string) bool {
	s := m.out.Sync
	s.From.Key, s.To.Match = from, match
	problems := m.compile(s)
	if slices.ContainsFunc(problems, func(p mapping.Problem) bool {
		return p.Column == "to.match.key" || p.Column == m.Table.PrimaryID || slices.Contains(match, p.Column)
	}) {
		return false
	}
	m.out.Sync = s
	for _, name := range from {
		m.keyed = append(m.keyed, slices.IndexFunc(m.Model, func(c mapping.SourceColumn) bool { return c.Name == name }))
	}
	return true
}

func (m *making) mappedKey() bool {
	var others []string
	for _, k := range m.Table.Keys {
		if !k.Active {
			continue
		}
		var from []string
		for _, column := range k.Columns {
			for _, f := range m.used {
				if f.Column == column && f.From != "" && f.Choice != spec.Label {
					from = append(from, f.From)
				}
			}
		}
		switch {
		case len(from) != len(k.Columns):
		case m.out.Sync.To.Match == nil:
			m.fits(from, k.Columns)
		default:
			others = append(others, k.Name+" ("+strings.Join(k.Columns, ", ")+")")
		}
	}
	if len(others) > 0 {
		m.out.KeyNote = "The query also fills the alternate key " + strings.Join(others, ", ") + "."
	}
	return m.out.Sync.To.Match != nil
}

func (m *making) primaryKey() bool {
	for i, c := range m.Model {
		named := fold(c.Name) == fold(m.Table.PrimaryID) || fold(c.Name) == fold(bare(m.Table.PrimaryID))
		if m.used[i] != nil || !named && !(strings.Contains(c.Type, "UUID") && slices.Contains([]string{"id", "guid", "uuid"}, fold(c.Name))) {
			continue
		}
		if !strings.Contains(c.Type, "UUID") && !strings.Contains(c.Type, "String") {
			continue
		}
		if m.fits([]string{c.Name}, []string{m.Table.PrimaryID}) {
			m.out.KeyNote = "Records are matched by their GUID: " + c.Name + " has to hold that of Dataverse, or becomes it."
			return true
		}
	}
	return false
}

func (m *making) guessedKey() bool {
	var identifiers []int
	for i, c := range m.Model {
		if identifies(c.Name) && m.used[i] == nil {
			identifiers = append(identifiers, i)
		}
	}
	for _, k := range m.Table.Keys {
		if !k.Active || len(k.Columns) != 1 || m.taken[k.Columns[0]] {
			continue
		}
		column := k.Columns[0]
		for _, i := range identifiers {
			c := m.Model[i]
			if !m.fits([]string{c.Name}, []string{column}) {
				continue
			}
			m.out.KeyNote = fmt.Sprintf("The key is a guess: nothing in the query is called %s, which is an alternate key of %s. Is it what %s holds?",
				column, m.Table.LogicalName, c.Name)
			m.used[i] = &Field{Field: spec.Field{Column: column, From: c.Name, Null: spec.NullWrite}, Source: c}
			m.taken[column] = true
			return true
		}
	}
	return false
}

// none says what to do where there is no key.
func (m *making) none() {
	keys := keysOf(m.Table)
	table := m.Table.LogicalName
	if len(keys) == 0 {
		m.out.KeyNote = fmt.Sprintf("There is no key: %s has no alternate key that is active, and the query no GUID of its records. "+
			"Have a column made a key (Power Apps, Tables, %s, Keys, New key), and fill it from the query.", table, table)
		return
	}
	m.out.KeyNote = fmt.Sprintf("There is no key: the query fills none of the alternate keys of %s (%s), nor its GUID. "+
		"Add a column for one of them to the query, or have another column made a key (Power Apps, Tables, %s, Keys, New key).", table, strings.Join(keys, "; "), table)
}

func keysOf(t *dataverse.Table) (keys []string) {
	for _, k := range t.Keys {
		if k.Active {
			keys = append(keys, strings.Join(k.Columns, " with "))
		}
	}
	return keys
}
