package emulator

import (
	"encoding/xml"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
)

// This file is the duplicates of section 2.10.

// violated is the 412 of an alternate key; cells are those of the row that was to be written.
func violated(t *table, k *key, cells []byte) *failure {
	labels := make([]string, len(k.columns))
	var attributes strings.Builder
	for i, column := range k.columns {
		labels[i] = t.columns[column].Label
		writeElement(&attributes, t.columns[column].Name, plainText(value(cells, column)))
	}
	f := duplicateKey.says("Entity Key %s violated. A record with the same value for %s already exists. A duplicate record cannot be created. "+
		"Select one or more unique values and try again.", k.label, strings.Join(labels, ", "))
	f.with("ErrorDetails.0", k.label).with("ErrorDetails.1", strings.Join(labels, ", "))
	return f.with("ErrorDetails.DuplicateAttributes", "<DuplicateAttributes>"+attributes.String()+"</DuplicateAttributes>").
		with("ErrorDetails.DuplicateEntity", t.asXML(cells))
}

// asXML is a record as .NET serializes it; of its values the text alone.
func (t *table) asXML(cells []byte) string {
	var s strings.Builder
	s.WriteString(`<Entity xmlns="http://schemas.microsoft.com/xrm/2011/Contracts"><Attributes>`)
	for len(cells) > 0 {
		var c cell
		c, cells = nextCell(cells)
		s.WriteString("<KeyValuePairOfstringanyType>")
		writeElement(&s, "key", t.columns[c.column].Name)
		writeElement(&s, "value", plainText(c.value))
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
	if _, id, ok := reference(v); ok {
		return id.String()
	}
	if len(v) > 0 && v[0] == '"' {
		return jsonobject.Text(v)
	}
	return string(v)
}
