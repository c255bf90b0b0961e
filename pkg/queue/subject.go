package queue

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// Streams. This file alone spells the names that are seen on the wire.
const (
	streamRequests = "PENSTOCK_REQUESTS"
	streamChanges  = "PENSTOCK_CHANGES"
	streamResults  = "PENSTOCK_RESULTS"
	streamLetters  = "PENSTOCK_DEADLETTERS"
	streamAudit    = "PENSTOCK_AUDIT"
)

// Buckets.
const (
	bucketSpecs    = "penstock_specs"
	bucketRuns     = "penstock_runs"
	bucketLeases   = "penstock_leases"
	bucketLimits   = "penstock_limits"
	bucketMetadata = "penstock_metadata"
)

// Durable consumers of the streams that one service reads alone. Those of changes are named by [consumerOf].
const (
	consumerRequests = "extractor"
	consumerResults  = "ledger"
	consumerLetters  = "deadletter"
)

// Subjects that streams take in.
const (
	subjectRequests = "penstock.request.*.*"
	subjectChanges  = "penstock.changes.*.*.*"
	subjectResults  = "penstock.results.*.*"
	subjectLetters  = "penstock.deadletters.*.*.*"
	subjectAudit    = "penstock.audit.>"
)

// inboxPrefix is where answers come in, so that permissions can name it.
const inboxPrefix = "_INBOX_penstock"

// Headers of a chunk say enough to report one whose payload cannot be read.
const (
	headerOrganization = "Penstock-Organization"
	headerRun          = "Penstock-Run"
	headerEpoch        = "Penstock-Epoch"
	headerChunk        = "Penstock-Chunk"
	headerCount        = "Penstock-Count"
)

var token = regexp.MustCompile(`^[a-z0-9_-]+$`)

// checkSync makes sure that a sync's names can stand in a subject: a wildcard or a dot in them would reach other syncs.
func checkSync(id penstock.SyncID) error {
	if !token.MatchString(id.Environment) || !token.MatchString(id.Name) {
		return fmt.Errorf("%q is not the name of a sync: environment and name consist of a-z, 0-9, '-' and '_'", id)
	}
	return nil
}

// syncOf reads the sync out of a subject that one of the streams takes in.
func syncOf(subject string) (penstock.SyncID, error) {
	parts := strings.Split(subject, ".")
	var id penstock.SyncID
	switch {
	case len(parts) < 2:
	case parts[1] == "changes" && len(parts) == 5:
		id = penstock.SyncID{Environment: parts[2], Name: parts[4]}
	case len(parts) >= 4:
		id = penstock.SyncID{Environment: parts[2], Name: parts[3]}
	}
	if err := checkSync(id); err != nil {
		return penstock.SyncID{}, fmt.Errorf("subject %q names no sync: %w", subject, err)
	}
	return id, nil
}

func subjectOfRequest(id penstock.SyncID) string {
	return "penstock.request." + id.Environment + "." + id.Name
}

func subjectOfChanges(id penstock.SyncID, lane penstock.Lane) string {
	return "penstock.changes." + id.Environment + "." + lane.String() + "." + id.Name
}

// subjectOfBothLanes is a filter.
func subjectOfBothLanes(id penstock.SyncID) string {
	return "penstock.changes." + id.Environment + ".*." + id.Name
}

// subjectOfLane is the filter of a lane's consumer. Filters of one work queue must not overlap.
func subjectOfLane(environment string, lane penstock.Lane) string {
	return "penstock.changes." + environment + "." + lane.String() + ".*"
}

func subjectOfResult(id penstock.SyncID) string {
	return "penstock.results." + id.Environment + "." + id.Name
}

func subjectOfLetter(id penstock.SyncID, class penstock.Class) string {
	return "penstock.deadletters." + id.Environment + "." + id.Name + "." + string(class)
}

// subjectOfLetters is a filter.
func subjectOfLetters(id penstock.SyncID) string {
	return "penstock.deadletters." + id.Environment + "." + id.Name + ".*"
}

// subjectOfEvents names the events of one sync, or those of all where parts of the id are empty.
func subjectOfEvents(id penstock.SyncID) string {
	part := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return "penstock.events." + part(id.Environment) + "." + part(id.Name)
}

// consumerOf names the durable consumer of a lane.
func consumerOf(environment string, lane penstock.Lane) string {
	return environment + "-" + lane.String()
}

// subjectOfPull is where one message is asked of a consumer.
func subjectOfPull(stream, consumer string) string {
	return "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer
}

func streamOfBucket(bucket string) string { return "KV_" + bucket }

func subjectOfBucket(bucket string) string { return "$KV." + bucket + ".>" }

// keyOfRun is where the run record of a sync is kept.
func keyOfRun(id penstock.SyncID) string { return id.Environment + "." + id.Name }

// LeaderLease names the lease of whoever leads the runs of a sync.
func LeaderLease(id penstock.SyncID) string { return "sync." + id.Environment + "." + id.Name }

// UserLease names the lease of one application user of an environment, where user is its client id.
func UserLease(environment, user string) string { return "user." + environment + "." + user }

// SpecsLease names the lease of whoever changes what is applied.
func SpecsLease() string { return "specs" }

// SpecOfEnvironment names the stored specification of an environment.
func SpecOfEnvironment(environment string) string { return "environment." + environment }

// SpecOfSync names the stored specification of a sync.
func SpecOfSync(id penstock.SyncID) string { return "sync." + id.Environment + "." + id.Name }

// EnvironmentOfSpec and [SyncOfSpec] read the names back; ok is false for those of the other kind.
func EnvironmentOfSpec(name string) (environment string, ok bool) {
	return strings.CutPrefix(name, SpecOfEnvironment(""))
}

// SyncOfSpec is the sync that a specification of that name is of.
func SyncOfSpec(name string) (id penstock.SyncID, ok bool) {
	rest, ok := strings.CutPrefix(name, "sync.")
	id.Environment, id.Name, _ = strings.Cut(rest, ".")
	return id, ok
}

// LimitsOfUser names what is remembered of the limits of an application user: learned rate, pause, spend.
func LimitsOfUser(environment, user string) string { return "user." + environment + "." + user }

// keyOfMetadata is where the metadata of a table is kept, by the organisation that it was read from: two environments of
// one organisation share it.
func keyOfMetadata(organization, table string) string { return organization + "." + table }

// subjectOfEnvironment is a filter of all that waits for an environment's writers.
func subjectOfEnvironment(environment string) string {
	return "penstock.changes." + environment + ".*.*"
}

// idOfChunk, idOfResult and idOfLetter are Nats-Msg-Ids: they guard a publisher's own retries.

func idOfChunk(run penstock.RunID, ordinal uint32) string {
	return fmt.Sprintf("%s/%s/%d/%d/%d", run.Sync, run.Organization, run.Number, run.Epoch, ordinal)
}

// idOfResult holds a checksum too: a writer may say two things about one delivery, first that it is at it.
func idOfResult(r *penstock.Result, checksum uint32) string {
	return fmt.Sprintf("%s/%d/%08x", idOfChunk(r.Run, r.Chunk), r.Deliveries, checksum)
}

func idOfLetter(l *penstock.Letter) string {
	return fmt.Sprintf("%s/%d", idOfChunk(l.Run, l.Chunk), l.Ordinal)
}
