package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func (c *commandLine) validate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [DIR]",
		Short: "Look for mistakes in the files, without a server",
		Long: "Validate reads environments/*.yaml, syncs/*.yaml and the SQL beside them below DIR (default: here), and names every mistake\n" +
			"with its place and how to mend it. It connects to nothing: whether tables, columns and labels exist is plan's to say.\n\n" +
			"The exit code is 1 when there are mistakes. Warnings are none.",
		Example: "  penstock validate ./penstock",
		Args:    aFolder,
		RunE: func(_ *cobra.Command, args []string) error {
			dir := directory(args)
			folder, err := spec.Load(dir)
			var problems document.Problems
			if err != nil && !errors.As(err, &problems) {
				return err
			}
			if err := c.showFindings(folder, problems); err != nil {
				return err
			}
			if len(problems) > 0 {
				return fmt.Errorf("%s in the files of %s", count(len(problems), "mistake"), dir)
			}
			return nil
		},
	}
}

// aFolder is what commands want that need no more than one.
func aFolder(cmd *cobra.Command, args []string) error {
	return wants("a folder, or none", 0, 1)(cmd, args)
}

// directory is the folder that a command is given, or this one.
func directory(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return "."
}

// A finding is a problem in the JSON of a command.
type finding struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"` // from 1; 0: it is about the file as a whole
	Column int    `json:"column,omitempty"`
	What   string `json:"what"`
	Mend   string `json:"mend,omitempty"`
}

func findings(ps document.Problems) []finding {
	all := make([]finding, len(ps)) // [] rather than null
	for i, p := range ps {
		all[i] = finding{p.File, p.Line, p.Column, p.What, p.Mend}
	}
	return all
}

func (c *commandLine) showFindings(folder spec.Folder, problems document.Problems) error {
	if c.json {
		return c.document(map[string]any{
			"problems": findings(problems), "warnings": findings(folder.Warnings), "environments": len(folder.Environments), "syncs": len(folder.Syncs),
		})
	}
	var s strings.Builder
	for _, p := range problems {
		s.WriteString(printable(p.Error()) + "\n")
	}
	for _, p := range folder.Warnings {
		p.What = "warning: " + p.What
		s.WriteString(printable(p.Error()) + "\n")
	}
	if len(problems) == 0 {
		s.WriteString(count(len(folder.Environments), "environment") + " and " + count(len(folder.Syncs), "sync") + " without a mistake\n")
	}
	return c.print("%s", s.String())
}

// count writes 1 sync, 2 syncs.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
