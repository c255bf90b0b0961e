// Package control carries the control calls: NATS micro services (nats.io/micro) that take and give the messages of
// proto/penstock/v1/control.proto. The command line and the console use nothing else.
package control

import (
	"cmp"
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
	Run            = "penstock.control.run"             // RunRequest -> RunResponse
	Runs           = "penstock.control.runs"            // RunsRequest -> RunsResponse
	Apply          = "penstock.control.apply"           // ApplyRequest -> ApplyResponse; see [CallLong]
	Diff           = "penstock.control.diff"            // ApplyRequest -> ApplyResponse, and nothing is stored
	History        = "penstock.control.history"         // HistoryRequest -> HistoryResponse
	Compare        = "penstock.control.compare"         // CompareRequest -> CompareResponse
	Rollback       = "penstock.control.rollback"        // RollbackRequest -> ApplyResponse; see [CallLong]
	DeadLetters    = "penstock.control.deadletters"     // DeadLettersRequest -> DeadLettersResponse
	Metadata       = "penstock.control.metadata"        // MetadataRequest -> MetadataResponse
	TestConnection = "penstock.control.test_connection" // TestConnectionRequest -> TestConnectionResponse
	Privileges     = "penstock.control.privileges"      // PrivilegesRequest -> PrivilegesResponse
	Plan           = "penstock.control.plan"            // PlanRequest -> PlanResponse; see [CallLong]
	Row            = "penstock.control.row"             // RowRequest -> RowResponse; see [CallLong]
	Suggest        = "penstock.control.suggest"         // SuggestRequest -> SuggestResponse; see [CallLong]
)

const binary = "application/protobuf"

// A Refusal is an answer that is no: a sentence for a person, with what to do next.
type Refusal struct {
	Code string // bad_request, not_found, refused, conflict, unavailable
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
	conn    *nats.Conn
	ctx     context.Context //nolint:containedctx // the micro package calls back without one
	calls   sync.WaitGroup
}

// Serve announces a service; any number of processes may, and each call reaches one of them. ctx is that of the calls.
func Serve(ctx context.Context, conn *nats.Conn, name, version, description string) (*Service, error) {
	s, err := micro.AddService(conn, micro.Config{Name: name, Version: version, Description: description})
	if err != nil {
		return nil, fmt.Errorf("control: announce %s: %w", name, err)
	}
	return &Service{service: s, conn: conn, ctx: ctx}, nil
}

// Close stops answering, and waits for the calls in hand.
func (s *Service) Close() error {
	err := s.service.Stop()
	s.calls.Wait()
	return err
}

// usual is how long the answer to a call may take, and usually does not.
const usual = time.Minute

// Handle answers one call, within a minute. Req and Resp are pointers to messages.
func Handle[Req, Resp proto.Message](s *Service, subject string, answer func(context.Context, Req) (Resp, error)) error {
	return HandleLong(s, subject, usual, func(ctx context.Context, req Req, _ func(string)) (Resp, error) { return answer(ctx, req) })
}

// watchHeader names the subject below which a caller of a long call listens (told) and gives up (cancel).
const watchHeader = "Penstock-Watch"

// HandleLong answers a call that may take its time, at most limit. tell says in some words what is being done, to a caller who
// listens ([CallLong]). Where that one gives up, ctx ends.
func HandleLong[Req, Resp proto.Message](
	s *Service, subject string, limit time.Duration, answer func(ctx context.Context, req Req, tell func(string)) (Resp, error),
) error {
	var zero Req
	name := subject[strings.LastIndexByte(subject, '.')+1:]
	err := s.service.AddEndpoint(name, micro.HandlerFunc(func(r micro.Request) {
		// The request is micro's again when this returns, so what is needed of it is taken out.
		c := call{conn: s.conn, reply: r.Reply(), binary: r.Headers().Get("Content-Type") == binary, watch: r.Headers().Get(watchHeader)}
		req := zero.ProtoReflect().New().Interface().(Req) // of Req's own type, so the assertion holds
		if err := c.decode(r.Data(), req); err != nil {
			c.refuse(&Refusal{"bad_request", err.Error()})
			return
		}
		// one goroutine a call: a slow one must not hold up the others, and the call's own time-out bounds it
		s.calls.Go(func() {
			ctx, cancel := context.WithTimeout(s.ctx, limit)
			defer cancel()
			defer c.heed(cancel)()
			resp, err := answer(ctx, req, c.tell)
			if err != nil {
				c.refuse(err)
				return
			}
			c.answer(resp)
		})
	}), micro.WithEndpointSubject(subject))
	if err != nil {
		return fmt.Errorf("control: answer %s: %w", subject, err)
	}
	return nil
}

// A call is who waits for an answer, and in which form. An answer that cannot be sent has nobody to hear of it: the caller
// times out, and says so.
type call struct {
	conn   *nats.Conn
	reply  string
	binary bool
	watch  string // empty: nobody listens before the answer
}

// heed cancels when the caller gives up, until it is told to stop. A caller that is gone without a word costs the call's limit.
func (c call) heed(cancel context.CancelFunc) (stop func()) {
	if c.watch == "" {
		return func() {}
	}
	sub, err := c.conn.Subscribe(c.watch+".cancel", func(*nats.Msg) { cancel() })
	if err != nil {
		return func() {}
	}
	return func() { _ = sub.Unsubscribe() } // of a connection that is closed, perhaps
}

// tell is a courtesy: what is not heard is no loss.
func (c call) tell(what string) {
	if c.watch != "" {
		_ = c.conn.Publish(c.watch+".told", []byte(what))
	}
}

func (c call) decode(data []byte, m proto.Message) error {
	if c.binary {
		return proto.Unmarshal(data, m)
	}
	if len(data) == 0 {
		return nil
	}
	return protojson.Unmarshal(data, m)
}

func (c call) answer(m proto.Message) {
	encode := protojson.MarshalOptions{EmitUnpopulated: true, UseProtoNames: true}.Marshal
	if c.binary {
		encode = proto.Marshal
	}
	data, err := encode(m)
	if err != nil {
		c.refuse(err)
		return
	}
	if err := c.conn.Publish(c.reply, data); errors.Is(err, nats.ErrMaxPayload) {
		c.refuse(fmt.Errorf("the answer takes %d bytes, and the NATS server carries %d in one message; ask for less at a time", len(data), c.conn.MaxPayload()))
	}
}

func (c call) refuse(err error) {
	code := "unavailable"
	var refusal *Refusal
	if errors.As(err, &refusal) {
		code = refusal.Code
	}
	msg := nats.NewMsg(c.reply)
	msg.Header.Set(micro.ErrorCodeHeader, code)
	msg.Header.Set(micro.ErrorHeader, strings.ReplaceAll(err.Error(), "\n", "; "))
	msg.Data = []byte(err.Error()) // with its lines, which a header cannot have
	_ = c.conn.PublishMsg(msg)
}

// Call asks and waits for the answer, until ctx ends. Nobody there to answer is said so at once.
func Call(ctx context.Context, conn *nats.Conn, subject string, req, resp proto.Message) error {
	return ask(ctx, conn, subject, "", req, resp)
}

// CallLong is [Call] of what takes its time: told hears what is being done, from another goroutine, and never once CallLong has
// returned. When ctx ends, whoever is at it is asked to stop.
func CallLong(ctx context.Context, conn *nats.Conn, subject string, req, resp proto.Message, told func(string)) error {
	watch := conn.NewInbox()
	var over sync.Mutex
	listening := true
	sub, err := conn.Subscribe(watch+".told", func(m *nats.Msg) {
		over.Lock()
		defer over.Unlock()
		if listening {
			told(string(m.Data))
		}
	})
	if err != nil {
		return fmt.Errorf("control: %s: %w", subject, err)
	}
	defer func() {
		over.Lock()
		listening = false
		over.Unlock()
		_ = sub.Unsubscribe() // of a connection that is closed, perhaps
	}()
	err = ask(ctx, conn, subject, watch, req, resp)
	if ctx.Err() != nil && conn.Publish(watch+".cancel", nil) == nil {
		_ = conn.FlushTimeout(time.Second) // the caller may end at once; unheard, the call goes on to its limit
	}
	return err
}

func ask(ctx context.Context, conn *nats.Conn, subject, watch string, req, resp proto.Message) error {
	data, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("control: %s: %w", subject, err)
	}
	msg := nats.NewMsg(subject)
	msg.Header.Set("Content-Type", binary)
	if watch != "" {
		msg.Header.Set(watchHeader, watch)
	}
	msg.Data = data
	answer, err := conn.RequestMsgWithContext(ctx, msg)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return Refuse("unavailable", "nobody answers %s on %s: is Penstock running there (`penstock up`)?", subject, conn.ConnectedUrlRedacted())
	case errors.Is(err, nats.ErrMaxPayload):
		return Refuse("bad_request", "what is asked takes %d bytes, and the NATS server carries %d in one message; ask for less at a time", len(data), conn.MaxPayload())
	case err != nil:
		return fmt.Errorf("control: %s: %w", subject, err)
	}
	if code := answer.Header.Get(micro.ErrorCodeHeader); code != "" {
		return &Refusal{Code: code, Text: cmp.Or(string(answer.Data), answer.Header.Get(micro.ErrorHeader))}
	}
	if err := proto.Unmarshal(answer.Data, resp); err != nil {
		return fmt.Errorf("control: read the answer to %s: %w", subject, err)
	}
	return nil
}
