package emulator

import (
	"errors"
	"fmt"
)

// Inconsistencies returns what does not agree in the tables.
func (s *Server) Inconsistencies() error {
	s.change.Lock()
	defer s.change.Unlock()
	var all []error
	for _, t := range s.sorted() {
		if err := t.Inconsistencies(); err != nil {
			all = append(all, fmt.Errorf("%s: %w", t.Name, err))
		}
	}
	return errors.Join(all...)
}
