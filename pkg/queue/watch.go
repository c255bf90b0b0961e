package queue

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// WatchSpecs calls changed with every specification that there is, and then with each that is changed, until ctx ends;
// Data is nil for one that was deleted. After the connection was lost it begins anew and tells everything again, so a
// specification may come more than once. The error is that of ctx, unless there was nothing to watch in the first place.
func (q *Queue) WatchSpecs(ctx context.Context, changed func(Value)) error {
	bucket, err := q.bucket(ctx, bucketSpecs)
	if err != nil {
		return err
	}
	// A watcher notices only after some heart-beats that the server has forgotten it.
	connected := q.conn.StatusChanged(nats.CONNECTED)
	defer q.conn.RemoveStatusListener(connected)
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		if err := watch(ctx, bucket, connected, changed); err != nil && ctx.Err() == nil {
			q.log.Warn("nats: specifications are not watched; trying again", "cause", err)
		}
		wait.Reset(q.mostWait())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wait.C:
		}
	}
}

// watch returns when it has to be called again.
func watch(ctx context.Context, bucket jetstream.KeyValue, connected <-chan nats.Status, changed func(Value)) error {
	watcher, err := bucket.WatchAll(ctx)
	if err != nil {
		return fault("watch "+bucket.Bucket(), err)
	}
	defer func() { _ = watcher.Stop() }() // its subscription ends with the connection at the latest
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-connected:
			return nil
		case entry, ok := <-watcher.Updates():
			switch {
			case !ok:
				return nil
			case entry == nil: // all that there was has been told
			case entry.Operation() != jetstream.KeyValuePut:
				changed(Value{Name: entry.Key(), Revision: entry.Revision()})
			default:
				changed(Value{Name: entry.Key(), Data: entry.Value(), Revision: entry.Revision(), At: entry.Created()})
			}
		}
	}
}
