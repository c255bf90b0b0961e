package dataverse

import (
	"context"
	"crypto/sha1" // a thumbprint is one by definition
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Credential is one that the app registration accepts, as Microsoft Graph tells of it.
type Credential struct {
	Name        string // display name, or the certificate's subject
	Certificate bool   // else a client secret
	Ends        time.Time
	Ours        bool // it looks like the one that the client is configured with: by a secret's first letters, a certificate's thumbprint
}

// Credentials asks Microsoft Graph for the credentials of the app registration, whose ends are to be seen nowhere else. graph is
// the host of Graph in the environment's cloud, as graph.microsoft.com; it is not looked at where the authority is an emulator,
// which is its own Graph. Nothing is kept: each call asks for a token.
//
// Most applications may not read their own registration: the error is a [penstock.Error] then, with Code
// Authorization_RequestDenied, and nothing is wrong.
func (c *Client) Credentials(ctx context.Context, graph string) ([]Credential, error) {
	ctx, cancel := context.WithTimeout(ctx, c.request)
	defer cancel()
	op := "dataverse: registration of application " + c.auth.clientID
	fail := func(err error, hint string) ([]Credential, error) {
		return nil, &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: err, Hint: hint}
	}
	value, fault := c.auth.credential.value()
	if fault != nil {
		return nil, c.auth.about(fault)
	}
	endpoint, fault := c.auth.discover(ctx)
	if fault != nil {
		return nil, fault
	}
	authority, err := url.Parse(endpoint)
	if err != nil {
		return fail(err, "")
	}
	resource, address := "https://"+graph, "https://"+graph
	if !slices.Contains(authorities(), authority.Host) {
		resource, address = "https://graph.microsoft.com", origin(authority)
	}
	token, fault := c.auth.ask(ctx, endpoint, value, resource)
	if fault != nil {
		return nil, fault
	}
	target := address + "/v1.0/applications(appId='" + url.PathEscape(c.auth.clientID) + "')?$select=displayName,passwordCredentials,keyCredentials"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fail(err, "")
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	req.Header.Set("User-Agent", "penstock")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(op, err, false)
	}
	defer closeBody(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(op, err, false)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, graphFault(op, resp, body)
	}
	all, err := readRegistration(body, c.auth.credential, value)
	if err != nil {
		return fail(err, "does a proxy stand between?")
	}
	return all, nil
}

// readRegistration reads an application of Microsoft Graph. Own is the credential that the client has, with its value.
func readRegistration(body []byte, own credential, value string) ([]Credential, error) {
	type entry struct {
		DisplayName         string
		EndDateTime         time.Time // null where there is none
		Hint                string    // the first letters of a secret
		CustomKeyIdentifier string    // of a certificate: its thumbprint, unless somebody chose another
	}
	var answer struct{ PasswordCredentials, KeyCredentials []entry }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the answer of Microsoft Graph cannot be read: %w", err)
	}
	var thumbprint [sha1.Size]byte
	if c, err := parseCertificate(value); err == nil && own.certificate {
		thumbprint = sha1.Sum(c.leaf.Raw)
	}
	var all []Credential
	for _, e := range answer.PasswordCredentials {
		ours := !own.certificate && e.Hint != "" && strings.HasPrefix(value, e.Hint)
		all = append(all, Credential{Name: e.DisplayName, Ends: e.EndDateTime, Ours: ours})
	}
	for _, e := range answer.KeyCredentials {
		// Seen in hexadecimal, and documented as binary, which is base64 in JSON.
		ours := own.certificate && (strings.EqualFold(e.CustomKeyIdentifier, hex.EncodeToString(thumbprint[:])) ||
			e.CustomKeyIdentifier == base64.StdEncoding.EncodeToString(thumbprint[:]))
		all = append(all, Credential{Name: e.DisplayName, Certificate: true, Ends: e.EndDateTime, Ours: ours})
	}
	return all, nil
}

// graphFault explains a refusal by Microsoft Graph.
func graphFault(op string, resp *http.Response, body []byte) *penstock.Error {
	var answer struct {
		Error struct{ Code, Message string }
	}
	_ = json.Unmarshal(body, &answer) // without an explanation the status has to do
	f := &penstock.Error{Op: op, Kind: penstock.SystemFault, Code: answer.Error.Code, Wait: readLimits(resp.Header).RetryAfter}
	text := clean(answer.Error.Message)
	if text == "" {
		text = "no explanation"
	}
	f.Err = errors.New(text + fmt.Sprintf(" (HTTP %d from Microsoft Graph)", resp.StatusCode))
	switch {
	case resp.StatusCode == http.StatusForbidden:
		f.Hint = "to be warned before a credential expires, give the application the permission Application.Read.OwnedBy and make it an owner of itself"
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		f.Kind = penstock.Transient
	}
	return f
}
