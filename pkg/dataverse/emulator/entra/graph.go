package entra

import (
	"crypto/sha1" // a thumbprint is one by definition
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Microsoft Graph, of which there is one request: an app's look at its own registration. It is how a client learns when its credentials
// expire.

// graphHosts are Microsoft Graph in the clouds. A token for one of them is one for the Graph of this Directory.
func graphHosts() []string {
	return []string{"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"}
}

func isGraph(host string) bool { return slices.Contains(graphHosts(), strings.ToLower(host)) }

var applicationPath = regexp.MustCompile(`^applications\(appId='([^']*)'\)$`)

// serveGraph answers GET /v1.0/applications(appId='…')?$select=….
func (d *Directory) serveGraph(w http.ResponseWriter, r *http.Request) {
	scheme, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	t, valid := d.Token(access)
	path := applicationPath.FindStringSubmatch(r.PathValue("resource"))
	switch {
	case access == "":
		refuseGraph(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty.")
		return
	case !valid || !strings.EqualFold(scheme, "Bearer"):
		refuseGraph(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
		return
	case !isGraph(t.Resource):
		refuseGraph(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
		return
	case path == nil:
		refuseGraph(w, http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+r.PathValue("resource")+"'.")
		return
	}
	self, _ := d.app(t.Tenant, t.ClientID)
	if !self.ReadsItself || !strings.EqualFold(path[1], t.ClientID) {
		refuseGraph(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		return
	}
	all := map[string]any{
		"id": derived("application", self.Tenant+self.ClientID), "appId": self.ClientID, "displayName": self.Name,
		"passwordCredentials": self.passwordCredentials(), "keyCredentials": self.keyCredentials(),
	}
	context := "applications/$entity"
	if selected := r.URL.Query().Get("$select"); selected != "" {
		names := strings.Split(selected, ",")
		for name := range all {
			if !slices.Contains(names, name) {
				delete(all, name)
			}
		}
		context = "applications(" + selected + ")/$entity"
	}
	all["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#" + context
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	encode(w, all)
}

func (a App) passwordCredentials() []map[string]any {
	all := []map[string]any{}
	for _, s := range a.Secrets {
		id := s.ID
		if id == "" {
			id = derived("secret", s.Value)
		}
		all = append(all, map[string]any{
			"customKeyIdentifier": nil, "displayName": s.Name, "endDateTime": graphTime(s.Expires), "hint": s.Value[:min(3, len(s.Value))],
			"keyId": id, "secretText": nil, "startDateTime": graphTime(time.Time{}),
		})
	}
	return all
}

func (a App) keyCredentials() []map[string]any {
	all := []map[string]any{}
	for _, c := range a.Certificates {
		thumbprint := sha1.Sum(c.X509.Raw)
		all = append(all, map[string]any{
			"customKeyIdentifier": strings.ToUpper(hex.EncodeToString(thumbprint[:])), "displayName": c.X509.Subject.String(),
			"endDateTime": graphTime(c.X509.NotAfter), "key": nil, "keyId": c.keyID(), "startDateTime": graphTime(c.X509.NotBefore),
			"type": "AsymmetricX509Cert", "usage": "Verify",
		})
	}
	return all
}

// graphTime is null for the time that is none.
func graphTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func refuseGraph(w http.ResponseWriter, status int, code, message string) {
	id := uuid.NewString()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("request-id", id)
	w.WriteHeader(status)
	encode(w, map[string]any{"error": map[string]any{"code": code, "message": message, "innerError": map[string]any{
		"date": time.Now().UTC().Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": id,
	}}})
}

// derived makes the GUIDs that are the same in every run.
func derived(space, name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("penstock:entra:"+space+":"+name)).String()
}
