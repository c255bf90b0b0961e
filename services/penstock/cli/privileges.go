package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/privilege"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) privileges() *cobra.Command {
	var folder string
	request := &penstockv1.PrivilegesRequest{}
	cmd := &cobra.Command{
		Use:   "privileges ENVIRONMENT",
		Short: "Say which security role the syncs need, and what is missing or too much",
		Long: "Privileges works out the smallest security role that the applied syncs of an environment need, table by table, with the depth\n" +
			"that is needed and what asks for it, and holds each application user against it: what is missing, and what is held beyond\n" +
			"need. It writes nothing.\n\n" +
			"Beyond need is told of the tables that the syncs touch; of others only what changes records of others, since the roles that\n" +
			"come with an environment let everybody read and append in many tables, and keep things of their own.\n\n" +
			"With --folder the files in DIR are looked at instead, from this machine and without a running Penstock. The exit code is 1\n" +
			"when something is missing, or could not be looked at.",
		Example: "  penstock privileges production\n  penstock privileges production --folder ./penstock --json",
		Args:    wants("one environment", 1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Environment = args[0]
			ctx, cancel := context.WithTimeout(cmd.Context(), testPatience)
			defer cancel()
			resp, err := c.askedPrivileges(ctx, request, folder)
			if err != nil {
				return err
			}
			if c.json {
				err = c.document(resp)
			} else {
				err = c.print("%s", roleOf(resp))
			}
			if err != nil {
				return err
			}
			return lacking(resp)
		},
	}
	cmd.Flags().StringVar(&request.User, "user", "", "look at this application user alone, by its client id")
	cmd.Flags().StringVar(&folder, "folder", "", "look at the files below DIR, from this machine, without a running Penstock")
	return cmd
}

func (c *commandLine) askedPrivileges(ctx context.Context, request *penstockv1.PrivilegesRequest, dir string) (*penstockv1.PrivilegesResponse, error) {
	if dir != "" {
		folder, err := spec.Load(dir)
		if err != nil {
			return nil, err
		}
		in, err := connection.Select(folder.Environments, folder.Syncs, request.GetEnvironment(), "", request.GetUser())
		if err != nil {
			return nil, fmt.Errorf("in the files of %s: %w", dir, err)
		}
		report, err := privilege.Look(ctx, privilege.Input{Environment: in.Environment, Syncs: in.Syncs, Identities: sealed.Identities(c.identity)})
		if err != nil {
			return nil, fmt.Errorf("%w; `penstock test-connection %s --folder %s` says step by step what is in the way", err, request.GetEnvironment(), dir)
		}
		return report.Message(), nil
	}
	q, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	resp := &penstockv1.PrivilegesResponse{}
	return resp, control.Call(ctx, q.Conn(), control.Privileges, request, resp)
}

// lacking is the error of a role that is too small, or of which that is not known.
func lacking(r *penstockv1.PrivilegesResponse) error {
	for _, u := range r.GetUsers() {
		if n := len(u.GetMissing()); n > 0 {
			return fmt.Errorf("application user %s lacks %d of %d privileges", u.GetClientId(), n, len(r.GetRole()))
		}
	}
	if len(r.GetProblems()) > 0 {
		return fmt.Errorf("not all could be looked at: %s", r.GetProblems()[0])
	}
	return nil
}

// mostTables bounds the tables of which text tells that too much is held; an administrator holds all there is.
const mostTables = 12

// roleOf is the role as a table, and then how each application user compares.
func roleOf(r *penstockv1.PrivilegesResponse) string {
	var s strings.Builder
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(&s, format, args...) } // a strings.Builder takes everything
	write("%s  %s\n\nthe smallest role for its syncs:\n", r.GetEnvironment(), r.GetUrl())
	table, verb := 0, 0
	for _, n := range r.GetRole() {
		table, verb = max(table, len(n.GetTable())), max(verb, len(n.GetVerb()))
	}
	for _, n := range r.GetRole() {
		var why []string
		for _, reason := range n.GetReasons() {
			why = append(why, reason.GetSync()+" "+reason.GetWhy())
		}
		write("  %-*s  %-*s  %-13s %s\n", table, n.GetTable(), verb, n.GetVerb(), level(n.GetDepth()), strings.Join(why, "; "))
	}
	if len(r.GetRole()) == 0 {
		write("  nothing\n")
	}
	for _, u := range r.GetUsers() {
		write("\napplication user %s (%s)\n", u.GetClientId(), u.GetUser())
		for _, g := range u.GetMissing() {
			held := "is missing"
			if g.GetHeld() != "None" {
				held = "is held for " + level(g.GetHeld()) + " only"
			}
			write("  %s (%s) %s; %s is needed\n", g.GetPrivilege(), of(g), held, level(g.GetNeeded()))
		}
		if u.GetDo() != "" {
			write("  -> %s\n", u.GetDo())
		} else {
			write("  nothing is missing\n")
		}
		write("%s", beyond(u.GetBeyond()))
	}
	for i, p := range r.GetProblems() {
		if i == 0 {
			write("\nwhat could not be looked at:\n")
		}
		write("  %s\n", printable(p))
	}
	return s.String()
}

func of(g *penstockv1.PrivilegeGap) string {
	if g.GetTable() == "" {
		return g.GetVerb()
	}
	return g.GetVerb() + " on " + g.GetTable()
}

// beyond is a line for each table of which too much is held.
func beyond(gaps []*penstockv1.PrivilegeGap) string {
	var tables []string
	lines := map[string][]string{}
	for _, g := range gaps {
		if !slices.Contains(tables, g.GetTable()) {
			tables = append(tables, g.GetTable())
		}
		word := g.GetVerb() + " " + level(g.GetHeld())
		if g.GetNeeded() != "None" {
			word += " (" + level(g.GetNeeded()) + " would do)"
		}
		lines[g.GetTable()] = append(lines[g.GetTable()], word)
	}
	var s strings.Builder
	for i, table := range tables {
		if i == 0 {
			s.WriteString("  held beyond need:\n")
		}
		if i == mostTables {
			_, _ = fmt.Fprintf(&s, "    and on %d more tables, which --json lists\n", len(tables)-i)
			break
		}
		_, _ = fmt.Fprintf(&s, "    %s: %s\n", table, strings.Join(lines[table], ", "))
	}
	return s.String()
}

// level is a depth as the editor of security roles calls it.
func level(depth string) string { return dataverse.ParseDepth(depth).Level() }
