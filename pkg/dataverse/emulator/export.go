package emulator

import (
	"encoding/json"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A Row is a record as JSON, by the names that a GET answers with: lookups as _parentcustomerid_value. Nulls are left out.
type Row map[string]json.RawMessage

func export(t *store.Table, r *store.Row) Row {
	out := Row{}
	for i := range t.Columns {
		if v := t.Read(nil, r, i); len(v) > 0 {
			out[store.ReadName(&t.Columns[i])] = v
		}
	}
	return out
}

// Text returns a text, date or GUID without its quotes, a number or boolean as it is, and null as the empty string.
func (r Row) Text(name string) string {
	v := r[name]
	if len(v) > 0 && v[0] == '"' {
		return jsonobject.Text(v)
	}
	return string(v)
}
