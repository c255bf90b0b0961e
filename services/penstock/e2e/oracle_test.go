package e2e

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A state is what the model wanted of one key for a while.
type state struct {
	hash  penstock.Hash
	value string // as digest makes it; empty: no such row
}

// A wanted is one row of the model.
type wanted struct {
	key string // empty: a row without one
	state
}

// digest is what the oracle compares of a row: what the model, a body and a record of Dataverse all have.
func digest(name string, version, industry any) string {
	return fmt.Sprintf("%s / version %v / industry %v", name, version, industry)
}

// model reads the source as it is.
func (w *world) model() []wanted {
	w.t.Helper()
	xxh3, city := w.plan.HashExprs()
	sql := fmt.Sprintf("SELECT %s AS k, %s AS h1, %s AS h2, name, version, ifNull(industry, 0) FROM (%s)", w.plan.KeyExpr(), xxh3, city, w.query)
	var rows []wanted
	for row, err := range clickhouse.Each(w.t.Context(), w.warehouse, clickhouse.Query{SQL: sql}, func(r *clickhouse.Rows) (v wanted, err error) {
		var h1, h2 uint64
		var name string
		var version uint32
		var industry int32
		err = r.Scan(&v.key, &h1, &h2, &name, &version, &industry)
		v.hash, v.value = hash(h1, h2), digest(name, version, industry)
		return v, err
	}) {
		if err != nil {
			w.t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func hash(h1, h2 uint64) (h penstock.Hash) {
	binary.BigEndian.PutUint64(h[:8], h1)
	binary.BigEndian.PutUint64(h[8:], h2)
	return h
}

// unique are the rows whose key is theirs alone.
func unique(rows []wanted) map[string]state {
	times := map[string]int{}
	for _, r := range rows {
		times[r.key]++
	}
	one := map[string]state{}
	for _, r := range rows {
		if r.key != "" && times[r.key] == 1 {
			one[r.key] = r.state
		}
	}
	return one
}

// remember adds what the model wants now to what it ever wanted.
func (w *world) remember() {
	w.t.Helper()
	now := unique(w.model())
	for key := range w.past {
		if _, ok := now[key]; !ok {
			now[key] = state{} // gone
		}
	}
	for key, s := range now {
		if past := w.past[key]; len(past) == 0 || past[len(past)-1] != s {
			w.past[key] = append(past, s)
		}
	}
}

// records are what Dataverse holds: digests by key. A record that is not active is as good as gone.
func (w *world) records() map[string]string {
	w.t.Helper()
	records := map[string]string{}
	for _, row := range w.dataverse.Rows("account") {
		var key, name string
		var version, industry, state int
		for column, to := range map[string]any{
			"accountnumber": &key, "name": &name, "numberofemployees": &version, "industrycode": &industry, "statecode": &state,
		} {
			if text := row[column]; len(text) > 0 {
				if err := json.Unmarshal(text, to); err != nil {
					w.t.Fatalf("record %s: %s: %v", row["accountnumber"], column, err)
				}
			}
		}
		if state != 0 {
			continue
		}
		records[strings.ToLower(key)] = digest(name, version, industry)
	}
	return records
}

// letters are the open dead letters by key.
func (w *world) letters() map[string]penstock.Letter {
	w.t.Helper()
	byKey := map[string]penstock.Letter{}
	for _, l := range must[[]penstock.Letter](w.t)(w.ledger.OpenLetters(w.t.Context(), ledger.Choice{}, 1_000_000)) {
		byKey[l.Key] = l
	}
	return byKey
}

// An entry is the newest word of the ledger on one key.
type entry struct {
	key      string
	hash     penstock.Hash
	accepted bool
	left     bool
}

func (w *world) entries() map[string]entry {
	w.t.Helper()
	sql := "SELECT key, xxh3, city, state = 'accepted', left FROM " + w.database + ".ledger FINAL"
	byKey := map[string]entry{}
	for e, err := range clickhouse.Each(w.t.Context(), w.warehouse, clickhouse.Query{SQL: sql}, func(r *clickhouse.Rows) (e entry, err error) {
		var h1, h2 uint64
		var accepted, left uint8
		err = r.Scan(&e.key, &h1, &h2, &accepted, &left)
		e.hash, e.accepted, e.left = hash(h1, h2), accepted == 1, left > 0
		return e, err
	}) {
		if err != nil {
			w.t.Fatal(err)
		}
		byKey[e.key] = e
	}
	return byKey
}

// faults collects what the oracle finds, and says the first few.
type faults struct {
	n    int
	text []string
}

func (f *faults) add(format string, args ...any) {
	f.n++
	if len(f.text) < 8 {
		f.text = append(f.text, fmt.Sprintf(format, args...))
	}
}

// sound checks what must hold whenever nothing is under way: what the ledger says was accepted is what Dataverse holds,
// nothing older came after something newer, and every run that is over accounts for its rows.
func (w *world) sound() {
	w.t.Helper()
	var f faults
	w.acceptedIsHeld(&f)
	w.newestStays(&f)
	w.runsBalance(&f)
	w.report(&f)
}

// caughtUp checks all of it: besides what sound checks, that every row of the model has been accepted or is an open dead
// letter, and that Dataverse holds nothing that left the model.
func (w *world) caughtUp() {
	w.t.Helper()
	var f faults
	w.acceptedIsHeld(&f)
	w.newestStays(&f)
	w.runsBalance(&f)
	rows, records, letters, entries := w.model(), w.records(), w.letters(), w.entries()
	one := unique(rows)
	for _, row := range rows {
		_, open := letters[row.key]
		_, alone := one[row.key]
		has, e := records[row.key], entries[row.key]
		accepted := alone && has == row.value && e.accepted && !e.left && e.hash == row.hash
		switch {
		case accepted && open:
			f.add("row %q is as Dataverse has it, and has an open letter: %s", row.key, letters[row.key].Cause.Message)
		case !accepted && !open:
			f.add("row %q is neither accepted nor an open letter: the model wants %q, Dataverse has %q, the ledger %+v", row.key, row.value, has, e)
		}
	}
	for key, has := range records {
		if _, ok := one[key]; !ok && letters[key].Key != key {
			f.add("record %q (%s) has no row in the model", key, has)
		}
	}
	w.report(&f)
}

func (w *world) report(f *faults) {
	w.t.Helper()
	if f.n > 0 {
		w.t.Errorf("the oracle finds %d faults:\n  %s", f.n, strings.Join(f.text, "\n  "))
	}
}

// acceptedIsHeld: the ledger says accepted only of what Dataverse holds.
func (w *world) acceptedIsHeld(f *faults) {
	w.t.Helper()
	records := w.records()
	for key, e := range w.entries() {
		has, exists := records[key]
		if !e.accepted {
			continue
		}
		if e.left {
			if exists {
				f.add("the ledger says that %q was deleted or deactivated, and Dataverse has %q", key, has)
			}
			continue
		}
		meant, known := "", false
		for _, s := range w.past[key] {
			if s.hash == e.hash {
				meant, known = s.value, true
			}
		}
		if !known || meant != has {
			f.add("the ledger says that %q was accepted as %q, and Dataverse has %q", key, meant, has)
		}
	}
}

// newestStays: the writes to each key, in the order in which Dataverse committed them, follow the order in which the
// model wanted them. A write may come twice and a version may be left out, but none comes back.
func (w *world) newestStays(f *faults) {
	w.t.Helper()
	at := map[string]int{}
	for _, e := range w.dataverse.Journal() {
		if e.Table != "account" {
			continue
		}
		_, rest, _ := strings.Cut(e.Key, "'")
		key, _, _ := strings.Cut(rest, "'")
		key = strings.ToLower(key)
		wrote := w.wrote(e)
		past, i := w.past[key], at[key]
		for i < len(past) && past[i].value != wrote {
			i++
		}
		if i == len(past) {
			f.add("write %d brought %q back to %q, when the model was at step %d of %d", e.Seq, key, wrote, at[key]+1, len(past))
			continue
		}
		at[key] = i
	}
}

// wrote is the digest of what a write brought.
func (w *world) wrote(e emulator.Entry) string {
	w.t.Helper()
	if e.Op == emulator.OpDelete {
		return ""
	}
	var body struct {
		Name     string `json:"name"`
		Version  int    `json:"numberofemployees"`
		Industry int    `json:"industrycode"`
		State    int    `json:"statecode"`
	}
	if err := json.Unmarshal([]byte(e.Body), &body); err != nil {
		w.t.Fatalf("write %d: %v", e.Seq, err)
	}
	if body.State != 0 {
		return ""
	}
	return digest(body.Name, body.Version, body.Industry)
}

// runsBalance: every run is over, has a number of its own, and accounts for its rows.
func (w *world) runsBalance(f *faults) {
	w.t.Helper()
	runs := must[[]penstock.Run](w.t)(w.ledger.Runs(w.t.Context(), w.id.Environment, w.id.Name, 1000))
	for i, r := range runs { // newest first
		if !r.Phase.Final() {
			f.add("run %d is %s still", r.ID.Number, r.Phase)
		}
		if !r.Counts.Balanced() {
			f.add("run %d (%s: %s) does not account for its rows: %+v", r.ID.Number, r.Phase, r.Reason, r.Counts)
		}
		if want := uint64(len(runs) - i); r.ID.Number != want {
			f.add("run %d comes where run %d should", r.ID.Number, want)
		}
	}
}
