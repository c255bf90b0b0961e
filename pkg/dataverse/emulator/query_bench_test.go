package emulator_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// BenchmarkQueries asks a table of 100,000 rows, to see what goes through all of it.
func BenchmarkQueries(b *testing.B) {
	e := start(b, emulator.Config{Limits: emulator.Limits{Off: true}, NoJournal: true})
	for batch := range 100 {
		parts := make([]string, 1000)
		for i := range parts {
			n := 1000*batch + i
			parts[i] = part("PATCH", "/api/data/v9.2/accounts("+at(n+1)+")", "Content-Type: application/json\r\n",
				fmt.Sprintf(`{"name":"Account %d","accountnumber":"A-%d","numberofemployees":%d}`, n*7919%100000, n, n%1000))
		}
		e.batch(inBatch(parts...))
	}
	for name, path := range map[string]string{
		"by id":               "accounts(" + at(50000) + ")?$select=name",
		"page":                "accounts?$select=name&$top=10",
		"id in a filter":      "accounts?$select=name&$filter=accountid%20eq%20" + at(50000),
		"key in a filter":     "accounts?$select=name&$filter=accountnumber%20eq%20'A-50000'",
		"column in a filter":  "accounts?$select=name&$filter=name%20eq%20'account%2050000'",
		"text in a filter":    "accounts?$select=name&$filter=contains(name,'99999')",
		"page in order":       "accounts?$select=name&$orderby=name&$top=10",
		"whole page in order": "accounts?$select=name&$orderby=name",
		"children":            "accounts(" + at(50000) + ")?$select=name&$expand=account_parent_account($select=name)",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if a := e.do("GET", path, ""); a.status != http.StatusOK {
					b.Fatal(a.status, a.body)
				}
			}
		})
	}
}
