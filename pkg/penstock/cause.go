package penstock

import (
	"fmt"
	"time"
)

// A Class groups causes by who can mend them.
type Class string

// The classes of letters.
const (
	Mapping    Class = "mapping"    // the row cannot be rendered: no key, a value the column cannot take
	Validation Class = "validation" // Dataverse does not accept a value
	Permission Class = "permission" // the application user may not
	Reference  Class = "reference"  // a lookup names a record that does not exist
	Conflict   Class = "conflict"   // another record, or another row of the model, holds the key
	Oversize   Class = "oversize"   // too large for a message or a request
	Poison     Class = "poison"     // the chunk could not be decoded
	Exhausted  Class = "exhausted"  // a passing fault that did not pass
)

// Waits reports whether a refused row is left out of later runs until the row, its mapping or the metadata changes.
// Rows of other classes are sent again by the next run.
func (c Class) Waits() bool { return c != Exhausted && c != Poison }

// A Cause says why a change was refused. Which fields are set depends on what Dataverse named.
type Cause struct {
	Class     Class  `json:"class"`
	Code      string `json:"code"`                // Dataverse's, as 0x80044331, or ours, as duplicate_key
	Column    string `json:"column,omitempty"`    // logical name
	Target    string `json:"target,omitempty"`    // table of a lookup whose record is missing
	Privilege string `json:"privilege,omitempty"` // as prvWriteContact
	Key       string `json:"key,omitempty"`       // alternate key that another record holds, by its display name
	Message   string `json:"message,omitempty"`   // one line, without stack trace
	Status    int    `json:"status,omitempty"`    // HTTP
	RequestID string `json:"request_id,omitempty"`
}

// Error reads as one line: "permission 0x80040220 (prvWriteContact): Principal user …".
func (c *Cause) Error() string {
	about := c.Column
	for _, s := range []string{c.Privilege, c.Target, c.Key} {
		if about == "" {
			about = s
		}
	}
	if about != "" {
		about = " (" + about + ")"
	}
	short := fmt.Sprintf("%s %s%s", c.Class, c.Code, about)
	if c.Message == "" {
		return short
	}
	return short + ": " + c.Message
}

// A Letter is a change that was refused. Run, Chunk and Ordinal are its identity, so storing one twice changes nothing.
type Letter struct {
	Run         RunID
	Chunk       uint32 // 0 for a row that the extractor could not render
	Ordinal     uint32
	Table       string
	Operation   Operation
	Key         string // empty for the rows without a key, which share one letter
	Hash        Hash
	Fingerprint uint64
	Rows        uint64 // how many rows of the model it stands for: more than 1 for duplicate and missing keys
	Cause       Cause
	At          time.Time
}

// A Kind says what can be done about an answer, or about the want of one. An adapter decides it once, at its edge.
type Kind uint8

// The kinds.
const (
	Faulty      Kind = iota // nothing is known of it: treated as Transient
	Fine                    // done
	Transient               // the same again may work
	TooMuch                 // the same in smaller pieces may work
	Race                    // once more at once; a second time it is the row's fault
	Throttled               // not executed; wait as long as asked
	RowFault                // this row, as it is, will never be accepted
	SystemFault             // no row is at fault: configuration, permission for a whole table, an absent column
	Unanswered              // sent, and no answer: it may have been executed, or be executing still
	NotExecuted             // Dataverse says that it did not get to it
)

// String is the kind's name in logs and metrics.
func (k Kind) String() string {
	names := [...]string{
		"faulty", "fine", "transient", "too_much", "race", "throttled", "row_fault", "system_fault", "unanswered", "not_executed",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "invalid"
}

// An Error is a fault with what can be done about it. Op names what was attempted ("dataverse: token"), Hint the next
// step for a person, where there is one.
type Error struct {
	Op   string
	Kind Kind
	Wait time.Duration // how long the other side asked to be left alone
	Code string        // as 0x80072321 or AADSTS7000215
	Hint string
	Err  error
}

// Error is the sentence that a person reads: attempt, cause, next step.
func (e *Error) Error() string {
	s := e.Op
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap gives the fault beneath.
func (e *Error) Unwrap() error { return e.Err }
