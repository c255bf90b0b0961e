package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/sealed"
)

// What of an application user may be sealed.
const (
	ClientSecretKey = "client_secret"
	CertificateKey  = "certificate"
)

// A Resealed is one sealed value of a file, as it was and as it is.
type Resealed struct {
	At       document.Position // of the application user
	ClientID string
	Key      string // client_secret or certificate
	Was, Is  sealed.Value
}

// Reseal replaces every sealed value in the file of an environment by what again makes of it, and leaves every other byte
// as it is. What comes out has been read again: it says what the file said.
func Reseal(file string, data []byte, again func(sealed.Value) (sealed.Value, error)) ([]byte, []Resealed, error) {
	e, err := ParseEnvironment(file, data)
	if err != nil {
		return nil, nil, err
	}
	text := string(data)
	var all []Resealed
	for i := range e.Users {
		u := &e.Users[i]
		for key, value := range map[string]*sealed.Value{ClientSecretKey: &u.ClientSecret.Sealed, CertificateKey: &u.Certificate.Sealed} {
			if *value == "" {
				continue
			}
			r := Resealed{At: u.At, ClientID: u.ClientID, Key: key, Was: *value}
			if r.Is, err = again(r.Was); err != nil {
				return nil, nil, fmt.Errorf("%s: %s of %s: %w", u.At, key, u.ClientID, err)
			}
			if text, err = replace(text, r.Was, r.Is); err != nil {
				return nil, nil, fmt.Errorf("%s: %s of %s: %w", u.At, key, u.ClientID, err)
			}
			*value = r.Is
			all = append(all, r)
		}
	}
	return []byte(text), all, same(file, text, e)
}

// replace finds a sealed value in the text of a file, where it stands as a block or in quotes.
func replace(text string, was, is sealed.Value) (string, error) {
	before, after := strings.Split(strings.TrimSpace(string(was)), "\n"), strings.Split(strings.TrimSpace(string(is)), "\n")
	lines := strings.Split(text, "\n")
	for i := range max(0, len(lines)-len(before)+1) {
		if !slices.EqualFunc(lines[i:i+len(before)], before, func(line, want string) bool { return strings.TrimSpace(line) == want }) {
			continue
		}
		indent, end := lines[i][:strings.Index(lines[i], before[0])], ""
		if strings.HasSuffix(lines[i], "\r") {
			end = "\r"
		}
		return strings.Join(slices.Replace(lines, i, i+len(before), indented(after, indent, end)...), "\n"), nil
	}
	if quoted := strings.Join(before, `\n`); strings.Contains(text, quoted) {
		return strings.Replace(text, quoted, strings.Join(after, `\n`), 1), nil
	}
	return "", errors.New("the sealed value is written in a way that cannot be replaced; write it as a block (sealed: |)")
}

func indented(lines []string, indent, end string) []string {
	all := make([]string, len(lines))
	for i, line := range lines {
		all[i] = indent + line + end
	}
	return all
}

// SealedBlock is a sealed value as it stands in the file of an environment, under a key that is so far indented.
func SealedBlock(key string, v sealed.Value, indent int) string {
	margin := strings.Repeat(" ", indent)
	lines := []string{margin + key + ":", margin + "  sealed: |"}
	lines = append(lines, indented(strings.Split(strings.TrimSpace(string(v)), "\n"), margin+"    ", "")...)
	return strings.Join(lines, "\n") + "\n"
}

// SealInto writes a sealed credential into the file of an environment: in the place of the one that the application user
// has under that key, or behind its client_id. Comments stay. What it cannot do without touching more is an error that says
// what to do by hand.
func SealInto(file string, data []byte, clientID, key string, v sealed.Value) ([]byte, error) {
	r := newReader(file)
	root := r.Root(data)
	if root == nil {
		return nil, r.Err()
	}
	byHand := func(what string) error {
		return fmt.Errorf("%s: %s; without --into the lines to paste are printed", file, what)
	}
	var keys []document.Entry
	var known []string
	for _, e := range r.Entries(root, "the environment") {
		if e.Name != "users" {
			continue
		}
		for _, user := range document.List(e.Value) {
			pairs := r.Entries(user, "users")
			i := slices.IndexFunc(pairs, func(e document.Entry) bool { return e.Name == "client_id" })
			if i < 0 {
				continue
			}
			id := ""
			if r.Text(pairs[i].Value, "client_id", &id); strings.EqualFold(id, clientID) {
				keys = pairs
			}
			known = append(known, id)
		}
	}
	if keys == nil {
		return nil, byHand("there is no application user with the client id " + clientID + ", known are " + strings.Join(known, ", "))
	}
	at := -1 // the line of the credential, or of the client_id that it is to follow
	margin, found := 0, false
	for _, e := range keys {
		if e.Name == key || e.Name == "client_id" && !found {
			p := r.At(e.Key)
			at, margin, found = p.Line-1, p.Column-1, e.Name == key
		} else if e.Name == ClientSecretKey || e.Name == CertificateKey {
			return nil, byHand("the application user has a " + e.Name + "; take that out first")
		}
	}
	lines := strings.Split(string(data), "\n")
	if at >= len(lines) || margin > len(lines[at]) || strings.Trim(lines[at][:margin], " -") != "" {
		return nil, byHand("the application user is written in one line; give each of its keys a line")
	}
	lineEnd := ""
	if strings.HasSuffix(lines[at], "\r") {
		lineEnd = "\r"
	}
	block := indented(strings.Split(strings.TrimSuffix(SealedBlock(key, v, margin), "\n"), "\n"), "", lineEnd)
	end := at + 1
	if found {
		block[0] = lines[at][:margin] + key + ":" + remark(lines[at]) + lineEnd // the "- " of a list may be in front of it
		for i := end; i < len(lines); i++ {
			if indent := len(lines[i]) - len(strings.TrimLeft(lines[i], " ")); strings.TrimSpace(lines[i]) != "" && indent <= margin {
				break
			} else if strings.TrimSpace(lines[i]) != "" {
				end = i + 1
			}
		}
		var remarks []string
		for _, line := range lines[at+1 : end] {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				remarks = append(remarks, line)
			}
		}
		block = slices.Insert(block, 1, remarks...)
		lines = slices.Replace(lines, at, end, block...)
	} else {
		lines = slices.Insert(lines, end, block...)
	}
	text := strings.Join(lines, "\n")
	e, err := ParseEnvironment(file, []byte(text))
	if err != nil {
		return nil, byHand("it cannot be written in place: the file would read " + err.Error())
	}
	for _, u := range e.Users {
		if u.ClientID == strings.ToLower(clientID) && (u.ClientSecret.Sealed == v || u.Certificate.Sealed == v) {
			return []byte(text), nil
		}
	}
	return nil, byHand("it cannot be written in place")
}

// remark is the comment at the end of a line.
func remark(line string) string {
	if i := strings.Index(line, " #"); i >= 0 {
		return strings.TrimRight(line[i:], "\r")
	}
	return ""
}

// same makes sure that a file reads as it is meant to.
func same(file, text string, want Environment) error {
	got, err := ParseEnvironment(file, []byte(text))
	for i := range got.Users {
		got.Users[i].At = document.Position{} // a longer value moves what follows it
	}
	users := slices.Clone(want.Users)
	for i := range users {
		users[i].At = document.Position{}
	}
	if err != nil || !slices.Equal(got.Users, users) {
		return fmt.Errorf("%s: a sealed value cannot be replaced there; write it as a block (sealed: |)", file)
	}
	return nil
}
