package sql

import (
	"errors"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

func TestASelectIsReadAsAQuery(t *testing.T) {
	q, err := Parse(`SELECT TOP 3 a.name, [accountnumber] FROM dbo.account AS a WHERE a.name = 'O''Brien' AND (revenue >= 5 OR a.telephone1 IS NOT NULL) ORDER BY name DESC, createdon;`)
	if err != nil {
		t.Fatal(err)
	}
	o := q.Options
	if q.Table != "account" || o.Top != 3 || strings.Join(o.Select, " ") != "name accountnumber" || len(o.Order) != 2 || !o.Order[0].Descending || o.Order[1].Descending {
		t.Errorf("%+v", q)
	}
	and, ok := o.Filter.(*odata.Binary)
	if !ok || and.Operator != "and" {
		t.Fatalf("%+v", o.Filter)
	}
	name, ok := and.Left.(*odata.Binary)
	if !ok || name.Operator != "eq" || name.Right != (odata.Literal{Kind: odata.Untyped, Text: "O'Brien"}) {
		t.Errorf("%+v", and.Left)
	}
}

func TestWhatIsNotKnownIsToldFromWhatIsWrong(t *testing.T) {
	for text, unsupported := range map[string]bool{
		"SELECT name FROM account JOIN contact ON 1 = 1": true, "SELECT COUNT(*) FROM account": true, "SELECT DISTINCT name FROM account": true,
		"SELECT name FROM account GROUP BY name": true, "SELECT name AS n FROM account": true, "SELECT name FROM account WHERE name LIKE '%a%b%'": true,
		"SELECT name FROM account WHERE accountid IN (SELECT accountid FROM account)": true,
		"DELETE FROM account": false, "SELECT name": false, "SELECT name FROM": false, "SELECT FROM account": false, "SELECT name FROM account WHERE": false,
		"SELECT name FROM account WHERE name = 'x": false, "SELECT b.name FROM account a": false, "SELECT name FROM account WHERE name = ": false,
		"SELECT TOP x name FROM account": false, "": false, "SELECT name, FROM account": false, "SELECT name FROM account ORDER name": false,
	} {
		_, err := Parse(text)
		var refused *odata.Error
		if !errors.As(err, &refused) || refused.Unsupported != unsupported {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"SELECT TOP 2 name FROM account", "SELECT * FROM account WHERE NOT (a = 1 AND b <> N'x') ORDER BY c DESC", "select a.b from c a where d in (1, '2') or e between 1 and 2",
		"SELECT a FROM b WHERE c LIKE '%d%' AND e IS NULL", "SELECT (", "[", "SELECT a FROM b WHERE ((((",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err == nil && q.Table == "" {
			t.Errorf("%q has no table", text)
		}
	})
}
