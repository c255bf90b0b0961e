package dataverse

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func contacts() *Table {
	return &Table{LogicalName: "contact", SetName: "contacts", PrimaryID: "contactid", Columns: []Column{
		{Name: "creditlimit", Type: Money},
		{Name: "firstname", Type: Text},
		{Name: "gendercode", Type: Choice},
		{Name: "parentcustomerid", Type: Lookup},
	}}
}

func TestARecordIsReadByColumn(t *testing.T) {
	var query, path, prefer string
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		query, path, prefer = r.URL.Query().Get("$select"), r.URL.EscapedPath(), r.Header.Get("Prefer")
		_, _ = io.WriteString(w, `{"@odata.etag":"W/\"1\"","contactid":"0a","firstname":"Ana","creditlimit":1234567890123456789.01,
			"gendercode":1,"gendercode@OData.Community.Display.V1.FormattedValue":"Male",
			"_parentcustomerid_value":"0b","_parentcustomerid_value@OData.Community.Display.V1.FormattedValue":"Contoso",
			"_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"account"}`)
	})
	record, found, err := connect(t, f.URL).Record(t.Context(), contacts(), "contacts(externaluseridentifier='O''Brien%20x')",
		[]string{"firstname", "creditlimit", "gendercode", "parentcustomerid"})
	if err != nil || !found {
		t.Fatalf("found %t, %v", found, err)
	}
	if want := "contactid,firstname,creditlimit,gendercode,_parentcustomerid_value"; query != want {
		t.Errorf("$select=%s, want %s", query, want)
	}
	if !strings.HasSuffix(path, "/contacts(externaluseridentifier='O''Brien%20x')") {
		t.Errorf("the path is %s", path)
	}
	if !strings.Contains(prefer, formatted) {
		t.Errorf("Prefer: %s", prefer)
	}
	for column, want := range map[string]Field{
		"contactid":        {Value: "0a"},
		"firstname":        {Value: "Ana"},
		"creditlimit":      {Value: json.Number("1234567890123456789.01")},
		"gendercode":       {Value: json.Number("1"), Label: "Male"},
		"parentcustomerid": {Value: "0b", Label: "Contoso", Table: "account"},
	} {
		if record[column] != want {
			t.Errorf("%s is %+v, want %+v", column, record[column], want)
		}
	}
}

func TestARecordThatIsNotThereIsNoError(t *testing.T) {
	for _, code := range []string{"0x80040217", "0x80060891"} {
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":{"code":"`+code+`","message":"nothing there"}}`)
		})
		if r, found, err := connect(t, f.URL).Record(t.Context(), contacts(), "contacts(x='1')", nil); r != nil || found || err != nil {
			t.Errorf("%s: %v, %t, %v", code, r, found, err)
		}
	}
}

func TestARecordThatCannotBeReadSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   penstock.Kind
	}{
		{"a pause", http.StatusTooManyRequests, `{"error":{"code":"0x80072322","message":"slow down"}}`, penstock.Throttled},
		{"a path that leads nowhere", http.StatusNotFound, `{"error":{"code":"0x80060888","message":"Resource not found"}}`, penstock.SystemFault},
		{"what is no JSON", http.StatusOK, `<html>`, penstock.SystemFault},
	} {
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, found, err := connect(t, f.URL).Record(t.Context(), contacts(), "contacts(x='1')", nil)
		var fault *penstock.Error
		if !errors.As(err, &fault) || fault.Kind != c.kind || found || c.kind == penstock.Throttled && fault.Wait != 7*time.Second {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	f := newFake(t, func(http.ResponseWriter, *http.Request) { t.Error("asked for a column that the table has not") })
	if _, _, err := connect(t, f.URL).Record(t.Context(), contacts(), "contacts(x='1')", []string{"nickname"}); err == nil {
		t.Error("no error")
	}
}
