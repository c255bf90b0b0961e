package emulator

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestTheJournalDropsItsOldestBeyondTheLimit(t *testing.T) {
	s := New(Config{JournalLimit: 5000})
	for range 5 * journalBlock {
		s.journal.add(Entry{Op: OpUpdate})
	}
	entries := s.Journal()
	if len(entries) < 5000 || len(entries) > 5000+2*journalBlock {
		t.Errorf("%d are kept", len(entries))
	}
	if first := entries[0].Seq; first != s.Dropped()+1 || first == 1 || entries[len(entries)-1].Seq != 5*journalBlock || s.Written() != 5*journalBlock {
		t.Errorf("from %d to %d, %d dropped", first, entries[len(entries)-1].Seq, s.Dropped())
	}
	for e := range s.Entries(5*journalBlock - 1) {
		if e.Seq != 5*journalBlock {
			t.Errorf("got %d", e.Seq)
		}
	}
}

func TestAFollowerSeesWhatComesAndOutlivesAReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.journal.add(Entry{Key: "1"}, Entry{Key: "2"})
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
		s.journal.add(Entry{Key: "3"})
		synctest.Wait()
		s.Reset()
		synctest.Wait()
		s.journal.add(Entry{Key: "a"})
		synctest.Wait()
		stop()
		<-ended
		if seen != "23a" {
			t.Errorf("saw %q", seen)
		}
	})
}
