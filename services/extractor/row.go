package extractor

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/plan"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// rowLimit is how long it may take to follow a row: ClickHouse reads the whole model for it, twice.
const rowLimit = 5 * time.Minute

const (
	rowsShown  = 3    // rows of the model that share a key
	valueShown = 2000 // characters of a value
)

// An inquiry follows one row from the warehouse to Dataverse. Nothing is written.
type inquiry struct {
	x      *extractor
	sync   spec.Sync
	plan   *mapping.Plan
	table  *dataverse.Table
	tables map[string]*dataverse.Table
	model  ledger.Model
	query  string // before the ids of queries
	last   penstock.Run

	key      string // normalised
	standing ledger.Standing
	hash     penstock.Hash // of the row, where there is one
	body     []byte        // what it renders to; nil where it does not
	address  string        // of the record, or of the table of one that is to be made
	letter   *penstock.Letter
	out      *penstockv1.RowResponse
}

// answerRow tells how it stands with one row.
func (x *extractor) answerRow(ctx context.Context, r *penstockv1.RowRequest, tell func(string)) (*penstockv1.RowResponse, error) {
	id := penstock.SyncID{Environment: r.GetEnvironment(), Name: r.GetSync()}
	t, err := x.applied(ctx, id)
	if err != nil {
		return nil, err
	}
	if n, wanted := len(r.GetKey()), len(t.sync.From.Key); n != wanted {
		return nil, control.Refuse("bad_request", "the key of %s has one part for each column of from.key (%s), and %d parts were given", id, strings.Join(t.sync.From.Key, ", "), n)
	}
	q := &inquiry{
		x: x, sync: t.sync, query: fmt.Sprintf("%s-%s-%s-row-%s", x.cfg.Database, id.Environment, id.Name, rand.Text()),
		out: &penstockv1.RowResponse{Environment: id.Environment, Sync: id.Name, Table: t.sync.To.Table},
	}
	client, err := x.client(t.environment)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	tell("looking at the environment")
	if err := q.prepare(ctx, client); err != nil {
		return nil, err
	}
	if err := q.look(ctx, r.GetKey(), tell); err != nil {
		return nil, err
	}
	tell("looking at the record in Dataverse")
	if err := q.record(ctx, client); err != nil {
		return nil, err
	}
	q.judge()
	if q.out.GetStanding() == standingUnknown {
		return nil, control.Refuse("not_found", "neither the model of %s, the ledger, the dead letters nor Dataverse know this key (%s, as it was looked for); is it a value of %s?",
			id, strings.Join(q.out.GetKey(), ", "), strings.Join(q.sync.From.Key, ", "))
	}
	return q.out, nil
}

// prepare compiles the mapping as a run would. Where Dataverse lets nobody in, what is kept of it has to do.
func (q *inquiry) prepare(ctx context.Context, client *dataverse.Client) (err error) {
	if q.last, _, err = q.x.queue.Run(ctx, q.sync.ID()); err != nil {
		return err
	}
	organization := q.last.ID.Organization
	who, fault := client.WhoAmI(ctx)
	switch {
	case fault == nil:
		organization = who.Organization
	case organization == "" || ctx.Err() != nil:
		return fault
	}
	q.out.Organization = organization
	sources, err := q.x.sources(ctx, q.sync)
	if err != nil {
		return err
	}
	if q.plan, err = q.x.compile(ctx, client, mapping.Input{Sync: q.sync, Organization: organization, Model: sources}); err != nil {
		return err
	}
	if q.table, _, err = q.x.table(ctx, client, organization, q.sync.To.Table, false); err != nil {
		return err
	}
	q.tables = map[string]*dataverse.Table{q.sync.To.Table: q.table}
	for _, name := range mapping.Targets(q.sync, q.table) {
		if q.tables[name], _, err = q.x.table(ctx, client, organization, name, false); err != nil {
			return err
		}
	}
	xxh3, city := q.plan.HashExprs()
	q.model = ledger.Model{
		SQL: q.sync.From.Query, Key: q.plan.KeyExpr(), XXH3: xxh3, City: city, Fingerprint: q.plan.Fingerprint(), Removal: q.plan.LeaveFingerprint(),
		Since: plan.Since(q.last), Keep: q.sync.To.OnLeave.Action == spec.Nothing,
	}
	return nil
}

// look asks the warehouse: for the row, and for what ledger and letters say of it.
func (q *inquiry) look(ctx context.Context, parts []string, tell func(string)) (err error) {
	var columns []clickhouse.Column
	for _, c := range q.plan.KeySources() {
		columns = append(columns, clickhouse.Column(c))
	}
	if q.key, err = q.x.ledger.Normalise(ctx, q.model, columns, parts); err != nil {
		if clickhouse.Code(err) == 0 {
			return err
		}
		return control.Refuse("bad_request", "the key does not fit its columns (%s): %s", described(columns), err)
	}
	if q.key == "" {
		return control.Refuse("bad_request", "a part of the key is empty; the key of %s is %s", q.sync, described(columns))
	}
	q.out.Key = strings.Split(text(q.key), "\x1f")
	select {
	case q.x.runs <- struct{}{}: // it costs the warehouse what a run's diff does
		defer func() { <-q.x.runs }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	tell("looking for the row in the model")
	if err := q.rows(ctx); err != nil {
		return err
	}
	tell("comparing it with the ledger")
	if q.standing, err = q.x.ledger.Standing(ctx, q.out.GetOrganization(), q.sync.ID(), q.model, q.key, q.query+"-diff"); err != nil {
		return err
	}
	q.out.Rows = max(q.standing.Rows, uint64(len(q.out.GetWarehouse())))
	letters, err := q.x.ledger.OpenLetters(ctx, ledger.Choice{
		Environment: q.sync.To.Environment, Sync: q.sync.Name, Organization: q.out.GetOrganization(), Key: q.key,
	}, 10)
	if err != nil {
		return err
	}
	for _, d := range letters {
		q.out.Letters = append(q.out.Letters, &penstockv1.RowLetter{Mend: dataverse.Mend(d.Cause), Letter: &penstockv1.OpenLetter{
			Environment: d.Run.Sync.Environment, Sync: d.Run.Sync.Name, Run: d.Run.Number, Chunk: d.Chunk, Ordinal: d.Ordinal,
			Key: text(d.Key), Operation: d.Operation.String(), Class: string(d.Cause.Class), Code: d.Cause.Code, Column: d.Cause.Column,
			Message: text(d.Cause.Message), At: timestamppb.New(d.At),
		}})
	}
	if len(letters) > 0 {
		q.letter = &letters[0]
	}
	if e := q.standing.Entry; q.standing.Known {
		q.out.Ledger = &penstockv1.LedgerEntry{
			Accepted: e.Accepted, Run: e.Run, At: timestamppb.New(e.At), Left: e.Left, Address: text(e.Address),
			SameValues: len(q.out.GetWarehouse()) == 1 && e.Hash == q.hash, SameMapping: e.Fingerprint == q.plan.Fingerprint() && e.Run >= q.model.Since,
		}
	}
	return nil
}

func described(columns []clickhouse.Column) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name + " " + c.Type
	}
	return strings.Join(all, ", ")
}

// rows reads the rows that have the key, and renders each as a run would.
func (q *inquiry) rows(ctx context.Context) error {
	shown := q.plan.Show()
	exprs := q.plan.Exprs()
	values := make([]*string, len(shown))
	row := q.plan.NewRow()
	dest := slices.Clone(row.Dest())
	for i, s := range shown {
		exprs = append(exprs, s.Expr)
		dest = append(dest, &values[i])
	}
	stream, err := q.x.ledger.Rows(ctx, q.sync.ID(), q.model, q.key, exprs, rowsShown, q.query+"-read")
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }() // its error is that of the loop
	for stream.Next() {
		if err := stream.Scan(dest...); err != nil {
			return err
		}
		out := &penstockv1.WarehouseRow{}
		for i, s := range shown {
			out.Values = append(out.Values, &penstockv1.WarehouseValue{Column: s.Source, Type: s.Type, Value: brief(values[i]), Masked: s.Masked})
		}
		body, address, cause := q.plan.Append(nil, nil, row)
		if cause == nil && len(body) > penstock.MaxChangeBytes {
			cause = &penstock.Cause{Class: penstock.Oversize, Code: "change_too_large", Message: "the row renders to more bytes than fit into a message"}
		}
		if cause != nil {
			out.Cause = &penstockv1.Cause{Class: string(cause.Class), Code: cause.Code, Column: cause.Column, Message: cause.Message}
		} else if err := q.rendered(out, body, string(address)); err != nil {
			return err
		}
		q.hash = row.Hash()
		q.out.Warehouse = append(q.out.Warehouse, out)
	}
	if err := stream.Err(); err != nil {
		return fmt.Errorf("read a row of %s: %w", q.sync, err)
	}
	return nil
}

func (q *inquiry) rendered(out *penstockv1.WarehouseRow, body []byte, address string) error {
	fields, err := plan.Rendered(q.table, body)
	if err != nil {
		return err
	}
	for _, f := range fields {
		out.Rendered = append(out.Rendered, &penstockv1.RenderedValue{Column: f.Column, Value: brief(f.Got)})
	}
	out.Operation, out.Address = q.plan.Operation().String(), text(address)
	q.body, q.address = body, address
	return nil
}

// record reads what Dataverse has: at the address that the row renders to, or that the ledger knows, or that the key names.
func (q *inquiry) record(ctx context.Context, client *dataverse.Client) error {
	comparison := plan.Comparison{
		Records: client, Table: q.table, Tables: q.tables, Operation: q.plan.Operation(), Address: q.address, Body: q.body,
		Columns: []string{"modifiedon", "statecode"},
	}
	out := &penstockv1.DataverseRecord{}
	q.out.Dataverse = out
	if q.body == nil || len(q.out.GetWarehouse()) > 1 {
		comparison.Operation, comparison.Body, comparison.Address = penstock.Update, nil, q.standing.Entry.Address
		if comparison.Address == "" {
			address, cause := q.plan.Address(q.key)
			if cause != nil {
				out.State, out.Fault = recordUnknown, cause.Message
				return nil
			}
			comparison.Address = address
		}
		for _, f := range q.sync.Map {
			comparison.Columns = append(comparison.Columns, f.Column)
		}
	}
	got, err := comparison.Read(ctx)
	if err != nil {
		return err
	}
	out.Fault, out.Address = text(got.Fault), text(comparison.Address)
	switch {
	case got.Found:
		out.State = recordThere
	case got.Fault != "":
		out.State = recordUnread
		return nil
	default:
		out.State = recordAbsent
		return nil
	}
	if id, isText := got.Record[q.table.PrimaryID].Value.(string); isText {
		out.Id = id
	}
	if at, isText := got.Record["modifiedon"].Value.(string); isText {
		if t, err := time.Parse(time.RFC3339Nano, at); err == nil {
			out.Modified = timestamppb.New(t)
			out.ChangedSince = q.standing.Known && q.standing.Entry.Accepted && t.After(q.standing.Entry.At)
		}
	}
	if f, has := got.Record["statecode"]; has {
		if w := plan.Words(q.table, "statecode", f); w != nil {
			out.Statecode = *w
		}
	}
	if comparison.Body == nil {
		got.Fields = nil
		for _, f := range q.sync.Map {
			if _, asked := got.Record[f.Column]; asked {
				got.Fields = append(got.Fields, plan.Compare{Column: f.Column, Has: plan.Words(q.table, f.Column, got.Record[f.Column])})
			}
		}
	}
	for _, f := range got.Fields {
		v := &penstockv1.ComparedValue{Column: f.Column, Dataverse: brief(f.Has), Warehouse: brief(f.Got), Same: f.Same, Note: f.Note}
		if q.masks(f.Column) && !f.Same && f.Has != nil {
			v.Dataverse, v.Note = nil, "what Dataverse has is not shown: the sync masks the column"
		}
		out.Values = append(out.Values, v)
	}
	return nil
}

// masks reports whether the sync masks what it writes to a column.
func (q *inquiry) masks(column string) bool {
	return slices.ContainsFunc(q.sync.Map, func(f spec.Field) bool { return f.Column == column && f.Mask != "" })
}

// brief is a value that fits into an answer.
func brief(v *string) *string {
	if v == nil {
		return nil
	}
	s := text(*v)
	if runes := []rune(s); len(runes) > valueShown {
		s = fmt.Sprintf("%s… (%d characters)", string(runes[:valueShown]), len(runes))
	}
	return &s
}

// text is what a message may carry: bytes that are no UTF-8 are shown as such.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
