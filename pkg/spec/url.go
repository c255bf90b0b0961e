package spec

import (
	"net/url"
	"strings"
)

// URLMistake recognises what people write, or copy out of a browser, in place of the address of an environment's Web API:
// what it is, and what to write instead. Both are empty when it knows no mistake, which does not mean that there is none.
func URLMistake(raw string) (what, mend string) {
	const where = "copy the Web API endpoint of the environment: Power Apps, Settings, Developer resources"
	trimmed := strings.TrimSpace(raw)
	switch before, _, _ := strings.Cut(trimmed, "?"); {
	case strings.Contains(before, "@"): // whatever else is wrong with it: nothing of it may be repeated
		return "there is a user name in it", "put credentials into the environment's own fields, and " + where
	case trimmed == "":
		return "it is empty", where
	case trimmed != raw:
		return "there are blanks around it", "write it without them: " + trimmed
	case strings.ContainsAny(raw, " \t\r\n"):
		return "there is a blank in it", where
	case !strings.Contains(raw, "://"):
		return "https:// is missing in front", "write " + webAPI(&url.URL{Host: strings.SplitN(raw, "/", 2)[0]}, where)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return "it is no address: it names no host", where
	}
	host := strings.ToLower(u.Hostname())
	for _, p := range portals {
		if host == p.host || strings.HasSuffix(host, "."+p.host) {
			return "it is the address of " + p.is + ", not of an environment", where
		}
	}
	path := strings.ToLower(u.Path)
	switch {
	case strings.HasSuffix(path, ".aspx"), strings.HasPrefix(path, "/apps/"), strings.HasPrefix(path, "/main"):
		return "it is the address of a page for people (" + u.Path + "), not of the Web API", "write " + webAPI(u, where)
	case strings.HasPrefix(path, "/xrmservices/"):
		return "it is the address of the old SOAP service", "write " + webAPI(u, where)
	case strings.HasPrefix(path, "/api/discovery"):
		return "it is the address of the discovery service, which lists environments", where
	case strings.HasPrefix(path, "/api/data/") && strings.Count(strings.TrimSuffix(path, "/"), "/") > 3:
		return "it goes on after the version: " + u.Path, "write " + webAPI(u, where)
	}
	return "", ""
}

// portals are the hosts that people see in their browsers near an environment, and those of its identity.
var portals = []struct{ host, is string }{ //nolint:gochecknoglobals // constant table
	{"make.powerapps.com", "the maker portal"},
	{"powerapps.com", "Power Apps"},
	{"make.powerautomate.com", "the portal of Power Automate"},
	{"admin.powerplatform.microsoft.com", "the admin center"},
	{"admin.powerplatform.com", "the admin center"},
	{"home.dynamics.com", "the start page of Dynamics 365"},
	{"entra.microsoft.com", "the Entra admin center"},
	{"portal.azure.com", "the Azure portal"},
	{"login.microsoftonline.com", "the place where tokens come from"},
	{"login.microsoftonline.us", "the place where tokens come from"},
	{"globaldisco.crm.dynamics.com", "the discovery service, which lists environments"},
}

// webAPI is the address of the Web API at a host; otherwise says what to do where the host cannot be an environment's.
func webAPI(u *url.URL, otherwise string) string {
	if !strings.Contains(u.Host, ".") {
		return "the whole of it: " + otherwise
	}
	return "https://" + strings.ToLower(u.Host) + "/api/data/v9.2/"
}
