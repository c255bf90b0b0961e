package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhouse"     //nolint:depguard // SQL is tested where it runs; the package itself has no connection
	"github.com/penstock-sync/penstock/pkg/clickhousetest" //nolint:depguard // as above
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// run reads a model by the plan of the given map, and gives per row: key, address and body, or the code of the refusal.
func run(t *testing.T, model string, change func(*Input), fields ...spec.Field) (lines []string, hashes []string) {
	t.Helper()
	conn := clickhousetest.Open(t)
	columns, err := conn.Columns(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	in := input(nil, fields...)
	in.Model = nil
	for _, c := range columns {
		in.Model = append(in.Model, SourceColumn{Name: c.Name, Type: c.Type})
	}
	if change != nil {
		change(&in)
	}
	p := compile(t, in)
	rows, err := conn.Query(t.Context(), clickhouse.Query{SQL: p.Select(model)})
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Select(model))
	}
	r := p.NewRow()
	for rows.Next() {
		if err := rows.Scan(r.Dest()...); err != nil {
			t.Fatal(err)
		}
		body, address, cause := p.Append(nil, nil, r)
		if cause != nil {
			lines = append(lines, cause.Code)
		} else {
			lines = append(lines, fmt.Sprintf("%q %s %s", r.Key, address, body))
		}
		hashes = append(hashes, r.Hash().String())
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines, hashes
}

func TestEveryPairIsReadFromClickHouseAsItIsWritten(t *testing.T) {
	for _, c := range []struct{ column, expr, want string }{
		{"firstname", `'O\'Brien \\ "x" 😀 שלום 李'`, `"O'Brien \\ \"x\" 😀 שלום 李"`},
		{"firstname", `'a\0b\n'`, `"a\u0000b\n"`},
		{"firstname", `'a\xff'`, "invalid_utf8"},
		{"firstname", `''`, `""`},
		{"firstname", `toLowCardinality(toNullable('x'))`, `"x"`},
		{"firstname", `toLowCardinality(CAST(NULL AS Nullable(String)))`, `null`},
		{"firstname", `toFixedString('ab', 4)`, `"ab"`},
		{"firstname", `CAST('b' AS Enum8('a' = 1, 'b' = -2))`, `"b"`},
		{"firstname", `toUInt64(18446744073709551615)`, `"18446744073709551615"`},
		{"firstname", `toDecimal64('-1.50', 4)`, `"-1.5"`},
		{"firstname", `toUUID('61F0C404-5CB3-11E7-907B-A6006AD3DBA0')`, `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`},
		{"new_no", `toNullable(toInt8(-10))`, `-10`},
		{"new_no", `CAST(NULL AS Nullable(Int64))`, `null`},
		{"new_no", `toUInt8(100)`, `100`},
		{"new_no", `'007'`, `7`},
		{"new_no", `toDecimal32(7, 0)`, `7`},
		{"new_big", `toInt64(-9223372036854775808)`, `-9223372036854775808`},
		{"new_big", `toUInt64(9223372036854775808)`, "out_of_range"},
		{"new_big", `toInt128('-9223372036854775809')`, "out_of_range"},
		{"new_big", `toUInt256('9223372036854775807')`, `9223372036854775807`},
		{"annualincome", `toDecimal128('922337203685477.01', 10)`, "out_of_range"},
		{"annualincome", `toNullable(toDecimal64('0.10', 2))`, `0.1`},
		{"new_score", `toFloat32(0.1)`, `0.1`},
		{"new_score", `toNullable(toFloat64(-0.0))`, `0`},
		{"new_score", `nan`, "not_a_number"},
		{"new_double", `-inf`, "not_a_number"},
		{"new_double", `toInt32(5)`, `5`},
		{"donotemail", `true`, `true`},
		{"donotemail", `toNullable(toUInt8(2))`, "boolean_invalid"},
		{"donotemail", `toInt32(256)`, "boolean_invalid"},
		{"gendercode", `toInt16(2)`, `2`},
		{"gendercode", `toNullable(toUInt8(9))`, "choice_unknown"},
		{"birthdate", `toDate('2149-06-06')`, `"2149-06-06"`},
		{"birthdate", `toNullable(toDate32('1900-01-01'))`, `"1900-01-01"`},
		{"lastonholdtime", `toDateTime('2024-07-01 12:00:00', 'Europe/Berlin')`, `"2024-07-01T10:00:00Z"`},
		{"lastonholdtime", `toNullable(toDateTime64('1969-12-31 23:59:59.999', 3, 'UTC'))`, `"1969-12-31T23:59:59Z"`},
		{"lastonholdtime", `toDateTime64('1900-01-01 00:00:00', 9, 'UTC')`, `"1900-01-01T00:00:00Z"`},
		{"new_utc", `toDate('2024-02-29')`, `"2024-02-29T00:00:00Z"`},
		{"new_utc", `CAST(NULL AS Nullable(Date32))`, `null`},
		{"new_uuid", `toNullable(toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'))`, `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`},
		{"new_uuid", `'{61f0c404}'`, "not_a_guid"},
	} {
		t.Run(c.column+" from "+c.expr, func(t *testing.T) {
			lines, _ := run(t, "SELECT 'K 1 ' AS id, "+c.expr+" AS v -- no more", nil, column(c.column))
			want := c.want
			if strings.HasPrefix(c.want, `"`) || !strings.Contains(c.want, "_") { // a value, not a code
				want = `"k 1" contacts(externaluseridentifier='K%201') {"` + c.column + `":` + c.want + "}"
			}
			if len(lines) != 1 || lines[0] != want {
				t.Errorf("\n got %s\nwant %s", lines, want)
			}
		})
	}
}

func TestKeysMeetWhereDataverseTakesThemForOne(t *testing.T) {
	model := "SELECT arrayJoin([('ÄB ', 1, 'a'), ('äb', 1, 'b'), ('äb', 2, 'c'), ('', 1, 'd'), (NULL, 1, 'e')]) AS r, r.1 AS `id ``x\\\\`, toNullable(r.2) AS n, r.3 AS v"
	pair := func(in *Input) {
		in.Sync.To.Match, in.Sync.From.Key = []string{"pair_key"}, []string{"id `x\\", "n"}
		in.Model = slices.DeleteFunc(in.Model, func(c SourceColumn) bool { return c.Name == "r" })
	}
	lines, _ := run(t, model, pair, column("firstname"))
	want := []string{
		`"äb\x1f1" contacts(new_region='%C3%84B',new_no=1) {"firstname":"a"}`,
		`"äb\x1f1" contacts(new_region='%C3%A4b',new_no=1) {"firstname":"b"}`,
		`"äb\x1f2" contacts(new_region='%C3%A4b',new_no=2) {"firstname":"c"}`,
		"missing_key", "missing_key",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("\n got %s\nwant %s", strings.Join(lines, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestHashesDifferWhereWhatIsSentDiffers(t *testing.T) {
	fields := []spec.Field{
		{Column: "firstname", From: "a"}, {Column: "lastname", From: "b"}, {Column: "new_score", From: "f"}, {Column: "lastonholdtime", From: "t"},
	}
	row := func(a, b, f, t string) string {
		return "SELECT 'k' AS id, CAST(" + a + " AS Nullable(String)) AS a, CAST(" + b + " AS Nullable(String)) AS b, CAST(" + f +
			" AS Nullable(Float64)) AS f, toDateTime64(" + t + ", 3, 'UTC') AS t, 'unused' AS u"
	}
	const noon, later = "'2024-01-01 12:00:00.250'", "'2024-01-01 12:00:00.750'"
	hash := func(model string) string {
		_, hashes := run(t, model, nil, fields...)
		return hashes[0]
	}
	base := hash(row("'x'", "'y'", "0.", noon))
	for name, model := range map[string]string{
		"minus zero": row("'x'", "'y'", "-0.", noon), "less than a second later": row("'x'", "'y'", "0.", later),
		"a column that is not mapped": strings.Replace(row("'x'", "'y'", "0.", noon), "'unused'", "'other'", 1),
		"stored otherwise":            strings.Replace(row("'x'", "'y'", "0.", noon), "CAST('x' AS Nullable(String))", "toLowCardinality('x')", 1),
	} {
		if hash(model) != base {
			t.Errorf("%s changes the hash", name)
		}
	}
	// Before 1970 too, a second is cut towards the past.
	late, epoch := hash(row("'x'", "'y'", "0.", "'1969-12-31 23:59:59.999'")), hash(row("'x'", "'y'", "0.", "'1970-01-01 00:00:00'"))
	if late == epoch || late != hash(row("'x'", "'y'", "0.", "'1969-12-31 23:59:59'")) {
		t.Error("times before 1970 are not hashed as they are written")
	}
	seen := map[string]string{base: "the row"}
	for name, model := range map[string]string{
		"another text": row("'z'", "'y'", "0.", noon), "texts swapped": row("'y'", "'x'", "0.", noon), "text moved over": row("'xy'", "''", "0.", noon),
		"NULL": row("NULL", "'y'", "0.", noon), "empty": row("''", "'y'", "0.", noon), "NULL in the other": row("'y'", "NULL", "0.", noon),
		"no number": row("'x'", "'y'", "NULL", noon), "a second later": row("'x'", "'y'", "0.", "'2024-01-01 12:00:01.250'"),
	} {
		h := hash(model)
		if other, found := seen[h]; found {
			t.Errorf("%s looks like %s", name, other)
		}
		seen[h] = name
	}
}

func TestMoreNullableColumnsThanAMaskHolds(t *testing.T) {
	in := []string{"'k' AS id"}
	var fields []spec.Field
	var want []string
	for i := range 130 {
		name := fmt.Sprintf("c%03d", i)
		value := "NULL"
		if i%3 > 0 {
			value = "'" + name + "'"
		}
		in = append(in, "CAST("+value+" AS Nullable(String)) AS "+name)
		fields = append(fields, spec.Field{Column: name, From: name})
		want = append(want, `"`+name+`":`+strings.ReplaceAll(strings.ToLower(value), "'", `"`))
	}
	many := func(in *Input) {
		table := in.Table.Columns[0]
		table.Type, table.MaxLength = dataverse.Text, 0
		for _, f := range fields {
			table.Name = f.Column
			in.Table.Columns = append(in.Table.Columns, table)
		}
		slices.SortFunc(in.Table.Columns, func(a, b dataverse.Column) int { return strings.Compare(a.Name, b.Name) })
	}
	lines, _ := run(t, "SELECT "+strings.Join(in, ", "), many, fields...)
	if got := `"k" contacts(externaluseridentifier='k') {` + strings.Join(want, ",") + "}"; len(lines) != 1 || lines[0] != got {
		t.Errorf("\n got %s\nwant %s", lines, got)
	}
}
