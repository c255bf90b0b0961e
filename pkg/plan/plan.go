// Package plan foretells what the next run of a sync would do: which records it would make, change and remove, and which
// rows it could not send, with the values that Dataverse has now beside those that it would get. Nothing is written.
//
// Rows are compared with the ledger by the SQL of the run's own diff, and rendered by the run's own mapping, so the plan
// names the rows that a run sends as long as the warehouse stays as it is. What only Dataverse knows is asked of it in few
// small reads, for a part of the rows: what is projected from them is marked as estimated.
package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// The kinds of rows, as [penstockv1.PlannedKind] has them.
const (
	Unchanged = "unchanged"
	Waiting   = "waiting"
	Create    = "create"
	Adopt     = "adopt"
	Update    = "update"
	Resend    = "resend"
	Retry     = "retry"
	Again     = "again"
	Refuse    = "refuse"

	Delete      = "delete" // with deactivate and clear named by [spec.Action]
	Park        = "park"
	Keep        = "keep"
	LeftWaiting = "left_waiting"
)

// How a sync stands to what is applied.
const (
	StateNew     = "new"
	StateChanged = "changed"
	StateApplied = "applied"
)

// Bounds of a plan.
const (
	DefaultSamples = 5
	MaxSamples     = 1000

	rendered = 100_000 // changed rows that are rendered; of the others the mapping's refusals are not foreseen
	compared = 20      // records of a kind that are shown column by column
	asked    = 50      // keys that the ledger does not know of which Dataverse is asked at least
	atOnce   = 4       // reads of Dataverse under way together
)

// Input is what a plan is made of.
type Input struct {
	Sync         spec.Sync
	Environment  spec.Environment
	Organization string
	Mapping      *mapping.Plan
	Tables       map[string]*dataverse.Table // the sync's own and those that its lookups name, by logical name

	Applied        *spec.Sync    // as it is applied; nil: it is not
	AppliedMapping *mapping.Plan // compiled against the same metadata; nil: it is not applied, or does not compile any more
	Last           penstock.Run  // the sync's newest run; zero: there was none

	Ledger  *ledger.Ledger
	Records Records
	Guard   func(ledger.Found, ledger.Past) string // why leaving rows are held back; empty where they are not
	RunRows uint64                                 // most rows that one run sends

	Samples int               // keys that are named of each kind, and rows that are compared with Dataverse, of which no more than 20
	Query   string            // before the ids of queries
	Tell    func(what string) // hears what is being done
}

// Records reads records of Dataverse: [dataverse.Client.Record].
type Records interface {
	Record(ctx context.Context, t *dataverse.Table, address string, columns []string) (dataverse.Record, bool, error)
}

// A planning is one under way.
type planning struct {
	Input
	table   *dataverse.Table
	model   ledger.Model
	past    ledger.Past
	preview ledger.Preview
	rows    rows
	reader  reader
	out     *penstockv1.PlannedSync
}

// State says how a sync stands to what is applied, and what is not as it is there.
func State(s spec.Sync, applied *spec.Sync) (state string, differences []string) {
	if applied == nil {
		return StateNew, nil
	}
	if differences = Differences(*applied, s); len(differences) > 0 {
		return StateChanged, differences
	}
	return StateApplied, nil
}

// Make plans one sync.
func Make(ctx context.Context, in Input) (*penstockv1.PlannedSync, error) {
	p := &planning{Input: in, table: in.Tables[in.Sync.To.Table], out: &penstockv1.PlannedSync{
		Environment: in.Sync.To.Environment, Sync: in.Sync.Name, Table: in.Sync.To.Table, Mode: string(in.Sync.To.Mode),
	}}
	p.reader = reader{records: in.Records, table: p.table, tables: in.Tables, resolved: map[string]string{}}
	p.out.State, p.out.Differences = State(in.Sync, in.Applied)
	xxh3, city := in.Mapping.HashExprs()
	p.model = ledger.Model{
		SQL: in.Sync.From.Query, Key: in.Mapping.KeyExpr(), XXH3: xxh3, City: city, Fingerprint: in.Mapping.Fingerprint(), Removal: in.Mapping.LeaveFingerprint(),
		Since: Since(p.Last), Keep: in.Sync.To.OnLeave.Action == spec.Nothing,
	}
	for _, step := range []func(context.Context) error{p.compare, p.render, p.look, p.changes, p.leaves, p.refusals, p.time} {
		if err := step(ctx); err != nil {
			return p.out, err
		}
	}
	p.causes()
	p.underWay()
	p.out.Compared = true
	return p.out, nil
}

// Since is from which run on a sync's entries count in its next run: those of earlier ones do not when a full run has been
// asked for. last is its newest run.
func Since(last penstock.Run) uint64 {
	wish := last.Next
	if !last.Phase.Final() && last.Wish.Full {
		wish = wish.Fold(last.Wish)
	}
	switch {
	case !wish.Full:
		return 0
	case wish.Since > 0:
		return wish.Since
	}
	return last.ID.Number + 1
}

// compare asks the warehouse what a run's diff would find.
func (p *planning) compare(ctx context.Context) (err error) {
	p.Tell("comparing the model with the ledger")
	id := p.Sync.ID()
	if p.past, err = p.Ledger.Past(ctx, id, p.Organization); err != nil {
		return err
	}
	if p.preview, err = p.Ledger.Preview(ctx, p.Organization, id, p.model, p.Samples+1, p.Query+"-diff"); err != nil {
		return err
	}
	p.out.Rows = p.preview.Read()
	return nil
}

// kind adds rows to the plan, unless there are none.
func (p *planning) kind(k *penstockv1.PlannedKind) {
	if k.GetRows() == 0 {
		return
	}
	if len(k.GetKeys()) > p.Samples {
		k.Keys, k.More = k.GetKeys()[:p.Samples], true
	}
	p.out.Kinds = append(p.out.Kinds, k)
	switch k.GetKind() {
	case Create, Adopt, Update, Resend, Retry, Again, Delete, string(spec.Deactivate), string(spec.Clear):
		p.out.Send += k.GetRows()
	}
}

// changes tells what would be sent, and of the rest of the model that nothing happens with it.
func (p *planning) changes(context.Context) error {
	p.kind(&penstockv1.PlannedKind{Kind: Unchanged, Rows: p.preview.Unchanged})
	p.unknown()
	for _, w := range []struct {
		why  ledger.Why
		kind string
	}{{ledger.Values, Update}, {ledger.Mapping, Resend}, {ledger.Refused, Retry}, {ledger.Unsettled, Again}} {
		p.kind(&penstockv1.PlannedKind{Kind: w.kind, Rows: p.fit(w.why), Keys: p.rows.keys[w.why]})
	}
	return nil
}

// fit is how many rows of a reason can be sent. The model is read more than once, and may have changed in between.
func (p *planning) fit(why ledger.Why) uint64 {
	return p.preview.Changes[why] - min(p.preview.Changes[why], p.rows.unfit[why])
}

// unknown tells what becomes of rows that the ledger does not know: whether there is a record already Dataverse alone knows.
func (p *planning) unknown() {
	total := uint64(0)
	var keys []string
	for _, why := range []ledger.Why{ledger.New, ledger.Back} {
		total += p.fit(why)
		keys = append(keys, p.rows.keys[why]...)
	}
	slices.Sort(keys)
	there, absent := p.reader.there, p.reader.absent
	seen := uint64(len(there) + len(absent))
	estimated := seen < total
	adopted := uint64(len(there))
	if n := p.reader.drawn; estimated && n > 0 {
		adopted = (total*p.reader.drawnThere + n/2) / n
		// No fewer than are known of either kind.
		adopted = max(min(adopted, total-min(total, uint64(len(absent)))), uint64(len(there)))
	}
	adopted = min(adopted, total)
	if estimated {
		// Keys of those that were asked for come first, then those of which nothing is known.
		known := map[string]bool{}
		for _, key := range slices.Concat(there, absent) {
			known[key] = true
		}
		absent = slices.Concat(absent, slices.DeleteFunc(keys, func(k string) bool { return known[k] }))
	}
	create := &penstockv1.PlannedKind{Kind: Create, Rows: total - adopted, Estimated: estimated, Keys: absent}
	adopt := &penstockv1.PlannedKind{Kind: Adopt, Rows: adopted, Estimated: estimated, Keys: there}
	switch {
	case p.Mapping.Operation() == penstock.Update:
		create.Kind, create.Cause = Refuse, "there is no such record, and mode: update makes none"
	case p.Mapping.Operation() == penstock.Create:
		adopt.Cause = "the record is there, and mode: create does not change it"
	case seen == 0:
		create.Cause = "made or adopted: Dataverse could not be asked which"
	}
	p.kind(create)
	p.kind(adopt)
}

// leaves tells what becomes of rows that left the model.
func (p *planning) leaves(context.Context) error {
	keys := p.preview.Keys[ledger.KindLeft]
	left := &penstockv1.PlannedKind{Kind: string(p.Sync.To.OnLeave.Action), Rows: p.preview.Left, Keys: keys}
	if p.Sync.To.OnLeave.Action == spec.Nothing {
		left.Kind = Keep
	} else if why := p.Guard(p.preview.Found, p.past); why != "" {
		left.Kind, left.Cause = Park, why
	}
	p.kind(left)
	p.kind(&penstockv1.PlannedKind{Kind: LeftWaiting, Rows: p.preview.LeftWaiting, Keys: p.preview.Keys[ledger.KindLeftWaiting]})
	return nil
}

// refusals tells what would become a dead letter, and which letters wait.
func (p *planning) refusals(ctx context.Context) error {
	p.kind(&penstockv1.PlannedKind{
		Kind: Refuse, Rows: p.preview.Duplicate, Keys: p.preview.Keys[ledger.KindDuplicate],
		Cause: "duplicate_key: other rows of the model share the key (Dataverse ignores case and trailing blanks)",
	})
	p.kind(&penstockv1.PlannedKind{Kind: Refuse, Rows: p.preview.Keyless, Cause: "no_key: a key column is NULL or empty"})
	for _, r := range p.rows.refused {
		p.kind(&penstockv1.PlannedKind{Kind: Refuse, Rows: r.rows, Keys: r.keys, Cause: r.cause})
	}
	if p.preview.Waiting == 0 {
		return nil
	}
	groups, err := p.Ledger.Groups(ctx, ledger.Choice{Environment: p.Sync.To.Environment, Sync: p.Sync.Name})
	if err != nil {
		return err
	}
	var causes []string
	for _, g := range groups {
		cause := g.Cause.Code
		if about := g.Cause.Column + g.Cause.Privilege + g.Cause.Key; about != "" {
			cause += " (" + about + ")"
		}
		if !slices.Contains(causes, cause) {
			causes = append(causes, cause)
		}
	}
	const most = 8
	if n := len(causes) - most; n > 0 {
		causes = append(causes[:most], fmt.Sprintf("and %d more causes", n))
	}
	cause := strings.Join(causes, ", ")
	p.kind(&penstockv1.PlannedKind{Kind: Waiting, Rows: p.preview.Waiting, Keys: p.preview.Keys[ledger.KindWaiting], Cause: cause})
	return nil
}

// The assumption where nothing is known yet: what is published of Dataverse's throughput comes to some 200 rows a second for
// each application user, with keys other than GUIDs to less.
const assumedRate = 200

// leastRun is from how many rows on a run's speed says something: those of short runs are all waiting.
const leastRun = 1000

// time says how long sending takes, by what the environment's last runs came to.
func (p *planning) time(ctx context.Context) error {
	runs, err := p.Ledger.Runs(ctx, p.Sync.To.Environment, "", 50)
	if err != nil {
		return err
	}
	var rows uint64
	var took time.Duration
	n := 0
	for _, r := range runs {
		sent := r.Counts.Accepted + r.Counts.Deleted
		if r.Phase == penstock.Closed && r.ID.Organization == p.Organization && sent >= leastRun && r.Ended.After(r.Started) {
			rows, took, n = rows+sent, took+r.Ended.Sub(r.Started), n+1
		}
	}
	users := len(p.Environment.Users)
	rate := float64(assumedRate * users)
	p.out.Pace = fmt.Sprintf("assumed: %d rows/s for each of %d application users, as no run of %d rows or more has closed yet", assumedRate, users, leastRun)
	if users == 1 {
		p.out.Pace = fmt.Sprintf("assumed: %d rows/s for an application user, as no run of %d rows or more has closed yet", assumedRate, leastRun)
	}
	if n > 0 {
		rate = float64(rows) / took.Seconds()
		p.out.Pace = fmt.Sprintf("%.0f rows/s in the environment's last %d runs of %d rows or more", rate, n, leastRun)
		if n == 1 {
			p.out.Pace = fmt.Sprintf("%.0f rows/s in the environment's last run of %d rows or more", rate, leastRun)
		}
	}
	p.out.Takes = durationpb.New(time.Duration(float64(p.out.GetSend()) / rate * float64(time.Second)).Round(time.Second / 10))
	if p.RunRows > 0 && p.preview.Changed > p.RunRows {
		p.note(fmt.Sprintf("one run sends at most %d rows: it takes %d runs, which follow one another", p.RunRows, (p.preview.Changed+p.RunRows-1)/p.RunRows))
	}
	return nil
}

// underWay says that the ledger is about to change.
func (p *planning) underWay() {
	if p.Last.ID.Number > 0 && !p.Last.Phase.Final() {
		p.note(fmt.Sprintf("run %d is under way (%s): what it sends is in the plan as long as it is not accepted", p.Last.ID.Number, p.Last.Phase))
	}
}

func (p *planning) note(s string) { p.out.Notes = append(p.out.Notes, s) }
