package connection

import (
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
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

func TestPrivilegesFollowFromWhatASyncDoes(t *testing.T) {
	table := &dataverse.Table{LogicalName: "contact", Columns: []dataverse.Column{
		{Name: "firstname", Type: dataverse.Text},
		{Name: "managerid", Type: dataverse.Lookup, TypeName: "LookupType", Targets: []dataverse.Target{{Table: "systemuser", PrimaryID: "systemuserid"}}},
		{Name: "ownerid", Type: dataverse.Lookup, TypeName: "OwnerType", Targets: []dataverse.Target{{Table: "systemuser", PrimaryID: "systemuserid"}, {Table: "team", PrimaryID: "teamid"}}},
		{Name: "parentcustomerid", Type: dataverse.Lookup, TypeName: "CustomerType", Targets: []dataverse.Target{{Table: "account", PrimaryID: "accountid"}, {Table: "contact", PrimaryID: "contactid"}}},
	}}
	bind := func(column, to, key string) spec.Field {
		return spec.Field{Column: column, To: to, By: []spec.Part{{Key: key, From: "v"}}}
	}
	for _, tt := range []struct {
		mode  spec.Mode
		leave spec.Action
		field spec.Field
		want  string
	}{
		{spec.Create, spec.Nothing, spec.Field{Column: "firstname", From: "v"}, "Create contact"},
		{spec.Update, spec.Nothing, spec.Field{Column: "firstname", From: "v"}, "Read contact, Write contact"},
		{spec.Upsert, spec.Delete, spec.Field{Column: "firstname", From: "v"}, "Create contact, Read contact, Write contact, Delete contact"},
		{spec.Update, spec.Nothing, bind("parentcustomerid", "account", "accountid"), "Read contact, Write contact, Append contact, AppendTo account"},
		{spec.Update, spec.Nothing, bind("parentcustomerid", "account", "accountnumber"), "Read contact, Write contact, Append contact, AppendTo account, Read account"},
		{spec.Update, spec.Nothing, bind("parentcustomerid", "contact", "externaluseridentifier"), "Read contact, Write contact, Append contact, AppendTo contact"},
		{spec.Update, spec.Nothing, bind("managerid", "", "systemuserid"), "Read contact, Write contact, Append contact, AppendTo systemuser"},
		{spec.Update, spec.Nothing, bind("ownerid", "team", "teamid"), "Read contact, Write contact, Assign contact"},
		{spec.Update, spec.Nothing, bind("nosuch", "team", "teamid"), "Read contact, Write contact"},
	} {
		s := spec.Sync{To: spec.To{Table: "contact", Mode: tt.mode, OnLeave: spec.OnLeave{Action: tt.leave}}, Map: []spec.Field{tt.field}}
		var got []string
		for _, n := range needs(s, table) {
			got = append(got, string(n.verb)+" "+n.table)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s %+v: %v, want %s", tt.mode, tt.field, got, tt.want)
		}
	}
}
