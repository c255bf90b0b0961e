package queue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Backlog is what the queue still holds of one sync, in messages; those in somebody's hands and not acked count.
type Backlog struct {
	Changes uint64
	Results uint64
	Letters uint64
}

// Backlog counts.
func (q *Queue) Backlog(ctx context.Context, id penstock.SyncID) (b Backlog, err error) {
	if err := checkSync(id); err != nil {
		return b, err
	}
	for _, part := range []struct {
		stream, subject string
		n               *uint64
	}{
		{streamChanges, subjectOfBothLanes(id), &b.Changes},
		{streamResults, subjectOfResult(id), &b.Results},
		{streamLetters, subjectOfLetters(id), &b.Letters},
	} {
		stream, err := q.js.Stream(ctx, part.stream)
		if err != nil {
			return Backlog{}, fault("count in "+part.stream, err)
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(part.subject))
		if err != nil {
			return Backlog{}, fault("count in "+part.stream, err)
		}
		for _, n := range info.State.Subjects {
			*part.n += n
		}
	}
	return b, nil
}

// Outstanding counts the chunks that wait for an environment's writers, or are in their hands.
func (q *Queue) Outstanding(ctx context.Context, environment string) (chunks uint64, err error) {
	stream, err := q.js.Stream(ctx, streamChanges)
	if err != nil {
		return 0, fault("count in "+streamChanges, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(subjectOfEnvironment(environment)))
	if err != nil {
		return 0, fault("count in "+streamChanges, err)
	}
	for _, n := range info.State.Subjects {
		chunks += n
	}
	return chunks, nil
}

// Purge removes all chunks of a sync from the queue. Those that a writer holds are in its hands still.
func (q *Queue) Purge(ctx context.Context, id penstock.SyncID) error {
	if err := checkSync(id); err != nil {
		return err
	}
	stream, err := q.js.Stream(ctx, streamChanges)
	if err != nil {
		return fault("purge "+id.String(), err)
	}
	for _, lane := range []penstock.Lane{penstock.Live, penstock.Bulk} { // consumers follow a purge within their filter only
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(subjectOfChanges(id, lane))); err != nil {
			return fault("purge "+id.String(), err)
		}
	}
	return nil
}

// room remembers for a moment whether there is any.
type room struct {
	mu    sync.Mutex
	asked time.Time
	err   error
}

// Room is nil when results and dead letters can be stored, with an eighth to spare: a writer asks before it takes a
// chunk. The answer is up to four times [penstock.Timing.Flush] old.
func (q *Queue) Room(ctx context.Context) error {
	r := &q.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.asked.IsZero() || now.Sub(r.asked) > 4*q.timing.Flush {
		r.err = q.askRoom(ctx)
		r.asked = now
	}
	return r.err
}

func (q *Queue) askRoom(ctx context.Context) error {
	for name, reader := range map[string]string{streamResults: "extractor", streamLetters: "dead-letter service"} {
		stream, err := q.js.Stream(ctx, name)
		if err != nil {
			return fault("look for room in "+name, err)
		}
		info := stream.CachedInfo()
		used, most := info.State.Bytes, uint64(max(info.Config.MaxBytes, 0))
		if most > 0 && used > most-most/8 {
			return &penstock.Error{
				Op: "nats: " + name, Kind: penstock.Transient, Err: fmt.Errorf("%d of %d bytes are taken", used, most),
				Hint: "does the " + reader + " run, and is ClickHouse well?",
			}
		}
	}
	return nil
}
