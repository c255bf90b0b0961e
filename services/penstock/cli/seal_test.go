package cli

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

const sealedEnvironment = `# production
environment: prod
url: https://org1234567.crm4.dynamics.com/api/data/v9.2/
tenant: 3ae5e114-e015-4601-9485-d6f4748c0182
users:
  - client_id: c91bf891-e59c-41c0-971e-21fd84d20cc3 # the service
    client_secret: {env: DYNAMICS_PROD}
`

// fed is a command with something on its standard input.
func fed(t *testing.T, in string, args ...string) (code int, out, message string) {
	t.Helper()
	var o, e bytes.Buffer
	c := &commandLine{out: &o, err: &e}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&o)
	root.SetErr(&e)
	if err := root.ExecuteContext(t.Context()); err != nil {
		return 1, o.String(), err.Error()
	}
	return 0, o.String(), e.String()
}

func TestASecretIsSealedAndTheFolderResealedForANewIdentity(t *testing.T) {
	const secret = "s3cr~t.Value"
	dir := t.TempDir()
	file := filepath.Join(dir, "environments", "prod.yaml")
	putFile(t, file, sealedEnvironment)
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")

	_, recipient, _ := fed(t, "", "identity", first)
	if !regexp.MustCompile(`^age1[a-z0-9]{58}\n$`).MatchString(recipient) {
		t.Fatalf("recipient %q", recipient)
	}
	putFile(t, filepath.Join(dir, sealed.RecipientsFile), recipient)
	code, printed, message := fed(t, secret+"\n", "seal", dir)
	if code != 0 || !strings.HasPrefix(printed, "    client_secret:\n      sealed: |\n        -----BEGIN AGE ENCRYPTED FILE-----\n") {
		t.Fatalf("%d %s %s", code, printed, message)
	}
	pasted := strings.Replace(sealedEnvironment, "    client_secret: {env: DYNAMICS_PROD}\n", printed, 1)
	if e, err := spec.ParseEnvironment(file, []byte(pasted)); err != nil {
		t.Error(err)
	} else if got, err := e.Users[0].ClientSecret.Read(sealed.Identities(first)); err != nil || got != secret {
		t.Errorf("%q, %v", got, err)
	}

	code, out, message := fed(t, secret, "seal", dir, "--into", "environments/prod.yaml", "--user", "C91BF891-e59c-41c0-971e-21fd84d20cc3")
	if want := file + ": client_secret of C91BF891-e59c-41c0-971e-21fd84d20cc3 is sealed to 1 recipient; `penstock apply` makes it known\n"; code != 0 || out != want {
		t.Fatalf("%d %q %s", code, out, message)
	}
	opened(t, file, first, secret)

	_, more, _ := fed(t, "", "identity", second)
	putFile(t, filepath.Join(dir, sealed.RecipientsFile), recipient+"# the new one\n"+more)
	before := contents(t, file)
	if code, out, message := fed(t, "", "reseal", dir, "--identity", second); code == 0 || !strings.Contains(message, "does not open it: it is of "+strings.TrimSpace(more)) || out != "" {
		t.Errorf("%d %s %s", code, out, message)
	}
	if contents(t, file) != before {
		t.Error("a reseal that failed changed the file")
	}
	code, out, message = fed(t, "", "reseal", dir, "--identity", first)
	if want := file + ":6: client_secret of c91bf891-e59c-41c0-971e-21fd84d20cc3: sealed to 2 recipients, was to 1\n  " + recipient + "  " + more + "`penstock apply` makes it known\n"; code != 0 || out != want {
		t.Errorf("%d %q\nwant %q %s", code, out, want, message)
	}
	opened(t, file, first, secret)
	opened(t, file, second, secret)
	if left, err := filepath.Glob(filepath.Join(dir, "environments", ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if !strings.Contains(contents(t, file), "# the service") {
		t.Error("a comment is gone")
	}
	for _, said := range []string{out, message, contents(t, file)} {
		if strings.Contains(said, secret) {
			t.Errorf("the secret is in %s", said)
		}
	}
}

func TestNothingIsResealedUnlessAllOfItIs(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "environments", "a.yaml"), filepath.Join(dir, "environments", "b.yaml")
	key := filepath.Join(dir, "key")
	_, recipient, _ := fed(t, "", "identity", key)
	putFile(t, filepath.Join(dir, sealed.RecipientsFile), recipient)
	putFile(t, good, sealedEnvironment)
	fed(t, "x", "seal", dir, "--into", "environments/a.yaml", "--user", "c91bf891-e59c-41c0-971e-21fd84d20cc3")
	putFile(t, bad, "environment: [\n")
	before := contents(t, good)
	code, _, message := fed(t, "", "reseal", dir, "--identity", key)
	if code == 0 || !strings.Contains(message, "b.yaml:1:") || contents(t, good) != before {
		t.Errorf("%d %s", code, message)
	}
}

func TestWhatIsNoSecretIsNotSealed(t *testing.T) {
	dir := t.TempDir()
	_, recipient, _ := fed(t, "", "identity", filepath.Join(dir, "key"))
	none := t.TempDir()
	putFile(t, filepath.Join(dir, sealed.RecipientsFile), recipient)
	for _, tt := range []struct {
		in   string
		args []string
		want string
	}{
		{"\n", []string{"seal", dir}, "there is nothing to seal"},
		{"9a1f1ac8-7f5b-4c5a-8d8e-hunter2", []string{"seal", none}, "there is no " + none + "/recipients.txt, which says whom to seal to"},
		{"c91bf891-e59c-41c0-971e-21fd84d20cc3\r\n", []string{"seal", dir}, "this looks like the secret's ID"},
		{"hunter2\nhunter3", []string{"seal", dir}, "the secret has several lines"},
		{" hunter2", []string{"seal", dir}, "a blank before or after the secret"},
		{"-----BEGIN PRIVATE KEY-----\nhunter2\n", []string{"seal", dir}, "this is a PEM, not a client secret; --certificate"},
		{"hunter2", []string{"seal", dir, "--certificate"}, "this is no PEM with a certificate and its private key"},
		{strings.Repeat("hunter2", 10000), []string{"seal", dir}, "longer than 32 KiB"},
		{"hunter2", []string{"seal", dir, "--into", "x.yaml"}, "--into and --user go together"},
		{"hunter2", []string{"seal", dir, "--into", "x.yaml", "--user", "y"}, "read the environment's file: open " + dir + "/x.yaml: no such file"},
		{"", []string{"identity", filepath.Join(dir, "key")}, "is there already; name another file"},
		{"", []string{"reseal", none}, "recipients.txt"},
	} {
		code, out, message := fed(t, tt.in, tt.args...)
		if code == 0 || out != "" || !strings.Contains(message, tt.want) || strings.Contains(message, "hunter") {
			t.Errorf("%v: %d %q %q, want %q", tt.args, code, out, message, tt.want)
		}
	}
}

func TestASealedCertificateStaysACertificate(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	_, recipient, _ := fed(t, "", "identity", key)
	putFile(t, filepath.Join(dir, sealed.RecipientsFile), recipient)
	whole := certificatePEM(t)
	code, out, message := fed(t, whole, "seal", dir, "--certificate")
	if code != 0 || !strings.HasPrefix(out, "    certificate:\n      sealed: |\n") {
		t.Fatalf("%d %s %s", code, out, message)
	}
	e, err := spec.ParseEnvironment("prod.yaml", []byte(strings.Replace(sealedEnvironment, "    client_secret: {env: DYNAMICS_PROD}\n", out, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Users[0].Certificate.Read(sealed.Identities(key)); err != nil || got != whole {
		t.Errorf("%v", err)
	}
}

func opened(t *testing.T, file, key, want string) {
	t.Helper()
	e, err := spec.ParseEnvironment(file, []byte(contents(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Users[0].ClientSecret.Read(sealed.Identities(key)); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

func contents(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func putFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func certificatePEM(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}
