package dataversetest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A test case is one fact of the reference: the section that states it, the fact as a sentence, what it takes to see it, and how.
type testCase struct {
	section, fact string
	needs         []need
	check         func(*session)
}

func (c testCase) name() string { return c.section + " " + c.fact }

// Counts say what became of the cases, also of those that -run left out.
type Counts struct {
	Cases, Failed int
	NotApplicable map[string]string // by name of the case, what it needs
}

// Run runs the suite. Rows that it makes carry a mark of this run in a text column, and are gone when it returns.
func Run(t *testing.T, e Environment) Counts {
	t.Helper()
	e, err := e.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	run := &run{Environment: e, http: &http.Client{Transport: transport, CheckRedirect: verbatim, Timeout: 5 * time.Minute}, mark: "pc" + randomHex(3)}
	run.survey(t)
	defer run.sweep(t)

	counts := Counts{NotApplicable: map[string]string{}}
	for _, group := range groups() {
		counts.Cases += len(group.cases)
		for _, c := range group.cases {
			if lacks := run.lacks(c.needs); lacks != "" {
				counts.NotApplicable[c.name()] = lacks
			}
		}
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				if !t.Run(c.name(), func(t *testing.T) {
					if lacks := counts.NotApplicable[c.name()]; lacks != "" {
						t.Skip("not applicable: this needs " + lacks)
					}
					c.check(run.session(t))
				}) {
					counts.Failed++
				}
			}
		})
	}
	t.Logf("%s: %d cases, %d failed, %d not applicable", e.URL, counts.Cases, counts.Failed, len(counts.NotApplicable))
	return counts
}

// verbatim leaves a redirect to whoever asked: Dataverse sends none.
func verbatim(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// A group is the cases of one subject.
type group struct {
	name  string
	cases []testCase
}

func groups() []group {
	return []group{
		{"token", tokenCases()},
		{"challenge", challengeCases()},
		{"users", userCases()},
		{"privileges", privilegeCases()},
		{"depth", depthCases()},
		{"requests", requestCases()},
		{"create", createCases()},
		{"upsert", upsertCases()},
		{"conditions", conditionCases()},
		{"delete", deleteCases()},
		{"key columns", keyColumnCases()},
		{"keys", keyCases()},
		{"values", valueCases()},
		{"bad values", badValueCases()},
		{"lookups", lookupCases()},
		{"deep inserts", deepInsertCases()},
		{"associations", associationCases()},
		{"payload", payloadCases()},
		{"duplicates", duplicateCases()},
		{"etags", etagCases()},
		{"framing", framingCases()},
		{"batch", batchCases()},
		{"failures in batches", failureCases()},
		{"change sets", changeSetCases()},
		{"references", referenceCases()},
		{"batch limits", batchLimitCases()},
		{"bulk messages", bulkCases()},
		{"limits", limitCases()},
		{"tables", tableCases()},
		{"columns", columnCases()},
		{"organisation", organizationCases()},
		{"queries", queryCases()},
		{"filters", filterCases()},
		{"pages", pageCases()},
		{"expand", expandCases()},
		{"annotations", annotationCases()},
		{"errors", errorCases()},
	}
}

// run is the suite at one environment.
type run struct {
	Environment
	http   *http.Client
	mark   string // begins a text column of every row that the suite makes
	cases  int
	offers map[need]bool
	tokens map[string]string // by client id
}

// survey finds out which tables and keys of those that cases need are there.
func (r *run) survey(t *testing.T) {
	t.Helper()
	r.offers = map[need]bool{variants: r.Variant != nil, guesses: r.Guesses}
	s := r.session(t)
	for _, name := range []string{"account", "contact", "lead", "opportunity", "new_membership"} {
		a := s.get("EntityDefinitions(LogicalName='" + name + "')?$select=LogicalName&$expand=Keys($select=KeyAttributes,EntityKeyIndexStatus)")
		if a.status != http.StatusOK {
			t.Logf("no table %s: %d %s", name, a.status, a.body)
			continue
		}
		r.offers[table(name)] = true
		for _, k := range a.list("Keys") {
			k, _ := k.(map[string]any)
			if k["EntityKeyIndexStatus"] != "Active" {
				continue
			}
			columns, _ := k["KeyAttributes"].([]any)
			var names []string
			for _, c := range columns {
				names = append(names, fmt.Sprint(c))
			}
			r.offers[key(name, names...)] = true
		}
	}
}

// lacks returns the needs that are not met, "" when all are.
func (r *run) lacks(needs []need) string {
	var missing []string
	for _, n := range needs {
		if !r.offers[n] {
			missing = append(missing, string(n))
		}
	}
	return strings.Join(missing, ", ")
}

// sweep deletes what carries the mark: children before parents.
func (r *run) sweep(t *testing.T) {
	t.Helper()
	s := r.session(t)
	for _, of := range []struct{ table, set, id, columns string }{
		{"new_membership", "new_memberships", "new_membershipid", "new_name new_code new_program"},
		{"opportunity", "opportunities", "opportunityid", "name"},
		{"lead", "leads", "leadid", "lastname"},
		{"contact", "contacts", "contactid", "lastname firstname externaluseridentifier"},
		{"account", "accounts", "accountid", "name accountnumber"},
	} {
		if !r.offers[table(of.table)] {
			continue
		}
		var marked []string
		for column := range strings.FieldsSeq(of.columns) {
			marked = append(marked, "startswith("+column+",'"+r.mark+"')")
		}
		query := of.set + "?$select=" + of.id + "&$filter=" + strings.ReplaceAll(strings.Join(marked, " or "), " ", "%20")
		for range 100 { // pages; each pass deletes what it found
			rows := s.get(query).list("value")
			var operations []string
			for _, row := range rows {
				row, _ := row.(map[string]any)
				operations = append(operations, op("DELETE", of.set+"("+fmt.Sprint(row[of.id])+")", ""))
			}
			if len(operations) == 0 {
				break
			}
			for chunk := range slices.Chunk(operations, 100) {
				_, parts := s.batch(frame(chunk...), continueOnError)
				for _, p := range parts {
					if p.status >= 300 && p.status != http.StatusNotFound {
						t.Fatalf("rows of %s are left behind, find them by the mark %s: %d %s", of.table, r.mark, p.status, p.body)
					}
				}
			}
		}
	}
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
