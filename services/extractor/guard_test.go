package extractor

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/ledger"
)

func TestGuard(t *testing.T) {
	guard := Guard{MaxDeletes: 1000, MaxDeletesShare: 0.05, Shrink: 0.2}
	past := ledger.Past{HasClosed: true, LastRead: 10_000, Keyless: 3}
	for _, c := range []struct {
		name  string
		found ledger.Found
		past  ledger.Past
		want  string // part of the reason; empty: they go out
	}{
		{"ten of ten thousand go out", ledger.Found{Unchanged: 9987, Keyless: 3, Left: 10}, past, ""},
		{"nothing left, nothing to guard", ledger.Found{}, past, ""},
		{"an empty model deletes nothing", ledger.Found{Left: 10_000}, past, "empty"},
		{"a model that lost a quarter deletes nothing", ledger.Found{Unchanged: 7500, Left: 40}, past, "shrank from 10000 rows to 7500"},
		{"more than the share is parked", ledger.Found{Unchanged: 9000, Left: 600}, past, "at most 480"},
		{"more than the number is parked", ledger.Found{Unchanged: 100_000, Left: 1001}, past, "at most 1000"},
		{"those of the last 24 h count too", ledger.Found{Unchanged: 9990, Left: 10}, ledger.Past{HasClosed: true, LastRead: 10_000, LeftToday: 495}, "495 more"},
		{"keys that became NULL do not count as gone", ledger.Found{Unchanged: 9980, Keyless: 13, Left: 7}, past, "grew from 3 to 13"},
		{"keys that became duplicates neither", ledger.Found{Unchanged: 9980, Duplicate: 4, Left: 7}, past, "grew from 3 to 4"},
		{"a first run has no past to compare with", ledger.Found{Unchanged: 100, Left: 5}, ledger.Past{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := guard.check(c.found, c.past)
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("check = %q, want %q in it", got, c.want)
			}
		})
	}
}
