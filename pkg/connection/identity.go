package connection

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

var guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// A user is an application user that Dataverse lets in.
type user struct {
	id     string // client id
	who    dataverse.Identity
	client *dataverse.Client
}

// user tests one application user. Whether its credential can be read needs no network; reached says that tokens can be
// asked for.
func (t *test) user(ctx context.Context, u spec.User, reached bool) {
	rest := []string{"token", "expiry", "whoami", "organization", "limits"}
	secret := "" // stays so for a certificate, whose end is read with it
	readable := t.step(ctx, "credential", u.ClientID, func() Step {
		if u.Certificate != (spec.Certificate{}) {
			return readCertificate(u.Certificate, t.Identities, t.Early)
		}
		var s Step
		secret, s = readSecret(u.ClientSecret, t.Identities)
		return s
	})
	if u.Certificate != (spec.Certificate{}) {
		rest = slices.DeleteFunc(rest, func(name string) bool { return name == "expiry" })
	}
	switch {
	case !reached:
		t.skipAll(rest, u.ClientID, "tokens cannot be asked for")
		return
	case !readable:
		t.skipAll(rest, u.ClientID, "there is no credential to show")
		return
	}
	client, err := dataverse.New(dataverse.Config{
		URL: t.Environment.URL, Tenant: t.Environment.Tenant, Authorities: t.Environment.Authorities(),
		ClientID: u.ClientID, Secret: u.ClientSecret.Reader(t.Identities), Certificate: u.Certificate.Reader(t.Identities), Request: t.Request, Connections: 4,
	})
	if err != nil {
		t.step(ctx, "token", u.ClientID, func() Step { return sayFault(err) })
		t.skipAll(rest[1:], u.ClientID, "there is no token")
		return
	}
	if !t.step(ctx, "token", u.ClientID, func() Step { return tokenStep(ctx, client, secret) }) {
		client.Close()
		t.skipAll(rest[1:], u.ClientID, "there is no token")
		return
	}
	if secret != "" {
		t.step(ctx, "expiry", u.ClientID, func() Step {
			registered, err := client.Credentials(ctx, graphOf(client.Host()))
			if err != nil {
				return expiryUnknown(err)
			}
			return expiryStep(registered, time.Now(), t.Early)
		})
	}
	in := user{id: u.ClientID, client: client}
	if !t.step(ctx, "whoami", u.ClientID, func() Step {
		var err error
		if in.who, err = client.WhoAmI(ctx); err != nil {
			return sayFault(err)
		}
		return passed("application user " + in.who.User)
	}) {
		client.Close()
		t.skipAll(rest[len(rest)-2:], u.ClientID, "Dataverse does not let the application user in")
		return
	}
	t.users = append(t.users, in)
	var limits dataverse.Limits
	if t.step(ctx, "organization", u.ClientID, func() Step {
		var s Step
		s, limits = t.organization(ctx, in)
		return s
	}) {
		t.step(ctx, "limits", u.ClientID, func() Step { return limitsStep(limits) })
	}
}

// tokenStep asks for a token that nobody had before: one that is kept would go on working for an hour after the secret has
// expired.
func tokenStep(ctx context.Context, client *dataverse.Client, secret string) Step {
	expires, err := client.FreshToken(ctx)
	if err == nil {
		return passed(fmt.Sprintf("a fresh one, good for %d minutes", int(time.Until(expires).Round(time.Minute)/time.Minute)))
	}
	s := sayFault(err)
	var fault *penstock.Error
	if _, known := dataverse.RemedyOf(s.Code); !known && errors.As(err, &fault) && fault.Kind == penstock.Transient {
		s.Saw = "Entra ID gives no token for now: " + s.Saw
	}
	if s.Code == "AADSTS7000215" && guid.MatchString(strings.TrimSpace(secret)) {
		s.Saw = "the secret's ID is configured in place of its value"
	}
	return s
}

func (t *test) organization(ctx context.Context, u user) (Step, dataverse.Limits) {
	org, limits, err := u.client.Organization(ctx)
	if err != nil {
		s := sayFault(err)
		s.State = Warned // nobody needs it for writing
		return s, limits
	}
	s := passed(fmt.Sprintf("%s, version %s, %s, id %s", org.Name, org.Version, org.Geo, org.ID))
	host := plainHost(u.client.Host())
	for _, other := range t.Others {
		c, err := dataverse.New(dataverse.Config{URL: other.URL, Authorities: other.Authorities(), ClientID: "nobody", Secret: func() (string, error) { return "", nil }})
		if err == nil && other.Name != t.Environment.Name && plainHost(c.Host()) == host {
			s = warned(fmt.Sprintf("%s (id %s) is environment %s too", org.Name, org.ID, other.Name),
				"two names for one environment share its limits, and their syncs overwrite each other: give each environment one file")
		}
	}
	return s, limits
}

func limitsStep(l dataverse.Limits) Step {
	var parts []string
	if l.RequestsLeft >= 0 {
		parts = append(parts, fmt.Sprintf("%d requests", l.RequestsLeft))
	}
	if l.SecondsLeft >= 0 {
		parts = append(parts, fmt.Sprintf("%.0f s of execution", l.SecondsLeft))
	}
	saw := "the answers say nothing of the limits"
	if len(parts) > 0 {
		saw = strings.Join(parts, " and ") + " left for now"
	}
	if l.DOPHint > 0 {
		saw += fmt.Sprintf("; %d requests at a time are recommended", l.DOPHint)
	}
	return passed(saw)
}
