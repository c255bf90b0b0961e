package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/spec"
)

func (c *commandLine) explain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain ENVIRONMENT/SYNC [DIR]",
		Short: "Show a sync with its defaults, and where each setting comes from",
		Long: "Explain shows what the files below DIR (default: here) say of a sync: every setting that holds, the file and line that say so, the\n" +
			"overlay that they are in, or that it is a default; what mode and on_leave do; and the SQL. It connects to nothing.",
		Example: "  penstock explain prod/contacts ./penstock",
		Args:    wants("a sync, and the folder if it is not this one", 1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			id, err := syncID(args[0])
			if err != nil {
				return err
			}
			folder, err := spec.Load(directory(args[1:]))
			if err != nil {
				return err
			}
			settings, err := folder.Explain(id)
			if err != nil {
				return err
			}
			s := folder.Syncs[slices.IndexFunc(folder.Syncs, func(s spec.Sync) bool { return s.ID() == id })]
			if c.json {
				return c.document(map[string]any{"sync": s.String(), "settings": settings, "query": s.From.Query})
			}
			return c.print("%s", explained(settings, s.From.Query))
		},
	}
}

// explained is YAML with the origin of each setting behind it.
func explained(settings []spec.Setting, query string) string {
	type line struct{ text, from string }
	var lines []line
	section, width := "", 0
	for _, s := range settings {
		head, rest, inner := strings.Cut(s.Path, ".")
		if inner && head != section {
			lines = append(lines, line{head + ":", ""})
		}
		section = head
		indent := ""
		if inner {
			head, indent = rest, "  "
		}
		if s.Means != "" {
			lines = append(lines, line{indent + "# " + s.Means, ""})
		}
		text := indent + head + ": " + s.Value
		if n := utf8.RuneCountInString(text); n <= 72 {
			width = max(width, n)
		}
		lines = append(lines, line{text, s.From})
	}
	var out strings.Builder
	for _, l := range lines {
		if l.from == "" {
			out.WriteString(l.text + "\n")
			continue
		}
		_, _ = fmt.Fprintf(&out, "%s%*s  # %s\n", l.text, max(0, width-utf8.RuneCountInString(l.text)), "", l.from) // a strings.Builder takes everything
	}
	return out.String() + "\n" + query + "\n"
}
