package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

func (c *commandLine) emulator() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "Serve a Dataverse environment and its token endpoint, in memory",
		Long: "The emulator answers the Web API and the token endpoint on one address, for one tenant and one application user:\n\n" +
			"  tenant         " + emulator.SandboxTenant + "\n" +
			"  client id      " + emulator.SandboxClient + "\n" +
			"  client secret  " + emulator.SandboxSecret,
		Example: "  penstock emulator --listen 127.0.0.1:8365",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
			if err != nil {
				return fmt.Errorf("emulator: %w; choose another address by --listen", err)
			}
			root := "http://" + l.Addr().String()
			where := map[string]string{
				"url": root + "/api/data/v9.2/", "token": root + "/" + emulator.SandboxTenant + "/oauth2/v2.0/token",
				"tenant": emulator.SandboxTenant, "client_id": emulator.SandboxClient,
			}
			if c.json {
				err = c.document(where)
			} else {
				err = c.print("Dataverse  %s\ntoken      %s\nCtrl-C stops it.\n", where["url"], where["token"])
			}
			if err != nil {
				return err
			}
			s := &http.Server{Handler: emulator.New(emulator.Config{}), ReadHeaderTimeout: 10 * time.Second}
			closed := context.AfterFunc(ctx, func() { _ = s.Close() }) // Serve returns, which is what counts
			defer closed()
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("emulator: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8365", "address")
	return cmd
}
