package metadata

import (
	"math"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// attributes lists the columns of a table, each followed by its companions.
func (m *Model) attributes(t *schema.Table) []*node {
	var nodes []*node
	for i := range t.Columns {
		c := &t.Columns[i]
		nodes = append(nodes, m.column(t, c, ""))
		nodes = append(nodes, m.companions(t, c)...)
	}
	for i, n := range nodes {
		n.values["ColumnNumber"] = i + 1
	}
	return nodes
}

// column makes the attribute of a column; of is the column that it accompanies.
func (m *Model) column(t *schema.Table, c *schema.Column, of string) *node {
	n := &node{typ: castTo(c.Type.Cast(), attribute), values: m.attribute(t, c, of)}
	n.values["AttributeType"], n.values["AttributeTypeName"] = c.Type.AttributeType(), object{"Value": c.Type.AttributeTypeName()}
	for name, v := range m.particular(c) {
		n.values[name] = v
	}
	n.follow = func(name string) ([]*node, bool) {
		if n.typ.navigates(name) == nil || (name == "GlobalOptionSet") != (c.Global.Name != "") {
			return nil, true
		}
		return []*node{m.optionSet(t, c)}, true
	}
	return n
}

// attribute holds what all attributes have.
func (m *Model) attribute(t *schema.Table, c *schema.Column, of string) object {
	required := c.Required
	if required == "" {
		required = "None"
	}
	origin := c.Name
	if of != "" {
		origin = of
	}
	custom := isCustom(origin)
	primary := c.Name == t.PrimaryID
	securable := of == "" && !primary && !c.IsLookup() && c.Type != schema.State && c.Type != schema.Status
	return object{
		"MetadataId": m.config.ID("attribute", t.Name+"."+c.Name), "HasChanged": nil, "EntityLogicalName": t.Name, "LogicalName": c.Name,
		"SchemaName": c.Schema, "DisplayName": m.label(c.Label, c.Labels), "Description": m.label("", nil), "AttributeOf": orNull(of),
		"IsValidForCreate": !c.ReadOnly, "IsValidForUpdate": !c.ReadOnly && !primary, "IsValidForRead": true, "IsPrimaryId": primary,
		"IsPrimaryName": c.Name == t.PrimaryName, "IsSecured": c.Secured, "CanBeSecuredForRead": securable, "CanBeSecuredForCreate": securable && !c.ReadOnly,
		"CanBeSecuredForUpdate": securable && !c.ReadOnly, "SourceType": int(c.Source), "IsCustomAttribute": custom, "IsManaged": !custom,
		"RequiredLevel": managed(required, "canmodifyrequirementlevelsettings"), "IsAuditEnabled": managed(true, "canmodifyauditsettings"),
		"IsCustomizable": managed(true, "iscustomizable"), "IsRenameable": managed(true, "isrenameable"),
		"IsGlobalFilterEnabled": managed(false, "canmodifyglobalfiltersettings"), "IsSortableEnabled": managed(false, "canmodifyissortablesettings"),
		"IsValidForAdvancedFind":      managed(of == "", "canmodifysearchsettings"),
		"CanModifyAdditionalSettings": managed(true, "canmodifyadditionalsettings"), "IsValidODataAttribute": of == "", "IsRetrievable": true,
		"IsFilterable": of == "", "IsSearchable": of == "", "IsValidForForm": of == "", "IsRequiredForForm": false, "IsValidForGrid": of == "",
		"IsLogical": of != "", "IsDataSourceSecret": false, "DeprecatedVersion": nil, "IntroducedVersion": introduced, "LinkedAttributeId": nil,
		"ExternalName": nil, "InheritsFrom": nil, "AutoNumberFormat": "", "CreatedOn": installed, "ModifiedOn": installed,
	}
}

// particular holds what the type of the column adds.
func (m *Model) particular(c *schema.Column) object {
	format := func(usual string) any {
		if c.Format != "" {
			return c.Format
		}
		return usual
	}
	low, high := c.Bounds()
	switch c.Type {
	case schema.String:
		f := format("Text")
		return computed(object{
			"MaxLength": c.MaxLength, "DatabaseLength": 2 * c.MaxLength, "Format": f, "FormatName": object{"Value": f}, "ImeMode": "Auto",
			"YomiOf": nil, "IsLocalizable": false,
		})
	case schema.Memo:
		f := format("TextArea")
		return object{"MaxLength": c.MaxLength, "Format": f, "FormatName": object{"Value": f}, "ImeMode": "Auto", "IsLocalizable": false}
	case schema.Integer:
		return computed(object{"MinValue": int64(low), "MaxValue": int64(high), "Format": format("None")})
	case schema.BigInt:
		return object{"MinValue": int64(math.MinInt64), "MaxValue": int64(math.MaxInt64)}
	case schema.Decimal:
		return computed(object{"MinValue": low, "MaxValue": high, "Precision": c.Precision, "ImeMode": "Auto"})
	case schema.Double:
		return object{"MinValue": low, "MaxValue": high, "Precision": c.Precision, "ImeMode": "Auto"}
	case schema.Money:
		return computed(object{
			"MinValue": low, "MaxValue": high, "Precision": c.Precision, "PrecisionSource": 2, "CalculationOf": "", "IsBaseCurrency": false,
			"ImeMode": "Auto",
		})
	case schema.DateTime:
		usual, behaviour := "DateAndTime", schema.UserLocal
		if c.IsDate() {
			usual = "DateOnly"
		}
		if c.Behavior != "" {
			behaviour = c.Behavior
		}
		return computed(object{
			"Format": format(usual), "DateTimeBehavior": object{"Value": behaviour}, "ImeMode": "Auto",
			"CanChangeDateTimeBehavior": managed(false, "canchangedatetimebehavior"),
		})
	case schema.Lookup, schema.Customer, schema.Owner:
		targets := []string{}
		for _, to := range c.Targets {
			targets = append(targets, to.Table)
		}
		return object{"Targets": targets, "Format": "None"}
	case schema.Choice, schema.MultiChoice:
		first := -1
		if c.Default != nil {
			first = *c.Default
		}
		return computed(object{"DefaultFormValue": first, "ParentPicklistLogicalName": nil, "ChildPicklistLogicalNames": []string{}})
	case schema.State, schema.Status:
		return object{"DefaultFormValue": nil}
	case schema.Boolean:
		return computed(object{"DefaultValue": c.Default != nil && *c.Default == 1})
	case schema.Image:
		return object{"IsPrimaryImage": c.Primary, "MaxSizeInKB": c.MaxSize, "MaxHeight": 144, "MaxWidth": 144, "CanStoreFullImage": !c.Primary}
	case schema.File:
		return object{"MaxSizeInKB": c.MaxSize}
	case schema.ID:
	}
	return nil
}

// computed adds what types have that may be calculated.
func computed(o object) object {
	o["FormulaDefinition"], o["SourceTypeMask"] = "", 0
	return o
}
