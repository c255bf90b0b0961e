package privilege

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Input is what is looked at.
type Input struct {
	Environment spec.Environment // with those of its application users that are to be looked at
	Syncs       []spec.Sync      // of the environment
	Identities  sealed.Identities
	Request     time.Duration // the longest that one request may take; 0: 15 s
}

// A Report is the smallest security role that syncs need, and how the application users compare with it.
type Report struct {
	Environment string // name
	URL         string
	Role        []Need // by table and verb
	Users       []User
	Problems    []string // what could not be looked at, each with the reason
}

// A User is an application user held against the role.
type User struct {
	ClientID string
	ID       string // systemuserid; empty where Dataverse does not let it in
	Missing  []Gap  // not held, or not deep enough
	Beyond   []Gap  // held without need, or deeper than needed
}

// A Gap is a privilege that is held otherwise than it is needed.
type Gap struct {
	Table        string
	Verb         dataverse.Verb
	Name         string
	Needed, Held dataverse.Depth
}

// Look asks an environment. The error is that of a sign-in, where no application user gets in.
func Look(ctx context.Context, in Input) (Report, error) {
	if in.Request <= 0 {
		in.Request = 15 * time.Second
	}
	l := &look{Input: in, report: Report{Environment: in.Environment.Name, URL: in.Environment.URL}, known: map[string][]dataverse.Privilege{}}
	defer l.close()
	var faults []error
	for _, u := range in.Environment.Users {
		if err := l.signIn(ctx, u); err != nil {
			faults = append(faults, err)
			l.problem("application user "+u.ClientID, err)
		}
	}
	if len(l.in) == 0 {
		return l.report, errors.Join(faults...)
	}
	for _, s := range in.Syncs {
		l.sync(ctx, s)
	}
	slices.SortStableFunc(l.report.Role, func(a, b Need) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(slices.Index(verbs, a.Verb), slices.Index(verbs, b.Verb)))
	})
	others, err := l.in[0].client.AllPrivileges(ctx)
	if err != nil {
		l.problem("tables that no sync touches", err)
	}
	for _, u := range l.in {
		l.compare(ctx, u, others)
	}
	return l.report, nil
}

// verbs in the order of the role editor.
var verbs = []dataverse.Verb{ //nolint:gochecknoglobals // constant table
	dataverse.CreateRecords, dataverse.ReadRecords, dataverse.WriteRecords, dataverse.DeleteRecords,
	dataverse.AppendRecords, dataverse.AppendTo, dataverse.AssignRecords, dataverse.ShareRecords, Bypass,
}

type look struct {
	Input
	report Report
	in     []signedIn
	known  map[string][]dataverse.Privilege
}

type signedIn struct {
	clientID string
	id       string
	client   *dataverse.Client
}

func (l *look) close() {
	for _, u := range l.in {
		u.client.Close()
	}
}

func (l *look) problem(what string, err error) {
	text := err.Error()
	if fault := (*penstock.Error)(nil); errors.As(err, &fault) && fault.Hint != "" && !strings.Contains(text, fault.Hint) {
		text += "; " + fault.Hint
	}
	l.report.Problems = append(l.report.Problems, what+": "+strings.Join(strings.Fields(text), " "))
}

func (l *look) signIn(ctx context.Context, u spec.User) error {
	client, err := dataverse.New(dataverse.Config{
		URL: l.Environment.URL, Tenant: l.Environment.Tenant, Authorities: l.Environment.Authorities(),
		ClientID: u.ClientID, Secret: u.ClientSecret.Reader(l.Identities), Certificate: u.Certificate.Reader(l.Identities), Request: l.Request, Connections: 4,
	})
	if err != nil {
		return err
	}
	who, err := client.WhoAmI(ctx)
	if err != nil {
		client.Close()
		return err
	}
	l.in = append(l.in, signedIn{u.ClientID, who.User, client})
	return nil
}

// sync adds what a sync needs to the role.
func (l *look) sync(ctx context.Context, s spec.Sync) {
	table, err := l.in[0].client.Table(ctx, s.To.Table)
	if err != nil {
		l.problem("sync "+s.Name, err)
		return
	}
	needs, err := Resolve(ctx, Needs(s, table), l.privileges)
	if err != nil {
		l.problem("sync "+s.Name, err)
		return
	}
	for _, n := range needs {
		l.report.Role = merge(l.report.Role, n)
	}
}

// privileges reads those of a table once.
func (l *look) privileges(ctx context.Context, table string) ([]dataverse.Privilege, error) {
	if all, known := l.known[table]; known {
		return all, nil
	}
	all, err := l.in[0].client.Privileges(ctx, table)
	if err == nil {
		l.known[table] = all
	}
	return all, err
}

// compare holds a user against the role.
func (l *look) compare(ctx context.Context, u signedIn, others map[string][]dataverse.Privilege) {
	user := User{ClientID: u.clientID, ID: u.id}
	held, err := Held(ctx, u.client, u.id, l.report.Role)
	if err != nil {
		l.problem(fmt.Sprintf("what application user %s holds", u.clientID), err)
		return
	}
	needed := map[string]dataverse.Depth{}
	for _, n := range l.report.Role {
		needed[n.Name] = n.Depth
		if held[n.Name] < n.Depth {
			user.Missing = append(user.Missing, Gap{n.Table, n.Verb, n.Name, n.Depth, held[n.Name]})
		}
	}
	told := map[string]bool{}
	tables := map[string]bool{} // to look at, and whether a sync touches it
	for table := range others {
		tables[table] = false
	}
	for table := range l.known {
		tables[table] = true
	}
	for _, table := range sorted(tables) {
		privileges := others[table]
		if tables[table] {
			privileges = l.known[table]
		}
		for _, p := range privileges {
			if told[p.Name] || held[p.Name] <= needed[p.Name] || usual(p, held[p.Name], table, tables[table]) && needed[p.Name] == dataverse.NoDepth {
				continue
			}
			told[p.Name] = true
			user.Beyond = append(user.Beyond, Gap{table, p.Verb, p.Name, needed[p.Name], held[p.Name]})
		}
	}
	l.report.Users = append(l.report.Users, user)
}

// sorted lists the tables that syncs touch first, each part by name.
func sorted(tables map[string]bool) []string {
	var names []string
	for name := range tables {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if tables[a] != tables[b] {
			if tables[a] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	return names
}

// usual reports whether every application user holds a privilege, as the roles that come with an environment give it: nobody is to
// be told that it is too much. Those roles let their users read, append and keep things of their own in many tables, and
// read the tables of people and units. What changes records of others is never usual.
func usual(p dataverse.Privilege, held dataverse.Depth, table string, touched bool) bool {
	harmless := p.Verb == dataverse.ReadRecords || p.Verb == dataverse.AppendRecords || p.Verb == dataverse.AppendTo
	if touched && !slices.Contains(common, table) {
		return false
	}
	return harmless || held <= dataverse.Basic
}

// common are tables of the system that lookups name, and that all roles know.
var common = []string{"businessunit", "organization", "systemuser", "team", "transactioncurrency"} //nolint:gochecknoglobals // constant table
