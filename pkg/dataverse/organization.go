package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// An Organization is the environment that a URL leads to, as it describes itself.
type Organization struct {
	ID          string // OrganizationId, a GUID in lower case; what WhoAmI names too
	Name        string // friendly name, which people see
	Version     string // of the platform: 9.2.24014.00198
	Environment string // id in the Power Platform admin center
	Geo         string // EMEA
	Tenant      string // directory that it belongs to
}

// Organization asks which environment answers there, and returns beside it what the answer says of the limits.
func (c *Client) Organization(ctx context.Context) (Organization, Limits, error) {
	op := "dataverse: organization at " + c.root.Host
	target := c.root.String() + "RetrieveCurrentOrganization(AccessType=@p)?@p=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
	var answer struct {
		Detail struct {
			OrganizationID, FriendlyName, OrganizationVersion, EnvironmentID, Geo, TenantID string
		}
	}
	var limits Limits
	header := http.Header{"Accept": {"application/json"}, "If-None-Match": {"null"}}
	fault := c.exchange(ctx, op, http.MethodGet, target, nil, header, func(resp *http.Response) *penstock.Error {
		limits = readLimits(resp.Header)
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return unreachable(op, err, false)
		}
		if resp.StatusCode != http.StatusOK {
			return refusal(op, resp, body).fault
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf("the answer is no JSON: %w", err)}
		}
		return nil
	})
	if fault == nil && answer.Detail.OrganizationID == "" {
		fault = &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: errors.New("the answer names no organization")}
	}
	d := answer.Detail
	return Organization{
		ID: strings.ToLower(d.OrganizationID), Name: d.FriendlyName, Version: d.OrganizationVersion,
		Environment: strings.ToLower(d.EnvironmentID), Geo: d.Geo, Tenant: strings.ToLower(d.TenantID),
	}, limits, orNil(fault)
}
