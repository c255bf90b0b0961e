package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// This file makes tables, columns, keys and lookups of the metadata that clients of the Web API post to create them. What they do not say has the
// value that it has in Dataverse; what the emulator has no use for (HasNotes, Description, ImeMode) is passed over.

// Unsupported is the error for what Dataverse can make, and the emulator cannot.
type Unsupported struct{ What string }

func (e *Unsupported) Error() string { return "The emulator does not make " + e.What + "." }

// Choices finds the global choice that a client refers to by URL: /GlobalOptionSetDefinitions(Name='new_colors').
type Choices func(url string) (choice GlobalChoice, options []Option, known bool)

// A Relation is a lookup to be added to a table, with one target or several.
type Relation struct {
	Table  string // logical name of the table that gets the column
	Column Column
}

type (
	definitionJSON struct {
		SchemaName, EntitySetName, OwnershipType, TableType string
		IsActivity                                          bool
		ChangeTrackingEnabled                               *bool
		DisplayName, DisplayCollectionName                  labelJSON
		Attributes                                          []json.RawMessage
		Keys                                                []json.RawMessage
	}
	attributeJSON struct {
		columnJSON
		ODataType         string `json:"@odata.type"`
		AutoNumberFormat  string
		FormulaDefinition string
		IsPrimaryName     bool
		Precision         *int
		OptionSet         *choiceJSON
		Bound             string `json:"GlobalOptionSet@odata.bind"`
	}
	choiceJSON struct {
		Name                    string
		OptionSetType           string
		DisplayName             labelJSON
		Options                 []choiceOptionJSON
		FalseOption, TrueOption *choiceOptionJSON
	}
	choiceOptionJSON struct {
		Value *int
		Label labelJSON
	}
)

// DefineTable makes a customer's table of an EntityMetadata with its Attributes, of which one has IsPrimaryName.
func DefineTable(text []byte, choices Choices) (Table, error) {
	var j definitionJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return Table{}, fmt.Errorf("the body is not an EntityMetadata: %w", err)
	}
	if err := prefixed("entity", j.SchemaName); err != nil {
		return Table{}, err
	}
	kinds := map[string]Kind{"": KindStandard, "Standard": KindStandard, "Elastic": KindElastic}
	kind, known := kinds[j.TableType]
	switch {
	case j.IsActivity:
		return Table{}, &Unsupported{"activity tables by the Web API; configure " + j.SchemaName}
	case !known:
		return Table{}, &Unsupported{"tables of the type " + j.TableType + " by the Web API"}
	}
	t := custom(j.SchemaName)
	t.Kind, t.Set, t.Organization = kind, j.EntitySetName, j.OwnershipType == "OrganizationOwned"
	t.TrackingOff = j.ChangeTrackingEnabled != nil && !*j.ChangeTrackingEnabled
	if label, labels := j.DisplayName.text(); label != "" {
		t.Label, t.Labels = label, labels
	}
	t.Plural, _ = j.DisplayCollectionName.text()
	var title *Column
	var columns []Column
	for _, a := range j.Attributes {
		c, isTitle, err := defineColumn(a, choices)
		switch {
		case err != nil:
			return t, err
		case slices.ContainsFunc(columns, func(o Column) bool { return o.Name == c.Name }):
			return t, fmt.Errorf("the attribute %s comes twice", c.Name)
		case isTitle && title != nil:
			return t, fmt.Errorf("both %s and %s are the primary name attribute", title.Name, c.Name)
		case isTitle:
			title = &c
		}
		columns = append(columns, c)
	}
	switch {
	case title == nil:
		return t, errors.New("the entity has no primary name attribute: among Attributes, one of type StringAttributeMetadata has IsPrimaryName true")
	case title.Type != String:
		return t, fmt.Errorf("the primary name attribute %s is not of type StringAttributeMetadata", title.Name)
	}
	states, reasons := usualStates()
	t.furnish(*title, columns, states, reasons)
	for _, k := range j.Keys {
		key, err := DefineKey(k)
		if err != nil {
			return t, err
		}
		t.Keys = append(t.Keys, key)
	}
	return t, nil
}

// DefineColumn makes a column of an AttributeMetadata, whose @odata.type says of which type. Lookups are made by relationships.
func DefineColumn(text []byte, choices Choices) (Column, error) {
	c, title, err := defineColumn(text, choices)
	if err == nil && title {
		err = fmt.Errorf("the entity has a primary name attribute already, so %s cannot be one", c.Name)
	}
	return c, err
}

func defineColumn(text []byte, choices Choices) (c Column, title bool, err error) {
	var j attributeJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return c, false, fmt.Errorf("an attribute is not an AttributeMetadata: %w", err)
	}
	if err := prefixed("attribute", j.SchemaName); err != nil {
		return c, false, err
	}
	metadata := strings.TrimPrefix(strings.TrimPrefix(j.ODataType, "#"), "Microsoft.Dynamics.CRM.")
	typ, ok := creatable(metadata)
	switch {
	case metadata == "":
		return c, false, fmt.Errorf("attribute %s: Attribute of type AttributeMetadata cannot be created through the SDK", j.SchemaName)
	case !ok:
		return c, false, fmt.Errorf("attribute %s: Attribute of type %s cannot be created through the SDK", j.SchemaName, metadata)
	case j.AutoNumberFormat != "":
		return c, false, &Unsupported{"columns that number rows: " + j.SchemaName}
	case j.SourceType != nil && *j.SourceType != int(Simple):
		return c, false, &Unsupported{"columns that are computed: " + j.SchemaName}
	}
	c = j.base(typ)
	c.MaxLength, c.MaxSize, c.Primary, c.Min, c.Max = j.MaxLength, j.MaxSizeInKB, j.IsPrimaryImage, j.MinValue, j.MaxValue
	if typ == BigInt {
		c.Min, c.Max = 0, 0
	}
	if c.Behavior = j.DateTimeBehavior.Value; typ == DateTime && c.Behavior == "" {
		c.Behavior = UserLocal
	}
	c.Format = j.format(&c)
	if typ == Choice || typ == MultiChoice || typ == Boolean {
		err = j.setChoice(&c, choices)
	}
	c = finish(c, "")
	if j.Precision != nil {
		c.Precision = *j.Precision
	}
	return c, j.IsPrimaryName, err
}

// base makes a column with what columns of all types have.
func (j *attributeJSON) base(typ Type) Column {
	_, plain, _ := strings.Cut(j.SchemaName, "_")
	c := column(typ, j.SchemaName, plain)
	if label, labels := j.DisplayName.text(); label != "" {
		c.Label, c.Labels = label, labels
	}
	if c.Secured = j.IsSecured; j.RequiredLevel.Value != "None" {
		c.Required = j.RequiredLevel.Value
	}
	return c
}

// creatable finds the type by the name of its metadata; ok is false where Dataverse makes the columns itself, or by a relationship.
func creatable(metadata string) (t Type, ok bool) {
	for t := String; int(t) < len(names); t++ {
		if t.Cast() == metadata {
			return t, !slices.Contains([]Type{State, Status, ID, Lookup, Customer, Owner}, t)
		}
	}
	return 0, false
}

// setChoice takes over the options: of the global choice that is referred to, or the column's own.
func (j *attributeJSON) setChoice(c *Column, choices Choices) error {
	set := j.OptionSet
	switch {
	case j.Bound != "":
		choice, options, known := choices(j.Bound)
		if !known {
			return fmt.Errorf("attribute %s: there is no global option set %s", j.SchemaName, j.Bound)
		}
		c.Global, c.Options = choice, options
	case c.Type == Boolean:
		c.Options = nil
		if set != nil && set.FalseOption != nil && set.TrueOption != nil {
			c.Options = []Option{set.FalseOption.option(0), set.TrueOption.option(1)}
		}
	case set == nil:
		return fmt.Errorf("attribute %s: a choice has an OptionSet with Options, or a GlobalOptionSet@odata.bind", j.SchemaName)
	default:
		var err error
		if c.Options, err = numbered(set.Options); err != nil {
			return fmt.Errorf("attribute %s: %w", j.SchemaName, err)
		}
	}
	if yes, _ := j.DefaultValue.(bool); yes {
		one := 1
		c.Default = &one
	}
	if c.Type != Boolean && j.DefaultFormValue != nil && *j.DefaultFormValue != -1 {
		c.Default = j.DefaultFormValue
	}
	return nil
}

func (j choiceOptionJSON) option(value int) Option {
	o := Option{Value: value}
	o.Label, o.Labels = j.Label.text()
	return o
}

// firstValue is what the options of the default publisher begin with.
const firstValue = 100_000_000

// numbered takes options over; those without a value are numbered.
func numbered(options []choiceOptionJSON) ([]Option, error) {
	all := []Option{}
	next := firstValue
	for _, o := range options {
		v := next
		if o.Value != nil {
			v = *o.Value
		}
		if slices.ContainsFunc(all, func(other Option) bool { return other.Value == v }) {
			return nil, fmt.Errorf("the option value %d comes twice", v)
		}
		next = max(next, v+1)
		all = append(all, o.option(v))
	}
	return all, nil
}

// DefineChoice makes a global choice of an OptionSetMetadata.
func DefineChoice(text []byte) (GlobalChoice, []Option, error) {
	var j choiceJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return GlobalChoice{}, nil, fmt.Errorf("the body is not an OptionSetMetadata: %w", err)
	}
	if err := prefixed("option set", j.Name); err != nil {
		return GlobalChoice{}, nil, err
	}
	if j.OptionSetType != "" && j.OptionSetType != "Picklist" {
		return GlobalChoice{}, nil, &Unsupported{"global choices of the type " + j.OptionSetType}
	}
	choice := GlobalChoice{Name: strings.ToLower(j.Name), Label: j.Name}
	if label, _ := j.DisplayName.text(); label != "" {
		choice.Label = label
	}
	options, err := numbered(j.Options)
	return choice, options, err
}

// DefineKey makes an alternate key of an EntityKeyMetadata. Its columns are not looked at.
func DefineKey(text []byte) (Key, error) {
	var j keyJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return Key{}, fmt.Errorf("the body is not an EntityKeyMetadata: %w", err)
	}
	if err := prefixed("entity key", j.SchemaName); err != nil {
		return Key{}, err
	}
	k := Key{Name: strings.ToLower(j.SchemaName), Schema: j.SchemaName, Label: j.SchemaName, Columns: j.KeyAttributes}
	if label, _ := j.DisplayName.text(); label != "" {
		k.Label = label
	}
	return k, nil
}

// DefineRelation makes the lookup of a OneToManyRelationshipMetadata, which has it in Lookup.
func DefineRelation(text []byte) (Relation, error) {
	var j struct {
		ODataType string `json:"@odata.type"`
		Lookup    json.RawMessage
	}
	if err := json.Unmarshal(text, &j); err != nil {
		return Relation{}, fmt.Errorf("the body is not a OneToManyRelationshipMetadata: %w", err)
	}
	if strings.HasSuffix(j.ODataType, "ManyToManyRelationshipMetadata") {
		return Relation{}, &Unsupported{"many-to-many relationships"}
	}
	return DefineLookup(j.Lookup, Lookup, []json.RawMessage{text})
}

// DefineLookup makes a lookup with a target for each of the relationships: the parameters of CreateCustomerRelationships and of
// CreatePolymorphicLookupAttribute.
func DefineLookup(lookup []byte, typ Type, relationships []json.RawMessage) (Relation, error) {
	var j attributeJSON
	if len(lookup) == 0 || json.Unmarshal(lookup, &j) != nil {
		return Relation{}, errors.New("the relationship has no Lookup, which is a LookupAttributeMetadata")
	}
	if err := prefixed("attribute", j.SchemaName); err != nil {
		return Relation{}, err
	}
	made := Relation{Column: j.base(typ)}
	for _, text := range relationships {
		var r relationshipJSON
		if err := json.Unmarshal(text, &r); err != nil {
			return made, fmt.Errorf("a relationship is not a OneToManyRelationshipMetadata: %w", err)
		}
		if r.SchemaName == "" || r.ReferencedEntity == "" || r.ReferencingEntity == "" {
			return made, fmt.Errorf("a relationship of %s lacks one of SchemaName, ReferencedEntity and ReferencingEntity", j.SchemaName)
		}
		to := Target{
			Table: r.ReferencedEntity, Navigation: r.ReferencingEntityNavigationPropertyName, Relationship: r.SchemaName,
			Collection: r.ReferencedEntityNavigationPropertyName, Restrict: r.CascadeConfiguration.Delete == "Restrict",
			Cascade: r.CascadeConfiguration.Delete == "Cascade",
		}
		if to.Navigation == "" {
			if to.Navigation = j.SchemaName; len(relationships) > 1 {
				to.Navigation += "_" + to.Table
			}
		}
		if to.Collection == "" {
			to.Collection = r.SchemaName
		}
		switch {
		case made.Table != "" && made.Table != r.ReferencingEntity:
			return made, fmt.Errorf("the relationships of %s begin at two entities: %s and %s", j.SchemaName, made.Table, r.ReferencingEntity)
		case slices.ContainsFunc(made.Column.Targets, func(other Target) bool { return other.Table == to.Table }):
			return made, fmt.Errorf("two relationships of %s point at %s", j.SchemaName, to.Table)
		}
		made.Table, made.Column.Targets = r.ReferencingEntity, append(made.Column.Targets, to)
	}
	if len(made.Column.Targets) == 0 {
		return made, fmt.Errorf("the lookup %s has no relationships", j.SchemaName)
	}
	return made, nil
}

// prefixed refuses names that Dataverse refuses.
func prefixed(what, name string) error {
	if name == "" {
		return fmt.Errorf("the %s has no schema name", what)
	}
	if !IsCustom(name) {
		return fmt.Errorf("the schema name %s of the %s is not valid: custom names start with a customization prefix of 2 to 8 letters and digits and an "+
			"underscore, as new_Name, and hold letters, digits and underscores only", name, what)
	}
	return nil
}
