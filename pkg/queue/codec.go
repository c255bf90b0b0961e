package queue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/penstock-sync/penstock/pkg/penstock"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

const (
	contentType     = "Content-Type"
	protobufType    = "application/protobuf"
	contentEncoding = "Content-Encoding"
	s2Encoding      = "s2"

	compressFrom = 8 << 10  // smaller payloads travel as they are
	maxDecoded   = 64 << 20 // what a payload may decompress to
)

// pack puts a message into binary form, compressed where that pays.
func pack(subject, id string, m proto.Message) (*nats.Msg, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode for %s: %w", subject, err)
	}
	msg := &nats.Msg{Subject: subject, Header: nats.Header{contentType: {protobufType}}, Data: data}
	if id != "" {
		msg.Header.Set(nats.MsgIdHdr, id)
	}
	if len(data) > compressFrom {
		if small := s2.Encode(nil, data); len(small) < len(data) {
			msg.Data = small
			msg.Header.Set(contentEncoding, s2Encoding)
		}
	}
	return msg, nil
}

// unpack reads a message in binary or, unless its headers say so, as JSON. An empty JSON body is the empty object.
func unpack(header nats.Header, data []byte, m proto.Message) error {
	switch encoding := header.Get(contentEncoding); encoding {
	case "":
	case s2Encoding:
		size, err := s2.DecodedLen(data)
		if err != nil {
			return fmt.Errorf("decompress: %w", err)
		}
		if size > maxDecoded {
			return fmt.Errorf("decompress: %d bytes are more than %d", size, maxDecoded)
		}
		if data, err = s2.Decode(nil, data); err != nil {
			return fmt.Errorf("decompress: %w", err)
		}
	default:
		return fmt.Errorf("%s %q is not known: send plain or %s", contentEncoding, encoding, s2Encoding)
	}
	if header.Get(contentType) == protobufType {
		return proto.Unmarshal(data, m)
	}
	if len(data) == 0 {
		return nil
	}
	return protojson.Unmarshal(data, m)
}

// ---- chunk ----

func encodeChunk(c *penstock.Chunk) (*nats.Msg, error) {
	if err := checkSync(c.Run.Sync); err != nil {
		return nil, err
	}
	changes := make([]penstockv1.Change, len(c.Changes))
	list := make([]*penstockv1.Change, len(c.Changes))
	for i := range c.Changes {
		from, to := &c.Changes[i], &changes[i]
		to.Operation = encodeOperation(from.Operation)
		to.Key, to.Address, to.Body = from.Key, from.Address, from.Body
		to.Hash = encodeHash(&from.Hash)
		list[i] = to
	}
	msg, err := pack(subjectOfChanges(c.Run.Sync, c.Lane), idOfChunk(c.Run, c.Ordinal), &penstockv1.Chunk{
		Run: encodeRun(c.Run), Ordinal: c.Ordinal, Table: c.Table, Fingerprint: c.Fingerprint,
		Created: encodeTime(c.Created), Changes: list, Bulk: c.Lane == penstock.Bulk,
		Execution: &penstockv1.Execution{
			BypassSync: c.Execution.BypassSync, BypassAsync: c.Execution.BypassAsync, BypassSteps: c.Execution.BypassSteps,
			BypassFlows: c.Execution.BypassFlows, DetectDuplicates: c.Execution.DetectDuplicates,
		},
	})
	if err != nil {
		return nil, err
	}
	msg.Header.Set(headerOrganization, c.Run.Organization)
	msg.Header.Set(headerRun, strconv.FormatUint(c.Run.Number, 10))
	msg.Header.Set(headerEpoch, strconv.FormatUint(c.Run.Epoch, 10))
	msg.Header.Set(headerChunk, strconv.FormatUint(uint64(c.Ordinal), 10))
	msg.Header.Set(headerCount, strconv.Itoa(len(c.Changes)))
	return msg, nil
}

func decodeChunk(msg *nats.Msg) (*penstock.Chunk, error) {
	var m penstockv1.Chunk
	if err := unpack(msg.Header, msg.Data, &m); err != nil {
		return nil, err
	}
	run, err := decodeRun(m.GetRun(), msg.Subject)
	if err != nil {
		return nil, err
	}
	c := &penstock.Chunk{
		Run: run, Ordinal: m.GetOrdinal(), Table: m.GetTable(), Fingerprint: m.GetFingerprint(),
		Created: decodeTime(m.GetCreated()), Changes: make([]penstock.Change, len(m.GetChanges())),
	}
	e := m.GetExecution()
	c.Execution = penstock.Execution{
		BypassSync: e.GetBypassSync(), BypassAsync: e.GetBypassAsync(), BypassSteps: e.GetBypassSteps(),
		BypassFlows: e.GetBypassFlows(), DetectDuplicates: e.GetDetectDuplicates(),
	}
	if m.GetBulk() {
		c.Lane = penstock.Bulk
	}
	for i, from := range m.GetChanges() {
		to := &c.Changes[i]
		to.Key, to.Address, to.Body = from.GetKey(), from.GetAddress(), from.GetBody()
		if to.Operation, err = decodeOperation(from.GetOperation()); err != nil {
			return nil, fmt.Errorf("change %d: %w", i, err)
		}
		if to.Hash, err = decodeHash(from.GetHash()); err != nil {
			return nil, fmt.Errorf("change %d: %w", i, err)
		}
	}
	return c, nil
}

// decodeHeaders reads what a chunk's headers say of it. The sync is the subject's.
func decodeHeaders(msg *nats.Msg) (run penstock.RunID, ordinal, count uint32, err error) {
	if run.Sync, err = syncOf(msg.Subject); err != nil {
		return run, 0, 0, err
	}
	run.Organization = msg.Header.Get(headerOrganization)
	number := func(header string, bits int) uint64 {
		n, e := strconv.ParseUint(msg.Header.Get(header), 10, bits)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("header %s: %w", header, e))
			return 0
		}
		return n
	}
	run.Number = number(headerRun, 64)
	run.Epoch = number(headerEpoch, 64)
	ordinal = uint32(number(headerChunk, 32))
	count = uint32(number(headerCount, 32))
	return run, ordinal, count, err
}

// ---- result ----

func encodeResult(r *penstock.Result) (*penstockv1.Result, error) {
	if err := checkSync(r.Run.Sync); err != nil {
		return nil, err
	}
	m := &penstockv1.Result{
		Run: encodeRun(r.Run), Chunk: r.Chunk, Fingerprint: r.Fingerprint, Deliveries: r.Deliveries,
		Unanswered: r.Unanswered, Finished: encodeTime(r.Finished), Count: r.Count, Exhausted: r.Exhausted,
		Changes: make([]*penstockv1.Settled, len(r.Changes)),
	}
	if r.Suspend != nil {
		m.Suspend = encodeCause(r.Suspend)
	}
	changes := make([]penstockv1.Settled, len(r.Changes))
	for i := range r.Changes {
		from, to := &r.Changes[i], &changes[i]
		if from.Outcome < penstock.Accepted || from.Outcome > penstock.Unknown {
			return nil, fmt.Errorf("result of %s: change %d has no outcome", r.Run.Sync, i)
		}
		to.Operation = encodeOperation(from.Operation)
		to.Outcome = penstockv1.Outcome(from.Outcome) // numbered alike
		to.Key, to.Address, to.Hash = from.Key, from.Address, encodeHash(&from.Hash)
		m.Changes[i] = to
	}
	return m, nil
}

func decodeResult(header nats.Header, subject string, data []byte) (penstock.Result, error) {
	var m penstockv1.Result
	if err := unpack(header, data, &m); err != nil {
		return penstock.Result{}, err
	}
	run, err := decodeRun(m.GetRun(), subject)
	if err != nil {
		return penstock.Result{}, err
	}
	r := penstock.Result{
		Run: run, Chunk: m.GetChunk(), Fingerprint: m.GetFingerprint(), Deliveries: m.GetDeliveries(),
		Unanswered: m.GetUnanswered(), Finished: decodeTime(m.GetFinished()), Count: m.GetCount(), Exhausted: m.GetExhausted(),
		Changes: make([]penstock.Settled, len(m.GetChanges())),
	}
	if m.GetSuspend() != nil {
		r.Suspend = decodeCause(m.GetSuspend())
	}
	for i, from := range m.GetChanges() {
		to := &r.Changes[i]
		to.Key, to.Address, to.Outcome = from.GetKey(), from.GetAddress(), penstock.Outcome(from.GetOutcome())
		if o := from.GetOutcome(); o < penstockv1.Outcome_OUTCOME_ACCEPTED || o > penstockv1.Outcome_OUTCOME_UNKNOWN {
			return penstock.Result{}, fmt.Errorf("change %d: outcome %d is not known", i, o)
		}
		if to.Operation, err = decodeOperation(from.GetOperation()); err != nil {
			return penstock.Result{}, fmt.Errorf("change %d: %w", i, err)
		}
		if to.Hash, err = decodeHash(from.GetHash()); err != nil {
			return penstock.Result{}, fmt.Errorf("change %d: %w", i, err)
		}
	}
	return r, nil
}

// ---- letter ----

func encodeLetter(l *penstock.Letter) (*penstockv1.DeadLetter, error) {
	if err := checkSync(l.Run.Sync); err != nil {
		return nil, err
	}
	if !token.MatchString(string(l.Cause.Class)) {
		return nil, fmt.Errorf("letter of %s: %q is not a class", l.Run.Sync, l.Cause.Class)
	}
	return &penstockv1.DeadLetter{
		Run: encodeRun(l.Run), Chunk: l.Chunk, Ordinal: l.Ordinal, Table: l.Table, Operation: encodeOperation(l.Operation),
		Key: text(l.Key), Hash: encodeHash(&l.Hash), Fingerprint: l.Fingerprint, Rows: l.Rows,
		Cause: encodeCause(&l.Cause), At: encodeTime(l.At),
	}, nil
}

func decodeLetter(header nats.Header, subject string, data []byte) (penstock.Letter, error) {
	var m penstockv1.DeadLetter
	if err := unpack(header, data, &m); err != nil {
		return penstock.Letter{}, err
	}
	run, err := decodeRun(m.GetRun(), subject)
	if err != nil {
		return penstock.Letter{}, err
	}
	l := penstock.Letter{
		Run: run, Chunk: m.GetChunk(), Ordinal: m.GetOrdinal(), Table: m.GetTable(), Key: m.GetKey(),
		Fingerprint: m.GetFingerprint(), Rows: m.GetRows(), Cause: *decodeCause(m.GetCause()), At: decodeTime(m.GetAt()),
	}
	if l.Operation, err = decodeOperation(m.GetOperation()); err != nil {
		return penstock.Letter{}, err
	}
	if l.Hash, err = decodeHash(m.GetHash()); err != nil {
		return penstock.Letter{}, err
	}
	return l, nil
}

// ---- request and event ----

func decodeRequest(header nats.Header, subject string, data []byte) (penstock.Request, error) {
	id, err := syncOf(subject)
	if err != nil {
		return penstock.Request{}, err
	}
	var m penstockv1.Request
	if err := unpack(header, data, &m); err != nil {
		return penstock.Request{}, err
	}
	return penstock.Request{Sync: id, Full: m.GetFull(), By: m.GetBy(), Reason: m.GetReason()}, nil
}

func encodeRequest(r *penstock.Request) (*penstockv1.Request, error) {
	return &penstockv1.Request{Full: r.Full, By: r.By, Reason: r.Reason}, checkSync(r.Sync)
}

// encodeEvent is JSON, since browsers and shells are who listens.
func encodeEvent(e *penstock.Event) ([]byte, error) {
	if err := checkSync(e.Run.Sync); err != nil {
		return nil, err
	}
	c := e.Counts
	return protojson.Marshal(&penstockv1.RunEvent{
		Run: encodeRun(e.Run), Phase: string(e.Phase), Published: e.Published, Settled: e.Settled, Reason: e.Reason,
		At: encodeTime(e.At),
		Counts: &penstockv1.Counts{
			Read: c.Read, Unchanged: c.Unchanged, Accepted: c.Accepted, Refused: c.Refused, Waiting: c.Waiting,
			NotSent: c.NotSent, Left: c.Left, Deleted: c.Deleted, LeftRefused: c.LeftRefused,
			LeftWaiting: c.LeftWaiting, Parked: c.Parked, Kept: c.Kept, LeftNotSent: c.LeftNotSent,
			Truncated: c.Truncated,
		},
	})
}

func decodeEvent(msg *nats.Msg) (penstock.Event, error) {
	var m penstockv1.RunEvent
	if err := unpack(msg.Header, msg.Data, &m); err != nil {
		return penstock.Event{}, err
	}
	run, err := decodeRun(m.GetRun(), msg.Subject)
	if err != nil {
		return penstock.Event{}, err
	}
	c := m.GetCounts()
	return penstock.Event{
		Run: run, Phase: penstock.Phase(m.GetPhase()), Published: m.GetPublished(), Settled: m.GetSettled(),
		Reason: m.GetReason(), At: decodeTime(m.GetAt()),
		Counts: penstock.Counts{
			Read: c.GetRead(), Unchanged: c.GetUnchanged(), Accepted: c.GetAccepted(), Refused: c.GetRefused(),
			Waiting: c.GetWaiting(), NotSent: c.GetNotSent(), Left: c.GetLeft(), Deleted: c.GetDeleted(),
			LeftRefused: c.GetLeftRefused(), LeftWaiting: c.GetLeftWaiting(), Parked: c.GetParked(), Kept: c.GetKept(),
			LeftNotSent: c.GetLeftNotSent(), Truncated: c.GetTruncated(),
		},
	}, nil
}

// ---- parts ----

func encodeRun(r penstock.RunID) *penstockv1.RunID {
	return &penstockv1.RunID{
		Environment: r.Sync.Environment, Sync: r.Sync.Name, Organization: r.Organization, Number: r.Number, Epoch: r.Epoch,
	}
}

// decodeRun refuses a message that speaks of another sync than its subject does: who may publish is decided by subject.
func decodeRun(m *penstockv1.RunID, subject string) (penstock.RunID, error) {
	id, err := syncOf(subject)
	if err != nil {
		return penstock.RunID{}, err
	}
	if named := (penstock.SyncID{Environment: m.GetEnvironment(), Name: m.GetSync()}); named != id {
		return penstock.RunID{}, fmt.Errorf("message on %s speaks of %q", subject, named)
	}
	return penstock.RunID{Sync: id, Organization: m.GetOrganization(), Number: m.GetNumber(), Epoch: m.GetEpoch()}, nil
}

func encodeOperation(o penstock.Operation) penstockv1.Operation { return penstockv1.Operation(o + 1) }

func decodeOperation(o penstockv1.Operation) (penstock.Operation, error) {
	if o < penstockv1.Operation_OPERATION_UPSERT || o > penstockv1.Operation_OPERATION_RESTORE {
		return 0, fmt.Errorf("operation %d is not known", o)
	}
	return penstock.Operation(o - 1), nil
}

func encodeHash(h *penstock.Hash) []byte {
	if *h == (penstock.Hash{}) {
		return nil
	}
	return h[:]
}

func decodeHash(b []byte) (h penstock.Hash, err error) {
	if len(b) != 0 && len(b) != len(h) {
		return h, fmt.Errorf("hash of %d bytes, not %d", len(b), len(h))
	}
	copy(h[:], b)
	return h, nil
}

func encodeCause(c *penstock.Cause) *penstockv1.Cause {
	return &penstockv1.Cause{
		Class: text(string(c.Class)), Code: text(c.Code), Column: text(c.Column), Target: text(c.Target),
		Privilege: text(c.Privilege), Message: text(c.Message), Status: uint32(c.Status), RequestId: text(c.RequestID),
		Key: text(c.Key),
	}
}

// text makes foreign text storable: protobuf refuses what is not UTF-8, and a letter must not be lost over that.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func decodeCause(m *penstockv1.Cause) *penstock.Cause {
	return &penstock.Cause{
		Class: penstock.Class(m.GetClass()), Code: m.GetCode(), Column: m.GetColumn(), Target: m.GetTarget(),
		Privilege: m.GetPrivilege(), Message: m.GetMessage(), Status: int(m.GetStatus()), RequestID: m.GetRequestId(),
		Key: m.GetKey(),
	}
}

func encodeTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func decodeTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
