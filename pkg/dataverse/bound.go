package dataverse

import (
	"bytes"
	"strings"
)

// boundColumn finds the lookup of a body that is bound to a record of the table target: Dataverse names the table of a
// missing record, and not the column. It is the one lookup there is, or the one whose navigation property ends in the
// target's name, as those of polymorphic lookups do (reference "Lookups"); else "". Navigation properties differ from
// logical names in that ending and in their capitals only.
func boundColumn(body []byte, target string) string {
	var columns []string
	for rest := body; ; {
		at := bytes.Index(rest, []byte(`@odata.bind"`))
		if at < 0 {
			break
		}
		name := string(rest[bytes.LastIndexByte(rest[:at], '"')+1 : at])
		rest = rest[at+1:]
		column, found := strings.CutSuffix(name, "_"+target)
		// What is left of new_contact is a publisher's prefix, and no column.
		if found && (strings.HasSuffix(column, "id") || strings.Contains(column, "_")) {
			return strings.ToLower(column)
		}
		columns = append(columns, strings.ToLower(name))
	}
	if len(columns) != 1 {
		return ""
	}
	return columns[0]
}
