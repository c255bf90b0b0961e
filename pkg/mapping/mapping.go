// Package mapping turns rows of the warehouse into requests for Dataverse.
//
// [Compile] checks a sync against the model's columns and the table's metadata, and reports everything that does not fit
// at once. The [Plan] that it makes says what to select, and appends JSON body and address of one row after another to
// the caller's buffers: nothing is looked up, converted to any or allocated for a row.
//
// A value that Dataverse is certain to refuse is refused here, as a cause of class mapping. Everything that is uncertain
// is left to Dataverse. No message repeats a value.
package mapping

import (
	"fmt"
	"slices"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Input is what a plan is made of.
type Input struct {
	Sync         spec.Sync
	Organization string                      // OrganizationId: the GUIDs of created records derive from it
	Table        *dataverse.Table            // of Sync.To.Table
	Targets      map[string]*dataverse.Table // tables that lookups name, by logical name; see [Targets]
	Model        []SourceColumn              // what the sync's query gives
}

// A Plan renders the rows of one sync. It is read-only and safe for concurrent use; each reader has a [Row] of its own.
type Plan struct {
	table     string // logical name
	set       string
	operation penstock.Operation
	seed      string   // of GUIDs for created records; empty where none is derived
	cuts      []string // columns whose text is cut where it is too long
	idColumn  string   // primary key's column

	address    []part // of the record; empty for create
	fields     []field
	used       []source // whose values the hash covers, by name
	keySources []source // what fills the match key, by its parts
	masks      []source // nullable columns, a bit of the masks each
	key        string   // SQL
	reads      []ReadColumn
	slots      [kinds]int // how many columns of each kind are read, or computed
	computed   []*computed

	leave    penstock.Change // what is asked for a record whose row left; key and address are the record's
	active   string          // members of a body that make a deactivated record active again; may be empty
	restores bool            // whether rows that are back make their records active again

	fingerprint uint64
}

// A field renders one column of the body. What is read for each row stands first.
type field struct {
	name     string // ,"emailaddress1": with comma (once compiled), quotes and colon
	slot     int
	null     bit
	form     form
	kind     Kind
	empty    action // of text without characters
	skipNull bool
	noNull   bool    // NULL refuses the row
	required bool    // a record cannot do without it
	max      int     // length of text, in UTF-16 units; 0: no limit known
	bounds   *bounds // of numbers
	digits   int     // after the point, that the column keeps; -1: it keeps a float

	choices *choices // what names options; of columns that take them, and of truth values given in words
	states  *states  // of formState
	refers  *refers  // of formLookup
	cut     int      // where cuts of too long text are counted; -1: such text refuses the row
	bits    int      // of floats: 32 or 64

	column string // Dataverse
	source string // warehouse, for messages
	zone   string // whose clock a date-time without zone shows; only the fingerprint needs it
}

// A part is one column of a key in an address.
type part struct {
	column  string // Dataverse
	source  string
	prefix  string // accountnumber=' — what stands before the value
	literal literal
	slot    int
	null    bit
	max     int

	constant bool // the same for each row

	codes vocabulary // of currencies; they stand for places in ids
	ids   []string
	known string // the codes, for messages
}

// A bit says where a column's NULL is marked; -1: the column is never NULL.
type bit int

// A form is how a column is written in JSON.
type form uint8

const (
	formText form = iota
	formWhole
	formNumeral // a number that comes as text
	formFloat
	formBoolean
	formChoice
	formDate
	formDateTime
	formGUID
	formConst   // name holds the value too
	formLookup  // from here on, what is NULL is told in ways of their own
	formOptions // of a multi-select column
	formState   // state and status together
)

// A literal is how a part of a key is written in an address.
type literal uint8

const (
	quoted literal = iota
	bare
	bareGUID
	code // of a currency, for which its GUID is written
)

// Compile makes the plan of a sync. The error is [Problems].
func Compile(in Input) (*Plan, error) {
	return (&compiler{Input: in, sources: map[string]source{}}).compile()
}

func (c *compiler) compile() (*Plan, error) {
	in := c.Input
	if in.Table == nil {
		c.report(spec.Field{At: in.Sync.At}, "", "Dataverse has no table "+in.Sync.To.Table, "to.table is a logical name: contact, not Contacts")
		return nil, c.problems
	}
	for _, column := range in.Model {
		c.sources[column.Name] = understand(column)
		c.known = append(c.known, column.Name)
	}
	c.plan = &Plan{
		table: in.Table.LogicalName, set: in.Table.SetName, idColumn: in.Table.PrimaryID,
		operation: in.Sync.To.Mode.Operation(),
	}
	if in.Table.Virtual {
		c.report(spec.Field{At: in.Sync.At}, "", in.Table.LogicalName+" is a virtual table, whose rows are kept outside of Dataverse",
			"write to where its rows are kept; Penstock writes standard and elastic tables")
		return nil, c.problems
	}
	c.match()
	c.leaving()
	for _, f := range in.Sync.Map {
		c.field(f)
	}
	c.pairStates()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	c.used()
	c.plan.fingerprint = c.fingerprint()
	for i := range c.plan.fields {
		c.plan.fields[i].follow()
	}
	return c.plan, nil
}

// follow puts a comma before what the field writes: the first of a body is overwritten.
func (f *field) follow() {
	f.name = "," + f.name
	if f.refers != nil {
		for i := range f.refers.targets {
			f.refers.targets[i].bind = "," + f.refers.targets[i].bind
		}
	}
	if f.states != nil {
		f.states.follow()
	}
}

// Table is the logical name of the table that the plan writes.
func (p *Plan) Table() string { return p.table }

// Operation is what the plan asks of Dataverse for a row that changed.
func (p *Plan) Operation() penstock.Operation { return p.operation }

// Fingerprint identifies what, beside a row's values, decides what is sent for it: mapping, renderer, types, hash functions
// and the metadata that is used. It is the same in every process.
func (p *Plan) Fingerprint() uint64 { return p.fingerprint }

// A compiler gathers a plan and what stands in its way.
type compiler struct {
	Input
	plan      *Plan
	sources   map[string]source
	known     []string // names of the model's columns
	modelless bool     // the model is not known: each column of it is taken to be there, and to fit
	keys      []string // Dataverse columns of the match key
	states    states
	problems  Problems
}

func (c *compiler) report(f spec.Field, from, what, mend string) {
	c.problems = append(c.problems, Problem{
		Sync: c.Sync.ID(), At: f.At, Column: f.Column, Source: from, What: what, Mend: mend,
	})
}

// source finds a column of the model, and reports it when it is not there.
func (c *compiler) source(f spec.Field, name string) (source, bool) {
	s, found := c.sources[name]
	if !found && c.modelless {
		return source{name: name, typ: "what the model gives", unknown: true}, true
	}
	if !found {
		c.report(f, name, "the model has no column "+name, document.DidYouMean(name, c.known))
	}
	return s, found
}

// writable finds a column of the table that the sync's mode can write.
func (c *compiler) writable(f spec.Field, from string) (*dataverse.Column, bool) {
	column, found := c.Table.Column(f.Column)
	if !found {
		var names []string
		for _, column := range c.Table.Columns {
			names = append(names, column.Name)
		}
		c.report(f, from, fmt.Sprintf("table %s has no column %s", c.plan.table, f.Column), document.DidYouMean(f.Column, names))
		return nil, false
	}
	var may bool
	switch c.plan.operation {
	case penstock.Update:
		may = column.Updatable
	case penstock.Create:
		may = column.Creatable
	case penstock.Upsert, penstock.Delete, penstock.Deactivate, penstock.Clear, penstock.Restore:
		may = column.Creatable || column.Updatable
	}
	if !may {
		c.report(f, from, fmt.Sprintf("Dataverse does not let anyone %s %s", c.plan.operation, f.Column), "drop it from map")
	}
	return column, may
}

// field compiles one entry of map.
func (c *compiler) field(f spec.Field) {
	if i := slices.Index(c.keys, f.Column); i >= 0 {
		c.mappedKey(f, i)
		c.unkeyed(f)
		return
	}
	if f.Column == c.plan.idColumn {
		c.report(f, f.From, "the primary key is given once and never changes", "drop it from map, or set to.match.key: "+f.Column)
		return
	}
	column, ok := c.writable(f, f.From)
	if !ok {
		return
	}
	if computes(f) {
		c.compute(f, column)
		return
	}
	if column.Type == dataverse.Lookup || len(f.By) > 0 {
		first, before, constant := len(c.plan.fields), len(c.problems), c.constantParts(&f)
		if len(c.problems) > before {
			return
		}
		c.lookup(f, column)
		if constant {
			c.freeze(f, first)
		}
		return
	}
	if s, found := c.source(f, f.From); found {
		c.value(f, column, s)
	}
}

// value compiles a field that is filled from one column.
func (c *compiler) value(f spec.Field, column *dataverse.Column, s source) {
	s = s.assumed(column)
	if !c.sensible(f, column, s) {
		return
	}
	if optional(column) || column.Type == dataverse.Boolean && (f.Choice == spec.Label || len(f.Values) > 0) {
		c.choice(f, column, s)
		return
	}
	s.mask = f.Mask
	r, ok := pair(column, s)
	if !ok {
		c.report(f, s.name, fmt.Sprintf("%s cannot be written to %s", s.typ, describe(column)), mend(column, s))
		return
	}
	out := field{
		column: f.Column, source: s.name, name: `"` + f.Column + `":`, form: r.form, kind: r.kind, cut: -1,
		slot: c.read(r.kind, r.expr, s.name), null: c.bit(s), skipNull: f.Null == spec.NullSkip, noNull: f.Null == spec.NullError,
		empty: emptyAction(f.Empty),
	}
	switch r.form {
	case formText:
		out.max = column.MaxLength
		if f.Truncate {
			out.cut = len(c.plan.cuts)
			c.plan.cuts = append(c.plan.cuts, f.Column)
		}
	case formWhole, formNumeral, formFloat:
		b := limits(column)
		out.bounds = &b
		out.digits = keeps(column)
		out.bits = 64
		if s.class == float32s {
			out.bits = 32
		}
	case formDateTime:
		if column.Behavior == dataverse.TimeZoneIndependent {
			out.zone = s.zone
		}
	case formBoolean, formChoice, formOptions, formState, formDate, formGUID, formLookup, formConst:
	}
	c.plan.fields = append(c.plan.fields, out)
}
