package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/control"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) suggest() *cobra.Command {
	request := &penstockv1.SuggestRequest{}
	var from, into string
	cmd := &cobra.Command{
		Use:   "suggest ENVIRONMENT TABLE --from QUERY",
		Short: "Write a first sync for a table from a query",
		Long: "Suggest matches the columns of a query with those of a Dataverse table by name, checks their types, and proposes lookups and the\n" +
			"key. What it left out, and why, stands in the file as comments. It prints the sync and its SQL, or writes both into the folder\n" +
			"syncs below --into, where it overwrites nothing. Look at each line, then let `penstock plan` show what it would do.\n\n" +
			"TABLE is a logical name of Dataverse: contact. QUERY is a .sql file, a SELECT, or a table of the warehouse: crm.customers.\n" +
			"The exit code is 1 when the file has to be completed by hand, since there is no key or no column that fits.",
		Example: "  penstock suggest demo contact --from sample.customers --into ./penstock\n  penstock suggest demo lead --from leads.sql --name web-leads",
		Args:    wants("an environment and a table", 2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Environment, request.Table = args[0], args[1]
			if request.GetName() != "" && !syncName.MatchString(request.GetName()) {
				return fmt.Errorf("%q cannot name a sync; write lower-case letters, digits, - and _", request.GetName())
			}
			if err := suggestFrom(request, from); err != nil {
				return err
			}
			resp := &penstockv1.SuggestResponse{}
			if err := c.callLong(cmd.Context(), control.Suggest, request, resp); err != nil {
				return err
			}
			var files []string
			if into != "" {
				var err error
				if files, err = writeSuggestion(into, resp); err != nil {
					return err
				}
			}
			if err := c.showSuggestion(resp, files); err != nil {
				return err
			}
			if resp.GetComplete() {
				return nil
			}
			if len(resp.GetFields()) == 0 {
				return fmt.Errorf("nothing in the query is called as a column of %s; name its columns after those of the table: SELECT mail AS emailaddress1 …", resp.GetTable())
			}
			return fmt.Errorf("the sync has to be completed by hand: %s", resp.GetKeyNote())
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "a .sql file, a SELECT, or a table of the warehouse")
	cmd.Flags().StringVar(&request.Name, "name", "", "name of the sync (default: that of the table's set, as contacts)")
	cmd.Flags().StringVar(&into, "into", "", "write syncs/NAME.yaml and syncs/NAME.sql below this folder")
	return cmd
}

var syncName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// suggestFrom tells a file, a SELECT and a table of the warehouse apart.
func suggestFrom(request *penstockv1.SuggestRequest, from string) error {
	switch {
	case strings.TrimSpace(from) == "":
		return errors.New("--from is missing: a .sql file, a SELECT, or a table of the warehouse, as in: penstock suggest demo contact --from crm.customers")
	case strings.HasSuffix(from, ".sql"):
		data, err := os.ReadFile(from)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		request.Query = string(data)
	case strings.ContainsAny(from, " \t\n("):
		request.Query = from
	default:
		request.From = from
	}
	return nil
}

// writeSuggestion writes both files, unless one of them is there.
func writeSuggestion(dir string, r *penstockv1.SuggestResponse) ([]string, error) {
	dir = filepath.Join(dir, "syncs")
	files := []string{filepath.Join(dir, r.GetName()+".yaml"), filepath.Join(dir, r.GetName()+".sql")}
	for _, f := range files {
		if _, err := os.Lstat(f); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already, and nothing is overwritten; choose another --name or --into", f)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for i, content := range []string{r.GetYaml(), r.GetSql()} {
		f, err := os.OpenFile(files[i], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		_, err = f.WriteString(content)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (c *commandLine) showSuggestion(r *penstockv1.SuggestResponse, files []string) error {
	switch {
	case c.json:
		return c.document(r)
	case files == nil:
		return c.print("# syncs/%s.yaml\n%s\n-- syncs/%s.sql\n%s", r.GetName(), r.GetYaml(), r.GetName(), r.GetSql())
	}
	text := fmt.Sprintf("%s and %s are written: %s mapped", files[0], files[1], count(len(r.GetFields()), "column"))
	if n := len(r.GetLeftOut()); n > 0 {
		text += fmt.Sprintf(", %d left out", n)
	}
	text += "\n"
	if r.GetKeyNote() != "" && r.GetComplete() {
		text += printable(r.GetKeyNote()) + "\n"
	}
	return c.print("%s", text)
}
