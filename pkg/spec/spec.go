// Package spec holds environments and syncs as people write them: YAML files with SQL beside them.
//
// Reading is strict. An unknown key, a missing one, a value of the wrong kind: each is a [document.Problem] with file,
// line and column, and all of them are reported at once. What comes out is complete (defaults filled in) and marshals to JSON for
// storage; secrets are sealed, or references to files and variables, never
// values. Positions are not stored: a file that merely moved
// is no change of a sync.
//
// Whether a table, a column or a key exists is not known here: pkg/mapping checks that against metadata.
package spec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// An Environment is one Dataverse environment, and the application users that may write to it.
type Environment struct {
	Name      string            `json:"environment"`         // [a-z0-9_-]
	URL       string            `json:"url"`                 // root of the Web API, ending in a slash: https://org.crm4.dynamics.com/api/data/v9.2/
	Tenant    string            `json:"tenant"`              // directory: a GUID, or a domain
	Authority string            `json:"authority,omitempty"` // trusted beside Microsoft's: scheme://host of an emulator elsewhere, which may be without TLS
	Users     []User            `json:"users"`               // at least one; each adds its own budget
	At        document.Position `json:"-"`
}

// Authorities are those that are trusted beside Microsoft's.
func (e Environment) Authorities() []string {
	if e.Authority == "" {
		return nil
	}
	return []string{e.Authority}
}

// A User is an application user: one app registration, with one credential.
type User struct {
	ClientID     string            `json:"client_id"` // GUID in lower case
	ClientSecret Secret            `json:"client_secret,omitzero"`
	Certificate  Certificate       `json:"certificate,omitzero"`
	At           document.Position `json:"-"`
}

// A Sync is one model and how its columns fill one table of one environment.
type Sync struct {
	Name     string            `json:"sync"` // [a-z0-9_-], unique within its environment
	From     From              `json:"from"`
	To       To                `json:"to"`
	After    []string          `json:"after,omitempty"` // syncs of the same environment that this one's lookups need
	Map      []Field           `json:"map"`             // in the order of the file, at least one; no column twice
	Schedule Schedule          `json:"schedule,omitzero"`
	Guards   Guards            `json:"guards"`
	Tests    []Test            `json:"-"` // of the mapping
	At       document.Position `json:"-"`

	AfterAt document.Position `json:"-"`
}

// ID names the sync in subjects, buckets and tables.
func (s Sync) ID() penstock.SyncID {
	return penstock.SyncID{Environment: s.To.Environment, Name: s.Name}
}

// String names the sync in messages: production/contacts.
func (s Sync) String() string { return s.ID().String() }

// From is the model: what is read from the warehouse.
type From struct {
	File  string   `json:"file"`  // the query's file, as the sync names it
	Query string   `json:"query"` // one SELECT, without semicolon
	Key   []string `json:"key"`   // warehouse columns that hold the match key, in the order of [To.Match]
}

// To is where the rows go.
type To struct {
	Environment string            `json:"environment"`
	At          document.Position `json:"-"`     // of the environment
	Table       string            `json:"table"` // logical name
	Match       []string          `json:"match"` // the name of an alternate key, or its columns, or the primary key's column
	Mode        Mode              `json:"mode"`
	OnLeave     OnLeave           `json:"on_leave"`

	// What of Dynamics' own logic the changes bypass: sync and async (custom plug-ins and workflows), flows (Power Automate),
	// or plug-in steps by GUID.
	Bypass           []string `json:"bypass,omitempty"`
	DetectDuplicates bool     `json:"detect_duplicates,omitempty"` // apply the table's duplicate detection rules
}

// Execution is what [To.Bypass] and [To.DetectDuplicates] ask of Dataverse.
func (t To) Execution() penstock.Execution {
	e := penstock.Execution{DetectDuplicates: t.DetectDuplicates}
	for _, b := range t.Bypass {
		switch b {
		case bypassSync:
			e.BypassSync = true
		case bypassAsync:
			e.BypassAsync = true
		case bypassFlows:
			e.BypassFlows = true
		default:
			e.BypassSteps = append(e.BypassSteps, b)
		}
	}
	return e
}

// The words of [To.Bypass].
const (
	bypassSync  = "sync"
	bypassAsync = "async"
	bypassFlows = "flows"
)

// A Mode says which records a sync may make and change.
type Mode string

// The modes.
const (
	Upsert Mode = "upsert" // the default
	Update Mode = "update" // never makes a record
	Create Mode = "create" // never changes a record
	Mirror Mode = "mirror" // as upsert, and what leaves the model is dealt with: deleted, unless on_leave says otherwise
)

// Operation is what the mode asks of Dataverse for a row that changed.
func (m Mode) Operation() penstock.Operation {
	switch m {
	case Update:
		return penstock.Update
	case Create:
		return penstock.Create
	case Upsert, Mirror:
	}
	return penstock.Upsert
}

// An OnLeave says what becomes of the record whose row left the model.
type OnLeave struct {
	Action Action   `json:"action"`
	State  *int32   `json:"state,omitempty"`  // of deactivate: statecode; nil: 1, which is Inactive in most tables
	Status *int32   `json:"status,omitempty"` // of deactivate: statuscode; nil: the lowest of the state's
	Clear  []string `json:"clear,omitempty"`  // of clear: columns of the sync's map
}

// An Action is what is done about a row that left the model.
type Action string

// The actions.
const (
	Nothing    Action = "nothing"    // the default, but for mode mirror
	Delete     Action = "delete"     // deletes the record
	Deactivate Action = "deactivate" // sets its state and status
	Clear      Action = "clear"      // sets some columns to null
)

// Guards hold back what looks like an accident rather than a change. Those of deletes hold for whatever on_leave does.
type Guards struct {
	MaxDeletes      int   `json:"max_deletes"`       // most records that leaving rows may delete, deactivate or clear in a run and in 24 h
	MaxDeletesShare Share `json:"max_deletes_share"` // the same as a share of the ledger; the smaller holds
	Shrink          Share `json:"shrink"`            // a model that lost more of its rows than this deletes nothing

	// A run of which more than this share is refused is stopped, and the sync suspended: the fault is hardly in so many
	// rows. Fewer than 200 refused rows never do that. 0 and 1 (100%) stop nothing.
	StopRefused Share `json:"stop_refused"`
}

// DefaultGuards are the guards of a sync that names none.
func DefaultGuards() Guards {
	return Guards{MaxDeletes: 1000, MaxDeletesShare: 0.05, Shrink: 0.20, StopRefused: 0.50}
}

// A Share is a part of the whole: 0.05 is written 5%.
type Share float64

// String is the share as people write it.
func (s Share) String() string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(float64(s)*100, 'f', 4, 64), "0"), ".") + "%"
}

func parseShare(s string) (Share, error) {
	number, found := strings.CutSuffix(strings.TrimSpace(s), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !found || err != nil || !(f >= 0 && f <= 100) {
		return 0, fmt.Errorf("%q is not a share between 0%% and 100%%", s)
	}
	return Share(f / 100), nil
}
