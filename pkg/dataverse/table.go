package dataverse

import (
	"slices"
	"strings"
)

// A Table is what the metadata of Dataverse says of one table: what a mapping onto it is checked and compiled against.
type Table struct {
	LogicalName string
	SetName     string // in addresses: contacts
	PrimaryID   string // logical name of the primary key's column: contactid
	Elastic     bool   // an upsert replaces the whole row
	Virtual     bool   // its rows are kept elsewhere: neither keys nor $batch work as they do for others
	Columns     []Column
	Keys        []Key
	Currencies  []Currency // the rows of transactioncurrency, by code; nil for other tables
}

// Column finds a column by logical name. [Table.Columns] is sorted by it.
func (t *Table) Column(name string) (*Column, bool) {
	i, found := slices.BinarySearchFunc(t.Columns, name, func(c Column, name string) int { return strings.Compare(c.Name, name) })
	if !found {
		return nil, false
	}
	return &t.Columns[i], true
}

// Needs lists the columns that a new record cannot do without, as far as Dataverse does not fill them itself. Owner, state,
// status and currency always have a default, and so have columns of two values.
func (t *Table) Needs() (columns []string) {
	for _, c := range t.Columns {
		switch {
		case !c.Required, !c.Creatable, c.Name == t.PrimaryID, c.TypeName == "OwnerType", c.Name == "transactioncurrencyid",
			c.Type == State, c.Type == Status, c.Type == Boolean, c.Type == Unsupported:
			continue
		}
		columns = append(columns, c.Name)
	}
	return columns
}

// Key finds the alternate key over exactly these columns, in any order.
func (t *Table) Key(columns ...string) (*Key, bool) { return findKey(t.Keys, columns) }

// A ColumnType decides how a value is written in JSON and in a key.
type ColumnType uint8

// The types of columns. Money, Decimal and Double are numbers in JSON; see [Column.Min] for their bounds.
const (
	Unsupported ColumnType = iota // file, image, party list, virtual and managed columns
	Text                          // single line
	Memo                          // text of several lines
	Integer
	BigInt
	Decimal
	Double
	Money
	Boolean
	DateTime // see Column.Behavior
	Choice
	MultiChoice
	State  // statecode
	Status // statuscode; options name the state they belong to
	Lookup // Lookup, Customer and Owner; see Column.Targets
	GUID   // primary keys and other unique identifiers
)

// String is the type's name in messages.
func (t ColumnType) String() string {
	names := [...]string{
		"unsupported", "text", "memo", "integer", "big integer", "decimal", "double", "money", "boolean", "date-time",
		"choice", "multi-select choice", "state", "status", "lookup", "unique identifier",
	}
	if int(t) < len(names) {
		return names[t]
	}
	return "invalid"
}

// A Behavior of a date-time column decides its form on the wire, whatever its display format.
type Behavior uint8

// The behaviours: DateOnly is written as 2026-01-31, the others as 2026-01-31T12:00:00Z.
const (
	UserLocal Behavior = iota
	DateOnly
	TimeZoneIndependent
)

// A Column of a table.
type Column struct {
	Name      string // logical name
	Schema    string // schema name: privileges and navigation names of custom tables are spelled after it
	Label     string // display name, in the language of the application user; may be empty
	Type      ColumnType
	TypeName  string // as Dataverse spells it: StringType, FileType
	Creatable bool
	Updatable bool
	Secured   bool     // column security: a profile decides who reads and writes it, whatever the roles say
	Required  bool     // SystemRequired: cannot be null. The API does not enforce other levels
	MaxLength int      // of Text and Memo, in UTF-16 units; 0 when unknown
	Min, Max  string   // of numbers, as decimal numerals, inclusive; "" when unknown
	Precision int      // digits after the point, of Decimal, Double and Money
	Behavior  Behavior // of DateTime
	Options   []Option // of Boolean, Choice, MultiChoice, State and Status, by value
	Targets   []Target // of Lookup, by table
}

// Target finds the target of a lookup by the logical name of its table.
func (c *Column) Target(table string) (*Target, bool) {
	for i := range c.Targets {
		if c.Targets[i].Table == table {
			return &c.Targets[i], true
		}
	}
	return nil, false
}

// An Option is one value of a choice. A Boolean has the options 0 and 1.
type Option struct {
	Value  int32
	Label  string         // in the language of the application user; may be empty
	Labels map[int]string `json:",omitempty"` // in each language that it has a label in, by LCID: {1031: "Kunde"}
	State  int32          // of Status: the state that it belongs to
}

// A Currency is one that the environment knows. There are few, and those of money columns are named by them.
type Currency struct {
	ID   string // transactioncurrencyid
	Code string // isocurrencycode: EUR
}

// A Target is a table whose records a lookup may name.
type Target struct {
	Table      string // logical name
	SetName    string // in addresses: accounts
	PrimaryID  string
	Navigation string // the property to bind, in its own case: parentcustomerid_account
	Keys       []Key
}

// Key finds the alternate key of the target over exactly these columns, in any order.
func (t *Target) Key(columns ...string) (*Key, bool) { return findKey(t.Keys, columns) }

// A Key is an alternate key. One whose index is not active cannot be used in an address.
type Key struct {
	Name    string   // logical name
	Columns []string // logical names; a lookup x is spelled _x_value in an address
	Active  bool
	Status  string // Pending, InProgress, Active, Failed
}

func findKey(keys []Key, columns []string) (*Key, bool) {
	for i := range keys {
		if len(keys[i].Columns) == len(columns) && !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(keys[i].Columns, c) }) {
			return &keys[i], true
		}
	}
	return nil, false
}
