package emulator

import (
	"net/http"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// This file words the refusals that several parts make.

func missingByID(t *store.Table, id string) *refusal.Error {
	return refusal.ObjectMissing.Says("Entity '%s' With Id = %s Does Not Exist", t.Name, id)
}

func missingByKey(t *store.Table) *refusal.Error {
	return refusal.KeyMissing.Says("A record with the specified key values does not exist in %s entity", t.Name)
}

// hierarchyLoop is the refusal of a row that would hang on itself; accounts and contacts have codes of their own.
func hierarchyLoop(t *store.Table) *refusal.Error {
	code, name, hierarchy := "0x80040387", "EntityLoopBeingCreated", "this entity hierarchy"
	switch t.Name {
	case "account":
		code, name, hierarchy = "0x80040507", "AccountLoopBeingCreated", "Accounts hierarchy"
	case "contact":
		code, name, hierarchy = "0x8004050a", "ContactLoopBeingCreated", "Contacts hierarchy"
	}
	return refusal.Kind{Code: code, Name: name, Status: http.StatusBadRequest}.Says("Creating this parental association would create a loop in %s.", hierarchy)
}
