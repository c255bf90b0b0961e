package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/services/penstock/docs"
)

func (c *commandLine) schema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [sync|environment]",
		Short: "Print the JSON Schema of a file, for editors",
		Long: "Schema prints what a file of syncs/ (or environments/) may say, as a JSON Schema (draft 2020-12). An editor with a YAML language\n" +
			"server then completes keys, shows what they mean, and marks mistakes. Keep it beside the files, and begin each with\n\n" +
			"  # yaml-language-server: $schema=../sync.schema.json",
		Example:   "  penstock schema sync > sync.schema.json",
		ValidArgs: []string{"sync", "environment"},
		Args:      wants("sync or environment", 0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			of := "sync"
			if len(args) == 1 {
				of = args[0]
			}
			data, err := docs.Schemas.ReadFile("schema/" + of + ".json")
			if err != nil {
				return fmt.Errorf("there is no schema of %q: %s", of, document.DidYouMean(of, cmd.ValidArgs))
			}
			_, err = c.out.Write(data)
			return err
		},
	}
}
