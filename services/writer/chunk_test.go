package writer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// fresh is a chunk of n changes that has just been taken.
func fresh(n int) *sending {
	c := &penstock.Chunk{Run: penstock.RunID{Number: 3, Epoch: 5}, Ordinal: 2, Table: "contact", Fingerprint: 99}
	for i := range n {
		c.Changes = append(c.Changes, penstock.Change{Key: string(rune('a' + i)), Address: "contacts(x)", Hash: penstock.Hash{byte(i)}})
	}
	cfg := DefaultConfig()
	return &sending{
		user: &applicationUser{writer: &writer{cfg: cfg}}, chunk: c, delivery: &queue.Delivery{Deliveries: 1},
		outcomes: make([]penstock.Outcome, n),
	}
}

func answer(kinds ...penstock.Kind) dataverse.Answer {
	a := dataverse.Answer{}
	for _, k := range kinds {
		a.Verdicts = append(a.Verdicts, dataverse.Verdict{Kind: k, Cause: penstock.Cause{Class: penstock.Validation, Code: "0x80044331"}})
	}
	return a
}

func all(n int) []int {
	ordinals := make([]int, n)
	for i := range ordinals {
		ordinals[i] = i
	}
	return ordinals
}

func TestEachChangeGetsTheOutcomeOfItsOwnVerdict(t *testing.T) {
	s := fresh(4)
	rest, _, _ := s.read(answer(penstock.Fine, penstock.RowFault, penstock.Transient, penstock.Fine), all(4), make([]tally, 4), 100)
	if !slices.Equal(rest, []int{2}) {
		t.Errorf("%v go out again, want the third alone", rest)
	}
	r := s.result()
	got := []penstock.Outcome{r.Changes[0].Outcome, r.Changes[1].Outcome, r.Changes[2].Outcome, r.Changes[3].Outcome}
	if want := []penstock.Outcome{penstock.Accepted, penstock.Refused, penstock.NotSent, penstock.Accepted}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	if len(s.letters) != 1 || s.letters[0].Key != "b" || s.letters[0].Ordinal != 2 || s.letters[0].Fingerprint != 99 {
		t.Errorf("letters %+v, want one, for the second change, that waits", s.letters)
	}
}

func TestTooMuchGoesOutAgainInHalf(t *testing.T) {
	s := fresh(8)
	rest, size, _ := s.read(answer(slices.Repeat([]penstock.Kind{penstock.TooMuch}, 8)...), all(8), make([]tally, 8), 100)
	if len(rest) != 8 || size != 4 {
		t.Errorf("%d changes go out again in batches of %d, want 8 in batches of 4", len(rest), size)
	}
}

func TestARequestWithoutAnswerStaysInTheResultWhateverComesAfter(t *testing.T) {
	s := fresh(1)
	attempts := make([]tally, 1)
	rest, _, _ := s.read(answer(penstock.Unanswered), all(1), attempts, 100)
	if _, _, _ = s.read(answer(penstock.Fine), rest, attempts, 100); !s.result().Unanswered {
		t.Error("the first request may still run, and the result does not say so")
	}
	if got := s.result().Changes[0].Outcome; got != penstock.Accepted {
		t.Errorf("outcome %s, want accepted", got)
	}
}

func TestThrottlingIsWaitedOutAndNeverALetter(t *testing.T) {
	s := fresh(2)
	attempts := make([]tally, 2)
	a := answer(penstock.Throttled, penstock.Throttled)
	a.Limits.RetryAfter = 27 * time.Second
	for range 50 {
		rest, _, wait := s.read(a, all(2), attempts, 100)
		if len(rest) != 2 || wait < 27*time.Second {
			t.Fatalf("%d go out again after %s", len(rest), wait)
		}
	}
	if attempts[0].attempts != 0 || len(s.letters) != 0 {
		t.Errorf("%d attempts and %d letters after throttling alone", attempts[0].attempts, len(s.letters))
	}
}

func TestAFaultOfNoRowSuspendsWithTheRowsInHandAsLettersThatDoNotWait(t *testing.T) {
	s := fresh(3)
	a := answer(penstock.Fine, penstock.SystemFault, penstock.SystemFault) // the role changed in mid-batch
	a.Verdicts[1].Cause = penstock.Cause{Class: penstock.Permission, Code: "0x80040220", Privilege: "prvWriteContact"}
	a.Verdicts[2].Cause = a.Verdicts[1].Cause
	s.read(a, all(3), make([]tally, 3), 100)
	if s.suspend == nil || s.suspend.Privilege != "prvWriteContact" {
		t.Fatalf("suspended for %+v, want the privilege named", s.suspend)
	}
	if len(s.letters) != 2 || s.letters[0].Fingerprint != 0 {
		t.Errorf("letters %+v, want two that the next run sends again", s.letters)
	}
	if r := s.result(); r.Changes[0].Outcome != penstock.Accepted || r.Changes[2].Outcome != penstock.Refused {
		t.Errorf("result %+v", r)
	}
}

func TestAFaultOfTheWholeRequestSuspendsWithoutLetters(t *testing.T) {
	s := fresh(2)
	a := answer(penstock.SystemFault, penstock.SystemFault)
	a.Fault = &penstock.Error{Op: "dataverse: token", Kind: penstock.SystemFault, Code: "AADSTS7000222", Hint: "make a new secret"}
	for i := range a.Verdicts { // as Batch gives them
		a.Verdicts[i].Cause = penstock.Cause{Class: penstock.Permission, Code: a.Fault.Code}
	}
	s.read(a, all(2), make([]tally, 2), 100)
	if s.suspend == nil || s.suspend.Code != "AADSTS7000222" || !strings.Contains(s.suspend.Message, "make a new secret") || len(s.letters) != 0 {
		t.Errorf("suspended for %+v with %d letters", s.suspend, len(s.letters))
	}
	if r := s.result(); r.Changes[0].Outcome != penstock.NotSent {
		t.Errorf("outcome %s, want not sent", r.Changes[0].Outcome)
	}
}

func TestAPassingFaultThatDoesNotPassIsALetterOfItsOwnClass(t *testing.T) {
	s := fresh(1)
	attempts := make([]tally, 1)
	for range patience {
		s.read(answer(penstock.Transient), all(1), attempts, 100)
	}
	if len(s.letters) != 1 || s.letters[0].Cause.Class != penstock.Exhausted || s.letters[0].Fingerprint != notWaiting {
		t.Errorf("letters %+v, want one of class exhausted, whose row the next run sends again", s.letters)
	}
	if r := s.result(); r.Exhausted != 1 {
		t.Errorf("the result counts %d of these, want 1", r.Exhausted)
	}
}

func TestARaceAfterARequestWithoutAnswerIsRunAgain(t *testing.T) {
	s := fresh(1)
	tried := make([]tally, 1)
	s.read(answer(penstock.Unanswered), all(1), tried, 100)
	if rest, _, _ := s.read(answer(penstock.Race), all(1), tried, 100); len(rest) != 1 {
		t.Errorf("a race with our own first request was refused: %+v", s.letters)
	}
}

func TestHalvingABatchIsNoAttemptOfItsRows(t *testing.T) {
	s := fresh(8)
	tried := make([]tally, 8)
	for range 10 {
		s.read(answer(slices.Repeat([]penstock.Kind{penstock.TooMuch}, 8)...), all(8), tried, 100)
	}
	if len(s.letters) > 0 || tried[0].attempts != 0 {
		t.Errorf("%d letters, %d attempts", len(s.letters), tried[0].attempts)
	}
}

func TestAFaultThatOneRowAloneMeetsIsItsOwn(t *testing.T) {
	s := fresh(2)
	s.read(answer(penstock.Fine, penstock.SystemFault), all(2), make([]tally, 2), 100)
	if s.suspend != nil || len(s.letters) != 1 || s.letters[0].Fingerprint != 99 {
		t.Errorf("suspended for %v, letters %+v", s.suspend, s.letters)
	}
}

func TestAChunkThatCannotBeReadIsReportedFromItsHeaders(t *testing.T) {
	r, letters := poison(&queue.Delivery{Run: penstock.RunID{Number: 4}, Ordinal: 7, Count: 1000, Deliveries: 1})
	if r.Run.Number != 4 || r.Chunk != 7 || r.Count != 1000 || len(r.Changes) != 0 {
		t.Errorf("result %+v", r)
	}
	if len(letters) != 1 || letters[0].Cause.Class != penstock.Poison || letters[0].Rows != 1000 {
		t.Errorf("letters %+v", letters)
	}
}
