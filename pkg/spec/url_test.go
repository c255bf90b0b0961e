package spec

import (
	"strings"
	"testing"
)

func TestMistakesInAddressesAreRecognised(t *testing.T) {
	const right = "https://contoso.crm4.dynamics.com/api/data/v9.2/"
	for raw, want := range map[string]struct{ what, mend string }{
		right: {}, "https://contoso.api.crm4.dynamics.com/api/data/v9.2": {}, "http://127.0.0.1:8365/api/data/v9.2/": {},
		"https://contoso.crm4.dynamics.com": {}, // nothing that it could be mistaken for
		"":                                  {"empty", "Developer resources"},
		" " + right:                         {"blanks around", right},
		right + "\n":                        {"blanks around", right},
		"https://contoso .crm4.dynamics.com/api/data/v9.2/": {"a blank in it", "Developer resources"},
		"contoso.crm4.dynamics.com":                         {"https:// is missing", right},
		"contoso.crm4.dynamics.com/api/data/v9.2/":          {"https:// is missing", right},
		"contoso": {"https:// is missing", "the whole of it"},
		"https://make.powerapps.com/environments/1234/home":                       {"the maker portal", "Developer resources"},
		"https://apps.powerapps.com/play/e/1":                                     {"Power Apps", "Developer resources"},
		"https://admin.powerplatform.microsoft.com/environments":                  {"the admin center", "Developer resources"},
		"https://login.microsoftonline.com/contoso.example":                       {"where tokens come from", "Developer resources"},
		"https://globaldisco.crm.dynamics.com/api/discovery/v2.0/Instances":       {"the discovery service", "Developer resources"},
		"https://Contoso.crm4.dynamics.com/main.aspx?appid=1&pagetype=entitylist": {"a page for people (/main.aspx)", right},
		"https://contoso.crm4.dynamics.com/apps/sales":                            {"a page for people", right},
		"https://contoso.crm4.dynamics.com/XRMServices/2011/Organization.svc":     {"the old SOAP service", right},
		"https://contoso.crm4.dynamics.com/api/discovery/v9.2/":                   {"the discovery service", "Developer resources"},
		"https://contoso.crm4.dynamics.com/api/data/v9.2/contacts":                {"goes on after the version", right},
		"https:///api/data/v9.2/":                                                 {"names no host", "Developer resources"},
		"https://me:hunter2@contoso.crm4.dynamics.com/main.aspx":                  {"a user name", "credentials"},
		" https://me:hunter2@contoso.crm4.dynamics.com/api/data/v9.2/":            {"a user name", "credentials"},
		"me:hunter2@contoso.crm4.dynamics.com/api/data/v9.2/":                     {"a user name", "credentials"},
		"me:hunter2/x@contoso.crm4.dynamics.com/api/data/v9.2/":                   {"a user name", "credentials"},
		"https://me:hun ter2@contoso.crm4.dynamics.com/api/data/v9.2/":            {"a user name", "credentials"},
	} {
		what, mend := URLMistake(raw)
		if (what == "") != (want.what == "") || !strings.Contains(what, want.what) || !strings.Contains(mend, want.mend) || strings.Contains(what+mend, "hunter2") {
			t.Errorf("%q: %q, %q; want %q, %q", raw, what, mend, want.what, want.mend)
		}
	}
}
