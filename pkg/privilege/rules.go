package privilege

import (
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A rule says that who does something needs a verb, and why.
type rule struct {
	verb   dataverse.Verb
	lookup bool                       // it is asked for each lookup, and why goes before the column's name
	target bool                       // the need is on the table that the lookup names, not on the sync's own
	when   func(*asker, *lookup) bool // the lookup is nil where none is asked for
	own    func(*asker) bool          // the records are the user's own for certain, so that Basic will do; nil: never
	why    string
	short  string // what happens where it is held for some records only
}

const (
	foreign = "rows whose records belong to others are refused"
	twice   = "records of others are not found, and are made a second time or refused for their key"
	unbound = "lookups to records of others are refused"
)

// rules is the table of reference "What Dataverse answers about identity", at its end. A new need is a line here.
var rules = []rule{ //nolint:gochecknoglobals // constant table
	{dataverse.CreateRecords, false, false, makes, keepsOwners, "makes records", foreign},
	{dataverse.ReadRecords, false, false, finds, nil, "finds records by their key", twice},
	{dataverse.WriteRecords, false, false, changes, nil, "changes records", foreign},
	{dataverse.WriteRecords, false, false, leaving(spec.Deactivate), nil, "deactivates what leaves the model", foreign},
	{dataverse.WriteRecords, false, false, leaving(spec.Clear), nil, "clears columns of what leaves the model", foreign},
	{dataverse.DeleteRecords, false, false, leaving(spec.Delete), nil, "deletes what leaves the model", foreign},
	{Bypass, false, false, bypasses, nil, "bypasses custom logic", ""},
	{dataverse.AppendRecords, true, false, appends, createsItsOwn, "fills the lookup", foreign},
	{dataverse.AppendTo, true, true, appends, nil, "names its records in", unbound},
	{dataverse.ReadRecords, true, true, findsTarget, nil, "finds its records by an alternate key for", unbound},
	{dataverse.AssignRecords, true, false, assigns, nil, "sets the owner in", foreign},
}

func makes(a *asker, _ *lookup) bool { return a.does(penstock.Create, penstock.Upsert) }

// finds: whether a record is there is read first, save where it is made whatever is there.
func finds(a *asker, _ *lookup) bool {
	return a.does(penstock.Update, penstock.Upsert) || a.leaves(spec.Delete, spec.Deactivate, spec.Clear)
}

func changes(a *asker, _ *lookup) bool  { return a.does(penstock.Update, penstock.Upsert) }
func bypasses(a *asker, _ *lookup) bool { return len(a.sync.To.Bypass) > 0 }

func leaving(action spec.Action) func(*asker, *lookup) bool {
	return func(a *asker, _ *lookup) bool { return a.leaves(action) }
}

func appends(_ *asker, l *lookup) bool     { return !l.owner }
func assigns(_ *asker, l *lookup) bool     { return l.owner }
func findsTarget(_ *asker, l *lookup) bool { return l.byKey }

// keepsOwners: a sync that leaves owners alone makes records that are its own.
func keepsOwners(a *asker) bool { return !a.owner }

// createsItsOwn: and one that never changes a record appends to its own alone.
func createsItsOwn(a *asker) bool { return !a.owner && a.does(penstock.Create) }
