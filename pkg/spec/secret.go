package spec

import (
	"fmt"
	"os"
	"strings"
)

// A Secret says where a secret is to be found. It holds no value, so it can be printed, compared and stored.
type Secret struct {
	File string `json:"file,omitempty"` // absolute path
	Env  string `json:"env,omitempty"`  // name of an environment variable
}

// Read fetches the value, anew each time, so that a rotated secret needs no restart. Line ends after it are cut.
func (s Secret) Read() (string, error) {
	var value string
	switch {
	case s.File != "":
		b, err := os.ReadFile(s.File)
		if err != nil {
			return "", fmt.Errorf("client secret: %w; is the file there, and may this process read it?", err)
		}
		value = strings.TrimRight(string(b), "\r\n")
	case s.Env != "":
		value = os.Getenv(s.Env)
	}
	if value == "" {
		return "", fmt.Errorf("client secret: %s is empty; put the secret's value (not its ID) there", s)
	}
	return value, nil
}

// Reader is Read, or nil where there is no secret.
func (s Secret) Reader() func() (string, error) {
	if s == (Secret{}) {
		return nil
	}
	return s.Read
}

// String says where the secret is, never what it is.
func (s Secret) String() string {
	switch {
	case s.File != "":
		return "file " + s.File
	case s.Env != "":
		return "environment variable " + s.Env
	}
	return "no secret"
}

// A Certificate says where the PEM of a certificate and its private key is to be found. Like a [Secret], it holds no value.
type Certificate struct {
	File string `json:"file"` // absolute path
}

// Read fetches the PEM, anew each time, so that a rotated certificate needs no restart.
func (c Certificate) Read() (string, error) {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return "", fmt.Errorf("certificate: %w; is the file there, and may this process read it?", err)
	}
	return string(b), nil
}

// Reader is Read, or nil where there is no certificate.
func (c Certificate) Reader() func() (string, error) {
	if c == (Certificate{}) {
		return nil
	}
	return c.Read
}
