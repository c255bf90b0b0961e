package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/admin"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/scenario"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// emulated is what the flags of `penstock emulator` say.
type emulated struct {
	listen   string
	scenario string
	tables   []string
	rows     int
	restore  string
	limits   string
	secure   bool
	ca       string
	cert     string
	key      string
}

func (c *commandLine) emulator() *cobra.Command {
	var e emulated
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "Serve a Dataverse environment and its token endpoint, in memory",
		Long: "The emulator answers the Web API, the token endpoint, an admin API (GET /emulator) and a page for people (/) on one address.\n" +
			"Without a scenario it has one tenant and one application user:\n\n" +
			"  tenant         " + emulator.SandboxTenant + "\n" +
			"  client id      " + emulator.SandboxClient + "\n" +
			"  client secret  " + emulator.SandboxSecret + "\n\n" +
			"It keeps the last million writes in its journal, unless a scenario's journal_limit says otherwise.\n\n" +
			"Clients that insist on https (MSAL, azure-identity) need --tls, and the certificate authority that it writes to a file.",
		Example: "  penstock emulator --listen 127.0.0.1:8365\n" +
			"  penstock emulator --scenario production.yaml --rows 10000\n" +
			"  penstock emulator --tls --ca emulator-ca.pem --limits off",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.emulate(cmd.Context(), e) },
	}
	flags := cmd.Flags()
	flags.StringVar(&e.listen, "listen", "127.0.0.1:8365", "address")
	flags.StringVar(&e.scenario, "scenario", "", "YAML file that says what the environment is: users, limits, web servers, latency, faults, tables …")
	flags.StringSliceVar(&e.tables, "tables", nil, "files with tables, or folders of such: YAML, or a real environment's metadata (JSON); beside the scenario's")
	flags.IntVar(&e.rows, "rows", 0, "begin with so many contacts, and an account for each ten")
	flags.StringVar(&e.restore, "restore", "", "begin with the rows of a snapshot (POST /emulator/snapshot)")
	flags.StringVar(&e.limits, "limits", "", "off: never answer 429")
	flags.BoolVar(&e.secure, "tls", false, "serve https with a certificate made at the start")
	flags.StringVar(&e.ca, "ca", "emulator-ca.pem", "where --tls writes the certificate authority, for clients to trust")
	flags.StringVar(&e.cert, "tls-cert", "", "serve https with this certificate (PEM)")
	flags.StringVar(&e.key, "tls-key", "", "its key (PEM)")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	cmd.MarkFlagsMutuallyExclusive("tls", "tls-cert")
	return cmd
}

// emulate serves until ctx ends; then requests in hand are answered, for some seconds.
func (c *commandLine) emulate(ctx context.Context, e emulated) error {
	server, orders, err := e.build()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", e.listen)
	if err != nil {
		return fmt.Errorf("emulator: %w; choose another address by --listen", err)
	}
	defer func() { _ = listener.Close() }() // closed already where it served
	scheme := "http"
	if e.secure || e.cert != "" {
		config, err := e.certificate()
		if err != nil {
			return err
		}
		scheme, listener = "https", tls.NewListener(listener, config)
	}
	web := &http.Server{Handler: admin.New(server, orders, ctx.Done()), ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if web.Shutdown(grace) != nil { // a request hangs, perhaps because it was ordered to
			stopped <- web.Close()
			return
		}
		stopped <- nil
	})()
	if err := c.introduce(server.Config(), scheme+"://"+listener.Addr().String(), e); err != nil {
		return err
	}
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("emulator: %w", err)
	}
	return <-stopped
}

// journalLimit bounds the journal of an emulator that runs for days: some 200 MB.
const journalLimit = 1_000_000

// build makes the emulator that the flags describe.
func (e emulated) build() (*emulator.Server, *faults.Orders, error) {
	var s scenario.Scenario
	if e.scenario != "" {
		data, err := os.ReadFile(e.scenario)
		if err != nil {
			return nil, nil, fmt.Errorf("emulator: read the scenario: %w", err)
		}
		if s, err = scenario.Read(e.scenario, data); err != nil {
			return nil, nil, err
		}
	}
	s.Config.JournalLimit = cmp.Or(s.Config.JournalLimit, journalLimit)
	if e.rows < 0 {
		return nil, nil, fmt.Errorf("emulator: --rows %d is less than none", e.rows)
	}
	switch e.limits {
	case "":
	case "off":
		s.Config.Limits.Off = true
	default:
		return nil, nil, fmt.Errorf("emulator: --limits %q is not known; write --limits off, or set them in a scenario", e.limits)
	}
	var err error
	if s.Config.Tables, err = tables(append(s.Tables, e.tables...)); err != nil {
		return nil, nil, err
	}
	if err := s.Config.Validate(); err != nil {
		return nil, nil, err
	}
	server := emulator.New(s.Config)
	orders := faults.New(server)
	for _, o := range s.Faults {
		if _, err := orders.Place(o); err != nil {
			return nil, nil, err
		}
	}
	if e.restore != "" {
		if err := restore(server, e.restore); err != nil {
			return nil, nil, err
		}
	}
	server.Seed(e.rows)
	return server, orders, nil
}

// tables reads tables from files, and from the files in folders: *.yaml as people write them, *.json as a real environment's metadata was saved.
func tables(files []string) ([]schema.Table, error) {
	var all []schema.Table
	var problems []error
	for _, file := range files {
		below, err := os.ReadDir(file)
		if err != nil { // a file, or not there: which reading it says
			one, err := tablesOf(file)
			all, problems = append(all, one...), append(problems, err)
			continue
		}
		for _, f := range below {
			switch filepath.Ext(f.Name()) {
			case ".yaml", ".json":
				one, err := tablesOf(filepath.Join(file, f.Name()))
				all, problems = append(all, one...), append(problems, err)
			}
		}
	}
	return all, errors.Join(problems...)
}

func tablesOf(file string) ([]schema.Table, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("emulator: read tables: %w", err)
	}
	if filepath.Ext(file) != ".json" {
		return schema.Read(file, data)
	}
	tables, _, err := schema.Import(bytes.NewReader(data)) // the notes say what the emulator leaves out, as its documentation does
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return tables, nil
}

func restore(server *emulator.Server, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("emulator: open the snapshot: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	snapshot, err := emulator.ReadSnapshot(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return server.Restore(snapshot)
}

// introduce says where everything is.
func (c *commandLine) introduce(cfg emulator.Config, root string, e emulated) error {
	where := map[string]string{
		"url": root + "/api/data/v9.2/", "token": root + "/" + cfg.Tenant + "/oauth2/v2.0/token", "page": root + "/", "admin": root + "/emulator",
		"tenant": cfg.Tenant, "client_id": cfg.Apps[0].ClientID, "client_secret": cfg.Apps[0].Secret,
	}
	if e.secure {
		where["ca"] = e.ca
	}
	if c.json {
		return c.document(where)
	}
	text := fmt.Sprintf("Dataverse  %s\ntoken      %s\npage       %s\nadmin      %s\n", where["url"], where["token"], where["page"], where["admin"])
	for _, app := range cfg.Apps {
		text += fmt.Sprintf("user       %s, secret %s\n", app.ClientID, or(app.Secret, "as the scenario's directory has it"))
	}
	if e.secure {
		text += fmt.Sprintf("trust      %s\n", e.ca)
	}
	return c.print("%sCtrl-C stops it.\n", text)
}
