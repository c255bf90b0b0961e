package mapping

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

const organization = "3AE5E114-E015-4601-9485-D6F4748C0182"

func contact() *dataverse.Table {
	accounts := dataverse.Target{
		Table: "account", SetName: "accounts", PrimaryID: "accountid", Navigation: "parentcustomerid_account", Keys: account().Keys,
	}
	contacts := dataverse.Target{Table: "contact", SetName: "contacts", PrimaryID: "contactid", Navigation: "parentcustomerid_contact"}
	both := func(c dataverse.Column) dataverse.Column {
		c.Creatable, c.Updatable = true, true
		return c
	}
	return &dataverse.Table{
		LogicalName: "contact", SetName: "contacts", PrimaryID: "contactid",
		Keys: []dataverse.Key{
			{Name: "ext_key", Columns: []string{"externaluseridentifier"}, Active: true, Status: "Active"},
			{Name: "pair_key", Columns: []string{"new_region", "new_no"}, Active: true, Status: "Active"},
			{Name: "owned_key", Columns: []string{"parentcustomerid", "new_no"}, Active: true, Status: "Active"},
			{Name: "program_key", Columns: []string{"new_program", "new_no"}, Active: true, Status: "Active"},
			{Name: "dead_key", Columns: []string{"lastname"}, Status: "Failed"},
		},
		Columns: []dataverse.Column{
			both(dataverse.Column{Name: "annualincome", Type: dataverse.Money, Min: "0", Max: "922337203685477", Precision: 2}),
			both(dataverse.Column{Name: "birthdate", Type: dataverse.DateTime, Behavior: dataverse.DateOnly}),
			{Name: "contactid", Type: dataverse.GUID, Creatable: true},
			{Name: "createdon", Type: dataverse.DateTime},
			both(dataverse.Column{Name: "description", Type: dataverse.Memo, MaxLength: 2000}),
			both(dataverse.Column{Name: "donotemail", Type: dataverse.Boolean}),
			both(dataverse.Column{Name: "emailaddress1", Type: dataverse.Text, MaxLength: 10}),
			both(dataverse.Column{Name: "entityimage", Type: dataverse.Unsupported, TypeName: "ImageType"}),
			both(dataverse.Column{Name: "externaluseridentifier", Type: dataverse.Text, MaxLength: 50}),
			both(dataverse.Column{Name: "firstname", Type: dataverse.Text, MaxLength: 50}),
			both(dataverse.Column{Name: "gendercode", Type: dataverse.Choice, Options: []dataverse.Option{{Value: 2, Label: "Female"}, {Value: 1, Label: "Male"}}}),
			both(dataverse.Column{Name: "lastname", Type: dataverse.Text, MaxLength: 50}),
			both(dataverse.Column{Name: "lastonholdtime", Type: dataverse.DateTime, Behavior: dataverse.UserLocal}),
			both(dataverse.Column{Name: "new_big", Type: dataverse.BigInt}),
			both(dataverse.Column{Name: "new_double", Type: dataverse.Double, Min: "-100000000000", Max: "100000000000"}),
			both(dataverse.Column{Name: "new_no", Type: dataverse.Integer, Min: "-10", Max: "100"}),
			both(dataverse.Column{Name: "new_program", Type: dataverse.Lookup, Targets: []dataverse.Target{
				{Table: "new_program", SetName: "new_programs", PrimaryID: "new_programid", Navigation: "new_Program"},
			}}),
			both(dataverse.Column{Name: "new_region", Type: dataverse.Text, MaxLength: 10}),
			both(dataverse.Column{Name: "new_score", Type: dataverse.Decimal, Min: "-0.5", Max: "100.25", Precision: 4}),
			both(dataverse.Column{Name: "new_tags", Type: dataverse.MultiChoice, Options: []dataverse.Option{
				{Value: 1, Label: "Sport"}, {Value: 2, Label: "Music", Labels: map[int]string{1031: "Musik", 1033: "Music"}}, {Value: 3, Label: "Rock, Pop"},
			}}),
			both(dataverse.Column{Name: "new_utc", Type: dataverse.DateTime, Behavior: dataverse.TimeZoneIndependent}),
			both(dataverse.Column{Name: "new_uuid", Type: dataverse.GUID}),
			both(dataverse.Column{Name: "new_whole", Type: dataverse.Integer}),
			both(dataverse.Column{Name: "ownerid", Type: dataverse.Lookup, Targets: []dataverse.Target{
				{Table: "systemuser", SetName: "systemusers", PrimaryID: "systemuserid", Navigation: "ownerid"},
				{Table: "team", SetName: "teams", PrimaryID: "teamid", Navigation: "ownerid"},
			}}),
			both(dataverse.Column{Name: "parentcustomerid", Type: dataverse.Lookup, Targets: []dataverse.Target{accounts, contacts}}),
			{Name: "statecode", Type: dataverse.State, Updatable: true, Required: true, Options: []dataverse.Option{{Value: 0, Label: "Active"}, {Value: 1, Label: "Inactive"}}},
			{Name: "statuscode", Type: dataverse.Status, Updatable: true, Options: []dataverse.Option{
				{Value: 1, Label: "Active"}, {Value: 2, Label: "Gone", State: 1}, {Value: 100000001, Label: "On Trial"},
			}},
		},
	}
}

func account() *dataverse.Table {
	return &dataverse.Table{
		LogicalName: "account", SetName: "accounts", PrimaryID: "accountid",
		Keys: []dataverse.Key{
			{Name: "no_key", Columns: []string{"accountnumber"}, Active: true, Status: "Active"},
			{Name: "site_key", Columns: []string{"new_country", "new_site"}, Active: true, Status: "Active"},
			{Name: "late_key", Columns: []string{"name"}, Status: "Pending"},
		},
		Columns: []dataverse.Column{
			{Name: "accountnumber", Type: dataverse.Text, MaxLength: 20},
			{Name: "name", Type: dataverse.Text},
			{Name: "new_country", Type: dataverse.Text},
			{Name: "new_site", Type: dataverse.Integer},
		},
	}
}

// input is a sync onto contact that matches on id, with the given map.
func input(model []SourceColumn, fields ...spec.Field) Input {
	return Input{
		Sync: spec.Sync{
			Name: "contacts",
			From: spec.From{Key: []string{"id"}},
			To:   spec.To{Environment: "demo", Table: "contact", Match: []string{"externaluseridentifier"}, Mode: spec.Upsert},
			Map:  fields,
		},
		Organization: organization,
		Table:        contact(),
		Targets:      map[string]*dataverse.Table{"account": account()},
		Model:        append([]SourceColumn{{"id", "String"}}, model...),
	}
}

func compile(t testing.TB, in Input) *Plan {
	t.Helper()
	p, err := Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scan puts values into a row as a scan would: by source column, nil for NULL.
func scan(t testing.TB, p *Plan, key string, values map[string]any) *Row {
	t.Helper()
	r := p.NewRow()
	r.Key = key
	for i, s := range p.masks {
		if v, given := values[s.name]; given && v == nil {
			r.masks[i/64] |= 1 << (i % 64)
		}
	}
	for i, c := range p.reads {
		v := values[c.Source]
		if v == nil {
			continue
		}
		dest, ok := r.Dest()[3+len(r.masks)+i], true
		switch dest := dest.(type) {
		case *string:
			*dest, ok = v.(string)
		case *int64:
			*dest, ok = v.(int64)
		case *uint64:
			*dest, ok = v.(uint64)
		case *float64:
			*dest, ok = v.(float64)
		case *uint8:
			*dest, ok = v.(uint8)
		}
		if !ok {
			t.Fatalf("%s is read as %T, not %T", c.Source, dest, v)
		}
	}
	return r
}

func column(name string) spec.Field { return spec.Field{Column: name, From: "v", Null: spec.NullWrite} }

func TestAValueIsWrittenOrRefusedByTheTypesOfBothSides(t *testing.T) {
	longest := strings.Repeat("é", 10)
	for _, c := range []struct {
		name, column, typ string
		value             any
		want              string // JSON, or the code of the refusal
	}{
		{"text", "emailaddress1", "String", "a@b.c", `"a@b.c"`},
		{"empty text stays text", "emailaddress1", "String", "", `""`},
		{"text with all that JSON escapes", "firstname", "String", "\"\\\b\n\r\t\x00\x1f\x7f</", `"\"\\\u0008\n\r\t\u0000\u001f` + "\x7f" + `</"`},
		{"apostrophes need nothing", "firstname", "String", "O'Brien", `"O'Brien"`},
		{"emoji, right-to-left, CJK and line separators", "firstname", "LowCardinality(Nullable(String))", "😀 שלום 李\u2028", "\"😀 שלום 李\u2028\""},
		{"text of the greatest length", "emailaddress1", "String", longest, `"` + longest + `"`},
		{"text one unit too long", "emailaddress1", "String", longest + "x", "text_too_long"},
		{"an emoji counts twice", "emailaddress1", "String", "123456789😀", "text_too_long"},
		{"bytes that are no text", "firstname", "String", "a\xff", "invalid_utf8"},
		{"half of a surrogate pair", "firstname", "String", "\xed\xa0\x80", "invalid_utf8"},
		{"an enum by its name", "firstname", "Enum8('a' = 1, 'b' = 2)", "a", `"a"`},
		{"fixed text", "firstname", "FixedString(3)", "ab", `"ab"`},
		{"a number as text", "firstname", "UInt64", "7", `"7"`},
		{"a memo", "description", "Nullable(String)", "x", `"x"`},
		{"NULL", "description", "Nullable(String)", nil, `null`},

		{"a whole number", "new_no", "Int32", int64(-10), `-10`},
		{"a whole number over the column's greatest", "new_no", "Int32", int64(101), "out_of_range"},
		{"a whole number under the column's least", "new_no", "Nullable(Int8)", int64(-11), "out_of_range"},
		{"an unsigned one", "new_no", "UInt16", uint64(100), `100`},
		{"an unsigned one beyond int64", "new_big", "UInt64", uint64(1 << 63), "out_of_range"},
		{"the greatest int64", "new_big", "UInt64", uint64(math.MaxInt64), `9223372036854775807`},
		{"the least int64 of 128 bits", "new_big", "Int128", "-9223372036854775808", `-9223372036854775808`},
		{"one less", "new_big", "Int128", "-9223372036854775809", "out_of_range"},
		{"the whole number of a type without bounds", "new_whole", "Int64", int64(math.MaxInt32), `2147483647`},
		{"one more", "new_whole", "Int64", int64(math.MaxInt32 + 1), "out_of_range"},
		{"a decimal without fraction", "new_no", "Decimal(9, 0)", "12", `12`},
		{"text that is a whole number", "new_no", "String", "007", `7`},
		{"text that is none", "new_no", "String", "7a", "not_a_number"},
		{"text with a fraction for a whole number", "new_no", "String", "7.5", "fraction_too_long"},
		{"empty text for a number", "new_no", "String", "", "not_a_number"},

		{"a decimal", "new_score", "Decimal(18, 4)", "100.25", `100.25`},
		{"a decimal just over", "new_score", "Decimal(38, 20)", "100.25000000000000000001", "out_of_range"},
		{"a decimal just under", "new_score", "Decimal(18, 4)", "-0.5001", "out_of_range"},
		{"minus zero", "new_score", "Decimal(18, 4)", "-0.0", `0`},
		{"a whole number for a decimal", "new_score", "Int64", int64(100), `100`},
		{"a whole number over a decimal's greatest", "new_score", "Int64", int64(101), "out_of_range"},
		{"a whole number under a fraction", "new_score", "Int64", int64(-1), "out_of_range"},
		{"a float for a decimal", "new_score", "Float64", 0.1, `0.1`},
		{"a short float keeps its digits", "new_score", "Float32", float64(float32(0.1)), `0.1`},
		{"a float with more digits than the column keeps", "new_score", "Float64", 1.00001, "fraction_too_long"},
		{"a tiny float has no exponent", "new_double", "Float64", 1e-7, `0.0000001`},
		{"a float too tiny for a decimal", "new_score", "Float64", 1e-17, "fraction_too_long"},
		{"NaN", "new_score", "Float64", math.NaN(), "not_a_number"},
		{"infinity", "new_double", "Float64", math.Inf(-1), "not_a_number"},
		{"a float that is minus zero", "new_double", "Float64", math.Copysign(0, -1), `0`},
		{"a double", "new_double", "Float64", -99999999999.75, `-99999999999.75`},
		{"a double beyond", "new_double", "Float64", 1e12, "out_of_range"},
		{"money", "annualincome", "Decimal(38, 2)", "922337203685477", `922337203685477`},
		{"money with as many digits as are kept", "annualincome", "Decimal(18, 4)", "1.2500", `1.25`},
		{"money with one more", "annualincome", "Decimal(18, 4)", "1.2550", "fraction_too_long"},
		{"a decimal that a float holds", "new_double", "Decimal(38, 10)", "12345678.1234567", `12345678.1234567`},
		{"one more digit than it does", "new_double", "Decimal(38, 10)", "12345678.12345678", "not_exact"},
		{"money beyond", "annualincome", "Decimal(38, 2)", "922337203685477.01", "out_of_range"},
		{"text that is money", "annualincome", "String", "12.50", `12.5`},
		{"text with an exponent", "annualincome", "String", "1e3", "not_a_number"},
		{"text with a plus", "annualincome", "String", "+1", "not_a_number"},
		{"text with a comma", "annualincome", "String", "1,5", "not_a_number"},
		{"text that ends in a point", "annualincome", "String", "1.", "not_a_number"},

		{"true", "donotemail", "Bool", uint8(1), `true`},
		{"zero is false", "donotemail", "UInt8", uint8(0), `false`},
		{"two is neither", "donotemail", "UInt8", uint8(2), "boolean_invalid"},
		{"256 is not taken for zero", "donotemail", "Int32", int64(256), "boolean_invalid"},
		{"a choice by number", "gendercode", "UInt8", uint64(2), `2`},
		{"a choice that is none", "gendercode", "Nullable(Int16)", int64(9), "choice_unknown"},
		{"a choice beyond 32 bits", "gendercode", "Int64", int64(1<<32 + 1), "choice_unknown"},
		{"a state", "statecode", "Int8", int64(1), `1`},

		{"a date", "birthdate", "Date32", "1961-02-28", `"1961-02-28"`},
		{"the first date", "birthdate", "Date", "1753-01-01", `"1753-01-01"`},
		{"the day before", "birthdate", "Date", "1752-12-31", "date_out_of_range"},
		{"a time", "lastonholdtime", "DateTime64(3, 'Asia/Tokyo')", "1969-12-31T23:59:59Z", `"1969-12-31T23:59:59Z"`},
		{"a date for a time without zone", "new_utc", "Nullable(Date)", "2024-02-29T00:00:00Z", `"2024-02-29T00:00:00Z"`},
		{"a GUID", "new_uuid", "UUID", "61f0c404-5cb3-11e7-907b-a6006ad3dba0", `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`},
		{"a GUID in capitals", "new_uuid", "String", "61F0C404-5CB3-11E7-907B-A6006AD3DBA0", `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`},
		{"a GUID in braces", "new_uuid", "String", "{61F0C404-5CB3-11E7-907B-A6006AD3DBA0}", "not_a_guid"},
		{"a GUID with a letter too much", "new_uuid", "String", "61f0c404-5cb3-11e7-907b-a6006ad3dbag", "not_a_guid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input([]SourceColumn{{"v", c.typ}}, column(c.column))
			p := compile(t, in)
			r := scan(t, p, "k", map[string]any{"id": "k", "v": c.value})
			body, address, cause := p.Append([]byte("before "), []byte("before "), r)
			if cause != nil {
				if cause.Code != c.want || cause.Class != penstock.Mapping || cause.Column != c.column {
					t.Errorf("refused as %+v, want %s", cause, c.want)
				}
				if s, ok := c.value.(string); ok && s != "" && len(s) > 2 && strings.Contains(cause.Message, s) {
					t.Errorf("the cause repeats the value: %s", cause.Message)
				}
				if string(body) != "before " || string(address) != "before " {
					t.Errorf("a refused row left %s and %s", body, address)
				}
				return
			}
			if want := `before {"` + c.column + `":` + c.want + "}"; string(body) != want {
				t.Errorf("\n got %s\nwant %s", body, want)
			}
			if string(address) != "before contacts(externaluseridentifier='k')" {
				t.Errorf("address %s", address)
			}
		})
	}
}

func TestPairsThatCannotBeAreRefusedWithTheWayOut(t *testing.T) {
	for _, c := range []struct{ column, typ, want string }{
		{"firstname", "Float64", "Float64 cannot be written to a column of type text; write toString(v) AS v in the model"},
		{"firstname", "DateTime", "DateTime cannot be written to a column of type text; write formatDateTime(v, '%Y-%m-%d') AS v in the model"},
		{"firstname", "Bool", "Bool cannot be written to a column of type text; write if(v, 'yes', 'no') AS v in the model"},
		{"firstname", "Array(String)", "Array(String) cannot be written to a column of type text; write arrayStringConcat(v, ', ') AS v in the model"},
		{"new_score", "Bool", "Bool cannot be written to a column of type decimal; write toInt64(v) AS v in the model"},
		{"gendercode", "Enum8('x' = 1)", "Enum8('x' = 1) cannot be written to a column of type choice; write gendercode: {from: v, choice: label}, or values: {word: option}; there are 2 Female, 1 Male"},
		{"donotemail", "String", "String cannot be written to a column of type boolean; say what the words mean: donotemail: {from: v, values: {yes: true, no: false}}"},
		{"birthdate", "DateTime", "DateTime cannot be written to a date without time; write toDate(v, 'Europe/Berlin') AS v in the model: whose date is it?"},
		{"birthdate", "String", "String cannot be written to a date without time; write toDate32(v) AS v in the model"},
		{"lastonholdtime", "Date", "Date cannot be written to a date-time; write toDateTime(v, 'Europe/Berlin') AS v in the model: whose midnight is it?"},
		{"lastonholdtime", "Nullable(String)", "Nullable(String) cannot be written to a date-time; write parseDateTimeBestEffort(v, 'UTC') AS v in the model"},
		{"new_uuid", "UInt64", "UInt64 cannot be written to a column of type unique identifier; it is no GUID: drop it from map"},
		{"new_tags", "Float64", "Float64 cannot be written to a column of type multi-select choice; give an array with the numbers of options: 1 Sport, 2 Music, 3 Rock, Pop"},
		{"new_tags", "Array(Date)", "Array(Date) cannot be written to a column of type multi-select choice; give an array with the numbers of options: 1 Sport, 2 Music, 3 Rock, Pop"},
		{"entityimage", "String", "String cannot be written to a column of type ImageType; columns of this type cannot be written yet: drop it from map"},
	} {
		t.Run(c.typ+" to "+c.column, func(t *testing.T) {
			_, err := Compile(input([]SourceColumn{{"v", c.typ}}, column(c.column)))
			want := "sync demo/contacts: " + c.column + " from v: " + c.want
			if err == nil || err.Error() != want {
				t.Errorf("\n got %v\nwant %s", err, want)
			}
		})
	}
}

func TestWhatDoesNotFitIsReportedAllAtOnce(t *testing.T) {
	in := input([]SourceColumn{{"email", "String"}, {"v", "String"}},
		spec.Field{Column: "emailaddress1", From: "emial", At: document.Position{File: "c.yaml", Line: 6, Column: 3}},
		spec.Field{Column: "firstnam", From: "v"},
		spec.Field{Column: "createdon", From: "v"},
		spec.Field{Column: "contactid", From: "v"},
		spec.Field{Column: "externaluseridentifier", From: "email"},
		spec.Field{Column: "ownerid", From: "v"},
		spec.Field{Column: "ownerid", To: "account", By: []spec.Part{{Key: "accountid", From: "v"}}},
		spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "name", From: "v"}}},
		spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "city", From: "v"}}},
		spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "new_country", From: "v"}, {Key: "new_site", From: "v"}}},
		spec.Field{Column: "firstname", By: []spec.Part{{Key: "accountid", From: "v"}}},
	)
	_, err := Compile(in)
	want := `c.yaml:6:3: sync demo/contacts: emailaddress1 from emial: the model has no column emial; did you mean email?
sync demo/contacts: firstnam from v: table contact has no column firstnam; did you mean firstname?
sync demo/contacts: createdon from v: Dataverse does not let anyone upsert createdon; drop it from map
sync demo/contacts: contactid from v: the primary key is given once and never changes; drop it from map, or set to.match.key: contactid
sync demo/contacts: externaluseridentifier from email: the column is matched on id, and cannot be filled from another column; drop it from map: the key is written without it
sync demo/contacts: ownerid from v: the lookup names records of systemuser, team; write ownerid: {to: systemuser or team, by: {…}}
sync demo/contacts: ownerid from v: the lookup names records of systemuser, team; write ownerid: {to: systemuser or team, by: {…}}
sync demo/contacts: parentcustomerid from v: the alternate key late_key of table account is not active but Pending; wait: Dataverse builds its index in the background, which has not begun
sync demo/contacts: parentcustomerid from v: city is no alternate key of table account; use one of accountid (the primary key); no_key (accountnumber); site_key (new_country, new_site); or have it made a key (Power Apps, Tables, account, Keys, New key)
sync demo/contacts: parentcustomerid from v: String cannot address new_site, a column of type integer; write toInt64(v) AS v in the model
sync demo/contacts: firstname from v: firstname is a column of type text, not a lookup; write firstname: v`
	var ps Problems
	if !errors.As(err, &ps) || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestKeysThatCannotBeUsedAreRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		match []string
		from  []string
		want  string
	}{
		{"no such key", []string{"firstname"}, []string{"id"}, "firstname is no alternate key of table contact; use one of contactid (the primary key); ext_key (externaluseridentifier); pair_key"},
		{"an inactive key", []string{"lastname"}, []string{"id"}, "the alternate key dead_key of table contact is not active but Failed"},
		{"one column for two", []string{"pair_key"}, []string{"id"}, "the key has 2 columns (new_region, new_no) and from.key has 1"},
		{"a column that the model lacks", []string{"ext_key"}, []string{"idd"}, "the model has no column idd; did you mean id?"},
		{"text for a number", []string{"pair_key"}, []string{"id", "id"}, "String cannot address new_no"},
		{"a number for a GUID", []string{"contactid"}, []string{"n"}, "Int32 is no GUID; write toUUID(n)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input([]SourceColumn{{"v", "String"}, {"n", "Int32"}}, column("firstname"))
			in.Sync.To.Match, in.Sync.From.Key = c.match, c.from
			_, err := Compile(in)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
	in := input(nil)
	in.Table = nil
	if _, err := Compile(in); err == nil || !strings.Contains(err.Error(), "Dataverse has no table contact") {
		t.Errorf("an unknown table: %v", err)
	}
}

func TestTheFingerprintChangesWithWhatIsSentAndWithNothingElse(t *testing.T) {
	type change func(*Input)
	base := func() Input {
		return input([]SourceColumn{{"v", "Nullable(String)"}, {"g", "Int8"}, {"e", "Enum8('a' = 1)"}},
			column("firstname"), spec.Field{Column: "gendercode", From: "g"}, spec.Field{Column: "lastname", From: "e"})
	}
	fingerprint := func(c change) uint64 {
		in := base()
		if c != nil {
			c(&in)
		}
		return compile(t, in).Fingerprint()
	}
	first := fingerprint(nil)
	if want := uint64(2680149884110260965); first != want {
		t.Errorf("fingerprint %d, and it was %d: raise renderer if what is sent has changed", first, want)
	}
	for name, c := range map[string]change{
		"lines in another order":     func(in *Input) { in.Sync.Map[0], in.Sync.Map[1] = in.Sync.Map[1], in.Sync.Map[0] },
		"no longer nullable":         func(in *Input) { in.Model[1].Type = "LowCardinality(String)" },
		"another label of the enum":  func(in *Input) { in.Model[3].Type = "Enum16('a' = 1, 'b' = 2)" },
		"a column that is not used":  func(in *Input) { in.Model = append(in.Model, SourceColumn{"x", "Int8"}) },
		"other metadata":             func(in *Input) { in.Table.Columns[0].Max = "1" },
		"the file moved":             func(in *Input) { in.Sync.Map[0].At.Line = 9 },
		"the labels, not the values": func(in *Input) { in.Table.Columns[10].Options[0].Label = "Frau" },
	} {
		if fingerprint(c) != first {
			t.Errorf("%s: changed", name)
		}
	}
	seen := map[uint64]string{first: "nothing"}
	for name, c := range map[string]change{
		"another source":     func(in *Input) { in.Sync.Map[0].From = "e" },
		"another target":     func(in *Input) { in.Sync.Map[0].Column = "description" },
		"null is skipped":    func(in *Input) { in.Sync.Map[0].Null = spec.NullSkip },
		"another type":       func(in *Input) { in.Model[1].Type = "UUID" },
		"another length":     func(in *Input) { in.Table.Columns[9].MaxLength = 51 },
		"another option":     func(in *Input) { in.Table.Columns[10].Options[0].Value = 3 },
		"another key":        func(in *Input) { in.Sync.To.Match = []string{"contactid"} },
		"another key column": func(in *Input) { in.Sync.From.Key = []string{"v"} },
		"another mode":       func(in *Input) { in.Sync.To.Mode = spec.Update },
		"create":             func(in *Input) { in.Sync.To.Mode = spec.Create },
		"a column more": func(in *Input) {
			in.Sync.Map = append(in.Sync.Map, spec.Field{Column: "emailaddress1", From: "v"})
		},
	} {
		f := fingerprint(c)
		if other, found := seen[f]; found {
			t.Errorf("%s looks like %s", name, other)
		}
		seen[f] = name
	}
}
