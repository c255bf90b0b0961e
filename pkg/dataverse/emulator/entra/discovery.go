package entra

import (
	"net/http"
	"net/url"
	"strings"
)

// The documents by which authentication libraries find their way: from an authority to its token endpoint.

// serveInstance answers GET /common/discovery/instance: is that host an authority?
func (d *Directory) serveInstance(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || !strings.EqualFold(u.Host, r.Host) {
		d.Refuse(w, *fail(50049))
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	headers(w)
	encode(w, map[string]any{
		"tenant_discovery_endpoint": origin(r) + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  []any{map[string]any{"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host}}},
	})
}

// serveConfiguration answers GET …/.well-known/openid-configuration of the v1 endpoint (version "") and of v2.0 (version "/v2.0").
func (d *Directory) serveConfiguration(version string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("tenant")
		t, known := d.tenant(name)
		if !known {
			d.Refuse(w, *fail(90002, name))
			return
		}
		root := origin(r) + "/" + t.ID
		headers(w)
		encode(w, map[string]any{
			"issuer":                                root + version,
			"token_endpoint":                        root + "/oauth2" + version + "/token",
			"authorization_endpoint":                root + "/oauth2" + version + "/authorize",
			"device_authorization_endpoint":         root + "/oauth2" + version + "/devicecode",
			"end_session_endpoint":                  root + "/oauth2" + version + "/logout",
			"jwks_uri":                              root + "/discovery" + version + "/keys",
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
			"response_modes_supported":              []string{"query", "fragment", "form_post"},
			"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
			"subject_types_supported":               []string{"pairwise"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
			"claims_supported":                      []string{"sub", "iss", "aud", "exp", "iat", "ver", "tid"},
			"tenant_region_scope":                   "EU",
			"cloud_instance_name":                   "microsoftonline.com",
			"cloud_graph_host_name":                 "graph.windows.net",
			"msgraph_host":                          r.Host, // which answers as Graph too
		})
	}
}

// serveKeys answers with no key: access tokens are opaque, and there are no others.
func (d *Directory) serveKeys(w http.ResponseWriter, _ *http.Request) {
	headers(w)
	encode(w, map[string]any{"keys": []any{}})
}

// origin is the scheme and host by which the client reached us.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
