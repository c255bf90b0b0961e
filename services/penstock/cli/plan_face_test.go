package cli

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/durationpb"

	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// madeUp is a plan that has everything, some of it from somebody who means ill.
func madeUp() *penstockv1.PlanResponse {
	text := func(s string) *string { return &s }
	return &penstockv1.PlanResponse{
		Environments: []*penstockv1.PlannedEnvironment{{
			Environment: "production", Url: "https://org1234567.crm4.dynamics.com/api/data/v9.2/", Organization: "0d1d4b2b-6a4e-4f9b-8f9d-3f6f5d1c2b1a",
			Steps: []*penstockv1.TestStep{
				{Name: "dns", State: "passed", Saw: "org1234567.crm4.dynamics.com"},
				{Name: "organization", State: "warned", Saw: "environment copy reaches the same organization", Do: "whoever keeps the files: drop one of them"},
			},
		}},
		Syncs: []*penstockv1.PlannedSync{
			{
				Environment: "production", Sync: "contacts", Table: "contact", Mode: "upsert", State: "changed", Compared: true, Rows: 20131, Send: 10115,
				Differences: []string{"map.gendercode: {from: gender} -> {from: gender, choice: label}", "from.query:\n    - SELECT a\n    + SELECT b"},
				Steps: []*penstockv1.TestStep{
					{Name: "columns", About: "contacts", State: "passed", Saw: "4 columns can be written"},
					{Name: "security", About: "contacts", State: "warned", Saw: "column security guards creditlimit", Do: "a system administrator: put the user into a profile"},
				},
				Kinds: []*penstockv1.PlannedKind{
					{Kind: "unchanged", Rows: 10000},
					{Kind: "create", Rows: 60, Estimated: true, Keys: []string{"c-1", "c-2"}, More: true},
					{Kind: "adopt", Rows: 40, Estimated: true, Keys: []string{"c-3"}, More: true},
					{Kind: "update", Rows: 2, Keys: []string{"c-4", "| <img src=x onerror=alert(1)> @everyone #1"}},
					{Kind: "resend", Rows: 10000, Keys: []string{"c-5"}, More: true},
					{Kind: "retry", Rows: 1, Keys: []string{"c-6"}},
					{Kind: "again", Rows: 2, Keys: []string{"c-7\x1fb", "c-8"}},
					{Kind: "delete", Rows: 10, Keys: []string{"c-9"}, More: true},
					{Kind: "left_waiting", Rows: 1, Keys: []string{"c-10"}},
					{Kind: "refuse", Rows: 3, Cause: "no_key: a key column is NULL or empty"},
					{Kind: "refuse", Rows: 20, Cause: "text_too_long (lastname): last_name is 105 UTF-16 units long, and the column takes 50", Keys: []string{"c-11"}, More: true},
					{Kind: "waiting", Rows: 3, Cause: "0x80040217 (parentcustomerid)", Keys: []string{"c-12", "c-13", "c-14"}},
				},
				ResendBecause: []string{"map.gendercode: {from: gender} -> {from: gender, choice: label}"},
				Records: []*penstockv1.PlannedRecord{
					{Kind: "create", Key: "c-1", Absent: true, Fields: []*penstockv1.PlannedField{
						{Column: "lastname", New: text("O'Neill")}, {Column: "parentcustomerid", New: text("accounts(accountnumber='A-9')"), Note: "names a record that is not there, or cannot be seen"},
					}},
					{Kind: "update", Key: "c-4", Fields: []*penstockv1.PlannedField{
						{Column: "firstname", Old: text("Ana\x1b[31m\u202eevil\u2066"), New: text("</code></details><script>alert(1)</script>")},
						{Column: "description", Old: text(""), New: text("- [x](javascript:alert(1))\n```\n| a | b |\n@octocat https://evil.example &lt; `code` **bold** \\")},
						{Column: "gendercode", Old: text("1 (Male)"), New: nil},
					}},
					{Kind: "resend", Key: "c-5"},
					{Kind: "again", Key: "c-8", Absent: true, Fields: []*penstockv1.PlannedField{{Column: "lastname", New: text("Li")}}},
				},
				Notes: []string{"of the 4 records that are shown 1 name others that are not there: Dataverse refuses such rows unless accounts has made them before"},
				Takes: durationpb.New(51 * time.Second), Pace: "200 rows/s in the environment's last 3 runs of 1000 rows or more",
			},
			{
				Environment: "production", Sync: "leads", Table: "lead", Mode: "update", State: "applied", Compared: true, Rows: 12,
				Kinds: []*penstockv1.PlannedKind{
					{Kind: "unchanged", Rows: 12},
					{Kind: "park", Rows: 4000, Cause: "the model shrank from 4012 rows to 12, by more than 20 %", Keys: []string{"l-1"}, More: true},
				},
			},
			{
				Environment: "production", Sync: "scores", Table: "ext_score", Mode: "upsert", State: "new",
				Steps: []*penstockv1.TestStep{
					{
						Name: "columns", About: "scores", State: "failed", Saw: "table ext_score has no column ext_scoer", Do: "did you mean ext_score?",
						At: "/srv/penstock/syncs/scores.yaml:6:3",
					},
					{Name: "privileges", About: "scores", State: "failed", Saw: "prvCreateext_Score (Create on ext_score) is missing", Do: "a system administrator: grant it", Code: "0x80040220"},
				},
			},
		},
	}
}

func TestAPlanReadsWellOnATerminal(t *testing.T) {
	golden(t, filepath.Join("testdata", "plan.txt"), planText(madeUp()))
}

func TestAPlanReadsWellInAPullRequest(t *testing.T) {
	golden(t, filepath.Join("testdata", "plan.md"), planMarkdown(madeUp()))
}

func TestACommentIsNoLongerThanAPullRequestTakes(t *testing.T) {
	r := madeUp()
	for range 8 {
		r.Syncs = append(r.Syncs, r.GetSyncs()...)
	}
	got := planMarkdown(r)
	if len(got) > 65_536 || !strings.Contains(got, "too long") || strings.Count(got, "<details>") != strings.Count(got, "</details>") {
		t.Errorf("%d characters", len(got))
	}
}

// What stands in a row may be anything.
func FuzzAValueStandsForNothingButItself(f *testing.F) {
	for _, s := range []string{"", "Ana", "</code>|`*_@x #1 https://e.example\n\x1b[2J\u202e", "\xff\xfe", "é😀"} {
		f.Add(s)
	}
	inert := regexp.MustCompile(`^<code>([a-zA-Z0-9 ]|[^\x00-\x7f]|&#[0-9]+;)*</code>$`)
	f.Fuzz(func(t *testing.T, s string) {
		if c := code(s); !inert.MatchString(c) {
			t.Errorf("%q becomes %q", s, c)
		}
		for _, r := range visible(s) {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%q shows %U", s, r)
			}
		}
	})
}

func TestTimesAreSaidRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "a second", 51 * time.Second: "51 s", 10 * time.Minute: "10 min", 26 * time.Hour: "26.0 h",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s is said as %s, not as %s", d, got, want)
		}
	}
}
