package extractor

import (
	"context"
	"encoding/json"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A keptTable is a table's metadata as the services share it.
type keptTable struct {
	Format int              `json:"format"`
	Table  *dataverse.Table `json:"table"`
}

// keptFormat changes with dataverse.Table, so that a version of Penstock never reads what another meant.
const keptFormat = 4

// kept gives what is kept of a table; nil when nothing is that this version understands.
func (x *extractor) kept(ctx context.Context, organization, name string) (*dataverse.Table, error) {
	data, err := x.queue.Metadata(ctx, organization, name)
	if err != nil || data == nil {
		return nil, err
	}
	var k keptTable
	if json.Unmarshal(data, &k) != nil || k.Format != keptFormat {
		return nil, nil
	}
	return k.Table, nil
}

// table gives the metadata of one table: what is kept of it, unless it is to be fresh, else what Dataverse says, which is
// kept then. Some twenty requests are saved in every run that finds it.
func (x *extractor) table(ctx context.Context, client *dataverse.Client, organization, name string, fresh bool) (t *dataverse.Table, kept bool, err error) {
	if !fresh {
		if t, err := x.kept(ctx, organization, name); err != nil || t != nil {
			return t, err == nil, err
		}
	}
	if t, err = client.Table(ctx, name); err != nil {
		return nil, false, err
	}
	data, err := json.Marshal(keptTable{Format: keptFormat, Table: t})
	if err != nil {
		return nil, false, err
	}
	if err := x.queue.PutMetadata(ctx, organization, name, data); err != nil {
		x.env.Log.Warn("metadata cannot be kept; every run reads it", "table", name, "err", err)
	}
	return t, false, nil
}

// compile makes the plan of a sync from the metadata that is kept. A mapping that does not fit it may fit what Dataverse
// has become since: then it is read once more.
func (x *extractor) compile(ctx context.Context, client *dataverse.Client, in mapping.Input) (*mapping.Plan, error) {
	for fresh := false; ; fresh = true {
		own, kept, err := x.table(ctx, client, in.Organization, in.Sync.To.Table, fresh)
		if err != nil {
			return nil, err
		}
		in.Table, in.Targets = own, map[string]*dataverse.Table{in.Sync.To.Table: own}
		for _, name := range mapping.Targets(in.Sync, own) {
			t, old, err := x.table(ctx, client, in.Organization, name, fresh)
			if err != nil {
				return nil, err
			}
			in.Targets[name], kept = t, kept || old
		}
		plan, err := mapping.Compile(in)
		if err == nil || !kept {
			return plan, err
		}
	}
}

// forget drops what is kept of the tables of a sync, after Dataverse said that it does not know one of their columns or
// keys: the next run reads what there is now.
func (x *extractor) forget(ctx context.Context, run penstock.RunID) error {
	t, err := x.applied(ctx, run.Sync)
	if err != nil {
		return err
	}
	names := []string{t.sync.To.Table}
	own, err := x.kept(ctx, run.Organization, t.sync.To.Table)
	if err != nil {
		return err
	}
	if own != nil {
		names = append(names, mapping.Targets(t.sync, own)...)
	}
	for _, name := range names {
		if err := x.queue.DropMetadata(ctx, run.Organization, name); err != nil {
			return err
		}
	}
	return nil
}
