package dataverse

import "strings"

// A Remedy is what an error code of Entra ID or Dataverse means to the person who has to mend it.
type Remedy struct {
	Fault string // what is wrong, in one line; empty where the answer's own text says it best
	Mend  string // whose it is to mend where that is not the reader, where, and how
}

// String is both, for a hint.
func (r Remedy) String() string {
	if r.Fault == "" {
		return r.Mend
	}
	return r.Fault + "; " + r.Mend
}

// RemedyOf finds the remedy of a code that says who or what is not let in: AADSTS7000215, 0x80072560, or http_401 for a 401
// without a code. What else a code of Dataverse asks for, [Mend] says.
func RemedyOf(code string) (Remedy, bool) {
	key := strings.ToLower(code)
	if strings.HasPrefix(key, "aadsts530") { // all of conditional access
		key = "aadsts53003"
	}
	r, found := remedies[key]
	return r, found
}

// The pages of the admin centers where most is mended, to stand after what is to be done there.
const (
	AtRegistration     = "in the Entra admin center, App registrations, the application, Certificates & secrets"
	AtApplicationUsers = "in the Power Platform admin center, the environment, Settings, Users + permissions, Application users"
)

const newCertificate = "an owner of the application: make a new one, upload it " + AtRegistration + ", and configure it with its key"

// GrantPrivileges is what is to be done where a user ("application user 1111…") lacks privileges: the one wording of it. Without
// names, they are those that were spoken of.
func GrantPrivileges(user string, names ...string) string {
	what := "this privilege"
	if len(names) > 0 {
		what = strings.Join(names, ", ")
	}
	return "a system administrator of the environment: give " + user + " a security role with " + what + ", " + AtApplicationUsers +
		", Edit security roles; changes are seen after about 30 s"
}

// remedies is the table of reference "Token errors" and "What Dataverse answers about identity"; the codes of client
// assertions are from public captures. Keys are in lower case.
var remedies = map[string]Remedy{ //nolint:gochecknoglobals // constant table
	"aadsts7000215": {"the client secret is wrong", "an owner of the application: make a new secret " + AtRegistration + ", and configure its Value, which is shown once"},
	"aadsts7000222": {"the client secret has expired", "an owner of the application: make a new secret " + AtRegistration + ", and configure its Value"},
	"aadsts7000216": {"Entra ID did not find a credential in the request", hintDefect},
	"aadsts7000218": {"Entra ID did not find a credential in the request", hintDefect},
	"aadsts7000214": {"the certificate has been revoked", newCertificate},
	"aadsts7000277": {"the certificate has been revoked", newCertificate},
	"aadsts700027":  {"the certificate is not registered with the application, or the key is not its own", "an owner of the application: upload the certificate " + AtRegistration + ", and configure the file that holds it with its key"},
	"aadsts700024":  {"this machine's clock and that of Entra ID differ", "whoever runs this machine: set its clock"},
	"aadsts1000502": {"the certificate is not valid now", newCertificate},
	"aadsts7000274": {"the certificate is not valid now", newCertificate},
	"aadsts7000229": {"the application is not known in the tenant as an enterprise application", "an administrator of the tenant has to consent to the application there"},

	// Assertions that Entra ID cannot read.
	"aadsts50027":   {"", hintDefect},
	"aadsts700021":  {"", hintDefect},
	"aadsts700023":  {"", hintDefect},
	"aadsts5002723": {"", hintDefect},
	"aadsts5002738": {"", hintDefect},
	"aadsts5002741": {"", hintDefect},

	"aadsts700016":  {"the tenant knows no application with this client id", "check client_id and tenant in the environment's file; an administrator of the tenant has to consent to an application of another one"},
	"aadsts90002":   {"there is no such tenant", "check tenant in the environment's file: the Directory (tenant) ID in the Entra admin center; is it in this cloud?"},
	"aadsts900023":  {"the tenant is neither a directory's ID nor its domain", "write the Directory (tenant) ID of the Entra admin center, or a verified domain, into the environment's file"},
	"aadsts500011":  {"the tenant does not know this environment", "check url and tenant in the environment's file: one of them is of another organisation"},
	"aadsts70011":   {"Entra ID does not take the environment's URL for a scope", "check url in the environment's file"},
	"aadsts1002012": {"Entra ID does not take the environment's URL for a scope", "check url in the environment's file"},
	"aadsts70001":   {"the application is not enabled in the tenant", "an administrator of the tenant: enable it in the Entra admin center, Enterprise applications, the application, Properties"},
	"aadsts7000112": {"the application is disabled", "an administrator of the tenant: enable it in the Entra admin center, Enterprise applications, the application, Properties"},
	"aadsts53003":   {"conditional access blocks the application", "an administrator of the tenant: allow it from here in the Entra admin center, Protection, Conditional Access (policies for workload identities)"},
	"aadsts50033":   {"Entra ID is out of order for the moment", "try again in some minutes"},
	"aadsts90033":   {"Entra ID is out of order for the moment", "try again in some minutes"},
	"aadsts50196":   {"Entra ID was asked too often and refuses for some minutes", "stop what asks in a loop, and try again in five minutes"},
	"aadsts90055":   {"Entra ID was asked too often and refuses for some minutes", "try again in five minutes"},

	"0x80072560": {"the application has no application user in this environment", "a system administrator of the environment: add it " + AtApplicationUsers + ", New app user, with a security role"},
	"0x80040225": {"the application user is disabled", "a system administrator of the environment: activate it " + AtApplicationUsers},
	"0x80042f09": {"the application user has no security role", "a system administrator of the environment: give it one " + AtApplicationUsers + ", Edit security roles"},
	"0x8004d24b": {"the user has no licence: it is a person's, not an application user", "a system administrator of the environment: add the application as application user, which needs no licence, " + AtApplicationUsers},
	"0x80095ffc": {"a policy blocks the application from Dataverse", "an administrator of the tenant: allow it in the Power Platform admin center, the environment, Settings, Privacy + Security, App access control"},
	"0x8004a113": {"the environment is in administration mode, which lets administrators in alone", "a system administrator of the environment: end it in the Power Platform admin center, the environment, Edit"},
	"0x8004a104": {"the environment is disabled", "an administrator of the tenant: see its state in the Power Platform admin center, Environments"},
	"0x8004a107": {"the environment is disabled, with all of its scale group", "ask Microsoft support"},
	"0x8004a110": {"the application user may not act for others", "a system administrator of the environment: give it a security role with prvActOnBehalfOfAnotherUser"},
	"0x80040220": {"the application user lacks a privilege", GrantPrivileges("it")},
	"http_401":   {"Dataverse does not take a token that Entra ID has just issued", hintToken},
}
