package writer

import (
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A step is what follows one attempt at a change.
type step uint8

const (
	accept  step = iota // the ledger may say accepted
	again               // once more, while the chunk is held
	smaller             // once more, in a smaller batch
	refuse              // a letter, with the cause that Dataverse gave
	exhaust             // a letter of class exhausted: a passing fault did not pass
	doubt               // unknown, for the next diff
	suspend             // a letter, and no more of this sync: no row is at fault
)

// patience is how many attempts a change gets for a fault that may pass. Waiting as asked is not an attempt.
const patience = 4

// judge is the whole retry policy of Penstock; nothing beneath or above it sends anything again. attempt counts as tally
// does; size is how many changes went in the batch. It is pure.
func judge(kind penstock.Kind, attempt, size int) step {
	spent := attempt >= patience
	switch kind {
	case penstock.Fine:
		return accept
	case penstock.RowFault:
		return refuse
	case penstock.SystemFault:
		return suspend
	case penstock.Throttled, penstock.NotExecuted:
		return again // for as long as the chunk is held; then it is reported as not sent
	case penstock.Race:
		if attempt == 1 {
			return again
		}
		return refuse
	case penstock.TooMuch:
		if size > 1 {
			return smaller
		}
		if spent {
			return exhaust
		}
		return again
	case penstock.Unanswered:
		if spent {
			return doubt
		}
		return again
	case penstock.Transient, penstock.Faulty:
		if spent {
			return exhaust
		}
		return again
	}
	return doubt
}

// executed reports whether an answer of this kind means that Dataverse worked on the change, which makes it an attempt.
func executed(kind penstock.Kind) bool {
	return kind != penstock.Throttled && kind != penstock.NotExecuted
}

// pause is how long to wait before attempt n+1: half a second, doubled each time, and at least what was asked for.
func pause(attempt int, asked time.Duration) time.Duration {
	return max(asked, 500*time.Millisecond<<min(attempt-1, 6))
}
