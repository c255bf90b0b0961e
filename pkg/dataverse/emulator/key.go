package emulator

import (
	"slices"
	"strconv"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// forbidden are the characters that Dataverse cannot take in a key, however encoded (section 2.6).
const forbidden = `/<>*%&:\?+`

// literalCell appends the JSON value that a key literal stands for, as a cell holds it. It fails for a literal of the wrong type.
func literalCell(dst []byte, c *schema.Column, p odata.KeyPart) ([]byte, bool) {
	switch {
	case c.IsLookup():
		id, ok := store.ParseGUID(p.Value)
		return store.AppendReference(dst, 0, id), ok && !p.Quoted
	case c.Type == schema.String:
		return jsonobject.AppendQuoted(dst, string(p.Value)), p.Quoted
	case p.Quoted:
		return dst, false
	case c.IsDate():
		_, ok := store.ParseDate(p.Value)
		return append(append(append(dst, '"'), p.Value...), '"'), ok
	case c.Type == schema.DateTime:
		at, ok := store.ParseMoment(p.Value)
		return append(append(append(dst, '"'), at...), '"'), ok
	case c.Type == schema.Decimal:
		_, err := strconv.ParseFloat(string(p.Value), 64)
		return append(dst, p.Value...), err == nil
	default:
		n, err := strconv.ParseInt(string(p.Value), 10, 64)
		return strconv.AppendInt(dst, n, 10), err == nil
	}
}

// keyOf returns the key whose names are exactly those of the parts, in any order, and for each of its columns the part.
func keyOf(t *store.Table, parts []odata.KeyPart) (*store.Key, [16]int) {
	var at [16]int
next:
	for _, k := range t.AlternateKeys {
		if !k.Active() || len(k.Names) != len(parts) {
			continue
		}
		for i, name := range k.Names {
			j := slices.IndexFunc(parts, func(p odata.KeyPart) bool { return string(p.Name) == name })
			if j < 0 {
				continue next
			}
			at[i] = j
		}
		return k, at
	}
	return nil, at
}
