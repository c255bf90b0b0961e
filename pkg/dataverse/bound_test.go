package dataverse

import "testing"

func TestTheColumnOfAMissingReferenceIsFoundInTheBody(t *testing.T) {
	for _, c := range []struct{ name, body, target, want string }{
		{"the only lookup", `{"name":"x","primarycontactid@odata.bind":"/contacts(1)"}`, "contact", "primarycontactid"},
		{"a polymorphic one", `{"parentcustomerid_account@odata.bind":"/accounts(1)","originatingleadid@odata.bind":"/leads(1)"}`, "account", "parentcustomerid"},
		{"a custom one has capitals", `{"new_Contact@odata.bind":"/contacts(1)"}`, "contact", "new_contact"},
		{"a custom one without", `{"new_contact@odata.bind":"/contacts(1)"}`, "contact", "new_contact"},
		{"a custom polymorphic one", `{"new_Payer_contact@odata.bind":"/contacts(1)","x@odata.bind":"/y(1)"}`, "contact", "new_payer"},
		{"two that could be", `{"a@odata.bind":"/contacts(1)","b@odata.bind":"/contacts(2)"}`, "contact", ""},
		{"none", `{"name":"@odata.bind"}`, "contact", ""},
		{"no body", ``, "contact", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := boundColumn([]byte(c.body), c.target); got != c.want {
				t.Errorf("column %q, want %q", got, c.want)
			}
		})
	}
}
