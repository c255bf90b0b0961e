package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// testPatience bounds a connection test: the longest that a control call may take.
const testPatience = time.Minute

func (c *commandLine) testConnection() *cobra.Command {
	var folder string
	request := &penstockv1.TestConnectionRequest{}
	cmd := &cobra.Command{
		Use:   "test-connection ENVIRONMENT",
		Short: "Look at an environment step by step, and name what is in the way",
		Long: "Test-connection looks at everything that writing to an environment needs: its URL, the way there, the application\n" +
			"users with their secrets, tokens and roles, and for each sync the table, its key, columns, lookups and privileges.\n" +
			"It writes nothing, shows all faults at once, and says of each what to do and whose it is.\n\n" +
			"The running Penstock is asked, about what was last applied. With --folder the files in DIR are tested instead, from\n" +
			"this machine and without a running Penstock; PENSTOCK_CLICKHOUSE then names the warehouse, whose models are left out\n" +
			"otherwise. The exit code is 1 when a step failed.",
		Example: "  penstock test-connection production --folder ./penstock\n  penstock test-connection production --sync contacts",
		Args:    wants("one environment", 1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Environment = args[0]
			ctx, cancel := context.WithTimeout(cmd.Context(), testPatience)
			defer cancel()
			report, err := c.asked(ctx, request, folder)
			if err != nil {
				return err
			}
			if c.json {
				err = c.document(report)
			} else {
				err = c.print("%s", reportOf(report, c.marks()))
			}
			if err != nil {
				return err
			}
			for _, s := range report.GetSteps() {
				if s.GetState() == string(connection.Failed) {
					return fmt.Errorf("%s: %s", about(s), withCode(s))
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&request.Sync, "sync", "", "test this sync alone")
	cmd.Flags().StringVar(&request.User, "user", "", "test this application user alone, by its client id")
	cmd.Flags().StringVar(&folder, "folder", "", "test the files below DIR, from this machine, without a running Penstock")
	return cmd
}

// asked has the running Penstock make the test, or makes it here when there is a folder.
func (c *commandLine) asked(ctx context.Context, request *penstockv1.TestConnectionRequest, folder string) (*penstockv1.TestConnectionResponse, error) {
	if folder != "" {
		return c.testFolder(ctx, request, folder)
	}
	q, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	resp := &penstockv1.TestConnectionResponse{}
	return resp, control.Call(ctx, q.Conn(), control.TestConnection, request, resp)
}

// testFolder tests what is written in files. Mistakes in them are the first steps; what could be read is tested
// nonetheless, unless the environment's own file is at fault.
func (c *commandLine) testFolder(ctx context.Context, request *penstockv1.TestConnectionRequest, dir string) (_ *penstockv1.TestConnectionResponse, err error) {
	folder, err := spec.Load(dir)
	var problems document.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	in, err := connection.Select(folder.Environments, folder.Syncs, request.GetEnvironment(), request.GetSync(), request.GetUser())
	if err != nil && len(problems) > 0 {
		return nil, problems // the environment may be in one of the files that cannot be read
	}
	if err != nil {
		return nil, fmt.Errorf("in the files of %s: %w", dir, err)
	}
	in.Identities = sealed.Identities(c.identity)
	if dsn := os.Getenv("PENSTOCK_CLICKHOUSE"); dsn != "" {
		in.Model = func(ctx context.Context, s spec.Sync) ([]mapping.SourceColumn, error) { return columns(ctx, dsn, s) }
	}
	files := &penstockv1.TestConnectionResponse{}
	broken := false
	for _, p := range problems {
		files.Steps = append(files.Steps, &penstockv1.TestStep{Name: "files", State: string(connection.Failed), Saw: p.Position.String() + ": " + p.What, Do: p.Mend})
		broken = broken || p.File == in.Environment.At.File
	}
	if broken {
		files.Environment, files.Url = in.Environment.Name, in.Environment.URL
		files.Steps = append(files.Steps, &penstockv1.TestStep{Name: "url", State: string(connection.Skipped), Saw: "the environment's file is to be mended first"})
		return files, nil
	}
	report := connection.Test(ctx, in).Message()
	report.Steps = append(files.GetSteps(), report.GetSteps()...)
	return report, nil
}

// columns asks the warehouse what the query of a sync gives.
func columns(ctx context.Context, dsn string, s spec.Sync) (sources []mapping.SourceColumn, err error) {
	conn, err := clickhouse.Open(ctx, clickhouse.Config{DSN: dsn})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	columns, err := conn.Columns(ctx, s.From.Query)
	if err != nil {
		return nil, err
	}
	for _, c := range columns {
		sources = append(sources, mapping.SourceColumn{Name: c.Name, Type: c.Type})
	}
	return sources, nil
}

// marks say at a glance how a step ended.
type marks struct {
	of    map[string]string // by state
	width int               // of one, as it is seen
	do    string            // before what to do
	end   string            // of colour
}

// marks are signs in colour where a person watches, unless NO_COLOR is set, and words elsewhere.
func (c *commandLine) marks() marks {
	f, ok := c.out.(*os.File)
	if _, plain := os.LookupEnv("NO_COLOR"); !ok || !daemon.Terminal(f) || plain {
		return marks{of: map[string]string{"passed": "ok  ", "failed": "FAIL", "warned": "warn", "skipped": "-   "}, width: 4, do: "-> "}
	}
	return marks{
		of:    map[string]string{"passed": "\x1b[32m✓", "failed": "\x1b[31m✗", "warned": "\x1b[33m!", "skipped": "\x1b[2m–"},
		width: 1, do: "→ ", end: "\x1b[0m",
	}
}

// reportOf is a line for each step, and below what is wrong another for what to do.
func reportOf(r *penstockv1.TestConnectionResponse, m marks) string {
	var s strings.Builder
	name, thing := 0, 0
	for _, step := range r.GetSteps() {
		name, thing = max(name, len(step.GetName())), max(thing, len(step.GetAbout()))
	}
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(&s, format, args...) } // a strings.Builder takes everything
	write("%s  %s\n", r.GetEnvironment(), r.GetUrl())
	count := map[string]int{}
	for _, step := range r.GetSteps() {
		count[step.GetState()]++
		write("%s%s  %-*s", m.of[step.GetState()], m.end, name, step.GetName())
		if thing > 0 {
			write("  %-*s", thing, step.GetAbout())
		}
		write("  %s\n", printable(withCode(step)))
		if step.GetDo() != "" {
			write("%*s%s%s\n", m.width+2+name+2, "", m.do, printable(step.GetDo()))
		}
	}
	write("\n%d passed, %d failed, %d warned, %d skipped\n", count["passed"], count["failed"], count["warned"], count["skipped"])
	return s.String()
}

// about names a step and what it is about.
func about(s *penstockv1.TestStep) string {
	if s.GetAbout() == "" {
		return s.GetName()
	}
	return s.GetName() + " of " + s.GetAbout()
}

func withCode(s *penstockv1.TestStep) string {
	if s.GetCode() == "" {
		return s.GetSaw()
	}
	return s.GetSaw() + " (" + s.GetCode() + ")"
}
