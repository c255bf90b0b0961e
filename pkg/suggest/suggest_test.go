package suggest_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
	"github.com/penstock-sync/penstock/pkg/suggest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func writable(name, label string, typ dataverse.ColumnType) dataverse.Column {
	return dataverse.Column{Name: name, Label: label, Type: typ, Creatable: true, Updatable: true, MaxLength: 100}
}

// contact is a table with what names have to be told apart by.
func contact() *dataverse.Table {
	account := dataverse.Target{
		Table: "account", SetName: "accounts", PrimaryID: "accountid", Navigation: "parentcustomerid_account", Keys: account().Keys,
	}
	customer := writable("parentcustomerid", "Company Name", dataverse.Lookup)
	customer.TypeName, customer.Targets = "CustomerType", []dataverse.Target{account}
	partner := writable("msa_partnerid", "Managing Partner", dataverse.Lookup)
	account.Navigation = "msa_partnerid"
	partner.Targets = []dataverse.Target{account}
	currency := writable("transactioncurrencyid", "Currency", dataverse.Lookup)
	currency.Targets = []dataverse.Target{{Table: "transactioncurrency", SetName: "transactioncurrencies", PrimaryID: "transactioncurrencyid", Navigation: "transactioncurrencyid"}}
	gender := writable("gendercode", "Gender", dataverse.Choice)
	gender.Options = []dataverse.Option{{Value: 1, Label: "Male"}, {Value: 2, Label: "Female"}}
	needed := writable("new_region", "Sales Region", dataverse.Text)
	needed.Required = true
	t := &dataverse.Table{
		LogicalName: "contact", SetName: "contacts", PrimaryID: "contactid",
		Keys: []dataverse.Key{
			{Name: "building", Columns: []string{"emailaddress1"}, Status: "InProgress"},
			{Name: "external", Columns: []string{"externaluseridentifier"}, Active: true},
			{Name: "pair", Columns: []string{"new_region", "new_number"}, Active: true},
		},
		Columns: []dataverse.Column{
			writable("address1_city", "Address 1: City", dataverse.Text), writable("address2_city", "Address 2: City", dataverse.Text),
			{Name: "contactid", Type: dataverse.GUID, Creatable: true},
			{Name: "createdon", Type: dataverse.DateTime},
			writable("donotemail", "Do not allow Emails", dataverse.Boolean), writable("emailaddress1", "Email", dataverse.Text),
			writable("externaluseridentifier", "External User Identifier", dataverse.Text), writable("firstname", "First Name", dataverse.Text),
			gender, partner, writable("new_number", "Number", dataverse.Integer), needed, writable("new_score", "Engagement", dataverse.Integer),
			customer, writable("telephone1", "Business Phone", dataverse.Text), currency,
		},
	}
	slices.SortFunc(t.Columns, func(a, b dataverse.Column) int { return strings.Compare(a.Name, b.Name) })
	return t
}

func account() *dataverse.Table {
	return &dataverse.Table{
		LogicalName: "account", SetName: "accounts", PrimaryID: "accountid",
		Keys:    []dataverse.Key{{Name: "number", Columns: []string{"accountnumber"}, Active: true}},
		Columns: []dataverse.Column{writable("accountnumber", "Account Number", dataverse.Text)},
	}
}

func propose(t *testing.T, model ...mapping.SourceColumn) suggest.Proposal {
	t.Helper()
	p, err := suggest.Make(t.Context(), suggest.Input{
		Name: "people", Environment: "demo", Organization: "3ae5e114-e015-4601-9485-d6f4748c0182", Query: "SELECT 1", Model: model, Table: contact(),
		Targets: map[string]*dataverse.Table{
			"account": account(),
			"transactioncurrency": {
				LogicalName: "transactioncurrency", SetName: "transactioncurrencies", PrimaryID: "transactioncurrencyid",
				Currencies: []dataverse.Currency{{ID: "5a1f2f0e-0000-0000-0000-000000000001", Code: "EUR"}},
			},
		},
		Distinct: func(_ context.Context, column string) ([]string, error) {
			return map[string][]string{"gender": {"MALE", "none"}}[column], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestColumnsAreMatchedByNameWhereTheirTypesAllowIt(t *testing.T) {
	for _, c := range []struct{ name, typ, want string }{
		{"firstname", "String", "firstname: firstname"},
		{"FirstName", "String", "firstname: FirstName"},
		{"first_name", "LowCardinality(String)", "firstname: first_name"},
		{"contact_first_name", "String", "firstname: contact_first_name"},
		{"customerFirstName", "String", "firstname: customerFirstName"},
		{"score", "UInt8", "new_score: score"},                 // without the publisher's prefix
		{"engagement", "UInt8", "new_score: engagement"},       // by its display name
		{"sales_region", "String", "new_region: sales_region"}, // likewise
		{"email", "String", "emailaddress1: email"},
		{"E-Mail", "String", "emailaddress1: E-Mail"},
		{"Phone no", "String", `telephone1: "Phone no"`},
		{"city", "String", "address1_city: city"},
		{"address2_city", "String", "address2_city: address2_city"},
		{"no_email", "Bool", "donotemail: no_email"},
		{"gender", "UInt8", "gendercode: gender"},
		{"gender", "Enum8('male' = 1)", "gendercode: {from: gender, choice: label}"},
		{"sex", "String", "gendercode: {from: sex, choice: label}"},
		{"account_no", "String", "parentcustomerid: {to: account, by: {accountnumber: account_no}}"},
		{"company_number", "String", "parentcustomerid: {to: account, by: {accountnumber: company_number}}"},
		{"partner_account_number", "String", "msa_partnerid: {to: account, by: {accountnumber: partner_account_number}}"},
		{"accountid", "UUID", "parentcustomerid: {to: account, by: {accountid: accountid}}"},
		{"currency", "String", "transactioncurrencyid: {to: transactioncurrency, by: {isocurrencycode: currency}}"},
		{"createdon", "DateTime", ""},  // nobody may write it
		{"email", "Array(String)", ""}, // no text
		{"score", "UUID", ""},
		{"whatever", "String", ""},
	} {
		p := propose(t, mapping.SourceColumn{Name: c.name, Type: c.typ})
		got := ""
		for _, f := range p.Fields {
			got += f.Column + ": " + f.Value()
		}
		if got != c.want {
			t.Errorf("%s %s is suggested for %q, want %q", c.name, c.typ, got, c.want)
		}
		if (c.want == "") != (len(p.LeftOut) == 1 && p.LeftOut[0].Why != "") {
			t.Errorf("%s %s: left out are %+v", c.name, c.typ, p.LeftOut)
		}
	}
}

func TestTheSurestMatchTakesTheColumn(t *testing.T) {
	p := propose(t, mapping.SourceColumn{Name: "mail", Type: "String"}, mapping.SourceColumn{Name: "emailaddress1", Type: "String"})
	if len(p.Fields) != 1 || p.Fields[0].From != "emailaddress1" || len(p.LeftOut) != 1 || p.LeftOut[0].Name != "mail" || !strings.Contains(p.LeftOut[0].Why, "filled from another column") {
		t.Errorf("%+v, left out %+v", p.Fields, p.LeftOut)
	}
}

func TestTheKeyIsAnActiveOneThatTheQueryFills(t *testing.T) {
	text := func(name string) mapping.SourceColumn { return mapping.SourceColumn{Name: name, Type: "String"} }
	for _, c := range []struct {
		name        string
		model       []mapping.SourceColumn
		from, match string
		note        string
	}{
		{"an alternate key", []mapping.SourceColumn{text("email"), text("externaluseridentifier")}, "externaluseridentifier", "externaluseridentifier", ""},
		{"a compound one, in its own order", []mapping.SourceColumn{{Name: "number", Type: "Int32"}, text("region")}, "region,number", "new_region,new_number", ""},
		{"one of two", []mapping.SourceColumn{{Name: "number", Type: "Int32"}, text("region"), text("externaluseridentifier")}, "externaluseridentifier", "externaluseridentifier", "also fills the alternate key pair"},
		{"the GUID", []mapping.SourceColumn{{Name: "contactid", Type: "UUID"}, text("email")}, "contactid", "contactid", "GUID"},
		{"a guess", []mapping.SourceColumn{text("email"), text("customer_id")}, "customer_id", "externaluseridentifier", "a guess"},
		{"one that is not active is none", []mapping.SourceColumn{text("email")}, "", "", "There is no key"},
		{"a type that cannot be a key", []mapping.SourceColumn{text("email"), {Name: "customer_id", Type: "Float64"}}, "", "", "There is no key"},
	} {
		p := propose(t, c.model...)
		if from, to := strings.Join(p.Sync.From.Key, ","), strings.Join(p.Sync.To.Match, ","); from != c.from || to != c.match || p.Keyed != (c.from != "") {
			t.Errorf("%s: %s is matched with %s (%t)", c.name, from, to, p.Keyed)
		}
		if !strings.Contains(p.KeyNote, c.note) || c.note == "" && p.KeyNote != "" {
			t.Errorf("%s: %q", c.name, p.KeyNote)
		}
	}
}

func TestTheFileNamesWhatIsToBeLookedAt(t *testing.T) {
	p := propose(t, mapping.SourceColumn{Name: "id", Type: "String"}, mapping.SourceColumn{Name: "gender", Type: "String"},
		mapping.SourceColumn{Name: "on\nfile: evil", Type: "String"}, mapping.SourceColumn{Name: "First Name", Type: "String"})
	file := p.YAML()
	for _, want := range []string{
		"The key is a guess", `no option is called "none"; values: says`, "requires, and nothing here fills: new_region", "#   on file: evil (String): no column", `firstname: "First Name"`,
	} {
		if !strings.Contains(file, want) {
			t.Errorf("%q is not in the file:\n%s", want, file)
		}
	}
	syncs, err := spec.ParseSync("people.yaml", []byte(file), func(string) (string, error) { return "SELECT *\nFROM t", nil })
	if err != nil || len(syncs) != 1 || len(syncs[0].Map) != len(p.Fields) {
		t.Errorf("%v\n%s", err, file)
	}
}
