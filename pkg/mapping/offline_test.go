package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-sync/penstock/pkg/clickhouse"     //nolint:depguard // as in clickhouse_test.go
	"github.com/penstock-sync/penstock/pkg/clickhousetest" //nolint:depguard // as above
	"github.com/penstock-sync/penstock/pkg/spec"
)

// What is computed without ClickHouse is what ClickHouse computes: for each type, whatever is read of it for any column, and
// the key.
func TestValuesAreReadOfflineAsClickHouseReadsThem(t *testing.T) {
	conn := clickhousetest.Open(t)
	text := rapid.OneOf(rapid.SampledFrom([]string{"", " ", "O'Brien \\", "ÄB ", "Łódź", "1.50", "-007", "x`y"}), rapid.StringMatching(`[ -~äöüŁ]{0,12}`))
	number := func(low, high int64) *rapid.Generator[string] {
		return rapid.Map(rapid.Int64Range(low, high), func(v int64) string { return fmt.Sprint(v) })
	}
	quoted := func(g *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Map(g, func(s string) string { return jsonText(s) })
	}
	for _, c := range []struct {
		typ     string
		values  *rapid.Generator[string] // JSON, as in a test of a sync
		columns []string
	}{
		{"String", quoted(text), []string{"firstname", "new_no", "new_score", "new_uuid"}},
		{"LowCardinality(Nullable(String))", quoted(text), []string{"firstname"}},
		{"FixedString(64)", quoted(text), []string{"firstname"}},
		{"Enum8('a' = 1, 'b' = -2)", rapid.SampledFrom([]string{`"a"`, `"b"`}), []string{"firstname"}},
		{"Int8", number(-128, 127), []string{"firstname", "new_no", "new_score", "gendercode", "donotemail"}},
		{"Nullable(UInt8)", number(0, 255), []string{"firstname", "new_no", "donotemail"}},
		{"UInt64", number(0, 1<<62), []string{"firstname", "new_big"}},
		{"Nullable(Int128)", number(-1<<62, 1<<62), []string{"firstname", "new_big"}},
		{"Decimal(18, 4)", rapid.Map(number(-1e9, 1e9), func(s string) string { return s + ".25" }), []string{"firstname", "new_score"}},
		{"Float64", rapid.Map(rapid.IntRange(-1e6, 1e6), func(v int) string { return fmt.Sprint(float64(v) / 64) }), []string{"new_score", "new_double"}},
		{"Nullable(Float32)", rapid.Map(rapid.IntRange(-1e6, 1e6), func(v int) string { return fmt.Sprint(float32(v) / 10) }), []string{"new_double"}},
		{"Nullable(Bool)", rapid.SampledFrom([]string{"true", "false"}), []string{"donotemail"}},
		{"Nullable(Date32)", quoted(rapid.Map(rapid.IntRange(0, 200), func(y int) string { return fmt.Sprintf("%d-02-%02d", 1901+y, 1+y%28) })), []string{"birthdate", "new_utc"}},
		{"DateTime('Europe/Berlin')", quoted(rapid.Map(rapid.IntRange(0, 40), func(y int) string { return fmt.Sprintf("%d-07-0%d 0%d:30:00", 1980+y, 1+y%9, y%10) })), []string{"lastonholdtime"}},
		{"Nullable(DateTime64(3, 'UTC'))", quoted(rapid.Map(rapid.IntRange(0, 200), func(y int) string { return fmt.Sprintf("%d-12-31 23:59:59.%03d", 1901+y, y) })), []string{"lastonholdtime"}},
		{"UUID", quoted(rapid.SampledFrom([]string{someGUID, strings.ToLower(someGUID)})), []string{"firstname", "new_uuid"}},
	} {
		t.Run(c.typ, func(t *testing.T) {
			model := []SourceColumn{{"v", c.typ}}
			var fields []spec.Field
			for _, name := range c.columns {
				fields = append(fields, spec.Field{Column: name, From: "v"})
			}
			fields = append(fields, spec.Field{Column: "description", Expr: "string(v) + '.'"})
			if strings.Contains(c.typ, "String") {
				fields[len(fields)-1] = spec.Field{Column: "description", From: "v", Mask: spec.Hash}
				fields = append(fields, spec.Field{Column: "emailaddress1", From: "v", Mask: spec.Redact})
			}
			in := input(model, fields...)
			in.Sync.From.Key, in.Sync.To.Match = []string{"id", "v"}, []string{"new_region", "new_no"}
			if c.typ == "UInt64" || c.typ == "Int8" {
				in.Sync.To.Match = []string{"pair_key"}
			} else {
				in.Sync.From.Key, in.Sync.To.Match = []string{"id"}, []string{"ext_key"}
			}
			p := compile(t, in)
			var selects []string
			rows := map[string]*Row{}
			for i := range 40 {
				id, value := spec.Value(jsonText(fmt.Sprintf("%02d%s", i, text.Example(i)))), spec.Value(c.values.Example(i))
				if strings.Contains(c.typ, "Nullable") && i%5 == 0 {
					value = "null"
				}
				row, err := p.given(in.Model, map[string]spec.Value{"id": id, "v": value})
				if err != nil {
					t.Fatal(err)
				}
				if row.Key != "" {
					rows[row.Key] = row
				}
				selects = append(selects, fmt.Sprintf("SELECT %s AS id, CAST(%s AS %s) AS v", inSQL(id), inSQL(value), c.typ))
			}
			for _, want := range scanned(t, conn, p, strings.Join(selects, " UNION ALL ")) {
				row := rows[want.Key]
				if row == nil {
					t.Errorf("ClickHouse has a row %q, which is not known offline", want.Key)
					continue
				}
				delete(rows, want.Key)
				if a, b := rendered(p, row), rendered(p, want); a != b {
					t.Errorf("offline:\n%s\nand ClickHouse has\n%s", a, b)
				}
			}
			if len(rows) > 0 {
				t.Errorf("%d rows are not known to ClickHouse", len(rows))
			}
		})
	}
}

func rendered(p *Plan, r *Row) string {
	body, address, cause := p.Append(nil, nil, r)
	if cause != nil {
		return cause.Code + " of " + cause.Column
	}
	return string(address) + " " + string(body)
}

// inSQL writes JSON as SQL.
func inSQL(v spec.Value) string {
	s := string(v)
	if !strings.HasPrefix(s, `"`) {
		if s == "null" {
			return "NULL"
		}
		if strings.ContainsAny(s, ".e") {
			return "'" + s + "'"
		}
		return s
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(unquoted(v)) + "'"
}

func scanned(t *testing.T, conn *clickhouse.Conn, p *Plan, model string) (all []*Row) {
	rows, err := conn.Query(t.Context(), clickhouse.Query{SQL: p.Select(model)})
	if err != nil {
		t.Fatalf("%v\n%s", err, model)
	}
	for rows.Next() {
		r := p.NewRow()
		if err := rows.Scan(r.Dest()...); err != nil {
			t.Fatal(err)
		}
		if r.Key != "" {
			all = append(all, r)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return all
}

func jsonText(s string) string {
	data, _ := json.Marshal(s) // text can be marshalled
	return string(data)
}

func unquoted(v spec.Value) (s string) {
	_ = json.Unmarshal([]byte(v), &s) // it is text
	return s
}
