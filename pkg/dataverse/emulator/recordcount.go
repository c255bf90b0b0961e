package emulator

import (
	"net/url"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/query"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
)

// totalRecordCount answers RetrieveTotalRecordCount(EntityNames=['contact']), which counts without the limit of 5,000, and whatever the caller may
// see of it. Dataverse's figures are up to 24 hours old; these are not.
func (c *call) totalRecordCount(path, options string) *reply {
	text, err := url.PathUnescape(strings.TrimPrefix(path, "RetrieveTotalRecordCount"))
	if err != nil {
		return failed(unrecognized())
	}
	aliases := map[string]string{}
	for name, v := range parameters(options) {
		aliases[name] = v[0]
	}
	e, err := odata.Parse("RetrieveTotalRecordCount"+text, aliases)
	if err != nil {
		return failed(query.Unreadable(err))
	}
	call, _ := e.(*odata.Call)
	if call == nil {
		return failed(unrecognized())
	}
	names, ok := call.Named["EntityNames"].(odata.List)
	if !ok || len(call.Named) != 1 || len(call.Arguments) > 0 {
		return failed(refusal.BadURI.Says("The function 'RetrieveTotalRecordCount' needs the parameter EntityNames, a list of logical names."))
	}
	keys, values := []string{}, []int{}
	for _, name := range names {
		t := c.server.tables[name.Text]
		if t == nil {
			return failed(refusal.MetadataMissing.Says("The entity with a name = '%s' was not found in the MetadataCache.", name.Text))
		}
		if f := c.denied(t, t.Privileges.Read); f != nil {
			return failed(f)
		}
		t.RLock()
		keys, values = append(keys, name.Text), append(values, t.Len())
		t.RUnlock()
	}
	return jsonReply(map[string]any{
		"@odata.context":              string(c.root) + "$metadata#Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse",
		"EntityRecordCountCollection": map[string]any{"Count": len(keys), "IsReadOnly": false, "Keys": keys, "Values": values},
	})
}
