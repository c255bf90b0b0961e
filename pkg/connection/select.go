package connection

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Select picks out of a deployment's files what is to be tested: an environment, one of its syncs or all (""), one of its
// application users, by client id, or all (""). A name that is not there is an error that says which ones are.
func Select(environments []spec.Environment, syncs []spec.Sync, environment, sync, user string) (Input, error) {
	var in Input
	var names []string
	for _, e := range environments {
		names = append(names, e.Name)
		if e.Name == environment {
			in.Environment = e
		} else {
			in.Others = append(in.Others, e)
		}
	}
	if in.Environment.Name == "" {
		return in, unknown("there is no environment "+environment, environment, names)
	}
	names = nil
	for _, s := range syncs {
		if s.To.Environment != environment {
			continue
		}
		names = append(names, s.Name)
		if sync == "" || s.Name == sync {
			in.Syncs = append(in.Syncs, s)
		}
	}
	if sync != "" && len(in.Syncs) == 0 {
		return in, unknown(fmt.Sprintf("environment %s has no sync %s", environment, sync), sync, names)
	}
	names = nil
	var users []spec.User
	for _, u := range in.Environment.Users {
		names = append(names, u.ClientID)
		if user == "" || strings.EqualFold(u.ClientID, user) {
			users = append(users, u)
		}
	}
	if len(users) == 0 && user != "" {
		return in, unknown(fmt.Sprintf("environment %s has no application user with the client id %s", environment, user), user, names)
	}
	in.Environment.Users = users
	slices.SortStableFunc(in.Syncs, func(a, b spec.Sync) int { return strings.Compare(a.Name, b.Name) })
	return in, nil
}

func unknown(what, word string, known []string) error {
	if mend := document.DidYouMean(word, known); mend != "" {
		return fmt.Errorf("%s; %s", what, mend)
	}
	return fmt.Errorf("%s", what)
}
