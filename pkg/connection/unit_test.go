package connection

import (
	"net/url"
	"strings"
	"testing"
)

// Hosts of Microsoft cannot be stood in for, so what is concluded from their names is tested without them.
func TestHostAuthorityAndResourceBelongTogether(t *testing.T) {
	authority := func(host string) *url.URL { return &url.URL{Scheme: "https", Host: host} }
	for _, tt := range []struct {
		name string
		step Step
		want State
		saw  string
	}{
		{"the public cloud", cloudStep("contoso.crm4.dynamics.com", authority("login.microsoftonline.com")), Passed, "the public cloud"},
		{"GCC, which uses the public one", cloudStep("contoso.crm9.dynamics.com", authority("login.microsoftonline.com")), Passed, "the public cloud"},
		{"GCC High", cloudStep("contoso.crm.microsoftdynamics.us", authority("login.microsoftonline.us")), Passed, "GCC High"},
		{"either of China's", cloudStep("contoso.crm.dynamics.cn", authority("login.partner.microsoftonline.cn")), Passed, "China"},
		{"another cloud", cloudStep("contoso.crm.microsoftdynamics.us", authority("login.microsoftonline.com")), Failed, "the wrong cloud: contoso.crm.microsoftdynamics.us belongs to the US government, GCC High cloud, whose tokens come from login.microsoftonline.us, not from login.microsoftonline.com"},
		{"a vanity host", cloudStep("crm.contoso.example", authority("login.microsoftonline.com")), Warned, "is not of the form of Dataverse's hosts"},
		{"the same resource", scopeStep("contoso.crm4.dynamics.com", "https://contoso.crm4.dynamics.com/"), Passed, "https://contoso.crm4.dynamics.com/.default"},
		{"no resource", scopeStep("contoso.crm4.dynamics.com", ""), Passed, "https://contoso.crm4.dynamics.com/.default"},
		{"the host of the Web API", scopeStep("contoso.api.crm4.dynamics.com", "https://contoso.crm4.dynamics.com/"), Warned, "tokens are asked for contoso.api.crm4.dynamics.com, and the environment calls itself contoso.crm4.dynamics.com"},
		{"another environment", scopeStep("contoso.crm4.dynamics.com", "https://fabrikam.crm4.dynamics.com/"), Failed, "but the environment is fabrikam.crm4.dynamics.com"},
		{"a tenant by its domain", tenantStep("contoso.example", "22222222-2222-2222-2222-222222222222"), Passed, "contoso.example"},
		{"no tenant", tenantStep("", "22222222-2222-2222-2222-222222222222"), Passed, "22222222"},
		{"no tenant anywhere", tenantStep("", ""), Failed, "names none"},
	} {
		if tt.step.State != tt.want || !strings.Contains(tt.step.Saw, tt.saw) || (tt.want == Passed) != (tt.step.Do == "") {
			t.Errorf("%s: %+v, want %s %q", tt.name, tt.step, tt.want, tt.saw)
		}
	}
}
