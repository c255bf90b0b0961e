package emulator

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A table is a schema.Table compiled for the hot path, with its rows. All but the fields after mu is fixed once made.
type table struct {
	schema.Table
	columns    []schema.Column
	byName     map[string]int      // logical name to column
	readable   map[string]int      // name in answers, $select and $filter to column: lookups as _x_value
	properties map[string]property // names that a body may use
	incoming   map[string]incoming // collection-valued navigation properties: the lookups that point here
	keys       []*key
	keyed      []bool     // by column: some key has it
	secured    []int      // columns under column security
	readOnly   bool       // takes no message that writes
	links      []incoming // those of them that a delete has to look at
	parental   []incoming // those by which rows of the table hang on others of it, without a loop
	state      int        // these are columns, -1 where the table has none
	status     int
	owner      int
	currency   int
	overridden int // overriddencreatedon
	primary    int
	privilege  privileges

	mu     sync.RWMutex
	rows   map[uuid.UUID]*row
	order  []*row // by serial; dead rows are swept now and then
	dead   int
	graves graves

	indexed   []bool // by column: a key or a duplicate detection rule has it, or its referrers are tracked
	tracked   []int
	referrers []referrers // by column; nil where not tracked
	rules     []*duplicateRule
}

// privileges are the names of a table's privileges, made once.
type privileges struct{ create, read, write, delete, assign, share, append, appendTo string }

// A property is what a name in a body means.
type property struct {
	column  int
	kind    propertyKind
	targets []target // navigation and bind: the tables that may be bound by this name
}

// propertyKind is what a body gives under a name.
type propertyKind int

const (
	plain      propertyKind = iota // a column's value
	navigation                     // nav: null clears
	bind                           // nav@odata.bind
	logical                        // a lookup's logical name that is no navigation name: always refused
)

// A target is one table that a lookup column can point at.
type target struct {
	table *table
	index byte // in schema.Column.Targets: how cells remember it
}

// An incoming is a lookup of another table that points at this one.
type incoming struct {
	table  *table // the one that has the lookup
	column int
	index  byte // of this table among the column's targets
}

// A key is an alternate key with its index.
type key struct {
	name, label string
	columns     []int           // in the key's order
	names       []string        // as URLs spell them: lookups as _x_value
	lookups     bool            // some column is one
	usable      atomic.Bool     // the status is Active
	status      string          // guarded by table.mu, as is index
	index       map[string]*row // by the values' normal form
}

// compile makes the tables of the schemas, with their lookups resolved.
func compile(schemas []schema.Table) (byName, bySet map[string]*table) {
	byName, bySet = make(map[string]*table, len(schemas)), make(map[string]*table, len(schemas))
	for _, s := range schemas {
		t := &table{Table: s, columns: s.Columns, rows: make(map[uuid.UUID]*row), incoming: map[string]incoming{}}
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

func (t *table) compile(tables map[string]*table) {
	t.byName, t.readable, t.properties = map[string]int{}, map[string]int{}, map[string]property{}
	t.keyed, t.indexed = make([]bool, len(t.columns)), make([]bool, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		t.byName[c.Name] = i
		t.readable[readName(c)] = i
		if c.Secured {
			t.secured = append(t.secured, i)
		}
		if !c.IsLookup() {
			t.properties[c.Name] = property{column: i}
			continue
		}
		t.properties[c.Name] = property{column: i, kind: logical}
	}
	for i := range t.columns {
		t.compileTargets(i, tables)
	}
	for _, k := range t.Keys {
		compiled := &key{name: k.Name, label: k.Label, status: cmp.Or(k.Status, schema.Active), index: map[string]*row{}}
		compiled.usable.Store(k.Usable())
		for _, name := range k.Columns {
			i := t.byName[name]
			compiled.columns = append(compiled.columns, i)
			compiled.names = append(compiled.names, readName(&t.columns[i]))
			compiled.lookups = compiled.lookups || t.columns[i].IsLookup()
			t.keyed[i], t.indexed[i] = true, true
		}
		t.keys = append(t.keys, compiled)
	}
	column := func(typ schema.Type, name string) int {
		return slices.IndexFunc(t.columns, func(c schema.Column) bool { return c.Type == typ && (name == "" || c.Name == name) })
	}
	t.readOnly = !t.Supports("Create") && !t.Supports("Update") && !t.Supports("Delete")
	t.state, t.status, t.owner = column(schema.State, ""), column(schema.Status, ""), column(schema.Owner, "")
	t.currency, t.primary = column(schema.Lookup, "transactioncurrencyid"), column(schema.ID, t.PrimaryID)
	t.overridden = column(schema.DateTime, "overriddencreatedon")
	t.privilege = privileges{
		create: t.PrivilegeName("Create"), read: t.PrivilegeName("Read"), write: t.PrivilegeName("Write"), delete: t.PrivilegeName("Delete"),
		assign: t.PrivilegeName("Assign"), share: t.PrivilegeName("Share"), append: t.PrivilegeName("Append"), appendTo: t.PrivilegeName("AppendTo"),
	}
}

// compileTargets enters the navigation names of lookup column i. Several targets may share one name: ownerid.
func (t *table) compileTargets(i int, tables map[string]*table) {
	for n, to := range t.columns[i].Targets {
		nav := t.properties[to.Navigation]
		if nav.kind != navigation || nav.column != i {
			nav = property{column: i, kind: navigation}
		}
		nav.targets = append(nav.targets, target{tables[to.Table], byte(n)})
		tables[to.Table].incoming[t.Collection(&t.columns[i], to)] = incoming{t, i, byte(n)}
		t.properties[to.Navigation] = nav
		nav.kind = bind
		t.properties[to.Navigation+"@odata.bind"] = nav
	}
}

// readName returns the column's name in answers, queries and key URLs.
func readName(c *schema.Column) string {
	if c.IsLookup() {
		return "_" + c.Name + "_value"
	}
	return c.Name
}

// row returns the row that has the values, nil when there is none; they are in the form that appendNormal gives, with zeros between them.
func (k *key) row(values []byte) *row { return k.index[string(values)] }

// active reports whether the key addresses rows and is enforced.
func (k *key) active() bool { return k.usable.Load() }
