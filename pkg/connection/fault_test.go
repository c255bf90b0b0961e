package connection_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A fault is one thing that is wrong, and the lines that are to name it: all that failed or warned, in order. Each is
// matched against "failed token: the client secret is wrong"; the fault's own line comes first.
type fault struct {
	name   string
	config emulator.Config
	break_ func(*world)
	want   []string
}

func app(change func(*emulator.App)) emulator.Config {
	a := emulator.App{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret}
	change(&a)
	return emulator.Config{Apps: []emulator.App{a}}
}

func at(url string) func(*world) { return func(w *world) { w.input.Environment.URL = url } }

func secretOf(value string) func(*world) {
	return func(w *world) { w.input.Environment.Users[0].ClientSecret = w.file(value) }
}

func answering(path string, status int, kind, body string) func(*world) {
	return func(w *world) { w.answer = answers(path, status, kind, body) }
}

// entraRefuses refuses tokens as Entra ID does.
func entraRefuses(number, status int, word string) func(*world) {
	return answering("/token", status, "application/json", fmt.Sprintf(
		`{"error":%q,"error_description":"AADSTS%d: The text that Microsoft has for it. Trace ID: 1 Correlation ID: 2 Timestamp: 3","error_codes":[%d]}`, word, number, number))
}

func editing(path, from, to string) func(*world) {
	return func(w *world) {
		w.edit = func(at, body string) string {
			if strings.Contains(at, path) {
				return strings.ReplaceAll(body, from, to)
			}
			return body
		}
	}
}

// alone leaves one sync, changed.
func alone(s spec.Sync, change func(*spec.Sync)) func(*world) {
	return func(w *world) {
		s.Map = append([]spec.Field(nil), s.Map...)
		change(&s)
		w.input.Syncs = []spec.Sync{s}
	}
}

// A server that is not quite one: what it does with a connection.
func listening(t *testing.T, with func(net.Conn)) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			with(c)
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

// secure is a TLS server whose certificate nobody has signed but itself.
func secure(t *testing.T, change func(*x509.Certificate)) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	change(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

const webAPI = "/api/data/v9.2/"

func TestAWayThatIsBlockedIsNamed(t *testing.T) {
	const org = "https://contoso.crm4.dynamics.com"
	for _, f := range []fault{
		{"the maker portal", emulator.Config{}, at("https://make.powerapps.com/environments/1/home"), []string{"failed url: the environment's URL is wrong: it is the address of the maker portal, not of an environment"}},
		{"the app's own page", emulator.Config{}, at(org + "/main.aspx?appid=1"), []string{"failed url: the environment's URL is wrong: it is the address of a page for people .*main.aspx"}},
		{"no scheme", emulator.Config{}, at("contoso.crm4.dynamics.com"), []string{"failed url: the environment's URL is wrong: https:// is missing in front"}},
		{"plain http", emulator.Config{}, at("http://contoso.crm4.dynamics.com" + webAPI), []string{"failed url: the environment's URL is wrong: .*is not https"}},
		{"another API", emulator.Config{}, at(org + "/api/discovery/v9.2/"), []string{"failed url: .* the discovery service"}},
		{"an older API", emulator.Config{}, at(org + "/api/data/v8.2/"), []string{"failed url: .* has a path that is not /api/data/v9.2/"}},
		{"a blank at the end", emulator.Config{}, at(org + webAPI + " "), []string{"failed url: .* there are blanks around it"}},
		{"no such host", emulator.Config{}, at("https://contoso.crm4.invalid" + webAPI), []string{"failed dns: .*\"contoso.crm4.invalid\""}},
		{"nobody listens", emulator.Config{}, func(w *world) { w.web.Close() }, []string{"failed tcp: 127.0.0.1:\\d+ refuses the connection: nothing listens there"}},
		{"a stranger's certificate", emulator.Config{}, func(w *world) {
			at("https://" + secure(w.t, func(*x509.Certificate) {}) + webAPI)(w)
		}, []string{"failed tls: the server's certificate is not trusted: nobody known here has signed it"}},
		{"another host's certificate", emulator.Config{}, func(w *world) {
			at("https://" + secure(w.t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"proxy.example"} }) + webAPI)(w)
		}, []string{"failed tls: the server's certificate is for proxy.example, not for 127.0.0.1"}},
		{"an expired certificate", emulator.Config{}, func(w *world) {
			at("https://" + secure(w.t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-24 * time.Hour) }) + webAPI)(w)
		}, []string{"failed tls: the server's certificate has expired on 20"}},
		{"no TLS", emulator.Config{}, func(w *world) { at(strings.Replace(w.web.URL, "http:", "https:", 1) + webAPI)(w) }, []string{"failed tls: 127.0.0.1:\\d+ does not speak TLS"}},
		{"silence in place of TLS", emulator.Config{}, func(w *world) {
			w.input.Request = 300 * time.Millisecond
			at("https://" + listening(w.t, func(net.Conn) {}) + webAPI)(w)
		}, []string{"failed tls: 127.0.0.1:\\d+ takes the connection, but does not go on with TLS"}},
		{"silence in place of an answer", emulator.Config{}, func(w *world) {
			w.input.Request = 300 * time.Millisecond
			at("http://" + listening(w.t, func(net.Conn) {}) + webAPI)(w)
		}, []string{"failed http: the connection stands, but no answer comes in time"}},
		{"a connection that is cut", emulator.Config{}, func(w *world) {
			at("http://" + listening(w.t, func(c net.Conn) { _ = c.Close() }) + webAPI)(w)
		}, []string{"failed http: the connection was cut before an answer came"}},
		{"another protocol", emulator.Config{}, func(w *world) {
			at("http://" + listening(w.t, func(c net.Conn) { _, _ = c.Write([]byte("220 mail.example ESMTP\r\n")) }) + webAPI)(w)
		}, []string{"failed http: what answers does not speak HTTP"}},
		{"a redirect", emulator.Config{}, func(w *world) {
			w.answer = func(rw http.ResponseWriter, r *http.Request) bool {
				http.Redirect(rw, r, "https://sso.example/login", http.StatusFound)
				return true
			}
		}, []string{"failed http: it leads elsewhere: to sso.example \\(HTTP 302\\)"}},
		{"a gateway without what is behind it", emulator.Config{}, answering("", 502, "text/html", "<html>502"), []string{"failed http: it is not well: HTTP 502"}},
		{"a page", emulator.Config{}, answering("", 200, "text/html; charset=utf-8", "<html>Welcome"), []string{"failed challenge: what answers is no Dataverse: HTTP 200 with text/html"}},
		{"another server", emulator.Config{}, answering("", 404, "text/plain", "not found"), []string{"failed challenge: there is no Web API at this path: HTTP 404 with text/plain"}},
		{"a 401 of somebody else", emulator.Config{}, answering("", 401, "text/html", "sign in"), []string{"failed challenge: what answers is no Dataverse: HTTP 401 that names no authority"}},
		{"an authority that is none", emulator.Config{}, func(w *world) {
			w.answer = func(rw http.ResponseWriter, _ *http.Request) bool {
				rw.Header().Set("WWW-Authenticate", "Bearer authorization_uri=https://login.evil.example/t/oauth2/authorize")
				rw.WriteHeader(http.StatusUnauthorized)
				return true
			}
		}, []string{"failed challenge: it sends us to login.evil.example for a token, which is no authority of Microsoft: no secret was sent there"}},
		{
			"another tenant",
			emulator.Config{},
			func(w *world) { w.input.Environment.Tenant = "99999999-2222-2222-2222-222222222222" },
			[]string{"failed tenant: the wrong tenant: the environment belongs to 22222222-2222-2222-2222-222222222222, and 99999999-"},
		},
		{"another resource", emulator.Config{}, func(w *world) {
			w.answer = func(rw http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Authorization") != "" || !strings.HasSuffix(r.URL.Path, "WhoAmI") {
					return false
				}
				rw.Header().Set("WWW-Authenticate", "Bearer resource_id=https://fabrikam.crm4.dynamics.com/, authorization_uri="+w.web.URL+"/"+emulator.SandboxTenant+"/oauth2/authorize")
				rw.WriteHeader(http.StatusUnauthorized)
				return true
			}
		}, []string{"failed scope: tokens are asked for 127.0.0.1:\\d+, but the environment is fabrikam.crm4.dynamics.com"}},
	} {
		f.run(t)
	}
}

func TestACredentialThatIsRefusedIsNamed(t *testing.T) {
	for _, f := range []fault{
		{"no file", emulator.Config{}, func(w *world) {
			w.input.Environment.Users[0].ClientSecret = spec.Secret{File: w.t.TempDir() + "/none"}
		}, []string{"failed credential: the client secret is not there: there is no file .*/none"}},
		{"an empty file", emulator.Config{}, secretOf("\n"), []string{"failed credential: the client secret is empty: there is nothing in "}},
		{"no variable", emulator.Config{}, func(w *world) {
			w.input.Environment.Users[0].ClientSecret = spec.Secret{Env: "PENSTOCK_TEST_UNSET"}
		}, []string{"failed credential: the client secret is not there: the variable PENSTOCK_TEST_UNSET is not set"}},
		{"a sealed secret without an identity", emulator.Config{}, func(w *world) {
			w.input.Environment.Users[0].ClientSecret = spec.Secret{Sealed: w.seal(marker)}
			w.input.Identities = ""
		}, []string{"failed credential: the client secret cannot be opened: it is sealed, and this process has no identity"}},
		{"a sealed secret for somebody else", emulator.Config{}, func(w *world) {
			w.input.Environment.Users[0].ClientSecret = spec.Secret{Sealed: w.seal(marker)}
			w.seal("")
		}, []string{"failed credential: the client secret cannot be opened: the identity in .* does not open it: it is of age1"}},
		{"a sealed secret that is wrong", emulator.Config{}, func(w *world) {
			w.input.Environment.Users[0].ClientSecret = spec.Secret{Sealed: w.seal(marker)}
		}, []string{"failed token: the client secret is wrong"}},
		{"a sealed certificate without an identity", emulator.Config{}, func(w *world) {
			w.input.Environment.Users[0] = spec.User{ClientID: emulator.SandboxClient, Certificate: spec.Certificate{Sealed: w.seal(marker)}}
			w.input.Identities = ""
		}, []string{"failed credential: the certificate cannot be opened: it is sealed, and this process has no identity"}},
		{"a blank at the end", emulator.Config{}, secretOf(marker + " \n"), []string{"warned credential: there is a blank before or after the client secret", "failed token: the client secret is wrong"}},
		{"a wrong value", emulator.Config{}, secretOf(marker), []string{"failed token: the client secret is wrong"}},
		{"the secret's ID", emulator.Config{}, secretOf("7f0c6a3e-0000-4000-8000-000000000001"), []string{"warned credential: the client secret looks like the secret's ID", "failed token: the secret's ID is configured in place of its value"}},
		{"an expired secret", app(func(a *emulator.App) { a.SecretExpired = true }), nil, []string{"failed token: the client secret has expired"}},
		{"an unknown application", emulator.Config{}, func(w *world) { w.input.Environment.Users[0].ClientID = "99999999-1111-1111-1111-111111111111" }, []string{"failed token: the tenant knows no application with this client id"}},
		{"an unknown tenant", emulator.Config{}, func(w *world) { w.input.Environment.Tenant = "nowhere.example" }, []string{"failed token: there is no such tenant"}},
		{"a tenant that is no name", emulator.Config{}, entraRefuses(900023, 400, "invalid_request"), []string{"failed token: the tenant is neither a directory's ID nor its domain"}},
		{"a resource that the tenant does not know", emulator.Config{Hosts: []string{"fabrikam.crm4.dynamics.com"}}, nil, []string{"failed token: the tenant does not know this environment"}},
		{"a disabled application", emulator.Config{}, entraRefuses(7000112, 400, "unauthorized_client"), []string{"failed token: the application is disabled"}},
		{"conditional access", emulator.Config{}, entraRefuses(53003, 400, "access_denied"), []string{"failed token: conditional access blocks the application"}},
		{"conditional access of a later kind", emulator.Config{}, entraRefuses(530036, 400, "access_denied"), []string{"failed token: conditional access blocks the application"}},
		{"an Entra ID that is down", emulator.Config{}, answering("/token", 503, "text/html", "<html>"), []string{"failed token: Entra ID gives no token for now: HTTP 503"}},
		{"no application user", app(func(a *emulator.App) { a.State = emulator.UserMissing }), nil, []string{"failed whoami: the application has no application user in this environment"}},
		{"a disabled one", app(func(a *emulator.App) { a.State = emulator.UserDisabled }), nil, []string{"failed whoami: the application user is disabled"}},
		{"one without role", app(func(a *emulator.App) { a.State = emulator.UserNoRoles }), nil, []string{"failed whoami: the application user has no security role"}},
		{"a blocked application", app(func(a *emulator.App) { a.State = emulator.UserRestricted }), nil, []string{"failed whoami: a policy blocks the application from Dataverse"}},
		{"a person without licence", app(func(a *emulator.App) { a.State = emulator.UserUnlicensed }), nil, []string{"failed whoami: the user has no licence"}},
		{"administration mode", emulator.Config{
			Apps:  []emulator.App{{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret, Member: security.Member{Roles: []string{"Writer"}}}},
			State: emulator.OrganizationAdministration, Security: security.Config{Roles: []security.Role{{Name: "Writer", All: security.Global}}},
		}, nil, []string{"failed whoami: the environment is in administration mode"}},
		{"a disabled environment", emulator.Config{State: emulator.OrganizationDisabled}, nil, []string{"failed whoami: the environment is disabled"}},
		{"a token that is not taken", emulator.Config{}, answering("WhoAmI", 401, "", ""), []string{"failed whoami: Dataverse does not take a token that Entra ID has just issued"}},
		{"an environment under two names", emulator.Config{}, func(w *world) {
			other := w.input.Environment
			other.Name = "production"
			w.input.Others = []spec.Environment{w.input.Environment, other}
		}, []string{"warned organization: Sandbox \\(id 33333333-3333-3333-3333-333333333333\\) is environment production too"}},
		{"one of two users", emulator.Config{Apps: []emulator.App{
			{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret}, {ClientID: "11111111-1111-1111-1111-111111111112", Secret: marker, State: emulator.UserDisabled},
		}}, func(w *world) {
			w.input.Environment.Users = append(w.input.Environment.Users, spec.User{ClientID: "11111111-1111-1111-1111-111111111112", ClientSecret: w.file(marker)})
		}, []string{"failed whoami: the application user is disabled"}},
	} {
		f.run(t)
	}
}

func TestWhatASyncLacksIsNamed(t *testing.T) {
	lookup := func(to, key string) spec.Field {
		return spec.Field{Column: "parentcustomerid", To: to, By: []spec.Part{{Key: key, From: "account_no"}}}
	}
	keyed := func(status string) emulator.Config {
		return emulator.Config{Keys: map[string][]schema.Key{"contact": {{Name: "new_mailkey", Label: "Mail", Columns: []string{"emailaddress1"}, Status: status}}}}
	}
	byMail := alone(contacts, func(s *spec.Sync) { s.To.Match = []string{"new_mailkey"} })
	onlyContacts := alone(contacts, func(*spec.Sync) {})
	for _, f := range []fault{
		{"no such table", emulator.Config{}, alone(accounts, func(s *spec.Sync) { s.To.Table = "acount" }), []string{"failed table: the environment has no table acount$"}},
		{"a virtual table", emulator.Config{}, func(w *world) {
			onlyContacts(w)
			editing("EntityDefinitions(LogicalName='contact')", `"TableType":"Standard"`, `"TableType":"Virtual"`)(w)
		}, []string{"failed table: contact is a virtual table"}},
		{"an elastic table", emulator.Config{}, func(w *world) {
			onlyContacts(w)
			editing("EntityDefinitions(LogicalName='contact')", `"TableType":"Standard"`, `"TableType":"Elastic"`)(w)
		}, []string{"warned table: contact is an elastic table: an upsert replaces the whole row"}},
		{"columns of every kind of wrong", emulator.Config{}, alone(contacts, func(s *spec.Sync) {
			s.Map = append(s.Map, field("firstnam", "first_name"), field("createdon", "born"))
		}), []string{"failed columns: table contact has no column firstnam", "failed columns: Dataverse does not let anyone upsert createdon"}},
		{"no such key", emulator.Config{}, alone(contacts, func(s *spec.Sync) { s.To.Match = []string{"lastname"} }), []string{"failed key: lastname is no alternate key of table contact"}},
		{"a key that is waiting", keyed(schema.Pending), byMail, []string{"failed key: the alternate key new_mailkey of table contact is not active but Pending"}},
		{"a key in the making", keyed(schema.InProgress), byMail, []string{"failed key: .* is not active but InProgress"}},
		{"a key that failed", keyed(schema.Failed), byMail, []string{"failed key: .* is not active but Failed"}},
		{"a lookup to nowhere", emulator.Config{}, alone(contacts, func(s *spec.Sync) { s.Map = []spec.Field{lookup("acount", "accountnumber")} }), []string{"failed lookups: the environment has no table acount, which parentcustomerid is to name"}},
		{"a lookup to another table", emulator.Config{}, alone(contacts, func(s *spec.Sync) { s.Map = []spec.Field{lookup("lead", "leadid")} }), []string{"failed lookups: parentcustomerid: the lookup names records of account, contact"}},
		{"a lookup by no key", emulator.Config{}, alone(contacts, func(s *spec.Sync) { s.Map = []spec.Field{lookup("account", "name")} }), []string{"failed lookups: parentcustomerid: name is no alternate key of table account"}},
		{"a relationship without name", emulator.Config{}, func(w *world) { onlyContacts(w); editing("ManyToOneRelationships", "parentcustomerid_account", "")(w) }, []string{"failed lookups: the environment names no navigation property from contact.parentcustomerid to account"}},
		{"column security", contactTable(func(c *schema.Table) { columnOf(c, "creditlimit").Secured = true }), onlyContacts, []string{"warned security: column security guards creditlimit"}},
		{"a column that is required", contactTable(func(c *schema.Table) { columnOf(c, "jobtitle").Required = "SystemRequired" }), onlyContacts, []string{"warned required: the table requires jobtitle, and the sync does not fill it"}},
		{"a required column that is filled", contactTable(func(c *schema.Table) { columnOf(c, "firstname").Required = "SystemRequired" }), onlyContacts, nil},
		{"a required column that is a key", contactTable(func(c *schema.Table) { columnOf(c, "externaluseridentifier").Required = "SystemRequired" }), alone(contacts, func(s *spec.Sync) { s.Map = s.Map[1:] }), nil},
		{"a required column where no record is made", contactTable(func(c *schema.Table) { columnOf(c, "jobtitle").Required = "SystemRequired" }), alone(contacts, func(s *spec.Sync) { s.To.Mode, s.To.OnLeave = spec.Update, spec.OnLeave{Action: spec.Nothing} }), nil},
		{"one privilege", app(func(a *emulator.App) { a.Revoked = []string{"prvWriteContact"} }), onlyContacts, []string{"failed privileges: prvWriteContact \\(Write on contact\\) is missing"}},
		{"all privileges at once", app(func(a *emulator.App) {
			a.Revoked = []string{"prvCreateContact", "prvDeleteContact", "prvAppendContact", "prvAppendToAccount", "prvReadAccount"}
		}), onlyContacts, []string{"failed privileges: prvCreateContact \\(Create on contact\\), prvDeleteContact \\(Delete on contact\\), prvAppendContact \\(Append on contact\\), prvAppendToAccount \\(AppendTo on account\\), prvReadAccount \\(Read on account\\) are missing"}},
		{"a privilege that nobody needs", app(func(a *emulator.App) { a.Revoked = []string{"prvShareContact", "prvAssignContact", "prvWriteAccount"} }), onlyContacts, nil},
		{"the privilege to assign", app(func(a *emulator.App) { a.Revoked = []string{"prvAssignContact"} }), alone(contacts, func(s *spec.Sync) {
			s.Map = append(s.Map, spec.Field{Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", From: "team"}}})
		}), []string{"failed privileges: prvAssignContact \\(Assign on contact\\) is missing"}},
		{
			"the privilege to bypass", app(func(a *emulator.App) { a.Revoked = []string{"prvBypassCustomBusinessLogic"} }), alone(contacts, func(s *spec.Sync) { s.To.Bypass = []string{"sync"} }),
			[]string{"failed privileges: prvBypassCustomBusinessLogic \\(bypass of custom logic\\) is missing"},
		},
		{"a bypass that is allowed", emulator.Config{}, alone(contacts, func(s *spec.Sync) { s.To.Bypass = []string{"sync"} }), nil},
		{"a depth that is too small", depths(map[string]security.Depth{"prvWriteContact": security.Basic}), onlyContacts, []string{"warned depth: prvWriteContact \\(Write on contact\\) is held for records that it owns \\(Basic\\) only"}},
		{
			"depths that are too small in several ways", depths(map[string]security.Depth{"prvReadContact": security.Deep, "prvAppendToAccount": security.Local}), onlyContacts,
			[]string{"warned depth: prvReadContact \\(Read on contact\\) is held for records of its business unit and those below \\(Deep\\) only; prvAppendToAccount \\(AppendTo on account\\) is held for records of its business unit \\(Local\\) only"},
		},
		{
			"a privilege that is missing beside a depth that is too small", depths(map[string]security.Depth{"prvReadContact": security.Basic, "prvDeleteContact": security.None}), onlyContacts,
			[]string{"failed privileges: prvDeleteContact \\(Delete on contact\\) is missing", "warned depth: prvReadContact"},
		},
		{"a depth that is enough for what is made", depths(map[string]security.Depth{"prvCreateContact": security.Local}), onlyContacts, nil},
		{"privileges of a team, which are not told", emulator.Config{
			Apps:        []emulator.App{{ClientID: emulator.SandboxClient, Secret: emulator.SandboxSecret, Member: security.Member{Teams: []string{"Writers"}}}},
			Security:    security.Config{Roles: []security.Role{{Name: "Writer", All: security.Global}}, Teams: []security.Team{{Name: "Writers", Roles: []string{"Writer"}}}},
			Assumptions: emulator.Assumptions{PrivilegesWithoutTeams: true},
		}, onlyContacts, nil},
		{"privileges that are not told", emulator.Config{}, func(w *world) {
			onlyContacts(w)
			w.answer = answers("RetrieveUserPrivileges", 403, "application/json", `{"error":{"code":"0x80040220","message":"no"}}`)
		}, []string{"warned privileges: the privileges of the application user cannot be read"}},
		{"a model without a column", emulator.Config{}, func(w *world) {
			onlyContacts(w)
			w.input.Model = func(context.Context, spec.Sync) ([]mapping.SourceColumn, error) {
				var columns []mapping.SourceColumn
				for _, f := range contacts.Map[:1] {
					columns = append(columns, mapping.SourceColumn{Name: f.From, Type: "String"})
				}
				return columns, nil
			}
		}, []string{"failed columns: firstname: the model has no column first_name", "failed columns", "failed columns", "failed columns", "failed columns", "failed columns", "failed lookups: parentcustomerid: the model has no column account_no"}},
		{"a model that cannot be read", emulator.Config{}, func(w *world) {
			onlyContacts(w)
			w.input.Model = func(context.Context, spec.Sync) ([]mapping.SourceColumn, error) {
				return nil, errors.New("there is no table sample.customers")
			}
		}, []string{"failed model: there is no table sample.customers"}},
	} {
		f.run(t)
	}
}

// contactTable is an emulator whose contacts are not quite the standard ones.
func contactTable(change func(*schema.Table)) emulator.Config {
	all := schema.Standard()
	contact := all[slices.IndexFunc(all, func(t schema.Table) bool { return t.Name == "contact" })]
	contact.Columns = slices.Clone(contact.Columns)
	change(&contact)
	return emulator.Config{Tables: []schema.Table{contact}}
}

func columnOf(t *schema.Table, name string) *schema.Column {
	return &t.Columns[slices.IndexFunc(t.Columns, func(c schema.Column) bool { return c.Name == name })]
}

// depths is an emulator whose application user may everything, but for some privileges.
func depths(except map[string]security.Depth) emulator.Config {
	return app(func(a *emulator.App) {
		a.Member = security.Member{Roles: []string{security.SystemAdministrator}, Except: except}
	})
}

func (f fault) run(t *testing.T) {
	t.Run(f.name, func(t *testing.T) {
		w := newWorld(t, f.config)
		if f.break_ != nil {
			f.break_(w)
		}
		r := w.run()
		got := upset(r)
		if len(got) != len(f.want) {
			t.Fatalf("%d steps are upset, want %d:\n%s", len(got), len(f.want), strings.Join(got, "\n"))
		}
		for i, line := range got {
			if !regexp.MustCompile(f.want[i]).MatchString(line) {
				t.Errorf("got  %s\nwant %s", line, f.want[i])
			}
		}
	})
}
