package extractor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/extractor/specs"
)

// answerApply checks a folder beside what else is applied, and stores what is different in it: all or nothing.
func (x *extractor) answerApply(ctx context.Context, r *penstockv1.ApplyRequest, tell func(string)) (*penstockv1.ApplyResponse, error) {
	p, err := read(r)
	if err != nil {
		return nil, err
	}
	// JetStream may be a new one: what it lost is made again.
	if err := x.queue.Declare(ctx); err != nil {
		return nil, err
	}
	resp, err := x.change(ctx, intent{by: r.GetBy(), reason: r.GetReason(), unchecked: r.GetUnchecked(), seen: r.GetSeen(), tell: tell}, p.changes)
	if err != nil {
		return nil, err
	}
	for _, e := range p.folder.Environments {
		if err := x.queue.DeclareEnvironment(ctx, e.Name); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// answerDiff says what answerApply would do.
func (x *extractor) answerDiff(ctx context.Context, r *penstockv1.ApplyRequest) (*penstockv1.ApplyResponse, error) {
	p, err := read(r)
	if err != nil {
		return nil, err
	}
	return x.preview(ctx, p.changes)
}

func read(r *penstockv1.ApplyRequest) (proposal, error) {
	files := make([]spec.Document, len(r.GetDocuments()))
	for i, d := range r.GetDocuments() {
		files[i] = spec.Document{File: d.GetFile(), Data: []byte(d.GetText())}
	}
	folder, err := spec.Read(r.GetFolder(), files)
	if err != nil {
		return proposal{}, control.Refuse("bad_request", "%s", err)
	}
	return proposal{folder: folder, prune: r.GetPrune(), drop: r.GetDrop()}, nil
}

// answerRollback stores what an earlier version said as a new one.
func (x *extractor) answerRollback(ctx context.Context, r *penstockv1.RollbackRequest, tell func(string)) (*penstockv1.ApplyResponse, error) {
	name, err := nameOf(r.GetEnvironment(), r.GetSync())
	if err != nil {
		return nil, err
	}
	steps, err := x.specs.Versions(ctx, name)
	if err != nil {
		return nil, err
	}
	target, err := back(name, steps, r.GetTo())
	if err != nil {
		return nil, err
	}
	document, err := open(target)
	if err != nil {
		return nil, control.Refuse("bad_request", "version %d of %s was stored by another version of Penstock and cannot be read (%v); apply its files", target.Number, label(name), err)
	}
	propose := func(now specs.Catalogue) ([]change, []string, error) {
		c, err := compare(now, name, document)
		if err != nil {
			return nil, nil, err
		}
		if c.same {
			return nil, nil, control.Refuse("bad_request", "version %d of %s says what version %d says, so there is nothing to go back to", target.Number, label(name), c.before.Number)
		}
		return []change{c}, nil, nil
	}
	if r.GetPreview() {
		return x.preview(ctx, propose)
	}
	i := intent{by: r.GetBy(), reason: fmt.Sprintf("back to version %d", target.Number), unchecked: r.GetUnchecked(), tell: tell}
	if r.GetReason() != "" {
		i.reason += ": " + r.GetReason()
	}
	if s := r.GetSeen(); s != nil {
		i.seen = append(i.seen, s)
	}
	if err := x.queue.Declare(ctx); err != nil {
		return nil, err
	}
	return x.change(ctx, i, propose)
}

// back finds the version to go back to: 0 is the newest before the last that did not remove anything.
func back(name string, steps []specs.Step, number uint64) (specs.Version, error) {
	for i, s := range steps {
		if number != 0 && s.Number != number || number == 0 && (i == 0 || s.Removed) {
			continue
		}
		if s.Removed {
			return specs.Version{}, control.Refuse("bad_request", "version %d of %s is its removal; `penstock apply --prune` removes what a folder does not have", number, label(name))
		}
		return s.Version, nil
	}
	switch {
	case len(steps) == 0:
		return specs.Version{}, never(name)
	case number == 0:
		return specs.Version{}, control.Refuse("not_found", "%s has no version before %d", label(name), steps[0].Number)
	}
	return specs.Version{}, control.Refuse("not_found", "%s has no version %d; `penstock history %s` lists those it has", label(name), number, label(name))
}

func never(name string) error {
	return control.Refuse("not_found", "%s was never applied; `penstock history` lists what was", label(name))
}

// nameOf is the name under which an environment, or one of its syncs, is stored.
func nameOf(environment, sync string) (string, error) {
	switch {
	case environment == "":
		return "", control.Refuse("bad_request", "no environment is named")
	case sync == "":
		return queue.SpecOfEnvironment(environment), nil
	}
	return queue.SpecOfSync(penstock.SyncID{Environment: environment, Name: sync}), nil
}

// An intent is who wants something to be changed, and how far.
type intent struct {
	by, reason string
	unchecked  bool
	seen       []*penstockv1.SpecVersion
	tell       func(string) // hears what is being waited for
}

// propose works out changes from what is applied, and names what is applied beside them.
type propose func(specs.Catalogue) (changes []change, absent []string, err error)

// preview says what change would do.
func (x *extractor) preview(ctx context.Context, p propose) (*penstockv1.ApplyResponse, error) {
	now, err := x.specs.Newest(ctx)
	if err != nil {
		return nil, err
	}
	_, resp, err := x.propose(ctx, now, p)
	return resp, err
}

// change stores what is proposed, unless it is refused. Warehouse and environments are asked before the lease is taken, since
// they may take their time; all else is decided while it is held.
func (x *extractor) change(ctx context.Context, i intent, p propose) (*penstockv1.ApplyResponse, error) {
	var checked map[string]bool
	if !i.unchecked {
		var err error
		if checked, err = x.check(ctx, i, p); err != nil {
			return nil, err
		}
	}
	var resp *penstockv1.ApplyResponse
	stored, err := x.specs.Change(ctx, i.by, i.reason, func(now specs.Catalogue) (_ []specs.Version, err error) {
		if err := unseen(now, i.seen); err != nil {
			return nil, err
		}
		var changes []change
		if changes, resp, err = x.propose(ctx, now, p); err != nil {
			return nil, err
		}
		if !i.unchecked {
			if err := refuse(resp.GetRefused()); err != nil {
				return nil, err
			}
			if err := unlike(checked, changes); err != nil {
				return nil, err
			}
		}
		return versions(changes, i.unchecked), nil
	})
	if errors.Is(err, specs.ErrBusy) {
		return nil, control.Refuse("unavailable", "%s; nothing was stored, try again", err)
	}
	if err != nil {
		return nil, err
	}
	x.env.Log.Info("applied", "changes", len(stored), "by", i.by, "reason", i.reason, "refused", len(resp.GetRefused()))
	return resp, nil
}

// refuse refuses for the reasons, where there are any.
func refuse(reasons []string) error {
	if len(reasons) == 0 {
		return nil
	}
	return control.Refuse("refused", "%s", strings.Join(reasons, "\n"))
}

func (x *extractor) propose(ctx context.Context, now specs.Catalogue, p propose) ([]change, *penstockv1.ApplyResponse, error) {
	changes, absent, err := p(now)
	if err != nil {
		return nil, nil, err
	}
	resp := &penstockv1.ApplyResponse{Absent: absent}
	for _, c := range changes {
		resp.Changes = append(resp.Changes, c.message())
	}
	resp.Refused, err = x.refusals(ctx, now, changes)
	return changes, resp, err
}

// refusals says what would be wrong with what is applied once the changes are made, and is not wrong already.
func (x *extractor) refusals(ctx context.Context, now specs.Catalogue, changes []change) ([]string, error) {
	runs, err := x.queue.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var refused []string
	organizations := map[string]string{}
	for _, r := range runs {
		environment := r.ID.Sync.Environment
		organizations[environment] = r.ID.Organization
		for _, c := range changes {
			if c.name == queue.SpecOfEnvironment(environment) && c.document == nil && !r.Phase.Final() {
				refused = append(refused, fmt.Sprintf("run %d of %s is under way, which nobody would write any more once environment %s is removed; wait until it is over",
					r.ID.Number, r.ID.Sync, environment))
			}
		}
	}
	for _, c := range changes {
		environment, ok := queue.EnvironmentOfSpec(c.name)
		for _, d := range c.differences {
			if ok && d.Path == "url" {
				delete(organizations, environment) // that of the URL which it had
			}
		}
	}
	before, after := folders(now, changes)
	known := map[string]bool{}
	for _, p := range before.Check(organizations) {
		known[p.What] = true
	}
	var problems document.Problems
	for _, p := range after.Check(organizations) {
		if !known[p.What] {
			problems = append(problems, p)
		}
	}
	_ = problems.Err() // sorts them
	for _, p := range problems {
		refused = append(refused, p.Error())
	}
	return refused, nil
}

// answerHistory lists versions.
func (x *extractor) answerHistory(ctx context.Context, r *penstockv1.HistoryRequest) (*penstockv1.HistoryResponse, error) {
	limit := int(r.GetLimit())
	if limit == 0 {
		limit = 100
	}
	if r.GetEnvironment() == "" && r.GetSync() != "" {
		return nil, control.Refuse("bad_request", "sync %s is of which environment? write environment/%s", r.GetSync(), r.GetSync())
	}
	steps, err := x.specs.History(ctx, penstock.SyncID{Environment: r.GetEnvironment(), Name: r.GetSync()}, min(limit, 1000))
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 && r.GetEnvironment() != "" {
		name, err := nameOf(r.GetEnvironment(), r.GetSync())
		if err == nil {
			err = never(name)
		}
		return nil, err
	}
	resp := &penstockv1.HistoryResponse{}
	for _, s := range steps {
		resp.Versions = append(resp.Versions, versionMessage(s))
	}
	return resp, nil
}

func versionMessage(s specs.Step) *penstockv1.SpecVersion {
	return &penstockv1.SpecVersion{
		Name: label(s.Name), Version: s.Number, At: timestamppb.New(s.At), By: s.By, Reason: s.Reason,
		Unchecked: s.Unchecked, Removed: s.Removed, Summary: summary(s),
	}
}

// answerCompare tells two stored versions apart.
func (x *extractor) answerCompare(ctx context.Context, r *penstockv1.CompareRequest) (*penstockv1.CompareResponse, error) {
	name, err := nameOf(r.GetEnvironment(), r.GetSync())
	if err != nil {
		return nil, err
	}
	steps, err := x.specs.Versions(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return nil, never(name)
	}
	to := r.GetTo()
	if to == 0 {
		to = steps[0].Number
	}
	from := r.GetFrom()
	if from == 0 {
		from = max(to, 2) - 1
	}
	resp := &penstockv1.CompareResponse{}
	documents := map[uint64][]byte{}
	for _, s := range steps {
		documents[s.Number] = today(name, s.Spec)
		if s.Number == from {
			resp.From = versionMessage(s)
		}
		if s.Number == to {
			resp.To = versionMessage(s)
		}
	}
	for _, number := range []uint64{to, from} {
		if documents[number] == nil {
			return nil, control.Refuse("not_found", "%s has no version %d; `penstock history %s` lists those it has", label(name), number, label(name))
		}
	}
	found, err := spec.Diff(documents[from], documents[to])
	if err != nil {
		return nil, err
	}
	resp.Differences = differences(found)
	return resp, nil
}
