package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file answers EntityDefinitions (section 6). Metadata collections do not page, and MetadataId is always among the properties.

// An object is a piece of metadata.
type object = map[string]any

// metadata answers a path that begins with EntityDefinitions.
func (c *call) metadata(path, query string) *reply {
	rest := strings.TrimPrefix(path, "EntityDefinitions")
	options := parameters(query)
	if options.Has("$top") || options.Has("$skip") {
		return failed(badURI.says("The query parameter $top or $skip is not supported for metadata."))
	}
	if rest == "" {
		return c.tableList(options.Get("$select"), options.Get("$filter"))
	}
	key, tail, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")")
	if !ok || !strings.HasPrefix(rest, "(") {
		return failed(unrecognized())
	}
	t := c.definition(key)
	if t == nil {
		return failed(metadataMissing.says("Could not find an entity with name %s and id 00000000-0000-0000-0000-000000000000.", strings.Trim(strings.TrimPrefix(key, "LogicalName="), "'")))
	}
	segments := strings.Split(strings.Trim(tail, "/"), "/")
	if tail == "" || tail == "/" {
		entity := t.definition(c.server)
		out := pick(entity, options.Get("$select"))
		for name, inner := range expansions(options.Get("$expand")) {
			if list := t.collection(name); list != nil {
				out[name] = pickAll(list, inner)
			}
		}
		out["@odata.context"] = string(c.root) + "$metadata#EntityDefinitions/$entity"
		return jsonReply(out)
	}
	return c.metadataList(t, segments, options.Get("$select"), options.Get("$expand"), options.Get("$filter"))
}

// metadataList answers one of a table's collections, of attributes with or without a cast, or one member of it.
func (c *call) metadataList(t *table, segments []string, selected, expand, filter string) *reply {
	name, key, _ := strings.Cut(segments[0], "(")
	list := t.collection(name)
	if list == nil {
		return failed(segmentMissing.says("Resource not found for the segment '%s'.", name))
	}
	cast := ""
	if len(segments) > 1 {
		cast = strings.TrimPrefix(segments[1], "Microsoft.Dynamics.CRM.")
		if cast == "EnumAttributeMetadata" || name != "Attributes" {
			return failed(badURI.says("'%s' cannot be used as a cast.", cast))
		}
		list = slices.DeleteFunc(list, func(o object) bool { return o["@odata.type"] != "#Microsoft.Dynamics.CRM."+cast })
	}
	if field, value, ok := equality(filter); ok {
		list = slices.DeleteFunc(list, func(o object) bool { return o[field] != value })
	}
	picked := make([]object, 0, len(list))
	for _, o := range list {
		out := pick(o, selected)
		for name := range expansions(expand) {
			if v, ok := o[name]; ok {
				out[name] = v
			}
		}
		if cast == "" {
			if selected == "" {
				delete(out, "OptionSet")
				delete(out, "GlobalOptionSet")
			}
			if typ, ok := o["@odata.type"]; ok {
				out["@odata.type"] = typ
			}
		} else {
			delete(out, "@odata.type")
			if expand == "" {
				delete(out, "OptionSet")
				delete(out, "GlobalOptionSet")
			}
		}
		if key == "" {
			picked = append(picked, out)
			continue
		}
		if wanted := strings.Trim(strings.TrimPrefix(strings.TrimSuffix(key, ")"), "LogicalName="), "'"); o["LogicalName"] == wanted {
			return jsonReply(out)
		}
	}
	if key != "" {
		return failed(metadataMissing.says("Could not find an attribute with specified name: %s", key))
	}
	return jsonReply(object{"@odata.context": string(c.root) + "$metadata#EntityDefinitions('" + t.Name + "')/" + name, "value": picked})
}

// definition finds a table by LogicalName='x' or MetadataId.
func (c *call) definition(key string) *table {
	if name, ok := strings.CutPrefix(key, "LogicalName="); ok {
		return c.server.tables[strings.Trim(name, "'")]
	}
	for _, t := range c.server.tables {
		if derived("entity", t.Name).String() == strings.ToLower(strings.TrimPrefix(key, "MetadataId=")) {
			return t
		}
	}
	return nil
}

func (s *Server) sorted() []*table {
	names := slices.Sorted(maps.Keys(s.tables))
	tables := make([]*table, len(names))
	for i, name := range names {
		tables[i] = s.tables[name]
	}
	return tables
}

// tableList answers the set of definitions. Its filter is an equality, or several joined by or; others are ignored but for IsPrivate and IsIntersect, which hold for all.
func (c *call) tableList(selected, filter string) *reply {
	value := []object{}
	for _, t := range c.server.sorted() {
		o := t.definition(c.server)
		if filter != "" && !matchesAny(o, filter) {
			continue
		}
		value = append(value, pick(o, selected))
	}
	return jsonReply(object{"@odata.context": string(c.root) + "$metadata#EntityDefinitions", "value": value})
}

func matchesAny(o object, filter string) bool {
	for alternative := range strings.SplitSeq(filter, " or ") {
		all := true
		for condition := range strings.SplitSeq(alternative, " and ") {
			field, value, ok := equality(strings.Trim(condition, "() "))
			all = all && ok && o[field] == value
		}
		if all {
			return true
		}
	}
	return false
}

// equality reads Name eq 'value', or eq true and false.
func equality(filter string) (field string, value any, ok bool) {
	field, text, ok := strings.Cut(filter, " eq ")
	switch text = strings.TrimSpace(text); {
	case !ok:
		return "", nil, false
	case text == "true" || text == "false":
		return field, text == "true", true
	default:
		return field, strings.Trim(text, "'"), true
	}
}

// pick copies the selected properties; an empty selection is all.
func pick(o object, selected string) object {
	if selected == "" {
		return maps.Clone(o)
	}
	out := object{"MetadataId": o["MetadataId"]}
	for name := range strings.SplitSeq(selected, ",") {
		if v, ok := o[strings.TrimSpace(name)]; ok {
			out[strings.TrimSpace(name)] = v
		}
	}
	return out
}

func pickAll(list []object, selected string) []object {
	out := make([]object, len(list))
	for i, o := range list {
		out[i] = pick(o, selected)
	}
	return out
}

// expansions reads Keys($select=a,b),Attributes: the names with their inner $select.
func expansions(expand string) map[string]string {
	out := map[string]string{}
	for len(expand) > 0 {
		end, depth := len(expand), 0
		for i, r := range expand {
			switch {
			case r == '(':
				depth++
			case r == ')':
				depth--
			case r == ',' && depth == 0:
				end = min(end, i)
			}
		}
		name, inner, _ := strings.Cut(expand[:end], "(")
		_, selected, _ := strings.Cut(strings.TrimSuffix(inner, ")"), "$select=")
		out[strings.TrimSpace(name)] = selected
		expand = strings.TrimPrefix(expand[end:], ",")
	}
	return out
}

// A named privilege of a table, with the value of PrivilegeType.
type namedPrivilege struct{ name, verb string }

func (t *table) privileges() []namedPrivilege {
	all := []namedPrivilege{
		{t.privilege.create, "Create"},
		{t.privilege.read, "Read"},
		{t.privilege.write, "Write"},
		{t.privilege.delete, "Delete"},
		{t.privilege.append, "Append"},
		{t.privilege.appendTo, "AppendTo"},
	}
	if !t.Organization {
		all = append(all, namedPrivilege{t.privilege.assign, "Assign"}, namedPrivilege{t.privilege.share, "Share"})
	}
	return all
}

// definition is the table as EntityDefinitions has it.
func (t *table) definition(s *Server) object {
	privileges := []object{}
	for _, p := range t.privileges() {
		privileges = append(privileges, object{
			"CanBeBasic": !t.Organization, "CanBeDeep": !t.Organization, "CanBeLocal": !t.Organization, "CanBeGlobal": true,
			"CanBeEntityReference": false, "CanBeParentEntityReference": false, "Name": p.name, "PrivilegeId": derived("privilege", p.name), "PrivilegeType": p.verb,
		})
	}
	ownership := "UserOwned"
	if t.Organization {
		ownership = "OrganizationOwned"
	}
	return object{
		"MetadataId": derived("entity", t.Name), "LogicalName": t.Name, "SchemaName": t.Schema, "EntitySetName": t.Set, "LogicalCollectionName": t.Set,
		"PrimaryIdAttribute": t.PrimaryID, "PrimaryNameAttribute": t.PrimaryName, "ObjectTypeCode": t.TypeCode, "OwnershipType": ownership, "TableType": t.Kind.String(),
		"IsOptimisticConcurrencyEnabled": !t.OptimisticOff, "ChangeTrackingEnabled": true, "IsActivity": false, "IsPrivate": false, "IsIntersect": false,
		"IsCustomEntity": strings.Contains(t.Name, "_"), "DisplayName": label(t.Label), "DisplayCollectionName": label(t.Label), "Privileges": privileges,
	}
}

func label(text string) object {
	one := object{"Label": text, "LanguageCode": 1033, "IsManaged": true, "MetadataId": derived("label", text), "HasChanged": nil}
	return object{"LocalizedLabels": []object{one}, "UserLocalizedLabel": one}
}

// collection returns one of the lists below a table, nil for an unknown name.
func (t *table) collection(name string) []object {
	list := []object{}
	switch name {
	case "Attributes":
		for i := range t.columns {
			list = append(list, t.attribute(&t.columns[i]))
		}
	case "Keys":
		for _, k := range t.Keys {
			status := k.Status
			if status == "" {
				status = schema.Active
			}
			list = append(list, object{
				"MetadataId": derived("key", t.Name+"."+k.Name), "SchemaName": k.Name, "LogicalName": k.Name, "KeyAttributes": k.Columns, "EntityKeyIndexStatus": status,
				"IsManaged": false, "DisplayName": label(k.Label), "EntityLogicalName": t.Name,
			})
		}
	case "ManyToOneRelationships":
		for i := range t.columns {
			for _, to := range t.columns[i].Targets {
				schemaName := t.Name + "_" + t.columns[i].Name + "_" + to.Table
				behaviour := "RemoveLink"
				if to.Restrict {
					behaviour = "Restrict"
				}
				list = append(list, object{
					"MetadataId": derived("relationship", schemaName), "SchemaName": schemaName, "ReferencingEntity": t.Name, "ReferencingAttribute": t.columns[i].Name,
					"ReferencedEntity": to.Table, "ReferencedAttribute": to.Table + "id", "ReferencingEntityNavigationPropertyName": to.Navigation,
					"RelationshipType": "OneToManyRelationship", "CascadeConfiguration": object{"Delete": behaviour},
				})
			}
		}
	default:
		return nil
	}
	return list
}

// attribute is one column as metadata has it, with the properties of its own type.
func (t *table) attribute(c *schema.Column) object {
	required := c.Required
	if required == "" {
		required = "None"
	}
	primary := c.Name == t.PrimaryID
	o := object{
		"@odata.type": "#Microsoft.Dynamics.CRM." + c.Type.Cast(), "MetadataId": derived("attribute", t.Name+"."+c.Name), "EntityLogicalName": t.Name,
		"LogicalName": c.Name, "SchemaName": c.Schema, "AttributeType": c.Type.AttributeType(), "AttributeTypeName": object{"Value": c.Type.AttributeTypeName()},
		"IsValidForCreate": !c.ReadOnly, "IsValidForUpdate": !c.ReadOnly && !primary, "IsValidForRead": true, "IsPrimaryId": primary,
		"IsPrimaryName": c.Name == t.PrimaryName, "IsSecured": c.Secured, "AttributeOf": nil, "SourceType": 0, "DisplayName": label(c.Label),
		"IsCustomAttribute": strings.Contains(c.Name, "_") && t.TypeCode > 10000,
		"RequiredLevel":     object{"Value": required, "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"},
	}
	switch c.Type {
	case schema.String:
		o["MaxLength"], o["Format"], o["FormatName"] = c.MaxLength, "Text", object{"Value": "Text"}
	case schema.Memo:
		o["MaxLength"], o["Format"] = c.MaxLength, "TextArea"
	case schema.Integer, schema.BigInt:
		low, high := c.Bounds()
		o["MinValue"], o["MaxValue"] = int64(low), int64(high)
	case schema.Decimal, schema.Double, schema.Money:
		o["MinValue"], o["MaxValue"] = bounds(c)
		o["Precision"] = c.Precision
		if c.Type == schema.Money {
			o["PrecisionSource"] = 2
		}
	case schema.DateTime:
		format, behaviour := "DateAndTime", c.Behavior
		if c.IsDate() {
			format = "DateOnly"
		}
		if behaviour == "" {
			behaviour = schema.UserLocal
		}
		o["Format"], o["DateTimeBehavior"] = format, object{"Value": behaviour}
	case schema.Lookup, schema.Customer, schema.Owner:
		targets := []string{}
		for _, to := range c.Targets {
			targets = append(targets, to.Table)
		}
		o["Targets"] = targets
	case schema.Choice, schema.MultiChoice, schema.State, schema.Status, schema.Boolean:
		o["OptionSet"], o["GlobalOptionSet"] = t.optionSet(c), nil
	case schema.ID, schema.Image, schema.File: // has nothing of its own
	}
	return o
}

func bounds(c *schema.Column) (low, high any) { return c.Bounds() }

// optionSet lists a choice's values; a status reason says which state it belongs to, a boolean has two fixed options.
func (t *table) optionSet(c *schema.Column) object {
	options := []object{}
	for _, o := range c.Options {
		option := object{"Value": o.Value, "Label": label(o.Label)}
		if c.Type == schema.Status {
			option["State"] = o.State
		}
		options = append(options, option)
	}
	set := object{"MetadataId": derived("optionset", t.Name+"."+c.Name)}
	if c.Type == schema.Boolean && len(options) == 2 {
		set["FalseOption"], set["TrueOption"] = options[0], options[1]
		return set
	}
	set["Options"] = options
	return set
}

var _ http.Handler = (*Server)(nil)
