package schema_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

func read(t *testing.T, text string) map[string]schema.Table {
	t.Helper()
	tables, err := schema.Read("tables.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]schema.Table{}
	for _, table := range tables {
		byName[table.Name] = table
	}
	return byName
}

func TestASmallTableHasAllThatDataverseAdds(t *testing.T) {
	table := read(t, `
tables:
  cr1_Company:
    columns:
      cr1_Number: {type: text, length: 20}
      cr1_Amount: money
      cr1_Parent: {lookup: account}
    keys:
      cr1_numberkey: [cr1_number]
`)["cr1_company"]
	if table.Set != "cr1_companies" || table.PrimaryID != "cr1_companyid" || table.PrimaryName != "cr1_name" || table.Label != "Company" || table.Plural != "Companies" || table.TypeCode < 10000 {
		t.Errorf("got %+v", table)
	}
	for _, name := range []string{"cr1_companyid", "cr1_name", "statecode", "statuscode", "ownerid", "createdon", "modifiedon", "versionnumber", "transactioncurrencyid"} {
		if _, ok := table.Column(name); !ok {
			t.Errorf("there is no %s", name)
		}
	}
	if c, _ := table.Column("cr1_number"); c.MaxLength != 20 || c.Type != schema.String {
		t.Errorf("cr1_number: %+v", c)
	}
	if c, _ := table.Column("cr1_parent"); c.Targets[0].Navigation != "cr1_Parent" || c.Targets[0].Table != "account" {
		t.Errorf("cr1_parent: %+v", c)
	}
	if !slices.Equal(table.Keys[0].Columns, []string{"cr1_number"}) || !table.Keys[0].Usable() {
		t.Errorf("keys: %+v", table.Keys)
	}
}

func TestEverythingThatATableCanSay(t *testing.T) {
	tables := read(t, `
choices:
  cr1_levels: {label: Levels, options: {1: Low, 2: {label: High, labels: {1031: Hoch}}}}
tables:
  cr1_Thing:
    label: A thing
    labels: {1031: Ding}
    set: cr1_thingies
    kind: elastic
    owner: organization
    activity: true
    optimistic_concurrency: false
    privilege: cr1_Stuff
    type_code: 10777
    name: {cr1_Title: {length: 300}}
    states:
      - {label: Open, reasons: {1: New, 2: Waiting}}
      - {label: Closed, reasons: {3: Done}}
    columns:
      cr1_Level: {type: choice, global: cr1_levels, default: 2}
      cr1_Tags: {type: multichoice, options: {1: A, 2: B}}
      cr1_On: date
      cr1_At: {type: datetime, behavior: TimeZoneIndependent}
      cr1_Who: {lookup: [contact, {table: cr1_other, navigation: cr1_Elsewhere, delete: cascade, relationship: cr1_rel, collection: cr1_coll}]}
      cr1_Rate: {type: decimal, min: -1.5, max: 1000, precision: 4}
      cr1_Count: {type: integer, min: 0, max: 10}
      cr1_Sum: {type: money, source: rollup}
      cr1_Secret: {type: text, secured: true, required: ApplicationRequired, format: Email}
      cr1_Photo: {type: image, primary: true}
      cr1_Scan: file
      cr1_Owner: customer
      cr1_Flag: boolean
      cr1_Id: guid
      cr1_Note: memo
      cr1_Big: bigint
      cr1_Weight: double
    keys:
      cr1_key: {label: The key, columns: [cr1_level, cr1_who], status: Failed}
  cr1_Other: {label: Other}
extend:
  contact:
    columns: {cr1_Segment: text}
    keys: {cr1_segmentkey: cr1_segment}
`)
	thing := tables["cr1_thing"]
	if thing.Kind != schema.KindElastic || !thing.Organization || !thing.Activity || !thing.OptimisticOff || thing.Set != "cr1_thingies" || thing.PrimaryName != "cr1_title" ||
		thing.PrivilegeName("Read") != "prvReadcr1_Stuff" || thing.TypeCode != 10777 || thing.Labels[1031] != "Ding" {
		t.Errorf("thing: %+v", thing)
	}
	if _, owned := thing.Column("ownerid"); owned {
		t.Error("a table of the organisation has an owner")
	}
	level, _ := thing.Column("cr1_level")
	if level.Global != (schema.GlobalChoice{Name: "cr1_levels", Label: "Levels"}) || len(level.Options) != 2 || *level.Default != 2 || level.Options[1].Labels[1031] != "Hoch" {
		t.Errorf("cr1_level: %+v", level)
	}
	who, _ := thing.Column("cr1_who")
	if want := []schema.Target{
		{Table: "contact", Navigation: "cr1_Who_contact"},
		{Table: "cr1_other", Navigation: "cr1_Elsewhere", Cascade: true, Relationship: "cr1_rel", Collection: "cr1_coll"},
	}; !slices.Equal(who.Targets, want) {
		t.Errorf("cr1_who: %+v", who.Targets)
	}
	status, _ := thing.Column("statuscode")
	if len(status.Options) != 3 || status.Options[2].State != 1 {
		t.Errorf("statuscode: %+v", status.Options)
	}
	if sum, _ := thing.Column("cr1_sum"); sum.Source != schema.Rollup || !sum.ReadOnly {
		t.Errorf("cr1_sum: %+v", sum)
	}
	if on, _ := thing.Column("cr1_on"); !on.IsDate() {
		t.Errorf("cr1_on: %+v", on)
	}
	contact := tables["contact"]
	if _, kept := contact.Column("lastname"); !kept || len(contact.Keys) != 2 {
		t.Errorf("the extended contact: %d columns, %+v", len(contact.Columns), contact.Keys)
	}
}

func TestEveryProblemOfAFileIsFoundWithItsPlace(t *testing.T) {
	for text, want := range map[string][]string{
		"":                       {"tables.yaml:1:1: the file is empty"},
		"tables: {":              {"this is not YAML"},
		"table:\n  cr1_X: {}":    {`tables.yaml:1:1: unknown key "table" in the file; did you mean tables?`},
		"tables:\n  Invoice: {}": {"tables.yaml:2:3: Invoice cannot be the name of a table; begin it with a publisher's prefix"},
		"tables:\n  cr1_X:\n    colums: {}\n    kind: elastik": {
			`tables.yaml:3:5: unknown key "colums" in table cr1_X; did you mean columns?`, `tables.yaml:4:11: kind cannot be "elastik"; did you mean elastic?`,
		},
		"tables:\n  cr1_X:\n    columns:\n      cr1_A: txt\n      cr1_B: {lookup: acount}\n      cr1_C: choice\n      cr1_D: {type: choice}\n      cr1_E: {type: text, length: many}": {
			`tables.yaml:4:14: the type of cr1_A cannot be "txt"; did you mean text?`, `points at the table "acount", which is not there; did you mean account?`,
			"tables.yaml:6:14: cr1_C says not what it points at or offers", "tables.yaml:7:7: column cr1_D has no options", "tables.yaml:8:35: length must be a whole number",
		},
		"tables:\n  cr1_X:\n    columns:\n      cr1_A: memo\n    keys:\n      k: [cr1_b]\n      l: [cr1_a]": {
			`key k names the unknown column "cr1_b"; did you mean cr1_a?`, `key "l": column "cr1_a" is of a type that keys cannot have`,
		},
		"extend:\n  contakt: {}":                              {`tables.yaml:2:3: there is no standard table "contakt" to extend; did you mean contact?`},
		"extend:\n  contact:\n    columns:\n      name: text": {"begin it with a publisher's prefix"},
		"tables:\n  cr1_X:\n    columns:\n      cr1_A: {type: choice, global: lvl}\nchoices:\n  lvls: {options: {1: A}}": {`there is no choice "lvl" under choices; did you mean lvls?`},
		"tables:\n  cr1_X: {}\n  cr1_x: {}": {"the name or the set of table cr1_x is taken"},
	} {
		_, err := schema.Read("tables.yaml", []byte(text))
		if err == nil {
			t.Errorf("%q was accepted", text)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: no %q in\n%s", text, w, err)
			}
		}
	}
}

func TestAFolderIsLoadedWhole(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := schema.Load(dir); err == nil || !strings.Contains(err.Error(), "neither .yaml nor .json") {
		t.Errorf("an empty folder: %v", err)
	}
	put("a.yaml", "tables: {cr1_A: {label: A}}")
	put("b.yaml", "tables: {cr1_B: {label: B}}")
	put("notes.txt", "not a table")
	if tables, _, err := schema.Load(dir); err != nil || len(tables) != 2 {
		t.Errorf("%d tables, %v", len(tables), err)
	}
	put("c.yaml", "tables: {cr1_A: {label: A}}")
	if _, _, err := schema.Load(dir); err == nil || !strings.Contains(err.Error(), "cr1_a twice") {
		t.Errorf("a table twice: %v", err)
	}
	if _, _, err := schema.Load(filepath.Join(dir, "nothing.yaml")); err == nil {
		t.Error("a missing file was accepted")
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"tables:\n  cr1_X:\n    columns:\n      cr1_A: {type: choice, options: {1: One}}\n    keys: {k: [cr1_a]}\n",
		"extend: {contact: {columns: {cr1_S: text}, keys: {k: cr1_s}}}",
		"choices: {c: {label: L, options: {1: {label: A, labels: {1031: B}}}}}\ntables: {cr1_X: {name: {cr1_T: text}, states: [{label: A, reasons: {1: B}}]}}",
		"tables: &a {cr1_X: *a}", "- 1", "tables:\n\tcr1_X", "? [a]\n: b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tables, err := schema.Read("f.yaml", data)
		if err != nil && (tables != nil || !strings.HasPrefix(err.Error(), "f.yaml:")) {
			t.Fatalf("%v beside %v", tables, err)
		}
		for i := range tables {
			if err := tables[i].Validate(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
