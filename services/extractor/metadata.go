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
const keptFormat = 1

// table gives the metadata of one table: what is kept of it, unless it is to be fresh, else what Dataverse says, which is
// kept then. Some twenty requests are saved in every run that finds it.
func (x *extractor) table(ctx context.Context, client *dataverse.Client, organization, name string, fresh bool) (t *dataverse.Table, kept bool, err error) {
	if !fresh {
		data, err := x.queue.Metadata(ctx, organization, name)
		if err != nil {
			return nil, false, err
		}
		var k keptTable
		if data != nil && json.Unmarshal(data, &k) == nil && k.Format == keptFormat && k.Table != nil {
			return k.Table, true, nil
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
		kept := false
		in.Targets = map[string]*dataverse.Table{}
		for _, name := range in.Sync.Tables() {
			t, old, err := x.table(ctx, client, in.Organization, name, fresh)
			if err != nil {
				return nil, err
			}
			in.Targets[name], kept = t, kept || old
		}
		in.Table = in.Targets[in.Sync.To.Table]
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
	for _, name := range t.sync.Tables() {
		if err := x.queue.DropMetadata(ctx, run.Organization, name); err != nil {
			return err
		}
	}
	return nil
}
