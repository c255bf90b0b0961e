package extractor

import (
	"fmt"

	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A Guard bounds what leaving rows may do: a model that comes out short because of a fault upstream must not empty a
// table in Dynamics.
type Guard struct {
	MaxDeletes      uint64  // in one run, and within 24 h
	MaxDeletesShare float64 // of the rows that the ledger has, 0.05
	Shrink          float64 // how much smaller than in the last closed run the model may be, 0.2
}

func guardOf(s spec.Sync) Guard {
	return Guard{MaxDeletes: uint64(s.Guards.MaxDeletes), MaxDeletesShare: float64(s.Guards.MaxDeletesShare), Shrink: float64(s.Guards.Shrink)}
}

// check says why the leaves of a run may not go out, or "" when they may. It is pure.
func (g Guard) check(f ledger.Found, past ledger.Past) string {
	read, keyless := f.Read(), f.Keyless+f.Duplicate
	// what the ledger knew before this run, as near as the diff tells: rows that stayed and rows that left
	known := f.Unchanged + f.Waiting + f.Changed + f.Left
	allowed := min(g.MaxDeletes, uint64(g.MaxDeletesShare*float64(known)))
	switch {
	case f.Left == 0:
		return ""
	case read == 0:
		return "the model is empty"
	case past.HasClosed && float64(read) < (1-g.Shrink)*float64(past.LastRead):
		return fmt.Sprintf("the model shrank from %d rows to %d, by more than %.0f %%", past.LastRead, read, 100*g.Shrink)
	case past.HasClosed && keyless > past.Keyless:
		return fmt.Sprintf("rows without a key of their own grew from %d to %d: some that left may be among them", past.Keyless, keyless)
	case f.Left+past.LeftToday > allowed:
		return fmt.Sprintf("%d rows left, and %d more within 24 h; at most %d may (the lesser of %d and %.0f %%)",
			f.Left, past.LeftToday, allowed, g.MaxDeletes, 100*g.MaxDeletesShare)
	}
	return ""
}
