package extractor

import (
	"context"
	"time"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/mapping"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// metadataLimit is how long one table's metadata may take: a little less than the call that asks for it.
const metadataLimit = 50 * time.Second

// maxSaved is how large an answer may be: what NATS takes in a message, less a margin.
const maxSaved = 1_000_000

// answerMetadata tells what the tests of syncs are run against elsewhere: a table as Dataverse has it now, or the columns
// of a model.
func (x *extractor) answerMetadata(ctx context.Context, r *penstockv1.MetadataRequest) (*penstockv1.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataLimit)
	defer cancel()
	resp := &penstockv1.MetadataResponse{}
	if r.GetQuery() != "" {
		columns, err := x.conn.Columns(ctx, r.GetQuery())
		if err != nil {
			return nil, control.Refuse("bad_request", "the model cannot be described: %s", err)
		}
		for _, c := range columns {
			resp.Columns = append(resp.Columns, &penstockv1.ModelColumn{Name: c.Name, Type: c.Type})
		}
		return resp, nil
	}
	client, err := x.reach(ctx, r.GetEnvironment())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	table, err := client.Table(ctx, r.GetTable())
	if err != nil {
		return nil, err
	}
	if resp.Table, err = mapping.SaveTable(table); err != nil {
		return nil, err
	}
	if len(resp.GetTable()) > maxSaved {
		return nil, control.Refuse("unavailable", "the metadata of %s is larger than a message of NATS may be", r.GetTable())
	}
	return resp, nil
}

// reach makes a client of an environment that is applied, as its first application user.
func (x *extractor) reach(ctx context.Context, name string) (*dataverse.Client, error) {
	e, err := x.environment(ctx, name)
	if err != nil {
		return nil, err
	}
	return x.client(e)
}
