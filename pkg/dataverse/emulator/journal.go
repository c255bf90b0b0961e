package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
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

// A journal is append-only, but for a bound beyond which the oldest blocks are dropped. Its zero value is empty and has no bound.
type journal struct {
	limit int // entries that are kept at least; all when 0

	mu     sync.Mutex
	blocks []*[journalBlock]Entry
	first  uint64        // entries in blocks that were dropped
	count  uint64        // entries ever added
	news   chan struct{} // closed at the next entry; nil while nobody waits
}

// add gives the entries their numbers. All of a change set go in together.
func (j *journal) add(entries ...Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range entries {
		at := j.count % journalBlock
		if at == 0 {
			j.drop()
			j.blocks = append(j.blocks, new([journalBlock]Entry))
		}
		j.count++
		e.Seq = j.count
		j.blocks[len(j.blocks)-1][at] = e
	}
	if j.news != nil && len(entries) > 0 {
		close(j.news)
		j.news = nil
	}
}

// drop lets go of the oldest blocks that the bound does not need. Readers that have them go on reading.
func (j *journal) drop() {
	for j.limit > 0 && len(j.blocks) > 0 && j.count-j.first-journalBlock >= uint64(j.limit) {
		j.blocks = append([]*[journalBlock]Entry(nil), j.blocks[1:]...)
		j.first += journalBlock
	}
}

// after yields the entries with a greater Seq than seq, as of the moment of the call.
func (j *journal) after(seq uint64) iter.Seq[Entry] {
	j.mu.Lock()
	blocks, first, count := j.blocks[:len(j.blocks):len(j.blocks)], j.first, j.count
	j.mu.Unlock()
	return func(yield func(Entry) bool) {
		for at := max(seq, first); at < count; at++ {
			if !yield(blocks[(at-first)/journalBlock][at%journalBlock]) {
				return
			}
		}
	}
}

// wait returns a channel that is closed once there is an entry with a greater Seq than seq, or after a reset.
func (j *journal) wait(seq uint64) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.count > seq {
		now := make(chan struct{})
		close(now)
		return now
	}
	if j.news == nil {
		j.news = make(chan struct{})
	}
	return j.news
}

// written is how many entries were ever added.
func (j *journal) written() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}

// dropped is how many of them were dropped.
func (j *journal) dropped() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first
}

// reset forgets all entries, and begins with Seq 1 again.
func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.blocks, j.first, j.count = nil, 0, 0
	if j.news != nil {
		close(j.news)
		j.news = nil
	}
}

// Journal returns every committed write since the start or the last Reset that Config.JournalLimit kept, oldest first.
func (s *Server) Journal() []Entry {
	var all []Entry
	for e := range s.journal.after(0) {
		all = append(all, e)
	}
	return all
}

// Entries yields the committed writes whose Seq is greater than seq, oldest first. Writes that happen meanwhile are not among them. Where
// Config.JournalLimit dropped entries, the first Seq is greater than seq+1.
func (s *Server) Entries(seq uint64) iter.Seq[Entry] { return s.journal.after(seq) }

// Follow yields like Entries, and goes on with the writes to come until ctx ends. After a Reset it begins anew with Seq 1.
func (s *Server) Follow(ctx context.Context, seq uint64) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for {
			for e := range s.journal.after(seq) {
				if !yield(e) {
					return
				}
				seq = e.Seq
			}
			select {
			case <-ctx.Done():
				return
			case <-s.journal.wait(seq):
				seq = min(seq, s.Written())
			}
		}
	}
}

// Written is the Seq of the last committed write: how many there were since the start or the last Reset.
func (s *Server) Written() uint64 { return s.journal.written() }

// Dropped is how many of the oldest journal entries Config.JournalLimit has dropped.
func (s *Server) Dropped() uint64 { return s.journal.dropped() }
