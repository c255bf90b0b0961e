package store

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A Table is a schema.Table compiled for the hot path, with its rows. All but what its lock guards is fixed once made.
// Who calls a method that works on rows holds the lock, or has all tables to itself, as a transaction does.
type Table struct {
	schema.Table
	ByName           map[string]int      // logical name to column
	Readable         map[string]int      // name in answers, $select and $filter to column: lookups as _x_value
	Properties       map[string]Property // names that a body may use
	Incoming         map[string]Incoming // collection-valued navigation properties: the lookups that point here
	AlternateKeys    []*Key              // with their indexes; the Keys of the schema are what they were made of
	keyed            []bool              // by column: some key has it
	Secured          []int               // columns under column security
	ReadOnly         bool                // takes no message that writes
	Links            []Incoming          // lookups that point here, as far as a delete has to look at them
	parental         []Incoming          // lookups by which rows of the table hang on others of it, without a loop
	StateColumn      int                 // these are columns, -1 where the table has none
	StatusColumn     int
	OwnerColumn      int
	CurrencyColumn   int
	OverriddenColumn int // overriddencreatedon
	PrimaryColumn    int
	Privileges       Privileges

	sync.RWMutex // of the rows, and of all that follows

	rows   map[uuid.UUID]*Row
	order  []*Row // by serial; dead rows are swept now and then
	dead   int
	graves graves

	indexed   []bool // by column: a key or a duplicate detection rule has it, or its referrers are tracked
	tracked   []int
	referrers []referrers // by column; nil where not tracked
	rules     []*duplicateRule
}

// Privileges are the names of a table's privileges, made once.
type Privileges struct{ Create, Read, Write, Delete, Assign, Share, Append, AppendTo string }

// A Property is what a name in a body means.
type Property struct {
	Column  int
	Kind    PropertyKind
	Targets []Target // navigation and bind: the tables that may be bound by this name
}

// PropertyKind is what a body gives under a name.
type PropertyKind int

const (
	Plain      PropertyKind = iota // a column's value
	Navigation                     // nav: null clears
	Bind                           // nav@odata.bind
	Logical                        // a lookup's logical name that is no navigation name: always refused
)

// A Target is one table that a lookup column can point at.
type Target struct {
	Table *Table
	Index byte // in schema.Column.Targets: how cells remember it
}

// An Incoming is a lookup of another table that points at this one.
type Incoming struct {
	Table  *Table // the one that has the lookup
	Column int
	Index  byte // of this table among the column's targets
}

// A Key is an alternate key with its index.
type Key struct {
	name, Label string
	Columns     []int           // in the key's order
	Names       []string        // as URLs spell them: lookups as _x_value
	Lookups     bool            // some column is one
	usable      atomic.Bool     // the status is Active
	status      string          // guarded by the table's lock, as is index
	index       map[string]*Row // by the values' normal form
}

// Compile makes the tables of the schemas, with their lookups resolved.
func Compile(schemas []schema.Table) (byName, bySet map[string]*Table) {
	byName, bySet = make(map[string]*Table, len(schemas)), make(map[string]*Table, len(schemas))
	for _, s := range schemas {
		t := &Table{Table: s, rows: make(map[uuid.UUID]*Row), Incoming: map[string]Incoming{}}
		byName[s.Name], bySet[s.Set] = t, t
	}
	for _, t := range byName {
		t.compile(byName)
	}
	for _, s := range schemas { // in an order that is always the same
		byName[s.Name].compileLinks(byName)
		byName[s.Name].compileParental()
	}
	return byName, bySet
}

func (t *Table) compile(tables map[string]*Table) {
	t.ByName, t.Readable, t.Properties = map[string]int{}, map[string]int{}, map[string]Property{}
	t.keyed, t.indexed = make([]bool, len(t.Columns)), make([]bool, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		t.ByName[c.Name] = i
		t.Readable[ReadName(c)] = i
		if c.Secured {
			t.Secured = append(t.Secured, i)
		}
		if !c.IsLookup() {
			t.Properties[c.Name] = Property{Column: i}
			continue
		}
		t.Properties[c.Name] = Property{Column: i, Kind: Logical}
	}
	for i := range t.Columns {
		t.compileTargets(i, tables)
	}
	for _, k := range t.Keys {
		compiled := &Key{name: k.Name, Label: k.Label, status: cmp.Or(k.Status, schema.Active), index: map[string]*Row{}}
		compiled.usable.Store(k.Usable())
		for _, name := range k.Columns {
			i := t.ByName[name]
			compiled.Columns = append(compiled.Columns, i)
			compiled.Names = append(compiled.Names, ReadName(&t.Columns[i]))
			compiled.Lookups = compiled.Lookups || t.Columns[i].IsLookup()
			t.keyed[i], t.indexed[i] = true, true
		}
		t.AlternateKeys = append(t.AlternateKeys, compiled)
	}
	column := func(typ schema.Type, name string) int {
		return slices.IndexFunc(t.Columns, func(c schema.Column) bool { return c.Type == typ && (name == "" || c.Name == name) })
	}
	t.ReadOnly = !t.Supports("Create") && !t.Supports("Update") && !t.Supports("Delete")
	t.StateColumn, t.StatusColumn, t.OwnerColumn = column(schema.State, ""), column(schema.Status, ""), column(schema.Owner, "")
	t.CurrencyColumn, t.PrimaryColumn = column(schema.Lookup, "transactioncurrencyid"), column(schema.ID, t.PrimaryID)
	t.OverriddenColumn = column(schema.DateTime, "overriddencreatedon")
	t.Privileges = Privileges{
		Create: t.PrivilegeName("Create"), Read: t.PrivilegeName("Read"), Write: t.PrivilegeName("Write"), Delete: t.PrivilegeName("Delete"),
		Assign: t.PrivilegeName("Assign"), Share: t.PrivilegeName("Share"), Append: t.PrivilegeName("Append"), AppendTo: t.PrivilegeName("AppendTo"),
	}
}

// compileTargets enters the navigation names of lookup column i. Several targets may share one name: ownerid.
func (t *Table) compileTargets(i int, tables map[string]*Table) {
	for n, to := range t.Columns[i].Targets {
		nav := t.Properties[to.Navigation]
		if nav.Kind != Navigation || nav.Column != i {
			nav = Property{Column: i, Kind: Navigation}
		}
		nav.Targets = append(nav.Targets, Target{tables[to.Table], byte(n)})
		tables[to.Table].Incoming[t.Collection(&t.Columns[i], to)] = Incoming{t, i, byte(n)}
		t.Properties[to.Navigation] = nav
		nav.Kind = Bind
		t.Properties[to.Navigation+"@odata.bind"] = nav
	}
}

// ReadName returns the column's name in answers, queries and key URLs.
func ReadName(c *schema.Column) string {
	if c.IsLookup() {
		return "_" + c.Name + "_value"
	}
	return c.Name
}

// Row returns the row that has the values, nil when there is none; they are in the form that AppendNormal gives, with zeros between them.
func (k *Key) Row(values []byte) *Row { return k.index[string(values)] }

// Active reports whether the key addresses rows and is enforced.
func (k *Key) Active() bool { return k.usable.Load() }

// Names lists the privileges of a table.
func (p *Privileges) Names(organization bool) []string {
	all := []string{p.Create, p.Read, p.Write, p.Delete, p.Append, p.AppendTo}
	if organization {
		return all
	}
	return append(all, p.Assign, p.Share)
}
