package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"sync"
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

// journalBlock is how many entries are allocated at a time, so that growing copies nothing.
const journalBlock = 4096

// A journal is append-only. Its zero value is empty.
type journal struct {
	mu     sync.Mutex
	blocks []*[journalBlock]Entry
	count  uint64
}

// add gives the entries their numbers. All of a change set go in together.
func (j *journal) add(entries ...Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range entries {
		at := j.count % journalBlock
		if at == 0 {
			j.blocks = append(j.blocks, new([journalBlock]Entry))
		}
		j.count++
		e.Seq = j.count
		j.blocks[len(j.blocks)-1][at] = e
	}
}

// after yields the entries with a greater Seq than seq, as of the moment of the call.
func (j *journal) after(seq uint64) iter.Seq[Entry] {
	j.mu.Lock()
	blocks, count := j.blocks[:len(j.blocks):len(j.blocks)], j.count
	j.mu.Unlock()
	return func(yield func(Entry) bool) {
		for ; seq < count; seq++ {
			if !yield(blocks[seq/journalBlock][seq%journalBlock]) {
				return
			}
		}
	}
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.blocks, j.count = nil, 0
}

// Journal returns every committed write since the start or the last Reset, oldest first.
func (s *Server) Journal() []Entry {
	var all []Entry
	for e := range s.journal.after(0) {
		all = append(all, e)
	}
	return all
}

// Entries yields the committed writes whose Seq is greater than seq, oldest first. Writes that happen meanwhile are not among them.
func (s *Server) Entries(seq uint64) iter.Seq[Entry] { return s.journal.after(seq) }

// serveJournal answers GET /emulator/journal?after=n: one JSON object per line.
func (s *Server) serveJournal(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.ParseUint("0"+r.URL.Query().Get("after"), 10, 64)
	if err != nil {
		http.Error(w, "emulator: after must be the number of a journal entry", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	for e := range s.journal.after(seq) {
		if out.Encode(e) != nil {
			return // the client is gone
		}
	}
}
