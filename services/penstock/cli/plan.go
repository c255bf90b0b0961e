package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/plan"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// planPatience is a little longer than a plan may take, so that its own word for that arrives.
const planPatience = 10*time.Minute + 10*time.Second

func (c *commandLine) plan() *cobra.Command {
	var ofApplied, markdown bool
	request := &penstockv1.PlanRequest{}
	cmd := &cobra.Command{
		Use:   "plan [DIR] [ENVIRONMENT/SYNC…]",
		Short: "Foretell what the next run of each sync would do, and write nothing",
		Long: "Plan hands the files below DIR (default: here) to the running Penstock, which checks them against the warehouse and\n" +
			"Dataverse as they are now: every mapped column, key, lookup and privilege. It compares each model with what Dataverse\n" +
			"has accepted, and says which rows would be created, updated, sent again, removed or refused, and why; of some rows,\n" +
			"column by column, what Dataverse has now and what it would get; and how long that takes. Nothing is written.\n\n" +
			"With --applied it plans what is applied. --markdown makes a comment for a pull request.\n" +
			"The exit code is 0 when a run would change nothing, 2 when there are changes, and 1 when there are problems.",
		Example: "  penstock plan ./penstock production/contacts\n  penstock plan --applied --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if markdown && c.json {
				return errors.New("choose either --json or --markdown")
			}
			if err := planned(request, args, ofApplied); err != nil {
				return err
			}
			resp, err := c.askForPlan(cmd.Context(), request)
			if err != nil {
				return err
			}
			switch {
			case c.json:
				err = c.document(resp)
			case markdown:
				err = c.print("%s", planMarkdown(resp))
			default:
				err = c.print("%s", planText(resp))
			}
			if err != nil {
				return err
			}
			if n := len(problemsOf(resp)); n > 0 {
				return fmt.Errorf("%s in the way of the plan: %s", count(n, "problem"), problemsOf(resp)[0].text())
			}
			if changes(resp) {
				return errChanges
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&ofApplied, "applied", false, "plan what is applied, in place of files")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print a comment for a pull request")
	cmd.Flags().Uint32Var(&request.Samples, "samples", plan.DefaultSamples, fmt.Sprintf("name at most so many keys of each kind, up to %d", plan.MaxSamples))
	return cmd
}

// planned fills a request from what was written behind the command: a folder, unless what is applied is planned, and syncs.
func planned(request *penstockv1.PlanRequest, args []string, applied bool) error {
	dir := "."
	if len(args) > 0 && !applied {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			dir, args = args[0], args[1:]
		}
	}
	for _, name := range args {
		if _, err := syncID(name); err != nil {
			if applied {
				return err
			}
			return fmt.Errorf("there is no folder %s, and %w", name, err)
		}
	}
	request.Names = args
	if applied {
		return nil
	}
	files, err := documents(dir)
	if err != nil {
		return err
	}
	request.Folder, request.Documents = files.GetFolder(), files.GetDocuments()
	return nil
}

// askForPlan waits for the plan, and shows what is being done for it.
func (c *commandLine) askForPlan(ctx context.Context, request *penstockv1.PlanRequest) (*penstockv1.PlanResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, planPatience)
	defer cancel()
	q, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	told, done := c.doing()
	defer done()
	resp := &penstockv1.PlanResponse{}
	return resp, control.CallLong(ctx, q.Conn(), control.Plan, request, resp, told)
}

// doing shows what is being done, on one line where a person watches, and on many elsewhere; not at all for JSON.
func (c *commandLine) doing() (told func(string), done func()) {
	if c.json {
		return func(string) {}, func() {}
	}
	f, ok := c.err.(*os.File)
	if !ok || !daemon.Terminal(f) {
		return func(what string) { _, _ = fmt.Fprintf(c.err, "%s\n", printable(what)) }, func() {} // progress that cannot be shown is none
	}
	var mu sync.Mutex
	line := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(c.err, "\r\x1b[K%s", what) // likewise
	}
	return func(what string) { line(short(what, 100)) }, func() { line("") }
}

// A problem is what has to be mended before a sync can run as it is.
type problem struct {
	of   string // environment or sync
	step *penstockv1.TestStep
}

func (p problem) text() string {
	s := p.of + ": " + withCode(p.step)
	if at := p.step.GetAt(); at != "" {
		s = at + ": " + s
	}
	return s
}

// problemsOf lists the problems of a plan.
func problemsOf(r *penstockv1.PlanResponse) []problem {
	var all []problem
	for _, e := range r.GetEnvironments() {
		all = append(all, failed(e.GetEnvironment(), e.GetSteps())...)
	}
	for _, s := range r.GetSyncs() {
		all = append(all, failed(nameOf(s), s.GetSteps())...)
	}
	return all
}

func failed(of string, steps []*penstockv1.TestStep) []problem {
	return stepsIn(of, steps, connection.Failed)
}

func stepsIn(of string, steps []*penstockv1.TestStep, state connection.State) []problem {
	var all []problem
	for _, s := range steps {
		if s.GetState() == string(state) {
			all = append(all, problem{of, s})
		}
	}
	return all
}

func nameOf(s *penstockv1.PlannedSync) string { return s.GetEnvironment() + "/" + s.GetSync() }

// changes reports whether anything would happen: to files that are applied, to rows, or by a person about rows that are held
// back.
func changes(r *penstockv1.PlanResponse) bool {
	for _, s := range r.GetSyncs() {
		if s.GetState() != plan.StateApplied || s.GetSend() > 0 {
			return true
		}
		for _, k := range s.GetKinds() {
			if k.GetKind() == plan.Refuse || k.GetKind() == plan.Park {
				return true
			}
		}
	}
	return false
}
