package metadata

import (
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file makes the attributes that Dataverse adds to a column by itself, which name it in AttributeOf (section 6.4). Rows do not have them in
// the Web API, where annotations say the same, but for the base amount of money.

// companions lists what accompanies a column, without what the table has as a column of its own.
func (m *Model) companions(t *schema.Table, c *schema.Column) []*node {
	var nodes []*node
	add := func(n *node) {
		if _, own := t.Column(n.values["LogicalName"].(string)); !own {
			nodes = append(nodes, n)
		}
	}
	text := func(suffix string, length int) {
		add(m.column(t, &schema.Column{
			Name: c.Name + strings.ToLower(suffix), Schema: c.Schema + suffix, Type: schema.String, MaxLength: length, ReadOnly: true,
		}, c.Name))
	}
	switch c.Type {
	case schema.Lookup, schema.Customer, schema.Owner:
		text("Name", 100)
		if slices.ContainsFunc(c.Targets, func(to schema.Target) bool { return hasYomi(to.Table) }) {
			text("YomiName", 100)
		}
		if len(c.Targets) > 1 {
			add(m.bare(t, c, "Type", "EntityName"))
		}
	case schema.Choice, schema.MultiChoice, schema.State, schema.Status, schema.Boolean:
		add(m.bare(t, c, "Name", "Virtual"))
	case schema.Money:
		if strings.HasSuffix(c.Name, "_base") {
			break
		}
		base := m.column(t, &schema.Column{
			Name: c.Name + "_base", Schema: c.Schema + "_Base", Label: c.Label + " (Base)", Type: schema.Money, Precision: c.Precision, ReadOnly: true,
		}, c.Name)
		base.values["CalculationOf"], base.values["IsBaseCurrency"] = c.Name, true
		add(base)
	case schema.Image:
		add(m.column(t, &schema.Column{Name: c.Name + "_timestamp", Schema: c.Schema + "_Timestamp", Type: schema.BigInt, ReadOnly: true}, c.Name))
		text("_URL", 200)
		add(m.column(t, &schema.Column{Name: c.Name + "id", Schema: c.Schema + "Id", Type: schema.ID, ReadOnly: true}, c.Name))
	case schema.File:
		text("_Name", 200)
	case schema.String, schema.Memo, schema.Integer, schema.BigInt, schema.Decimal, schema.Double, schema.DateTime, schema.ID:
	}
	return nodes
}

// hasYomi reports whether a standard table has a name in pronunciation.
func hasYomi(table string) bool {
	return slices.Contains([]string{"account", "contact", "lead", "systemuser", "team"}, table)
}

// bare makes an attribute of a type that no column has: Virtual, which has no metadata type of its own, or EntityName.
func (m *Model) bare(t *schema.Table, of *schema.Column, suffix, typ string) *node {
	c := schema.Column{Name: of.Name + strings.ToLower(suffix), Schema: of.Schema + suffix, ReadOnly: true}
	n := &node{typ: attribute, values: m.attribute(t, &c, of.Name), follow: func(string) ([]*node, bool) { return nil, true }}
	n.values["AttributeType"], n.values["AttributeTypeName"] = typ, object{"Value": typ + "Type"}
	if derived := castTo(typ+"AttributeMetadata", attribute); derived != nil {
		n.typ = derived
		n.values["DefaultFormValue"], n.values["IsEntityReferenceStored"] = nil, false
	}
	return n
}
