package emulator

import (
	"net/http"
)

// This file words the refusals that several parts make.

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
