package penstock

import (
	"slices"
	"time"
)

// A Phase is where a run stands. Those from Closed on are final.
type Phase string

// The phases of a run (design: "The run").
const (
	Diffing    Phase = "diffing"
	Publishing Phase = "publishing"
	Draining   Phase = "draining"
	Leaving    Phase = "leaving"
	Recording  Phase = "recording"

	Closed     Phase = "closed"     // every row is accounted for
	Incomplete Phase = "incomplete" // chunks or results were lost on the way; the next run sends them again
	Aborted    Phase = "aborted"    // its leader is gone
	Suspended  Phase = "suspended"  // the fault is not in the rows
	Cancelled  Phase = "cancelled"  // by a person
	Failed     Phase = "failed"     // nothing was sent: the model, the mapping or the warehouse failed
)

// Final reports whether a run in this phase is over.
func (p Phase) Final() bool {
	switch p {
	case Closed, Incomplete, Aborted, Suspended, Cancelled, Failed:
		return true
	case Diffing, Publishing, Draining, Leaving, Recording:
	}
	return false
}

// Open reports whether changes of a run in this phase may still be sent. A run is sealed when it leaves these phases:
// what is taken from the queue afterwards is dropped.
func (p Phase) Open() bool {
	return p == Diffing || p == Publishing || p == Draining || p == Leaving
}

// Counts account for the rows of one run. When a run is over,
//
//	Read = Unchanged + Accepted + Refused + Waiting + NotSent
//	Left = Deleted + LeftRefused + LeftWaiting + Parked + Kept + LeftNotSent
type Counts struct {
	Read      uint64 `json:"read"`      // rows of the model
	Unchanged uint64 `json:"unchanged"` // Dataverse has them already
	Accepted  uint64 `json:"accepted"`
	Refused   uint64 `json:"refused"`  // dead-lettered by this run
	Waiting   uint64 `json:"waiting"`  // left out: an earlier letter still says why
	NotSent   uint64 `json:"not_sent"` // left for the next run

	Left        uint64 `json:"left"`    // keys that are no longer in the model
	Deleted     uint64 `json:"deleted"` // leaves that were dealt with: deleted, deactivated or cleared
	LeftRefused uint64 `json:"left_refused"`
	LeftWaiting uint64 `json:"left_waiting"`
	Parked      uint64 `json:"parked"` // held back by a guard until a person decides
	Kept        uint64 `json:"kept"`   // the sync does not act on leaving rows
	LeftNotSent uint64 `json:"left_not_sent"`

	Truncated uint64 `json:"truncated"` // values that were cut because the sync says truncate; no part of the sums
}

// Balanced reports whether both sums of [Counts] hold.
func (c Counts) Balanced() bool {
	return c.Read == c.Unchanged+c.Accepted+c.Refused+c.Waiting+c.NotSent &&
		c.Left == c.Deleted+c.LeftRefused+c.LeftWaiting+c.Parked+c.Kept+c.LeftNotSent
}

// A Wish is what requests have folded into while a sync waits for its next run.
type Wish struct {
	Wanted bool     `json:"wanted"`
	Full   bool     `json:"full,omitempty"`   // re-send every row, changed or not
	Since  uint64   `json:"since,omitempty"`  // of a full one: the run that began it; what was accepted since is not sent again
	By     []string `json:"by,omitempty"`     // who asked, each once
	Reason string   `json:"reason,omitempty"` // of the latest who gave one
}

// Fold adds another wish to w: full beats incremental, a full one that has not begun beats one that has, askers
// accumulate.
func (w Wish) Fold(o Wish) Wish {
	w.Wanted = w.Wanted || o.Wanted
	switch {
	case w.Full && o.Full:
		w.Since = min(w.Since, o.Since)
	case o.Full:
		w.Full, w.Since = true, o.Since
	}
	for _, by := range o.By {
		if by != "" && !slices.Contains(w.By, by) {
			w.By = append(w.By, by)
		}
	}
	if o.Reason != "" {
		w.Reason = o.Reason
	}
	return w
}

// A Run is the record of a sync's newest run, and of the wish for the next. It is stored in one place per sync and
// changed by compare-and-set alone.
type Run struct {
	ID          RunID     `json:"id"`
	Phase       Phase     `json:"phase"`
	Started     time.Time `json:"started"`
	Ended       time.Time `json:"ended"` // when the phase became final
	Chunks      uint32    `json:"chunks"`
	Rows        uint64    `json:"rows"` // published so far
	Counts      Counts    `json:"counts"`
	Version     uint64    `json:"version,omitempty"` // of the sync that it carries out; 0: it did not come so far
	Fingerprint uint64    `json:"fingerprint"`
	Reason      string    `json:"reason,omitempty"` // why it ended as it did

	// Unsettled says that something of this run may still reach Dataverse: it was purged, a chunk was delivered
	// twice, or a request got no answer. The next run then waits out the longest hold ([Timing.Quiet]).
	Unsettled bool `json:"unsettled"`

	// Failures counts the runs in a row, this one included, that came to nothing by a fault of their own.
	Failures uint32 `json:"failures,omitempty"`

	// Stored says that the ledger has the run as it ended. Whoever leads next sees to it where its leader could not.
	Stored bool `json:"stored"`

	Wish Wish `json:"wish"` // that this run takes up
	Next Wish `json:"next"` // for the next one
}

// A Request is the wish for a run, as users publish it.
type Request struct {
	Sync   SyncID
	Full   bool
	By     string
	Reason string
}

// An Event tells who watches how a run goes on. It is sent and forgotten; the truth is the run record.
type Event struct {
	Run       RunID
	Phase     Phase
	Counts    Counts
	Published uint64 // rows put into the queue
	Settled   uint64 // rows whose result is recorded
	Reason    string
	At        time.Time
}
