package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) diff() *cobra.Command {
	var choice penstockv1.ApplyRequest
	request := &penstockv1.CompareRequest{}
	cmd := &cobra.Command{
		Use:   "diff [DIR] | diff ENVIRONMENT/SYNC --from VERSION --to VERSION",
		Short: "Show how files differ from what is applied, or one version from another",
		Long: "Diff shows what `penstock apply DIR` would store, and stores nothing. With --from or --to it compares two stored versions\n" +
			"of a sync or an environment instead (default: the newest with the one before).\n\n" +
			"The exit code is 2 when there is a difference, 0 when there is none, and 1 when it would be refused, or on any fault.",
		Example: "  penstock diff ./penstock\n  penstock diff production/contacts --from 3 --to 5",
		Args:    aFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("from") || cmd.Flags().Changed("to") {
				return c.compare(cmd, args, request)
			}
			if info, err := os.Stat(directory(args)); err != nil || !info.IsDir() {
				return fmt.Errorf("%s is no folder; to compare versions of what is applied, add --from or --to", directory(args))
			}
			folder, err := documents(directory(args))
			if err != nil {
				return err
			}
			folder.Prune, folder.Drop = choice.GetPrune(), choice.GetDrop()
			q, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer q.Close()
			resp := &penstockv1.ApplyResponse{}
			if err := call(cmd.Context(), q, control.Diff, folder, resp); err != nil {
				return err
			}
			if c.json {
				err = c.document(resp)
			} else {
				err = c.print("%s", changesText(resp))
			}
			switch {
			case err != nil:
				return err
			case len(resp.GetRefused()) > 0:
				return refused(resp)
			case changed(resp):
				return errChanges
			}
			return nil
		},
	}
	prunes(cmd, &choice)
	flags := cmd.Flags()
	flags.Uint64Var(&request.From, "from", 0, "older version (default: the one before --to)")
	flags.Uint64Var(&request.To, "to", 0, "newer version (default: the newest)")
	return cmd
}

func prunes(cmd *cobra.Command, choice *penstockv1.ApplyRequest) {
	flags := cmd.Flags()
	flags.BoolVar(&choice.Prune, "prune", false, "remove the syncs of the folder's environments that are not in the folder")
	flags.StringSliceVar(&choice.Drop, "drop", nil, "remove this environment, which is not in the folder, with its syncs")
}

// compare shows the difference between two stored versions.
func (c *commandLine) compare(cmd *cobra.Command, args []string, request *penstockv1.CompareRequest) (err error) {
	if len(args) == 0 {
		return errors.New("penstock diff --from --to wants a sync or an environment, as in: penstock diff production/contacts --from 3 --to 5")
	}
	if request.Environment, request.Sync, err = specName(args[0]); err != nil {
		return err
	}
	q, err := c.connect(cmd.Context())
	if err != nil {
		return err
	}
	defer q.Close()
	resp := &penstockv1.CompareResponse{}
	if err := call(cmd.Context(), q, control.Compare, request, resp); err != nil {
		return err
	}
	if c.json {
		err = c.document(resp)
	} else {
		err = c.print("%s: version %d -> %d\n%s", resp.GetTo().GetName(), resp.GetFrom().GetVersion(), resp.GetTo().GetVersion(), differencesText(resp.GetDifferences()))
	}
	if err == nil && len(resp.GetDifferences()) > 0 {
		return errChanges
	}
	return err
}

func (c *commandLine) history() *cobra.Command {
	request := &penstockv1.HistoryRequest{}
	cmd := &cobra.Command{
		Use:   "history [ENVIRONMENT/SYNC | ENVIRONMENT]",
		Short: "List the versions of what was applied, newest first",
		Long: "History shows who applied what, when and why: of one sync, of an environment and all its syncs, or of everything. It is\n" +
			"kept in ClickHouse, for good.",
		Example: "  penstock history production/contacts",
		Args:    wants("a sync or an environment, or none", 0, 1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				if request.Environment, request.Sync, err = specName(args[0]); err != nil {
					return err
				}
			}
			q, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer q.Close()
			resp := &penstockv1.HistoryResponse{}
			if err := call(cmd.Context(), q, control.History, request, resp); err != nil {
				return err
			}
			if c.json {
				return c.document(resp)
			}
			return c.print("%s", historyTable(resp.GetVersions()))
		},
	}
	cmd.Flags().Uint32Var(&request.Limit, "limit", 20, "at most so many")
	return cmd
}

// specName reads environment/sync, or an environment alone.
func specName(s string) (environment, sync string, err error) {
	if !strings.Contains(s, "/") && s != "" {
		return s, "", nil
	}
	id, err := syncID(s)
	if err != nil {
		return "", "", fmt.Errorf("%q names neither a sync nor an environment; write environment/sync, as demo/contacts, or the environment alone", s)
	}
	return id.Environment, id.Name, nil
}

// unchanged is the kind of a change that is none.
const unchanged = "unchanged"

// changesText shows every change with its differences, and what is applied beside the folder.
func changesText(r *penstockv1.ApplyResponse) string {
	var b strings.Builder
	same := 0
	for _, change := range r.GetChanges() {
		name, from, to := change.GetName(), change.GetFrom(), change.GetTo()
		switch change.GetKind() {
		case unchanged:
			same++
			continue
		case "added":
			b.WriteString("+ " + name + ", new\n")
		case "restored":
			b.WriteString(fmt.Sprintf("+ %s, which version %d removed\n", name, from))
		case "removed":
			b.WriteString(fmt.Sprintf("- %s, removed (version %d -> %d)\n", name, from, to))
		default:
			b.WriteString(fmt.Sprintf("~ %s (version %d -> %d)\n", name, from, to))
		}
		b.WriteString(differencesText(change.GetDifferences()))
	}
	if b.Len() == 0 {
		b.WriteString("no difference: everything here is applied\n")
	} else if same > 0 {
		b.WriteString(fmt.Sprintf("%d unchanged\n", same))
	}
	if absent := r.GetAbsent(); len(absent) > 0 {
		b.WriteString("applied, but not in this folder: " + strings.Join(absent, ", ") + " (--prune removes what is not here)\n")
	}
	return b.String()
}

func differencesText(list []*penstockv1.Difference) string {
	var b strings.Builder
	for _, d := range list {
		text := spec.Difference{Path: d.GetPath(), Old: d.GetOld(), New: d.GetNew(), Lines: d.GetLines()}.String()
		for line := range strings.SplitSeq(text, "\n") {
			b.WriteString("    " + printable(line) + "\n")
		}
	}
	return b.String()
}

// storedText names what was stored.
func storedText(r *penstockv1.ApplyResponse) string {
	var names []string
	for _, change := range r.GetChanges() {
		if change.GetKind() != unchanged {
			names = append(names, fmt.Sprintf("%s version %d", change.GetName(), change.GetTo()))
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := "stored: " + strings.Join(names, ", ") + "\n"
	for i, why := range r.GetRefused() {
		if i == 0 {
			text += "unchecked, although:\n"
		}
		text += "  " + printable(why) + "\n"
	}
	return text
}

func historyTable(versions []*penstockv1.SpecVersion) string {
	return table("NAME\tVERSION\tAT (UTC)\tBY\tWHAT\tREASON", func(row func(...any)) {
		for _, v := range versions {
			what := v.GetSummary()
			if v.GetUnchecked() {
				what += " (unchecked)"
			}
			row(v.GetName(), v.GetVersion(), v.GetAt().AsTime().Format("2006-01-02 15:04:05"), printable(v.GetBy()), short(what, 100), short(v.GetReason(), 100))
		}
	})
}

// watched reports whether a person sees what is printed, and can answer.
func watched(in io.Reader, out io.Writer) bool {
	i, ok := in.(*os.File)
	o, also := out.(*os.File)
	return ok && also && daemon.Terminal(i) && daemon.Terminal(o)
}

// ask asks a question that only y answers with yes. When ctx ends, nobody waits for the answer any more.
func ask(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	if _, err := io.WriteString(out, question); err != nil {
		return false, err
	}
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(in).ReadString('\n') // what cannot be read is no yes
		answers <- strings.ToLower(strings.TrimSpace(answer))
	}()
	select {
	case answer := <-answers:
		return answer == "y" || answer == "yes", nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}
