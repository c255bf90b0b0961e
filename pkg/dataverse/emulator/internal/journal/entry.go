package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
)

// Hash is the SHA-256 of a request body's bytes as they were sent; for operations in a batch, of the part's body.
type Hash [sha256.Size]byte

// Sum returns the Hash of a body.
func Sum(body []byte) Hash { return sha256.Sum256(body) }

// MarshalText returns the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// The values of Entry.Op.
const (
	OpCreate = "create"
	OpUpdate = "update"
	OpDelete = "delete"
)

// An Entry is one committed write. Entries of one row are in the order of their commits.
type Entry struct {
	Seq       uint64    `json:"seq"` // from 1, without gaps
	Time      time.Time `json:"time"`
	Table     string    `json:"table"` // logical name
	Key       string    `json:"key"`   // between the parentheses, as sent: accountnumber='A-1' or a GUID; empty for a POST
	ID        uuid.UUID `json:"id"`    // of the row
	Op        string    `json:"op"`
	Hash      Hash      `json:"hash"`
	Body      string    `json:"body,omitempty"` // with Config.KeepBodies
	User      string    `json:"user"`           // client id of the app
	RequestID uuid.UUID `json:"request_id"`     // REQ_ID of the HTTP request
	Batch     uint64    `json:"batch"`          // number of the batch, from 1; 0 for a request by itself
	Index     int       `json:"index"`          // of the operation in its batch, from 0
}
