package dataverse

import (
	"errors"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	emulated "github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestAnApplicationLearnsWhenItsCredentialsEnd(t *testing.T) {
	soon, late := time.Now().Add(24*time.Hour).Truncate(time.Second).UTC(), time.Now().Add(1000*time.Hour).Truncate(time.Second).UTC()
	own, other := certify(t, rsaKeys()[0], soon), certify(t, rsaKeys()[1], late)
	s := serve(t, emulator.Config{Directory: emulated.Config{Apps: []emulated.App{{
		Tenant: emulator.SandboxTenant, ClientID: emulator.SandboxClient, ReadsItself: true,
		Secrets:      []emulated.Secret{{Name: "old", Value: "other", Expires: late}, {Name: "new", Value: emulator.SandboxSecret, Expires: soon}, {Name: "for ever", Value: "zzz"}},
		Certificates: []emulated.Certificate{{X509: other}, {X509: own}},
	}}}})
	for name, tt := range map[string]struct {
		as   func(*Config)
		ours Credential
	}{
		"a secret": {sandboxed, Credential{Name: "new", Ends: soon, Ours: true}},
		"a certificate": {func(c *Config) {
			c.ClientID, c.Secret = emulator.SandboxClient, nil
			c.Certificate = func() (string, error) { return pemOfKey(t, rsaKeys()[0]) + pemOf(own), nil }
		}, Credential{Name: "CN=penstock", Certificate: true, Ends: soon, Ours: true}},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := connect(t, s.url, tt.as).Credentials(t.Context(), "graph.microsoft.com")
			if err != nil || len(all) != 5 {
				t.Fatalf("%v %v", all, err)
			}
			for _, c := range all {
				if c.Ours != (c == tt.ours) {
					t.Errorf("%+v, ours is %+v", c, tt.ours)
				}
			}
			if !all[2].Ends.IsZero() {
				t.Errorf("%+v", all[2])
			}
		})
	}
	s.Directory().Change(emulator.SandboxTenant, emulator.SandboxClient, func(a *emulated.App) { a.ReadsItself = false })
	_, err := connect(t, s.url, sandboxed).Credentials(t.Context(), "graph.microsoft.com")
	var fault *penstock.Error
	if !errors.As(err, &fault) || fault.Code != "Authorization_RequestDenied" || fault.Hint == "" {
		t.Errorf("%v", err)
	}
	_, err = connect(t, s.url, sandboxed, func(c *Config) { c.Secret = func() (string, error) { return "wrong", nil } }).Credentials(t.Context(), "graph.microsoft.com")
	if !errors.As(err, &fault) || fault.Code != "AADSTS7000215" {
		t.Errorf("%v", err)
	}
}
