package latency_test

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/latency"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

func TestTimesAddUp(t *testing.T) {
	c := latency.New(latency.Model{
		Request: 10 * ms, Operation: 2 * ms, Read: 3 * ms, Create: 5 * ms, Update: 4 * ms, Delete: 6 * ms, Key: 7 * ms,
		PlugIns: []latency.PlugIn{
			{Name: "audit", Cost: 1 * ms},
			{Name: "scoring", Table: "contact", Message: latency.Update, Cost: 100 * ms},
			{Name: "address", Table: "contact", Cost: 30 * ms},
			{Name: "guard", Message: latency.Delete, Cost: 200 * ms},
		},
	})
	for _, k := range []struct {
		what string
		got  time.Duration
		want time.Duration
	}{
		{"an operation", c.Operation(false, false), 2 * ms},
		{"a read", c.Operation(true, false), 5 * ms},
		{"a read by key", c.Operation(true, true), 12 * ms},
		{"creating an account", c.Row("account", latency.Create, false), 6 * ms},
		{"creating a contact", c.Row("contact", latency.Create, false), 36 * ms},
		{"updating a contact", c.Row("contact", latency.Update, false), 135 * ms},
		{"updating a contact past its plug-ins", c.Row("contact", latency.Update, true), 4 * ms},
		{"deleting an account", c.Row("account", latency.Delete, false), 207 * ms},
		{"a request", c.Request(50 * ms), 60 * ms},
	} {
		if k.got != k.want {
			t.Errorf("%s takes %v, not %v", k.what, k.got, k.want)
		}
	}
}

func TestJitterAndTailFollowTheSeed(t *testing.T) {
	m := latency.Model{Request: 100 * ms, Jitter: 0.2, Tail: 0.1, TailBy: time.Second, Seed: 7}
	a, b := latency.New(m), latency.New(m)
	slow, low, high := 0, time.Hour, time.Duration(0)
	for range 1000 {
		d := a.Request(0)
		if other := b.Request(0); d != other {
			t.Fatalf("the same seed gave %v and %v", d, other)
		}
		if d > time.Second {
			slow++
			d -= time.Second
		}
		low, high = min(low, d), max(high, d)
	}
	if slow < 70 || slow > 130 {
		t.Errorf("%d of 1,000 requests were in the tail of a tenth", slow)
	}
	if low < 80*ms || low > 82*ms || high < 118*ms || high > 120*ms {
		t.Errorf("from %v to %v", low, high)
	}
}

func TestTheZeroModelTakesNoTime(t *testing.T) {
	if latency.New(latency.Model{Seed: 1, Jitter: 0.5}).On() {
		t.Error("it does")
	}
	if !latency.New(latency.Model{PlugIns: []latency.PlugIn{{Cost: ms}}}).On() {
		t.Error("a plug-in takes time")
	}
}

func TestModelsThatCannotBeAreRefusedAllAtOnce(t *testing.T) {
	err := latency.Model{Request: -1, Jitter: 2, Tail: -1, Workers: -1, PlugIns: []latency.PlugIn{{Name: "x", Message: "Upsert", Cost: -1}}}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("got %v", err)
	}
	if err := (latency.Model{Request: 1, Jitter: 1, Tail: 1}).Validate(); err != nil {
		t.Error(err)
	}
}
