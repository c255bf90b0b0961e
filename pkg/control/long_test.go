package control_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/natstest"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// long serves one call by answer.
func long[Resp proto.Message](t *testing.T, limit time.Duration, answer func(context.Context, *penstockv1.RunRequest, func(string)) (Resp, error)) *nats.Conn {
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
	if err := control.HandleLong(s, control.Run, limit, answer); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestALongCallTellsWhatItDoes(t *testing.T) {
	heard := make(chan string)
	conn := long(t, time.Minute, func(_ context.Context, _ *penstockv1.RunRequest, tell func(string)) (*penstockv1.RunResponse, error) {
		tell("reading")
		if what := <-heard; what != "reading" {
			return nil, errors.New("the caller heard " + what)
		}
		return &penstockv1.RunResponse{Run: 7}, nil
	})
	resp := &penstockv1.RunResponse{}
	err := control.CallLong(t.Context(), conn, control.Run, &penstockv1.RunRequest{}, resp, func(what string) { heard <- what })
	if err != nil || resp.GetRun() != 7 {
		t.Fatalf("answered %v, %v", resp, err)
	}
}

func TestWhoGivesUpEndsTheCall(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error, 1)
	conn := long(t, time.Hour, func(ctx context.Context, _ *penstockv1.RunRequest, _ func(string)) (*penstockv1.RunResponse, error) {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	err := control.CallLong(ctx, conn, control.Run, &penstockv1.RunRequest{}, &penstockv1.RunResponse{}, func(string) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the answer ended with %v", err)
	}
}

func TestACallEndsAtItsLimit(t *testing.T) {
	conn := long(t, time.Millisecond, func(ctx context.Context, _ *penstockv1.RunRequest, _ func(string)) (*penstockv1.RunResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	err := control.Call(t.Context(), conn, control.Run, &penstockv1.RunRequest{}, &penstockv1.RunResponse{})
	var refusal *control.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Text, "deadline") {
		t.Errorf("the call ended with %v", err)
	}
}

func TestAQuestionThatNATSDoesNotCarryIsRefusedWithItsSize(t *testing.T) {
	conn := long(t, time.Minute, func(context.Context, *penstockv1.RunRequest, func(string)) (*penstockv1.RunResponse, error) {
		return &penstockv1.RunResponse{}, nil
	})
	err := control.Call(t.Context(), conn, control.Run, &penstockv1.RunRequest{Reason: strings.Repeat("x", int(conn.MaxPayload()))}, &penstockv1.RunResponse{})
	var refusal *control.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "bad_request" {
		t.Errorf("the call ended with %v", err)
	}
}

func TestAnAnswerThatNATSDoesNotCarryIsSaidSo(t *testing.T) {
	const more = 2 << 20
	conn := long(t, time.Minute, func(context.Context, *penstockv1.RunRequest, func(string)) (*penstockv1.ApplyResponse, error) {
		return &penstockv1.ApplyResponse{Changes: []*penstockv1.SpecChange{{Name: strings.Repeat("x", more)}}}, nil
	})
	err := control.Call(t.Context(), conn, control.Run, &penstockv1.RunRequest{}, &penstockv1.ApplyResponse{})
	var refusal *control.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Text, "ask for less") {
		t.Errorf("the call ended with %v", err)
	}
}
