package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) apply() *cobra.Command {
	return &cobra.Command{
		Use:   "apply [DIR]",
		Short: "Store environments and syncs, each as a new version",
		Long: "Apply reads environments/*.yaml, syncs/*.yaml and the SQL beside them below DIR (default: here), checks all of it,\n" +
			"and hands it to the running Penstock. Nothing is stored when anything has a fault, and nothing is run.",
		Example: "  penstock apply ./penstock",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			request, err := documents(dir)
			if err != nil {
				return err
			}
			q, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer q.Close()
			resp, err := applied(cmd.Context(), q, request)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(resp)
			}
			for _, a := range resp.GetApplied() {
				what := "is as it was"
				if a.GetChanged() {
					what = "stored"
				}
				if err := c.print("%s: %s, version %d\n", a.GetName(), what, a.GetVersion()); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func applied(ctx context.Context, q *queue.Queue, request *penstockv1.ApplyRequest) (*penstockv1.ApplyResponse, error) {
	resp := &penstockv1.ApplyResponse{}
	return resp, call(ctx, q, control.Apply, request, resp)
}

// documents reads and checks a folder.
func documents(dir string) (*penstockv1.ApplyRequest, error) {
	folder, err := spec.Load(dir)
	if err != nil {
		return nil, err
	}
	// Absolute, so that a secret beside its environment is found by services on this machine.
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	request := &penstockv1.ApplyRequest{By: user(), Folder: dir}
	for _, d := range folder.Documents {
		request.Documents = append(request.Documents, &penstockv1.Document{File: d.File, Text: string(d.Data)})
	}
	return request, nil
}
