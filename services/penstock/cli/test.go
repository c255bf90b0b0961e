package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A tested sync, as `penstock test --json` shows it.
type tested struct {
	Sync     string            `json:"sync"`
	Tests    int               `json:"tests"`
	Problems []string          `json:"problems"` // why the tests cannot be run
	Failures []mapping.Failure `json:"failures"`
}

func (c *commandLine) test() *cobra.Command {
	return &cobra.Command{
		Use:   "test [DIR]",
		Short: "Run the tests that the syncs have, without environment and warehouse",
		Long: "Test reads the syncs below DIR (default: here), compiles each against the metadata that `penstock metadata` saved, and\n" +
			"renders the rows that its tests give. It needs neither a running Penstock nor the network. The exit code is 1 when\n" +
			"something is otherwise than expected, or does not fit the saved metadata.",
		Example: "  penstock test ./penstock",
		Args:    aFolder,
		RunE: func(_ *cobra.Command, args []string) error {
			dir := directory(args)
			folder, err := spec.Load(dir)
			if err != nil {
				return err
			}
			all := make([]tested, len(folder.Syncs))
			failed := 0
			for i, s := range folder.Syncs {
				all[i] = try(dir, s)
				failed += len(all[i].Problems) + len(all[i].Failures)
			}
			if err := c.tested(all); err != nil {
				return err
			}
			if failed > 0 {
				return errors.New("the tests failed")
			}
			return nil
		},
	}
}

// try runs the tests of one sync. One without tests is compiled nonetheless, where its metadata is saved.
func try(dir string, s spec.Sync) tested {
	t := tested{Sync: s.String(), Tests: len(s.Tests), Problems: []string{}, Failures: []mapping.Failure{}}
	in, err := mapping.Saved(dir, s)
	if err != nil {
		if t.Tests > 0 {
			t.Problems = append(t.Problems, fmt.Sprintf("sync %s: %s", s, err))
		}
		return t
	}
	failures, err := mapping.Try(in)
	var problems mapping.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			t.Problems = append(t.Problems, p.Error())
		}
	case err != nil:
		t.Problems = append(t.Problems, err.Error())
	}
	t.Failures = append(t.Failures, failures...)
	return t
}

// tested shows what came out, a line for each thing that is wrong.
func (c *commandLine) tested(all []tested) error {
	if c.json {
		return c.document(all)
	}
	for _, t := range all {
		for _, p := range t.Problems {
			if err := c.print("%s\n", printable(p)); err != nil {
				return err
			}
		}
		for _, f := range t.Failures {
			if err := c.print("%s\n", printable(f.String())); err != nil {
				return err
			}
		}
		verdict := "ok  "
		switch {
		case len(t.Problems)+len(t.Failures) > 0:
			verdict = "FAIL"
		case t.Tests == 0:
			verdict = "?   "
		}
		count := fmt.Sprintf("%d tests", t.Tests)
		switch t.Tests {
		case 0:
			count = "no tests"
		case 1:
			count = "1 test"
		}
		if err := c.print("%s  %s  %s\n", verdict, t.Sync, count); err != nil {
			return err
		}
	}
	return nil
}
