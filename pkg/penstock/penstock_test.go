package penstock

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCountsBalance(t *testing.T) {
	whole := Counts{
		Read: 15, Unchanged: 1, Accepted: 2, Refused: 3, Waiting: 4, NotSent: 5,
		Left: 21, Deleted: 1, LeftRefused: 2, LeftWaiting: 3, Parked: 4, Kept: 5, LeftNotSent: 6,
	}
	if !whole.Balanced() {
		t.Error("counts that add up are said not to")
	}
	for name, change := range map[string]func(*Counts){
		"a row too many was read": func(c *Counts) { c.Read++ },
		"a row is not accounted":  func(c *Counts) { c.NotSent-- },
		"a leave too many":        func(c *Counts) { c.Deleted++ },
	} {
		c := whole
		change(&c)
		if c.Balanced() {
			t.Errorf("%s: said to balance", name)
		}
	}
}

func TestWishesFoldIntoOne(t *testing.T) {
	w := Wish{}.Fold(Wish{Wanted: true, By: []string{"ann"}, Reason: "first"}).
		Fold(Wish{Wanted: true, Full: true, By: []string{"bob", "ann", ""}}).
		Fold(Wish{Wanted: true, By: []string{"ann"}})
	if !w.Wanted || !w.Full || w.Reason != "first" || !slices.Equal(w.By, []string{"ann", "bob"}) {
		t.Errorf("folded to %+v", w)
	}
}

func TestAFullWishThatGoesOnIsOvertakenByANewOne(t *testing.T) {
	going := Wish{Wanted: true, Full: true, Since: 7}
	if w := (Wish{}).Fold(going); !w.Full || w.Since != 7 {
		t.Errorf("the rest of a full run became %+v", w)
	}
	if w := (Wish{Wanted: true}).Fold(going); w.Since != 7 {
		t.Errorf("an ordinary wish made %+v of it", w)
	}
	if w := (Wish{Wanted: true, Full: true}).Fold(going); w.Since != 0 {
		t.Errorf("a new full wish was taken for the old one: %+v", w)
	}
}

func TestAPhaseIsOpenSealedOrFinal(t *testing.T) {
	for phase, want := range map[Phase][2]bool{
		Diffing: {true, false}, Publishing: {true, false}, Draining: {true, false}, Leaving: {true, false},
		Recording: {false, false},
		Closed:    {false, true}, Incomplete: {false, true}, Aborted: {false, true}, Suspended: {false, true}, Cancelled: {false, true}, Failed: {false, true},
	} {
		if got := [2]bool{phase.Open(), phase.Final()}; got != want {
			t.Errorf("%s: open, final = %v, want %v", phase, got, want)
		}
	}
}

func TestTimingNamesEveryTimeThatIsOutOfBounds(t *testing.T) {
	if err := DefaultTiming().Validate(); err != nil {
		t.Error(err)
	}
	if err := DefaultTiming().Divide(20).Validate(); err != nil {
		t.Error(err)
	}
	bad := DefaultTiming()
	bad.Lease, bad.Hold = 0, time.Second
	err := bad.Validate()
	for _, want := range []string{"timing.lease", "timing.hold"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
}

func TestAnErrorIsASentenceWithANextStep(t *testing.T) {
	inner := errors.New("connection refused")
	err := error(&Error{Op: "dataverse: token", Kind: Transient, Err: inner, Hint: "is the host right?"})
	if got := err.Error(); got != "dataverse: token: connection refused; is the host right?" || !errors.Is(err, inner) {
		t.Errorf("reads %q", got)
	}
}

func TestOperationsAreReadBackFromTheirNames(t *testing.T) {
	for _, o := range []Operation{Upsert, Update, Create, Delete} {
		if got := ParseOperation(o.String()); got != o {
			t.Errorf("%s is read as %s", o, got)
		}
	}
}
