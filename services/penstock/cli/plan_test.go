package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/penstock/sample"
	"github.com/penstock-sync/penstock/services/penstock/stack"
	"github.com/penstock-sync/penstock/services/penstock/stack/stacktest"
)

// A demo is the sample in an all-in-one, applied.
type demo struct {
	t         *testing.T
	at        stack.Addresses
	dataverse *emulator.Server
	warehouse *clickhouse.Conn
	folder    string
}

func newDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{t: t, dataverse: emulator.New(emulator.Config{Tables: sampled(t)}), folder: t.TempDir(), warehouse: clickhousetest.Open(t)}
	forget := func() {
		if err := d.warehouse.Exec(t.Context(), "DROP DATABASE IF EXISTS sample"); err != nil && t.Context().Err() == nil {
			t.Fatal(err)
		}
	}
	forget() // what an earlier test made of it
	d.at = stacktest.Up(t, d.dataverse)
	if err := sample.Create(t.Context(), d.warehouse); err != nil {
		t.Fatal(err)
	}
	if err := sample.Write(d.folder, d.at.Dataverse, emulator.SandboxTenant, emulator.SandboxClient, emulator.SandboxSecret); err != nil {
		t.Fatal(err)
	}
	d.must(0, "apply", d.folder)
	return d
}

// must runs a command that ends with that exit code, and returns what it printed.
func (d *demo) must(code int, args ...string) string {
	d.t.Helper()
	got, out, message := command(append([]string{"--nats", d.at.NATS}, args...)...)
	if got != code {
		d.t.Fatalf("penstock %s: exit %d, want %d: %s\n%s", strings.Join(args, " "), got, code, message, out)
	}
	return out
}

func (d *demo) plan(code int, args ...string) *penstockv1.PlanResponse {
	d.t.Helper()
	resp := &penstockv1.PlanResponse{}
	if err := protojson.Unmarshal([]byte(d.must(code, append([]string{"plan", "--json"}, args...)...)), resp); err != nil {
		d.t.Fatal(err)
	}
	return resp
}

// sent lists what was written to Dataverse after seq: the operation with the key, as the ledger has it.
func (d *demo) sent(seq uint64) []string {
	d.t.Helper()
	var all []string
	for e := range d.dataverse.Entries(seq) {
		_, key, _ := strings.Cut(e.Key, "='")
		all = append(all, e.Table+" "+e.Op+" "+strings.ToLower(strings.TrimSuffix(key, "'")))
	}
	slices.Sort(all)
	return all
}

// named lists what a plan says would be written, likewise.
func named(t *testing.T, r *penstockv1.PlanResponse) []string {
	t.Helper()
	ops := map[string]string{"create": emulator.OpCreate, "update": emulator.OpUpdate, "adopt": emulator.OpUpdate, "resend": emulator.OpUpdate, "retry": emulator.OpUpdate, "delete": emulator.OpDelete}
	var all []string
	for _, s := range r.GetSyncs() {
		n := 0
		for _, k := range s.GetKinds() {
			op, sent := ops[k.GetKind()]
			if !sent {
				continue
			}
			if uint64(len(k.GetKeys())) != k.GetRows() || k.GetEstimated() {
				t.Fatalf("%s: of %d rows to %s %d are named (estimated: %t)", s.GetSync(), k.GetRows(), k.GetKind(), len(k.GetKeys()), k.GetEstimated())
			}
			for _, key := range k.GetKeys() {
				all = append(all, s.GetTable()+" "+op+" "+key)
			}
			n += len(k.GetKeys())
		}
		if uint64(n) != s.GetSend() {
			t.Errorf("%s: %d changes to send, and %d are named", s.GetSync(), s.GetSend(), n)
		}
	}
	slices.Sort(all)
	return all
}

// kept is all that Penstock keeps but for leases and what writers learn, which change by themselves.
func (d *demo) kept() map[string]string {
	d.t.Helper()
	all := map[string]string{"dataverse": fmt.Sprint(d.dataverse.Written())}
	for table, err := range clickhouse.Each(d.t.Context(), d.warehouse, clickhouse.Query{
		SQL: "SELECT concat(database, '.', name) FROM system.tables WHERE database IN (SELECT database FROM system.tables WHERE name = 'dead_letters') AND engine LIKE '%MergeTree' ORDER BY 1",
	}, func(r *clickhouse.Rows) (s string, err error) { return s, r.Scan(&s) }) {
		if err != nil {
			d.t.Fatal(err)
		}
		final := " FINAL"
		if strings.HasSuffix(table, ".results") || strings.HasSuffix(table, ".diffs") {
			final = "" // no merge changes them
		}
		var n, hash uint64
		if err := d.warehouse.Row(d.t.Context(), clickhouse.Query{SQL: "SELECT count(), groupBitXor(cityHash64(*)) FROM " + table + final}, &n, &hash); err != nil {
			d.t.Fatal(err)
		}
		all[table] = fmt.Sprintf("%d rows, %x", n, hash)
	}
	conn, err := nats.Connect(d.at.NATS)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		d.t.Fatal(err)
	}
	streams := js.ListStreams(d.t.Context())
	for info := range streams.Info() {
		if name := info.Config.Name; name != "KV_penstock_leases" && name != "KV_penstock_limits" {
			all[name] = fmt.Sprint(info.State.LastSeq)
		}
	}
	if streams.Err() != nil {
		d.t.Fatal(streams.Err())
	}
	return all
}

// The promise of a plan: the rows that it names are the rows that the run sends, no more and no fewer, and it has itself
// left no trace.
func TestPlanNamesExactlyTheRowsThatTheRunThenSends(t *testing.T) {
	d := newDemo(t)
	accounts := d.plan(2, "--applied", "--samples", "1000", "demo/accounts")
	d.must(0, "run", "demo/accounts")
	if got, want := d.sent(0), named(t, accounts); !slices.Equal(got, want) || len(want) != 495 {
		t.Errorf("the first run sent %d rows, and the plan named %d", len(got), len(want))
	}
	d.must(0, "run", "demo/contacts", "demo/subscriptions")
	if err := sample.Change(t.Context(), d.warehouse); err != nil {
		t.Fatal(err)
	}

	before, written := d.kept(), d.dataverse.Written()
	resp := d.plan(2, d.folder, "--samples", "1000")
	if after := d.kept(); !maps.Equal(before, after) {
		t.Errorf("the plan left traces:\nbefore %v\nafter  %v", before, after)
	}
	d.must(0, "run", "demo/accounts", "demo/contacts", "demo/subscriptions")
	got, want := d.sent(written), named(t, resp)
	if !slices.Equal(got, want) {
		t.Errorf("the run sent %d rows, and the plan named %d:\nsent  %q\nnamed %q", len(got), len(want), got, want)
	}
	if len(want) != sample.Changed+sample.Removed {
		t.Errorf("the plan named %d rows, and %d changed", len(want), sample.Changed+sample.Removed)
	}
	for _, s := range resp.GetSyncs() {
		if s.GetState() != "applied" || len(s.GetDifferences()) > 0 {
			t.Errorf("%s is %s: %q", s.GetSync(), s.GetState(), s.GetDifferences())
		}
		rows := uint64(0)
		for _, k := range s.GetKinds() {
			if k.GetKind() != "delete" {
				rows += k.GetRows()
			}
		}
		if rows != s.GetRows() {
			t.Errorf("%s: the kinds add up to %d of %d rows", s.GetSync(), rows, s.GetRows())
		}
	}
	contacts := resp.GetSyncs()[1]
	if n := len(contacts.GetRecords()); n != 20 {
		t.Fatalf("%d records are shown", n)
	}
	for _, r := range contacts.GetRecords() {
		f := r.GetFields()
		if len(f) != 1 || f[0].GetColumn() != "address1_city" || f[0].GetNew() != "New "+f[0].GetOld() && f[0].GetNew() != "New Town" {
			t.Errorf("of %s would change %v", r.GetKey(), f)
		}
	}

	d.must(0, "plan", d.folder) // nothing is left to do
	d.mistakes()
}

// mistakes are what stands in the way of a plan, each named with its place and mend.
func (d *demo) mistakes() {
	d.t.Helper()
	file := filepath.Join(d.folder, "syncs", "contacts.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	write := func(old, to string) {
		d.t.Helper()
		if err := os.WriteFile(file, []byte(strings.Replace(string(good), old, to, 1)), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, old, to string
		args          []string
		code          int
		want          []string
	}{
		{"a column that Dataverse does not have", "birthdate: born", "birthdat: born", nil, 1, []string{"contacts.yaml:15:3", "birthdat", "did you mean birthdate", "1 problem"}},
		{"a column that the model does not have", "birthdate: born", "birthdate: borne", nil, 1, []string{"contacts.yaml:15:3", "borne"}},
		{"a file that cannot be read", "birthdate: born", "birthdate: [", nil, 1, []string{"contacts.yaml:15"}},
		{"a sync that is not there", "", "", []string{"demo/contact"}, 1, []string{"no sync demo/contact", "demo/contacts"}},
		{"a folder that is not there", "", "", []string{"nowhere"}, 1, []string{"no folder nowhere"}},
		{"another null policy", "birthdate: born", "birthdate: {from: born, null: skip}", []string{"demo/contacts"}, 2, []string{
			"not as it is applied", "~ map.birthdate: ", "send again (the mapping changed)", "no difference: Dataverse has it already", "sent again because of: map.birthdate",
		}},
	} {
		write(c.old, c.to)
		args := append([]string{"--nats", d.at.NATS, "plan"}, c.args...)
		if c.name != "a folder that is not there" {
			args = slices.Insert(args, 3, d.folder)
		}
		code, out, message := command(args...)
		if code != c.code {
			d.t.Errorf("%s: exit %d, want %d: %s%s", c.name, code, c.code, out, message)
		}
		for _, w := range c.want {
			if !strings.Contains(out+message, w) {
				d.t.Errorf("%s: %q is not said:\n%s%s", c.name, w, out, message)
			}
		}
	}
	if out := d.must(2, "plan", d.folder, "--markdown"); !strings.HasPrefix(out, "### Penstock plan: 3 syncs") {
		d.t.Errorf("the comment is %.200s", out)
	}
	d.must(1, "plan", d.folder, "--markdown", "--json")
	if r := d.plan(0, "--applied"); len(r.GetSyncs()) != 3 { // whatever the files say
		d.t.Errorf("%d syncs are planned", len(r.GetSyncs()))
	}
}
