package emulator

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
)

// serve sends one authenticated request to a handler, without a socket.
func serve(t testing.TB, s *Server, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, request(t, s, method, path, body))
	return w
}

// request makes one with a token that holds.
func request(t testing.TB, s *Server, method, path, body string) *http.Request {
	t.Helper()
	access := s.directory.Issue(SandboxTenant, SandboxClient, "example.com")
	r := httptest.NewRequestWithContext(t.Context(), method, "/api/data/v9.2/", strings.NewReader(body))
	r.RequestURI = "/api/data/v9.2/" + path // as it came over the wire: NewRequest would refuse some of these
	r.Header.Set("Authorization", "Bearer "+access)
	return r
}

// TestKeySyntax is section 2.6: for each row there is a first address that creates it and a second that must find it, or must be refused.
func TestKeySyntax(t *testing.T) {
	guid := "5F3C0000-0000-0000-0000-00000000000a"
	contact := "aaaaaaaa-0000-0000-0000-000000000001"
	for _, c := range []struct {
		name, create, find string
		status             int // of a GET of find
	}{
		{"a GUID in the other case", "accounts(" + guid + ")", "accounts(" + strings.ToLower(guid) + ")", 200},
		{"a named primary key", "accounts(" + guid + ")", "accounts(accountid=" + guid + ")", 200},
		{"text without case", "accounts(accountnumber='Abc')", "accounts(accountnumber='aBC')", 200},
		{"text without case beyond ASCII", "accounts(accountnumber='%C3%84%C3%96')", "accounts(accountnumber='%C3%A4%C3%B6')", 200},
		{"accents matter", "accounts(accountnumber='a')", "accounts(accountnumber='%C3%A4')", 404},
		{"blanks at the right do not count", "accounts(accountnumber='A-1%20%20')", "accounts(accountnumber='A-1')", 200},
		{"blanks at the left do", "accounts(accountnumber='%20A-1')", "accounts(accountnumber='A-1')", 404},
		{"a doubled apostrophe", "accounts(accountnumber='O''Brien')", "accounts(accountnumber='O%27%27Brien')", 200},
		{"quotes encoded too", "accounts(accountnumber='A-1')", "accounts(accountnumber=%27A-1%27)", 200},
		{"parenthesis and comma inside quotes", "accounts(accountnumber='a),(b,c=d')", "accounts(accountnumber='a),(b,c=d')", 200},
		{"a blank as %20", "accounts(accountnumber='a%20b')", "accounts(accountnumber='a b')", 200},
		{"a hash sign encoded", "accounts(accountnumber='a%23b')", "accounts(accountnumber='a%23b')", 200},
		{"a compound key", "new_memberships(new_program='Gold',new_number=7)", "new_memberships(new_program='gold',new_number=7)", 200},
		{"a compound key in another order", "new_memberships(new_program='Gold',new_number=7)", "new_memberships(new_number=7,new_program='Gold')", 200},
		{"a compound key with another value", "new_memberships(new_program='Gold',new_number=7)", "new_memberships(new_program='Gold',new_number=8)", 404},
		{"a part of a compound key", "new_memberships(new_program='Gold',new_number=7)", "new_memberships(new_program='Gold')", 400},
		{"a number in quotes", "new_memberships(new_program='Gold',new_number=7)", "new_memberships(new_program='Gold',new_number='7')", 400},
		{"text without quotes", "accounts(accountnumber='A-1')", "accounts(accountnumber=A-1)", 400},
		{"a lookup by _x_value", "new_memberships(_new_contact_value=" + contact + ",new_tier=100000000)", "new_memberships(_new_contact_value=" + contact + ",new_tier=100000000)", 200},
		{"a lookup by its logical name", "accounts(" + guid + ")", "new_memberships(new_contact=" + contact + ",new_tier=100000000)", 400},
		{"a key whose index failed", "accounts(" + guid + ")", "new_memberships(new_name='x')", 400},
		{"a column that is no key", "accounts(" + guid + ")", "accounts(name='x')", 400},
		{"null", "accounts(" + guid + ")", "accounts(accountnumber=null)", 400},
		{"a key in the wrong case", "accounts(accountnumber='A-1')", "accounts(AccountNumber='A-1')", 400},
		{"a slash, encoded", "accounts(" + guid + ")", "accounts(accountnumber='a%2Fb')", 400},
		{"a plus sign", "accounts(" + guid + ")", "accounts(accountnumber='a+b')", 400},
		{"a colon", "accounts(" + guid + ")", "accounts(accountnumber='a:b')", 400},
		{"an open parenthesis", "accounts(" + guid + ")", "accounts(accountnumber='a'", 400},
		{"nothing", "accounts(" + guid + ")", "accounts()", 400},
		{"no GUID", "accounts(" + guid + ")", "accounts(1234)", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Config{})
			serve(t, s, http.MethodPatch, "contacts("+contact+")", `{"lastname":"x"}`)
			if w := serve(t, s, http.MethodPatch, c.create, `{"@odata.type":"x"}`); w.Code != http.StatusNoContent {
				t.Fatalf("create: %d %s", w.Code, w.Body)
			}
			if w := serve(t, s, http.MethodGet, c.find, ""); w.Code != c.status {
				t.Errorf("find: %d %s, want %d", w.Code, w.Body, c.status)
			}
		})
	}
}

func TestSpecialKeyCharactersCanBeAllowed(t *testing.T) { // 2.6, UNCONFIRMED
	s := New(Config{Assumptions: Assumptions{SpecialKeyCharacters: true}})
	if w := serve(t, s, http.MethodPatch, "accounts(accountnumber='a%2Fb%26c')", `{"name":"x"}`); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if _, ok := s.RowByKey("account", Key("accountnumber", "a/b&c")); !ok {
		t.Error("not found by its key")
	}
}

func TestTheTextOfAnUnknownKey(t *testing.T) { // 2.6
	s := New(Config{})
	const want = "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.account'. Ensure that the names and number of key properties match the declared or " +
		"alternate key properties for the resource 'Microsoft.Dynamics.CRM.account'."
	if w := serve(t, s, http.MethodGet, "accounts(name='x')", ""); !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %s", w.Body)
	}
}

// FuzzParseKey: no text panics, and what was understood can be written again and understood the same.
func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"5f3c0000-0000-0000-0000-00000000000a", "a='b'", "a='O''Brien'", "a='x',b=2", "a=1.5, b='c,d=e'", "'x'", "a=", "=1", "a='", "a='b'c", ",", "a=b=c", "'a','b'"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parts, ok := odata.ParseKey(text, nil)
		if !ok {
			return
		}
		var again []byte
		for i, p := range parts {
			if i > 0 {
				again = append(again, ',')
			}
			if p.Name != nil {
				again = append(append(again, p.Name...), '=')
			}
			if p.Quoted {
				again = append(append(append(again, '\''), bytes.ReplaceAll(p.Value, []byte("'"), []byte("''"))...), '\'')
			} else {
				again = append(again, p.Value...)
			}
		}
		second, ok := odata.ParseKey(again, nil)
		if !ok || len(second) != len(parts) {
			t.Fatalf("%q was understood, %q is not", text, again)
		}
		for i := range parts {
			if !bytes.Equal(parts[i].Name, second[i].Name) || !bytes.Equal(parts[i].Value, second[i].Value) || parts[i].Quoted != second[i].Quoted {
				t.Errorf("%q: part %d became %q", text, i, again)
			}
		}
	})
}

// FuzzRequest: no path and no body makes the server panic or answer without an HTTP status of its own.
func FuzzRequest(f *testing.F) {
	f.Add("PATCH", "accounts(accountnumber='A-1')", `{"name":"x"}`)
	f.Add("GET", "accounts?$filter=name eq 'x' and not (revenue gt 5)&$select=name", "")
	f.Add("GET", "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=MaxLength", "")
	f.Add("PATCH", "$1", `{"parentaccountid@odata.bind":"$1"}`)
	f.Add("PUT", "accounts(5f3c0000-0000-0000-0000-00000000000a)/name", `{"value":1}`)
	f.Add("GET", "EntityDefinitions?$filter=LogicalName eq 'account'&$expand=Keys($select=a)", "")
	s := New(Config{Limits: Limits{Off: true}})
	access := s.directory.Issue(SandboxTenant, SandboxClient, "example.com")
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if method == "" || strings.ContainsAny(method, " \r\n\t/()<>@,;:\\\"[]?={}") {
			return
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/data/v9.2/", strings.NewReader(body))
		r.Method, r.RequestURI = method, "/api/data/v9.2/"+path
		r.Header.Set("Authorization", "Bearer "+access)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("status %d", w.Code)
		}
	})
}
