package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func (c *commandLine) metadata() *cobra.Command {
	var tables []string
	cmd := &cobra.Command{
		Use:   "metadata ENVIRONMENT [DIR]",
		Short: "Save what the tests of the syncs need to know of an environment",
		Long: "Metadata asks the running Penstock for the tables of ENVIRONMENT that the syncs below DIR (default: here) write to\n" +
			"or name in lookups, and for the columns of their models, and writes both below DIR/metadata/ENVIRONMENT. `penstock test`\n" +
			"then needs neither the environment nor the warehouse. The files are meant for version control: what changed in\n" +
			"Dynamics shows in a pull request.",
		Example: "  penstock metadata production ./penstock\n  penstock metadata production ./penstock --table contact",
		Args:    wants("an environment, and perhaps a folder", 1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := directory(args[1:])
			folder, err := spec.Load(dir)
			if err != nil {
				return err
			}
			if _, found := folder.Environment(args[0]); !found {
				var known []string
				for _, e := range folder.Environments {
					known = append(known, e.Name)
				}
				return fmt.Errorf("there is no environment %s; %s", args[0], document.DidYouMean(args[0], known))
			}
			q, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer q.Close()
			s := saving{q: q, dir: dir, environment: args[0], only: tables, tables: map[string]*dataverse.Table{}}
			for _, sync := range folder.Syncs {
				if sync.To.Environment != args[0] {
					continue
				}
				if err := s.sync(cmd.Context(), sync); err != nil {
					return err
				}
			}
			for _, name := range tables {
				if s.tables[name] == nil {
					return fmt.Errorf("no sync of %s needs the table %s", args[0], name)
				}
			}
			if c.json {
				return c.document(map[string][]string{"written": s.written, "unchanged": s.unchanged})
			}
			for _, path := range s.written {
				if err := c.print("%s: written\n", path); err != nil {
					return err
				}
			}
			for _, path := range s.unchanged {
				if err := c.print("%s: is as it was\n", path); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&tables, "table", nil, "save this table alone; may be given more than once")
	return cmd
}

// A saving is the metadata of one environment being written.
type saving struct {
	q                  *queue.Queue
	dir, environment   string
	only               []string // tables; empty: all, and the models
	tables             map[string]*dataverse.Table
	written, unchanged []string // paths
}

// sync saves what one sync needs.
func (s *saving) sync(ctx context.Context, sync spec.Sync) error {
	table, err := s.table(ctx, sync.To.Table)
	if err != nil {
		return err
	}
	for _, name := range mapping.Targets(sync, table) {
		if _, err := s.table(ctx, name); err != nil {
			return err
		}
	}
	if len(s.only) > 0 {
		return nil
	}
	resp := &penstockv1.MetadataResponse{}
	if err := s.ask(ctx, &penstockv1.MetadataRequest{Query: sync.From.Query}, resp); err != nil {
		return fmt.Errorf("the model of %s (%s): %w", sync, sync.From.File, err)
	}
	columns := make([]mapping.SourceColumn, len(resp.GetColumns()))
	for i, c := range resp.GetColumns() {
		columns[i] = mapping.SourceColumn{Name: c.GetName(), Type: c.GetType()}
	}
	data, err := mapping.SaveModel(columns)
	if err != nil {
		return err
	}
	return s.write(mapping.SavedModelPath(sync), data)
}

// table saves one table, once, and gives it back.
func (s *saving) table(ctx context.Context, name string) (*dataverse.Table, error) {
	if t, found := s.tables[name]; found {
		return t, nil
	}
	resp := &penstockv1.MetadataResponse{}
	if err := s.ask(ctx, &penstockv1.MetadataRequest{Environment: s.environment, Table: name}, resp); err != nil {
		return nil, err
	}
	t, err := mapping.LoadTable(resp.GetTable())
	if err != nil {
		return nil, fmt.Errorf("the running Penstock is of another version: %w", err)
	}
	s.tables[name] = t
	if len(s.only) > 0 && !slices.Contains(s.only, name) {
		return t, nil
	}
	return t, s.write(mapping.SavedPath(s.environment, name), resp.GetTable())
}

func (s *saving) ask(ctx context.Context, request *penstockv1.MetadataRequest, resp *penstockv1.MetadataResponse) error {
	ctx, cancel := context.WithTimeout(ctx, testPatience)
	defer cancel()
	return control.Call(ctx, s.q.Conn(), control.Metadata, request, resp)
}

// write writes a file, unless it says the same already.
func (s *saving) write(path string, data []byte) error {
	full := filepath.Join(s.dir, path)
	old, err := os.ReadFile(full)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if bytes.Equal(old, data) {
		s.unchanged = append(s.unchanged, path)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	s.written = append(s.written, path)
	return os.WriteFile(full, data, 0o644)
}
