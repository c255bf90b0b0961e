package dataverse

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A credential is what an application proves with who it is. It is read anew each time, so that a rotated one needs no
// restart, and kept nowhere.
type credential struct {
	what        string // in problems
	certificate bool   // else a secret
	read        func() (string, error)
	expose      func(value, clientID, endpoint string) (proof, error) // for one request
}

// A proof is what one request for a token carries of the credential.
type proof struct {
	form url.Values
	ends time.Time // of the certificate; zero for a secret
}

func secretCredential(read func() (string, error)) credential {
	return credential{"client secret", false, read, func(value, _, _ string) (proof, error) {
		return proof{form: url.Values{"client_secret": {value}}}, nil
	}}
}

func certificateCredential(read func() (string, error)) credential {
	return credential{"certificate", true, read, func(value, clientID, endpoint string) (proof, error) {
		c, err := parseCertificate(value)
		if err != nil {
			return proof{}, err
		}
		text, err := c.assert(clientID, endpoint, time.Now())
		return proof{ends: c.leaf.NotAfter, form: url.Values{
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {text},
		}}, err
	}}
}

// value is the credential as it is now. The fault has no Op.
func (c credential) value() (string, *penstock.Error) {
	value, err := c.read()
	if err == nil && value == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", c.unusable(err)
	}
	return value, nil
}

// prove makes the proof for a request to endpoint. The fault has no Op.
func (c credential) prove(value, clientID, endpoint string) (proof, *penstock.Error) {
	p, err := c.expose(value, clientID, endpoint)
	if err != nil {
		return proof{}, c.unusable(err)
	}
	return p, nil
}

func (c credential) unusable(err error) *penstock.Error {
	return &penstock.Error{
		Kind: penstock.SystemFault, Err: fmt.Errorf("read the %s: %w", c.what, err),
		Hint: "is the " + c.what + " where the environment's file says?",
	}
}
