package dataverse

import (
	"net"
	"strings"
)

// A Cloud is one of Microsoft's, which share neither directories nor hosts (reference "Hosts and authorities").
type Cloud struct {
	Name        string
	Hosts       []string // what the hosts of its environments end in
	Authorities []string // hosts that tokens come from
	Graph       string   // host of Microsoft Graph; empty where there is none any more
}

// clouds lists them. Those of the tests that Microsoft runs itself are left out.
var clouds = []Cloud{ //nolint:gochecknoglobals // constant table
	{"public", []string{".dynamics.com"}, []string{"login.microsoftonline.com"}, "graph.microsoft.com"},
	{"US government, GCC High", []string{".crm.microsoftdynamics.us"}, []string{"login.microsoftonline.us"}, "graph.microsoft.us"},
	{"US government, DoD", []string{".crm.appsplatform.us"}, []string{"login.microsoftonline.us"}, "dod-graph.microsoft.us"},
	{"China", []string{".crm.dynamics.cn"}, []string{"login.chinacloudapi.cn", "login.partner.microsoftonline.cn"}, "microsoftgraph.chinacloudapi.cn"},
	{"Germany, closed", []string{".crm.microsoftdynamics.de"}, []string{"login.microsoftonline.de"}, ""},
}

// CloudOf finds the cloud that an environment's host belongs to, with or without port. A host of none is no environment
// of Dataverse: vanity hosts are not supported.
func CloudOf(host string) (Cloud, bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(host)
	for _, c := range clouds {
		for _, suffix := range c.Hosts {
			name, found := strings.CutSuffix(host, suffix)
			// of the public cloud: org.crm, org.crm4, org.api.crm4
			if found && (suffix != ".dynamics.com" || strings.HasPrefix(name[strings.LastIndexByte(name, '.')+1:], "crm")) {
				return c, true
			}
		}
	}
	return Cloud{}, false
}
