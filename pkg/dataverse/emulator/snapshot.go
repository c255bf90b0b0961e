package emulator

import (
	"io"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// A Snapshot is all rows of a Server at one moment. It shares their values with the Server, which never changes a value in place: so a
// snapshot of a million rows takes a fraction of their memory. It is not changed by anything, and may be restored any number of times. Its method
// Write writes it, and ReadSnapshot reads that.
type Snapshot = store.Snapshot

// ReadSnapshot reads what Snapshot.Write has written.
func ReadSnapshot(r io.Reader) (*Snapshot, error) { return store.ReadSnapshot(r) }

// Snapshot returns all rows as they are between two writes.
func (s *Server) Snapshot() *Snapshot {
	s.change.Lock()
	defer s.change.Unlock()
	return store.Take(s.tables, s.versions.Load())
}

// Restore makes the rows those of the snapshot, and forgets journal and spent budgets, as Reset does. Where the snapshot is of another
// server, tables and columns are found by their names; a row that has a value in a column which is not there is an error, and nothing is changed.
func (s *Server) Restore(p *Snapshot) error {
	s.change.Lock()
	defer s.change.Unlock()
	fitted, err := store.Fit(p, s.tables)
	if err != nil {
		return err
	}
	s.versions.Add(1) // delta links from before are of another past
	s.clear()
	version := store.Fill(fitted, s.tables, func() uint64 { return s.serials.Add(1) })
	s.versions.Store(max(s.versions.Load(), version)) // so that no version comes twice
	s.populate()
	return nil
}
