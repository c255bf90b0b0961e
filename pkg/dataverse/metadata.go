package dataverse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// The metadata of Dataverse as it comes (reference "Metadata, connection test"); encoding/json finds a field in any case.
type (
	tableJSON struct {
		LogicalName, EntitySetName, PrimaryIDAttribute, TableType string
		Keys                                                      []keyJSON
	}
	keyJSON struct {
		LogicalName, EntityKeyIndexStatus string
		KeyAttributes                     []string
	}
	columnJSON struct {
		LogicalName, SchemaName, AttributeType, AttributeOf string
		AttributeTypeName, RequiredLevel                    valueJSON
		DisplayName                                         namesJSON
		IsValidForCreate, IsValidForUpdate, IsSecured       bool
	}
	valueJSON struct{ Value string }

	// detailJSON holds what the casts add: each column has what fits its type.
	detailJSON struct {
		LogicalName                string
		MaxLength                  int
		MinValue, MaxValue         json.Number
		Precision                  int
		DateTimeBehavior           valueJSON
		Targets                    []string
		OptionSet, GlobalOptionSet struct {
			Options                 []optionJSON
			TrueOption, FalseOption *optionJSON
		}
	}
	optionJSON struct {
		Value, State int32
		Label        namesJSON
	}
	namesJSON struct {
		LocalizedLabels    []labelJSON
		UserLocalizedLabel *labelJSON
	}
	labelJSON struct {
		Label        string
		LanguageCode int
	}
	currencyJSON struct {
		TransactionCurrencyID, ISOCurrencyCode string
	}
	relationshipJSON struct {
		ReferencingAttribute, ReferencedEntity, ReferencingEntityNavigationPropertyName string
	}
)

// A cast is the segment of an address that opens the properties of one type of columns.
type cast struct {
	of    []string // values of AttributeTypeName
	name  string
	query string
}

// casts lists the types whose columns have properties that matter here.
func casts() []cast {
	const options = "$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"
	return []cast{
		{[]string{"StringType"}, "String", "$select=LogicalName,MaxLength"},
		{[]string{"MemoType"}, "Memo", "$select=LogicalName,MaxLength"},
		{[]string{"IntegerType"}, "Integer", "$select=LogicalName,MinValue,MaxValue"},
		{[]string{"BigIntType"}, "BigInt", "$select=LogicalName,MinValue,MaxValue"},
		{[]string{"DecimalType"}, "Decimal", "$select=LogicalName,MinValue,MaxValue,Precision"},
		{[]string{"DoubleType"}, "Double", "$select=LogicalName,MinValue,MaxValue,Precision"},
		{[]string{"MoneyType"}, "Money", "$select=LogicalName,MinValue,MaxValue,Precision"},
		{[]string{"DateTimeType"}, "DateTime", "$select=LogicalName,DateTimeBehavior"},
		{[]string{"LookupType", "CustomerType", "OwnerType"}, "Lookup", "$select=LogicalName,Targets"},
		{[]string{"PicklistType"}, "Picklist", options},
		{[]string{"MultiSelectPicklistType"}, "MultiSelectPicklist", options},
		{[]string{"StateType"}, "State", options},
		{[]string{"StatusType"}, "Status", options},
		{[]string{"BooleanType"}, "Boolean", "$select=LogicalName&$expand=OptionSet($select=TrueOption,FalseOption)"},
	}
}

// columnType maps AttributeTypeName, the one property that tells all types apart.
func columnType(name string) ColumnType {
	switch name {
	case "StringType":
		return Text
	case "MemoType":
		return Memo
	case "IntegerType":
		return Integer
	case "BigIntType":
		return BigInt
	case "DecimalType":
		return Decimal
	case "DoubleType":
		return Double
	case "MoneyType":
		return Money
	case "BooleanType":
		return Boolean
	case "DateTimeType":
		return DateTime
	case "PicklistType":
		return Choice
	case "MultiSelectPicklistType":
		return MultiChoice
	case "StateType":
		return State
	case "StatusType":
		return Status
	case "LookupType", "CustomerType", "OwnerType":
		return Lookup
	case "UniqueidentifierType":
		return GUID
	}
	return Unsupported
}

// atOnce bounds the requests for one table's metadata that are under way together.
const atOnce = 4

// currencyTable is the one table whose rows are read with its metadata.
const currencyTable = "transactioncurrency"

// Table reads the metadata of one table by its logical name: some twenty small requests, so keep what it returns.
// Columns that only accompany others (createdbyname) are left out. The tables that writable lookups name are resolved
// as far as the application user can see them; a target that it cannot see has no SetName. Of the currencies the rows are
// read as well. A table that does not exist is a SystemFault that names it.
func (c *Client) Table(ctx context.Context, name string) (*Table, error) {
	op := "dataverse: metadata of table " + name
	if !logicalName(name) {
		return nil, &penstock.Error{
			Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf("%q cannot be a table", name),
			Hint: "use the table's logical name, as contact: lower-case letters, digits and _",
		}
	}
	var (
		table     tableJSON
		columns   struct{ Value []columnJSON }
		relations struct{ Value []relationshipJSON }
	)
	path := definition(name)
	group, bounded := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	fetch := func(path, query string, into any) {
		group.Go(func() error { return orNil(c.get(bounded, op, path, query, into)) })
	}
	var currencies struct{ Value []currencyJSON }
	if name == currencyTable {
		fetch("transactioncurrencies", "$select=transactioncurrencyid,isocurrencycode", &currencies)
	}
	fetch(path, tableQuery, &table)
	fetch(path+"/Attributes", "$select=LogicalName,SchemaName,AttributeType,AttributeTypeName,AttributeOf,"+
		"IsValidForCreate,IsValidForUpdate,IsSecured,RequiredLevel,DisplayName", &columns)
	fetch(path+"/ManyToOneRelationships",
		"$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName", &relations)
	if err := group.Wait(); err != nil {
		return nil, tableFault(err, name)
	}
	t := &Table{
		LogicalName: table.LogicalName, SetName: table.EntitySetName, PrimaryID: table.PrimaryIDAttribute,
		Elastic: table.TableType == "Elastic", Virtual: table.TableType == "Virtual", Keys: keys(table.Keys),
	}
	present := map[string]bool{}
	for _, a := range columns.Value {
		if a.AttributeOf == "" {
			t.Columns = append(t.Columns, a.column())
			present[a.AttributeTypeName.Value] = true
		}
	}
	for _, row := range currencies.Value {
		t.Currencies = append(t.Currencies, Currency{ID: row.TransactionCurrencyID, Code: row.ISOCurrencyCode})
	}
	slices.SortFunc(t.Currencies, func(a, b Currency) int { return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(a.ID, b.ID)) })
	slices.SortFunc(t.Columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	if err := c.details(ctx, op, t, present, relations.Value); err != nil {
		return nil, err
	}
	if err := c.targets(ctx, op, t); err != nil {
		return nil, err
	}
	return t, nil
}

const tableQuery = "$select=LogicalName,EntitySetName,PrimaryIdAttribute,TableType" +
	"&$expand=Keys($select=LogicalName,KeyAttributes,EntityKeyIndexStatus)"

func definition(table string) string { return "EntityDefinitions(LogicalName='" + table + "')" }

// logicalName reports whether a name can be one; nothing else may come into an address.
func logicalName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// details asks for what is particular to the types that the table has.
func (c *Client) details(ctx context.Context, op string, t *Table, present map[string]bool, relations []relationshipJSON) error {
	wanted := slices.DeleteFunc(casts(), func(k cast) bool {
		return !slices.ContainsFunc(k.of, func(name string) bool { return present[name] })
	})
	answers := make([]struct{ Value []detailJSON }, len(wanted))
	group, bounded := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, k := range wanted {
		path := definition(t.LogicalName) + "/Attributes/Microsoft.Dynamics.CRM." + k.name + "AttributeMetadata"
		group.Go(func() error { return orNil(c.get(bounded, op, path, k.query, &answers[i])) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, answer := range answers {
		for _, d := range answer.Value {
			if column, ok := t.Column(d.LogicalName); ok {
				d.fill(column, relations)
			}
		}
	}
	return nil
}

// targets resolves the tables that writable lookups may name.
func (c *Client) targets(ctx context.Context, op string, t *Table) error {
	found := map[string]*tableJSON{}
	for i := range t.Columns {
		if col := &t.Columns[i]; col.Creatable || col.Updatable {
			for _, target := range col.Targets {
				if logicalName(target.Table) {
					found[target.Table] = &tableJSON{}
				}
			}
		}
	}
	group, bounded := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for name, into := range found {
		group.Go(func() error {
			fault := c.get(bounded, op+": target "+name, definition(name), tableQuery, into)
			if absent(fault) {
				return nil
			}
			return orNil(fault)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range t.Columns {
		for j := range t.Columns[i].Targets {
			target := &t.Columns[i].Targets[j]
			if d, ok := found[target.Table]; ok {
				target.SetName, target.PrimaryID, target.Keys = d.EntitySetName, d.PrimaryIDAttribute, keys(d.Keys)
			}
		}
	}
	return nil
}

func (a columnJSON) column() Column {
	return Column{
		Name: a.LogicalName, Schema: a.SchemaName, Label: a.DisplayName.text(), Type: columnType(a.AttributeTypeName.Value), TypeName: a.AttributeTypeName.Value,
		Creatable: a.IsValidForCreate, Updatable: a.IsValidForUpdate, Secured: a.IsSecured, Required: a.RequiredLevel.Value == "SystemRequired",
	}
}

func (d detailJSON) fill(c *Column, relations []relationshipJSON) {
	c.MaxLength, c.Precision = d.MaxLength, d.Precision
	c.Min, c.Max = d.MinValue.String(), d.MaxValue.String()
	switch d.DateTimeBehavior.Value {
	case "DateOnly":
		c.Behavior = DateOnly
	case "TimeZoneIndependent":
		c.Behavior = TimeZoneIndependent
	}
	options := d.OptionSet.Options
	if len(options) == 0 {
		options = d.GlobalOptionSet.Options
	}
	for _, o := range []*optionJSON{d.OptionSet.FalseOption, d.OptionSet.TrueOption} {
		if o != nil {
			options = append(options, *o)
		}
	}
	for _, o := range options {
		c.Options = append(c.Options, Option{Value: o.Value, Label: o.Label.text(), Labels: o.labels(), State: o.State})
	}
	slices.SortFunc(c.Options, func(a, b Option) int { return cmp.Compare(a.Value, b.Value) })
	for _, table := range d.Targets {
		c.Targets = append(c.Targets, Target{Table: table, Navigation: navigation(relations, c, table)})
	}
	slices.SortFunc(c.Targets, func(a, b Target) int { return strings.Compare(a.Table, b.Table) })
}

// text is what the user sees, in whatever language there is.
func (n namesJSON) text() string {
	if n.UserLocalizedLabel != nil {
		return n.UserLocalizedLabel.Label
	}
	if len(n.LocalizedLabels) > 0 {
		return n.LocalizedLabels[0].Label
	}
	return ""
}

func (o optionJSON) labels() map[int]string {
	if len(o.Label.LocalizedLabels) == 0 {
		return nil
	}
	all := make(map[int]string, len(o.Label.LocalizedLabels))
	for _, l := range o.Label.LocalizedLabels {
		all[l.LanguageCode] = l.Label
	}
	return all
}

// navigation finds the property that binds a lookup to a target. Owners have one relationship, to the table owner, for
// users and teams alike.
func navigation(relations []relationshipJSON, c *Column, table string) string {
	for _, referenced := range []string{table, "owner"} {
		for _, r := range relations {
			if r.ReferencingAttribute == c.Name && r.ReferencedEntity == referenced {
				return r.ReferencingEntityNavigationPropertyName
			}
		}
	}
	if c.TypeName == "OwnerType" {
		return c.Name
	}
	return ""
}

func keys(in []keyJSON) []Key {
	out := make([]Key, len(in))
	for i, k := range in {
		out[i] = Key{Name: k.LogicalName, Columns: k.KeyAttributes, Active: k.EntityKeyIndexStatus == "Active", Status: k.EntityKeyIndexStatus}
	}
	return out
}

// absent reports whether Dataverse says that what was asked for does not exist.
func absent(fault *penstock.Error) bool {
	if fault == nil {
		return false
	}
	switch n, _ := parseCode(fault.Code); n {
	case 0x80060888, 0x8006088a, 0x80041102, 0x80040217:
		return true
	}
	return fault.Code == codeNotFound
}

// tableFault names the table that does not exist, where that is what the error says.
func tableFault(err error, name string) error {
	var fault *penstock.Error
	if errors.As(err, &fault) && absent(fault) {
		fault.Hint = fmt.Sprintf("the environment has no table %q: use the table's logical name, as contact, not contacts or Contact", name)
	}
	return err
}

// orNil keeps a nil fault from becoming an error that is not nil.
func orNil(fault *penstock.Error) error {
	if fault == nil {
		return nil
	}
	return fault
}
