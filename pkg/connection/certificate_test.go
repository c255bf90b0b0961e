package connection_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// certified makes a certificate with its key, as PEM.
func certified(t *testing.T, from, until time.Duration) (c *x509.Certificate, certificate, key string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "penstock"}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	block := func(typ string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	return c, block("CERTIFICATE", der), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private))
}

func TestACertificateThatDoesNotServeIsNamed(t *testing.T) {
	good, goodPEM, goodKey := certified(t, -time.Hour, 100*24*time.Hour)
	short, shortPEM, shortKey := certified(t, -time.Hour, 49*time.Hour)
	_, latePEM, lateKey := certified(t, -48*time.Hour, -25*time.Hour)
	_, earlyPEM, earlyKey := certified(t, time.Hour, 48*time.Hour)
	_, strangePEM, strangeKey := certified(t, -time.Hour, 100*24*time.Hour)
	config := emulator.Config{
		Apps: []emulator.App{{ClientID: emulator.SandboxClient}},
		Directory: entra.Config{Apps: []entra.App{{
			Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, Certificates: []entra.Certificate{{X509: good}, {X509: short}},
		}}},
	}
	with := func(text string) func(*world) {
		return func(w *world) {
			path := filepath.Join(w.t.TempDir(), "penstock.pem")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				w.t.Fatal(err)
			}
			w.input.Environment.Users = []spec.User{{ClientID: emulator.SandboxClient, Certificate: spec.Certificate{File: path}}}
		}
	}
	for _, f := range []fault{
		{"one that serves", config, with(goodPEM + goodKey), nil},
		{"one that ends soon", config, with(shortPEM + shortKey), []string{"warned credential: the certificate expires in 2 days, on 20"}},
		{"one that has ended", config, with(latePEM + lateKey), []string{"failed credential: the certificate has expired on 20"}},
		{"one of tomorrow", config, with(earlyPEM + earlyKey), []string{"failed credential: the certificate is not valid before 20"}},
		{"one without key", config, with(goodPEM), []string{"failed credential: the certificate in .*penstock.pem cannot be used: it holds no private key"}},
		{"another's key", config, with(goodPEM + strangeKey), []string{"failed credential: .* its private key is not that of a certificate in it"}},
		{"no PEM", config, with("hello"), []string{"failed credential: .* it is no PEM"}},
		{"no file", config, func(w *world) {
			w.input.Environment.Users = []spec.User{{ClientID: emulator.SandboxClient, Certificate: spec.Certificate{File: w.t.TempDir() + "/none"}}}
		}, []string{"failed credential: the certificate is not there: there is no file .*/none"}},
		{"one that nobody registered", config, with(strangePEM + strangeKey), []string{"failed token: the certificate is not registered with the application"}},
	} {
		f.run(t)
	}
}

func TestASecretThatEndsSoonIsWarnedOf(t *testing.T) {
	in := func(days int) time.Time { return time.Now().Add(time.Duration(days)*24*time.Hour + time.Hour) }
	registered := func(may bool, secrets ...entra.Secret) emulator.Config {
		return emulator.Config{
			Apps:      []emulator.App{{ClientID: emulator.SandboxClient}},
			Directory: entra.Config{Apps: []entra.App{{Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, ReadsItself: may, Secrets: secrets}}},
		}
	}
	ours := func(days int) entra.Secret { return entra.Secret{Value: emulator.SandboxSecret, Expires: in(days)} }
	other := entra.Secret{Value: "qwerty", Expires: in(1)}
	for _, f := range []fault{
		{"soon", registered(true, ours(12)), nil, []string{"warned expiry: the client secret expires in 12 days, on 20"}},
		{"another one soon", registered(true, ours(300), other), nil, nil},
		{"one that begins alike", registered(true, ours(300), entra.Secret{Value: "sand", Expires: in(5)}), nil, []string{"warned expiry: one of 2 client secrets that it may be expires in 5 days"}},
		{"one that begins alike and is over", registered(true, ours(300), entra.Secret{Value: "sand", Expires: in(-5)}), nil, nil},
		{"never", registered(true, entra.Secret{Value: emulator.SandboxSecret}), nil, nil},
		{"nobody may know", registered(false, ours(12)), nil, nil},
	} {
		f.run(t)
	}
}
