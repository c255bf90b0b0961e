package sealed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/sealed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const plaintext = "s3cr~t.Value"

// identity makes one, and gives its file and recipient.
func identity(t *testing.T) (sealed.Identities, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "identity")
	recipient, err := sealed.NewIdentity(file)
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Identities(file), recipient
}

func seal(t *testing.T, to ...string) sealed.Value {
	t.Helper()
	v, err := sealed.Seal(plaintext, to)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhatIsSealedIsOpenedByEachOfItsRecipientsAndNobodyElse(t *testing.T) {
	a, toA := identity(t)
	b, toB := identity(t)
	c, _ := identity(t)
	v := seal(t, toA, toB)
	if v.Recipients() != 2 || strings.Contains(string(v), plaintext) {
		t.Errorf("%d recipients, %s", v.Recipients(), string(v))
	}
	for _, keys := range []sealed.Identities{a, b} {
		if got, err := keys.Open(v); err != nil || got != plaintext {
			t.Errorf("%q, %v", got, err)
		}
	}
	got, err := c.Open(v)
	refused(t, err, "the identity in .* does not open it: it is of age1[a-z0-9]{58}; add that recipient to recipients.txt, run `penstock reseal` ")
	if got != "" {
		t.Error("it was opened")
	}
}

func TestAnIdentityFileIsReadAnewEachTimeAndMayHoldSeveral(t *testing.T) {
	old, toOld := identity(t)
	_, toNew := identity(t)
	v := seal(t, toNew)
	if _, err := old.Open(v); err == nil {
		t.Fatal("opened by a stranger")
	}
	v = seal(t, toOld)
	other, _ := identity(t)
	both := append(read(t, other), read(t, old)...)
	if err := os.WriteFile(string(other), both, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := other.Open(v); err != nil || got != plaintext {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAnIdentityIsItsOwnersAloneAndIsNeverOverwritten(t *testing.T) {
	keys, recipient := identity(t)
	info, err := os.Stat(string(keys))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	before := read(t, keys)
	if !strings.Contains(string(before), "# public key: "+recipient) {
		t.Error("the file does not say whose it is")
	}
	_, err = sealed.NewIdentity(string(keys))
	refused(t, err, "is there already; name another file")
	if string(read(t, keys)) != string(before) {
		t.Error("the identity was overwritten")
	}
	_, err = sealed.NewIdentity(filepath.Join(t.TempDir(), "none", "x"))
	refused(t, err, "the identity cannot be written: .*; does the folder exist")
}

func TestWhyNothingIsOpenedIsSaid(t *testing.T) {
	keys, recipient := identity(t)
	v := seal(t, recipient)
	file := func(mode os.FileMode, text string) sealed.Identities {
		name := filepath.Join(t.TempDir(), "identity")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		return sealed.Identities(name)
	}
	good := string(read(t, keys))
	for _, tt := range []struct {
		name string
		keys sealed.Identities
		want string
	}{
		{"none", "", "this process has no identity to open it with; name the file of its age identity by PENSTOCK_IDENTITY"},
		{"not there", "/nowhere/identity", "the identity file cannot be read: open /nowhere/identity: no such file or directory; is it there"},
		{"open to everybody", file(0o644, good), `the identity file .* is open to everybody \(mode 0644\); chmod 600`},
		{"empty", file(0o600, "# nothing\n"), "there is no identity in .*; `penstock identity FILE` makes one"},
		{"another thing", file(0o600, "\nAGE-SECRET-KEY-1hunter2\n"), "identity:2: this is no identity of age; leave nothing there but lines AGE-SECRET-KEY-1"},
	} {
		got, err := tt.keys.Open(v)
		refused(t, err, tt.want)
		if got != "" || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %q %v", tt.name, got, err)
		}
	}
	if got, err := file(0o640, good).Open(v); err != nil || got != plaintext {
		t.Errorf("a group may read it: %q, %v", got, err)
	}
}

func TestADamagedValueIsRefusedWithoutRepeatingIt(t *testing.T) {
	_, recipient := identity(t)
	text := string(seal(t, recipient))
	lines := strings.Split(text, "\n")
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "it does not begin with -----BEGIN AGE ENCRYPTED FILE-----"},
		{"the secret itself", "hunter2", "it does not begin with"},
		{"cut", strings.Join(lines[:len(lines)-2], "\n"), "it does not end with -----END AGE ENCRYPTED FILE-----"},
		{"folded into one line", strings.Join(strings.Fields(text), " "), "its text is damaged; write it as a block"},
		{"a line lost", strings.Join(append(lines[:1:1], lines[2:]...), "\n"), "its text is damaged"},
		{"a letter lost", strings.Replace(text, lines[1], lines[1][1:], 1), "its text is damaged"},
		{"too long", lines[0] + "\n" + strings.Repeat("A", 70<<10) + "\n" + lines[len(lines)-2], "it is longer than 64 KiB"},
	} {
		_, err := sealed.Parse(tt.text)
		refused(t, err, tt.want)
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), lines[1][:20])) {
			t.Errorf("%s: the fault repeats the value: %v", tt.name, err)
		}
	}
	if v, err := sealed.Parse("  " + strings.ReplaceAll(text, "\n", "\r\n")); err != nil || string(v) != text {
		t.Errorf("blanks around it and line ends of Windows: %v", err)
	}
}

func TestAValueThatWasTamperedWithIsNotOpened(t *testing.T) {
	keys, recipient := identity(t)
	lines := strings.Split(strings.TrimSpace(string(seal(t, recipient))), "\n")
	last := []byte(lines[len(lines)-2]) // of the message, behind the header
	last[0] ^= 'A' ^ 'B'
	lines[len(lines)-2] = strings.ReplaceAll(string(last), "@", "A")
	got, err := keys.Open(sealed.Value(strings.Join(lines, "\n") + "\n"))
	refused(t, err, "the sealed value is damaged; ")
	if got != "" {
		t.Error("something came out")
	}
}

func TestNeitherValueNorPlaintextIsPrinted(t *testing.T) {
	_, recipient := identity(t)
	v := seal(t, recipient)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	nested := struct{ V sealed.Value }{v}
	for _, text := range []string{v.String(), fmt.Sprint(v), fmt.Sprintf("%#v %+v %q", v, v, v), fmt.Sprintf("%v %+v %#v", nested, nested, nested), log.String()} {
		if strings.Contains(text, "BEGIN") || strings.Contains(text, plaintext) || strings.Contains(text, string(v)[40:60]) {
			t.Errorf("printed: %s", text)
		}
	}
	stored, err := json.Marshal(nested)
	if err != nil || !strings.Contains(string(stored), "BEGIN AGE ENCRYPTED FILE") {
		t.Errorf("stored as %s, %v", stored, err)
	}
}

func TestRecipientsAreReadWithThePlaceOfEveryMistake(t *testing.T) {
	keys, recipient := identity(t)
	_, second := identity(t)
	all, err := sealed.ParseRecipients("recipients.txt", "# who\n\n  "+recipient+"  # the services\r\n"+second+"\n"+recipient+"\n")
	if err != nil || len(all) != 2 || all[0] != recipient || all[1] != second {
		t.Errorf("%v, %v", all, err)
	}
	secret := regexp.MustCompile("AGE-SECRET-KEY-.*").FindString(string(read(t, keys)))
	_, err = sealed.ParseRecipients("recipients.txt", recipient+"\n "+secret+"\nage1x\n")
	want := "recipients.txt:2:2: this is an identity, which is secret; remove it, make a new one (`penstock identity`), and write its recipient (age1…) here\n" +
		"recipients.txt:3:1: this is no recipient of age; a recipient is what `penstock identity` prints: age1 and 58 letters and digits"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	_, err = sealed.ParseRecipients("recipients.txt", "# nobody yet\n")
	if err == nil || !strings.Contains(err.Error(), "recipients.txt:1:1: there is no recipient here") {
		t.Errorf("%v", err)
	}
	_, err = sealed.LoadRecipients(t.TempDir())
	refused(t, err, "there is no .*recipients.txt, which says whom to seal to; `penstock identity FILE >> ")
	_, err = sealed.Seal(plaintext, nil)
	refused(t, err, "there is nobody to seal to")
}

func FuzzParse(f *testing.F) {
	file := filepath.Join(f.TempDir(), "identity")
	recipient, err := sealed.NewIdentity(file)
	if err != nil {
		f.Fatal(err)
	}
	v, err := sealed.Seal(plaintext, sealed.Recipients{recipient})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(v))
	f.Add("")
	f.Add("-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := sealed.Parse(text)
		if err != nil {
			if fault := (*sealed.Fault)(nil); !errors.As(err, &fault) || fault.Mend == "" {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if again, err := sealed.Parse(string(v)); err != nil || again != v || v.Recipients() < 1 {
			t.Errorf("%v, %d recipients", err, v.Recipients())
		}
		_, _ = sealed.Identities(file).Open(v) // must not panic
	})
}

func read(t *testing.T, keys sealed.Identities) []byte {
	t.Helper()
	data, err := os.ReadFile(string(keys))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
		t.Errorf("%v, want %s", err, want)
	}
}
