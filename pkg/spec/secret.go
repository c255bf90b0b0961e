package spec

import (
	"fmt"
	"os"
	"strings"

	"github.com/penstock-sync/penstock/pkg/sealed"
)

// A Secret says where a secret is to be found, or holds it sealed. No value can be read from it alone, so it can be printed,
// compared and stored.
type Secret struct {
	File   string       `json:"file,omitempty"`   // absolute path
	Env    string       `json:"env,omitempty"`    // name of an environment variable
	Sealed sealed.Value `json:"sealed,omitempty"` // opened with an identity
}

// Read fetches the value, anew each time, so that a rotated secret needs no restart. Line ends after it are cut. keys opens
// what is sealed; what is not needs none.
func (s Secret) Read(keys sealed.Identities) (string, error) {
	var value string
	var err error
	switch {
	case s.File != "":
		value, err = readFile(s.File)
	case s.Env != "":
		value = os.Getenv(s.Env)
	case s.Sealed != "":
		value, err = keys.Open(s.Sealed)
	}
	if err != nil {
		return "", fmt.Errorf("client secret: %w", err)
	}
	if value = strings.TrimRight(value, "\r\n"); value == "" {
		return "", fmt.Errorf("client secret: %s is empty; put the secret's value (not its ID) there", s)
	}
	return value, nil
}

// Reader is Read, or nil where there is no secret.
func (s Secret) Reader(keys sealed.Identities) func() (string, error) {
	if s == (Secret{}) {
		return nil
	}
	return func() (string, error) { return s.Read(keys) }
}

// String says where the secret is, never what it is.
func (s Secret) String() string {
	switch {
	case s.File != "":
		return "file " + s.File
	case s.Env != "":
		return "environment variable " + s.Env
	case s.Sealed != "":
		return s.Sealed.String()
	}
	return "no secret"
}

// A Certificate says where the PEM of a certificate and its private key is to be found, or holds it sealed. As with a
// [Secret], nothing can be read from it alone.
type Certificate struct {
	File   string       `json:"file,omitempty"` // absolute path
	Sealed sealed.Value `json:"sealed,omitempty"`
}

// Read fetches the PEM, anew each time, so that a rotated certificate needs no restart. keys opens what is sealed.
func (c Certificate) Read(keys sealed.Identities) (pem string, err error) {
	if c.Sealed != "" {
		pem, err = keys.Open(c.Sealed)
	} else {
		pem, err = readFile(c.File)
	}
	if err != nil {
		return "", fmt.Errorf("certificate: %w", err)
	}
	return pem, nil
}

// Reader is Read, or nil where there is no certificate.
func (c Certificate) Reader(keys sealed.Identities) func() (string, error) {
	if c == (Certificate{}) {
		return nil
	}
	return func() (string, error) { return c.Read(keys) }
}

// String says where the certificate is.
func (c Certificate) String() string {
	switch {
	case c.File != "":
		return "file " + c.File
	case c.Sealed != "":
		return c.Sealed.String()
	}
	return "no certificate"
}

func readFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w; is the file there, and may this process read it?", err)
	}
	return string(b), nil
}
