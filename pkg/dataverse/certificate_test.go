package dataverse

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// rsaKeys are made once: an RSA key takes its time.
var rsaKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var all [2]*rsa.PrivateKey
	for i := range all {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		all[i] = key
	}
	return all
})

// certify makes a certificate for a key, signed by itself.
func certify(t testing.TB, key crypto.Signer, ends time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(ends.UnixNano()), Subject: pkix.Name{CommonName: "penstock"}, NotBefore: ends.Add(-48 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pemOf(c *x509.Certificate) string { return encodePEM("CERTIFICATE", c.Raw) }

func pemOfKey(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM("PRIVATE KEY", der)
}

func TestACertificateIsReadFromPEM(t *testing.T) {
	key, ends := rsaKeys()[0], time.Now().Add(time.Hour)
	own, signer := certify(t, key, ends), certify(t, rsaKeys()[1], ends)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"key and certificate", pemOfKey(t, key) + pemOf(own), ""},
		{"the certificate first, with its chain before it", pemOf(signer) + pemOf(own) + pemOfKey(t, key), ""},
		{"a key in the older form, with words around", "Bag Attributes\n" + encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)) + "\n\nsubject=x\n" + pemOf(own), ""},
		{"nothing", "hunter2", "no PEM with a certificate"},
		{"the key alone", pemOfKey(t, key), "no certificate"},
		{"the certificate alone", pemOf(own), "no private key"},
		{"another's certificate", pemOfKey(t, key) + pemOf(signer), "not that of a certificate"},
		{"an encrypted key", encodePEM("ENCRYPTED PRIVATE KEY", []byte("hunter2")) + pemOf(own), "encrypted"},
		{"an encrypted key in the older form", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n" + pemOf(own), "encrypted"},
		{"a key that is not RSA", pemOfKey(t, curve) + pemOf(certify(t, curve, ends)), "not RSA"},
		{"a broken key", encodePEM("PRIVATE KEY", []byte("hunter2")) + pemOf(own), "cannot be read"},
		{"a broken certificate", encodePEM("CERTIFICATE", []byte("hunter2")) + pemOfKey(t, key), "certificate in it cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parseCertificate(tt.text)
			switch {
			case tt.want == "" && (err != nil || !c.leaf.Equal(own)):
				t.Errorf("%v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestACertificateThatCannotBeReadIsNamed(t *testing.T) {
	e := &entra{}
	_, fault := e.tokens(t, func(c *Config) {
		c.Secret, c.Certificate = nil, func() (string, error) { return "hunter2", nil }
	}).get(t.Context())
	isFault(t, fault, penstock.SystemFault, "read the certificate: it is no PEM")
	if e.fetched.Load() != 0 {
		t.Error("Entra ID was asked")
	}
}

func TestAClientHasOneCredential(t *testing.T) {
	read := func() (string, error) { return "x", nil }
	for name, cfg := range map[string]Config{
		"none": {}, "two": {Secret: read, Certificate: read},
	} {
		cfg.URL, cfg.ClientID = "https://contoso.crm4.dynamics.com", "my-app"
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "either a client secret or a certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzACertificateThatIsReadCanSign(f *testing.F) {
	own := certify(f, rsaKeys()[0], time.Unix(2e9, 0))
	for _, seed := range []string{
		"", pemOf(own), pemOfKey(f, rsaKeys()[0]) + pemOf(own), encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKeys()[0])),
		"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCertificate(text)
		if err == nil && (c.key == nil || c.leaf == nil || !c.key.PublicKey.Equal(c.leaf.PublicKey)) {
			t.Error("a certificate without its key")
		}
	})
}

func TestAnAssertionIsOfUseForAWhileAndForOneEndpoint(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	own := certificate{leaf: certify(t, rsaKeys()[0], time.Now().Add(time.Hour)), key: rsaKeys()[0]}
	ids := map[string]bool{}
	for range 2 {
		text, err := own.assert("my-app", "https://login.example/t/oauth2/v2.0/token", now)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Aud, Iss, Sub, Jti string
			Nbf, Exp           int64
		}
		if err := json.Unmarshal(claims, &c); err != nil {
			t.Fatal(err)
		}
		if c.Aud != "https://login.example/t/oauth2/v2.0/token" || c.Iss != "my-app" || c.Sub != "my-app" || c.Nbf != now.Unix() || c.Exp != now.Add(10*time.Minute).Unix() {
			t.Errorf("%+v", c)
		}
		ids[c.Jti] = true
	}
	if len(ids) != 2 {
		t.Error("two assertions have one id")
	}
}
