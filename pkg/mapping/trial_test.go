package mapping

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// tried is a sync of these fields with the tests that are written in YAML.
func tried(t *testing.T, tests string) Input {
	t.Helper()
	file := `
sync: contacts
from: {query: q.sql, key: id}
to: {environment: demo, table: contact, match: {key: externaluseridentifier}}
map:
  firstname: {from: first, null: skip}
  lastname: {expr: "upper(last ?? '?')"}
  emailaddress1: email
  birthdate: born
  lastonholdtime: held
  annualincome: income
  donotemail: quiet
  gendercode: gender
  description: {template: "{{first}} of {{no}}"}
  parentcustomerid: {to: account, by: {new_site: site, new_country: country}}
  ownerid: {to: team, by: {teamid: {const: 61F0C404-5CB3-11E7-907B-A6006AD3DBA0}}}
tests:
` + tests
	syncs, err := spec.ParseSync("contacts.yaml", []byte(file), func(string) (string, error) { return "SELECT * FROM t", nil })
	if err != nil {
		t.Fatal(err)
	}
	in := input([]SourceColumn{
		{"first", "Nullable(String)"},
		{"last", "Nullable(String)"},
		{"email", "String"},
		{"born", "Nullable(Date)"},
		{"held", "Nullable(DateTime('Europe/Berlin'))"},
		{"income", "Nullable(Decimal(18, 2))"},
		{"quiet", "Bool"},
		{"gender", "Nullable(UInt8)"},
		{"no", "Nullable(Int32)"},
		{"site", "Nullable(Int32)"},
		{"country", "Nullable(String)"},
		{"unused", "String"},
	})
	in.Sync = syncs[0]
	return in
}

func TestASyncsTestsFindWhatIsOtherwise(t *testing.T) {
	const row = `id: "1", email: a@b.c, quiet: true`
	for _, c := range []struct {
		name, test string
		want       []string // parts of the failures
	}{
		{"all is as expected", `  - name: a whole row
    given: {` + row + `, first: Anna, last: Łuk, born: 1971-03-04, held: "2024-07-01 12:00:00", income: 12.50, gender: 2, no: 7, site: 3, country: DE}
    expect:
      firstname: Anna
      lastname: ŁUK
      emailaddress1: a@b.c
      birthdate: 1971-03-04
      lastonholdtime: "2024-07-01T10:00:00Z"
      annualincome: 12.5
      donotemail: true
      gendercode: Female
      description: Anna of 7
      parentcustomerid: {account: {new_country: DE, new_site: 3}}
      ownerid: {team: {teamid: 61f0c404-5cb3-11e7-907b-a6006ad3dba0}}
`, nil},
		{"what is not given is NULL", "  - {given: {" + row + "}, expect: {lastname: '?', description: null, gendercode: null, parentcustomerid: null}, absent: [firstname]}\n", nil},
		{"a number of an option", "  - {given: {" + row + ", gender: 1}, expect: {gendercode: 1}}\n", nil},
		{"other values", "  - {name: wrong, given: {" + row + ", gender: 1, site: 3, country: DE}, expect: {emailaddress1: x, gendercode: Female, annualincome: 1, parentcustomerid: null}, absent: [lastname, description]}\n", []string{
			`contacts.yaml:18:106: wrong: emailaddress1: got "a@b.c", want "x"`, "gendercode: got 1, want 2", "annualincome: got null, want 1",
			`parentcustomerid: got "/accounts(new_site=3,new_country='DE')", want null`, `lastname: got "?", want nothing`, `description: got null, want nothing`,
		}},
		{"another record", "  - {given: {" + row + ", site: 3, country: DE}, expect: {parentcustomerid: {account: {new_country: FR, new_site: 3}}}}\n", []string{
			`got "/accounts(new_site=3,new_country='DE')", want "/accounts(new_site=3,new_country='FR')"`,
		}},
		{"a skipped column", "  - {given: {" + row + "}, expect: {firstname: null}}\n", []string{"firstname: got nothing: the column is left out, want null"}},
		{"refused as expected", `  - {given: {id: "1", email: longer@than.ten, quiet: true}, refused: text_too_long}
  - {given: {id: "1", email: longer@than.ten, quiet: true}, refused: {emailaddress1: text_too_long}}
  - {given: {id: "", email: a, quiet: true}, refused: missing_key}
`, nil},
		{"refused otherwise", `  - {given: {id: "1", email: longer@than.ten, quiet: true}, refused: {emailaddress1: invalid_utf8}}
  - {given: {id: "1", email: longer@than.ten, quiet: true}, expect: {firstname: x}}
  - {given: {` + row + `}, refused: text_too_long}
`, []string{
			"got a row that is refused as text_too_long of emailaddress1, want invalid_utf8 of emailaddress1",
			"emailaddress1: the row is refused as text_too_long: email is 15 UTF-16 units long", `got {"lastname":"?"`,
		}},
		{"tests that cannot be run", `  - {given: {` + row + `, frist: x}, expect: {firstname: x}}
  - {given: {id: "1", quiet: true}, expect: {firstname: x}}
  - {given: {` + row + `}, expect: {firstnam: x}, absent: [lastnam]}
  - {given: {` + row + `, no: x}, expect: {firstname: x}}
  - {given: {` + row + `, gender: 300}, expect: {firstname: x}}
  - {given: {` + row + `, income: 1.234}, expect: {firstname: x}}
  - {given: {` + row + `, born: 1.2.2026}, expect: {firstname: x}}
  - {given: {` + row + `}, expect: {gendercode: Divers, firstname: null, birthdate: x, emailaddress1: longer-than-ten, parentcustomerid: {lead: {a: b}}}}
  - {given: {id: null, email: a, quiet: true}, expect: {firstname: x}}
  - {given: {` + row + `, first: [a]}, expect: {firstname: x}}
`, []string{
			"frist: the model has no column frist; did you mean first?", "given lacks email, which the mapping reads and which is never NULL", "table contact has no column firstnam; did you mean firstname?", "table contact has no column lastnam",
			"what is given is no value of no, whose type is Nullable(Int32)", "what is given is no value of gender", "what is given is no value of income", "no value of born, whose type is Nullable(Date); write 2026-01-31",
			"what is expected can never be sent: const: gendercode has no option Divers; there are 2 Female, 1 Male", "firstname: got nothing", "birthdate: what is expected can never be sent", "emailaddress1: what is expected can never be sent", "parentcustomerid: what is expected can never be sent",
			"id is never NULL; its type is String", "a list is no value of first",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			failures, err := Try(tried(t, c.test))
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range failures {
				if i >= len(c.want) || !strings.Contains(f.String(), c.want[i]) {
					t.Errorf("failure %d: %s", i, f)
				}
			}
			if len(failures) != len(c.want) {
				t.Errorf("%d failures, want %d", len(failures), len(c.want))
			}
		})
	}
	in := tried(t, "  - {given: {id: x}, expect: {firstname: x}}\n")
	in.Model = in.Model[:3]
	if _, err := Try(in); err == nil || !strings.Contains(err.Error(), "the model has no column email") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsSavedIsReadBack(t *testing.T) {
	dir := t.TempDir()
	s := tried(t, "  - {given: {id: x}, expect: {firstname: x}}\n").Sync
	write := func(path string, data []byte, err error) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	needs := func(want string) {
		t.Helper()
		if _, err := Saved(dir, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	needs("there is no metadata/demo/contact.json; run `penstock metadata demo " + dir + "`")
	table := contact()
	data, err := SaveTable(table)
	write(SavedPath("demo", "contact"), data, err)
	if again, err := SaveTable(contact()); err != nil || string(again) != string(data) {
		t.Errorf("is not the same each time: %v", err)
	}
	if strings.Contains(string(data), "createdon") || strings.Count(string(data), "\n") > len(table.Columns)+len(table.Keys)+12 {
		t.Errorf("%s", data)
	}
	needs("there is no metadata/demo/account.json")
	data, err = SaveTable(account())
	write(SavedPath("demo", "account"), data, err)
	needs("there is no metadata/demo/team.json")
	data, err = SaveTable(&dataverse.Table{LogicalName: "team", SetName: "teams", PrimaryID: "teamid"})
	write(SavedPath("demo", "team"), data, err)
	needs("there is no metadata/demo/contacts.columns.json")
	model := []SourceColumn{{"id", "String"}, {"first", "Nullable(Decimal(18, 2))"}}
	data, err = SaveModel(model)
	write(SavedModelPath(s), data, err)
	in, err := Saved(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in.Model, model) {
		t.Errorf("%v", in.Model)
	}
	for _, want := range table.Columns {
		got, found := in.Table.Column(want.Name)
		if want.Name == "createdon" {
			if found {
				t.Error("what nobody can write is kept")
			}
			continue
		}
		for i := range want.Targets { // empty and missing are the same
			if len(want.Targets[i].Keys) == 0 {
				want.Targets[i].Keys = nil
			}
		}
		if !found || !reflect.DeepEqual(*got, want) {
			t.Errorf("%+v\nbecame\n%+v", want, got)
		}
	}
	if !reflect.DeepEqual(in.Table.Keys, table.Keys) || in.Table.SetName != "contacts" || in.Table.PrimaryID != "contactid" || len(in.Targets) != 3 {
		t.Errorf("%+v", in)
	}
	write(SavedPath("demo", "contact"), []byte(`{"format": 99}`), nil)
	needs("metadata/demo/contact.json: it is of format 99, and this version reads 1; run")
	write(SavedPath("demo", "contact"), []byte(`{`), nil)
	needs("metadata/demo/contact.json: it cannot be read")
	write(SavedPath("demo", "contact"), []byte(`{"format": 1, "table": {"Columns": [{"Name": "a", "Type": "hologram"}]}}`), nil)
	needs(`a is of a type "hologram"`)
}

// SQL that is not known offline is an error, whatever it is.
func FuzzEvaluate(f *testing.F) {
	f.Add("ifNull(CAST(`a` AS Nullable(String)), '')")
	f.Add("if(a = '' OR b = '', '', concat(lowerUTF8(trimRight(a)), char(31)))")
	f.Add("arrayStringConcat(arraySort(arrayDistinct(arrayMap(x -> replaceAll(ifNull(CAST(x AS Nullable(String)), ''), char(31), char(30)), `l`))), char(31))")
	f.Add("formatDateTime(`t`, '%Y', 'UTC')")
	f.Add("substring(a, 1, 0) lower(hex(SHA256('x')))")
	f.Fuzz(func(_ *testing.T, sql string) {
		if len(sql) > 2_000 {
			return // plans make it, and nobody else
		}
		_, _ = evaluate(sql, func(name string) (any, error) {
			return map[string]any{"a": "x", "b": nil, "l": []any{"x", nil, "x"}, "n": numeral{whole: "7"}}[name], nil
		})
	})
}

func TestMasksAndListsAreComputedOffline(t *testing.T) {
	columns := func(name string) (any, error) {
		return map[string]any{"a": "x", "n": nil, "l": []any{"b", nil, "a\x1f", "b"}}[name], nil
	}
	for sql, want := range map[string]any{
		"if(CAST(`a` AS String) = '', '', lower(hex(SHA256(CAST(`a` AS String)))))":                                                                          "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
		"ifNull(if(CAST(`n` AS Nullable(String)) = '', '', concat(substring(CAST(`n` AS Nullable(String)), 1, 0), '***')), '')":                              "",
		"if(CAST(`a` AS String) = '', '', concat(substring(CAST(`a` AS String), 1, 0), '***'))":                                                              "***",
		"arrayStringConcat(arraySort(arrayDistinct(arrayMap(x -> replaceAll(ifNull(CAST(x AS Nullable(String)), ''), char(31), char(30)), `l`))), char(31))": "\x1fa\x1e\x1fb",
	} {
		if got, err := evaluate(sql, columns); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", sql, got, err, want)
		}
	}
	if _, err := evaluate("sipHash64(`a`)", columns); err == nil {
		t.Error("an unknown function has a value")
	}
}
