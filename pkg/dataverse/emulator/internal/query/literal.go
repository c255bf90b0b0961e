package query

import (
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file says which literals of a query a column can be compared with.

// typed turns a literal into the JSON that a column of that type would be read as; null is empty.
func typed(c *schema.Column, l odata.Literal) ([]byte, bool) {
	switch l.Kind {
	case odata.Null:
		return nil, true
	case odata.Untyped:
		if l = infer(c, l.Text); l.Kind == odata.Untyped {
			return nil, false
		}
	case odata.Bool, odata.Number, odata.String, odata.GUID, odata.Date, odata.Moment:
	}
	inQuotes := []byte(`"` + l.Text + `"`)
	switch {
	case c.Edm() == "Edm.String":
		return jsonobject.AppendQuoted(nil, l.Text), l.Kind == odata.String
	case c.Edm() == "Edm.Guid":
		return inQuotes, l.Kind == odata.GUID
	case c.IsDate():
		_, ok := store.ParseDate([]byte(l.Text))
		return inQuotes, ok && l.Kind == odata.Date
	case c.Type == schema.DateTime && l.Kind == odata.Date:
		_, ok := store.ParseDate([]byte(l.Text))
		return []byte(`"` + l.Text + `T00:00:00Z"`), ok
	case c.Type == schema.DateTime:
		at, ok := store.ParseMoment([]byte(l.Text))
		return append(append([]byte{'"'}, at...), '"'), ok && l.Kind == odata.Moment
	case c.Type == schema.Boolean:
		return []byte(l.Text), l.Kind == odata.Bool
	default:
		return []byte(l.Text), l.Kind == odata.Number
	}
}

// infer gives a text the type of the column, if it can be of that; booleans may be numbers.
func infer(c *schema.Column, text string) odata.Literal {
	if c.Edm() == "Edm.String" {
		return odata.Literal{Kind: odata.String, Text: text}
	}
	if c.Type == schema.Boolean {
		switch text {
		case "0":
			text = "false"
		case "1":
			text = "true"
		}
	}
	l, ok := odata.Word(strings.Trim(text, "{}"))
	if !ok {
		return odata.Literal{Kind: odata.Untyped}
	}
	return l
}
