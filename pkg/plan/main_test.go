package plan_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/plan"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

const file = `sync: people
from: {query: people.sql, key: id}
to: {environment: demo, table: contact, match: {key: externaluseridentifier}, on_leave: delete}
map:
  firstname: first
  lastname: last
  gendercode: gender
  parentcustomerid: {to: account, by: {accountnumber: company}}
`

// A world is a warehouse, a ledger in it, and Dataverse. Runs are carried out in its name: by the ledger's diff and the
// mapping as the services do it, with batches to the emulator.
type world struct {
	t         *testing.T
	conn      *clickhouse.Conn
	ledger    *ledger.Ledger
	dataverse *emulator.Server
	client    *dataverse.Client
	tables    map[string]*dataverse.Table
	reads     atomic.Int64
	asked     func(http.ResponseWriter, *http.Request) bool // of reads of records: answered in place of the emulator
	run       penstock.RunID
	last      penstock.Run
	applied   *spec.Sync
	in        plan.Input // what a test changes of it
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dataverse: emulator.New(emulator.Config{}), tables: map[string]*dataverse.Table{}}
	// Compiling the many small statements to machine code takes longer than running them.
	dsn, err := url.Parse(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	settings := dsn.Query()
	settings.Set("compile_expressions", "0")
	settings.Set("compile_aggregate_expressions", "0")
	dsn.RawQuery = settings.Encode()
	database := clickhousetest.Database(t)
	if w.conn, err = clickhouse.Open(t.Context(), clickhouse.Config{DSN: dsn.String()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.conn.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.ledger, err = ledger.Open(t.Context(), w.conn, database); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(web.Close)
	w.client, err = dataverse.New(dataverse.Config{
		URL: web.URL, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, Request: time.Minute,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	for _, name := range []string{"contact", "account"} {
		if w.tables[name], err = w.client.Table(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	w.run = penstock.RunID{Sync: penstock.SyncID{Environment: "demo", Name: "people"}, Organization: emulator.SandboxOrganization, Epoch: 1}
	w.in = plan.Input{Samples: 5, Guard: func(ledger.Found, ledger.Past) string { return "" }, RunRows: 1_000_000}
	return w
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "contacts(") || strings.Contains(r.URL.Path, "accounts(") {
		w.reads.Add(1)
		if r.Method != http.MethodGet {
			w.t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		if w.asked != nil && w.asked(rw, r) {
			return
		}
	}
	w.dataverse.ServeHTTP(rw, r)
}

// people is a model: "id first gender company", one to a line; - is NULL.
func people(lines ...string) string {
	if len(lines) == 0 {
		return "SELECT CAST(NULL AS Nullable(String)) AS id, '' AS first, 'x' AS last, toInt32(1) AS gender, id AS company WHERE 0"
	}
	rows := make([]string, len(lines))
	for i, line := range lines {
		f := strings.Fields(line)
		cells := []string{"'" + f[0] + "'", "'" + f[1] + "'", "'Last'", "1", "NULL"}
		if f[0] == "-" {
			cells[0] = "NULL"
		}
		if len(f) > 2 {
			cells[3] = f[2]
		}
		if len(f) > 3 {
			cells[4] = "'" + f[3] + "'"
		}
		rows[i] = "(" + strings.Join(cells, ", ") + ")"
	}
	return "SELECT id, first, last, gender, company FROM values('id Nullable(String), first String, last String, gender Int32, company Nullable(String)', " +
		strings.Join(rows, ", ") + ")"
}

func (w *world) sync(yaml, query string) spec.Sync {
	w.t.Helper()
	all, err := spec.ParseSync("syncs/people.yaml", []byte(yaml), func(string) (string, error) { return query, nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return all[0]
}

func (w *world) compile(s spec.Sync) *mapping.Plan {
	w.t.Helper()
	columns, err := w.conn.Columns(w.t.Context(), s.From.Query)
	if err != nil {
		w.t.Fatal(err)
	}
	var model []mapping.SourceColumn
	for _, c := range columns {
		model = append(model, mapping.SourceColumn{Name: c.Name, Type: c.Type})
	}
	m, err := mapping.Compile(mapping.Input{Sync: s, Organization: w.run.Organization, Table: w.tables[s.To.Table], Targets: w.tables, Model: model})
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// carryOut runs a sync. Verdicts are by key: "" writes to Dataverse, refused makes a letter, lost leaves the key as it was
// sent.
func (w *world) carryOut(yaml, query string, verdicts map[string]string) {
	w.t.Helper()
	ctx := w.t.Context()
	s := w.sync(yaml, query)
	m := w.compile(s)
	xxh3, city := m.HashExprs()
	model := ledger.Model{SQL: query, Key: m.KeyExpr(), XXH3: xxh3, City: city, Fingerprint: m.Fingerprint(), Removal: m.LeaveFingerprint()}
	w.run.Number++
	if _, err := w.ledger.Diff(ctx, w.run, model, ""); err != nil {
		w.t.Fatal(err)
	}
	var letters []penstock.Letter
	letter := func(chunk uint32, op penstock.Operation, key string, h penstock.Hash, cause penstock.Cause) {
		fingerprint := m.Fingerprint()
		if op.Removal() {
			fingerprint = m.LeaveFingerprint()
		}
		letters = append(letters, penstock.Letter{
			Run: w.run, Chunk: chunk, Ordinal: uint32(len(letters)), Table: "contact", Operation: op, Key: key, Hash: h, Fingerprint: fingerprint,
			Rows: 1, Cause: cause, At: time.Now(),
		})
	}
	rows, err := w.ledger.Changed(ctx, w.run, model, m.Exprs(), 1000, "")
	if err != nil {
		w.t.Fatal(err)
	}
	row := m.NewRow()
	var inactive uint8
	dest := append(row.Dest(), &inactive)
	var changes []penstock.Change
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			w.t.Fatal(err)
		}
		body, address, cause := m.Append(nil, nil, row)
		if cause != nil {
			letter(0, penstock.Upsert, row.Key, row.Hash(), *cause)
			continue
		}
		operation := penstock.Upsert
		if inactive == 1 {
			body, operation = m.Restore(body)
		}
		changes = append(changes, penstock.Change{Operation: operation, Key: row.Key, Address: string(address), Body: body, Hash: row.Hash()})
	}
	if err := rows.Close(); err != nil {
		w.t.Fatal(err)
	}
	leaves, err := w.ledger.Leaves(ctx, w.run, m.Leave(), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	changes = append(changes, leaves...)
	chunk := &penstock.Chunk{Run: w.run, Ordinal: 1, Table: "contact", Fingerprint: m.Fingerprint(), Changes: changes}
	if err := w.ledger.Sent(ctx, []*penstock.Chunk{chunk}); err != nil {
		w.t.Fatal(err)
	}
	result := penstock.Result{Run: w.run, Chunk: 1, Fingerprint: m.Fingerprint(), Deliveries: 1, Finished: time.Now()}
	for _, c := range changes {
		settled := penstock.Settled{Operation: c.Operation, Outcome: penstock.Accepted, Key: c.Key, Address: c.Address, Hash: c.Hash}
		switch verdicts[c.Key] {
		case "lost":
			continue
		case "refused":
			settled.Outcome = penstock.Refused
			letter(1, c.Operation, c.Key, c.Hash, penstock.Cause{Class: penstock.Validation, Code: "0x80044331", Column: "firstname", Message: "too long"})
		default:
			if a := w.client.Batch(ctx, "contact", penstock.Execution{}, []penstock.Change{c}); a.Fault != nil || a.Verdicts[0].Kind != penstock.Fine {
				w.t.Fatalf("%s of %s: %v %+v", c.Operation, c.Key, a.Fault, a.Verdicts)
			}
		}
		result.Changes = append(result.Changes, settled)
	}
	result.Count = uint32(len(result.Changes))
	if err := w.ledger.Record(ctx, []penstock.Result{result}, func(penstock.SyncID) uint64 { return w.run.Number }); err != nil {
		w.t.Fatal(err)
	}
	if err := w.ledger.Letters(ctx, letters); err != nil {
		w.t.Fatal(err)
	}
	w.last = penstock.Run{ID: w.run, Phase: penstock.Closed, Fingerprint: m.Fingerprint()}
	w.applied = &s
}

// write makes records by somebody else's hand.
func (w *world) write(body string, addresses ...string) {
	w.t.Helper()
	var changes []penstock.Change
	for _, a := range addresses {
		changes = append(changes, penstock.Change{Operation: penstock.Upsert, Key: a, Address: a, Body: []byte(body)})
	}
	a := w.client.Batch(w.t.Context(), "contact", penstock.Execution{}, changes)
	if a.Fault != nil || slices.ContainsFunc(a.Verdicts, func(v dataverse.Verdict) bool { return v.Kind != penstock.Fine }) {
		w.t.Fatalf("write %s: %v %+v", addresses, a.Fault, a.Verdicts)
	}
}

// plan plans what is written in a file now.
func (w *world) plan(yaml, query string) *penstockv1.PlannedSync {
	w.t.Helper()
	p, err := w.make(w.t.Context(), yaml, query)
	if err != nil {
		w.t.Fatal(err)
	}
	sum := uint64(0)
	for _, k := range p.GetKinds() {
		if !slices.Contains([]string{plan.Delete, string(spec.Deactivate), plan.Park, plan.Keep, plan.LeftWaiting}, k.GetKind()) {
			sum += k.GetRows()
		}
	}
	if sum != p.GetRows() {
		w.t.Errorf("the kinds add up to %d of %d rows: %v", sum, p.GetRows(), p.GetKinds())
	}
	return p
}

func (w *world) make(ctx context.Context, yaml, query string) (*penstockv1.PlannedSync, error) {
	w.t.Helper()
	in := w.in
	in.Sync, in.Organization, in.Tables, in.Ledger, in.Last = w.sync(yaml, query), w.run.Organization, w.tables, w.ledger, w.last
	in.Environment = spec.Environment{Name: "demo", Users: make([]spec.User, 1)}
	in.Mapping, in.Applied = w.compile(in.Sync), w.applied
	if in.AppliedMapping == nil && w.applied != nil {
		in.AppliedMapping = w.compile(*w.applied)
	}
	if in.Records == nil {
		in.Records = w.client
	}
	if in.Query = w.t.Name(); in.Tell == nil {
		in.Tell = func(string) {}
	}
	written := w.dataverse.Written()
	p, err := plan.Make(ctx, in)
	if w.dataverse.Written() != written {
		w.t.Error("the plan wrote to Dataverse")
	}
	return p, err
}

// kinds are the kinds of a plan with their rows and keys, in order.
func kinds(p *penstockv1.PlannedSync) []string {
	by := map[string]string{}
	for _, k := range p.GetKinds() {
		about := ""
		if k.GetEstimated() {
			about = "~"
		}
		code, _, _ := strings.Cut(k.GetCause(), ":")
		if k.GetKind() != plan.Refuse {
			code = ""
		}
		by[k.GetKind()+code] = strings.TrimSpace(fmt.Sprintf("%s%d %s %s: %s", about, k.GetRows(), k.GetKind(), code, strings.Join(k.GetKeys(), " ")))
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		all = append(all, strings.ReplaceAll(by[name], " :", ":"))
	}
	return all
}
