package metadata

import "github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"

// manyToOne lists the relationships of a table's lookups: one row for each lookup and target.
func (m *Model) manyToOne(t *schema.Table) []*node {
	nodes := []*node{}
	for i := range t.Columns {
		c := &t.Columns[i]
		for _, to := range c.Targets {
			nodes = append(nodes, m.relationship(t, c, to))
			if c.Type == schema.Owner {
				break // users and teams are one target: owner
			}
		}
	}
	return nodes
}

// oneToMany lists the relationships by which other tables point at one.
func (m *Model) oneToMany(t *schema.Table) []*node {
	nodes := []*node{}
	for _, from := range m.tables {
		for i := range from.Columns {
			c := &from.Columns[i]
			for _, to := range c.Targets {
				if to.Table == t.Name && c.Type != schema.Owner {
					nodes = append(nodes, m.relationship(from, c, to))
				}
			}
		}
	}
	return nodes
}

// relationships lists all of them.
func (m *Model) relationships() []*node {
	nodes := []*node{}
	for _, t := range m.tables {
		nodes = append(nodes, m.manyToOne(t)...)
	}
	return nodes
}

func (m *Model) relationship(t *schema.Table, c *schema.Column, to schema.Target) *node {
	name := t.Relationship(c, to)
	referenced, attribute := to.Table, to.Table+"id"
	if target := m.byName[to.Table]; target != nil {
		attribute = target.PrimaryID
	}
	if c.Type == schema.Owner {
		referenced, attribute = "owner", "ownerid"
	}
	behaviour := "RemoveLink"
	switch {
	case to.Restrict:
		behaviour = "Restrict"
	case to.Cascade:
		behaviour = "Cascade"
	}
	custom := isCustom(c.Name)
	return &node{typ: oneToMany, values: object{
		"MetadataId": m.config.ID("relationship", name), "HasChanged": nil, "SchemaName": name, "RelationshipType": "OneToManyRelationship",
		"SecurityTypes": "None", "IsCustomRelationship": custom, "IsManaged": !custom, "IsCustomizable": managed(true, "iscustomizable"),
		"IsValidForAdvancedFind": true, "IntroducedVersion": introduced, "ReferencedEntity": referenced, "ReferencedAttribute": attribute,
		"ReferencingEntity": t.Name, "ReferencingAttribute": c.Name, "ReferencedEntityNavigationPropertyName": t.Collection(c, to),
		"ReferencingEntityNavigationPropertyName": to.Navigation, "IsHierarchical": false, "RelationshipBehavior": 0, "EntityKey": nil,
		"IsRelationshipAttributeDenormalized": false, "DenormalizedAttributeName": nil, "RelationshipAttributes": []object{},
		"CascadeConfiguration": object{
			"Assign": "NoCascade", "Delete": behaviour, "Archive": "NoCascade", "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade",
			"Unshare": "NoCascade", "RollupView": "NoCascade",
		},
		"AssociatedMenuConfiguration": object{
			"Behavior": "UseCollectionName", "Group": "Details", "Label": m.label("", nil), "Order": 10000, "IsCustomizable": true, "Icon": nil,
			"ViewId": "00000000-0000-0000-0000-000000000000", "AvailableOffline": true, "MenuId": nil, "QueryApi": nil,
		},
	}, follow: func(string) ([]*node, bool) { return nil, true }}
}
