package extractor

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// serve answers the control calls that are about syncs and runs.
func (x *extractor) serve(ctx context.Context) (*control.Service, error) {
	s, err := control.Serve(ctx, x.queue.Conn(), "penstock-extractor", "0.1.0", "applies syncs, runs them, and tells of their runs")
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		control.Handle(s, control.Run, x.answerRun),
		control.Handle(s, control.Runs, x.answerRuns),
		control.Handle(s, control.Apply, x.answerApply),
		control.Handle(s, control.TestConnection, x.answerTestConnection),
	)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (x *extractor) answerRun(ctx context.Context, r *penstockv1.RunRequest) (*penstockv1.RunResponse, error) {
	id := penstock.SyncID{Environment: r.GetEnvironment(), Name: r.GetSync()}
	number, err := x.want(ctx, penstock.Request{Sync: id, Full: r.GetFull(), By: r.GetBy(), Reason: r.GetReason()})
	if err != nil {
		return nil, err
	}
	return &penstockv1.RunResponse{Run: number}, nil
}

func (x *extractor) answerRuns(ctx context.Context, r *penstockv1.RunsRequest) (*penstockv1.RunsResponse, error) {
	limit := int(r.GetLimit())
	if limit == 0 {
		limit = 100
	}
	runs, err := x.ledger.Runs(ctx, r.GetEnvironment(), r.GetSync(), min(limit, 10_000))
	if err != nil {
		return nil, err
	}
	resp := &penstockv1.RunsResponse{}
	for _, run := range runs {
		c := run.Counts
		p := &penstockv1.Run{
			Id: &penstockv1.RunID{
				Environment: run.ID.Sync.Environment, Sync: run.ID.Sync.Name, Organization: run.ID.Organization,
				Number: run.ID.Number, Epoch: run.ID.Epoch,
			},
			Phase: string(run.Phase), Reason: run.Reason, Started: timestamppb.New(run.Started),
			Counts: &penstockv1.Counts{
				Read: c.Read, Unchanged: c.Unchanged, Accepted: c.Accepted, Refused: c.Refused, Waiting: c.Waiting, NotSent: c.NotSent,
				Left: c.Left, Deleted: c.Deleted, LeftRefused: c.LeftRefused, LeftWaiting: c.LeftWaiting, Parked: c.Parked,
				Kept: c.Kept, LeftNotSent: c.LeftNotSent,
			},
		}
		if !run.Ended.IsZero() {
			p.Ended = timestamppb.New(run.Ended)
		}
		resp.Runs = append(resp.Runs, p)
	}
	return resp, nil
}

// answerApply checks all documents, and stores them when none has a fault.
func (x *extractor) answerApply(ctx context.Context, r *penstockv1.ApplyRequest) (*penstockv1.ApplyResponse, error) {
	folder, err := spec.Read(r.GetFolder(), documents(r.GetDocuments()))
	if err != nil {
		return nil, control.Refuse("bad_request", "%s", err)
	}
	// JetStream may be a new one: what it lost is made again.
	if err := x.queue.Declare(ctx); err != nil {
		return nil, err
	}
	resp := &penstockv1.ApplyResponse{}
	for _, e := range folder.Environments {
		// Consumers come first: in a work queue, what no consumer covers stays for ever.
		if err := x.queue.DeclareEnvironment(ctx, e.Name); err != nil {
			return nil, err
		}
		version, changed, err := store(ctx, x, queue.SpecOfEnvironment(e.Name), e, r.GetBy())
		if err != nil {
			return nil, err
		}
		resp.Applied = append(resp.Applied, &penstockv1.Applied{Name: e.Name, Version: version, Changed: changed})
	}
	for _, s := range folder.Syncs {
		version, changed, err := store(ctx, x, queue.SpecOfSync(s.ID()), s, r.GetBy())
		if err != nil {
			return nil, err
		}
		resp.Applied = append(resp.Applied, &penstockv1.Applied{Name: s.ID().String(), Version: version, Changed: changed})
	}
	x.env.Log.Info("applied", "environments", len(folder.Environments), "syncs", len(folder.Syncs), "by", r.GetBy())
	return resp, nil
}

func documents(in []*penstockv1.Document) []spec.Document {
	out := make([]spec.Document, len(in))
	for i, d := range in {
		out[i] = spec.Document{File: d.GetFile(), Data: []byte(d.GetText())}
	}
	return out
}
