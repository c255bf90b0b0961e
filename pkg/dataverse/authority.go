package dataverse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// authorities are the hosts of Entra ID in each cloud (reference section 1.5): nobody else is sent a credential, unless
// [Config.Authorities] names them.
func authorities() []string {
	return []string{
		"login.microsoftonline.com", "login.microsoftonline.us", "login.microsoftonline.de",
		"login.partner.microsoftonline.cn", "login.chinacloudapi.cn",
	}
}

// parseAuthorities reads [Config.Authorities] as scheme://host in lower case.
func parseAuthorities(raw []string) ([]string, error) {
	var all []string
	for _, s := range raw {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, errors.New("dataverse: a trusted authority is not of the form https://host or http://host:port")
		}
		all = append(all, origin(u))
	}
	return all, nil
}

// origin is where a URL leads, without what is to be found there.
func origin(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// trusts reports whether an authority may be sent a credential.
func (a *authentication) trusts(authority *url.URL) bool {
	switch {
	case authority.User != nil:
		return false
	case slices.Contains(a.authorities, origin(authority)):
		return true
	case loopback(authority.Hostname()) && loopback(a.root.Hostname()): // an emulator on this machine
		return authority.Scheme == "http" || authority.Scheme == "https"
	}
	return authority.Scheme == "https" && slices.Contains(authorities(), strings.ToLower(authority.Host))
}

// discover finds the token endpoint: Dataverse names the authority and the tenant to whoever comes without a token.
func (a *authentication) discover(ctx context.Context) (string, *penstock.Error) {
	op := "dataverse: ask " + a.root.Host + " for its authority"
	reject := func(hint, format string, args ...any) (string, *penstock.Error) {
		return "", &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf(format, args...), Hint: hint}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.root.String()+"WhoAmI", nil)
	if err != nil {
		return reject("", "%w", err)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return "", unreachable(op, err, false)
	}
	defer closeBody(resp)
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return "", &penstock.Error{
			Op: op, Kind: penstock.Transient, Wait: readLimits(resp.Header).RetryAfter,
			Err: fmt.Errorf("HTTP %d", resp.StatusCode),
		}
	default:
		return reject("is the environment's URL right?", "HTTP %d, where an environment answers 401", resp.StatusCode)
	}
	authority, tenant := challenge(resp.Header)
	switch {
	case authority == nil:
		return reject("is the environment's URL right?", "the answer 401 names no authorization_uri")
	case !a.trusts(authority):
		return reject("nothing was sent there; is the environment's URL right? An emulator's authority must be trusted by name",
			"%s://%s is not an authority of Microsoft", authority.Scheme, authority.Host)
	}
	if a.tenant != "" {
		if plainGUID.MatchString(a.tenant) && plainGUID.MatchString(tenant) && !strings.EqualFold(a.tenant, tenant) {
			return reject("use the tenant of the environment", "the environment belongs to tenant %s, not to %s", tenant, a.tenant)
		}
		tenant = a.tenant
	}
	if tenant == "" {
		return reject("configure the environment's tenant", "the answer 401 names no tenant")
	}
	return origin(authority) + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token", nil
}

var plainGUID = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// challenge reads authority and tenant out of "Bearer authorization_uri=https://host/tenant/oauth2/authorize,
// resource_id=…": values quoted or not, in any order.
func challenge(h http.Header) (authority *url.URL, tenant string) {
	for _, value := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		for parameter := range strings.SplitSeq(rest, ",") {
			name, v, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "authorization_uri") {
				continue
			}
			u, err := url.Parse(strings.Trim(strings.TrimSpace(v), `"`))
			if err != nil || u.Host == "" {
				continue
			}
			tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
			return u, tenant
		}
	}
	return nil, ""
}
