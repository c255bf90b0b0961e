package dataversetest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// An Environment is what the suite runs against.
type Environment struct {
	URL    string        // https://contoso.crm4.dynamics.com
	Login  string        // where tokens come from: https://login.microsoftonline.com
	Tenant string        // directory id
	Users  []Credentials // the first is the one that the suite works as; it may write accounts and contacts, and read metadata

	// Guesses says that the environment follows what the reference only guesses (UNCONFIRMED). An emulator does, with its
	// defaults; of Dataverse itself nothing is asserted that is not known.
	Guesses bool

	// Variant makes another environment, which is different in one respect, for the length of the test. It is nil where that cannot be
	// done: then cases that need one are not applicable.
	Variant func(*testing.T, Variant) Environment
}

// Credentials are those of one app registration.
type Credentials struct{ ClientID, Secret string }

// A Variant is the wish for an environment that differs from the first one. Fields that are zero ask for nothing in particular.
type Variant struct {
	Users        []User       // application users, with credentials of the maker's choice; one that may do everything when empty
	Domain       string       // a verified domain name of the directory
	Organization Organization // state of the whole organisation

	Requests      int           // service protection limits
	ExecutionTime time.Duration //
	Concurrent    int           //
	Window        time.Duration //
	Latency       time.Duration // of each request, charged to the execution time
	Servers       int           // web servers, with limits of their own

	DuplicateRules map[string][]string // duplicate detection: by table the columns whose equal values make a duplicate
	Secured        map[string][]string // column security: by table the columns, for which the users have no permission
	NoConcurrency  string              // the table that has no optimistic concurrency
	Elastic        bool                // with the elastic table new_event: new_eventid, new_name, new_code (alternate key), new_note
}

// A User is an application user of a Variant.
type User struct {
	State UserState
	Lacks []string          // privileges by name; every other one is held
	Depth map[string]string // privileges that are held with a depth less than Global: Basic, Local or Deep
	Apart bool              // belongs to a business unit beside the others'
}

// UserState is what keeps a user out altogether (section 1.4).
type UserState int

// The states of a user.
const (
	Enabled UserState = iota
	Missing
	Disabled
	WithoutRoles
	WithoutLicence
	Restricted
	SecretExpired // it is Entra that refuses this one
	AppDisabled   // and this one
)

// Organization is what keeps everyone out (section 1.4).
type Organization int

// The states of an organisation.
const (
	Open Organization = iota
	Administration
	Closed
)

// A need is something that not every environment has. A case names its needs; where one is not met it is reported as not applicable.
type need string

const (
	variants need = "an environment made for the case"
	guesses  need = "an environment that follows the reference's guesses"
)

// table is the need for a table, by logical name.
func table(name string) need { return need("table " + name) }

// key is the need for an active alternate key of exactly these columns.
func key(table string, columns ...string) need {
	return need("key " + table + "(" + strings.Join(columns, ",") + ")")
}

// withDefaults checks the environment, and brings its addresses into one form.
func (e Environment) withDefaults() (Environment, error) {
	for _, at := range []*string{&e.URL, &e.Login} {
		*at = strings.TrimRight(*at, "/")
		if u, err := url.Parse(*at); err != nil || u.Host == "" {
			return e, fmt.Errorf("dataversetest: %q is not the address of a host", *at)
		}
	}
	if len(e.Users) == 0 || e.Tenant == "" {
		return e, fmt.Errorf("dataversetest: %s: tenant and credentials are required", e.URL)
	}
	return e, nil
}
