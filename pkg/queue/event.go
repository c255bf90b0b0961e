package queue

import (
	"context"
	"iter"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// PublishEvent tells whoever listens now how a run goes on, as JSON.
func (q *Queue) PublishEvent(e penstock.Event) error {
	data, err := encodeEvent(&e)
	if err != nil {
		return err
	}
	return fault("tell of a run", q.conn.Publish(subjectOfEvents(e.Run.Sync), data))
}

// Events listens to the runs of one sync, or to all where parts of the id are empty: from now on, and until ctx ends,
// which it must. Events that come while the caller is slow are kept for it, up to a point, and then dropped; those that
// cannot be read are left out.
func (q *Queue) Events(ctx context.Context, id penstock.SyncID) (iter.Seq[penstock.Event], error) {
	sub, err := q.conn.SubscribeSync(subjectOfEvents(id))
	if err != nil {
		return nil, fault("listen to runs", err)
	}
	patience, cancel := context.WithTimeout(ctx, q.timing.Publish)
	defer cancel()
	if err := q.conn.FlushWithContext(patience); err != nil { // the server knows of us from here on
		_ = sub.Unsubscribe() // it is the flush that failed
		return nil, fault("listen to runs", err)
	}
	context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() }) // fails only where there is nothing to end
	return func(yield func(penstock.Event) bool) {
		for {
			msg, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				return
			}
			e, err := decodeEvent(msg)
			if err != nil {
				q.log.Warn("nats: an event could not be read", "subject", msg.Subject, "cause", err)
				continue
			}
			if !yield(e) {
				return
			}
		}
	}, nil
}
