package cli

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhouse/chdb"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/services/penstock/sample"
	"github.com/penstock-sync/penstock/services/penstock/stack"
)

func (c *commandLine) up() *cobra.Command {
	cfg := stack.Config{Database: "penstock", Timing: penstock.DefaultTiming()}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything in this process, until Ctrl-C",
		Long: "Up starts an embedded NATS server, an embedded ClickHouse with a sample warehouse, the Dataverse emulator and all\n" +
			"services, applies the sample's syncs, prints where everything is, and stays.\n\n" +
			"PENSTOCK_CLICKHOUSE names a ClickHouse server to use instead of the embedded one.",
		Example: "  penstock up\n  penstock run demo/accounts demo/contacts demo/subscriptions     # in another terminal",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.stay(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&cfg.Dir, "dir", ".penstock", "where data and the sample's files are kept")
	cmd.Flags().StringVar(&cfg.NATS, "nats-listen", "127.0.0.1:4222", "address of the embedded NATS server, or the URL of another (nats://…)")
	cmd.Flags().StringVar(&cfg.Dataverse, "dataverse", "127.0.0.1:8365", "address of the Dataverse emulator")
	return cmd
}

func (c *commandLine) stay(ctx context.Context, cfg stack.Config) error {
	return c.start(ctx, cfg, slog.LevelInfo, func(ctx context.Context, s *started) error {
		where := map[string]string{
			"nats": s.at.NATS, "clickhouse": s.at.ClickHouse, "dataverse": s.at.Dataverse, "syncs": s.folder,
		}
		var err error
		if c.json {
			err = c.document(where)
		} else {
			err = c.print("NATS        %s\nClickHouse  %s\nDataverse   %s (emulator)\nsyncs       %s\n\n"+
				"In another terminal:  penstock --nats %s run demo/accounts demo/contacts demo/subscriptions\nCtrl-C stops everything.\n",
				s.at.NATS, s.at.ClickHouse, s.at.Dataverse, s.folder, s.at.NATS)
		}
		if err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

// started is an all-in-one with the sample applied.
type started struct {
	at        stack.Addresses
	warehouse *clickhouse.Conn
	queue     *queue.Queue
	folder    string // with the sample's files
}

// start runs everything, with the sample made and applied, for as long as use lasts.
func (c *commandLine) start(ctx context.Context, cfg stack.Config, level slog.Level, use func(context.Context, *started) error) error {
	cfg.ClickHouse, cfg.Identities = os.Getenv("PENSTOCK_CLICKHOUSE"), sealed.Identities(c.identity)
	// The emulator forgets everything when it stops, so each is an organisation of its own: what a ledger that stays says of
	// an earlier one is not true of this one.
	tables, err := sample.Tables()
	if err != nil {
		return err
	}
	cfg.Emulator = emulator.New(emulator.Config{OrganizationID: uuid.New(), Tables: tables})
	if cfg.ClickHouse == "" {
		// Once a machine, and long: so it is told of whatever the level.
		if _, err := chdb.Library(ctx, "", c.env(slog.LevelInfo).Log); err != nil {
			return err
		}
	}
	return stack.Run(ctx, c.env(level), cfg, func(ctx context.Context, at stack.Addresses) (err error) {
		s := &started{at: at, folder: filepath.Join(cfg.Dir, "sample")}
		if s.warehouse, err = clickhouse.Open(ctx, clickhouse.Config{DSN: at.ClickHouse}); err != nil {
			return err
		}
		defer func() { _ = s.warehouse.Close() }() // everything it did is done
		if err := sample.Create(ctx, s.warehouse); err != nil {
			return err
		}
		if err := sample.Write(s.folder, at.Dataverse, emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
			return err
		}
		c.nats = at.NATS
		if s.queue, err = c.connect(ctx); err != nil {
			return err
		}
		defer s.queue.Close()
		request, err := documents(s.folder)
		if err != nil {
			return err
		}
		if _, err := applied(ctx, s.queue, request, func(string) {}); err != nil {
			return err
		}
		return use(ctx, s)
	})
}
