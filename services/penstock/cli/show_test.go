package cli

import (
	"strings"
	"testing"

	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func TestEachCodeIsListedWithWhatMendsIt(t *testing.T) {
	group := func(code, mend string) *penstockv1.DeadLetterGroup {
		return &penstockv1.DeadLetterGroup{Environment: "e", Sync: "s", Code: code, Mend: mend, Key: "a\x1b[2Jkey"}
	}
	got := groupsTable([]*penstockv1.DeadLetterGroup{
		group("0x80044331", "shorten it"), group("0x80040203", "correct it"), group("0x80040239", "correct it"),
		group("0x80040203", "correct it"), group("poison", ""),
	})
	if _, mends, _ := strings.Cut(got, "\n\n"); mends != "0x80044331: shorten it\n0x80040203, 0x80040239: correct it\n" {
		t.Errorf("%q", got)
	}
	if strings.Contains(got, "\x1b") {
		t.Errorf("%q moves the cursor", got)
	}
	if got := groupsTable([]*penstockv1.DeadLetterGroup{group("poison", "")}); strings.Contains(got, "\n\n") {
		t.Errorf("%q", got)
	}
}
