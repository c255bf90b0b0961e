package body

import (
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// This file is what becomes of names that a table does not have.

// unknownProperty is what a body with a name that the table does not have gets.
func unknownProperty(t *store.Table, name []byte) *refusal.Error {
	return refusal.Payload(t.Set, "Microsoft.Crm.CrmException: Invalid property '%[1]s' was found in entity 'Microsoft.Dynamics.CRM.%[2]s'. ---> "+
		"Microsoft.OData.ODataException: The property '%[1]s' does not exist on type 'Microsoft.Dynamics.CRM.%[2]s'. "+
		"Make sure to only use property names that are defined by the type.", name, t.Name)
}

// untypedValue is what a lookup's logical name gets where a navigation property belongs.
func untypedValue(t *store.Table, name []byte) *refusal.Error {
	return refusal.Payload(t.Set, "Microsoft.Crm.CrmException: Invalid property '%s' was found in entity 'Microsoft.Dynamics.CRM.%s'. ---> "+
		"Microsoft.OData.ODataException: Does not support untyped value in non-open type.", name, t.Name)
}

// undeclaredNavigation is what an @odata.bind of no navigation property gets.
func undeclaredNavigation(t *store.Table, name string) *refusal.Error {
	return refusal.Payload(t.Set, "Microsoft.OData.ODataException: An undeclared property '%s' which only has property annotations in the payload but no property value was found in the payload. "+
		"In OData, only declared navigation properties and declared named streams can be represented as properties without values.", name)
}

// annotation judges a name that is no property: annotations that readers get are tolerated, others and unknown names are not.
func (b *Body) annotation(t *store.Table, name []byte) *refusal.Error {
	s := string(name)
	if at := strings.IndexByte(s, '@'); at >= 0 {
		switch property, term := s[:at], s[at:]; {
		case term == "@odata.bind":
			return undeclaredNavigation(t, property)
		case property == "" && slices.Contains([]string{"@odata.type", "@odata.etag", "@odata.context", "@odata.id"}, term):
			return nil
		case property != "" && (strings.HasPrefix(term, "@OData.Community.") || strings.HasPrefix(term, "@Microsoft.Dynamics.CRM.") || term == "@odata.type"):
			return nil
		default:
			return refusal.Payload(t.Set, "Microsoft.OData.ODataException: The annotation '%s' was found in the payload, which is not supported here.", s)
		}
	}
	return unknownProperty(t, name)
}
