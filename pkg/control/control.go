// Package control carries the control calls: NATS micro services (nats.io/micro) that take and give the messages of
// proto/penstock/v1/control.proto. The command line and the console use nothing else.
package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// The calls. A subject is what `nats request` needs; an empty JSON object is a valid argument where nothing is required.
const (
	Run         = "penstock.control.run"         // RunRequest -> RunResponse
	Runs        = "penstock.control.runs"        // RunsRequest -> RunsResponse
	Apply       = "penstock.control.apply"       // ApplyRequest -> ApplyResponse
	DeadLetters = "penstock.control.deadletters" // DeadLettersRequest -> DeadLettersResponse
)

const binary = "application/protobuf"

// A Refusal is an answer that is no: a sentence for a person, with what to do next.
type Refusal struct {
	Code string // bad_request, not_found, unavailable
	Text string
}

// Error is the sentence.
func (r *Refusal) Error() string { return r.Text }

// Refuse makes a refusal.
func Refuse(code, format string, args ...any) error {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// A Service answers calls until it is stopped.
type Service struct {
	service micro.Service
	ctx     context.Context //nolint:containedctx // the micro package calls back without one
	calls   sync.WaitGroup
}

// Serve announces a service; any number of processes may, and each call reaches one of them. ctx is that of the calls.
func Serve(ctx context.Context, conn *nats.Conn, name, version, description string) (*Service, error) {
	s, err := micro.AddService(conn, micro.Config{Name: name, Version: version, Description: description})
	if err != nil {
		return nil, fmt.Errorf("control: announce %s: %w", name, err)
	}
	return &Service{service: s, ctx: ctx}, nil
}

// Close stops answering, and waits for the calls in hand.
func (s *Service) Close() error {
	err := s.service.Stop()
	s.calls.Wait()
	return err
}

// Handle answers one call. Req and Resp are pointers to messages.
func Handle[Req, Resp proto.Message](s *Service, subject string, answer func(context.Context, Req) (Resp, error)) error {
	var zero Req
	name := subject[strings.LastIndexByte(subject, '.')+1:]
	err := s.service.AddEndpoint(name, micro.HandlerFunc(func(r micro.Request) {
		req := zero.ProtoReflect().New().Interface().(Req) // a new message of Req's own type
		if err := decode(r, req); err != nil {
			respondError(r, &Refusal{"bad_request", err.Error()})
			return
		}
		// one goroutine a call: a slow one must not hold up the others, and the call's own time-out bounds it
		s.calls.Go(func() {
			ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
			defer cancel()
			resp, err := answer(ctx, req)
			if err != nil {
				respondError(r, err)
				return
			}
			data, err := encode(r, resp)
			if err == nil {
				err = r.Respond(data)
			}
			if err != nil {
				respondError(r, err)
			}
		})
	}), micro.WithEndpointSubject(subject))
	if err != nil {
		return fmt.Errorf("control: answer %s: %w", subject, err)
	}
	return nil
}

func decode(r micro.Request, m proto.Message) error {
	data := r.Data()
	if r.Headers().Get("Content-Type") == binary {
		return proto.Unmarshal(data, m)
	}
	if len(data) == 0 {
		return nil
	}
	return protojson.Unmarshal(data, m)
}

func encode(r micro.Request, m proto.Message) ([]byte, error) {
	if r.Headers().Get("Content-Type") == binary {
		return proto.Marshal(m)
	}
	return protojson.MarshalOptions{EmitUnpopulated: true, UseProtoNames: true}.Marshal(m)
}

// respondError answers no. An answer that cannot be sent has nobody to hear it: the caller times out and says so.
func respondError(r micro.Request, err error) {
	code := "unavailable"
	var refusal *Refusal
	if errors.As(err, &refusal) {
		code = refusal.Code
	}
	_ = r.Error(code, strings.ReplaceAll(err.Error(), "\n", "; "), nil)
}

// Call asks and waits for the answer, until ctx ends. Nobody there to answer is said so at once.
func Call(ctx context.Context, conn *nats.Conn, subject string, req, resp proto.Message) error {
	data, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("control: %s: %w", subject, err)
	}
	msg := nats.NewMsg(subject)
	msg.Header.Set("Content-Type", binary)
	msg.Data = data
	answer, err := conn.RequestMsgWithContext(ctx, msg)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return Refuse("unavailable", "nobody answers %s on %s: is Penstock running there (`penstock up`)?", subject, conn.ConnectedUrlRedacted())
	case err != nil:
		return fmt.Errorf("control: %s: %w", subject, err)
	}
	if code := answer.Header.Get(micro.ErrorCodeHeader); code != "" {
		return &Refusal{Code: code, Text: answer.Header.Get(micro.ErrorHeader)}
	}
	if err := proto.Unmarshal(answer.Data, resp); err != nil {
		return fmt.Errorf("control: read the answer to %s: %w", subject, err)
	}
	return nil
}
