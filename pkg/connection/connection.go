// Package connection tests whether an environment can be written to, and names what is in the way: step by step from the
// form of its URL to the privileges that each sync needs, each with what was seen and what to do about it.
//
// A step that an earlier fault makes meaningless is skipped, and says so; everything else runs, so that all faults are
// shown at once. Nothing is written, and no secret is in a report.
package connection

import (
	"context"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A State says how a step ended.
type State string

// The states.
const (
	Passed  State = "passed"
	Failed  State = "failed"  // nothing can be written before it is mended
	Warned  State = "warned"  // something will go wrong later, or for some rows
	Skipped State = "skipped" // for the reason that Saw gives
)

// A Step is one thing that was looked at.
type Step struct {
	Name    string        // what: dns, token, privileges …; a step may come several times, once for each fault
	About   string        // client id of an application user, or name of a sync; empty: the environment
	State   State         //
	Saw     string        // one line that names the fault by itself
	Do      string        // the next step, and whose it is; empty where there is nothing to do
	Code    string        // AADSTS7000215, 0x80072560; empty where no code says it
	Elapsed time.Duration //

	At document.Position // where in a file the fault is; empty where it is in none, or the file is not known
}

// A Report is what came of a test, in the order in which it was looked at.
type Report struct {
	Environment string // name
	URL         string
	Steps       []Step

	Organization string                      // OrganizationId; empty where no application user gets in
	Tables       map[string]*dataverse.Table // that were read on the way, by logical name
}

// Input is what is tested.
type Input struct {
	Environment spec.Environment   // with those of its application users that are to be tested
	Syncs       []spec.Sync        // of the environment
	Others      []spec.Environment // that are configured beside it: two that reach one organization are told

	// Model gives the columns of a sync's query. Nil: the warehouse cannot be asked, and what only it knows is skipped.
	Model func(context.Context, spec.Sync) ([]mapping.SourceColumn, error)

	Identities sealed.Identities // open the secrets that are sealed

	Request time.Duration // the longest that one request may take; 0: 15 s
	Early   time.Duration // how long before its end a credential is warned of; 0: 30 days
}

// Test looks at everything, until ctx ends.
func Test(ctx context.Context, in Input) Report {
	if in.Request <= 0 {
		in.Request = 15 * time.Second
	}
	if in.Early <= 0 {
		in.Early = 30 * 24 * time.Hour
	}
	t := &test{
		Input:  in,
		report: Report{Environment: in.Environment.Name, URL: in.Environment.URL},
		tables: map[string]readTable{}, privileges: map[string]readPrivileges{},
	}
	reached := t.reach(ctx)
	for _, u := range in.Environment.Users {
		t.user(ctx, u, reached)
	}
	defer func() {
		for _, u := range t.users {
			u.client.Close()
		}
	}()
	for _, s := range in.Syncs {
		t.sync(ctx, s)
	}
	if len(t.users) > 0 {
		t.report.Organization = t.users[0].who.Organization
	}
	t.report.Tables = map[string]*dataverse.Table{}
	for name, r := range t.tables {
		if r.err == nil {
			t.report.Tables[name] = r.table
		}
	}
	return t.report
}

// A test is one under way.
type test struct {
	Input
	report     Report
	probe      dataverse.Probe
	users      []user // that Dataverse lets in
	tables     map[string]readTable
	privileges map[string]readPrivileges
	known      []string // names of all tables, once they were asked for
	late       bool     // a step was not carried out for want of time
}

// step carries out one step, and reports whether it leaves the way open for those that rest on it.
func (t *test) step(ctx context.Context, name, about string, look func() Step) bool {
	if ctx.Err() != nil {
		if t.late {
			t.skip(name, about, "the time for the test is up")
			return false
		}
		t.late = true // once: what was not looked at must not pass for fine
		s := failed("the time for the test was up before this was looked at", "whoever tests: test one sync at a time (--sync), and look whether the environment answers slowly")
		s.Name, s.About = name, about
		t.report.Steps = append(t.report.Steps, s)
		return false
	}
	began := time.Now()
	s := look()
	s.Name, s.About, s.Saw = name, about, strings.Join(strings.Fields(s.Saw), " ")
	if s.Elapsed == 0 {
		s.Elapsed = time.Since(began)
	}
	t.report.Steps = append(t.report.Steps, s)
	return s.State == Passed || s.State == Warned
}

func (t *test) skip(name, about, why string) {
	t.report.Steps = append(t.report.Steps, Step{Name: name, About: about, State: Skipped, Saw: why})
}

func passed(saw string) Step     { return Step{State: Passed, Saw: saw} }
func failed(saw, do string) Step { return Step{State: Failed, Saw: saw, Do: do} }
func warned(saw, do string) Step { return Step{State: Warned, Saw: saw, Do: do} }
func skipped(why string) Step    { return Step{State: Skipped, Saw: why} }
