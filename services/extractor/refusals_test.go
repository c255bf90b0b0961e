package extractor

import (
	"testing"

	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestTooManyRefusalsAreAShareOfManyRows(t *testing.T) {
	for _, c := range []struct {
		name        string
		refused, of uint64
		share       spec.Share
		stop        bool
	}{
		{"one bad row of one", 1, 1, 0.05, false},
		{"some bad rows, and no others", 199, 199, 0.05, false},
		{"as many as never matter and one", 200, 200, 0.5, true},
		{"half of them, where half is allowed", 500, 1000, 0.5, false},
		{"more than half of them", 501, 1000, 0.5, true},
		{"a twentieth", 500, 10_000, 0.05, false},
		{"more than a twentieth", 501, 10_000, 0.05, true},
		{"all, where nothing stops the sync", 10_000, 10_000, 1, false},
		{"all, where nobody ever said anything", 10_000, 10_000, 0, false},
		{"none", 0, 0, 0.5, false},
	} {
		if got := tooMany(c.refused, c.of, c.share); got != c.stop {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
