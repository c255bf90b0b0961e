package sealed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"filippo.io/age"
)

// Identities is the path of a file with the identities that open sealed values: age identities (AGE-SECRET-KEY-1…), one a
// line, as [NewIdentity] and age-keygen write them. Empty: there are none.
//
// The file is read anew whenever a value is opened, so that identities are replaced without a restart.
type Identities string

// Variable is the environment variable by which a process is told the file. The command line alone reads it (--identity);
// services have it in their configuration.
const Variable = "PENSTOCK_IDENTITY"

// Open decrypts a value. The error says whether there is no identity, the file cannot be used, or none of its identities
// opens the value.
func (i Identities) Open(v Value) (string, error) {
	if i == "" {
		return "", &Fault{
			What: "it is sealed, and this process has no identity to open it with",
			Mend: "name the file of its age identity by " + Variable + " or --identity",
		}
	}
	identities, err := i.read()
	if err != nil {
		return "", err
	}
	data, err := v.binary()
	if err != nil {
		return "", &Fault{What: "the sealed value is damaged", Mend: "apply the environment's file again"}
	}
	all := make([]age.Identity, len(identities))
	for n, identity := range identities {
		all[n] = identity
	}
	r, err := age.Decrypt(bytes.NewReader(data), all...)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return "", i.mismatch(identities)
	}
	var plaintext []byte
	if err == nil {
		plaintext, err = io.ReadAll(r)
	}
	if err != nil {
		return "", &Fault{What: "the sealed value is damaged", Mend: "seal the secret again (`penstock seal`)"}
	}
	return string(plaintext), nil
}

// mismatch says what may be compared: age does not tell whom a value is sealed to, but whom we could open it for.
func (i Identities) mismatch(identities []*age.X25519Identity) error {
	var ours []string
	for _, identity := range identities {
		ours = append(ours, identity.Recipient().String())
	}
	what := "no identity in " + string(i) + " opens it: they are of " + strings.Join(ours, ", ")
	if len(ours) == 1 {
		what = "the identity in " + string(i) + " does not open it: it is of " + ours[0]
	}
	return &Fault{
		What: what, Mend: "add that recipient to recipients.txt, run `penstock reseal` with an identity that does open it, and apply; or name another file by " + Variable,
	}
}

func (i Identities) read() (identities []*age.X25519Identity, err error) {
	file := string(i)
	f, err := os.Open(file)
	if err != nil {
		return nil, &Fault{What: fmt.Sprintf("the identity file cannot be read: %v", err), Mend: "is it there, and may this process read it?", Err: err}
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, &Fault{What: fmt.Sprintf("the identity file cannot be read: %v", err), Mend: "is it there, and may this process read it?", Err: err}
	}
	// A group may read it, as volumes of Kubernetes are made; everybody may not. Windows has no such bits.
	if mode := info.Mode().Perm(); mode&0o007 != 0 && runtime.GOOS != "windows" {
		return nil, &Fault{What: fmt.Sprintf("the identity file %s is open to everybody (mode %04o)", file, mode), Mend: "chmod 600 " + file + ", and make a new identity if somebody else had a look"}
	}
	lines := bufio.NewScanner(io.LimitReader(f, most))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		identity, err := age.ParseX25519Identity(line)
		if err != nil { // which repeats the line
			return nil, &Fault{
				What: fmt.Sprintf("%s:%d: this is no identity of age", file, number),
				Mend: "leave nothing there but lines AGE-SECRET-KEY-1…, as `penstock identity` writes them",
			}
		}
		identities = append(identities, identity)
	}
	if err := lines.Err(); err != nil {
		return nil, &Fault{What: "the identity file " + file + " cannot be read to its end", Mend: "is it a file of `penstock identity`?", Err: err}
	}
	if len(identities) == 0 {
		return nil, &Fault{What: "there is no identity in " + file, Mend: "`penstock identity FILE` makes one"}
	}
	return identities, nil
}

// NewIdentity makes an identity and writes it into a new file that its owner alone may read. It returns the recipient,
// which is public. A file that is there already is never touched.
func NewIdentity(file string) (recipient string, err error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make an identity: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return "", &Fault{What: file + " is there already", Mend: "name another file: what was sealed to an identity is lost with it", Err: err}
	}
	if err != nil {
		return "", &Fault{What: fmt.Sprintf("the identity cannot be written: %v", err), Mend: "does the folder exist, and may you write there?", Err: err}
	}
	recipient = identity.Recipient().String()
	_, err = fmt.Fprintf(f, "# created: %s\n# public key: %s\n%s\n", time.Now().UTC().Format(time.RFC3339), recipient, identity)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("write the identity: %w", errors.Join(err, os.Remove(file)))
	}
	return recipient, nil
}
