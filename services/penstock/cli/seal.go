package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func (c *commandLine) identityCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "identity FILE",
		Short: "Make an age identity, which opens sealed secrets",
		Long: "Identity writes a new age identity into FILE, which its owner alone may read, and prints the recipient that belongs to\n" +
			"it. The recipient is public and goes into " + sealed.RecipientsFile + " at the top of the folder; the identity stays with the\n" +
			"services that open what is sealed, and is told them by " + sealed.Variable + ". A file that is there is not touched.",
		Example: "  penstock identity penstock.identity >> " + sealed.RecipientsFile,
		Args:    wants("one file", 1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			recipient, err := sealed.NewIdentity(args[0])
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]string{"file": args[0], "recipient": recipient})
			}
			return c.print("%s\n", recipient)
		},
	}
}

func (c *commandLine) seal() *cobra.Command {
	var into, user string
	var certificate bool
	cmd := &cobra.Command{
		Use:   "seal [DIR]",
		Short: "Seal a client secret for the recipients of a folder",
		Long: "Seal reads a client secret from the terminal, without showing it, or from its standard input, and encrypts it with age\n" +
			"to all recipients in DIR/" + sealed.RecipientsFile + " (default: here). It prints the lines to paste below the application user,\n" +
			"or writes them: --into names the environment's file, --user the application user by its client id.\n\n" +
			"With --certificate it is a PEM with a certificate and its private key.",
		Example: "  penstock seal ./penstock\n  penstock seal ./penstock --into environments/prod.yaml --user c91bf891-e59c-41c0-971e-21fd84d20cc3 < secret\n  penstock seal ./penstock --certificate < penstock.pem",
		Args:    aFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (into == "") != (user == "") {
				return errors.New("--into and --user go together: the environment's file, and the client id of the application user in it")
			}
			dir := directory(args)
			recipients, err := sealed.LoadRecipients(dir)
			if err != nil {
				return err
			}
			key, what := spec.ClientSecretKey, "Client secret"
			if certificate {
				key, what = spec.CertificateKey, "Certificate and key"
			}
			plaintext, err := c.typed(cmd.Context(), cmd.InOrStdin(), what, certificate)
			if err != nil {
				return err
			}
			v, err := sealed.Seal(plaintext, recipients)
			if err != nil {
				return err
			}
			if into == "" {
				if c.json {
					return c.document(map[string]any{"key": key, "sealed": string(v), "recipients": recipients})
				}
				return c.print("%s", spec.SealedBlock(key, v, 4))
			}
			if !filepath.IsAbs(into) {
				into = filepath.Join(dir, into)
			}
			data, err := os.ReadFile(into)
			if err != nil {
				return fmt.Errorf("read the environment's file: %w", err)
			}
			if data, err = spec.SealInto(into, data, user, key, v); err != nil {
				return err
			}
			if err := rewrite(map[string][]byte{into: data}); err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"file": into, "user": user, "key": key, "recipients": recipients})
			}
			return c.print("%s: %s of %s is sealed to %s; `penstock apply` makes it known\n", into, key, user, people(len(recipients)))
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "write it into this file, relative to DIR")
	cmd.Flags().StringVar(&user, "user", "", "for the application user with this client id")
	cmd.Flags().BoolVar(&certificate, "certificate", false, "seal a PEM with certificate and private key")
	return cmd
}

// typed reads what is to be sealed. No error repeats it.
func (c *commandLine) typed(ctx context.Context, in io.Reader, what string, certificate bool) (string, error) {
	const most = 32 << 10
	var data []byte
	var err error
	f, isFile := in.(*os.File)
	switch terminal := isFile && term.IsTerminal(int(f.Fd())); {
	case terminal && certificate: // whose many lines a terminal would show
		return "", errors.New("a certificate comes from a file: penstock seal --certificate < penstock.pem")
	case terminal:
		data, err = c.prompted(ctx, f, what)
	default:
		data, err = io.ReadAll(io.LimitReader(in, most+1))
	}
	if err != nil {
		return "", fmt.Errorf("read what to seal: %w", err)
	}
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case text == "":
		return "", errors.New("there is nothing to seal; type the secret, or give it on the standard input: penstock seal < file")
	case len(text) > most:
		return "", fmt.Errorf("what is to be sealed is longer than %d KiB; is it the right file?", most>>10)
	case certificate:
		if _, err := dataverse.ReadCertificate(text); err != nil {
			return "", fmt.Errorf("this is no PEM with a certificate and its private key: %w", err)
		}
		return text + "\n", nil
	case strings.Contains(text, "-----BEGIN "):
		return "", errors.New("this is a PEM, not a client secret; --certificate seals a certificate with its key")
	case strings.ContainsAny(text, "\r\n"):
		return "", errors.New("the secret has several lines; give its Value alone")
	case len(text) == 36 && uuid.Validate(text) == nil:
		return "", errors.New("this looks like the secret's ID, which is not secret and opens nothing; seal the Value, which Entra shows once, when the secret is made")
	case strings.TrimSpace(text) != text:
		return "", errors.New("there is a blank before or after the secret, which would be sent with it; give its Value alone")
	}
	return text, nil
}

// prompted reads from a terminal that does not show it. The terminal is as before when it is interrupted, too.
func (c *commandLine) prompted(ctx context.Context, f *os.File, what string) ([]byte, error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(c.err, "%s (not shown): ", what); err != nil {
		return nil, err
	}
	type line struct {
		data []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		data, err := term.ReadPassword(fd)
		read <- line{data, err}
	}()
	select {
	case l := <-read:
		_, err := fmt.Fprintln(c.err)
		return l.data, errors.Join(l.err, err)
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

func people(n int) string {
	if n == 1 {
		return "1 recipient"
	}
	return fmt.Sprintf("%d recipients", n)
}
