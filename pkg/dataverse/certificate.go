package dataverse

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A certificate signs assertions: it stands for an application, whose registration knows it.
type certificate struct {
	leaf *x509.Certificate
	key  *rsa.PrivateKey
}

// parseCertificate reads PEM: a private key, and its certificate, in any order. Others, as of the authority that signed it,
// are ignored. Errors say nothing of what was read.
func parseCertificate(text string) (certificate, error) {
	var c certificate
	var chain []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE":
			one, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return c, errors.New("a certificate in it cannot be read")
			}
			chain = append(chain, one)
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return c, errors.New("its private key is encrypted: write it without a passphrase (openssl pkey), into a file that only this process may read")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, err := parseKey(block.Bytes)
			if err != nil {
				return c, err
			}
			c.key = key
		}
	}
	switch {
	case c.key == nil && len(chain) == 0:
		return c, errors.New("it is no PEM with a certificate and its private key; a .pfx is converted with openssl pkcs12 -nodes")
	case c.key == nil:
		return c, errors.New("it holds no private key: put that into the same file")
	case len(chain) == 0:
		return c, errors.New("it holds no certificate: put that into the same file")
	}
	for _, one := range chain {
		if c.key.PublicKey.Equal(one.PublicKey) {
			c.leaf = one
			return c, nil
		}
	}
	return c, errors.New("its private key is not that of a certificate in it")
}

func parseKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("its private key cannot be read, or is not RSA, which is all that Entra ID takes")
	}
	key, isRSA := parsed.(*rsa.PrivateKey)
	if !isRSA {
		return nil, errors.New("its private key is not RSA, which is all that Entra ID takes")
	}
	return key, nil
}

// assertionLife is how long an assertion is of use: enough for one request over a slow network.
const assertionLife = 10 * time.Minute

// assert signs that the bearer is the application, for one request to a token endpoint.
func (c certificate) assert(clientID, endpoint string, now time.Time) (string, error) {
	thumbprint := sha256.Sum256(c.leaf.Raw)
	header, err := json.Marshal(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumbprint[:])})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"aud": endpoint, "iss": clientID, "sub": clientID, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPSS(rand.Reader, c.key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return "", fmt.Errorf("sign with its private key: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
