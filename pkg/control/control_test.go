package control_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/natstest"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(natstest.Start(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s, err := control.Serve(t.Context(), conn, "penstock-test", "0.0.1", "for a test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	err = control.Handle(s, control.Run, func(_ context.Context, r *penstockv1.RunRequest) (*penstockv1.RunResponse, error) {
		if r.GetSync() != "contacts" {
			return nil, control.Refuse("not_found", "there is no sync %q\nat all", r.GetSync())
		}
		return &penstockv1.RunResponse{Run: 7}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestACallIsAnswered(t *testing.T) {
	conn := serve(t)
	resp := &penstockv1.RunResponse{}
	if err := control.Call(t.Context(), conn, control.Run, &penstockv1.RunRequest{Sync: "contacts"}, resp); err != nil || resp.GetRun() != 7 {
		t.Errorf("answered %v, %v", resp, err)
	}
}

func TestARefusalComesBackAsItsSentence(t *testing.T) {
	conn := serve(t)
	err := control.Call(t.Context(), conn, control.Run, &penstockv1.RunRequest{Sync: "nope"}, &penstockv1.RunResponse{})
	var refusal *control.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "not_found" || refusal.Text != "there is no sync \"nope\"\nat all" {
		t.Errorf("refused with %v", err)
	}
}

func TestAnyClientMaySpeakJSON(t *testing.T) {
	conn := serve(t)
	for _, c := range []struct{ name, request, answer, code string }{
		{"a call", `{"sync":"contacts"}`, `{"run":"7"}`, ""},
		{"nothing at all", ``, "there is no sync \"\"\nat all", "not_found"},
		{"a field that nobody knows", `{"snyc":"contacts"}`, `unknown field "snyc"`, "bad_request"},
		{"no JSON", `run it`, `invalid value run`, "bad_request"},
	} {
		msg, err := conn.Request(control.Run, []byte(c.request), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := msg.Header.Get(micro.ErrorCodeHeader); got != c.code || !strings.HasSuffix(string(msg.Data), c.answer) {
			t.Errorf("%s: answered %q, code %q", c.name, msg.Data, got)
		}
	}
}

func TestNobodyThereIsSaidAtOnce(t *testing.T) {
	conn := serve(t)
	err := control.Call(t.Context(), conn, control.Apply, &penstockv1.ApplyRequest{}, &penstockv1.ApplyResponse{})
	var refusal *control.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "unavailable" {
		t.Errorf("answered %v", err)
	}
}
