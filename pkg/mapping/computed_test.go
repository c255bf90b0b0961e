package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestExpressionsReadEveryTypeOfClickHouse(t *testing.T) {
	for _, c := range []struct{ column, typ, expr, want string }{
		{"firstname", `'Łucja'`, "upper(v)", `"ŁUCJA"`},
		{"firstname", `toLowCardinality(toNullable('x'))`, "v + '.'", `"x."`},
		{"firstname", `CAST(NULL AS Nullable(String))`, "v + '.'", `null`},
		{"firstname", `CAST(NULL AS Nullable(String))`, "(v ?? 'none') + '.'", `"none."`},
		{"firstname", `toFixedString('ab', 4)`, "v + string(len(v))", `"ab2"`},
		{"firstname", `CAST('b' AS Enum8('a' = 1, 'b' = -2))`, "v == 'b' ? 'yes' : 'no'", `"yes"`},
		{"firstname", `toDecimal64('-1.50', 4)`, "v", `"-1.5"`},
		{"new_double", `toDecimal64('-1.50', 4)`, "float(v) * 2", `-3`},
		{"firstname", `toUUID('61F0C404-5CB3-11E7-907B-A6006AD3DBA0')`, "left(v, 8)", `"61f0c404"`},
		{"new_uuid", `toUUID('61F0C404-5CB3-11E7-907B-A6006AD3DBA0')`, "v", `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`},
		{"new_no", `toNullable(toInt8(-10))`, "v + 3", `-7`},
		{"new_no", `CAST(NULL AS Nullable(Int64))`, "v + 3", `null`},
		{"new_no", `CAST(NULL AS Nullable(Int64))`, "(v ?? 1) + 3", `4`},
		{"new_no", `toUInt8(50)`, "v * 2", `100`},
		{"new_no", `toUInt8(50)`, "v * 2 + 1", "out_of_range"},
		{"new_big", `toUInt64(9223372036854775807)`, "v - 1", `9223372036854775806`},
		{"new_big", `toUInt64(9223372036854775808)`, "v - 1", "expression_failed"},
		{"new_big", `toInt64(9223372036854775807)`, "v + 1", "expression_failed"},
		{"firstname", `toInt128('-9223372036854775809')`, "v + '!'", `"-9223372036854775809!"`},
		{"firstname", `toInt32(7)`, "v", `"7"`},
		{"new_score", `toFloat32(0.1)`, "v", `0.1`},
		{"new_double", `toNullable(toFloat64(-0.0))`, "v", `0`},
		{"new_double", `nan`, "v + 1", "not_a_number"},
		{"new_double", `toInt32(5)`, "v / 2", `2.5`},
		{"new_double", `toInt32(5)`, "v / 0", "not_a_number"},
		{"new_no", `toInt32(5)`, "v % 0", "expression_failed"},
		{"donotemail", `true`, "!v", `false`},
		{"donotemail", `toNullable(true)`, "v", `true`},
		{"donotemail", `toInt32(5)`, "v > 3", `true`},
		{"gendercode", `toInt16(2)`, "v == 2 ? 1 : 2", `1`},
		{"gendercode", `toInt16(2)`, "v + 7", "choice_unknown"},
		{"new_no", `toDate('2024-02-29')`, "day(v)", `29`},
		{"firstname", `toNullable(toDate32('1900-01-01'))`, "v", `"1900-01-01"`},
		{"firstname", `toDateTime('2024-07-01 12:00:00', 'Europe/Berlin')`, "v", `"2024-07-01T10:00:00Z"`},
		{"new_whole", `toDateTime64('1969-12-31 23:59:59.999', 3, 'UTC')`, "year(v)", `1969`},
	} {
		t.Run(c.expr+" of "+c.typ, func(t *testing.T) {
			lines, _ := run(t, "SELECT 'k' AS id, "+c.typ+" AS v", nil, spec.Field{Column: c.column, Expr: c.expr})
			want := c.want
			if strings.HasPrefix(c.want, `"`) || !strings.Contains(c.want, "_") {
				want = `"k" contacts(externaluseridentifier='k') {"` + c.column + `":` + c.want + "}"
			}
			if len(lines) != 1 || lines[0] != want {
				t.Errorf("\n got %s\nwant %s", lines, want)
			}
		})
	}
}

func TestComputedValuesStandBesideThoseOfColumns(t *testing.T) {
	model := "SELECT arrayJoin([('1', 'Anna', NULL), ('2', NULL, 'B'), ('3', '', 'C')]) AS r, r.1 AS id, toInt32(r.1) AS site, " +
		"CAST(r.2 AS Nullable(String)) AS first, CAST(r.3 AS Nullable(String)) AS last"
	without := func(in *Input) {
		in.Model = slices.DeleteFunc(in.Model, func(c SourceColumn) bool { return c.Name == "r" })
	}
	fields := []spec.Field{
		{Column: "description", Template: "{{first}} {{last}}", Null: spec.NullSkip},
		{Column: "firstname", From: "first"},
		{Column: "lastname", Template: "{{ last ?? '?' }}, {{ first ?? '?' }}"},
		{Column: "emailaddress1", Const: `"a \"b\""`},
		{Column: "new_no", Expr: "len(first)"},
		{Column: "new_whole", Expr: "len(first)"},
		{Column: "new_region", Expr: "id"},
		{Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", Const: `"` + someGUID + `"`}}},
		{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "new_country", Const: `"DE"`}, {Key: "new_site", From: "site"}}},
	}
	lines, hashes := run(t, model, without, fields...)
	rest := `,"emailaddress1":"a \"b\""`
	owner := `,"ownerid@odata.bind":"/teams(61f0c404-5cb3-11e7-907b-a6006ad3dba0)","parentcustomerid_account@odata.bind":"/accounts(new_country='DE',new_site=`
	want := []string{
		`"1" contacts(externaluseridentifier='1') {"firstname":"Anna","lastname":"?, Anna"` + rest + `,"new_no":4,"new_whole":4,"new_region":"1"` + owner + `1)"}`,
		`"2" contacts(externaluseridentifier='2') {"firstname":null,"lastname":"B, ?"` + rest + `,"new_no":null,"new_whole":null,"new_region":"2"` + owner + `2)"}`,
		`"3" contacts(externaluseridentifier='3') {"description":" C","firstname":"","lastname":"C, "` + rest + `,"new_no":0,"new_whole":0,"new_region":"3"` + owner + `3)"}`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("\n got %s\nwant %s", strings.Join(lines, "\n     "), strings.Join(want, "\n     "))
	}
	changed := func(expr string) bool {
		a := "SELECT 'k' AS id, 'x' AS a, 'y' AS b"
		_, before := run(t, a, nil, spec.Field{Column: "firstname", Expr: expr})
		_, after := run(t, strings.Replace(a, "'y'", "'z'", 1), nil, spec.Field{Column: "firstname", Expr: expr})
		return before[0] != after[0]
	}
	if !changed("a + b") || changed("a + 'b'") || hashes[0] == hashes[1] {
		t.Error("the hash is not that of the columns which the expression reads")
	}
}

func TestASyncOfConstantsAloneIsRead(t *testing.T) {
	lines, _ := run(t, "SELECT 'k' AS id", nil, spec.Field{Column: "firstname", Const: `"x"`})
	if want := `"k" contacts(externaluseridentifier='k') {"firstname":"x"}`; len(lines) != 1 || lines[0] != want {
		t.Errorf("%s", lines)
	}
}

func TestAConstantIsCheckedBeforeAnyRow(t *testing.T) {
	for _, c := range []struct {
		column string
		value  spec.Value
		want   string // what is written, or a part of the problem
	}{
		{"firstname", `"Łucja"`, `"Łucja"`},
		{"firstname", `7`, `"7"`},
		{"emailaddress1", `"longer than ten"`, "is 15 UTF-16 units long, and the column takes 10"},
		{"new_no", `7`, `7`},
		{"new_no", `7.0`, `7`},
		{"new_no", `7.5`, "the constant of new_no is not a whole number"},
		{"new_no", `101`, "outside of what the column takes: -10 to 100"},
		{"new_no", `true`, "true cannot be written"},
		{"new_big", `-9223372036854775808`, `-9223372036854775808`},
		{"annualincome", `12.50`, `12.5`},
		{"new_double", `1e3`, "1e3 cannot be written"},
		{"donotemail", `true`, `true`},
		{"donotemail", `0`, `false`},
		{"donotemail", `"yes"`, "write true or false"},
		{"gendercode", `2`, `2`},
		{"gendercode", `3`, "const: gendercode has no option 3; there are 2 Female, 1 Male"},
		{"gendercode", `"female"`, `2`},
		{"gendercode", `"Femal"`, "did you mean Female?"},
		{"statecode", `1`, `1`},
		{"statuscode", `"on trial"`, `100000001`},
		{"firstname", `true`, "write \"true\", in quotes"},
		{"birthdate", `"2026-01-31"`, `"2026-01-31"`},
		{"birthdate", `"2026-02-30"`, `write "2026-01-31"`},
		{"birthdate", `"1752-01-01"`, "outside of Dataverse's calendar"},
		{"lastonholdtime", `"2026-01-31T12:00:00+02:00"`, `"2026-01-31T10:00:00Z"`},
		{"lastonholdtime", `"2026-01-31"`, `write "2026-01-31T12:00:00Z"`},
		{"new_uuid", `"` + someGUID + `"`, `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`},
		{"new_uuid", `"x"`, "is not a GUID"},
		{"firstname", `[1,2]`, "a list cannot be written"},
		{"new_tags", `[2,1,2]`, `"1,2"`},
		{"new_tags", `["two",1]`, `"1,2"`},
		{"new_tags", `[]`, `null`},
		{"new_tags", `1`, `"1"`},
		{"new_tags", `[3]`, "const: new_tags has no option 3; there are 1 One, 2 Two"},
		{"parentcustomerid", `"x"`, "a constant cannot fill a lookup"},
		{"nosuch", `"x"`, "table contact has no column nosuch"},
	} {
		in := input(nil, spec.Field{Column: c.column, Const: c.value, At: document.Position{File: "f.yaml", Line: 3, Column: 3}})
		if column, found := in.Table.Column("new_tags"); found {
			column.Options = []dataverse.Option{{Value: 1, Label: "One"}, {Value: 2, Label: "Two"}}
		}
		p, err := Compile(in)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f.yaml:3:3: ") {
				t.Errorf("%s to %s: %v, want %s", c.value, c.column, err, c.want)
			}
			continue
		}
		body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k"}))
		if c.column == "statuscode" { // brings its state
			c.column = `statecode":0,"statuscode`
		}
		if want := `{"` + c.column + `":` + c.want + "}"; cause != nil || string(body) != want {
			t.Errorf("%s to %s: %s %v, want %s", c.value, c.column, body, cause, want)
		}
	}
	byConstant := spec.Field{Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", Const: `"x"`}}}
	if _, err := Compile(input(nil, byConstant)); err == nil || !strings.Contains(err.Error(), "the constant of ownerid.teamid is not a GUID") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrongWithAnExpressionHasItsPlace(t *testing.T) {
	model := []SourceColumn{{"first", "String"}, {"tags", "Array(String)"}, {"n", "Int32"}, {"f", "Float64"}, {"b", "Bool"}}
	at := document.Position{File: "f.yaml", Line: 3, Column: 20}
	for _, c := range []struct {
		field spec.Field
		want  string
	}{
		{spec.Field{Column: "firstname", Expr: "upper(frist)"}, "f.yaml:3:26: sync demo/contacts: firstname: there is no column or function frist (character 7 of the expression); did you mean first?"},
		{spec.Field{Column: "firstname", Expr: "first +\n n"}, "f.yaml:3:26: sync"},
		{spec.Field{Column: "firstname", Expr: "first +\n  upper(n)"}, "f.yaml:3:20: sync demo/contacts: firstname: cannot use int as argument (type string) to call upper  (line 2, character 9 of the expression)"},
		{spec.Field{Column: "firstname", Template: "{{first}} {{frist}}"}, "f.yaml:3:32: sync demo/contacts: firstname: there is no column or function frist (character 13 of the template)"},
		{spec.Field{Column: "firstname", Template: "{{first"}, "{{ is not closed (character 1 of the template); close it"},
		{spec.Field{Column: "firstname", Expr: "upper(tags)"}, "Array(String) cannot be used in an expression: tags (character 7 of the expression); write toString(tags) AS tags in the model"},
		{spec.Field{Column: "firstname", Expr: "f * 2"}, "firstname from the expression of firstname: a number cannot be written to a column of type text; make it text: string(…)"},
		{spec.Field{Column: "gendercode", Expr: "f * 2"}, "a number cannot be written to a column of type choice; make it a whole number: round(…)"},
		{spec.Field{Column: "new_no", Expr: "b"}, "choose between two values: … ? 1 : 0"},
		{spec.Field{Column: "donotemail", Expr: "first"}, "text cannot be written to a column of type boolean; make it true or false"},
		{spec.Field{Column: "ownerid", Expr: "first"}, "what is computed cannot fill a lookup"},
		{spec.Field{Column: "firstname", Expr: "first", Mask: spec.Hash}, "mask is for columns"},
		{spec.Field{Column: "externaluseridentifier", Expr: "first"}, "the column is matched on, and written as id gives it"},
	} {
		c.field.TextAt = at
		_, err := Compile(input(model, c.field))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%s:\n got %v\nwant %s", c.field.Expr, c.field.Template, err, c.want)
		}
	}
	for expr, problems := range map[string]int{"upper(whatever)": 0, "upper(whatever": 1} {
		if got := Check(input(nil, spec.Field{Column: "firstname", Expr: expr})); len(got) != problems {
			t.Errorf("%s without its model: %v", expr, got)
		}
	}
}

func TestTheFingerprintCoversWhatIsComputed(t *testing.T) {
	model := []SourceColumn{{"a", "String"}}
	base := spec.Field{Column: "firstname", Expr: "a + 'x'"}
	seen := map[uint64]string{}
	for name, f := range map[string]spec.Field{
		"the expression": base, "another": {Column: "firstname", Expr: "a + 'y'"}, "a template": {Column: "firstname", Template: "{{a}}x"},
		"another template": {Column: "firstname", Template: "{{a}}y"}, "a constant": {Column: "firstname", Const: `"x"`}, "another constant": {Column: "firstname", Const: `"y"`},
		"a part":       {Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", Const: `"` + someGUID + `"`}}},
		"another part": {Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", Const: spec.Value(`"1` + someGUID[1:] + `"`)}}},
	} {
		p := compile(t, input(model, f)).Fingerprint()
		if seen[p] != "" {
			t.Errorf("%s is like %s", name, seen[p])
		}
		seen[p] = name
	}
	if again := compile(t, input(model, base)).Fingerprint(); seen[again] != "the expression" {
		t.Error("differs from itself")
	}
}

func BenchmarkAppendComputed(b *testing.B) {
	for name, field := range map[string]spec.Field{
		"column":     {Column: "lastname", From: "a"},
		"constant":   {Column: "lastname", Const: `"x"`},
		"expression": {Column: "lastname", Expr: "upper(a) + '.'"},
		"choice":     {Column: "lastname", Expr: "n > 3 ? a : 'few'"},
		"template":   {Column: "lastname", Template: "{{a}} {{n}}"},
	} {
		b.Run(name, func(b *testing.B) {
			p := compile(b, input([]SourceColumn{{"a", "Nullable(String)"}, {"n", "Int32"}}, spec.Field{Column: "new_no", From: "n"}, field))
			r := scan(b, p, "k", map[string]any{"id": "k", "a": "Lindqvist", "n": int64(7)})
			var body, address []byte
			b.ReportAllocs()
			for b.Loop() {
				body, address, _ = p.Append(body[:0], address[:0], r)
			}
		})
	}
}

// Whatever somebody writes into a file, compiling ends with a plan or with problems, and appending with a body or a cause.
func FuzzComputed(f *testing.F) {
	f.Add("upper(a)", "{{a}} {{n}}", `"x"`)
	f.Add("n > 3 ? a : 'few'", "{{ a ?? '' }}", `7`)
	f.Add("a", "{{", `[1,2]`)
	f.Fuzz(func(t *testing.T, expr, template, value string) {
		for _, column := range []string{"firstname", "new_no", "new_double", "donotemail", "birthdate", "new_tags"} {
			for _, field := range []spec.Field{{Column: column, Expr: expr}, {Column: column, Template: template}, {Column: column, Const: spec.Value(value)}} {
				p, err := Compile(input([]SourceColumn{{"a", "Nullable(String)"}, {"n", "Int32"}}, field))
				if err != nil {
					continue
				}
				body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "a": "x", "n": int64(3)}))
				if cause == nil && len(body) < 2 || cause != nil && (cause.Code == "" || len(body) > 0) {
					t.Errorf("%s %v", body, cause)
				}
			}
		}
	})
}
