package e2e

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/penstock"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func TestAnyNATSClientCanAskForARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50, calm)
	w.startAll()
	conn := must[*nats.Conn](t)(nats.Connect(w.natsURL()))
	defer conn.Close()
	if _, err := conn.Request("penstock.request."+w.id.Environment+"."+w.id.Name, []byte("{}"), patience); err != nil {
		t.Fatalf("JetStream did not take the request: %v", err)
	}
	run := w.rest(1)
	expect(t, "phase", run.Phase, penstock.Closed)
	expect(t, "counts", run.Counts, penstock.Counts{Read: 50, Accepted: 50})
	w.caughtUp()
}

func TestARunOfAnUnknownSyncIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, calm)
	w.start(w.part(extracting))
	w.apply()
	for _, name := range []string{"compagnies", "", "a b"} {
		err := control.Call(t.Context(), w.queue.Conn(), control.Run, &penstockv1.RunRequest{Environment: w.id.Environment, Sync: name}, &penstockv1.RunResponse{})
		var refusal *control.Refusal
		if !errors.As(err, &refusal) || refusal.Code != "not_found" {
			t.Fatalf("sync %q: %v, want a refusal with code not_found", name, err)
		}
		for _, part := range []string{w.id.Environment + "/" + name, "companies", "apply"} {
			if !strings.Contains(refusal.Text, part) {
				t.Errorf("the refusal does not say %q: %s", part, refusal.Text)
			}
		}
	}
}

func TestARequestForAnUnknownSyncHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20, calm)
	w.startAll()
	for _, m := range []struct{ sync, text string }{
		{"compagnies", "{}"},
		{w.id.Name, "this is no JSON"},
		{w.id.Name, "{}"},
	} {
		if _, err := w.js.Publish(t.Context(), "penstock.request."+w.id.Environment+"."+m.sync, []byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "phase", w.rest(1).Phase, penstock.Closed)
	w.caughtUp()
}
