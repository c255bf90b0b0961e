package dataverse

import (
	"strings"
	"testing"
)

func TestARemedyIsFoundHoweverItsCodeIsSpelled(t *testing.T) {
	for code, want := range map[string]string{
		"AADSTS7000222": "the client secret has expired; an owner of the application: make a new secret " + AtRegistration,
		"AADSTS53003":   "conditional access blocks the application; ",
		"AADSTS530036":  "conditional access blocks the application; ",
		"AADSTS700021":  hintDefect,
		"0x80072560":    "the application has no application user in this environment; ",
		"0x80042F09":    "the application user has no security role; ",
		"http_401":      "Dataverse does not take a token that Entra ID has just issued; ",
	} {
		if r, found := RemedyOf(code); !found || !strings.HasPrefix(r.String(), want) {
			t.Errorf("%s: got %q, want %q", code, r, want)
		}
	}
	for _, code := range []string{"", "AADSTS1", "0x80040217", "http_500"} {
		if r, found := RemedyOf(code); found {
			t.Errorf("%q has the remedy %q", code, r)
		}
	}
}

func TestEveryRemedySaysWhatToDoAndCanBeFound(t *testing.T) {
	for code, r := range remedies {
		if r.Mend == "" || code != strings.ToLower(code) {
			t.Errorf("%s: %+v", code, r)
		}
	}
}
