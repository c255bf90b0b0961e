package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) apply() *cobra.Command {
	var author, reason string
	var unchecked, yes bool
	var choice penstockv1.ApplyRequest
	cmd := &cobra.Command{
		Use:   "apply [DIR]",
		Short: "Store environments and syncs, each as a new version where it is different",
		Long: "Apply reads environments/*.yaml, syncs/*.yaml and the SQL beside them below DIR (default: here), checks them with what\n" +
			"else is applied, shows what is different, and stores that: all of it, or nothing when anything has a fault or somebody\n" +
			"else applied something meanwhile. On a terminal it asks before it stores. Nothing is run; a run that is under way ends\n" +
			"with the version that it began with.\n\n" +
			"What changes is also held against the warehouse and Dataverse as they are now, as `penstock plan` does it: a table, column,\n" +
			"key, lookup or privilege that is missing is refused, and so is an environment that cannot be reached. --unchecked stores\n" +
			"it all the same, and asks nobody.\n\n" +
			"What is applied and not in DIR stays, and is named; --prune removes the syncs of it, --drop whole environments.\n" +
			"Both can be had back: see `penstock history` and `penstock rollback`.",
		Example: "  penstock apply ./penstock --reason 'genders by label'",
		Args:    aFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			request, err := documents(directory(args))
			if err != nil {
				return err
			}
			request.By, request.Reason, request.Unchecked = author, reason, unchecked
			request.Prune, request.Drop = choice.GetPrune(), choice.GetDrop()
			q, err := c.connect(ctx)
			if err != nil {
				return err
			}
			defer q.Close()
			shown := &penstockv1.ApplyResponse{}
			if err := call(ctx, q, control.Diff, request, shown); err != nil {
				return err
			}
			return c.settle(cmd, shown, unchecked, yes, func(seen []*penstockv1.SpecVersion) (*penstockv1.ApplyResponse, error) {
				request.Seen = seen
				told, done := c.doing()
				defer done()
				return applied(ctx, q, request, told)
			})
		},
	}
	prunes(cmd, &choice)
	flags := cmd.Flags()
	flags.StringVar(&reason, "reason", "", "why, for the history")
	flags.StringVar(&author, "author", user(), "who, for the history")
	flags.BoolVar(&unchecked, "unchecked", false, "store it without the checks, or although it is refused; the history says so")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (c *commandLine) rollback() *cobra.Command {
	var unchecked, yes bool
	request := &penstockv1.RollbackRequest{}
	cmd := &cobra.Command{
		Use:   "rollback ENVIRONMENT/SYNC | ENVIRONMENT",
		Short: "Store what an earlier version said, as a new version",
		Long: "Rollback takes what an earlier version of a sync or an environment said (default: the one before), checks it as apply\n" +
			"does, shows what is different, and stores it as the next version. It brings back what was removed, too. The files are\n" +
			"another matter: change them as well, or the next apply undoes it.",
		Example: "  penstock rollback production/contacts --to 3 --reason 'labels were wrong'",
		Args:    wants("a sync or an environment", 1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if request.GetReason() == "" {
				return errors.New("penstock rollback wants to know why, for the history: --reason '…'")
			}
			var err error
			if request.Environment, request.Sync, err = specName(args[0]); err != nil {
				return err
			}
			q, err := c.connect(ctx)
			if err != nil {
				return err
			}
			defer q.Close()
			request.Preview = true
			shown := &penstockv1.ApplyResponse{}
			if err := call(ctx, q, control.Rollback, request, shown); err != nil {
				return err
			}
			return c.settle(cmd, shown, unchecked, yes, func(seen []*penstockv1.SpecVersion) (*penstockv1.ApplyResponse, error) {
				request.Preview, request.Unchecked, request.Seen = false, unchecked, seen[0]
				resp := &penstockv1.ApplyResponse{}
				told, done := c.doing()
				defer done()
				return resp, patiently(ctx, q, control.Rollback, request, resp, told)
			})
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&request.To, "to", 0, "version to go back to (default: the one before)")
	flags.StringVar(&request.Reason, "reason", "", "why, for the history")
	flags.StringVar(&request.By, "author", user(), "who, for the history")
	flags.BoolVar(&unchecked, "unchecked", false, "store it without the checks, or although it is refused; the history says so")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// settle shows what would be stored, asks where a person is there to answer, and stores it.
func (c *commandLine) settle(
	cmd *cobra.Command, shown *penstockv1.ApplyResponse, unchecked, yes bool, store func(seen []*penstockv1.SpecVersion) (*penstockv1.ApplyResponse, error),
) error {
	if !c.json {
		if err := c.print("%s", changesText(shown)); err != nil {
			return err
		}
	}
	if err := refused(shown); err != nil && !unchecked {
		return err
	}
	if !c.json && !yes && changed(shown) && watched(cmd.InOrStdin(), c.out) {
		if sure, err := ask(cmd.Context(), cmd.InOrStdin(), c.out, "Store this? [y/N] "); err != nil || !sure {
			return errors.Join(err, errors.New("nothing was stored"))
		}
	}
	seen := make([]*penstockv1.SpecVersion, len(shown.GetChanges()))
	for i, change := range shown.GetChanges() {
		seen[i] = &penstockv1.SpecVersion{Name: change.GetName(), Version: change.GetFrom()}
	}
	resp, err := store(seen)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(resp)
	}
	return c.print("%s", storedText(resp))
}

// refused is the error of what is not to be stored.
func refused(r *penstockv1.ApplyResponse) error {
	if len(r.GetRefused()) == 0 {
		return nil
	}
	return fmt.Errorf("this is refused:\n  %s", strings.Join(r.GetRefused(), "\n  "))
}

func changed(r *penstockv1.ApplyResponse) bool {
	for _, c := range r.GetChanges() {
		if c.GetKind() != unchanged {
			return true
		}
	}
	return false
}

// applyPatience is a little longer than an apply may take, so that its own word for that arrives.
const applyPatience = 3*time.Minute + 10*time.Second

func applied(ctx context.Context, q *queue.Queue, request *penstockv1.ApplyRequest, told func(string)) (*penstockv1.ApplyResponse, error) {
	resp := &penstockv1.ApplyResponse{}
	return resp, patiently(ctx, q, control.Apply, request, resp, told)
}

func patiently(ctx context.Context, q *queue.Queue, subject string, req, resp proto.Message, told func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, applyPatience)
	defer cancel()
	return listed(control.CallLong(ctx, q.Conn(), subject, req, resp, told))
}

// listed shows a refusal for several reasons as a list.
func listed(err error) error {
	var refusal *control.Refusal
	if errors.As(err, &refusal) && refusal.Code == "refused" {
		return fmt.Errorf("this is refused:\n  %s", strings.ReplaceAll(refusal.Text, "\n", "\n  "))
	}
	return err
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
