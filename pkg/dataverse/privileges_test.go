package dataverse_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestTheOrganizationDescribesItself(t *testing.T) {
	_, c := emulate(t, emulator.Config{OrganizationName: "Contoso Sandbox"})
	org, limits, err := c.Organization(t.Context())
	if err != nil || org.ID != emulator.SandboxOrganization || org.Name != "Contoso Sandbox" || org.Version == "" || org.Geo == "" ||
		org.Tenant != emulator.SandboxTenant || org.Environment == "" {
		t.Errorf("%+v %v", org, err)
	}
	if limits.DOPHint == 0 || limits.RequestsLeft <= 0 || limits.SecondsLeft <= 0 {
		t.Errorf("%+v", limits)
	}
}

func TestPrivilegesAreReadNotComposed(t *testing.T) {
	s, c := emulate(t, emulator.Config{})
	all, err := c.Privileges(t.Context(), "contact")
	if err != nil {
		t.Fatal(err)
	}
	for verb, name := range map[dataverse.Verb]string{
		dataverse.CreateRecords: "prvCreateContact", dataverse.ReadRecords: "prvReadContact", dataverse.WriteRecords: "prvWriteContact",
		dataverse.DeleteRecords: "prvDeleteContact", dataverse.AppendRecords: "prvAppendContact", dataverse.AppendTo: "prvAppendToContact",
		dataverse.AssignRecords: "prvAssignContact",
	} {
		if !slices.Contains(all, dataverse.Privilege{Name: name, Verb: verb, Shallowest: dataverse.Basic, Deepest: dataverse.Global}) {
			t.Errorf("no %s for %s in %+v", name, verb, all)
		}
	}
	users, err := c.Privileges(t.Context(), "systemuser")
	if err != nil || !slices.ContainsFunc(users, func(p dataverse.Privilege) bool { return p.Name == "prvReadUser" }) {
		t.Errorf("%+v %v", users, err)
	}
	var fault *penstock.Error
	for _, name := range []string{"kontakt", "x')"} {
		if _, err := c.Privileges(t.Context(), name); !errors.As(err, &fault) || fault.Kind != penstock.SystemFault {
			t.Errorf("%s: %v", name, err)
		}
	}

	who, err := c.WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Revoke(emulator.SandboxClient, "prvWriteContact")
	held, err := c.UserPrivileges(t.Context(), who.User)
	if err != nil || held["prvReadContact"] != dataverse.Global || held["prvWriteContact"] != dataverse.NoDepth {
		t.Errorf("%v %v %v", held["prvReadContact"], held["prvWriteContact"], err)
	}
	asked, err := c.HasPrivileges(t.Context(), who.User, []string{"prvWriteContact", "prvReadContact"})
	if err != nil || asked["prvWriteContact"] != dataverse.NoDepth {
		t.Errorf("%v %v", asked, err)
	}
	if _, err := c.UserPrivileges(t.Context(), "x)"); err == nil {
		t.Error("no error for what is no systemuserid")
	}
}

func TestTablesAreListed(t *testing.T) {
	_, c := emulate(t, emulator.Config{})
	names, err := c.Tables(t.Context())
	if err != nil || !slices.Contains(names, "contact") || !slices.IsSorted(names) {
		t.Errorf("%v %v", names, err)
	}
}

func TestAFreshTokenIsAskedForWhateverIsKept(t *testing.T) {
	s, c := emulate(t, emulator.Config{})
	if _, err := c.WhoAmI(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.SetSecret(emulator.SandboxClient, emulator.SandboxSecret, true)
	if _, err := c.WhoAmI(t.Context()); err != nil {
		t.Errorf("the token that is kept: %v", err)
	}
	var fault *penstock.Error
	if _, err := c.FreshToken(t.Context()); !errors.As(err, &fault) || fault.Code != "AADSTS7000222" || strings.Contains(err.Error(), "secret=") {
		t.Errorf("a fresh one: %v", err)
	}
	s.SetSecret(emulator.SandboxClient, emulator.SandboxSecret, false)
	if expires, err := c.FreshToken(t.Context()); err != nil || time.Until(expires) < 50*time.Minute {
		t.Errorf("%v %v", expires, err)
	}
}
