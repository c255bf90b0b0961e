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
