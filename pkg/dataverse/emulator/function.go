package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// function answers paths that name no entity set: functions, metadata, and the service document.
func (c *call) function(method, path, query, url string) *reply {
	path = strings.TrimSuffix(path, "/")
	name := path
	if i := strings.IndexAny(path, "(/"); i >= 0 {
		name = path[:i]
	}
	switch {
	case name == "$batch":
		return failed(badBatch.says("A batch request cannot contain a batch request."))
	case !c.server.isFunction(name):
		return failed(segmentMissing.says("Resource not found for the segment '%s'.", name))
	case method != http.MethodGet:
		return failed(routeMissing.says("No HTTP resource was found that matches the request URI '%s'.", url))
	}
	switch name {
	case "":
		return c.serviceDocument()
	case "WhoAmI":
		return jsonReply(map[string]any{
			"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
			"BusinessUnitId": c.server.businessUnit(), "UserId": c.user.id, "OrganizationId": c.server.config.OrganizationID,
		})
	case "RetrieveCurrentOrganization":
		return c.currentOrganization()
	case "RetrieveTotalRecordCount":
		return c.totalRecordCount(path, query)
	default:
		return c.metadata(path, query)
	}
}

func (s *Server) isFunction(name string) bool {
	return name == "" || name == "WhoAmI" || name == "RetrieveCurrentOrganization" || name == "RetrieveTotalRecordCount" || name == "EntityDefinitions"
}

func (c *call) serviceDocument() *reply {
	value := []map[string]string{}
	for _, t := range c.server.sorted() {
		value = append(value, map[string]string{"name": t.Set, "kind": "EntitySet", "url": t.Set})
	}
	return jsonReply(map[string]any{"@odata.context": string(c.root) + "$metadata", "value": value})
}

func (c *call) currentOrganization() *reply {
	config := c.server.config
	host := origin(c.http)
	return jsonReply(map[string]any{
		"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse",
		"Detail": map[string]any{
			"OrganizationId": config.OrganizationID, "FriendlyName": config.OrganizationName, "OrganizationVersion": "9.2.24014.00198",
			"EnvironmentId": derived("environment", config.OrganizationID.String()), "DatacenterId": derived("datacenter", ""), "Geo": "EMEA", "TenantId": config.Tenant,
			"UrlName": "sandbox", "UniqueName": "unqsandbox", "State": "Enabled",
			"Endpoints": map[string]any{"Count": 1, "IsReadOnly": false, "Keys": []string{"WebApplication"}, "Values": []string{host + "/"}},
		},
	})
}

// retrieveUserPrivileges answers the bound function for an application user: every privilege that was not revoked, organisation-wide.
func (c *call) retrieveUserPrivileges(a *address) *reply {
	for _, u := range c.server.identities.users {
		if u.id != a.id {
			continue
		}
		all := []map[string]any{}
		for _, t := range c.server.sorted() {
			for _, p := range t.privileges() {
				if !u.lacks(p.name) {
					all = append(all, map[string]any{
						"Depth": "Global", "PrivilegeId": derived("privilege", p.name), "BusinessUnitId": c.server.businessUnit(), "PrivilegeName": p.name,
						"RecordFilterId": "00000000-0000-0000-0000-000000000000",
					})
				}
			}
		}
		return jsonReply(map[string]any{
			"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.RetrieveUserPrivilegesResponse", "RolePrivileges": all,
		})
	}
	return failed(a.missing())
}

// parameters reads a query string, of which a broken part is left out.
func parameters(query string) url.Values {
	values, err := url.ParseQuery(query)
	if err != nil {
		return url.Values{}
	}
	return values
}
