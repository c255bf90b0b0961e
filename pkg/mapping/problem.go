package mapping

import (
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Problem is one reason why a sync cannot be compiled against what the warehouse and Dataverse have.
type Problem struct {
	Sync   penstock.SyncID
	At     document.Position // in the sync's file; empty once the sync has been stored
	Column string            // Dataverse column, or to.match.key
	Source string            // warehouse column; may be empty
	What   string
	Mend   string // may be empty
}

// Error reads as "sync demo/contacts: gendercode from gender: …; …".
func (p Problem) Error() string {
	var s strings.Builder
	if p.At.File != "" {
		s.WriteString(p.At.String() + ": ")
	}
	s.WriteString("sync " + p.Sync.String() + ": ")
	if p.Column != "" {
		s.WriteString(p.Column)
		if p.Source != "" {
			s.WriteString(" from " + p.Source)
		}
		s.WriteString(": ")
	}
	s.WriteString(p.What)
	if p.Mend != "" {
		s.WriteString("; " + p.Mend)
	}
	return s.String()
}

// Problems are all that were found.
type Problems []Problem

// Error has one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}
