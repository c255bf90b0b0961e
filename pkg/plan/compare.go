package plan

import (
	"context"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Comparison is one record of Dataverse beside what a row renders to.
type Comparison struct {
	Records   Records
	Table     *dataverse.Table
	Tables    map[string]*dataverse.Table // those that lookups name, by logical name
	Operation penstock.Operation
	Address   string // of the record, or of the table where the operation is [penstock.Create]
	Body      []byte // as rendered; nil: the row renders to nothing, and the record is only read

	Columns []string // to read besides, where the table has them
}

// A Compared record is what came of it.
type Compared struct {
	Found  bool
	Fault  string // why the record, or one that it names, could not be read; empty where all could
	Record dataverse.Record
	Fields []Compare // of the body, in its order
}

// A Compare is one column of a body beside that of the record.
type Compare struct {
	Column   string
	Has, Got *string // what Dataverse has, and what the row gives, as a person reads it; nil: nothing
	Same     bool
	Note     string
}

// Read reads the record and compares it column by column.
func (c Comparison) Read(ctx context.Context) (Compared, error) {
	r := reader{records: c.Records, table: c.Table, tables: c.Tables, resolved: map[string]string{}}
	var properties []property
	if c.Body != nil {
		var err error
		if properties, err = decode(c.Body); err != nil {
			return Compared{}, unreadable(err)
		}
	}
	var columns []string
	for _, name := range c.Columns {
		if _, known := c.Table.Column(name); known {
			columns = append(columns, name)
		}
	}
	record, found, ok, err := r.read(ctx, c.Table, r.addressOf(c.Operation, c.Address, properties), append(columns, r.columns(properties)...))
	if err != nil || !ok {
		return Compared{Fault: r.fault}, err
	}
	out := Compared{Found: found, Record: record}
	for _, p := range properties {
		f, same, err := r.field(ctx, p, record)
		if err != nil {
			return out, err
		}
		out.Fields = append(out.Fields, Compare{Column: f.GetColumn(), Has: f.Old, Got: f.New, Same: same, Note: f.GetNote()})
	}
	out.Fault = r.fault
	return out, nil
}

// Words is a column's value as a person reads it; nil where there is none.
func Words(t *dataverse.Table, column string, f dataverse.Field) *string {
	c, _ := t.Column(column)
	return words(c, f.Value, f.Label)
}

// Rendered lists what a body says of each column, as a person reads it, in its order.
func Rendered(t *dataverse.Table, body []byte) ([]Compare, error) {
	properties, err := decode(body)
	if err != nil {
		return nil, unreadable(err)
	}
	r := reader{table: t}
	all := make([]Compare, len(properties))
	for i, p := range properties {
		all[i].Column = p.name
		column, known := r.column(p.name)
		if known {
			all[i].Column = column.Name
		}
		all[i].Got = words(column, p.value, "")
	}
	return all, nil
}
