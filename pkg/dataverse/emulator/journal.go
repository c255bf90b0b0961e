package emulator

import (
	"context"
	"iter"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
)

// The journal's words, of which package journal says more.
type (
	// An Entry is one committed write. Entries of one row are in the order of their commits.
	Entry = journal.Entry
	// Hash is the SHA-256 of a request body's bytes as they were sent; for operations in a batch, of the part's body.
	Hash = journal.Hash
)

// The values of Entry.Op.
const (
	OpCreate = journal.OpCreate
	OpUpdate = journal.OpUpdate
	OpDelete = journal.OpDelete
)

// Sum returns the Hash of a body.
func Sum(body []byte) Hash { return journal.Sum(body) }

// Journal returns every committed write since the start or the last Reset that Config.JournalLimit kept, oldest first.
func (s *Server) Journal() []Entry {
	var all []Entry
	for e := range s.journal.After(0) {
		all = append(all, e)
	}
	return all
}

// Entries yields the committed writes whose Seq is greater than seq, oldest first. Writes that happen meanwhile are not among them. Where
// Config.JournalLimit dropped entries, the first Seq is greater than seq+1.
func (s *Server) Entries(seq uint64) iter.Seq[Entry] { return s.journal.After(seq) }

// Follow yields like Entries, and goes on with the writes to come until ctx ends. After a Reset it begins anew with Seq 1.
func (s *Server) Follow(ctx context.Context, seq uint64) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for {
			for e := range s.journal.After(seq) {
				if !yield(e) {
					return
				}
				seq = e.Seq
			}
			select {
			case <-ctx.Done():
				return
			case <-s.journal.Wait(seq):
				seq = min(seq, s.Written())
			}
		}
	}
}

// Written is the Seq of the last committed write: how many there were since the start or the last Reset.
func (s *Server) Written() uint64 { return s.journal.Written() }

// Dropped is how many of the oldest journal entries Config.JournalLimit has dropped.
func (s *Server) Dropped() uint64 { return s.journal.Dropped() }
