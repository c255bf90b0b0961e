// Package clients runs programs that other people wrote for Dataverse and Entra ID against the emulator, as they are: what
// they send and what they make of the answers is theirs. They come from npm, pinned by package-lock.json.
package clients

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for all steps of one script.
const patience = 2 * time.Minute

// play runs a script of this folder against the emulator at root. Each of its steps is a test.
func play(t *testing.T, script, root string, env ...string) {
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the clients are not installed: run scripts/test-needs.sh, or npm ci in pkg/dataverse/emulator/clients")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", script)
	cmd.Env = append(os.Environ(), append(env, "ROOT="+root, "TENANT="+emulator.SandboxTenant, "CLIENT="+emulator.SandboxClient, "SECRET="+emulator.SandboxSecret)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("node %s: %v\n%s", script, err, complaints.String())
	}
	steps := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var step struct{ Step, Fault string }
		if err := json.Unmarshal(lines.Bytes(), &step); err != nil {
			t.Errorf("%s says %q", script, lines.Text())
			continue
		}
		steps++
		t.Run(step.Step, func(t *testing.T) {
			if step.Fault != "" {
				t.Error(step.Fault)
			}
		})
	}
	if steps == 0 {
		t.Error("no step was run")
	}
}

func TestDynamicsWebAPI(t *testing.T) {
	server := httptest.NewServer(emulator.New(emulator.Config{}))
	t.Cleanup(server.Close)
	play(t, "dynamics-web-api.mjs", server.URL)
}

func TestDataverseWebAPI(t *testing.T) {
	server := httptest.NewServer(emulator.New(emulator.Config{}))
	t.Cleanup(server.Close)
	play(t, "dataverse-webapi.mjs", server.URL)
}

// TestMicrosoftsLibrariesForTokens is over TLS, since they take nothing else, with a certificate that node is told to trust.
func TestMicrosoftsLibrariesForTokens(t *testing.T) {
	dir := t.TempDir()
	file, certificate := appCertificate(t, dir)
	server := httptest.NewTLSServer(emulator.New(emulator.Config{
		Directory: entra.Config{Apps: []entra.App{{
			Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, Secrets: []entra.Secret{{Value: emulator.SandboxSecret}}, Certificates: []entra.Certificate{{X509: certificate}},
		}}},
	}))
	t.Cleanup(server.Close)
	authority := filepath.Join(dir, "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, "entra.mjs", server.URL, "NODE_EXTRA_CA_CERTS="+authority, "CERTIFICATE="+file)
}

// appCertificate makes a key and a certificate of its own, in one PEM file as the libraries read them.
func appCertificate(t *testing.T, dir string) (file string, certificate *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "penstock"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	file = filepath.Join(dir, "app.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, certificate
}
