package metadata

import "github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"

// optionSet makes the choice of a column. A status reason says which state it belongs to, a boolean has two fixed options.
func (m *Model) optionSet(t *schema.Table, c *schema.Column) *node {
	name, label, id := t.Name+"_"+c.Name, m.label(c.Label, c.Labels), t.Name+"."+c.Name
	if c.Global.Name != "" {
		name, label, id = c.Global.Name, m.label(c.Global.Label, nil), c.Global.Name
	}
	types := map[schema.Type]string{schema.State: "State", schema.Status: "Status", schema.Boolean: "Boolean"}
	kind := types[c.Type]
	if kind == "" {
		kind = "Picklist"
	}
	custom := isCustom(c.Name)
	if c.Global.Name != "" {
		custom = isCustom(name)
	}
	n := &node{typ: optionSet, values: object{
		"MetadataId": m.config.ID("optionset", id), "HasChanged": nil, "Name": name, "DisplayName": label, "Description": m.label("", nil),
		"IsGlobal": c.Global.Name != "", "IsManaged": !custom, "IsCustomOptionSet": custom, "IsCustomizable": managed(true, "iscustomizable"),
		"OptionSetType": kind, "IntroducedVersion": introduced, "ExternalTypeName": "",
	}, follow: func(string) ([]*node, bool) { return nil, true }}
	options := []object{}
	for _, o := range c.Options {
		options = append(options, m.option(t, c, o))
	}
	if c.Type == schema.Boolean {
		n.typ = booleanOptionSet
		n.values["FalseOption"], n.values["TrueOption"] = nil, nil
		if len(options) == 2 {
			n.values["FalseOption"], n.values["TrueOption"] = options[0], options[1]
		}
		return n
	}
	n.values["Options"], n.values["ParentOptionSetName"] = options, nil
	return n
}

func (m *Model) option(t *schema.Table, c *schema.Column, o schema.Option) object {
	option := object{
		"Value": o.Value, "Label": m.label(o.Label, o.Labels), "Description": m.label("", nil), "Color": nil, "IsManaged": !isCustom(c.Name),
		"ExternalValue": "", "ParentValues": []int{}, "Tag": nil, "IsHidden": false, "MetadataId": nil, "HasChanged": nil,
	}
	if c.Type == schema.State {
		option["@odata.type"], option["InvariantName"], option["DefaultStatus"] = "#Microsoft.Dynamics.CRM.StateOptionMetadata", o.Label, reason(t, o.Value)
	}
	if c.Type == schema.Status {
		option["@odata.type"], option["State"], option["TransitionData"] = "#Microsoft.Dynamics.CRM.StatusOptionMetadata", o.State, nil
	}
	return option
}

// reason returns the status reason that a row gets with a state alone.
func reason(t *schema.Table, state int) any {
	for i := range t.Columns {
		if t.Columns[i].Type != schema.Status {
			continue
		}
		for _, o := range t.Columns[i].Options {
			if o.State == state {
				return o.Value
			}
		}
	}
	return nil
}

// globalOptionSets lists the choices that columns share, by name in the order of their first column, then those without columns.
func (m *Model) globalOptionSets() []*node {
	var nodes []*node
	seen := map[string]bool{}
	for _, t := range m.tables {
		for i := range t.Columns {
			if c := &t.Columns[i]; c.Global.Name != "" && !seen[c.Global.Name] {
				seen[c.Global.Name] = true
				nodes = append(nodes, m.optionSet(t, c))
			}
		}
	}
	for _, choice := range m.choices {
		if !seen[choice.Name] {
			nodes = append(nodes, m.optionSet(&schema.Table{}, &schema.Column{Type: schema.Choice, Global: choice.GlobalChoice, Options: choice.Options}))
		}
	}
	return nodes
}
