package emulator_test

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// populated is an environment with two accounts and a contact that restricts one of them from deletion.
func populated(t testing.TB, c emulator.Config) *environment {
	e := start(t, c)
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"Alpha"}`)
	e.must("PATCH", "accounts(accountnumber='A-2')", `{"name":"Beta","parentaccountid@odata.bind":"accounts(accountnumber='A-1')"}`)
	e.must("PATCH", "contacts("+knownID+")", `{"lastname":"Lovelace","parentcustomerid_account@odata.bind":"accounts(accountnumber='A-2')"}`)
	return e
}

func allRows(e *environment) map[string][]emulator.Row {
	all := map[string][]emulator.Row{}
	for _, t := range []string{"account", "contact", "systemuser", "team", "transactioncurrency"} {
		all[t] = e.Rows(t)
	}
	return all
}

func TestASnapshotIsRestoredAsItWas(t *testing.T) {
	e := populated(t, emulator.Config{})
	want := allRows(e)
	snapshot := e.Snapshot()
	e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"changed"}`)
	e.must("DELETE", "contacts("+knownID+")", "")
	e.must("PATCH", "accounts(accountnumber='A-3')", `{}`)
	for range 2 { // as often as one likes
		if err := e.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
		if got := allRows(e); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
		if len(e.Journal()) != 0 {
			t.Error("the journal stays")
		}
		if row, ok := e.RowByKey("account", "accountnumber='A-1'"); !ok || row.Text("name") != "Alpha" {
			t.Errorf("by key: %v", row)
		}
		e.must("PATCH", "accounts(accountnumber='A-1')", `{"name":"changed again"}`)
	}
}

func TestASnapshotGoesThroughAFile(t *testing.T) {
	e := populated(t, emulator.Config{})
	want := allRows(e)
	var file bytes.Buffer
	if err := e.Snapshot().Write(&file); err != nil {
		t.Fatal(err)
	}
	snapshot, err := emulator.ReadSnapshot(&file)
	if err != nil {
		t.Fatal(err)
	}
	other := start(t, emulator.Config{})
	if err := other.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	if got := allRows(other); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if a := other.do("GET", "accounts(accountnumber='A-2')", ""); a.status != 200 || !strings.Contains(a.body, "Beta") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestASnapshotFindsItsColumnsByName restores into a server whose table has other columns in another order.
func TestASnapshotFindsItsColumnsByName(t *testing.T) {
	own := func(columns ...schema.Column) emulator.Config {
		for _, s := range schema.Standard() {
			if s.Name == "account" {
				s.Columns = append(columns, s.Columns...)
				return emulator.Config{Tables: []schema.Table{s}}
			}
		}
		t.Fatal("no accounts")
		return emulator.Config{}
	}
	extra := schema.Column{Name: "new_extra", Schema: "new_Extra", Label: "Extra", Type: schema.String, MaxLength: 10}
	e := populated(t, emulator.Config{})
	other := start(t, own(extra))
	if err := other.Restore(e.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if got, want := allRows(other), allRows(e); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	other.must("PATCH", "accounts(accountnumber='A-1')", `{"new_extra":"x"}`)
	before := allRows(e)
	if err := e.Restore(other.Snapshot()); err == nil || !strings.Contains(err.Error(), "new_extra") {
		t.Errorf("a column that is not there: %v", err)
	}
	if got := allRows(e); !reflect.DeepEqual(got, before) {
		t.Error("a refused snapshot changed something")
	}
}

func TestADamagedSnapshotIsRefused(t *testing.T) {
	e := populated(t, emulator.Config{})
	var file bytes.Buffer
	if err := e.Snapshot().Write(&file); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	for _, damaged := range [][]byte{nil, []byte("hello"), whole[:len(whole)/2], bytes.Replace(whole, []byte("account"), []byte("bccount"), 1)} {
		if _, err := emulator.ReadSnapshot(bytes.NewReader(damaged)); err == nil {
			t.Errorf("%d bytes were taken for a snapshot", len(damaged))
		}
	}
}

// FuzzReadSnapshot damages what is inside the compressed frames, whose checksums would otherwise catch it all.
func FuzzReadSnapshot(f *testing.F) {
	s := emulator.New(emulator.Config{})
	var file bytes.Buffer
	if err := s.Snapshot().Write(&file); err != nil {
		f.Fatal(err)
	}
	inside, err := io.ReadAll(s2.NewReader(&file))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(inside)
	f.Add([]byte("penstock emulator snapshot 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var file bytes.Buffer
		w := s2.NewWriter(&file, s2.WriterConcurrency(1))
		if _, err := w.Write(data); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		p, err := emulator.ReadSnapshot(&file)
		if err != nil {
			return
		}
		if err := s.Restore(p); err != nil {
			return
		}
		s.Rows("systemuser")
	})
}

// BenchmarkSnapshot takes, writes and reads back 200,000 contacts.
func BenchmarkSnapshot(b *testing.B) {
	e := start(b, emulator.Config{Limits: emulator.Limits{Off: true}, NoJournal: true})
	for i := range 200 {
		e.must("POST", "$batch", string(appendUpserts(nil, i*benchBatch, benchBatch, 1)), "Content-Type: multipart/mixed; boundary=b")
	}
	var file bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		file.Reset()
		if err := e.Snapshot().Write(&file); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(file.Len())/200_000, "bytes/row")
	p, err := emulator.ReadSnapshot(&file)
	if err != nil || e.Restore(p) != nil || e.Count("contact") != 200_000 {
		b.Fatal(err, e.Count("contact"))
	}
}
