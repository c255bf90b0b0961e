package spec

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/sealed"
)

// ParseEnvironment reads one file of environments/. file is its path, for positions and for secrets whose path is
// relative: those are looked for beside it. The error is [document.Problems]; what could be read is returned beside it.
func ParseEnvironment(file string, data []byte) (Environment, error) {
	r := newReader(file)
	e := r.environment(r.Root(data))
	return e, r.Err()
}

func (r *reader) environment(n document.Node) Environment {
	var e Environment
	if n == nil {
		return e
	}
	e.At = r.At(n)
	at := n // of the url
	r.Object(n, "the environment",
		document.Required("environment", func(n document.Node) { e.Name = r.name(n, "environment") }),
		document.Required("url", func(n document.Node) { e.URL, at = r.root(n), n }),
		document.Required("tenant", func(n document.Node) { e.Tenant = r.tenant(n) }),
		document.Optional("authority", func(n document.Node) { e.Authority = r.authority(n) }),
		document.Required("users", func(n document.Node) { e.Users = r.users(n) }),
	)
	if u, err := url.Parse(e.URL); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) && e.Authority != origin(u) {
		r.Problem(at, "write https://"+u.Host+", or trust an emulator there by authority: "+origin(u), "url: plain http would show the secret to the network")
	}
	return e
}

func (r *reader) users(n document.Node) []User {
	r.Note(n, document.Form{Kind: document.Items})
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		r.Problem(n, "begin each user with \"- client_id: …\"", "users must be a list of application users")
		return nil
	}
	var users []User
	seen := map[string]bool{}
	for i, v := range list.Values {
		u := User{At: r.At(v)}
		what, before := fmt.Sprintf("users[%d]", i+1), len(r.Problems)
		r.Object(v, what,
			document.Required("client_id", func(n document.Node) { u.ClientID = strings.ToLower(r.guid(n, "client_id")) }),
			document.Optional("client_secret", func(n document.Node) { u.ClientSecret = r.secret(n) }),
			document.Optional("certificate", func(n document.Node) { u.Certificate = r.certificate(n) }),
		)
		switch secret, certificate := u.ClientSecret != (Secret{}), u.Certificate != (Certificate{}); {
		case secret && certificate:
			r.Problem(v, "keep one of them", "%s has both a client_secret and a certificate", what)
		case !secret && !certificate && len(r.Problems) == before:
			r.Problem(v, "add client_secret: {file: /path} or certificate: {file: /path}", "%s has neither client_secret nor certificate", what)
		}
		if u.ClientID != "" && seen[u.ClientID] {
			r.Problem(v, "name another application user, or drop it", "client_id %s comes twice", u.ClientID)
		}
		seen[u.ClientID] = true
		users = append(users, u)
	}
	return users
}

// secret reads a reference. No problem of it repeats what was written: it may be the secret itself.
func (r *reader) secret(n document.Node) Secret {
	const mend = "write {file: /path} or {env: NAME}, or sealed: as `penstock seal` prints it; the value itself stays out of this file"
	var s Secret
	if !document.IsMapping(n) {
		if text, ok := n.(*ast.StringNode); ok && guid.MatchString(text.Value) {
			r.Problem(n, "copy the Value beside it, which is shown once, into a file or a variable, and "+mend, "client_secret is a GUID: the ID of a secret, which opens nothing")
			return s
		}
		r.Problem(n, mend, "client_secret must say where the secret is")
		return s
	}
	before := len(r.Problems)
	r.Reference(n, "client_secret",
		document.Optional("file", func(n document.Node) { s.File = r.path(n, "client_secret.file") }),
		document.Optional("env", func(n document.Node) {
			r.Note(n, document.Form{Kind: document.AnyText, Pattern: variable.String()})
			var name string
			if r.Text(n, "client_secret.env", &name) && !variable.MatchString(name) {
				r.Problem(n, mend, "client_secret.env is not the name of a variable")
				return
			}
			s.Env = name
		}),
		document.Optional("sealed", func(n document.Node) { s.Sealed = r.sealed(n, "client_secret.sealed") }),
	)
	r.one(n, "client_secret", mend, before, s.File != "", s.Env != "", s.Sealed != "")
	return s
}

// certificate reads a reference, as secret does.
func (r *reader) certificate(n document.Node) Certificate {
	const mend = "write {file: /path}, a PEM file with the certificate and its private key, or sealed: as `penstock seal --certificate` prints it; they stay out of this file"
	var c Certificate
	if !document.IsMapping(n) {
		r.Problem(n, mend, "certificate must say where the certificate is")
		return c
	}
	before := len(r.Problems)
	r.Reference(n, "certificate",
		document.Optional("file", func(n document.Node) { c.File = r.path(n, "certificate.file") }),
		document.Optional("sealed", func(n document.Node) { c.Sealed = r.sealed(n, "certificate.sealed") }),
	)
	r.one(n, "certificate", mend, before, c.File != "", c.Sealed != "")
	return c
}

// one makes sure that exactly one place is named, unless there were other mistakes since before.
func (r *reader) one(n document.Node, what, mend string, before int, named ...bool) {
	count := 0
	for _, is := range named {
		if is {
			count++
		}
	}
	switch {
	case count > 1:
		r.Problem(n, mend, "%s names more than one place", what)
	case count == 0 && len(r.Problems) == before:
		r.Problem(n, mend, "%s is empty", what)
	}
}

// sealed reads a sealed value. Like its neighbours it repeats nothing of what was written.
func (r *reader) sealed(n document.Node, what string) sealed.Value {
	var text string
	if !r.Text(n, what, &text) {
		return ""
	}
	v, err := sealed.Parse(text)
	if fault := (*sealed.Fault)(nil); errors.As(err, &fault) {
		r.Problem(n, fault.Mend, "%s is not a sealed value: %s", what, fault.What)
	}
	return v
}

// path reads a file's path, which is relative to the file that names it.
func (r *reader) path(n document.Node, what string) string {
	var path string
	if !r.Text(n, what, &path) {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(r.File), path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		r.Problem(n, "give an absolute path", "%s: %v", what, err)
	}
	return abs
}

// authority reads scheme and host of an authority.
func (r *reader) authority(n document.Node) string {
	var s string
	if !r.Text(n, "authority", &s) {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		r.Problem(n, "write it as http://dataverse:8365; those of Microsoft need not be named", "authority is not an http or https address of a host alone")
		return ""
	}
	return origin(u)
}

// origin is where a URL leads, without what is to be found there.
func origin(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// root reads the address of the Web API. The slash at its end is added if need be.
func (r *reader) root(n document.Node) string {
	const example = "write it as https://org.crm4.dynamics.com/api/data/v9.2/"
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: `^https?://[^/@]+/api/data/v[0-9]+\.[0-9]+/?$`})
	var s string
	if !r.Text(n, "url", &s) {
		return ""
	}
	if what, mend := URLMistake(s); what != "" {
		r.Problem(n, mend, "url: %s", what)
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		r.Problem(n, example, "url is not an http or https address")
		return ""
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.Problem(n, example, "url must have neither user, query nor fragment")
		return ""
	}
	switch path := strings.TrimSuffix(u.Path, "/"); {
	case path == "":
		r.Problem(n, "write "+strings.TrimSuffix(s, "/")+"/api/data/v9.2/", "url: the path of the Web API is missing")
	case !apiPath.MatchString(path):
		r.Problem(n, example, "url: %q is not the path of a Web API", u.Path)
	}
	return strings.TrimSuffix(u.String(), "/") + "/"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tenant reads the ID of a directory or a domain. What is neither is not repeated: it may be a secret in the wrong place.
func (r *reader) tenant(n document.Node) string {
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: directory.String()})
	var s string
	if r.Text(n, "tenant", &s) && !directory.MatchString(s) {
		r.Problem(n, "copy the Directory (tenant) ID from the app registration's overview: a GUID", "tenant is neither the ID of a directory nor a domain")
		return ""
	}
	return s
}

// guid reads a GUID. What is none is not repeated: it may be a secret in the wrong place.
func (r *reader) guid(n document.Node, what string) string {
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: guid.String()})
	var s string
	if r.Text(n, what, &s) && !guid.MatchString(s) {
		r.Problem(n, "copy the Application (client) ID from the app registration's overview", "%s is no GUID (8-4-4-4-12 hexadecimal digits)", what)
		return ""
	}
	return s
}

// name reads what becomes a token of NATS subjects.
func (r *reader) name(n document.Node, what string) string {
	return r.matching(n, what, token, "is no name", func(s string) string {
		const form = "a name has lower-case letters, digits, - and _, at most 64 in all"
		if near := strings.Trim(notToken.ReplaceAllString(strings.ToLower(s), "-"), "-"); token.MatchString(near) {
			return "write " + near + "; " + form
		}
		return form
	})
}

// logical reads the logical name of a table or column.
func (r *reader) logical(n document.Node, what string) string {
	return r.matching(n, what, logical, "is no logical name", lower)
}

// table reads the logical name of a table.
func (r *reader) table(n document.Node, what string) string {
	s := r.logical(n, what)
	if singular := singulars[s]; singular != "" {
		r.Problem(n, "write "+singular, "%s: %s is what the Web API's addresses say, not the table's logical name", what, s)
	}
	return s
}

// singulars are the tables behind the plurals that people know. A table of one's own has a prefix, so none of these is one.
var singulars = map[string]string{ //nolint:gochecknoglobals // constant table
	"accounts": "account", "contacts": "contact", "leads": "lead", "opportunities": "opportunity", "campaigns": "campaign", "incidents": "incident",
	"cases": "incident", "case": "incident", "systemusers": "systemuser", "users": "systemuser", "teams": "team", "businessunits": "businessunit",
	"products": "product", "quotes": "quote", "salesorders": "salesorder", "orders": "salesorder", "invoices": "invoice", "lists": "list", "tasks": "task",
	"appointments": "appointment", "phonecalls": "phonecall", "emails": "email", "annotations": "annotation", "notes": "annotation",
	"transactioncurrencies": "transactioncurrency", "currencies": "transactioncurrency", "pricelevels": "pricelevel", "entitlements": "entitlement",
}

func lower(s string) string {
	switch l := strings.ToLower(s); {
	case l != s && logical.MatchString(l):
		return "logical names are lower case: " + l
	case strings.ContainsAny(s, " \t"):
		return "write the logical name, which Power Apps shows beside this display name"
	}
	return "a logical name has lower-case letters, digits and _; Power Apps shows it beside the display name"
}

var (
	token     = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)
	notToken  = regexp.MustCompile(`[^a-z0-9_-]+`)
	logical   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	directory = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	variable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	apiPath   = regexp.MustCompile(`^/api/data/v[0-9]+\.[0-9]+$`)
)
