package dataverse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// unreachable explains an exchange that ended without an answer. Sent says that something which changes data may have
// reached the other side, so that nobody knows what became of it.
func unreachable(op string, err error, sent bool) *penstock.Error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the address, which op names already
	}
	f := &penstock.Error{Op: op, Kind: penstock.Transient, Err: err}
	var (
		dns    *net.DNSError
		record tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, context.Canceled):
		f.Kind = penstock.NotExecuted
	case errors.Is(err, context.DeadlineExceeded):
		f.Err = fmt.Errorf("no answer in time: %w", err)
	case errors.As(err, &dns) && dns.IsNotFound:
		f.Err = fmt.Errorf("there is no host %q: %w", dns.Name, err)
		f.Hint = "is the environment's URL right?"
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Hint = "nothing listens at that address: is the environment's URL right, does a firewall stand between?"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		f.Kind, f.Hint = penstock.SystemFault, "the server does not speak TLS at that port: is the environment's URL right?"
	default:
		if what, hint := certificateFault(err); what != "" {
			f.Kind, f.Hint, f.Err = penstock.SystemFault, hint, explained{what, err}
		}
	}
	if sent {
		f.Kind = penstock.Unanswered
	}
	return f
}

// An explained error reads as its explanation, and is still what it was.
type explained struct {
	what string
	error
}

func (e explained) Error() string { return e.what }
func (e explained) Unwrap() error { return e.error }
