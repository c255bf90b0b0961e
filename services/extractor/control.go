package extractor

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/penstock"
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
		control.HandleLong(s, control.Apply, applyLimit, x.answerApply),
		control.Handle(s, control.Diff, x.answerDiff),
		control.Handle(s, control.History, x.answerHistory),
		control.Handle(s, control.Compare, x.answerCompare),
		control.HandleLong(s, control.Rollback, applyLimit, x.answerRollback),
		control.Handle(s, control.TestConnection, x.answerTestConnection),
		control.Handle(s, control.Privileges, x.answerPrivileges),
		control.Handle(s, control.Metadata, x.answerMetadata),
		control.HandleLong(s, control.Plan, planLimit, x.answerPlan),
		control.HandleLong(s, control.Row, rowLimit, x.answerRow),
		control.HandleLong(s, control.Suggest, suggestLimit, x.answerSuggest),
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
			Phase: string(run.Phase), Reason: run.Reason, Version: run.Version, Started: timestamppb.New(run.Started),
			Counts: &penstockv1.Counts{
				Read: c.Read, Unchanged: c.Unchanged, Accepted: c.Accepted, Refused: c.Refused, Waiting: c.Waiting, NotSent: c.NotSent,
				Left: c.Left, Deleted: c.Deleted, LeftRefused: c.LeftRefused, LeftWaiting: c.LeftWaiting, Parked: c.Parked,
				Kept: c.Kept, LeftNotSent: c.LeftNotSent, Truncated: c.Truncated,
			},
		}
		if !run.Ended.IsZero() {
			p.Ended = timestamppb.New(run.Ended)
		}
		resp.Runs = append(resp.Runs, p)
	}
	return resp, nil
}
