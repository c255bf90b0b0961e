package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) run() *cobra.Command {
	var full, noWait bool
	var reason string
	cmd := &cobra.Command{
		Use:   "run ENVIRONMENT/SYNC…",
		Short: "Run syncs, one after the other, and wait for each",
		Long: "Run asks for a run of each sync, in the order given, and shows how it goes on.\n\n" +
			"Any NATS client can ask too: nats pub penstock.request.demo.contacts '{}'",
		Example: "  penstock run demo/accounts demo/contacts",
		Args:    wants("the syncs to run", 1, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			var ids []penstock.SyncID
			for _, a := range args {
				id, err := syncID(a)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			q, err := c.connect(ctx)
			if err != nil {
				return err
			}
			defer q.Close()
			var runs []*penstockv1.Run
			bars := c.bars()
			for _, id := range ids {
				request := &penstockv1.RunRequest{Environment: id.Environment, Sync: id.Name, Full: full, By: user(), Reason: reason}
				if noWait {
					resp := &penstockv1.RunResponse{}
					if err := call(ctx, q, control.Run, request, resp); err != nil {
						return err
					}
					runs = append(runs, &penstockv1.Run{Id: &penstockv1.RunID{Environment: id.Environment, Sync: id.Name, Number: resp.GetRun()}, Phase: "requested"})
					continue
				}
				run, err := follow(ctx, q, request, bars)
				if err != nil {
					return err
				}
				runs = append(runs, run)
			}
			bars.end()
			return c.showRuns(runs, true)
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "send every row again, changed or not")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "ask, and return with the number of the run")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit")
	return cmd
}

func (c *commandLine) runs() *cobra.Command {
	var limit uint32
	cmd := &cobra.Command{
		Use: "runs [ENVIRONMENT/SYNC]", Short: "List runs, newest first", Example: "  penstock runs demo/contacts --limit 5", Args: wants("a sync, or none", 0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &penstockv1.RunsRequest{Limit: limit}
			if len(args) == 1 {
				id, err := syncID(args[0])
				if err != nil {
					return err
				}
				request.Environment, request.Sync = id.Environment, id.Name
			}
			q, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer q.Close()
			resp := &penstockv1.RunsResponse{}
			if err := call(cmd.Context(), q, control.Runs, request, resp); err != nil {
				return err
			}
			return c.showRuns(resp.GetRuns(), false)
		},
	}
	cmd.Flags().Uint32Var(&limit, "limit", 20, "at most so many")
	return cmd
}

// call is a control call of a running Penstock.
func call(ctx context.Context, q *queue.Queue, subject string, req, resp proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return control.Call(ctx, q.Conn(), subject, req, resp)
}

// follow asks for a run and watches it until it is over. One that lost its leader, or rows on the way, is begun anew by
// itself; then its successor is followed.
func follow(ctx context.Context, q *queue.Queue, request *penstockv1.RunRequest, bars *bars) (*penstockv1.Run, error) {
	id := penstock.SyncID{Environment: request.GetEnvironment(), Name: request.GetSync()}
	listening, stop := context.WithCancel(ctx)
	events, err := q.Events(listening, id)
	if err != nil {
		stop()
		return nil, err
	}
	told := make(chan penstock.Event)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range events {
			select {
			case told <- e:
			case <-listening.Done():
				return
			}
		}
	}()
	defer func() { stop(); <-done }()

	resp := &penstockv1.RunResponse{}
	if err := call(ctx, q, control.Run, request, resp); err != nil {
		return nil, err
	}
	number := resp.GetRun()
	bar := bars.add(id, number)
	tick := time.NewTicker(time.Second) // events are a courtesy; the truth is asked for
	defer tick.Stop()
	for {
		ask := false
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("stopped waiting for run %d of %s, which goes on: `penstock runs %s`", number, id, id)
		case e := <-told:
			if e.Run.Number == number {
				bar.show(e)
				ask = e.Phase.Final()
			}
		case <-tick.C:
			ask = true
		}
		if !ask {
			continue
		}
		runs := &penstockv1.RunsResponse{}
		if err := call(ctx, q, control.Runs, &penstockv1.RunsRequest{Environment: id.Environment, Sync: id.Name, Limit: 10}, runs); err != nil {
			return nil, err
		}
		for _, r := range runs.GetRuns() {
			phase := penstock.Phase(r.GetPhase())
			if r.GetId().GetNumber() != number || !phase.Final() {
				continue
			}
			bar.end(r)
			if phase != penstock.Aborted && phase != penstock.Incomplete {
				return r, nil
			}
			number++
			bar = bars.add(id, number)
		}
	}
}

func (c *commandLine) showRuns(runs []*penstockv1.Run, judged bool) error {
	if c.json {
		if err := c.document(&penstockv1.RunsResponse{Runs: runs}); err != nil {
			return err
		}
	} else if err := c.print("%s", runsTable(runs)); err != nil {
		return err
	}
	for _, r := range runs {
		if reason := unwell(r); judged && reason != "" {
			return fmt.Errorf("run %d of %s/%s %s: %s", r.GetId().GetNumber(), r.GetId().GetEnvironment(), r.GetId().GetSync(), r.GetPhase(), reason)
		}
	}
	return nil
}

// unwell says why a run that is over did not do all that it was asked for; "" when it did.
func unwell(r *penstockv1.Run) string {
	switch penstock.Phase(r.GetPhase()) {
	case penstock.Failed, penstock.Suspended, penstock.Cancelled:
		return r.GetReason()
	case penstock.Closed:
		if r.GetCounts().GetNotSent() > 0 {
			return r.GetReason()
		}
	case penstock.Diffing, penstock.Publishing, penstock.Draining, penstock.Leaving, penstock.Recording, penstock.Incomplete, penstock.Aborted:
	}
	return ""
}
