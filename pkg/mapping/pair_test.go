package mapping

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/clickhouse"     //nolint:depguard // as below
	"github.com/penstock-sync/penstock/pkg/clickhousetest" //nolint:depguard // SQL is tested where it runs; the package itself has no connection
	"github.com/penstock-sync/penstock/pkg/spec"
)

// pairTargets are columns of the table contact, one of each type that is filled from one value.
var pairTargets = []string{
	"firstname", "new_whole", "new_big", "new_score", "annualincome", "new_double", "donotemail", "gendercode", "birthdate", "lastonholdtime", "new_utc", "new_uuid",
}

// A line has for one value of the warehouse what it becomes in each of pairTargets: JSON, the code of a row's refusal, or - where the
// types do not fit. Of new_score (-0.5 to 100.25) four digits after the point are kept, of annualincome (from 0) two.
func TestEachTypeOfClickHouseIsWrittenToEachOfDataverseOrRefused(t *testing.T) {
	const guid = "61f0c404-5cb3-11e7-907b-a6006ad3dba0"
	conn := clickhousetest.Open(t)
	seen := map[string]bool{}
	for _, c := range []struct{ typ, expr, want string }{
		//                                               text | whole | big | decimal | money | double | boolean | choice | date | date-time | clock | GUID
		{"String", `'2'`, `"2" | 2 | 2 | 2 | 2 | 2 | - | 2 | - | - | - | not_a_guid`},
		{"String", `'-0.50'`, `"-0.50" | fraction_too_long | fraction_too_long | -0.5 | out_of_range | -0.5 | - | fraction_too_long | - | - | - | not_a_guid`},
		{"String", `''`, `"" | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | not_a_number | - | - | - | not_a_guid`},
		{"String", `'` + guid + `'`, `"` + guid + `" | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | not_a_number | - | - | - | "` + guid + `"`},
		{"LowCardinality(String)", `toLowCardinality('2')`, `"2" | 2 | 2 | 2 | 2 | 2 | - | 2 | - | - | - | not_a_guid`},
		{"FixedString(5)", `toFixedString('1', 5)`, `"1" | 1 | 1 | 1 | 1 | 1 | - | 1 | - | - | - | -`},
		{"FixedString(5)", `toFixedString('a\0b', 5)`, `"a\u0000b" | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | not_a_number | - | - | - | -`},
		{"FixedString(36)", `toFixedString('` + guid + `', 36)`, `"` + guid + `" | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | not_a_number | - | - | - | "` + guid + `"`},
		{"FixedString(16)", `toFixedString('abcdefghijklmnop', 16)`, `"abcdefghijklmnop" | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | not_a_number | - | - | - | -`},
		{`Enum8('Nullable(' = -2, 'a)b' = 1, 'o\'x' = 3)`, `CAST('o\'x' AS Enum8('Nullable(' = -2, 'a)b' = 1, 'o\'x' = 3))`, `"o'x" | - | - | - | - | - | - | - | - | - | - | -`},
		{"Enum16('' = 0, 'größer, als 8' = 1000)", `CAST(1000 AS Enum16('' = 0, 'größer, als 8' = 1000))`, `"größer, als 8" | - | - | - | - | - | - | - | - | - | - | -`},
		{"Int8", `toInt8(-128)`, `"-128" | -128 | -128 | out_of_range | out_of_range | -128 | boolean_invalid | choice_unknown | - | - | - | -`},
		{"Int16", `toInt16(1)`, `"1" | 1 | 1 | 1 | 1 | 1 | true | 1 | - | - | - | -`},
		{"Int32", `toInt32(-2147483648)`, `"-2147483648" | -2147483648 | -2147483648 | out_of_range | out_of_range | -2147483648 | boolean_invalid | choice_unknown | - | - | - | -`},
		{"Int64", `toInt64(-9223372036854775808)`, `"-9223372036854775808" | out_of_range | -9223372036854775808 | out_of_range | out_of_range | out_of_range | boolean_invalid | choice_unknown | - | - | - | -`},
		{"Int128", `toInt128('-170141183460469231731687303715884105728')`, `"-170141183460469231731687303715884105728" | out_of_range | out_of_range | out_of_range | out_of_range | out_of_range | boolean_invalid | choice_unknown | - | - | - | -`},
		{"Int256", `toInt256(1)`, `"1" | 1 | 1 | 1 | 1 | 1 | true | 1 | - | - | - | -`},
		{"UInt8", `toUInt8(255)`, `"255" | 255 | 255 | out_of_range | 255 | 255 | boolean_invalid | choice_unknown | - | - | - | -`},
		{"UInt8", `toUInt8(0)`, `"0" | 0 | 0 | 0 | 0 | 0 | false | choice_unknown | - | - | - | -`},
		{"UInt16", `toUInt16(2)`, `"2" | 2 | 2 | 2 | 2 | 2 | boolean_invalid | 2 | - | - | - | -`},
		{"UInt32", `toUInt32(4294967295)`, `"4294967295" | out_of_range | 4294967295 | out_of_range | 4294967295 | 4294967295 | boolean_invalid | choice_unknown | - | - | - | -`},
		{"UInt64", `toUInt64(18446744073709551615)`, `"18446744073709551615" | out_of_range | out_of_range | out_of_range | out_of_range | out_of_range | boolean_invalid | choice_unknown | - | - | - | -`},
		{"UInt128", `toUInt128('340282366920938463463374607431768211455')`, `"340282366920938463463374607431768211455" | out_of_range | out_of_range | out_of_range | out_of_range | out_of_range | boolean_invalid | choice_unknown | - | - | - | -`},
		{"UInt256", `toUInt256('9223372036854775807')`, `"9223372036854775807" | out_of_range | 9223372036854775807 | out_of_range | out_of_range | out_of_range | boolean_invalid | choice_unknown | - | - | - | -`},
		{"Float32", `toFloat32(0.1)`, `- | fraction_too_long | fraction_too_long | 0.1 | 0.1 | 0.1 | - | - | - | - | - | -`},
		{"Float32", `toFloat32(16777218)`, `- | not_exact | not_exact | out_of_range | 16777218 | 16777218 | - | - | - | - | - | -`},
		{"Float64", `toFloat64(-0.0)`, `- | 0 | 0 | 0 | 0 | 0 | - | - | - | - | - | -`},
		{"Float64", `0.1 + 0.2`, `- | fraction_too_long | fraction_too_long | fraction_too_long | fraction_too_long | 0.30000000000000004 | - | - | - | - | - | -`},
		{"Float64", `round(0.1 + 0.2, 2)`, `- | fraction_too_long | fraction_too_long | 0.3 | 0.3 | 0.3 | - | - | - | - | - | -`},
		{"Float64", `toFloat64(9007199254740994)`, `- | out_of_range | not_exact | out_of_range | out_of_range | out_of_range | - | - | - | - | - | -`},
		{"Float64", `1e19`, `- | out_of_range | out_of_range | out_of_range | out_of_range | out_of_range | - | - | - | - | - | -`},
		{"Float64", `nan`, `- | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | - | - | - | - | -`},
		{"Float64", `-inf`, `- | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | - | - | - | - | -`},
		{"BFloat16", `CAST(1.5 AS BFloat16)`, `- | fraction_too_long | fraction_too_long | 1.5 | 1.5 | 1.5 | - | - | - | - | - | -`},
		{"Decimal(9, 0)", `toDecimal32(1, 0)`, `"1" | 1 | 1 | 1 | 1 | 1 | true | 1 | - | - | - | -`},
		{"Decimal(18, 4)", `toDecimal64('1.5', 4)`, `"1.5" | fraction_too_long | fraction_too_long | 1.5 | 1.5 | 1.5 | - | - | - | - | - | -`},
		{"Decimal(18, 4)", `toDecimal64('2.0000', 4)`, `"2" | 2 | 2 | 2 | 2 | 2 | - | - | - | - | - | -`},
		{"Decimal(38, 20)", `toDecimal128('1.23456789012345678901', 20)`, `"1.23456789012345678901" | fraction_too_long | fraction_too_long | fraction_too_long | fraction_too_long | not_exact | - | - | - | - | - | -`},
		{"Decimal(76, 38)", `toDecimal256('1234567890.00000000000000000000000000000000000001', 38)`, `"1234567890.00000000000000000000000000000000000001" | fraction_too_long | fraction_too_long | out_of_range | fraction_too_long | not_exact | - | - | - | - | - | -`},
		{"Bool", `true`, `- | - | - | - | - | - | true | - | - | - | - | -`},
		{"Date", `toDate('2149-06-06')`, `- | - | - | - | - | - | - | - | "2149-06-06" | - | "2149-06-06T00:00:00Z" | -`},
		{"Date32", `toDate32('1900-01-01')`, `- | - | - | - | - | - | - | - | "1900-01-01" | - | "1900-01-01T00:00:00Z" | -`},
		{"Date32", `toDate32('2299-12-31')`, `- | - | - | - | - | - | - | - | "2299-12-31" | - | "2299-12-31T00:00:00Z" | -`},
		{"DateTime", `toDateTime('2024-07-01 12:00:00')`, `- | - | - | - | - | - | - | - | - | "2024-07-01T12:00:00Z" | - | -`},
		{"DateTime('Europe/Berlin')", `toDateTime('2024-07-01 12:00:00', 'Europe/Berlin')`, `- | - | - | - | - | - | - | - | - | "2024-07-01T10:00:00Z" | "2024-07-01T12:00:00Z" | -`},
		// An hour that clocks skip in spring, and the later one of two that they show twice in autumn.
		{"DateTime('Europe/Berlin')", `toDateTime('2024-03-31 02:30:00', 'Europe/Berlin')`, `- | - | - | - | - | - | - | - | - | "2024-03-31T00:30:00Z" | "2024-03-31T01:30:00Z" | -`},
		{"DateTime('Europe/Berlin')", `toTimeZone(toDateTime('2024-10-27 01:30:00', 'UTC'), 'Europe/Berlin')`, `- | - | - | - | - | - | - | - | - | "2024-10-27T01:30:00Z" | "2024-10-27T02:30:00Z" | -`},
		{"DateTime64(3, 'UTC')", `toDateTime64('1969-12-31 23:59:59.999', 3, 'UTC')`, `- | - | - | - | - | - | - | - | - | "1969-12-31T23:59:59Z" | "1969-12-31T23:59:59Z" | -`},
		{"DateTime64(9, 'UTC')", `toDateTime64('2024-02-29 23:59:59.999999999', 9, 'UTC')`, `- | - | - | - | - | - | - | - | - | "2024-02-29T23:59:59Z" | "2024-02-29T23:59:59Z" | -`},
		{"DateTime64(0, 'Asia/Kathmandu')", `toDateTime64('2299-12-31 23:59:59', 0, 'Asia/Kathmandu')`, `- | - | - | - | - | - | - | - | - | "2299-12-31T18:14:59Z" | "2299-12-31T23:59:59Z" | -`},
		{"DateTime64(3)", `toDateTime64('1900-01-01 00:00:00', 3)`, `- | - | - | - | - | - | - | - | - | "1900-01-01T00:00:00Z" | - | -`},
		{"UUID", `toUUID('61F0C404-5CB3-11E7-907B-A6006AD3DBA0')`, `"` + guid + `" | - | - | - | - | - | - | - | - | - | - | "` + guid + `"`},
		{"IPv4", `toIPv4('192.0.2.1')`, `"192.0.2.1" | - | - | - | - | - | - | - | - | - | - | -`},
		{"IPv6", `toIPv6('2001:db8::ffff')`, `"2001:db8::ffff" | - | - | - | - | - | - | - | - | - | - | -`},
		{"SimpleAggregateFunction(max, Nullable(Int64))", `CAST(1 AS SimpleAggregateFunction(max, Nullable(Int64)))`, `"1" | 1 | 1 | 1 | 1 | 1 | true | 1 | - | - | - | -`},
		{"SimpleAggregateFunction(anyLast, LowCardinality(Nullable(String)))", `CAST('x' AS SimpleAggregateFunction(anyLast, LowCardinality(Nullable(String))))`, `"x" | not_a_number | not_a_number | not_a_number | not_a_number | not_a_number | - | not_a_number | - | - | - | not_a_guid`},
		{"Array(Int8)", `[1]::Array(Int8)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Tuple(UInt8, UInt8)", `(1, 2)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Map(String, UInt8)", `map('a', 1)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"JSON", `'{"a":1}'::JSON`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Nested(a Int8, b String)", `CAST([(1, 'a')] AS Nested(a Int8, b String))`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"AggregateFunction(sum, UInt8)", `sumState(1)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Variant(String, UInt8)", `1::Variant(String, UInt8)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Dynamic", `1::Dynamic`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Nullable(Nothing)", `NULL`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"IntervalDay", `toIntervalDay(1)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Point", `CAST((1., 2.) AS Point)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
		{"Time", `CAST('12:00:00' AS Time)`, `- | - | - | - | - | - | - | - | - | - | - | -`},
	} {
		t.Run(c.typ+" "+c.expr, func(t *testing.T) {
			columns, err := conn.Columns(t.Context(), "SELECT "+c.expr+" AS v")
			if err != nil || columns[0].Type != c.typ {
				t.Fatalf("%v %v, want %s", columns, err, c.typ)
			}
			wants := strings.Split(c.want, " | ")
			null := "Nullable(" + c.typ + ")"
			if c.typ == "LowCardinality(String)" {
				null = "LowCardinality(Nullable(String))"
			}
			both := !seen[c.typ] && !strings.Contains(c.typ, "SimpleAgg") // these say themselves what is NULL
			seen[c.typ] = true
			var targets []string
			want, nulls := map[string]string{}, map[string]string{}
			for i, target := range pairTargets {
				_, err := Compile(input([]SourceColumn{{"v", c.typ}}, column(target)))
				if wants[i] == "-" {
					if err == nil || !strings.Contains(err.Error(), " cannot be written to ") || !strings.Contains(err.Error(), "; ") {
						t.Errorf("%s: %v, want a refusal with a mend", target, err)
					}
					continue
				}
				if err != nil {
					t.Error(err)
					continue
				}
				targets = append(targets, target)
				want[target], nulls[target] = wants[i], "null"
				if target == "firstname" {
					targets = append(targets, "description") // memos are text
					want["description"], nulls["description"] = wants[i], "null"
				}
			}
			pairsOf(t, targets, c.expr, c.typ, want)
			if both && len(targets) > 0 {
				pairsOf(t, targets, "CAST(NULL AS "+null+")", null, nulls)
			}
		})
	}
}

// pairsOf reads a value for several columns at once.
func pairsOf(t *testing.T, targets []string, expr, typ string, want map[string]string) {
	t.Helper()
	var exprs []string
	var dest []any
	plans, rows := map[string]*Plan{}, map[string]*Row{}
	for _, target := range targets {
		p := compile(t, input([]SourceColumn{{"v", typ}}, column(target)))
		plans[target], rows[target] = p, p.NewRow()
		exprs, dest = append(exprs, p.Exprs()...), append(dest, rows[target].Dest()...)
	}
	if len(targets) == 0 {
		return
	}
	q := clickhouse.Query{SQL: "SELECT " + strings.Join(exprs, ", ") + " FROM (SELECT 'k' AS id, " + expr + " AS v)"}
	if err := clickhousetest.Open(t).Row(t.Context(), q, dest...); err != nil {
		t.Fatalf("%v\n%s", err, q.SQL)
	}
	for _, target := range targets {
		body, _, cause := plans[target].Append(nil, nil, rows[target])
		got := string(body)
		if cause != nil {
			got = cause.Code
		}
		if got != wanted(target, want[target]) {
			t.Errorf("%s from %s:\n got %s\nwant %s", target, expr, got, want[target])
		}
	}
}

// wanted is a body with one column, or the code of a refusal.
func wanted(target, want string) string {
	switch {
	case want == "nothing":
		return "{}"
	case strings.HasPrefix(want, `"`) || !strings.Contains(want, "_"):
		return `{"` + target + `":` + want + "}"
	}
	return want
}

// pairOf reads a value for a column and holds what is rendered to what is wanted: JSON, or the code of a refusal.
func pairOf(t *testing.T, target, expr, want string, options ...func(*spec.Field)) {
	t.Helper()
	f := column(target)
	for _, o := range options {
		o(&f)
	}
	lines, _ := run(t, "SELECT 'k' AS id, "+expr+" AS v", nil, f)
	if want = wanted(target, want); strings.HasPrefix(want, "{") {
		want = `"k" contacts(externaluseridentifier='k') ` + want
	}
	if len(lines) != 1 || lines[0] != want {
		t.Errorf("%s from %s:\n got %s\nwant %s", target, expr, lines, want)
	}
}
