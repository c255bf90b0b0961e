package spec

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// ParseEnvironment reads one file of environments/. file is its path, for positions and for secrets whose path is
// relative: those are looked for beside it. The error is [Problems]; what could be read is returned beside it.
func ParseEnvironment(file string, data []byte) (Environment, error) {
	r := &reader{file: file}
	e := r.environment(r.document(data))
	return e, r.problems.err()
}

func (r *reader) environment(n ast.Node) Environment {
	var e Environment
	if n == nil {
		return e
	}
	e.At = r.at(n)
	at := n // of the url
	r.object(n, "the environment",
		key{"environment", true, func(n ast.Node) { e.Name = r.name(n, "environment") }},
		key{"url", true, func(n ast.Node) { e.URL, at = r.root(n), n }},
		key{"tenant", true, func(n ast.Node) { e.Tenant = r.tenant(n) }},
		key{"authority", false, func(n ast.Node) { e.Authority = r.authority(n) }},
		key{"users", true, func(n ast.Node) { e.Users = r.users(n) }},
	)
	if u, err := url.Parse(e.URL); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) && e.Authority != origin(u) {
		r.problem(at, "write https://"+u.Host+", or trust an emulator there by authority: "+origin(u), "url: plain http would show the secret to the network")
	}
	return e
}

func (r *reader) users(n ast.Node) []User {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		r.problem(n, "begin each user with \"- client_id: …\"", "users must be a list of application users")
		return nil
	}
	var users []User
	seen := map[string]bool{}
	for i, v := range list.Values {
		u := User{At: r.at(v)}
		what, before := fmt.Sprintf("users[%d]", i+1), len(r.problems)
		r.object(v, what,
			key{"client_id", true, func(n ast.Node) { u.ClientID = strings.ToLower(r.guid(n, "client_id")) }},
			key{"client_secret", false, func(n ast.Node) { u.ClientSecret = r.secret(n) }},
			key{"certificate", false, func(n ast.Node) { u.Certificate = r.certificate(n) }},
		)
		switch secret, certificate := u.ClientSecret != (Secret{}), u.Certificate != (Certificate{}); {
		case secret && certificate:
			r.problem(v, "keep one of them", "%s has both a client_secret and a certificate", what)
		case !secret && !certificate && len(r.problems) == before:
			r.problem(v, "add client_secret: {file: /path} or certificate: {file: /path}", "%s has neither client_secret nor certificate", what)
		}
		if u.ClientID != "" && seen[u.ClientID] {
			r.problem(v, "name another application user, or drop it", "client_id %s comes twice", u.ClientID)
		}
		seen[u.ClientID] = true
		users = append(users, u)
	}
	return users
}

// secret reads a reference. No problem of it repeats what was written: it may be the secret itself.
func (r *reader) secret(n ast.Node) Secret {
	const mend = "write {file: /path} or {env: NAME}; the value itself stays out of this file"
	var s Secret
	if _, ok := n.(ast.MapNode); !ok {
		r.problem(n, mend, "client_secret must say where the secret is")
		return s
	}
	r.object(n, "client_secret",
		key{"file", false, func(n ast.Node) { s.File = r.path(n, "client_secret.file") }},
		key{"env", false, func(n ast.Node) {
			name, ok := r.text(n, "client_secret.env")
			if ok && !variable.MatchString(name) {
				r.problem(n, mend, "client_secret.env is not the name of a variable")
				return
			}
			s.Env = name
		}},
	)
	if s.File != "" && s.Env != "" {
		r.problem(n, mend, "client_secret names both a file and a variable")
	}
	if entries, _ := r.entries(n, "client_secret"); len(entries) == 0 {
		r.problem(n, mend, "client_secret is empty")
	}
	return s
}

// certificate reads a reference, as secret does.
func (r *reader) certificate(n ast.Node) Certificate {
	var c Certificate
	if _, ok := n.(ast.MapNode); !ok {
		r.problem(n, "write {file: /path}, a PEM file with the certificate and its private key; they stay out of this file", "certificate must say where the certificate is")
		return c
	}
	r.object(n, "certificate", key{"file", true, func(n ast.Node) { c.File = r.path(n, "certificate.file") }})
	return c
}

// path reads a file's path, which is relative to the file that names it.
func (r *reader) path(n ast.Node, what string) string {
	path, ok := r.text(n, what)
	if !ok {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(r.file), path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		r.problem(n, "give an absolute path", "%s: %v", what, err)
	}
	return abs
}

// authority reads scheme and host of an authority.
func (r *reader) authority(n ast.Node) string {
	s, ok := r.text(n, "authority")
	if !ok {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		r.problem(n, "write it as http://dataverse:8365; those of Microsoft need not be named", "authority is not an http or https address of a host alone")
		return ""
	}
	return origin(u)
}

// origin is where a URL leads, without what is to be found there.
func origin(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// root reads the address of the Web API. The slash at its end is added if need be.
func (r *reader) root(n ast.Node) string {
	const example = "write it as https://org.crm4.dynamics.com/api/data/v9.2/"
	s, ok := r.text(n, "url")
	if !ok {
		return ""
	}
	if what, mend := URLMistake(s); what != "" {
		r.problem(n, mend, "url: %s", what)
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		r.problem(n, example, "url is not an http or https address")
		return ""
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.problem(n, example, "url must have neither user, query nor fragment")
		return ""
	}
	if path := strings.TrimSuffix(u.Path, "/"); !apiPath.MatchString(path) {
		r.problem(n, example, "url: %q is not the path of a Web API", u.Path)
	}
	return strings.TrimSuffix(u.String(), "/") + "/"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (r *reader) tenant(n ast.Node) string {
	return r.matching(n, "tenant", directory, func(string) string { return "it is the directory's ID (a GUID) or its domain" })
}

func (r *reader) guid(n ast.Node, what string) string {
	return r.matching(n, what, guid, func(string) string { return "it is a GUID: 8-4-4-4-12 hexadecimal digits" })
}

// name reads what becomes a token of NATS subjects.
func (r *reader) name(n ast.Node, what string) string {
	return r.matching(n, what, token, func(s string) string {
		return DidYouMean(s, []string{strings.Trim(notToken.ReplaceAllString(strings.ToLower(s), "-"), "-")})
	})
}

// logical reads the logical name of a table or column.
func (r *reader) logical(n ast.Node, what string) string {
	return r.matching(n, what, logical, lower)
}

func lower(s string) string {
	if l := strings.ToLower(s); l != s && logical.MatchString(l) {
		return "logical names are lower case: " + l
	}
	return "it is a logical name: lower-case letters, digits and _"
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
