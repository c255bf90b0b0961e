package plan_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/plan"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func TestAPlanTellsWhatBecomesOfEveryRow(t *testing.T) {
	w := newWorld(t)
	w.carryOut(file, people("kept Ann", "moved Bob", "waits Cy", "mended Di", "lost Ed", "leaves Fay", "stays Gus"), map[string]string{
		"waits": "refused", "mended": "refused", "lost": "lost",
	})
	w.carryOut(file, people("kept Ann", "moved Bob", "waits Cy", "mended Di", "lost Ed", "leaves Fay", "unfit Hal 99"), map[string]string{"stays": "refused", "lost": "lost"})
	w.write(`{"lastname":"Last"}`, "contacts(externaluseridentifier='There')")
	p := w.plan(file, people("kept Ann", "moved Bea", "waits Cy", "mended Dee", "lost Ed", "unfit Hal 99", "There Ida", "new Joe", "- Kim", "- Lea", "twice Mo", "TWICE Ned", "strange Oz 99"))
	want := []string{
		"1 adopt: there", "1 again: lost", "1 create: new", "1 delete: leaves", "1 left_waiting: stays", "1 refuse choice_unknown (gendercode): strange",
		"2 refuse duplicate_key: twice", "2 refuse no_key:", "1 retry: mended", "1 unchanged:", "1 update: moved", "2 waiting: unfit waits",
	}
	if got := kinds(p); !slices.Equal(got, want) {
		t.Errorf("planned\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p.GetSend() != 6 || p.GetState() != plan.StateApplied && len(p.GetDifferences()) == 0 {
		t.Errorf("%d to send, state %s, differences %q", p.GetSend(), p.GetState(), p.GetDifferences())
	}
	for _, k := range p.GetKinds() {
		if k.GetKind() == plan.Waiting && !strings.Contains(k.GetCause(), "choice_unknown (gendercode)") {
			t.Errorf("letters wait because of %q", k.GetCause())
		}
	}
}

func TestLeavingRowsMeetTheGuardOrAreKept(t *testing.T) {
	w := newWorld(t)
	w.carryOut(file, people("a Ann", "b Bob"), nil)
	w.in.Guard = func(f ledger.Found, past ledger.Past) string {
		return fmt.Sprintf("%d of %d rows left", f.Left, f.Left+f.Unchanged)
	}
	p := w.plan(file, people("a Ann"))
	if got := kinds(p); !slices.Equal(got, []string{"1 park: b", "1 unchanged:"}) || p.GetKinds()[1].GetCause() != "1 of 2 rows left" || p.GetSend() != 0 {
		t.Errorf("planned %v", p.GetKinds())
	}
	if got := kinds(w.plan(strings.Replace(file, ", on_leave: delete", "", 1), people("a Ann"))); !slices.Contains(got, "1 keep: b") {
		t.Errorf("planned %q", got)
	}
}

func TestARowThatIsBackMakesItsRecordActiveAgain(t *testing.T) {
	w := newWorld(t)
	deactivate := strings.Replace(file, "on_leave: delete", "on_leave: deactivate", 1)
	w.carryOut(deactivate, people("a Ann", "b Bob"), nil)
	if got := kinds(w.plan(deactivate, people("b Bob"))); !slices.Equal(got, []string{"1 deactivate: a", "1 unchanged:"}) {
		t.Errorf("a row left: %q", got)
	}
	w.carryOut(deactivate, people("b Bob"), nil)
	p := w.plan(deactivate, people("a Ann", "b Bob"))
	if got := kinds(p); !slices.Equal(got, []string{"1 adopt: a", "1 unchanged:"}) {
		t.Errorf("it is back: %q", got)
	}
	if got := recordsOf(p); !slices.Contains(got, "statecode: 1 (Inactive) -> 0 (Active)") {
		t.Errorf("its record: %q", got)
	}
}

func TestASampleShowsWhatWouldChange(t *testing.T) {
	w := newWorld(t)
	w.write(`{"name":"Contoso"}`, "accounts(accountnumber='A-1')")
	w.write(`{"name":"Fabrikam"}`, "accounts(accountnumber='A-2')")
	w.carryOut(file, people("a Ann 1 A-1", "b Bob", "c Cy"), map[string]string{"c": "lost"})
	w.write(`{"firstname":"Bea"}`, "contacts(externaluseridentifier='b')") // as somebody else has put it
	p := w.plan(file, people("a Ann 2 A-2", "b Bea", "c Cy 1 A-9"))
	want := []string{
		"update a", "gendercode: 1 (Male) -> 2 (Female)", "parentcustomerid: OLD -> accounts(accountnumber='A-2')",
		"update b",
		"again c, which is not there", "firstname: - -> Cy", "lastname: - -> Last", "gendercode: - -> 1 (Male)",
		"parentcustomerid: - -> accounts(accountnumber='A-9') [names a record that is not there, or cannot be seen]",
	}
	got := recordsOf(p)
	for i, line := range got {
		if before, after, found := strings.Cut(line, " -> accounts("); found && !strings.HasSuffix(before, "-") {
			if !strings.Contains(before, "(Contoso)") {
				t.Errorf("the old company is %s", before)
			}
			got[i] = "parentcustomerid: OLD -> accounts(" + after
		}
	}
	// What went back to a value is looked at as well: a is what the ledger calls changed, whatever it was.
	if !slices.Equal(got, want) {
		t.Errorf("shown\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !slices.ContainsFunc(p.GetNotes(), func(n string) bool { return strings.Contains(n, "of the 3 records that are shown 1 name others") }) {
		t.Errorf("notes %q", p.GetNotes())
	}
	p = w.plan(file, people("a Ann 1 A-1", "b Bob", "c Cy", "d Di 1 A-1"))
	if got := recordsOf(p); !slices.Contains(got, "parentcustomerid: - -> accounts(accountnumber='A-1')") {
		t.Errorf("shown %q", got)
	}
}

func recordsOf(p *penstockv1.PlannedSync) []string {
	show := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	var all []string
	for _, r := range p.GetRecords() {
		head := r.GetKind() + " " + r.GetKey()
		if r.GetAbsent() {
			head += ", which is not there"
		}
		all = append(all, head)
		for _, f := range r.GetFields() {
			line := f.GetColumn() + ": " + show(f.Old) + " -> " + show(f.New)
			if f.GetNote() != "" {
				line += " [" + f.GetNote() + "]"
			}
			all = append(all, line)
		}
	}
	return all
}

// many is a model of n people, p000, p001 and so on.
func many(n int) string {
	return fmt.Sprintf("SELECT concat('p', leftPad(toString(number), 3, '0')) AS id, 'Ann' AS first, 'Last' AS last, toInt32(1) AS gender, "+
		"CAST(NULL AS Nullable(String)) AS company FROM numbers(%d)", n)
}

func TestManyNewRowsAreEstimatedFromFewReads(t *testing.T) {
	w := newWorld(t)
	var there []string
	for i := 0; i < 400; i += 4 {
		there = append(there, fmt.Sprintf("contacts(externaluseridentifier='p%03d')", i))
	}
	query := many(400)
	w.write(`{"lastname":"Last"}`, there...)
	p := w.plan(file, query)
	var adopted, created uint64
	for _, k := range p.GetKinds() {
		if !k.GetEstimated() || !k.GetMore() || len(k.GetKeys()) != 5 {
			t.Errorf("%v", k)
		}
		switch k.GetKind() {
		case plan.Adopt:
			adopted = k.GetRows()
		case plan.Create:
			created = k.GetRows()
		}
	}
	if adopted < 60 || adopted > 140 || adopted+created != 400 {
		t.Errorf("of 400 rows %d are to be adopted and %d to be created, and a quarter is there", adopted, created)
	}
	if n := w.reads.Load(); n > 60 {
		t.Errorf("%d reads", n)
	}
	w.in.Samples = 400
	if got := kinds(w.plan(file, query)); !strings.HasPrefix(got[0], "100 adopt: p000 p004") || !strings.HasPrefix(got[1], "300 create: p001") {
		t.Errorf("asked for all, the plan is %.100q", got)
	}
}

func TestAModelThatChangesMeanwhileDoesNotUpsetTheNumbers(t *testing.T) {
	w := newWorld(t)
	database := clickhousetest.Database(t)
	do := func(sql string) {
		if err := w.conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	do("CREATE DATABASE IF NOT EXISTS " + database)
	do("CREATE TABLE " + database + ".people (id String, first String, last String, gender Int32, company Nullable(String)) ENGINE = Memory")
	do("INSERT INTO " + database + ".people VALUES ('a', 'Ada', 'L', 1, NULL)")
	w.in.Tell = func(what string) {
		if strings.HasPrefix(what, "rendering") {
			do("INSERT INTO " + database + ".people VALUES ('b', 'Bob', 'B', 999, NULL), ('c', 'Cid', 'C', 999, NULL)")
		}
	}
	p, err := w.make(t.Context(), file, "SELECT * FROM "+database+".people")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range p.GetKinds() {
		if k.GetRows() > 3 {
			t.Errorf("%d rows of kind %s", k.GetRows(), k.GetKind())
		}
	}
	if p.GetSend() > 3 {
		t.Errorf("%d changes to send", p.GetSend())
	}
}

func TestAPlanLeavesDataverseAloneWhenAsked(t *testing.T) {
	w := newWorld(t)
	w.asked = func(rw http.ResponseWriter, _ *http.Request) bool {
		rw.Header().Set("Retry-After", "30")
		rw.WriteHeader(http.StatusTooManyRequests)
		_, _ = fmt.Fprint(rw, `{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit"}}`)
		return true
	}
	p := w.plan(file, many(100))
	if got := kinds(p); !slices.Equal(got, []string{"~100 create: p000 p001 p002 p003 p004"}) || !strings.Contains(p.GetKinds()[0].GetCause(), "could not be asked") {
		t.Errorf("planned %q, %v", got, p.GetKinds())
	}
	if n := w.reads.Load(); n > 4 {
		t.Errorf("%d reads after the first was throttled", n)
	}
	if len(p.GetNotes()) != 1 || !strings.Contains(p.GetNotes()[0], "left alone for 30s") {
		t.Errorf("notes %q", p.GetNotes())
	}
}

func TestAModeDecidesWhatANewRowComesTo(t *testing.T) {
	w := newWorld(t)
	w.write(`{"lastname":"Last"}`, "contacts(externaluseridentifier='there')")
	query := people("there Ann", "new Bob")
	update := strings.Replace(file, "on_leave: delete", "mode: update", 1)
	if got := kinds(w.plan(update, query)); !slices.Equal(got, []string{"1 adopt: there", "1 refuse there is no such record, and mode: new"}) {
		t.Errorf("mode update: %q", got)
	}
	if got := kinds(w.plan(strings.Replace(file, "on_leave: delete", "mode: create", 1), query)); !slices.Equal(got, []string{"2 create: new there"}) {
		t.Errorf("mode create, where no record of ours is there: %q", got)
	}
}

func TestAPlanSaysWhyRowsAreSentAgain(t *testing.T) {
	w := newWorld(t)
	query := people("a Ann", "b Bob 1 A-1")
	w.write(`{"name":"Contoso"}`, "accounts(accountnumber='A-1')")
	w.carryOut(file, query, nil)
	skip := strings.Replace(file, "firstname: first", "firstname: {from: first, null: skip}", 1)

	p := w.plan(skip, query)
	if got := p.GetResendBecause(); p.GetState() != plan.StateChanged || len(got) != 1 || !strings.HasPrefix(got[0], "map.firstname: ") {
		t.Errorf("a changed field: %s, %q", p.GetState(), got)
	}
	for _, r := range p.GetRecords() {
		if len(r.GetFields()) > 0 || r.GetKind() != plan.Resend {
			t.Errorf("Dataverse has all of it: %v", r)
		}
	}
	if p := w.plan(strings.Replace(file, "demo, table", "demo,   table", 1), query); p.GetSend() != 0 || p.GetState() != plan.StateApplied || len(p.GetResendBecause()) > 0 {
		t.Errorf("a file that says the same: %v", p)
	}

	w.last.Next = penstock.Wish{Wanted: true, Full: true}
	if p := w.plan(file, query); p.GetSend() != 2 || !slices.Equal(p.GetResendBecause(), []string{"a full run was asked for"}) {
		t.Errorf("a full run: %d, %q", p.GetSend(), p.GetResendBecause())
	}
	w.last.Next = penstock.Wish{}

	column, _ := w.tables["contact"].Column("firstname")
	column.MaxLength = 12 // in place of what it was when the run was made
	p = w.plan(file, query)
	if got := p.GetResendBecause(); len(got) != 1 || !strings.Contains(got[0], "metadata") {
		t.Errorf("another length: %q", got)
	}
}

func TestMetadataThatChangedIsNamed(t *testing.T) {
	w := newWorld(t)
	s := w.sync(file, people())
	was := *w.tables["contact"]
	was.Columns = slices.Clone(was.Columns)
	for i := range was.Columns {
		switch was.Columns[i].Name {
		case "gendercode":
			was.Columns[i].Options = slices.Clone(was.Columns[i].Options)
			was.Columns[i].Options[0].Label = "Man"
		case "firstname", "nickname":
			was.Columns[i].MaxLength = 7
		}
	}
	got := plan.Metadata(&was, w.tables["contact"], s)
	want := []string{"firstname: length: 7 -> 50", "gendercode: options: 1 Man, 2 Female -> 1 Male, 2 Female"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestThePaceIsThatOfTheLastRuns(t *testing.T) {
	w := newWorld(t)
	query := people("a Ann")
	if p := w.plan(file, query); !strings.HasPrefix(p.GetPace(), "assumed: 200 rows/s") || p.GetTakes().AsDuration() > time.Second {
		t.Errorf("%s, %s", p.GetTakes().AsDuration(), p.GetPace())
	}
	began := time.Now().Truncate(time.Second)
	for i, r := range []penstock.Run{
		{Phase: penstock.Closed, Started: began, Ended: began.Add(10 * time.Second), Counts: penstock.Counts{Accepted: 4000}},
		{Phase: penstock.Closed, Started: began, Ended: began.Add(30 * time.Second), Counts: penstock.Counts{Accepted: 4000}},
		{Phase: penstock.Closed, Started: began, Ended: began.Add(time.Hour), Counts: penstock.Counts{Accepted: 3}},
		{Phase: penstock.Aborted, Started: began, Ended: began.Add(time.Hour), Counts: penstock.Counts{Accepted: 5000}},
	} {
		r.ID = w.run
		r.ID.Number = uint64(i + 1)
		if err := w.ledger.SaveRun(t.Context(), r, 0); err != nil {
			t.Fatal(err)
		}
	}
	w.in.RunRows = 1
	p := w.plan(file, people("a Ann", "b Bob", "c Cy"))
	if p.GetPace() != "200 rows/s in the environment's last 2 runs of 1000 rows or more" {
		t.Errorf("%s", p.GetPace())
	}
	if !slices.ContainsFunc(p.GetNotes(), func(n string) bool { return strings.Contains(n, "it takes 3 runs") }) {
		t.Errorf("notes %q", p.GetNotes())
	}
}

func TestARunUnderWayIsSaidSo(t *testing.T) {
	w := newWorld(t)
	w.last = penstock.Run{ID: w.run, Phase: penstock.Draining}
	w.last.ID.Number = 4
	if p := w.plan(file, people("a Ann")); len(p.GetNotes()) != 1 || !strings.HasPrefix(p.GetNotes()[0], "run 4 is under way (draining)") {
		t.Errorf("notes %q", p.GetNotes())
	}
}

func TestAPlanThatIsGivenUpEnds(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.asked = func(http.ResponseWriter, *http.Request) bool { cancel(); return false }
	if _, err := w.make(ctx, file, people("a Ann")); !errors.Is(err, context.Canceled) {
		t.Errorf("the plan ended with %v", err)
	}
}
