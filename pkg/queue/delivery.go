package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// One take in so many looks at the bulk lane first, so that a busy live lane does not starve it.
const bulkFirst = 8

// ErrForfeit is wrapped by [Delivery.Held] once the chunk may be in other hands.
var ErrForfeit = errors.New("the chunk is forfeit")

// A Delivery is one chunk in the hands of one writer. Heart-beats keep it there, at most for [penstock.Timing.Hold],
// until Ack or Release, one of which must be called.
type Delivery struct {
	// Chunk is nil where the message could not be read: Err says why, and what follows comes from its headers. Where
	// even these are missing, Run has a sync and no number: nothing of ours.
	Chunk   *penstock.Chunk
	Run     penstock.RunID
	Ordinal uint32
	Count   uint32 // of changes
	Err     error

	// Deliveries is how often JetStream has handed the chunk out, this time included.
	Deliveries uint64

	q      *Queue
	reply  string // where acks go
	most   time.Time
	term   *term
	cancel context.CancelFunc
	beats  sync.WaitGroup
}

// Take takes one chunk of an environment, live before bulk, and returns nil when there is none within
// [penstock.Timing.Flush]. Call it with the permit to send in hand: the time that the chunk is ours runs from the asking.
//
// A pull that is under way when ctx ends is waited for, and a chunk that came is returned all the same: dropping it would
// count as a delivery.
func (q *Queue) Take(ctx context.Context, environment string) (*Delivery, error) {
	lanes := [...]penstock.Lane{penstock.Live, penstock.Bulk}
	if q.takes.Add(1)%bulkFirst == 0 {
		lanes = [...]penstock.Lane{penstock.Bulk, penstock.Live}
	}
	for _, lane := range lanes {
		if d, err := q.pull(ctx, environment, lane, 0); d != nil || err != nil {
			return d, err
		}
	}
	return q.pull(ctx, environment, penstock.Live, q.timing.Flush)
}

// pull asks for one message, and waits for it that long, or not at all.
func (q *Queue) pull(ctx context.Context, environment string, lane penstock.Lane, wait time.Duration) (*Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ask, err := json.Marshal(struct {
		Batch   int           `json:"batch"`
		Expires time.Duration `json:"expires,omitempty"`
		NoWait  bool          `json:"no_wait,omitempty"`
	}{1, wait, wait == 0})
	if err != nil {
		return nil, fmt.Errorf("nats: take: %w", err)
	}
	consumer := consumerOf(environment, lane)
	op := "take a chunk from " + consumer + " of " + streamChanges
	// One request, one answer. It must be heard out: JetStream sends the chunk to whoever asked, listening or not.
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+q.timing.AckWait/3)
	defer cancel()
	asked := time.Now()
	msg, err := q.ask(patience, subjectOfPull(streamChanges, consumer), ask)
	if err != nil {
		return nil, fault(op, err)
	}
	if msg.Reply != "" {
		return q.deliver(ctx, msg, asked), nil
	}
	switch status := msg.Header.Get("Status"); status {
	case "404", "408", "409": // none; expired; or the server is stopping or busy, which the next take will show
		return nil, nil
	case "503":
		return nil, fault(op, nats.ErrNoResponders)
	default:
		return nil, fault(op, fmt.Errorf("status %s %s", status, msg.Header.Get("Description")))
	}
}

// ask is a request with an inbox of its own. Those of nats.Conn share one, and tell answers apart by their subject; but a
// message of a stream comes with the subject that it was published to, and is dropped unless it is the only one awaited.
func (q *Queue) ask(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	inbox := q.conn.NewInbox()
	sub, err := q.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only where it is over already
	if err := q.conn.PublishRequest(subject, inbox, data); err != nil {
		return nil, err
	}
	return sub.NextMsgWithContext(ctx)
}

func (q *Queue) deliver(ctx context.Context, msg *nats.Msg, asked time.Time) *Delivery {
	d := &Delivery{
		q: q, reply: msg.Reply, Deliveries: 1,
		term: newTerm(asked.Add(q.timing.AckWait)), most: asked.Add(q.timing.Hold),
	}
	if meta, err := msg.Metadata(); err == nil {
		d.Deliveries = meta.NumDelivered
	}
	if d.Chunk, d.Err = decodeChunk(msg); d.Err == nil {
		d.Run, d.Ordinal, d.Count = d.Chunk.Run, d.Chunk.Ordinal, uint32(len(d.Chunk.Changes))
	} else {
		d.Err = fmt.Errorf("chunk on %s: %w", msg.Subject, d.Err)
		run, ordinal, count, err := decodeHeaders(msg)
		d.Run = penstock.RunID{Sync: run.Sync}
		if err == nil {
			d.Run, d.Ordinal, d.Count = run, ordinal, count
		}
	}
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx)) // it ends with Ack or Release, not with the taking
	d.beats.Go(func() { d.beat(ctx) })
	return d
}

// beat tells JetStream that the chunk is being worked on, until stopped or forfeit. Only a confirmed heart-beat counts,
// and it counts from when it was sent. The confirmation proves nothing about who holds the chunk; the deadline does.
func (d *Delivery) beat(ctx context.Context) {
	every := d.q.timing.AckWait / 3
	tick := time.NewTicker(every)
	defer tick.Stop()
	end := time.NewTimer(time.Until(d.term.deadline()))
	defer end.Stop()
	for d.term.lasts() {
		select {
		case <-ctx.Done():
			return
		case <-end.C: // look again
		case <-tick.C:
			sent := time.Now()
			patience, cancel := context.WithTimeout(ctx, every)
			_, err := d.q.conn.RequestWithContext(patience, d.reply, []byte("+WPI"))
			cancel()
			if err == nil {
				d.term.extend(earlier(sent.Add(d.q.timing.AckWait), d.most))
			}
		}
		end.Reset(time.Until(d.term.deadline()))
	}
	d.q.log.Warn("nats: a chunk was held too long and is forfeit",
		"sync", d.Run.Sync.String(), "run", d.Run.Number, "chunk", d.Ordinal)
}

// Held is nil while the chunk is ours, by both clocks: ask right before each send. Once it is not, it never is again.
func (d *Delivery) Held() error {
	if !d.term.lasts() {
		return fmt.Errorf("chunk %d of run %d of %s: %w", d.Ordinal, d.Run.Number, d.Run.Sync, ErrForfeit)
	}
	return nil
}

// Forfeited is closed soon after the chunk ceased to be ours. A process that was frozen may read it too late: see Held.
func (d *Delivery) Forfeited() <-chan struct{} { return d.term.over }

// Deadline is until when the chunk is ours, unless a heart-beat makes it later.
func (d *Delivery) Deadline() time.Time { return d.term.deadline() }

// Ack removes the chunk from the queue, and waits until JetStream confirms it; it is asked again until ctx ends, for AckWait at most. Call it
// when result and letters are stored. A forfeited chunk may be acked too: whoever has it now finds it done.
func (d *Delivery) Ack(ctx context.Context) error {
	d.stop()
	// By then the chunk comes again anyway, or its stream is gone: an ack that nobody takes would hold its writer for ever.
	ctx, cancel := context.WithTimeout(ctx, d.q.timing.AckWait)
	defer cancel()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		patience, cancel := context.WithTimeout(ctx, d.q.timing.AckWait/3)
		_, err := d.q.conn.RequestWithContext(patience, d.reply, []byte("+ACK"))
		cancel()
		if err == nil {
			return nil
		}
		wait.Reset(d.q.firstWait())
		select {
		case <-ctx.Done():
			return fault("ack a chunk of "+d.Run.Sync.String(), errors.Join(err, ctx.Err()))
		case <-wait.C:
		}
		if errors.Is(err, nats.ErrConnectionClosed) {
			return fault("ack a chunk of "+d.Run.Sync.String(), err)
		}
	}
}

// Release gives the chunk back undone, on shutdown: another writer may take it at once. It counts as a delivery. A chunk
// that is forfeit already is left alone, since it may be in other hands.
func (d *Delivery) Release() {
	d.stop()
	if d.term.lasts() {
		d.term.end()
		if err := d.q.conn.Publish(d.reply, []byte("-NAK")); err != nil {
			d.q.log.Warn("nats: a chunk could not be given back; it comes again after a while", "cause", err)
		}
	}
}

func (d *Delivery) stop() {
	d.cancel()
	d.beats.Wait()
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
