package emulator

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/journal"
)

func TestTheJournalDropsItsOldestBeyondTheLimit(t *testing.T) {
	s := New(Config{JournalLimit: 5000})
	for range 5 * journal.Block {
		s.journal.Add(journal.Entry{Op: journal.OpUpdate})
	}
	entries := s.Journal()
	if len(entries) < 5000 || len(entries) > 5000+2*journal.Block {
		t.Errorf("%d are kept", len(entries))
	}
	if first := entries[0].Seq; first != s.Dropped()+1 || first == 1 || entries[len(entries)-1].Seq != 5*journal.Block || s.Written() != 5*journal.Block {
		t.Errorf("from %d to %d, %d dropped", first, entries[len(entries)-1].Seq, s.Dropped())
	}
	for e := range s.Entries(5*journal.Block - 1) {
		if e.Seq != 5*journal.Block {
			t.Errorf("got %d", e.Seq)
		}
	}
}

func TestAFollowerSeesWhatComesAndOutlivesAReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.journal.Add(journal.Entry{Key: "1"}, journal.Entry{Key: "2"})
		ctx, stop := context.WithCancel(t.Context())
		var seen string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for e := range s.Follow(ctx, 1) {
				seen += e.Key
			}
		}()
		synctest.Wait()
		s.journal.Add(journal.Entry{Key: "3"})
		synctest.Wait()
		s.Reset()
		synctest.Wait()
		s.journal.Add(journal.Entry{Key: "a"})
		synctest.Wait()
		stop()
		<-ended
		if seen != "23a" {
			t.Errorf("saw %q", seen)
		}
	})
}
