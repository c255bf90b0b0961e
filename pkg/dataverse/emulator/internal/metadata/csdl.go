package metadata

import (
	"bytes"
	"encoding/xml"
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// ServiceDocument returns the answer to a GET of the API root: the entity sets, those of metadata among them.
func (m *Model) ServiceDocument(root string) map[string]any {
	value := []object{}
	for _, name := range m.sets() {
		value = append(value, object{"name": name, "kind": "EntitySet", "url": name})
	}
	return object{"@odata.context": root + "$metadata", "value": value}
}

func (m *Model) sets() []string {
	sets := []string{"EntityDefinitions", "GlobalOptionSetDefinitions", "RelationshipDefinitions"}
	for _, t := range m.tables {
		sets = append(sets, t.Set)
	}
	slices.Sort(sets)
	return sets
}

// An element is one of XML, with its attributes as name and value in turn.
type element struct {
	name       string
	attributes []string
	children   []element
}

func tag(name string, attributes ...string) element {
	return element{name: name, attributes: attributes}
}

func (e element) with(children ...element) element {
	e.children = append(e.children, children...)
	return e
}

// append writes an element without any white space, as Dataverse does.
func (e element) append(b *bytes.Buffer) {
	b.WriteString("<" + e.name)
	for i := 0; i+1 < len(e.attributes); i += 2 {
		b.WriteString(" " + e.attributes[i] + `="`)
		_ = xml.EscapeText(b, []byte(e.attributes[i+1])) // a Buffer takes everything
		b.WriteByte('"')
	}
	if len(e.children) == 0 {
		b.WriteString(" />")
		return
	}
	b.WriteByte('>')
	for _, c := range e.children {
		c.append(b)
	}
	b.WriteString("</" + e.name + ">")
}

// CSDL returns $metadata: the tables as entity types, the functions and actions that the emulator answers, and the container with its sets.
// The types of metadata itself (EntityMetadata and the like) are left out, as are their sets.
func (m *Model) CSDL() []byte {
	model := tag("Schema", "Namespace", "Microsoft.Dynamics.CRM", "Alias", "mscrm", "xmlns", "http://docs.oasis-open.org/odata/ns/edm").with(
		tag("EntityType", "Name", "crmbaseentity", "Abstract", "true"),
		tag("EntityType", "Name", "expando", "BaseType", "mscrm.crmbaseentity", "OpenType", "true"),
		tag("EntityType", "Name", "principal", "BaseType", "mscrm.crmbaseentity").with(
			tag("Key").with(tag("PropertyRef", "Name", "ownerid")),
			tag("Property", "Name", "ownerid", "Type", "Edm.Guid")),
	)
	container := tag("EntityContainer", "Name", "System")
	for _, t := range m.tables {
		model = model.with(m.entityType(t))
		container = container.with(m.entitySet(t))
	}
	types, declarations, imports := operations()
	model = model.with(types...).with(declarations...).with(container.with(imports...))
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>`)
	tag("edmx:Edmx", "Version", "4.0", "xmlns:edmx", "http://docs.oasis-open.org/odata/ns/edmx").with(
		tag("edmx:Reference", "Uri", "http://vocabularies.odata.org/OData.Community.Keys.V1.xml").with(
			tag("edmx:Include", "Namespace", "OData.Community.Keys.V1", "Alias", "Keys")),
		tag("edmx:DataServices").with(model),
	).append(&b)
	return b.Bytes()
}

// entityType describes a table. Users and teams derive from principal, whose key is ownerid.
func (m *Model) entityType(t *schema.Table) element {
	base, principal := "mscrm.crmbaseentity", t.Name == "systemuser" || t.Name == "team"
	if principal {
		base = "mscrm.principal"
	}
	e := tag("EntityType", "Name", t.Name, "BaseType", base)
	if !principal {
		e = e.with(tag("Key").with(tag("PropertyRef", "Name", t.PrimaryID)))
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; !principal || c.Name != "ownerid" {
			e = e.with(property(c))
		}
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		for n, to := range c.Targets {
			switch {
			case c.Type != schema.Owner:
				e = e.with(navigation(to.Navigation, "mscrm."+to.Table, c, m.byName[to.Table].PrimaryID, t.Collection(c, to)))
			case n == 0:
				e = e.with(navigation(to.Navigation, "mscrm.principal", c, "ownerid", ""))
			}
		}
	}
	for _, n := range m.oneToMany(t) {
		e = e.with(tag("NavigationProperty", "Name", n.values["ReferencedEntityNavigationPropertyName"].(string),
			"Type", "Collection(mscrm."+n.values["ReferencingEntity"].(string)+")",
			"Partner", n.values["ReferencingEntityNavigationPropertyName"].(string)))
	}
	if keys := alternateKeys(t); len(keys.children) > 0 {
		e = e.with(keys)
	}
	return e.with(tag("Annotation", "Term", "Org.OData.Core.V1.Description", "String", t.Label))
}

// property describes a column. A lookup's value is read by _x_value, and written by its navigation property.
func property(c *schema.Column) element {
	name, readOnly := c.Name, c.ReadOnly
	if c.IsLookup() {
		name, readOnly = "_"+c.Name+"_value", true
	}
	e := tag("Property", "Name", name, "Type", c.Edm())
	switch c.Edm() {
	case "Edm.String":
		e.attributes = append(e.attributes, "Unicode", "false")
	case "Edm.Decimal":
		e.attributes = append(e.attributes, "Scale", "Variable")
	}
	if c.Label != "" {
		e = e.with(tag("Annotation", "Term", "Org.OData.Core.V1.Description", "String", c.Label))
	}
	if readOnly {
		e = e.with(tag("Annotation", "Term", "Org.OData.Core.V1.Permissions", "EnumMember", "Org.OData.Core.V1.PermissionType/Read"))
	}
	return e
}

func navigation(name, typ string, c *schema.Column, referenced, partner string) element {
	e := tag("NavigationProperty", "Name", name, "Type", typ, "Nullable", "true")
	if partner != "" {
		e.attributes = append(e.attributes, "Partner", partner)
	}
	return e.with(tag("ReferentialConstraint", "Property", "_"+c.Name+"_value", "ReferencedProperty", referenced))
}

// alternateKeys announces what addresses rows beside the primary key.
func alternateKeys(t *schema.Table) element {
	var keys []element
	for _, k := range t.Keys {
		var parts []element
		for _, name := range k.Columns {
			if c, ok := t.Column(name); ok && c.IsLookup() {
				name = "_" + name + "_value"
			}
			parts = append(parts, tag("Record", "Type", "OData.Community.Keys.V1.PropertyRef").with(
				tag("PropertyValue", "Property", "Alias", "String", name),
				tag("PropertyValue", "Property", "Name", "PropertyPath", name)))
		}
		keys = append(keys, tag("Record", "Type", "OData.Community.Keys.V1.AlternateKey").with(
			tag("PropertyValue", "Property", "Key").with(tag("Collection").with(parts...))))
	}
	if len(keys) == 0 {
		return element{}
	}
	return tag("Annotation", "Term", "OData.Community.Keys.V1.AlternateKeys").with(tag("Collection").with(keys...))
}

// entitySet binds the navigation properties of a table to the sets that they lead to.
func (m *Model) entitySet(t *schema.Table) element {
	e := tag("EntitySet", "Name", t.Set, "EntityType", "Microsoft.Dynamics.CRM."+t.Name)
	bind := func(path, table string) {
		if to := m.byName[table]; to != nil {
			e = e.with(tag("NavigationPropertyBinding", "Path", path, "Target", to.Set))
		}
	}
	for _, n := range m.manyToOne(t) {
		bind(n.values["ReferencingEntityNavigationPropertyName"].(string), n.values["ReferencedEntity"].(string))
	}
	for _, n := range m.oneToMany(t) {
		bind(n.values["ReferencedEntityNavigationPropertyName"].(string), n.values["ReferencingEntity"].(string))
	}
	return e
}
