package emulator

import (
	"slices"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/metadata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// delete takes something out of the draft that nothing else refers to.
func (d *draft) delete(at metadata.Place) *refusal.Error {
	switch at.Set {
	case "EntityDefinitions":
		return d.deleteTable(at.Name)
	case "Attributes":
		return d.deleteColumn(at.Table, at.Name)
	case "Keys":
		t := d.table(at.Table)
		t.Keys = slices.DeleteFunc(t.Keys, func(k schema.Key) bool { return k.Name == at.Name })
		return nil
	case "RelationshipDefinitions":
		return d.deleteRelationship(at.Name)
	default:
		return d.deleteChoice(at.Name)
	}
}

// referencedBy is the refusal to delete what others refer to.
func referencedBy(n int, component string, id uuid.UUID) *refusal.Error {
	return inUse.Says("The %s(%s) component cannot be deleted because it is referenced by %d other components. For a list of referenced components, "+
		"use the RetrieveDependenciesForDeleteRequest.", component, id, n)
}

// deleteTable deletes a table with its rows.
func (d *draft) deleteTable(name string) *refusal.Error {
	if !schema.IsCustom(name) {
		return notCustomizable.Says("The specified entity is not customizable: %s is a system entity, which cannot be deleted.", name)
	}
	references := 0
	for i := range d.schemas {
		for _, c := range d.schemas[i].Columns {
			if d.schemas[i].Name != name && slices.ContainsFunc(c.Targets, func(to schema.Target) bool { return to.Table == name }) {
				references++
			}
		}
	}
	if references > 0 {
		return referencedBy(references, "Entity", derived("entity", name))
	}
	d.schemas = slices.DeleteFunc(d.schemas, func(t schema.Table) bool { return t.Name == name })
	return nil
}

// deleteColumn deletes a column with its values; a lookup with its relationships.
func (d *draft) deleteColumn(table, name string) *refusal.Error {
	t := d.table(table)
	if _, own := t.Column(name); !own || !schema.IsCustom(name) || name == t.PrimaryID || name == t.PrimaryName {
		return refusal.InvalidArgument.Says("The attribute %s of the entity %s cannot be deleted: it is a system attribute, the primary one, or accompanies another.", name, table)
	}
	references := 0
	for _, k := range t.Keys {
		if slices.Contains(k.Columns, name) {
			references++
		}
	}
	if references > 0 {
		return referencedBy(references, "Attribute", derived("attribute", table+"."+name))
	}
	t.Columns = slices.DeleteFunc(t.Columns, func(c schema.Column) bool { return c.Name == name })
	return nil
}

// deleteRelationship deletes a relationship with its lookup.
func (d *draft) deleteRelationship(name string) *refusal.Error {
	for i := range d.schemas {
		t := &d.schemas[i]
		for _, c := range t.Columns {
			for _, to := range c.Targets {
				switch {
				case t.Relationship(&c, to) != name:
				case len(c.Targets) > 1:
					return refusal.NotImplemented.Says("The emulator does not delete one relationship of a lookup with several; delete the attribute %s of %s.", c.Name, t.Name)
				default:
					return d.deleteColumn(t.Name, c.Name)
				}
			}
		}
	}
	return refusal.MetadataMissing.Says("Could not find a relationship with name %s.", name)
}

func (d *draft) deleteChoice(name string) *refusal.Error {
	references := 0
	for i := range d.schemas {
		for _, c := range d.schemas[i].Columns {
			if c.Global.Name == name {
				references++
			}
		}
	}
	if references > 0 {
		return referencedBy(references, "OptionSet", derived("optionset", name))
	}
	d.choices = slices.DeleteFunc(d.choices, func(c metadata.Choice) bool { return c.Name == name })
	return nil
}
