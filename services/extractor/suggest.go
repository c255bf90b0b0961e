package extractor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	"github.com/penstock-sync/penstock/pkg/spec/query"
	"github.com/penstock-sync/penstock/pkg/suggest"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// suggestLimit is how long a suggestion may take: metadata of some tables, and a bounded look at values.
const suggestLimit = 5 * time.Minute

// How far a suggestion looks for labels.
const (
	labelRows   = 100_000 // rows of the query
	labelValues = 200     // distinct values of a column
)

// answerSuggest writes a first sync for a table from a query. It stores nothing.
func (x *extractor) answerSuggest(ctx context.Context, r *penstockv1.SuggestRequest, tell func(string)) (*penstockv1.SuggestResponse, error) {
	environment, err := x.environment(ctx, r.GetEnvironment())
	if err != nil {
		return nil, err
	}
	sql, file, model, err := x.suggestedModel(ctx, r)
	if err != nil {
		return nil, err
	}
	client, err := x.client(environment)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	who, err := client.WhoAmI(ctx)
	if err != nil {
		return nil, err
	}
	tell("reading the metadata of " + r.GetTable())
	in := suggest.Input{
		Name: r.GetName(), Environment: environment.Name, Organization: who.Organization, Query: sql, Model: model, Targets: map[string]*dataverse.Table{},
		Distinct: func(ctx context.Context, column string) ([]string, error) {
			tell("looking at the values of " + column)
			return x.distinct(ctx, sql, column)
		},
	}
	if in.Table, err = client.Table(ctx, r.GetTable()); err != nil {
		return nil, err
	}
	if in.Name == "" {
		in.Name = in.Table.SetName
	}
	for _, name := range suggest.Targets(in.Table, model) {
		tell("reading the metadata of " + name)
		if in.Targets[name], err = client.Table(ctx, name); err != nil {
			return nil, err
		}
	}
	proposal, err := suggest.Make(ctx, in)
	if err != nil {
		return nil, err
	}
	return suggestion(proposal, file), nil
}

// suggestion is a proposal as control calls carry it.
func suggestion(p suggest.Proposal, file string) *penstockv1.SuggestResponse {
	resp := &penstockv1.SuggestResponse{
		Environment: p.Sync.To.Environment, Table: p.Sync.To.Table, Name: p.Sync.Name, Key: p.Sync.From.Key, Match: p.Sync.To.Match,
		KeyNote: p.KeyNote, Complete: p.Keyed && len(p.Fields) > 0, Required: p.Required, Yaml: p.YAML(), Sql: file,
	}
	for _, f := range p.Fields {
		resp.Fields = append(resp.Fields, &penstockv1.SuggestedField{
			Column: f.Column, From: f.Source.Name, Type: f.Source.Type, Value: f.Value(), Note: text(f.Note),
		})
	}
	for _, l := range p.LeftOut {
		resp.LeftOut = append(resp.LeftOut, &penstockv1.LeftOut{From: l.Name, Type: l.Type, Why: text(l.Why)})
	}
	return resp
}

// environment finds one that is applied.
func (x *extractor) environment(ctx context.Context, name string) (spec.Environment, error) {
	applied, unread, err := x.allApplied(ctx)
	if err != nil {
		return spec.Environment{}, err
	}
	if err := unread[queue.SpecOfEnvironment(name)]; err != nil {
		return spec.Environment{}, err
	}
	var known []string
	for _, e := range applied.Environments {
		if e.Name == name {
			return e, nil
		}
		known = append(known, e.Name)
	}
	slices.Sort(known)
	mend := document.DidYouMean(name, known)
	if mend == "" && len(known) > 0 {
		mend = "applied are: " + strings.Join(known, ", ")
	}
	if mend != "" {
		mend = "; " + mend
	}
	return spec.Environment{}, control.Refuse("not_found", "environment %s is not applied%s. `penstock apply DIR` applies its file", name, mend)
}

var relation = regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)?$`)

// suggestedModel gives the SELECT that the suggestion is about, the text of its file, and its columns.
func (x *extractor) suggestedModel(ctx context.Context, r *penstockv1.SuggestRequest) (sql, file string, model []mapping.SourceColumn, err error) {
	from := ""
	switch {
	case (r.GetQuery() == "") == (r.GetFrom() == ""):
		return "", "", nil, control.Refuse("bad_request", "give either a query or a table of the warehouse")
	case r.GetFrom() != "":
		if !relation.MatchString(r.GetFrom()) {
			return "", "", nil, control.Refuse("bad_request", "%q names no table of the warehouse; write database.table, or give a SELECT", r.GetFrom())
		}
		parts := strings.Split(r.GetFrom(), ".")
		for i, p := range parts {
			parts[i] = identifier(p)
		}
		from = strings.Join(parts, ".")
		sql = "SELECT * FROM " + from
	default:
		q := query.Read(r.GetQuery())
		for _, f := range q.Faults {
			return "", "", nil, control.Refuse("bad_request", "the query, line %d, column %d: %s; %s", f.Line, f.Column, f.What, f.Mend)
		}
		sql, file = q.Text, r.GetQuery()
	}
	columns, err := x.conn.Columns(ctx, sql)
	if err != nil {
		if clickhouse.Code(err) == 0 {
			return "", "", nil, err
		}
		return "", "", nil, control.Refuse("bad_request", "ClickHouse does not take the query: %s", err)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		model = append(model, mapping.SourceColumn(c))
		names[i] = identifier(c.Name)
	}
	if from != "" {
		sql = "SELECT\n    " + strings.Join(names, ",\n    ") + "\nFROM " + from
		file = sql
	}
	return sql, strings.TrimRight(file, " \t\r\n") + "\n", model, nil
}

var simple = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// identifier quotes a name that would not be one without.
func identifier(name string) string {
	if simple.MatchString(name) {
		return name
	}
	return clickhouse.Identifier(name)
}

// distinct lists some values of a column of a query.
func (x *extractor) distinct(ctx context.Context, sql, column string) (values []string, err error) {
	name := clickhouse.Identifier(column)
	q := clickhouse.Query{Comment: "penstock suggest: values", SQL: fmt.Sprintf(
		"SELECT DISTINCT assumeNotNull(toString(%s)) AS v FROM (SELECT %s FROM (\n%s\n) LIMIT %d) WHERE isNotNull(%s) AND toString(%s) != '' ORDER BY v LIMIT %d",
		name, name, sql, labelRows, name, name, labelValues)}
	for v, err := range clickhouse.Each(ctx, x.conn, q, func(rows *clickhouse.Rows) (s string, err error) { return s, rows.Scan(&s) }) {
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}
