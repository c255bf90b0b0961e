// Package penstock holds the words that the whole pipeline speaks.
//
// A row of the warehouse becomes a [Change]; changes travel in a [Chunk]; what became of them comes back as a [Result];
// a change that was refused is kept as a [Letter] with its [Cause]. Whatever carries them (JetStream, ClickHouse, the
// Dataverse Web API) is an adapter in a package of its own, and speaks these types to the rest.
package penstock

import (
	"encoding/hex"
	"slices"
	"time"
)

// A SyncID names one sync in one environment. Both parts consist of lower-case letters, digits, '-' and '_', so that
// they are safe as tokens of a NATS subject and as keys of a bucket.
type SyncID struct {
	Environment string
	Name        string
}

// String is the form in which people and logs name a sync: "production/contacts".
func (s SyncID) String() string { return s.Environment + "/" + s.Name }

// A Lane separates traffic that people wait for from traffic that may wait.
type Lane uint8

// The lanes of an environment. Writers serve live before bulk.
const (
	Live Lane = iota
	Bulk
)

// String is the lane's token in subjects and consumer names.
func (l Lane) String() string {
	if l == Bulk {
		return "bulk"
	}
	return "live"
}

// An Operation is what a change asks of Dataverse.
type Operation uint8

// The operations. Dataverse has one verb, PATCH, for all but create and delete: some add If-Match: *, so that a record
// which somebody deleted is not made anew.
const (
	Upsert     Operation = iota
	Update               // If-Match: *
	Create               // POST
	Delete               // DELETE, of a record whose row left the model
	Deactivate           // If-Match: *, sets state and status of a record whose row left
	Clear                // If-Match: *, sets columns of a record whose row left to null
	Restore              // an upsert of a row that is back, which sets the state active that Deactivate has changed
)

// operationNames are the operations as letters and pages show them.
var operationNames = [...]string{"upsert", "update", "create", "delete", "deactivate", "clear", "restore"} //nolint:gochecknoglobals // constant table

// Known reports whether o is one of the operations.
func (o Operation) Known() bool { return int(o) < len(operationNames) }

// Removal reports whether the operation is about a record whose row left the model. Where there is no such record, there is
// nothing left to do.
func (o Operation) Removal() bool { return o == Delete || o == Deactivate || o == Clear }

// String is the operation's name as letters and pages show it.
func (o Operation) String() string {
	if o.Known() {
		return operationNames[o]
	}
	return "unknown"
}

// ParseOperation is the inverse of String; what it does not know is an Upsert.
func ParseOperation(s string) Operation {
	return Operation(max(0, slices.Index(operationNames[:], s)))
}

// A Hash identifies the mapped values of a row: xxh3 in the first eight bytes and cityHash64 in the others, both
// big-endian, as the diff computes them inside ClickHouse.
type Hash [16]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// A Change is one row rendered for Dataverse.
type Change struct {
	Operation Operation
	Key       string // match key, normalised as Dataverse compares it; the ledger's key
	Address   string // the record below the API root: contacts(externaluseridentifier='C-1'); the set alone for a create
	Body      []byte // JSON object; empty for a delete
	Hash      Hash   // of the mapped values; zero for a delete
}

// An Execution is what Dataverse is to leave out, or to do besides, when it executes the changes of a sync. Its zero value
// is what the Web API does unless told otherwise: all custom logic, no duplicate detection. Leaving something out is a
// right of its own (prvBypassCustomBusinessLogic), without which Dataverse refuses every change.
type Execution struct {
	BypassSync       bool     // no custom synchronous plug-ins and workflows
	BypassAsync      bool     // no custom asynchronous ones
	BypassSteps      []string // these plug-in steps alone are left out, by GUID; at most 3, unless the organisation allows more
	BypassFlows      bool     // no flow of Power Automate is set off
	DetectDuplicates bool     // the table's duplicate detection rules apply
}

// A RunID names one run of a sync, and the leader that carries it out. Chunks and results carry it.
type RunID struct {
	Sync         SyncID
	Organization string // OrganizationId of the environment, a GUID in lower case
	Number       uint64 // 1, 2, 3 …
	Epoch        uint64 // of the leader's lease; a chunk of another epoch than the run record's is dropped
}

// A Chunk is what a writer takes at a time: changes of one run, at most [MaxChanges] and about [ChunkBytes].
// No match key occurs twice in the chunks of one run.
type Chunk struct {
	Run         RunID
	Ordinal     uint32 // 1, 2, 3 … within the run
	Lane        Lane
	Table       string // logical name of the table, as Dataverse's messages spell it
	Fingerprint uint64 // of the mapping, renderer, types and metadata that the changes were made with
	Created     time.Time
	Execution   Execution
	Changes     []Change
}

// Limits of a chunk. Its bytes are counted before compression: so many make about a thousand changes of an ordinary
// table, and half as many messages to be synced to disk as a quarter of a mebibyte would. One change that is larger than
// MaxChangeBytes becomes a letter of class oversize: it could not travel in a NATS message of 1 MiB.
const (
	MaxChanges     = 1000
	ChunkBytes     = 512 << 10
	MaxChangeBytes = 700 << 10
)

// An Outcome says what became of one change. The order is that of certainty: where a chunk was delivered twice, the
// lesser outcome of a change holds.
type Outcome uint8

// The outcomes.
const (
	Accepted Outcome = iota + 1 // Dataverse has it
	Refused                     // Dataverse does not want it: a letter says why
	NotSent                     // it was never executed; the next diff takes it up
	Unknown                     // it was sent, and no answer came
)

// String is the outcome's name in the tables of ClickHouse.
func (o Outcome) String() string {
	switch o {
	case Accepted:
		return "accepted"
	case Refused:
		return "refused"
	case NotSent:
		return "not_sent"
	case Unknown:
		return "unknown"
	}
	return "invalid"
}

// A Result is what became of each change of a chunk. It repeats what the ledger needs of the changes, so that whoever
// records it needs nothing else.
type Result struct {
	Run         RunID
	Chunk       uint32
	Fingerprint uint64
	Deliveries  uint64 // how often JetStream had delivered the chunk, this time included
	Unanswered  bool   // a request about it got no answer and may still be at work in Dataverse
	Finished    time.Time
	Changes     []Settled // by ordinal within the chunk; empty for a chunk that could not be decoded
	Count       uint32    // how many changes the chunk had
	Suspend     *Cause    // set when the fault is not in the rows: the sync is to be suspended with this reason
	Exhausted   uint32    // of the refused changes, those that fell to a fault that may pass: they say nothing of the rows
}

// Settled is one change of a chunk with its outcome.
type Settled struct {
	Operation Operation
	Outcome   Outcome
	Key       string
	Address   string
	Hash      Hash
}
