package mapping

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

var update = flag.Bool("update", false, "write the tables of services/penstock/docs/types.md")

const typesPage = "../../services/penstock/docs/types.md"

// The page that users read has the tables that the code makes.
func TestTheDocumentedTypesAreThoseOfTheCode(t *testing.T) {
	data, err := os.ReadFile(typesPage)
	if err != nil {
		t.Fatal(err)
	}
	pairs, mends := documented()
	page := replaced(t, replaced(t, string(data), "<!-- pairs:", pairs), "<!-- mends:", mends)
	if *update {
		if err := os.WriteFile(typesPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if page != string(data) {
		t.Errorf("%s does not say what the code does: go test ./pkg/mapping -run TestTheDocumentedTypes -update", typesPage)
	}
}

// replaced puts a table in the place of the one between a comment and <!-- end -->.
func replaced(t *testing.T, page, from, table string) string {
	t.Helper()
	before, rest, found := strings.Cut(page, from)
	comment, rest, found2 := strings.Cut(rest, "-->\n")
	_, after, found3 := strings.Cut(rest, "<!-- end -->")
	if !found || !found2 || !found3 {
		t.Fatalf("the page has no %s", from)
	}
	return before + from + comment + "-->\n" + table + "<!-- end -->" + after
}

// documented makes the table of pairs, and that of what to write where there is none.
func documented() (pairs, mends string) {
	columns := []struct {
		name   string
		column dataverse.Column
	}{
		{"text", dataverse.Column{Type: dataverse.Text}},
		{"whole number", dataverse.Column{Type: dataverse.Integer}},
		{"big integer", dataverse.Column{Type: dataverse.BigInt}},
		{"decimal, money", dataverse.Column{Type: dataverse.Decimal}},
		{"double", dataverse.Column{Type: dataverse.Double}},
		{"boolean", dataverse.Column{Type: dataverse.Boolean, Name: "column"}},
		{"choice", dataverse.Column{Type: dataverse.Choice, Name: "column", Options: []dataverse.Option{{Value: 1, Label: "Male"}, {Value: 2, Label: "Female"}}}},
		{"date only", dataverse.Column{Type: dataverse.DateTime, Behavior: dataverse.DateOnly}},
		{"user local", dataverse.Column{Type: dataverse.DateTime, Behavior: dataverse.UserLocal}},
		{"time-zone independent", dataverse.Column{Type: dataverse.DateTime, Behavior: dataverse.TimeZoneIndependent}},
		{"unique identifier", dataverse.Column{Type: dataverse.GUID}},
	}
	types := []struct{ name, typ string }{
		{"String", "String"},
		{"FixedString(16)", "FixedString(16)"},
		{"FixedString(36)", "FixedString(36)"},
		{"Enum8, Enum16", "Enum8('a' = 1)"},
		{"Bool", "Bool"},
		{"UInt8", "UInt8"},
		{"Int8 … Int64", "Int32"},
		{"UInt16 … UInt64", "UInt32"},
		{"Int128, Int256, UInt128, UInt256", "Int128"},
		{"Decimal(P, 0)", "Decimal(38, 0)"},
		{"Decimal(P, S), to 76 digits", "Decimal(76, 4)"},
		{"Float32, BFloat16", "Float32"},
		{"Float64", "Float64"},
		{"Date, Date32", "Date32"},
		{"DateTime, DateTime64(P)", "DateTime"},
		{"DateTime('zone'), DateTime64(P, 'zone')", "DateTime('Europe/Berlin')"},
		{"UUID", "UUID"},
		{"IPv4, IPv6", "IPv4"},
		{"Array(T), Nested", "Array(String)"},
		{"Tuple, Point", "Tuple(String, String)"},
		{"Map", "Map(String, String)"},
		{"JSON", "JSON"},
		{"AggregateFunction", "AggregateFunction(sum, UInt8)"},
		{"Variant, Dynamic, Time, Time64", "Dynamic"},
		{"Interval…", "IntervalDay"},
		{"Nothing (a bare NULL)", "Nullable(Nothing)"},
	}
	words := map[form]string{
		formText: "text", formWhole: "number", formNumeral: "number", formFloat: "number", formBoolean: "0, 1", formChoice: "number",
		formDate: "date", formDateTime: "UTC", formGUID: "GUID",
	}
	head, rule := []string{"ClickHouse"}, []string{"---"}
	for _, c := range columns {
		head, rule = append(head, c.name), append(rule, "---")
	}
	rows := [][]string{head, rule}
	instead := [][]string{{"column", "from", "the model can give"}, {"---", "---", "---"}}
	for _, t := range types {
		row := []string{t.name}
		for _, c := range columns {
			s := understand(SourceColumn{Name: "v", Type: t.typ})
			r, ok := pair(&c.column, s)
			if optional(&c.column) {
				r, ok = whole(s, formChoice)
			}
			word := words[r.form]
			switch {
			case !ok:
				word = "—"
				if m := mend(&c.column, s); !strings.Contains(m, "drop it") {
					instead = append(instead, []string{c.name, t.name, m})
				}
			case r.form == formDateTime && s.class == date:
				word = "midnight"
			case r.form == formDateTime && c.column.Behavior == dataverse.TimeZoneIndependent:
				word = "the zone's clock"
			}
			row = append(row, word)
		}
		rows = append(rows, row)
	}
	mends = table(gathered(instead))
	return table(rows), strings.ReplaceAll(mends, "| "+strings.Join(head[1:], ", ")+" |", "| any |")
}

// gathered makes one line of those that differ in one cell alone: first the columns of a type, then the types.
func gathered(rows [][]string) [][]string {
	for _, cell := range []int{0, 1} {
		var all [][]string
		for _, r := range rows {
			i := slices.IndexFunc(all, func(o []string) bool { return o[2] == r[2] && o[1-cell] == r[1-cell] })
			if i < 0 {
				all = append(all, slices.Clone(r))
			} else {
				all[i][cell] += ", " + r[cell]
			}
		}
		rows = all
	}
	return rows
}

func table(rows [][]string) string {
	var s strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&s, "| %s |\n", strings.Join(r, " | "))
	}
	return s.String()
}
