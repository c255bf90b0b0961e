package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// maxMessage is the largest message, headers and subject included: what NATS takes unless told otherwise.
const maxMessage = 1 << 20

// headroom is what the client adds to the headers of a message.
const headroom = 256

// duplicates is how long JetStream remembers a Nats-Msg-Id. It guards a publisher's own retries, nothing else.
const duplicates = 2 * time.Minute

// ErrDrift is wrapped by the errors of Declare that list how an existing stream, bucket or consumer differs.
var ErrDrift = errors.New("declared otherwise")

// declareTime bounds asking for JetStream, and making and verifying streams and consumers. No promise rests on it, so it is not of penstock.Timing: a
// server that is starting, or a disk that is slow, may take its time.
const declareTime = 30 * time.Second

// Declare makes the streams, buckets and shared consumers that are missing, and compares those that exist with what this
// version wants. It never changes an existing one: every setting that differs is part of the error, which is [ErrDrift].
func (q *Queue) Declare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, declareTime)
	defer cancel()
	var errs []error
	for _, want := range q.streams() {
		errs = append(errs, q.declareStream(ctx, want))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, c := range []struct{ stream, name, filter string }{
		{streamRequests, consumerRequests, subjectRequests},
		{streamResults, consumerResults, subjectResults},
		{streamLetters, consumerLetters, subjectLetters},
	} {
		errs = append(errs, q.declareConsumer(ctx, c.stream, q.consumer(c.name, c.filter)))
	}
	return errors.Join(errs...)
}

// DeclareEnvironment makes the two consumers of an environment's chunks, as Declare does. It must have been called
// before a chunk is published: one that no consumer covers would stay for ever.
func (q *Queue) DeclareEnvironment(ctx context.Context, environment string) error {
	ctx, cancel := context.WithTimeout(ctx, declareTime)
	defer cancel()
	if !token.MatchString(environment) {
		return fmt.Errorf("%q is not the name of an environment: it consists of a-z, 0-9, '-' and '_'", environment)
	}
	var errs []error
	for _, lane := range []penstock.Lane{penstock.Live, penstock.Bulk} {
		want := q.consumer(consumerOf(environment, lane), subjectOfLane(environment, lane))
		errs = append(errs, q.declareConsumer(ctx, streamChanges, want))
	}
	return errors.Join(errs...)
}

// streams is everything that is stored; a bucket is a stream with a shape that clients know.
func (q *Queue) streams() []jetstream.StreamConfig {
	work := func(name, subject, about string, bytes int64) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Subjects: []string{subject}, Description: about, Retention: jetstream.WorkQueuePolicy,
			Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage, Replicas: q.replicas,
			MaxBytes: bytes, MaxMsgSize: maxMessage, Duplicates: duplicates,
		}
	}
	bucket := func(name, about string, history int64, ttl time.Duration) jetstream.StreamConfig {
		remember := duplicates
		if ttl > 0 {
			remember = min(remember, ttl)
		}
		return jetstream.StreamConfig{
			Name: streamOfBucket(name), Subjects: []string{subjectOfBucket(name)}, Description: about,
			Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage, Replicas: q.replicas,
			MaxBytes: 256 << 20, MaxMsgSize: maxMessage, Duplicates: remember, MaxAge: ttl,
			MaxMsgsPerSubject: history, AllowRollup: true, DenyDelete: true,
			AllowDirect: false, // a direct get may be answered by a replica that lags
		}
	}
	return []jetstream.StreamConfig{
		work(streamRequests, subjectRequests, "wishes for runs", 64<<20),
		work(streamChanges, subjectChanges, "chunks on their way to a writer", q.maxBytes),
		work(streamResults, subjectResults, "what became of chunks, on its way to the ledger", q.maxBytes),
		work(streamLetters, subjectLetters, "refused changes, on their way to the dead-letter store", q.maxBytes),
		{
			Name: streamAudit, Subjects: []string{subjectAudit}, Description: "who did what",
			Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage, Replicas: q.replicas,
			MaxBytes: 1 << 30, MaxMsgSize: maxMessage, MaxAge: 400 * 24 * time.Hour, Duplicates: duplicates,
		},
		bucket(bucketSpecs, "environments and syncs, as applied", 64, 0),
		bucket(bucketRuns, "per sync, its newest run and the wish for the next", 1, 0),
		bucket(bucketLeases, "who leads a sync, who writes as an application user", 1, q.timing.Lease),
		bucket(bucketLimits, "what is known of Dataverse's limits", 1, 0),
		bucket(bucketMetadata, "tables of Dataverse, as they were read some time ago", 1, q.timing.Metadata),
	}
}

// consumer is the shape of all of ours. MaxDeliver would strand messages and BackOff delay them, so there is neither;
// MaxAckPending is above what all readers together hold, since a pull that meets it is left hanging.
func (q *Queue) consumer(name, filter string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: name, FilterSubject: filter, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.timing.AckWait, MaxDeliver: -1, MaxAckPending: 4096,
	}
}

func (q *Queue) declareStream(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := q.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = q.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was quicker
			stream, err = q.js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return fault("declare stream "+want.Name, err)
	}
	have := stream.CachedInfo().Config
	var d drift
	d.add("subjects", slices.Equal(have.Subjects, want.Subjects), have.Subjects, want.Subjects)
	d.add("retention", have.Retention == want.Retention, have.Retention, want.Retention)
	d.add("discard", have.Discard == want.Discard, have.Discard, want.Discard)
	d.add("storage", have.Storage == want.Storage, have.Storage, want.Storage)
	d.add("replicas", have.Replicas == want.Replicas, have.Replicas, want.Replicas)
	d.add("max_bytes", have.MaxBytes == want.MaxBytes, have.MaxBytes, want.MaxBytes)
	d.add("max_msg_size", have.MaxMsgSize == want.MaxMsgSize, have.MaxMsgSize, want.MaxMsgSize)
	d.add("max_msgs", have.MaxMsgs <= 0, have.MaxMsgs, "no limit")
	d.add("max_msgs_per_subject", max(have.MaxMsgsPerSubject, 0) == want.MaxMsgsPerSubject,
		have.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	d.add("max_age", have.MaxAge == want.MaxAge, have.MaxAge, want.MaxAge)
	d.add("duplicate_window", have.Duplicates == want.Duplicates, have.Duplicates, want.Duplicates)
	d.add("allow_direct", have.AllowDirect == want.AllowDirect, have.AllowDirect, want.AllowDirect)
	d.add("allow_rollup_hdrs", have.AllowRollup == want.AllowRollup, have.AllowRollup, want.AllowRollup)
	d.add("deny_delete", have.DenyDelete == want.DenyDelete, have.DenyDelete, want.DenyDelete)
	return d.err("stream "+want.Name, "nats stream edit "+want.Name)
}

func (q *Queue) declareConsumer(ctx context.Context, stream string, want jetstream.ConsumerConfig) error {
	// Looked up first: servers before 2.15.2 lose the state of a consumer whose creation they refuse.
	consumer, err := q.js.Consumer(ctx, stream, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = q.js.CreateConsumer(ctx, stream, want)
		if errors.Is(err, jetstream.ErrConsumerExists) {
			consumer, err = q.js.Consumer(ctx, stream, want.Durable)
		}
	}
	if err != nil {
		return fault("declare consumer "+want.Durable+" of "+stream, err)
	}
	have := consumer.CachedInfo().Config
	var d drift
	d.add("filter", have.FilterSubject == want.FilterSubject, have.FilterSubject, want.FilterSubject)
	d.add("deliver", have.DeliverPolicy == want.DeliverPolicy, have.DeliverPolicy, want.DeliverPolicy)
	d.add("ack", have.AckPolicy == want.AckPolicy, have.AckPolicy, want.AckPolicy)
	d.add("wait", have.AckWait == want.AckWait, have.AckWait, want.AckWait)
	d.add("max_deliver", have.MaxDeliver == want.MaxDeliver, have.MaxDeliver, want.MaxDeliver)
	d.add("max_pending", have.MaxAckPending == want.MaxAckPending, have.MaxAckPending, want.MaxAckPending)
	d.add("backoff", len(have.BackOff) == 0, have.BackOff, "none")
	return d.err("consumer "+want.Durable+" of "+stream, "nats consumer edit "+stream+" "+want.Durable)
}

// drift collects how something differs from what is wanted.
type drift []error

func (d *drift) add(setting string, same bool, have, want any) {
	if !same {
		*d = append(*d, fmt.Errorf("%s is %v, not %v", setting, have, want))
	}
}

func (d *drift) err(what, command string) error {
	if len(*d) == 0 {
		return nil
	}
	return &penstock.Error{
		Op: "nats: " + what, Kind: penstock.SystemFault, Err: fmt.Errorf("%w: %w", ErrDrift, errors.Join(*d...)),
		Hint: "change it with '" + command + "', or run Penstock with the settings that it was made with",
	}
}
