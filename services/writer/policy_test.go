package writer

import (
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    penstock.Kind
		attempt int
		size    int
		want    step
	}{
		{"what is done is accepted", penstock.Fine, 1, 100, accept},
		{"what is done late is accepted too", penstock.Fine, 9, 1, accept},
		{"a row's own fault is refused at once", penstock.RowFault, 1, 100, refuse},
		{"a fault of no row suspends", penstock.SystemFault, 1, 100, suspend},
		{"throttling is never an attempt", penstock.Throttled, 99, 100, again},
		{"what was not executed is sent again", penstock.NotExecuted, 99, 100, again},
		{"a race is run once more", penstock.Race, 1, 100, again},
		{"a race lost twice is the row's fault", penstock.Race, 2, 100, refuse},
		{"a passing fault is tried again", penstock.Transient, 1, 100, again},
		{"patience ends", penstock.Transient, patience, 100, exhaust},
		{"what nobody understands may pass", penstock.Faulty, 1, 100, again},
		{"and ends as well", penstock.Faulty, patience, 100, exhaust},
		{"too much goes in smaller batches", penstock.TooMuch, 1, 100, smaller},
		{"too much goes smaller even late", penstock.TooMuch, patience, 2, smaller},
		{"one row that is too much is tried again", penstock.TooMuch, 1, 1, again},
		{"one row that stays too much is a letter", penstock.TooMuch, patience, 1, exhaust},
		{"no answer: the same again", penstock.Unanswered, 1, 100, again},
		{"no answer for ever: doubt, never a letter", penstock.Unanswered, patience, 100, doubt},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := judge(c.kind, c.attempt, c.size); got != c.want {
				t.Errorf("judge(%s, attempt %d, size %d) = %d, want %d", c.kind, c.attempt, c.size, got, c.want)
			}
		})
	}
}

func TestPauseGrowsAndHonoursWhatWasAsked(t *testing.T) {
	for _, c := range []struct {
		attempt int
		asked   time.Duration
		want    time.Duration
	}{
		{1, 0, 500 * time.Millisecond},
		{2, 0, time.Second},
		{4, 0, 4 * time.Second},
		{99, 0, 32 * time.Second},
		{1, 27 * time.Second, 27 * time.Second},
	} {
		if got := pause(c.attempt, c.asked); got != c.want {
			t.Errorf("pause(%d, %s) = %s, want %s", c.attempt, c.asked, got, c.want)
		}
	}
}
