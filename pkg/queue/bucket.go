package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// ErrConflict is wrapped where a stored value is not the one that was to be replaced.
var ErrConflict = errors.New("somebody else was quicker")

// A Value is one entry of a bucket. Revision is 0 where there is none.
type Value struct {
	Name     string
	Data     []byte    // JSON
	Revision uint64    // grows with every change to the bucket
	At       time.Time // when it was stored
}

// Run reads the record of a sync's newest run, and its revision. A sync without one has the zero run, with its name set,
// and revision 0.
func (q *Queue) Run(ctx context.Context, id penstock.SyncID) (penstock.Run, uint64, error) {
	if err := checkSync(id); err != nil {
		return penstock.Run{}, 0, err
	}
	v, err := q.get(ctx, bucketRuns, keyOfRun(id))
	if err != nil {
		return penstock.Run{}, 0, err
	}
	run, err := decodeRecord(v, id)
	return run, v.Revision, err
}

// UpdateRun changes the record of a sync by compare-and-set: change gets the record as it is, and is called again with
// the newer one when somebody else was quicker. Its error ends the attempt and is returned as it is; the record that it
// saw comes with it. Where an answer is lost, the error is [penstock.Transient] and the change may have been made.
func (q *Queue) UpdateRun(
	ctx context.Context, id penstock.SyncID, change func(*penstock.Run) error,
) (penstock.Run, error) {
	for {
		run, revision, err := q.Run(ctx, id)
		if err != nil {
			return penstock.Run{}, err
		}
		if err := change(&run); err != nil {
			return run, err
		}
		data, err := json.Marshal(run)
		if err != nil {
			return run, fmt.Errorf("run of %s: %w", id, err)
		}
		_, err = q.replace(ctx, bucketRuns, keyOfRun(id), data, revision)
		if errors.Is(err, ErrConflict) {
			continue
		}
		return run, err
	}
}

// Runs reads the records of all syncs. One that cannot be read is left out, and logged: it must not hold up the others.
func (q *Queue) Runs(ctx context.Context) ([]penstock.Run, error) {
	values, err := q.list(ctx, bucketRuns)
	if err != nil {
		return nil, err
	}
	runs := make([]penstock.Run, 0, len(values))
	for _, v := range values {
		run, err := decodeRecord(v, penstock.SyncID{})
		if err != nil {
			q.log.Error("nats: a run record cannot be read; its sync is not led", "name", v.Name, "cause", err)
			continue
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func decodeRecord(v Value, id penstock.SyncID) (penstock.Run, error) {
	run := penstock.Run{ID: penstock.RunID{Sync: id}}
	if v.Revision == 0 {
		return run, nil
	}
	if err := json.Unmarshal(v.Data, &run); err != nil {
		return penstock.Run{}, fmt.Errorf("run record %s: %w", v.Name, err)
	}
	return run, nil
}

// PutSpec stores the specification of that name (see [SpecOfEnvironment], [SpecOfSync]) if its revision is still the one
// given, 0 for a new one; otherwise the error is [ErrConflict]. It returns the new revision.
func (q *Queue) PutSpec(ctx context.Context, name string, data []byte, revision uint64) (uint64, error) {
	return q.replace(ctx, bucketSpecs, name, data, revision)
}

// DropSpec removes the specification of that name if its revision is still the one given; otherwise the error is
// [ErrConflict].
func (q *Queue) DropSpec(ctx context.Context, name string, revision uint64) error {
	bucket, err := q.bucket(ctx, bucketSpecs)
	if err != nil {
		return err
	}
	err = bucket.Delete(ctx, name, jetstream.LastRevision(revision))
	if conflict(err) {
		return fmt.Errorf("nats: %s in %s: %w", name, bucketSpecs, ErrConflict)
	}
	return fault("drop "+name+" from "+bucketSpecs, err)
}

// Specs reads all specifications.
func (q *Queue) Specs(ctx context.Context) ([]Value, error) { return q.list(ctx, bucketSpecs) }

// Limits reads what is remembered under that name (see [LimitsOfUser]).
func (q *Queue) Limits(ctx context.Context, name string) (Value, error) {
	return q.get(ctx, bucketLimits, name)
}

// PutLimits remembers, whatever was there before. Who holds the lease is alone in writing.
func (q *Queue) PutLimits(ctx context.Context, name string, data []byte) error {
	bucket, err := q.bucket(ctx, bucketLimits)
	if err != nil {
		return err
	}
	_, err = bucket.Put(ctx, name, data)
	return fault("store "+name+" in "+bucketLimits, err)
}

// Metadata reads what is kept of a table's metadata, nil where nothing is: it was never kept, or Timing.Metadata ago.
func (q *Queue) Metadata(ctx context.Context, organization, table string) ([]byte, error) {
	v, err := q.get(ctx, bucketMetadata, keyOfMetadata(organization, table))
	if err != nil || v.Revision == 0 {
		return nil, err
	}
	size, err := s2.DecodedLen(v.Data)
	if err != nil || size > maxDecoded {
		return nil, nil //nolint:nilerr // what cannot be read is not there: whoever asks reads it anew
	}
	data, err := s2.Decode(nil, v.Data)
	if err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	return data, nil
}

// PutMetadata keeps a table's metadata for all services, compressed: the choices of a large table are long lists of labels.
func (q *Queue) PutMetadata(ctx context.Context, organization, table string, data []byte) error {
	bucket, err := q.bucket(ctx, bucketMetadata)
	if err != nil {
		return err
	}
	name := keyOfMetadata(organization, table)
	_, err = bucket.Put(ctx, name, s2.EncodeBetter(nil, data))
	return fault("store "+name+" in "+bucketMetadata, err)
}

// DropMetadata makes everyone read a table's metadata anew.
func (q *Queue) DropMetadata(ctx context.Context, organization, table string) error {
	bucket, err := q.bucket(ctx, bucketMetadata)
	if err != nil {
		return err
	}
	name := keyOfMetadata(organization, table)
	return fault("drop "+name+" from "+bucketMetadata, bucket.Delete(ctx, name))
}

// bucket looks a bucket up once; the handle stays good as long as there is one of that name.
func (q *Queue) bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	if b, ok := q.buckets.Load(name); ok {
		return b.(jetstream.KeyValue), nil
	}
	b, err := q.js.KeyValue(ctx, name)
	if err != nil {
		return nil, fault("open bucket "+name, err)
	}
	q.buckets.Store(name, b)
	return b, nil
}

func (q *Queue) get(ctx context.Context, bucket, name string) (Value, error) {
	b, err := q.bucket(ctx, bucket)
	if err != nil {
		return Value{}, err
	}
	entry, err := b.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Value{Name: name}, nil
	}
	if err != nil {
		return Value{}, fault("read "+name+" in "+bucket, err)
	}
	return Value{Name: name, Data: entry.Value(), Revision: entry.Revision(), At: entry.Created()}, nil
}

func (q *Queue) replace(ctx context.Context, bucket, name string, data []byte, revision uint64) (uint64, error) {
	b, err := q.bucket(ctx, bucket)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		revision, err = b.Create(ctx, name, data)
	} else {
		revision, err = b.Update(ctx, name, data, revision)
	}
	if conflict(err) {
		return 0, fmt.Errorf("nats: %s in %s: %w", name, bucket, ErrConflict)
	}
	return revision, fault("store "+name+" in "+bucket, err)
}

func (q *Queue) list(ctx context.Context, bucket string) ([]Value, error) {
	b, err := q.bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	watcher, err := b.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fault("list "+bucket, err)
	}
	defer func() { _ = watcher.Stop() }() // its subscription ends with the connection at the latest
	var values []Value
	for {
		select {
		case <-ctx.Done():
			return nil, fault("list "+bucket, ctx.Err())
		case entry := <-watcher.Updates():
			if entry == nil {
				return values, ctx.Err()
			}
			values = append(values, Value{Name: entry.Key(), Data: entry.Value(), Revision: entry.Revision(), At: entry.Created()})
		}
	}
}

// conflict reports whether a compare-and-set found another revision than expected.
func conflict(err error) bool {
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return true
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant // replicated
}
