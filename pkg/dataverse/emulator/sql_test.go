package emulator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

func TestASelectAnswersAsTheQueryThatSaysTheSame(t *testing.T) {
	e := start(t, emulator.Config{})
	parent := uuid.NewString()
	e.must("POST", "accounts", `{"accountid":"`+parent+`","name":"root"}`)
	for i := range 4 {
		e.must("POST", "accounts", fmt.Sprintf(`{"name":"a%d","numberofemployees":%d,"donotemail":%v,"parentaccountid@odata.bind":"/accounts(%s)"}`, i, i, i == 2, parent))
	}
	for query, want := range map[string]string{
		"SELECT TOP 2 name FROM account":                                                       "root a0",
		"SELECT name FROM account WHERE numberofemployees > 1 ORDER BY name DESC":              "a3 a2",
		"SELECT a.name FROM account a WHERE a.name LIKE 'a%' AND NOT (a.name IN ('A1', 'a3'))": "a0 a2",
		"SELECT name FROM account WHERE donotemail = 1":                                        "a2",
		"SELECT name FROM account WHERE numberofemployees BETWEEN 1 AND 2 ORDER BY name":       "a1 a2",
		"SELECT name FROM account WHERE numberofemployees IS NULL":                             "root",
		"SELECT name FROM account WHERE parentaccountid = '" + parent + "' AND name <> 'a0'":   "a1 a2 a3",
		"SELECT TOP 0 name FROM account":                                                       "",
	} {
		var names []string
		list, _ := e.must("GET", "accounts?sql="+url.QueryEscape(query), "").object(t)["value"].([]any)
		for _, row := range list {
			o, _ := row.(map[string]any)
			if name, ok := o["name"].(string); ok {
				names = append(names, name)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	first := e.must("GET", "accounts?sql=SELECT%20name%20FROM%20account", "", "Prefer: odata.maxpagesize=3").object(t)
	next, _ := first["@odata.nextLink"].(string)
	if second, _ := e.must("GET", next, "", "Prefer: odata.maxpagesize=3").object(t)["value"].([]any); len(second) != 2 {
		t.Errorf("the second page has %d rows", len(second))
	}
	e.refused(e.do("GET", "accounts?sql="+url.QueryEscape("SELECT name FROM account JOIN contact ON 1 = 1"), ""), http.StatusNotImplemented, "0x80040219", "JOIN")
	e.refused(e.do("GET", "accounts?sql="+url.QueryEscape("SELECT nope FROM account"), ""), http.StatusBadRequest, "0x80060888", "nope")
	e.refused(e.do("GET", "accounts?sql="+url.QueryEscape("SELECT name FROM contact"), ""), http.StatusBadRequest, "0x80060888", "contact")
	e.refused(e.do("GET", "accounts?$top=1&sql="+url.QueryEscape("SELECT name FROM account"), ""), http.StatusBadRequest, "0x80060888", "together")
	e.refused(e.do("GET", "accounts("+parent+")?sql="+url.QueryEscape("SELECT name FROM account"), ""), http.StatusBadRequest, "0x80060888", "only on collections")
}
