package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/sealed"
)

const otherUser = "22222222-1111-1111-1111-111111111111"

func identity(t *testing.T) (sealed.Identities, sealed.Recipients) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "identity")
	recipient, err := sealed.NewIdentity(file)
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Identities(file), sealed.Recipients{recipient}
}

func seal(t *testing.T, text string, to sealed.Recipients) sealed.Value {
	t.Helper()
	v, err := sealed.Seal(text, to)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestASealedSecretIsOpenedWithAnIdentityAndStaysSealedInStore(t *testing.T) {
	keys, to := identity(t)
	v := seal(t, "s3cr~t\n", to)
	block := strings.Replace(environmentFile, "    client_secret: {env: DEMO_SECRET}\n", SealedBlock("client_secret", v, 4), 1)
	quoted := strings.Replace(environmentFile, "{env: DEMO_SECRET}", `{sealed: "`+strings.ReplaceAll(string(v), "\n", `\n`)+`"}`, 1)
	certificate := strings.Replace(environmentFile, "    client_secret: {env: DEMO_SECRET}\n", SealedBlock("certificate", v, 4), 1)
	for _, file := range []string{block, quoted, certificate} {
		e, err := ParseEnvironment("e.yaml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		stored, err := json.Marshal(e)
		if err != nil || strings.Contains(string(stored), "s3cr~t") {
			t.Fatalf("stored as %s, %v", stored, err)
		}
		var again Environment
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{fmt.Sprintf("%v %+v %#v", again, again, again), fmt.Sprint(again.Users[0].ClientSecret, again.Users[0].Certificate)} {
			if strings.Contains(text, "s3cr~t") || strings.Contains(text, "BEGIN") {
				t.Errorf("printed: %s", text)
			}
		}
		u := again.Users[0]
		read, want := u.ClientSecret.Read, "s3cr~t"
		if u.Certificate != (Certificate{}) {
			read, want = u.Certificate.Read, "s3cr~t\n"
		}
		if got, err := read(keys); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := read(""); err == nil || !strings.Contains(err.Error(), ": it is sealed, and this process has no identity") {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestResealingTouchesNothingButTheSealedValues(t *testing.T) {
	_, old := identity(t)
	keys, to := identity(t)
	first, second, third := seal(t, "one", old), seal(t, "two", old), seal(t, "three", old)
	file := "# \tkept\nenvironment: demo   # as it is\nurl: http://127.0.0.1:8365/api/data/v9.2/\ntenant: contoso.example\nusers:\n" +
		"-   client_id: 11111111-1111-1111-1111-111111111111\n    client_secret:\n         # -----BEGIN AGE ENCRYPTED FILE-----\n         sealed: |-\n" +
		strings.Join(indented(strings.Split(strings.TrimSpace(string(first)), "\n"), "            ", "\r"), "\n") + "\n\n" +
		"-   client_id: " + otherUser + "\n    client_secret: {sealed: \"" + strings.ReplaceAll(string(second), "\n", `\n`) + "\"}\n" +
		"-   client_id: 33333333-1111-1111-1111-111111111111\n    certificate:\n      sealed: |\n" +
		strings.Join(indented(strings.Split(strings.TrimSpace(string(third)), "\n"), "        ", ""), "\n")
	made := map[sealed.Value]sealed.Value{}
	text, all, err := Reseal("e.yaml", []byte(file), func(v sealed.Value) (sealed.Value, error) {
		made[v] = seal(t, fmt.Sprint(len(made)), append(to, old...))
		return made[v], nil
	})
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	if all[0].Key != "client_secret" || all[2].Key != "certificate" || all[0].Was.Recipients() != 1 || all[0].Is.Recipients() != 2 {
		t.Errorf("%+v", all)
	}
	e, err := ParseEnvironment("e.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0", "1"} {
		if got, err := e.Users[i].ClientSecret.Read(keys); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	// what it was, with one value in the place of the other
	back, _, err := Reseal("e.yaml", text, func(v sealed.Value) (sealed.Value, error) {
		for was, is := range made {
			if is == v {
				return was, nil
			}
		}
		return "", errors.New("a stranger")
	})
	if err != nil || string(back) != file {
		t.Errorf("%v\n%q\n%q", err, back, file)
	}
	failed, _, err := Reseal("e.yaml", []byte(file), func(sealed.Value) (sealed.Value, error) { return "", errors.New("no") })
	if err == nil || failed != nil || !strings.Contains(err.Error(), "e.yaml:6:5: client_secret of 11111111-1111-1111-1111-111111111111: no") {
		t.Errorf("%v", err)
	}
}

func TestAResealThatWouldNotBeReadBackIsRefused(t *testing.T) {
	_, to := identity(t)
	quoted := `client_secret: {sealed: "` + strings.ReplaceAll(string(seal(t, "x", to)), "\n", `\n`) + `"}`
	file := "# " + quoted + "\n" + strings.Replace(environmentFile, "client_secret: {env: DEMO_SECRET}", quoted, 1) // the remark comes first
	_, _, err := Reseal("e.yaml", []byte(file), func(sealed.Value) (sealed.Value, error) { return seal(t, "y", to), nil })
	if err == nil || !strings.Contains(err.Error(), "a sealed value cannot be replaced there; write it as a block") {
		t.Errorf("%v", err)
	}
}

func TestASecretIsSealedIntoAFileAndItsCommentsStay(t *testing.T) {
	keys, to := identity(t)
	v := seal(t, "s3cr~t", to)
	head := "# mine\nenvironment: demo\nurl: http://127.0.0.1:8365/api/data/v9.2/\ntenant: contoso.example\nusers: # two\n"
	tail := "  # the second\n  - client_id: " + otherUser + "\n    client_secret: {env: X} # of ours\n"
	block := func(indent int) string { return SealedBlock("client_secret", v, indent) }
	body := strings.SplitN(block(4), "\n", 2)[1]
	for _, tt := range []struct{ name, user, want string }{
		{"in the place of a reference", "  - client_id: 1111111A-1111-1111-1111-111111111111 # first\n    client_secret: {file: /x} # was a file\n", "  - client_id: 1111111A-1111-1111-1111-111111111111 # first\n    client_secret: # was a file\n" + body},
		{"in the place of a block", "  - client_id: 1111111A-1111-1111-1111-111111111111\n    client_secret:\n      # where\n      file: /x\n\n", "  - client_id: 1111111A-1111-1111-1111-111111111111\n    client_secret:\n      # where\n" + body + "\n"},
		{"in the place of another seal", "  - client_id: 1111111A-1111-1111-1111-111111111111\n" + SealedBlock("client_secret", seal(t, "x", to), 4), "  - client_id: 1111111A-1111-1111-1111-111111111111\n" + block(4)},
		{"in the place of the first key", "  - client_secret: {env: X}\n    client_id: 1111111A-1111-1111-1111-111111111111\n", "  - client_secret:\n" + body + "    client_id: 1111111A-1111-1111-1111-111111111111\n"},
		{"where there is none", "  - client_id: 1111111A-1111-1111-1111-111111111111\n", "  - client_id: 1111111A-1111-1111-1111-111111111111\n" + block(4)},
	} {
		got, err := SealInto("e.yaml", []byte(head+tt.user+tail), "1111111A-1111-1111-1111-111111111111", "client_secret", v)
		if err != nil || string(got) != head+tt.want+tail {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.name, err, got, head+tt.want+tail)
			continue
		}
		e, err := ParseEnvironment("e.yaml", got)
		if err != nil {
			t.Fatal(err)
		}
		if secret, err := e.Users[0].ClientSecret.Read(keys); err != nil || secret != "s3cr~t" {
			t.Errorf("%s: %q, %v", tt.name, secret, err)
		}
		for name, as := range map[string]func(string) string{
			"as Windows has it":          func(s string) string { return "\uFEFF" + strings.ReplaceAll(s, "\n", "\r\n") },
			"without a line end at last": func(s string) string { return strings.TrimSuffix(s, "\n") },
			"as the last user":           func(s string) string { return strings.Replace(s, tail, "", 1) },
		} {
			got, err := SealInto("e.yaml", []byte(as(head+tt.user+tail)), "1111111A-1111-1111-1111-111111111111", "client_secret", v)
			if want := as(head + tt.want + tail); err != nil || string(got) != want {
				t.Errorf("%s, %s: %v\n got %q\nwant %q", tt.name, name, err, got, want)
			}
		}
	}
	for _, tt := range []struct{ name, user, id, want string }{
		{"an unknown user", "", "33333333-1111-1111-1111-111111111111", "there is no application user with the client id 33333333-1111-1111-1111-111111111111, known are " + otherUser},
		{"a user in one line", "  - {client_id: 11111111-1111-1111-1111-111111111111, client_secret: {env: X}}\n", "11111111-1111-1111-1111-111111111111", "written in one line; give each of its keys a line"},
		{"a certificate", "  - client_id: 11111111-1111-1111-1111-111111111111\n    certificate: {file: /x}\n", "11111111-1111-1111-1111-111111111111", "has a certificate; take that out first"},
	} {
		_, err := SealInto("e.yaml", []byte(head+tt.user+tail), tt.id, "client_secret", v)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
