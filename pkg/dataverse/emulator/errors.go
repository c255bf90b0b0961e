package emulator

import (
	"fmt"
	"net/http"
)

// This file words the refusals that several parts make.

// stack is what follows the reason in messages of the OData layer; clients must cut there.
const stack = "\r\n   at Microsoft.OData.JsonLight.ODataJsonLightResourceDeserializer.ReadPropertyWithValue(IODataJsonLightReaderResourceState resourceState, String propertyName, Boolean isDeltaResourceSet)" +
	"\r\n   at Microsoft.Crm.Extensibility.OData.CrmODataEntityMediaTypeFormatter.ReadFromStreamAsync(Type type, Stream readStream)"

// payload makes the 0x80048d19 of section 2.9 about the entity set; reason is what comes after "InnerException : ".
func payload(set, format string, args ...any) *failure {
	return badPayload.says("Error identified in Payload provided by the user for Entity :'%s', For more information on this error please follow this help link "+
		"https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : %s%s", set, fmt.Sprintf(format, args...), stack)
}

// unknownProperty is what a body with a name that the table does not have gets.
func unknownProperty(t *table, name []byte) *failure {
	return payload(t.Set, "Microsoft.Crm.CrmException: Invalid property '%[1]s' was found in entity 'Microsoft.Dynamics.CRM.%[2]s'. ---> "+
		"Microsoft.OData.ODataException: The property '%[1]s' does not exist on type 'Microsoft.Dynamics.CRM.%[2]s'. "+
		"Make sure to only use property names that are defined by the type.", name, t.Name)
}

// untypedValue is what a lookup's logical name gets where a navigation property belongs.
func untypedValue(t *table, name []byte) *failure {
	return payload(t.Set, "Microsoft.Crm.CrmException: Invalid property '%s' was found in entity 'Microsoft.Dynamics.CRM.%s'. ---> "+
		"Microsoft.OData.ODataException: Does not support untyped value in non-open type.", name, t.Name)
}

func undeclaredNavigation(t *table, name string) *failure {
	return payload(t.Set, "Microsoft.OData.ODataException: An undeclared property '%s' which only has property annotations in the payload but no property value was found in the payload. "+
		"In OData, only declared navigation properties and declared named streams can be represented as properties without values.", name)
}

func missingByID(t *table, id string) *failure {
	return objectMissing.says("Entity '%s' With Id = %s Does Not Exist", t.Name, id)
}

func missingByKey(t *table) *failure {
	return keyMissing.says("A record with the specified key values does not exist in %s entity", t.Name)
}

// hierarchyLoop is the refusal of a row that would hang on itself; accounts and contacts have codes of their own.
func hierarchyLoop(t *table) *failure {
	code, name, hierarchy := "0x80040387", "EntityLoopBeingCreated", "this entity hierarchy"
	switch t.Name {
	case "account":
		code, name, hierarchy = "0x80040507", "AccountLoopBeingCreated", "Accounts hierarchy"
	case "contact":
		code, name, hierarchy = "0x8004050a", "ContactLoopBeingCreated", "Contacts hierarchy"
	}
	return kind{code, name, http.StatusBadRequest}.says("Creating this parental association would create a loop in %s.", hierarchy)
}
