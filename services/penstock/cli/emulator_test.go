package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A served is a running `penstock emulator`.
type served struct {
	t     *testing.T
	where map[string]string
	http  *http.Client
}

// serve runs the emulator command until stop is called, which returns its error.
func serveEmulator(t *testing.T, e emulated) (*served, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		c := &commandLine{out: in, err: io.Discard, json: true}
		e.listen = "127.0.0.1:0"
		err := c.emulate(ctx, e)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	s := &served{t: t}
	if err := json.NewDecoder(out).Decode(&s.where); err != nil {
		cancel()
		t.Fatal(err, <-ended)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if s.where["ca"] != "" {
		authority, err := os.ReadFile(s.where["ca"])
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(authority)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	s.http = &http.Client{Transport: transport}
	return s, func() error {
		cancel()
		return <-ended
	}
}

func (s *served) get(path string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, strings.TrimSuffix(s.where["page"], "/")+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestTheEmulatorServesItsPageRowsAndScenario(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte("organization_name: Contoso\nservers: 3\nfaults: [{fault: deadlock, count: 1}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, stop := serveEmulator(t, emulated{scenario: file, rows: 30, limits: "off"})
	if status, html := s.get("/"); status != 200 || !strings.Contains(html, "Contoso") || !strings.Contains(html, `<td class="n">30</td>`) || !strings.Contains(html, "deadlock") {
		t.Errorf("%d %s", status, html)
	}
	if status, _ := s.get("/api/data/v9.2/WhoAmI"); status != 401 {
		t.Errorf("the Web API: %d", status)
	}
	if _, body := s.get("/emulator/budgets"); strings.Count(body, `"server":`) != 3 {
		t.Errorf("budgets %s", body)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTheEmulatorHasTheTablesOfFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("s.yaml", "tables: [invoices.yaml]\n")
	write("invoices.yaml", "tables:\n  cr1_Invoice:\n    columns:\n      cr1_Number: {type: text, length: 20}\n")
	s, stop := serveEmulator(t, emulated{scenario: filepath.Join(dir, "s.yaml")})
	if status, html := s.get("/tables/cr1_invoice/schema"); status != 200 || !strings.Contains(html, "cr1_number") || !strings.Contains(html, "up to 20 characters") {
		t.Errorf("%d %s", status, html)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	write("more.yaml", "tables:\n  cr1_Other:\n    columns: {cr1_A: txet}\n")
	_, _, err := emulated{tables: []string{dir, filepath.Join(dir, "missing.yaml")}}.build()
	if err == nil || !strings.Contains(err.Error(), "more.yaml:3:") || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestTheEmulatorServesHTTPSWithAnAuthorityOfItsOwn(t *testing.T) {
	s, stop := serveEmulator(t, emulated{secure: true, ca: filepath.Join(t.TempDir(), "ca.pem")})
	if !strings.HasPrefix(s.where["url"], "https://127.0.0.1:") {
		t.Errorf("where %v", s.where)
	}
	if status, _ := s.get("/api/data/v9.2/WhoAmI"); status != 401 {
		t.Errorf("status %d", status)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTheEmulatorBeginsWithASnapshot(t *testing.T) {
	dir := t.TempDir()
	first, stopFirst := serveEmulator(t, emulated{rows: 20})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, first.where["admin"]+"/snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := first.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || stopFirst() != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "rows.snapshot")
	if err := os.WriteFile(file, snapshot, 0o600); err != nil {
		t.Fatal(err)
	}
	second, stop := serveEmulator(t, emulated{restore: file})
	if _, html := second.get("/"); !strings.Contains(html, `<td class="n">20</td>`) {
		t.Error("the contacts are not there")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTheEmulatorStopsWhileAStreamIsOpen(t *testing.T) {
	s, stop := serveEmulator(t, emulated{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.where["admin"]+"/journal?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) != 0 {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
}

func TestTheEmulatorNamesEveryMistakeOfAScenario(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte("servrs: 3\nlimits: {requests: many}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--scenario", file}, []string{"s.yaml:1:1: unknown key \"servrs\" in the file; did you mean servers?", "s.yaml:2:20: limits.requests must be a whole number"}},
		{[]string{"--scenario", file + "x"}, []string{"read the scenario"}},
		{[]string{"--limits", "on"}, []string{"--limits off"}},
		{[]string{"--rows", "-5"}, []string{"--rows -5"}},
		{[]string{"--restore", file}, []string{"no snapshot"}},
		{[]string{"--tls-cert", file}, []string{"tls-key"}},
	} {
		var out, message bytes.Buffer
		if code := Main(append([]string{"emulator", "--listen", "127.0.0.1:0"}, c.args...), &out, &message); code != 1 {
			t.Errorf("%v: code %d", c.args, code)
		}
		for _, want := range c.want {
			if !strings.Contains(message.String(), want) {
				t.Errorf("%v: %q is not in %s", c.args, want, message.String())
			}
		}
	}
}

func TestTheEmulatorsJournalIsBounded(t *testing.T) {
	server, _, err := emulated{}.build()
	if err != nil {
		t.Fatal(err)
	}
	if got := server.Config().JournalLimit; got != journalLimit {
		t.Errorf("the journal keeps %d writes, want %d: an emulator that runs for days would grow", got, journalLimit)
	}
}
