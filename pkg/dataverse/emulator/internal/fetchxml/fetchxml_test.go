package fetchxml

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAFetchIsAQuery(t *testing.T) {
	q, err := Parse(`<fetch count="3" page="2" returntotalrecordcount="true"><entity name="contact"><attribute name="firstname"/><order attribute="lastname" descending="true"/>` +
		`<filter type="or"><condition attribute="firstname" operator="like" value="%a%"/><filter><condition attribute="statecode" operator="eq" value="0"/>` +
		`<condition attribute="createdon" operator="olderthan-x-days" value="3"/></filter></filter></entity></fetch>`)
	if err != nil || q.Table != "contact" || q.Size != 3 || q.Page != 2 || !q.Options.Count || q.Options.Select[0] != "firstname" || !q.Options.Order[0].Descending {
		t.Fatalf("%+v %v", q, err)
	}
	or := q.Options.Filter.(*odata.Binary)
	and := or.Right.(*odata.Binary)
	if or.Operator != "or" || or.Left.(*odata.Call).Name != "contains" || and.Operator != "and" || and.Right.(*odata.Call).Name != "Microsoft.Dynamics.CRM.OlderThanXDays" {
		t.Errorf("%+v", or)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`<fetch top="1"><entity name="contact"><all-attributes/><filter><condition attribute="a" operator="in"><value>1</value><value>2</value></condition></filter></entity></fetch>`,
		`<fetch><entity name="a"><filter type="or"><condition attribute="b" operator="null"/><filter/></filter></entity></fetch>`,
		`<fetch><entity name="a"><link-entity name="b"/></entity></fetch>`, `<fetch>`, ``, `<fetch top="x"/>`, `<fetch><entity name="a"><filter><condition attribute="b" operator="-"/></filter></entity></fetch>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Parse(text)
		var refused *odata.Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
