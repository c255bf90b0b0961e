package cli

import (
	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/control"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) deadletters() *cobra.Command {
	cmd := &cobra.Command{Use: "deadletters", Short: "Look at rows that were refused"}
	var class string
	var limit uint32
	list := &cobra.Command{
		Use:   "list [ENVIRONMENT/SYNC]",
		Short: "List open dead letters, grouped by cause",
		Long: "List shows the open dead letters by cause, and with --letters the newest of them one by one.\n\n" +
			"A letter closes by itself once a later run has sent its row with another end, or the row no longer wants the change.",
		Example: "  penstock deadletters list demo/contacts --letters 20",
		Args:    wants("a sync, or none", 0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &penstockv1.DeadLettersRequest{Class: class, Limit: limit}
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
			resp := &penstockv1.DeadLettersResponse{}
			if err := call(cmd.Context(), q, control.DeadLetters, request, resp); err != nil {
				return err
			}
			if c.json {
				return c.document(resp)
			}
			if len(resp.GetGroups()) == 0 {
				return c.print("no open dead letters\n")
			}
			if err := c.print("%s", groupsTable(resp.GetGroups())); err != nil {
				return err
			}
			if limit == 0 {
				return nil
			}
			return c.print("\n%s", lettersTable(resp.GetLetters()))
		},
	}
	list.Flags().StringVar(&class, "class", "", "only this class: mapping, validation, permission, reference, conflict, oversize, poison, exhausted")
	list.Flags().Uint32Var(&limit, "letters", 0, "show so many letters too")
	cmd.AddCommand(list)
	return cmd
}
