package mapping

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"     //nolint:depguard // the whole way of a value is tested; the package itself has no connection
	"github.com/penstock-sync/penstock/pkg/clickhousetest" //nolint:depguard // as above
	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator" //nolint:depguard // as above
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// From ClickHouse by the plan into Dataverse, and what is there then.
func TestAValueOfEachTypeIsReadBackAsItWas(t *testing.T) {
	values := []struct{ column, expr, want string }{
		{"new_name", `'O\'Brien "x" 😀'`, `"O'Brien \"x\" 😀"`},
		{"new_notes", `'line\nline'`, `"line\nline"`},
		{"new_number", `toUInt32(2147483647)`, `2147483647`},
		{"new_points", `toInt64(-9223372036854775808)`, `-9223372036854775808`},
		{"new_tier", `toInt32(100000001)`, `100000001`},
		{"new_fee", `toDecimal128('922337203685476.58', 2)`, `922337203685476.58`},
		{"new_score", `round(toFloat64(-0.12341), 4)`, `-0.1234`},
		{"new_weight", `toFloat32(0.1)`, `0.1`},
		{"new_joinedon", `toDate32('1900-02-28')`, `"1900-02-28"`},
		{"new_lastvisit", `toDateTime64('2024-03-31 03:30:00.999', 3, 'Europe/Berlin')`, `"2024-03-31T01:30:00Z"`},
		{"new_openingtime", `toDateTime('2024-07-01 08:00:00', 'Europe/Berlin')`, `"2024-07-01T08:00:00Z"`},
		{"new_paid", `'Ja'`, `true`},
		{"new_externalid", `toUUID('61F0C404-5CB3-11E7-907B-A6006AD3DBA0')`, `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`},
	}
	server := emulator.New(emulator.Config{})
	web := httptest.NewServer(server)
	defer web.Close()
	client, err := dataverse.New(dataverse.Config{
		URL: web.URL, Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil }, Request: time.Minute, Connections: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	table, err := client.Table(t.Context(), "new_membership")
	if err != nil {
		t.Fatal(err)
	}
	for _, null := range []bool{false, true} {
		exprs := []string{"'K 1' AS code"}
		var fields []spec.Field
		for _, v := range values {
			expr := "toNullable(" + v.expr + ")"
			if null {
				expr = "nullIf(" + v.expr + ", " + v.expr + ")"
			}
			exprs = append(exprs, expr+" AS "+v.column)
			f := spec.Field{Column: v.column, From: v.column, Null: spec.NullWrite}
			if v.column == "new_paid" {
				f.Values = []spec.Translation{{Word: "ja", Value: "true"}, {Word: "nein", Value: "false"}}
			}
			fields = append(fields, f)
		}
		model := "SELECT " + strings.Join(exprs, ", ")
		conn := clickhousetest.Open(t)
		columns, err := conn.Columns(t.Context(), model)
		if err != nil {
			t.Fatal(err)
		}
		in := Input{
			Sync: spec.Sync{
				Name: "memberships", From: spec.From{Key: []string{"code"}}, Map: fields,
				To: spec.To{Environment: "demo", Table: "new_membership", Match: []string{"new_code"}, Mode: spec.Upsert},
			},
			Organization: organization, Table: table,
		}
		for _, c := range columns {
			in.Model = append(in.Model, SourceColumn{Name: c.Name, Type: c.Type})
		}
		p := compile(t, in)
		r := p.NewRow()
		if err := conn.Row(t.Context(), clickhouse.Query{SQL: p.Select(model)}, r.Dest()...); err != nil {
			t.Fatal(err)
		}
		body, address, cause := p.Append(nil, nil, r)
		if cause != nil {
			t.Fatal(cause)
		}
		answer := client.Batch(t.Context(), "new_membership", penstock.Execution{}, []penstock.Change{
			{Operation: p.Operation(), Key: r.Key, Address: string(address), Body: body},
		})
		if answer.Fault != nil || answer.Verdicts[0].Kind != penstock.Fine {
			t.Fatalf("%s %s: %+v", address, body, answer)
		}
		rows := server.Rows("new_membership")
		i := slices.IndexFunc(rows, func(r emulator.Row) bool { return string(r["new_code"]) == `"K 1"` })
		if i < 0 {
			t.Fatalf("the record is not there: %v", rows)
		}
		for _, v := range values {
			want := v.want
			if null {
				want = ""
			}
			if got := string(rows[i][v.column]); got != want && !(null && got == "null") {
				t.Errorf("%s: %s became %s, want %s", v.column, v.expr, got, want)
			}
		}
	}
}
