package extractor

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/plan"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// planLimit is how long a plan may take: three reads of each model.
const planLimit = 10 * time.Minute

// answerPlan plans syncs as they stand in files, or as they are applied. It writes nothing, metadata included.
func (x *extractor) answerPlan(ctx context.Context, r *penstockv1.PlanRequest, tell func(string)) (*penstockv1.PlanResponse, error) {
	live, unread, err := x.allApplied(ctx)
	if err != nil {
		return nil, err
	}
	environments, applied := live.Environments, live.Syncs
	syncs := applied
	if r.GetFolder() == "" {
		for name, fault := range unread {
			if len(r.GetNames()) == 0 || slices.Contains(r.GetNames(), label(name)) {
				return nil, fault
			}
		}
	} else {
		files := make([]spec.Document, len(r.GetDocuments()))
		for i, d := range r.GetDocuments() {
			files[i] = spec.Document{File: d.GetFile(), Data: []byte(d.GetText())}
		}
		folder, err := spec.Read(r.GetFolder(), files)
		if err != nil {
			return nil, control.Refuse("bad_request", "%s", err)
		}
		environments, syncs = folder.Environments, folder.Syncs
	}
	if syncs, err = choose(syncs, r.GetNames()); err != nil {
		return nil, err
	}
	samples := plan.DefaultSamples
	if n := r.GetSamples(); n > 0 {
		samples = int(min(n, plan.MaxSamples))
	}
	reports := map[string]connection.Report{}
	resp := &penstockv1.PlanResponse{}
	for _, s := range syncs {
		report, tested := reports[s.To.Environment]
		if !tested {
			if report, err = x.look(ctx, environments, syncs, s.To.Environment, tell); err != nil {
				return nil, err
			}
			reports[s.To.Environment] = report
			resp.Environments = append(resp.Environments, &penstockv1.PlannedEnvironment{
				Environment: report.Environment, Url: report.URL, Organization: report.Organization,
			})
		}
		planned, err := x.planSync(ctx, s, applied, environments, report, samples, func(what string) { tell(s.String() + ": " + what) })
		if err != nil {
			return nil, err
		}
		resp.Syncs = append(resp.Syncs, planned)
	}
	for _, e := range resp.GetEnvironments() {
		e.Steps = stepsOf(reports[e.GetEnvironment()], func(step connection.Step) bool {
			return !slices.ContainsFunc(syncs, func(s spec.Sync) bool { return isAbout(step, s) })
		})
	}
	fit(resp, int(x.queue.Conn().MaxPayload())*9/10)
	return resp, nil
}

// choose finds syncs by name, all of them when there is none.
func choose(syncs []spec.Sync, names []string) ([]spec.Sync, error) {
	if len(syncs) == 0 {
		return nil, control.Refuse("not_found", "nothing is applied; `penstock apply DIR` applies, and `penstock plan DIR` plans what is in files")
	}
	if len(names) == 0 {
		return syncs, nil
	}
	var chosen []spec.Sync
	known := make([]string, len(syncs))
	for i, s := range syncs {
		known[i] = s.String()
	}
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 {
			mend := document.DidYouMean(name, known)
			if mend == "" {
				mend = "there are " + strings.Join(known, ", ")
			}
			return nil, control.Refuse("not_found", "there is no sync %s; %s", name, mend)
		}
		chosen = append(chosen, syncs[i])
	}
	return chosen, nil
}

// look tests an environment with those of the syncs that write to it.
func (x *extractor) look(ctx context.Context, environments []spec.Environment, syncs []spec.Sync, name string, tell func(string)) (connection.Report, error) {
	in, err := connection.Select(environments, syncs, name, "", "")
	if err != nil {
		return connection.Report{}, control.Refuse("not_found", "%s; `penstock apply DIR` with its file", err)
	}
	tell(name + ": looking at the environment, and at tables, keys, columns and privileges")
	in.Model, in.Identities = x.sources, x.cfg.Identities
	return connection.Test(ctx, in), nil
}

func isAbout(step connection.Step, s spec.Sync) bool {
	return step.About == s.Name || strings.HasPrefix(step.About, s.Name+" as ")
}

func stepsOf(r connection.Report, of func(connection.Step) bool) []*penstockv1.TestStep {
	var steps []*penstockv1.TestStep
	for _, s := range r.Steps {
		if of(s) {
			steps = append(steps, s.Message())
		}
	}
	return steps
}

// planSync plans one sync. What stands in its way is told in its steps; an error is of this side.
func (x *extractor) planSync(
	ctx context.Context, s spec.Sync, applied []spec.Sync, environments []spec.Environment, report connection.Report, samples int, tell func(string),
) (*penstockv1.PlannedSync, error) {
	in := plan.Input{
		Sync: s, Organization: report.Organization, Ledger: x.ledger, RunRows: x.cfg.RunRows, Samples: samples, Tell: tell,
		Query: fmt.Sprintf("%s-%s-%s-plan-%s", x.cfg.Database, s.To.Environment, s.Name, rand.Text()),
		Guard: func(f ledger.Found, past ledger.Past) string { return guardOf(s).check(f, past) },
	}
	if i := slices.IndexFunc(applied, func(a spec.Sync) bool { return a.ID() == s.ID() }); i >= 0 {
		in.Applied = &applied[i]
	}
	for _, e := range environments {
		if e.Name == s.To.Environment {
			in.Environment = e
		}
	}
	steps := stepsOf(report, func(step connection.Step) bool { return isAbout(step, s) })
	bare := &penstockv1.PlannedSync{
		Environment: s.To.Environment, Sync: s.Name, Table: s.To.Table, Mode: string(s.To.Mode), Steps: steps,
	}
	bare.State, bare.Differences = plan.State(s, in.Applied)
	fault := func(name string, err error) (*penstockv1.PlannedSync, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		bare.Steps = append(bare.Steps, &penstockv1.TestStep{
			Name: name, About: s.Name, State: string(connection.Failed), Saw: strings.Join(strings.Fields(err.Error()), " "),
		})
		return bare, nil
	}
	fresh := report.Tables[s.To.Table]
	if report.Organization == "" || fresh == nil {
		return bare, nil // steps say why
	}
	notes, err := x.compileToPlan(ctx, &in, report.Tables)
	if err != nil {
		if slices.ContainsFunc(steps, func(step *penstockv1.TestStep) bool { return step.GetState() == string(connection.Failed) }) {
			return bare, nil // what stands in the way is said there
		}
		return fault("mapping", err)
	}
	client, err := x.client(in.Environment)
	if err != nil {
		return fault("records", err)
	}
	defer client.Close()
	in.Records = client
	if in.Last, _, err = x.queue.Run(ctx, s.ID()); err != nil {
		return nil, err
	}
	// A plan reads the model as a run does, and counts as one.
	select {
	case x.runs <- struct{}{}:
		defer func() { <-x.runs }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	planned, err := plan.Make(ctx, in)
	if err != nil {
		return fault("model", err)
	}
	planned.Steps, planned.Notes = steps, append(notes, planned.GetNotes()...)
	return planned, nil
}

// compileToPlan compiles the mapping as a run would, against the metadata that is kept as long as that fits, and that of the
// applied sync beside. Where Dataverse says otherwise by now, notes tell.
func (x *extractor) compileToPlan(ctx context.Context, in *plan.Input, fresh map[string]*dataverse.Table) (notes []string, err error) {
	s := in.Sync
	names := append([]string{s.To.Table}, mapping.Targets(s, fresh[s.To.Table])...)
	if in.Applied != nil {
		names = append(names, mapping.Targets(*in.Applied, fresh[s.To.Table])...)
	}
	in.Tables = map[string]*dataverse.Table{}
	for _, name := range names {
		kept, err := x.kept(ctx, in.Organization, name)
		if err != nil {
			return nil, err
		}
		if kept == nil {
			kept = fresh[name]
		}
		if kept != nil {
			in.Tables[name] = kept
		}
	}
	compile := func(s spec.Sync, tables map[string]*dataverse.Table) (*mapping.Plan, error) {
		sources, err := x.sources(ctx, s)
		if err != nil {
			return nil, err
		}
		return mapping.Compile(mapping.Input{Sync: s, Organization: in.Organization, Table: tables[s.To.Table], Targets: tables, Model: sources})
	}
	if in.Mapping, err = compile(s, in.Tables); err != nil {
		in.Tables = fresh // as a run does: what is kept may be out of date
		if in.Mapping, err = compile(s, in.Tables); err != nil {
			return nil, err
		}
	}
	if in.Applied != nil && in.Applied.To.Table == s.To.Table {
		in.AppliedMapping, _ = compile(*in.Applied, in.Tables) // one that does not compile any more sends nothing
	}
	if changed := plan.Metadata(in.Tables[s.To.Table], fresh[s.To.Table], s); len(changed) > 0 {
		notes = append(notes, fmt.Sprintf("the environment's metadata has changed since it was read for runs, which take it up within %s: %s",
			x.cfg.Timing.Metadata, strings.Join(changed, "; ")))
	}
	return notes, nil
}

// fit leaves out keys and records, where there are many, until the answer fits into a message.
func fit(resp *penstockv1.PlanResponse, most int) {
	for most > 0 && proto.Size(resp) > most {
		less := false
		for _, s := range resp.GetSyncs() {
			cut := false
			for _, k := range s.GetKinds() {
				if n := len(k.GetKeys()); n > 0 {
					k.Keys, k.More, cut = k.GetKeys()[:n/2], true, true
				}
			}
			if n := len(s.GetRecords()); n > 0 {
				s.Records, cut = s.GetRecords()[:n/2], true
			}
			const note = "keys and records were left out: the answer would not fit into a message. Plan fewer syncs at a time, or with fewer --samples"
			if cut && !slices.Contains(s.GetNotes(), note) {
				s.Notes = append(s.GetNotes(), note)
			}
			less = less || cut
		}
		if !less {
			return
		}
	}
}
