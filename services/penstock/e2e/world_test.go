package e2e

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/natstest"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/deadletter"
	"github.com/penstock-sync/penstock/services/extractor"
	"github.com/penstock-sync/penstock/services/writer"
)

// quick are the waiting times of all tests but one: a twentieth, save for Flush. That one is no time to wait but the rhythm
// in which services ask for work; at a twentieth they would ask a thousand times a second, and leases lapse from the load.
var quick = func() penstock.Timing {
	t := penstock.DefaultTiming().Divide(20)
	t.Flush *= 4
	t.Publish *= 4 // how long a slow disk may take; no promise rests on it
	return t
}()

// calm are those of tests in which nobody loses a lease, so that no time is won by a short one; on a busy machine one is
// lost by chance, and a run that counts its rows is two.
var calm = func() penstock.Timing {
	t := quick
	t.Lease = penstock.DefaultTiming().Lease
	return t
}()

// The one sync of a world: companies become accounts. parent names another company's number; one that does not exist is
// refused by Dataverse alone, an industry that does not exist by the mapping.
const syncYAML = `
sync: companies
from: {query: companies.sql, key: no}
to:   {environment: %s, table: account, match: {key: accountnumber}, on_leave: %s}
map:
  accountnumber: no
  name: name
  numberofemployees: version
  industrycode: industry
  parentaccountid: {to: account, by: {accountnumber: parent}}
`

// changesStream is where chunks wait for a writer.
const changesStream = "PENSTOCK_CHANGES"

// A world is everything around one sync: servers of its own, a model in a database of its own, and whatever parts the
// test runs.
type world struct {
	t       testing.TB
	timing  penstock.Timing
	log     record
	bytes   int64 // that a stream may hold; 0: as usual
	onLeave string

	nats      *natstest.Server
	natsLink  *link
	warehouse *clickhouse.Conn
	dsn       string // of the warehouse, by its link
	direct    string // the warehouse itself, host:port
	chLink    *link
	database  string
	id        penstock.SyncID // the environment's name is the world's own: worlds share a ClickHouse, where query ids are unique
	yaml      string
	query     string
	secrets   string // folder
	dataverse *emulator.Server
	api       string

	queue  *queue.Queue
	js     jetstream.JetStream
	ledger *ledger.Ledger
	plan   *mapping.Plan
	past   map[string][]state // of each key, in order; see remember

	request   atomic.Pointer[func(emulator.Request) emulator.Fault] // before a batch is executed
	committed atomic.Pointer[func(emulator.Request)]                // after, and before the answer
	arrived   arrivals
	described atomic.Int64 // requests for metadata
}

// arrivals are the batches that reached Dataverse, refused ones included.
type arrivals struct {
	mu    sync.Mutex
	times []time.Time
	rows  int
}

func (a *arrivals) add(rows int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times, a.rows = append(a.times, time.Now()), a.rows+rows
}

func (a *arrivals) count() (batches, rows int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.times), a.rows
}

// between counts the batches that arrived after from and before to.
func (a *arrivals) between(from, to time.Time) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range a.times {
		if at.After(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// record keeps what the services log, and shows it when the test fails.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// newWorld makes one whose model has so many rows, numbered from 0, and runs no service yet.
func newWorld(t testing.TB, rows int, timing penstock.Timing, options ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, timing: timing, onLeave: "delete", past: map[string][]state{}}
	for _, o := range options {
		o(w)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the services logged:\n%s", w.log.String())
		}
	})
	w.nats = natstest.Start(t)
	w.natsLink = newLink(t, hostOf(t, w.nats.URL()))
	w.database = clickhousetest.Database(t)
	w.id = penstock.SyncID{Environment: w.database, Name: "companies"}
	w.yaml = fmt.Sprintf(syncYAML, w.id.Environment, w.onLeave)
	w.warehouse = clickhousetest.Open(t)
	dsn := must[*url.URL](t)(url.Parse(clickhousetest.Start(t)))
	w.direct = dsn.Host
	w.chLink = newLink(t, w.direct)
	dsn.Host = w.chLink.address()
	w.dsn = dsn.String()
	w.ledger = must[*ledger.Ledger](t)(ledger.Open(t.Context(), w.warehouse, w.database))

	w.dataverse = emulator.New(emulator.Config{KeepBodies: true, Faults: emulator.Faults{Request: w.onRequest, Committed: w.onCommitted}})
	server := httptest.NewServer(w.dataverse)
	t.Cleanup(server.Close)
	w.api = server.URL + "/api/data/v9.2/"

	w.queue = must[*queue.Queue](t)(queue.Open(t.Context(), queue.Config{URL: w.natsURL(), Name: "e2e", Timing: timing, MaxBytes: w.bytes}, slog.New(slog.DiscardHandler)))
	t.Cleanup(w.queue.Close)
	w.js = must[jetstream.JetStream](t)(jetstream.New(w.queue.Conn()))

	w.query = "SELECT no, name, version, industry, parent FROM " + w.database + ".model"
	w.exec("CREATE TABLE model (n UInt32, no Nullable(String), name String, version UInt32, industry Nullable(Int32), parent Nullable(String)) ENGINE = MergeTree ORDER BY n")
	w.exec(fmt.Sprintf("INSERT INTO model SELECT number, concat('c-', leftPad(toString(number), 6, '0')), concat('Company ', toString(number)), 1, number %% 33 + 1, NULL FROM numbers(%d)", rows))
	w.compile()
	w.remember()
	return w
}

// narrow makes the world's streams hold that many bytes each.
func narrow(bytes int64) func(*world) { return func(w *world) { w.bytes = bytes } }

func hostOf(t testing.TB, address string) string {
	return must[*url.URL](t)(url.Parse(address)).Host
}

func (w *world) natsURL() string { return "nats://" + w.natsLink.address() }

// part is a service in this world's configuration.
func (w *world) part(role string) part {
	p := part{Role: role, Extractor: extractor.DefaultConfig(), Writer: writer.DefaultConfig(), DeadLetter: deadletter.DefaultConfig()}
	p.setNATS(w.natsURL())
	p.Extractor.Queue.MaxBytes, p.Writer.Queue.MaxBytes, p.DeadLetter.Queue.MaxBytes = w.bytes, w.bytes, w.bytes
	p.Extractor.ClickHouse.DSN, p.DeadLetter.ClickHouse.DSN = w.dsn, w.dsn
	p.Writer.Parallel = 4
	p.Extractor.Database, p.DeadLetter.Database = w.database, w.database
	p.Extractor.Timing, p.Writer.Timing, p.DeadLetter.Timing = w.timing, w.timing, w.timing
	return p
}

// startAll runs all services in the test's process, and applies the sync.
func (w *world) startAll() {
	w.t.Helper()
	for _, role := range []string{extracting, writing, deadlettering} {
		w.start(w.part(role))
	}
	w.apply()
}

// apply stores environment and sync. What Dataverse says to them is not asked: worlds are about what comes of that later.
func (w *world) apply() {
	w.t.Helper()
	if w.secrets == "" {
		w.secrets = w.t.TempDir() // the same one each time: another path would be another environment
	}
	secret := filepath.Join(w.secrets, "secret")
	if err := os.WriteFile(secret, []byte(emulator.SandboxSecret), 0o600); err != nil {
		w.t.Fatal(err)
	}
	environment := fmt.Sprintf("environment: %s\nurl: %s\ntenant: %s\nusers:\n  - {client_id: %s, client_secret: {file: %s}}\n",
		w.id.Environment, w.api, emulator.SandboxTenant, emulator.SandboxClient, secret)
	w.call(control.Apply, &penstockv1.ApplyRequest{
		By: "e2e", Unchecked: true,
		Documents: []*penstockv1.Document{
			{File: "environments/e2e.yaml", Text: environment},
			{File: "syncs/companies.yaml", Text: w.yaml},
			{File: "syncs/companies.sql", Text: w.query},
		},
	}, &penstockv1.ApplyResponse{})
}

// call is a control call, made until somebody answers it.
func (w *world) call(subject string, req, resp proto.Message) {
	w.t.Helper()
	eventually(w.t, subject+" is answered", func() error {
		ctx, cancel := context.WithTimeout(w.t.Context(), patience/10)
		defer cancel()
		return control.Call(ctx, w.queue.Conn(), subject, req, resp)
	})
}

// ask asks for a run, and returns its number.
func (w *world) ask() uint64 {
	w.t.Helper()
	resp := &penstockv1.RunResponse{}
	w.call(control.Run, &penstockv1.RunRequest{Environment: w.id.Environment, Sync: w.id.Name, By: "e2e"}, resp)
	return resp.GetRun()
}

// rest waits until the run of that number, or a later one, is over and none is wanted, and returns the newest.
func (w *world) rest(number uint64) (run penstock.Run) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("run %d is over", number), func() (err error) {
		run, _, err = w.queue.Run(w.t.Context(), w.id)
		if err == nil && (run.ID.Number < number || !run.Phase.Final() || run.Next.Wanted) {
			err = fmt.Errorf("run %d is %s (%+v), next: %+v", run.ID.Number, run.Phase, run.Counts, run.Next)
		}
		return err
	})
	// The mirror in the ledger comes a moment after the record.
	eventually(w.t, "the run is in the ledger", func() error {
		runs, err := w.ledger.Runs(w.t.Context(), w.id.Environment, w.id.Name, 1000)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if r.ID.Number == run.ID.Number && r.Phase == run.Phase {
				return nil
			}
		}
		return fmt.Errorf("run %d is not there as %s: %+v", run.ID.Number, run.Phase, runs)
	})
	return run
}

// run asks for a run and sees it close.
func (w *world) run() penstock.Run {
	w.t.Helper()
	run := w.rest(w.ask())
	if run.Phase != penstock.Closed {
		w.t.Fatalf("run %d is %s: %s (%+v)", run.ID.Number, run.Phase, run.Reason, run.Counts)
	}
	return run
}

// subject is where the chunks of the sync wait.
func (w *world) subject() string {
	return "penstock.changes." + w.id.Environment + ".live." + w.id.Name
}

// phase waits until the run of that number is in that phase.
func (w *world) phase(number uint64, phase penstock.Phase) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("run %d is %s", number, phase), func() error {
		run, _, err := w.queue.Run(w.t.Context(), w.id)
		if err == nil && (run.ID.Number != number || run.Phase != phase) {
			err = fmt.Errorf("it is run %d, %s: %s", run.ID.Number, run.Phase, run.Reason)
		}
		return err
	})
}

// publishing waits until a run is being published, and returns its number.
func (w *world) publishing() (number uint64) {
	w.t.Helper()
	eventually(w.t, "a run is being published", func() error {
		run, _, err := w.queue.Run(w.t.Context(), w.id)
		if err == nil && run.Phase != penstock.Publishing {
			err = fmt.Errorf("run %d is %s", run.ID.Number, run.Phase)
		}
		number = run.ID.Number
		return err
	})
	return number
}

// waiting is what the stream of chunks holds.
func (w *world) waiting() (jetstream.StreamState, error) {
	stream, err := w.js.Stream(w.t.Context(), changesStream)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	return stream.CachedInfo().State, nil
}

// exec runs a statement in the world's database.
func (w *world) exec(sql string) {
	w.t.Helper()
	for _, verb := range []string{"CREATE TABLE ", "ALTER TABLE ", "INSERT INTO "} {
		sql = strings.Replace(sql, verb+"model", verb+w.database+".model", 1)
	}
	if strings.HasPrefix(sql, "ALTER") {
		sql += " SETTINGS mutations_sync = 1"
	}
	if err := w.warehouse.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
}

// change changes the model. The oracle remembers what every row was.
func (w *world) change(sql string) {
	w.t.Helper()
	w.exec(sql)
	w.remember()
}

// compile makes the plan by which the oracle knows keys and hashes.
func (w *world) compile() {
	w.t.Helper()
	s := must[[]spec.Sync](w.t)(spec.ParseSync("companies.yaml", []byte(w.yaml), func(string) (string, error) { return w.query, nil }))[0]
	client := must[*dataverse.Client](w.t)(dataverse.New(dataverse.Config{
		URL: w.api, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil }, Request: patience, Connections: 1,
	}))
	defer client.Close()
	table := must[*dataverse.Table](w.t)(client.Table(w.t.Context(), "account"))
	var model []mapping.SourceColumn
	for _, c := range must[[]clickhouse.Column](w.t)(w.warehouse.Columns(w.t.Context(), w.query)) {
		model = append(model, mapping.SourceColumn{Name: c.Name, Type: c.Type})
	}
	w.plan = must[*mapping.Plan](w.t)(mapping.Compile(mapping.Input{
		Sync: s, Organization: emulator.SandboxOrganization, Table: table, Targets: map[string]*dataverse.Table{"account": table}, Model: model,
	}))
}

func (w *world) onRequest(request *http.Request, r emulator.Request) emulator.Fault {
	if strings.Contains(request.URL.Path, "EntityDefinitions") {
		w.described.Add(1)
	}
	if r.Batch == 0 {
		return emulator.Fault{}
	}
	w.arrived.add(r.Operations)
	if f := w.request.Load(); f != nil {
		return (*f)(r)
	}
	return emulator.Fault{}
}

func (w *world) onCommitted(_ *http.Request, r emulator.Request) {
	if f := w.committed.Load(); f != nil && r.Batch > 0 {
		(*f)(r)
	}
}

// blockAnswer keeps the answer of the next batch back once it is committed: told is closed then, and the answer goes out
// when release is called, or the test ends. Batches after it are answered as ever.
func (w *world) blockAnswer() (told <-chan struct{}, release func()) {
	reached, released := make(chan struct{}), make(chan struct{})
	var once, free sync.Once
	hook := func(emulator.Request) {
		first := false
		once.Do(func() { first = true })
		if !first {
			return
		}
		close(reached)
		select {
		case <-released:
		case <-w.t.Context().Done():
		}
	}
	w.committed.Store(&hook)
	return reached, func() { free.Do(func() { close(released) }) }
}
