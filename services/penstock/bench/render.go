package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Rendering is measured for so long, over so many rows of the model.
const (
	renderTime = 2 * time.Second
	renderRows = 1000
)

// render measures how many rows of the model a core renders, read beforehand, against the emulator's metadata: render_rows_per_second, of the
// processor's time. Nothing else is under way in this process.
func (b *bench) render(ctx context.Context, warehouse *clickhouse.Conn, url string) error {
	plan, err := renderPlan(ctx, warehouse, url)
	if err != nil {
		return err
	}
	found, err := warehouse.Query(ctx, clickhouse.Query{SQL: plan.Select(fmt.Sprintf("SELECT * FROM bench.customers LIMIT %d", renderRows))})
	if err != nil {
		return err
	}
	var rows []*mapping.Row
	for found.Next() {
		r := plan.NewRow()
		if err := found.Scan(r.Dest()...); err != nil {
			return errors.Join(err, found.Close())
		}
		rows = append(rows, r)
	}
	if err := errors.Join(found.Err(), found.Close()); err != nil {
		return err
	}
	body, address := make([]byte, 0, 1<<20), make([]byte, 0, 1<<20)
	done, before := 0, processor()
	for until := time.Now().Add(renderTime); time.Now().Before(until); done += len(rows) {
		body, address = body[:0], address[:0]
		for _, r := range rows {
			if body, address, err = rendered(plan, body, address, r); err != nil {
				return err
			}
		}
	}
	b.figures["render_rows_per_second"] = float64(done) / (processor() - before).Seconds()
	return nil
}

func rendered(plan *mapping.Plan, body, address []byte, r *mapping.Row) ([]byte, []byte, error) {
	body, address, cause := plan.Append(body, address, r)
	if cause != nil {
		return nil, nil, cause
	}
	return body, address, nil
}

// renderPlan compiles the sync that the whole path is measured with.
func renderPlan(ctx context.Context, warehouse *clickhouse.Conn, url string) (*mapping.Plan, error) {
	const sql = "SELECT * FROM bench.customers"
	syncs, err := spec.ParseSync("contacts.yaml", []byte(syncFile), func(string) (string, error) { return sql, nil })
	if err != nil {
		return nil, err
	}
	client, err := dataverse.New(dataverse.Config{
		URL: url, ClientID: emulator.SandboxClient, Connections: 1, Secret: func() (string, error) { return emulator.SandboxSecret, nil },
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	table, err := client.Table(ctx, syncs[0].To.Table)
	if err != nil {
		return nil, err
	}
	columns, err := warehouse.Columns(ctx, sql)
	if err != nil {
		return nil, err
	}
	in := mapping.Input{Sync: syncs[0], Organization: "bench", Table: table}
	for _, c := range columns {
		in.Model = append(in.Model, mapping.SourceColumn{Name: c.Name, Type: c.Type})
	}
	return mapping.Compile(in)
}
