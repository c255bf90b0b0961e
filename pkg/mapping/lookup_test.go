package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

const euro = "5f3c0b7e-1111-4222-8333-444455556666"

// eitherCustomer is a lookup whose table each row names.
func eitherCustomer() spec.Field {
	return spec.Field{Column: "parentcustomerid", ToFrom: "kind", By: []spec.Part{
		{Table: "account", Key: "accountnumber", From: "no"}, {Table: "contact", Key: "externaluseridentifier", From: "no"},
	}}
}

func inCurrency() spec.Field {
	return spec.Field{Column: "transactioncurrencyid", To: "transactioncurrency", By: []spec.Part{{Key: "isocurrencycode", From: "iso"}}}
}

// money gives the table a currency, the environment two of them, and contacts a key that lookups can name.
func money(in *Input) {
	in.Table.Columns = append(in.Table.Columns, dataverse.Column{
		Name: "transactioncurrencyid", Type: dataverse.Lookup, Creatable: true, Updatable: true,
		Targets: []dataverse.Target{{Table: "transactioncurrency", SetName: "transactioncurrencies", PrimaryID: "transactioncurrencyid", Navigation: "transactioncurrencyid"}},
	})
	slices.SortFunc(in.Table.Columns, func(a, b dataverse.Column) int { return strings.Compare(a.Name, b.Name) })
	in.Targets["contact"] = in.Table
	in.Targets["transactioncurrency"] = &dataverse.Table{
		LogicalName: "transactioncurrency", PrimaryID: "transactioncurrencyid",
		Currencies: []dataverse.Currency{{ID: euro, Code: "EUR"}, {ID: strings.ToLower(someGUID), Code: "USD"}},
	}
	parent, _ := in.Table.Column("parentcustomerid")
	parent.Targets[1].Keys = in.Table.Keys
}

func TestALookupNamesTheTableThatTheRowChooses(t *testing.T) {
	either := eitherCustomer()
	skip := either
	skip.Null = spec.NullSkip
	fail := either
	fail.Null = spec.NullError
	owner := spec.Field{Column: "ownerid", ToFrom: "kind", By: []spec.Part{
		{Table: "systemuser", Key: "systemuserid", From: "no"}, {Table: "team", Key: "teamid", From: "no"},
	}}
	account, contact := `{"parentcustomerid_account@odata.bind":"/accounts(accountnumber='7')"}`, `{"parentcustomerid_contact@odata.bind":"/contacts(externaluseridentifier='7')"}`
	for _, c := range []struct {
		name     string
		field    spec.Field
		kind, no any
		want     string // body, or the code of the refusal
	}{
		{"the one", either, "account", "7", account},
		{"the other", either, "contact", "7", contact},
		{"in another case", either, " CONTACT ", "7", contact},
		{"a table that is not named", either, "lead", "7", "target_unknown"},
		{"a table that is not named, without a key", either, "lead", nil, "target_unknown"},
		{"no table", either, nil, "7", "reference_incomplete"},
		{"a blank table", either, " ", "7", "reference_incomplete"},
		{"no key", either, "contact", nil, `{"parentcustomerid_account":null}`},
		{"neither", either, nil, nil, `{"parentcustomerid_account":null}`},
		{"neither, skipped", skip, nil, " ", `{}`},
		{"neither, an error", fail, nil, " ", "null_refused"},
		{"a user", owner, "systemuser", someGUID, `{"ownerid@odata.bind":"/systemusers(61f0c404-5cb3-11e7-907b-a6006ad3dba0)"}`},
		{"a team", owner, "Team", someGUID, `{"ownerid@odata.bind":"/teams(61f0c404-5cb3-11e7-907b-a6006ad3dba0)"}`},
		{"no owner, which a record must have", owner, nil, nil, "null_refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input([]SourceColumn{{"kind", "LowCardinality(Nullable(String))"}, {"no", "Nullable(String)"}}, c.field)
			money(&in)
			ownerid, _ := in.Table.Column("ownerid")
			ownerid.Required = true
			p := compile(t, in)
			body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "kind": c.kind, "no": c.no}))
			got := string(body)
			if cause != nil {
				got = cause.Code
				if cause.Column != c.field.Column || strings.Contains(cause.Message, "lead") || strings.Contains(cause.Message, "7") {
					t.Errorf("%+v", cause)
				}
			}
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestACurrencyIsNamedByItsCode(t *testing.T) {
	for _, c := range []struct{ iso, want any }{
		{"EUR", `{"transactioncurrencyid@odata.bind":"/transactioncurrencies(` + euro + `)"}`},
		{"usd ", `{"transactioncurrencyid@odata.bind":"/transactioncurrencies(61f0c404-5cb3-11e7-907b-a6006ad3dba0)"}`},
		{"CHF", "currency_unknown"},
		{nil, `{"transactioncurrencyid":null}`},
	} {
		in := input([]SourceColumn{{"iso", "Nullable(String)"}}, inCurrency())
		money(&in)
		p := compile(t, in)
		body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "iso": c.iso}))
		got := string(body)
		if cause != nil {
			got = cause.Code
			if cause.Message != "iso is the code of no currency of the environment, which has EUR, USD" || cause.Column != "transactioncurrencyid" {
				t.Errorf("%+v", cause)
			}
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.iso, got, c.want)
		}
	}
	fingerprint := func(id string) uint64 {
		in := input([]SourceColumn{{"iso", "Nullable(String)"}}, inCurrency())
		money(&in)
		in.Targets["transactioncurrency"].Currencies[0].ID = id
		return compile(t, in).Fingerprint()
	}
	if fingerprint(euro) == fingerprint(someGUID) {
		t.Error("another record for a code changes no fingerprint")
	}
}

func TestLookupsThatCannotBeAreReportedWithTheWayOut(t *testing.T) {
	either := func(change func(*spec.Field)) spec.Field {
		f := eitherCustomer()
		change(&f)
		return f
	}
	for _, c := range []struct {
		field  spec.Field
		change func(*Input)
		want   []string
	}{
		{either(func(f *spec.Field) { f.By[1].Table = "contcat" }), nil, []string{"the lookup does not name records of contcat; did you mean contact?"}},
		{either(func(f *spec.Field) { f.By[1].Key, f.By[0].Key = "mail", "name" }), nil, []string{
			"the alternate key late_key of table account is not active", "mail is no alternate key of table contact; use one of contactid (the primary key)",
		}},
		{either(func(f *spec.Field) { f.ToFrom = "kin" }), nil, []string{"the model has no column kin; did you mean kind?"}},
		{either(func(f *spec.Field) { f.ToFrom = "n" }), nil, []string{"UInt8 does not name a table; give its logical name as text"}},
		{either(func(f *spec.Field) { f.By[1].From = "nope" }), nil, []string{"the model has no column nope"}},
		{spec.Field{Column: "firstname", ToFrom: "kind", By: eitherCustomer().By}, nil, []string{"firstname is a column of type text, not a lookup"}},
		{inCurrency(), func(in *Input) { in.Targets["transactioncurrency"].Currencies = nil }, []string{"the environment shows the application user no currency"}},
		{inCurrency(), func(in *Input) { in.Targets["transactioncurrency"].Currencies[1].Code = "eur" }, []string{"two currencies with the code EUR"}},
		{spec.Field{Column: "transactioncurrencyid", To: "transactioncurrency", By: []spec.Part{{Key: "isocurrencycode", From: "n"}}}, nil, []string{"UInt8 is not the code of a currency"}},
	} {
		t.Run(c.want[0], func(t *testing.T) {
			in := input([]SourceColumn{{"kind", "String"}, {"no", "String"}, {"iso", "String"}, {"n", "UInt8"}}, c.field)
			money(&in)
			if c.change != nil {
				c.change(&in)
			}
			_, err := Compile(in)
			if err == nil {
				t.Fatal("it compiles")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("%d problems, want %d:\n%v", len(lines), len(c.want), err)
			}
			for i, want := range c.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("\n got %s\nwant %s", lines[i], want)
				}
			}
		})
	}
}

func TestTheTablesThatRowsChooseAreNeeded(t *testing.T) {
	in := input(nil, eitherCustomer())
	if got := strings.Join(Targets(in.Sync, in.Table), " "); got != "account" { // contact is its own
		t.Errorf("%s", got)
	}
	in.Table.LogicalName = "lead"
	if got := strings.Join(Targets(in.Sync, in.Table), " "); got != "account contact" {
		t.Errorf("%s", got)
	}
}

func TestAMatchColumnIsWrittenAsItsKeySays(t *testing.T) {
	for _, c := range []struct {
		field spec.Field
		want  string // of the problem; empty: there is none
	}{
		{spec.Field{Column: "new_region", From: "a"}, ""},
		{spec.Field{Column: "new_region", From: "a", Null: spec.NullWrite}, ""},
		{spec.Field{Column: "new_region", From: "a", Null: spec.NullSkip}, "null: skip cannot be asked for a column of the match key"},
		{spec.Field{Column: "new_region", From: "b"}, "the column is matched on a, and cannot be filled from another column"},
		{spec.Field{Column: "new_no", From: "b", Values: words("x", "1")}, "values cannot be asked for a column of the match key"},
	} {
		in := input([]SourceColumn{{"a", "String"}, {"b", "Int32"}}, c.field)
		in.Sync.To.Match, in.Sync.From.Key = []string{"pair_key"}, []string{"a", "b"}
		_, err := Compile(in)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("\n got %v\nwant %s", err, c.want)
		}
	}
	byGUID := spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountid", From: "a"}}}
	byNumber := spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountnumber", From: "a"}}}
	in := input([]SourceColumn{{"a", "UUID"}, {"b", "Int32"}}, byGUID)
	in.Sync.To.Match, in.Sync.From.Key = []string{"parentcustomerid", "new_no"}, []string{"a", "b"}
	if p := compile(t, in); len(p.fields) > 0 {
		t.Error("the lookup in the key is written twice")
	}
	in.Sync.Map = []spec.Field{byNumber}
	if _, err := Compile(in); err == nil || !strings.Contains(err.Error(), "a lookup within a key is addressed by the GUID of the other record, not by accountnumber") {
		t.Errorf("%v", err)
	}
}
