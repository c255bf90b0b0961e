// Package cli is the command line. Whatever concerns a running Penstock goes through the control calls (pkg/control), as
// any other program could do it.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/sealed"
)

// Version is what `penstock version` says.
const Version = "0.1.0"

// A command line is one invocation.
type commandLine struct {
	out, err io.Writer
	json     bool
	verbose  bool
	nats     string
	identity string
}

// The exit codes.
const (
	exitFine    = 0
	exitFailed  = 1 // with a message on the error stream
	exitChanges = 2 // of commands that compare and do nothing: nothing is wrong, and there is something to do
)

// errChanges ends a command that compared, did nothing, and has said what there is to do.
var errChanges = errors.New("there are changes")

// Main runs the command that args name, and returns the exit code: 0, 1 with a message on err, or 2 when a command that
// only compares found changes.
func Main(args []string, out, err io.Writer) int {
	ctx, stop := daemon.Interruptible(context.Background())
	defer stop()
	c := &commandLine{out: out, err: err}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(err)
	return exit(root.ExecuteContext(ctx), err)
}

// exit is the code for how a command ended; what went wrong is told.
func exit(fault error, tell io.Writer) int {
	switch {
	case fault == nil:
		return exitFine
	case errors.Is(fault, errChanges):
		return exitChanges
	}
	_, _ = fmt.Fprintln(tell, "penstock:", fault) // nobody is left to hear that it cannot be written
	return exitFailed
}

func (c *commandLine) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "penstock",
		Short:         "Keep Microsoft Dynamics 365 current from ClickHouse",
		Long:          "Penstock carries changed rows from ClickHouse, through NATS JetStream, into Microsoft Dynamics 365.\n\nStart with `penstock demo`, which needs nothing.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.BoolVar(&c.json, "json", false, "print one JSON document instead of text")
	flags.BoolVarP(&c.verbose, "verbose", "v", false, "log what the services do")
	flags.StringVar(&c.nats, "nats", or(os.Getenv("PENSTOCK_NATS"), "nats://127.0.0.1:4222"), "NATS server of a running Penstock (PENSTOCK_NATS)")
	flags.StringVar(&c.identity, "identity", os.Getenv(sealed.Variable), "file with the age identities that open sealed secrets ("+sealed.Variable+")")
	root.AddCommand(
		c.demo(), c.up(), c.emulator(),
		c.schema(), c.suggest(), c.metadata(), c.validate(), c.test(), c.explain(),
		c.plan(), c.diff(), c.apply(), c.history(), c.rollback(),
		c.testConnection(), c.privileges(),
		c.run(), c.runs(), c.deadletters(), c.row(),
		c.identityCommand(), c.seal(), c.reseal(),
		c.version(),
	)
	return root
}

func (c *commandLine) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  penstock version --json", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			revision := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			if c.json {
				return c.document(map[string]string{"version": Version, "revision": revision})
			}
			return c.print("penstock %s (%s)\n", Version, revision)
		},
	}
}

// env is what services in this process get: a log on the error stream, of warnings unless more is asked for.
func (c *commandLine) env(level slog.Level) daemon.Env {
	if c.verbose {
		level = slog.LevelInfo
	}
	f, ok := c.err.(*os.File)
	return daemon.Env{Log: daemon.Log(c.err, level, ok && daemon.Terminal(f))}
}

// connect reaches a running Penstock.
func (c *commandLine) connect(ctx context.Context) (*queue.Queue, error) {
	return queue.Open(ctx, queue.Config{URL: c.nats, Name: "penstock cli", Timing: penstock.DefaultTiming()}, c.env(slog.LevelError).Log)
}

// document prints v as the one JSON document of a command.
func (c *commandLine) document(v any) error {
	var data []byte
	var err error
	if m, ok := v.(proto.Message); ok {
		data, err = protojson.MarshalOptions{EmitUnpopulated: true, UseProtoNames: true, Indent: "  "}.Marshal(m)
	} else {
		data, err = json.MarshalIndent(v, "", "  ")
	}
	if err != nil {
		return err
	}
	_, err = c.out.Write(append(data, '\n'))
	return err
}

func (c *commandLine) print(format string, args ...any) error {
	_, err := fmt.Fprintf(c.out, format, args...)
	return err
}

// wants checks how many names a command is given, at most so many unless that is 0, and says which, where cobra would
// count "arg(s)".
func wants(what string, least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most == 0 || len(args) <= most) {
			return nil
		}
		example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
		return fmt.Errorf("%s wants %s, as in: %s", cmd.CommandPath(), what, example)
	}
}

// syncID reads environment/sync.
func syncID(s string) (penstock.SyncID, error) {
	for i := range s {
		if s[i] == '/' && i > 0 && i < len(s)-1 {
			return penstock.SyncID{Environment: s[:i], Name: s[i+1:]}, nil
		}
	}
	return penstock.SyncID{}, fmt.Errorf("%q names no sync; write environment/sync, as demo/contacts", s)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// user is who asks, for the audit.
func user() string { return or(os.Getenv("USER"), "cli") }

// patience bounds one control call.
const patience = 30 * time.Second
