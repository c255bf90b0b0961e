package emulator

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/metadata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// Definitions are the tables of a Server, and what follows from them. A change of metadata replaces them as a whole, with Server.change held for
// writing; so who holds it for reading has definitions that do not change. What was resolved before a wait without it may be of older ones.
type definitions struct {
	schemas []schema.Table
	choices []metadata.Choice       // global choices that were made without a column
	tables  map[string]*store.Table // by logical name
	sets    map[string]*store.Table // by entity set name
	model   *metadata.Model
	catalog []string // the names of all privileges that there are, in order
}

// configured makes the definitions of Config, which New has promised to panic about.
func (s *Server) configured() *definitions {
	schemas, err := s.config.tables()
	if err != nil {
		panic(err)
	}
	d, err := s.compiled(schemas, nil)
	if err != nil {
		panic(err)
	}
	return d
}

// compiled makes definitions of schemas and global choices, with tables that have no rows yet. The error is a duplicate detection rule of what is not there.
func (s *Server) compiled(schemas []schema.Table, choices []metadata.Choice) (*definitions, error) {
	d := &definitions{schemas: schemas, choices: choices}
	d.tables, d.sets = store.Compile(schemas)
	if err := compileRules(s.config.DuplicateRules, d.tables); err != nil {
		return nil, err
	}
	d.catalog = d.privileges()
	d.model = s.newModel(schemas, choices)
	return d, nil
}

// redefine makes d the definitions of the Server, and takes over the rows of the tables that are in both. The caller holds s.change for writing.
func (s *Server) redefine(d *definitions) {
	before := s.definitions
	s.definitions = d
	for name, t := range d.tables {
		if old := before.tables[name]; old != nil {
			t.Inherit(old)
		}
	}
	if filters := d.tables["sdkmessagefilter"]; filters != nil {
		for name := range before.tables {
			if d.tables[name] == nil {
				forget(filters, name)
			}
		}
	}
	s.placeMessages()
}

// placeMessages makes the rows that tell clients which table supports which message, as far as they are not there. The caller holds Server.change.
func (s *Server) placeMessages() {
	for _, message := range schema.Messages() {
		id := derived("sdkmessage", message)
		s.place("sdkmessage", id, Row{"name": quoted(message)})
		for _, t := range s.sorted() {
			if t.Supports(message) {
				s.place("sdkmessagefilter", filterID(message, t.Name), Row{
					"name": quoted(message), "primaryobjecttypecode": quoted(t.Name), "sdkmessageid": quoted(id.String()),
				})
			}
		}
	}
}

func filterID(message, table string) uuid.UUID { return derived("sdkmessagefilter", message+":"+table) }

// forget removes the rows of sdkmessagefilter that are about a table.
func forget(filters *store.Table, name string) {
	for _, message := range schema.Messages() {
		if r := filters.Row(filterID(message, name)); r != nil {
			filters.Remove(r)
		}
	}
}

// sorted returns the tables by logical name.
func (d *definitions) sorted() []*store.Table {
	tables := make([]*store.Table, 0, len(d.tables))
	for _, name := range slices.Sorted(maps.Keys(d.tables)) {
		tables = append(tables, d.tables[name])
	}
	return tables
}
