package emulator

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// This file is the duplicates of section 2.10.

// violated is the 412 of an alternate key; cells are those of the row that was to be written.
func violated(t *store.Table, k *store.Key, cells []byte) *refusal.Error {
	labels := make([]string, len(k.Columns))
	var attributes strings.Builder
	for i, column := range k.Columns {
		labels[i] = t.Columns[column].Label
		writeElement(&attributes, t.Columns[column].Name, plainText(store.Value(cells, column)))
	}
	columns := strings.Join(labels, ", ")
	return refusal.DuplicateKey.Says("Entity Key %s violated. A record with the same value for %s already exists. A duplicate record cannot be created. "+
		"Select one or more unique values and try again.", k.Label, columns).
		With("ErrorDetails.0", k.Label).With("ErrorDetails.1", columns).
		With("ErrorDetails.DuplicateAttributes", "<DuplicateAttributes>"+attributes.String()+"</DuplicateAttributes>").
		With("ErrorDetails.DuplicateEntity", asXML(t, cells))
}

// A DuplicateRule is a published duplicate detection rule: two rows of the table with the same values in all of the columns, none of them null, are
// duplicates. It is asked only by writes with the header MSCRM.SuppressDuplicateDetection: false. Text is compared as keys compare it.
type DuplicateRule struct {
	Table   string   // logical name
	Columns []string // logical names
}

func compileRules(rules []DuplicateRule, tables map[string]*store.Table) error {
	for _, r := range rules {
		if err := r.compile(tables); err != nil {
			return err
		}
	}
	return nil
}

// validateRules reports what compileRules would, where the tables are right.
func (c Config) validateRules() error {
	schemas, err := c.tables()
	if err != nil || len(c.DuplicateRules) == 0 {
		return nil //nolint:nilerr // the caller reports it
	}
	tables, _ := store.Compile(schemas)
	return compileRules(c.DuplicateRules, tables)
}

// compile finds the rule's table and columns.
func (r DuplicateRule) compile(tables map[string]*store.Table) error {
	t := tables[r.Table]
	if t == nil {
		return fmt.Errorf("emulator: a duplicate detection rule names the table %q, which is not there", r.Table)
	}
	var columns []int
	for _, name := range r.Columns {
		column, ok := t.ByName[name]
		if !ok || column == t.PrimaryColumn {
			return fmt.Errorf("emulator: a duplicate detection rule of %q names the column %q, which is not there, or the primary key", r.Table, name)
		}
		columns = append(columns, column)
	}
	if len(columns) == 0 {
		return fmt.Errorf("emulator: a duplicate detection rule of %q has no columns", r.Table)
	}
	t.CountDuplicates(columns)
	return nil
}

// detect fails when the cells of a row that is written are a duplicate of another row than the one with the cells own.
func (c *call) detect(t *store.Table, own, cells []byte) *refusal.Error {
	if !c.detects || !t.Duplicated(own, cells) {
		return nil
	}
	return refusal.DuplicatesFound.Says("A record was not created or updated because a duplicate of the current record already exists.")
}

// asXML is a record as .NET serializes it; of its values the text alone.
func asXML(t *store.Table, cells []byte) string {
	var s strings.Builder
	s.WriteString(`<Entity xmlns="http://schemas.microsoft.com/xrm/2011/Contracts"><Attributes>`)
	for len(cells) > 0 {
		var c store.Cell
		c, cells = store.NextCell(cells)
		s.WriteString("<KeyValuePairOfstringanyType>")
		writeElement(&s, "key", t.Columns[c.Column].Name)
		writeElement(&s, "value", plainText(c.Value))
		s.WriteString("</KeyValuePairOfstringanyType>")
	}
	s.WriteString("</Attributes>")
	writeElement(&s, "LogicalName", t.Name)
	s.WriteString("</Entity>")
	return s.String()
}

func writeElement(s *strings.Builder, name, text string) {
	s.WriteString("<" + name + ">")
	_ = xml.EscapeText(s, []byte(text)) // a Builder takes everything
	s.WriteString("</" + name + ">")
}

// plainText is a cell's value as text: without quotes, of a lookup the GUID.
func plainText(v []byte) string {
	if _, id, ok := store.Reference(v); ok {
		return id.String()
	}
	if len(v) > 0 && v[0] == '"' {
		return jsonobject.Text(v)
	}
	return string(v)
}
