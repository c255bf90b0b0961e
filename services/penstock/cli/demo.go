package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/penstock"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/penstock/sample"
	"github.com/penstock-sync/penstock/services/penstock/stack"
)

func (c *commandLine) demo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the whole of it: a warehouse, three syncs, a change, and what was refused",
		Long: "Demo starts everything in this process, in a folder that it removes again: an embedded NATS server, an embedded\n" +
			"ClickHouse with a sample warehouse, the Dataverse emulator and all services. It runs three syncs, changes 100 rows and\n" +
			"removes 10, runs them again, and says what became of every row.",
		Example: "  penstock demo\n  penstock demo --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			dir, err := os.MkdirTemp("", "penstock-demo-")
			if err != nil {
				return err
			}
			defer func() {
				if gone := os.RemoveAll(dir); err == nil {
					err = gone
				}
			}()
			cfg := stack.Config{Dir: dir, NATS: "127.0.0.1:0", Dataverse: "127.0.0.1:0", Database: "penstock", Timing: penstock.DefaultTiming()}
			return c.start(cmd.Context(), cfg, slog.LevelWarn, c.show)
		},
	}
}

// A report is what `penstock demo --json` prints.
type report struct {
	Runs        []reportedRun    `json:"runs"`
	DeadLetters []reportedLetter `json:"dead_letters"`
}

type reportedRun struct {
	Sync      string  `json:"sync"`
	Run       uint64  `json:"run"`
	Read      uint64  `json:"read"`
	Unchanged uint64  `json:"unchanged"`
	Accepted  uint64  `json:"accepted"`
	Refused   uint64  `json:"refused"`
	Waiting   uint64  `json:"waiting"`
	NotSent   uint64  `json:"not_sent"`
	Deleted   uint64  `json:"deleted"`
	Seconds   float64 `json:"seconds"`
}

type reportedLetter struct {
	Class  string `json:"class"`
	Code   string `json:"code"`
	Column string `json:"column"`
	Count  uint64 `json:"count"`
}

// show is the demo, once everything runs.
func (c *commandLine) show(ctx context.Context, s *started) error {
	bars := c.bars()
	var runs []*penstockv1.Run
	for round := range 2 {
		if round == 1 {
			if err := sample.Change(ctx, s.warehouse); err != nil {
				return err
			}
		}
		for _, name := range []string{"accounts", "contacts", "subscriptions"} {
			run, err := follow(ctx, s.queue, &penstockv1.RunRequest{Environment: "demo", Sync: name, By: "demo"}, bars)
			if err != nil {
				return err
			}
			runs = append(runs, run)
			if phase := penstock.Phase(run.GetPhase()); phase != penstock.Closed {
				bars.end()
				return fmt.Errorf("run %d of demo/%s is %s: %s", run.GetId().GetNumber(), name, phase, run.GetReason())
			}
		}
	}
	bars.end()
	letters := &penstockv1.DeadLettersResponse{}
	if err := call(ctx, s.queue, control.DeadLetters, &penstockv1.DeadLettersRequest{}, letters); err != nil {
		return err
	}
	if c.json {
		return c.document(summarise(runs, letters.GetGroups()))
	}
	return c.print(`
Six runs: every row of the warehouse sent once, then %d customers changed, %d removed, and only these sent.

%s
Refused rows wait, as dead letters, until the row or its mapping changes:

%s
What to try next:
  make up                                                start the same and keep it running
  bin/penstock run demo/accounts demo/contacts           run syncs, in .penstock/sample
  bin/penstock plan .penstock/sample                     see what their next runs would send, and why
  bin/penstock row demo/contacts C-000042                see one customer on both sides
  bin/penstock test-connection demo                      see what writing to Dynamics needs, step by step
  bin/penstock deadletters list --letters 20             see refused rows one by one
  nats pub penstock.request.demo.contacts '{}'           ask for a run from any NATS client
`, sample.Changed, sample.Removed, runsTable(runs), groupsTable(letters.GetGroups()))
}

func summarise(runs []*penstockv1.Run, groups []*penstockv1.DeadLetterGroup) report {
	r := report{Runs: []reportedRun{}, DeadLetters: []reportedLetter{}}
	for _, run := range runs {
		n := run.GetCounts()
		r.Runs = append(r.Runs, reportedRun{
			Sync: run.GetId().GetSync(), Run: run.GetId().GetNumber(), Read: n.GetRead(), Unchanged: n.GetUnchanged(), Accepted: n.GetAccepted(),
			Refused: n.GetRefused(), Waiting: n.GetWaiting(), NotSent: n.GetNotSent(), Deleted: n.GetDeleted(), Seconds: seconds(run),
		})
	}
	for _, g := range groups {
		r.DeadLetters = append(r.DeadLetters, reportedLetter{Class: g.GetClass(), Code: g.GetCode(), Column: g.GetColumn(), Count: g.GetCount()})
	}
	return r
}
