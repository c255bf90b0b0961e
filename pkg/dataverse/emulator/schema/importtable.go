package schema

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// table makes a Table of what the answers say of it. known are the tables that lookups can point at.
func (in *importer) table(j *tableJSON, known map[string]bool) (Table, error) {
	t := Table{
		Name: j.LogicalName, Schema: j.SchemaName, Set: j.EntitySetName, PrimaryID: j.PrimaryIDAttribute, PrimaryName: j.PrimaryNameAttribute,
		TypeCode: j.ObjectTypeCode, Activity: j.IsActivity, Organization: j.OwnershipType != "UserOwned" && j.OwnershipType != "TeamOwned",
		OptimisticOff: j.IsOptimisticConcurrencyEnabled != nil && !*j.IsOptimisticConcurrencyEnabled,
		Kind:          map[string]Kind{"Elastic": KindElastic, "Virtual": KindVirtual}[j.TableType],
	}
	t.Label, t.Labels = j.DisplayName.text()
	t.Plural, _ = j.DisplayCollectionName.text()
	for _, p := range j.Privileges {
		if name, ok := strings.CutPrefix(p.Name, "prvCreate"); ok && p.PrivilegeType == "Create" && name != t.Schema {
			t.Privilege = name
		}
	}
	if len(j.columns) == 0 {
		return t, fmt.Errorf("schema: the answer for table %s has no Attributes; save it with $expand=Attributes,Keys,ManyToOneRelationships", t.Name)
	}
	var problems []error
	for _, c := range j.columns {
		if c.AttributeOf != "" {
			continue // companions come with their columns
		}
		column, ok, err := in.column(j, c, known)
		if err != nil {
			problems = append(problems, err)
		}
		if ok {
			t.Columns = append(t.Columns, column)
		}
	}
	full, _ := t.Column("fullname")
	_, first := t.Column("firstname")
	if _, last := t.Column("lastname"); full != nil && full.ReadOnly && first && last {
		full.Joined = []string{"firstname", "lastname"}
	}
	for _, k := range j.keys {
		key := Key{Name: k.LogicalName, Schema: k.SchemaName, Columns: k.KeyAttributes, Status: k.EntityKeyIndexStatus}
		key.Label, _ = k.DisplayName.text()
		if i := slices.IndexFunc(key.Columns, func(name string) bool { _, ok := t.Column(name); return !ok }); i >= 0 {
			in.note("%s: the key %s is left out, as its column %s is", t.Name, key.Name, key.Columns[i])
			continue
		}
		t.Keys = append(t.Keys, key)
	}
	return t, errors.Join(problems...)
}

// imported are the types by AttributeTypeName.
func imported(typeName string) (Type, bool) {
	for t := String; int(t) < len(names); t++ {
		if t.AttributeTypeName() == typeName {
			return t, true
		}
	}
	return 0, false
}

// column makes a Column; ok is false when the emulator cannot have it, of which there is a note.
func (in *importer) column(t *tableJSON, j *columnJSON, known map[string]bool) (c Column, ok bool, err error) {
	typ, ok := imported(j.AttributeTypeName.Value)
	if !ok {
		in.note("%s: the column %s is left out: it is of type %s", t.LogicalName, j.LogicalName, j.AttributeTypeName.Value)
		return c, false, nil
	}
	c = Column{
		Name: j.LogicalName, Schema: j.SchemaName, Type: typ, MaxLength: j.MaxLength, Precision: j.Precision, MaxSize: j.MaxSizeInKB,
		Primary: j.IsPrimaryImage, Secured: j.IsSecured, ReadOnly: !j.IsValidForCreate && !j.IsValidForUpdate, Behavior: j.DateTimeBehavior.Value,
	}
	c.Label, c.Labels = j.DisplayName.text()
	if j.RequiredLevel.Value != "None" {
		c.Required = j.RequiredLevel.Value
	}
	if j.SourceType != nil {
		c.Source = Source(*j.SourceType)
	}
	if typ != BigInt {
		c.Min, c.Max = j.MinValue, j.MaxValue
	}
	c.Format = j.format(&c)
	switch {
	case c.IsLookup():
		return c, in.targets(t, j, &c, known), nil
	case typ == Choice || typ == MultiChoice || typ == State || typ == Status || typ == Boolean:
		err = c.setOptions(t, j)
	}
	return c, true, err
}

// format returns what the type would not have by itself.
func (j *columnJSON) format(c *Column) string {
	format, _ := j.Format.(string)
	if j.FormatName != nil {
		format = cmp.Or(j.FormatName.Value, format)
	}
	usual := map[Type]string{String: "Text", Memo: "TextArea", Integer: "None", DateTime: "DateAndTime"}[c.Type]
	if c.IsDate() {
		usual = "DateOnly"
	}
	if usual == "" || format == usual {
		return ""
	}
	return format
}

// setOptions takes over the options of a choice; a global one has its own set.
func (c *Column) setOptions(t *tableJSON, j *columnJSON) error {
	set := j.OptionSet
	if set == nil || j.GlobalOptionSet != nil && j.GlobalOptionSet.IsGlobal {
		set = j.GlobalOptionSet
	}
	if set == nil {
		return fmt.Errorf("schema: no answer has the options of the column %[1]s of %[2]s; save EntityDefinitions(LogicalName='%[2]s')/Attributes/"+
			"Microsoft.Dynamics.CRM.%[3]s?$select=LogicalName,EntityLogicalName&$expand=OptionSet,GlobalOptionSet", c.Name, t.LogicalName, c.Type.Cast())
	}
	if set.IsGlobal && c.Type != State && c.Type != Status {
		c.Global.Name = set.Name
		c.Global.Label, _ = set.DisplayName.text()
	}
	options := set.Options
	if set.FalseOption != nil && set.TrueOption != nil {
		options = []optionJSON{*set.FalseOption, *set.TrueOption}
	}
	for _, o := range options {
		option := Option{Value: o.Value, State: o.State}
		option.Label, option.Labels = o.Label.text()
		c.Options = append(c.Options, option)
	}
	switch yes, _ := j.DefaultValue.(bool); {
	case c.Type == Boolean && yes:
		one := 1
		c.Default = &one
	case c.Type != Boolean && j.DefaultFormValue != nil && *j.DefaultFormValue != -1:
		c.Default = j.DefaultFormValue
	}
	return nil
}

// targets takes over what a lookup points at, in the order of Targets. It reports whether anything is left.
func (in *importer) targets(t *tableJSON, j *columnJSON, c *Column, known map[string]bool) bool {
	order := j.Targets
	if len(order) == 0 {
		for _, r := range t.relationships {
			if r.ReferencingAttribute == c.Name {
				order = append(order, r.ReferencedEntity)
			}
		}
	}
	for _, table := range order {
		i := slices.IndexFunc(t.relationships, func(r relationshipJSON) bool {
			return r.ReferencingAttribute == c.Name && (r.ReferencedEntity == table || c.Type == Owner && r.ReferencedEntity == "owner")
		})
		switch {
		case !known[table]:
			in.note("%s: the lookup %s cannot point at %s, which is neither imported nor standard", t.LogicalName, c.Name, table)
		case i < 0:
			in.note("%s: the lookup %s cannot point at %s, as no relationship says how it is bound", t.LogicalName, c.Name, table)
		default:
			r := t.relationships[i]
			c.Targets = append(c.Targets, Target{
				Table: table, Navigation: r.ReferencingEntityNavigationPropertyName, Restrict: r.CascadeConfiguration.Delete == "Restrict",
				Cascade: r.CascadeConfiguration.Delete == "Cascade", Relationship: r.SchemaName, Collection: r.ReferencedEntityNavigationPropertyName,
			})
		}
	}
	if len(c.Targets) == 0 {
		in.note("%s: the column %s is left out, as it can point at nothing", t.LogicalName, c.Name)
	}
	return len(c.Targets) > 0
}
