package mapping

import (
	"errors"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

// Check reports what stands in the way of a sync on the side of Dataverse alone, where the warehouse cannot be asked: table,
// columns, key and lookups are held against the metadata as [Compile] does it, and the model's columns are taken to be
// there and to fit. [Input.Model] is not looked at. It is empty when nothing is wrong.
func Check(in Input) Problems {
	in.Model = nil
	_, err := (&compiler{Input: in, sources: map[string]source{}, modelless: true}).compile()
	var problems Problems
	errors.As(err, &problems)
	return problems
}

// assumed gives a column of an unknown model the type that is written to the column without doubt, if there is one.
func (s source) assumed(column *dataverse.Column) source {
	if !s.unknown {
		return s
	}
	switch column.Type {
	case dataverse.Integer, dataverse.BigInt, dataverse.Choice, dataverse.State, dataverse.Status:
		s.class = signed
	case dataverse.Decimal, dataverse.Double, dataverse.Money:
		s.class = decimal
	case dataverse.Boolean:
		s.class = boolean
	case dataverse.DateTime:
		s.class, s.zone = dateTime, "UTC"
		if column.Behavior == dataverse.DateOnly {
			s.class = date
		}
	case dataverse.GUID, dataverse.Lookup:
		s.class = uuid
	case dataverse.Unsupported, dataverse.Text, dataverse.Memo, dataverse.MultiChoice:
		s.class = text
	}
	return s
}
