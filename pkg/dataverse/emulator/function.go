package emulator

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/metadata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
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
		return failed(refusal.BadBatch.Says("A batch request cannot contain a batch request."))
	case !c.server.isFunction(name):
		return failed(refusal.SegmentMissing.Says("Resource not found for the segment '%s'.", name))
	case method != http.MethodGet:
		return failed(refusal.RouteMissing.Says("No HTTP resource was found that matches the request URI '%s'.", url))
	}
	switch name {
	case "":
		return c.server.serviceDocument(string(c.root))
	case "$metadata":
		return c.server.csdl()
	case "WhoAmI":
		return jsonReply(map[string]any{
			"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
			"BusinessUnitId": c.rights.Unit, "UserId": c.actor.id, "OrganizationId": c.server.config.OrganizationID,
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
	return name == "" || name == "WhoAmI" || name == "RetrieveCurrentOrganization" || name == "RetrieveTotalRecordCount" || name == "$metadata" || metadata.Set(name)
}

// currentOrganization answers RetrieveCurrentOrganization with the whole Detail of section 6.5.
func (c *call) currentOrganization() *reply {
	config := c.server.config
	host := origin(c.http) + "/"
	return jsonReply(map[string]any{
		"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse",
		"Detail": map[string]any{
			"OrganizationId": config.OrganizationID, "FriendlyName": config.OrganizationName, "OrganizationVersion": "9.2.24014.00198",
			"EnvironmentId": derived("environment", config.OrganizationID.String()), "DatacenterId": derived("datacenter", ""), "Geo": "EMEA", "TenantId": config.Tenant,
			"UrlName": "sandbox", "UniqueName": "unqsandbox", "State": "Enabled", "OrganizationType": "Customer", "SchemaType": "Full",
			"Endpoints": map[string]any{
				"Count": 3, "IsReadOnly": false, "Keys": []string{"WebApplication", "OrganizationService", "OrganizationDataService"},
				"Values": []string{host, host + "XRMServices/2011/Organization.svc", host + "XRMServices/2011/OrganizationData.svc"},
			},
		},
	})
}

// parameters reads a query string, of which a broken part is left out.
func parameters(query string) url.Values {
	values, err := url.ParseQuery(query)
	if err != nil {
		return url.Values{}
	}
	return values
}
