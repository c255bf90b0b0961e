// Package sealed keeps secrets in files that everybody may read: a value is encrypted with age (age-encryption.org) to
// recipients, which are public, and opened with one of their identities, which are not.
//
// A sealed value is ASCII-armored, so that it stands in YAML as a block and `age -d` opens it. No error, and no way of
// printing, shows a plaintext, an identity or a sealed value.
package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// A Value is a sealed secret: an armored age file that ends in a line end, as [Seal] and [Parse] make it. It may be stored
// anywhere, and prints as what it is, not as what it holds.
type Value string

// String does not show the value.
func (v Value) String() string { return "a sealed value" }

// GoString does not show the value.
func (v Value) GoString() string { return "sealed.Value(…)" }

// LogValue does not show the value.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// most bounds a sealed value in bytes: a certificate with its chain, sealed to hundreds of recipients, is smaller.
const most = 64 << 10

// A Fault says why something cannot be sealed or opened, and what to do about it.
type Fault struct {
	What, Mend string
	Err        error // may be nil
}

// Error is both, in one line.
func (f *Fault) Error() string { return f.What + "; " + f.Mend }

// Unwrap gives what the system said.
func (f *Fault) Unwrap() error { return f.Err }

// Seal encrypts a secret to all recipients. The plaintext is not kept.
func Seal(plaintext string, to Recipients) (Value, error) {
	if len(to) == 0 {
		return "", &Fault{What: "there is nobody to seal to", Mend: "`penstock identity FILE` makes an identity and prints its recipient"}
	}
	recipients := make([]age.Recipient, len(to))
	for i, text := range to {
		r, err := recipient(text)
		if err != nil {
			return "", err
		}
		recipients[i] = r
	}
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, recipients...)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	_, err = io.WriteString(w, plaintext)
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return Parse(out.String())
}

// Parse reads a sealed value as somebody wrote it into a file, and looks whether it is whole, as far as that can be seen
// without an identity: armor and header, not the message. Its faults repeat nothing of what was written.
func Parse(text string) (Value, error) {
	const again = "write it as a block (sealed: |), exactly as `penstock seal` prints it"
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case len(text) > most:
		return "", &Fault{What: fmt.Sprintf("it is longer than %d KiB", most>>10), Mend: "seal a secret or a certificate, nothing larger"}
	case !strings.HasPrefix(text, armor.Header):
		return "", &Fault{What: "it does not begin with " + armor.Header, Mend: again}
	case !strings.HasSuffix(text, armor.Footer):
		return "", &Fault{What: "it does not end with " + armor.Footer, Mend: again}
	}
	v := Value(text + "\n")
	if _, err := v.stanzas(); err != nil {
		return "", &Fault{What: "its text is damaged", Mend: again}
	}
	return v, nil
}

// Recipients is how many recipients the value is sealed to. Which ones they are, age does not tell.
func (v Value) Recipients() int {
	all, _ := v.stanzas() // Parse has seen that it can be read
	return len(all)
}

// stanzas reads the header, and everything after it for the sake of the armor.
func (v Value) stanzas() ([]*age.Stanza, error) {
	data, err := v.binary()
	if err != nil {
		return nil, err
	}
	var seen observer
	_, err = age.Decrypt(bytes.NewReader(data), &seen)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return seen.stanzas, nil
	}
	return nil, errors.Join(err, errors.New("no header"))
}

// binary takes the armor off.
func (v Value) binary() ([]byte, error) {
	return io.ReadAll(armor.NewReader(strings.NewReader(string(v))))
}

// An observer is an identity that opens nothing, and remembers what it was shown.
type observer struct{ stanzas []*age.Stanza }

// Unwrap refuses.
func (o *observer) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	o.stanzas = stanzas
	return nil, age.ErrIncorrectIdentity
}
