package dataverse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// emulate starts an emulator and a client of it, over a real socket.
func emulate(t testing.TB, config emulator.Config, change ...func(*dataverse.Config)) (*emulator.Server, *dataverse.Client) {
	t.Helper()
	s := emulator.New(config)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	cfg := dataverse.Config{
		URL: web.URL, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil }, Request: 20 * time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	c, err := dataverse.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c
}

func contact(op penstock.Operation, key, body string) penstock.Change {
	return penstock.Change{Operation: op, Address: "contacts(externaluseridentifier='" + key + "')", Body: []byte(body)}
}

func kinds(a dataverse.Answer) []penstock.Kind {
	out := make([]penstock.Kind, len(a.Verdicts))
	for i, v := range a.Verdicts {
		out[i] = v.Kind
	}
	return out
}

func TestWhoAmIOfTheEmulator(t *testing.T) {
	_, c := emulate(t, emulator.Config{})
	who, err := c.WhoAmI(t.Context())
	if err != nil || who.Organization != emulator.SandboxOrganization || who.User == "" || who.BusinessUnit == "" {
		t.Errorf("%+v %v", who, err)
	}
}

func TestEachChangeGetsItsOwnVerdict(t *testing.T) {
	s, c := emulate(t, emulator.Config{})
	const id = "5f3c0b7e-1111-4222-8333-444455556666"
	seed := c.Batch(t.Context(), "contact", penstock.Execution{}, []penstock.Change{
		contact(penstock.Upsert, "C-1", `{"firstname":"Ada"}`),
		{Operation: penstock.Create, Address: "contacts", Body: []byte(`{"contactid":"` + id + `","externaluseridentifier":"C-2"}`)},
	})
	if seed.Fault != nil || !slices.Equal(kinds(seed), []penstock.Kind{penstock.Fine, penstock.Fine}) {
		t.Fatalf("%+v", seed)
	}
	steps := []struct {
		name   string
		change penstock.Change
		kind   penstock.Kind
		want   penstock.Cause // of it: Class, Code, Column, Target
	}{
		{"update", contact(penstock.Update, "C-1", `{"firstname":"Eve"}`), penstock.Fine, penstock.Cause{}},
		{"update of what is missing", contact(penstock.Update, "C-9", `{"firstname":"Eve"}`), penstock.RowFault, penstock.Cause{Class: penstock.Reference, Code: "0x80060891"}},
		{"create again", penstock.Change{Operation: penstock.Create, Address: "contacts", Body: []byte(`{"contactid":"` + id + `","externaluseridentifier":"C-2"}`)}, penstock.Fine, penstock.Cause{}},
		{"another's key", penstock.Change{Operation: penstock.Create, Address: "contacts", Body: []byte(`{"contactid":"99990b7e-1111-4222-8333-444455556666","externaluseridentifier":"C-1"}`)}, penstock.Race, penstock.Cause{Class: penstock.Conflict, Code: "0x80060892"}},
		{"too long", contact(penstock.Upsert, "C-3", `{"firstname":"`+strings.Repeat("x", 51)+`"}`), penstock.RowFault, penstock.Cause{Class: penstock.Validation, Code: "0x80044331", Column: "firstname"}},
		{"no such choice", contact(penstock.Upsert, "C-3", `{"gendercode":77}`), penstock.RowFault, penstock.Cause{Class: penstock.Validation, Code: "0x8004431a", Column: "gendercode"}},
		{"no such column", contact(penstock.Upsert, "C-3", `{"nosuch":1}`), penstock.SystemFault, penstock.Cause{Class: penstock.Mapping, Code: "0x80048d19", Column: "nosuch"}},
		{"not a number", contact(penstock.Upsert, "C-3", `{"creditlimit":"5"}`), penstock.RowFault, penstock.Cause{Class: penstock.Validation, Code: "0x80048d19"}},
		{"no such lookup", contact(penstock.Upsert, "C-3", `{"parentcustomerid_account@odata.bind":"/accounts(accountnumber='A-9')"}`), penstock.RowFault, penstock.Cause{Class: penstock.Reference, Code: "0x80060891", Column: "parentcustomerid", Target: "account"}},
		{"delete", contact(penstock.Delete, "C-1", ""), penstock.Fine, penstock.Cause{}},
		{"delete again", contact(penstock.Delete, "C-1", ""), penstock.Fine, penstock.Cause{}},
		{"delete by GUID what is missing", penstock.Change{Operation: penstock.Delete, Address: "contacts(99990b7e-1111-4222-8333-444455556666)"}, penstock.Fine, penstock.Cause{}},
		{"no such set", penstock.Change{Operation: penstock.Delete, Address: "kontacts(x='1')"}, penstock.SystemFault, penstock.Cause{Class: penstock.Mapping}},
		{"no such key", penstock.Change{Operation: penstock.Upsert, Address: "contacts(firstname='1')", Body: []byte("{}")}, penstock.SystemFault, penstock.Cause{Class: penstock.Mapping, Code: "0x80060888"}},
	}
	changes := make([]penstock.Change, len(steps))
	for i := range steps {
		changes[i] = steps[i].change
	}
	a := c.Batch(t.Context(), "contact", penstock.Execution{}, changes)
	if a.Fault != nil {
		t.Fatal(a.Fault)
	}
	for i, step := range steps {
		got := a.Verdicts[i]
		if step.want.Code == "" {
			got.Cause.Code = ""
		}
		if got.Kind != step.kind || got.Cause.Class != step.want.Class || !strings.EqualFold(got.Cause.Code, step.want.Code) ||
			got.Cause.Column != step.want.Column || got.Cause.Target != step.want.Target {
			t.Errorf("%s: %v %+v, want %v %+v", step.name, got.Kind, got.Cause, step.kind, step.want)
		}
	}
	if n := s.Count("contact"); n != 1 {
		t.Errorf("%d contacts are left, want 1", n)
	}
	if a.RequestID == "" || a.Limits.DOPHint == 0 || a.Limits.RequestsLeft <= 0 || a.Limits.SecondsLeft <= 0 {
		t.Errorf("%q %+v", a.RequestID, a.Limits)
	}
}

func TestFaultsOfTheEnvironment(t *testing.T) {
	fault := func(f emulator.Fault) emulator.Faults {
		return emulator.Faults{Request: func(_ *http.Request, r emulator.Request) emulator.Fault {
			if r.Batch == 0 {
				return emulator.Fault{}
			}
			return f
		}}
	}
	third := func(f emulator.Fault) emulator.Faults {
		return emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
			if o.Batch == 0 || o.Index != 2 {
				return emulator.Fault{}
			}
			return f
		}}
	}
	const (
		F = penstock.Fine
		U = penstock.Unanswered
	)
	tests := []struct {
		name   string
		config emulator.Config
		want   []penstock.Kind
	}{
		{"502", emulator.Config{Faults: fault(emulator.Fault{Kind: emulator.BadGateway})}, []penstock.Kind{U, U, U, U}},
		{"cut before", emulator.Config{Faults: fault(emulator.Fault{Kind: emulator.Cut})}, []penstock.Kind{U, U, U, U}},
		{"cut after commit", emulator.Config{Faults: fault(emulator.Fault{Kind: emulator.CutAfterCommit})}, []penstock.Kind{U, U, U, U}},
		{"truncated at the third", emulator.Config{Faults: third(emulator.Fault{Kind: emulator.Truncate})}, []penstock.Kind{F, F, U, U}},
		{"a deadlock", emulator.Config{Faults: third(emulator.Fault{Kind: emulator.Refuse, Status: 500, Code: "0x80044150", Message: "Generic SQL error. Sql Number: 1205"})}, []penstock.Kind{F, F, penstock.Transient, F}},
		{"throttled", emulator.Config{Faults: fault(emulator.Fault{Kind: emulator.Refuse, Status: 429, Code: "0x80072321", Message: "Combined execution time", RetryAfter: 9 * time.Second})}, []penstock.Kind{penstock.Throttled, penstock.Throttled, penstock.Throttled, penstock.Throttled}},
		{"too large", emulator.Config{MaxBody: 100}, []penstock.Kind{penstock.TooMuch, penstock.TooMuch, penstock.TooMuch, penstock.TooMuch}},
		{"a privilege is missing", emulator.Config{Apps: []emulator.App{{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret, Revoked: []string{"prvCreateContact"}}}}, []penstock.Kind{penstock.SystemFault, penstock.SystemFault, penstock.SystemFault, penstock.SystemFault}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, c := emulate(t, tt.config)
			changes := make([]penstock.Change, 4)
			for i := range changes {
				changes[i] = contact(penstock.Upsert, fmt.Sprint("C-", i), `{"firstname":"Ada"}`)
			}
			a := c.Batch(t.Context(), "contact", penstock.Execution{}, changes)
			if got := kinds(a); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v: %+v %v", got, tt.want, a.Verdicts, a.Fault)
			}
			if tt.name == "a privilege is missing" && a.Verdicts[0].Cause.Privilege != "prvCreateContact" {
				t.Errorf("%+v", a.Verdicts[0].Cause)
			}
		})
	}
}

func TestAHangingEnvironmentIsUnanswered(t *testing.T) {
	_, c := emulate(t, emulator.Config{Faults: emulator.Faults{Request: func(_ *http.Request, r emulator.Request) emulator.Fault {
		if r.Batch == 0 {
			return emulator.Fault{}
		}
		return emulator.Fault{Kind: emulator.Hang}
	}}}, func(c *dataverse.Config) { c.Request = 200 * time.Millisecond })
	a := c.Batch(t.Context(), "contact", penstock.Execution{}, []penstock.Change{contact(penstock.Upsert, "C-1", "{}")})
	if a.Fault == nil || a.Fault.Kind != penstock.Unanswered || !errors.Is(a.Fault, context.DeadlineExceeded) {
		t.Errorf("%+v", a)
	}
}

func TestRevokedTokensAreRenewed(t *testing.T) {
	s, c := emulate(t, emulator.Config{})
	for range 3 {
		if a := c.Batch(t.Context(), "contact", penstock.Execution{}, []penstock.Change{contact(penstock.Upsert, "C-1", "{}")}); a.Fault != nil {
			t.Fatal(a.Fault)
		}
		s.RevokeTokens()
	}
}

func TestFaultsOfIdentityAreNamed(t *testing.T) {
	app := func(change func(*emulator.App)) emulator.Config {
		a := emulator.App{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret}
		change(&a)
		return emulator.Config{Apps: []emulator.App{a}}
	}
	tests := []struct {
		name   string
		config emulator.Config
		change func(*dataverse.Config)
		code   string
		want   string
	}{
		{"a wrong secret", emulator.Config{}, func(c *dataverse.Config) { c.Secret = func() (string, error) { return "wrong-one", nil } }, "AADSTS7000215", "secret is wrong"},
		{"an expired secret", app(func(a *emulator.App) { a.SecretExpired = true }), nil, "AADSTS7000222", "expired"},
		{"an unknown application", emulator.Config{}, func(c *dataverse.Config) { c.ClientID = "99999999-1111-1111-1111-111111111111" }, "AADSTS700016", "no application with this client id"},
		{"an unknown tenant", emulator.Config{}, func(c *dataverse.Config) { c.Tenant = "nowhere.example" }, "AADSTS90002", "no such tenant"},
		{"no application user", app(func(a *emulator.App) { a.State = emulator.UserMissing }), nil, "0x80072560", "no application user"},
		{"a disabled one", app(func(a *emulator.App) { a.State = emulator.UserDisabled }), nil, "0x80040225", "disabled"},
		{"one without role", app(func(a *emulator.App) { a.State = emulator.UserNoRoles }), nil, "0x80042f09", "no security role"},
		{"a blocked one", app(func(a *emulator.App) { a.State = emulator.UserRestricted }), nil, "0x80095ffc", "policy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			change := tt.change
			if change == nil {
				change = func(*dataverse.Config) {}
			}
			_, c := emulate(t, tt.config, change)
			_, err := c.WhoAmI(t.Context())
			var fault *penstock.Error
			if !errors.As(err, &fault) || fault.Kind != penstock.SystemFault || !strings.EqualFold(fault.Code, tt.code) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s with %q", err, tt.code, tt.want)
			}
			if strings.Contains(err.Error(), "wrong-one") {
				t.Error("the secret is in the error")
			}
		})
	}
}

func TestMetadataOfATable(t *testing.T) {
	_, c := emulate(t, emulator.Config{})
	table, err := c.Table(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	if table.SetName != "contacts" || table.PrimaryID != "contactid" || table.LogicalName != "contact" {
		t.Errorf("%+v", table)
	}
	if key, ok := table.Key("externaluseridentifier"); !ok || !key.Active {
		t.Errorf("keys %+v", table.Keys)
	}
	column := func(name string, typ dataverse.ColumnType) *dataverse.Column {
		t.Helper()
		col, ok := table.Column(name)
		if !ok {
			t.Fatalf("no column %s", name)
		}
		if col.Type != typ {
			t.Errorf("%s is %v, want %v", name, col.Type, typ)
		}
		return col
	}
	if col := column("firstname", dataverse.Text); col.MaxLength != 50 || !col.Creatable || !col.Updatable {
		t.Errorf("%+v", col)
	}
	if col := column("description", dataverse.Memo); col.MaxLength < 2000 {
		t.Errorf("%+v", col)
	}
	if col := column("birthdate", dataverse.DateTime); col.Behavior != dataverse.DateOnly {
		t.Errorf("%+v", col)
	}
	if col := column("creditlimit", dataverse.Money); col.Min == "" || col.Max == "" || col.Precision == 0 {
		t.Errorf("%+v", col)
	}
	if col := column("gendercode", dataverse.Choice); len(col.Options) != 2 || col.Options[0].Value != 1 || col.Options[0].Label == "" {
		t.Errorf("%+v", col)
	}
	if col := column("donotemail", dataverse.Boolean); len(col.Options) != 2 || col.Options[1].Value != 1 {
		t.Errorf("%+v", col)
	}
	if col := column("statecode", dataverse.State); len(col.Options) != 2 {
		t.Errorf("%+v", col)
	}
	if col := column("statuscode", dataverse.Status); len(col.Options) != 2 || col.Options[1].State != 1 {
		t.Errorf("%+v", col)
	}
	parent := column("parentcustomerid", dataverse.Lookup)
	account, ok := parent.Target("account")
	if !ok || account.SetName != "accounts" || account.PrimaryID != "accountid" || account.Navigation != "parentcustomerid_account" {
		t.Errorf("%+v", parent)
	}
	if _, ok := account.Key("accountnumber"); !ok {
		t.Errorf("keys of account %+v", account.Keys)
	}
	if _, ok := parent.Target("contact"); !ok {
		t.Errorf("%+v", parent)
	}
	if owner := column("ownerid", dataverse.Lookup); len(owner.Targets) == 0 || owner.Targets[0].Navigation != "ownerid" {
		t.Errorf("%+v", owner)
	}
	for i := range table.Columns {
		if col := &table.Columns[i]; col.Type == dataverse.Unsupported {
			t.Logf("%s is %s", col.Name, col.TypeName)
		}
	}
}

func TestEveryTableOfTheEmulatorIsRead(t *testing.T) {
	_, c := emulate(t, emulator.Config{})
	for _, name := range []string{"account", "contact", "lead", "opportunity"} {
		table, err := c.Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(table.Columns, func(a, b dataverse.Column) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%s: columns are not sorted", name)
		}
		for _, col := range table.Columns {
			for _, target := range col.Targets {
				if (col.Creatable || col.Updatable) && (target.Navigation == "" || target.SetName == "") {
					t.Errorf("%s.%s: target %+v", name, col.Name, target)
				}
			}
			if len(col.Targets) == 0 && col.Type == dataverse.Lookup {
				t.Errorf("%s.%s: no targets", name, col.Name)
			}
		}
	}
}

func TestLabelsOfAllLanguagesAreRead(t *testing.T) {
	_, c := emulate(t, emulator.Config{})
	table, err := c.Table(t.Context(), "new_membership")
	if err != nil {
		t.Fatal(err)
	}
	channel, _ := table.Column("new_channel")
	want := []dataverse.Option{
		{Value: 1, Label: "Shop", Labels: map[int]string{1031: "Laden", 1033: "Shop"}},
		{Value: 2, Label: "Web", Labels: map[int]string{1033: "Web"}},
	}
	if !reflect.DeepEqual(channel.Options, want) {
		t.Errorf("%+v", channel.Options)
	}
	if table.Currencies != nil {
		t.Errorf("a table that is not transactioncurrency has currencies: %+v", table.Currencies)
	}
}

func TestCurrenciesAreReadWithTheirTable(t *testing.T) {
	_, c := emulate(t, emulator.Config{})
	const euro = "5f3c0b7e-1111-4222-8333-444455556666"
	made := c.Batch(t.Context(), "transactioncurrency", penstock.Execution{}, []penstock.Change{{
		Operation: penstock.Create, Address: "transactioncurrencies",
		Body: []byte(`{"transactioncurrencyid":"` + euro + `","isocurrencycode":"EUR","currencyname":"Euro","currencysymbol":"€","exchangerate":0.9}`),
	}})
	if made.Fault != nil || made.Verdicts[0].Kind != penstock.Fine {
		t.Fatalf("%+v", made)
	}
	table, err := c.Table(t.Context(), "transactioncurrency")
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Currencies; len(got) != 2 || got[0] != (dataverse.Currency{ID: euro, Code: "EUR"}) || got[1].Code != "USD" || got[1].ID == "" {
		t.Errorf("%+v", got)
	}
}

func TestATableThatIsNotThereIsNamed(t *testing.T) {
	_, c := emulate(t, emulator.Config{})
	for _, name := range []string{"contacts", "Contact", "", "x')/Attributes"} {
		_, err := c.Table(t.Context(), name)
		var fault *penstock.Error
		if !errors.As(err, &fault) || fault.Kind != penstock.SystemFault || !strings.Contains(err.Error(), "table "+name) ||
			!strings.Contains(err.Error(), "logical name") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func BenchmarkBatchAgainstTheEmulator(b *testing.B) {
	_, c := emulate(b, emulator.Config{Limits: emulator.Limits{Off: true}, NoJournal: true})
	changes := make([]penstock.Change, penstock.MaxChanges)
	for i := range changes {
		changes[i] = contact(penstock.Upsert, fmt.Sprint("C-", i), `{"firstname":"Ada","lastname":"Lovelace","description":"`+strings.Repeat("x", 300)+`"}`)
	}
	b.ReportAllocs()
	ops := 0
	for b.Loop() {
		a := c.Batch(b.Context(), "contact", penstock.Execution{}, changes)
		if a.Fault != nil || a.Verdicts[999].Kind != penstock.Fine {
			b.Fatal(a.Fault, a.Verdicts[999])
		}
		ops += len(changes)
	}
	b.ReportMetric(float64(ops)/b.Elapsed().Seconds(), "ops/s")
}
