package connection

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// readSecret reads the client secret as every request for a token does. Nothing of it comes into the step.
func readSecret(where spec.Secret, keys sealed.Identities) (string, Step) {
	value, err := where.Read(keys)
	switch {
	case where.Sealed != "" && err != nil:
		return "", unopened("client secret", err)
	case where.Env != "" && err != nil:
		if _, set := os.LookupEnv(where.Env); !set {
			return "", failed(fmt.Sprintf("the client secret is not there: the variable %s is not set", where.Env), "set it in the environment of the process that runs Penstock")
		}
		return "", failed(fmt.Sprintf("the client secret is empty: the variable %s holds nothing", where.Env), "put the secret's Value there")
	case errors.Is(err, os.ErrNotExist):
		return "", failed("the client secret is not there: there is no file "+where.File, "put the secret's Value into that file, or name another in the environment's file")
	case errors.Is(err, os.ErrPermission):
		return "", failed("the client secret cannot be read: this process may not open "+where.File, "let the user that runs Penstock read the file")
	case err != nil && where.File != "":
		if info, gone := os.Stat(where.File); gone == nil && info.Mode().IsRegular() {
			return "", failed("the client secret is empty: there is nothing in "+where.File, "put the secret's Value into that file")
		}
		return "", failed(strings.TrimPrefix(err.Error(), "client secret: "), "check client_secret in the environment's file")
	case err != nil:
		return "", failed(err.Error(), "check client_secret in the environment's file")
	}
	switch {
	case guid.MatchString(strings.TrimSpace(value)):
		return value, warned("the client secret looks like the secret's ID, not its value", "configure the Value that Entra shows once, when the secret is made")
	case strings.ContainsAny(value, "\r\n"):
		return value, warned("the client secret has several lines", "leave nothing but the secret's Value in "+where.String())
	case strings.TrimSpace(value) != value:
		return value, warned("there is a blank before or after the client secret, which is sent with it", "remove it from "+where.String())
	}
	return value, passed("a client secret in " + where.String())
}

// readCertificate reads the certificate as every request for a token does, and looks at its end.
func readCertificate(where spec.Certificate, keys sealed.Identities, early time.Duration) Step {
	const who = "an owner of the application: make a new certificate, upload it " + dataverse.AtRegistration + ", and configure it with its key"
	text, err := where.Read(keys)
	switch {
	case where.Sealed != "" && err != nil:
		return unopened("certificate", err)
	case errors.Is(err, os.ErrNotExist):
		return failed("the certificate is not there: there is no file "+where.File, "put certificate and private key, as PEM, into that file, or name another in the environment's file")
	case errors.Is(err, os.ErrPermission):
		return failed("the certificate cannot be read: this process may not open "+where.File, "let the user that runs Penstock read the file")
	case err != nil:
		return failed(strings.TrimPrefix(err.Error(), "certificate: "), "check certificate in the environment's file")
	}
	c, err := dataverse.ReadCertificate(text)
	if err != nil {
		return failed("the certificate in "+where.String()+" cannot be used: "+err.Error(), "put certificate and private key, as PEM, there")
	}
	ends := c.NotAfter.UTC().Format(time.DateOnly)
	switch left := time.Until(c.NotAfter); {
	case time.Now().Before(c.NotBefore):
		return failed("the certificate is not valid before "+c.NotBefore.UTC().Format(time.RFC3339), "whoever runs this machine: is its clock right?")
	case left <= 0:
		return failed("the certificate has expired on "+ends, who)
	case left < early:
		return warned(fmt.Sprintf("the certificate expires %s, on %s", inDays(left), ends), who)
	}
	return passed("a certificate with its key in " + where.String() + ", until " + ends)
}

// unopened says why a sealed credential stays sealed.
func unopened(what string, err error) Step {
	if fault := (*sealed.Fault)(nil); errors.As(err, &fault) {
		return failed("the "+what+" cannot be opened: "+fault.What, fault.Mend)
	}
	return failed(err.Error(), "seal it again (`penstock seal`)") // it holds nothing
}

// expiryUnknown says why nobody knows when the secret expires. That an application may not look is usual.
func expiryUnknown(err error) Step {
	var fault *penstock.Error
	if errors.As(err, &fault) && fault.Code == "Authorization_RequestDenied" {
		return skipped("the application may not read its own registration in Microsoft Graph, which would tell when its secret expires")
	}
	return skipped("when the secret expires is not known: " + err.Error())
}

// graphOf is the host of Microsoft Graph in an environment's cloud.
func graphOf(host string) string {
	if cloud, found := dataverse.CloudOf(host); found && cloud.Graph != "" {
		return cloud.Graph
	}
	return "graph.microsoft.com"
}

// expiryStep finds the configured secret among those of the registration, by how it begins, and says when it expires. Those
// that have expired are not it: a token was just given for it.
func expiryStep(registered []dataverse.Credential, now time.Time, early time.Duration) Step {
	var all, alike []dataverse.Credential
	for _, r := range registered {
		if r.Certificate || !r.Ends.IsZero() && !now.Before(r.Ends) {
			continue
		}
		all = append(all, r)
		if r.Ours {
			alike = append(alike, r)
		}
	}
	if len(alike) == 0 {
		alike = all
	}
	if len(alike) == 0 {
		return skipped("the registration lists no secret that is good now")
	}
	first := time.Time{}
	for _, r := range alike {
		if !r.Ends.IsZero() && (first.IsZero() || r.Ends.Before(first)) {
			first = r.Ends
		}
	}
	what := "the client secret"
	if len(alike) > 1 {
		what = fmt.Sprintf("one of %d client secrets that it may be", len(alike))
	}
	if first.IsZero() {
		return passed("the client secret does not expire")
	}
	saw := fmt.Sprintf("%s expires %s, on %s", what, inDays(first.Sub(now)), first.UTC().Format(time.DateOnly))
	if first.Sub(now) < early {
		return warned(saw, "an owner of the application: make a new one before that "+dataverse.AtRegistration+", and configure its Value")
	}
	return passed(saw)
}

// inDays is a time to come as people say it.
func inDays(d time.Duration) string {
	switch days := int(d / (24 * time.Hour)); days {
	case 0:
		return "within a day"
	case 1:
		return "in a day"
	default:
		return fmt.Sprintf("in %d days", days)
	}
}
