package emulator

import (
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// The bounds of alternate keys (section 2.6).
const (
	maxKeys       = 10
	maxKeyColumns = 16
	maxKeyBytes   = 900
)

// addKey adds an alternate key. Its index is built when the draft is adopted: it is Failed where the rows are not unique.
func (d *draft) addKey(table string, k schema.Key) *refusal.Error {
	t := d.table(table)
	switch {
	case t.Kind == schema.KindVirtual:
		return refusal.InvalidArgument.Says("The entity %s is virtual, and cannot have entity keys.", table)
	case slices.ContainsFunc(t.Keys, func(o schema.Key) bool { return o.Name == k.Name }):
		return keyNameExists.Says("An entity key with the name %s already exists on entity %s.", k.Name, table)
	case slices.ContainsFunc(t.Keys, func(o schema.Key) bool { return sameColumns(o, k) }):
		return keyColumnsExist.Says("An entity key with the selected attributes already exists on entity.")
	case len(t.Keys) >= maxKeys:
		return refusal.InvalidArgument.Says("The entity %s has %d entity keys already; the maximum is %d.", table, len(t.Keys), maxKeys)
	case len(k.Columns) == 0 || len(k.Columns) > maxKeyColumns:
		return refusal.InvalidArgument.Says("The entity key %s has %d attributes; 1 to %d are allowed.", k.Name, len(k.Columns), maxKeyColumns)
	}
	bytes := 0
	for i, name := range k.Columns {
		col, there := t.Column(name)
		switch {
		case !there:
			return refusal.InvalidArgument.Says("The entity key %s names the attribute %s, which entity %s does not have.", k.Name, name, table)
		case slices.Contains(k.Columns[:i], name):
			return refusal.InvalidArgument.Says("The entity key %s names the attribute %s twice.", k.Name, name)
		case col.Secured:
			return securedInKey.Says("The attribute %s is secured by column security, so it cannot be part of the entity key %s.", name, k.Name)
		case !col.Keyable():
			return refusal.InvalidArgument.Says("The attribute %s is of type %s, of which entity keys cannot be.", name, col.Type.AttributeTypeName())
		case col.ReadOnly:
			return keyReadOnly.Says("Attribute of an entity key must be valid for create and update. Atribute Name = '%s' Id = '%s'", name, derived("attribute", table+"."+name))
		}
		bytes += keyBytes(col)
	}
	if bytes > maxKeyBytes {
		return refusal.InvalidArgument.Says("The attributes of the entity key %s can have %d bytes together; an index can have %d. Shorten the text attributes.", k.Name, bytes, maxKeyBytes)
	}
	t.Keys = append(t.Keys, k)
	return nil
}

func sameColumns(a, b schema.Key) bool {
	return len(a.Columns) == len(b.Columns) && !slices.ContainsFunc(a.Columns, func(name string) bool { return !slices.Contains(b.Columns, name) })
}

// keyBytes is what a column takes of an index, as SQL Server stores it.
func keyBytes(c *schema.Column) int {
	switch {
	case c.Type == schema.String:
		return 2 * c.MaxLength
	case c.IsLookup():
		return 16
	case c.Type == schema.Decimal:
		return 13
	case c.Type == schema.Integer || c.Type == schema.Choice:
		return 4
	}
	return 8
}
