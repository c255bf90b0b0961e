// Package schema describes Dataverse tables as data: columns with their types and bounds, choices, lookups with the navigation property
// that each target is bound through, and alternate keys. It holds no rows and speaks no HTTP.
//
// Standard returns the tables that the emulator knows without being told. A user's own table is a Table literal like any of them; Read makes
// tables of a YAML file, Import of the metadata of a real environment, and Load of a folder of both.
package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Type is the type of a column, as far as its JSON form and its metadata differ.
type Type int

// The column types. A date-only column is a DateTime whose Behavior is DateOnly.
const (
	String Type = iota
	Memo
	Integer
	BigInt
	Decimal
	Double
	Money
	Boolean
	Choice
	MultiChoice
	State
	Status
	DateTime
	ID // unique identifier, the primary key among them
	Lookup
	Customer // a lookup to account or contact
	Owner    // a lookup to systemuser or team
	Image    // no value of its own in the emulator: metadata only
	File     // likewise
)

// Kind is the sort of a table, TableType in metadata.
type Kind int

// The kinds of tables. An upsert replaces the whole row of an elastic table; a virtual one is stored elsewhere.
const (
	KindStandard Kind = iota
	KindElastic
	KindVirtual
)

// String returns the kind as TableType spells it.
func (k Kind) String() string {
	names := [...]string{"Standard", "Elastic", "Virtual"}
	if k < 0 || int(k) >= len(names) {
		return "Standard"
	}
	return names[k]
}

// Source says where the values of a column come from, SourceType in metadata.
type Source int

// The sources. All but Simple are computed by Dataverse, and read-only.
const (
	Simple Source = iota
	Calculated
	Rollup
	Formula
)

// Base is the language of every Label, and of the emulated organisation: English (United States).
const Base = 1033

// Labels are the further languages of a label, by LCID: {1031: "Kontakt"}.
type Labels map[int]string

// The values of Column.Behavior, as metadata spells them.
const (
	UserLocal           = "UserLocal"
	DateOnly            = "DateOnly"
	TimeZoneIndependent = "TimeZoneIndependent"
)

// The values of Key.Status, as metadata spells them; only an Active key can address a row.
const (
	Pending    = "Pending"
	InProgress = "InProgress"
	Active     = "Active"
	Failed     = "Failed"
)

// A Table is one Dataverse table.
type Table struct {
	Name          string // logical name, lower case: contact
	Schema        string // schema name: Contact
	Privilege     string // what privileges are named after: prvWrite<Privilege>; empty means the schema name
	Set           string // entity set name, as URLs spell it: contacts
	Label         string // display name, in the language Base
	Labels        Labels // the display name in other languages
	Plural        string // display name of many; Label with an s when empty
	Kind          Kind   // standard, elastic or virtual
	Activity      bool   // an activity: task, phonecall
	PrimaryID     string // contactid
	PrimaryName   string // fullname
	TypeCode      int    // object type code: 2
	OptimisticOff bool   // true when the table has no optimistic concurrency (IsOptimisticConcurrencyEnabled is false)
	TrackingOff   bool   // true when the table has no change tracking (ChangeTrackingEnabled is false)
	Organization  bool   // true when rows are owned by the organisation, not by a user or team
	Columns       []Column
	Keys          []Key

	Refuses []string // messages that it does not support, though tables of its kind do: CreateMultiple
	Closing []int    // states to which only an action leads, WinOpportunity for one: an update to them is refused
}

// A Column is one column of a table.
type Column struct {
	Name   string // logical name
	Schema string // schema name
	Label  string // display name, in the language Base
	Labels Labels // the display name in other languages
	Type   Type

	MaxLength int          // text: UTF-16 code units
	Min, Max  float64      // numbers: both zero means the bounds of the type
	Precision int          // decimal, double, money: digits after the point
	Behavior  string       // DateTime: UserLocal (also when empty), DateOnly or TimeZoneIndependent
	Format    string       // as metadata spells it: Email, Url, DateOnly; empty means the usual one of the type
	Options   []Option     // choices, state and status; Boolean: false first, then true
	Global    GlobalChoice // the global choice that Options are of; zero for a choice of this column alone
	Default   *int         // the option that forms begin with; the API does not fill it in
	Targets   []Target     // lookups: one entry for each target table
	MaxSize   int          // Image and File: KiB
	Primary   bool         // Image: the picture of the whole row

	Source   Source   // calculated, rollup and formula columns are ReadOnly, too
	Secured  bool     // under column security
	ReadOnly bool     // values sent for it are ignored
	Required string   // RequiredLevel; empty means None
	Joined   []string // computed: the values of these columns with a blank between them (fullname)
}

// An Option is one value of a choice. State says to which state a status reason belongs.
type Option struct {
	Value  int
	Label  string // in the language Base
	Labels Labels // in other languages
	State  int
}

// A GlobalChoice is the name of a choice (global option set) that several columns may share; they have the same options.
type GlobalChoice struct{ Name, Label string }

// A Target is one table that a lookup can point at, and the navigation property that a body binds it through.
type Target struct {
	Table      string // logical name
	Navigation string // case-sensitive: parentcustomerid_account, new_Contact
	Restrict   bool   // a referenced row cannot be deleted
	Parental   bool   // to the same table: rows cannot hang on each other in a ring
	Cascade    bool   // deleting the referenced row deletes this one; without either, the lookup becomes null

	Relationship string // schema name of the relationship; see Table.Relationship for the default
	Collection   string // navigation property of the referenced table; see Table.Collection for the default
}

// A Key is an alternate key. Lookups are listed by their bare logical name, as metadata does.
type Key struct {
	Name    string // logical name
	Schema  string // schema name; Name when empty
	Label   string
	Columns []string
	Status  string // empty means Active
}

// SchemaName returns the key's schema name.
func (k Key) SchemaName() string { return cmp.Or(k.Schema, k.Name) }

// Usable reports whether the key's index is active.
func (k Key) Usable() bool { return k.Status == "" || k.Status == Active }

// Column returns the column of that logical name.
func (t *Table) Column(name string) (*Column, bool) {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], true
		}
	}
	return nil, false
}

// IsLookup reports whether the column points at a row of another table.
func (c *Column) IsLookup() bool { return c.Type == Lookup || c.Type == Customer || c.Type == Owner }

// IsDate reports whether the column holds a date without a time.
func (c *Column) IsDate() bool { return c.Type == DateTime && c.Behavior == DateOnly }

// Validate reports the first thing that would make the table unusable, naming table and column.
func (t *Table) Validate() error {
	switch {
	case t.Name == "" || t.Set == "" || t.Schema == "":
		return fmt.Errorf("schema: table %q: name, schema name and entity set name are required", t.Name)
	case t.Name != strings.ToLower(t.Name):
		return fmt.Errorf("schema: table %q: a logical name is lower case", t.Name)
	}
	if c, ok := t.Column(t.PrimaryID); !ok || c.Type != ID {
		return fmt.Errorf("schema: table %q: primary id %q is not a column of type ID", t.Name, t.PrimaryID)
	}
	seen := make(map[string]bool, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Name == "" || seen[c.Name] {
			return fmt.Errorf("schema: table %q: column %d (%q) has no name of its own", t.Name, i, c.Name)
		}
		seen[c.Name] = true
		if c.IsLookup() && len(c.Targets) == 0 {
			return fmt.Errorf("schema: table %q: lookup %q has no target", t.Name, c.Name)
		}
	}
	if t.Kind == KindVirtual && len(t.Keys) > 0 {
		return fmt.Errorf("schema: table %q: virtual tables have no alternate keys", t.Name)
	}
	for _, k := range t.Keys {
		if len(k.Columns) == 0 || len(k.Columns) > 16 {
			return fmt.Errorf("schema: table %q: key %q has %d columns; 1 to 16 are allowed", t.Name, k.Name, len(k.Columns))
		}
		for _, name := range k.Columns {
			c, ok := t.Column(name)
			if !ok {
				return fmt.Errorf("schema: table %q: key %q names the unknown column %q", t.Name, k.Name, name)
			}
			if !c.Keyable() {
				return fmt.Errorf("schema: table %q: key %q: column %q is of a type that keys cannot have", t.Name, k.Name, name)
			}
			if c.Secured {
				return fmt.Errorf("schema: table %q: key %q: column %q is under column security, so it cannot be in a key", t.Name, k.Name, name)
			}
		}
	}
	return nil
}

// Keyable reports whether the column is of a type that alternate keys can have, by PD:define-alternate-keys-entity.md.
func (c *Column) Keyable() bool {
	return c.IsLookup() || slices.Contains([]Type{String, Integer, BigInt, Decimal, DateTime, Choice}, c.Type)
}

// PrivilegeName returns the privilege that the verb (Create, Read, Write, Delete, Append, AppendTo, Assign, Share) needs on the table.
func (t *Table) PrivilegeName(verb string) string {
	if t.Privilege != "" {
		return "prv" + verb + t.Privilege
	}
	return "prv" + verb + t.Schema
}

// Edm returns the OData type of the column's JSON value.
func (c *Column) Edm() string {
	switch c.Type {
	case Integer, Choice, State, Status:
		return "Edm.Int32"
	case BigInt:
		return "Edm.Int64"
	case Decimal, Money:
		return "Edm.Decimal"
	case Double:
		return "Edm.Double"
	case Boolean:
		return "Edm.Boolean"
	case DateTime:
		if c.IsDate() {
			return "Edm.Date"
		}
		return "Edm.DateTimeOffset"
	case ID, Lookup, Customer, Owner, File:
		return "Edm.Guid"
	case Image:
		return "Edm.Binary"
	case String, Memo, MultiChoice:
	}
	return "Edm.String"
}

// names holds AttributeType and the cast segment without its suffix AttributeMetadata, by Type.
var names = [...]struct{ attribute, cast string }{ //nolint:gochecknoglobals // constant table
	String: {"String", "String"}, Memo: {"Memo", "Memo"}, Integer: {"Integer", "Integer"}, BigInt: {"BigInt", "BigInt"},
	Decimal: {"Decimal", "Decimal"}, Double: {"Double", "Double"}, Money: {"Money", "Money"}, Boolean: {"Boolean", "Boolean"},
	Choice: {"Picklist", "Picklist"}, MultiChoice: {"Virtual", "MultiSelectPicklist"}, State: {"State", "State"}, Status: {"Status", "Status"},
	DateTime: {"DateTime", "DateTime"}, ID: {"Uniqueidentifier", "UniqueIdentifier"},
	Lookup: {"Lookup", "Lookup"}, Customer: {"Customer", "Lookup"}, Owner: {"Owner", "Lookup"},
	Image: {"Virtual", "Image"}, File: {"Virtual", "File"},
}

// AttributeType returns the value of that name in metadata: Picklist, Virtual for multi-select.
func (t Type) AttributeType() string { return names[t].attribute }

// AttributeTypeName returns the value of AttributeTypeName: MultiSelectPicklistType, ImageType or FileType where AttributeType says Virtual.
func (t Type) AttributeTypeName() string {
	if names[t].attribute == "Virtual" {
		return names[t].cast + "Type"
	}
	return names[t].attribute + "Type"
}

// Cast returns the metadata type of the column without its namespace: LookupAttributeMetadata.
func (t Type) Cast() string {
	return names[t].cast + "AttributeMetadata"
}

// Bounds returns the smallest and the greatest value of a number column.
func (c *Column) Bounds() (low, high float64) {
	if c.Min != 0 || c.Max != 0 {
		return c.Min, c.Max
	}
	switch {
	case c.Type == Integer:
		return -2147483648, 2147483647
	case c.Type == Money:
		return -922337203685477, 922337203685477
	default:
		return -100000000000, 100000000000
	}
}
